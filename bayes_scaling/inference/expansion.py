"""From what was sampled to what a model says: effects of levels, and the discrepancy at its knots."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.random import stream
from bayes_scaling.inference.mode import KNOTS
from bayes_scaling.model import centring, discrepancy, gaussian_process as gp, joint_prior, ordered, smooth
from bayes_scaling.model.evaluation import evaluate, group_effects, parameter_at
from bayes_scaling.model.lkj import correlations, draw_partial, pair_names
from bayes_scaling.model.names import (
    JOINT_INFORMATION,
    JOINT_LINEAR,
    JOINT_W,
    NOISE_CORRELATION,
    NOISE_LENGTH,
    NOISE_PAIR,
    NOISE_PARTIAL,
    NOISE_SD,
    NU_BEYOND_ONE,
    STRUCTURE,
    axis_name,
    information_name,
    length_name,
    own_names,
    sampled_name,
    spread_name,
    term_name,
)
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import ByLevel, Effect, Ordered, Smooth, Varying
from bayes_scaling.model.parametrization import (
    blocks,
    entries,
    integrated,
    joint_parameters,
    joint_slopes,
    jointly_sampled,
    sampled,
)
from bayes_scaling.model.priors import Prior, link, prior_quantiles
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    model_inputs,
    noise_scales,
    parameters_with_priors,
    pooled,
    smooths,
    trends,
    varyings,
)

BLOCK = 2**21
"""So many numbers are held at a time, draws by rows."""

type Draws = dict[str, np.ndarray]
"""Name -> draws along the first axis."""
type Levels = Mapping[str, np.ndarray]
"""Group -> its levels."""


def expand(model: Model, drawn: Draws, arrays: Mapping[str, np.ndarray], levels: Levels, chains: int, seed: int) -> xr.Dataset:
    """Return draws of all that a model has, from draws of what was sampled, each on its own scale; chain after chain."""
    coordinates = {JOINT_W, gp.SAMPLED, *(sampled_name(*of) for of in sampled(model))}
    coordinates |= {centring.sampled_as(name) for name in model.parameters}
    draws = {name: of for name, of in drawn.items() if name not in coordinates}
    if centring.CENTRE in arrays:
        draws |= _from_centred(model, drawn, arrays)
        draws = {name: draws[name] for name in dict.fromkeys([*model.parameters, *draws])}
    for owner, term in sampled(model):
        if sampled_name(owner, term) in drawn and isinstance(term, Smooth):
            draws[term_name(owner, term)] = _from_whitened(owner, term, draws, drawn[sampled_name(owner, term)], arrays)
        elif sampled_name(owner, term) in drawn and isinstance(term, Ordered):
            at = arrays[axis_name(owner, term)]
            draws[term_name(owner, term)] = ordered.effects(term, at, drawn[sampled_name(owner, term)])
        elif sampled_name(owner, term) in drawn and isinstance(term, ByLevel):
            draws[term_name(owner, term)] = _placed(owner, term, drawn[sampled_name(owner, term)], arrays)
    for block in blocks(model, arrays):
        draws |= _from_block(block, draws, drawn, arrays)
    if JOINT_W in drawn and smooths(model):
        draws |= _from_joint_smooth(model, draws, drawn[JOINT_W], arrays, levels)
    elif JOINT_W in drawn:
        draws |= _from_joint(model, draws, drawn[JOINT_W], arrays, levels)
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    if NOISE_PARTIAL in draws:
        draws[NOISE_CORRELATION] = correlations(np.tanh(draws.pop(NOISE_PARTIAL)))
    knots = None
    if model.discrepancy:
        knots = _in_blocks(model, draws, drawn[gp.SAMPLED], arrays, levels)
    if STRUCTURE in arrays:
        draws |= _drawn_back(model, draws, knots, arrays, levels, seed)
    named = _named(model, draws, levels, chains)
    if knots is None:
        return named
    return gp.extrapolate(
        discrepancy_terms(model), named, _by_chain(knots, chains), arrays, levels, stream(seed, "beyond the runs")
    )


def _from_centred(model: Model, drawn: Draws, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return draws of the coefficients that were sampled in the middle of the runs."""
    at = arrays[centring.CENTRE]
    return {
        name: np.exp(drawn[centring.sampled_as(name)] + centring.shift(of, drawn, at))
        for name, of in centring.centred(model).items()
    }


def _along(draws: np.ndarray, term: Effect) -> np.ndarray:
    """Return draws of a number with further axes for the levels of a term."""
    return draws.reshape(-1, *(1 for _ in term.dims))


