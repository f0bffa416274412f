"""W&B chart export: an axis, then for each run a metric, with the least and the most of what a point stands for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.part import Part, long_rows
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sheet import Column, Sheet, read_sheet
from bayes_scaling.data.importers.steps import STEPS

NAME = "W&B chart export (CSV)"
HOME = "W&B"
"""Exports of one project hold the same runs."""

CELL = re.compile(r"(?P<run>.+) - (?P<key>.+?)(?P<end>__MIN|__MAX)?")
GROUP = re.compile(r"^[^:]+: ")
"""Charts call a group of runs after what they share: `Group: big`, `optimizer: adamw`."""


@dataclass(frozen=True)
class Line:
    """A column of a chart: the run it is of, the key, and "" or which end of it."""

    run: str
    key: str
    end: str
    column: Column


def recognises(head: Head) -> bool:
    """Return whether the header has columns RUN - METRIC with their least and most."""
    cells = [CELL.fullmatch(cell) for cell in head.header[1:]]
    ends = {cell["end"] for cell in cells if cell}
    return bool({"__MIN", "__MAX"} & ends) or (len(cells) > 0 and all(cells) and head.header[0].lower() in STEPS)


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run; least and most are metrics of their own where they differ from the value."""
    sheet = read_sheet(head)
    runs: dict[str, list[Line]] = {}
    notes = [*sheet.notes]
    for line in _lines(sheet, notes):
        runs.setdefault(line.run, []).append(line)
    ends = {run: _bare_ends(lines) for run, lines in runs.items()}
    if same := [run for run, lines in ends.items() if lines]:
        notes.append(f"{head.source}: __MIN and __MAX are the values themselves in {several(len(same), 'run')}: left out")
    for run, lines in runs.items():
        notes += _ends_note(run, lines[0].key, differ=any(line.end and line not in ends[run] for line in lines))
        step, numbered, axis = _steps(sheet.columns[0], lines)
        rows = np.logical_or.reduce([line.column.there for line in lines])
        kept = [(line.key + line.end, line.column) for line in lines if line not in ends[run]]
        columns = [(name, of.numbers[rows], of.there[rows]) for name, of in (*axis, *kept)]
        steps = np.arange(1.0, rows.sum() + 1) if numbered else step[rows]
        yield Part(run, head.source, NAME, long_rows(steps, columns), notes=tuple(notes), home=HOME, numbered=numbered)
        notes = []


def _lines(sheet: Sheet, notes: list[str]) -> Iterator[Line]:
    """Yield the columns of a chart; of a name that stands there twice the second is another run."""
    seen: dict[str, int] = {}
    for column in sheet.columns[1:]:
        found = CELL.fullmatch(column.name)
        if found is None or not column.is_number:
            if column.there.any():
                notes.append(f"{sheet.source}: column {column.name!r} is {'text' if found else 'of no run'}: left out")
            continue
        seen[column.name] = again = seen.get(column.name, 0) + 1
        run = found["run"] if again == 1 else f"{found['run']} ({again})"
        if again == 2:
            notes.append(f"{sheet.source}: column {column.name!r} stands there more than once: the second is run {run!r}")
        yield Line(run, found["key"], found["end"] or "", column)


def _steps(axis: Column, lines: list[Line]) -> tuple[np.ndarray, bool, list[tuple[str, Column]]]:
    """Return the steps of rows: those of the axis, or of a metric _step; else rows are numbered. Another axis is a metric."""
    if axis.name.strip().lower() in STEPS and axis.is_number:
        return axis.numbers, False, []
    other = [(axis.name, axis)] if axis.is_number else []
    for line in lines:
        if line.key == "_step" and not line.end:
            return line.column.numbers, False, other
    return np.empty(0), True, other


def _bare_ends(lines: list[Line]) -> list[Line]:
    """Return the least and the most that are the same as the value throughout, and those of steps."""
    values = {line.key: line.column for line in lines if not line.end}
    ends = [line for line in lines if line.end]
    return [line for line in ends if line.key == "_step" or (line.key in values and _same(line.column, values[line.key]))]


def _same(one: Column, other: Column) -> bool:
    return bool(np.array_equal(one.numbers, other.numbers, equal_nan=True))


def _ends_note(run: str, key: str, *, differ: bool) -> list[str]:
    """Return what a line stands for where it is a group by its name, or has ends."""
    if "group: " in run.lower() or (differ and GROUP.search(run)):
        return [f"{run!r} is a group of runs: {key} is their mean, and __MIN and __MAX are its ends, not runs"]
    return [f"{run!r}: a point of {key} stands for several values, of which __MIN and __MAX are the ends"] if differ else []
