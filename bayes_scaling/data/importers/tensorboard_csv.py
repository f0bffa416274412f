"""TensorBoard scalars downloaded as CSV: one tag of one run a file, which the file's name says."""

import re
from collections.abc import Iterator
from pathlib import PurePath

from bayes_scaling.data.importers.naming import ENDINGS, run_name
from bayes_scaling.data.importers.part import Part, long_rows
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sheet import read_sheet

NAME = "TensorBoard scalars (CSV)"
HEADER = ["wall time", "step", "value"]
CALLED = re.compile(r"(?:^|.*[_\W])run-(?P<run>.+?)[-_.]tag-(?P<tag>.+)")
SAMPLE = 1000
"""Rows that TensorBoard keeps of a tag unless it is told otherwise."""


def recognises(head: Head) -> bool:
    """Return whether the header is that of TensorBoard."""
    return [cell.strip().lower() for cell in head.header] == HEADER


def read(head: Head) -> Iterator[Part]:
    """Yield the run that a file is of, with its tag as the key."""
    sheet = read_sheet(head)
    _, step, value = sheet.columns
    stem = ENDINGS.sub("", PurePath(head.source.replace("#", "/")).name)
    found = CALLED.fullmatch(stem)
    run, tag = (found["run"], found["tag"]) if found else (run_name(head.source), "Value")
    notes = [*sheet.notes, "wall times of TensorBoard's CSV are left out"]
    if not found:
        notes.append(f"{head.source}: the file's name does not say run and tag, as run-NAME-tag-TAG.csv: the key is 'Value'")
    if sheet.rows == SAMPLE:
        notes.append(f"{head.source} has {SAMPLE} rows: a sample, of which TensorBoard's event files have all")
    if not (step.is_number and value.is_number):
        yield Part(run, head.source, NAME, notes=(*notes, f"{head.source}: Step or Value is no column of numbers"))
        return
    metrics = long_rows(step.numbers, [(tag, value.numbers, value.there)])
    home = str(PurePath(head.source).parent)
    yield Part(run, head.source, NAME, metrics, notes=tuple(notes), home=home)
