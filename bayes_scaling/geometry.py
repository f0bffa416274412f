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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from bayes_scaling import discrepancy
from bayes_scaling.functions import on_arrays
from bayes_scaling.model import (
    JOINT_INFORMATION,
    JOINT_LINEAR,
    JOINT_W,
    NOISE_SD,
    STRUCTURE,
    Model,
    departures,
    evaluate,
    information_name,
    integrated,
    joint_parameters,
    joint_slopes,
    joint_terms,
    model_inputs,
    noise_scales,
    owners,
    residual,
    sampled,
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


LARGEST_JOINT = 40
"""More numbers than this are not sampled jointly: each step takes their cube."""


@dataclass(frozen=True)
class Geometry:
    """How to sample a posterior.

    arrays: what a compiled model reads beside its data: `information_NAME` of varying terms sampled level by level, shaped like
        the levels of their groups; the information of what is sampled jointly; the structure of what is integrated out.
    centre, spread: sampled variable, on the scale where it is unbounded -> a place near the mode, and its standard deviation.
    """

    arrays: Mapping[str, np.ndarray]
    centre: Mapping[str, np.ndarray]
    spread: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Mode:
    """A Gaussian about the posterior's mode, in standard deviations of the priors: of parameters, slopes and effects.

    places: name -> where it is in the vectors; scales: name -> standard deviation of its prior, on the link scale.
    at: the mode. information, linear: J'WJ and J'W (r + J at), of what the rows say alone. precision: of rows, on average.
    """

    places: Mapping[str, slice]
    scales: Mapping[str, float]
    at: np.ndarray
    information: np.ndarray
    linear: np.ndarray
    precision: float

    def of(self, names: Iterable[str]) -> np.ndarray:
        """Return where names are in the vectors, one after the other."""
        return np.concatenate([np.arange(len(self.at))[self.places[name]] for name in names] or [np.empty(0, int)])


def geometry(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> Geometry:
    """Return how to sample a model: chains of one without varying terms start all over its prior.

    arrays: what `model.data` returns.
    levels: group -> its levels.
    """
    everywhere = _around_prior(model, arrays)
    if not varyings(model):
        return everywhere
    shapes = {term_name(owner, term): tuple(len(levels[dim]) for dim in term.dims) for owner, term in varyings(model)}
    mode = _without(_mode(model, arrays, shapes), [term_name(*of) for of in integrated(model)])
    centre, spread = dict(everywhere.centre), dict(everywhere.spread)
    for owner, term in varyings(model):
        centre[spread_name(owner, term)] = np.log(HALF_NORMAL_MEDIAN * term.sd)
        spread[spread_name(owner, term)] = np.array(0.5)
    joint = _joint(model, mode)
    found = _structure(model, arrays, levels) | joint
    members = _members(model) if joint else []
    centre[JOINT_W], spread[JOINT_W] = np.zeros(len(mode.of(members))), np.full(len(mode.of(members)), 0.5)
    _near_mode(model, mode, members, centre, spread)
    for owner, term in sampled(model):
        name = term_name(owner, term)
        if name not in members:
            found[information_name(owner, term)] = p = _information(owner, term, arrays, shapes[name], mode, model)
            widened = np.sqrt(1.0 + p * (HALF_NORMAL_MEDIAN * term.sd) ** 2) / (HALF_NORMAL_MEDIAN * term.sd)
            centre[sampled_name(owner, term)] = centre.pop(name, np.zeros(shapes[name])).reshape(shapes[name]) * widened
            spread[sampled_name(owner, term)] = spread.pop(name, 0.5 / widened).reshape(shapes[name]) * widened
    return Geometry(found, centre, spread)


def _members(model: Model) -> list[str]:
    """Return what may be sampled jointly, in order."""
    return [*joint_parameters(model), *joint_slopes(model), *(term_name(*of) for of in joint_terms(model))]


def _joint(model: Model, mode: _Mode) -> dict[str, np.ndarray]:
    """Return what the rows say of all that is sampled jointly, at rows of precision 1; nothing where it is too much."""
    at = mode.of(_members(model))
    if not joint_terms(model) or len(at) > LARGEST_JOINT:
        return {}
    information = mode.information[np.ix_(at, at)] / mode.precision
    return {JOINT_INFORMATION: information, JOINT_LINEAR: mode.linear[at] / mode.precision}


def _structure(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return which levels of integrated effects meet in which rows; nothing where none is integrated out."""
    from bayes_scaling.integrated import structure

    shapes = [tuple(len(levels[dim]) for dim in term.dims) for _, term in integrated(model)]
    if not shapes:
        return {}
    rows = [tuple(arrays[f"index_{dim}"] for dim in term.dims) for _, term in integrated(model)]
    indices = [np.ravel_multi_index(of, shape) for of, shape in zip(rows, shapes, strict=True)]
    previous = arrays.get("previous")
    if previous is not None:
        previous = np.where(previous == np.arange(len(previous)), -1, previous)
    return {STRUCTURE: structure(indices, [prod(shape) for shape in shapes], previous)}


def _near_mode(
    model: Model, mode: _Mode, members: Sequence[str], centre: dict[str, np.ndarray], spread: dict[str, np.ndarray]
) -> None:
    """Set where chains start in all that is not sampled jointly."""
    deviation = np.sqrt(np.diag(np.linalg.inv(np.eye(len(mode.at)) + mode.information)))
    for name, place in mode.places.items():
        if name not in members:
            middle = centre[name] if name in model.parameters else 0.0
            centre[name] = middle + mode.scales[name] * mode.at[place]
            spread[name] = mode.scales[name] * deviation[place]


def _without(mode: _Mode, names: Sequence[str]) -> _Mode:
    """Return what the rows say of all but some effects, which are left as open as their priors and the rows leave them."""
    if not names:
        return mode
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
    owner: str, term: Varying, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], mode: _Mode, model: Model
) -> np.ndarray:
    """Return what the rows say of each level of a term, given its own parameter's other terms and all others left open."""
    if owner == NOISE_SD:
        total = np.zeros(shape)  # the logarithm of a scale is known from one value to within 1 / sqrt(2)
        np.add.at(total, tuple(arrays[f"index_{dim}"] for dim in term.dims), 2.0 * _independent(model, arrays))
        return total
    own = mode.of(name for name in mode.places if _owner(name) == owner)
    other = mode.of(name for name in mode.places if _owner(name) != owner)
    across, rest = mode.information[np.ix_(own, other)], mode.information[np.ix_(other, other)]
    known = np.diag(mode.information[np.ix_(own, own)] - across @ np.linalg.solve(np.eye(len(other)) + rest, across.T))
    levels = known[np.isin(own, mode.of([term_name(owner, term)]))]
    return np.asarray(np.maximum(levels, 0.0).reshape(shape) / term.sd**2)


def _owner(name: str) -> str:
    """Return the parameter that a term belongs to, by the term's name."""
    return name.split("_by_")[0].split("_trend_")[0]


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


def _mode(model: Model, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> _Mode:
    from scipy.optimize import least_squares

    effects = {term_name(owner, term): term.sd for owner, term in varyings(model) if owner != NOISE_SD}
    slopes = joint_slopes(model)
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
    rows = len(arrays["response"])
    jacobian, left = np.asarray(mode.jac)[:rows], mode.fun[:rows]
    information = jacobian.T @ jacobian
    return _Mode(
        places={name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends.tolist(), strict=True)},
        scales={name: _spread(owners(model)[name].prior) for name in model.parameters} | slopes | effects,
        at=mode.x,
        information=information,
        linear=information @ mode.x - jacobian.T @ left,
        precision=float(np.mean(np.broadcast_to(1.0 / sd**2, rows))),
    )


def _spread(prior: Prior) -> float:
    """Return about how uncertain a prior is on the link scale."""
    kind, of = distribution(prior)
    return float(of["sigma"]) if kind in ("Normal", "LogNormal") else 1.0


def _value(prior: Prior, z: float) -> float:
    """Return the parameter that lies z standard deviations from its prior's median, on the link scale."""
    step = _spread(prior) * z
    return float(median(prior) * np.exp(step)) if link(prior) == "log" else median(prior) + step
