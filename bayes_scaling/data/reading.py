"""Read a table: a table and its columns in, checked `Runs` out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.filters import parse_filter
from bayes_scaling._base.notation import reading_of
from bayes_scaling._base.numbers import exact, format_count
from bayes_scaling.data.best_so_far import with_best_so_far
from bayes_scaling.data.binning import bin_means
from bayes_scaling.data.cells import column_numbers, named_column, refuse_first
from bayes_scaling.data.checkpoints import checkpoint_sentence, find_checkpoints
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.copies import drop_copies, twin_note
from bayes_scaling.data.counting import joined_conventions, table_conventions
from bayes_scaling.data.counts import base_factor, in_declared_units, mark_base_units, name_notes
from bayes_scaling.data.curve import Curve, Tail
from bayes_scaling.data.inputs import far_references, input_columns, input_reference, with_schedule
from bayes_scaling.data.joining import Part, require_same_settings, require_same_units, shared_runs
from bayes_scaling.data.labels import alike_levels, label_column
from bayes_scaling.data.log_cleaning import as_log, clean_log
from bayes_scaling.data.losses import as_losses, loss_notes, refuse_implausible_losses
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.mixtures import check_mixtures
from bayes_scaling.data.outputs import melted, response_numbers
from bayes_scaling.data.plausible import counts_in_two_units, implausible_counts
from bayes_scaling.data.rates import SCHEDULES, falling_rates, schedule_notes
from bayes_scaling.data.role_names import require_columns
from bayes_scaling.data.rounding import with_rounding
from bayes_scaling.data.rows import filter_rows
from bayes_scaling.data.run_costs import cost_columns, table_costs
from bayes_scaling.data.runs import Runs, concat_tables, levels_of
from bayes_scaling.data.states import find_unfinished, unfinished_note
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
    parts = [_part(frame, columns, source) for frame, source in read]
    if columns.outputs and columns.run is None and len(parts) > 1:
        parts = [replace(one, table=one.table.assign(run=f"{one.source}, " + one.table["run"].astype(str))) for one in parts]
    require_same_units(parts, {name: one.column for name, one in columns.inputs.items()})
    conventions, counted = joined_conventions(columns, [(part.source, part.conventions) for part in parts])
    columns = replace(columns, conventions=conventions)
    checked = concat_tables([part.table for part in parts], tuple(columns.dims))
    notes = (*dict.fromkeys(note for part in parts for note in part.notes), *counted, *copies, *shared_runs(parts))
    if columns.curve is not None:
        checked, more = _mended(checked, parts, columns, columns.curve)
        notes += more
    elif columns.average is None and columns.schedule is None:
        checked, rounded = with_rounding(checked, columns.scales, tuple(columns.dims), columns.response.positive)
        notes += (rounded,) if rounded else ()
    if columns.best_so_far is not None:
        runs = [name for name in ("run",) if name in checked]
        checked, best = with_best_so_far(checked, columns.best_so_far, columns.response.name, runs)
        notes += (best,) if best else ()
    if columns.tail is not None:
        checked, left = _tail(checked, columns.tail)
        notes += left
    averaged, source = len(checked), name or ", ".join(part.source for part in parts)
    notes += implausible_counts(checked, columns)
    refuse_implausible_losses(checked, columns, source)
    if columns.average is not None:
        scales = (*columns.scales, *cost_columns(columns))
        checked = bin_means(checked, list(columns.dims), scales, columns.average.along, columns.average.per_decade)
    references = {
        name: input_reference(checked[name], one.column, source, one.reference_at) if one.reference is None else one.reference
        for name, one in columns.inputs.items()
    }
    notes += far_references(checked, columns)
    dropped, levels = sum(part.dropped for part in parts), levels_of(checked, columns.dims)
    notes += tuple(note for dim, of in levels.items() for note in alike_levels(dim, of))
    return Runs(mark_base_units(checked), columns, references, levels, source, dropped, averaged, notes)


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
    odd: list[str] = list(reading_of(read).get("notes", ()))
    if columns.outputs and len(read):
        require_columns(read, columns, source)
    read, places, of_outputs = melted(read, columns, source)
    raw, notes = in_declared_units(_with_numbers(read, columns, source, odd), columns, source)
    if len(raw):
        require_columns(raw, columns, source)
    notes = (*name_notes(columns, read), *notes, *loss_notes(columns))
    every = with_schedule(raw, columns, sorted(columns.read), columns.run, source)
    frame = _filtered(every, columns, source)
    kept = frame.reset_index(drop=True)
    rows, whole = places[read.index.get_indexer(frame.index)], columns.curve is None
    positive = whole and columns.response.positive
    response = response_numbers(kept, columns, source, rows, positive=positive, finite=whole, notes=odd)
    checked = pd.DataFrame({"response": as_losses(response, columns, f"{source}: column {columns.response.column!r}")})
    for name, one in columns.inputs.items():
        factor = base_factor(one, raw)
        own = input_columns(kept, name, one.column, columns, source, rows, positive=whole, scale=factor, notes=odd) * factor
        checked = pd.concat([checked, own], axis=1)
    check_mixtures(checked, columns.members, source, rows)
    labels = pd.concat([kept[[c for c in kept if c not in read]], read.loc[frame.index].reset_index(drop=True)], axis=1)
    for dim, parts in columns.dims.items():
        checked[dim] = label_column(labels, parts, source, rows)
    if columns.measurement_error is not None:
        error = _measurement_error(kept, columns.measurement_error, response, source, rows, odd)
        error = error / response if columns.response.perplexity else error
        checked["measurement_error"] = error / 100.0 if columns.response.percent else error
    checked = checked.assign(**table_costs(kept, checked, columns, source, rows, odd))
    unread = [name for name in SCHEDULES if name in kept and name not in columns.read]
    schedules = {name: list(kept[name].dropna().unique()) for name in unread}
    units = read.attrs.get("units")
    units = {name: str(of) for name, of in units.items() if name in columns.read} if isinstance(units, Mapping) else {}
    conventions, named = table_conventions(read, columns, source)
    notes = (*of_outputs, *dict.fromkeys(odd), *notes, *named, *_row_notes(kept, checked, columns, rows))
    return Part(source, checked, rows, frame.attrs.get("dropped", 0), units, schedules, notes, conventions)


def _with_numbers(frame: pd.DataFrame, columns: Columns, source: str, notes: list[str]) -> pd.DataFrame:
    """Return a table with columns of numbers that are written unlike plain ones as numbers, as its filter is to see them."""
    scales = {one.column: base_factor(one, frame) for one in columns.inputs.values()}
    found, rows = {}, frame.index.to_numpy()
    for name in sorted(columns.numbers & set(frame) - columns.labels):
        unit = columns.response.unit_of_cells if name == columns.response.column else ""
        if pd.api.types.is_numeric_dtype(frame[name]):
            continue
        unusual: list[str] = []
        try:
            numbers, missing = column_numbers(frame[name], source, rows, unit, scales.get(name, 1.0), unusual)
        except InputError:  # raised later, for the rows that the filter keeps
            continue
        if unusual and not (np.isnan(numbers) & ~missing).any():
            found[name], notes[len(notes) :] = numbers, unusual
    return frame.assign(**found) if found else frame


def _row_notes(kept: pd.DataFrame, checked: pd.DataFrame, columns: Columns, rows: np.ndarray) -> tuple[str, ...]:
    """Return what the rows of a table are, where the columns do not say it: checkpoints; and which fall of a rate is unread."""
    found = find_checkpoints(kept, checked, columns)
    orders = [one.along for one in (found, columns.curve, columns.average) if one is not None]
    run = found.label if found is not None else checked.get("run")
    notes: tuple[str, ...] = () if found is None else (checkpoint_sentence(found),)
    if found is None and columns.curve is None and columns.average is None:
        state = find_unfinished(kept, [str(name) for name in kept if name not in columns.read])
        notes = () if state is None else (unfinished_note(state),)
        notes += twin_note(kept, checked, columns, rows)
    rates = () if run is None or not orders else falling_rates(kept, run, checked[orders[0]], columns.read)
    return notes + rates


def _filtered(frame: pd.DataFrame, columns: Columns, source: str) -> pd.DataFrame:
    """Return the rows that the filter keeps; where it keeps none, it may be that columns count in other units than it does."""
    try:
        kept = filter_rows(frame, columns.where, source)
    except InputError as error:
        if columns.where is None or frame.empty:
            raise
        numbers = _compared(frame, columns)
        odd = () if numbers is None else implausible_counts(numbers, columns)
        raise InputError("; ".join([str(error), *odd])) from None
    numbers = _compared(frame, columns) if len(kept) < len(frame) else None
    # Of counts in two units the filter would leave those in one.
    if numbers is not None and (odd := counts_in_two_units(numbers, columns, _held_against(columns))):
        raise InputError(f"{source}: {'; '.join(odd)}")
    return kept


def _compared(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame | None:
    """Return inputs as numbers where a filter reads several of them and nothing else; None where it does not."""
    read = {one.column: name for name, one in columns.inputs.items()}
    filtered = parse_filter(columns.where or "").columns if columns.where else frozenset[str]()  # type: ignore[attr-defined]
    if len(filtered) < 2 or not filtered <= set(read) or not set(read) <= set(frame):
        return None
    numbers = {
        name: pd.to_numeric(frame[column], "coerce") * base_factor(columns.inputs[name], frame) for column, name in read.items()
    }
    return pd.DataFrame(numbers).replace([np.inf, -np.inf], np.nan)


def _held_against(columns: Columns) -> tuple[str, ...]:
    """Return inputs that a filter compares with each other, as in tokens > params, and with no number.

    Which units they are in decides what it keeps; a bound of their own says which counts are meant.
    """
    compared = parse_filter(columns.where or "").comparisons  # type: ignore[attr-defined]
    bounded = {name for of in compared if len(of) == 1 for name in of}
    together = {name for of in compared if len(of) > 1 for name in of}
    return tuple(name for name, one in columns.inputs.items() if one.column in together - bounded)


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


def _mended(table: pd.DataFrame, parts: Sequence[Part], columns: Columns, curve: Curve) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the rows of whole logs to fit to, and what was found in them."""
    file = np.repeat(np.arange(len(parts)), [len(part.table) for part in parts])
    require_same_settings(table, file, parts, [name for name in columns.inputs if name != curve.along])
    row = np.concatenate([part.rows for part in parts])
    if curve.warmup is not None:
        curve = replace(curve, warmup=curve.warmup * (columns.inputs[curve.along].scale or 1.0))
    log, notes = clean_log(as_log(table, columns, row, file, tuple(part.source for part in parts)), columns, curve)
    schedules = {name: list(dict.fromkeys(v for p in parts for v in p.schedules.get(name, ()))) for name in SCHEDULES}
    return log.table, notes + schedule_notes(schedules)


def _measurement_error(
    frame: pd.DataFrame, role: MeasurementError, response: pd.Series, source: str, rows: np.ndarray, notes: list[str]
) -> pd.Series:
    column = named_column(frame, role.column, source)
    numbers = pd.Series(column_numbers(column, source, rows, notes=notes)[0])
    wrong = ~(np.isfinite(numbers) & (numbers >= 0)) & np.isfinite(response)
    refuse_first(wrong, column, f"{source}: column {role.column!r}", rows, "is no measurement error; expected a number >= 0")
    return numbers * response.abs() if role.relative else numbers
