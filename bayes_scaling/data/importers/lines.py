"""Text logs line by line: the step of a line and what it says of it, as names and numbers."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.part import Part, metrics_of
from bayes_scaling.data.importers.recognise import Head

NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|NaN|NAN|inf|Inf)"
UNIT = r"(?:(?P<suffix>[kKMBT])(?![A-Za-z])|(?:ms|us|µs|sec|s|h|%|GB|GiB|MB|MiB)(?![A-Za-z]))?"
SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
STRAY = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""What colours lines in a terminal."""


@dataclass(frozen=True)
class Grammar:
    """How lines of a format are written.

    Parameters
    ----------
    step
        Finds the step of a line, as group `step`, and maybe `most`, the last one planned. What is said of it follows.
    field
        Finds each name and number in the rest of the line: groups `key` and `value`, and maybe `suffix`.
    config
        Finds what lines without a step say of the run: groups `key` and `value`.
    """

    step: re.Pattern[str]
    field: re.Pattern[str]
    config: re.Pattern[str] | None = None


type Field = tuple[str, float, str, str]


@dataclass(frozen=True)
class Said:
    """What a line says of a step.

    Parameters
    ----------
    fields
        Name, number, and how the number is written, with its unit.
    ends
        Whether the last number ends the line.
    """

    step: float
    fields: tuple[Field, ...]
    text: str
    ends: bool


def has_lines(text: str, grammar: Grammar, least: int = 1) -> bool:
    """Return whether so many lines of a text say something of a step."""
    found = 0
    for line in text.splitlines():
        found += said_by(line, grammar) is not None
        if found >= least:
            return True
    return False


def said_by(line: str, grammar: Grammar) -> Said | None:
    """Return what a line says of a step; None where it says nothing."""
    match = grammar.step.search(line)
    if match is None:
        return None
    found = list(grammar.field.finditer(line, match.end()))
    if not found:
        return None
    fields = tuple((_key(one["key"]), _value(one), one["value"], line[one.end("value") : one.end()]) for one in found)
    return Said(float(match["step"].replace(",", "")), fields, line, found[-1].end() == len(line.rstrip()))


def read_lines(head: Head, run: str, format_name: str, grammar: Grammar) -> Part:
    """Return the run of a text log."""
    text, notes = head.whole_text()
    lines = [STRAY.sub("", line) for line in re.split(r"\r\n|\n|\r", text)]
    said = [one for line in lines if (one := said_by(line, grammar)) is not None]
    config: dict[str, object] = {}
    if grammar.config is not None:
        config = {_key(of["key"]): _value(of) for line in lines if (of := grammar.config.search(line)) is not None}
    more = list(notes)
    if lines[-1].strip():
        said = _without_cut(said, lines, head.source, more)
    most = [float(match["most"].replace(",", "")) for match in _planned(lines, grammar)]
    if most and said and said[-1].step < most[-1]:
        more.append(f"{head.source}: the log ends at step {exact(said[-1].step)} of {exact(most[-1])}")
    config |= {"max_steps": most[-1]} if most else {}
    metrics = metrics_of((one.step, key, value) for one in said for key, value, *_ in one.fields)
    return Part(run, head.source, format_name, metrics, config, tuple(more))


def _planned(lines: Iterable[str], grammar: Grammar) -> Iterator[re.Match[str]]:
    if "most" in grammar.step.groupindex:
        yield from (match for line in lines if (match := grammar.step.search(line)) is not None and match["most"])


def _without_cut(said: list[Said], lines: list[str], source: str, notes: list[str]) -> list[Said]:
    """Return what lines say without what a cut last line may say wrongly: its last number, where nothing follows it.

    Others of its kind tell: it was not where it says as much as they do, and its last number is no shorter than theirs.
    """
    last, line = lines[-1], len(lines)
    if not said or said[-1].text != last:
        notes.append(f"{source}, line {line}: {format_value(last)} has no end: nothing is read from it")
        return said
    own, names = said[-1], [field[0] for field in said[-1].fields]
    alike = next((one for one in reversed(said[:-1]) if [field[0] for field in one.fields] == names), None)
    if alike is not None and own.ends and _as_long(own.fields[-1], alike.fields[-1]):
        return said
    where = f"{source}, line {line}: {format_value(last)} has no end"
    if not own.ends:
        notes.append(f"{where}: read up to {names[-1]}")
        return said
    notes.append(f"{where}: {names[-1]} may be cut, and is left out")
    kept = [replace(own, fields=own.fields[:-1])] if len(names) > 1 else []
    return [*said[:-1], *kept]


def _as_long(one: Field, other: Field) -> bool:
    """Return whether a number is written as long as another, and with its unit."""
    return len(one[2]) >= len(other[2]) and one[3] == other[3]


def _key(text: str) -> str:
    return " ".join(text.split()).strip(" ,|-:=")


def _value(found: re.Match[str]) -> float:
    suffix = found.groupdict().get("suffix")
    return float(found["value"].replace(",", "")) * SUFFIXES.get(suffix or "", 1.0)
