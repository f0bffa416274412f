"""Several outputs of a run: how columns name them, and the unit that they share."""

from collections.abc import Mapping
from typing import Any

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.response import Response
from bayes_scaling.laws.units import response_unit

OUTPUT = "output"
"""The group whose levels are the outputs."""
RUN = "run"


def named_outputs(value: Any, what: str) -> dict[str, str]:
    """Return outputs with their columns; those of a list are called as their columns."""
    listed = isinstance(value, list | tuple)
    of = {name: name for name in checks.several(checks.column)(value, what)} if listed else value
    checked: dict[str, str] = checks.named(checks.column)(of, what)
    if len(checked) == 1:
        raise InputError(f"{what}: expected two or more columns, or a response alone; it is {next(iter(checked.values()))!r}")
    if len(set(checked.values())) < len(checked):
        raise InputError(f"{what}: a column is given for two outputs: {format_names(checked.values())}")
    return checked


def with_unit(response: Response, outputs: Mapping[str, str]) -> Response:
    """Return a response in the unit that the names of all outputs' columns say, where nobody has said another.

    Raises
    ------
    InputError
        Where they say several.
    """
    if not response.assumed or not outputs:
        return response
    units = {column: response_unit(column) for column in outputs.values()}
    if len(set(units.values())) > 1:
        said = ", ".join(f"{column!r} in {unit or 'none that its name says'}" for column, unit in units.items())
        raise InputError(f"outputs of one model are in one unit; expected response = {{ unit = ... }} for {said}")
    unit = next(iter(units.values()))
    return response if unit is None else Response(response.column, unit, response.positive, response.name)
