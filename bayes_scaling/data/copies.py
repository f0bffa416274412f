"""Copies of whole rows are counted once, and named. Rows that differ in any column of their file are no copies.

Numbers that differ past their twelfth digit only, as sums taken in another order do, are one number.
"""

import re
from collections.abc import Sequence, Set as AbstractSet

import numpy as np
import pandas as pd

from bayes_scaling._base.notation import reading_of
from bayes_scaling._base.numbers import several
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.rounding import printed_step
from bayes_scaling.data.tables import Table, read_table

INDEX = re.compile(r"(?:unnamed(?:: ?\d+)?|index|level_\d+|__index_level_\d+__)?", re.IGNORECASE)
"""Names of an index that was written along."""

TWIN_DIGITS = 1e-4
"""Losses of two runs agree by chance where they are printed in steps of a larger share of them."""

TWIN_SHARE = 0.1
"""Of losses that are printed with few decimals fewer rows than this share may agree by chance."""

MAX_NAMED = 3
"""So many columns are named where there are more."""

DIGITS = 12
"""Numbers that agree in so many digits are one."""


def drop_copies(
    frames: Sequence[pd.DataFrame], tables: Sequence[Table], sources: Sequence[str], read: AbstractSet[str] = frozenset()
) -> tuple[list[pd.DataFrame], tuple[str, ...]]:
    """Return tables as read without rows that stand in them, or in one before, already; and a sentence where there are some.

    Parameters
    ----------
    tables
        Where they were read from: columns that were not are compared too.
    read
        Columns that the model reads: others that only count rows, as an index that was written along, tell no rows apart.
    """
    file = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    place = np.concatenate([frame.index.to_numpy() for frame in frames])
    counting = {str(name) for frame in frames for name in frame if str(name) not in read and _counts_rows(frame[name])}
    suspect = _comparable(pd.concat(frames, ignore_index=True), counting).duplicated(keep=False).to_numpy()
    if not suspect.any():
        return list(frames), ()
    every = [_whole(frame[suspect[file == i]], tables[i]) for i, frame in enumerate(frames)]
    same = _comparable(pd.concat(every, ignore_index=True), counting)
    code = same.groupby(list(same), sort=False, dropna=False, observed=True).ngroup().to_numpy()
    again = pd.Series(code).duplicated().to_numpy()
    if not again.any():
        return list(frames), ()
    copy = np.zeros(len(file), dtype=bool)
    copy[np.flatnonzero(suspect)[again]] = True
    one = int(np.argmax(again))
    first, second = (int(np.flatnonzero(suspect)[of]) for of in (int(np.argmax(code == code[one])), one))
    two = pd.concat(frames).iloc[[first, second]]
    exact = bool(two[[name for name in two if str(name) not in counting]].map(repr).duplicated().any())
    places = [f"row {place[row] + 1} of {sources[file[row]]}" for row in (second, first)]
    if file[first] == file[second]:
        places[1] = f"row {place[first] + 1}"
    note = _copy_note(int(copy.sum()), *places, exact=exact)
    return [frame[~copy[file == i]] for i, frame in enumerate(frames)], (note,)


def _copy_note(count: int, second: str, first: str, *, exact: bool) -> str:
    """Return the sentence on rows that are copies, by the example of one and the row that it is a copy of."""
    kind, columns = ("exact ", "in every column") if exact else ("", f"in every column to {DIGITS} digits")
    sentence = f"{second} is {'an' if exact else 'a'} {kind}copy of {first}"
    if count == 1:
        return f"{sentence}, {columns}, and is counted once"
    return f"{count} rows are {kind}copies of earlier ones, {columns}, and are counted once: {sentence}, and so on"


def _whole(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return some rows of a table with the columns of its file that were not read."""
    unread = reading_of(rows).get("unread", ()) if len(rows) else ()
    return rows.assign(**{name: read_table(table, labels=frozenset(), wanted={name})[name].loc[rows.index] for name in unread})


def twin_note(kept: pd.DataFrame, checked: pd.DataFrame, columns: Columns, rows: np.ndarray) -> tuple[str, ...]:
    """Return a sentence on rows with the inputs, groups and loss of earlier ones that another column tells apart.

    Parameters
    ----------
    kept, checked
        A table as it is written, and as it is read.
    rows
        The place of each row in its file.
    """
    response = checked["response"].to_numpy()
    step = printed_step(response)
    if step is not None and step > TWIN_DIGITS * np.abs(response).max():
        return ()  # printed so coarsely that runs may tie
    read = [name for name in checked if name != "run"]
    if len(read) == 1:
        return ()
    same = _comparable(checked[read], frozenset())
    twins = same.duplicated().to_numpy()
    if not twins.any() or (step is not None and twins.mean() < TWIN_SHARE):
        return ()
    second = int(np.argmax(twins))
    first = int(np.argmax((same == same.iloc[second]).all(axis=1).to_numpy()))
    own = {"run"} - columns.read if columns.outputs else frozenset[str]()  # rows of outputs have runs made of their places
    both = _comparable(kept.iloc[[first, second]], own)
    differ = [repr(str(name)) for name in both if str(both[name].iloc[0]) != str(both[name].iloc[1])]
    named = f"column{'s' * (len(differ) > 1)} {', '.join(differ[:MAX_NAMED])}{', ...' if len(differ) > MAX_NAMED else ''} only"
    apart = named if differ else "columns that are not read"
    count = len(set(rows[twins]))  # of several outputs each is a row
    have, one = ("has", "an earlier one") if count == 1 else ("have", "earlier ones")
    return (
        f"{several(count, 'row')} {have} the inputs and the {columns.response.name} of {one} to the last digit, as row "
        f"{rows[second] + 1} has those of row {rows[first] + 1}, and differ{'s' * (count == 1)} in {apart}: counted as "
        f"{'a run of its' if count == 1 else 'runs of their'} own; leave {'it' if count == 1 else 'them'} out if "
        f"{'it is a copy' if count == 1 else 'they are copies'}",
    )


def _counts_rows(column: pd.Series) -> bool:
    """Return whether a column without a name, or with one that says index, has another whole number in each row."""
    return INDEX.fullmatch(str(column.name).strip()) is not None and (
        pd.api.types.is_integer_dtype(column) and not column.duplicated().any()
    )


def _comparable(frame: pd.DataFrame, left_out: AbstractSet[str]) -> pd.DataFrame:
    """Return a table whose cells can be held against each other: lists by what they say, numbers by their digits."""
    frame = frame[[name for name in frame if name not in left_out]]
    plain = str | int | float | None
    mixed = [
        name for name in frame if frame[name].dtype == object and not frame[name].map(lambda of: isinstance(of, plain)).all()
    ]
    said = {str(name): frame[name].map(repr) for name in mixed}
    return frame.assign(**said, **{str(name): _digits(frame[name]) for name in frame if frame[name].dtype == float})


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _digits(column: pd.Series) -> pd.Series:
    """Return numbers rounded to so many digits as must agree for two to be one."""
    values = column.to_numpy()
    size = 10.0 ** np.floor(np.log10(np.abs(values)))
    rounded = np.round(values / size, DIGITS - 1) * size
    return pd.Series(np.where(np.isfinite(rounded), rounded, values), column.index)
