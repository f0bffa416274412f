"""Counts that no training run has. The unit was meant otherwise, and the error says how to give it."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, interval, number
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.runs import Runs
from bayes_scaling.laws.units import (
    DAYS,
    FLOP,
    LETTER_OF_FACTOR,
    kind,
    read_unit,
)

MIN_COUNTS = {"parameters": (2e4, 2e5), "tokens": (2e5, 2e7), FLOP: (1e9, 1e12)}
"""Tables whose middle and largest counts are no larger count in other units than ones; the smallest models of published sweeps
have a thousand parameters, but not in the middle."""


MAX_COUNTS = {"parameters": 1e13, "tokens": 1e16, FLOP: 1e30, DAYS: 1e10}
"""Nobody has so many in the middle of a sweep: a unit that makes them so is not theirs."""


USUAL_COUNTS = {"parameters": (1e6, 3e12), "tokens": (3e7, 1e14), FLOP: (1e15, 1e28)}
"""Between which the middle of a sweep lies."""


MIN_TOKENS_PER_PARAM, MAX_TOKENS_PER_PARAM = 0.1, 1e6
"""Tokens a parameter that no run of a sweep has fewer, or more, of."""


def implausible_counts(table: pd.DataFrame, columns: Columns, *, beside: str = "") -> tuple[str, ...]:
    """Return a sentence for each input whose counts no run has: too few where no unit is given, or too many.

    beside: what the rows are called where they are no runs but asked of a fit, which has its units.
    """
    unsaid = {name: one for name, one in columns.inputs.items() if one.scale is None and one.counts is None}
    found = []
    for name, one in columns.inputs.items():
        what, seen = _kind(name, one), table[name][table[name] > 0]
        if what is None or not len(seen):
            continue
        middle, largest = MIN_COUNTS.get(what, (0.0, 0.0))
        if name in unsaid and _middle(seen) <= middle and seen.max() <= largest:
            found.append(f"{_range(seen, name, one)}, too few {what} for a sweep; {_how(seen, name, what, beside)}")
        elif _middle(seen) >= MAX_COUNTS.get(what, np.inf):
            meant = ("FLOP", "FLOP") if what == DAYS else ("ones", f"ones of {what}")
            how = (
                _of_fit(beside, what)
                if beside
                else f'if the column counts in {meant[0]}, say unit = "{meant[1]}" or --unit {name}={meant[0]}'
            )
            found.append(f"{_range(seen, name, one)} {what}, too many for a sweep; {how}")
    return (
        tuple(found)
        or (() if beside else counts_in_two_units(table, columns))
        or _odd_ratio(table, columns, [name for name in ("tokens", "params") if name in unsaid], beside)
    )


GAP = 1e4
"""So far apart no sweep has two neighbouring counts, some of which are implausible by themselves."""
SINGLE = {"parameters": (1e5, 1e13), "tokens": (1e6, 1e16)}
"""Fewer, or more, than so many is no model that is trained for its loss, and no data set, beside usual ones."""
WRITTEN_IN = (1e6, 1e9)
"""Units that counts are written in beside others in ones."""
NEAR = 10**1.5
"""In the right unit counts lie within such a factor of the others,"""
NEXT = 10.0
"""or beside them, no neighbours farther apart than this."""


def counts_in_two_units(
    table: pd.DataFrame, columns: Columns, among: Collection[str] = ("params", "tokens")
) -> tuple[str, ...]:
    """Return a sentence for each input that has counts too far apart for one unit, and not so in two.

    Those said to be in ones are kept, and tokens along runs, which start at a step.
    """
    found = []
    for name in ("params", "tokens"):
        one = columns.inputs.get(name)
        if one is None or name not in table or name not in among or (what := _kind(name, one)) not in SINGLE:
            continue
        said = one.scale is not None or one.counts is not None
        two = None if said and one.factor == 1.0 else _two_units(table[name], what)
        if two is None or (name == "tokens" and _along_runs(table, columns, two[0])):
            continue
        called = repr(one.column) if one.column == name else f"{one.column!r} ({name})"
        apart = ", then ".join(exact(of / one.factor) for of in two)
        right = "" if said else f'; if they are right as they stand, say unit = "ones of {what}" or --unit {name}=ones'
        found.append(
            f"column {called} has {apart}, and none between: {what} counted in two units; expected all of them in one: mend "
            f"the cells{right}"
        )
    return tuple(found)


def _two_units(counts: pd.Series, what: str) -> tuple[float, float] | None:
    """Return the neighbouring counts between which a column goes over to another unit; None where it does not."""
    values, rows = np.unique(counts[(counts > 0) & np.isfinite(counts)].to_numpy(dtype=float), return_counts=True)
    at = 1 + int(np.argmax(values[1:] / values[:-1])) if len(values) > 1 else 0
    small, large = values[:at], values[at:]
    if min(rows[:at].sum(), rows[at:].sum()) < 2 or large[0] / small[-1] < GAP:  # a single one is a placeholder, or a slip
        return None
    few, many = SINGLE[what]
    alike = any(_close(one * small, large) for one in WRITTEN_IN)
    return (float(small[-1]), float(large[0])) if alike and (small[-1] < few or large[0] > many) else None


def _close(small: np.ndarray, large: np.ndarray) -> bool:
    """Return whether counts lie among others, or next to them, so that all are those of one sweep."""
    among = large[0] / NEAR <= small[0] and small[-1] <= large[-1] * NEAR
    every = np.unique([*small, *large])
    return bool(among or (every[1:] / every[:-1]).max(initial=1.0) <= NEXT)


def _along_runs(table: pd.DataFrame, columns: Columns, few: float) -> bool:
    """Return whether tokens may be those seen so far in runs: there are several of one run, or few and many of each size."""
    if any(of is not None for of in (columns.curve, columns.average, columns.tail, columns.schedule)):
        return True
    if columns.run is not None and ("run" not in table or table["run"].duplicated().any()):
        return True
    return "params" in table and set(table["params"][table["tokens"] <= few]) <= set(table["params"][table["tokens"] > few])


def _odd_ratio(table: pd.DataFrame, columns: Columns, unsaid: list[str], beside: str) -> tuple[str, ...]:
    """Say that runs have a number of tokens for each parameter that no run has, where units were not said."""
    inputs = columns.inputs
    counted = {name: _kind(name, inputs[name]) for name in ("params", "tokens") if name in inputs}
    if not unsaid or counted != {"params": "parameters", "tokens": "tokens"}:
        return ()
    name, ratio = unsaid[0], table["tokens"] / table["params"]
    if not ratio.notna().any():
        return ()
    if ratio.max() >= MIN_TOKENS_PER_PARAM and ratio[ratio > 0].min() <= MAX_TOKENS_PER_PARAM:
        return ()
    return (
        f"{_range(table[name], name, inputs[name])}: {interval((ratio.min(), ratio.max()))} tokens a parameter, "
        "as no run has; "
        f"{_how(table[name], name, str(counted[name]), beside)}",
    )


def refuse_implausible_counts(runs: Runs) -> None:
    """Raise InputError where counts without a unit are implausible in ones."""
    if odd := implausible_counts(runs.table, runs.columns):
        raise InputError(f"{runs.source}: {'; '.join(odd)}")


def _kind(name: str, one: Input) -> str | None:
    """Return what an input counts, where it is known what numbers of it runs have."""
    if name in ("tokens", "unique_tokens", "params"):
        return kind(one.unit) if one.unit else {"params": "parameters"}.get(name, "tokens")
    unit = read_unit(one.unit).name
    return unit if unit in (FLOP, DAYS) and name == "compute" else "parameters" if kind(unit) == "parameters" else None


def _range(seen: pd.Series, name: str, one: Input) -> str:
    called = repr(one.column) if one.column == name else f"{one.column!r} ({name})"
    if seen.min() == seen.max():
        return f"column {called} is {exact(seen.min())}"
    return f"column {called} runs from {exact(seen.min())} to {exact(seen.max())}"


def _middle(seen: pd.Series) -> float:
    return float(np.exp(np.log(seen).mean()))


def _of_fit(beside: str, what: str) -> str:
    return f"give {beside} in the unit of the fit: {what}"


def _how(seen: pd.Series, name: str, what: str, beside: str = "") -> str:
    """Say what numbers look like, and how to say what they are."""
    if beside:
        return _of_fit(beside, what)
    middle = _middle(seen[seen > 0])
    low, high = USUAL_COUNTS.get(what, (0.0, np.inf))
    likely = [f for f in LETTER_OF_FACTOR if f > 1e3 and low <= f * middle <= high and f * seen.max() <= 10 * high]
    ends = [dict.fromkeys((number(f * seen.min()), number(f * seen.max()))) for f in likely]
    ranges = [f"{LETTER_OF_FACTOR[f]} ({' to '.join(of)})" for f, of in zip(likely, ends, strict=True)]
    letter = LETTER_OF_FACTOR[likely[0]] if likely else "M"
    guess = f"if they are {' or '.join(ranges)}, " if ranges else ""
    return f'{guess}say unit = "{letter} {what}" or --unit {name}={letter}; --unit {name}=ones keeps them'
