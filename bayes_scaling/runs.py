"""Table in, checked `Runs` out: the only place that checks data."""

import difflib
import warnings
import zlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling import checks
from bayes_scaling.errors import InputError, as_written, listed
from bayes_scaling.formula import parse_filter
from bayes_scaling.functions import PART
from bayes_scaling.logs import SCHEDULES, Curve, as_log, mended, schedule_notes
from bayes_scaling.paths import is_file
from bayes_scaling.schedules import DERIVED, IN_PARTS, MAY_BE_ZERO, Schedule, part_columns, schedule_inputs
from bayes_scaling.several import Part, refuse_other_runs, refuse_other_units, shared_runs
from bayes_scaling.thinning import means

RESERVED = {"response", "reading_error", "run", "row", "point", "chain", "draw", "distance", "region", PART}
RESERVED |= {"joint_number", "joint_structure"}  # of the compiled model
"""Names that neither inputs, groups nor parameters can have: columns and dimensions of the package's own."""

COUNTED = {"count", "apart"}
"""Columns of averages, which inputs and groups cannot be called either."""

ANSWERS = {"law", "discrepancy", "expected", "noise", "quantile", "summary"}
"""What answers hold beside the inputs and groups of their points."""
ANSWERED = {"loss", "difference", "ratio", "tokens_per_param", "params_low", "params_high", "excess", "regret"}
"""What they have beside groups, and laws may read."""

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

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of the response",
            column=checks.column,
            unit=checks.text,
            positive=checks.flag,
            name=checks.text,
        )


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
        checks.check(self, "of an input", column=checks.column, unit=checks.text)
        if self.reference is not None:
            object.__setattr__(self, "reference", checks.positive(self.reference, f"the reference of {self.column!r}"))


@dataclass(frozen=True)
class ReadingError:
    """A column with the standard error of each row's response, known beforehand.

    relative: the column is a fraction of the response (0.01 is 1 %); otherwise it is in the unit of the response.
    """

    column: str
    relative: bool = True

    def __post_init__(self) -> None:
        checks.check(self, "of the reading error", column=checks.column, relative=checks.flag)


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
        checks.check(self, "", along=checks.name, per_decade=checks.positive)


@dataclass(frozen=True)
class Columns:
    """What each column of a table is for.

    inputs: name in the law -> column.
    groups: name of the dimension -> column, or several columns whose combination is a level.
    run: column or columns that tell which run a row belongs to; becomes the group "run".
    reading_error: standard error of each row's response, where it is known.
    where: row filter such as `params < 1e9 and corpus == "c4"`; rows it does not keep are counted and reported.
    average: rows of one run to be averaged; needs `run`. How many rows that leaves is reported.
    curve: the rows of a run are one log, to be checked and mended as such; needs `run`. What was found is reported.
    schedule: columns that tell the learning rate; inputs may then read `lr_sum` and others, see `Schedule`.
    """

    inputs: Mapping[str, Input]
    response: Response = Response()
    groups: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    run: str | tuple[str, ...] | None = None
    reading_error: ReadingError | None = None
    where: str | None = None
    average: Average | None = None
    curve: Curve | None = None
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        columns = checks.one_or_several(checks.column)
        checks.check(
            self,
            "of the columns",
            inputs=checks.named(checks.record(Input)),
            response=checks.record(Response),
            groups=checks.named(columns),
            run=checks.optional(columns),
            reading_error=checks.optional(checks.record(ReadingError)),
            where=checks.optional(checks.text),
            average=checks.optional(checks.record(Average)),
            curve=checks.optional(checks.record(Curve)),
            schedule=checks.optional(checks.record(Schedule)),
        )
        if self.where is not None:
            parse_filter(self.where)
        if self.average is not None and (self.run is None or self.average.along not in self.inputs):
            raise InputError(f"average needs run, and an input to average along, one of {listed(self.inputs)}")
        if self.curve is not None and (self.run is None or self.curve.along not in self.inputs):
            raise InputError(f"curve needs run, and an input along which a run is logged, one of {listed(self.inputs)}")
        read = {self.schedule.lr, self.schedule.along} if self.schedule else set()
        if hidden := [name for name, one in self.inputs.items() if name in read and one.column in DERIVED]:
            raise InputError(f"an input from the schedule cannot be called as a column that it comes from: {hidden[0]!r}")
        taken = (RESERVED | COUNTED | ANSWERS) & {*self.inputs, *self.groups} | ANSWERED & {*self.groups}
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

    @property
    def read(self) -> frozenset[str]:
        """The columns of a table that are read."""
        filtered = parse_filter(self.where).columns if self.where is not None else ()  # type: ignore[attr-defined]
        errors = [self.reading_error.column] if self.reading_error is not None else []
        inputs = [one.column for one in self.inputs.values()]
        rates = [self.schedule.lr, self.schedule.along] if self.schedule is not None else []
        groups = [part for of in self.dims.values() for part in of]
        return frozenset([self.response.column, *inputs, *errors, *filtered, *rates, *groups])


