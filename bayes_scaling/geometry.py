"""Coordinates in which the levels of a group are easy to sample, and where in them to start.

A level that the data know well should be sampled directly, one they know little about as a multiple of its learnt
standard deviation s; taken the wrong way round, either makes a funnel. With p the information that the rows hold about a
level (in 1 / effect^2, everything else as uncertain as the rows leave it),

    effect = w s / sqrt(1 + p s^2),    w ~ Normal(0, sqrt(1 + p s^2))

is Normal(0, s) whatever p is: the model is untouched, only the path of the sampler changes. For p s^2 << 1 it is the
non-centred form, for p s^2 >> 1 the centred one (after Papaspiliopoulos, Roberts and Skoeld 2007). p comes from the
curvature of the posterior at its mode, with every scale held at what its prior expects. Chains start around that mode, at
twice the spread it suggests: from the prior's middle a chain may wander for longer than it has time to adapt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
    information_name,
    model_inputs,
    noise_scales,
    owners,
    residual,
    sampled_name,
    spread_name,
    term_name,
    trends,
    varyings,
)
from bayes_scaling.parameters import Prior, Varying, distribution, link, median

STEPS = 30
WORST = 1e3
"""Departures of rows are cut off at so many standard deviations, where a trial point gives no loss at all."""


HALF_NORMAL_MEDIAN = 0.6745


@dataclass(frozen=True)
class Geometry:
    """How to sample a posterior.

    information: `information_NAME` of each varying term -> p, shaped like the levels of its groups.
    centre, spread: sampled variable, on the scale where it is unbounded -> a place near the mode, and its standard deviation.
    """

    information: Mapping[str, np.ndarray]
    centre: Mapping[str, np.ndarray]
    spread: Mapping[str, np.ndarray]


def geometry(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> Geometry:
    """Return how to sample a model: chains of one without varying terms start all over its prior.

    arrays: what `model.data` returns.
    levels: group -> its levels.
    """
    everywhere = _around_prior(model, arrays)
    if not varyings(model):
        return everywhere
    shapes = {term_name(owner, term): tuple(len(levels[dim]) for dim in term.dims) for owner, term in varyings(model)}
    scales, mode, deviation, known = _mode(model, arrays, shapes)
    centre = {name: scales[name] * mode[name] for name in scales}
    for name in model.parameters:
        centre[name] = centre[name] + everywhere.centre[name]
    spread = {name: scales[name] * deviation[name] for name in scales}
    found = {}
    for owner, term in varyings(model):
        name = term_name(owner, term)
        p = found[information_name(owner, term)] = _information(model, owner, term, arrays, shapes[name], known)
        s = HALF_NORMAL_MEDIAN * term.sd
        centre[spread_name(owner, term)], spread[spread_name(owner, term)] = np.log(s), np.array(0.5)
        if name in scales:
            widened = np.sqrt(1.0 + p * s**2) / s
            centre[sampled_name(owner, term)] = centre.pop(name) * widened
            spread[sampled_name(owner, term)] = spread.pop(name) * widened
        else:
            centre[sampled_name(owner, term)] = np.zeros(shapes[name])
            spread[sampled_name(owner, term)] = np.full(shapes[name], 0.5)
    return Geometry(found, {**everywhere.centre, **centre}, {**everywhere.spread, **spread})


def _around_prior(model: Model, arrays: Mapping[str, np.ndarray]) -> Geometry:
    """Return the middle and the spread of everything's prior; whitened knots start where they take what the law leaves."""
    priors = {name: parameter.prior for name, parameter in owners(model).items()} | noise_scales(model)
    priors |= discrepancy.scales(departures(model))
    centre = {name: np.asarray(_linked(prior, median(prior))) for name, prior in priors.items()}
    spread = {name: np.asarray(_spread(prior)) for name, prior in priors.items()}
    centre |= {term_name(owner, term): np.asarray(0.0) for owner, term in trends(model)}
    spread |= {term_name(owner, term): np.asarray(term.sd) for owner, term in trends(model)}
    if model.discrepancy:
        knots = arrays[discrepancy.WEIGHTS].shape[1]
        centre[discrepancy.SAMPLED], spread[discrepancy.SAMPLED] = np.zeros(knots), np.full(knots, 0.5)
    return Geometry({}, centre, spread)


