"""What tables count in, converted to base units at the door: by what is declared, by names of columns, else refused.

A table's numbers go through two factors. `Input.counts`, or what the table itself or another name of the column says, leads to
the unit that the study has declared for the column: a filter of rows sees these. `Input.scale` leads from there to the base
unit, in which everything else counts: runs, points, plans, costs, figures.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import READ, reading_of
from bayes_scaling._base.numbers import exact, interval, number
from bayes_scaling.data.columns import DERIVED
from bayes_scaling.data.tables import Table, number_column, read_table, source_of
from bayes_scaling.laws.units import (
    DAYS,
    FLOP,
    LETTER_OF_FACTOR,
    PERPLEXITY,
    Unit,
    column_unit,
    conversion,
    kind,
    read_unit,
    stem,
)

if TYPE_CHECKING:
    from bayes_scaling.data.columns import Columns, Input
    from bayes_scaling.data.runs import Runs

IN_BASE = "in_base_units"
"""Attribute of tables whose inputs are in base units already."""

MIN_COUNTS = {"parameters": (2e4, 2e5), "tokens": (2e5, 2e7), FLOP: (1e9, 1e12)}
"""Tables whose middle and largest counts are no larger count in other units than ones; the smallest models of published sweeps
have a thousand parameters, but not in the middle."""
MAX_COUNTS = {"parameters": 1e13, "tokens": 1e16, FLOP: 1e30, DAYS: 1e10}
"""Nobody has so many in the middle of a sweep: a unit that makes them so is not theirs."""
USUAL_COUNTS = {"parameters": (1e6, 3e12), "tokens": (3e7, 1e14), FLOP: (1e15, 1e28)}
"""Between which the middle of a sweep lies."""
MIN_TOKENS_PER_PARAM, MAX_TOKENS_PER_PARAM = 0.1, 1e6
"""Tokens a parameter that no run of a sweep has fewer, or more, of."""
MAX_UNIT_FACTOR = 1e4
"""Points farther from the runs than so many times are taken to be in base units where the runs' unit puts them there."""


