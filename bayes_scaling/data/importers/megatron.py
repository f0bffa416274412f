"""Megatron's output: `iteration 100/ 1000 | consumed samples: 25600 | ... | lm loss: 6.44E+00 |`, and its arguments above."""

import re
from collections.abc import Iterator
from dataclasses import replace

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.lines import NUMBER, Grammar, has_lines, read_lines
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NAME = "Megatron log (text)"
GRAMMAR = Grammar(
    step=re.compile(r"\b(?P<checked>\w+ loss at )?iteration\s+(?P<step>\d+)(?(checked)[^|]*|/\s*(?P<most>\d+)\s*)(?=\|)"),
    entry=re.compile(rf"\|\s*(?P<key>[^|:]+?):\s*(?P<value>{NUMBER})\s*(?=\||$)"),
    config=re.compile(rf"^\s*(?:\S+:)?\s*(?P<key>[a-z][a-z0-9_]+) \.{{4,}} (?P<value>{NUMBER})\s*$"),
    stepless=re.compile(r"\b\w+ loss at [^|]*\|"),
)


def recognises(head: Head) -> bool:
    """Return whether a line is written so."""
    return has_lines(head.far, GRAMMAR)


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a log: rows of training, those of validation and test, and arguments that are numbers."""
    for part in read_lines(head, run_name(head.source), NAME, GRAMMAR):
        length, batch = part.config.get("seq_length"), part.metrics[part.metrics["key"] == "global batch size"]["value"]
        if isinstance(length, float) and batch.nunique() == 1:
            tokens = length * float(batch.iloc[0])
            of = f"of global batch size {exact(batch.iloc[0])} and seq_length {exact(length)}"
            note = f"{head.source}: {exact(tokens)} tokens a step, {of}"
            yield replace(part, config={**part.config, "tokens_per_step": tokens}, notes=(*part.notes, note))
        else:
            yield part
