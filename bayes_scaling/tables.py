"""The one door for tables: files and data frames in, columns of numbers out, or one line that says what is wrong where."""

import difflib
import warnings
import zlib
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import InputError, as_written
from bayes_scaling.formula import parse_filter
from bayes_scaling.logs import SCHEDULES, is_rate_name, is_run_name
from bayes_scaling.paths import is_file
from bayes_scaling.spreadsheets import plain

type Table = str | Path | pd.DataFrame


def read_table(table: Table, wanted: AbstractSet[str] = frozenset()) -> pd.DataFrame:
    """Return a file as it is: CSV, gzipped CSV or Parquet by its ending; a data frame is returned with rows numbered from 0.

    wanted: columns that are enough where a file has them all and others need not be read.

    Raises InputError where the file is missing, unreadable or truncated, or repeats a column name.
    """
    if isinstance(table, pd.DataFrame):
        frame = table.reset_index(drop=True)
        source = "the data frame"
    else:
        frame, source = _read_file(Path(table), wanted), str(table)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{source}: column {str(repeated[0])!r} stands there more than once; names must differ")
    return frame


def _read_file(path: Path, wanted: AbstractSet[str]) -> pd.DataFrame:
    if not is_file(path):
        raise InputError(f"{path}: no such file; expected CSV, .csv.gz or Parquet")
    try:
        if path.suffix in (".parquet", ".pq"):
            return _read_parquet(path, wanted)
        if not path.name.endswith((".csv", ".csv.gz")):
            raise InputError(f"{path}: expected a name that ends in .csv, .csv.gz or .parquet")
        # The header is read as a row of its own: pandas would silently rename a repeated column.
        head = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, low_memory=False, index_col=False)
    except InputError:
        raise
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: the file is empty; expected a header and rows") from None
    except pd.errors.ParserWarning:
        raise InputError(f"{path}: rows have more fields than the header, which has {len(head)}") from None
    except (OSError, EOFError, ValueError, ImportError, zlib.error) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path}: unreadable or truncated ({first})") from None
    if len(head) != frame.shape[1]:
        raise InputError(f"{path}: rows have {frame.shape[1]} fields, the header {len(head)}")
    return plain(frame.set_axis(pd.Index(head), axis=1))


def _read_parquet(path: Path, wanted: AbstractSet[str]) -> pd.DataFrame:
    """Return a Parquet file, or of a wide one those columns that are wanted."""
    from pyarrow.parquet import read_schema

    names = read_schema(path).names
    needed = wanted - set(SCHEDULES)
    telling = {name for name in names if is_run_name(name) or is_rate_name(name)}
    columns = [name for name in names if name in wanted | telling] if needed and needed <= set(names) else None
    return pd.read_parquet(path, columns=columns).reset_index(drop=True)


def filtered(frame: pd.DataFrame, where: str | None, source: str) -> pd.DataFrame:
    before = len(frame)
    if where is not None:
        keep = parse_filter(where)
        for name in sorted(keep.columns):  # type: ignore[attr-defined]
            named_column(frame, name, source)
        frame = frame[keep({str(name): frame[name] for name in keep.columns})]  # type: ignore[attr-defined]
    if not len(frame):
        why = f"the filter {where!r} keeps none of its {before} rows" if before else "it has no rows"
        raise InputError(f"{source}: {why}")
    frame.attrs["dropped"] = before - len(frame)
    return frame


def named_column(frame: pd.DataFrame, name: str, source: str) -> pd.Series:
    if name not in frame:
        near = difflib.get_close_matches(name, [str(column) for column in frame], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
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
) -> pd.Series:
    """Return a column of finite floats, above zero unless said otherwise, or say where the first other value stands."""
    column = named_column(frame, name, source)
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise InputError(f"{source}: column {name!r} holds dates or durations; expected numbers")
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    missing = column.isna().to_numpy()
    refuse_first(missing & finite, column, f"{source}: column {name!r}", rows, "is missing; expected a number")
    text = numbers.isna().to_numpy() & ~missing
    refuse_first(text, column, f"{source}: column {name!r}", rows, "is text; expected a number")
    refuse_first(~np.isfinite(numbers) & finite, column, f"{source}: column {name!r}", rows, "is not finite")
    refuse_first(
        (numbers <= 0) & positive, column, f"{source}: column {name!r}", rows, "is not positive, and its logarithm is taken"
    )
    refuse_first((numbers < 0) & (not negative), column, f"{source}: column {name!r}", rows, "is negative; expected 0 or more")
    return numbers


def refuse_first(wrong: Any, column: pd.Series, where: str, rows: np.ndarray, why: str) -> None:
    wrong = np.asarray(wrong)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(f"{where}, row {rows[first] + 1}: {as_written(column.iloc[first])} {why}")
