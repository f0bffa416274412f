"""The likelihood: the log density of each row's response in each draw.

Where rows of a run are correlated, `log_likelihood` has each row given those before it: the sum over rows is the likelihood's.
`log_density` has each row for itself.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.inference.expectation import levels_at, posterior_expectation
from bayes_scaling.inference.observation import (
    Contamination,
    contamination,
    contamination_of,
    group_effects_and_scale,
    own_variance,
    scales_with_error,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.model.arrays import neighbours, rows_of_runs
from bayes_scaling.model.censoring import log_survival_of_numbers
from bayes_scaling.model.names import NOISE_CORRELATION, NOISE_PAIR, spread_name
from bayes_scaling.model.noise import heavy_tailed
from bayes_scaling.model.noise_scale import on_scale, possible, slope
from bayes_scaling.model.specification import varyings

RESPONSE = "response"
"""What the loss is called in every group of draws and data."""
OF = "density_of"
"""The attribute that says what a density is of."""
LOG_LIKELIHOOD = "log_likelihood"
"""The group that holds what is stored of it."""


def log_density(fit: Posterior, frame: pd.DataFrame, seed: int = 0, *, new: bool = True) -> xr.DataArray:
    """Return the log density of each row's response in each draw, on the scale of the noise; dimensions chain, draw, row.

    Each row stands for itself: what correlated neighbours say of it is left out.

    Of a row that is a bound it is the log probability of values on its side, see `censoring`.

    It is -inf in draws whose law has fallen below zero there, where the noise is on the log loss.

    Parameters
    ----------
    frame
        Rows in the shape of `runs.table`. Their measurement error is added where they have one.
    new
        As for `posterior_predictive`.
    """
    return map_components(fit, lambda one, _: _log_density(one, frame, seed, new=new))


def _log_density(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    """Return the log density of each row in each draw; chain, draw, row."""
    from scipy import stats

    noise, draws = fit.model.noise, fit.posterior
    shared, scale = group_effects_and_scale(fit, frame, seed, new=new)
    centre = posterior_expectation(fit, frame)
    seen = xr.DataArray(frame["response"].to_numpy(), dims="row")
    there = possible(centre, noise.on) if noise.on != "loss" else xr.ones_like(centre, dtype=bool)
    left = on_scale(seen, noise.on) - on_scale(centre.where(there, 0.5), noise.on) - shared
    scale, white = scales_with_error(fit, frame, scale)
    outliers = contamination(fit, frame, scale, white)
    wider = 1.0 + own_variance(fit, frame, scale, white)
    scale = scale * np.sqrt(wider)
    z, scale = xr.broadcast(left / scale, scale)
    nu = draws["noise_nu"].to_numpy()[..., None] if noise.distribution == "student_t" else None
    of = z.transpose("chain", "draw", "row").to_numpy()
    if outliers is not None:
        variance = (wider + xr.zeros_like(z)).transpose("chain", "draw", "row").to_numpy()
        density = _mixture_density(of, np.sqrt(1.0 + outliers.added / variance), outliers)
    else:
        density = np.asarray(stats.norm.logpdf(of) if nu is None else stats.t.logpdf(of, nu))
    rows: xr.DataArray = z.transpose("chain", "draw", "row").copy(data=density) - np.log(scale)
    if CENSORED in frame:
        side = frame[CENSORED].to_numpy()
        bounded = rows.copy(data=log_survival_of_numbers(np.where(side < 0, -of, of), nu))
        rows = rows.where(xr.DataArray(side == 0, dims="row"), bounded)
    return rows.where(there, -np.inf)


def _mixture_density(z: np.ndarray, times: np.ndarray, outliers: Contamination) -> np.ndarray:
    """Return the log density of standardized rows whose scatter is so many times as wide in outliers."""
    from scipy import stats

    with np.errstate(divide="ignore"):  # where an outlier is surely among the rows behind one
        found: np.ndarray = np.logaddexp(
            outliers.none + stats.norm.logpdf(z), np.log(outliers.probability) + stats.norm.logpdf(z, scale=times)
        )
    return found


def log_likelihood(fit: Fit) -> xr.DataArray:
    """Return the log density of each row's loss given a draw, and the rows before it in its run; stored, or from the draws.

    It is of the loss itself, also where the noise is on its logarithm: p(y) = p(log y) / y.

    Returns
    -------
    xr.DataArray
        Dimensions chain, draw, row. Its attributes say what each row is given.
    """
    stored = fit.draws[LOG_LIKELIHOOD].to_dataset()[RESPONSE] if LOG_LIKELIHOOD in fit.draws.children else None
    if stored is not None and OF in stored.attrs:
        return stored
    if stored is not None:  # an older file, of the log loss where the noise is on it
        return _of_loss(fit, stored)
    if fit.model.noise.correlation is not None:
        return _of_loss(fit, _along_runs(fit))
    if fit.model.noise.residual_correlation is not None:
        return _of_loss(fit, between_outputs(fit, fit.runs.table).rename(RESPONSE))
    return _of_loss(fit, log_density(fit, fit.runs.table, new=False).rename(RESPONSE))


def _of_loss(fit: Fit, density: xr.DataArray) -> xr.DataArray:
    """Return a density on the scale of the noise as that of the loss, with what it is given."""
    model = fit.model
    density = density + xr.DataArray(np.log(slope(fit.runs.table["response"].to_numpy(), model.noise.on)), dims="row")
    effects = [*(["group effects"] if varyings(model) else []), *(["the discrepancy"] if model.discrepancy else [])]
    both = (model.noise.correlation, model.noise.residual_correlation)
    rows = ["the rows before it in its run"] if any(of is not None for of in both) else []
    given = "the parameters" + "".join(f", {of}" for of in [*effects, *rows])
    error = {"noise": "with the measurement error of each row"} if "measurement_error" in fit.runs.table else {}
    return density.assign_attrs({OF: "loss", "given": given} | error)


def between_outputs(fit: Fit, table: pd.DataFrame) -> xr.DataArray:
    """Return the density of each row given a draw, its group effects and the rows before it in its run."""
    from bayes_scaling.inference.observation import output_numbers, residuals_and_scales, scatter_share
    from bayes_scaling.model.arrays import run_order
    from bayes_scaling.model.lkj import matrices
    from bayes_scaling.model.residual_correlation import rows_given

    left, scale, _ = residuals_and_scales(fit, table, table["response"].to_numpy())
    share = scatter_share(fit, table, xr.DataArray(scale, dims=("chain", "draw", "row")))
    full = matrices(fit.posterior[NOISE_CORRELATION].transpose("chain", "draw", NOISE_PAIR).to_numpy())
    z, output = left / scale, output_numbers(fit, table)
    order, first = run_order(pd.factorize(table["run"])[0])
    flat = (np.ascontiguousarray(of).reshape(-1, *of.shape[2:]) for of in (z, share, full))
    density = [rows_given(one, of, r, output, order, first) for one, of, r in zip(*flat, strict=True)]
    return xr.DataArray(np.reshape(density, z.shape) - np.log(scale), dims=("chain", "draw", "row"))


def density_of_runs(fit: Fit) -> xr.DataArray:
    """Return the log density of all outputs of each run together in each draw, on the scale of the noise; chain, draw, run.

    Under normal noise effects of the group "run" are integrated out: they are those of a run left out. Under Student-t noise,
    and with outliers, outputs are independent given the effects.
    """
    from bayes_scaling.inference.observation import between_rows, residuals_and_scales, scatter_share

    table, noise = fit.runs.table.reset_index(drop=True), fit.model.noise
    places = rows_of_runs(table)
    if heavy_tailed(noise):
        each = log_density(fit, table, new=False)
        return xr.concat([each.isel(row=of).sum("row") for of in places], "run").transpose("chain", "draw", "run")
    left, scale, _ = residuals_and_scales(fit, table, table["response"].to_numpy())
    share = scatter_share(fit, table, xr.DataArray(scale, dims=("chain", "draw", "row")))
    level, own = levels_at(fit, table, 0, new=False), [of for of in noise.effects if of.dims == ("run",)]
    shared: Any = sum(fit.posterior[spread_name("residual", of)].to_numpy() ** 2 for of in own)
    for of in own:
        left = left + level("residual", of).transpose("chain", "draw", "row").to_numpy()
    found = []
    for rows in places:
        sd, whole = (scale * share)[..., rows], scale[..., rows] ** 2
        covariance = sd[..., :, None] * sd[..., None, :]
        between = noise.residual_correlation is not None
        covariance = covariance * (between_rows(fit, table.iloc[rows]) if between else np.eye(len(rows)))
        covariance[..., np.arange(len(rows)), np.arange(len(rows))] = whole
        root = np.linalg.cholesky(covariance + np.asarray(shared)[..., None, None])
        z = np.linalg.solve(root, left[..., rows, None])[..., 0]
        logs = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
        found.append(-0.5 * (z**2).sum(axis=-1) - logs - 0.5 * len(rows) * np.log(2.0 * np.pi))
    return xr.DataArray(np.stack(found, axis=-1), dims=("chain", "draw", "run"))


def _along_runs(fit: Fit) -> xr.DataArray:
    """Return the densities of rows of correlated runs, each given those before it."""
    from scipy import stats

    from bayes_scaling.inference.observation import kept_along, residuals_and_scales
    from bayes_scaling.model import gaussian_sum, kalman

    correlation = fit.model.noise.correlation
    assert correlation is not None
    order = neighbours(fit.runs.table, correlation.along)["order"]
    table = fit.runs.table.iloc[order].reset_index(drop=True)
    left, scale, own = residuals_and_scales(fit, table, table["response"].to_numpy())
    kept = kept_along(fit, neighbours(table, correlation.along)["gap"])
    shape, rows = left.shape, left.shape[-1]
    flat = [np.ascontiguousarray(np.broadcast_to(of, shape)).reshape(-1, rows) for of in (left / scale, kept, own / scale**2)]
    back = np.argsort(order)
    if (outliers := contamination_of(fit, table)) is not None:
        flat += [np.ascontiguousarray(of).reshape(-1, rows) for of in (outliers.added, outliers.none)]
        density = np.reshape([gaussian_sum.forward(*one) for one in zip(*flat, strict=True)], shape) - np.log(scale)
        return xr.DataArray(density[..., back], dims=("chain", "draw", "row"), name=RESPONSE)
    seen = [kalman.forward(*one) for one in zip(*flat, strict=True)]
    mean, variance = (np.reshape([one[i] for one in seen], shape) for i in (0, 1))
    z, sd = (left / scale - mean) / np.sqrt(variance), scale * np.sqrt(variance)
    if fit.model.noise.distribution == "normal":
        density = stats.norm.logpdf(z) - np.log(sd)
    else:
        density = stats.t.logpdf(z, fit.posterior["noise_nu"].to_numpy()[..., None]) - np.log(sd)
    return xr.DataArray(density[..., back], dims=("chain", "draw", "row"), name=RESPONSE)
