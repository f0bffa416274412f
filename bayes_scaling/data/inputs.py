"""The columns of a law's inputs: from the table, or from the schedule; and their references."""

from collections.abc import Sequence
from math import floor, log10
from typing import Literal

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, decades, exact
from bayes_scaling.data.cells import IN_BASE, named_column, number_column
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.schedule_columns import DERIVED, IN_PARTS, MAY_BE_ZERO
from bayes_scaling.data.schedules import part_columns, schedule_inputs


def with_schedule(
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


def input_columns(
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
    zero, unit = columns.inputs[name].zero, columns.inputs[name].unit
    least = zero or (schedule is not None and kind in MAY_BE_ZERO)
    limits = {"positive": positive and not least, "negative": not least}
    hint = "; an input that may be 0 says so: zero = true"
    return pd.DataFrame(
        {
            name: number_column(frame, one, source, rows, **limits, unit=unit, scale=scale, notes=notes, if_zero=hint)
            for name, one in of.items()
        }
    )


def input_reference(values: pd.Series, column: str, source: str, at: Literal["middle", "largest"] = "middle") -> float:
    """Return the reference of an input that states none, from its values in the runs."""
    if not (values > 0).any():
        raise InputError(
            f"{source}: column {column!r} is 0 throughout: the learning rate never falls; give the input a reference"
        )
    return float(values.max()) if at == "largest" else round_reference(values[values > 0])


def round_reference(values: pd.Series) -> float:
    """Return the geometric mean rounded to 1, 2 or 5 times a power of ten, whichever is nearest in the logarithm."""
    exponent = float(np.log10(values).mean())
    lead = min((1, 2, 5, 10), key=lambda digit: abs(exponent - floor(exponent) - log10(digit)))
    return float(f"{lead}e{floor(exponent)}")


FAR_REFERENCE = 3.0
"""A stated reference so many decades beyond the runs is said: priors at it are about no size that the runs come near."""


def far_references(table: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    """Return which stated references lie far beyond the runs, as one in base units does beside a column in millions."""
    said = []
    for name in columns.scales:
        one = columns.inputs[name]
        if one.reference is None:
            continue
        low, high = float(table[name].min()), float(table[name].max())
        apart = max(log10(low / one.reference), log10(one.reference / high))
        if apart >= FAR_REFERENCE:
            own = one.scale or 1.0
            near = low * 10**-FAR_REFERENCE <= one.reference / own <= high * 10**FAR_REFERENCE
            how = (
                f"; a reference is in the unit of the column, of {exact(own)} {one.unit}: "
                f"expected {exact(one.reference / own**2)} for {amount(one.reference / own, one.unit)}"
            )
            said.append(
                f"the reference of {name}, {amount(one.reference, one.unit)}, lies {decades(apart)} beyond the runs, which "
                f"have {amount(low, '')} to {amount(high, one.unit)}: priors are at it{how if own != 1.0 and near else ''}"
            )
    return tuple(said)
