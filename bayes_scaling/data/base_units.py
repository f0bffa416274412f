"""Units of tables: numbers are converted to base units once, when they are read.

A table's numbers go through two factors. `Input.counts`, or what the table itself or another name of the column says, leads to
the unit that the study has declared for the column. A filter of rows sees these. `Input.scale` leads from there to the base
unit. Everything else counts in it: runs, points, plans, costs, figures.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import isclose

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.cells import IN_BASE, number_column
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.laws.units import (
    COUNT_WORDS,
    DAYS,
    FLOP,
    PERPLEXITY,
    Unit,
    column_unit,
    conversion,
    kind,
    read_unit,
    stem,
)


def in_declared_units(frame: pd.DataFrame, columns: Columns, source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with its inputs in the units their columns are declared in, and a sentence for each that was not.

    A column that is missing may be there with its unit in its name: `params_m`, `n_params_millions` or `params (M)` for
    `params`.
    """
    found: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name, one in columns.inputs.items():
        key, factor = column_in_file(frame, one)
        if key is None or one.column in found or (factor == 1.0 and key == one.column):
            continue
        rows, scale = frame.index.to_numpy(), factor * (one.scale or 1.0)
        numbers = number_column(frame, key, source, rows, positive=False, finite=False, scale=scale, notes=notes)
        found[one.column] = numbers * factor
        if key != one.column:
            notes.append(f"column {key!r} is read as {name}, in {_label(column_unit(key), one)}, as its name says")
        elif one.counts is None:
            notes.append(f"column {key!r} is in {_stated(frame)[key]!r}, as the table says, and converted")
    return (frame.assign(**found) if found else frame), tuple(notes)


