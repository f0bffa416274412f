"""Whether runs have what a model reads."""

from math import isclose, prod

import numpy as np

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedule_columns import FALL
from bayes_scaling.data.schedules import check_logarithms
from bayes_scaling.laws.formula import law_references
from bayes_scaling.laws.library import check_references, law_inputs
from bayes_scaling.laws.values import law_value, taken_at_zero, without_slope
from bayes_scaling.model.by_level import own_priors
from bayes_scaling.model.names import NOISE_SD, refuse_same_names
from bayes_scaling.model.noise_scale import possible
from bayes_scaling.model.ordered import places as ordered_places
from bayes_scaling.model.parameters import Smooth, as_parameter
from bayes_scaling.model.priors import median, prior_quantiles
from bayes_scaling.model.smooth import MOST, axis
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    groups_used,
    model_inputs,
    names_of,
    ordereds,
    smooths,
    trends,
    varyings,
)

MOST_OUTPUTS = 30
"""Outputs between which residuals are correlated: their correlations are some 400 numbers then."""

FLAT = 100.0
"""Along so small a share of its length a smooth term is flat."""


def check_runs(model: Model, runs: Runs) -> None:
    """Raise InputError where the runs lack an input or group of the model, or a group has a single level."""
    _check_inputs(model, runs)
    _check_references(model, runs)
    check_logarithms(runs.columns, _on_logarithms(model))
    _check_zeros(model, runs)
    if model.noise.on == "log_loss" and not runs.columns.response.positive:
        raise InputError(f'{runs.source}: noise on the log loss needs positive values; say on = "loss", or positive = true')
    if model.noise.on == "log_odds":
        _check_shares(runs)
    _check_groups(model, runs)
    _check_axes(model, runs)
    _check_outputs(model, runs)
    _check_units(model, runs)
    _check_between(model, runs)
    _check_bounds(model, runs)
    if model.noise.correlation is not None and "run" not in runs.levels:
        raise InputError(f"{runs.source}: correlated noise needs to know which rows are one run; say run = the column(s)")


def _check_bounds(model: Model, runs: Runs) -> None:
    """Refuse rows that are bounds to noise that has no likelihood for them."""
    noise = model.noise
    others = [name for name in ("correlation", "outliers", "residual_correlation") if getattr(noise, name) is not None]
    others += ["group effects that are integrated out"] if noise.distribution == "normal" and varyings(model) else []
    if CENSORED in runs.table and others:
        raise InputError(
            f"{runs.source}: rows repeat the best so far, which noise with {others[0]} does not read; leave best_so_far out, "
            'or give noise of rows on their own (distribution = "student_t")'
        )


def _check_inputs(model: Model, runs: Runs) -> None:
    """Refuse inputs that the model reads and the runs lack, and those that no part of it reads."""
    inputs = model_inputs(model)
    told = {name for name, one in runs.columns.inputs.items() if one.column == FALL}
    if set(inputs) | told != set(runs.columns.inputs):
        raise InputError(
            f"{model.law.__name__} needs inputs {format_names(inputs)}; the table has {format_names(runs.columns.inputs)}"
        )


def _check_references(model: Model, runs: Runs) -> None:
    """Refuse references that the law names, and that are others in the runs."""
    check_references(model.law, runs.references)
    for name, value in law_references(model.law).items():
        if not isclose(runs.references[name], value):
            said = f"{exact(runs.references[name])}{'' if runs.columns.inputs[name].reference else ', found from the runs'}"
            raise InputError(
                f"the law names ref({name}), {exact(value)}; the reference of {name!r} is {said}: give the input the law's"
            )


def _check_groups(model: Model, runs: Runs) -> None:
    """Refuse groups that a term varies over and the runs lack, or have a single level of."""
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


def _check_shares(runs: Runs) -> None:
    """Refuse responses that have no log odds, and those that are no shares at all."""
    seen, response = runs.table["response"], runs.columns.response
    if (seen > 1).any():
        raise InputError(
            f"{runs.source}: column {response.column!r} has the value {exact(seen.max())}, and noise on the log odds is of "
            f'shares between 0 and 1: of per cent say unit = "% accuracy" or "% error rate", of losses on = "log_loss"'
        )
    if not (inside := possible(seen, "log_odds")).all():
        raise InputError(
            f"{runs.source}: column {response.column!r} has the value {exact(seen[~inside].iloc[0])}, which has no "
            "log odds: leave such rows out (where), or give (k + 1/2) / (n + 1) for k of n"
        )


def _check_outputs(model: Model, runs: Runs) -> None:
    """Refuse several outputs to a model that takes them for one."""
    if not runs.columns.outputs or OUTPUT in groups_used(model):
        return
    there = sorted(runs.table[OUTPUT].astype(str).unique())
    if len(there) > 1:
        raise InputError(
            f"{runs.source}: the runs have the outputs {format_names(there)}, and the model is one law for all of them: "
            f"expected what varies over {OUTPUT!r}, as floor and gains of the law and the noise do "
            f'(varying = [{{ over = "{OUTPUT}", sd = 0.5 }}], in Python + Varying("{OUTPUT}", 0.5)), or a single response'
        )


