"""The model: what we believe before seeing data, as one record; built from symbols, evaluated on symbols or draws."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling import discrepancy as gp
from bayes_scaling.discrepancy import Discrepancy
from bayes_scaling.errors import InputError, as_written, listed
from bayes_scaling.formula import law_tree, law_value
from bayes_scaling.functions import PART, Functions, on_symbols
from bayes_scaling.laws import Law, check_references, law_inputs, law_parameters
from bayes_scaling.noise import Noise
from bayes_scaling.parameters import Parameter, Prior, Term, Trend, Varying, as_parameter, distribution, link
from bayes_scaling.runs import RESERVED, Runs, level_index
from bayes_scaling.schedules import check_logarithms, log_input

if TYPE_CHECKING:
    import pymc as pm


OWN_PREFIXES = ("noise_", "residual_", "log_", "index_", "information_", "discrepancy")
"""Beginnings of names that a law's parameters cannot have: the model's own variables have them."""


@dataclass(frozen=True)
class Model:
    """A law, a prior for each of its parameters, and how runs scatter about it.

    law: a plain function, data before the star and parameters after it.
    parameters: name -> `Prior`, or `Prior + Varying + Trend`; the names are the law's. A trend may be on an input that the
        law itself does not read, as when the coefficients of a curve over tokens drift with model size.
    noise: scatter of single rows and departures that rows share.
    discrepancy: smooth functions of the inputs by which the truth may leave the law; none where the law is taken for the truth.

    Raises InputError, naming both sides, where the law's parameters and the priors differ.
    """

    law: Law
    parameters: Mapping[str, Prior | Parameter]
    noise: Noise
    discrepancy: tuple[Discrepancy, ...] = ()

    def __post_init__(self) -> None:
        expected, given = set(law_parameters(self.law)), set(self.parameters)
        if expected != given:
            raise InputError(_mismatch(self.law.__name__, expected, given))
        clash = sorted(name for name in expected if name.startswith(OWN_PREFIXES))
        if clash or expected & RESERVED:
            raise InputError(f"a parameter cannot be called {(clash or sorted(expected & RESERVED))[0]!r}; choose another name")
        law_tree(self.law)
        every: list[tuple[str, Term]] = [*varyings(self), *trends(self)]
        names = [term_name(owner, term) for owner, term in every] + [gp.name(term) for term in self.discrepancy]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"a term is given twice: {repeated[0]}; each varies over its groups once")


def _mismatch(law: str, expected: set[str], given: set[str]) -> str:
    parts = [f"law {law} has the parameters {listed(expected)}; priors are given for {listed(given)}"]
    for name in sorted(given - expected):
        near = difflib.get_close_matches(name, expected - given, 1, cutoff=0.3)
        parts.append(f"{name!r} is none of them" + (f", did you mean {near[0]!r}?" if near else ""))
    parts += [f"{name!r} has no prior" for name in sorted(expected - given)]
    return "; ".join(parts)


NOISE_LENGTH = "noise_length"
NOISE_WHITE = "noise_white"
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


NOISE_SD = "noise_sd"


def owners(model: Model) -> dict[str, Parameter]:
    """Return everything that a prior and terms describe: the law's parameters, and the scale of the scatter."""
    return {name: as_parameter(of) for name, of in {**model.parameters, NOISE_SD: model.noise.sd}.items()}


def varyings(model: Model) -> list[tuple[str, Varying]]:
    """Return every varying term of a model with the parameter, "noise_sd" or "residual" that it belongs to."""
    of_parameters = [(name, term) for name, parameter in owners(model).items() for term in parameter.terms]
    of_residuals = [("residual", effect) for effect in model.noise.effects]
    return [(owner, term) for owner, term in of_parameters + of_residuals if isinstance(term, Varying)]


def trends(model: Model) -> list[tuple[str, Trend]]:
    """Return every trend of a model with the parameter, or "noise_sd", that it belongs to."""
    return [(name, term) for name, parameter in owners(model).items() for term in parameter.terms if isinstance(term, Trend)]


def noise_scales(model: Model) -> dict[str, Prior]:
    """Return the priors of what else the noise has, beside its scale, by the names of the draws."""
    noise, correlation = model.noise, model.noise.correlation
    found = {NOISE_LENGTH: correlation.length} if correlation else {}
    found |= {NOISE_WHITE: correlation.white} if correlation and correlation.white else {}
    return found | ({NU_BEYOND_ONE: noise.nu} if noise.distribution == "student_t" else {})


