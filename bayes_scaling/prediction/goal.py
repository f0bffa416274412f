"""A loss that is to be reached, as users give it."""

import xarray as xr

from bayes_scaling._base import checks


def checked_target(target: object, draws: xr.DataArray) -> float:
    """Return a loss to reach as a number.

    Parameters
    ----------
    draws
        Of the loss.

    Raises
    ------
    InputError
        Where it is no finite number, or not above 0 where every draw is.
    """
    rule = checks.finite if bool((draws <= 0).any()) else checks.positive
    return float(rule(target, "the target, a loss,"))
