"""Cells of a text as labels or numbers.

Text has no types. A column of labels (groups, and columns that filters name) stays as it is written unless every cell is a
number as programs spell it. So text -> number -> text loses nothing: 7 and 12 are numbers, 007, 1.10 and 12e5 are text. Any
other column is numbers where all its cells are plain ones.
"""

from math import nan

import numpy as np
import pandas as pd

from bayes_scaling._base.notation import MISSING, PLAIN_NUMBER, number_of_text

GROUPED = r"\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*"
"""A number with a point before its last three digits: 1234 where the comma is the decimal mark."""
NUMBER = f"{PLAIN_NUMBER.pattern}|[+-]?(?:{'|'.join(['inf', 'Inf', 'INF', 'infinity', 'Infinity'])})"
"""A number as programs spell it, or an infinity."""


def may_be_grouped(column: pd.Series) -> bool:
    """Return whether cells of a text that are plain numbers, as 1.234, are others where the comma is the decimal mark."""
    return bool(column.str.fullmatch(GROUPED).any())


def label_cells(column: pd.Series) -> pd.Series:
    """Return labels of a text as they are written, as numbers where that loses nothing; blanks are missing."""
    there = column.str.strip() != ""
    values = [number_of_text(text) for text in column[there].unique()]
    written = column.where(there)
    if not values or None in values:
        return written
    whole = ~column[there].str.contains("[.e]").to_numpy(dtype=bool)
    if whole.all():
        return written.astype("Int64") if not there.all() else written.astype("int64")
    fraction = any(isinstance(value, float) for value in values)
    return written.astype("float64") if not whole.any() and fraction else written


def plain_cells(column: pd.Series) -> pd.Series:
    """Return a column of a text as numbers where all its cells are plain ones; leading zeros are kept, as of names."""
    text = column.str.strip()
    missing = text.isin(MISSING)
    numbers = text[~missing]
    if not numbers.str.fullmatch(NUMBER).all() or numbers.str.match(r"[+-]?0\d").any():
        return column.where(text != "")
    if len(numbers) == len(text) and numbers.str.fullmatch(r"-?\d{1,18}").all():
        return pd.Series(_cast(text, "int64"), column.index)
    found = np.full(len(text), nan)
    found[~missing.to_numpy()] = _cast(numbers, "float64")
    return pd.Series(found, column.index)


def _cast(text: pd.Series, kind: str) -> np.ndarray:
    """Return numbers from their text, to the last bit: by Arrow, which is fast, or by Python where there is a plus."""
    import pyarrow as pa

    try:
        return np.asarray(pa.array(text).cast(kind).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return text.to_numpy(dtype=object).astype(kind)
