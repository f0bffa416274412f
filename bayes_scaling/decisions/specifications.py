"""Specifications of an analysis, and variants of them: those by which published fits of the same runs differ.

They are noise, small runs, which parameters are counted, intermediate points, the floor (Porian et al. 2024, Besiroglu et al.
2024, Li et al. 2025, "Misfitting"), and whether the law is taken for the truth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.table_conventions import uncounted
from bayes_scaling.data.tables import Table
from bayes_scaling.laws.units import column_unit
from bayes_scaling.model.defaults import sweep_discrepancy
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.parameters import Parameter, as_parameter
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import Model, changed as modified, model_inputs

NOTHING = 1e-6
"""A floor of zero, in the unit of the loss: a positive parameter cannot be zero."""
FIXED = 1.001
"""A fixed parameter lies within this factor of its value."""


@dataclass(frozen=True)
class Specification:
    """All that an answer depends on.

    Parameters
    ----------
    cuts
        Done to the checked runs, in order.
    """

    model: Model
    table: Table
    columns: Columns
    cuts: tuple[Callable[[Runs], Runs], ...] = ()


type Variant = Callable[[Specification], Specification]
type Variants = Mapping[str, Mapping[str, Variant]]
"""What varies -> its variants by name, that of the base first."""


def standard_variants(
    base: Specification,
    *,
    alternatives: Mapping[str, str | Sequence[str]] | None = None,
    filters: Mapping[str, str] | None = None,
    floor: str = "E",
    floors: Mapping[str, float] | None = None,
) -> Variants:
    """Return the variants by which published fits differ: noise, small runs, discrepancy, and where they apply those below.

    Parameters
    ----------
    alternatives
        Input -> other columns for it, such as `{"params": ["params_total", "params_non_embedding"]}`: the same runs under
        each count. One that is the base's own is no other.
    filters
        Name -> filter of the table's rows in place of all, such as `{"last of each run": "step == last_step"}`.
    floor
        Parameter that is the irreducible loss; where the law has it, it is free, or zero.
    floors
        Name -> value to fix it at, such as the posterior median of another fit.
    """
    noises = sorted(("student_t", "normal"), key=lambda name: name != base.model.noise.distribution)
    variants: dict[str, Mapping[str, Variant]] = {
        "noise": {name.replace("_", "-"): noise(name) for name in noises},
        "runs": {"all": as_it_is, "without the smallest quarter": without_smallest(0.25)},
    }
    for name, column in (alternatives or {}).items():
        if name not in base.columns.inputs:
            raise InputError(f"no input {name!r}; there are {format_names(base.columns.inputs)}")
        own = base.columns.inputs[name].column
        others = [column] if isinstance(column, str) else column
        variants[name] = {own: as_it_is, **{other: counted_by(name, other) for other in others if other != own}}
    if filters:
        variants["points"] = {"all": as_it_is, **{name: only(text) for name, text in filters.items()}}
    if floor in base.model.parameters:
        values = {"zero": NOTHING, **(floors or {})}
        variants["floor"] = {"free": as_it_is, **{name: fixed(floor, value) for name, value in values.items()}}
    if not base.model.discrepancy and base.model.noise.on == "log_loss":
        variants["discrepancy"] = {"none": as_it_is, "smooth": discrepancy(sweep_discrepancy())}
    return variants


def as_it_is(base: Specification) -> Specification:
    """Return the specification unchanged."""
    return base


def noise(distribution: Any) -> Variant:
    """Return the variant with normal or student_t noise; the latter has no outliers beside its tails."""

    def changed(of: Specification) -> Specification:
        outliers = of.model.noise.outliers if distribution == "normal" else None
        return replace(
            of, model=modified(of.model, noise=replace(of.model.noise, distribution=distribution, outliers=outliers))
        )

    return changed


def discrepancy(*terms: Discrepancy) -> Variant:
    """Return the variant with these terms of the discrepancy; none where there are none. Joint priors keep what there is."""
    return lambda of: replace(of, model=modified(of.model, discrepancy=terms))


def prior(parameter: str, prior: Prior) -> Variant:
    """Return the variant with another prior of a parameter, whose terms stay.

    Of one in a joint prior it is another margin: correlations stay. One that is not log-normal leaves the joint prior.
    """

    def changed(of: Specification) -> Specification:
        if parameter not in of.model.parameters:
            raise InputError(f"no parameter {parameter!r}; the law has {format_names(of.model.parameters)}")
        terms = as_parameter(of.model.parameters[parameter]).terms
        parameters = {**of.model.parameters, parameter: Parameter(prior, terms) if terms else prior}
        return replace(of, model=modified(of.model, parameters=parameters))

    return changed


def fixed(parameter: str, value: float) -> Variant:
    """Return the variant with a positive parameter all but known, within a thousandth of a value."""
    return prior(parameter, Prior(median=value, factor=FIXED))


def counted_by(name: str, column: str) -> Variant:
    """Return the variant in which an input is another column of the table, against the same reference.

    It counts as its name says, else as the study's column does unless that one's name says otherwise. How the study's column
    was counted does not hold for it: what is known of that is what its name and the table say.
    """

    def changed(of: Specification) -> Specification:
        columns = uncounted(of.columns, [of.columns.inputs[name].column])
        one, said, own = columns.inputs[name], column_unit(column), column_unit(of.columns.inputs[name].column)
        scale = said.factor if said is not None and said.explicit else None if own is not None and own.explicit else one.scale
        inputs = {**columns.inputs, name: replace(one, column=column, scale=scale)}
        return replace(of, columns=replace(columns, inputs=inputs))

    return changed


def only(where: str) -> Variant:
    """Return the variant with those rows only that a filter keeps, of those that are kept already."""

    def changed(of: Specification) -> Specification:
        both = where if of.columns.where is None else f"({of.columns.where}) and ({where})"
        return replace(of, columns=replace(of.columns, where=both))

    return changed


def without_smallest(share: float, *inputs: str) -> Variant:
    """Return the variant without the share of rows that are smallest in the product of inputs, all of the law's unless given.

    For params and tokens the product is compute, but for a factor.
    """

    def changed(of: Specification) -> Specification:
        names = inputs or tuple(name for name in ("params", "tokens") if name in of.columns.inputs) or model_inputs(of.model)

        def cut(runs: Runs) -> Runs:
            size = prod((runs.table[name] for name in names[1:]), start=runs.table[names[0]])
            table = runs.table[size >= size.quantile(share)].reset_index(drop=True)
            return replace(runs, table=table, levels={dim: np.unique(table[dim].to_numpy()) for dim in runs.levels})

        return replace(of, cuts=(*of.cuts, cut))

    return changed
