"""Outliers among the rows that a run has shown: which are, drawn row by row, given the rows before each.

A draw weighs the product of the mixtures that its rows were expected from: a particle filter whose particles are the draws, the
rest integrated out (Doucet et al. 2000). A spike so leaves the run's level where it is.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.inference.observation import Contamination, contamination, scales_with_error
from bayes_scaling.inference.posterior import Fit


def contamination_of_rows(fit: Fit, frame: pd.DataFrame, scale: Any) -> Contamination | None:
    """Return what outliers do to rows, on the scale of the noise; a draw a row."""
    found = contamination(fit, frame, *(parts := scales_with_error(fit, frame, scale)))
    if found is None:
        return None
    like = xr.DataArray(found.none, dims=("chain", "draw", "row"))
    return Contamination(as_draws(like, like), found.added.reshape(-1, len(frame)) * as_draws(parts[0], like) ** 2)


def at_rows(outliers: Contamination, rows: np.ndarray) -> Contamination:
    """Return the same for some of the rows."""
    return Contamination(outliers.none[:, rows], outliers.added[:, rows])


def outliers_drawn(
    rng: np.random.Generator, off: np.ndarray, covariance: np.ndarray, outliers: Contamination
) -> tuple[np.ndarray, np.ndarray]:
    """Return what outliers, drawn row by row, add to the variance of rows, and the log density of the rows in each draw.

    Parameters
    ----------
    off
        Of rows from what is expected; draws, row.
    covariance
        Of rows without outliers; draws, row, row.
    """
    added, log = np.zeros_like(off), np.zeros(len(off))
    mean, left = np.zeros_like(off), covariance.copy()
    for i in range(off.shape[1]):
        narrow, gone = left[:, i, i], off[:, i] - mean[:, i]
        wide = narrow + outliers.added[:, i]
        with np.errstate(divide="ignore"):
            usual = outliers.none[:, i] - 0.5 * (gone**2 / narrow + np.log(narrow))
            other = np.log(outliers.probability[:, i]) - 0.5 * (gone**2 / wide + np.log(wide))
        both = np.logaddexp(usual, other)
        chosen = rng.uniform(size=len(off)) < np.exp(other - both)
        variance = np.where(chosen, wide, narrow)
        gain = left[:, i] / variance[:, None]
        added[:, i], log = chosen * outliers.added[:, i], log + both
        mean = mean + gain * gone[:, None]
        left = left - gain[:, :, None] * left[:, i][:, None, :]
    return added, log


def as_draws(values: Any, like: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a draw a row."""
    return np.asarray(
        (values + xr.zeros_like(like)).transpose("chain", "draw", "row").to_numpy().reshape(-1, like.sizes["row"])
    )
