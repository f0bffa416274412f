"""The model: what we believe before seeing data, as one record; built from symbols, evaluated on symbols or draws."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling._base.functions import Functions, on_arrays
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.columns import RESERVED
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedules import check_logarithms, log_input
from bayes_scaling.laws.formula import law_tree, law_value
from bayes_scaling.laws.library import Law, check_references, law_inputs, law_parameters
from bayes_scaling.model import discrepancy as gp
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Parameter, Prior, Term, Trend, Varying, as_parameter, distribution, link

OWN_PREFIXES = ("noise_", "residual_", "log_", "index_", "information_", "discrepancy", "joint")
"""Beginnings of names that a law's parameters cannot have: the model's own variables have them."""


@dataclass(frozen=True)
class Model:
    """A law, a prior for each of its parameters, and how runs scatter about it.

    Parameters
    ----------
    law
        A plain function, data before the star and parameters after it.
    parameters
        Name -> `Prior`, or `Prior + Varying + Trend`; the names are the law's. A trend may be on an input that the law itself
        does not read, as when the coefficients of a curve over tokens drift with model size.
    noise
        Scatter of single rows and departures that rows share.
    discrepancy
        Smooth functions of the inputs by which the truth may leave the law; none where the law is taken for the truth.
    unit
        Of the losses that the priors are for, as "nats/token": given runs in another unit, `fit` takes priors multiplied by
        what leads from one to the other, see `loss_units.in_unit_of`. "": of the runs, whatever that is.

    Raises
    ------
    InputError
        Naming both sides, where the law's parameters and the priors differ.
    """

    law: Law
    parameters: Mapping[str, Prior | Parameter]
    noise: Noise
    discrepancy: tuple[Discrepancy, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        if not callable(self.law):
            raise InputError(
                f"the law of a model is a function, such as laws.chinchilla or what parse_law returns, not {self.law!r}"
            )
        checks.check(
            self,
            "of a model",
            parameters=checks.named(checks.record(Prior, Parameter)),
            unit=checks.text,
            noise=checks.record(Noise),
            discrepancy=checks.several(checks.record(Discrepancy)),
        )
        expected, given = set(law_parameters(self.law)), set(self.parameters)
        if expected != given:
            raise InputError(_mismatch(self.law.__name__, expected, given))
        clash = sorted(name for name in expected if name.startswith(OWN_PREFIXES))
        if clash or expected & RESERVED:
            raise InputError(f"a parameter cannot be called {(clash or sorted(expected & RESERVED))[0]!r}; choose another name")
        law_tree(self.law)
        terms = [(term_name(owner, term), term.dims) for owner, term in varyings(self)]
        terms += [(term_name(owner, term), (term.on,)) for owner, term in trends(self)]
        terms += [(gp.name(term), term.dims) for term in self.discrepancy]
        if repeated := sorted({name for name, over in terms if terms.count((name, over)) > 1}):
            raise InputError(f"a term is given twice: {repeated[0]}; each varies over its groups once")
        refuse_same_names(names_of(self))


def _mismatch(law: str, expected: set[str], given: set[str]) -> str:
    parts = [f"law {law} has the parameters {format_names(expected)}; priors are given for {format_names(given)}"]
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
    """Return what the coordinates in which a term is sampled are called, see `reparametrization`."""
    return f"{term_name(owner, term)}_w"


def information_name(owner: str, term: Varying) -> str:
    """Return what the information about a term's levels is called, see `reparametrization`."""
    return f"information_{term_name(owner, term)}"


NOISE_SD = "noise_sd"

TRIED = 5
"""Places at which a law is tried for whether a parameter shifts it."""

JOINT = "joint_number"
"""Parameters, slopes and effects that are sampled together, in coordinates that whiten them, see `whitening`."""
JOINT_W, JOINT_INFORMATION, JOINT_LINEAR = "joint_w", "joint_information", "joint_linear"
STRUCTURE = "joint_structure"
"""Which levels of integrated effects meet in which rows, see `marginalized`."""


def parameters_with_priors(model: Model) -> dict[str, Parameter]:
    """Return everything that a prior and terms describe: the law's parameters, and the scale of the scatter."""
    return {name: as_parameter(of) for name, of in {**model.parameters, NOISE_SD: model.noise.sd}.items()}


def varyings(model: Model) -> list[tuple[str, Varying]]:
    """Return every varying term of a model with the parameter, "noise_sd" or "residual" that it belongs to."""
    of_parameters = [(name, term) for name, parameter in parameters_with_priors(model).items() for term in parameter.terms]
    of_residuals = [("residual", effect) for effect in model.noise.effects]
    return [(owner, term) for owner, term in of_parameters + of_residuals if isinstance(term, Varying)]


