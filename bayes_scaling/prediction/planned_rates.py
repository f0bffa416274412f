"""How the learning rate of an unfinished run goes on to its planned end.

As that of finished runs at the same share of their length, or of what follows their warm-up, where they are alike and the run
has followed them so far; else as the cosine or the line to that end on which its own rows lie; else as that of those finished
runs that began as it did, where they go on alike. Asked to stay constant, it does unless it has begun to decay.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import number, percent
from bayes_scaling.data.annealed import LR_ROUNDING, slow_fall
from bayes_scaling.data.logged_rates import LoggedRates, rates_of_rows
from bayes_scaling.data.schedule_columns import STEPLESS
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.known_rates import finished_rates, of_schedule
from bayes_scaling.prediction.relative_schedules import (
    RelativeSchedule,
    alike,
    follows,
    peak_share,
    rate_at,
    relative_schedule,
    to_the_end,
)

type Rate = Literal["known", "constant"]
"""How the learning rate goes on that has not fallen, or at once only: as is known from finished runs, or constant."""

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
HAS_COME = 0.01
"""A run that lacks such a share of its length has come to its end."""
LATE = 0.2
"""Where a log begins so far along the run, and its rate falls from there on, it had its peak before."""
SHARES = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True)
class GoesOn:
    """What is said of how the learning rate of a run goes on.

    Parameters
    ----------
    run
        Its label.
    rate
        As is known, or constant where it has not begun to decay; a step is no decay.
    unfinished
        Labels of runs that are none of the finished ones.
    """

    run: str
    rate: Rate = "known"
    unfinished: Collection[str] = ()


def continued(
    fit: Fit, log: pd.DataFrame, places: np.ndarray, along: str, goes_on: GoesOn
) -> tuple[pd.DataFrame, np.ndarray, str]:
    """Return learning rates to come, in rows at places and where the slope changes; which are places; and a sentence on them.

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
    logged, pace = _logged(fit, log), _pace(fit, log, along)
    steps = pace is not None or not set(of_schedule(columns).values()) <= set(STEPLESS)
    at = places if pace is None else np.polyval(pace, places)
    at = np.unique(np.round(at)) if steps else at
    end = float(at[-1])
    relative, how = _relative(logged, end, finished_rates(fit, goes_on.unfinished), goes_on)
    if relative is None:
        constant = (
            ""
            if _falling(relative_schedule(logged, end))
            else 'rate = "constant" (--rate constant) where it stays as it is, or '
        )
        raise InputError(
            f"run {goes_on.run!r}: how the learning rate (column {schedule.lr!r}) goes on to {along} {number(places[-1])} "
            f"is not known: {how}; give {constant}the places to come as a table with the columns "
            + ", ".join(dict.fromkeys([one.column, schedule.along, schedule.lr]))
            + ", a row wherever its slope changes"
        )
    peak = float(logged.lr.max())
    every, rate = _rates_to_come(logged, relative, at, whole=steps)
    plan = pd.DataFrame({schedule.along: every, schedule.lr: rate})
    if pace is not None:
        plan[one.column] = np.interp(every, np.polyval(pace, places), places)
    plan.attrs = dict(log.attrs)
    last = number(peak * float(rate_at(relative, np.ones(1))[0]))
    span = f", from {number(peak)} to {last} at" if np.ptp(relative.rate) > 0 else f", {last}, to"
    return plan, np.isin(every, at), f"the learning rate is taken to {how}{span} {along} {number(places[-1])}"


def refuse_without_peak(fit: Fit, log: pd.DataFrame, plan: pd.DataFrame, run: str) -> None:
    """Raise InputError where a log begins part-way with a rate that falls from there on: shares of its peak are not known."""
    schedule = fit.runs.columns.schedule
    assert schedule is not None
    if not {schedule.along, schedule.lr} <= set(log) & set(plan):
        return
    logged, end = _logged(fit, log), float(plan[schedule.along].max())
    if _starts_late(logged, end):
        raise InputError(f"run {run!r}: {_without_peak(logged, end)}")


def _logged(fit: Fit, log: pd.DataFrame) -> LoggedRates:
    """Return the learning rates of a log."""
    schedule = fit.runs.columns.schedule
    assert schedule is not None
    return rates_of_rows(log[schedule.along].to_numpy(dtype=float), log[schedule.lr].to_numpy(dtype=float))


