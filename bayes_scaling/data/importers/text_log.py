"""Any text log whose lines have a step and then names with numbers: `step: 10  loss: 7.8`, `Iteration 10 | val_loss=3.2`."""

import re
from collections.abc import Iterator

from bayes_scaling.data.importers.lines import NUMBER, UNIT, Grammar, has_lines, read_lines
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "text log"
WORD = r"[A-Za-z][\w/.()%-]*"
STEP = r"(?i)\b(?:global[_ ]?step|step|iter(?:ation)?|update)s?\b[ :=#]*(?P<step>\d[\d,]*)"
GRAMMAR = Grammar(
    step=re.compile(rf"{STEP}(?:\s*/\s*(?P<most>\d[\d,]*))?(?![\w.])"),
    entry=re.compile(
        rf"(?P<key>{WORD}(?: {WORD}){{0,3}}?)(?:\s*[:=]\s*|\s+)(?P<value>{NUMBER}){UNIT}(?=,(?!\d)|[;|\s)\]}}]|$)",
    ),
)


def recognises(head: Head) -> bool:
    """Return whether two lines are written so."""
    return has_lines(head.far, GRAMMAR, least=2)


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a log."""
    yield from read_lines(head, run_name(head.source), NAME, GRAMMAR)
