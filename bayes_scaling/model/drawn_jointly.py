"""Parameters, slopes and effects that the compiled model draws together, in coordinates that whiten them."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from bayes_scaling.model.drawn_effects import placed_by_level
from bayes_scaling.model.names import (
    JOINT,
    JOINT_INFORMATION,
    JOINT_LINEAR,
    JOINT_W,
    spread_name,
    term_name,
)
from bayes_scaling.model.parameters import ByLevel, Effect, Smooth
from bayes_scaling.model.parametrization import joint_parameters, joint_slopes, jointly_sampled
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import (
    Model,
    parameters_with_priors,
)

if TYPE_CHECKING:
    import pymc as pm


def draw_jointly(
    model: Model,
    spreads: Mapping[str, Any],
    roots: Mapping[str, Any],
    precision: Any,
    held: Mapping[str, Any],
    built: "pm.Model",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and slopes that are sampled jointly, and the effects.

    Parameters
    ----------
    precision
        Of the rows' scatter, on average.
    """
    from pytensor.xtensor import as_xtensor

    built.add_coord(JOINT, length=len(held[JOINT_LINEAR].get_value()))
    parameters, slopes, terms = joint_parameters(model), joint_slopes(model), jointly_sampled(model, held)
    sizes = [prod(built.dim_lengths[dim] for dim in term.dims) for _, term in terms]
    spread = [1.0 if isinstance(of[1], ByLevel) else spreads[spread_name(*of)].values for of in terms]
    alone = len(parameters) + len(slopes)
    z = _whitened(alone, terms, sizes, spread, roots, precision.values, held)
    scalars = {name: as_xtensor(z[i], dims=()) for i, name in enumerate([*parameters, *slopes])}
    draws = {name: _linked(model, name, middle + sd * scalars[name]) for name, (middle, sd) in parameters.items()}
    draws |= {name: sd * scalars[name] for name, sd in slopes.items()}
    start, effects = alone, {}
    for (owner, term), size, sd in zip(terms, sizes, spread, strict=True):
        own = z[start : start + size]
        drawn = roots[term_name(owner, term)] @ own if isinstance(term, Smooth) else sd * own
        effect = as_xtensor(drawn.reshape(tuple(built.dim_lengths[dim] for dim in term.dims)), dims=term.dims)
        effects[term_name(owner, term)] = placed_by_level(owner, term, effect, held) if isinstance(term, ByLevel) else effect
        start += size
    return draws, effects


def _whitened(
    alone: int,
    terms: Sequence[tuple[str, Effect]],
    sizes: Sequence[int],
    spread: Sequence[Any],
    roots: Mapping[str, Any],
    precision: Any,
    held: Mapping[str, Any],
) -> Any:
    """Return standard normal numbers: of so many parameters and slopes alone, then of the levels of each term.

    The information that rows hold about them is known at the terms' prior scales; here it is taken to the scales drawn.

    Parameters
    ----------
    sizes, spread
        How many levels each term has, and the scale that is drawn for it.
    """
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import block_diag

    from bayes_scaling.model.whitening import draw_whitened

    scales = [1.0 if isinstance(term, ByLevel) else term.sd for _, term in terms]
    if any(isinstance(term, Smooth) for _, term in terms):
        blocks = [
            roots[term_name(*of)] / scale if isinstance(of[1], Smooth) else sd / scale * pt.eye(size)
            for size, sd, scale, of in zip(sizes, spread, scales, terms, strict=True)
        ]
        root = block_diag(pt.eye(alone), *blocks)
        information = precision * (root.T @ held[JOINT_INFORMATION] @ root)
        return draw_whitened(JOINT_W, information, precision * (root.T @ held[JOINT_LINEAR]), dims=JOINT)
    ratios = [pt.full((size,), sd / scale) for size, sd, scale in zip(sizes, spread, scales, strict=True)]
    ratio = pt.concatenate([pt.ones(alone), *ratios])
    information = precision * ratio[:, None] * held[JOINT_INFORMATION] * ratio[None, :]
    return draw_whitened(JOINT_W, information, precision * ratio * held[JOINT_LINEAR], dims=JOINT)


def _linked(model: Model, name: str, value: Any) -> Any:
    import pymc.dims as pmd

    return pmd.math.exp(value) if link(parameters_with_priors(model)[name].prior) == "log" else value
