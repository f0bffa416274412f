"""Training logs: restarts, warm-up, missing losses and spikes are found, handled by rules, and noted."""

from math import log1p
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import exact, percent
from bayes_scaling._base.quantiles import MAD_TO_SD
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.curve import Curve
from bayes_scaling.data.log_order import in_order
from bayes_scaling.data.log_rows import (
    Cleaned,
    Log,
    counted,
    file_words,
    in_rows,
    kept_rows,
    place_words,
    run_words,
    runs_words,
)

SPIKE = 0.05
"""A spike is at least so far above its neighbours, and a run that ends so far above its lowest loss is named; of log loss."""
SPIKE_SD = 8.0
"""A spike is at least so many robust standard deviations of its run above its neighbours."""
SIDE = 10
"""Rows to either side that a row is judged by."""
JUDGED = 30
"""Runs with fewer rows are not judged."""


def clean_log(log: Log, columns: Columns, curve: Curve) -> tuple[Log, tuple[str, ...]]:
    """Return the rows to fit to, each place of a log once and in order, and what was found and done.

    Raises
    ------
    InputError
        In one line, where rows are in no order, several logs go under one name, a response is missing, or a logarithm cannot be
        taken.
    """
    steps = [in_order, _without_warmup, _without_missing, _positive, _without_spikes]
    if "missing" in curve.skip:  # first, or rows that another logger wrote at the same step would replace those with a loss
        steps = [_without_missing, in_order, _without_warmup, _positive, _without_spikes]
    before, notes = log, []
    for step in steps:
        log, more = step(log, columns, curve)
        notes += more
        if not len(log.table):
            raise InputError(f"{', '.join(log.sources)}: no row is left; {'; '.join(notes)}")
    lost = ~np.isin(before.run, log.run)
    alone = np.bincount(log.run)[log.run] == 1
    notes += [f"no row is left of {runs_words(before, lost)}"] if lost.any() else []
    notes += [f"a single row is all there is of {runs_words(log, alone)}"] if alone.any() else []
    return log, tuple(notes)


def _without_warmup(log: Log, columns: Columns, curve: Curve) -> Cleaned:
    """Leave out the start of each run, as far as the columns say."""
    at = log.table[curve.along]
    if curve.warmup is not None:
        early, rule = at < curve.warmup, f"{curve.along} below {exact(curve.warmup)}"
    elif curve.warmup_fraction is not None:
        early = at < curve.warmup_fraction * at.groupby(log.run).transform("max")
        rule = f"{curve.along} below {exact(curve.warmup_fraction)} of their run's last"
    else:
        return log, []
    note = [f"warm-up: {counted(early.sum(), 'row')} with {rule} left out"] if early.any() else []
    return kept_rows(log, ~early.to_numpy()), note


def _without_missing(log: Log, columns: Columns, curve: Curve) -> Cleaned:
    """Leave out rows without a loss where the columns say so; refuse them otherwise."""
    gone = ~np.isfinite(log.table["response"].to_numpy())
    if not gone.any():
        return log, []
    first, column = int(np.argmax(gone)), columns.response.column
    what = f"column {column!r} is missing or not finite in {counted(gone.sum(), 'row')} of {runs_words(log, gone)}"
    if "missing" not in curve.skip:
        raise InputError(
            f"{file_words(log, first)}: {what}, the first is row {log.row[first] + 1}; "
            'skip = ["missing"] in curve leaves them out'
        )
    return kept_rows(log, ~gone), [f"{what}, the first is {place_words(log, first)}: left out"]


def _positive(log: Log, columns: Columns, curve: Curve) -> Cleaned:
    """Refuse values that are not above 0 where a logarithm is taken."""
    named = {name: one.column for name, one in columns.inputs.items() if not one.zero}
    named |= {"response": columns.response.column} if columns.response.positive else {}
    for name, column in named.items():
        values = log.table[name].to_numpy()
        if (values <= 0).any():
            first = int(np.argmax(values <= 0))
            hint = "; warmup in curve leaves the start of a run out" if name == curve.along else ""
            raise InputError(
                f"{file_words(log, first)}: column {column!r}, row {log.row[first] + 1}: {format_value(values[first])} is not "
                f"positive, and its logarithm is taken{hint}"
            )
    return log, []


def _without_spikes(log: Log, columns: Columns, curve: Curve) -> Cleaned:
    """Note spikes, and runs that end above their lowest loss; leave spikes out where the columns say so."""
    if not columns.response.positive or columns.response.rising:
        return log, []
    spike, above, rises = _judged(log)
    notes = []
    if spike.any():
        most = int(np.argmax(np.where(spike, above, -np.inf)))
        bar = f"more than {percent(SPIKE)} and {exact(SPIKE_SD)} robust standard deviations above the rows before and after"
        done = "left out" if "spikes" in curve.skip else 'kept; skip = ["spikes"] in curve leaves them out'
        notes.append(
            f"{counted(spike.sum(), 'spike')} in {runs_words(log, spike)}, {bar}, the highest by "
            f"{percent(np.expm1(above[most]))} in {place_words(log, most)}: {done}"
        )
    if rises.any():
        worst = int(np.argmax(rises))
        notes.append(
            f"the loss ends more than {percent(SPIKE)} above its lowest in {runs_words(log, rises > 0)}, by "
            f"{percent(np.expm1(rises[worst]))} in {run_words(log, worst)}: diverged?"
        )
    return (kept_rows(log, ~spike) if "spikes" in curve.skip else log), notes


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
            spike[start:end] = above[start:end] > max(SPIKE_SD * MAD_TO_SD * float(np.median(np.abs(own - middle))), SPIKE)
            rise = float(middle[-SIDE - 1] - middle[SIDE:-SIDE].min())
            rises[start:end] = rise if rise > log1p(SPIKE) else 0.0
    return in_rows(spike, order), in_rows(above, order), in_rows(rises, order)


def _before(losses: np.ndarray) -> np.ndarray:
    return _running_median(losses, SIDE + 1, origin=SIDE // 2, mode="nearest")


def _after(losses: np.ndarray) -> np.ndarray:
    """Return the median of a row and those after it; nothing to be above of where a run is about to end."""
    return _running_median(losses, SIDE + 1, origin=-(SIDE // 2), mode="constant", cval=-np.inf)


def _running_median(values: np.ndarray, size: int, **more: Any) -> np.ndarray:
    from scipy.ndimage import median_filter  # not at the top: most commands read no log

    return np.asarray(median_filter(values, size, **more))
