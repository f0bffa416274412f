"""Exact copies of whole rows are counted once, and named. Rows that differ in any column of their file are no copies."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.notation import reading_of
from bayes_scaling.data.tables import Table, read_table


def drop_copies(
    frames: Sequence[pd.DataFrame], tables: Sequence[Table], sources: Sequence[str]
) -> tuple[list[pd.DataFrame], tuple[str, ...]]:
    """Return tables as read without rows that stand in them, or in one before, already; and a sentence where there are some.

    Parameters
    ----------
    tables
        Where they were read from: columns that were not are compared too.
    """
    file = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    place = np.concatenate([frame.index.to_numpy() for frame in frames])
    suspect = _comparable(pd.concat(frames, ignore_index=True)).duplicated(keep=False).to_numpy()
    if not suspect.any():
        return list(frames), ()
    every = [_whole(frame[suspect[file == i]], tables[i]) for i, frame in enumerate(frames)]
    same = _comparable(pd.concat(every, ignore_index=True))
    code = same.groupby(list(same), sort=False, dropna=False, observed=True).ngroup().to_numpy()
    again = pd.Series(code).duplicated().to_numpy()
    if not again.any():
        return list(frames), ()
    copy = np.zeros(len(file), dtype=bool)
    copy[np.flatnonzero(suspect)[again]] = True
    one = int(np.argmax(again))
    first, second = (int(np.flatnonzero(suspect)[of]) for of in (int(np.argmax(code == code[one])), one))
    sentence = f"row {place[second] + 1} of {sources[file[second]]} is an exact copy of row {place[first] + 1}"
    sentence += f" of {sources[file[first]]}" if file[first] != file[second] else ""
    count = int(copy.sum())
    note = (
        f"{sentence}, in every column, and is counted once"
        if count == 1
        else (f"{count} rows are exact copies of earlier ones, in every column, and are counted once: {sentence}, and so on")
    )
    return [frame[~copy[file == i]] for i, frame in enumerate(frames)], (note,)


def _whole(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return some rows of a table with the columns of its file that were not read."""
    unread = reading_of(rows).get("unread", ()) if len(rows) else ()
    return rows.assign(**{name: read_table(table, labels=frozenset(), wanted={name})[name].loc[rows.index] for name in unread})


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose cells can be held against each other: lists and the like by what they say."""
    plain = str | int | float | None
    mixed = [
        name for name in frame if frame[name].dtype == object and not frame[name].map(lambda of: isinstance(of, plain)).all()
    ]
    return frame.assign(**{str(name): frame[name].map(repr) for name in mixed})
