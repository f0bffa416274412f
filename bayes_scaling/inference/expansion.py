"""From what was sampled to what a model says: effects of levels, and the discrepancy at its knots."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayes_scaling._base.random import stream
from bayes_scaling.inference.joint_expansion import from_joint, from_smooth
from bayes_scaling.inference.mode import KNOTS
from bayes_scaling.inference.named_draws import Draws, Levels, by_chain, with_dimensions
from bayes_scaling.inference.row_residuals import blocks, row_residuals
from bayes_scaling.model import by_level, centring, gaussian_process as gp, ordered
from bayes_scaling.model.lkj import correlations
from bayes_scaling.model.names import (
    JOINT_W,
    NOISE_CORRELATION,
    NOISE_LENGTH,
    NOISE_PARTIAL,
    NU_BEYOND_ONE,
    STRUCTURE,
    axis_name,
    own_names,
    sampled_name,
    spread_name,
    term_name,
)
from bayes_scaling.model.parameters import Alone, Effect, Ordered, Smooth, Varying
from bayes_scaling.model.parametrization import blocks as varying_blocks, entries, integrated, sampled
from bayes_scaling.model.specification import Model, discrepancy_terms


def expand(model: Model, drawn: Draws, arrays: Mapping[str, np.ndarray], levels: Levels, chains: int, seed: int) -> xr.Dataset:
    """Return draws of all that a model has, from draws of what was sampled, each on its own scale; chain after chain."""
    draws = _kept(model, drawn, arrays)
    for owner, term in sampled(model):
        if sampled_name(owner, term) in drawn and not isinstance(term, Varying):
            draws[term_name(owner, term)] = _effects(owner, term, drawn[sampled_name(owner, term)], draws, arrays)
    for block in varying_blocks(model, arrays):
        draws |= _from_block(block, draws, drawn, arrays)
    if JOINT_W in drawn:
        draws |= from_joint(model, draws, drawn[JOINT_W], arrays, levels)
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    if NOISE_PARTIAL in draws:
        draws[NOISE_CORRELATION] = correlations(np.tanh(draws.pop(NOISE_PARTIAL)))
    knots = _knots(model, draws, drawn[gp.SAMPLED], arrays, levels) if model.discrepancy else None
    if STRUCTURE in arrays:
        draws |= _drawn_back(model, draws, knots, arrays, levels, seed)
    named = with_dimensions(model, draws, levels, chains)
    if knots is None:
        return named
    random = stream(seed, "beyond the runs")
    return gp.extrapolate(discrepancy_terms(model), named, by_chain(knots, chains), arrays, levels, random)


def _kept(model: Model, drawn: Draws, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return the draws of what was sampled as the model has it: all but other coordinates, coefficients first."""
    coordinates = {JOINT_W, gp.SAMPLED, *(sampled_name(*of) for of in sampled(model))}
    coordinates |= {centring.sampled_as(name) for name in model.parameters}
    draws = {name: of for name, of in drawn.items() if name not in coordinates}
    if centring.CENTRE not in arrays:
        return draws
    draws |= _from_centred(model, drawn, arrays)
    return {name: draws[name] for name in dict.fromkeys([*model.parameters, *draws])}


def _from_centred(model: Model, drawn: Draws, arrays: Mapping[str, np.ndarray]) -> Draws:
    """Return draws of the coefficients that were sampled in the middle of the runs."""
    at = arrays[centring.CENTRE]
    return {
        name: np.exp(drawn[centring.sampled_as(name)] + centring.shift(of, drawn, at))
        for name, of in centring.centred(model).items()
    }


def _effects(
    owner: str, term: Smooth | Alone, sampled: np.ndarray, draws: Draws, arrays: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return draws of the effects of a term that was sampled by itself."""
    if isinstance(term, Smooth):
        return from_smooth(owner, term, draws, sampled, arrays)
    if isinstance(term, Ordered):
        return np.asarray(ordered.effects(term, arrays[axis_name(owner, term)], sampled))
    return by_level.effects(sampled, *(arrays[name] for name in own_names(owner, term)))


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


def _drawn_back(
    model: Model, draws: Draws, knots: np.ndarray | None, arrays: Mapping[str, np.ndarray], levels: Levels, seed: int
) -> Draws:
    """Return draws of the effects that were integrated out, given all else."""
    from bayes_scaling.model.marginalized import draw_back

    terms = integrated(model)
    random, found = stream(seed, "effects integrated out"), []
    every = draws if knots is None else draws | {KNOTS: knots}
    for part in blocks(every, arrays):
        left, scale = row_residuals(model, part, arrays)
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


def _knots(model: Model, draws: Draws, w: np.ndarray, arrays: Mapping[str, np.ndarray], levels: Levels) -> np.ndarray:
    """Return draws of the discrepancy's whitened knots, from the coordinates w in which they were sampled."""
    found = []
    for part in blocks(draws | {gp.SAMPLED: w}, arrays):
        left, scale = row_residuals(model, part, arrays)
        precision = (1.0 / scale**2).mean(axis=1)
        found.append(gp.whitened(discrepancy_terms(model), part, arrays, levels, left, precision))
    return np.concatenate(found)