def integrated(model: Model) -> list[tuple[str, Varying]]:
    """Return the varying terms whose effects are integrated out of the likelihood, and drawn afterwards.

    Under normal noise those that shift rows by themselves on the scale of the noise: departures that rows share, and levels of
    a parameter that is a factor of the law, where the noise is on the log loss, or a summand of it, where it is on the loss.
    Where the noise is correlated and has a white part, effects are sampled.
    """
    noise = model.noise
    if noise.distribution != "normal" or (noise.correlation is not None and noise.correlation.white is not None):
        return []
    shifting = {name for name in model.parameters if _shifts(model, name)} | {"residual"}
    return [(owner, term) for owner, term in varyings(model) if owner in shifting]


def sampled(model: Model) -> list[tuple[str, Varying]]:
    """Return the varying terms whose effects are sampled."""
    gone = integrated(model)
    return [pair for pair in varyings(model) if pair not in gone]


def _shifts(model: Model, name: str) -> bool:
    """Return whether a step of a parameter, on its link scale, is that step of the loss on the scale of the noise.

    The law is tried at some places, so that it does not matter how it is written.
    """
    on_log, positive = model.noise.on == "log_loss", link(parameters_with_priors(model)[name].prior) == "log"
    if on_log is not positive:
        return False
    random = np.random.default_rng(0)
    logs = {x: random.normal(size=TRIED) for x in law_inputs(model.law)}
    values = {other: random.uniform(0.5, 1.5, TRIED) for other in model.parameters}
    step = 0.7
    with np.errstate(all="ignore"):
        before = law_value(model.law, logs, values, on_arrays(1))
        moved = values | {name: values[name] * np.exp(step) if positive else values[name] + step}
        after = law_value(model.law, logs, moved, on_arrays(1))
        steps = np.log(after / before) if on_log else after - before
    return bool(np.allclose(steps, step, rtol=0.0, atol=1e-9))


def trends(model: Model) -> list[tuple[str, Trend]]:
    """Return every trend of a model with the parameter, or "noise_sd", that it belongs to."""
    return [
        (name, term)
        for name, parameter in parameters_with_priors(model).items()
        for term in parameter.terms
        if isinstance(term, Trend)
    ]


def joint_parameters(model: Model) -> dict[str, tuple[float, float]]:
    """Return the parameters of the law that may be sampled jointly, with their prior's mean and sd on the link scale."""
    priors = {name: distribution(parameters_with_priors(model)[name].prior) for name in model.parameters}
    return {name: (of["mu"], of["sigma"]) for name, (kind, of) in priors.items() if kind in ("Normal", "LogNormal")}


def joint_slopes(model: Model) -> dict[str, float]:
    """Return the slopes of the law's parameters, with the sd of their prior."""
    return {term_name(owner, term): term.sd for owner, term in trends(model) if owner != NOISE_SD}


def joint_terms(model: Model) -> list[tuple[str, Varying]]:
    """Return the varying terms that may be sampled jointly."""
    return [(owner, term) for owner, term in sampled(model) if owner != NOISE_SD]


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
        raise InputError(
            f"{model.law.__name__} needs inputs {format_names(inputs)}; the table has {format_names(runs.columns.inputs)}"
        )
    check_references(model.law, runs.references)
    check_logarithms(runs.columns, _on_logarithms(model))
    if model.noise.on == "log_loss" and not runs.columns.response.positive:
        raise InputError(f'{runs.source}: noise on the log loss needs positive values; say on = "loss", or positive = true')
    unused = [dim for dim in runs.levels if dim not in groups_used(model)]
    refuse_same_names([*((dim, "a group") for dim in unused), *names_of(model)])
    over = [(owner, dim) for owner, term in varyings(model) for dim in term.dims]
    for owner, dim in over + [("the discrepancy", dim) for term in model.discrepancy for dim in term.dims]:
        if dim not in runs.levels:
            raise InputError(f"{owner} varies over {dim!r}; the groups of the runs are {format_names(runs.levels)}")
        if len(runs.levels[dim]) < 2:
            raise InputError(
                f"{runs.source}: group {dim!r} (column {' + '.join(runs.columns.dims[dim])}) has the single level "
                f"{format_value(runs.levels[dim][0])} from row 1 on; {owner} varies over it and needs two or more"
            )
    if model.noise.correlation is not None and "run" not in runs.levels:
        raise InputError(f"{runs.source}: correlated noise needs to know which rows are one run; say run = the column(s)")


def _on_logarithms(model: Model) -> dict[str, tuple[str, ...]]:
    """Return what is linear or smooth in the logarithm of inputs, beside the law: what it is called -> the inputs."""
    correlation = model.noise.correlation
    terms = {f"the trend of {owner}": (term.on,) for owner, term in trends(model)}
    terms |= {"the correlation of the noise": (correlation.along,)} if correlation else {}
    return terms | {"the discrepancy": tuple(name for _, inputs in departures(model) for name in inputs)}


