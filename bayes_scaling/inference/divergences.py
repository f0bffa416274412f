"""Where in the posterior trajectories diverged, in words."""

import numpy as np
import xarray as xr

from bayes_scaling._base.numbers import percent

LEVELS = (0.01, 0.05, 0.1, 0.25)
"""Tails that a place is named by: the narrowest that holds nearly all divergences."""
NEARLY_ALL = 0.9
"""Share of divergences that a place must hold to be named."""
FEW = 3
"""Of fewer divergences no place is named."""
CLEAR = 2.5
"""Standard errors by which the mean rank must lie off the middle before a place is named: several parameters are tried."""
CLEAR_OF_FEW = 1.4
"""Of one or two: a single draw beyond the 10 or 90 % quantile."""


def place_of(posterior: xr.Dataset, diverging: np.ndarray) -> str:
    """Return in which region of which scale draws diverged, as "at small noise_sd (11 of 12 below its 5 % quantile)".

    Of all scalar parameters the one is named whose ranks at those draws lie farthest from what as many draws by chance would
    have; scales before others, since it is at their small values that posteriors are narrow. Of fewer than three divergences
    the ranks themselves are said.

    Parameters
    ----------
    diverging
        Which draws diverged, (chain, draw).
    """
    if not diverging.any():
        return ""
    scalars = {str(name): of for name, of in posterior.data_vars.items() if set(of.dims) == {"chain", "draw"}}
    found = {name: _ranks(of, diverging) for name, of in scalars.items() if _varies(of)}
    few = diverging.sum() < FEW
    for names in ([name for name in found if is_scale(name)], list(found)):
        name = max(names, key=lambda one: abs(_off(found[one])), default=None)
        if name is not None and abs(_off(found[name])) > (CLEAR_OF_FEW if few else CLEAR):
            return _where(name, found[name]) if few else _region(name, found[name])
    return "at no particular value of a parameter" if found else ""


def is_scale(name: str) -> bool:
    """Return whether a variable is a learnt scale: a spread, the scatter, the amplitude of a discrepancy."""
    return "_sd_" in name or name.endswith(("_sd", "_amplitude", "noise_white"))


def _varies(values: xr.DataArray) -> bool:
    draws = values.to_numpy()
    return bool(np.isfinite(draws).all() and np.ptp(draws) > 0.0)


def _ranks(values: xr.DataArray, diverging: np.ndarray) -> np.ndarray:
    """Return the quantile of each diverging draw among all."""
    draws = values.transpose("chain", "draw").to_numpy()
    every = np.sort(draws, axis=None)
    at = draws[diverging]
    found: np.ndarray = (np.searchsorted(every, at, "left") + np.searchsorted(every, at, "right")) / (2 * every.size)
    return found


def _off(ranks: np.ndarray) -> float:
    """Return how many standard errors the mean rank lies off the middle."""
    return float((ranks.mean() - 0.5) * np.sqrt(12 * len(ranks)))


def _where(name: str, ranks: np.ndarray) -> str:
    at = " and ".join(percent(min(max(rank, 0.001), 0.999), 3) for rank in np.sort(ranks))
    return f"where {name} is at its {at} quantile{'s' if len(ranks) > 1 else ''}"


def _region(name: str, ranks: np.ndarray) -> str:
    small = ranks.mean() < 0.5
    tail = ranks if small else 1 - ranks
    level = next((level for level in LEVELS if (tail <= level).mean() >= NEARLY_ALL), 0.5)
    count = int((tail <= level).sum())
    share = "" if count == len(ranks) else f"{count} of {len(ranks)} "
    side, at = ("below", level) if small else ("above", 1 - level)
    return f"at {'small' if small else 'large'} {name} ({share}{side} its {percent(at)} quantile)"