def in_declared_units(frame: pd.DataFrame, columns: "Columns", source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table with its inputs in the units their columns are declared in, and a sentence for each that was not.

    A column that is missing may be there with its unit in its name: `params_m`, `n_params_millions` or `params (M)` for
    `params`.
    """
    found: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name, one in columns.inputs.items():
        key, factor = _in_file(frame, one)
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


def name_notes(columns: "Columns", frame: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each input whose unit its column's name says."""
    said = {one.column: column_unit(one.column) for one in columns.inputs.values() if one.column in frame}
    return tuple(
        f"column {one.column!r} counts in {_label(unit, one)}, as its name says: converted to {one.unit or 'ones'}"
        for one in columns.inputs.values()
        if (unit := said.get(one.column)) is not None and unit.said and unit.factor == one.scale and one.counts is None
    )


def base_factor(one: "Input", frame: pd.DataFrame) -> float:
    """Return how many of the base unit one of a column is, as declared; what a schedule gives is in base units."""
    return 1.0 if one.column in DERIVED and one.column not in frame else one.scale or 1.0


def _in_file(frame: pd.DataFrame, one: "Input") -> tuple[str | None, float]:
    """Return the column that holds an input and what it is multiplied by to be in the unit declared."""
    if one.column in frame:
        stated = _stated(frame).get(one.column)
        unit = read_unit(stated) if stated is not None and one.counts is None else None
        other = conversion(unit, one.unit) if unit is not None and (unit.said or unit.name in (FLOP, DAYS)) else None
        return one.column, (one.counts or 1.0) if other is None else other / (one.scale or 1.0)
    key, unit = _variant(frame, one.column)
    other = conversion(unit, one.unit) if unit is not None else None
    return (key, other / (one.scale or 1.0)) if other is not None else (None, 1.0)


def _variant(frame: pd.DataFrame, column: str) -> tuple[str | None, Unit | None]:
    """Return the only column that is called as another one and the unit it counts in."""
    alike = [str(name) for name in frame if (stem(str(name)) or "").lower() == column.lower()]
    return (alike[0], column_unit(alike[0])) if len(alike) == 1 else (None, None)


def _stated(frame: pd.DataFrame) -> Mapping[str, str]:
    units = frame.attrs.get("units")
    return {str(name): str(of) for name, of in units.items()} if isinstance(units, Mapping) else {}


def _label(unit: Unit | None, one: "Input") -> str:
    assert unit is not None
    return Unit(unit.factor, unit.name or one.unit, True).label


def implausible_counts(table: pd.DataFrame, columns: "Columns") -> tuple[str, ...]:
    """Return a sentence for each input whose counts no run has: too few where nobody has said the unit, or too many."""
    unsaid = {name: one for name, one in columns.inputs.items() if one.scale is None and one.counts is None}
    found = []
    for name, one in columns.inputs.items():
        what, seen = _kind(name, one), table[name][table[name] > 0]
        if what is None or not len(seen):
            continue
        middle, largest = MIN_COUNTS.get(what, (0.0, 0.0))
        if name in unsaid and _middle(seen) <= middle and seen.max() <= largest:
            found.append(f"{_range(seen, name, one)}, too few {what} for a sweep; {_how(seen, name, what)}")
        elif _middle(seen) >= MAX_COUNTS.get(what, np.inf):
            meant = ("FLOP", "FLOP") if what == DAYS else ("ones", f"ones of {what}")
            how = f'if the column counts in {meant[0]}, say unit = "{meant[1]}" or --unit {name}={meant[0]}'
            found.append(f"{_range(seen, name, one)} {what}, too many for a sweep; {how}")
    return tuple(found) or _odd_ratio(table, columns, [name for name in ("tokens", "params") if name in unsaid])


def _odd_ratio(table: pd.DataFrame, columns: "Columns", unsaid: list[str]) -> tuple[str, ...]:
    inputs = columns.inputs
    counted = {name: _kind(name, inputs[name]) for name in ("params", "tokens") if name in inputs}
    if not unsaid or counted != {"params": "parameters", "tokens": "tokens"}:
        return ()
    name, ratio = unsaid[0], table["tokens"] / table["params"]
    if ratio.max() >= MIN_TOKENS_PER_PARAM and ratio[ratio > 0].min() <= MAX_TOKENS_PER_PARAM:
        return ()
    return (
        f"{_range(table[name], name, inputs[name])}: {interval((ratio.min(), ratio.max()))} tokens a parameter, "
        "as no run has; "
        f"{_how(table[name], name, str(counted[name]))}",
    )


def refuse_implausible_counts(runs: "Runs") -> None:
    """Raise InputError where counts that nobody has said the unit of are such as no training run has in ones."""
    if said := implausible_counts(runs.table, runs.columns):
        raise InputError(f"{runs.source}: {said[0]}")


def _kind(name: str, one: "Input") -> str | None:
    """Return what an input counts, where it is known what numbers of it runs have."""
    if name in ("tokens", "unique_tokens", "params"):
        return kind(one.unit) if one.unit else {"params": "parameters"}.get(name, "tokens")
    unit = read_unit(one.unit).name
    return unit if unit in (FLOP, DAYS) and name == "compute" else "parameters" if kind(unit) == "parameters" else None


def _range(seen: pd.Series, name: str, one: "Input") -> str:
    called = repr(one.column) if one.column == name else f"{one.column!r} ({name})"
    return f"column {called} runs from {exact(seen.min())} to {exact(seen.max())}"


def _middle(seen: pd.Series) -> float:
    return float(np.exp(np.log(seen).mean()))


def _how(seen: pd.Series, name: str, what: str) -> str:
    """Say what numbers look like, and how to say what they are."""
    middle = _middle(seen[seen > 0])
    low, high = USUAL_COUNTS.get(what, (0.0, np.inf))
    likely = [f for f in LETTER_OF_FACTOR if f > 1e3 and low <= f * middle <= high and f * seen.max() <= 10 * high]
    ranges = [f"{LETTER_OF_FACTOR[f]} ({number(f * seen.min())} to {number(f * seen.max())})" for f in likely]
    letter = LETTER_OF_FACTOR[likely[0]] if likely else "M"
    guess = f"if they are {' or '.join(ranges)}, " if ranges else ""
    return f'{guess}say unit = "{letter} {what}" or --unit {name}={letter}; --unit {name}=ones keeps them'


def in_base_units(table: Table, runs: "Runs") -> pd.DataFrame:
    """Return points with their inputs in base units.

    A column that is called as in the runs' table counts as that does; one called as the input in the law counts in base units,
    or as its name says. Where both are one name, points that the runs' unit would put ten thousand times beyond the runs are in
    base units.
    """
    frame, source = read_table(table, labels=runs.columns.labels), source_of(table, "the points")
    if frame.attrs.get(IN_BASE):
        return frame
    found, notes = {}, list(reading_of(frame).get("notes", ()))
    for name, one in runs.columns.inputs.items():
        key, factor = _at_points(frame, name, one)
        if key is None or (factor == 1.0 and key in frame):
            continue
        held = key if key in frame else str(_variant(frame, key)[0])
        values = number_column(
            frame, held, source, np.arange(len(frame)), positive=one.column not in DERIVED, scale=factor, notes=notes
        )
        if not (one.column == name and held == name and _beyond(values * factor, runs.table[name])):
            found[key] = values * factor
    points = frame.assign(**found) if found else frame.copy(deep=False)
    points.attrs[READ] = {**reading_of(frame), "notes": tuple(notes)}
    return mark_base_units(points)


def _at_points(frame: pd.DataFrame, name: str, one: "Input") -> tuple[str | None, float]:
    """Return what to call the column of points that holds an input, and how many of its base unit one of it is."""
    if one.column in frame:
        return one.column, _in_file(frame, one)[1] * base_factor(one, frame)
    if name in frame:
        return name, 1.0
    for called in (one.column, name):
        unit = _variant(frame, called)[1]
        if unit is not None and (factor := conversion(unit, one.unit)) is not None:
            return called, factor
    return None, 1.0


def _beyond(values: pd.Series, seen: pd.Series) -> bool:
    return bool(values.min() > MAX_UNIT_FACTOR * seen.max() or values.max() * MAX_UNIT_FACTOR < seen.min())


def mark_base_units(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table, marked as one whose inputs are in base units."""
    frame.attrs[IN_BASE] = True
    return frame


def from_columns_units(
    table: pd.DataFrame, columns: "Columns", references: Mapping[str, float]
) -> "tuple[pd.DataFrame, Columns, dict[str, float]]":
    """Return checked runs in base units that were stored in the units of their columns, as fits once were.

    Perplexities stay what the law was fitted to.
    """
    factors = {name: base_factor(one, table) for name, one in columns.inputs.items()}
    table = table.assign(**{name: table[name] * of for name, of in factors.items() if of != 1.0})
    if columns.response.perplexity:
        columns = replace(columns, response=replace(columns.response, unit=PERPLEXITY, perplexity=False))
    return table, columns, {name: of * factors.get(name, 1.0) for name, of in references.items()}


def in_column_units(frame: pd.DataFrame, columns: "Columns") -> pd.DataFrame:
    """Return points in base units as a file for `in_base_units`: inputs called as the runs' columns count as those do."""
    alike = {name: one.factor for name, one in columns.inputs.items() if one.column == name and one.factor != 1.0}
    return frame.assign(**{name: frame[name] / factor for name, factor in alike.items() if name in frame})


def units_said(columns: "Columns", said: Mapping[str, str]) -> "Columns":
    """Return columns for a file that counts in other units than they were declared in.

    Parameters
    ----------
    said
        Input, its column, or the response -> unit, such as {"params": "M", "tokens": "B tokens", "loss": "bits/byte"}; and
        "bytes_per_token" -> a number, see `Response`.

    Raises
    ------
    InputError
        Where there is no such column, or it is not known how many of the declared unit one of the other is.
    """
    inputs, response = dict(columns.inputs), columns.response
    for called, text in said.items():
        if called == "bytes_per_token":
            response = replace(response, bytes_per_token=read_unit(text).factor)
            continue
        names = [name for name, one in inputs.items() if called in (name, one.column)]
        if called in (response.column, response.name) and not names:
            response = replace(response, unit=text, perplexity=None, assumed=False)
        elif not names:
            known = sorted({*inputs, response.column})
            raise InputError(f"unit {text!r} is said of {called!r}; expected one of {known}")
        for name in names:
            inputs[name] = _recounted(inputs[name], name, text)
    return replace(columns, inputs=inputs, response=response)


def _recounted(one: "Input", name: str, text: str) -> "Input":
    unit = read_unit(text)
    factor = conversion(unit, one.unit)
    if factor is None:
        raise InputError(
            f"{name} is declared in {one.unit!r}, and how many of them one of {text!r} is, is not known: give it as a number, "
            f"such as {f'0.25 {one.unit}'!r}"
        )
    return replace(one, unit=one.unit or unit.name, scale=one.scale or 1.0, counts=factor / (one.scale or 1.0))
