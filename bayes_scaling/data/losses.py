"""The response: perplexities become losses, and values that no loss of a unit has are refused."""

from dataclasses import replace
from shlex import quote

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.response import Response
from bayes_scaling.laws.units import PERPLEXITY, SHARES, is_loss_unit, loss_unit, percent_of, response_unit

MAX_LOSS = {
    "nats/token": 15.0,
    "bits/token": 22.0,
    "nats/byte": 6.5,
    "bits/byte": 9.0,
    "nats/character": 9.0,
    "bits/character": 13.0,
    "error rate": 1.0,
    "accuracy": 1.0,
}
"""Above what guessing costs, with vocabularies of a million tokens: half of a table's losses lie below."""
RISING_RANKS = 0.7
"""Rank correlation with scale from which losses between 0 and 1 are taken for accuracies."""
ROUNDING = 1e-6
"""Shares pass 1 by so much as single precision does, and no more."""
SCALES = ("params", "tokens", "compute")
"""Inputs whose product is the size of a run."""
FEWEST_ROWS, FEWEST_VALUES = 5, 3
"""Rows, and different responses, from which on a rank correlation says something."""


def as_losses(numbers: pd.Series, columns: Columns, where: str) -> pd.Series:
    """Return a response as losses: of perplexities their logarithms, of per cent shares."""
    if columns.response.percent:
        if columns.response.rising and (numbers > 100 * (1 + ROUNDING)).any():
            raise InputError(f"{where} has the value {exact(numbers.max())}, above 100 per cent; expected at most 100")
        return _without_rounding(numbers / 100.0)
    if not columns.response.perplexity:
        return _without_rounding(numbers) if loss_unit(columns.response.unit) in SHARES else numbers
    if (numbers <= 1).any():
        raise InputError(f"{where} has the value {exact(numbers.min())}, which is no perplexity: those are above 1")
    losses: pd.Series = np.log(numbers)
    return losses


def _without_rounding(shares: pd.Series) -> pd.Series:
    """Return shares of which those are 1 that pass it by what rounding does."""
    return shares.mask((shares > 1) & (shares <= 1 + ROUNDING), 1.0)


def loss_notes(columns: Columns) -> tuple[str, ...]:
    """Return a sentence on the response's unit where the column's name says it, or where it is converted."""
    response = columns.response
    if columns.outputs:
        units = columns.output_units or dict.fromkeys(columns.by_output, response.unit)
        return tuple(said for output, column in columns.by_output.items() for said in _contradiction(column, units[output]))
    if response.perplexity:
        return (f"column {response.column!r} holds perplexities: their logarithm, in {response.unit}, is the {response.name}",)
    if response.percent:
        return (f"column {response.column!r} is in per cent: divided by 100, the {response.name} is a share between 0 and 1",)
    named = response_unit(response.column)
    if named is not None and named == response.unit and not response.assumed:
        is_in = f"an {named}" if named in SHARES else f"in {named}"
        return (f"column {response.column!r} is {is_in}, as its name says",)
    return _contradiction(response.column, response.unit)


def _contradiction(column: str, unit: str) -> tuple[str, ...]:
    """Return a sentence on a column whose name says another unit than it is given."""
    named, given = response_unit(column), percent_of(unit) or loss_unit(unit)
    if named in (None, "%", PERPLEXITY, given) or not is_loss_unit(given):  # an error in another unit is no error rate
        return ()
    return (f"the name of column {column!r} says {named}, and its unit is given as {given}: see that this is meant",)


def refuse_implausible_losses(table: pd.DataFrame, columns: Columns, source: str, *, beside: bool = False) -> None:
    """Raise InputError where values of the response are such as its unit does not have.

    Parameters
    ----------
    beside
        Whether the response is one of several outputs, in several units.
    """
    if columns.output_units and OUTPUT in table:
        for output, rows in table.groupby(OUTPUT, sort=False):
            response = replace(columns.response, column=columns.by_output[str(output)], unit=columns.output_units[str(output)])
            refuse_implausible_losses(
                rows, replace(columns, outputs=(), output_units={}, response=response), source, beside=True
            )
        return
    response, seen = columns.response, table["response"]
    unit, named = loss_unit(response.unit), columns.responses if columns.outputs else (response.column,)
    where = f"{source}: column{'s' * (len(named) > 1)} {', '.join(map(repr, named))}"
    if seen.median() > MAX_LOSS.get(unit, np.inf) * (1 + ROUNDING):
        what = f"run{'s' * (len(named) == 1)} from {exact(seen.min())} to {exact(seen.max())}"
        raise InputError(f"{where} {what}, which no {response.in_unit} does: {_other_scale(response, unit, beside=beside)}")
    if unit == "accuracy" and (seen > 1 + ROUNDING).any():  # some error rates, as of words, may pass 1
        raise InputError(f"{where} has the value {exact(seen.max())}, above 1, which no {unit} is; expected shares")
    if response.percent and unit == "accuracy" and (seen <= 0.01).all():
        span = f"{exact(100 * seen.min())} to {exact(100 * seen.max())}"
        raise InputError(f'{where} runs from {span}: shares, no {response.name} in per cent; expected unit = "accuracy"')
    if "/" in unit and seen.between(0, 1).all() and _rises(table, columns):
        raise InputError(
            f"{where} rises with scale from {exact(seen.min())} to {exact(seen.max())}, "
            f'as accuracies do and losses in {response.unit} do not: say unit = "accuracy" to a law that rises, as that of the '
            'study accuracy_curve, or give 1 - accuracy, with unit = "error rate"'
        )


def _other_scale(response: Response, unit: str, *, beside: bool) -> str:
    """Return what values too large for a unit may be, per cent or perplexities, and how to say so."""
    per, called = (f"% {unit}", "per cent") if unit in SHARES else ("perplexity", "perplexities")
    if beside:  # where outputs are in several units none is converted
        other = "them over 100" if unit in SHARES else "their logarithms"
        return f"if they are {called}, give {other}, as other outputs have other units"
    return f'if they are {called}, say unit = "{per}" or --unit {quote(f"{response.column}={per}")}'


def _rises(table: pd.DataFrame, columns: Columns) -> bool:
    """Return whether the response grows with scale, by the rank correlation of rows."""
    scales = [name for name in SCALES if name in columns.inputs]
    if not scales or len(table) < FEWEST_ROWS or table["response"].nunique() < FEWEST_VALUES:
        return False
    size = table[scales].prod(axis=1)
    return bool(size.rank().corr(table["response"].rank()) > RISING_RANKS)
