"""What each run took under each cost of its columns, checked when a table is read; and by what name a table keeps it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.cells import column_numbers, refuse_first
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_formula import Formula, unknown_names

UNIQUE = ("unique_tokens", "epochs")
"""Inputs whose product is the tokens of a law of limited data."""


def cost_column(name: str) -> str:
    """Return what a table of runs calls the column of a cost."""
    return f"cost_{name}"


def read_column(name: str) -> str:
    """Return what a table of runs calls a column of the file that costs read, such as layers."""
    return f"cost_reads_{name}"


def cost_columns(columns: Columns) -> list[str]:
    """Return the columns of costs that a table of runs has."""
    return [cost_column(name) for name in columns.costs]


def _read(columns: Columns) -> list[str]:
    """Return the columns of the file that costs read, which are no inputs and no groups."""
    every = {name for one in columns.costs.values() for name in one.reads}
    return sorted(every - {*columns.inputs, *columns.dims})


def table_costs(
    raw: pd.DataFrame, checked: pd.DataFrame, columns: Columns, source: str, rows: np.ndarray, notes: list[str]
) -> dict[str, np.ndarray]:
    """Return what rows of a table took under each cost, in base units, and what costs read, by the columns that keep them.

    Parameters
    ----------
    raw
        The rows as the file has them.
    checked
        Their inputs in base units, and groups.
    rows
        The place of each in its file.

    Raises
    ------
    InputError
        Where a formula reads what the table lacks, has none for a level, or gives no positive number in some row.
    """
    readings: dict[str, np.ndarray] = {}
    amounts = {
        cost_column(name): cost_amounts(one, raw, checked, columns, source, rows, notes, readings)
        for name, one in columns.costs.items()
    }
    return amounts | {read_column(name): readings[name] for name in _read(columns) if name in readings}


def cost_amounts(
    cost: Cost,
    raw: pd.DataFrame,
    checked: pd.DataFrame,
    columns: Columns,
    source: str,
    rows: np.ndarray,
    notes: list[str],
    readings: dict[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Return what rows of a table take under a cost, in its base unit; arguments and errors as for `table_costs`.

    Parameters
    ----------
    readings
        Gets what the formulas read, by name; NaN in rows of levels whose formula does not read it.
    """
    found, kept = np.full(len(checked), np.nan), {} if readings is None else readings
    levels = np.full(len(checked), "") if cost.group is None else checked[cost.group].astype(str).to_numpy()
    for level in dict.fromkeys(levels.tolist()):
        formula, own = _formula(cost, level, source), levels == level
        values = {
            name: _values(name, cost, formula, raw[own], checked[own], columns, source, rows[own], notes)
            for name in formula.names
        }
        for name, numbers in values.items():
            kept.setdefault(name, np.full(len(checked), np.nan))[own] = numbers
        found[own] = formula.of(values) * cost.factor
        _refuse(found[own], cost, formula, values, columns, source, rows[own])
    return found


def _formula(cost: Cost, level: str, source: str) -> Formula:
    try:
        return cost.of_level(level)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _values(
    name: str,
    cost: Cost,
    formula: Formula,
    raw: pd.DataFrame,
    checked: pd.DataFrame,
    columns: Columns,
    source: str,
    rows: np.ndarray,
    notes: list[str],
) -> np.ndarray:
    """Return the numbers of a name: of an input in base units, else of a column as the file has it, else of a group."""
    if name in columns.inputs and name in checked:
        return checked[name].to_numpy(dtype=float)
    if name == "tokens" and name not in raw and set(UNIQUE) <= set(columns.inputs):
        return np.asarray(checked[UNIQUE[0]] * checked[UNIQUE[1]], dtype=float)
    if name not in raw and name not in checked:
        raise InputError(f"{source}: {cost.quoted} reads {unknown_names(formula.names, {*map(str, raw), *columns.inputs})}")
    column = raw[name] if name in raw else checked[name]
    numbers, missing = column_numbers(column, source, rows, notes=notes)
    where = f"{source}: column {name!r}"
    refuse_first(missing, column, where, rows, f"is missing; {cost.quoted} reads it")
    refuse_first(~np.isfinite(numbers), column, where, rows, f"is no finite number; {cost.quoted} reads it")
    return numbers


def _refuse(
    found: np.ndarray,
    cost: Cost,
    formula: Formula,
    values: Mapping[str, np.ndarray],
    columns: Columns,
    source: str,
    rows: np.ndarray,
) -> None:
    """Refuse what is no cost, but for rows of a log that its cleaning will leave out."""
    void = np.zeros(len(found), dtype=bool)
    for name in set(values) & set(columns.inputs) if columns.curve is not None else ():
        void |= ~(values[name] > 0)
    wrong = ~(np.isfinite(found) & (found > 0)) & ~void
    if wrong.any():
        row = int(np.argmax(wrong))
        read = ", ".join(f"{name} {exact(of[row])}" for name, of in sorted(values.items()))
        raise InputError(
            f"{source}: {cost.quoted}, {formula.text!r}, row {rows[row] + 1}: {exact(found[row])} is no cost; expected a "
            f"positive number (it reads {read})"
        )


def runs_amounts(runs: Any, cost: Cost) -> np.ndarray:
    """Return what checked runs took to train under a cost, in its base unit.

    Raises
    ------
    InputError
        Where it is none of the columns' own, and reads what checked runs do not keep.
    """
    table, columns = runs.table, runs.columns
    for name, one in columns.costs.items():
        if one.same_training(cost) and cost_column(name) in table:
            return np.asarray(table[cost_column(name)].to_numpy(dtype=float))
    kept = {*columns.inputs, *columns.dims, *(["tokens"] if set(UNIQUE) <= set(columns.inputs) else [])}
    if unknown := [name for name in cost.reads if name not in kept]:
        raise InputError(
            f"{cost.quoted} reads {format_names(unknown)}, which checked runs do not keep: they have {format_names(kept)}; "
            "declare it beforehand, in [data.costs] or Columns(costs=...)"
        )
    return cost_amounts(cost, table, table, columns, runs.source, np.arange(len(table)), [])
