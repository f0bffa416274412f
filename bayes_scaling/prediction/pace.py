"""How fast a running job goes: by the times in its log, or as it is said."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.runs import Runs

DATES = ("_timestamp", "timestamp", "wall_time", "datetime", "date", "time", "created_at")
"""Columns that say when a row was written, as dates or as seconds since 1970."""
ELAPSED = {"_runtime": 1.0, "elapsed": 1.0, "elapsed_seconds": 1.0, "elapsed_time": 1.0, "runtime": 1.0, "time": 1.0}
ELAPSED |= {"seconds": 1.0, "elapsed_minutes": 60.0, "minutes": 60.0, "elapsed_hours": 3600.0, "hours": 3600.0, "days": 86400.0}
"""Columns that say how long a run has taken, and how many seconds one of them is."""
DAY = 86400.0
EPOCHS = {1e8: 1.0, 1e11: 1e3, 1e14: 1e6, 1e17: 1e9}
"""Numbers from so large on are times since 1970, of so many a second."""


@dataclass(frozen=True)
class Pace:
    """How fast a run goes.

    Parameters
    ----------
    per_day
        Tokens, or what else it trains along, a day, in base units.
    since
        When it had come as far as its last row; None where that is not known.
    column
        Of the log, where that says so; "" where it was told.
    """

    per_day: float
    since: pd.Timestamp | None = None
    column: str = ""

    def date(self, further: float) -> pd.Timestamp | None:
        """Return when the run will have come so much further; None where no time can hold it, or none is known."""
        days = further / self.per_day
        return None if self.since is None or not days < 1e5 else self.since + pd.Timedelta(days=days)


def pace_of_log(log: pd.DataFrame, runs: Runs, along: str) -> Pace | None:
    """Return how fast a run has gone over the second half of its log, stops included; None where no column says when.

    Parameters
    ----------
    log
        As it was written.
    """
    column = runs.columns.inputs[along].column
    frame = in_base_units(log, runs)
    if column not in frame:
        return None
    at = pd.to_numeric(frame[column], "coerce").to_numpy(float)
    for name in [*DATES, *ELAPSED]:
        if name in frame and (found := _pace(frame[name], at, name)) is not None:
            return found
    return None


def _pace(times: pd.Series, at: np.ndarray, name: str) -> Pace | None:
    """Return how fast the second half of a log went; None where its times do not say."""
    seconds, dated = _seconds(times, name)
    known = np.isfinite(seconds) & np.isfinite(at)
    order = np.flatnonzero(known)[np.argsort(at[known], kind="stable")]
    seconds, at = seconds[order], at[order]
    if len(at) < 2 or (np.diff(seconds) < 0).any():
        return None
    middle = int(np.searchsorted(at, at[-1] / 2).clip(max=len(at) - 2))
    took = seconds[-1] - seconds[middle]
    if not (took > 0 and at[-1] > at[middle]):
        return None
    since = pd.Timestamp(seconds[-1], unit="s") if dated else None
    return Pace(float((at[-1] - at[middle]) / took * DAY), since, name)


def _seconds(times: pd.Series, name: str) -> tuple[np.ndarray, bool]:
    """Return times in seconds, and whether they are dates."""
    numbers = (
        pd.to_numeric(times, "coerce") if not pd.api.types.is_datetime64_any_dtype(times) else pd.Series(np.nan, times.index)
    )
    if numbers.notna().any():
        values = numbers.to_numpy(float)
        largest = float(np.nanmax(values))
        scale = next((of for least, of in reversed(EPOCHS.items()) if largest >= least), None)
        if name in DATES and scale is not None:
            return values / scale, True
        return values * ELAPSED.get(name, np.nan), False
    dates = pd.to_datetime(times, errors="coerce", utc=True, format="mixed")
    found = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(float)
    return found, True


def as_date(value: Any, what: str) -> pd.Timestamp:
    """Return a date, in UTC without saying so.

    Raises
    ------
    InputError
        Where it is none.
    """
    found = None if isinstance(value, int | float) else pd.to_datetime(value, errors="coerce")
    if not isinstance(found, pd.Timestamp):
        raise InputError(f"{what} {value!r} is no date; expected one such as 2026-12-01")
    return found.tz_convert("UTC").tz_localize(None) if found.tzinfo is not None else found


def told_pace(pace: Pace | None, per_day: float | None, since: Any) -> Pace | None:
    """Return a pace with what is told in place of what the log says."""
    start = None if since is None else as_date(since, "since")
    if per_day is not None:
        told = float(checks.positive(per_day, "per_day"))
        return Pace(told, start if start is not None else (pace.since if pace is not None else None))
    if pace is not None and start is not None:
        return Pace(pace.per_day, start, pace.column)
    return pace
