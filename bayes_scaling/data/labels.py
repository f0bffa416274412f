"""Labels of groups: the names of levels, and how a level is found.

A label is text, as it is written. Where a column is of numbers it is the number, and 7.0 is 7. A level is found by the number
or by its text, as programs spell it: 7, 7.0, "7" and "7.0" are one. "007", "1.10" and "12e5" are themselves only.
"""

import re
import unicodedata
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.notation import PLAIN_NUMBER, as_integer, number_of_text
from bayes_scaling.data.cells import named_column, refuse_first

POWER = re.compile(r"-?\d+(?:\.\d*[1-9])?[eE][+-]?\d+")
MAX_EXACT_INTEGER = 2**53
"""Floats beyond it are no whole numbers for sure."""
MAX_LABEL = 1024
"""Whole numbers of more bits are no labels."""
MAX_NAMED = 3
"""Sets of levels spelt alike that are named."""


def label_column(frame: pd.DataFrame, parts: tuple[str, ...], source: str, rows: np.ndarray) -> pd.Series:
    """Return the levels of a group: of one column its labels, of several their combinations, as text.

    Raises
    ------
    InputError
        For the first cell that is missing, or no label.
    """
    labels = [_labels(named_column(frame, part, source), f"{source}: column {part!r}", rows) for part in parts]
    if len(labels) == 1:
        return labels[0]
    cells = pd.concat(labels, axis=1, keys=range(len(labels)))
    combined = cells.groupby(list(cells), sort=False, observed=True).ngroup().to_numpy()
    names = [_joined(level) for level in cells.drop_duplicates().itertuples(index=False, name=None)]
    return pd.Series(names, dtype="str").take(combined).reset_index(drop=True)


def _labels(column: pd.Series, where: str, rows: np.ndarray) -> pd.Series:
    """Return a column of labels as text or whole numbers; refuse missing ones."""
    column = column.reset_index(drop=True)
    refuse_first(_missing(column), column, where, rows, "is missing; expected a level")
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype("str")
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return _as_text(column, where, rows)
    numbers = pd.Series(column.to_numpy(), name=column.name)
    whole = numbers.dtype.kind == "f" and np.isfinite(numbers).all() and (numbers == numbers.round()).all()
    return numbers.astype("int64") if whole and (numbers.abs() < MAX_EXACT_INTEGER).all() else numbers


def _missing(column: pd.Series) -> np.ndarray:
    """Return which labels are missing; a blank one is."""
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, pd.StringDtype):
        return np.asarray(missing | (column.str.strip() == "").fillna(False).to_numpy(dtype=bool))
    if column.dtype != object:
        return missing
    return np.asarray(missing | np.array([isinstance(cell, str) and not cell.strip() for cell in column], dtype=bool))


def _as_text(column: pd.Series, where: str, rows: np.ndarray) -> pd.Series:
    """Return labels as text, or as numbers where they are whole ones that only lacked a type for it."""
    cells = column.astype(object)
    wrong = np.array([not _may_be_level(cell) for cell in cells], dtype=bool)
    refuse_first(wrong, cells, where, rows, "is no level; expected text or a number")
    if pd.api.types.infer_dtype(cells) == "integer" and all(abs(int(cell)) < 2**63 for cell in cells):
        return cells.astype("int64")
    return pd.Series([number_as_text(cell) for cell in cells], dtype="str", name=column.name)


def _may_be_level(cell: Any) -> bool:
    long = isinstance(cell, int) and cell.bit_length() > MAX_LABEL
    return bool(pd.api.types.is_scalar(cell)) and not isinstance(cell, bytes) and not long


def _joined(labels: tuple[Any, ...]) -> str:
    """Return the labels of one combination as one: quoted where a blank in one of them would be taken for a gap."""
    texts = [number_as_text(label) for label in labels]
    return " ".join(repr(text) if " " in text else text for text in texts)


def ordered_levels(labels: pd.Series) -> np.ndarray:
    """Return the levels of a group in their natural order: numbers by value, in text or not, and other texts by letter."""
    levels = labels.drop_duplicates().to_numpy()
    if levels.dtype.kind in "iuf":
        return np.sort(levels)
    numbers = {level: float(level) for level in levels if isinstance(level, str) and PLAIN_NUMBER.fullmatch(level)}
    if len(numbers) < len(levels):
        return np.array(sorted(levels, key=str), dtype=levels.dtype)
    return np.array(sorted(levels, key=lambda level: (numbers[level], level)), dtype=object)


def alike_levels(dim: str, levels: np.ndarray) -> tuple[str, ...]:
    """Return a sentence on levels that are one but for spelling: of a number, upper case, blanks, hyphens, accents."""
    if levels.dtype.kind in "iuf":
        return ()
    spelt: dict[str, list[str]] = {}
    for level in map(str, levels):
        number = Decimal(level.strip()).normalize() if PLAIN_NUMBER.fullmatch(level.strip()) else None
        plain = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", level).casefold()).strip()
        spelt.setdefault(repr(number) if number is not None else plain, []).append(level)
    alike = [of for of in spelt.values() if len(of) > 1]
    if not alike:
        return ()
    named = "; ".join(" and ".join(map(format_value, of)) for of in alike[:MAX_NAMED])
    more = f"; and {len(alike) - MAX_NAMED} more" if len(alike) > MAX_NAMED else ""
    return (f"levels of {dim} that differ in spelling only are kept apart: {named}{more}; write them alike if they are one",)


def level_index(labels: pd.Series, levels: np.ndarray) -> np.ndarray:
    """Return the position of each label among the levels, -1 for a level never seen; "2048" and 2048.0 are 2048."""
    exact = {number_as_text(level): i for i, level in enumerate(levels)} | {str(level): i for i, level in enumerate(levels)}
    spelt, valued = (_by_number(levels, powers=powers) for powers in (False, True))

    def position(label: Any) -> int:
        near = (spelt if isinstance(label, str) else valued).get(_number(label), [])
        return exact.get(str(label), near[0] if len(near) == 1 else -1)

    cells = np.asarray(labels, dtype=object)
    found = {(type(label), label): position(label) for label in pd.unique(cells)}
    return np.array([found[type(label), label] for label in cells], dtype=np.int64)


def _by_number(levels: np.ndarray, *, powers: bool) -> dict[int | float | None, list[int]]:
    """Return the places of the levels that are a number, for each of them."""
    found: dict[int | float | None, list[int]] = {}
    for i, level in enumerate(levels):
        if (number := _number(level, powers=powers)) is not None:
            found.setdefault(number, []).append(i)
    return found


def _number(label: Any, *, powers: bool = False) -> int | float | None:
    """Return the number that a label is or spells; powers: spelt as 1e20 too, as people write them."""
    if isinstance(label, str):
        number = number_of_text(label)
        return as_integer(float(label)) if number is None and powers and POWER.fullmatch(label) else number
    if isinstance(label, int | np.integer) and not isinstance(label, bool):
        return int(label)
    return as_integer(float(label)) if isinstance(label, float | np.floating) and isfinite(label) else None


def number_as_text(label: Any) -> str:
    """Return a label as text, whole numbers without a point."""
    return label if isinstance(label, str) else str(label if (number := _number(label)) is None else number)
