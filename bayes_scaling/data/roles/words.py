"""What people call the columns of a table of training runs: words -> the roles they may mean; see `words.toml`."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from bayes_scaling.laws.units import response_unit

_TOLD: dict[str, Any] = tomllib.loads(files("bayes_scaling.data.roles").joinpath("words.toml").read_text(encoding="utf-8"))
HEADS: dict[str, tuple[str, ...]] = {role: tuple(names) for role, names in _TOLD["names"].items()}
"""Role -> names it goes by, in words of small letters."""
WORDS: dict[str, frozenset[str]] = {name: frozenset(of) for name, of in _TOLD["words"].items()}
COUNT, CORPORA, HELD_OUT, TRAINING = (WORDS[name] for name in ("count", "corpora", "held_out", "training"))
FINAL, MEAN, SMOOTH, EMBEDDINGS, ACTIVE = (WORDS[name] for name in ("final", "mean", "smooth", "embeddings", "active"))
LETTERS, NAMESPACES = WORDS["letters"], WORDS["namespaces"] | HELD_OUT | TRAINING
"""Words of a name that say a unit of counts; and what stands before a slash or point in the names of loggers."""
NEVER = frozenset(_TOLD["never"])
MAY: dict[str, list[str]] = _TOLD["may"]
OTHERWISE: dict[str, list[str]] = _TOLD["otherwise"]
WEAK, WHOLE = 0.2, 0.8
"""Strength of a name that may mean a role, and of a letter that does."""


def _beside(words: Sequence[str]) -> frozenset[str]:
    """Return words, with those of a list in the place of its name."""
    return frozenset().union(*(WORDS[word[1:]] if word.startswith("@") else [word] for word in words))


BESIDE: dict[str, frozenset[str]] = {role: _beside(words) for role, words in _TOLD["beside"].items()}
"""Role -> words that may stand beside its names and change nothing in what is counted."""


@dataclass(frozen=True)
class Meaning:
    """What the name of a column may mean.

    Parameters
    ----------
    strength
        1 where the name is one that the role goes by, less where words are left over that are not understood.
    beside
        The words beside that name, which tell columns of one role apart.
    """

    role: str
    strength: float
    beside: frozenset[str]


def split_words(column: str) -> list[str]:
    """Return the words of a column's name, in small letters: `trainTokens (B)` is train, tokens, b."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", column)
    return [word for word in re.split(r"[^A-Za-z0-9]+", text.lower()) if word]


MEASURED_ON = {
    "eval",
    "set",
    "dataset",
    "corpus",
    "corpora",
    "data",
    "domain",
    "benchmark",
    "language",
    "lang",
    "tokenizer",
    "mixture",
    "task",
    "split",
}
"""Words in the name of a group whose levels are what losses are measured on, and no choices between models."""


def is_corpus_name(name: str) -> bool:
    """Return whether a name is of a group of data sets, evaluations, languages or tokenizers.

    Examples
    --------
    >>> [is_corpus_name(name) for name in ("corpus", "evalSet", "languages", "arch")]
    [True, True, True, False]
    """
    words = split_words(name)
    return bool({*words, *(word.removesuffix("s") for word in words)} & MEASURED_ON)


def is_error_name(column: str) -> bool:
    """Return whether a name is one of standard errors, as se, loss_stderr and std_err are."""
    words = set(split_words(column))
    return any(of <= words for of in ({"se"}, {"sem"}, {"stderr"}, {"std", "err"}, {"std", "error"}, {"standard", "error"}))


def is_quotient(column: str) -> bool:
    """Return whether a name says that one thing is divided by another, as `D/N`, `tokens_per_param`, `tok/s` do."""
    joined = " ".join(split_words(column))
    if re.search(r"\b(nats?|bits?|perplexity) (per|a) (token|tok|byte|char|character|word)s?\b", joined):
        return False
    left, _, right = column.rpartition("/")
    words = split_words(right)
    if re.search(r"\bper\b|\btpp\b", joined):
        return True
    if not left or len(words) != 1 or set(split_words(left)) <= NAMESPACES:
        return False
    return words[0] in WORDS["divisors"] or (words[0] in WORDS["places"] and bool(set(split_words(left)) & WORDS["amounts"]))


