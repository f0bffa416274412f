"""Several outputs of a run: how columns name them, and the units that they are in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.response import Response
from bayes_scaling.laws.misspelt_units import checked_loss_unit
from bayes_scaling.laws.units import PERPLEXITY, loss_unit, percent_of, response_unit

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


def own_units(response: Response, outputs: Mapping[str, str], given: Any) -> dict[str, str]:
    """Return the unit of each output, where they are in several; what is given, or what the names of their columns say.

    Raises
    ------
    InputError
        Where an output has none, or what has none is given one.
    """
    said: dict[str, str] = checks.named(checks.text)(given, "output_units of the columns")
    if not outputs:
        if said:
            raise InputError(f"output_units are those of outputs, and there are none; they name {format_names(said)}")
        return {}
    if said and response.unit and not response.assumed:
        raise InputError(f"outputs have units of their own, and response says {response.unit!r}; expected one of the two")
    if said and set(said) != set(outputs):
        raise InputError(f"output_units name {format_names(said)}; the outputs are {format_names(outputs)}")
    if not said and response.assumed:
        named = {output: response_unit(column) for output, column in outputs.items()}
        if len(set(named.values())) > 1 and None in named.values():
            told = ", ".join(f"{outputs[output]!r} in {unit or 'none that its name says'}" for output, unit in named.items())
            raise InputError(f"outputs are in several units; expected output_units for each, or response.unit: {told}")
        said = {output: unit for output, unit in named.items() if unit is not None}
    said = {output: checked_loss_unit(unit, f"output {output!r}") for output, unit in said.items()}
    if len({_one_spelling(unit) for unit in said.values()}) == 1:
        return dict.fromkeys(said, next(iter(said.values())))
    if ofs := [output for output, unit in said.items() if loss_unit(unit).split("/")[0] == PERPLEXITY]:
        raise InputError(
            f"output {ofs[0]!r} is in perplexity beside other units; expected a column of logarithms, in nats/token"
        )
    if ofs := [output for output, unit in said.items() if percent_of(unit)]:
        raise InputError(
            f"output {ofs[0]!r} is in {said[ofs[0]]} beside other units; expected "
            f"a column of shares, the per cent over 100, with the unit {percent_of(said[ofs[0]])}"
        )
    return said


def _one_spelling(unit: str) -> str:
    share = percent_of(unit)
    one = loss_unit(unit) if share is None else f"% {share}"
    return PERPLEXITY if one == f"{PERPLEXITY}/token" else one


def with_unit(response: Response, units: Mapping[str, str]) -> Response:
    """Return a response in the unit of its outputs: that of all, or none where they are in several."""
    if not units:
        return response
    shared = next(iter(units.values())) if len(set(units.values())) == 1 else ""
    return replace(response, unit=shared, assumed=False)
