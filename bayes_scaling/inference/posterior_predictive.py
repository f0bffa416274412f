"""The posterior predictive: draws of what runs show, new ones or the same once more."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.random import stream
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.observation import (
    Contamination,
    between_rows,
    contamination,
    group_effects_and_scale,
    own_variance,
    runs_of_rows,
    scales_with_error,
    scatter_share,
    with_runs,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.model.arrays import neighbours, rows_of_runs
from bayes_scaling.model.gaussian_sum import step
from bayes_scaling.model.names import NOISE_LENGTH
from bayes_scaling.model.noise_scale import moved

FARTHEST = 300.0
"""Heavy tails of scatter on the log loss are cut off at so many e-folds, far beyond all sense and short of overflow."""


def posterior_predictive(fit: Posterior, frame: pd.DataFrame, seed: int, *, new: bool = True) -> xr.DataArray:
    """Return draws of what new runs show at checked points; dimensions chain, draw, row.

    The scale of the scatter is that of the levels that the points name, and drawn from the population for levels never seen.
    Rows with a measurement error are drawn with one, as in their likelihood.

    Scatter that is correlated along a run is drawn as one path through the points of a run, from the very steps of the
    likelihood; it is not held to the runs seen. Where it has a white part, points that do not say how many rows they average
    are averages as the fit's rows are, see `white_scale` and `mean_lag`.

    Parameters
    ----------
    new
        Whether group effects on the residual are drawn anew, or are those of the levels that the points name.
    frame
        Points, or rows in the shape of `runs.table`.
    """
    return map_components(fit, lambda one, _: _drawn(one, frame, seed, new=new))


def replicated(fit: Posterior, frame: pd.DataFrame, seed: int) -> xr.DataArray:
    """Return draws of what the same runs show when they are done and read again; dimensions chain, draw, row.

    Group effects are those of their levels, measurement errors those of their rows: runs seen are held against this.

    Parameters
    ----------
    frame
        Rows in the shape of `runs.table`.
    """
    return posterior_predictive(fit, frame, seed, new=False)


def noise_parts(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool = True) -> tuple[xr.DataArray, xr.DataArray]:
    """Return draws of the group effects that rows share, and of each row's scatter, on the scale of the noise.

    Parameters
    ----------
    frame, seed, new
        As for `posterior_predictive`, which adds both to what is expected. Dimensions chain, draw, row.
    """
    shared, scale = group_effects_and_scale(fit, frame, seed, new=new)
    scale, white = scales_with_error(fit, frame, scale)
    own = own_variance(fit, frame, scale, white)
    outliers = contamination(fit, frame, scale, white)
    steps = _scatter(fit, frame, seed, own, outliers)
    if fit.model.noise.residual_correlation is not None:
        steps = _between_outputs(fit, frame, steps, scatter_share(fit, frame, scale))
    scatter = scale * xr.DataArray(steps, dims=("chain", "draw", "row"))
    return (xr.zeros_like(scatter) + shared).transpose("chain", "draw", "row"), scatter.transpose("chain", "draw", "row")


@np.errstate(over="ignore", invalid="ignore")
def _drawn(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    shared, scatter = noise_parts(fit, frame, seed, new=new)
    centre, off = posterior_expectation(fit, frame), shared + scatter
    on = fit.model.noise.on
    runs: xr.DataArray = moved(centre, off if on == "loss" else off.clip(-FARTHEST, FARTHEST), on)
    return runs


def _scatter(fit: Fit, frame: pd.DataFrame, seed: int, own: Any, outliers: Contamination | None) -> np.ndarray:
    """Return draws of each row's scatter in units of its scale, correlated along a run; dimensions chain, draw, row.

    Parameters
    ----------
    own
        What `own_variance` returns.
    outliers
        What `contamination` returns.
    """
    draws, noise = fit.posterior, fit.model.noise
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    streams = [stream(fit.settings.seed, "scatter", seed, row) for row in frame.index.tolist()]
    if noise.distribution == "normal":
        steps = np.stack([random.standard_normal(shape) for random in streams])
    else:
        steps = np.stack([random.standard_t(draws["noise_nu"].to_numpy()) for random in streams])
    more = None
    if outliers is not None:
        none, added = (np.moveaxis(of, -1, 0) for of in (outliers.none, outliers.added))
        chosen = added * (np.stack([random.uniform(size=shape) for random in streams]) < -np.expm1(none))
        more = (chosen, added, none)
    if noise.correlation is not None:
        found = neighbours(with_runs(frame), noise.correlation.along)
        order = found["order"]
        kept = np.exp(-found["gap"][order, None, None] / draws[NOISE_LENGTH].to_numpy())
        white = np.broadcast_to(own, (*shape, len(frame))).transpose(2, 0, 1)[order]
        if more is None:
            steps[order] = _path(steps[order], kept, white)
        else:
            steps[order] = _path_with_outliers(steps[order], kept, white, *(of[order] for of in more))
    elif more is not None:
        steps = steps * np.sqrt(1.0 + more[0])
    return np.moveaxis(steps, 0, -1)


def _between_outputs(fit: Fit, frame: pd.DataFrame, steps: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return standard draws of rows as draws that are correlated between the outputs of a run; dimensions chain, draw, row.

    Parameters
    ----------
    share
        What `scatter_share` returns.
    """
    shown = steps.copy()
    for rows in rows_of_runs(frame.assign(run=runs_of_rows(fit, frame))):
        if len(rows) > 1:
            a = share[..., rows]
            r = between_rows(fit, frame.iloc[rows]) * a[..., :, None] * a[..., None, :]
            r[..., np.arange(len(rows)), np.arange(len(rows))] = 1.0
            shown[..., rows] = (np.linalg.cholesky(r) @ steps[..., rows, None])[..., 0]
    return shown


