"""Tables that people open in a spreadsheet: no text in them becomes a formula, and reading gives back what was written.

A cell that would be a formula, such as =HYPERLINK(...), +1 or @x, gets an apostrophe in front, by which spreadsheets know text
(OWASP, "CSV injection"). Quotes do not help. A cell that begins with apostrophes before such a text gets one more, so that
reading takes away just what was added. Numbers are left alone, and so are texts that are negative numbers.
"""

import re
from collections.abc import Callable

import pandas as pd

ACTIVE = re.compile(r"'*[=+\-@\t\r]")
NEGATIVE_NUMBER = re.compile(r"-\d+(\.\d+)?([eE][-+]?\d+)?")


def escape_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose names and texts are no formulas."""
    return _each(table, _guarded)


def unescape_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was written as `escape_formulas` as it was."""
    return _each(table, _plain)


def _guarded(text: str) -> str:
    return f"'{text}" if ACTIVE.match(text) and not NEGATIVE_NUMBER.fullmatch(text) else text


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and ACTIVE.match(text) else text


def _each(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    columns = [_changed(table.iloc[:, i], change) for i in range(table.shape[1])]
    names = [change(name) if isinstance(name, str) else name for name in table.columns]
    if names == list(table.columns) and all(of is None for of in columns):
        return table
    kept = [table.iloc[:, i] if of is None else of for i, of in enumerate(columns)]
    return pd.concat(kept, axis=1).set_axis(names, axis=1)


def _changed(column: pd.Series, change: Callable[[str], str]) -> pd.Series | None:
    """Return a column with its texts changed; None where it has none that are."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return None
    changed = {of: new for of in pd.unique(column) if isinstance(of, str) and (new := change(of)) != of}
    return column.astype(object).replace(changed).infer_objects() if changed else None
