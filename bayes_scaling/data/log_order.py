"""Training logs in order: rows that a restart made void are left out, and logs in no order are refused."""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, format_count
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.curve import Curve
from bayes_scaling.data.log_rows import Cleaned, Log, counted, file_words, in_rows, kept_rows, run_words, runs_words

DISORDER = ((20, 0.01), (2, 0.1))
"""A log is in no order where it goes back more often than so many times, and in more than such a share of its rows."""
REPEATS = (20, 0.25)
"""A log is of several things where more rows than these, and such a share of all, repeat a place with another loss."""


def in_order(log: Log, columns: Columns, curve: Curve) -> Cleaned:
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
    replaced, twice = in_rows(void & ~again, order), in_rows(void & again, order)
    notes = []
    if back.any():
        rows, verb = counted(replaced.sum(), "row"), "is" if replaced.sum() == 1 else "are"
        notes.append(
            f"{counted(back.sum(), 'restart')} in {runs_words(log, in_rows(back, order))}: {rows} of earlier attempts, "
            f"at or beyond the {curve.along} of a restart, {verb} replaced by the later ones"
        )
    if twice.any():
        rows = counted(twice.sum(), "row")
        notes.append(f"{curve.along} is the same in rows running in {runs_words(log, twice)}: {rows} left out, the last kept")
    return kept_rows(log, ~(replaced | twice)), notes


def _refuse_disorder(log: Log, order: np.ndarray, back: np.ndarray, along: str) -> None:
    """Refuse logs that go back more often than jobs are restarted."""
    branch = log.branch[order]
    places, rows = np.bincount(branch, back), np.bincount(branch)
    none = np.any([(places > count) & (places > share * rows) for count, share in DISORDER], axis=0)
    if none.any():
        first = order[int(np.argmax(back & none[branch])) + 1]
        own = log.branch[first]
        raise InputError(
            f"{file_words(log, first)}: the rows of {run_words(log, first)} are in no order, {along} goes back in "
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
            f"{file_words(log, row)}: {run_words(log, row)} starts over at {along} {exact(at[place + 1])} "
            f"in row {log.row[row] + 1}, after it had come to {exact(reached[place])}, and ends at {exact(last[branch[place]])}"
            f": several logs under one name; say in run or groups what tells them apart, or leave one out{order_too}"
        )


def _refuse_repeats(log: Log, order: np.ndarray, again: np.ndarray, along: str) -> None:
    """Refuse logs of which a quarter are further rows at the same places with other losses: they are of different things."""
    branch, response = log.branch[order], log.table["response"].to_numpy()[order]
    other = again & np.append(response[1:] != response[:-1], False)
    places, rows = np.bincount(branch, other), np.bincount(branch)
    several = (places > REPEATS[0]) & (places >= REPEATS[1] * rows)
    if several.any():
        first = order[int(np.argmax(other & several[branch])) + 1]
        own = log.branch[first]
        raise InputError(
            f"{file_words(log, first)}: {run_words(log, first)} has several rows at one {along}, with other losses, "
            f"{format_count(int(places[own]))} of {rows[own]} rows, the first in row {log.row[first] + 1}; "
            "say in run or groups what tells them apart"
        )
