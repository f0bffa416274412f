"""Text logs line by line: the step of a line and what it says of it, as names and numbers."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.numbers import exact, several
from bayes_scaling.data.importers.attempts import Attempts
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head

NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|NaN|NAN|inf|Inf)"
UNIT = r"(?:(?P<suffix>[kKMBT])(?![A-Za-z])|(?:ms|us|µs|sec|s|h|%|GB|GiB|MB|MiB)(?![A-Za-z]))?"
SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
STRAY = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""What colours lines in a terminal."""

PHASE_WORDS = r"(?:train(?:ing)?|val(?:id(?:ation)?)?|eval(?:uation)?|test(?:ing)?|dev)"
PHASE = re.compile(
    rf"(?i)(?<![\w./-])(?P<phase>{PHASE_WORDS})(?![\w./-])"
    r"(?=\s*(?:[\]):|,>]|-\s|$|(?:set|split|phase|loss|(?:global[_ ]?)?step|iter(?:ation)?|update|epoch)s?\b))"
)
"""What a line says of all numbers behind it: `[eval] step 100 loss 3.3`."""

OWN_PHASE = re.compile(rf"(?i)(?<![a-z]){PHASE_WORDS}(?![a-z])")


@dataclass(frozen=True)
class Grammar:
    """How lines of a format are written.

    Parameters
    ----------
    step
        Finds the step of a line, as group `step`, and maybe `most`, the last one planned. What is said of it follows.
    entry
        Finds each name and number in the rest of the line: groups `key` and `value`, and maybe `suffix`.
    config
        Finds what lines without a step say of the run: groups `key` and `value`.
    stepless
        Finds lines that give metrics without a step: they are left out, and said.
    begins_at_resumed
        Whether the first row of a job that was resumed is at the step it goes on from.
    """

    step: re.Pattern[str]
    entry: re.Pattern[str]
    config: re.Pattern[str] | None = None
    stepless: re.Pattern[str] | None = None
    begins_at_resumed: bool = False


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
        return tuple([one[0] for one in self.fields])


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
    found = list(grammar.entry.finditer(line, match.end()))
    if not found:
        return None
    fields = tuple([(key, _value(one), one["value"], line[one.end("value") : one.end()]) for key, one in _keyed(line, found)])
    most = match["most"] if "most" in grammar.step.groupindex else None
    return Said(_whole(match["step"]), fields, not line[found[-1].end() :].strip(" ,"), None if most is None else _whole(most))


def _keyed(line: str, found: Sequence[re.Match[str]]) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield numbers with their keys, before which stands the phase that the line gives, unless they have one of their own."""
    end, phase = 0, ""
    for one in found:
        for said in PHASE.finditer(line[end : one.start("key")]):
            phase = said["phase"].lower()
        end = one.end()
        key = _key(one["key"])
        yield (key if not phase or OWN_PHASE.search(key) else f"{phase} {key}"), one


@dataclass
class _Reading:
    """What was read of a log so far: its runs, its last step, the last one planned, and lines whose metrics have no step."""

    grammar: Grammar
    log: Attempts = field(default_factory=Attempts)
    last: float = 0.0
    most: float | None = None
    alike: dict[tuple[str, ...], Said] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)

    def read(self, line: str, number: int) -> None:
        """Read a line."""
        grammar = self.grammar
        if (said := said_by(line, grammar)) is not None:
            self.alike[said.names] = said
            self.add(said)
        elif grammar.config is not None and (one := grammar.config.search(line)) is not None:
            self.log.know(_key(one["key"]), _value(one))
        elif grammar.stepless is not None and grammar.stepless.search(line) is not None:
            self.lost.append(number)

    def add(self, said: Said) -> None:
        """Take what a line said of a step."""
        self.last, self.most = said.step, self.most if said.most is None else said.most
        self.log.add(said.step, [one[:2] for one in said.fields])


def read_lines(head: Head, run: str, format_name: str, grammar: Grammar) -> Iterator[Part]:
    """Yield the runs of a text log: one, or several whose settings tell that they are."""
    text, notes = head.whole_text()
    *lines, end = re.split(r"\r\n|\n|\r", text)
    of = _Reading(grammar)
    for number, line in enumerate(map(_plain, lines), 1):
        of.read(line, number)
    if end.strip():
        said, cut = _end(said_by(_plain(end), grammar), of.alike)
        notes += (f"{head.source}, line {len(lines) + 1}: {format_value(end)} has no end{cut}",) if cut else ()
        if said is not None:
            of.add(said)
    of.log.close()
    *others, final = of.log.parts(run, head.source, format_name, begins_at_resumed=grammar.begins_at_resumed)
    yield from others
    config = final.config if of.most is None else {**final.config, "max_steps": of.most}
    yield replace(final, config=config, notes=(*final.notes, *notes, *_odd(of, lines, head.source)))


def _odd(of: _Reading, lines: Sequence[str], source: str) -> Iterator[str]:
    """Yield what was left out, and where a log ends before it was to."""
    if of.lost:
        more = f", and {several(len(of.lost) - 1, 'such line')} more" if len(of.lost) > 1 else ""
        yield f"{source}, line {of.lost[0]}: {format_value(lines[of.lost[0] - 1])} says no step{more}: left out"
    if of.most is not None and of.last < of.most:
        yield f"{source}: the log ends at step {exact(of.last)} of {exact(of.most)}, no end of the run"


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
