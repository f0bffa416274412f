"""nanoGPT's output: `step 500: train loss 0.6976, val loss 0.6980` and `iter 10: loss 2.9872, time 118.08ms`."""

import re
from collections.abc import Iterator

from bayes_scaling.data.importers.lines import NUMBER, UNIT, Grammar, has_lines, read_lines
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "nanoGPT log (text)"
GRAMMAR = Grammar(
    step=re.compile(r"\b(?:step|iter) (?P<step>\d+):(?= )"),
    entry=re.compile(rf"(?P<key>[A-Za-z][\w /.-]*?) (?P<value>{NUMBER}){UNIT}(?=,(?!\d)|\s|$)"),
    config=re.compile(
        rf"(?P<key>number of parameters|tokens per iteration)(?: will be)?: (?P<value>{NUMBER})(?P<suffix>[kKMBT])?(?=\s|$)"
    ),
    begins_at_resumed=True,
)


def recognises(head: Head) -> bool:
    """Return whether a line is written so."""
    return has_lines(head.far, GRAMMAR)


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a log; their parameters and tokens a step as it says them."""
    yield from read_lines(head, run_name(head.source), NAME, GRAMMAR)
