"""Table in, checked `Runs` out: the only place that checks data."""

import difflib
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import InputError, listed
from bayes_scaling.formula import parse_filter
from bayes_scaling.functions import PART
from bayes_scaling.schedules import DERIVED, IN_PARTS, MAY_BE_ZERO, Schedule, part_columns, schedule_inputs

RESERVED = {"response", "reading_error", "run", "row", "point", "chain", "draw", "distance", "region", PART}
"""Names that inputs and groups cannot have: columns and dimensions of the package's own."""

type Table = str | Path | pd.DataFrame


@dataclass(frozen=True)
class Response:
    """The column that the law predicts, and its unit.

    name: what to call it on axes.
    positive: whether values <= 0 are refused; False where they are meant, which needs noise on the loss itself.
    """

    column: str = "loss"
    unit: str = "nats/token"
    positive: bool = True
    name: str = "loss"


@dataclass(frozen=True)
class Input:
    """A column the law reads.

    column: its name in the table; positive numbers.
    unit: unit of the column, shown on axes and in tables.
    reference: the law sees column / reference. None: the geometric mean of the runs, rounded to 1, 2 or 5 times a power of ten.
    """

    column: str
    unit: str = ""
    reference: float | None = None

    def __post_init__(self) -> None:
        if self.reference is not None and not (np.isfinite(self.reference) and self.reference > 0):
            raise InputError(f"the reference of {self.column!r} must be a positive number, not {self.reference}")


@dataclass(frozen=True)
class ReadingError:
    """A column with the standard error of each row's response, known beforehand.

    relative: the column is a fraction of the response (0.01 is 1 %); otherwise it is in the unit of the response.
    """

    column: str
    relative: bool = True


@dataclass(frozen=True)
class Average:
    """Replace neighbouring rows of a run by their mean: what they scatter by averages out, what they share stays.

    Bins are equal in the logarithm of an input. A bin has the mean response and reading error of its rows, and the geometric
    mean of each input, the arithmetic one where it comes from a schedule and may be zero.

    along: the input that orders the rows of a run.
    per_decade: bins for each factor of ten of it.
    """

    along: str
    per_decade: float

    def __post_init__(self) -> None:
        if not (isfinite(self.per_decade) and self.per_decade > 0):
            raise InputError(f"per_decade must be a positive number, not {self.per_decade}")


