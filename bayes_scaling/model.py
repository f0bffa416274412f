"""The model: what we believe before seeing data, as one record; built from symbols, evaluated on symbols or draws."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import InputError, listed
from bayes_scaling.formula import law_tree, law_value
from bayes_scaling.laws import Law, law_inputs, law_parameters
from bayes_scaling.noise import Noise
from bayes_scaling.parameters import Parameter, Prior, Term, Trend, Varying, as_parameter, distribution, link
from bayes_scaling.runs import RESERVED, Runs, as_written, level_index

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True)
class Model:
    """A law, a prior for each of its parameters, and how runs scatter about it.

    law: a plain function, data before the star and parameters after it.
    parameters: name -> `Prior`, or `Prior + Varying + Trend`; the names are the law's.
    noise: scatter of single rows and departures that rows share.

    Raises InputError, naming both sides, where the law's parameters and the priors differ or a trend is on no input.
    """

    law: Law
    parameters: Mapping[str, Prior | Parameter]
    noise: Noise

    def __post_init__(self) -> None:
        expected, given = set(law_parameters(self.law)), set(self.parameters)
        if expected != given:
            raise InputError(_mismatch(self.law.__name__, expected, given))
        clash = sorted(name for name in expected if name.startswith(("noise_", "residual_", "log_", "index_", "information_")))
        if clash or expected & RESERVED:
            raise InputError(f"a parameter cannot be called {(clash or sorted(expected & RESERVED))[0]!r}; choose another name")
        for name, parameter in self.parameters.items():
            for term in as_parameter(parameter).terms:
                if isinstance(term, Trend) and term.on not in law_inputs(self.law):
                    raise InputError(f"{name} has a trend on {term.on!r}; the law's inputs are {law_inputs(self.law)}")
        law_tree(self.law)
        names = [term_name(owner, term) for owner, term in varyings(self)]
        names += [
            term_name(name, t) for name, p in self.parameters.items() for t in as_parameter(p).terms if isinstance(t, Trend)
        ]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"a term is given twice: {repeated[0]}; each varies over its groups once")


def _mismatch(law: str, expected: set[str], given: set[str]) -> str:
    parts = [f"law {law} has the parameters {listed(expected)}; priors are given for {listed(given)}"]
    for name in sorted(given - expected):
        near = difflib.get_close_matches(name, expected - given, 1, cutoff=0.3)
        parts.append(f"{name!r} is none of them" + (f", did you mean {near[0]!r}?" if near else ""))
    parts += [f"{name!r} has no prior" for name in sorted(expected - given)]
    return "; ".join(parts)


NU_BEYOND_ONE = "noise_nu_beyond_one"
"""What the Student-t degrees of freedom are sampled as; draws are kept as `noise_nu`."""


def term_name(owner: str, term: Term) -> str:
    """Return what a term's draws are called: `b_by_attention_position`, or `b_trend_params` for a slope."""
    return f"{owner}_by_{'_'.join(term.dims)}" if isinstance(term, Varying) else f"{owner}_trend_{term.on}"


def spread_name(owner: str, term: Varying) -> str:
    """Return what the draws of a term's learnt standard deviation are called: `b_sd_attention_position`."""
    return f"{owner}_sd_{'_'.join(term.dims)}"


def sampled_name(owner: str, term: Varying) -> str:
    """Return what the coordinates in which a term is sampled are called, see `geometry`."""
    return f"{term_name(owner, term)}_w"


def information_name(owner: str, term: Varying) -> str:
    """Return what the information about a term's levels is called, see `geometry`."""
    return f"information_{term_name(owner, term)}"


def varyings(model: Model) -> list[tuple[str, Varying]]:
    """Return every varying term of a model with the parameter, or "residual", that it belongs to."""
    of_parameters = [(name, t) for name, p in model.parameters.items() for t in as_parameter(p).terms]
    of_residuals = [("residual", effect) for effect in model.noise.effects]
    return [(owner, term) for owner, term in of_parameters + of_residuals if isinstance(term, Varying)]


def law_groups(model: Model) -> list[str]:
    """Return the groups between which the law itself differs: those a point must name a level of."""
    return sorted({dim for owner, term in varyings(model) if owner != "residual" for dim in term.dims})


def check_runs(model: Model, runs: Runs) -> None:
    """Raise InputError where the runs lack an input or group of the model, or a group has a single level."""
    inputs = law_inputs(model.law)
    if set(inputs) != set(runs.columns.inputs):
        raise InputError(f"{model.law.__name__} needs inputs {listed(inputs)}; the table has {listed(runs.columns.inputs)}")
    if model.noise.on == "log_loss" and not runs.columns.response.positive:
        raise InputError(f'{runs.source}: noise on the log loss needs positive values; say on = "loss", or positive = true')
    if clash := sorted(set(model.parameters) & set(runs.levels)):
        raise InputError(f"{clash[0]!r} is the name of a parameter and of a group; rename one of them")
    for owner, term in varyings(model):
        for dim in term.dims:
            if dim not in runs.levels:
                raise InputError(f"{owner} varies over {dim!r}; the groups of the runs are {listed(runs.levels)}")
            if len(runs.levels[dim]) < 2:
                raise InputError(
                    f"{runs.source}: group {dim!r} (column {' + '.join(runs.columns.dims[dim])}) has the single level "
                    f"{as_written(runs.levels[dim][0])} from row 1 on; {owner} varies over it and needs two or more"
                )


