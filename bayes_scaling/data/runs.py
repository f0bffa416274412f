"""Table in, checked `Runs` out: with `tables` and `labels` the only place that checks data."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, log10
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, listed
from bayes_scaling._base.notation import read_of
from bayes_scaling.data.binning import means
from bayes_scaling.data.checkpoints import checkpoint_sentence, recognised
from bayes_scaling.data.copies import without_copies
from bayes_scaling.data.counts import IN_BASE, base_factor, declared, in_base, marked, name_notes, odd_counts
from bayes_scaling.data.joining import Part, refuse_other_runs, refuse_other_units, shared_runs
from bayes_scaling.data.labels import label_column, number_as_text, ordered_levels
from bayes_scaling.data.logs import SCHEDULES, Curve, as_log, falling_rates, mended, schedule_notes
from bayes_scaling.data.losses import as_losses, loss_notes, refuse_odd_losses
from bayes_scaling.data.rounding import with_rounding
from bayes_scaling.data.schedules import DERIVED, IN_PARTS, MAY_BE_ZERO, NO_SCALE, Schedule, part_columns, schedule_inputs
from bayes_scaling.data.tables import (
    Table,
    column_numbers,
    filtered,
    named_column,
    number_column,
    read_table,
    refuse_first,
    source_of,
    tables_of,
)
from bayes_scaling.laws.formula import parse_filter
from bayes_scaling.laws.functions import PART
from bayes_scaling.laws.units import (
    PERPLEXITY,
    TOKEN,
    column_unit,
    counted_by_name,
    loss_unit,
    read_unit,
    response_unit,
)

RESERVED = {"response", "measurement_error", "run", "row", "point", "chain", "draw", "distance", "region", PART}
RESERVED |= {"joint_number", "joint_structure"}  # of the compiled model
"""Names that neither inputs, groups nor parameters can have: columns and dimensions of the package's own."""

COUNTED = {"count", "apart"}
"""Columns of averages, which inputs and groups cannot be called either."""

ANSWERS = {"law", "discrepancy", "expected", "noise", "quantile", "summary"}
"""What answers hold beside the inputs and groups of their points."""
ANSWERED = {"loss", "difference", "ratio", "tokens_per_param", "params_low", "params_high", "excess", "regret"}
"""What they have beside groups, and laws may read."""


@dataclass(frozen=True)
class Response:
    """The column that the law predicts, and its unit.

    unit: of the losses that answers are in: nats or bits per token, byte or character, "error rate", any other. "auto": what
        the column's name says (`val_bpb`, `bits_per_byte`, `ppl`), else nats/token. Priors that are for another unit follow
        it, see `Model.unit`. With "perplexity" the logarithm of the column is taken: losses are then in nats/token.
    name: what to call it on axes.
    positive: whether values <= 0 are refused; False where they are meant, which needs noise on the loss itself.
    perplexity: whether the column holds perplexities; follows from the unit.
    bytes_per_token: how many bytes, or characters, a token has, where a loss per token meets one per byte; about 4.3, and
        priors the wider for it, unless given.
    assumed: whether nobody has said the unit; follows from "auto".
    """

    column: str = "loss"
    unit: str = "auto"
    positive: bool = True
    name: str = "loss"
    perplexity: bool | None = None
    bytes_per_token: float | None = None
    assumed: bool = False

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of the response",
            column=checks.column,
            unit=checks.text,
            positive=checks.flag,
            name=checks.text,
            perplexity=checks.optional(checks.flag),
            assumed=checks.flag,
        )
        if self.bytes_per_token is not None:
            object.__setattr__(self, "bytes_per_token", checks.positive(self.bytes_per_token, "bytes_per_token"))
        if self.unit == "auto":
            said = response_unit(self.column)
            object.__setattr__(self, "assumed", said is None)
            object.__setattr__(self, "unit", said or TOKEN)
        if self.perplexity is None and (unit := loss_unit(self.unit)).split("/")[0] == PERPLEXITY:
            object.__setattr__(self, "perplexity", True)
            object.__setattr__(self, "unit", f"nats/{unit.partition('/')[2] or 'token'}")


