"""Long tables: a row a value, with a column that names the metric, as MLflow and R write them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from bayes_scaling.data.importers.metric_names import names_runs
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.sheet import Column, Sheet
from bayes_scaling.data.importers.steps import RUNS

KEYS = ("key", "metric", "metric_name", "tag", "variable")
"""Columns, lower case, of texts that name what a column `value` holds."""


def run_column(sheet: Sheet, step: Column | None) -> Column | None:
    """Return the column that names the run of a row."""
    named = {one.name.strip().lower(): one for one in reversed(sheet.columns) if one is not step and one.there.any()}
    known = [named[name] for name in RUNS if name in named]
    others = [one for one in named.values() if names_runs(one.name) and not _measures(one)]
    return next(iter(known or others), None)


def _measures(column: Column) -> bool:
    """Return whether a column has numbers that are not whole, as names of runs are not."""
    numbers = column.numbers[column.there] if column.is_number else np.empty(0)
    return bool((numbers != np.floor(numbers)).any())


def long_columns(columns: Sequence[Column]) -> tuple[Column, Column] | None:
    """Return the columns of keys and of values of a long table; None for another table."""
    named = {one.name.strip().lower(): one for one in reversed(columns) if one.there.any()}
    key = next((named[name] for name in KEYS if name in named and not named[name].is_number), None)
    value = named.get("value")
    return (key, value) if key is not None and value is not None and value.is_number else None


def parts_of_long(sheet: Sheet, step: Column, long: tuple[Column, Column], called: str, format_name: str) -> Iterator[Part]:
    """Yield the runs of a long table."""
    key, value = long
    run = run_column(sheet.without(key.name), step)
    names = pd.Series([called] * sheet.rows, dtype=object) if run is None else run.cells.where(run.there, called)
    used = [one.name for one in (step, key, value, run) if one is not None]
    left = [one.name for one in sheet.columns if one.name not in used and one.there.any()]
    notes = (*sheet.notes, *([f"{sheet.source}: columns {', '.join(left)} of a long table are left out"] if left else []))
    for name, rows in names.groupby(names, sort=False).groups.items():
        at = np.asarray(rows)[value.there[np.asarray(rows)]]
        keys = pd.Categorical(key.cells.iloc[at].to_numpy(dtype=object))
        metrics = pd.DataFrame({"step": step.numbers[at], "key": keys, "value": value.numbers[at]})
        yield Part(str(name), sheet.source, format_name, metrics, notes=notes)
        notes = ()