def _pace(fit: Fit, log: pd.DataFrame, along: str) -> np.ndarray | None:
    """Return the line from the input that runs train along to what orders their schedules; None where they are the same."""
    schedule, one = fit.runs.columns.schedule, fit.runs.columns.inputs[along]
    assert schedule is not None
    if schedule.along == one.column:
        return None
    return np.polyfit(log[one.column].to_numpy(dtype=float), log[schedule.along].to_numpy(dtype=float), 1)


def _rates_to_come(
    logged: LoggedRates, relative: RelativeSchedule, at: np.ndarray, *, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return places, with those where the slope changes on the way to the last, and the learning rates there.

    Parameters
    ----------
    whole
        Whether places are whole numbers.
    """
    turns = at[-1] * relative.share
    turns = turns[(turns > max(logged.places[-1], at[0])) & (turns < at[-1])]
    every = np.union1d(at, np.round(turns) if whole else turns)
    own, ahead = np.interp(every, logged.places, logged.lr), float(logged.lr.max()) * rate_at(relative, every / at[-1])
    return every, np.where(every <= logged.places[-1], own, ahead)


def _relative(
    logged: LoggedRates, end: float, finished: Mapping[str, LoggedRates], goes_on: GoesOn
) -> tuple[RelativeSchedule | None, str]:
    """Return how the rate goes over the whole run, and how that is known; or None, and why it is not."""
    own = relative_schedule(logged, end)
    if end <= logged.places[-1] * (1.0 + HAS_COME):
        return _to_its_end(own), "follow its rows"
    if goes_on.rate == "constant" and not _falling(own):
        return RelativeSchedule(np.array([0.0, 1.0]), np.full(2, own.rate[-1])), "stay as it is"
    late = _starts_late(logged, end)
    aligned = [_aligned(logged, end, finished, since_peak=since) for since in ((False,) if late else (False, True))]
    for one in aligned:
        every = alike(one.finished.values())
        if every is not None and follows(one.own, every):
            return one.whole(every), "follow the schedule of the finished runs"
    if late or _lost_peak(aligned[0]):
        raise InputError(f"run {goes_on.run!r}: {_without_peak(logged, end)}")
    found, how = _known_shape(own)
    return (found, f"follow {how}") if found is not None else _begun_so(aligned)


@dataclass(frozen=True)
class _Aligned:
    """The schedules of a run and of finished ones from a share of the former on."""

    start: float
    own: RelativeSchedule
    finished: Mapping[str, RelativeSchedule]

    def whole(self, relative: RelativeSchedule) -> RelativeSchedule:
        """Return a schedule that begins there as one of the whole run."""
        return RelativeSchedule(self.start + (1.0 - self.start) * relative.share, relative.rate)


def _aligned(logged: LoggedRates, end: float, finished: Mapping[str, LoggedRates], *, since_peak: bool) -> _Aligned:
    ends = {run: to_the_end(of) for run, of in finished.items()}
    relatives = {run: relative_schedule(of, to, since_peak=since_peak) for run, (of, to) in ends.items()}
    return _Aligned(
        peak_share(logged, end) if since_peak else 0.0, relative_schedule(logged, end, since_peak=since_peak), relatives
    )


def _begun_so(aligned: Sequence[_Aligned]) -> tuple[RelativeSchedule | None, str]:
    """Return how finished runs went on that began as a run did, and which; or None, and where they part."""
    parted: dict[str, RelativeSchedule] = {}
    for one in aligned:
        begun = {run: of for run, of in one.finished.items() if follows(one.own, of)}
        every = alike(begun.values())
        if every is not None:
            return one.whole(every), f"follow the schedule of the finished runs that began so ({_named(list(begun))})"
        parted = parted or begun
    if not parted:
        if any(one.finished for one in aligned):
            return None, "it follows neither finished runs nor a cosine or a line to that end"
        return None, "it lies on no cosine or line to that end, and the fit keeps no learning rates of finished runs"
    stay = [run for run, of in parted.items() if 1.0 - of.rate[-1] < FALLEN]
    fall = [run for run in parted if run not in stay]
    parts = [f"{_named(runs)} {relative}" for runs, relative in ((stay, "at a constant rate"), (fall, "with a fall")) if runs]
    return None, f"finished runs that began so part from here ({', '.join(parts)})"


def _to_its_end(own: RelativeSchedule) -> RelativeSchedule:
    """Return the schedule of a run that has come to its end; what it lacks to that goes on by the slope there."""
    if len(own.share) < 2 or own.share[-1] >= 1.0:
        return own
    slope = (own.rate[-1] - own.rate[-2]) / (own.share[-1] - own.share[-2])
    last = np.clip(own.rate[-1] + slope * (1.0 - own.share[-1]), 0.0, 1.0)
    return RelativeSchedule(np.append(own.share, 1.0), np.append(own.rate, last))


def _named(runs: list[str]) -> str:
    """Return the names of a few runs."""
    more = len(runs) - MOST_NAMED
    names = ", ".join(format_value(run) for run in runs[:MOST_NAMED])
    return f"{names} and {more} more" if more > 0 else names


def _falling(own: RelativeSchedule) -> bool:
    """Return whether a rate falls otherwise than at once, so that it does not stay as it is."""
    return slow_fall(own.share, own.rate) >= FALLEN


def _starts_late(logged: LoggedRates, end: float) -> bool:
    """Return whether a log begins part-way with a rate that falls from there on."""
    lr = logged.lr
    return bool(logged.places[0] > LATE * end and len(lr) > 1 and lr[0] == lr.max() and lr[1] < (1.0 - LR_ROUNDING) * lr[0])


def _lost_peak(aligned: _Aligned) -> bool:
    """Return whether a run follows finished ones but for the peak of its rate, which is not in its log."""
    every, own = alike(aligned.finished.values()), aligned.own
    left = 1.0 if every is None else float(rate_at(every, own.share[:1])[0])
    return every is not None and left < 1.0 - FALLEN and follows(replace(own, rate=own.rate * left), every)


def _without_peak(logged: LoggedRates, end: float) -> str:
    """Return what is wrong with a log without the peak of the rate, and what to give."""
    begins = percent(float(logged.places[0] / end))
    return (
        f"its log begins at {begins} of its way, after the peak of the learning rate, and all that is read of the rate is a "
        "share of that; give the log from its first rows, or the places and rates before it as rows without a loss"
    )


def _known_shape(own: RelativeSchedule) -> tuple[RelativeSchedule | None, str]:
    """Return the cosine or line to the end on which rates lie, and its name."""
    if 1.0 - own.rate[-1] < FALLEN or (own.rate < 1.0 - ON_SHAPE).sum() < FEWEST_FALLEN:
        return None, ""
    level = own.share[own.rate > 1.0 - ON_SHAPE]
    latest = min(float(level.max(initial=own.share[0])), LATEST)
    starts = np.append(np.linspace(0.0, latest, STARTS), level[level <= LATEST])
    found = [(*_on_shape(own, basis, float(start)), name) for name, basis in SHAPES.items() for start in starts]
    off, relative, name = min(found, key=lambda one: one[0])
    return (relative, name) if off <= ON_SHAPE else (None, "")


def _cosine(relative: np.ndarray) -> np.ndarray:
    fallen: np.ndarray = 0.5 * (1.0 - np.cos(np.pi * relative))
    return fallen


def _line(relative: np.ndarray) -> np.ndarray:
    return relative


SHAPES = {"a cosine": _cosine, "a line": _line}


def _on_shape(own: RelativeSchedule, basis: Callable[[np.ndarray], np.ndarray], start: float) -> tuple[float, RelativeSchedule]:
    """Return how far rows lie off a decay that begins at a place, at most, and that decay; its depth is the rows'."""
    fallen = basis(np.clip((own.share - start) / (1.0 - start), 0.0, 1.0))
    if not fallen.any():
        return np.inf, own
    depth = float(((1.0 - own.rate) * fallen).sum() / (fallen**2).sum())
    off = float(np.abs(1.0 - depth * fallen - own.rate).max()) if depth <= 1.0 + ON_SHAPE else np.inf
    return off, RelativeSchedule(start + (1.0 - start) * SHARES, np.clip(1.0 - depth * basis(SHARES), 0.0, 1.0))
