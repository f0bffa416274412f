"""One table of those that runs are read from: its cells checked and in base units, its rows filtered, what is odd noted."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.filters import parse_filter
from bayes_scaling._base.notation import reading_of
from bayes_scaling.data.base_units import base_factor, in_declared_units, name_notes
from bayes_scaling.data.cells import column_numbers, named_column, number_column, refuse_first
from bayes_scaling.data.checkpoints import checkpoint_sentence, find_checkpoints
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.copies import twin_note
from bayes_scaling.data.inputs import input_columns, with_schedule
from bayes_scaling.data.joining import Part
from bayes_scaling.data.labels import label_column
from bayes_scaling.data.logged_rates import logged_rates
from bayes_scaling.data.losses import as_losses, loss_notes
from bayes_scaling.data.measurement_error import MeasurementError
from bayes_scaling.data.mixtures import check_mixtures
from bayes_scaling.data.outputs import melted, response_numbers
from bayes_scaling.data.plausible import counts_in_two_units, implausible_counts
from bayes_scaling.data.rates import SCHEDULES, falling_rates
from bayes_scaling.data.roles.names import require_columns
from bayes_scaling.data.rows import filter_rows
from bayes_scaling.data.run_costs import table_costs
from bayes_scaling.data.states import find_unfinished, unfinished_note
from bayes_scaling.data.table_conventions import table_conventions


def checked_table(read: pd.DataFrame, columns: Columns, source: str) -> Part:
    """Return one table, checked but for what only whole logs tell."""
    odd: list[str] = list(reading_of(read).get("notes", ()))
    if columns.outputs and len(read):
        require_columns(read, columns, source)
    read, places, of_outputs = melted(read, columns, source)
    raw, of_units = in_declared_units(_with_numbers(read, columns, source, odd), columns, source)
    if len(raw):
        require_columns(raw, columns, source)
    every = with_schedule(raw, columns, sorted(columns.read), columns.run, source)
    frame = _filtered(every, columns, source, places[read.index.get_indexer(every.index)])
    kept, rows = frame.reset_index(drop=True), places[read.index.get_indexer(frame.index)]
    checked = _checked_columns(kept, raw, read.loc[frame.index].reset_index(drop=True), columns, source, rows, odd)
    conventions, named = table_conventions(read, columns, source)
    notes = (*name_notes(columns, read), *of_units, *loss_notes(columns), *named, *_row_notes(kept, checked, columns, rows))
    notes = (*of_outputs, *dict.fromkeys(odd), *notes)
    dropped = frame.attrs.get("dropped", 0)
    rates = logged_rates(raw, columns, source) if "run" in checked else {}
    return Part(source, checked, rows, dropped, _units(read, columns), _schedules(kept, columns), notes, conventions, rates)


def _checked_columns(
    kept: pd.DataFrame,
    raw: pd.DataFrame,
    written: pd.DataFrame,
    columns: Columns,
    source: str,
    rows: np.ndarray,
    notes: list[str],
) -> pd.DataFrame:
    """Return the response, inputs, groups, measurement errors and costs of rows, by the package's names.

    Parameters
    ----------
    kept, written
        The rows that the filter keeps: with numbers and a schedule's inputs, and as the table has them.
    raw
        All rows, which say what a column counts in.
    rows
        The place of each row in its file, from 0.
    notes
        Gets what is odd about cells.
    """
    whole = columns.curve is None
    positive = whole and columns.response.positive
    response = response_numbers(kept, columns, source, rows, positive=positive, finite=whole, notes=notes)
    checked = pd.DataFrame({"response": as_losses(response, columns, f"{source}: column {columns.response.column!r}")})
    for name, one in columns.inputs.items():
        factor = base_factor(one, raw)
        own = input_columns(kept, name, one.column, columns, source, rows, positive=whole, scale=factor, notes=notes) * factor
        checked = pd.concat([checked, own], axis=1)
    check_mixtures(checked, columns.members, source, rows)
    labels = pd.concat([kept[[name for name in kept if name not in written]], written], axis=1)
    for dim, parts in columns.dims.items():
        checked[dim] = label_column(labels, parts, source, rows)
    if columns.measurement_error is not None:
        error = _measurement_error(kept, columns.measurement_error, response, source, rows, notes)
        error = error / response if columns.response.perplexity else error
        checked["measurement_error"] = error / 100.0 if columns.response.percent else error
    return checked.assign(**table_costs(kept, checked, columns, source, rows, notes))


def _schedules(kept: pd.DataFrame, columns: Columns) -> dict[str, list[object]]:
    """Return the values of columns that say how the learning rate went, and that nothing reads."""
    unread = [name for name in SCHEDULES if name in kept and name not in columns.read]
    return {name: list(kept[name].dropna().unique()) for name in unread}


def _units(read: pd.DataFrame, columns: Columns) -> dict[str, str]:
    """Return the units that a table says of its columns, of those that are read."""
    units = read.attrs.get("units")
    return {name: str(of) for name, of in units.items() if name in columns.read} if isinstance(units, Mapping) else {}


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


def _filtered(frame: pd.DataFrame, columns: Columns, source: str, rows: np.ndarray) -> pd.DataFrame:
    """Return the rows that the filter keeps; where it keeps none, it may be that columns count in other units than it does."""
    try:
        kept = filter_rows(frame, columns.where, source)
    except InputError as error:
        if columns.where is None or frame.empty:
            raise
        _require_numbers(frame, columns, source, rows)
        numbers = _compared(frame, columns)
        odd = () if numbers is None else implausible_counts(numbers, columns)
        raise InputError("; ".join([str(error), *odd])) from None
    numbers = _compared(frame, columns) if len(kept) < len(frame) else None
    if numbers is not None and columns.curve is None:  # a row without tokens is a slip, not one of few tokens a parameter
        _require_numbers(frame, columns, source, rows, _held_against(columns))
    # Of counts in two units the filter would leave those in one.
    if numbers is not None and (odd := counts_in_two_units(numbers, columns, _held_against(columns))):
        raise InputError(f"{source}: {'; '.join(odd)}")
    return kept


def _require_numbers(
    frame: pd.DataFrame, columns: Columns, source: str, rows: np.ndarray, inputs: Sequence[str] | None = None
) -> None:
    """Refuse the first cell that is text, of the columns of numbers that a filter reads; of inputs missing ones too."""
    filtered = parse_filter(columns.where or "").columns  # type: ignore[attr-defined]
    names = filtered & columns.numbers if inputs is None else {columns.inputs[name].column for name in inputs}
    for name in sorted(names & set(frame)):
        unit = columns.response.unit_of_cells if name == columns.response.column else ""
        number_column(frame, name, source, rows, positive=False, finite=inputs is not None, unit=unit)


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


def _measurement_error(
    frame: pd.DataFrame, role: MeasurementError, response: pd.Series, source: str, rows: np.ndarray, notes: list[str]
) -> pd.Series:
    column = named_column(frame, role.column, source)
    numbers = pd.Series(column_numbers(column, source, rows, notes=notes)[0])
    wrong = ~(np.isfinite(numbers) & (numbers >= 0)) & np.isfinite(response)
    refuse_first(wrong, column, f"{source}: column {role.column!r}", rows, "is no measurement error; expected a number >= 0")
    return numbers * response.abs() if role.relative else numbers
