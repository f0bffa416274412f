"""The learning rates that runs had, as their logs have them: before any filter or average, a row wherever the slope changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_scaling.data.columns import Columns
from bayes_scaling.data.inputs import in_schedule_units
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.schedules import checked_rates

WITHIN = 2e-4
"""Between the rows kept the learning rate is a line, to this share of its peak."""


@dataclass(frozen=True)
class LoggedRates:
    """The learning rate along a run, a line between rows.

    Parameters
    ----------
    places
        Along the run, rising, in the base unit of what orders it.
    lr
        The learning rate there.
    spacing
        Distance of neighbouring rows of its log, about; where a fall began is known to that.
    """

    places: np.ndarray
    lr: np.ndarray
    spacing: float


def logged_rates(raw: pd.DataFrame, columns: Columns, source: str) -> dict[str, LoggedRates]:
    """Return the learning rates along each run of a table as it is; none where it has none, or is no table of runs.

    Raises
    ------
    InputError
        As `schedule_inputs` does.
    """
    schedule = columns.schedule
    derived = {one.column for one in columns.inputs.values() if one.column in DERIVED} - set(raw)
    if schedule is None or columns.run is None or not derived or not len(raw):
        return {}
    frame = in_schedule_units(raw, columns, source)
    at, lr, label = checked_rates(frame, schedule, columns.run, source, steps=False)
    return {str(run): compact(rates_of_rows(at[own], lr[own])) for run, own in label.groupby(label, sort=False).indices.items()}


def rates_of_rows(at: np.ndarray, lr: np.ndarray) -> LoggedRates:
    """Return the learning rates at rows in any order; of several at one place the last counts."""
    order = np.argsort(at, kind="stable")
    at, lr = at[order], lr[order]
    last = np.append(at[1:] > at[:-1], True)
    return LoggedRates(at[last], np.clip(lr[last], 0.0, None), _spacing(at[last]))


def compact(logged: LoggedRates) -> LoggedRates:
    """Return learning rates with the rows that they take."""
    kept = _corners(logged.places, logged.lr, WITHIN * float(logged.lr.max()))
    return replace(logged, places=logged.places[kept], lr=logged.lr[kept])


def _corners(x: np.ndarray, y: np.ndarray, within: float) -> np.ndarray:
    """Return the rows between which lines stay within a distance of all others (Douglas and Peucker 1973)."""
    kept, spans = {0, len(x) - 1}, [(0, len(x) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        way = (x[first : last + 1] - x[first]) / (x[last] - x[first])
        off = np.abs(y[first : last + 1] - y[first] - way * (y[last] - y[first]))
        if off.max() > within:
            corner = first + int(np.argmax(off))
            kept.add(corner)
            spans += [(first, corner), (corner, last)]
    return np.array(sorted(kept))


def _spacing(at: np.ndarray) -> float:
    """Return the distance of the two rows about the middle of a run, or rather that of rows that hold half of its length."""
    apart = np.sort(np.diff(at))
    if not apart.size:
        return 0.0
    return float(apart[np.searchsorted(np.cumsum(apart), apart.sum() / 2.0).clip(max=len(apart) - 1)])


def as_table(rates: Mapping[str, LoggedRates]) -> pd.DataFrame:
    """Return the learning rates of runs as a file holds them."""
    parts = [pd.DataFrame({"run": run, "at": of.places, "lr": of.lr, "spacing": of.spacing}) for run, of in rates.items()]
    return pd.concat(parts, ignore_index=True)


def from_table(table: pd.DataFrame) -> dict[str, LoggedRates]:
    """Return the learning rates of runs from the table of a file."""
    return {
        str(run): LoggedRates(of["at"].to_numpy(float), of["lr"].to_numpy(float), float(of["spacing"].iloc[0]))
        for run, of in table.groupby("run", sort=False)
    }
