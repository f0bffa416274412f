"""The mode of the posterior, and a Gaussian about it: what rows say of parameters, slopes, effects and knots of the discrepancy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from bayes_scaling import discrepancy
from bayes_scaling.functions import on_arrays
from bayes_scaling.model import (
    NOISE_SD,
    Model,
    departures,
    evaluate,
    joint_slopes,
    model_inputs,
    owners,
    residual,
    term_name,
    varyings,
)
from bayes_scaling.parameters import Prior, distribution, link, median

STEPS = 30
WORST = 1e3
"""Rows are cut off at so many standard deviations, where a trial point gives no loss at all."""

KNOTS = "knots"
"""What the whitened knots of the discrepancy are called here."""

ROUNDS, NU = 4, 3.0
"""Rows under Student-t noise are weighted anew so many times, as for so many degrees of freedom."""
SMALLEST = 0.2
"""Of the scale that the prior of the noise expects: the least that the scale of rows is taken for."""


@dataclass(frozen=True)
class Mode:
    """A Gaussian about the posterior's mode, in standard deviations of the priors: of parameters, slopes and effects.

    places: name -> where it is in the vectors; scales: name -> standard deviation of its prior, on the link scale.
    at: the mode; left: of each row, on the scale of the noise. information, linear: J'WJ and J'W (r + J at), of what the rows
        say alone. precision: of rows, on average.
    """

    places: Mapping[str, slice]
    scales: Mapping[str, float]
    at: np.ndarray
    left: np.ndarray
    information: np.ndarray
    linear: np.ndarray
    precision: float

    def of(self, names: Iterable[str]) -> np.ndarray:
        """Return where names are in the vectors, one after the other."""
        return np.concatenate([np.arange(len(self.at))[self.places[name]] for name in names] or [np.empty(0, int)])


def find_mode(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Mode]:
    """Return the weight of each row, and the mode: with every scale held at what its prior expects.

    Under Student-t noise a row that lies t scales off is worth (nu + 1) / (nu + t^2) rows, found by weighting again and again
    (Lange, Little and Taylor 1989); under normal noise every row is worth one.

    levels: group -> its levels.
    """
    weights = np.ones(len(arrays["response"]))
    mode = _mode(model, arrays, levels, weights)
    if model.noise.distribution == "normal":
        return weights, mode
    least = SMALLEST * median(owners(model)[NOISE_SD].prior)
    for _ in range(ROUNDS):
        scale = max(1.4826 * float(np.median(np.abs(mode.left))), least)
        weights = (NU + 1.0) / (NU + (mode.left / scale) ** 2)
        mode = _mode(model, arrays, levels, weights)
    return weights, mode


def _knots(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what each whitened knot of the discrepancy adds to rows, its scales being what their priors expect."""
    if not model.discrepancy:
        return np.empty((len(arrays["response"]), 0))
    middle = {name: np.array([median(prior)]) for name, prior in discrepancy.scales(departures(model)).items()}
    return np.asarray(arrays[discrepancy.WEIGHTS] @ discrepancy.joint_root(departures(model), middle, arrays, levels)[0])


