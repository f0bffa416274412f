"""A table in Parquet: rows of logs or of runs under names of any kind, or the long table that `import --long` writes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.importers.columnar import Columns, column_names, columns_of, read_columns
from bayes_scaling.data.importers.grouped import Grouped
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.plain import Entry, Plain
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.rows import parts_of
from bayes_scaling.data.importers.sheet import sheet_of_plain

NAME = "table (Parquet)"

LONG = {"run", "step", "key", "value"}
"""The columns of a table with a row a value."""


def recognises(head: Head) -> bool:
    """Return whether a file is Parquet with a column of numbers."""
    return bool(column_names(head)) and bool(columns_of(head).numbers)


def read(head: Head) -> Iterator[Part]:
    """Yield the runs of a table."""
    columns = columns_of(head)
    if {*columns.numbers, *columns.texts} == LONG and {"step", "value"} <= {*columns.numbers}:
        yield from _long(head)
        return
    table = read_columns(head, (*columns.numbers, *columns.texts))
    left = f"{head.source}: columns of neither numbers nor text are left out: {', '.join(columns.others)}"
    entries = tuple(_entry(name, table.column(name), columns) for name in table.column_names)
    plain = Plain(entries, table.num_rows, (left,) if columns.others else ())
    yield from parts_of(sheet_of_plain(plain, head.source), run_name(head.source), NAME)


def _entry(name: str, column: Any, columns: Columns) -> Entry:
    """Return a column; of numbers those that are missing are told from NaN."""
    import pyarrow as pa

    there = np.asarray(column.is_valid())
    cells = pd.Series(column.cast(pa.string()).fill_null(""), dtype="str")
    if name in columns.numbers:
        return Entry(name, np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float), there, cells)
    return Entry(name, np.empty(0), (cells != "").to_numpy(dtype=bool), cells, doubtful=True)


def _long(head: Head) -> Iterator[Part]:
    """Yield the runs of a table with a row a value."""
    import pyarrow as pa

    table, rows = read_columns(head, sorted(LONG)), Grouped()
    names = [table.column(name).cast(pa.string()).fill_null("").to_pylist() for name in ("run", "key")]
    steps, values = (np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=float) for name in ("step", "value"))
    rows.extend(names[0], steps, names[1], values)
    for run in rows.runs:
        yield Part(run, head.source, NAME, rows.metrics(run))
