"""Where priors of a law's parameters are: the references of inputs, and runs put against them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.runs import Runs
from bayes_scaling.laws.units import conversion, read_unit


@dataclass(frozen=True)
class Reference:
    """The value that an input is divided by before a law sees it.

    Parameters
    ----------
    value
        In the unit.
    unit
        Such as "parameters" or "B tokens", kept without its prefix; "": whatever runs count in.

    Examples
    --------
    >>> Reference(20, "B tokens")
    Reference(value=20000000000.0, unit='tokens')
    """

    value: float
    unit: str = ""

    def __post_init__(self) -> None:
        checks.check(self, "of a reference", value=checks.positive, unit=checks.text)
        unit = read_unit(self.unit) if self.unit else None
        if unit is not None and unit.explicit:
            object.__setattr__(self, "value", self.value * unit.factor)
            object.__setattr__(self, "unit", unit.name)

    def __str__(self) -> str:
        return amount(self.value, self.unit)


def stated_references(inputs: Mapping[str, Input]) -> dict[str, Reference]:
    """Return the references that inputs state; those of others are found from the runs."""
    return {name: Reference(one.reference, one.unit) for name, one in inputs.items() if one.reference is not None}


def references_of(runs: Runs) -> dict[str, Reference]:
    """Return the references of runs, without those that each table of runs has of its own: its largest."""
    inputs = runs.columns.inputs
    return {name: Reference(of, inputs[name].unit) for name, of in runs.references.items() if _one_for_all(inputs[name])}


def with_references(runs: Runs, references: Mapping[str, Reference]) -> Runs:
    """Return runs against the references that priors are at; their columns state these from then on.

    Parameters
    ----------
    references
        Input -> its reference; inputs that the runs lack are left alone. So are those whose columns state a reference in a unit
        to which no factor leads: priors are then at that one.

    Raises
    ------
    InputError
        Where the columns state another reference, or none and count in a unit to which no factor leads.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_scaling import Columns, Input, Response, read_runs
    >>> columns = Columns({"params": Input("params")}, Response("loss"))
    >>> runs = read_runs(pd.DataFrame({"params": [1e7, 1e8, 1e9], "loss": [4.0, 3.5, 3.2]}), columns)
    >>> dict(runs.references), dict(with_references(runs, {"params": Reference(1, "B parameters")}).references)
    ({'params': 100000000.0}, {'params': 1000000000.0})
    """
    found = _moved(runs.columns.inputs, runs.references, references, runs.source)
    return replace(runs, columns=_stating(runs.columns, found), references={**runs.references, **found}) if found else runs


def columns_at(columns: Columns, references: Mapping[str, Reference], source: str) -> Columns:
    """Return columns that state the references that priors are at; raises InputError as `with_references` does."""
    now = {name: one.reference for name, one in columns.inputs.items()}
    return _stating(columns, _moved(columns.inputs, now, references, source))


def _moved(
    inputs: Mapping[str, Input], now: Mapping[str, float | None], references: Mapping[str, Reference], source: str
) -> dict[str, float]:
    """Return the references that are to be others, in the unit of each input."""
    found = {name: _value(name, inputs[name], now[name], of, source) for name, of in references.items() if name in inputs}
    return {name: of for name, of in found.items() if of is not None}


def _value(name: str, one: Input, now: float | None, of: Reference, source: str) -> float | None:
    """Return a reference in the unit of an input; None where the input's stays."""
    factor, stated = conversion(read_unit(of.unit), one.unit), one.reference is not None or not _one_for_all(one)
    if factor is None and not stated:
        raise InputError(
            f"{source}: priors are at {of} of {name!r}, which the runs count in {one.unit}, and no factor leads there: "
            f"expected {name!r} in {of.unit}, or a reference of the input, at which the priors are taken to be"
        )
    if factor is None or (now is not None and isclose(now, of.value * factor)):
        return None
    if stated:
        own = "its largest" if now is None else amount(now, one.unit)
        raise InputError(
            f"{source}: priors are at {of} of {name!r}; the runs' columns have the reference {own}: expected that of the "
            "priors, or none, or a model whose priors are at it (references=)"
        )
    return of.value * factor


def _stating(columns: Columns, found: Mapping[str, float]) -> Columns:
    own = {name: replace(columns.inputs[name], reference=of) for name, of in found.items()}
    return replace(columns, inputs={**columns.inputs, **own}) if own else columns


def _one_for_all(one: Input) -> bool:
    return one.reference_at == "middle"
