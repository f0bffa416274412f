"""JSON lines: a record a line, of one step each."""

import json
from collections.abc import Iterator

from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part, metrics_of
from bayes_scaling.data.importers.recognise import Head

NAME = "JSON lines"

STEPS = ("step", "_step", "global_step", "trainer/global_step", "iteration", "iter")


def recognises(head: Head) -> bool:
    """Return whether the first line is a JSON object."""
    try:
        return bool(head.lines) and isinstance(json.loads(head.lines[0]), dict)
    except ValueError:
        return False


def read(head: Head) -> Iterator[Part]:
    """Yield the run of a file."""
    text, notes = head.whole_text()
    entries = []
    for line in text.splitlines():
        record = json.loads(line)
        step = next((float(record[name]) for name in STEPS if name in record), float("nan"))
        entries += [(step, name, float(of)) for name, of in record.items() if name not in STEPS and isinstance(of, int | float)]
    yield Part(run_name(head.source), head.source, NAME, metrics_of(entries), notes=notes)
