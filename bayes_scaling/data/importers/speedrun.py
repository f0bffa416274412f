"""modded-nanogpt's output: `step:125/1530 val_loss:4.3924 train_time:23123ms step_avg:160.73ms`."""

import re
from collections.abc import Iterator

from bayes_scaling.data.importers.lines import NUMBER, UNIT, Grammar, has_lines, read_lines
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "modded-nanogpt log (text)"
GRAMMAR = Grammar(
    step=re.compile(r"\bstep:(?P<step>\d+)/(?P<most>\d+)(?=\s)"),
    entry=re.compile(rf"(?P<key>[A-Za-z][\w/.-]*):(?P<value>{NUMBER}){UNIT}(?=,(?!\d)|\s|$)"),
)


def recognises(head: Head) -> bool:
    """Return whether a line is written so; such logs print the source code first."""
    return has_lines(head.far, GRAMMAR)


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a log."""
    yield from read_lines(head, run_name(head.source), NAME, GRAMMAR)