@dataclass(frozen=True)
class Input:
    """A column the law reads.

    All but the file itself counts in base units, tokens or FLOP: `Input("d", "B tokens", 20)` is
    `Input("d", "tokens", 2e10, scale=1e9)`.

    column: its name in the table; positive numbers.
    unit: unit of the column, such as "parameters", "B tokens", "1e9 tokens" or "EFLOP", else what the column's name says, as
        `params_m` or `tokens (B)`. Kept without its prefix: the unit of answers, axes and tables.
    reference: the law sees column / reference; given in the unit of the column. None: the geometric mean of the runs, rounded
        to 1, 2 or 5 times a power of ten.
    scale: how many of `unit` one of the column is; follows from the unit's prefix. None where nothing says it: then 1, and
        numbers that no such unit has are refused.
    counts: what the file's numbers are multiplied by to be in the column's unit, where a file counts otherwise than it was
        declared to; a filter sees them multiplied.
    """

    column: str
    unit: str = ""
    reference: float | None = None
    scale: float | None = None
    counts: float | None = None

    def __post_init__(self) -> None:
        checks.check(self, "of an input", column=checks.column, unit=checks.text)
        for name, value in {"reference": self.reference, "scale": self.scale, "counts": self.counts}.items():
            if value is not None:
                object.__setattr__(self, name, checks.positive(value, f"the {name} of {self.column!r}"))
        unit = read_unit(self.unit) if self.unit else column_unit(self.column) if self.scale is None else None
        if unit is not None and (unit.said or not self.unit):
            object.__setattr__(self, "unit", unit.name or counted_by_name(self.column))
        if unit is not None and unit.said:
            object.__setattr__(self, "scale", (self.scale or 1.0) * unit.factor)
            object.__setattr__(self, "reference", None if self.reference is None else self.reference * unit.factor)

    @property
    def factor(self) -> float:
        """How many of `unit` one of the file's numbers is."""
        return (self.scale or 1.0) * (self.counts or 1.0)


@dataclass(frozen=True)
class MeasurementError:
    """A column with the standard error of each row's response, known beforehand; independent from row to row.

    The mean of n rows has it over sqrt(n). What is wrong with all rows of a run alike is none, and averages out in no mean.

    relative: the column is a fraction of the response (0.01 is 1 %); otherwise it is in the unit of the response.
    """

    column: str
    relative: bool = True

    def __post_init__(self) -> None:
        checks.check(self, "of the reading error", column=checks.column, relative=checks.flag)