def groups_used(model: Model) -> list[str]:
    """Return every group that a term of the model varies over."""
    return sorted({dim for _, term in varyings(model) for dim in term.dims})


def data(model: Model, runs: Runs, levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the model reads from the runs: inputs over their reference, level numbers, the response, its error."""
    table = runs.table
    arrays = {f"log_{name}": np.log(table[name] / runs.references[name]).to_numpy() for name in law_inputs(model.law)}
    arrays |= {f"index_{dim}": level_index(table[dim], levels[dim]) for dim in groups_used(model)}
    response = table["response"].to_numpy()
    on_log = model.noise.on == "log_loss"
    arrays["response"] = np.log(response) if on_log else response
    if "reading_error" in table:
        relative = table["reading_error"].to_numpy()
        arrays["reading_error"] = relative if on_log else relative * response
    return arrays


def evaluate(
    model: Model, draws: Any, logs: Mapping[str, Any], level: Callable[[str, Varying], Any], exp: Callable[[Any], Any]
) -> Any:
    """Return the law's loss at rows: the one bridge between symbols and draws.

    draws: name -> values of parameters and slopes; variables of `pymc.dims` when the model is built, `xarray.DataArray` after.
    logs: input -> log(input / reference), along the dimension "row".
    level: the owner of a varying term and the term -> its effect at each row.
    exp: the exponential function for such values, of `pymc.dims.math` or `numpy`.
    """
    values = {
        name: _parameter(name, as_parameter(parameter), draws, logs, level, exp) for name, parameter in model.parameters.items()
    }
    return law_value(model.law, logs, values, exp)


def residual(model: Model, level: Callable[[str, Varying], Any]) -> Any:
    """Return the departures that rows share, at each row, on the scale of the noise; 0 where the model has none."""
    return sum(level("residual", effect) for effect in model.noise.effects)


def _parameter(name: str, parameter: Parameter, draws: Any, logs: Any, level: Any, exp: Any) -> Any:
    if not parameter.terms:
        return draws[name]
    total = sum(
        level(name, term) if isinstance(term, Varying) else draws[term_name(name, term)] * logs[term.on]
        for term in parameter.terms
    )
    return draws[name] * exp(total) if link(parameter.prior) == "log" else draws[name] + total


def build(model: Model, rows: Mapping[str, np.ndarray], levels: Mapping[str, np.ndarray]) -> "pm.Model":
    """Return the PyMC model, with every array that may change later held as data.

    rows: what `data` returns, and for each varying term the information about its levels, see `geometry`.
    levels: group -> its levels.
    """
    import pymc as pm
    import pymc.dims as pmd

    dims = {information_name(owner, term): term.dims for owner, term in varyings(model)}
    with pm.Model(coords=dict(levels)) as built:
        built.add_coord("row", length=len(rows["response"]))
        held = {name: pmd.Data(name, xr.DataArray(of, dims=dims.get(name, "row"))) for name, of in rows.items()}
        logs = {name: held[f"log_{name}"] for name in law_inputs(model.law)}
        index = {dim: held[f"index_{dim}"] for dim in groups_used(model)}
        draws: dict[str, Any] = {}
        for name, parameter in model.parameters.items():
            draws[name] = _draw(name, as_parameter(parameter).prior)
            for term in as_parameter(parameter).terms:
                if isinstance(term, Trend):
                    draws[term_name(name, term)] = pmd.Normal(term_name(name, term), mu=0.0, sigma=term.sd)
        effects = {
            term_name(owner, term): _draw_levels(owner, term, held[information_name(owner, term)])
            for owner, term in varyings(model)
        }

        def level(owner: str, term: Varying) -> Any:
            return effects[term_name(owner, term)].isel({dim: index[dim] for dim in term.dims})

        expected = evaluate(model, draws, logs, level, pmd.math.exp)
        centre = pmd.math.log(expected) if model.noise.on == "log_loss" else expected
        _observe(model.noise, centre + residual(model, level), held)
    return built


def _draw(name: str, prior: Prior) -> Any:
    import pymc.dims as pmd

    kind, arguments = distribution(prior)
    return getattr(pmd, kind)(name, **arguments)


def _draw_levels(owner: str, term: Varying, information: Any) -> Any:
    import pymc.dims as pmd

    sd = pmd.HalfNormal(spread_name(owner, term), sigma=term.sd)
    widened = pmd.math.sqrt(1.0 + information * sd**2)
    return pmd.Normal(sampled_name(owner, term), mu=0.0, sigma=widened) * (sd / widened)


def _observe(noise: Noise, centre: Any, rows: Mapping[str, Any]) -> None:
    import pymc.dims as pmd

    scale = _draw("noise_sd", noise.sd)
    if "reading_error" in rows:
        scale = pmd.math.sqrt(scale**2 + rows["reading_error"] ** 2)
    if noise.distribution == "normal":
        pmd.Normal("observed", mu=centre, sigma=scale, observed=rows["response"])
    else:
        beyond_one = _draw(NU_BEYOND_ONE, noise.nu)
        pmd.StudentT("observed", nu=1.0 + beyond_one, mu=centre, sigma=scale, observed=rows["response"])