@dataclass(frozen=True)
class Runs:
    """A checked table of training runs.

    table: one row a run or a point of one; columns `response`, one for each input (in its own unit), one for each group,
        `reading_error` (in the unit of the response) where it is known; where rows are averages `count`, the rows behind each,
        and `apart`, the mean distance of two of them in e-folds of what they are averaged along.
    columns: what the columns of the original table were for.
    references: input -> the value it is divided by before a law sees it.
    levels: group -> its levels, in order.
    source: where the table came from.
    dropped: how many rows the filter removed.
    averaged: how many rows of the file stand behind the rows here; as many unless neighbours were averaged.
    notes: what was found in logs, and done about it, a sentence each.
    """

    table: pd.DataFrame
    columns: Columns
    references: Mapping[str, float]
    levels: Mapping[str, np.ndarray]
    source: str = "a data frame"
    dropped: int = 0
    averaged: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def thin(self, per_decade: float = 20, along: str | None = None) -> "Runs":
        """Return the runs with neighbouring rows averaged, as by `Columns.average`, see `thin`."""
        return thin(self, per_decade, along)


def read_runs(table: Table | Sequence[Table], columns: Columns, name: str | None = None) -> Runs:
    """Return the runs of a CSV (also .csv.gz) or Parquet file, or of a data frame, checked once and for all.

    table: or several of them, one after the other; a run may go on in the next.
    name: what to call the table in summaries and errors; a file's path unless given.

    Raises InputError, in one line with file, column and first offending row, for an unreadable file, a missing or repeated
    column, text in a number column, NaN or infinite values, values <= 0 where a logarithm is taken, no rows left, tables in
    unequal units, or logs in no order (see `Curve`).
    """
    called = _called(table, name)
    if columns.schedule is not None and len(called) > 1:
        raise InputError("a schedule is read from one table, which holds the runs from their first step; give the logs as one")
    parts = [_part(one, columns, source) for one, source in called]
    refuse_other_units(parts, {name: one.column for name, one in columns.inputs.items()})
    checked, notes = _joined_tables([part.table for part in parts], tuple(columns.dims)), shared_runs(parts)
    if columns.curve is not None:
        checked, said = _mended(checked, parts, columns, columns.curve)
        notes += said
    averaged, source = len(checked), name or ", ".join(part.source for part in parts)
    if columns.average is not None:
        checked = means(checked, list(columns.dims), columns.scales, columns.average.along, columns.average.per_decade)
    references = {
        name: one.reference if one.reference is not None else _reference(checked[name], one.column, source)
        for name, one in columns.inputs.items()
    }
    return Runs(
        checked, columns, references, _levels(checked, columns.dims), source, sum(p.dropped for p in parts), averaged, notes
    )


def thin(runs: Runs, per_decade: float = 20, along: str | None = None) -> Runs:
    """Return runs with neighbouring rows averaged, as `Columns.average` does, with `count` and `apart`.

    per_decade: bins for each factor of ten.
    along: the input that orders the rows of a run; that of the columns' curve or average unless given.

    Raises InputError where it is not known which rows are one run, or what orders them.
    """
    columns = runs.columns
    said = [one.along for one in (columns.curve, columns.average) if one is not None]
    along = along if along is not None else next(iter(said), "")
    if along not in columns.inputs or columns.run is None:
        raise InputError(
            f"{runs.source}: to thin rows takes columns with run, and along = an input, one of {listed(columns.inputs)}"
        )
    bins = Average(along, per_decade)
    return replace(runs, table=means(runs.table, list(columns.dims), columns.scales, bins.along, bins.per_decade))


