"""Coordinates in which the levels of a group are easy to sample, and where in them to start.

A level that the data know well should be sampled directly, one they know little about as a multiple of its learnt
standard deviation s; taken the wrong way round, either makes a funnel. With p the information that the rows hold about a
level (in 1 / effect^2, everything else as uncertain as the rows leave it),

    effect = w s / sqrt(1 + p s^2),    w ~ Normal(0, sqrt(1 + p s^2))

is Normal(0, s) whatever p is: the model is untouched, only the path of the sampler changes. For p s^2 << 1 it is the
non-centred form, for p s^2 >> 1 the centred one (after Papaspiliopoulos, Roberts and Skoeld 2007). p comes from the
curvature of the posterior at its mode, with every scale held at what its prior expects, and rows counted by how far they
scatter there. Several parameters that vary over one group make up for each other, level by level: P is then a matrix, S their
scales, and

    effects = S L'^-1 w,    L L' = I + S P S

which for one parameter is the same. Chains start around that mode, at
twice the spread it suggests: from the prior's middle a chain may wander for longer than it has time to adapt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from bayes_scaling.inference.mode import KNOTS, Mode, find_mode, independent, spread_of, without
from bayes_scaling.model import centring, discrepancy, gaussian_process as gp, ordered
from bayes_scaling.model.names import (
    JOINT_INFORMATION,
    JOINT_LINEAR,
    JOINT_W,
    NOISE_PARTIAL,
    NOISE_SD,
    STRUCTURE,
    axis_name,
    information_name,
    sampled_name,
    spread_name,
    term_name,
)
from bayes_scaling.model.noise import heavy_tailed
from bayes_scaling.model.parameters import ByLevel, Effect, Ordered, Smooth, Varying
from bayes_scaling.model.parametrization import (
    entries,
    integrated,
    joint_parameters,
    joint_slopes,
    joint_terms,
    levelwise,
    sampled,
)
from bayes_scaling.model.priors import Prior, link, median
from bayes_scaling.model.specification import (
    Model,
    discrepancy_terms,
    noise_scales,
    ordereds,
    parameters_with_priors,
    pooled,
    smooth_lengths,
    trends,
    varyings,
)

HALF_NORMAL_MEDIAN = 0.6745
"""Median of a half-normal distribution of scale 1."""

START_SD = 0.5
"""Chains start so many standard deviations about the middle, where only the prior or a whitened coordinate says how far."""

LARGEST_JOINT = 20
"""More numbers are not sampled jointly: a step takes their cube, and levels that are many know their scale well."""


@dataclass(frozen=True)
class Geometry:
    """How to sample a posterior.

    Parameters
    ----------
    arrays
        What a compiled model reads beside its data: `information_NAME` of varying terms sampled level by level, shaped like the
        levels of their groups; the information of what is sampled jointly; the structure of what is integrated out.
    centre, spread
        Sampled variable, on the scale where it is unbounded -> a place near the mode, and its standard deviation.
    """

    arrays: Mapping[str, np.ndarray]
    centre: Mapping[str, np.ndarray]
    spread: Mapping[str, np.ndarray]


def geometry(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> Geometry:
    """Return how to sample a model: chains of one without varying terms start all over its prior.

    Parameters
    ----------
    arrays
        What `arrays.data` returns.
    levels
        Group -> its levels.
    """
    everywhere = _centred(model, _around_prior(model, arrays, levels), arrays)
    robust = heavy_tailed(model.noise) and bool(model.discrepancy)
    if not varyings(model) and not robust:
        return everywhere
    shapes = {term_name(owner, term): tuple(len(levels[dim]) for dim in term.dims) for owner, term in varyings(model)}
    weights, mode = find_mode(model, arrays, levels)
    own = gp.weighted(arrays, weights) if robust else {}
    if not varyings(model):
        return replace(everywhere, arrays={**everywhere.arrays, **own})
    mode = without(mode, [*(term_name(*of) for of in integrated(model)), KNOTS])
    centre, spread = dict(everywhere.centre), dict(everywhere.spread)
    for name, sd in {spread_name(*of): of[1].sd for of in pooled(model)}.items():
        centre[name], spread[name] = np.log(HALF_NORMAL_MEDIAN * sd), np.array(START_SD)
    members = _members(model, mode)
    found = _structure(model, arrays, levels) | _joint(mode, members) | own
    centre[JOINT_W], spread[JOINT_W] = np.zeros(len(mode.of(members))), np.full(len(mode.of(members)), START_SD)
    _near_mode(model, mode, members, centre, spread)
    for owner, term in sampled(model):
        name = term_name(owner, term)
        if isinstance(term, Ordered):
            _start_ordered(owner, term, arrays, shapes[name], centre, spread)
        elif isinstance(term, ByLevel) and name not in members:
            found[information_name(owner, term)] = np.zeros(shapes[name])  # which says that it is sampled by itself
            _start_by_level(owner, term, shapes[name], centre, spread)
        elif isinstance(term, Smooth) and name not in members:
            found[information_name(owner, term)] = p = _information([(owner, term)], arrays, shapes[name], mode, model)[0, 0]
            own_name = sampled_name(owner, term)
            centre[own_name], spread[own_name] = np.zeros(p.shape), np.full(p.shape, START_SD)
    for block in levelwise(model, [of for of in varyings(model) if term_name(*of) in members]):
        information = _information(block, arrays, shapes[term_name(*block[0])], mode, model)
        found |= {name: information[place] for place, name in entries(block).items()}
        _start_block(block, information, centre, spread)
    return Geometry(found, centre, spread)


def _start_ordered(
    owner: str,
    term: Ordered,
    arrays: Mapping[str, np.ndarray],
    shape: tuple[int, ...],
    centre: dict[str, np.ndarray],
    spread: dict[str, np.ndarray],
) -> None:
    """Put the start of an ordered term, which is sampled as the logarithms of its gaps, in place of that of its effects."""
    effects, _ = centre.pop(term_name(owner, term), np.zeros(shape)), spread.pop(term_name(owner, term), None)
    centre[sampled_name(owner, term)] = _log_gaps(term, arrays[axis_name(owner, term)], effects)
    spread[sampled_name(owner, term)] = np.full(shape, START_SD)


def _start_by_level(
    owner: str, term: ByLevel, shape: tuple[int, ...], centre: dict[str, np.ndarray], spread: dict[str, np.ndarray]
) -> None:
    """Put the start of levels with priors of their own under the name that they are sampled by, a number for each level."""
    name, own_name = term_name(owner, term), sampled_name(owner, term)
    centre[own_name] = centre.pop(name, np.zeros(shape)).reshape(shape)
    spread[own_name] = np.broadcast_to(spread.pop(name, START_SD), shape).reshape(shape)


def _log_gaps(term: Ordered, at: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return where chains start in the logarithm of the gaps below levels, given effects that need not be in order."""
    order, least = np.argsort(at), HALF_NORMAL_MEDIAN * term.sd
    up = np.diff(term.sign * effects[order], prepend=0.0)
    found = np.empty(len(at))
    found[order] = np.log(np.clip(up, 0.3 * least, 10.0 * least * np.maximum(ordered.gaps(at)[order], 1.0)))
    return found