@dataclass(frozen=True)
class Average:
    """Replace neighbouring rows of a run by their mean: what they scatter by averages out, what they share stays.

    Bins are equal in the logarithm of an input. A bin has the mean response of its rows, the geometric mean of each input, the
    arithmetic one where it comes from a schedule and may be zero, and the reading error of a mean of independent readings.

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
    measurement_error: standard error of each row's response, where it is known.
    where: row filter such as `params < 1e9 and corpus == "c4"`; rows it does not keep are counted and reported. It sees the
        columns as they are declared: the file's own numbers, in millions where the unit is "M parameters". Filters of checked
        runs, as in `subset` and backtests, see inputs in base units.
    average: rows of one run to be averaged; needs `run`. How many rows that leaves is reported.
    curve: the rows of a run are one log, to be checked and mended as such; needs `run`. What was found is reported.
    schedule: columns that tell the learning rate; inputs may then read `lr_sum` and others, see `Schedule`.
    """

    inputs: Mapping[str, Input]
    response: Response = Response()
    groups: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    run: str | tuple[str, ...] | None = None
    measurement_error: MeasurementError | None = None
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
            measurement_error=checks.optional(checks.record(MeasurementError)),
            where=checks.optional(lambda value, what: checks.text(_one_line(value), what)),
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
        whole = {*NO_SCALE} if self.schedule else set()
        return tuple(name for name, one in self.inputs.items() if one.column not in whole)

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Every group, the runs among them, and the columns whose combination is its level."""
        every = dict(self.groups) | ({"run": self.run} if self.run else {})
        return {dim: (of,) if isinstance(of, str) else tuple(of) for dim, of in every.items()}

    @property
    def labels(self) -> frozenset[str]:
        """The columns whose cells are labels, under the name they have in a table or as a group."""
        return frozenset(["run", *self.dims, *(part for of in self.dims.values() for part in of)])

    @property
    def as_written(self) -> frozenset[str]:
        """The columns whose cells are read as they are written: labels, and what only the filter reads."""
        return (self.read - self.numbers) | self.labels

    @property
    def numbers(self) -> frozenset[str]:
        """The columns of a table that are read as numbers."""
        errors = [self.measurement_error.column] if self.measurement_error is not None else []
        rates = [self.schedule.lr, self.schedule.along] if self.schedule is not None else []
        return frozenset([self.response.column, *(one.column for one in self.inputs.values()), *errors, *rates])

    @property
    def read(self) -> frozenset[str]:
        """The columns of a table that are read."""
        kept = parse_filter(self.where).columns if self.where is not None else ()  # type: ignore[attr-defined]
        return self.numbers | frozenset([*kept, *(part for of in self.dims.values() for part in of)])


def _one_line(text: Any) -> Any:
    """Return a filter that is written on several lines as one."""
    return re.sub(r"[\r\n\t]", " ", text) if isinstance(text, str) else text


@dataclass(frozen=True)
class Runs:
    """A checked table of training runs.

    table: one row a run or a point of one; columns `response`, one for each input (in its base unit), one for each group,
        `measurement_error` (in the unit of the response) where it is known; where rows are averages `count`, the rows behind
        each, and `apart`, the mean distance of two of them in e-folds of what they are averaged along.
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
    tables, sources = [one for one, _ in called], [source for _, source in called]
    frames = [read_table(one, labels=columns.as_written, wanted=columns.read.union(SCHEDULES)) for one in tables]
    copies: tuple[str, ...] = ()
    if columns.curve is None:
        frames, copies = without_copies(frames, tables, sources)
    # A table of nothing but copies of rows before it is left out.
    read = [(frame, source) for frame, source in zip(frames, sources, strict=True) if len(frame) or not copies]
    parts = [_part(frame, columns, source) for frame, source in read]
    refuse_other_units(parts, {name: one.column for name, one in columns.inputs.items()})
    checked = _joined_tables([part.table for part in parts], tuple(columns.dims))
    notes = (*dict.fromkeys(note for part in parts for note in part.notes), *copies, *shared_runs(parts))
    if columns.curve is not None:
        checked, said = _mended(checked, parts, columns, columns.curve)
        notes += said
    elif columns.average is None and columns.schedule is None:
        checked, rounded = with_rounding(checked, columns.scales, tuple(columns.dims), columns.response.positive)
        notes += (rounded,) if rounded else ()
    averaged, source = len(checked), name or ", ".join(part.source for part in parts)
    notes += odd_counts(checked, columns)
    refuse_odd_losses(checked, columns, source)
    if columns.average is not None:
        checked = means(checked, list(columns.dims), columns.scales, columns.average.along, columns.average.per_decade)
    references = {
        name: one.reference if one.reference is not None else _reference(checked[name], one.column, source)
        for name, one in columns.inputs.items()
    }
    dropped = sum(part.dropped for part in parts)
    return Runs(marked(checked), columns, references, _levels(checked, columns.dims), source, dropped, averaged, notes)


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
    table = means(runs.table, list(columns.dims), columns.scales, bins.along, bins.per_decade)
    return replace(runs, table=marked(table))


