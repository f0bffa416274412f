"""Running jobs as they are read: each one's rows so far, and the places of its course that are still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table, read_table, source_of, tables_of
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.pace import Pace, pace_of_log
from bayes_scaling.prediction.planned_rates import GoesOn, Rate
from bayes_scaling.prediction.running_log import (
    MAX_ROWS_CONDITIONED,
    OWN,
    PLACES_AHEAD,
    averaged_to_few,
    known_rows,
    past_warm_up,
    places_ahead,
    read_log,
)

MAX_ROWS, FEWEST_ROWS, FEWEST_PLACES = 4 * MAX_ROWS_CONDITIONED, 8, 6
"""Rows seen of all jobs together, at most; and of each the fewest that they, and places to come, are averaged to for that."""

AGAIN = " again"
"""What follows a job's name where it is begun once more."""

type Ends = float | Table | Sequence[float | Table] | Mapping[str, float]
"""Where jobs end: for all alike, one after the other, by name, or as tables of places to come."""


@dataclass(frozen=True)
class Job:
    """A running job.

    Parameters
    ----------
    seen
        Its checked rows, in order.
    few
        The same, averaged to as few as are conditioned on.
    ahead
        Places to come, the end last.
    known
        Whether the fit has seen it.
    notes
        What was found in its log.
    planned
        How its learning rate is taken to go on.
    pace
        How fast it goes, where its log says when rows were written.
    """

    label: str
    seen: pd.DataFrame
    few: pd.DataFrame
    ahead: pd.DataFrame
    known: bool
    notes: tuple[str, ...]
    planned: tuple[str, ...]
    pace: Pace | None


@dataclass(frozen=True)
class _Log:
    """A log as it is written, and its checked rows."""

    raw: pd.DataFrame | None
    table: pd.DataFrame
    notes: tuple[str, ...]