def names_of(model: Model) -> list[tuple[str, str]]:
    """Return every name that a model's draws, its compiled form and its tables use, each with what has it."""
    departs = [(gp.name(term), inputs) for term, inputs in departures(model)]
    inputs, groups = model_inputs(model), groups_used(model)
    derived = [
        *((term_name(*of), f"the levels of {of[0]} over {list(of[1].dims)}") for of in varyings(model)),
        *((spread_name(*of), f"the scale of {of[0]} over {list(of[1].dims)}") for of in varyings(model)),
        *((term_name(*of), f"the trend of {of[0]} with {of[1].on!r}") for of in trends(model)),
        *((f"{name}_published", f"the parameter {name!r} in the inputs' own units") for name in model.parameters),
        *((name, "the noise") for name in (NOISE_SD, "noise_nu", *noise_scales(model))),
        *((name, "the discrepancy") for name in (*(n for n, _ in departs), *gp.scales(departures(model)))),
        *((gp.knot_dim(x), f"the knots along {x!r}") for x in {x for _, over in departs for x in over}),
        *((f"log_{x}", f"the logarithm of {x!r}") for x in inputs),
        *((f"index_{dim}", f"the levels of {dim!r}") for dim in groups),
        *((name, "the order of rows") for name in (ORDER if model.noise.correlation else ())),
        *((name, "what the package has of its own") for name in sorted(RESERVED - {"run"})),
    ]
    said = [(name, "a parameter") for name in model.parameters]
    said += [(name, "an input") for name in inputs] + [(dim, "a group") for dim in groups]
    return said + derived


ORDER = ("gap", "previous", "count", "mean_lag")
"""What correlated noise reads of rows beside their values."""


def refuse_same_names(named: Sequence[tuple[str, str]]) -> None:
    """Raise InputError, naming both, where two things have one name: the second would be taken for the first."""
    first: dict[str, str] = {}
    for name, what in named:
        if name in first:
            raise InputError(f"{name!r} is the name of {first[name]} and of {what}; rename one of them")
        first[name] = what


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
    if "measurement_error" in table:
        error = table["measurement_error"].to_numpy()
        arrays["measurement_error"] = error / response if on_log else error
    if model.discrepancy:
        arrays |= gp.arrays(departures(model), arrays, levels)
    if correlation is not None:
        found = neighbours(table, correlation.along)
        arrays |= {name: found[name] for name in (("gap",) if filters else ("gap", "previous"))}
        alone = {"count": 1.0, "mean_lag": 0.0}  # of a row that is no average
        arrays |= {n: np.asarray(table.get(n, np.full(len(table), of))) for n, of in alone.items()} if filters else {}
        if (arrays["gap"] <= 0).any():
            row = int(np.argmax(arrays["gap"] <= 0))
            run, at = format_value(table["run"].iloc[row]), table[correlation.along].iloc[row]
            raise InputError(f"{runs.source}: run {run} has two rows at {correlation.along} {exact(at)}; expected one")
    return arrays


def array_shapes(model: Model, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int | str, ...]]:
    """Return the shape of each array that a model reads, with names for the dimensions that differ between runs."""
    own: dict[str, tuple[int | str, ...]] = {information_name(owner, term): term.dims for owner, term in varyings(model)}
    own |= {JOINT_INFORMATION: (JOINT, JOINT), JOINT_LINEAR: (JOINT,), STRUCTURE: (STRUCTURE,)}

    def shape(name: str, of: np.ndarray) -> tuple[int | str, ...]:
        fixed = name.startswith("discrepancy") and name not in (gp.WEIGHTS, gp.WORTH)
        return own[name] if name in own else of.shape if fixed else ("row", *of.shape[1:])

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

    Parameters
    ----------
    draws
        Name -> values of parameters and slopes; variables of `pymc.dims` when the model is built, `xarray.DataArray` after.
    logs
        Input -> log(input / reference), along the dimension "row", and "lr_part" where it has parts.
    level
        The owner of a varying term and the term -> its effect at each row.
    functions
        `exp`, `log` and `mean` for such values.
    """
    values = {name: parameter_at(model, name, draws, logs, level, functions) for name in model.parameters}
    return law_value(model.law, logs, values, functions)


def residual(model: Model, level: Callable[[str, Varying], Any]) -> Any:
    """Return the departures that rows share, at each row, on the scale of the noise; 0 where the model has none."""
    return sum(level("residual", effect) for effect in model.noise.effects)


def parameter_at(model: Model, name: str, draws: Any, logs: Any, level: Any, functions: Functions) -> Any:
    """Return a parameter of the law, or "noise_sd", at rows; the arguments are those of `evaluate`."""
    parameter = parameters_with_priors(model)[name]
    if not parameter.terms:
        return draws[name]
    total = sum(
        level(name, term) if isinstance(term, Varying) else draws[term_name(name, term)] * logs[term.on]
        for term in parameter.terms
    )
    return draws[name] * functions["exp"](total) if link(parameter.prior) == "log" else draws[name] + total