def departures(model: Model) -> list[tuple[Discrepancy, tuple[str, ...]]]:
    """Return the terms of the discrepancy, each with the inputs that it depends on."""
    return [(term, term.over or tuple(law_inputs(model.law))) for term in model.discrepancy]


def model_inputs(model: Model) -> tuple[str, ...]:
    """Return the inputs that a model reads: the law's, then those that only a trend, a correlation or a discrepancy is on."""
    correlation = model.noise.correlation
    others = [term.on for _, term in trends(model)] + ([correlation.along] if correlation else [])
    others += [name for term in model.discrepancy for name in term.over or ()]
    return tuple(dict.fromkeys([*law_inputs(model.law), *others]))


def law_groups(model: Model) -> list[str]:
    """Return the groups between which the expected loss differs: those a point must name a level of."""
    of_law = {dim for owner, term in varyings(model) if owner in model.parameters for dim in term.dims}
    return sorted(of_law | {dim for term in model.discrepancy for dim in term.dims})


def check_runs(model: Model, runs: Runs) -> None:
    """Raise InputError where the runs lack an input or group of the model, or a group has a single level."""
    inputs = model_inputs(model)
    if set(inputs) != set(runs.columns.inputs):
        raise InputError(f"{model.law.__name__} needs inputs {listed(inputs)}; the table has {listed(runs.columns.inputs)}")
    check_references(model.law, runs.references)
    check_logarithms(runs.columns, _on_logarithms(model))
    if model.noise.on == "log_loss" and not runs.columns.response.positive:
        raise InputError(f'{runs.source}: noise on the log loss needs positive values; say on = "loss", or positive = true')
    if clash := sorted(set(model.parameters) & set(runs.levels)):
        raise InputError(f"{clash[0]!r} is the name of a parameter and of a group; rename one of them")
    over = [(owner, dim) for owner, term in varyings(model) for dim in term.dims]
    for owner, dim in over + [("the discrepancy", dim) for term in model.discrepancy for dim in term.dims]:
        if dim not in runs.levels:
            raise InputError(f"{owner} varies over {dim!r}; the groups of the runs are {listed(runs.levels)}")
        if len(runs.levels[dim]) < 2:
            raise InputError(
                f"{runs.source}: group {dim!r} (column {' + '.join(runs.columns.dims[dim])}) has the single level "
                f"{as_written(runs.levels[dim][0])} from row 1 on; {owner} varies over it and needs two or more"
            )
    if model.noise.correlation is not None and "run" not in runs.levels:
        raise InputError(f"{runs.source}: correlated noise needs to know which rows are one run; say run = the column(s)")


def _on_logarithms(model: Model) -> dict[str, tuple[str, ...]]:
    """Return what is linear or smooth in the logarithm of inputs, beside the law: what it is called -> the inputs."""
    correlation = model.noise.correlation
    terms = {f"the trend of {owner}": (term.on,) for owner, term in trends(model)}
    terms |= {"the correlation of the noise": (correlation.along,)} if correlation else {}
    return terms | {"the discrepancy": tuple(name for _, inputs in departures(model) for name in inputs)}


def groups_used(model: Model) -> list[str]:
    """Return every group that a term of the model varies over."""
    terms: list[Varying | Discrepancy] = [*(term for _, term in varyings(model)), *model.discrepancy]
    return sorted({dim for term in terms for dim in term.dims})


