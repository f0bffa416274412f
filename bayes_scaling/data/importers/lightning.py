"""Lightning's metrics.csv: a row a call of the logger, most cells empty, and hparams.yaml beside it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import read_sheet

NAME = "Lightning metrics (CSV)"
BESIDE = "hparams.yaml"
OTHER = tuple("!&*{[|>")
"""What begins a value that is no plain text or number."""

ENTRY = re.compile(r"(?P<indent> *)(?P<key>[\w.\-/]+):(?: +(?P<value>.*))?")


def recognises(head: Head) -> bool:
    """Return whether the header has epoch and step, and rows have empty cells."""
    if not {"epoch", "step"} <= set(head.header) or "," not in head.lines[0]:
        return False
    return any("" in head.split(line) for line in head.lines[1:20])


def read(head: Head) -> Iterator[Part]:
    """Yield the run of a file."""
    notes: list[str] = []
    config = read_hparams(head.path.with_name(BESIDE), notes)
    for i, part in enumerate(parts_of(read_sheet(head), run_name(head.source), NAME, config)):
        yield part if i else replace(part, notes=(*part.notes, *notes))


def read_hparams(path: Path, notes: list[str]) -> dict[str, object]:
    """Return plain entries of a YAML file by dotted key; what is no plain text or number is left out, and said."""
    if not path.is_file():
        return {}
    found: dict[str, object] = {}
    above: list[tuple[int, str]] = []
    left = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        entry = ENTRY.fullmatch(line.rstrip())
        value = (entry["value"] or "").strip() if entry is not None else ""
        if entry is None or value[:1] in OTHER:
            left += bool(line.strip()) and not line.lstrip().startswith("#")
            continue
        above = [one for one in above if one[0] < len(entry["indent"])]
        if not value:
            above.append((len(entry["indent"]), entry["key"]))
        elif value not in ("null", "~"):
            found[".".join([*(key for _, key in above), entry["key"]])] = value.strip("'\"")
    notes += [f"{path}: {several(left, 'line')} no plain entry: left out"] if left else []
    return found
