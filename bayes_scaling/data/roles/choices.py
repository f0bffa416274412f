"""Which of several columns has a role: by what stands beside its name, and by its numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import number
from bayes_scaling.data.roles.copies import COUNTED, copied_factor, says_unit
from bayes_scaling.data.roles.preferences import MIN_STRENGTH, PREFER, Candidate
from bayes_scaling.data.roles.words import COUNT, EMBEDDINGS, HELD_OUT, TRAINING, split_words


@dataclass(frozen=True)
class Choice:
    """The column that has a role, or the first of those between which people are asked.

    Parameters
    ----------
    open
        The columns between which it stays open; none where it does not.
    """

    column: str
    reason: str
    confidence: float
    open: tuple[str, ...] = ()


def choose(
    role: str, of: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series], roles: Mapping[str, Any]
) -> Choice | None:
    """Return the column of a role, or a question between several; None where no column has it."""
    kept = [one for one in of if role == "run" or _may_be(role, numbers[one.column])]
    if role == "compute":
        kept = [one for one in kept if _is_compute(one, numbers, roles)]
    if not kept:
        return None
    kept = [one for one in kept if one.strength >= MIN_STRENGTH] or (kept if role in ASKED else [])
    kept = [one for one in kept if not one.label] or kept
    if not kept:
        return None
    if role == "loss":  # a held-out loss that was hardly ever logged is none to fit
        kept = [one for one in kept if _seen(numbers[one.column]) >= FEWEST] or kept
    best = max(one.strength for one in kept)
    if role in ("params", "tokens"):  # letters and labels give way to names
        kept = [one for one in kept if one.strength > 0.85] or kept
    kept = _one_of_copies(role, kept, frame, numbers)
    narrowed = PREFER[role](kept, frame, numbers, roles)
    if narrowed is None:
        return None
    first, *others = narrowed
    if others or first.strength < MIN_STRENGTH:
        names = tuple(one.column for one in narrowed)
        text = f"{_what(role)}: {_listed(names)}? {_how(role)}" if others else f"is {first.column!r} the {NOUN[role]}?"
        return Choice(first.column, text, 0.5, names)
    return Choice(first.column, _reason(role, first, kept, numbers), round(0.95 * min(best, first.strength), 2))


ASKED = ("params", "tokens", "loss")
"""Roles whose weak names are worth a question."""


NOUN = {"params": "number of parameters", "tokens": "number of tokens", "loss": "loss to predict"}


def _seen(values: pd.Series) -> int:
    return int(np.isfinite(values).sum())


def _what(role: str) -> str:
    return {"loss": "which column is the loss to predict", "params": "which count of parameters is the law to read"}.get(
        role, f"which column is {role}"
    )


def _how(role: str) -> str:
    return {
        "params": "Answers differ by how parameters are counted, see the page on compute conventions.",
        "loss": "They are different quantities; one model predicts all if the file lists them: outputs = [...] under [data].",
    }.get(role, "Their names allow any of them.")


def _listed(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))


def _reason(role: str, one: Candidate, kept: Sequence[Candidate], numbers: Mapping[str, pd.Series]) -> str:
    """Return why a column has a role, in a few words."""
    others = [other.column for other in kept if other.column != one.column]
    beside = "" if role == "run" or not others else f"; preferred to {', '.join(map(repr, others))}"
    why = {
        "loss": "held out" if one.beside & HELD_OUT else "training loss" if one.beside & TRAINING else "",
        "params": "without embeddings, as its name says" if one.beside & (EMBEDDINGS - {"embedding"}) else "",
    }.get(role, "")
    text = f"its name{', ' + why if why else ''}{beside}"
    if one.column in numbers and role not in ("run", "seed"):
        seen = numbers[one.column]
        text += f"; {number(float(seen.min()), 4)} to {number(float(seen.max()), 4)}"
    return text


def _may_be(role: str, values: pd.Series) -> bool:
    """Return whether numbers may be of a role: counts are positive, learning rates small, losses no large numbers."""
    seen = values[np.isfinite(values)]
    if seen.empty:
        return False
    positive = seen[seen > 0]
    if role in ("params", "tokens", "unique_tokens", "compute", "batch"):
        return len(positive) > 0 and bool((seen >= 0).all())
    if role == "loss":
        return float(seen.median()) < 1e4 and len(positive) > 0
    if role == "loops" and float(seen.max()) < 2:
        return False
    if role == "lr":
        return bool((seen > -TINY).all()) and float(seen.max()) < 10
    if role in ("step", "seed", "loops", "experts"):
        return bool((seen == seen.round()).all() and (seen >= 0).all())
    return True


TINY = 1e-6
"""A learning rate that ends at zero may be rounded below it."""


def _is_compute(one: Candidate, numbers: Mapping[str, pd.Series], roles: Mapping[str, Any]) -> bool:
    """Return whether a column is the compute of runs: where sizes and tokens are known it goes with their product."""
    known = [numbers[roles[role].column] for role in ("params", "tokens") if role in roles and roles[role].column in numbers]
    unless = not set(split_words(one.column)) & SPEEDS
    if len(known) < len(("params", "tokens")):
        return unless
    product, values = known[0] * known[1], numbers[one.column]
    there = (product > 0) & (values > 0)
    if product[there].nunique() < FEWEST:
        return unless
    ratio = pd.Series(np.log(values[there] / product[there]))
    return float((ratio - ratio.median()).abs().median()) < MOST_APART


SPEEDS = {"tflops", "gflops", "pflops", "teraflops", "petaflops", "tflop", "gflop", "pflop", "petaflop", "teraflop"}
"""Names of how fast machines were, unless numbers show that they are compute."""
FEWEST, MOST_APART = 3, 0.7
"""Compute over 6 N D differs between runs by no more than such a logarithm, in the middle."""


def _one_of_copies(
    role: str, kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series]
) -> list[Candidate]:
    """Return candidates without those that hold what an earlier one does; of counts up to the unit that a name says."""
    found: list[Candidate] = []
    for one in sorted(kept, key=lambda one: (-one.strength, role in COUNTED and says_unit(one.column))):
        if not any(_same(role, frame, numbers, one, other) for other in found):
            found.append(one)
    return found


def _same(role: str, frame: pd.DataFrame, numbers: Mapping[str, pd.Series], one: Candidate, other: Candidate) -> bool:
    if one.column in numbers and other.column in numbers:
        values, others = numbers[one.column], numbers[other.column]
        if role in COUNTED and one.beside - COUNT == other.beside - COUNT and copied_factor(values, others) is not None:
            return True
        return bool(np.allclose(values, others, rtol=1e-6, equal_nan=True))
    return bool((frame[one.column].astype(str) == frame[other.column].astype(str)).all())