def _check_units(model: Model, runs: Runs) -> None:
    """Refuse a model whose priors or noise have a unit to outputs that are in several."""
    units = runs.columns.all_units
    if not runs.columns.output_units:
        return
    if model.unit:
        raise InputError(f"{runs.source}: the priors of the model are for {model.unit}, the outputs are in {units}")
    own = [dims for dims in (term.dims for owner, term in varyings(model) if owner == NOISE_SD) if OUTPUT in dims]
    shared = [*model.noise.effects, *model.discrepancy]
    if model.noise.on == "loss" and (not own or any(OUTPUT not in term.dims for term in shared)):
        raise InputError(
            f'{runs.source}: the outputs are in {units}, and noise on = "loss" has a unit: expected on = "log_loss", or a '
            f"scale of the noise, group effects and a discrepancy that all vary over {OUTPUT!r}"
        )


def _check_between(model: Model, runs: Runs) -> None:
    """Refuse runs between whose outputs residuals cannot be correlated."""
    between = model.noise.residual_correlation
    if between is None:
        return
    if between.over not in runs.levels or "run" not in runs.levels:
        raise InputError(
            f"{runs.source}: residual_correlation is between levels of {between.over!r} in one run; "
            f"the groups of the runs are {format_names(runs.levels)}"
        )
    if not 2 <= len(runs.levels[between.over]) <= MOST_OUTPUTS:
        raise InputError(
            f"{runs.source}: group {between.over!r} has {len(runs.levels[between.over])} levels; residuals are correlated "
            f"between two or more, at most {MOST_OUTPUTS}"
        )


def _check_zeros(model: Model, runs: Runs) -> None:
    """Refuse a law that takes the logarithm or a power of an input that may be 0, or is not finite there."""
    values = {name: median(as_parameter(of).prior) for name, of in model.parameters.items()}
    for name in law_inputs(model.law):
        if not runs.columns.inputs[name].zero:
            continue
        if taken := taken_at_zero(model.law, name):
            raise InputError(
                f"law {model.law.__name__} takes {taken}, and {name!r} may be 0: add something to it there, or leave out zero"
            )
        logs = {other: np.float64(-np.inf if other == name else 0.0) for other in law_inputs(model.law)}
        with np.errstate(all="ignore"):
            at_zero = law_value(model.law, logs, values, on_arrays(1))
            steep = without_slope(model.law, logs, values, on_arrays(1))
        if not np.isfinite(at_zero).all():
            raise InputError(
                f"law {model.law.__name__} is {at_zero} at the middle of its priors where {name!r} is 0, as it may be"
            )
        if steep:
            raise InputError(
                f"law {model.law.__name__} takes {steep}, which has no slope where {name!r} is 0, as it may be: add to it"
            )


def _check_axes(model: Model, runs: Runs) -> None:
    """Refuse levels without a place on an axis or in an order, and more of a smooth term than are sampled."""
    for owner, order in ordereds(model):
        try:
            ordered_places(order, runs.levels[order.over])
        except InputError as error:
            raise InputError(f"{runs.source}: column {' + '.join(runs.columns.dims[order.over])}, {owner}: {error}") from None
    for owner, own in by_levels(model):
        try:
            own_priors(own, runs.levels[own.over])
        except InputError as error:
            raise InputError(f"{runs.source}: column {' + '.join(runs.columns.dims[own.over])}, {owner}: {error}") from None
    numbers = 0
    for owner, term in smooths(model):
        column = " + ".join(runs.columns.dims[term.over])
        try:
            places = axis(term, runs.levels[term.over])
        except InputError as error:
            raise InputError(f"{runs.source}: column {column}, {owner}: {error}") from None
        if len(set(places.tolist())) < len(places):
            raise InputError(f"{runs.source}: column {column} spells one number in two ways; {owner} is smooth along it")
        _check_length(term, places, f"{runs.source}: column {column}, {owner}")
        numbers += prod(len(runs.levels[dim]) for dim in term.dims)
    if numbers > MOST:
        raise InputError(
            f"{runs.source}: the smooth terms of the model have {numbers} levels together; at most {MOST} are sampled: "
            "average rows along their axes, or bin them"
        )


def _check_length(term: Smooth, places: np.ndarray, where: str) -> None:
    """Refuse a length along a logarithmic axis that is not in e-folds: levels could not differ."""
    span, least = float(np.ptp(places)), float(prior_quantiles(term.length, [0.05])[0])
    if term.log and 0 < FLAT * span < least:
        raise InputError(
            f"{where}: the length of the smooth term is above {number(least)} by its prior, and the levels span "
            f"{number(span)}, in e-folds since log = true: they could not differ; expected a length of about what they span"
        )


def _on_logarithms(model: Model) -> dict[str, tuple[str, ...]]:
    """Return what is linear or smooth in the logarithm of inputs, beside the law: what it is called -> the inputs."""
    correlation = model.noise.correlation
    terms = {f"the trend of {owner}": (term.on,) for owner, term in trends(model)}
    terms |= {"the correlation of the noise": (correlation.along,)} if correlation else {}
    return terms | {"the discrepancy": tuple(name for _, inputs in discrepancy_terms(model) for name in inputs)}
