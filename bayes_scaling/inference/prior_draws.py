"""Draws from the prior of all that a model has."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_scaling._base.random import stream
from bayes_scaling.inference.named_draws import Draws, Levels, by_chain, with_dimensions
from bayes_scaling.model import by_level, discrepancy, gaussian_process as gp, joint_density, ordered, smooth
from bayes_scaling.model.lkj import correlations, draw_partial
from bayes_scaling.model.names import (
    NOISE_CORRELATION,
    NU_BEYOND_ONE,
    axis_name,
    length_name,
    own_names,
    spread_name,
    term_name,
)
from bayes_scaling.model.parameters import Ordered, Pooled, Smooth
from bayes_scaling.model.priors import Prior, prior_quantiles
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    noise_scales,
    parameters_with_priors,
    pooled,
    trends,
)


def draw_prior(model: Model, arrays: Mapping[str, np.ndarray], levels: Levels, count: int, seed: int) -> xr.Dataset:
    """Return draws from the prior of all that a model has, in one chain."""
    # What is drawn hangs on the order of these: later ones draw from what the generator has left.
    random = stream(seed, "prior")
    draws = {name: _scalar(of.prior, count, random) for name, of in parameters_with_priors(model).items()}
    draws |= {term_name(owner, term): random.normal(0.0, term.sd, count) for owner, term in trends(model)}
    for owner, own in by_levels(model):
        z = random.standard_normal((count, len(levels[own.over])))
        draws[term_name(owner, own)] = by_level.effects(z, *(arrays[name] for name in own_names(owner, own)))
    for owner, term in pooled(model):
        draws |= _pooled(owner, term, arrays, levels, count, random)
    scales = noise_scales(model) | discrepancy.scales(discrepancy_terms(model))
    draws |= {name: _scalar(prior, count, random) for name, prior in scales.items()}
    for number, joint in enumerate(model.joint):
        draws |= joint_density.draw(joint, count, stream(seed, "joint prior", number))
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    draws |= _residual_correlations(model, levels, count, seed)
    named = with_dimensions(model, draws, levels, 1)
    if not model.discrepancy:
        return named
    knots = random.standard_normal((count, arrays[gp.WEIGHTS].shape[1]))
    return gp.extrapolate(discrepancy_terms(model), named, by_chain(knots, 1), arrays, levels, random)


def _scalar(prior: Prior, count: int, random: np.random.Generator) -> np.ndarray:
    return prior_quantiles(prior, random.uniform(size=count).tolist())


def _pooled(
    owner: str, term: Pooled, arrays: Mapping[str, np.ndarray], levels: Levels, count: int, random: np.random.Generator
) -> Draws:
    """Return draws of a term's scale, of its length where it is smooth, and of its effects."""
    sd = np.abs(random.normal(0.0, term.sd, count))
    found, name = {spread_name(owner, term): sd}, term_name(owner, term)
    if isinstance(term, Ordered):
        at = arrays[axis_name(owner, term)]
        return found | {name: ordered.effects(term, at, ordered.draw_gaps(at, sd, random))}
    shape = tuple(len(levels[dim]) for dim in term.dims)
    z = random.standard_normal((count, *shape))
    if not isinstance(term, Smooth):
        return found | {name: z * sd.reshape(-1, *(1 for _ in shape))}
    length = _scalar(term.length, count, random)
    return found | {length_name(owner, term): length, name: smooth.effects(z, arrays[axis_name(owner, term)], sd, length)}


def _residual_correlations(model: Model, levels: Levels, count: int, seed: int) -> Draws:
    """Return draws of the correlations between the residuals of outputs, where the noise has them."""
    between = model.noise.residual_correlation
    if between is None:
        return {}
    random = stream(seed, "prior of residual correlations")
    return {NOISE_CORRELATION: correlations(draw_partial(len(levels[between.over]), between.eta, count, random))}
