"""Rows of training logs in the order they were written, and what they are called in notes and errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling.data.columns import Columns

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
        The place of its source among `sources`.
    sources
        What the files are called.
    """

    table: pd.DataFrame
    run: np.ndarray
    branch: np.ndarray
    row: np.ndarray
    file: np.ndarray
    sources: tuple[str, ...]


type Cleaned = tuple[Log, list[str]]
"""A log after a step of cleaning, and what was found, a sentence each."""


def as_log(table: pd.DataFrame, columns: Columns, row: np.ndarray, file: np.ndarray, sources: tuple[str, ...]) -> Log:
    """Return a checked table as rows of logs."""
    run = table.groupby("run", sort=False, observed=True).ngroup().to_numpy()
    branch = table.groupby(list(columns.dims), sort=False, observed=True).ngroup().to_numpy() if columns.groups else run
    return Log(table, run, branch, row, file, sources)


def kept_rows(log: Log, keep: np.ndarray) -> Log:
    """Return some rows of a log."""
    if keep.all():
        return log
    table = log.table[keep].reset_index(drop=True)
    return replace(log, table=table, run=log.run[keep], branch=log.branch[keep], row=log.row[keep], file=log.file[keep])


def in_rows(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return values of rows in order of their log, in the order of the table."""
    back = np.empty_like(values)
    back[order] = values
    return back


def runs_words(log: Log, which: np.ndarray) -> str:
    """Return the runs that some rows are of: a few by name, the others counted."""
    return format_runs(log.table["run"].to_numpy()[np.flatnonzero(which)[np.unique(log.run[which], return_index=True)[1]]])


def format_runs(labels: Sequence[object] | np.ndarray) -> str:
    """Return runs for a sentence: a few by name, the others counted."""
    names = ", ".join(format_value(label) for label in labels[:MAX_NAMED_RUNS])
    more = f" and {len(labels) - MAX_NAMED_RUNS} more" if len(labels) > MAX_NAMED_RUNS else ""
    return f"{'run' if len(labels) == 1 else 'runs'} {names}{more}"


def run_words(log: Log, row: int) -> str:
    """Return the run of a row."""
    return f"run {format_value(log.table['run'].iloc[row])}"


def file_words(log: Log, row: int) -> str:
    """Return what the file of a row is called."""
    return log.sources[int(log.file[row])]


def place_words(log: Log, row: int) -> str:
    """Return which row of its file a row is, and of which file where there are several."""
    return f"row {log.row[row] + 1}" + (f" of {file_words(log, row)}" if len(log.sources) > 1 else "")


def counted(number: int, what: str) -> str:
    """Return "1 row", "2 rows"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
