"""Several tables read as one: they must count in the same units, and a run may go on from one to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.conventions import Conventions
from bayes_scaling.data.log_rows import format_runs
from bayes_scaling.data.logged_rates import LoggedRates

MAX_RANGE_FACTOR = 100.0
"""Tables whose ranges of an input lie apart by such a factor count in other units."""


@dataclass(frozen=True)
class Part:
    """One table of several.

    Parameters
    ----------
    table
        As checked.
    rows
        The place of each row in its file, from 0.
    dropped
        Rows that the filter removed.
    units
        Column -> unit, where the table says them.
    schedules
        Values of columns that say how the learning rate went.
    notes
        On what its columns count in, and on what its rows are where nothing says so, a sentence each.
    conventions
        How it counts, as far as it says so.
    learning_rates
        Run -> its learning rates, where a schedule says them.
    """

    source: str
    table: pd.DataFrame
    rows: np.ndarray
    dropped: int
    units: Mapping[str, str]
    schedules: Mapping[str, Sequence[Any]]
    notes: tuple[str, ...] = ()
    conventions: Conventions = Conventions()
    learning_rates: Mapping[str, LoggedRates] = field(default_factory=dict)


def require_same_units(parts: Sequence[Part], inputs: Mapping[str, str]) -> None:
    """Refuse tables that say other units of a column, or whose ranges of an input lie a factor of a hundred apart.

    Parameters
    ----------
    inputs
        Name of an input -> its column.
    """
    for one, other in combinations(parts, 2):
        for column in sorted(set(one.units) & set(other.units)):
            if one.units[column] != other.units[column]:
                raise InputError(
                    f"{other.source}: column {column!r} is in {other.units[column]!r}, in {one.source} in "
                    f"{one.units[column]!r}; give both in one unit"
                )
    for name, column in inputs.items():
        _refuse_apart(parts, name, column)


def _refuse_apart(parts: Sequence[Part], name: str, column: str) -> None:
    """Refuse tables between whose ranges of an input a factor lies that only another unit explains."""
    own = [part.table[name][part.table[name] > 0] for part in parts]
    ranges = sorted((of.min(), of.max(), part.source) for of, part in zip(own, parts, strict=True) if len(of))
    reached = np.maximum.accumulate([high for _, high, _ in ranges])
    for place, (_, (low, high, source)) in enumerate(pairwise(ranges)):
        if low >= MAX_RANGE_FACTOR * reached[place]:
            least, most, below = max(ranges[: place + 1], key=lambda one: one[1])
            raise InputError(
                f"{source}: column {column!r} runs from {exact(low)} to {exact(high)}, "
                f"in {below} from {exact(least)} to {exact(most)}; "
                "do they count in the same unit?"
            )


def shared_runs(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return a sentence that names the runs that stand in several tables, if there are any."""
    labels = [part.table["run"].drop_duplicates().astype(str) for part in parts if "run" in part.table]
    stands = pd.concat(labels).value_counts(sort=False) if len(labels) > 1 else pd.Series(dtype=int)
    shared = list(stands.index[stands > 1])
    if not shared:
        return ()
    each = "it is" if len(shared) == 1 else "each is"
    return (
        f"{format_runs(shared)} go{'es' if len(shared) == 1 else ''} on from one table to the next: {each} read as one run",
    )


def require_same_settings(table: pd.DataFrame, file: np.ndarray, parts: Sequence[Part], inputs: Sequence[str]) -> None:
    """Refuse runs that have one value of an input in one table and another in the next: they only share a name.

    Parameters
    ----------
    table
        All tables, one after the other.
    file
        The part that each row is of.
    """
    if len(parts) == 1:
        return
    for name in inputs:
        own = table[name].groupby([table["run"], file], sort=False).agg(["min", "max"]).reset_index(names=["run", "file"])
        found = own.groupby("run", sort=False).agg({"min": ["min", "max"], "max": ["min", "max"]})
        even = (own["min"] == own["max"]).groupby(own["run"], sort=False).all()
        clash = even & (found["min", "min"] != found["max", "max"])
        if clash.any():
            run = clash.index[int(np.argmax(clash))]
            of = own[own["run"] == run].drop_duplicates("min")
            values = ", ".join(f"{exact(row['min'])} in {parts[row['file']].source}" for row in of.to_dict("records"))
            raise InputError(f"run {format_value(run)} has {name} {values}; give runs names of their own")
