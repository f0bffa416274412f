"""W&B chart export: a column of steps, then for each run a metric with the least and the most of what it stands for."""

import re
from collections.abc import Iterator

from bayes_scaling.data.importers.part import Part, long_rows
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sheet import Column, read_sheet, step_of

NAME = "W&B chart export (CSV)"
HOME = "W&B"
"""Exports of one project hold the same runs."""

CELL = re.compile(r"(?P<run>.+) - (?P<key>.+?)(?P<end>__MIN|__MAX)?")
GROUP = re.compile(r"Group: |.*\bGroup: ")


def recognises(head: Head) -> bool:
    """Return whether the header has columns RUN - METRIC with their least and most."""
    cells = [CELL.fullmatch(cell) for cell in head.header[1:]]
    return any(cell and cell["end"] for cell in cells)


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run."""
    sheet = read_sheet(head)
    step, numbered = step_of(sheet.columns[0], len(sheet))
    runs: dict[str, list[tuple[str, Column]]] = {}
    for column in sheet.columns[1:]:
        if found := CELL.fullmatch(column.name):
            runs.setdefault(found["run"], []).append((found["key"] + (found["end"] or ""), column))
    for run, columns in runs.items():
        cells = [(key, column.numbers, column.there) for key, column in columns if column.is_number]
        yield Part(run, head.source, NAME, long_rows(step, cells), notes=sheet.notes, home=HOME, numbered=numbered)
        sheet = sheet.quiet()
