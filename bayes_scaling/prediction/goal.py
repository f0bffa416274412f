"""A loss that is to be reached, as users give it, and which way is better."""

from typing import TYPE_CHECKING

import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.units import loss_unit

if TYPE_CHECKING:
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
    found = float(rule(target, "the target, a loss,"))
    if more_is_better(draws) and found >= 1:
        raise InputError(f"the target, an accuracy, is {found:g}; expected a share below 1, as 0.8")
    return found


def more_is_better(draws: xr.DataArray) -> bool:
    """Return whether draws are of an accuracy, which is reached from below."""
    return loss_unit(str(draws.attrs.get("units", ""))) == "accuracy"


def refuse_rising(fit: "Posterior", what: str) -> None:
    """Raise InputError where more of the response is better: `what` takes the lowest for the best."""
    response = fit.runs.columns.response
    if response.rising:
        raise InputError(
            f"{what} takes the lowest {response.name} for the best, and of column {response.column!r}, in {response.unit}, "
            f'more is better: give 1 - {response.column}, with unit = "error rate"'
        )
