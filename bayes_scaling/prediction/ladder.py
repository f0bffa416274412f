"""What levels of a group cost as their budget grows: known at runs, interpolated between them, carried on beyond.

Along a ladder, the runs of a level in the order of compute, the logarithm of a cost is linear in that of compute between runs.
Beyond them what its formula reads, such as layers, goes on as a power of it, or the cost itself where it is a column; that is
marked as extrapolated. Where a law reads params and tokens the ladder is that of the cost of a token over params.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import level_name, number
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.runs import Runs

SAME_PLACE = 1.02
"""Runs whose compute differs by less than this factor are one rung of a ladder."""
SAME_COST = 1.1
"""Costs of one rung differ by less than this factor: by chance, as hours do, not by what is run."""


@dataclass(frozen=True)
class Ladder:
    """The logarithm of a cost at rungs: places on an axis, in logarithms.

    Parameters
    ----------
    what
        Whose cost it is, as errors say it.
    places, logs
        Of the rungs, in order.
    known
        Whether it is known everywhere, as by a formula of the axis; None where only between runs.
    ends
        The places of the first and the last run; the first and the last rung unless given.
    """

    what: str
    places: np.ndarray
    logs: np.ndarray
    known: bool | None = None
    ends: tuple[float, float] | None = None

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return the logarithm of the cost at places; beyond the ends as between the last two rungs."""
        if len(self.places) > 1:
            return _line(places, self.places, self.logs)
        if np.any(np.abs(places - self.places[0]) > np.log(SAME_PLACE)):
            raise InputError(f"{self.what} is known of one size or budget only; to carry it on takes runs of two or more")
        return np.full(np.shape(places), self.logs[0])

    def place_of(self, logs: np.ndarray) -> np.ndarray:
        """Return the places at which the cost has given logarithms; raises InputError where it does not grow all along."""
        if len(self.places) < 2:
            raise InputError(f"{self.what} is known of one size or budget only; to carry it on takes runs of two or more")
        if np.any(fall := np.diff(self.logs) <= 0):
            i = int(np.argmax(fall))
            ends = [number(float(np.exp(of))) for of in (self.logs[i], self.logs[i + 1])]
            raise InputError(
                f"{self.what} does not grow with compute all along: it goes from {ends[0]} to {ends[1]}; an equal cost is "
                "then of no one budget"
            )
        return _line(logs, self.logs, self.places)

    def beyond(self, places: np.ndarray) -> np.ndarray:
        """Return whether places lie beyond the runs, where the cost is extrapolated."""
        if self.known is not None:
            return np.full(np.shape(places), not self.known)
        slack, (first, last) = np.log(SAME_PLACE), self.ends or (self.places[0], self.places[-1])
        return np.asarray((np.asarray(places) < first - slack) | (np.asarray(places) > last + slack))


@np.errstate(invalid="ignore")
def _line(at: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values between places, linear, and beyond the ends on the lines there."""
    i = np.clip(np.searchsorted(places, at) - 1, 0, len(places) - 2)
    slope = np.diff(values) / np.diff(places)
    return np.asarray(values[i] + slope[i] * (at - places[i]))


def token_inputs(table: pd.DataFrame, reads: tuple[str, ...]) -> tuple[str, ...]:
    """Return the inputs whose product is the tokens of a law of params and tokens; none where it reads compute, or no such."""
    if "compute" in reads or "params" not in reads:
        return ()
    found = [of for of in (("tokens",), ("unique_tokens", "epochs")) if set(of) <= set(reads) and set(of) <= set(table)]
    return found[0] if found else ()


def tokens_of(table: pd.DataFrame, names: tuple[str, ...]) -> np.ndarray:
    """Return the tokens of rows."""
    return np.asarray(np.prod([table[name].to_numpy(dtype=float) for name in names], axis=0))


def rows_of(runs: Runs, group: str, level: object) -> np.ndarray:
    levels = runs.levels[group]
    place = int(level_index(pd.Series([level], dtype=object), levels)[0])
    return np.zeros(len(runs), dtype=bool) if place < 0 else np.asarray((runs.table[group] == levels[place]).to_numpy())


def rungs_of(runs: Runs, rows: np.ndarray, axis: str, amounts: np.ndarray, point: Mapping[str, Any], whose: str) -> Ladder:
    """Return the ladder of the rows at all of a point's levels, or, where these are none or one, of all that are given."""
    known = rows & np.isfinite(amounts)
    others = [dim for dim in runs.columns.dims if dim in point]
    apart, found = None, None
    for dims in (others, []):
        at = np.logical_and.reduce([known, *(rows_of(runs, dim, point[dim]) for dim in dims)])
        if not at.any():
            continue
        places, logs, apart = _merged(np.log(runs.table[axis].to_numpy(dtype=float)[at]), np.log(amounts[at]))
        found = found if apart is not None else Ladder(whose, places, logs)
        if found is not None and len(found.places) > 1:
            break
    if found is not None:
        return found
    if apart is None or not np.logical_and.reduce([known, *(rows_of(runs, dim, point[dim]) for dim in others)]).any():
        raise InputError(f"{whose} is known of no run at {place_words(point, others)}")
    place, low, high = (number(float(np.exp(of))) for of in apart)
    raise InputError(
        f"{whose} goes from {low} to {high} among runs of {axis} {place}: it is no function of {axis}; fit a law of params and "
        f"tokens, or runs of one kind"
    )


def place_words(point: Mapping[str, Any], dims: list[str]) -> str:
    return ", ".join(f"{dim} {level_name(point[dim])}" for dim in dims) or format_names(point)


def _merged(places: np.ndarray, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float] | None]:
    """Return rungs, the means of rows side by side; and where such rows cost differently the place and the two costs."""
    order = np.argsort(places, kind="stable")
    places, logs = places[order], logs[order]
    rung, starts = np.zeros(len(places), dtype=int), [0]
    while (last := starts[-1]) < len(places):
        following = int(np.searchsorted(places, places[last] + np.log(SAME_PLACE), side="right"))
        rung[last:following] = len(starts) - 1
        starts.append(following)
    starts.pop()
    low, high = np.minimum.reduceat(logs, starts), np.maximum.reduceat(logs, starts)
    count = np.bincount(rung)
    middle, mean = np.bincount(rung, places) / count, np.bincount(rung, logs) / count
    wide = high - low > np.log(SAME_COST)
    i = int(np.argmax(wide))
    return middle, mean, (float(middle[i]), float(low[i]), float(high[i])) if wide.any() else None
