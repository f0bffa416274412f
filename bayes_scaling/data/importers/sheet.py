"""Delimited text as columns: numbers where the whole column is, text as it is written otherwise."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import READ, decimal_marks
from bayes_scaling._base.numbers import several
from bayes_scaling._base.spreadsheets import unescape_formulas
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.delimited import SEPARATORS, read_cells
from bayes_scaling.data.importers.plain import Plain, plain_table
from bayes_scaling.data.importers.recognise import Head, comments_above
from bayes_scaling.laws.units import column_unit

NAN = ("nan", "-nan", "+nan")
"""What programs write for a number that is none; a cell without anything was not logged."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    numbers
        NaN where a cell is none; empty where the column is text.
    there
        Which cells hold something: a number, NaN, or text.
    cells
        As they are written.
    doubt
        Why it cannot be told which numbers its cells are, with the place of the first.
    """

    name: str
    numbers: np.ndarray
    there: np.ndarray
    cells: pd.Series
    doubt: str = ""

    @property
    def is_number(self) -> bool:
        """Whether all its cells are numbers, and there is one."""
        return bool(len(self.numbers)) and bool(self.there.any())

    def at(self, row: int) -> object:
        """Return what a cell holds: a number or text; None where nothing."""
        if not self.there[row]:
            return None
        return float(self.numbers[row]) if self.is_number else str(self.cells.iloc[row])


@dataclass(frozen=True)
class Sheet:
    """A table of a log, and what was odd about it."""

    source: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...] = ()

    def without(self, *names: str) -> "Sheet":
        """Return the table without some columns."""
        return replace(self, columns=tuple(one for one in self.columns if one.name not in names))


def read_sheet(head: Head) -> Sheet:
    """Return the table of a file; a last row that was cut is left out, and said."""
    if (plain := plain_table(head)) is not None:
        return sheet_of_plain(plain, head.source)
    text, notes = head.whole_text()
    if above := comments_above(text):
        lines = text.splitlines(keepends=True)
        text, notes = (
            "".join(lines[above:]),
            (*notes, f"{head.source}: {several(above, 'comment line')} above the table, left out"),
        )
    text, cut = without_cut_row(text, head.source, above)
    cells, odd = read_cells(text, head.source)
    return sheet_of(unescape_formulas(cells).fillna("").astype("str"), head.source, (*notes, *cut, *odd))


def sheet_of(cells: pd.DataFrame, source: str, notes: tuple[str, ...] = ()) -> Sheet:
    """Return cells of text as columns."""
    stripped = [cells.iloc[:, i].str.strip() for i in range(cells.shape[1])]
    names = [str(name).strip() or f"column {i + 1}" for i, name in enumerate(cells)]
    marks = decimal_marks({str(i): of for i, of in enumerate(stripped)})
    more: list[str] = []
    every = [_column(name, of, str(i), marks, source, more) for i, (name, of) in enumerate(zip(names, stripped, strict=True))]
    return Sheet(source, tuple(every), len(cells), (*notes, *more))


def sheet_of_plain(plain: Plain, source: str) -> Sheet:
    """Return a plain table as columns; texts that may be numbers are read as others are."""
    doubtful = [one for one in plain.entries if one.doubtful]
    cells = pd.DataFrame(dict(enumerate(one.cells for one in doubtful))).set_axis([one.name for one in doubtful], axis=1)
    read = sheet_of(unescape_formulas(cells), source)
    careful = iter(read.columns)
    every = [next(careful) if of.doubtful else Column(of.name, of.numbers, of.there, of.cells) for of in plain.entries]
    return Sheet(source, tuple(every), plain.rows, (*plain.notes, *read.notes))


def without_cut_row(text: str, source: str, above: int = 0) -> tuple[str, tuple[str, ...]]:
    """Return a table without a last row that was cut, and a note of it.

    A last line without a line break may have been cut. It was where it has fewer cells than the header, or a quote that does
    not close, or a last cell shorter than that of the row before. Where there is no row before, it is kept, and said.
    """
    body, _, last = text.rpartition("\n")
    if not last.strip() or not body.strip():
        return text, ()
    lines = [line.rstrip("\r") for line in (body[: body.find("\n") + 1 or None], body.rpartition("\n")[2])]
    separator = max(SEPARATORS, key=lambda of: len(_split(lines[0].strip(), of)))
    header, before, own = (_split(line.strip("\r\n"), separator) for line in (*lines, last))
    where, only = f"{source}, line {above + text.count('\n') + 1}: {format_value(last)}", "\n" not in body.strip()
    short = not last.endswith('"') and not only and len(own[-1]) < len(before[-1])
    if last.count('"') % 2 or len(own) < len(header) or short:
        return f"{body}\n", (f"{where} was cut, and is left out",)
    whole = last.endswith('"') or (not only and own[-1] != "" and before[-1] != "")
    return text, () if whole else (f"{where} has no end: if it was cut, {format_value(own[-1])} is wrong",)


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(line), delimiter=separator), [])
    except csv.Error:  # a carriage return within the line
        return [line]


def _column(name: str, cells: pd.Series, place: str, marks: dict[str, str], source: str, notes: list[str]) -> Column:
    """Return a column of a sheet as numbers, or as text where its cells are not all numbers."""
    there = (cells != "").to_numpy()
    of = cells.rename(name)
    of.attrs = {READ: {"marks": {mark: as_ for mark, as_ in marks.items() if mark != place}}}
    odd: list[str] = []
    unit = column_unit(name)
    try:
        scale = 1.0 if unit is None else unit.factor
        values, missing = column_numbers(of, source, np.arange(len(cells)), scale=scale, notes=odd)
    except InputError as doubt:
        if not _names(cells):
            notes.append(f"{doubt}: kept as text")
        return Column(name, np.empty(0), there, cells, "" if _names(cells) else str(doubt))
    if (np.isnan(values) & ~missing).any() or cells.str.match(r"[+-]?0\d").any():
        return Column(name, np.empty(0), there, cells)
    notes += odd
    nan = cells.str.lower().isin(NAN).to_numpy()
    return Column(name, values, ~missing | nan, cells)


def _names(cells: pd.Series) -> bool:
    """Return whether cells begin with letters: names such as 7b-base are no doubtful numbers."""
    return bool(cells[cells != ""].str.match(r"[^\d+\-.,]").any())


def first_column(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    """Return the first column of numbers that is called as one of some names, in any case."""
    by_name = {column.name.strip().lower(): column for column in reversed(columns) if column.is_number}
    return next((by_name[name] for name in names if name in by_name), None)