def _called(table: Table | Sequence[Table], name: str | None) -> list[tuple[Table, str]]:
    """Return tables, each with what to call it."""
    if isinstance(table, pd.DataFrame):
        return [(table, name or "the data frame")]
    if isinstance(table, str | Path):
        return [(table, name or str(table))]
    if not len(table):
        raise InputError("no table is given; expected one or several")
    if len(table) == 1:
        return _called(table[0], name)
    return [(one, f"data frame {i + 1}" if isinstance(one, pd.DataFrame) else str(one)) for i, one in enumerate(table)]


def _part(table: Table, columns: Columns, source: str) -> Part:
    """Return one table, checked but for what can only be told from whole logs."""
    raw = read_table(table, columns.read.union(SCHEDULES))
    every = _scheduled(raw, columns, [one.column for one in columns.inputs.values()], columns.run, source)
    frame = _filtered(every, columns.where, source)
    kept = frame.reset_index(drop=True)
    rows, whole = frame.index.to_numpy(), columns.curve is None
    response = _numbers(kept, columns.response.column, source, rows, positive=whole and columns.response.positive, finite=whole)
    checked = pd.DataFrame({"response": response})
    for name, one in columns.inputs.items():
        checked = pd.concat([checked, _input(kept, name, one.column, columns, source, rows, positive=whole)], axis=1)
    for dim, parts in columns.dims.items():
        checked[dim] = _labels(kept, parts, source, rows)
    if columns.reading_error is not None:
        checked["reading_error"] = _reading_error(kept, columns.reading_error, checked["response"], source, rows)
    unread = [name for name in SCHEDULES if name in kept and name not in columns.read]
    schedules = {name: list(kept[name].dropna().unique()) for name in unread}
    units = raw.attrs.get("units")
    units = {name: str(of) for name, of in units.items() if name in columns.read} if isinstance(units, Mapping) else {}
    return Part(source, checked, rows, frame.attrs.get("dropped", 0), units, schedules)


