"""The roles of a table's columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bayes_scaling._base import checks
from bayes_scaling._base.deprecation import renamed_field
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.data.reserved import ANSWERED, ANSWERS, OF_AVERAGES, RESERVED
from bayes_scaling.data.schedule_columns import DERIVED, NO_SCALE
from bayes_scaling.laws.units import (
    DEFAULT_LOSS_UNIT,
    PERPLEXITY,
    column_unit,
    counted_by_name,
    loss_unit,
    read_unit,
    response_unit,
)


@dataclass(frozen=True)
class Curve:
    """The rows of a run are one log, in the order they were written.

    A step back is a restart. Rows of the attempt before, at or beyond its place, are replaced by the later ones. Of rows at the
    same place that follow one another the last is kept. What was found is in `Runs.notes`.

    Parameters
    ----------
    along
        The input that orders a log.
    warmup
        Rows with less of it are left out.
    warmup_fraction
        Rows with less than this fraction of their run's last value are left out. Give either this or `warmup`.
    skip
        What to leave out. "missing": rows without a finite response, which are an error otherwise. "spikes": rows that rise and
        fall again by more than 5 % and 8 robust standard deviations, which are kept otherwise. Both are reported.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Curve
    >>> columns = bs.Columns({"tokens": bs.Input("tokens")}, run="run", curve=Curve("tokens", warmup=1e8))
    """

    along: str
    warmup: float | None = None
    warmup_fraction: float | None = None
    skip: tuple[Literal["missing", "spikes"], ...] = ()

    def __post_init__(self) -> None:
        if self.warmup is not None and self.warmup_fraction is not None:
            raise InputError("give either warmup or warmup_fraction")
        checks.check(
            self,
            "of a curve",
            along=checks.name,
            warmup=checks.optional(checks.positive),
            warmup_fraction=checks.optional(checks.within(0, 1)),
        )
        checks.check(self, "of a curve", skip=checks.several(checks.one_of(["missing", "spikes"])))


@dataclass(frozen=True)
class Schedule:
    """The columns that say how the learning rate goes along a run.

    From them come the columns `lr_sum`, `annealing_area`, `lr_drop`, `lr_then`, `lr_since` and `lr_fall`, which inputs may
    name, see `schedule_inputs`. They are computed from all rows of a run, before any filter. So rows without a loss may be
    there for the schedule only, and `where = "loss > 0"` leaves them out afterwards. A sudden drop needs a
    row at the step before it.

    Parameters
    ----------
    lr
        Column of the learning rate of the step.
    along
        Column of the optimizer step, whole numbers counted from 1. For `lr_fall` alone any that orders a run, such as tokens.
    momentum
        Factor a step by which an earlier fall counts less in `annealing_area`. Tissue et al. 2024 have .99 to .9995.
    parts
        Number of equal parts that the fall so far is cut into. Twice as many cost twice the time.
    warmup
        Step by which the learning rate had risen, linearly from 0, to that of the first row. None: at the first row.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Schedule
    >>> columns = bs.Columns({"S1": bs.Input("lr_sum")}, run="run", schedule=Schedule(lr="learning_rate"))
    """

    lr: str = "lr"
    along: str = "step"
    momentum: float = 0.999
    parts: int = 16
    warmup: float | None = None

    def __post_init__(self) -> None:
        checks.check(
            self,
            "of a schedule",
            lr=checks.column,
            along=checks.column,
            momentum=checks.within(0, 1),
            parts=checks.integer(1, 256),
        )
        checks.check(self, "of a schedule", warmup=checks.optional(checks.at_least(0)))


@dataclass(frozen=True)
class Response:
    """The column that the law predicts, and its unit.

    Parameters
    ----------
    column
        Its name in the table.
    unit
        Unit of the losses: nats or bits per token, byte or character, "error rate", or any other. "auto": what the column's
        name says (`val_bpb`, `bits_per_byte`, `ppl`), else nats/token. Priors in another unit follow it, see `Model.unit`. With
        "perplexity" the logarithm of the column is taken, and losses are in nats/token.
    positive
        Whether values <= 0 are refused. False where they are meant, which needs noise on the loss itself.
    name
        What to call it on axes.
    perplexity
        Whether the column holds perplexities. Follows from the unit.
    bytes_per_token
        Bytes, or characters, in a token, for a loss per token beside one per byte. About 4.3 unless given, and priors are the
        wider for it.
    assumed
        Whether the unit is a default. Follows from "auto".

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.Response("val_bpb").unit
    'bits/byte'
    >>> bs.Response("loss").unit
    'nats/token'
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
            named = response_unit(self.column)
            object.__setattr__(self, "assumed", named is None)
            object.__setattr__(self, "unit", named or DEFAULT_LOSS_UNIT)
        if self.perplexity is None and (unit := loss_unit(self.unit)).split("/")[0] == PERPLEXITY:
            object.__setattr__(self, "perplexity", True)
            object.__setattr__(self, "unit", f"nats/{unit.partition('/')[2] or 'token'}")


