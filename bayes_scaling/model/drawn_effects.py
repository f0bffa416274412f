"""Effects of levels as the compiled model draws them, term by term."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from bayes_scaling.model import ordered, smooth
from bayes_scaling.model.names import (
    axis_name,
    information_name,
    length_name,
    own_names,
    sampled_name,
    spread_name,
    term_name,
)
from bayes_scaling.model.parameters import ByLevel, Ordered, Smooth, Varying
from bayes_scaling.model.parametrization import blocks, entries, jointly_sampled
from bayes_scaling.model.specification import (
    Model,
    varyings,
)

if TYPE_CHECKING:
    import pymc as pm


def smooth_root(
    owner: str, term: Smooth, spreads: Mapping[str, Any], lengths: Mapping[str, Any], held: Mapping[str, Any], built: "pm.Model"
) -> Any:
    """Return the root of the covariance of a smooth term's effects, those of the last group within next to each other."""
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import kron

    own = smooth.symbolic_root(held[axis_name(owner, term)].values, lengths[length_name(owner, term)].values)
    within = prod(built.dim_lengths[dim] for dim in term.dims[1:])
    return spreads[spread_name(owner, term)].values * (kron(own, pt.eye(within)) if term.dims[1:] else own)


def draw_effects(
    model: Model, spreads: Mapping[str, Any], roots: Mapping[str, Any], held: Mapping[str, Any], built: "pm.Model"
) -> dict[str, Any]:
    """Return the effects that are sampled term by term: level by level, or those of a smooth term whitened."""
    import pymc.dims as pmd
    from pytensor.xtensor import as_xtensor

    from bayes_scaling.model.whitening import draw_whitened

    effects = {}
    left_out = jointly_sampled(model, held)
    for owner, term in varyings(model):
        if isinstance(term, Smooth) and (owner, term) not in left_out:
            root, known = roots[term_name(owner, term)], held[information_name(owner, term)].values.ravel()
            information = root.T @ (known[:, None] * root)
            z = draw_whitened(sampled_name(owner, term), information, 0.0 * known, dims=term.dims)
            shape = tuple(built.dim_lengths[dim] for dim in term.dims)
            effects[term_name(owner, term)] = as_xtensor((root @ z).reshape(shape), dims=term.dims)
        elif isinstance(term, Ordered):
            effects[term_name(owner, term)] = _draw_ordered(owner, term, spreads, held)
        elif isinstance(term, ByLevel) and (owner, term) not in left_out:
            z = pmd.Normal(sampled_name(owner, term), mu=0.0, sigma=1.0, dims=term.dims)
            effects[term_name(owner, term)] = placed_by_level(owner, term, z, held)
    for block in blocks(model, held):
        effects |= _draw_block(block, spreads, held)
    return effects


def _draw_block(block: Sequence[tuple[str, Varying]], spreads: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the effects of varying terms over the same groups, sampled level by level."""
    import pymc as pm
    import pymc.dims as pmd

    from bayes_scaling.model.whitening import unwhiten_levels

    sds = [spreads[spread_name(*of)] for of in block]
    information = {(i, j): sds[i] * sds[j] * held[name] for (i, j), name in entries(block).items()}
    w = [pmd.Flat(sampled_name(*of), dims=of[1].dims) for of in block]
    z, diagonal = unwhiten_levels(w, information, pmd.math.sqrt)
    density = sum(-0.5 * own**2 - pmd.math.log(root) for own, root in zip(z, diagonal, strict=True))
    pm.Potential(f"{sampled_name(*block[0])}_density", density.sum())
    return {term_name(*of): sd * own for of, sd, own in zip(block, sds, z, strict=True)}


def _draw_ordered(owner: str, term: Ordered, spreads: Mapping[str, Any], held: Mapping[str, Any]) -> Any:
    """Return the effects of an ordered term, whose gaps between levels are sampled."""
    import pymc.dims as pmd
    import pytensor.tensor as pt
    from pytensor.xtensor import as_xtensor

    at = held[axis_name(owner, term)].values
    places = as_xtensor(pt.maximum(ordered.gaps(at, pt), 1.0), dims=term.dims)
    steps = pmd.Gamma(sampled_name(owner, term), alpha=places, beta=1.0 / spreads[spread_name(owner, term)])
    return as_xtensor(ordered.effects(term, at, steps.values, pt), dims=term.dims)


def placed_by_level(owner: str, term: ByLevel, z: Any, held: Mapping[str, Any]) -> Any:
    """Return what standard numbers are under the prior of each level, on the link scale."""
    mean, sd = (held[name] for name in own_names(owner, term))
    return mean + sd * z
