"""How the learning rate of an unfinished run goes on to its planned end.

As that of finished runs at the same fraction of their way, where they are alike and the run has followed them so far; else as
the cosine or the line to that end on which its own rows lie.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import number
from bayes_scaling.data.schedule_columns import FALL
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.shared_misfit import run_fractions

SAME_SCHEDULE, FOLLOWED = 0.02, 0.03
"""Finished runs have one schedule where their shares of the peak differ by at most so much; a run follows it by so much."""
ON_SHAPE = 0.005
"""A log lies on a shape where it leaves it by at most this share of the peak,"""
FALLEN = 0.02
"""and has fallen by at least this one."""
STARTS, LATEST = 20, 0.99
"""Places where a decay may have begun that are tried, beside those of the rows before it shows."""
FEWEST_FALLEN = 3
"""Rows that have fallen, at least: through fewer goes a decay from anywhere."""
SHARES = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class Rates:
    """The rows of a log: how much of the way lies behind each, and the learning rate as a share of its peak."""

    share: np.ndarray
    rate: np.ndarray
    peak: float


def continued(fit: Fit, log: pd.DataFrame, places: np.ndarray, along: str) -> tuple[pd.DataFrame, str]:
    """Return the places to come of a run, with its learning rate as planned, and one sentence on that.

    Parameters
    ----------
    log
        Its rows so far, as they are, in base units.
    places
        Along the run, the planned end last.

    Raises
    ------
    InputError
        Where neither finished runs nor its own rows tell how the rate goes on.
    """
    columns = fit.runs.columns
    schedule, one = columns.schedule, columns.inputs[along]
    assert schedule is not None
    end = float(places[-1])
    rates = _rates(log[one.column].to_numpy(dtype=float) / end, log[schedule.lr].to_numpy(dtype=float))
    shape, how = _shape(fit, rates, along)
    if shape is None:
        raise InputError(
            f"how the learning rate (column {schedule.lr!r}) goes on to {along} {number(end)} is not known: it follows neither "
            "finished runs nor a cosine or a line to that end; give the places to come as a table with the columns "
            f"{', '.join(dict.fromkeys([one.column, schedule.along, schedule.lr]))}, a row wherever its slope changes"
        )
    plan = pd.DataFrame({one.column: places, schedule.lr: rates.peak * np.interp(places / end, SHARES, shape)})
    if schedule.along != one.column:
        pace = np.polyfit(log[one.column].to_numpy(dtype=float), log[schedule.along].to_numpy(dtype=float), 1)
        plan[schedule.along] = np.round(np.polyval(pace, plan[one.column].to_numpy()))
    plan.attrs = dict(log.attrs)
    last = rates.peak * float(shape[-1])
    return (
        plan,
        f"the learning rate is taken to follow {how}, from {number(rates.peak)} to {number(last)} at {along} {number(end)}",
    )


def _rates(share: np.ndarray, rate: np.ndarray) -> Rates:
    """Return the rows of a log from its peak on, in order."""
    order = np.argsort(share, kind="stable")
    share, rate = share[order], rate[order]
    peak = int(np.argmax(rate))
    return Rates(share[peak:], rate[peak:] / rate[peak], float(rate[peak]))


def _shape(fit: Fit, rates: Rates, along: str) -> tuple[np.ndarray | None, str]:
    """Return the rate as a share of its peak over the whole way, on `SHARES`, and how that is known."""
    finished = _finished(fit, along)
    if finished is not None and _follows(rates, finished):
        known = np.isfinite(finished)
        found, how = _known_shape(Rates(SHARES[known], finished[known], 1.0), SAME_SCHEDULE)
        way = f", {how}" if how else ""
        return (np.nan_to_num(finished, nan=1.0) if found is None else found), f"the schedule of the finished runs{way}"
    return _known_shape(rates, ON_SHAPE)


def _known_shape(rates: Rates, within: float) -> tuple[np.ndarray | None, str]:
    """Return the cosine or line to the end on which rates lie, and its name."""
    if 1.0 - rates.rate[-1] < FALLEN or (rates.rate < 1.0 - ON_SHAPE).sum() < FEWEST_FALLEN:
        return None, ""
    level = rates.share[rates.rate > 1.0 - ON_SHAPE]
    latest = min(float(level.max(initial=rates.share[0])), LATEST)
    starts = np.append(np.linspace(0.0, latest, STARTS), level[level <= LATEST])
    found = [(*_on_shape(rates, basis, float(start)), name) for name, basis in SHAPES.items() for start in starts]
    off, shape, name = min(found, key=lambda one: one[0])
    return (shape, name) if off <= within else (None, "")


def _follows(rates: Rates, finished: np.ndarray) -> bool:
    """Return whether a run has had the rates of finished runs so far, as far as those are known."""
    known = rates.share >= SHARES[np.isfinite(finished)].min()
    off = np.abs(rates.rate - np.interp(rates.share, SHARES, np.nan_to_num(finished, nan=1.0)))[known]
    return bool(off.size and off.max() <= FOLLOWED)


def _cosine(way: np.ndarray) -> np.ndarray:
    fallen: np.ndarray = 0.5 * (1.0 - np.cos(np.pi * way))
    return fallen


def _line(way: np.ndarray) -> np.ndarray:
    return way


SHAPES = {"a cosine": _cosine, "a line": _line}


def _on_shape(rates: Rates, basis: Callable[[np.ndarray], np.ndarray], start: float) -> tuple[float, np.ndarray]:
    """Return how far rows lie off a decay that begins at a place, at most, that decay on `SHARES`; its depth is the rows'."""
    fallen = basis(np.clip((rates.share - start) / (1.0 - start), 0.0, 1.0))
    if not fallen.any():
        return np.inf, SHARES
    depth = float(((1.0 - rates.rate) * fallen).sum() / (fallen**2).sum())
    off = float(np.abs(1.0 - depth * fallen - rates.rate).max()) if depth <= 1.0 + ON_SHAPE else np.inf
    return off, np.clip(1.0 - depth * basis(np.clip((SHARES - start) / (1.0 - start), 0.0, 1.0)), 0.0, 1.0)


def _finished(fit: Fit, along: str) -> np.ndarray | None:
    """Return the share of the peak that finished runs have at fractions of their way, NaN before their first rows."""
    fall = next((name for name, one in fit.runs.columns.inputs.items() if one.column == FALL), None)
    if fall is None or "run" not in fit.runs.table:
        return None
    table = fit.runs.table.sort_values(["run", along], ignore_index=True)
    share = np.exp(run_fractions(table, along))
    every = []
    for run in table["run"].unique():
        own = (table["run"] == run).to_numpy()
        every.append(_extended(share[own], table[fall].to_numpy()[own]))
    first = max(float(share[(table["run"] == run).to_numpy()].min()) for run in table["run"].unique())
    curves = np.array(every)[:, first <= SHARES]
    if not curves.size or (curves.max(axis=0) - curves.min(axis=0)).max() > SAME_SCHEDULE:
        return None
    return np.where(first <= SHARES, 1.0 - np.array(every).mean(axis=0), np.nan)


def _extended(share: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return a run's fall on `SHARES`; beyond its last average, which lies before its end, by the slope there."""
    found = np.interp(SHARES, share, fall)
    if len(share) > 1 and share[-1] < 1.0:
        slope = (fall[-1] - fall[-2]) / (share[-1] - share[-2])
        found = np.where(share[-1] < SHARES, fall[-1] + slope * (SHARES - share[-1]), found)
    return np.asarray(np.clip(found, 0.0, 1.0))
