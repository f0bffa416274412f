"""Read any table: a path, data frame, stream or records in, columns of numbers and of labels out."""

import io
import json
import re
from collections.abc import Mapping, Sequence, Set as AbstractSet
from os import PathLike
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import (
    READ,
    decimal_marks,
    reading_of,
)
from bayes_scaling._base.paths import is_file
from bayes_scaling._base.spreadsheets import unescape_formulas
from bayes_scaling.data.delimited import read_cells, read_stream, refuse_too_many
from bayes_scaling.data.rates import SCHEDULES, is_rate_name, is_run_name
from bayes_scaling.data.states import is_state_name
from bayes_scaling.data.text_cells import label_cells, may_be_grouped, plain_cells

TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")


@runtime_checkable
class Arrow(Protocol):
    """A table that other libraries can read: of Arrow, polars, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class Stream(Protocol):
    """An open file, of text or bytes, or what reads like one."""

    def read(self, size: int = -1, /) -> str | bytes: ...


type Table = str | PathLike[str] | pd.DataFrame | Arrow | Stream | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""What holds a table: a path, a data frame of pandas or polars, an Arrow table, a dict of columns, records, a stream."""


def source_of(table: object, nameless: str | None = None) -> str:
    """Return what to call a table in errors; nameless: one that is neither a path nor a stream with a name."""
    if isinstance(table, str | PathLike):
        return str(table)
    if isinstance(table, pd.DataFrame) and (name := reading_of(table).get("source")):
        return str(name)
    if hasattr(table, "read"):
        name = getattr(table, "name", None)
        return name if isinstance(name, str) else nameless or "the stream"
    return nameless or ("the data frame" if isinstance(table, pd.DataFrame) else "the table")


def tables_of(table: "Table | Sequence[Table]") -> list[Table]:
    """Return one table, or several, as a list; records are one."""
    one = not isinstance(table, Sequence) or isinstance(table, str | bytes) or _is_records(table)
    return [table] if one else list(table)  # type: ignore[list-item, arg-type]


def _is_records(table: object) -> bool:
    known = isinstance(table, Sequence) and len(table) > 0 and all(isinstance(one, Mapping) for one in table)
    return known and all(_is_scalar(of) for one in table for of in one.values())  # type: ignore[attr-defined]


def read_table(table: Table, *, labels: AbstractSet[str] = frozenset(), wanted: AbstractSet[str] = frozenset()) -> pd.DataFrame:
    """Return a table as a data frame with rows numbered from 0.

    CSV (also .csv.gz) and Parquet by the ending of a path, or what `Table` names. Text may be split at commas, semicolons, tabs
    or bars, and be in UTF-8 or UTF-16; what is unlike plain CSV is among the notes of `reading_of`.

    Parameters
    ----------
    labels
        Columns whose cells are kept as they are written.
    wanted
        Columns that are enough where a file has them all and others need not be read.

    Raises
    ------
    InputError
        Where a file is missing, unreadable, truncated or too large, or a column name is repeated.
    """
    source = source_of(table)
    opened, notes = _opened(table, wanted, source)
    cells = _flat(opened, source)
    frame = cells
    if notes is not None:
        cells = unescape_formulas(cells).astype("str")
        labels = labels | {name for name in map(str, cells) if is_run_name(name)}
        kept = {str(name): (label_cells if name in labels else plain_cells)(of) for name, of in cells.items()}
        frame = pd.DataFrame(kept, index=cells.index)
    numbers = [name for name in map(str, frame) if name not in labels and (not wanted or name in wanted)]
    named = source not in ("the data frame", "the table", "the stream")
    read = {"source": source if named else "", "notes": notes or (), "unread": reading_of(opened).get("unread", ())}
    if any(_is_text(frame[name]) for name in numbers):
        marks = decimal_marks({name: cells[name].dropna() for name in numbers if _is_text(cells[name])})
        if notes is not None and set(marks.values()) == {","}:
            # 1.234 is a thousand there. What it is besides, the other columns tell, which are read after this.
            frame = frame.assign(
                **{name: cells[name].where(cells[name] != "") for name in numbers if may_be_grouped(cells[name])}
            )
        read["marks"] = marks
    frame.attrs = {**cells.attrs, READ: read}
    return frame


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.StringDtype) or (
        column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) == "string"
    )


def _opened(table: Table, wanted: AbstractSet[str], source: str) -> tuple[pd.DataFrame, tuple[str, ...] | None]:
    """Return a table, and where it was text, its cells and what is odd about it."""
    try:
        match table:
            case pd.DataFrame():
                return table, None
            case str() | PathLike():
                return _read_file(table, wanted)
            case Mapping():
                return _from_columns(table, source), None
        if hasattr(table, "read"):
            return _read_content(read_stream(table, source), source)
        if _is_records(table):
            return pd.DataFrame([dict(one) for one in table]), None  # type: ignore[union-attr]
        return _from_library(table), None
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{source}: does not fit into memory") from None
    except Exception as error:  # a damaged file makes its reader raise anything
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{source}: unreadable or truncated ({first})") from None


