"""Text logs line by line: the step of a line and what it says of it, as names and numbers."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.part import Part
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
        Whether the last number ends the line; a comma behind it may stand between thousands.
    most
        The last step planned, where the line says it.
    """

    step: float
    fields: tuple[Field, ...]
    ends: bool
    most: float | None

    @property
    def names(self) -> tuple[str, ...]:
        """What the line gives numbers of."""
        return tuple([field[0] for field in self.fields])


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
    fields = tuple([(_key(one["key"]), _value(one), one["value"], line[one.end("value") : one.end()]) for one in found])
    most = match["most"] if "most" in grammar.step.groupindex else None
    return Said(_whole(match["step"]), fields, not line[found[-1].end() :].strip(" ,"), None if most is None else _whole(most))


def read_lines(head: Head, run: str, format_name: str, grammar: Grammar) -> Part:
    """Return the run of a text log."""
    text, notes = head.whole_text()
    *lines, end = re.split(r"\r\n|\n|\r", text)
    rows, config, last = Coded(), dict[str, object](), None
    alike: dict[tuple[str, ...], Said] = {}
    for line in map(_plain, lines):
        said = said_by(line, grammar)
        if said is not None:
            last = alike[said.names] = said
            _add(rows, said)
        elif grammar.config is not None and (one := grammar.config.search(line)) is not None:
            config[_key(one["key"])] = _value(one)
    if end.strip():
        said, cut = _end(said_by(_plain(end), grammar), alike)
        notes += (f"{head.source}, line {len(lines) + 1}: {format_value(end)} has no end{cut}",) if cut else ()
        if said is not None:
            last = said
            _add(rows, said)
    if last is not None and last.most is not None:
        config["max_steps"] = last.most
        ends = f"{head.source}: the log ends at step {exact(last.step)} of {exact(last.most)}, no end of the run"
        notes += (ends,) if last.step < last.most else ()
    return Part(run, head.source, format_name, rows.to_frame(), config, notes)


def _add(rows: Coded, said: Said) -> None:
    for key, value, *_ in said.fields:
        rows.add(said.step, key, value)


def _end(said: Said | None, alike: Mapping[tuple[str, ...], Said]) -> tuple[Said | None, str]:
    """Return what a last line without a line break says, but for its last number where that may be cut, and what was done.

    Others of its kind tell: it was not cut where it says as much as they do, and its last number is no shorter than theirs.
    """
    if said is None:
        return None, ": nothing is read from it"
    if not said.ends:
        return said, f": read up to {said.names[-1]}"
    if said.names in alike and _as_long(said.fields[-1], alike[said.names].fields[-1]):
        return said, ""
    kept = replace(said, fields=said.fields[:-1]) if len(said.fields) > 1 else None
    return kept, f": {said.names[-1]} may be cut, and is left out"


def _as_long(one: Field, other: Field) -> bool:
    """Return whether a number is written as long as another, and with its unit."""
    return len(one[2]) >= len(other[2]) and one[3] == other[3]


def _plain(line: str) -> str:
    return STRAY.sub("", line) if "\x1b" in line else line


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return " ".join(text.split()).strip(" ,|-:=")


def _whole(text: str) -> float:
    return float(text.replace(",", ""))


def _value(found: re.Match[str]) -> float:
    suffix = found["suffix"] if "suffix" in found.re.groupindex else None
    value = _whole(found["value"]) * (1.0 if suffix is None else SUFFIXES[suffix])
    near = float(round(value)) if math.isfinite(value) else value
    return near if math.isclose(value, near, rel_tol=1e-12) else value  # 65.60M is a whole number
