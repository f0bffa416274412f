"""How parameters, compute, tokens and losses were counted: what two tables must share to be held against each other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError

MIXED = "mixed"
"""A convention that differs between rows, which is known and meant."""
ROLES = {
    "params": ("embeddings", "head", "experts", "params"),
    "compute": ("compute",),
    "tokens": ("tokens",),
    "loss": ("tokenizer", "smoothing", "context", "evaluation", "schedule"),
}
"""What is counted -> the fields that say how."""
CHOICES = {
    "embeddings": ("with", "without"),
    "head": ("with", "without"),
    "experts": ("active", "total"),
    "tokens": ("seen", "unique"),
    "schedule": ("finished", "unfinished", "constant"),
}
"""Field -> the words that it may hold beside "mixed"; the others hold any text."""
COMPUTE = ("6ND", "attention", "logged")
"""What compute is mostly counted as; any other text may say it."""


@dataclass(frozen=True)
class Conventions:
    """How parameters, compute, tokens and the loss of a table were counted.

    A field left out is unknown, and stays so. "mixed" says that rows were counted differently, and that this is meant. In
    texts of your own small and capital letters, blanks and signs make no difference.

    Parameters
    ----------
    embeddings
        Whether token and position embeddings are among the parameters: "with" or "without".
    head
        Whether the output head is among the parameters: "with" or "without".
    experts
        Of a mixture of experts: "active" parameters, those that a token sees, or "total".
    params
        What else there is to say of how parameters are counted, such as "looped weights once".
    compute
        "6ND", six times parameters times tokens; "attention", with that of attention; "logged", as the training code did; or
        any text.
    tokens
        "seen", repetitions included, or "unique".
    tokenizer
        Its name. It decides what a loss per token is, and how many tokens a text has.
    smoothing
        Of the losses: "none", or how, such as "mean of the last 5 %".
    context
        Context length in tokens at which losses were measured.
    evaluation
        The text that losses are of, such as "C4 validation" or "training".
    schedule
        Whether the learning rate had come to the end of its schedule where a loss was read: "finished" or "unfinished", or
        "constant" without one.

    Raises
    ------
    InputError
        For a value that a field does not hold.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.conventions import Conventions
    >>> how = Conventions(embeddings="without", compute="6 N D", schedule="finished")
    >>> how.compute
    '6ND'
    >>> columns = bs.Columns({"params": bs.Input("params")}, conventions=how)
    """

    embeddings: Literal["with", "without", "mixed"] | None = None
    head: Literal["with", "without", "mixed"] | None = None
    experts: Literal["active", "total", "mixed"] | None = None
    params: str | None = None
    compute: str | None = None
    tokens: Literal["seen", "unique", "mixed"] | None = None
    tokenizer: str | None = None
    smoothing: str | None = None
    context: int | str | None = None
    evaluation: str | None = None
    schedule: Literal["finished", "unfinished", "constant", "mixed"] | None = None

    def __post_init__(self) -> None:
        every: dict[str, checks.Rule] = {one.name: _text for one in fields(self)} | {"context": _context}
        every |= {name: checks.one_of([*words, MIXED]) for name, words in CHOICES.items()}
        checks.check(self, "of the conventions", **{name: checks.optional(rule) for name, rule in every.items()})
        known = next((word for word in COMPUTE if alike(self.compute, word)), self.compute)
        object.__setattr__(self, "compute", known)

    @property
    def known(self) -> dict[str, Any]:
        """The fields that are known, by name."""
        return {one.name: of for one in fields(self) if (of := getattr(self, one.name)) is not None}


def _text(value: Any, what: str) -> str:
    text = str(checks.text(value, what)).strip()
    if not text:
        raise checks.refusal(value, what, "a text that is not empty")
    return text


def _context(value: Any, what: str) -> int | str:
    return MIXED if isinstance(value, str) and value == MIXED else int(checks.integer(1, 10**12)(value, what))


def alike(one: Any, other: Any) -> bool:
    """Return whether two conventions are the same, whatever their letters, blanks and signs."""
    return one == other or _bare(one) == _bare(other) != ""


def _bare(value: Any) -> str:
    return re.sub(r"[\W_]+", "", str(value).casefold())


def read_conventions(said: object, source: str) -> Conventions:
    """Return the conventions that a mapping holds, as a model file, an option or a table's metadata has them.

    Raises
    ------
    InputError
        For a field that there is not, or a value that it does not hold.
    """
    if not isinstance(said, Mapping):
        raise InputError(f"{source}: conventions must be fields and their values, not a {type(said).__name__}")
    known = [one.name for one in fields(Conventions)]
    if unknown := [name for name in said if name not in known]:
        raise InputError(f"{source}: no convention is called {unknown[0]!r}; there are {known}")
    try:
        return Conventions(**said)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def with_conventions(conventions: Conventions, said: Mapping[str, str]) -> Conventions:
    """Return conventions with others, as texts say them, in place of some."""
    values = {name: int(of) if name == "context" and of.isdecimal() else of for name, of in said.items()}
    return read_conventions({**conventions.known, **values}, "--convention")
