"""Questions in a line of text, taken apart: what is asked, of which levels, and what is held. Nothing is evaluated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bayes_scaling._base.errors import InputError

FORMS = (
    "contrast GROUP=A:B at NAME=VALUE, ...; multiplier GROUP=A:B at NAME=VALUE, ...; loss at NAME=VALUE, ...; "
    "run at NAME=VALUE, ...; plan at compute=FLOP; parameter NAME [at GROUP=LEVEL, ...]"
)

_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_LEVELS = rf"(?P<name>[^=:]+?)\s*=\s*(?P<a>{_QUOTED}|[^:]+?)\s*:\s*(?P<b>{_QUOTED}|.+?)"
_PAIR_OF_LEVELS = rf"\s+{_LEVELS}(?:\s+at\s+(?P<at>.+))?"
_SHAPES = {
    "contrast": re.compile(f"contrast{_PAIR_OF_LEVELS}"),
    "multiplier": re.compile(f"multiplier{_PAIR_OF_LEVELS}"),
    "loss": re.compile(r"(?:loss|accuracy|error rate|response)\s+at\s+(?P<at>.+)"),
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
            _refuse_colons(text, found.groupdict())
            parts = {name: _bare(of) for name, of in found.groupdict().items() if name != "at" and of}
            return Estimand(text, kind, held=_pairs(text, found.groupdict().get("at")), **parts)
    raise InputError(f"the question {text!r} has no form that is known; expected one of: {FORMS}")


def pair_of_levels(text: str) -> tuple[str, str, str]:
    """Return the group and the two levels of "GROUP=A:B"; levels that hold a colon are quoted.

    Raises
    ------
    InputError
        Where it has another form.

    Examples
    --------
    >>> pair_of_levels("attention=moba:full"), pair_of_levels("arch='a:b':dense")
    (('attention', 'moba', 'full'), ('arch', 'a:b', 'dense'))
    """
    found = re.fullmatch(_LEVELS, text.strip())
    if found is None:
        raise InputError(f"{text!r}: expected GROUP=A:B, as in attention=moba:full")
    _refuse_colons(text, found.groupdict())
    return found["name"], _bare(found["a"]), _bare(found["b"])


def _refuse_colons(text: str, parts: Mapping[str, str | None]) -> None:
    """Raise InputError where more than one colon is between levels: which of them divides the two is not clear."""
    b = parts.get("b") or ""
    if ":" in b and not re.fullmatch(_QUOTED, b):
        name, said = parts.get("name"), f"{parts.get('a')}:{b}"
        first, _, last = said.rpartition(":")
        raise InputError(
            f"{text!r}: {said!r} has several colons, and it is not clear which divides the two levels; a level that holds one "
            f"stands in quotes, as {name}={_in_quotes(_bare(first))}:{last}"
        )


def held_too(asked: Estimand, cell: Mapping[str, str]) -> Estimand:
    """Return a question that holds further levels."""
    pairs = ", ".join(f"{name}={_quoted(level)}" for name, level in cell.items())
    text = f"{asked.text}{', ' if asked.held else ' at '}{pairs}"
    return replace(asked, text=text, held={**asked.held, **cell})


def _quoted(level: str) -> str:
    return _in_quotes(level) if re.search(r"[,=\"']|^\s|\s$", level) else level


def _in_quotes(level: str) -> str:
    """Return a level in quotes, with a backslash before what would end them, and before a backslash."""
    mark = "'" if '"' in level or ("'" not in level and ":" in level) else '"'
    return f"{mark}{re.sub(rf'([{mark}\\])', r'\\\1', level)}{mark}"


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
    quoted = len(said) > 1 and said[0] == said[-1] and said[0] in "'\""
    return re.sub(r"\\([\\'\"])", r"\1", said[1:-1]) if quoted else said
