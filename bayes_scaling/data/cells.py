"""The cells of one column as numbers. The first wrong cell is named, with its row."""

import difflib
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import (
    INFINITE_TEXT,
    MISSING,
    PLAIN_NUMBER,
    Reading,
    decimal_mark_of,
    read_numbers,
)

IN_BASE = "in_base_units"
"""Attribute of points, whose inputs are in base units already."""


def named_column(frame: pd.DataFrame, name: str, source: str, *, in_filter: bool = False) -> pd.Series:
    """Return a column of a table; raises InputError, with the nearest name there is, where it has none of that name.

    Parameters
    ----------
    in_filter
        Whether the name stands in a filter, which then is to be changed, and not the table.
    """
    if name not in frame:
        near = difflib.get_close_matches(name, [str(column) for column in frame], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        if near and frame.attrs.get(IN_BASE) and not in_filter:  # it is points that follow the fit
            hint = f"; if its {near[0]!r} is that, call it {name!r}"
        raise InputError(f"{source}: no column {name!r}; the table has {[str(column) for column in frame]}{hint}")
    column: pd.Series = frame[name]
    return column


def number_column(
    frame: pd.DataFrame,
    name: str,
    source: str,
    rows: np.ndarray,
    *,
    positive: bool = True,
    negative: bool = True,
    finite: bool = True,
    unit: str = "",
    scale: float = 1.0,
    notes: list[str] | None = None,
    if_zero: str = "",
) -> pd.Series:
    """Return a column of finite floats, above zero by default. The first wrong value is named, with its row.

    Parameters
    ----------
    rows
        The place of each row in its file.
    unit
        Of the column, where it is known.
    scale
        How many ones one of the column is: with a suffix, as `0.41M` in a column of millions, the scale would count twice.
    if_zero
        What is said beside a 0 where that is the first value refused.
    notes
        Gets a sentence where numbers were written unlike plain ones, see `notation`.
    """
    column = named_column(frame, name, source)
    numbers, missing = column_numbers(column, source, rows, unit, scale, notes)
    where = f"{source}: column {name!r}"
    refuse_first(missing & finite, column, where, rows, "is missing; expected a number")
    text = np.isnan(numbers) & ~missing
    hint = error_hint(column) if text.any() else ""
    refuse_first(text, column, where, rows, f"is text; expected a number{hint}")
    refuse_first(~np.isfinite(numbers) & finite, column, where, rows, "is not finite")
    low = numbers[numbers <= 0]
    hint = if_zero if len(low) and low[0] == 0 else ""
    refuse_first((numbers <= 0) & positive, column, where, rows, f"is not positive, and its logarithm is taken{hint}")
    refuse_first((numbers < 0) & (not negative), column, where, rows, "is negative; expected 0 or more")
    return pd.Series(numbers, column.index, name=name)


def error_hint(column: pd.Series) -> str:
    """Return how to give errors that stand in the cells of the numbers they are of, as 2.1 ± 0.1 and 2.13(2); "" without."""
    texts = pd.Series([cell for cell in column if isinstance(cell, str)], dtype="str")
    with_errors = texts.str.fullmatch(r"\s*[\d.,]+\s*(?:(?:±|\+/?-)\s*[\d.,]+|\(\d+\))\s*")
    if texts.empty or not with_errors.any():
        return ""
    return "; its error goes in a column of its own, which measurement_error under [data] names"


def column_numbers(
    column: pd.Series, source: str, rows: np.ndarray, unit: str = "", scale: float = 1.0, notes: list[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a column as floats, NaN where a cell is none, and which cells are missing.

    Raises
    ------
    InputError
        For a column of dates, truth values or other things than numbers, and where it cannot be told which number a text is.
    """
    where, kind = f"{source}: column {str(column.name)!r}", getattr(column.dtype, "kind", "O")
    if kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        raise InputError(f"{where} holds dates or durations; expected numbers")
    if kind in "bc":
        raise InputError(f"{where} holds {'truth values' if kind == 'b' else 'complex numbers'}; expected numbers")
    if kind in "iuf":
        values = column.to_numpy(dtype=float, na_value=nan)
        return values, np.isnan(values)
    cells, missing = column.astype(object).to_numpy(), column.isna().to_numpy(copy=True)
    is_text = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    values = np.array([_number(cell) for cell in cells], dtype=float)
    wrong = np.isnan(values) & ~missing & ~is_text
    if wrong.any():
        row = int(np.argmax(wrong))
        what = f"{type(cells[row]).__name__} {format_value(cells[row])}"
        raise InputError(f"{where}, row {rows[row] + 1}: {what} is no number; expected one")
    written, mixed = [cell for cell in cells if isinstance(cell, str)], not (is_text | missing).all()
    text = _read_text(column, written, mixed=mixed, unit=unit, scale=scale)
    if text.doubt is not None:
        row, why = int(np.flatnonzero(is_text)[text.doubt[0]]), text.doubt[1]
        raise InputError(f"{where}, row {rows[row] + 1}: {format_value(cells[row])} {why}; expected a number")
    if text.odd and notes is not None:
        notes.append(f"column {str(column.name)!r} of {source} has {text.odd}")
    values[is_text], missing[is_text] = text.numbers, text.missing
    return values, missing


def _read_text(column: pd.Series, cells: Sequence[str], *, mixed: bool, unit: str, scale: float) -> Reading:
    """Return the cells of a column that are text as numbers; beside real numbers only plain ones are."""
    if mixed:
        plainly = [
            cell if PLAIN_NUMBER.fullmatch(cell.strip()) or INFINITE_TEXT.fullmatch(cell.strip()) else "text" for cell in cells
        ]
        return read_numbers([cell if cell.strip() in MISSING else of for cell, of in zip(cells, plainly, strict=True)])
    return read_numbers(cells, decimal_mark_of(column), unit, scale)


def _number(cell: Any) -> float:
    """Return a number of any kind as a float, inf where it is beyond one; NaN for anything else."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.integer | np.floating | Decimal | Fraction):
        return nan
    try:
        return float(cell)
    except OverflowError:
        return inf if cell > 0 else -inf
    except ValueError:  # a Decimal's signalling NaN
        return nan


def refuse_first(wrong: Any, column: pd.Series, where: str, rows: np.ndarray, why: str) -> None:
    """Raise InputError for the first row that is wrong, where there is one."""
    wrong = np.asarray(wrong)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(f"{where}, row {rows[first] + 1}: {format_value(column.iloc[first])} {why}")