def data(model: Model, runs: Runs, levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the model reads from the runs: inputs over their reference, level numbers, the response, its error.

    Rows are in the order of the table, but for a model that filters white noise in the order of their runs.
    """
    table, correlation = runs.table, model.noise.correlation
    filters = correlation is not None and correlation.white is not None
    if correlation is not None and filters:
        table = table.iloc[neighbours(table, correlation.along)["order"]]
    arrays = {f"log_{name}": log_input(table, runs.columns, runs.references, name) for name in model_inputs(model)}
    arrays |= {f"index_{dim}": level_index(table[dim], levels[dim]) for dim in groups_used(model)}
    response = table["response"].to_numpy()
    on_log = model.noise.on == "log_loss"
    arrays["response"] = np.log(response) if on_log else response
    if "reading_error" in table:
        error = table["reading_error"].to_numpy()
        arrays["reading_error"] = error / response if on_log else error
    if model.discrepancy:
        arrays |= gp.arrays(departures(model), arrays, levels)
    if correlation is not None:
        found = neighbours(table, correlation.along)
        arrays |= {name: found[name] for name in (("gap",) if filters else ("gap", "previous"))}
        alone = {"count": 1.0, "apart": 0.0}  # of a row that is no average
        arrays |= {n: np.asarray(table.get(n, np.full(len(table), of))) for n, of in alone.items()} if filters else {}
        if (arrays["gap"] <= 0).any():
            row = int(np.argmax(arrays["gap"] <= 0))
            run, at = as_written(table["run"].iloc[row]), table[correlation.along].iloc[row]
            raise InputError(f"{runs.source}: run {run} has two rows at {correlation.along} {at:g}; expected one")
    return arrays


def array_shapes(model: Model, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int | str, ...]]:
    """Return the shape of each array that a model reads, with names for the dimensions that differ between runs."""
    levels: dict[str, tuple[int | str, ...]] = {information_name(owner, term): term.dims for owner, term in varyings(model)}

    def shape(name: str, of: np.ndarray) -> tuple[int | str, ...]:
        fixed = name.startswith("discrepancy") and name != gp.WEIGHTS
        return levels[name] if name in levels else of.shape if fixed else ("row", *of.shape[1:])

    return {name: shape(name, of) for name, of in arrays.items()}


FAR = 1e6
"""Gap, in e-folds, before the first row of a run: nothing of what lies before it is left."""


def neighbours(table: pd.DataFrame, along: str) -> dict[str, np.ndarray]:
    """Return how rows follow each other along their runs.

    order: the rows, run by run. previous: the row before each in its run, itself for the first; gap: how far that lies back, in
    e-folds of an input.
    """
    run, at = pd.factorize(table["run"])[0], np.log(table[along].to_numpy())
    order = np.lexsort((at, run))
    first = np.diff(run[order], prepend=-1) != 0
    previous, gap = order.copy(), np.full(len(order), FAR)
    previous[order] = np.where(first, order, np.roll(order, 1))
    gap[order] = np.where(first, FAR, np.diff(at[order], prepend=0.0))
    return {"previous": previous, "gap": gap, "order": order}


def evaluate(
    model: Model, draws: Any, logs: Mapping[str, Any], level: Callable[[str, Varying], Any], functions: Functions
) -> Any:
    """Return the law's loss at rows: the one bridge between symbols and draws.

    draws: name -> values of parameters and slopes; variables of `pymc.dims` when the model is built, `xarray.DataArray` after.
    logs: input -> log(input / reference), along the dimension "row", and "lr_part" where it has parts.
    level: the owner of a varying term and the term -> its effect at each row.
    functions: `exp`, `log` and `mean` for such values.
    """
    values = {name: parameter_at(model, name, draws, logs, level, functions) for name in model.parameters}
    return law_value(model.law, logs, values, functions)


def residual(model: Model, level: Callable[[str, Varying], Any]) -> Any:
    """Return the departures that rows share, at each row, on the scale of the noise; 0 where the model has none."""
    return sum(level("residual", effect) for effect in model.noise.effects)


def parameter_at(model: Model, name: str, draws: Any, logs: Any, level: Any, functions: Functions) -> Any:
    """Return a parameter of the law, or "noise_sd", at rows; the arguments are those of `evaluate`."""
    parameter = owners(model)[name]
    if not parameter.terms:
        return draws[name]
    total = sum(
        level(name, term) if isinstance(term, Varying) else draws[term_name(name, term)] * logs[term.on]
        for term in parameter.terms
    )
    return draws[name] * functions["exp"](total) if link(parameter.prior) == "log" else draws[name] + total


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
        of_parts = {name: of for name, of in rows.items() if name.startswith("log_") and of.ndim > 1}
        for name, of in of_parts.items():
            dims[name] = ("row", PART)
            built.add_coord(PART, length=of.shape[1])
        knots = {name: pm.Data(name, of) for name, of in rows.items() if name.startswith("discrepancy")}
        held = {n: pmd.Data(n, xr.DataArray(of, dims=dims.get(n, "row"))) for n, of in rows.items() if n not in knots}
        logs = {name: held[f"log_{name}"] for name in model_inputs(model)}
        index = {dim: held[f"index_{dim}"] for dim in groups_used(model)}
        draws = {name: _draw(name, parameter.prior) for name, parameter in owners(model).items()}
        draws |= {term_name(owner, t): pmd.Normal(term_name(owner, t), mu=0.0, sigma=t.sd) for owner, t in trends(model)}
        effects = {
            term_name(owner, term): _draw_levels(owner, term, held[information_name(owner, term)])
            for owner, term in varyings(model)
        }

        def level(owner: str, term: Varying) -> Any:
            return effects[term_name(owner, term)].isel({dim: index[dim] for dim in term.dims})

        functions = on_symbols()
        expected = evaluate(model, draws, logs, level, functions)
        centre = pmd.math.log(expected) if model.noise.on == "log_loss" else expected
        scale = parameter_at(model, NOISE_SD, draws, logs, level, functions)
        white = _white(model.noise, held)
        scale = scale if white is not None else _with_error(scale, held)
        centre = centre + residual(model, level)
        if model.discrepancy:
            centre = centre + _departed(model, held["response"] - centre, scale, knots, levels)
        _observe(model.noise, centre, scale, white, held)
    return built


def _with_error(scale: Any, held: Mapping[str, Any]) -> Any:
    """Return a scale of each row's scatter with its reading error, where there is one."""
    import pymc.dims as pmd

    return pmd.math.sqrt(scale**2 + held["reading_error"] ** 2) if "reading_error" in held else scale


def _white(noise: Noise, held: Mapping[str, Any]) -> Any:
    """Return the scale of what rows scatter by each on its own, beside what neighbours share; None where all is one."""
    if noise.correlation is None or noise.correlation.white is None:
        return None
    return _with_error(_draw(NOISE_WHITE, noise.correlation.white) / held["count"] ** 0.5, held)


def _departed(model: Model, left: Any, scale: Any, knots: Mapping[str, Any], levels: Mapping[str, np.ndarray]) -> Any:
    """Return the discrepancy at rows, given what the law leaves of them."""
    from pytensor.xtensor import as_xtensor

    def as_tensor(variable: Any) -> Any:
        return variable.values  # noqa: PD011

    counts = {dim: len(of) for dim, of in levels.items()}
    left, precision = as_tensor(left), as_tensor(1.0 / scale**2).mean()
    return as_xtensor(gp.draw_departures(departures(model), knots, counts, left, precision), dims=("row",))


def _draw(name: str, prior: Prior) -> Any:
    import pymc.dims as pmd

    kind, arguments = distribution(prior)
    return getattr(pmd, kind)(name, **arguments)


def _draw_levels(owner: str, term: Varying, information: Any) -> Any:
    import pymc.dims as pmd

    sd = pmd.HalfNormal(spread_name(owner, term), sigma=term.sd)
    widened = pmd.math.sqrt(1.0 + information * sd**2)
    return pmd.Normal(sampled_name(owner, term), mu=0.0, sigma=widened) * (sd / widened)


def _observe(noise: Noise, centre: Any, scale: Any, white: Any, rows: Mapping[str, Any]) -> None:
    import pymc.dims as pmd

    if noise.correlation is not None:
        length = _draw(NOISE_LENGTH, noise.correlation.length)
        kept = rows["gap"] / length
    if white is not None:
        own = (white / scale) ** 2 + pmd.math.expm1(-rows["apart"] / length)
        before, variance = _seen_through(own, (rows["response"] - centre) / scale, pmd.math.exp(-kept))
        centre, scale = centre + scale * before, scale * pmd.math.sqrt(variance)
    elif noise.correlation is not None:
        before = ((rows["response"] - centre) / scale).isel(row=rows["previous"])
        centre = centre + scale * pmd.math.exp(-kept) * before
        scale = scale * pmd.math.sqrt(-pmd.math.expm1(-2.0 * kept))
    if noise.distribution == "normal":
        pmd.Normal("observed", mu=centre, sigma=scale, observed=rows["response"])
    else:
        beyond_one = _draw(NU_BEYOND_ONE, noise.nu)
        pmd.StudentT("observed", nu=1.0 + beyond_one, mu=centre, sigma=scale, observed=rows["response"])


def _seen_through(own: Any, left: Any, kept: Any) -> tuple[Any, Any]:
    """Return what each row is expected to show given those before it, and its variance, in units of the process.

    Rows are in the order of their runs.

    own: the variance of what is each row's own; less than the white part's where averaging has taken some of the process too.
    """
    from pytensor.xtensor import as_xtensor

    from bayes_scaling.filtering import filtered

    expected, variance = filtered(*(of.values for of in (left, kept, own)))  # noqa: PD011
    return as_xtensor(expected, dims=("row",)), as_xtensor(variance, dims=("row",))
