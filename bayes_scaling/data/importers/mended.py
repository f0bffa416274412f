"""Columns of which some cells are no numbers: of what is measured the numbers are read, and the first other cell is named."""

import re
from dataclasses import replace

import numpy as np

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import MISSING
from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.metric_names import is_metric_name
from bayes_scaling.data.importers.sheet import Column, Sheet

PLAIN = r"(?i)[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf|infinity)"
LIKE_A_NUMBER = re.compile(r"[~≈<>(+-]*\s*[\d.,][\d.,_' ]*(?:e[+-]?\d+)?\)?[*†‡§%]*(?:\s*(?:±|\+/-|\().*)?", re.IGNORECASE)
"""A measurement, as 3.0*, ~2.1, (3.0), 3,456 and 3.0±0.1 are: no name of a run."""
LARGE = 2.0**53
NOT_WRITTEN = frozenset(word.lower() for word in MISSING) - {"nan"}


def with_numbers(sheet: Sheet) -> Sheet:
    """Return a log with the numbers of measured columns, the cells that are none left out and said."""
    mended = [(one, *_mended(one, sheet.source)) for one in sheet.columns]
    notes = [note for _, _, note in mended if note]
    return replace(sheet, columns=tuple(of for _, of, _ in mended), notes=(*sheet.notes, *notes))


def _mended(column: Column, source: str) -> tuple[Column, str]:
    """Return a column of which some cells are numbers as numbers, and what is left out; where it is in doubt as it is."""
    if column.is_number or column.doubt or not is_metric_name(column.name):
        return column, ""
    plain, wrong = _kinds(column)
    if not plain.any() or not wrong.any():
        return column, ""
    numbers = np.array([float(cell) if is_one else np.nan for cell, is_one in zip(column.cells, plain, strict=True)])
    left = f"left out, with {several(int(wrong.sum()) - 1, 'more such cell')}" if wrong.sum() > 1 else "left out"
    return replace(column, numbers=numbers, there=plain), f"{source}: {first_wrong(column)}: {left}"


def _kinds(column: Column) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells are plain numbers, and which are neither those nor missing."""
    plain = column.cells.str.fullmatch(PLAIN).to_numpy(dtype=bool) & column.there
    missing = column.cells.str.lower().isin(NOT_WRITTEN).to_numpy(dtype=bool) | ~column.there
    return plain, ~plain & ~missing


def first_wrong(column: Column) -> str:
    """Return the first cell of a text that is no number, with its place."""
    row = int(np.argmax(_kinds(column)[1]))
    return f"column {column.name!r}, row {row + 1}: {format_value(column.cells.iloc[row])} is no number"


def text_notes(sheet: Sheet) -> tuple[str, ...]:
    """Return a sentence for each column that is text by a few cells: it is mostly numbers, or it should be."""
    texts = [one for one in sheet.columns if not one.is_number and not one.doubt and one.there.any()]
    return tuple(f"{sheet.source}: {first_wrong(one)}: the column is kept as text" for one in texts if _almost(one))


def _almost(column: Column) -> bool:
    plain, wrong = _kinds(column)
    if not wrong.any():
        return False
    measured = is_metric_name(column.name) and bool(column.cells.map(is_measurement).any())
    return measured or bool(2 * plain.sum() >= plain.sum() + wrong.sum())


def is_measurement(cell: object) -> bool:
    """Return whether a text is like a number, and names nothing.

    Examples
    --------
    >>> [is_measurement(of) for of in ("3,456", "~2.1", "3.0±0.1", "(3.0)", "7b-base", "small")]
    [True, True, True, True, False, False]
    """
    return LIKE_A_NUMBER.fullmatch(str(cell)) is not None


def refuse_nothing(sheet: Sheet, *beside: Column | None) -> None:
    """Raise InputError for a table that has no number and nothing else besides some columns, with its first cell."""
    texts = [one for one in sheet.columns if all(one is not other for other in beside) and one.there.any()]
    if not texts:
        raise InputError(f"{sheet.source}: nothing is logged but steps: every other column is empty")
    why = texts[0].doubt or f"{sheet.source}: {first_wrong(texts[0])}; expected one"
    raise InputError(f"{why}: nothing is logged there but steps")


def without_repeats(sheet: Sheet) -> Sheet:
    """Return a table without copies of columns, and say so; raises InputError for two of one name that differ."""
    kept: dict[str, Column] = {}
    notes = []
    for one in sheet.columns:
        before = kept.setdefault(one.name, one)
        if before is not one:
            rows = np.flatnonzero(before.cells.astype(str).to_numpy() != one.cells.astype(str).to_numpy())
            if len(rows):
                cells = " and ".join(format_value(str(of.cells.iloc[rows[0]])) for of in (before, one))
                raise InputError(
                    f"{sheet.source}: two columns are called {one.name!r}, and row {rows[0] + 1} has {cells}; expected one"
                )
            notes.append(f"{sheet.source}: column {one.name!r} stands there twice, alike: the first is read")
    return replace(sheet, columns=tuple(kept.values()), notes=(*sheet.notes, *notes))


def require_steps(step: Column, source: str) -> None:
    """Raise InputError for the first step that is too large to be told from its neighbours."""
    large = np.abs(np.nan_to_num(step.numbers, posinf=np.inf)) >= LARGE
    if large.any():
        row = int(np.argmax(large))
        cell = format_value(str(step.cells.iloc[row]))
        raise InputError(f"{source}: column {step.name!r}, row {row + 1}: {cell} is no step; expected one below 2^53")