def _linked(prior: Prior, value: float) -> float:
    return float(np.log(value)) if link(prior) == "log" else value


def _information(
    model: Model, owner: str, term: Varying, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], known: Mapping[str, Any]
) -> np.ndarray:
    if owner != NOISE_SD:
        information: np.ndarray = np.maximum(known[term_name(owner, term)], 0.0) / term.sd**2
        return information
    total = np.zeros(shape)  # the logarithm of a scale is known from one value to within 1 / sqrt(2)
    np.add.at(total, tuple(arrays[f"index_{dim}"] for dim in term.dims), 2.0 * _independent(model, arrays))
    return total


def _independent(model: Model, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how many independent rows each row is worth: less than one where it resembles the row before it."""
    if model.noise.correlation is None:
        return np.ones(len(arrays["response"]))
    worth: np.ndarray = np.tanh(arrays["gap"] / median(model.noise.correlation.length) / 2)
    return worth


def _white(model: Model, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the scale of what rows scatter by on their own, beside what neighbours share; 0 where all is one."""
    correlation = model.noise.correlation
    return 0.0 if correlation is None or correlation.white is None else median(correlation.white) / np.sqrt(arrays["count"])


type Named = dict[str, np.ndarray]


def _mode(
    model: Model, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, float], Named, Named, Named]:
    """Return by name of parameter, slope and effect: the prior's scale, and in units of it the mode, its standard deviation,
    and the information beyond the prior.
    """
    from scipy.optimize import least_squares

    effects = {term_name(owner, term): term.sd for owner, term in varyings(model) if owner != NOISE_SD}
    slopes = {term_name(owner, term): term.sd for owner, term in trends(model) if owner != NOISE_SD}
    sizes = dict.fromkeys([*model.parameters, *slopes], 1) | {name: prod(shapes[name]) for name in effects}
    ends = np.cumsum(list(sizes.values()))
    logs = {name: arrays[f"log_{name}"].T for name in model_inputs(model)}  # parts of a fall stand before rows
    worth, shared = _independent(model, arrays), median(owners(model)[NOISE_SD].prior)
    sd = np.sqrt(shared**2 + arrays.get("reading_error", 0.0) ** 2 + worth * _white(model, arrays) ** 2)
    weight = np.sqrt(worth) / sd

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
            left = (arrays["response"] - centre - residual(model, level)) * weight
        return np.concatenate([np.clip(np.nan_to_num(left, nan=WORST), -WORST, WORST), z])

    mode = least_squares(departures, np.zeros(ends[-1]), method="trf", x_scale=1.0, max_nfev=STEPS)
    owner = np.repeat([name.split("_by_")[0].split("_trend_")[0] for name in sizes], list(sizes.values()))
    jacobian = np.asarray(mode.jac)
    curvature = jacobian.T @ jacobian
    flat = mode.x, np.sqrt(np.diag(np.linalg.inv(curvature))), _within(curvature, owner) - 1.0
    scales = {name: _spread(owners(model)[name].prior) for name in model.parameters} | slopes | effects
    named: list[Named] = [
        {name: part.reshape(shapes.get(name, ())) for name, part in zip(sizes, np.split(of, ends[:-1]), strict=True)}
        for of in flat
    ]
    return scales, named[0], named[1], named[2]


def _within(curvature: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return the information about each coordinate given those of its own parameter, those of all others left open."""
    found = np.empty(len(owner))
    for name in np.unique(owner):
        own, other = owner == name, owner != name
        across = curvature[np.ix_(own, other)]
        found[own] = np.diag(curvature[np.ix_(own, own)] - across @ np.linalg.solve(curvature[np.ix_(other, other)], across.T))
    return found


def _spread(prior: Prior) -> float:
    """Return about how uncertain a prior is on the link scale."""
    kind, of = distribution(prior)
    return float(of["sigma"]) if kind in ("Normal", "LogNormal") else 1.0


def _value(prior: Prior, z: float) -> float:
    """Return the parameter that lies z standard deviations from its prior's median, on the link scale."""
    step = _spread(prior) * z
    return float(median(prior) * np.exp(step)) if link(prior) == "log" else median(prior) + step