def _start_block(
    block: Sequence[tuple[str, Varying]],
    information: Mapping[tuple[int, int], np.ndarray],
    centre: dict[str, np.ndarray],
    spread: dict[str, np.ndarray],
) -> None:
    """Set where chains start in the coordinates of a block: w = L'z, at scales that their priors expect."""
    from bayes_scaling.model.whitening import levels_root

    sds = [HALF_NORMAL_MEDIAN * term.sd for _, term in block]
    root = levels_root({(i, j): sds[i] * sds[j] * p for (i, j), p in information.items()}, np.sqrt)
    shape = root[0, 0].shape
    modes = [centre.pop(term_name(*of), np.zeros(shape)).reshape(shape) for of in block]
    z = [at / sd for at, sd in zip(modes, sds, strict=True)]
    for i, of in enumerate(block):
        spread.pop(term_name(*of), None)
        centre[sampled_name(*of)] = sum((root[j, i] * z[j] for j in range(i, len(block))), 0.0 * z[i])
        spread[sampled_name(*of)] = np.full(shape, 0.5)


def _members(model: Model, mode: Mode) -> list[str]:
    """Return what is sampled jointly, in order.

    Where it is much only smooth terms with parameters and slopes, and nothing without smooth terms, unless levels are ordered:
    their gaps are sampled by themselves, all else jointly as at gaps that are known.
    """
    terms = joint_terms(model)
    few = len(mode.of(_names(model, terms))) <= LARGEST_JOINT
    kept = [of for of in terms if few or isinstance(of[1], Smooth)]
    return _names(model, kept) if kept or ordereds(model) else []


def _names(model: Model, terms: Sequence[tuple[str, Effect]]) -> list[str]:
    return [*joint_parameters(model), *joint_slopes(model), *(term_name(*of) for of in terms)]