def read_jobs(fit: Fit, curves: Table | Sequence[Table], at: Ends, along: str, rate: Rate = "known") -> list[Job]:
    """Return running jobs, given logs or the names of runs that the fit has seen, and where each ends.

    Raises
    ------
    InputError
        As `read_runs` does, and for two jobs of one name, or ends that are not those of the jobs.
    """
    given = tables_of(curves)
    if not given:
        raise InputError("no log is given; expected one, or several")
    logs = [log for i, one in enumerate(given) for log in _logs(fit, one, i, len(given))]
    labels = [str(one.table["run"].iloc[-1]) for one in logs]
    if twice := next((one for one in labels if labels.count(one) > 1), None):
        raise InputError(f"two of the logs are of run {twice!r}; give the rows of a run in one table")
    taken = {*labels, *fit.runs.table.get("run", pd.Series()).astype(str)}
    if clash := next((one for one in labels if len(labels) > 1 and one + AGAIN in taken), None):
        raise InputError(f"{clash + AGAIN!r} is what a new run of {clash!r} is called; give the run of that name another one")
    few = max(FEWEST_ROWS, min(MAX_ROWS_CONDITIONED, MAX_ROWS // len(logs)))
    most = max(FEWEST_PLACES, min(PLACES_AHEAD, 4 * PLACES_AHEAD // len(logs)))
    ends = _ends(fit, at, labels)
    on = [GoesOn(label, rate, labels) for label in labels]
    return [_job(fit, log, end, along, few, most, how) for log, end, how in zip(logs, ends, on, strict=True)]


def _job(fit: Fit, log: _Log, at: float | Table, along: str, few: int, most: int, goes_on: GoesOn) -> Job:
    """Return a running job as it is read: its rows, averaged to few, and the places to come."""
    seen = log.table.sort_values(along, ignore_index=True)
    label = str(seen["run"].iloc[-1])
    ahead, planned = places_ahead(fit, seen, log.raw, at, along, most, goes_on)
    seen = seen if log.raw is None else past_warm_up(fit, seen, float(ahead[along].max()), along)
    pace = None if log.raw is None else pace_of_log(log.raw, fit.runs, along)
    some = averaged_to_few(seen, fit.runs.columns, along, few)
    return Job(label, seen, some, ahead.assign(mean_lag=0.0), log.raw is None, log.notes, planned, pace)


def _logs(fit: Fit, curve: Table, index: int, count: int) -> list[_Log]:
    """Return the logs that a table holds, one a run."""
    if isinstance(curve, str) and curve in set(fit.runs.table.get("run", pd.Series()).astype(str)):
        return [_Log(None, known_rows(fit, curve), ())]
    columns, source = fit.runs.columns, source_of(curve, None if count == 1 else f"log {index + 1}")
    raw = read_table(curve, labels=columns.labels)
    parts = [part for part in columns.dims.get("run", ()) if part in raw]
    own = OWN if count == 1 else f"run {index + 1}"
    if not parts or not len(raw):
        return [_Log(raw, *read_log(fit, raw, source, own))]
    found = []
    for label, rows in raw.groupby(parts, sort=False, dropna=False):
        one = rows.reset_index(drop=True)
        one.attrs = dict(raw.attrs)
        several = len(rows) < len(raw)
        called = f"{source}, run {' '.join(map(str, label))}" if several else source
        found.append(_Log(one, *read_log(fit, one, called, own)))
    return found


def _ends(fit: Fit, at: Any, labels: Sequence[str]) -> list[float | Table]:
    """Return where each job ends."""
    if isinstance(at, Mapping) and at and set(map(str, at)) & set(labels):
        named = {str(name): end for name, end in at.items()}
        if set(named) != set(labels):
            raise InputError(f"at names {format_names(named)}; the jobs are {format_names(labels)}")
        return [named[label] for label in labels]
    if isinstance(at, list | tuple | np.ndarray) and len(given := tables_of(at)) > 0 and given[0] is not at:  # type: ignore[arg-type]
        if len(given) != len(labels):
            raise InputError(f"at gives {len(given)} ends; the jobs are {format_names(labels)}")
        return list(given)
    if isinstance(at, int | float | np.number) or len(labels) == 1:
        return [at] * len(labels)
    places = read_table(at, labels=fit.runs.columns.labels)
    parts = [part for part in fit.runs.columns.dims.get("run", ()) if part in places]
    if not parts:
        return [places] * len(labels)
    own = places[parts].astype(str).agg(" ".join, axis=1)
    if missing := [label for label in labels if label not in set(own)]:
        raise InputError(f"the places to come name the runs {format_names(dict.fromkeys(own))}; none is {missing[0]!r}")
    return [places[own == label].drop(columns=parts).reset_index(drop=True) for label in labels]


def joint_frame(jobs: Sequence[Job], along: str, *, again: bool) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of jobs seen and to come, whether each has been seen, whether the fit knows its run, and its job.

    Parameters
    ----------
    again
        Whether a row more for each is the end of a new run of its settings, with effects of its own.
    """
    frames, seen, known, owner = [], [], [], []
    for i, job in enumerate(jobs):
        once_more = job.ahead.iloc[[-1]].assign(run=job.label + AGAIN)
        for frame, shown, index in ((job.few, True, i), (job.ahead, False, i), (once_more, False, -1 - i)):
            if shown or index >= 0 or again:
                frames.append(frame.assign(run=frame["run"].astype(str)))
                seen += [shown] * len(frame)
                known += [job.known and index >= 0] * len(frame)
                owner += [index] * len(frame)
    return pd.concat(frames, ignore_index=True), np.array(seen), np.array(known), np.array(owner)


def with_jobs(runs: Runs, jobs: Sequence[Job]) -> Runs:
    """Return the rows of jobs in the shape of runs, to be fitted with those."""
    table = pd.concat([job.seen for job in jobs], ignore_index=True)
    return replace(runs, table=table, dropped=0, averaged=len(table), notes=())