def _read_file(table: str | PathLike[str], wanted: AbstractSet[str]) -> tuple[pd.DataFrame, tuple[str, ...] | None]:
    """Return the table in a file, and what is odd about it where it is text."""
    path = Path(table)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(table)):
        raise InputError(f"{table}: nothing is read from the network; fetch the file and give its path")
    if "\n" in str(table):
        raise InputError(f"{str(table)[:40]!r}... is taken for a path; give a text of several lines as io.StringIO(text)")
    if not is_file(path):
        raise InputError(f"{path}: no such file; expected CSV, .csv.gz or Parquet")
    if not path.name.endswith(TABLE_ENDINGS):
        raise InputError(f"{path}: expected a name that ends in .csv, .csv.gz or .parquet")
    if path.suffix in (".parquet", ".pq"):
        return _read_parquet(path, wanted, str(path)), None
    with path.open("rb") as stream:
        frame, notes = read_cells(read_stream(stream, str(path)), str(path))
    tabs = f"{path} is split at a tab"
    return frame, tuple(note for note in notes if note != tabs or ".tsv" not in path.name)


def _read_content(content: bytes | str, source: str) -> tuple[pd.DataFrame, tuple[str, ...] | None]:
    """Return what a stream held: Parquet by its first bytes, else text."""
    if isinstance(content, bytes) and content.startswith(b"PAR1"):
        return _read_parquet(io.BytesIO(content), frozenset(), source), None
    return read_cells(content, source)


def _read_parquet(file: Path | IO[bytes], wanted: AbstractSet[str], source: str) -> pd.DataFrame:
    """Return a Parquet file, or of a wide one those columns that are wanted."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as opened:
        names, rows = opened.schema_arrow.names, opened.metadata.num_rows
        needed = wanted - set(SCHEDULES)
        telling = {name for name in names if is_run_name(name) or is_rate_name(name) or is_state_name(name)}
        columns = [name for name in names if name in wanted | telling] if needed and needed <= set(names) else None
        refuse_too_many(rows, len(names if columns is None else columns), source)
        read = opened.read(columns=columns)
    frame = _from_arrow(read)
    frame.attrs[READ] = {"unread": [name for name in names if name not in read.column_names]}
    return frame


def _from_arrow(table: Any) -> pd.DataFrame:
    """Return an Arrow table as a data frame, whole numbers to the last digit."""
    import pyarrow as pa

    wide = [pa.field(of.name, pa.large_string()) if pa.types.is_string_view(of.type) else of for of in table.schema]
    frame: pd.DataFrame = table.cast(pa.schema(wide, metadata=table.schema.metadata)).to_pandas(integer_object_nulls=True)
    known = (table.schema.metadata or {}).get(b"PANDAS_ATTRS")
    frame.attrs = dict(json.loads(known)) if known else {}
    return frame


def _from_library(table: Any) -> pd.DataFrame:
    """Return the table of another library: by Arrow's interface, or by its own way to pandas."""
    import pyarrow as pa

    if hasattr(table, "__arrow_c_stream__") and not isinstance(table, pd.Series):
        return _from_arrow(pa.table(table))
    if hasattr(table, "to_pandas"):
        found = table.to_pandas()
    elif isinstance(table, np.ndarray) and table.dtype.names is not None:
        found = pd.DataFrame.from_records(table)
    elif hasattr(table, "__dataframe__"):
        found = pd.api.interchange.from_dataframe(table)
    else:
        found = None
    if not isinstance(found, pd.DataFrame):
        raise InputError(
            f"a table cannot be read from {type(table).__name__}; expected a path, a data frame, an Arrow table, a dict of "
            "columns, a list of records or a stream"
        )
    return found


def _from_columns(table: Mapping[str, Any], source: str) -> pd.DataFrame:
    """Return a dict of columns as a data frame; single values go for all rows, and nothing else makes one row."""
    columns = {name: [of] if _is_scalar(of) else _column_cells(of) for name, of in table.items()}
    lengths = {str(name): len(columns[name]) for name, of in table.items() if not _is_scalar(of)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{source}: columns have {lengths} rows; expected equally many")
    rows = next(iter(lengths.values()), 1)
    return pd.DataFrame({name: list(of) * rows if _is_scalar(table[name]) else of for name, of in columns.items()})


def _column_cells(column: Any) -> Any:
    return np.asarray(column) if getattr(column, "ndim", 0) == 1 else list(column)


def _is_scalar(value: Any) -> bool:
    return value is None or bool(pd.api.types.is_scalar(value))


def _flat(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return a data frame whose columns have names of text, each once; an index with a name is a column."""
    if frame.columns.nlevels > 1:
        raise InputError(f"{source}: columns have names of {frame.columns.nlevels} levels; expected one name each")
    names = [str(name) for name in frame.columns]
    index = [str(name) for name in frame.index.names if name is not None and str(name) not in names]
    flat = frame.reset_index(drop=True)
    flat.columns = pd.Index(names, dtype=object)
    for place, name in enumerate(index):
        flat.insert(place, name, frame.index.get_level_values(frame.index.names.index(name)))
    repeated = flat.columns[flat.columns.duplicated()]
    if len(repeated) and not repeated[0].strip():
        raise InputError(
            f"{source}: several columns have no name; does its first line head groups of columns? Expected one line of names"
        )
    if len(repeated):
        raise InputError(f"{source}: column {repeated[0]!r} stands there more than once; names must differ")
    for name in [str(one) for one in flat if flat[one].dtype.kind == "O"]:
        try:
            flat[name].isna()
        except Exception as error:  # an object may raise anything when it is compared
            raise InputError(f"{source}: column {name!r} has a cell that is no value ({type(error).__name__})") from None
    return flat
