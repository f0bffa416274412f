"""Curves inside records: a list of rows of numbers, or of records, one of each step of a run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.part import Part, long_rows
from bayes_scaling.data.importers.steps import STEPS

type Record = Mapping[str, Any]
type Curve = tuple[str, tuple[str, ...], str]
"""Its name, what its columns are called, and which of them is the step ("" where none is)."""


def curve_of(records: Sequence[Record]) -> Curve | None:
    """Return the curve that all records hold, the first if several."""
    for name in records[0]:
        if all(_is_curve(record.get(name)) for record in records):
            rows = [record[name] for record in records]
            columns = tuple(rows[0][0]) if isinstance(rows[0][0], Mapping) else _names(records, name)
            step = next((one for one in columns if one.rpartition(".")[2].lower() in STEPS), "")
            return name, columns, step
    return None


def _is_curve(value: object) -> bool:
    """Return whether a value is rows: records, or lists of numbers that are equally long."""
    if not isinstance(value, list) or not value:
        return False
    if all(isinstance(row, Mapping) for row in value):
        return all(_is_number(cell) or cell is None for row in value for cell in row.values())
    lists = all(isinstance(row, list) and row and all(_is_number(cell) or cell is None for cell in row) for row in value)
    return lists and len({len(row) for row in value}) == 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _names(records: Sequence[Record], name: str) -> tuple[str, ...]:
    """Return what columns without names are: the entry of the record that the last row ends at, else their place."""
    width = len(records[0][name][0])
    found = []
    for place in range(width):
        same = [other for other in records[0] if all(_ends_at(record, name, place, other) for record in records)]
        found.append(same[0] if len(same) == 1 else f"{name}.{place}")
    return tuple(found)


def _ends_at(record: Record, name: str, place: int, other: str) -> bool:
    row, value = record[name][-1], record.get(other)
    return place < len(row) and _is_number(value) and row[place] == value


def parts_of_curves(
    records: Sequence[Record], curve: Curve, called: str, source: str, format_name: str, notes: tuple[str, ...]
) -> Iterator[Part]:
    """Yield a run a record, with its curve as metrics."""
    name, columns, step = curve
    said = f"{source}: each record is a run; columns of its {name} are {', '.join(columns)}, as its last row says"
    labels = _labels(records, called)
    for i, record in enumerate(records):
        table = np.array([_cells(row, columns) for row in record[name]], dtype=float)
        steps = table[:, columns.index(step)] if step else np.arange(1.0, len(table) + 1)
        kept = [(one, table[:, j], ~np.isnan(table[:, j])) for j, one in enumerate(columns) if one != step]
        config = {key: of for key, of in record.items() if key not in (name, *columns) and isinstance(of, int | float | str)}
        place = f"{source}#record {i + 1}"
        said_once = (*notes, said) if i == 0 else ()
        yield Part(labels[i], place, format_name, long_rows(steps, kept), config, said_once, numbered=not step)


def _cells(row: Any, columns: tuple[str, ...]) -> list[float]:
    cells = [row.get(name) for name in columns] if isinstance(row, Mapping) else row
    return [float("nan") if cell is None else float(cell) for cell in cells]


def _labels(records: Sequence[Record], called: str) -> list[str]:
    """Return names of runs: an entry called name or run where it tells them apart, else their number."""
    for name in records[0]:
        if name.rpartition(".")[2].lower() in ("name", "run", "run_name", "id", "run_id"):
            found = [str(record.get(name)) for record in records]
            if len(set(found)) == len(found):
                return found
    return [called if len(records) == 1 else f"{called} {exact(i + 1)}" for i in range(len(records))]