def _called(table: Table | Sequence[Table], name: str | None) -> list[tuple[Table, str]]:
    """Return tables, each with what to call it."""
    several = tables_of(table)
    if not several:
        raise InputError("no table is given; expected one or several")
    if len(several) == 1:
        return [(several[0], name or source_of(several[0]))]
    return [
        (one, source_of(one, f"{'data frame' if isinstance(one, pd.DataFrame) else 'table'} {i + 1}"))
        for i, one in enumerate(several)
    ]


def _part(read: pd.DataFrame, columns: Columns, source: str) -> Part:
    """Return one table, checked but for what can only be told from whole logs."""
    odd: list[str] = list(read_of(read).get("notes", ()))
    raw, notes = declared(_with_numbers(read, columns, source, odd), columns, source)
    notes = (*name_notes(columns, read), *notes, *loss_notes(columns))
    every = _scheduled(raw, columns, [one.column for one in columns.inputs.values()], columns.run, source)
    frame = _filtered(every, columns, source)
    kept = frame.reset_index(drop=True)
    rows, whole = frame.index.to_numpy(), columns.curve is None
    positive = whole and columns.response.positive
    of = columns.response
    response = number_column(kept, of.column, source, rows, positive=positive, finite=whole, unit=of.unit, notes=odd)
    checked = pd.DataFrame({"response": as_losses(response, columns, f"{source}: column {columns.response.column!r}")})
    for name, one in columns.inputs.items():
        factor = base_factor(one, raw)
        own = _input(kept, name, one.column, columns, source, rows, positive=whole, scale=factor, notes=odd) * factor
        checked = pd.concat([checked, own], axis=1)
    labels = pd.concat([kept[[c for c in kept if c not in read]], read.loc[rows].reset_index(drop=True)], axis=1)
    for dim, parts in columns.dims.items():
        checked[dim] = label_column(labels, parts, source, rows)
    if columns.measurement_error is not None:
        error = _reading_error(kept, columns.measurement_error, response, source, rows, odd)
        checked["measurement_error"] = error / response if columns.response.perplexity else error
    unread = [name for name in SCHEDULES if name in kept and name not in columns.read]
    schedules = {name: list(kept[name].dropna().unique()) for name in unread}
    units = read.attrs.get("units")
    units = {name: str(of) for name, of in units.items() if name in columns.read} if isinstance(units, Mapping) else {}
    notes = (*dict.fromkeys(odd), *notes, *_row_notes(kept, checked, columns))
    return Part(source, checked, rows, frame.attrs.get("dropped", 0), units, schedules, notes)


def _with_numbers(frame: pd.DataFrame, columns: Columns, source: str, notes: list[str]) -> pd.DataFrame:
    """Return a table with columns of numbers that are written unlike plain ones as numbers, as its filter is to see them."""
    scales = {one.column: base_factor(one, frame) for one in columns.inputs.values()}
    found, rows = {}, frame.index.to_numpy()
    for name in sorted(columns.numbers & set(frame) - columns.labels):
        unit = columns.response.unit if name == columns.response.column else ""
        if pd.api.types.is_numeric_dtype(frame[name]):
            continue
        said: list[str] = []
        try:
            numbers, missing = column_numbers(frame[name], source, rows, unit, scales.get(name, 1.0), said)
        except InputError:  # said of the rows that the filter keeps
            continue
        if said and not (np.isnan(numbers) & ~missing).any():
            found[name], notes[len(notes) :] = numbers, said
    return frame.assign(**found) if found else frame


