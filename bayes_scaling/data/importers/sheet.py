"""Delimited text as columns: numbers where the whole column is, text as it is written otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import READ, decimal_marks
from bayes_scaling._base.spreadsheets import unescape_formulas
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.delimited import read_cells
from bayes_scaling.data.importers.recognise import Head

NAN = ("nan", "-nan", "+nan")
"""What programs write for a number that is none; a cell without anything was not logged."""

STEPS = ("step", "_step", "global_step", "trainer/global_step", "train/global_step", "iteration", "iter", "iters", "steps")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    numbers
        Its numbers, NaN where there is none; empty where the column is text.
    there
        Which cells hold something: a number, NaN, or text.
    cells
        As they are written.
    """

    name: str
    numbers: np.ndarray
    there: np.ndarray
    cells: pd.Series

    @property
    def is_number(self) -> bool:
        """Whether all its cells are numbers, and there is one."""
        return bool(len(self.numbers)) and bool(self.there.any())


@dataclass(frozen=True)
class Sheet:
    """A table of a log."""

    source: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return its rows."""
        return self.rows

    def quiet(self) -> "Sheet":
        """Return the table without notes, which are said once."""
        return replace(self, notes=())


def read_sheet(head: Head) -> Sheet:
    """Return the table of a file."""
    text, notes = head.whole_text()
    text, cut = without_cut_row(text, head.source)
    cells, odd = read_cells(text, head.source)
    cells = unescape_formulas(cells).fillna("").astype("str")
    more: list[str] = []
    columns = tuple(_columns(cells, head.source, more))
    return Sheet(head.source, columns, len(cells), (*notes, *cut, *odd, *more))


def without_cut_row(text: str, source: str) -> tuple[str, tuple[str, ...]]:
    """Return a table without a last row that was cut, and a note of it."""
    return text, ()


def _columns(cells: pd.DataFrame, source: str, notes: list[str]) -> Sequence[Column]:
    stripped = [cells.iloc[:, i].str.strip() for i in range(cells.shape[1])]
    marks = decimal_marks({str(i): of for i, of in enumerate(stripped)})
    return [
        _column(str(name), of, str(i), marks, source, notes) for i, (name, of) in enumerate(zip(cells, stripped, strict=True))
    ]


def _column(name: str, cells: pd.Series, place: str, marks: dict[str, str], source: str, notes: list[str]) -> Column:
    there = (cells != "").to_numpy()
    of = cells.rename(name)
    of.attrs = {READ: {"marks": {mark: as_ for mark, as_ in marks.items() if mark != place}}}
    odd: list[str] = []
    try:
        values, missing = column_numbers(of, source, np.arange(len(cells)), notes=odd)
    except InputError as doubt:
        notes.append(f"{doubt}: kept as text")
        return Column(name, np.empty(0), there, cells)
    if (np.isnan(values) & ~missing).any():
        return Column(name, np.empty(0), there, cells)
    notes += odd
    nan = cells.str.lower().isin(NAN).to_numpy()
    return Column(name, values, ~missing | nan, cells)


def step_of(column: Column, rows: int) -> tuple[np.ndarray, bool]:
    """Return the steps of rows, and whether they are their numbers."""
    if column.name.strip().lower() in STEPS and column.is_number:
        return column.numbers, False
    return np.arange(1.0, rows + 1), True
