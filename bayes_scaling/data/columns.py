"""What each column of a table is for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.deprecation import renamed_field
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.filters import parse_filter
from bayes_scaling._base.numbers import spaced_name
from bayes_scaling.data.conventions import Conventions
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.curve import Average, Curve, Tail
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.mixtures import Mixtures, with_members
from bayes_scaling.data.output_columns import OUTPUT, named_outputs, own_units, with_unit
from bayes_scaling.data.reserved import ANSWERED, ANSWERS, OF_AVERAGES, RESERVED
from bayes_scaling.data.response import Response
from bayes_scaling.data.schedule_columns import DERIVED, EFFECTIVE, NO_SCALE, Schedule

__all__ = ["Average", "Columns", "Conventions", "Cost", "Curve", "Input", "MeasurementError", "Response", "Schedule", "Tail"]


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
    conventions
        How parameters, compute, tokens and the loss were counted. What is left out here is taken from the table, where it says
        so; tables that count an input differently are refused.
    costs
        Name -> what a run takes: compute counted another way, hours, money. Comparisons are then made at each of them.
    tail
        The last stretch along an input, to which rows are confined. How many that leaves out is reported.
    best_so_far
        The input along which a table may show the best value so far, as evaluations of logs often are: where rows of a run
        never rise along it, or never fall, and repeat themselves. A row that repeats the one before then says that a value was
        no better, not what it was. Where that is found is in `Runs.notes`.
    mixtures
        Name in the law -> the columns that are shares of one whole, by member or as a list whose names are the members'. Each
        is an input, `r_web` for the member web of r, that may be 0; a law may sum over them, `sum(t[j] * r[j])`. The shares
        of each row sum to 1.
    outputs
        Several columns that one model predicts, side by side in the table: name of the output -> column, or a list of columns,
        in the unit of `response` or in `output_units`. Each row then is one run, unless `run` says otherwise, and is read as a
        row for each of its outputs, with the groups "output" and "run". Cells may be missing.
    output_units
        Name of the output -> its unit, where outputs are in several, as nats/token and accuracy. What columns' names say unless
        given. Noise is then on the log loss, or its scale varies over output; what compares outputs with each other is refused.

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
    conventions: Conventions = Conventions()
    costs: Mapping[str, Cost] = field(default_factory=dict)
    tail: Tail | None = None
    best_so_far: str | None = None
    mixtures: Mapping[str, Mapping[str, str] | tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, str] | tuple[str, ...] = field(default_factory=dict)
    output_units: Mapping[str, str] = field(default_factory=dict)

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
            conventions=checks.record(Conventions),
            costs=checks.named(checks.record(Cost)),
            tail=checks.optional(checks.record(Tail)),
            best_so_far=checks.optional(checks.name),
            mixtures=checks.named(_members),
            outputs=named_outputs,
        )
        self._complete()
        self._check_outputs()
        self._check_along()
        self._check_names()
        self._check_costs()

    def _complete(self) -> None:
        """Set what follows from what is given: units of outputs, inputs of mixtures, names and units of costs."""
        units = own_units(self.response, self.by_output, self.output_units)
        object.__setattr__(self, "response", with_unit(self.response, units))
        object.__setattr__(self, "output_units", units if len(set(units.values())) > 1 else {})
        object.__setattr__(self, "inputs", with_members(self.inputs, self.members))
        units = {name: one.unit for name, one in self.inputs.items()}
        costs = {name: replace(one, name=one.name or spaced_name(name)).among(units) for name, one in self.costs.items()}
        object.__setattr__(self, "costs", costs)
        if self.where is not None:
            parse_filter(self.where)

    def _check_along(self) -> None:
        """Refuse rows along an input that is none, or along runs that nothing tells apart."""
        if self.average is not None and (self.run is None or self.average.along not in self.inputs):
            raise InputError(f"average needs run, and an input to average along, one of {format_names(self.inputs)}")
        if self.curve is not None and (self.run is None or self.curve.along not in self.inputs):
            raise InputError(f"curve needs run, and an input along which a run is logged, one of {format_names(self.inputs)}")
        if self.tail is not None and self.tail.along not in self.inputs:
            raise InputError(f"tail needs an input along which rows are ordered, one of {format_names(self.inputs)}")
        if self.best_so_far is not None:
            if self.best_so_far not in self.inputs:
                raise InputError(f"best_so_far needs an input along which rows are ordered, one of {format_names(self.inputs)}")
            if taken := [name for name in ("average", "outputs") if getattr(self, name)]:
                raise InputError(f"best_so_far is of rows of one response as they are written; expected no {taken[0]}")

    def _check_names(self) -> None:
        """Refuse inputs and groups that are called as one another, or as what the package has of its own."""
        read = {self.schedule.lr, self.schedule.along} if self.schedule else set()
        if hidden := [name for name, one in self.inputs.items() if name in read and one.column in DERIVED]:
            raise InputError(f"an input from the schedule cannot be called as a column that it comes from: {hidden[0]!r}")
        taken = (RESERVED | OF_AVERAGES | ANSWERS) & {*self.inputs, *self.groups} | ANSWERED & {*self.groups}
        if taken := taken | set(self.inputs) & set(self.groups):
            raise InputError(f"inputs and groups need names of their own; {format_names(taken)} is taken")

    def _check_costs(self) -> None:
        """Refuse a cost for each level of what is no group, and one that is called as an input or a group."""
        for name, one in self.costs.items():
            if one.group is not None and one.group not in self.dims:
                known = format_names(self.dims)
                raise InputError(f"cost {name!r} has a formula for each {one.group!r}, which is no group; groups are {known}")
            if f"cost_{name}" in {*self.inputs, *self.dims}:
                raise InputError(f"inputs and groups need names of their own; 'cost_{name}' is that of the cost {name!r}")

    def _check_outputs(self) -> None:
        """Refuse several outputs beside what is read from logs, and columns with two meanings."""
        if not self.outputs:
            return
        of_logs = [name for name in ("curve", "average", "schedule") if getattr(self, name) is not None]
        if of_logs:
            raise InputError(f"several outputs are read from tables of one row a run; expected no {of_logs[0]}")
        inputs = [one.column for one in self.inputs.values() if one.column in self.by_output.values()]
        if inputs:
            raise InputError(f"column {inputs[0]!r} is an input and an output; give it as one of them")
        if OUTPUT in {*self.inputs, *self.groups}:
            raise InputError(f"inputs and groups need names of their own; {OUTPUT!r} is that of the group of the outputs")
        parts = [part for of in self.groups.values() for part in ((of,) if isinstance(of, str) else of)]
        others = {*(one.column for one in self.inputs.values()), *parts, *self.cost_reads}
        if self.response.column in others - {*self.by_output.values()}:
            raise InputError(
                f"column {self.response.column!r} is read beside the outputs, whose response it is called as; "
                "expected response = { column = ... } of another name"
            )
        if OUTPUT in others:
            raise InputError(f"column {OUTPUT!r} says which output a row is of; rename the one that is read beside the outputs")

    @property
    def by_output(self) -> dict[str, str]:
        """The outputs: name -> column; empty where there is one response."""
        return dict(self.outputs) if isinstance(self.outputs, Mapping) else {}

    @property
    def responses(self) -> tuple[str, ...]:
        """The columns of the response: one, or one for each output."""
        return tuple(self.by_output.values()) or (self.response.column,)

    def unit_of(self, table: pd.DataFrame) -> str:
        """Return the unit of the responses of rows; "" where they are in several."""
        if not self.output_units or OUTPUT not in table:
            return self.response.unit
        units = {self.output_units.get(str(output), "") for output in table[OUTPUT]}
        return next(iter(units)) if len(units) == 1 else ""

    @property
    def all_units(self) -> str:
        """The unit of the response, or those of the outputs, as text: what must agree where fits and tables are compared."""
        return ", ".join(f"{of} ({name})" for name, of in sorted(self.output_units.items())) or self.response.unit

    @property
    def members(self) -> Mixtures:
        """The mixtures: name in the law -> member -> column."""
        return {name: of for name, of in self.mixtures.items() if isinstance(of, Mapping)}

    @property
    def scales(self) -> tuple[str, ...]:
        """The inputs with one positive number a row, whose logarithm says how far apart rows are."""
        whole = {*NO_SCALE} if self.schedule else set()
        return tuple(name for name, one in self.inputs.items() if one.column not in whole and not one.zero)

    @property
    def logarithms(self) -> tuple[str, ...]:
        """The inputs whose logarithm a trend or a discrepancy may be on: those of `scales`, and the effective rate."""
        rate = {EFFECTIVE} if self.schedule else set()
        return tuple(name for name, one in self.inputs.items() if name in self.scales or one.column in rate)

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Every group, the runs among them, and the columns whose combination is its level."""
        every = dict(self.groups) | ({"run": self.run} if self.run else {"run": "run"} if self.outputs else {})
        every |= {OUTPUT: OUTPUT} if self.outputs else {}
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
        rates = [self.schedule.lr, self.schedule.along, *self._filtered & {*DERIVED}] if self.schedule is not None else []
        inputs = [one.column for one in self.inputs.values()]
        return frozenset([self.response.column, *self.responses, *inputs, *errors, *rates, *self.cost_reads])

    @property
    def cost_reads(self) -> frozenset[str]:
        """The columns that costs read beside inputs and groups."""
        return frozenset(name for one in self.costs.values() for name in one.reads) - {*self.inputs, *self.dims}

    @property
    def read(self) -> frozenset[str]:
        """The columns of a table that are read."""
        return self.numbers | self._filtered | frozenset(part for of in self.dims.values() for part in of)

    @property
    def _filtered(self) -> frozenset[str]:
        """The columns that the filter reads."""
        return frozenset(parse_filter(self.where).columns if self.where is not None else ())  # type: ignore[attr-defined]


def _members(value: Any, what: str) -> Mapping[str, str]:
    """Return the members of a mixture with their columns; those of a list are called as their columns."""
    of = {name: name for name in value} if isinstance(value, list | tuple) else value
    checked: Mapping[str, str] = checks.named(checks.column)(of, what)
    if len(checked) < 2:
        raise InputError(f"{what}: a mixture has two or more members")
    return checked


def _one_line(text: Any) -> Any:
    """Return a filter that is written on several lines as one."""
    return re.sub(r"[\r\n\t]", " ", text) if isinstance(text, str) else text
