"""Training logs: restarts, warm-up, missing losses and spikes are found, handled by rules, and noted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log1p
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import exact, format_count, percent
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.curve import Curve

SPIKE = 0.05
"""A spike is at least so far above its neighbours, and a run that ends so far above its lowest loss is named; of log loss."""
SPIKE_SD = 8.0
"""A spike is at least so many robust standard deviations of its run above its neighbours."""
SIDE = 10
"""Rows to either side that a row is judged by."""
JUDGED = 30
"""Runs with fewer rows are not judged."""
MAX_NAMED_RUNS = 3
"""So many runs are named where there are more."""


@dataclass(frozen=True)
class Log:
    """Rows in the order they were written.

    Parameters
    ----------
    table
        A checked table; the response may lack values, inputs may be zero.
    run, branch
        A number for the run of each row, and for its run and groups together.
    row
        Its place in its file, from 0.
    file
        Which of the sources that is.
    """

    table: pd.DataFrame
    run: np.ndarray
    branch: np.ndarray
    row: np.ndarray
    file: np.ndarray
    sources: tuple[str, ...]


type Said = tuple[Log, list[str]]


def as_log(table: pd.DataFrame, columns: Columns, row: np.ndarray, file: np.ndarray, sources: tuple[str, ...]) -> Log:
    """Return a checked table as rows of logs."""
    run = table.groupby("run", sort=False, observed=True).ngroup().to_numpy()
    branch = table.groupby(list(columns.dims), sort=False, observed=True).ngroup().to_numpy() if columns.groups else run
    return Log(table, run, branch, row, file, sources)


def clean_log(log: Log, columns: Columns, curve: Curve) -> tuple[Log, tuple[str, ...]]:
    """Return the rows to fit to, each place of a log once and in order, and what was found and done.

    Raises
    ------
    InputError
        In one line, where rows are in no order, several logs go under one name, a response is missing, or a logarithm cannot be
        taken.
    """
    steps = [_in_order, _without_warmup, _without_missing, _positive, _without_spikes]
    if "missing" in curve.skip:  # first, or rows that another logger wrote at the same step would replace those with a loss
        steps = [_without_missing, _in_order, _without_warmup, _positive, _without_spikes]
    before, notes = log, []
    for step in steps:
        log, more = step(log, columns, curve)
        notes += more
        if not len(log.table):
            raise InputError(f"{', '.join(log.sources)}: no row is left; {'; '.join(notes)}")
    lost = ~np.isin(before.run, log.run)
    alone = np.bincount(log.run)[log.run] == 1
    notes += [f"no row is left of {_runs(before, lost)}"] if lost.any() else []
    notes += [f"a single row is all there is of {_runs(log, alone)}"] if alone.any() else []
    return log, tuple(notes)


def _in_order(log: Log, columns: Columns, curve: Curve) -> Said:
    """Leave out rows that a later row of the same log, at their place or before it, has made void."""
    order = np.argsort(log.branch, kind="stable")
    branch, at = log.branch[order], log.table[curve.along].to_numpy()[order]
    same = branch[1:] == branch[:-1]
    back, again = (np.append(same & found, False) for found in (at[1:] < at[:-1], at[1:] == at[:-1]))
    if not (back.any() or again.any()):
        return log, []
    _refuse_disorder(log, order, back, curve.along)
    _refuse_starting_over(log, order, back, curve.along)
    _refuse_repeats(log, order, again, curve.along)
    least = pd.Series(at[::-1]).groupby(branch[::-1]).cummin().to_numpy()[::-1]
    later = np.append(np.where(same, least[1:], np.inf), np.inf)
    void = at >= later
    replaced, twice = _unsorted(void & ~again, order), _unsorted(void & again, order)
    notes = []
    if back.any():
        rows, verb = _many(replaced.sum(), "row"), "is" if replaced.sum() == 1 else "are"
        notes.append(
            f"{_many(back.sum(), 'restart')} in {_runs(log, _unsorted(back, order))}: {rows} of earlier attempts, at or beyond "
            f"the {curve.along} of a restart, {verb} replaced by the later ones"
        )
    if twice.any():
        rows = _many(twice.sum(), "row")
        notes.append(f"{curve.along} is the same in rows running in {_runs(log, twice)}: {rows} left out, the last kept")
    return _kept(log, ~(replaced | twice)), notes


def _refuse_disorder(log: Log, order: np.ndarray, back: np.ndarray, along: str) -> None:
    """Refuse logs that go back more often than jobs are restarted."""
    branch = log.branch[order]
    places, rows = np.bincount(branch, back), np.bincount(branch)
    none = ((places > 20) & (places > 0.01 * rows)) | ((places > 2) & (places > 0.1 * rows))
    if none.any():
        first = order[int(np.argmax(back & none[branch])) + 1]
        own = log.branch[first]
        raise InputError(
            f"{_source(log, first)}: the rows of {_run(log, first)} are in no order, {along} goes back in "
            f"{format_count(int(places[own]))} of {rows[own]} rows, the first time in row {log.row[first] + 1}; "
            f"sort them by {along}, or say in run or groups what tells its logs apart"
        )


def _refuse_starting_over(log: Log, order: np.ndarray, back: np.ndarray, along: str) -> None:
    """Refuse logs that begin anew after they had come to their end: it was no crash, and two logs go under one name."""
    branch, at = log.branch[order], log.table[along].to_numpy()[order]
    starts = np.flatnonzero(np.diff(branch, prepend=-1))
    ends = np.append(starts[1:], len(at)) - 1
    first, last = np.empty(branch.max() + 1), np.empty(branch.max() + 1)
    first[branch[starts]], last[branch[starts]] = at[starts], at[ends]
    reached = pd.Series(at).groupby(branch).cummax().to_numpy()
    anew = back & (np.append(at[1:], np.inf) <= first[branch]) & (reached >= last[branch])
    if anew.any():
        place = int(np.argmax(anew))
        row, order_too = order[place + 1], ", or give tables in the order written" if len(log.sources) > 1 else ""
        raise InputError(
            f"{_source(log, row)}: {_run(log, row)} starts over at {along} {exact(at[place + 1])} in row {log.row[row] + 1}, "
            f"after it had come to {exact(reached[place])}, and ends at {exact(last[branch[place]])}"
            f": several logs under one name; say in run or groups what tells them apart, or leave one out{order_too}"
        )


def _refuse_repeats(log: Log, order: np.ndarray, again: np.ndarray, along: str) -> None:
    """Refuse logs of which a quarter are further rows at the same places with other losses: they are of different things."""
    branch, response = log.branch[order], log.table["response"].to_numpy()[order]
    other = again & np.append(response[1:] != response[:-1], False)
    places, rows = np.bincount(branch, other), np.bincount(branch)
    several = (places > 20) & (places >= 0.25 * rows)
    if several.any():
        first = order[int(np.argmax(other & several[branch])) + 1]
        own = log.branch[first]
        raise InputError(
            f"{_source(log, first)}: {_run(log, first)} has several rows at one {along}, with other losses, "
            f"{format_count(int(places[own]))} of {rows[own]} rows, the first in row {log.row[first] + 1}; "
            "say in run or groups what tells them apart"
        )


def _without_warmup(log: Log, columns: Columns, curve: Curve) -> Said:
    at = log.table[curve.along]
    if curve.warmup is not None:
        early, rule = at < curve.warmup, f"{curve.along} below {exact(curve.warmup)}"
    elif curve.warmup_fraction is not None:
        early = at < curve.warmup_fraction * at.groupby(log.run).transform("max")
        rule = f"{curve.along} below {exact(curve.warmup_fraction)} of their run's last"
    else:
        return log, []
    note = [f"warm-up: {_many(early.sum(), 'row')} with {rule} left out"] if early.any() else []
    return _kept(log, ~early.to_numpy()), note


def _without_missing(log: Log, columns: Columns, curve: Curve) -> Said:
    gone = ~np.isfinite(log.table["response"].to_numpy())
    if not gone.any():
        return log, []
    first, column = int(np.argmax(gone)), columns.response.column
    what = f"column {column!r} is missing or not finite in {_many(gone.sum(), 'row')} of {_runs(log, gone)}"
    if "missing" not in curve.skip:
        raise InputError(
            f'{_source(log, first)}: {what}, the first is row {log.row[first] + 1}; skip = ["missing"] in curve leaves them out'
        )
    return _kept(log, ~gone), [f"{what}, the first is {_place(log, first)}: left out"]


def _positive(log: Log, columns: Columns, curve: Curve) -> Said:
    named = {name: one.column for name, one in columns.inputs.items() if not one.zero}
    named |= {"response": columns.response.column} if columns.response.positive else {}
    for name, column in named.items():
        values = log.table[name].to_numpy()
        if (values <= 0).any():
            first = int(np.argmax(values <= 0))
            hint = "; warmup in curve leaves the start of a run out" if name == curve.along else ""
            raise InputError(
                f"{_source(log, first)}: column {column!r}, row {log.row[first] + 1}: {format_value(values[first])} is not "
                f"positive, and its logarithm is taken{hint}"
            )
    return log, []


def _without_spikes(log: Log, columns: Columns, curve: Curve) -> Said:
    if not columns.response.positive or columns.response.rising:
        return log, []
    spike, above, rises = _judged(log)
    notes = []
    if spike.any():
        most = int(np.argmax(np.where(spike, above, -np.inf)))
        bar = f"more than {percent(SPIKE)} and {exact(SPIKE_SD)} robust standard deviations above the rows before and after"
        done = "left out" if "spikes" in curve.skip else 'kept; skip = ["spikes"] in curve leaves them out'
        notes.append(
            f"{_many(spike.sum(), 'spike')} in {_runs(log, spike)}, {bar}, the highest by "
            f"{percent(np.expm1(above[most]))} in {_place(log, most)}: {done}"
        )
    if rises.any():
        worst = int(np.argmax(rises))
        notes.append(
            f"the loss ends more than {percent(SPIKE)} above its lowest in {_runs(log, rises > 0)}, by "
            f"{percent(np.expm1(rises[worst]))} in {_run(log, worst)}: diverged?"
        )
    return (_kept(log, ~spike) if "spikes" in curve.skip else log), notes


def _judged(log: Log) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which rows are spikes, how far each lies above the rows around it, and how far its run ends above its lowest.

    All in log loss, by running medians. Against the rows before and those after, the higher of both: the steep start of a run,
    or its annealing, is no spike.
    """
    order = np.argsort(log.branch, kind="stable")
    losses = np.log(log.table["response"].to_numpy()[order])
    spike, above, rises = np.zeros(len(order), dtype=bool), np.full(len(order), -np.inf), np.zeros(len(order))
    starts = np.flatnonzero(np.diff(log.branch[order], prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(order)), strict=True):
        if end - start >= JUDGED:
            own = losses[start:end]
            middle = _running_median(own, 2 * SIDE + 1, mode="nearest")
            above[start:end] = own - np.maximum(_before(own), _after(own))
            spike[start:end] = above[start:end] > max(SPIKE_SD * 1.4826 * float(np.median(np.abs(own - middle))), SPIKE)
            rise = float(middle[-SIDE - 1] - middle[SIDE:-SIDE].min())
            rises[start:end] = rise if rise > log1p(SPIKE) else 0.0
    return _unsorted(spike, order), _unsorted(above, order), _unsorted(rises, order)


