"""The roles that columns have in a study, and columns given to them under other names: `--column loss=eval/loss`."""

from collections.abc import Mapping
from dataclasses import replace
from shlex import quote

import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.filters import renamed_filter
from bayes_scaling.data.base_units import renamed_input
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.outputs import side_by_side
from bayes_scaling.data.response import Response
from bayes_scaling.data.roles.words import logarithm_of, meanings, nearest_column
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.data.table_conventions import uncounted
from bayes_scaling.laws.units import is_loss_unit, response_unit

RESPONSE = ("loss", "response")
"""What the column that the law predicts is called, whatever a study calls it."""


def roles_of(columns: Columns) -> dict[str, str]:
    """Return the roles that a study has for columns of a table, and the column that it expects in each.

    They are the inputs by their names, `loss`, or the columns of several outputs by themselves, the run, groups by their
    names, `lr` and `step` of a schedule, and the measurement error. What follows from a schedule is in no table.
    """
    inputs = {name: one.column for name, one in columns.inputs.items() if one.column not in DERIVED}
    loss = {"response" if "loss" in inputs else "loss": columns.response.column}
    found = inputs | ({column: column for column in columns.responses} if columns.outputs else loss)
    for dim, parts in columns.dims.items():
        if columns.outputs and (dim == OUTPUT or (dim == "run" and columns.run is None)):
            continue  # which are no columns of the file
        found = ({dim: parts[0]} if len(parts) == 1 else {part: part for part in parts}) | found
    rates, error = columns.schedule, columns.measurement_error
    of_schedule = {"lr": rates.lr, "step": rates.along} if rates is not None else {}
    found |= {role: column for role, column in of_schedule.items() if column not in found.values()}
    return found | ({"measurement_error": error.column} if error is not None else {})


def with_columns(columns: Columns, names: Mapping[str, str]) -> Columns:
    """Return columns for a table that calls them otherwise.

    A filter of the study reads the new names too. How the study's columns were counted does not hold for others, nor does
    their unit for one whose name says another: `params_m` counts in millions.

    Parameters
    ----------
    names
        Role, or the column that a study expects, -> column of the table, such as {"params": "N", "loss": "eval/loss"}.
        `roles_of` has the roles; `loss` and `response` are the same one.

    Returns
    -------
    Columns
        The same roles, of the columns named.

    Raises
    ------
    InputError
        For a role that the study does not have, with those it has.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, where="tokens > 0.45 * params")
    >>> columns = with_columns(columns, {"params": "N", "tokens": "seen/tokens", "loss": "eval/loss"})
    >>> columns.response.column, columns.where
    ('eval/loss', '`seen/tokens` > 0.45 * N')
    """
    roles = roles_of(columns)
    moved: dict[str, str] = {}
    for said, column in names.items():
        before = _expected(said, columns, roles)
        if moved.setdefault(before, column) != column:
            raise InputError(
                f"column {before!r} of the study is given as {moved[before]!r} and as {column!r}; give one of them"
            )
    columns = uncounted(columns, [before for before, column in moved.items() if column != before])
    return _renamed(columns, moved)


def renamed_units(columns: Columns, named: Columns, units: Mapping[str, str]) -> dict[str, str]:
    """Return units by what a table calls its columns, where they are given by what a study does.

    Parameters
    ----------
    columns, named
        Of the study, and as `with_columns` returns them.
    units
        Role, or column of either, -> unit.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> columns = bs.Columns({"x": bs.Input("x")}, bs.Response("accuracy", "accuracy", name="accuracy"))
    >>> renamed_units(columns, with_columns(columns, {"accuracy": "exact_match"}), {"accuracy": "% accuracy"})
    {'exact_match': '% accuracy'}
    """
    here = {*named.inputs, *(one.column for one in named.inputs.values()), *named.responses}
    there = {one.column: name for name, one in columns.inputs.items()} | dict(
        zip(columns.responses, named.responses, strict=True)
    )
    if not columns.outputs:
        there |= dict.fromkeys((columns.response.name, *RESPONSE), named.response.column)
    return {said if said in here else there.get(said, said): unit for said, unit in units.items()}


def _expected(said: str, columns: Columns, roles: Mapping[str, str]) -> str:
    """Return the column that a study expects in a role, which may be said by that column too."""
    if said in roles:
        return roles[said]
    if said in (*RESPONSE, columns.response.name) and not columns.outputs:
        return columns.response.column
    if said in roles.values():
        return said
    raise InputError(f"no role {said!r} for a column; the study has {format_names(roles)}")


