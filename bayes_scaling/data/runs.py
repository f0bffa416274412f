"""Checked runs: the record, parts of it, and two of them as one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import amount, number, several
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.data.binning import bin_means
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.convention_words import input_words
from bayes_scaling.data.curve import Average
from bayes_scaling.data.labels import number_as_text, ordered_levels
from bayes_scaling.data.logged_rates import LoggedRates
from bayes_scaling.data.rows import filter_rows
from bayes_scaling.data.run_costs import cost_columns
from bayes_scaling.data.table_conventions import plain_unit, unlike_conventions


@dataclass(frozen=True)
class Runs:
    """A checked table of training runs.

    Parameters
    ----------
    table
        One row a run or a point of one; columns `response`, one for each input (in its base unit), one for each group,
        `measurement_error` (in the unit of the response) where it is known; where rows are averages `count`, the rows behind
        each, and `mean_lag`, the mean distance of two of them in e-folds of what they are averaged along; where rows repeat the
        best so far `censored`, 1 where a value is at least what its row shows, -1 where it is at most that, 0 where it is that.
    columns
        What the columns of the original table were for.
    references
        Input -> the value it is divided by before a law sees it.
    levels
        Group -> its levels, in order.
    source
        Where the table came from.
    dropped
        How many rows the filter removed.
    averaged
        How many rows of the file stand behind the rows here; as many unless neighbours were averaged.
    notes
        What was found in logs, and done about it, a sentence each.
    learning_rates
        Run -> its learning rates before any filter or average, where a schedule says them.
    """

    table: pd.DataFrame
    columns: Columns
    references: Mapping[str, float]
    levels: Mapping[str, np.ndarray]
    source: str = "a data frame"
    dropped: int = 0
    averaged: int = 0
    notes: tuple[str, ...] = ()
    learning_rates: Mapping[str, LoggedRates] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        said = [f"{several(len(self), 'row')} of {self.source}"]
        for name, of in self.columns.inputs.items():
            low, high = (float(end(self.table[name])) for end in (np.min, np.max))
            counted = input_words(self.columns, name)
            unit = plain_unit(of.unit) if counted else of.unit
            unit = "" if unit in (name, "parameters") else unit
            span = amount(low, unit) if low == high else f"{number(low)} to {amount(high, unit)}"
            said.append(f"{name} {span}{', ' if counted else ''}{counted}")
        said += [f"{several(len(levels), 'level')} of {name}" for name, levels in self.levels.items()]
        return visible(f"Runs: {'; '.join(said)}")

    @property
    def held(self) -> dict[str, float]:
        """Where an input is held that nobody asks about: at its reference; one that may be 0 as in the largest run."""
        zeros = [name for name, one in self.columns.inputs.items() if one.zero]
        largest = self.table.iloc[self.largest(self.columns.scales)]
        return dict(self.references) | {name: float(largest[name]) for name in zeros}

    def largest(self, inputs: Sequence[str]) -> int:
        """Return the place of the row in which the product of some inputs is largest, the first of several alike."""
        sizes = np.log(self.table[list(inputs)].to_numpy(float)).sum(axis=1)
        return int(sizes.round(9).argmax())

    def thin(self, per_decade: float = 20, along: str | None = None) -> "Runs":
        """Return the runs with neighbouring rows averaged, as by `Columns.average`, see `thin`."""
        return thin(self, per_decade, along)


def thin(runs: Runs, per_decade: float = 20, along: str | None = None) -> Runs:
    """Return runs with neighbouring rows averaged, as `Columns.average` does, with `count` and `mean_lag`.

    Parameters
    ----------
    runs
        Rows of whole runs, such as logs.
    per_decade
        Bins for each factor of ten.
    along
        The input that orders the rows of a run; that of the columns' curve or average unless given.

    Returns
    -------
    Runs
        A row for each bin of a run that has rows.

    Raises
    ------
    InputError
        Where it is not known which rows are one run, or what orders them.
    """
    columns = runs.columns
    orders = [one.along for one in (columns.curve, columns.average) if one is not None]
    along = along if along is not None else next(iter(orders), "")
    if along not in columns.inputs or columns.run is None:
        raise InputError(
            f"{runs.source}: to thin rows takes columns with run, and along = an input, one of {format_names(columns.inputs)}"
        )
    bins = Average(along, per_decade)
    scales = (*columns.scales, *(name for name in cost_columns(columns) if name in runs.table))
    table = bin_means(runs.table, list(columns.dims), scales, bins.along, bins.per_decade)
    return replace(runs, table=mark_base_units(table))


def subset(runs: Runs, where: str) -> Runs:
    """Return the runs that a filter on the names of inputs and groups keeps, against the same references.

    Parameters
    ----------
    where
        As `Columns.where`, such as "params < 1e9 and corpus == 'web'"; inputs are in base units.

    Raises
    ------
    InputError
        Where the filter names no column or keeps no row.
    """
    kept = filter_rows(runs.table, where, runs.source)
    dropped = runs.dropped + len(runs) - len(kept)
    averaged = int(kept["count"].sum()) if "count" in kept else len(kept)
    return replace(
        runs, table=kept.reset_index(drop=True), levels=levels_of(kept, runs.levels), dropped=dropped, averaged=averaged
    )


def concat_runs(runs: Runs, others: Runs) -> Runs:
    """Return runs with others after them, against the references of the former; both have the same columns.

    Raises
    ------
    InputError
        Where the two count parameters, compute, tokens or losses otherwise.
    """
    if found := unlike_conventions(runs.columns, others.columns):
        name, one, other = found
        raise InputError(f"{others.source}: {name} is {str(other)!r}, in {runs.source} {str(one)!r}; give runs counted alike")
    tables = _with_errors(runs.table, others.table)
    alike = tables[1].reindex(columns=[*tables[0]])  # rows to come have no costs
    table = mark_base_units(concat_tables([tables[0], alike], tuple(runs.columns.dims)))
    dropped, averaged = runs.dropped + others.dropped, runs.averaged + others.averaged
    return replace(
        runs,
        table=table,
        levels=levels_of(table, runs.columns.dims),
        dropped=dropped,
        averaged=averaged,
        learning_rates={**others.learning_rates, **runs.learning_rates},
    )


def _with_errors(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return tables that all have measurement errors, and bounds, where one has them: only its rows may have been rounded."""
    more = {name: 0.0 for name in ("measurement_error", CENSORED) if any(name in table for table in tables)}
    return [table.assign(**{name: of for name, of in more.items() if name not in table}) for table in tables]


def concat_tables(tables: Sequence[pd.DataFrame], dims: Sequence[str]) -> pd.DataFrame:
    """Return tables one after the other; labels are text in all where they are in one."""
    if len(tables) == 1:
        return tables[0]
    text = [dim for dim in dims if len({pd.api.types.is_numeric_dtype(table[dim]) for table in tables}) > 1]
    alike = [table.assign(**{dim: table[dim].map(number_as_text).astype("str") for dim in text}) for table in tables]
    return pd.concat(alike, ignore_index=True)


def levels_of(table: pd.DataFrame, dims: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the levels of each group, in their natural order."""
    return {dim: ordered_levels(table[dim]) for dim in dims}