@dataclass(frozen=True)
class Input:
    """A column the law reads, its unit and its reference.

    Only the file counts in the unit of the column. All else counts in base units, such as tokens or FLOP:
    `Input("d", "B tokens", 20)` is `Input("d", "tokens", 2e10, scale=1e9)`.

    Parameters
    ----------
    column
        Its name in the table. Its numbers are positive.
    unit
        Unit of the column, such as "parameters", "B tokens", "1e9 tokens" or "EFLOP". Unless given, what the column's name
        says, as `params_m` or `tokens (B)`. It is kept without its prefix: the unit of answers, axes and tables.
    reference
        The law sees column / reference. Given in the unit of the column. None: the geometric mean of the runs, rounded to 1, 2
        or 5 times a power of ten.
    scale
        How many of `unit` one of the column is. Follows from the unit's prefix. None where nothing says it: then 1, and numbers
        that no such unit has are refused.
    counts
        Factor from the file's numbers to the column's unit, where a file counts otherwise than the column was declared. A
        filter sees the numbers multiplied.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> one = bs.Input("d", "B tokens", 20)
    >>> one.unit, one.reference, one.scale
    ('tokens', 20000000000.0, 1000000000.0)
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
        if unit is not None and (unit.explicit or not self.unit):
            object.__setattr__(self, "unit", unit.name or counted_by_name(self.column))
        if unit is not None and unit.explicit:
            object.__setattr__(self, "scale", (self.scale or 1.0) * unit.factor)
            object.__setattr__(self, "reference", None if self.reference is None else self.reference * unit.factor)

    @property
    def factor(self) -> float:
        """How many of `unit` one of the file's numbers is."""
        return (self.scale or 1.0) * (self.counts or 1.0)


@dataclass(frozen=True)
class MeasurementError:
    """A column with the standard error of each row's response, known beforehand.

    Errors are independent from row to row, so that the mean of n rows has one over sqrt(n). An error that all rows of a run
    share is not meant: it averages out in no mean.

    Parameters
    ----------
    column
        Its name in the table.
    relative
        Whether the column is a fraction of the response (0.01 is 1 %). Otherwise it is in the unit of the response.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import MeasurementError
    >>> columns = bs.Columns({"compute": bs.Input("compute")}, measurement_error=MeasurementError("loss_rel_error"))
    """

    column: str
    relative: bool = True

    def __post_init__(self) -> None:
        checks.check(self, "of the measurement error", column=checks.column, relative=checks.flag)


@dataclass(frozen=True)
class Average:
    """Neighbouring rows of a run are replaced by their mean.

    What rows scatter by averages out, what they share stays. Bins are equal in the logarithm of an input. A bin has the mean
    response of its rows, the geometric mean of each input, the arithmetic one where it comes from a schedule and may be zero,
    and the measurement error of a mean of independent measurements.

    Parameters
    ----------
    along
        The input that orders the rows of a run.
    per_decade
        Bins for each factor of ten of it.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.data.columns import Average
    >>> columns = bs.Columns({"tokens": bs.Input("tokens")}, run="run", average=Average("tokens", per_decade=20))
    """

    along: str
    per_decade: float

    def __post_init__(self) -> None:
        checks.check(self, "", along=checks.name, per_decade=checks.positive)


@renamed_field("reading_error", "measurement_error")
@dataclass(frozen=True)
class Columns:
    """What each column of a table is for.

    Parameters
    ----------
    inputs
        Name in the law -> column.
    response
        The column that the law predicts. `loss` unless given.
    groups
        Name of the dimension -> column, or several columns whose combination is a level.
    run
        Column or columns that tell which run a row belongs to. They become the group "run".
    measurement_error
        Standard error of each row's response, where it is known.
    where
        Row filter such as `params < 1e9 and corpus == "c4"`. Rows that it does not keep are counted and reported. It sees the
        columns as they are declared: the file's own numbers, in millions where the unit is "M parameters". Filters of checked
        runs, as in `subset` and backtests, see inputs in base units.
    average
        Rows of one run to be averaged. Needs `run`. How many rows that leaves is reported.
    curve
        The rows of a run are one log, and are checked as such. Needs `run`. What was found is reported.
    schedule
        Columns that say how the learning rate goes. Inputs may then read `lr_sum` and others, see `Schedule`.

    Raises
    ------
    InputError
        Where a name is taken, a filter cannot be read, or `run` is missing where it is needed.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> columns = bs.Columns(
    ...     {"params": bs.Input("N", "M parameters"), "tokens": bs.Input("D", "B tokens")},
    ...     bs.Response("val_loss"),
    ...     groups={"arch": "model_type"},
    ... )
    >>> sorted(columns.read)
    ['D', 'N', 'model_type', 'val_loss']
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
            raise InputError(f"average needs run, and an input to average along, one of {format_names(self.inputs)}")
        if self.curve is not None and (self.run is None or self.curve.along not in self.inputs):
            raise InputError(f"curve needs run, and an input along which a run is logged, one of {format_names(self.inputs)}")
        read = {self.schedule.lr, self.schedule.along} if self.schedule else set()
        if hidden := [name for name, one in self.inputs.items() if name in read and one.column in DERIVED]:
            raise InputError(f"an input from the schedule cannot be called as a column that it comes from: {hidden[0]!r}")
        taken = (RESERVED | OF_AVERAGES | ANSWERS) & {*self.inputs, *self.groups} | ANSWERED & {*self.groups}
        if taken or set(self.inputs) & set(self.groups):
            clash = format_names(taken | (set(self.inputs) & set(self.groups)))
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
