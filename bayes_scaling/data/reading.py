"""Read a table: a table and its columns in, checked `Runs` out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, format_count
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.best_so_far import with_best_so_far
from bayes_scaling.data.binning import bin_means
from bayes_scaling.data.checked_table import checked_table
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.copies import drop_copies
from bayes_scaling.data.curve import Tail
from bayes_scaling.data.inputs import far_references, input_reference
from bayes_scaling.data.joining import Part, require_same_settings, require_same_units, shared_runs
from bayes_scaling.data.labels import alike_levels
from bayes_scaling.data.log_cleaning import clean_log
from bayes_scaling.data.log_rows import as_log
from bayes_scaling.data.losses import refuse_implausible_losses
from bayes_scaling.data.plausible import implausible_counts
from bayes_scaling.data.rates import SCHEDULES, schedule_notes
from bayes_scaling.data.rounding import with_rounding
from bayes_scaling.data.run_costs import cost_columns
from bayes_scaling.data.runs import Runs, concat_tables, levels_of
from bayes_scaling.data.table_conventions import joined_conventions
from bayes_scaling.data.tables import Table, read_table, source_of, tables_of


def read_runs(table: Table | Sequence[Table], columns: Columns, name: str | None = None) -> Runs:
    """Return the runs of a table, checked once and for all.

    Parameters
    ----------
    table
        A path of CSV (also .csv.gz) or Parquet, a data frame, an Arrow table, a dict of columns, records or a stream. Or
        several of them, one after the other: a run may go on in the next.
    columns
        What each of its columns is for.
    name
        What to call the table in summaries and errors. A file's path unless given.

    Returns
    -------
    Runs
        One row a run, or a point of one, with inputs in base units. `notes` says what was found and done.

    Raises
    ------
    InputError
        In one line with file, column and first offending row. For an unreadable file, a missing or repeated column, text in a
        column of numbers, NaN or infinite values, values <= 0 where a logarithm is taken, no rows left, tables in unequal
        units or of other conventions, or logs in no order (see `Curve`).

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> table = {"N": [70, 160, 410], "D": [2.0, 4.0, 8.0], "loss": [3.9, 3.5, 3.1]}
    >>> columns = bs.Columns({"params": bs.Input("N", "M parameters"), "tokens": bs.Input("D", "B tokens")})
    >>> runs = bs.read_runs(table, columns)
    >>> len(runs), runs.references["params"]
    (3, 200000000.0)
    """
    if not isinstance(columns, Columns):
        raise InputError(
            f"read_runs: columns cannot be a {type(columns).__name__}; expected read_runs(table, columns, name=...)"
        )
    parts, copies = _parts(table, columns, name)
    conventions, counted = joined_conventions(columns, [(part.source, part.conventions) for part in parts])
    columns = replace(columns, conventions=conventions)
    checked = concat_tables([part.table for part in parts], tuple(columns.dims))
    notes = (*dict.fromkeys(note for part in parts for note in part.notes), *counted, *copies, *shared_runs(parts))
    checked, mended = _mended(checked, parts, columns) if columns.curve is not None else _rounded(checked, columns)
    checked, best = _best_so_far(checked, columns)
    checked, left = (checked, ()) if columns.tail is None else _tail(checked, columns.tail)
    source, averaged = name or ", ".join(part.source for part in parts), len(checked)
    notes += (*mended, *best, *left, *implausible_counts(checked, columns))
    refuse_implausible_losses(checked, columns, source)
    checked = _averaged(checked, columns)
    references, levels = _references(checked, columns, source), levels_of(checked, columns.dims)
    notes += far_references(checked, columns)
    notes += tuple(note for dim, of in levels.items() for note in alike_levels(dim, of))
    dropped = sum(part.dropped for part in parts)
    labels = set(checked["run"].astype(str)) if "run" in checked else set()
    rates = {run: of for part in parts for run, of in part.learning_rates.items() if run in labels}
    return Runs(mark_base_units(checked), columns, references, levels, source, dropped, averaged, notes, rates)


def _parts(table: Table | Sequence[Table], columns: Columns, name: str | None) -> tuple[list[Part], tuple[str, ...]]:
    """Return the tables, each checked, that count in the same units; and which rows are copies of others."""
    called = _called(table, name)
    if columns.schedule is not None and len(called) > 1:
        raise InputError("a schedule is read from one table, which holds the runs from their first step; give the logs as one")
    tables, sources = [one for one, _ in called], [source for _, source in called]
    frames = [read_table(one, labels=columns.as_written, wanted=columns.read.union(SCHEDULES)) for one in tables]
    copies: tuple[str, ...] = ()
    if columns.curve is None:
        frames, copies = drop_copies(frames, tables, sources, columns.read)
    # A table of nothing but copies of rows before it is left out.
    read = [(frame, source) for frame, source in zip(frames, sources, strict=True) if len(frame) or not copies]
    parts = [checked_table(frame, columns, source) for frame, source in read]
    if columns.outputs and columns.run is None and len(parts) > 1:
        parts = [replace(one, table=one.table.assign(run=f"{one.source}, " + one.table["run"].astype(str))) for one in parts]
    require_same_units(parts, {name: one.column for name, one in columns.inputs.items()})
    return parts, copies


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


def _rounded(table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return rows with the error that printing few decimals makes, where rows are runs, and a note on that."""
    if columns.average is not None or columns.schedule is not None:
        return table, ()
    table, note = with_rounding(table, columns.scales, tuple(columns.dims), columns.response.positive)
    return table, (note,) if note else ()


