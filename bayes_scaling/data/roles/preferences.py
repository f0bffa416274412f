"""Which of several columns of one role is meant: held-out losses before others, bare names before qualified ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_scaling.data.rates import is_run_name
from bayes_scaling.data.roles.words import ACTIVE, CORPORA, COUNT, EMBEDDINGS, HELD_OUT, SMOOTH, TRAINING
from bayes_scaling.laws.units import response_unit

MIN_STRENGTH = 0.5
"""Names that mean a role less than that are asked about, and only where there are no others."""


@dataclass(frozen=True)
class Candidate:
    """A column that may have a role by its name; label: its numbers are texts such as "190M"."""

    column: str
    strength: float
    beside: frozenset[str]
    label: bool = False


type Narrow = Callable[
    [Sequence[Candidate], pd.DataFrame, Mapping[str, pd.Series], Mapping[str, Any]], Sequence[Candidate] | None
]


def _first(kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Any, roles: Any) -> Sequence[Candidate]:
    best = max(one.strength for one in kept)
    plain = [one for one in kept if one.strength == best]
    bare = [one for one in plain if not one.beside - COUNT]
    return bare if len(bare) == 1 else plain


def _silent(kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Any, roles: Any) -> Sequence[Candidate] | None:
    """Return the only candidate of a role that is worth no question."""
    best = _first(kept, frame, numbers, roles)
    return best if len(best) == 1 else None


def _losses(
    kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series], roles: Any
) -> Sequence[Candidate]:
    """Return held-out losses before others, of one corpus named before several, and of one quantity that in nats."""
    plain = [one for one in kept if not one.beside & (SMOOTH | CORPORA) and one.strength > 0.85]
    held = [one for one in plain if one.beside & HELD_OUT]
    named = [one for one in kept if one.beside & CORPORA or (one.strength <= 0.85)]
    bare = [one for one in plain if not one.beside & (HELD_OUT | TRAINING)]
    smooth = [one for one in kept if one.beside & SMOOTH and not one.beside & HELD_OUT]
    if held:
        return _one_quantity(held)
    if bare:
        held_named = [one for one in named if one.beside & HELD_OUT]
        return [*_one_quantity(bare), *smooth, *held_named]
    training = [one for one in plain if one.beside & TRAINING]
    if named and not training:
        return named
    return [*named, *_one_quantity(training), *smooth] if named or training else kept


def _one_quantity(of: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates, of those that are one quantity in several units that in nats, else per byte."""
    units = [response_unit(one.column) for one in of]
    if len(set(units)) == len(units) > 1:
        order = [None, "nats/token", "bits/byte", "bits/token", "perplexity"]
        return [min(of, key=lambda one: order.index(u) if (u := response_unit(one.column)) in order else len(order))]
    return list(of)


def _params(
    kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series], roles: Any
) -> Sequence[Candidate]:
    """Return the count that carries the bare name; active ones, or those without embeddings, where there is no other."""
    kept = [
        one for one in kept if not ("embedding" in one.beside and not one.beside & (EMBEDDINGS - {"embedding", "embeddings"}))
    ] or kept
    words = [one.beside - (COUNT - {"total"}) - {"model", "config", "trainable", "size"} for one in kept]
    bare = [one for one, left in zip(kept, words, strict=True) if not left]
    named = [one for one in bare if len(one.column) > 1] or bare
    if len(named) == 1:
        return named
    special = [one for one in kept if one.beside & (ACTIVE | EMBEDDINGS)]
    total = [one for one in kept if one not in special]
    labels = [one for one in total if one.beside & {"label", "nominal", "approx"}]
    total = [one for one in total if one not in labels] or total
    return [*total, *special] if special else total


def _along(kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series], roles: Any) -> Sequence[Candidate]:
    """Return the candidates that grow along runs before those that say how long a run is."""
    run = roles["run"].column if "run" in roles else None
    if run is None or frame[run].isna().all() or frame[run].nunique() == len(frame):
        return _first(kept, frame, numbers, roles)
    moving = [one for one in kept if numbers[one.column].groupby(frame[run].astype(str)).nunique().gt(1).mean() > 0.5]
    return _first(moving or kept, frame, numbers, roles)


def _steps(
    kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Mapping[str, pd.Series], roles: Any
) -> Sequence[Candidate] | None:
    found = _along(kept, frame, numbers, roles)
    return found if len(found) == 1 else None


def _runs(kept: Sequence[Candidate], frame: pd.DataFrame, numbers: Any, roles: Any) -> Sequence[Candidate] | None:
    """Return the column that tells most runs apart, one called a run before others; a column of fractions is none."""
    whole = [one for one in kept if one.column not in numbers or _whole(numbers[one.column])]
    whole = [one for one in whole if not frame[one.column].isna().any()]
    if not whole:
        return None
    called = [one for one in whole if is_run_name(one.column)]
    return [max(called or whole, key=lambda one: frame[one.column].nunique())]


def _whole(values: pd.Series) -> bool:
    seen = values.dropna()
    return bool((seen == seen.round()).all())


PREFER: dict[str, Narrow] = {
    "loss": _losses,
    "params": _params,
    "tokens": _along,
    "step": _steps,
    "run": _runs,
    "compute": _silent,
    "batch": _silent,
    "lr": _silent,
    "seed": _silent,
    "loops": _first,
    "experts": _silent,
    "epochs": _silent,
    "unique_tokens": _silent,
}
"""Role -> which of several columns with names of it remain; one is the role's, several are a question, None is neither."""