def _row_notes(kept: pd.DataFrame, checked: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    """Return what the rows of a table are, where the columns do not say it: checkpoints; and which fall of a rate is unread."""
    found = recognised(kept, checked, columns)
    said = [one.along for one in (found, columns.curve, columns.average) if one is not None]
    run = found.label if found is not None else checked.get("run")
    notes = () if found is None else (checkpoint_sentence(found),)
    rates = () if run is None or not said else falling_rates(kept, run, checked[said[0]], columns.read)
    return notes + rates


def _filtered(frame: pd.DataFrame, columns: Columns, source: str) -> pd.DataFrame:
    """Return the rows that the filter keeps; where it keeps none, it may be that columns count in other units than it does."""
    try:
        return filtered(frame, columns.where, source)
    except InputError as error:
        if columns.where is None:
            raise
        keep, read = parse_filter(columns.where), {one.column: name for name, one in columns.inputs.items()}
        # Inputs held against each other, as in tokens > params: which units they are in decides.
        compared = len(set(read) & keep.columns) > 1 and set(read) <= set(frame)  # type: ignore[attr-defined]
        numbers = {
            name: pd.to_numeric(frame[column], "coerce") * base_factor(columns.inputs[name], frame)
            for column, name in read.items()
            if compared
        }
        odd = odd_counts(pd.DataFrame(numbers), columns) if compared else ()
        raise InputError("; ".join([str(error), *odd])) from None


def _mended(table: pd.DataFrame, parts: Sequence[Part], columns: Columns, curve: Curve) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of whole logs to fit to, and what was found in them."""
    file = np.repeat(np.arange(len(parts)), [len(part.table) for part in parts])
    refuse_other_runs(table, file, parts, [name for name in columns.inputs if name != curve.along])
    row = np.concatenate([part.rows for part in parts])
    if curve.warmup is not None:
        curve = replace(curve, warmup=curve.warmup * (columns.inputs[curve.along].scale or 1.0))
    log, notes = mended(as_log(table, columns, row, file, tuple(part.source for part in parts)), columns, curve)
    schedules = {name: list(dict.fromkeys(v for p in parts for v in p.schedules.get(name, ()))) for name in SCHEDULES}
    return log.table, notes + schedule_notes(schedules)


def _joined_tables(tables: Sequence[pd.DataFrame], dims: Sequence[str]) -> pd.DataFrame:
    """Return tables one after the other; labels are text in all where they are in one."""
    if len(tables) == 1:
        return tables[0]
    text = [dim for dim in dims if len({pd.api.types.is_numeric_dtype(table[dim]) for table in tables}) > 1]
    alike = [table.assign(**{dim: table[dim].map(number_as_text).astype("str") for dim in text}) for table in tables]
    return pd.concat(alike, ignore_index=True)


def _levels(table: pd.DataFrame, dims: Iterable[str]) -> dict[str, np.ndarray]:
    return {dim: ordered_levels(table[dim]) for dim in dims}


def _scheduled(
    frame: pd.DataFrame, columns: Columns, read: Sequence[str], run: str | tuple[str, ...] | None, source: str
) -> pd.DataFrame:
    """Return a table with those columns to be read that the schedule gives and the table does not hold already."""
    wanted = [column for column in dict.fromkeys(read) if column in DERIVED and column not in frame]
    if columns.schedule is None or not wanted:
        return frame
    along = columns.schedule.along
    steps = next((one.scale for one in columns.inputs.values() if one.column == along and one.scale is not None), 1.0)
    if steps == 1.0 or frame.attrs.get(IN_BASE):
        return schedule_inputs(frame, columns.schedule, run, wanted, source)
    given = named_column(frame, along, source)
    return schedule_inputs(frame.assign(**{along: given * steps}), columns.schedule, run, wanted, source).assign(
        **{along: given}
    )


def _input(
    frame: pd.DataFrame,
    name: str,
    column: str,
    columns: Columns,
    source: str,
    rows: np.ndarray,
    *,
    positive: bool = True,
    scale: float = 1.0,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return an input's column, and where the schedule has it in parts one for each of them, by the input's name."""
    schedule, kind = columns.schedule, columns.inputs[name].column
    parts = part_columns(column, schedule.parts) if schedule and kind in IN_PARTS else []
    names = [name, *(part_columns(name, len(parts)) if set(parts) <= set(frame) else ())]
    of = dict(zip(names, [column, *parts], strict=False))
    least, unit = schedule is not None and kind in MAY_BE_ZERO, columns.inputs[name].unit
    limits = {"positive": positive and not least, "negative": not least}
    return pd.DataFrame(
        {
            name: number_column(frame, one, source, rows, **limits, unit=unit, scale=scale, notes=notes)
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
    kept = filtered(runs.table, where, runs.source)
    dropped = runs.dropped + len(runs) - len(kept)
    averaged = int(kept["count"].sum()) if "count" in kept else len(kept)
    return replace(
        runs, table=kept.reset_index(drop=True), levels=_levels(kept, runs.levels), dropped=dropped, averaged=averaged
    )


def joined(runs: Runs, others: Runs) -> Runs:
    """Return runs with others after them, against the references of the former; both have the same columns."""
    tables = _with_errors(runs.table, others.table)
    table = marked(_joined_tables([tables[0], tables[1][list(tables[0])]], tuple(runs.columns.dims)))
    dropped, averaged = runs.dropped + others.dropped, runs.averaged + others.averaged
    return replace(runs, table=table, levels=_levels(table, runs.columns.dims), dropped=dropped, averaged=averaged)


def _with_errors(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return tables that all have measurement errors where one has them: only its rows may have been rounded."""
    if not any("measurement_error" in table for table in tables):
        return list(tables)
    return [table if "measurement_error" in table else table.assign(measurement_error=0.0) for table in tables]


def read_points(table: Table, runs: Runs, groups: Sequence[str], past: int = 0) -> pd.DataFrame:
    """Return points to predict at: a column for each input, and for each of `groups` and further groups the table has.

    A column may carry the name it has in the runs' table, and then counts as that does, or the name in the law, and then counts
    in the input's base unit; see `counts.in_base`.
    Where inputs come from a schedule, points are a schedule as it was run or is planned: rows of step and learning rate.

    groups: those the points must say a level of; a level that the runs do not have stands for one never seen.
    past: so many rows at the top tell a schedule's past only, and are no points themselves.

    Raises InputError as `read_runs` does.
    """
    source, notes = source_of(table, "the points"), list[str]()
    frame = in_base(table, runs)
    rows = frame.index.to_numpy()
    frame = frame.reset_index(drop=True)
    if not len(frame):
        raise InputError(f"{source} has no rows")
    run = ("run",) if "run" in frame else runs.columns.dims.get("run", ())
    read = [one.column for name, one in runs.columns.inputs.items() if name not in frame]
    frame = _scheduled(frame, runs.columns, read, run if set(run) <= set(frame) else None, source)
    frame, rows = frame.iloc[past:].reset_index(drop=True), rows[: len(frame) - past]
    points = pd.DataFrame(index=frame.index)
    for name, one in runs.columns.inputs.items():
        column = one.column if one.column in frame or name not in frame else name
        points = pd.concat([points, _input(frame, name, column, runs.columns, source, rows, notes=notes)], axis=1)
    for dim, parts in runs.columns.dims.items():
        named = (dim,) if dim in frame else parts
        if dim in groups or set(named) <= set(frame):
            points[dim] = label_column(frame, named, source, rows)
    if notes := [*read_of(frame).get("notes", ()), *notes]:
        points.attrs["notes"] = tuple(dict.fromkeys(notes))
    return marked(points)


def round_reference(values: pd.Series) -> float:
    """Return the geometric mean rounded to 1, 2 or 5 times a power of ten, whichever is nearest in the logarithm."""
    exponent = float(np.log10(values).mean())
    lead = min((1, 2, 5, 10), key=lambda digit: abs(exponent - floor(exponent) - log10(digit)))
    return float(f"{lead}e{floor(exponent)}")


def _reading_error(
    frame: pd.DataFrame, role: MeasurementError, response: pd.Series, source: str, rows: np.ndarray, notes: list[str]
) -> pd.Series:
    column = named_column(frame, role.column, source)
    numbers = pd.Series(column_numbers(column, source, rows, notes=notes)[0])
    wrong = ~(np.isfinite(numbers) & (numbers >= 0)) & np.isfinite(response)
    refuse_first(wrong, column, f"{source}: column {role.column!r}", rows, "is no reading error; expected a number >= 0")
    return numbers * response.abs() if role.relative else numbers