def name_notes(columns: Columns, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each input whose unit its column's name says, or says otherwise than it is given."""
    said = [_name_note(one) for one in columns.inputs.values() if one.column in frame and one.column not in _stated(frame)]
    return (*filter(None, said), *_odd_units(columns))


def _odd_units(columns: Columns) -> list[str]:
    """Return a sentence for each input in a unit that does not count what it is called."""
    known = {"params": ("parameters",), "tokens": tuple(COUNT_WORDS)}
    given = {name: kind(of.unit) for name, of in columns.inputs.items() if name in known and of.unit}
    return [
        f"the unit of {name} is given as {columns.inputs[name].unit!r}, which counts no {known[name][0]} that are known"
        for name, unit in given.items()
        if unit not in known[name]
    ]


def _name_note(one: Input) -> str:
    unit = column_unit(one.column)
    if unit is None or not (says := _said_factor(unit, one.unit)):
        return ""
    called = f"{_label(unit, one)}, as its name says"
    if isclose(says, one.factor, rel_tol=1e-9):
        return f"column {one.column!r} counts in {called}: converted to {one.unit or 'ones'}" if unit.explicit else ""
    given = Unit(one.factor, one.unit, True).label
    return (
        f"the name of column {one.column!r} says {_label(unit, one)}, and its unit is given as {given}: see that this is meant"
    )


def _said_factor(unit: Unit, base: str) -> float:
    """Return how many of a base unit one is that a name says; 0 where it says none, or one that does not lead there."""
    return (conversion(unit, base) or 0.0) if unit.explicit or unit.name in (FLOP, DAYS) else 0.0


def renamed_input(one: Input, column: str) -> Input:
    """Return an input of another column, in the unit that its name says where that is another than the input's.

    Examples
    --------
    >>> one = renamed_input(Input("n", "B parameters"), "params_m")
    >>> one.scale, one.counts
    (1000000000.0, 0.001)
    """
    unit = column_unit(column) if column != one.column else None
    says = 0.0 if unit is None else _said_factor(unit, one.unit)
    if not says or isclose(says, one.factor, rel_tol=1e-9):
        return replace(one, column=column)
    return replace(one, column=column, scale=one.scale or 1.0, counts=says / (one.scale or 1.0))


def base_factor(one: Input, frame: pd.DataFrame) -> float:
    """Return how many of the base unit one of a column is, as declared; what a schedule gives is in base units."""
    return 1.0 if one.column in DERIVED and one.column not in frame else one.scale or 1.0


def column_in_file(frame: pd.DataFrame, one: Input) -> tuple[str | None, float]:
    """Return the column that holds an input and what it is multiplied by to be in the unit declared."""
    if one.column in frame:
        stated = _stated(frame).get(one.column)
        unit = read_unit(stated) if stated is not None and one.counts is None else None
        other = conversion(unit, one.unit) if unit is not None and (unit.explicit or unit.name in (FLOP, DAYS)) else None
        return one.column, (one.counts or 1.0) if other is None else other / (one.scale or 1.0)
    key, unit = column_in_other_unit(frame, one.column)
    other = conversion(unit, one.unit) if unit is not None else None
    return (key, other / (one.scale or 1.0)) if other is not None else (None, 1.0)


def column_in_other_unit(frame: pd.DataFrame, column: str) -> tuple[str | None, Unit | None]:
    """Return the only column that is called as another one and the unit it counts in."""
    alike = [str(name) for name in frame if (stem(str(name)) or "").lower() == column.lower()]
    return (alike[0], column_unit(alike[0])) if len(alike) == 1 else (None, None)


def _stated(frame: pd.DataFrame) -> Mapping[str, str]:
    units = frame.attrs.get("units")
    return {str(name): str(of) for name, of in units.items()} if isinstance(units, Mapping) else {}


def _label(unit: Unit | None, one: Input) -> str:
    assert unit is not None
    return Unit(unit.factor, unit.name or one.unit, True).label


def mark_base_units(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table, marked as one whose inputs are in base units."""
    frame.attrs[IN_BASE] = True
    return frame


def from_columns_units(
    table: pd.DataFrame, columns: Columns, references: Mapping[str, float]
) -> tuple[pd.DataFrame, Columns, dict[str, float]]:
    """Return checked runs in base units that were stored in the units of their columns, as fits once were.

    Perplexities stay what the law was fitted to.
    """
    factors = {name: base_factor(one, table) for name, one in columns.inputs.items()}
    table = table.assign(**{name: table[name] * of for name, of in factors.items() if of != 1.0})
    if columns.response.perplexity:
        columns = replace(columns, response=replace(columns.response, unit=PERPLEXITY, perplexity=False))
    return table, columns, {name: of * factors.get(name, 1.0) for name, of in references.items()}


def with_units(columns: Columns, units: Mapping[str, str]) -> Columns:
    """Return columns for a file in other units than they were declared in.

    Parameters
    ----------
    units
        Input, its column, or the response -> unit, such as {"params": "M", "tokens": "B tokens", "loss": "bits/byte"}; and
        "bytes_per_token" -> a number, see `Response`.

    Raises
    ------
    InputError
        Where there is no such column, or it is not known how many of the declared unit one of the other is; where outputs
        are given units that differ.
    """
    _check_outputs(columns, units)
    inputs, response = dict(columns.inputs), columns.response
    for called, text in units.items():
        if called == "bytes_per_token":
            response = replace(response, bytes_per_token=read_unit(text).factor)
            continue
        names = [name for name, one in inputs.items() if called in (name, one.column)]
        if called in (response.column, response.name, *columns.responses) and not names:
            response = replace(response, unit=text, perplexity=None, assumed=False)
        elif not names:
            known = sorted({*inputs, *columns.responses})
            raise InputError(f"unit {text!r} is given for {called!r}; expected one of {known}")
        for name in names:
            inputs[name] = _recounted(inputs[name], name, text)
    return replace(columns, inputs=inputs, response=response)


def _check_outputs(columns: Columns, units: Mapping[str, str]) -> None:
    """Refuse units of outputs that differ: what is said of one is of all, as they are in one unit."""
    said = {column: units[column] for column in columns.by_output.values() if column in units}
    if len(set(said.values())) > 1:
        raise InputError(f"outputs are given units that differ, {dict(said)}: expected output_units where columns are declared")


def _recounted(one: Input, name: str, text: str) -> Input:
    unit = read_unit(text)
    factor = conversion(unit, one.unit)
    if factor is None:
        raise InputError(
            f"{name} is declared in {one.unit!r}, and how many of them one of {text!r} is, is not known: give it as a number, "
            f"such as {f'0.25 {one.unit}'!r}"
        )
    return replace(one, unit=one.unit or unit.name, scale=one.scale or 1.0, counts=factor / (one.scale or 1.0))
