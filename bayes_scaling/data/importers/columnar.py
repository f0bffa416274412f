"""Parquet files: their columns in batches, so that a file of any length is read in little memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.grouped import Grouped
from bayes_scaling.data.importers.recognise import Head

MAGIC = b"PAR1"

BATCH = 250_000
"""Rows that are read at once."""


@dataclass(frozen=True)
class Columns:
    """Columns of a Parquet file by kind: numbers, texts, and what is neither, such as lists."""

    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    others: tuple[str, ...]


def column_names(head: Head) -> list[str]:
    """Return the names of a Parquet file's columns; none where it is no such file; raises InputError where it is cut."""
    if not head.start.startswith(MAGIC):
        return []
    with _file(head) as file:
        return list(file.schema_arrow.names)


def columns_of(head: Head) -> Columns:
    """Return the columns of a Parquet file by kind."""
    import pyarrow.types as kinds

    with _file(head) as file:
        of = {
            field.name: field.type.value_type if kinds.is_dictionary(field.type) else field.type for field in file.schema_arrow
        }
    number = (kinds.is_integer, kinds.is_floating, kinds.is_decimal)
    text = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_boolean)
    numbers = tuple(name for name, kind in of.items() if any(is_one(kind) for is_one in number))
    texts = tuple(name for name, kind in of.items() if any(is_one(kind) for is_one in text))
    return Columns(numbers, texts, tuple(name for name in of if name not in (*numbers, *texts)))


def read_rows(head: Head, step: str | None, run: str | None, keys: Sequence[str]) -> Grouped:
    """Return the cells of number columns that are there, by run; rows are numbered from 1 where there is no column of steps."""
    rows, before = Grouped(), 0
    names = np.array([rows.names.setdefault(key, len(rows.names)) for key in keys], dtype=np.int32)
    with _file(head) as file:
        for batch in file.iter_batches(
            BATCH, columns=[*dict.fromkeys(name for name in (step, run, *keys) if name is not None)]
        ):
            count = batch.num_rows
            row, column, values = cells_of(batch, keys)
            steps = _numbers(batch.column(step)) if step is not None else np.arange(before + 1.0, before + count + 1.0)
            rows.append(_runs(batch, run, rows)[row], steps[row], names[column], values)
            before += count
    return rows


def read_columns(head: Head, names: Sequence[str]) -> Any:
    """Return columns of a Parquet file as an Arrow table, without dictionaries."""
    import pyarrow as pa

    with _file(head) as file:
        table = file.read(columns=list(names))
    plain = [pa.field(of.name, of.type.value_type) if pa.types.is_dictionary(of.type) else of for of in table.schema]
    return table.cast(pa.schema(plain))


def cells_of(table: Any, keys: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of number columns that are there, row by row: places of row and column, and values."""
    there = np.column_stack([np.asarray(table.column(key).is_valid()) for key in keys])
    values = np.column_stack([_numbers(table.column(key)) for key in keys])
    row, column = np.nonzero(there)
    return row, column, values[row, column]


@contextmanager
def _file(head: Head) -> Iterator[Any]:
    """Give an open Parquet file; what its library raises is one line."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(Path(head.path)) as file:
            yield file
    except (ArrowException, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{head.source}: the Parquet file is damaged or cut ({said}); copy or export it again") from None


def _numbers(column: Any) -> np.ndarray:
    """Return a column of numbers as floats, NaN where a cell is missing."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)


def _runs(batch: Any, run: str | None, rows: Grouped) -> np.ndarray:
    """Return the code of each row's run."""
    if run is None:
        return np.full(batch.num_rows, rows.runs.setdefault("", 0), np.int32)
    import pyarrow as pa

    cells = batch.column(run)
    coded = cells.cast(pa.string()).dictionary_encode() if not pa.types.is_dictionary(cells.type) else cells
    known = [rows.runs.setdefault(str(name), len(rows.runs)) for name in coded.dictionary.to_pylist()]
    return np.append(np.array(known, np.int32), -1)[np.asarray(coded.indices.fill_null(len(known)))].astype(np.int32)
