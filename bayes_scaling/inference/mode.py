"""The mode of the posterior, and a Gaussian about it: what rows say of parameters, slopes, effects and knots."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.quantiles import MAD_TO_SD
from bayes_scaling.model import discrepancy, gaussian_process as gp
from bayes_scaling.model.evaluation import evaluate, group_effects
from bayes_scaling.model.names import NOISE_SD, own_names, term_name
from bayes_scaling.model.noise import heavy_tailed
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import ByLevel
from bayes_scaling.model.parametrization import joint_slopes
from bayes_scaling.model.priors import Prior, distribution, link, median
from bayes_scaling.model.specification import Model, discrepancy_terms, model_inputs, parameters_with_priors, varyings

STEPS = 30
"""Evaluations of the search at most: it has to come near the mode, not to it."""
WORST = 1e3
"""Rows are cut off at so many standard deviations, where a trial point gives no loss at all."""

KNOTS = "discrepancy_knots"
"""What whitened knots are called beside parameters, none of which can have the name."""

ROUNDS, NU = 4, 3.0
"""Rows under Student-t noise, and with outliers, are weighted anew so many times, as for so many degrees of freedom."""
DIFFERENCE = 1e-6
"""Step of finite differences, in standard deviations of a prior."""
BLOCK = 2**22
"""So many numbers are held at a time, points by rows."""
MOST_TIMES = 100.0
"""What rows say is taken for so many times more or less at most than at the scale that their prior expects."""
SMALLEST = 0.2
"""Of the scale that the prior of the noise expects: the least that the scale of rows is taken for."""


@dataclass(frozen=True)
class Mode:
    """A Gaussian about the posterior's mode, in standard deviations of the priors: of parameters, slopes and effects.

    Parameters
    ----------
    places
        Name -> where it is in the vectors.
    scales
        Name -> standard deviation of its prior, on the link scale.
    at
        The mode.
    left
        Of each row, on the scale of the noise.
    information, linear
        J'WJ and J'W (r + J at), of what the rows say alone.
    precision
        Of rows, on average.
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

    Under Student-t noise, and with outliers, a row that lies t scales off is worth (nu + 1) / (nu + t^2) rows, found by
    weighting again and again (Lange, Little and Taylor 1989); under normal noise every row is worth one.

    Parameters
    ----------
    levels
        Group -> its levels.
    """
    trial, worth = _trial(model, arrays, levels), independent(model, arrays)
    sd = _row_scale(model, arrays, worth)
    weights = np.ones(len(sd))
    mode = _mode(replace(trial, weight=np.sqrt(worth) / sd), np.zeros(trial.places[KNOTS].stop))
    least = SMALLEST * median(parameters_with_priors(model)[NOISE_SD].prior)
    for _ in range(ROUNDS if heavy_tailed(model.noise) else 0):
        scale = max(MAD_TO_SD * float(np.median(np.abs(mode.left))), least)
        weights = (NU + 1.0) / (NU + (mode.left / scale) ** 2)
        mode = _mode(replace(trial, weight=np.sqrt(worth * weights) / sd), mode.at)
    mode = replace(mode, precision=float(np.mean(1.0 / sd**2)))
    return weights, _at_scale(mode, float(np.median(_marginal_scale(model, arrays))), weights)


def _at_scale(mode: Mode, expected: float, weights: np.ndarray) -> Mode:
    """Return what rows say at the scale that they scatter by about the mode, where their prior expects another.

    Parameters
    ----------
    expected
        The scale of a row's scatter that was taken, all of it.
    """
    used = np.trace(np.linalg.solve(np.eye(len(mode.at)) + mode.information, mode.information))
    free = max(len(mode.left) - used, 1.0)
    times = float(np.clip(expected**2 * free / max(np.sum(weights * mode.left**2), 1e-300), 1.0 / MOST_TIMES, MOST_TIMES))
    return replace(mode, information=times * mode.information, linear=times * mode.linear, precision=times * mode.precision)


def _knots(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what each whitened knot of the discrepancy adds to rows, its scales being what their priors expect."""
    if not model.discrepancy:
        return np.empty((len(arrays["response"]), 0))
    middle = {name: np.array([median(prior)]) for name, prior in discrepancy.scales(discrepancy_terms(model)).items()}
    return np.asarray(arrays[gp.WEIGHTS] @ gp.joint_root(discrepancy_terms(model), middle, arrays, levels)[0])