def _best_so_far(table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return rows whose responses are the best so far, where columns say so, and a note on what that means."""
    if columns.best_so_far is None:
        return table, ()
    runs = [name for name in ("run",) if name in table]
    table, note = with_best_so_far(table, columns.best_so_far, columns.response.name, runs)
    return table, (note,) if note else ()


def _averaged(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return the means of bins along runs, where columns say so."""
    if columns.average is None:
        return table
    scales = (*columns.scales, *cost_columns(columns))
    return bin_means(table, list(columns.dims), scales, columns.average.along, columns.average.per_decade)


def _references(table: pd.DataFrame, columns: Columns, source: str) -> dict[str, float]:
    """Return the reference of each input: that of its column, or what the rows say."""
    return {
        name: input_reference(table[name], one.column, source, one.reference_at) if one.reference is None else one.reference
        for name, one in columns.inputs.items()
    }


def _tail(table: pd.DataFrame, tail: Tail) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the last rows of each run, or of the table, and a note on those left out."""
    at = table[tail.along]
    run = table["run"] if "run" in table else pd.Series(0, index=table.index)
    place = at.groupby(run).rank(method="first", ascending=False)
    kept = (at >= tail.fraction * at.groupby(run).transform("max")) | (place <= tail.at_least)
    if kept.all():
        return table, ()
    count, least = format_count(int((~kept).sum())), exact(tail.fraction)
    note = f"tail: {count} rows with {tail.along} below {least} of the largest left out"
    return table[kept].reset_index(drop=True), (note,)


def _mended(table: pd.DataFrame, parts: Sequence[Part], columns: Columns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of whole logs to fit to, and what was found in them."""
    curve = columns.curve
    assert curve is not None
    file = np.repeat(np.arange(len(parts)), [len(part.table) for part in parts])
    require_same_settings(table, file, parts, [name for name in columns.inputs if name != curve.along])
    row = np.concatenate([part.rows for part in parts])
    if curve.warmup is not None:
        curve = replace(curve, warmup=curve.warmup * (columns.inputs[curve.along].scale or 1.0))
    log, notes = clean_log(as_log(table, columns, row, file, tuple(part.source for part in parts)), columns, curve)
    schedules = {name: list(dict.fromkeys(v for p in parts for v in p.schedules.get(name, ()))) for name in SCHEDULES}
    return log.table, notes + schedule_notes(schedules)
