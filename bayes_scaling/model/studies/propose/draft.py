"""A study on its way to text: the law, the inputs it reads, and the reason for each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import tomli_w

from bayes_scaling._base.escaping import visible
from bayes_scaling.laws.units import loss_factor


@dataclass(frozen=True)
class Read:
    """An input that the law reads.

    Parameters
    ----------
    column
        Of the table.
    reference
        In the base unit; None for the middle of the runs.
    why
        A comment beside it.
    """

    column: str
    unit: str = ""
    reference: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Draft:
    """What a study file is to say.

    Parameters
    ----------
    kind
        What the law is called in a sentence: "L(N, D), Chinchilla's law".
    law
        The file from `[law]` on.
    x
        The input on the horizontal axis.
    why
        Why this law.
    can, cannot
        What the table tells with it, and what it does not.
    data
        Lines of `[data]` beside run and response, with their comments.
    filters
        Conditions of the filter, each with its reason.
    """

    kind: str
    law: str
    inputs: Mapping[str, Read]
    x: str
    why: str
    title: str
    can: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    groups: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    run: str | tuple[str, str] | None = None
    hue: str | None = None
    columns: str | None = None


def literal(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(literal, value))}]"
    return tomli_w.dumps({"k": value}).partition("=")[2].strip()


def comment(text: str, width: int = 124) -> list[str]:
    """Return a text as lines of comment; names of others in it do nothing to a file."""
    lines: list[str] = []
    line = "#"
    for word in visible(text).split():
        if len(line) + 1 + len(word) > width:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]


def in_loss_unit(text: str, unit: str | None, names: Sequence[str]) -> str:
    """Return parameters of a file with the priors of those that are losses in another unit than nats/token."""
    factor = loss_factor("nats/token", unit) if unit else None
    if factor is None or factor[0] == 1.0:
        return text
    scale = factor[0]

    def moved(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) * scale:.2g}"

    for name in names:
        inline = re.compile(rf"(?m)^({name} = \{{ prior = \{{ median = )([\d.]+)")
        table = re.compile(rf"(?ms)^(\[parameters\.{name}\]\n(?:(?!^\[).)*?prior = \{{ median = )([\d.]+)")
        text = table.sub(moved, inline.sub(moved, text))
    return text