@dataclass(frozen=True)
class Columns:
    """What each column of a table is for.

    inputs: name in the law -> column.
    groups: name of the dimension -> column, or several columns whose combination is a level.
    run: column or columns that tell which run a row belongs to; becomes the group "run".
    reading_error: standard error of each row's response, where it is known.
    where: row filter such as `params < 1e9 and corpus == "c4"`; rows it does not keep are counted and reported.
    average: rows of one run to be averaged; needs `run`. How many rows that leaves is reported.
    schedule: columns that tell the learning rate; inputs may then read `lr_sum` and others, see `Schedule`.
    """

    inputs: Mapping[str, Input]
    response: Response = Response()
    groups: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    run: str | tuple[str, ...] | None = None
    reading_error: ReadingError | None = None
    where: str | None = None
    average: Average | None = None
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        if self.where is not None:
            parse_filter(self.where)
        if self.average is not None and (self.run is None or self.average.along not in self.inputs):
            raise InputError(f"average needs run, and an input to average along, one of {listed(self.inputs)}")
        read = {self.schedule.lr, self.schedule.along} if self.schedule else set()
        if hidden := [name for name, one in self.inputs.items() if name in read and one.column in DERIVED]:
            raise InputError(f"an input from the schedule cannot be called as a column that it comes from: {hidden[0]!r}")
        taken = RESERVED & {*self.inputs, *self.groups}
        if taken or set(self.inputs) & set(self.groups):
            clash = listed(taken | (set(self.inputs) & set(self.groups)))
            raise InputError(f"inputs and groups need names of their own; {clash} is taken")

    @property
    def scales(self) -> tuple[str, ...]:
        """The inputs with one positive number a row, whose logarithm says how far apart rows are."""
        whole = {*MAY_BE_ZERO, *IN_PARTS} if self.schedule else set()
        return tuple(name for name, one in self.inputs.items() if one.column not in whole)

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Every group, the runs among them, and the columns whose combination is its level."""
        every = dict(self.groups) | ({"run": self.run} if self.run else {})
        return {dim: (of,) if isinstance(of, str) else tuple(of) for dim, of in every.items()}


@dataclass(frozen=True)
class Runs:
    """A checked table of training runs.

    table: one row a run or a point of one; columns `response`, one for each input (in its own unit), one for each group, and
        `reading_error` (in the unit of the response) where it is known.
    columns: what the columns of the original table were for.
    references: input -> the value it is divided by before a law sees it.
    levels: group -> its levels, in order.
    source: where the table came from.
    dropped: how many rows the filter removed.
    averaged: how many rows of the file stand behind the rows here; as many unless neighbours were averaged.
    """

    table: pd.DataFrame
    columns: Columns
    references: Mapping[str, float]
    levels: Mapping[str, np.ndarray]
    source: str = "a data frame"
    dropped: int = 0
    averaged: int = 0

    def __len__(self) -> int:
        return len(self.table)


def read_runs(table: Table, columns: Columns, name: str | None = None) -> Runs:
    """Return the runs of a CSV (also .csv.gz) or Parquet file, or of a data frame, checked once and for all.

    name: what to call the table in summaries and errors; a file's path unless given.

    Raises InputError, in one line with file, column and first offending row, for an unreadable file, a missing or repeated
    column, text in a number column, NaN or infinite values, values <= 0 where a logarithm is taken, or no rows left.
    """
    source = name or ("the data frame" if isinstance(table, pd.DataFrame) else str(table))
    every = read_table(table)
    every = _scheduled(every, columns, [one.column for one in columns.inputs.values()], columns.run, source)
    frame = _filtered(every, columns.where, source)
    kept = frame.reset_index(drop=True)
    rows = frame.index.to_numpy()
    response = _numbers(kept, columns.response.column, source, rows, positive=columns.response.positive)
    checked = pd.DataFrame({"response": response})
    for name, one in columns.inputs.items():
        checked = pd.concat([checked, _input(kept, name, one.column, columns, source, rows)], axis=1)
    for dim, parts in columns.dims.items():
        checked[dim] = _labels(kept, parts, source, rows)
    if columns.reading_error is not None:
        checked["reading_error"] = _reading_error(kept, columns.reading_error, checked["response"], source, rows)
    if columns.average is not None:
        checked = _means(checked, columns, columns.average)
    references = {
        name: one.reference if one.reference is not None else _reference(checked[name], one.column, source)
        for name, one in columns.inputs.items()
    }
    levels = {dim: np.unique(checked[dim].to_numpy()) for dim in columns.dims}
    dropped = frame.attrs.get("dropped", 0)
    return Runs(checked, columns, references, levels, source, dropped, len(kept))


def _scheduled(
    frame: pd.DataFrame, columns: Columns, read: Sequence[str], run: str | tuple[str, ...] | None, source: str
) -> pd.DataFrame:
    """Return a table with those columns to be read that the schedule gives and the table does not hold already."""
    wanted = [column for column in dict.fromkeys(read) if column in DERIVED and column not in frame]
    return schedule_inputs(frame, columns.schedule, run, wanted, source) if columns.schedule and wanted else frame


def _input(frame: pd.DataFrame, name: str, column: str, columns: Columns, source: str, rows: np.ndarray) -> pd.DataFrame:
    """Return an input's column, and where the schedule has it in parts one for each of them, by the input's name."""
    schedule, kind = columns.schedule, columns.inputs[name].column
    parts = part_columns(column, schedule.parts) if schedule and kind in IN_PARTS else []
    names = [name, *(part_columns(name, len(parts)) if set(parts) <= set(frame) else ())]
    of = dict(zip(names, [column, *parts], strict=False))
    least = schedule is not None and kind in MAY_BE_ZERO
    return pd.DataFrame(
        {name: _numbers(frame, one, source, rows, positive=not least, negative=not least) for name, one in of.items()}
    )


def _reference(values: pd.Series, column: str, source: str) -> float:
    if not (values > 0).any():
        raise InputError(
            f"{source}: column {column!r} is 0 throughout: the learning rate never falls; give the input a reference"
        )
    return round_reference(values[values > 0])


def _means(table: pd.DataFrame, columns: Columns, average: Average) -> pd.DataFrame:
    """Return one row for each bin of each run, in the order of the bins' first rows."""
    bins = np.floor(np.log10(table[average.along]) * average.per_decade + 0.5).rename("row")
    logs = {f"log {name}": np.log(table[name]) for name in columns.scales}
    rows = table.assign(**logs).groupby([*(table[dim] for dim in columns.dims), bins], sort=False)
    values = [str(name) for name in table if name not in columns.dims]
    low, high, means = rows[values].min(), rows[values].max(), rows[values].mean()
    for name in columns.scales:  # a value that all rows share is kept to the last bit
        means[name] = low[name].where(low[name] == high[name], np.exp(rows[f"log {name}"].mean()))
    return means.reset_index().drop(columns="row")[list(table)]