def _from_block(block: Sequence[tuple[str, Varying]], draws: Draws, drawn: Draws, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return draws of the effects of varying terms over the same groups that were sampled level by level."""
    from bayes_scaling.model.whitening import unwhiten_levels

    sds = [_along(draws[spread_name(*of)], of[1]) for of in block]
    information = {(i, j): sds[i] * sds[j] * arrays[name] for (i, j), name in entries(block).items()}
    z, _ = unwhiten_levels([drawn[sampled_name(*of)] for of in block], information, np.sqrt)
    return {term_name(*of): sd * own for of, sd, own in zip(block, sds, z, strict=True)}


def _from_joint(model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], levels: Levels) -> Draws:
    """Return draws of what was sampled jointly: parameters, slopes and effects."""
    from bayes_scaling.model.whitening import unwhiten

    parameters, slopes, terms = joint_parameters(model), joint_slopes(model), jointly_sampled(model, arrays)
    shapes = [tuple(len(levels[dim]) for dim in term.dims) for _, term in terms]
    sds = [np.ones(len(w)) if isinstance(of[1], ByLevel) else draws[spread_name(*of)] for of in terms]
    scales = [1.0 if isinstance(term, ByLevel) else term.sd for _, term in terms]
    ones = np.ones((len(w), len(parameters) + len(slopes)))
    ratios = [np.repeat(sd[:, None] / scale, prod(n), axis=1) for sd, scale, n in zip(sds, scales, shapes, strict=True)]
    ratio = np.concatenate([ones, *ratios], axis=1)
    precision = _precision(model, draws, arrays)[:, None]
    information = precision[..., None] * ratio[:, :, None] * arrays[JOINT_INFORMATION] * ratio[:, None, :]
    z = unwhiten(w, information, precision * ratio * arrays[JOINT_LINEAR])
    found = _beside_levels(model, z)
    start = ones.shape[1]
    for (owner, term), shape, spread in zip(terms, shapes, sds, strict=True):
        found[term_name(owner, term)] = _along(spread, term) * z[:, start : start + prod(shape)].reshape(-1, *shape)
        if isinstance(term, ByLevel):
            found[term_name(owner, term)] = _placed(owner, term, found[term_name(owner, term)], arrays)
        start += prod(shape)
    return found


def _beside_levels(model: Model, z: np.ndarray) -> Draws:
    """Return draws of the parameters and slopes that were sampled jointly, which come first."""
    parameters, slopes = joint_parameters(model), joint_slopes(model)
    found: Draws = {}
    for i, (name, (middle, sd)) in enumerate(parameters.items()):
        value = middle + sd * z[:, i]
        found[name] = np.exp(value) if link(parameters_with_priors(model)[name].prior) == "log" else value
    return found | {name: sd * z[:, len(parameters) + i] for i, (name, sd) in enumerate(slopes.items())}


def _from_joint_smooth(model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], levels: Levels) -> Draws:
    """Return what `_from_joint` does for a model with smooth terms, whose levels are correlated beforehand."""
    from bayes_scaling.model.whitening import unwhiten

    terms, alone = jointly_sampled(model, arrays), len(joint_parameters(model)) + len(joint_slopes(model))
    shapes = [tuple(len(levels[dim]) for dim in term.dims) for _, term in terms]
    ends = alone + np.cumsum([0, *(prod(shape) for shape in shapes)])
    precision, step = _precision(model, draws, arrays), max(1, BLOCK // w.shape[1] ** 2)
    found: list[Draws] = []
    for first in range(0, len(w), step):
        part = slice(first, first + step)
        own = w[part]
        root = np.tile(np.eye(own.shape[1]), (len(own), 1, 1))
        for (owner, term), shape, start, end in zip(terms, shapes, ends, ends[1:], strict=False):
            root[:, start:end, start:end] = _root(owner, term, draws, part, shape, arrays)
        by_sd = np.repeat(
            [1.0, *(1.0 if isinstance(term, ByLevel) else term.sd for _, term in terms)], [alone, *map(prod, shapes)]
        )
        scaled = root / by_sd[:, None]
        across, p = scaled.swapaxes(-1, -2), precision[part]
        information = p[:, None, None] * (across @ arrays[JOINT_INFORMATION] @ scaled)
        z = unwhiten(own, information, p[:, None] * (across @ arrays[JOINT_LINEAR]))
        effects = (root @ z[..., None])[..., 0]
        named = zip(terms, shapes, ends, ends[1:], strict=False)
        found.append(
            _beside_levels(model, z)
            | {term_name(*of): effects[:, start:end].reshape(-1, *shape) for of, shape, start, end in named}
        )
    joined = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    for owner, term in terms:
        if isinstance(term, ByLevel):
            joined[term_name(owner, term)] = _placed(owner, term, joined[term_name(owner, term)], arrays)
    return joined


def _placed(owner: str, term: Effect, z: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what standard numbers are under the prior of each level, on the link scale."""
    mean, sd = (arrays[name] for name in own_names(owner, term))
    return np.asarray(mean + sd * z)


def _root(
    owner: str, term: Effect, draws: Draws, part: slice, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the root of the covariance of a term's effects in some draws."""
    size = prod(shape)
    if isinstance(term, ByLevel):
        return np.broadcast_to(np.eye(size), (len(draws[NOISE_SD][part]), size, size))
    sd = draws[spread_name(owner, term)][part, None, None]
    if not isinstance(term, Smooth):
        return np.asarray(sd * np.eye(size))
    own = smooth.roots(arrays[axis_name(owner, term)], draws[length_name(owner, term)][part])
    return np.asarray(sd * np.kron(own, np.eye(size // shape[0])))


def _from_whitened(owner: str, term: Smooth, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return draws of the effects of a smooth term that was sampled alone."""
    from bayes_scaling.model.whitening import unwhiten

    known, shape, found = arrays[information_name(owner, term)].ravel(), w.shape[1:], []
    flat, step = w.reshape(len(w), -1), max(1, BLOCK // len(known) ** 2)
    for first in range(0, len(w), step):
        root = _root(owner, term, draws, slice(first, first + step), shape, arrays)
        information = root.swapaxes(-1, -2) @ (known[:, None] * root)
        z = unwhiten(flat[first : first + step], information, np.zeros((len(root), len(known))))
        found.append((root @ z[..., None])[..., 0])
    return np.concatenate(found).reshape(w.shape)


def _precision(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the precision of the rows' scatter on average, in each draw."""
    return np.concatenate([(1.0 / _scale(model, part, arrays) ** 2).mean(axis=1) for part in _blocks(draws, arrays)])


def _drawn_back(
    model: Model, draws: Draws, knots: np.ndarray | None, arrays: Mapping[str, np.ndarray], levels: Levels, seed: int
) -> Draws:
    """Return draws of the effects that were integrated out, given all else."""
    from bayes_scaling.model.marginalized import draw_back

    terms = integrated(model)
    random, found = stream(seed, "effects integrated out"), []
    every = draws if knots is None else draws | {KNOTS: knots}
    for part in _blocks(every, arrays):
        left, scale = left_of_rows(model, part, arrays)
        if knots is not None:
            left = left - gp.at_rows(discrepancy_terms(model), part, part[KNOTS], arrays, levels)
        before = None
        if model.noise.correlation is not None:
            previous, kept = arrays["previous"], arrays["gap"] / part[NOISE_LENGTH][:, None]
            before = -np.exp(-kept) * scale / scale[:, previous]
            left, scale = left + before * left[:, previous], scale * np.sqrt(-np.expm1(-2.0 * kept))
        sds = np.stack([part[spread_name(owner, term)] for owner, term in terms], axis=1)
        found.append(draw_back(left, scale**2, sds, arrays[STRUCTURE], random, before=before))
    effects = [np.concatenate(of) for of in zip(*found, strict=True)]
    shapes = [tuple(len(levels[dim]) for dim in term.dims) for _, term in terms]
    return {term_name(*of): e.reshape(-1, *shape) for of, e, shape in zip(terms, effects, shapes, strict=True)}


def draw_prior(model: Model, arrays: Mapping[str, np.ndarray], levels: Levels, count: int, seed: int) -> xr.Dataset:
    """Return draws from the prior of all that a model has, in one chain."""
    random = stream(seed, "prior")

    def scalar(prior: Prior) -> np.ndarray:
        return prior_quantiles(prior, random.uniform(size=count).tolist())

    draws = {name: scalar(parameter.prior) for name, parameter in parameters_with_priors(model).items()}
    draws |= {term_name(owner, term): random.normal(0.0, term.sd, count) for owner, term in trends(model)}
    for owner, own_term in by_levels(model):
        z = random.standard_normal((count, len(levels[own_term.over])))
        draws[term_name(owner, own_term)] = _placed(owner, own_term, z, arrays)
    for owner, term in pooled(model):
        sd = draws[spread_name(owner, term)] = np.abs(random.normal(0.0, term.sd, count))
        shape = tuple(len(levels[dim]) for dim in term.dims)
        if isinstance(term, Ordered):
            at = arrays[axis_name(owner, term)]
            draws[term_name(owner, term)] = ordered.effects(term, at, ordered.draw_gaps(at, sd, random))
            continue
        z = random.standard_normal((count, *shape))
        if isinstance(term, Smooth):
            length = draws[length_name(owner, term)] = scalar(term.length)
            draws[term_name(owner, term)] = smooth.effects(z, arrays[axis_name(owner, term)], sd, length)
        else:
            draws[term_name(owner, term)] = z * sd.reshape(-1, *(1 for _ in shape))
    draws |= {
        name: scalar(prior) for name, prior in (noise_scales(model) | discrepancy.scales(discrepancy_terms(model))).items()
    }
    for number, joint in enumerate(model.joint):
        draws |= joint_prior.draw(joint, count, stream(seed, "joint prior", number))
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    between = model.noise.residual_correlation
    if between is not None:
        own = stream(seed, "prior of residual correlations")
        draws[NOISE_CORRELATION] = correlations(draw_partial(len(levels[between.over]), between.eta, count, own))
    named = _named(model, draws, levels, 1)
    if not model.discrepancy:
        return named
    knots = random.standard_normal((count, arrays[gp.WEIGHTS].shape[1]))
    return gp.extrapolate(discrepancy_terms(model), named, _by_chain(knots, 1), arrays, levels, random)


def _named(model: Model, draws: Draws, levels: Levels, chains: int) -> xr.Dataset:
    """Return draws with named dimensions, chain and draw first."""
    over: dict[str, tuple[str, ...]] = {term_name(owner, term): term.dims for owner, term in varyings(model)}
    used = {dim for dims in over.values() for dim in dims}
    count = len(draws[NOISE_SD]) // chains
    between = model.noise.residual_correlation
    if between is not None:
        over[NOISE_CORRELATION] = (NOISE_PAIR,)
        levels, used = {**levels, NOISE_PAIR: pair_names(levels[between.over])}, used | {NOISE_PAIR}
    found = {name: (("chain", "draw", *over.get(name, ())), _by_chain(of, chains)) for name, of in draws.items()}
    coords = {"chain": np.arange(chains), "draw": np.arange(count)} | {dim: of for dim, of in levels.items() if dim in used}
    return xr.Dataset(found, coords)


def _by_chain(draws: np.ndarray, chains: int) -> np.ndarray:
    return draws.reshape(chains, -1, *draws.shape[1:])


def left_of_rows(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the law and sampled effects leave of each row, and the scale of its scatter; a draw a row."""
    level, logs, scalars = _level(model, draws, arrays), _logs(model, arrays), _scalars(draws)
    with np.errstate(all="ignore"):
        loss = evaluate(model, scalars, logs, level, on_arrays(2))
        centre = on_scale(loss, model.noise.on)
    left = arrays["response"] - centre - group_effects(model, level)
    return left, np.broadcast_to(_scale(model, draws, arrays), left.shape)


def _scale(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scale of each row's scatter, with its measurement error unless that is part of a white part."""
    level, logs = _level(model, draws, arrays), _logs(model, arrays)
    scale = parameter_at(model, NOISE_SD, _scalars(draws), logs, level, on_arrays(2))
    if model.noise.correlation is not None and model.noise.correlation.white is not None:
        return np.asarray(scale)
    return np.asarray(np.sqrt(scale**2 + arrays.get("measurement_error", 0.0) ** 2))


def _logs(model: Model, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return log(input / reference) of the inputs; parts of a fall stand first, before draws and rows."""
    logs = {x: arrays[f"log_{x}"] for x in model_inputs(model)}
    return {x: of.T[:, None, :] if of.ndim > 1 else of for x, of in logs.items()}


def _scalars(draws: Draws) -> Draws:
    return {name: of[:, None] for name, of in draws.items() if of.ndim == 1}


def _level(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> Callable[[str, Effect], Any]:
    """Return the function that gives a term's effect at each row; none where it is integrated out."""

    def level(owner: str, term: Effect) -> Any:
        if term_name(owner, term) not in draws:
            return 0.0
        cells: tuple[Any, ...] = (slice(None), *(arrays[f"index_{dim}"] for dim in term.dims))
        return np.asarray(draws[term_name(owner, term)][cells])

    return level


def _blocks(draws: Draws, arrays: Mapping[str, np.ndarray]) -> Iterator[Draws]:
    """Yield some draws after the other, as many as are held at a time."""
    widest = max(len(arrays["response"]), *(of[0].size for of in draws.values()))
    step = max(1, BLOCK // widest)
    for start in range(0, len(draws[NOISE_SD]), step):
        yield {name: of[start : start + step] for name, of in draws.items()}


def _in_blocks(model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], levels: Levels) -> np.ndarray:
    """Return draws of the discrepancy's whitened knots."""
    found = []
    for part in _blocks(draws | {gp.SAMPLED: w}, arrays):
        left, scale = left_of_rows(model, part, arrays)
        precision = (1.0 / scale**2).mean(axis=1)
        found.append(gp.whitened(discrepancy_terms(model), part, arrays, levels, left, precision))
    return np.concatenate(found)