@dataclass(frozen=True)
class _Trial:
    """What a trial point leaves of rows; points are vectors in standard deviations of the priors, as in `Mode`.

    Parameters
    ----------
    priors
        Parameter of the law -> its prior.
    slopes_of
        Slope -> standard deviation of its prior.
    scales
        Name -> standard deviation of the prior.
    shapes
        Of effects, the sizes of their groups.
    knots
        What each whitened knot adds to rows.
    weight
        Root of what each row is worth, over its scale.
    """

    model: Model
    priors: Mapping[str, Prior]
    slopes_of: Mapping[str, float]
    arrays: Mapping[str, np.ndarray]
    places: Mapping[str, slice]
    scales: Mapping[str, float]
    shapes: Mapping[str, tuple[int, ...]]
    knots: np.ndarray
    weight: np.ndarray

    def rows(self, z: np.ndarray) -> np.ndarray:
        """Return what is left of rows at points, one a row of z, in standard deviations of the noise."""
        model, arrays = self.model, self.arrays
        parts = {name: z[:, place] for name, place in self.places.items()}
        draws = {name: _value(prior, parts[name]) for name, prior in self.priors.items()}
        draws |= {name: scale * parts[name] for name, scale in self.slopes_of.items()}
        logs = {name: arrays[f"log_{name}"] for name in model_inputs(model)}
        logs = {name: of.T[:, None, :] if of.ndim > 1 else of for name, of in logs.items()}  # parts of a fall stand first

        def level(owner: str, term: Any) -> np.ndarray:
            name = term_name(owner, term)
            cells = (self.scales[name] * parts[name]).reshape(len(z), *self.shapes[name])
            if isinstance(term, ByLevel):
                mean, sd = (arrays[own] for own in own_names(owner, term))
                cells = mean + sd * cells
            at: tuple[Any, ...] = (slice(None), *(arrays[f"index_{dim}"] for dim in term.dims))
            return np.asarray(cells[at])

        with np.errstate(all="ignore"):
            loss = evaluate(model, draws, logs, level, on_arrays(2))
            centre = on_scale(loss, model.noise.on)
            left = (arrays["response"] - centre - group_effects(model, level) - parts[KNOTS] @ self.knots.T) * self.weight
        return np.asarray(np.clip(np.nan_to_num(left, nan=WORST), -WORST, WORST))

    def residuals(self, z: np.ndarray) -> np.ndarray:
        """Return what a point leaves of the rows and of the priors."""
        return np.concatenate([self.rows(z[None])[0], z])

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """Return the derivatives of `residuals`: knots enter linearly, others by differences."""
        count = len(z) - self.knots.shape[1]
        points = z + np.eye(count, len(z)) * DIFFERENCE
        at, step = self.rows(z[None]), max(1, BLOCK // len(self.weight))
        moved = [self.rows(points[start : start + step]) for start in range(0, count, step)]
        differences = (np.concatenate([np.empty((0, len(self.weight))), *moved]) - at) / DIFFERENCE
        linear = -self.weight[:, None] * self.knots
        return np.concatenate([np.concatenate([differences.T, linear], axis=1), np.eye(len(z))])


def _mode(trial: _Trial, start: np.ndarray) -> Mode:
    """Return where the search ends, with what the rows say of the places there."""
    from scipy.optimize import least_squares

    found = least_squares(trial.residuals, start, trial.slopes, method="trf", max_nfev=STEPS)
    rows = len(trial.weight)
    jacobian, left = np.asarray(found.jac)[:rows], found.fun[:rows]
    information = jacobian.T @ jacobian
    return Mode(
        places=trial.places,
        scales=trial.scales,
        at=found.x,
        left=left / trial.weight,
        information=information,
        linear=information @ found.x - jacobian.T @ left,
        precision=1.0,
    )


def _trial(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> _Trial:
    """Return a trial whose rows are worth nothing yet."""
    effects = {term_name(owner, term): term for owner, term in varyings(model) if owner != NOISE_SD}
    shapes = {name: tuple(len(levels[dim]) for dim in term.dims) for name, term in effects.items()}
    slopes, knots = joint_slopes(model), _knots(model, arrays, levels)
    sizes = dict.fromkeys([*model.parameters, *slopes], 1) | {name: prod(of) for name, of in shapes.items()}
    sizes |= {KNOTS: knots.shape[1]}
    ends = np.cumsum(list(sizes.values())).tolist()
    scales = {name: spread_of(parameters_with_priors(model)[name].prior) for name in model.parameters} | slopes
    scales |= {name: 1.0 if isinstance(term, ByLevel) else term.sd for name, term in effects.items()} | {KNOTS: 1.0}
    places = {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}
    priors = {name: parameters_with_priors(model)[name].prior for name in model.parameters}
    return _Trial(model, priors, slopes, arrays, places, scales, shapes, knots, np.zeros(len(arrays["response"])))


def _row_scale(model: Model, arrays: Mapping[str, np.ndarray], worth: np.ndarray) -> np.ndarray:
    """Return the scale of each row's scatter, that of the noise being what its prior expects."""
    shared = median(parameters_with_priors(model)[NOISE_SD].prior)
    squared = shared**2 + arrays.get("measurement_error", 0.0) ** 2 + worth * _white(model, arrays) ** 2
    return np.broadcast_to(np.sqrt(squared), worth.shape)


def _marginal_scale(model: Model, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scale of each row's scatter about the law, that of the noise being what its prior expects."""
    shared = median(parameters_with_priors(model)[NOISE_SD].prior)
    squared = shared**2 + arrays.get("measurement_error", 0.0) ** 2 + _white(model, arrays) ** 2
    return np.broadcast_to(np.sqrt(squared), arrays["response"].shape)


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
    return float(of["sigma"]) if kind in ("Normal", "LogNormal", "LogStudentT") else 1.0


def _value(prior: Prior, z: np.ndarray) -> np.ndarray:
    """Return the parameter that lies z standard deviations from its prior's median, on the link scale."""
    step = spread_of(prior) * z
    return np.asarray(median(prior) * np.exp(step) if link(prior) == "log" else median(prior) + step)
