"""JSON lines: a record a line, of one step each, or of one run each with a curve inside."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling.data.importers.json_pairs import pairs, twice_notes
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.plain import plain_records
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.records import flattened, parts_of_records, refuse_settings, step_of
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import sheet_of_plain

NAME = "JSON lines"
MOST_DIGITS = 400
"""Whole numbers of more digits are beyond the largest float."""
MOST_TWICE = 5
"""Lines with a key that stands twice that are named."""


def recognises(head: Head) -> bool:
    """Return whether the first line is a JSON object, or the only one begins as one."""
    if not head.lines or not head.lines[0].lstrip().startswith("{"):
        return False
    record = _record(head.lines[0])
    if record is not None and len(head.lines) == 1 and _lists(record) > 1:
        return False  # columns of a document
    return record is not None or (len(head.lines) == 1 and '":' in head.lines[0])


def _lists(record: dict[str, Any]) -> int:
    """Return how many lists of single values a record holds."""
    return sum(
        isinstance(of, list) and not any(isinstance(one, list | dict) for one in of) for of in flattened(record).values()
    )


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a file; a line that is no record is left out, and said."""
    first = _record(head.lines[0]) if head.lines else None
    # Lines before the first step may be what the run was set to.
    if first is not None and step_of(flattened(first)) is not None and (plain := plain_records(head)) is not None:
        yield from parts_of(sheet_of_plain(plain, head.source), run_name(head.source), NAME)
        return
    text, notes = head.whole_text()
    lines = text.splitlines()
    records, wrong = [], []
    for number, line in enumerate(lines, 1):
        twice: list[str] = []
        record = _record(line, twice)
        notes += twice_notes(twice, f"{head.source}, line {number}") if len(notes) < MOST_TWICE else ()
        if record is not None:
            records.append(record)
        elif line.strip():
            wrong.append(number)
    if not records:
        raise InputError(f"{head.source}, line 1: {format_value(lines[0])} was cut or is no JSON object; expected one a line")
    refuse_settings(records, head)
    notes = (*notes, *_left_out(wrong, lines, head.source, text))
    yield from parts_of_records(records, run_name(head.source), head.source, NAME, notes)


def _record(line: str, twice: list[str] | None = None) -> dict[str, Any] | None:
    try:
        hook = None if twice is None else partial(pairs, twice)
        found = json.loads(line, parse_int=_whole, object_pairs_hook=hook)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _whole(text: str) -> int | float:
    """Return a whole number; as a float where it has more digits than Python reads."""
    return int(text) if len(text) <= MOST_DIGITS else float(text)


def _left_out(wrong: list[int], lines: list[str], source: str, text: str) -> tuple[str, ...]:
    """Return notes on lines that are no records: the last was cut, others are damaged."""
    notes = []
    if wrong and wrong[-1] == len(lines) and not text.endswith("\n"):
        notes.append(f"{source}, line {wrong.pop()}: {format_value(lines[-1])} was cut, and is left out")
    if wrong:
        many = f"{len(wrong)} lines are no JSON objects" if len(wrong) > 1 else "a line is no JSON object"
        notes.append(f"{source}: {many}, the first is line {wrong[0]}, {format_value(lines[wrong[0] - 1])}: left out")
    return tuple(notes)
