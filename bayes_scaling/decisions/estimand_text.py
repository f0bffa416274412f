"""Questions in a line of text, taken apart: what is asked, of which levels, and what is held. Nothing is evaluated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bayes_scaling._base.errors import InputError

FORMS = (
    "contrast GROUP=A:B at NAME=VALUE, ...; multiplier GROUP=A:B at NAME=VALUE, ...; loss at NAME=VALUE, ...; "
    "run at NAME=VALUE, ...; plan at compute=FLOP; parameter NAME [at GROUP=LEVEL, ...]"
)

_QUOTED = r"\"[^\"]*\"|'[^']*'"
_PAIR_OF_LEVELS = rf"\s+(?P<name>[^=:]+?)\s*=\s*(?P<a>{_QUOTED}|[^:]+?)\s*:\s*(?P<b>{_QUOTED}|.+?)(?:\s+at\s+(?P<at>.+))?"
_SHAPES = {
    "contrast": re.compile(f"contrast{_PAIR_OF_LEVELS}"),
    "multiplier": re.compile(f"multiplier{_PAIR_OF_LEVELS}"),
    "loss": re.compile(r"loss\s+at\s+(?P<at>.+)"),
    "run": re.compile(r"run\s+at\s+(?P<at>.+)"),
    "plan": re.compile(r"plan\s+at\s+(?P<at>.+)"),
    "parameter": re.compile(r"parameter\s+(?P<name>\S+)(?:\s+at\s+(?P<at>.+))?"),
}
_PAIR = re.compile(rf"\s*([^=,]+?)\s*=\s*({_QUOTED}|[^,=]+?)\s*(?:,|$)")


@dataclass(frozen=True)
class Estimand:
    """A question as it was asked.

    Parameters
    ----------
    name
        The group of a contrast or multiplier, or a parameter.
    a, b
        The levels of a contrast or multiplier.
    held
        What holds, name -> value as written.
    """

    text: str
    kind: str
    name: str = ""
    a: str = ""
    b: str = ""
    held: Mapping[str, str] = field(default_factory=dict)


def parse_estimand(text: str) -> Estimand:
    """Return the parts of a question.

    Raises
    ------
    InputError
        Where it has none of the forms.
    """
    text = " ".join(text.split())
    for kind, shape in _SHAPES.items():
        if found := shape.fullmatch(text):
            parts = {name: _bare(of) for name, of in found.groupdict().items() if name != "at" and of}
            return Estimand(text, kind, held=_pairs(text, found.groupdict().get("at")), **parts)
    raise InputError(f"the question {text!r} has no form that is known; expected one of: {FORMS}")


def held_too(asked: Estimand, cell: Mapping[str, str]) -> Estimand:
    """Return a question that holds further levels."""
    pairs = ", ".join(f"{name}={_quoted(level)}" for name, level in cell.items())
    text = f"{asked.text}{', ' if asked.held else ' at '}{pairs}"
    return replace(asked, text=text, held={**asked.held, **cell})


def _quoted(level: str) -> str:
    if not re.search(r"[,=\"']|^\s|\s$", level):
        return level
    return f"'{level}'" if '"' in level else f'"{level}"'


def _pairs(text: str, said: str | None) -> dict[str, str]:
    """Return the NAME=VALUE pairs after `at`."""
    found, place = {}, 0
    while said is not None and place < len(said):
        pair = _PAIR.match(said, place)
        if pair is None:
            raise InputError(f"the question {text!r}: {said[place:].strip()!r} is no NAME=VALUE")
        if pair[1] in found:
            raise InputError(f"the question {text!r} says {pair[1]!r} twice")
        found[pair[1]], place = _bare(pair[2]), pair.end()
    return found


def _bare(said: str) -> str:
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"" else said
