"""Points as those of a level of a group: a row for the one level and a row for the other."""

from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.data.table_conventions import mixed_notes
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.stacking import Posterior, groups_needed
from bayes_scaling.prediction.levels import asked_levels, levels_in_order, smooth_group, unseen
from bayes_scaling.prediction.notes import notes_on


def both_levels(fit: Posterior, group: str, a: object, b: object, points: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the checked points twice, as points of level a and of level b.

    Raises
    ------
    InputError
        As `asked_levels` does, and where the two are the same level.
    """
    levels, table = asked_levels(fit, group, a, b), read_table(points, labels=fit.runs.columns.labels)
    refuse_unlike_units(fit, group, *levels)
    if levels[0] == levels[1] or (smooth_group(fit, group) and float(levels[0]) == float(levels[1])):
        known = [str(one) for one in levels_in_order(fit, group)]
        raise InputError(f"{group} {str(a)!r} is held against itself; expected two different ones of its levels {known}")
    one, other = (read_points(points_of(fit, group, level, table), fit.runs, groups_needed(fit)) for level in levels)
    return one, other


def refuse_unlike_units(fit: Posterior, group: str, a: object, b: object) -> None:
    """Raise InputError where two levels are outputs in different units."""
    units = fit.runs.columns.output_units
    if group == OUTPUT and units.get(str(a)) != units.get(str(b)):
        raise InputError(
            f"output {str(a)!r} is in {units.get(str(a))} and {str(b)!r} in {units.get(str(b))}; expected two in one unit"
        )


def notes_of(fit: Posterior, group: str, *frames: pd.DataFrame) -> tuple[str, ...]:
    """Return what `notes_on` says of groups, of the two levels where one is unseen, and which counts differ between rows."""
    others = [
        dim for dim in groups_needed(fit) if dim != group or any(unseen(fit, group, of) for f in frames for of in f[group])
    ]
    counted = mixed_notes(fit.runs.columns)
    return (*dict.fromkeys(note for frame in frames for note in notes_on(fit, frame, others)), *counted)


def points_of(fit: Posterior, group: str, level: object, points: Table) -> pd.DataFrame:
    """Return points as those of a level of a group, whatever they said of it.

    Groups that share columns with it go along: those whose columns are among its own have the level that goes with this one.

    Raises
    ------
    InputError
        Where points name a level of such a group, so that the two could not agree.
    """
    dims, table = fit.runs.columns.dims, in_base_units(points, fit.runs)
    own, alike = dims[group], groups_sharing_columns(fit, group)
    if named := [dim for dim in alike if dim in table and (dim,) != dims[dim] and not set(dims[dim]) <= set(own)]:
        missing = [part for part in dims[named[0]] if part not in own]
        raise InputError(
            f"{named[0]!r} is made of the columns {list(dims[named[0]])}, of which {group!r} moves {list(own)}; "
            f"the points should give {missing} instead of {named[0]!r}"
        )
    parts = _parts(fit, group)
    moved: dict[str, Any] = {group: level} | ({parts[0]: level} if len(own) == 1 and parts else {})
    if len(own) > 1:
        rows = fit.runs.table[fit.runs.table[group] == level]
        moved |= {dim: rows[dim].iloc[0] for dim in alike if set(dims[dim]) <= set(own)}
    return table.drop(columns=[group, *parts, *moved], errors="ignore").assign(**moved)


def distinct_points(fit: Posterior, group: str, points: pd.DataFrame) -> pd.DataFrame:
    """Return points without what they say of a group; those that differed by its level only are one."""
    if group not in (dims := fit.runs.columns.dims):
        return points
    along = [dim for dim in groups_sharing_columns(fit, group) if len(dims[group]) > 1 and set(dims[dim]) <= set(dims[group])]
    named = {group, *_parts(fit, group), *along} & set(points)
    rest = points.drop(columns=list(named))
    return rest[~rest.duplicated()] if named and len(rest.columns) else points


def _parts(fit: Posterior, group: str) -> list[str]:
    """Return the columns that a group is made of, without those that inputs are read from."""
    read = {of for name, one in fit.runs.columns.inputs.items() for of in (name, one.column)}
    return [part for part in fit.runs.columns.dims[group] if part not in read]


def moves_other_groups(fit: Posterior, group: str) -> bool:
    """Return whether a level of a group has levels of other groups that the law varies over: points cannot name those then."""
    return not set(groups_sharing_columns(fit, group)).isdisjoint(groups_needed(fit))


def groups_sharing_columns(fit: Posterior, group: str) -> list[str]:
    """Return the other groups that are made of some of the same columns as a group."""
    dims = fit.runs.columns.dims
    return [dim for dim, of in dims.items() if dim != group and set(of) & set(dims[group])]