def _mode(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray], weights: np.ndarray) -> Mode:
    from scipy.optimize import least_squares

    effects = {term_name(owner, term): term.sd for owner, term in varyings(model) if owner != NOISE_SD}
    shapes = {term_name(owner, term): tuple(len(levels[dim]) for dim in term.dims) for owner, term in varyings(model)}
    slopes = joint_slopes(model)
    sizes = dict.fromkeys([*model.parameters, *slopes], 1) | {name: prod(shapes[name]) for name in effects}
    knots = _knots(model, arrays, levels)
    sizes |= {KNOTS: knots.shape[1]}
    ends = np.cumsum(list(sizes.values()))
    logs = {name: arrays[f"log_{name}"].T for name in model_inputs(model)}  # parts of a fall stand before rows
    worth, shared = independent(model, arrays), median(owners(model)[NOISE_SD].prior)
    sd = np.sqrt(shared**2 + arrays.get("reading_error", 0.0) ** 2 + worth * _white(model, arrays) ** 2)
    weight = np.sqrt(worth * weights) / sd

    def departures(z: np.ndarray) -> np.ndarray:
        """Return what a trial point, in standard deviations of its priors, leaves of the rows and of the priors."""
        parts = dict(zip(sizes, np.split(z, ends[:-1]), strict=True))
        draws: dict[str, Any] = {name: _value(owners(model)[name].prior, parts[name][0]) for name in model.parameters}
        draws |= {name: scale * parts[name][0] for name, scale in slopes.items()}
        cells = {name: (scale * parts[name]).reshape(shapes[name]) for name, scale in effects.items()}

        def level(owner: str, term: Any) -> Any:
            return cells[term_name(owner, term)][tuple(arrays[f"index_{dim}"] for dim in term.dims)]

        with np.errstate(all="ignore"):
            loss = evaluate(model, draws, logs, level, on_arrays(1))
            centre = np.log(loss) if model.noise.on == "log_loss" else loss
            left = (arrays["response"] - centre - residual(model, level) - knots @ parts[KNOTS]) * weight
        return np.concatenate([np.clip(np.nan_to_num(left, nan=WORST), -WORST, WORST), z])

    mode = least_squares(departures, np.zeros(ends[-1]), method="trf", x_scale=1.0, max_nfev=STEPS)
    rows = len(arrays["response"])
    jacobian, left = np.asarray(mode.jac)[:rows], mode.fun[:rows]
    information = jacobian.T @ jacobian
    return Mode(
        places={name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends.tolist(), strict=True)},
        scales={name: spread_of(owners(model)[name].prior) for name in model.parameters} | slopes | effects | {KNOTS: 1.0},
        at=mode.x,
        left=left / weight,
        information=information,
        linear=information @ mode.x - jacobian.T @ left,
        precision=float(np.mean(np.broadcast_to(1.0 / sd**2, rows))),
    )


def without(mode: Mode, names: Sequence[str]) -> Mode:
    """Return what the rows say of all but some effects, which are left as open as their priors and the rows leave them."""
    if not names:
        return mode
    names = [name for name in names if name in mode.places]
    gone, kept = mode.of(names), mode.of(name for name in mode.places if name not in names)
    across = mode.information[np.ix_(kept, gone)]
    gain = np.linalg.solve(np.eye(len(gone)) + mode.information[np.ix_(gone, gone)], across.T).T
    places, start = {}, 0
    for name, place in mode.places.items():
        if name not in names:
            places[name] = slice(start, start + place.stop - place.start)
            start = places[name].stop
    information = mode.information[np.ix_(kept, kept)] - gain @ across.T
    return replace(
        mode, places=places, at=mode.at[kept], information=information, linear=mode.linear[kept] - gain @ mode.linear[gone]
    )


def independent(model: Model, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how many independent rows each row is worth: less than one where it resembles the row before it."""
    if model.noise.correlation is None:
        return np.ones(len(arrays["response"]))
    worth: np.ndarray = np.tanh(arrays["gap"] / median(model.noise.correlation.length) / 2)
    return worth


def _white(model: Model, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the scale of what rows scatter by on their own, beside what neighbours share; 0 where all is one."""
    correlation = model.noise.correlation
    return 0.0 if correlation is None or correlation.white is None else median(correlation.white) / np.sqrt(arrays["count"])


def spread_of(prior: Prior) -> float:
    """Return about how uncertain a prior is on the link scale."""
    kind, of = distribution(prior)
    return float(of["sigma"]) if kind in ("Normal", "LogNormal") else 1.0


def _value(prior: Prior, z: float) -> float:
    """Return the parameter that lies z standard deviations from its prior's median, on the link scale."""
    step = spread_of(prior) * z
    return float(median(prior) * np.exp(step)) if link(prior) == "log" else median(prior) + step
