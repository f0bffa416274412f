"""Runs whose compute is counted another way: the input reads a cost, and what read the input reads its column."""

from dataclasses import replace

import numpy as np

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.expressions import quoted_name
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.inputs import round_reference
from bayes_scaling.data.run_costs import cost_column, runs_amounts
from bayes_scaling.data.runs import Runs
from bayes_scaling.laws.units import conversion, read_unit

AXIS = "compute"
"""The input that may be counted another way."""


def at_cost(runs: Runs, cost: str) -> Runs:
    """Return runs whose input `compute` is one of their costs, for a law over compute to be fitted on it.

    The reference stays where the two count in the same unit, or in FLOP and PFLOP/s-days; else it is the middle of the runs.
    The convention of compute is then the name of the cost, and the other costs are as before.

    Parameters
    ----------
    runs
        What `read_runs` returns.
    cost
        A name of `Columns.costs`.

    Returns
    -------
    Runs
        With another compute.

    Raises
    ------
    InputError
        Where the runs have no input compute, or no cost of that name.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> table = {"c": [1.0, 2.0, 4.0], "gpu_hours": [10.0, 19.0, 37.0], "loss": [3.0, 2.8, 2.6]}
    >>> hours = bs.Cost(formula="gpu_hours", unit="GPU hours")
    >>> runs = bs.read_runs(table, bs.Columns({"compute": bs.Input("c", "EFLOP")}, costs={"hours": hours}))
    >>> at_cost(runs, "hours").columns.inputs["compute"].unit
    'GPU hours'
    """
    name, one = named_cost(runs, cost)
    columns = runs.columns
    if AXIS not in columns.inputs:
        raise InputError(
            f"cost {cost!r} takes the place of the input {AXIS!r}; the law reads {format_names(columns.inputs)}: ask plan, "
            "rank or contrast for that cost"
        )
    values, axis = runs_amounts(runs, one), columns.inputs[AXIS]
    factor = conversion(read_unit(one.base_unit), axis.unit) if axis.unit else None
    values = values * (factor or 1.0)
    if not np.isfinite(values).all():
        raise InputError(f"{runs.source}: {one.quoted} is not known of every row; expected a number for each")
    reference = runs.references[AXIS] if factor else round_reference(runs.table[AXIS] * 0 + values)
    unit = axis.unit if factor else one.base_unit
    own = Input(cost_column(name), unit, reference, scale=1.0)
    costs = {key: _elsewhere(of, axis) for key, of in columns.costs.items()} | {name: _as_axis(one, unit)}
    counted = replace(columns.conventions, compute=one.counted)
    changed = replace(columns, inputs={**columns.inputs, AXIS: own}, costs=costs, conventions=counted)
    table = mark_base_units(runs.table.assign(**{AXIS: values, cost_column(name): values}))
    return replace(runs, table=table, columns=changed, references={**runs.references, AXIS: reference})


def named_cost(runs: Runs, cost: str) -> tuple[str, Cost]:
    """Return a cost of runs by its key, or by what sentences call it.

    Raises
    ------
    InputError
        Listing those there are, where there is none of the name.
    """
    costs = runs.columns.costs
    for name, one in costs.items():
        if cost in (name, one.name):
            return name, one
    known = f"there are {format_names(costs)}" if costs else "the runs have none; declare it in [data.costs]"
    raise InputError(f"no cost is called {cost!r}; {known}")


def _as_axis(cost: Cost, unit: str) -> Cost:
    """Return the cost that the input itself is."""
    return replace(cost, formula=AXIS, let={}, unit=unit, flops_per_param_token=6.0)


def _elsewhere(cost: Cost, axis: Input) -> Cost:
    """Return a cost that reads the column behind the input in place of the input."""
    if AXIS not in cost.reads or AXIS in cost.let:
        return cost
    column = quoted_name(axis.column) if axis.column != AXIS else AXIS
    return replace(cost, let={**cost.let, AXIS: column if axis.factor == 1.0 else f"{column} * {axis.factor!r}"})
