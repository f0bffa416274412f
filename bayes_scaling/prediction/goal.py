"""A loss that is to be reached, as users give it, and which way is better."""

from typing import TYPE_CHECKING

import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.tables import read_table
from bayes_scaling.laws.units import more_is_better as rises

if TYPE_CHECKING:
    from bayes_scaling.data.tables import Table
    from bayes_scaling.inference.stacking import Posterior


def checked_target(target: object, draws: xr.DataArray) -> float:
    """Return a loss to reach as a number.

    Parameters
    ----------
    draws
        Of the loss.

    Raises
    ------
    InputError
        Where it is no finite number, not above 0 where every draw is, or an accuracy of 1 or more.
    """
    rule = checks.finite if bool((draws <= 0).any()) else checks.positive
    found = float(rule(target, f"the target, {_called(draws)},"))
    if more_is_better(draws) and found >= 1:
        raise InputError(f"the target, an accuracy, is {exact(found)}; expected a share below 1, as 0.8")
    return found


def _called(draws: xr.DataArray) -> str:
    name = str(draws.attrs.get("long_name", "loss"))
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def more_is_better(draws: xr.DataArray) -> bool:
    """Return whether draws are of an accuracy, which is reached from below."""
    return rises(str(draws.attrs.get("units", "")))


def refuse_rising(fit: "Posterior", what: str, points: "Table | None" = None) -> None:
    """Raise InputError where more of the response, or of an output that points ask for, is better: `what` takes the lowest."""
    columns, response = fit.runs.columns, fit.runs.columns.response
    if columns.output_units:
        table = None if points is None else read_table(points, labels=columns.labels)
        outputs = [*columns.output_units] if table is None or OUTPUT not in table else [str(one) for one in table[OUTPUT]]
        rising = [one for one in outputs if rises(columns.output_units.get(one, ""))]
        if rising:
            raise InputError(
                f"{what} takes the lowest {response.name} for the best, and of output {rising[0]!r}, in accuracy, more is "
                'better: give 1 - accuracy, with the unit "error rate", or ask for other outputs'
            )
    if response.rising:
        raise InputError(
            f"{what} takes the lowest {response.name} for the best, and of column {response.column!r}, in {response.unit}, "
            f'more is better: give 1 - {response.column}, with unit = "error rate"'
        )