def subset(runs: Runs, where: str) -> Runs:
    """Return the runs that a filter on the names of inputs and groups keeps, against the same references.

    Raises InputError where the filter names no column or keeps no row.
    """
    kept = _filtered(runs.table, where, runs.source)
    dropped = runs.dropped + len(runs) - len(kept)
    levels = {dim: np.unique(kept[dim].to_numpy()) for dim in runs.levels}
    return replace(runs, table=kept.reset_index(drop=True), levels=levels, dropped=dropped)


def read_points(table: Table, runs: Runs, groups: Sequence[str]) -> pd.DataFrame:
    """Return points to predict at: a column for each input, and for each of `groups` and further groups the table has.

    A column may carry the name it has in the runs' table (`compute_pflops_days`) or the name in the law (`compute`).
    Where inputs come from a schedule, points are a schedule as it was run or is planned: rows of step and learning rate.

    groups: those the points must say a level of; a level that the runs do not have stands for one never seen.

    Raises InputError as `read_runs` does.
    """
    source = "the points" if isinstance(table, pd.DataFrame) else str(table)
    frame = read_table(table)
    rows = frame.index.to_numpy()
    frame = frame.reset_index(drop=True)
    if not len(frame):
        raise InputError(f"{source} has no rows")
    run = ("run",) if "run" in frame else runs.columns.dims.get("run", ())
    read = [one.column for name, one in runs.columns.inputs.items() if name not in frame]
    frame = _scheduled(frame, runs.columns, read, run if set(run) <= set(frame) else None, source)
    points = pd.DataFrame(index=frame.index)
    for name, one in runs.columns.inputs.items():
        column = one.column if one.column in frame or name not in frame else name
        points = pd.concat([points, _input(frame, name, column, runs.columns, source, rows)], axis=1)
    for dim, parts in runs.columns.dims.items():
        named = (dim,) if dim in frame else parts
        if dim in groups or set(named) <= set(frame):
            points[dim] = _labels(frame, named, source, rows)
    return points


def read_table(table: Table) -> pd.DataFrame:
    """Return a file as it is: CSV, gzipped CSV or Parquet by its ending; a data frame is returned with rows numbered from 0.

    Raises InputError where the file is missing, unreadable or truncated, or repeats a column name.
    """
    if isinstance(table, pd.DataFrame):
        frame = table.reset_index(drop=True)
        source = "the data frame"
    else:
        frame, source = _read_file(Path(table)), str(table)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{source}: column {str(repeated[0])!r} stands there more than once; names must differ")
    return frame


def round_reference(values: pd.Series) -> float:
    """Return the geometric mean rounded to 1, 2 or 5 times a power of ten, whichever is nearest in the logarithm."""
    exponent = float(np.log10(values).mean())
    lead = min((1, 2, 5, 10), key=lambda digit: abs(exponent - floor(exponent) - log10(digit)))
    return float(f"{lead}e{floor(exponent)}")