def _renamed(columns: Columns, names: Mapping[str, str]) -> Columns:
    """Return columns that are read under other names."""

    def new(of: str) -> str:
        return names.get(of, of)

    def each(of: str | tuple[str, ...]) -> str | tuple[str, ...]:
        return new(of) if isinstance(of, str) else tuple(map(new, of))

    error, rates = columns.measurement_error, columns.schedule
    return replace(
        columns,
        inputs={
            name: one if one.column in DERIVED else renamed_input(one, new(one.column)) for name, one in columns.inputs.items()
        },
        response=_renamed_response(columns.response, new(columns.response.column)),
        groups={name: each(of) for name, of in columns.groups.items()},
        run=None if columns.run is None else each(columns.run),
        measurement_error=None if error is None else replace(error, column=new(error.column)),
        outputs={name: new(of) for name, of in columns.by_output.items()},
        where=None if columns.where is None else renamed_filter(columns.where, names),
        schedule=None if rates is None else replace(rates, lr=new(rates.lr), along=new(rates.along)),
    )


def _renamed_response(response: Response, column: str) -> Response:
    """Return a response of another column, after which it is called where it was called after its own; a loss stays one.

    A unit that nobody has said is what the other column's name says. So is one of losses, where that name says another:
    numbers in `val_bpb` are no nats, whatever those of the study's own column are.
    """
    named = response.name == response.column and response.name not in RESPONSE
    moved = replace(response, column=column, name=column if named else response.name)
    said = response_unit(column)
    other = said not in (None, "%", response.unit) and is_loss_unit(response.unit)
    unsaid = column != response.column and (response.assumed or other)
    return replace(moved, unit="auto", perplexity=None, percent=False) if unsaid else moved


def require_columns(frame: pd.DataFrame, columns: Columns, source: str) -> None:
    """Raise InputError for the first column that a study expects and a table lacks, with the options that name those it has."""
    missing = {role: column for role, column in roles_of(columns).items() if column not in frame}
    if columns.outputs and not side_by_side(frame, columns):
        missing = {role: column for role, column in missing.items() if role not in columns.responses}
    if not missing:
        return
    there = [str(name) for name in frame]
    taken = {column for column in roles_of(columns).values() if column in frame}
    near: dict[str, str] = {}
    for role, column in missing.items():
        free = [name for name in there if name not in taken and name not in near.values()]
        near |= {role: found} if (found := nearest_column(role, column, free)) is not None else {}
    free = [name for name in there if name not in taken and name not in near.values()]
    near = {role: found for role in missing if (found := near.get(role) or _axis(role, free, frame)) is not None}
    options = " ".join(f"--column {quote(f'{_said(role, missing[role])}={column}')}" for role, column in near.items())
    logs = [name for role in missing for name in there if (of := logarithm_of(name)) and _named_as(role, of[0])]
    hint = f"; {logarithms(logs[0])}" if logs and not near else ""
    hint = hint if not near else f"; did you mean {' and '.join(map(repr, near.values()))} ({options})?"
    raise InputError(f"{source}: no column {next(iter(missing.values()))!r}; the table has {there}{hint}")


def _named_as(role: str, name: str) -> bool:
    return any(one.role == role for one in meanings(name))


def logarithms(name: str) -> str:
    """Return what to do with a column of logarithms of what is expected."""
    of, undone = logarithm_of(name) or ("", "")
    return f"{name!r} holds logarithms: add a column of {of}, {undone}{name}, to the table"


AXES = ("step", "tokens", "compute", "params")
"""Roles of columns along which curves are drawn."""


def _axis(role: str, free: list[str], frame: pd.DataFrame) -> str | None:
    """Return the column that is likely the axis `x` of a curve; None for other roles, and where there is none."""
    if role != "x":
        return None
    numbers = [name for name in free if pd.api.types.is_numeric_dtype(frame[name])]
    known = [name for of in AXES for name in numbers if any(one.role == of for one in meanings(name))]
    return next(iter(known), numbers[0] if len(numbers) == 1 else None)


def _said(role: str, column: str) -> str:
    """Return what a role is called in an option: as the study's own column, where that is no loss by its name."""
    return role if role not in RESPONSE or any(one.role == "loss" for one in meanings(column)) else column
