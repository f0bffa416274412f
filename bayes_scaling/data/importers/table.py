"""A table of runs or of a log, with a header of any names: what is left when nothing else recognises a file."""

from collections.abc import Iterator

from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import read_sheet

NAME = "table (CSV)"


def recognises(head: Head) -> bool:
    """Return whether lines are split alike, and hold a number below the header."""
    if len(head.header) < 2 or len(head.lines) < 2 or all(is_number(cell) for cell in head.header):
        return False
    rows = [head.split(line) for line in head.lines[1:11]]
    alike = sum(abs(len(row) - len(head.header)) <= 1 for row in rows)
    return alike > len(rows) / 2 and any(is_number(cell) for row in rows for cell in row)


def is_number(cell: str) -> bool:
    """Return whether a cell is a number of some kind: 1.5, "1,5", 0.41M, 1e18."""
    return bool(cell) and cell.strip()[:2].strip("+-.,")[:1].isdigit() and len(cell) < 30


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a table."""
    yield from parts_of(read_sheet(head), run_name(head.source), NAME)
