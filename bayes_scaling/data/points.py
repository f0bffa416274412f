"""Points at which to predict, read as runs are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling._base.notation import READ, reading_of
from bayes_scaling.data.base_units import base_factor, column_in_file, column_in_other_unit, mark_base_units
from bayes_scaling.data.cells import IN_BASE, number_column
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.inputs import input_columns, with_schedule
from bayes_scaling.data.labels import label_column, level_index
from bayes_scaling.data.mixtures import check_mixtures
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.table_conventions import refuse_other_conventions
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.laws.units import (
    conversion,
)

MAX_UNIT_FACTOR = 1e4
"""Points farther from the runs than so many times are taken to be in base units where the runs' unit puts them there."""


def in_base_units(table: Table, runs: Runs) -> pd.DataFrame:
    """Return points with their inputs in base units.

    A column that is called as in the runs' table counts as that does; one called as the input in the law counts in base units,
    or as its name says. Where both are one name, points that the runs' unit would put ten thousand times beyond the runs are in
    base units.
    """
    frame, source = read_table(table, labels=runs.columns.labels), source_of(table, "the points")
    if frame.attrs.get(IN_BASE):
        return frame
    refuse_other_conventions(frame, runs.columns, source)
    found, notes = {}, list(reading_of(frame).get("notes", ()))
    for name, one in runs.columns.inputs.items():
        key, factor = _at_points(frame, name, one)
        if key is None or (factor == 1.0 and key in frame):
            continue
        held = key if key in frame else str(column_in_other_unit(frame, key)[0])
        values = number_column(
            frame,
            held,
            source,
            np.arange(len(frame)),
            positive=one.column not in DERIVED and not one.zero,
            scale=factor,
            notes=notes,
        )
        if not (one.column == name and held == name and _beyond(values * factor, runs.table[name])):
            found[key] = values * factor
    points = frame.assign(**found) if found else frame.copy(deep=False)
    points.attrs[READ] = {**reading_of(frame), "notes": tuple(notes)}
    return mark_base_units(points)


def _at_points(frame: pd.DataFrame, name: str, one: Input) -> tuple[str | None, float]:
    """Return what to call the column of points that holds an input, and how many of its base unit one of it is."""
    if one.column in frame:
        return one.column, column_in_file(frame, one)[1] * base_factor(one, frame)
    if name in frame:
        return name, 1.0
    for called in (one.column, name):
        unit = column_in_other_unit(frame, called)[1]
        if unit is not None and (factor := conversion(unit, one.unit)) is not None:
            return called, factor
    return None, 1.0


def _beyond(values: pd.Series, seen: pd.Series) -> bool:
    return bool(values.min() > MAX_UNIT_FACTOR * seen.max() or values.max() * MAX_UNIT_FACTOR < seen.min())


def in_column_units(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return points in base units as a file for `in_base_units`: inputs called as the runs' columns count as those do."""
    alike = {name: one.factor for name, one in columns.inputs.items() if one.column == name and one.factor != 1.0}
    return frame.assign(**{name: frame[name] / factor for name, factor in alike.items() if name in frame})


def read_points(table: Table, runs: Runs, groups: Sequence[str], past: int = 0) -> pd.DataFrame:
    """Return points to predict at: a column for each input, and for each of `groups` and further groups the table has.

    A column may carry the name it has in the runs' table, and then counts as that does, or the name in the law, and then counts
    in the input's base unit; see `points.in_base_units`.
    Where inputs come from a schedule, points are a schedule as it was run or is planned: rows of step and learning rate.

    Parameters
    ----------
    groups
        Those the points must say a level of; a level that the runs do not have stands for one never seen.
    past
        So many rows at the top tell a schedule's past only, and are no points themselves.

    Raises
    ------
    InputError
        As `read_runs` does, and for an output that the runs do not have where outputs have units of their own.
    """
    source, notes = source_of(table, "the points"), list[str]()
    frame = in_base_units(table, runs)
    rows = frame.index.to_numpy()
    frame = frame.reset_index(drop=True)
    if not len(frame):
        raise InputError(f"{source}: no rows; expected one or more")
    run = ("run",) if "run" in frame else runs.columns.dims.get("run", ())
    read = [one.column for name, one in runs.columns.inputs.items() if name not in frame]
    frame = with_schedule(frame, runs.columns, read, run if set(run) <= set(frame) else None, source)
    frame, rows = frame.iloc[past:].reset_index(drop=True), rows[: len(frame) - past]
    points = pd.DataFrame(index=frame.index)
    for name, one in runs.columns.inputs.items():
        column = one.column if one.column in frame or name not in frame else name
        points = pd.concat([points, input_columns(frame, name, column, runs.columns, source, rows, notes=notes)], axis=1)
    check_mixtures(points, runs.columns.members, source, rows)
    for dim, parts in runs.columns.dims.items():
        named = (dim,) if dim in frame else parts
        if dim in groups or set(named) <= set(frame):
            points[dim] = label_column(frame, named, source, rows)
    _refuse_other_outputs(points, runs, source, rows)
    if notes := [*reading_of(frame).get("notes", ()), *notes]:
        points.attrs["notes"] = tuple(dict.fromkeys(notes))
    return mark_base_units(points)


def _refuse_other_outputs(points: pd.DataFrame, runs: Runs, source: str, rows: np.ndarray) -> None:
    """Raise InputError for an output that the runs do not have where theirs differ in unit: no population has such a one."""
    if OUTPUT not in points or not runs.columns.output_units:
        return
    other = level_index(points[OUTPUT], runs.levels[OUTPUT]) < 0
    if other.any():
        row = int(np.argmax(other))
        raise InputError(
            f"{source}: column {OUTPUT!r}, row {rows[row] + 1}: {format_value(points[OUTPUT].iloc[row])} is no output of the "
            f"runs, whose outputs have units of their own; expected one of {format_names(runs.levels[OUTPUT])}"
        )