def _path(steps: np.ndarray, a: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return rows drawn one after the other, each from what the filter of the likelihood expects of it.

    z_i = expected_i + sqrt(variance_i) e_i,   expected_i, variance_i as `kalman.forward` has them given z_1, ..., z_(i-1)

    Their covariance is exactly that of the likelihood, for v below zero too; NaN where the likelihood has no density.

    Parameters
    ----------
    steps
        The e_i, standard normal or Student-t.
    a, v
        As in `kalman`. Rows in the order of their runs along the first axis, draws along the others.
    """
    shown = np.empty_like(steps)
    mean, left = np.zeros(steps.shape[1:]), np.zeros(steps.shape[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in range(len(steps)):
            before, spread = a[i] * mean, a[i] * a[i] * left + 1.0 - a[i] * a[i]
            variance = spread + v[i]
            shown[i] = before + np.sqrt(variance) * steps[i]
            gain = np.where(variance == 0.0, 1.0, spread / variance)  # a row at the place of the one before shows the same
            mean, left = before + gain * (shown[i] - before), gain * v[i]
    return shown


def _path_with_outliers(
    steps: np.ndarray, a: np.ndarray, v: np.ndarray, chosen: np.ndarray, x: np.ndarray, none: np.ndarray
) -> np.ndarray:
    """Return rows drawn one after the other, each from the mixture that the filter of the likelihood expects.

    Parameters
    ----------
    steps, a, v
        As for `_path`.
    chosen
        What is added to v in each row: x in outliers, else 0.
    x, none
        As in `gaussian_sum`.
    """
    shown = np.empty_like(steps)
    mean, left = np.zeros(steps.shape[1:]), np.zeros(steps.shape[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in range(len(steps)):
            before, spread = a[i] * mean, a[i] * a[i] * left + 1.0 - a[i] * a[i]
            shown[i] = before + np.sqrt(spread + v[i] + chosen[i]) * steps[i]
            _, _, mean, left = step(shown[i], before, spread, v[i], x[i], none[i])
    return shown
