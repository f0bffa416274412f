"""How the learning rate of an unfinished run goes on to its planned end.

As that of finished runs at the same fraction of their way, where they are alike and the run has followed them so far; else as
the cosine or the line to that end on which its own rows lie; else as that of those finished runs that began as it did, where
they go on alike. Asked to stay constant, it does if it has not fallen but at once.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import number, percent
from bayes_scaling.data.annealed import slow_fall
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.finished_rates import SAME_SCHEDULE, SHARES, alike, extended, finished_rates, near
from bayes_scaling.prediction.known_rates import of_schedule

type Rate = Literal["known", "constant"]
"""How the learning rate goes on that has not fallen, or at once only: as is known from finished runs, or constant."""

FOLLOWED = 0.03
"""A run follows a schedule where its shares of the peak differ from that by at most so much."""
ON_SHAPE = 0.005
"""A log lies on a shape where it leaves it by at most this share of the peak,"""
FALLEN = 0.02
"""and has fallen by at least this one."""
STARTS, LATEST = 20, 0.99
"""Places where a decay may have begun that are tried, beside those of the rows before it shows."""
FEWEST_FALLEN = 3
"""Rows that have fallen, at least: through fewer goes a decay from anywhere."""
MOST_NAMED = 3
"""Runs that a sentence names."""


@dataclass(frozen=True)
class Rates:
    """The rows of a log: how much of the way lies behind each, and the learning rate as a share of its peak."""

    share: np.ndarray
    rate: np.ndarray
    peak: float


@dataclass(frozen=True)
class GoesOn:
    """What is said of how the learning rate of a run goes on.

    Parameters
    ----------
    run
        Its label.
    rate
        As is known, or constant where it has not fallen but at once.
    unfinished
        Labels of runs that are none of the finished ones.
    shares
        Whether its rates are shares of the peak, as those of a run that the fit has seen.
    reached
        Where such a run has come to: its last row is an average, which lies before that.
    """

    run: str
    rate: Rate = "known"
    unfinished: Collection[str] = ()
    shares: bool = False
    reached: float = 0.0


def continued(fit: Fit, log: pd.DataFrame, places: np.ndarray, along: str, goes_on: GoesOn) -> tuple[pd.DataFrame, str]:
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
    shape: np.ndarray | None
    if end <= goes_on.reached:
        shape, how = _own(rates), "follow its rows"
    else:
        shape, how = _shape(rates, finished_rates(fit, along, goes_on.unfinished), goes_on.rate)
    if shape is None:
        wanted = [one.column, *of_schedule(columns)] if goes_on.shares else [one.column, schedule.along, schedule.lr]
        constant = "" if _falling(rates) else 'rate = "constant" (--rate constant) where it stays as it is, or '
        raise InputError(
            f"run {goes_on.run!r}: how the learning rate (column {schedule.lr!r}) goes on to {along} {number(end)} "
            f"is not known: {how}; give {constant}the places to come as a table with the columns "
            + ", ".join(dict.fromkeys(wanted))
            + ("" if goes_on.shares else ", a row wherever its slope changes")
        )
    rate = np.where(
        places / end <= rates.share[-1],
        np.interp(places / end, rates.share, rates.rate),
        np.interp(places / end, SHARES, shape),
    )
    plan = pd.DataFrame({one.column: places, schedule.lr: rates.peak * rate})
    if schedule.along != one.column:
        pace = np.polyfit(log[one.column].to_numpy(dtype=float), log[schedule.along].to_numpy(dtype=float), 1)
        plan[schedule.along] = np.round(np.polyval(pace, plan[one.column].to_numpy()))
    plan.attrs = dict(log.attrs)
    peak, last = number(rates.peak), number(rates.peak * float(shape[-1]))
    span = f", from {peak} to {last} at" if np.ptp(shape) > 0 else f", {last}, to"
    if goes_on.shares:
        span = " to" if np.ptp(shape) == 0 else f", from its peak to {percent(float(shape[-1]))} of that at"
    return plan, f"the learning rate is taken to {how}{span} {along} {number(end)}"


def _rates(share: np.ndarray, rate: np.ndarray) -> Rates:
    """Return the rows of a log from its peak on, in order."""
    order = np.argsort(share, kind="stable")
    share, rate = share[order], rate[order]
    peak = int(np.argmax(rate))
    return Rates(share[peak:], rate[peak:] / rate[peak], float(rate[peak]))


def _shape(rates: Rates, finished: Mapping[str, np.ndarray], rate: Rate) -> tuple[np.ndarray | None, str]:
    """Return the rate as a share of its peak over the whole way, on `SHARES`, and how that is known, or why it is not."""
    if rate == "constant" and not _falling(rates):
        return np.full(len(SHARES), rates.rate[-1]), "stay as it is"
    every = alike(finished)
    if every is not None and _follows(rates, every):
        return _as_finished(every, "the finished runs")
    own, how = _known_shape(rates, ON_SHAPE)
    if own is not None:
        return own, f"follow {how}"
    begun = {run: of for run, of in finished.items() if _follows(rates, of)}
    course = alike(begun)
    if course is not None:
        return _as_finished(course, f"the finished runs that began so ({_named(list(begun))})")
    if not begun:
        return None, "it follows neither finished runs nor a cosine or a line to that end"
    stay = [run for run, of in begun.items() if 1.0 - of[-1] < FALLEN]
    fall = [run for run in begun if run not in stay]
    parts = [f"{_named(runs)} {way}" for runs, way in ((stay, "at a constant rate"), (fall, "with a fall")) if runs]
    return None, f"finished runs that began so part from here ({', '.join(parts)})"


def _own(rates: Rates) -> np.ndarray:
    """Return the rate of a run that has come to its end as a share of the peak on `SHARES`."""
    return 1.0 - extended(rates.share, 1.0 - rates.rate)


def _named(runs: list[str]) -> str:
    """Return the names of a few runs."""
    more = len(runs) - MOST_NAMED
    names = ", ".join(format_value(run) for run in runs[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def _falling(rates: Rates) -> bool:
    """Return whether a rate falls otherwise than at once, so that it does not stay as it is."""
    return slow_fall(rates.share, rates.rate) >= FALLEN


def _as_finished(course: np.ndarray, whose: str) -> tuple[np.ndarray, str]:
    """Return the rate of finished runs over the whole way, smooth where it is a cosine or a line."""
    known = np.isfinite(course)
    found, how = _known_shape(Rates(SHARES[known], course[known], 1.0), SAME_SCHEDULE)
    way = f", {how}" if how else ""
    return (np.nan_to_num(course, nan=1.0) if found is None else found), f"follow the schedule of {whose}{way}"


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
    low, high = (np.interp(rates.share, SHARES, of) for of in near(np.nan_to_num(finished, nan=1.0)))
    off = np.maximum(low - rates.rate, rates.rate - high)[known]
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