def _read_file(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected CSV, .csv.gz or Parquet")
    try:
        if path.suffix in (".parquet", ".pq"):
            return pd.read_parquet(path)
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
    frame.columns = pd.Index(head)
    return frame


def _filtered(frame: pd.DataFrame, where: str | None, source: str) -> pd.DataFrame:
    before = len(frame)
    if where is not None:
        keep = parse_filter(where)
        for name in sorted(keep.columns):  # type: ignore[attr-defined]
            _column(frame, name, source)
        frame = frame[keep({str(name): frame[name] for name in keep.columns})]  # type: ignore[attr-defined]
    if not len(frame):
        why = f"the filter {where!r} keeps none of its {before} rows" if before else "it has no rows"
        raise InputError(f"{source}: {why}")
    frame.attrs["dropped"] = before - len(frame)
    return frame


def _column(frame: pd.DataFrame, name: str, source: str) -> pd.Series:
    if name not in frame:
        near = difflib.get_close_matches(name, [str(column) for column in frame], 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"{source}: no column {name!r}; the table has {[str(column) for column in frame]}{hint}")
    column: pd.Series = frame[name]
    return column


def _numbers(
    frame: pd.DataFrame, name: str, source: str, rows: np.ndarray, *, positive: bool = True, negative: bool = True
) -> pd.Series:
    """Return a column of finite floats, above zero unless said otherwise, or say where the first other value stands."""
    column = _column(frame, name, source)
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise InputError(f"{source}: column {name!r} holds dates or durations; expected numbers")
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    missing = column.isna().to_numpy()
    _refuse_first(missing, column, f"{source}: column {name!r}", rows, "is missing; expected a number")
    _refuse_first(numbers.isna().to_numpy(), column, f"{source}: column {name!r}", rows, "is text; expected a number")
    _refuse_first(~np.isfinite(numbers), column, f"{source}: column {name!r}", rows, "is not finite")
    _refuse_first(
        (numbers <= 0) & positive, column, f"{source}: column {name!r}", rows, "is not positive, and its logarithm is taken"
    )
    _refuse_first((numbers < 0) & (not negative), column, f"{source}: column {name!r}", rows, "is negative; expected 0 or more")
    return numbers


def _reading_error(frame: pd.DataFrame, role: ReadingError, response: pd.Series, source: str, rows: np.ndarray) -> pd.Series:
    column = _column(frame, role.column, source)
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0))
    _refuse_first(wrong, column, f"{source}: column {role.column!r}", rows, "is no reading error; expected a number >= 0")
    return numbers * response.abs() if role.relative else numbers


def _labels(frame: pd.DataFrame, parts: tuple[str, ...], source: str, rows: np.ndarray) -> pd.Series:
    for part in parts:
        column = _column(frame, part, source)
        _refuse_first(column.isna().to_numpy(), column, f"{source}: column {part!r}", rows, "is missing; expected a level")
    if len(parts) > 1:
        return pd.Series([_joined(level) for level in zip(*(frame[part] for part in parts), strict=True)], dtype="str")
    single = frame[parts[0]]
    return single if pd.api.types.is_numeric_dtype(single) else single.astype(str)


def _joined(labels: tuple[Any, ...]) -> str:
    """Return the labels of one combination as one: quoted where a blank in one of them would be taken for a gap."""
    texts = [label if isinstance(label, str) else _number_as_text(label) for label in labels]
    return " ".join(repr(text) if " " in text else text for text in texts)


def level_index(labels: pd.Series, levels: np.ndarray) -> np.ndarray:
    """Return the position of each label among the levels, -1 for a level never seen; "2048" and 2048.0 are 2048."""
    exact = {str(level): i for i, level in enumerate(levels)}
    alike: dict[str, list[int]] = {}
    for i, level in enumerate(levels):
        alike.setdefault(_number_as_text(level), []).append(i)

    def position(label: Any) -> int:
        if str(label) in exact:
            return exact[str(label)]
        near = alike.get(_number_as_text(label), [])
        return near[0] if len(near) == 1 else -1

    return np.array([position(label) for label in labels], dtype=np.int64)


def as_written(value: Any) -> str:
    """Return a value of a table for an error: text quoted, a number bare."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _number_as_text(label: Any) -> str:
    try:
        if isinstance(label, int | np.integer) or not isfinite(number := float(label)):
            return str(label)
    except (TypeError, ValueError):
        return str(label)
    return str(int(number)) if number.is_integer() else str(number)


def _refuse_first(wrong: Any, column: pd.Series, where: str, rows: np.ndarray, why: str) -> None:
    wrong = np.asarray(wrong)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(f"{where}, row {rows[first] + 1}: {as_written(column.iloc[first])} {why}")