def _joint(mode: Mode, members: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what the rows say of all that is sampled jointly, at rows of precision 1."""
    if not members:
        return {}
    at = mode.of(members)
    information = mode.information[np.ix_(at, at)] / mode.precision
    return {JOINT_INFORMATION: information, JOINT_LINEAR: mode.linear[at] / mode.precision}


def _structure(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return which levels of integrated effects meet in which rows; nothing where none is integrated out."""
    from bayes_scaling.model.sparsity import structure

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
    model: Model, mode: Mode, members: Sequence[str], centre: dict[str, np.ndarray], spread: dict[str, np.ndarray]
) -> None:
    """Set where chains start in all that is not sampled jointly."""
    deviation = np.sqrt(np.diag(np.linalg.inv(np.eye(len(mode.at)) + mode.information)))
    for name, place in mode.places.items():
        if name not in members:
            middle = centre[name] if name in model.parameters else 0.0
            centre[name] = middle + mode.scales[name] * mode.at[place]
            spread[name] = mode.scales[name] * deviation[place]


def _around_prior(model: Model, arrays: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> Geometry:
    """Return the middle and the spread of everything's prior; whitened knots start where they take what the law leaves."""
    priors = {name: parameter.prior for name, parameter in parameters_with_priors(model).items()} | noise_scales(model)
    priors |= discrepancy.scales(discrepancy_terms(model)) | smooth_lengths(model)
    centre = {name: np.asarray(_linked(prior, median(prior))) for name, prior in priors.items()}
    spread = {name: np.asarray(spread_of(prior)) for name, prior in priors.items()}
    centre |= {term_name(owner, term): np.asarray(0.0) for owner, term in trends(model)}
    spread |= {term_name(owner, term): np.asarray(term.sd) for owner, term in trends(model)}
    if model.discrepancy:
        knots = arrays[gp.WEIGHTS].shape[1]
        centre[gp.SAMPLED], spread[gp.SAMPLED] = np.zeros(knots), np.full(knots, 0.5)
    if model.noise.residual_correlation is not None:
        outputs = len(levels[model.noise.residual_correlation.over])
        pairs = outputs * (outputs - 1) // 2
        centre[NOISE_PARTIAL], spread[NOISE_PARTIAL] = np.zeros(pairs), np.full(pairs, 0.25)
    return Geometry({}, centre, spread)


def _centred(model: Model, of: Geometry, arrays: Mapping[str, np.ndarray]) -> Geometry:
    """Return how to sample a model with its coefficients taken in the middle of the runs, where that can be; see `centring`."""
    coefficients, at = centring.centred(model), centring.means(model, arrays)
    if not coefficients or at is None:
        return of
    centre, spread = dict(of.centre), dict(of.spread)
    priors = {name: parameters_with_priors(model)[name].prior for name in model.parameters}
    for name, shifts in coefficients.items():
        middle = centring.shift(shifts, {exponent: median(priors[exponent]) for exponent in shifts}, at)
        centre[centring.sampled_as(name)] = centre.pop(name) - middle
        spread[centring.sampled_as(name)] = spread.pop(name)
    return Geometry({**of.arrays, centring.CENTRE: at}, centre, spread)


def _linked(prior: Prior, value: float) -> float:
    return float(np.log(value)) if link(prior) == "log" else value


def _information(
    block: Sequence[tuple[str, Varying | Smooth]],
    arrays: Mapping[str, np.ndarray],
    shape: tuple[int, ...],
    mode: Mode,
    model: Model,
) -> dict[tuple[int, int], np.ndarray]:
    """Return what the rows say of each level of terms, given their own parameters' other terms and all others left open."""
    (owner, term), *_ = block
    if owner == NOISE_SD:
        total = np.zeros(shape)  # the logarithm of a scale is known from one value to within 1 / sqrt(2)
        np.add.at(total, tuple(arrays[f"index_{dim}"] for dim in term.dims), 2.0 * independent(model, arrays))
        return {(0, 0): total}
    named = {owner for owner, _ in block}
    own = mode.of(name for name in mode.places if _owner(name) in named)
    other = mode.of(name for name in mode.places if _owner(name) not in named)
    across, rest = mode.information[np.ix_(own, other)], mode.information[np.ix_(other, other)]
    known = mode.information[np.ix_(own, own)] - across @ np.linalg.solve(np.eye(len(other)) + rest, across.T)
    at = [np.searchsorted(own, mode.of([term_name(*of)])) for of in block]
    cut = known[np.stack(at)[:, None], np.stack(at)[None]]  # of each two terms, their levels
    values, vectors = np.linalg.eigh(np.moveaxis(cut, -1, 0))
    whole = (vectors * np.maximum(values, 0.0)[:, None]) @ vectors.swapaxes(-1, -2)
    sds = [term.sd for _, term in block]
    return {(i, j): whole[:, i, j].reshape(shape) / (sds[i] * sds[j]) for i, j in entries(block)}


def _owner(name: str) -> str:
    """Return the parameter that a term belongs to, by the term's name."""
    return name.split("_by_")[0].split("_trend_")[0].split("_smooth_")[0]
