"""Several outputs of a run: response columns side by side, read as one row for each run and output."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count, several
from bayes_scaling.data.cells import column_numbers, named_column, number_column
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.output_columns import OUTPUT, RUN
from bayes_scaling.laws.units import SHARES, loss_unit

NO_ODDS = ", or its log odds: leave such rows out (where), or give (k + 1/2) / (n + 1) for k of n"
"""Of a share that is 0."""


def side_by_side(frame: pd.DataFrame, columns: Columns) -> bool:
    """Return whether a table has the outputs in columns, and not a row for each already."""
    there = [column for column in columns.by_output.values() if column in frame]
    return bool(there) or not {OUTPUT, columns.response.column} <= set(frame)


def melted(frame: pd.DataFrame, columns: Columns, source: str) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...]]:
    """Return a table with a row for each run and output that it shows, and a note on cells without a value.

    Columns are added for the output, for its response, and, where the columns say no run, for the run: a row of the file.
    A table that has them already is returned as it is.

    Returns
    -------
    frame
        Rows numbered from 0, those of a run one after the other.
    rows
        The place of each in the file.
    notes
        A sentence each.

    Raises
    ------
    InputError
        Where an output has no column or no value, or where runs cannot be told apart.
    """
    rows = frame.index.to_numpy()
    if not columns.outputs:
        return frame, rows, ()
    if not side_by_side(frame, columns):
        if columns.run is None and RUN not in frame:
            raise InputError(
                f"{source}: the table has a row for each output and nothing says which rows are one run: "
                "expected a column 'run', or run = the column(s)"
            )
        return frame, rows, ()
    unit = columns.response.unit_of_cells
    cells = {output: _cells(frame, column, source, unit) for output, column in columns.by_output.items()}
    missing = {output: column.isna().to_numpy() for output, column in cells.items()}
    for output, gone in missing.items():
        if gone.all():
            raise InputError(
                f"{source}: column {columns.by_output[output]!r}, of the output {output!r}, has no value; expected some"
            )
    own: dict[str, Any] = {} if columns.run is not None or RUN in frame else {RUN: [f"row {row + 1}" for row in rows]}
    parts = [frame.assign(**{**own, OUTPUT: output, columns.response.column: of}) for output, of in cells.items()]
    order = np.arange(len(frame) * len(parts)).reshape(len(parts), -1).T.ravel()
    shown = ~np.concatenate(list(missing.values()))[order]
    kept = pd.concat(parts, ignore_index=True).iloc[order[shown]].reset_index(drop=True)
    kept.attrs = frame.attrs
    return kept, np.tile(rows, len(parts))[order[shown]], _notes(missing)


def _cells(frame: pd.DataFrame, column: str, source: str, unit: str) -> pd.Series:
    """Return a column as numbers; as it is where some cells are none, which are refused later if the filter keeps them."""
    cells = named_column(frame, column, source)
    try:
        numbers, missing = column_numbers(cells, source, frame.index.to_numpy(), unit)
    except InputError:
        return cells
    return cells if (np.isnan(numbers) & ~missing).any() else pd.Series(numbers, frame.index)


def _notes(missing: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    count = {output: int(gone.sum()) for output, gone in missing.items() if gone.any()}
    if not count:
        return ()
    cells = ", ".join(f"{format_count(of)} of {output}" for output, of in count.items())
    nothing = int(np.all(list(missing.values()), axis=0).sum())
    rows = f"; {several(nothing, 'row')} without any {'is' if nothing == 1 else 'are'} left out" if nothing else ""
    return (f"outputs without a value in some runs, which are fitted to the others: {cells}{rows}",)


def response_numbers(
    frame: pd.DataFrame, columns: Columns, source: str, rows: np.ndarray, *, positive: bool, finite: bool, notes: list[str]
) -> pd.Series:
    """Return the response of rows as numbers; the first wrong one is named with the column of its output."""
    of = columns.response
    how: dict[str, Any] = {"positive": positive, "finite": finite, "unit": of.unit_of_cells, "notes": notes}
    how["if_zero"] = NO_ODDS if loss_unit(of.unit) in SHARES else ""
    if OUTPUT not in frame or not columns.outputs:
        return number_column(frame, of.column, source, rows, **how)
    found = pd.Series(np.nan, frame.index, name=of.column)
    for output, own in frame.groupby(OUTPUT, sort=False):
        column = columns.by_output.get(str(output), of.column)
        how["unit"] = of.unit_of_cells if of.percent else columns.unit_of(own)
        how["if_zero"] = NO_ODDS if loss_unit(columns.unit_of(own)) in SHARES else ""
        cells = own[[of.column]].set_axis([column], axis=1)
        found[own.index] = number_column(cells, column, source, rows[own.index], **how)
    return found
