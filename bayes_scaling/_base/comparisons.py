"""How a row filter compares: numbers by value, text as it is written.

    width == 7          a number: every cell that is 7 by value, however it is written
    version == "1.10"   a text: the cell that is written so, and not 1.1; "7" finds the number 7 too
    params < 1e9        order: by value; between texts that are no numbers, by the alphabet

A cell that is missing equals nothing.
"""

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import decimal_mark_of, number_of_text, read_numbers
from bayes_scaling._base.numbers import exact

ORDERED_BY: dict[str, Callable[[Any, Any], Any]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def compare(sign: str, one: Any, other: Any) -> Any:
    """Return where a comparison holds; each side is a column as it stands, a number, a text or a truth value.

    Parameters
    ----------
    sign
        One of == != < <= > >=, `in` and `not in` with a list on the right.

    Raises
    ------
    TypeError
        Where the two cannot be compared.
    """
    match sign:
        case "==":
            return _equal(one, other)
        case "!=":
            return ~_equal(one, other)
        case "in":
            return reduce(operator.or_, [_equal(one, member) for member in other], _nowhere(one))
        case "not in":
            return ~compare("in", one, other)
    if isinstance(one, str) or isinstance(other, str) or (_texts(one) and _texts(other)):
        return _in_order(ORDERED_BY[sign], one, other)
    return ORDERED_BY[sign](as_numbers(one), as_numbers(other))


def as_numbers(side: Any) -> Any:
    """Return a column as numbers, NaN where one is missing; anything else as it is.

    Raises
    ------
    TypeError
        For text that is no number.
    """
    if not isinstance(side, pd.Series):
        if isinstance(side, str):
            raise TypeError(f"the text {side!r} with a number")
        return side
    if not _texts(side):
        return side if isinstance(side.dtype, np.dtype) else pd.Series(_bare(side), side.index)
    values, wrong = _values(side)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise TypeError(f"column {str(side.name)!r}, row {side.index[row] + 1}: {format_value(side.iloc[row])} with a number")
    return pd.Series(values, side.index)


def _bare(column: pd.Series) -> np.ndarray:
    """Return a column of a nullable type as numpy has it."""
    if column.isna().any() and pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy()


def _texts(side: Any) -> bool:
    """Return whether a side is a column whose cells may be text."""
    return isinstance(side, pd.Series) and (
        side.dtype == object or isinstance(side.dtype, pd.StringDtype | pd.CategoricalDtype)
    )


def _values(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the number that each cell is, NaN where it is none, and whether it is there but no number."""
    missing = column.isna().to_numpy()
    cells = column.astype(object).to_numpy()
    text = read_numbers([cell if isinstance(cell, str) else "" for cell in cells], decimal_mark_of(column))
    is_text = np.array([isinstance(cell, str) for cell in cells], dtype=bool)
    real = [cell if isinstance(cell, int | float | np.number) else np.nan for cell in cells]
    values = np.where(is_text, text.numbers, np.array([_float(cell) for cell in real]))
    return values, np.isnan(values) & ~missing & ~(is_text & text.missing)


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return float("inf")


def _equal(one: Any, other: Any) -> Any:
    """Return where two sides are equal: a text as written, a number by value."""
    if not isinstance(one, pd.Series) and isinstance(other, pd.Series):
        one, other = other, one
    if not isinstance(one, pd.Series):
        raise TypeError(f"{one!r} with {other!r}")
    if isinstance(other, str):
        return _equals_text(one, other)
    if isinstance(other, bool | np.bool_) and _texts(one):
        return pd.Series([str(cell).casefold() == str(other).casefold() for cell in one.astype(object)], one.index)
    if isinstance(other, pd.Series) and _texts(one) and _texts(other):
        written = zip(one.astype(object), other.astype(object), one.isna() | other.isna(), strict=True)
        return pd.Series([not missing and str(a) == str(b) for a, b, missing in written], one.index)
    if not _texts(one) or isinstance(other, pd.Series):
        return as_numbers(one) == as_numbers(other)
    return _equals_number(one, other)


def _equals_text(column: pd.Series, text: str) -> Any:
    if isinstance(column.dtype, pd.StringDtype):
        return _known(column == text)
    if _texts(column) or pd.api.types.is_bool_dtype(column):
        return pd.Series([_is_text(cell, text) for cell in column.astype(object)], column.index, dtype=bool)
    if not pd.api.types.is_numeric_dtype(column):
        return _known(column == text)
    number = number_of_text(text)
    return _nowhere(column) if number is None else as_numbers(column) == number


def _is_text(cell: Any, text: str) -> bool:
    if isinstance(cell, str):
        return cell == text
    real = isinstance(cell, int | float | np.number) and not isinstance(cell, bool)
    return str(cell) == text or (real and cell == number_of_text(text))


def _equals_number(column: pd.Series, number: Any) -> Any:
    found = pd.Series(_values(column)[0] == number, column.index)
    written = column[found].map(str).unique()
    if len(written) > 1:
        raise InputError(
            f"{written[0]!r} and {written[1]!r} of column {str(column.name)!r} are both {exact(float(number))}; "
            "put the one that is meant in quotes"
        )
    return found


def _in_order(order: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """Return where texts are in an order by the alphabet; dates and texts are left to pandas."""
    for column, constant in ((one, other), (other, one)):
        if isinstance(constant, str) and pd.api.types.is_numeric_dtype(column):
            raise TypeError(f"the text {constant!r} with the numbers of column {str(column.name)!r}")
    sides = [side.astype(object) if _texts(side) else side for side in (one, other)]
    missing = np.logical_or.reduce([side.isna() for side in sides if isinstance(side, pd.Series)])
    sides = [side.where(~missing, "") if _texts(side) else side for side in sides]
    return order(*sides) & ~missing


def _nowhere(like: Any) -> Any:
    return pd.Series(False, like.index)


def _known(found: pd.Series) -> pd.Series:
    """Return truth values without missing ones: what is missing equals nothing."""
    return found.fillna(False).astype(bool)