def meanings(column: str) -> list[Meaning]:
    """Return the roles that the name of a column may mean, the likeliest first; none where it names something else."""
    if response_unit(column) is not None:  # the unit of a loss is none of its words
        column = re.sub(r"\s*[(\[][^)\]]*[)\]]\s*$", "", column) or column
    words = split_words(LETTER_BEFORE.sub(r"\2", column))
    if column.endswith(("__MIN", "__MAX")):  # ends of what a chart shows
        return []
    bare = [word for word in words if word not in LETTERS] or words
    bare = bare if len(bare) < len(words) and _is_letter_unit(words) else words
    allowed = ("ratio", "batch") if is_quotient(column) else tuple(HEADS)
    allowed = tuple(role for role in allowed if role not in COUNTED) if logarithm_of(column) else allowed
    found = [one for role in allowed if (one := _meaning(role, bare)) is not None]
    if re.search(LESS, column):  # what is left of a loss is none
        found = [replace(one, strength=WEAK) if one.role == "loss" else one for one in found]
    if len(column) == 1 and column.islower():  # N, D and C are what papers call them; n may be anything
        found = [replace(one, strength=WEAK) for one in found]
    return sorted(found, key=lambda one: -one.strength)


COUNTED = ("params", "tokens", "unique_tokens", "compute", "batch", "step")
"""Roles of what is counted: a logarithm of it has none of them."""
LETTER_BEFORE = re.compile(r"^([KMGBT])(tok(?:en)?s?|params?)$")
"""Names such as Gtok, whose unit stands before what is counted."""


def logarithm_of(column: str) -> tuple[str, str] | None:
    """Return what a column named as a logarithm is of, and how to undo it; None where it is named as none.

    Examples
    --------
    >>> logarithm_of("log10_params"), logarithm_of("ln N"), logarithm_of("logger/tokens")
    (('params', '10**'), ('N', 'exp of '), None)
    """
    match = re.fullmatch(r"(?:log(2|10)?|(ln)|lg)(?:[ _]?\(|[ _]|(?=[A-Z]))(.+?)\)?", column)
    return (
        None if match is None else (match[3], f"{match[1]}**" if match[1] else "exp of " if match[2] else "exp, or 10**, of ")
    )


LESS = r"(?i)\w\s+[-\u2212\u2013]\s+\w|[-\u2212\u2013]\s*(E|E0|L0|Linf|L_inf|floor)\b|\b(minus|less|above)\b"
"""A difference in a name, as in "loss - E"."""


def _is_letter_unit(words: Sequence[str]) -> bool:
    """Return whether the words that are units stand at an end of a name, where units stand."""
    return words[-1] in LETTERS or words[0] in LETTERS or (len(words) > 2 and words[-2] in LETTERS)


def _meaning(role: str, words: Sequence[str]) -> Meaning | None:
    """Return whether words may mean a role, and how surely; None where they do not."""
    joined = f" {' '.join(words)} "
    heads = [head for head in HEADS[role] if f" {head} " in joined]
    if not heads and role == "loss" and set(words) & HELD_OUT and set(words) <= HELD_OUT | CORPORA | FINAL | MEAN:
        return Meaning(role, 0.9 if set(words) & CORPORA else 0.6, frozenset(words))
    if not heads:
        return None
    if set(words) & set(OTHERWISE.get(role, ())):
        return Meaning(role, WEAK, frozenset(words)) if role == "loss" and "loss" in words else None
    head = max(heads, key=lambda head: (len(head.split()), len(head)))
    beside = list(words)
    for word in head.split():
        beside.remove(word)
    left = set(beside) - NAMESPACES
    if left & (NEVER - set(MAY.get(role, ()))) - BESIDE[role]:
        return None
    unknown = left - BESIDE[role] - {"config", "summary"}
    letter = len(head) == 1
    if letter and set(beside) - COUNT - {"train", "config"} - (HELD_OUT if role in ("loops", "loss") else set()):
        return None
    return Meaning(role, max(WEAK, (WHOLE if letter else 1.0) - 0.4 * len(unknown)), frozenset(beside))


def nearest_column(role: str, expected: str, columns: Iterable[str]) -> str | None:
    """Return the column that most likely has a role: by the names it goes by, else by letters; None where none does."""
    columns = [name for name in columns if role not in COUNTED or logarithm_of(name) is None]
    told = [(one.strength, -place, name) for place, name in enumerate(columns) for one in meanings(name) if one.role == role]
    if told and max(told)[0] >= 0.5:
        return max(told)[2]
    near = difflib.get_close_matches(expected, columns, 1) or difflib.get_close_matches(role, columns, 1)
    return near[0] if near else None
