"""The model as PyMC has it: built from symbols, every array that may change later held as data."""

from collections.abc import Callable, Mapping
from math import log, pi
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling._base.functions import PART, on_symbols
from bayes_scaling.model import centring, gaussian_process as gp
from bayes_scaling.model.drawn_effects import draw_effects, smooth_root
from bayes_scaling.model.drawn_jointly import draw_jointly
from bayes_scaling.model.evaluation import evaluate, group_effects, parameter_at
from bayes_scaling.model.joint_density import log_ratio
from bayes_scaling.model.likelihood import draw_scalar, observe, white_scale, with_measurement_error
from bayes_scaling.model.names import (
    JOINT_INFORMATION,
    NOISE_SD,
    axis_name,
    information_name,
    own_names,
    spread_name,
    term_name,
)
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import Effect
from bayes_scaling.model.parametrization import blocks, entries, joint_parameters, joint_slopes
from bayes_scaling.model.priors import Prior, distribution
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    groups_used,
    model_inputs,
    parameters_with_priors,
    placed,
    pooled,
    smooth_lengths,
    smooths,
    trends,
    varyings,
)

if TYPE_CHECKING:
    import pymc as pm


def build(model: Model, rows: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> "pm.Model":
    """Return the PyMC model, with every array that may change later held as data.

    Parameters
    ----------
    rows
        What `data` returns, and what `reparametrization` adds: how effects are sampled, which are integrated out. Without the
        latter the effects of all terms are sampled, each level on its own.
    levels
        Group -> its levels.
    """
    import pymc as pm
    import pymc.dims as pmd

    with pm.Model(coords=dict(levels)) as built:
        held = _held(model, rows)
        scalars, slopes = parameters_with_priors(model), {term_name(owner, term): term for owner, term in trends(model)}
        jointly = JOINT_INFORMATION in rows
        apart = joint_parameters(model).keys() | joint_slopes(model).keys() if jointly else set()
        apart |= centring.centred(model).keys() if centring.CENTRE in rows else set()
        priors = {name: of.prior for name, of in scalars.items()} | {name: _normal(of.sd) for name, of in slopes.items()}
        draws = {name: draw_scalar(name, prior) for name, prior in priors.items() if name not in apart}
        draws |= _draw_centred(model, draws, held) if centring.CENTRE in rows else {}
        spreads = {spread_name(*of): draw_scalar(spread_name(*of), _half_normal(of[1].sd)) for of in pooled(model)}
        lengths = {name: draw_scalar(name, prior) for name, prior in smooth_lengths(model).items()}
        roots = {term_name(*of): smooth_root(*of, spreads, lengths, held, built) for of in smooths(model)}
        effects = draw_effects(model, spreads, roots, held, built)
        level = _levels(model, effects, held)
        logs = {name: held[f"log_{name}"] for name in model_inputs(model)}
        functions = on_symbols()
        scale = parameter_at(model, NOISE_SD, draws, logs, level, functions)
        white = white_scale(model.noise, held)
        scale = scale if white is not None else with_measurement_error(scale, held)
        if jointly:
            more, own = draw_jointly(model, spreads, roots, (1.0 / scale**2).mean(), held, built)
            draws, level = draws | more, _levels(model, effects | own, held)
        expected = evaluate(model, draws, logs, level, functions)
        centre = on_scale(expected, model.noise.on, pmd.math.log)
        centre = centre + group_effects(model, level)
        if model.discrepancy:
            centre = centre + _discrepancy(model, held["response"] - centre, scale, held, levels)
        observe(model, centre, scale, white, held, spreads)
        _join_priors(model, draws, built)
    return built


def _held(model: Model, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the arrays as data of the PyMC model at hand: rows and levels with named dimensions, others without."""
    import pymc as pm
    import pymc.dims as pmd
    from pytensor import shared

    built = pm.modelcontext(None)
    built.add_coord("row", length=len(rows["response"]))
    dims: dict[str, tuple[str, ...]] = {information_name(owner, term): term.dims for owner, term in varyings(model)}
    dims |= {name: block[0][1].dims for block in blocks(model, rows) for name in entries(block).values()}
    dims |= {axis_name(owner, term): (term.over,) for owner, term in placed(model)}
    dims |= {name: (term.over,) for owner, term in by_levels(model) for name in own_names(owner, term)}
    for name, of in rows.items():
        if name.startswith("log_") and of.ndim > 1:
            dims[name] = ("row", PART)
            built.add_coord(PART, length=of.shape[1])
    bare = {name for name in rows if name.startswith(("discrepancy", "joint_"))}
    named = {n: pmd.Data(n, xr.DataArray(of, dims=dims.get(n, "row"))) for n, of in rows.items() if n not in bare}
    return named | {name: shared(rows[name], name=name) for name in bare}


def _draw_centred(model: Model, draws: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coefficients that are sampled in the middle of the runs, see `centring`."""
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.xtensor import as_xtensor

    found = {}
    for name, of in centring.centred(model).items():
        values = {exponent: draws[exponent].values for exponent in of}
        logarithm = pm.Flat(centring.sampled_as(name), shape=()) + centring.shift(of, values, held[centring.CENTRE])
        prior = distribution(parameters_with_priors(model)[name].prior)[1]
        z = (logarithm - prior["mu"]) / prior["sigma"]
        pm.Potential(f"{name}_density", -(z**2) / 2 - log(prior["sigma"]) - log(2 * pi) / 2)
        found[name] = as_xtensor(pt.exp(logarithm), dims=())
    return found


def _levels(model: Model, effects: Mapping[str, Any], held: Mapping[str, Any]) -> Callable[[str, Effect], Any]:
    """Return the function that gives a term's effect at each row; none where it is integrated out."""
    from pytensor.xtensor import as_xtensor

    index = {dim: held[f"index_{dim}"] for dim in groups_used(model)}
    none = as_xtensor(np.zeros(()), dims=())

    def level(owner: str, term: Effect) -> Any:
        effect = effects.get(term_name(owner, term))
        return none if effect is None else effect.isel({dim: index[dim] for dim in term.dims})

    return level


def _join_priors(model: Model, draws: Mapping[str, Any], built: "pm.Model") -> None:
    """Register what joint priors have over the independent ones with which their parameters were drawn."""
    import pymc as pm

    for number, joint in enumerate(model.joint):
        drawn = {name: draws[name] if name in draws else built[name] for name in joint.parameters}
        pm.Potential(f"joint_prior_{number}", log_ratio(joint, {name: of.values for name, of in drawn.items()}))


def _discrepancy(model: Model, left: Any, scale: Any, knots: Mapping[str, Any], levels: Mapping[str, np.ndarray]) -> Any:
    """Return the discrepancy at rows, given what the law leaves of them."""
    from pytensor.xtensor import as_xtensor

    def as_tensor(variable: Any) -> Any:
        return variable.values

    counts = {dim: len(of) for dim, of in levels.items()}
    left, precision = as_tensor(left), as_tensor(1.0 / scale**2).mean()
    return as_xtensor(gp.draw_discrepancy(discrepancy_terms(model), knots, counts, left, precision), dims=("row",))


def _normal(sd: float) -> Prior:
    return Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": sd})


def _half_normal(sd: float) -> Prior:
    return Prior(distribution="HalfNormal", arguments={"sigma": sd})