def _mended(table: pd.DataFrame, parts: Sequence[Part], columns: Columns, curve: Curve) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of whole logs to fit to, and what was found in them."""
    file = np.repeat(np.arange(len(parts)), [len(part.table) for part in parts])
    refuse_other_runs(table, file, parts, [name for name in columns.inputs if name != curve.along])
    row = np.concatenate([part.rows for part in parts])
    log, notes = mended(as_log(table, columns, row, file, tuple(part.source for part in parts)), columns, curve)
    schedules = {name: list(dict.fromkeys(v for p in parts for v in p.schedules.get(name, ()))) for name in SCHEDULES}
    return log.table, notes + schedule_notes(schedules)


def _joined_tables(tables: Sequence[pd.DataFrame], dims: Sequence[str]) -> pd.DataFrame:
    """Return tables one after the other; labels are text in all where they are in one."""
    if len(tables) == 1:
        return tables[0]
    text = [dim for dim in dims if len({pd.api.types.is_numeric_dtype(table[dim]) for table in tables}) > 1]
    alike = [table.assign(**{dim: table[dim].map(_number_as_text).astype("str") for dim in text}) for table in tables]
    return pd.concat(alike, ignore_index=True)


def _levels(table: pd.DataFrame, dims: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {dim: np.unique(table[dim].drop_duplicates().to_numpy()) for dim in dims}


def _scheduled(
    frame: pd.DataFrame, columns: Columns, read: Sequence[str], run: str | tuple[str, ...] | None, source: str
) -> pd.DataFrame:
    """Return a table with those columns to be read that the schedule gives and the table does not hold already."""
    wanted = [column for column in dict.fromkeys(read) if column in DERIVED and column not in frame]
    return schedule_inputs(frame, columns.schedule, run, wanted, source) if columns.schedule and wanted else frame


def _input(
    frame: pd.DataFrame, name: str, column: str, columns: Columns, source: str, rows: np.ndarray, *, positive: bool = True
) -> pd.DataFrame:
    """Return an input's column, and where the schedule has it in parts one for each of them, by the input's name."""
    schedule, kind = columns.schedule, columns.inputs[name].column
    parts = part_columns(column, schedule.parts) if schedule and kind in IN_PARTS else []
    names = [name, *(part_columns(name, len(parts)) if set(parts) <= set(frame) else ())]
    of = dict(zip(names, [column, *parts], strict=False))
    least = schedule is not None and kind in MAY_BE_ZERO
    return pd.DataFrame(
        {
            name: _numbers(frame, one, source, rows, positive=positive and not least, negative=not least)
            for name, one in of.items()
        }
    )


def _reference(values: pd.Series, column: str, source: str) -> float:
    if not (values > 0).any():
        raise InputError(
            f"{source}: column {column!r} is 0 throughout: the learning rate never falls; give the input a reference"
        )
    return round_reference(values[values > 0])


def subset(runs: Runs, where: str) -> Runs:
    """Return the runs that a filter on the names of inputs and groups keeps, against the same references.

    Raises InputError where the filter names no column or keeps no row.
    """
    kept = _filtered(runs.table, where, runs.source)
    dropped = runs.dropped + len(runs) - len(kept)
    averaged = int(kept["count"].sum()) if "count" in kept else len(kept)
    return replace(
        runs, table=kept.reset_index(drop=True), levels=_levels(kept, runs.levels), dropped=dropped, averaged=averaged
    )


def joined(runs: Runs, others: Runs) -> Runs:
    """Return runs with others after them, against the references of the former; both have the same columns."""
    table = _joined_tables([runs.table, others.table[list(runs.table)]], tuple(runs.columns.dims))
    dropped, averaged = runs.dropped + others.dropped, runs.averaged + others.averaged
    return replace(runs, table=table, levels=_levels(table, runs.columns.dims), dropped=dropped, averaged=averaged)


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


def round_reference(values: pd.Series) -> float:
    """Return the geometric mean rounded to 1, 2 or 5 times a power of ten, whichever is nearest in the logarithm."""
    exponent = float(np.log10(values).mean())
    lead = min((1, 2, 5, 10), key=lambda digit: abs(exponent - floor(exponent) - log10(digit)))
    return float(f"{lead}e{floor(exponent)}")


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
    frame.columns = pd.Index(head)
    return frame


def _read_parquet(path: Path, wanted: AbstractSet[str]) -> pd.DataFrame:
    """Return a Parquet file, or of a wide one those columns that are wanted."""
    from pyarrow.parquet import read_schema

    names = read_schema(path).names
    needed = wanted - set(SCHEDULES)
    columns = [name for name in names if name in wanted] if needed and needed <= set(names) else None
    return pd.read_parquet(path, columns=columns).reset_index(drop=True)


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
    column = _column(frame, name, source)
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise InputError(f"{source}: column {name!r} holds dates or durations; expected numbers")
    try:
        numbers = pd.to_numeric(column, errors="coerce")
        if pd.api.types.is_complex_dtype(numbers):
            raise InputError(f"{source}: column {name!r} holds complex numbers; expected real ones")
        numbers = numbers.astype(float)
    except OverflowError:
        raise InputError(f"{source}: column {name!r} holds an integer beyond 1e308; expected numbers below") from None
    missing = column.isna().to_numpy()
    _refuse_first(missing & finite, column, f"{source}: column {name!r}", rows, "is missing; expected a number")
    text = numbers.isna().to_numpy() & ~missing
    _refuse_first(text, column, f"{source}: column {name!r}", rows, "is text; expected a number")
    _refuse_first(~np.isfinite(numbers) & finite, column, f"{source}: column {name!r}", rows, "is not finite")
    _refuse_first(
        (numbers <= 0) & positive, column, f"{source}: column {name!r}", rows, "is not positive, and its logarithm is taken"
    )
    _refuse_first((numbers < 0) & (not negative), column, f"{source}: column {name!r}", rows, "is negative; expected 0 or more")
    return numbers


def _reading_error(frame: pd.DataFrame, role: ReadingError, response: pd.Series, source: str, rows: np.ndarray) -> pd.Series:
    column = _column(frame, role.column, source)
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~(np.isfinite(numbers) & (numbers >= 0)) & np.isfinite(response)
    _refuse_first(wrong, column, f"{source}: column {role.column!r}", rows, "is no reading error; expected a number >= 0")
    return numbers * response.abs() if role.relative else numbers


def _labels(frame: pd.DataFrame, parts: tuple[str, ...], source: str, rows: np.ndarray) -> pd.Series:
    for part in parts:
        column = _column(frame, part, source)
        _refuse_first(column.isna().to_numpy(), column, f"{source}: column {part!r}", rows, "is missing; expected a level")
    if len(parts) > 1:
        combined = frame.groupby(list(parts), sort=False, observed=True).ngroup().to_numpy()
        names = [_joined(level) for level in frame[list(parts)].drop_duplicates().itertuples(index=False, name=None)]
        return pd.Series(names, dtype="str").take(combined).reset_index(drop=True)
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