def _before(losses: np.ndarray) -> np.ndarray:
    return _running_median(losses, SIDE + 1, origin=SIDE // 2, mode="nearest")


def _after(losses: np.ndarray) -> np.ndarray:
    """Return the median of a row and those after it; nothing to be above of where a run is about to end."""
    return _running_median(losses, SIDE + 1, origin=-(SIDE // 2), mode="constant", cval=-np.inf)


def _kept(log: Log, keep: np.ndarray) -> Log:
    if keep.all():
        return log
    table = log.table[keep].reset_index(drop=True)
    return replace(log, table=table, run=log.run[keep], branch=log.branch[keep], row=log.row[keep], file=log.file[keep])


def _unsorted(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return values of rows in order of their log, in the order of the table."""
    back = np.empty_like(values)
    back[order] = values
    return back


def _runs(log: Log, which: np.ndarray) -> str:
    """Return the runs that some rows are of: a few by name, the others counted."""
    return format_runs(log.table["run"].to_numpy()[np.flatnonzero(which)[np.unique(log.run[which], return_index=True)[1]]])


def format_runs(labels: Sequence[object] | np.ndarray) -> str:
    """Return runs for a sentence: a few by name, the others counted."""
    names = ", ".join(format_value(label) for label in labels[:MAX_NAMED_RUNS])
    more = f" and {len(labels) - MAX_NAMED_RUNS} more" if len(labels) > MAX_NAMED_RUNS else ""
    return f"{'run' if len(labels) == 1 else 'runs'} {names}{more}"


def _run(log: Log, row: int) -> str:
    return f"run {format_value(log.table['run'].iloc[row])}"


def _source(log: Log, row: int) -> str:
    return log.sources[int(log.file[row])]


def _place(log: Log, row: int) -> str:
    return f"row {log.row[row] + 1}" + (f" of {_source(log, row)}" if len(log.sources) > 1 else "")


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _running_median(values: np.ndarray, size: int, **more: Any) -> np.ndarray:
    from scipy.ndimage import median_filter  # not at the top: most commands read no log

    return np.asarray(median_filter(values, size, **more))
