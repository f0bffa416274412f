"""The compute that a difference in loss is worth: its compute-equivalent."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling._base.random import stream
from bayes_scaling.inference.health_line import carried
from bayes_scaling.model.priors import Prior, distribution

PRIOR_DRAWS = 4000
"""Draws of exponents where only a prior of them is given."""

_DRAW: dict[str, Callable[[np.random.Generator, Mapping[str, float], int], np.ndarray]] = {
    "Normal": lambda rng, of, size: rng.normal(of["mu"], of["sigma"], size),
    "StudentT": lambda rng, of, size: of["mu"] + of["sigma"] * rng.standard_t(of["nu"], size),
    "LogNormal": lambda rng, of, size: rng.lognormal(of["mu"], of["sigma"], size),
    "LogStudentT": lambda rng, of, size: np.exp(of["mu"] + of["sigma"] * rng.standard_t(of["nu"], size)),
    "HalfNormal": lambda rng, of, size: np.abs(rng.normal(0.0, of["sigma"], size)),
    "Gamma": lambda rng, of, size: rng.gamma(of["alpha"], 1 / of["beta"], size),
    "Exponential": lambda rng, of, size: rng.exponential(1 / of["lam"], size),
}


@carried
def compute_equivalent(penalty: float | xr.DataArray, exponent: xr.DataArray | Prior) -> xr.DataArray:
    """Return draws of the compute-equivalent of a relative difference in loss, as a share of the compute spent.

    (1 + penalty)^(1 / exponent) - 1        (from L ~ C^-exponent; Kaplan et al. 2020, Fig. 5: 1 % costs 22 % at 0.05)

    The two are taken for independent, as draws of different fits are: where both are draws, those of the exponent are put in
    random order, with a fixed seed, then cut or repeated to the number of the penalty's. Dimensions: chain, draw, and those of
    the penalty.

    Parameters
    ----------
    penalty
        0.01 for a loss 1 % higher; a number, or draws.
    exponent
        Of compute, in a power law without floor: draws with dimensions chain, draw (`b` of such a fit), or a `Prior`, of which
        draws with a fixed seed are taken, as many as the penalty has.

    Returns
    -------
    DataArray
        Of the compute that makes up for the penalty: 0.22 for 22 % more.

    Raises
    ------
    InputError
        Where a penalty is not above -1, or the exponent is not positive or has other dimensions.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> share = compute_equivalent(0.01, bs.Prior(median=0.05, factor=1.15))
    >>> round(float(share.median()), 2)
    0.22
    """
    if np.any(np.asarray(penalty) <= -1):
        raise InputError(
            f"a penalty is a share of the response above -1, such as 0.01 for 1 %; the lowest is {exact(np.min(penalty))}"
        )
    draws = _exponent_draws(exponent, penalty)
    if not np.all(draws > 0):
        raise InputError(f"an exponent of compute must be positive; the lowest of its draws is {exact(float(draws.min()))}")
    share: xr.DataArray = (1.0 + penalty) ** (1.0 / draws) - 1.0
    return (
        share.transpose("chain", "draw", ...)
        .rename("compute_equivalent")
        .assign_attrs(units="", long_name="compute-equivalent")
    )


def _exponent_draws(exponent: xr.DataArray | Prior, penalty: float | xr.DataArray) -> xr.DataArray:
    """Return draws of an exponent in the shape of a penalty's, in an order that has nothing to do with theirs."""
    rng = stream(0, "exponent")
    like = penalty if isinstance(penalty, xr.DataArray) and {"chain", "draw"} <= set(penalty.dims) else None
    shape = (1, PRIOR_DRAWS) if like is None else (like.sizes["chain"], like.sizes["draw"])
    if isinstance(exponent, Prior):
        kind, arguments = distribution(exponent)
        values = _DRAW[kind](rng, arguments, shape[0] * shape[1])
    elif set(exponent.dims) != {"chain", "draw"}:
        raise InputError(f"an exponent needs draws with the dimensions ['chain', 'draw']; it has {format_names(exponent.dims)}")
    elif like is None:
        return exponent.reset_coords(drop=True)
    else:
        values = np.resize(rng.permutation(exponent.to_numpy().ravel()), shape[0] * shape[1])
    coords = {} if like is None else {dim: like[dim] for dim in ("chain", "draw") if dim in like.coords}
    return xr.DataArray(values.reshape(shape), coords, ("chain", "draw"))
