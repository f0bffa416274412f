"""What runs show about what is expected of them: departures that rows share, correlated and white scatter, reading errors."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.evaluation import expected, levels_at, log_inputs
from bayes_scaling.fitting import Fit
from bayes_scaling.functions import ON_NUMBERS
from bayes_scaling.model import NOISE_LENGTH, NOISE_SD, NOISE_WHITE, neighbours, parameter_at, residual
from bayes_scaling.stacking import Posterior, over_parts

FARTHEST = 300.0
"""Heavy tails of scatter on the log loss are cut off at so many e-folds, far beyond all sense and short of overflow."""

NARROWEST = 1e-4
"""Width of a row that is no average, in e-folds, as far as averages go."""


def observed(fit: Posterior, frame: pd.DataFrame, seed: int, *, new: bool = True) -> xr.DataArray:
    """Return draws of what runs show at checked points; dimensions chain, draw, row.

    new: whether departures shared by rows are drawn anew, or are those of the levels that the points name.

    Scatter that is correlated along a run is drawn as one path through the points of a run; it is not held to the runs seen.
    """
    return over_parts(fit, lambda one, _: _observed(one, frame, seed, new=new))


def _observed(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    shared, scale = about(fit, frame, seed, new=new)
    return _scattered(fit, frame, seed, shared, scale, white_scale(fit, frame))


def replicated(fit: Fit, frame: pd.DataFrame, seed: int) -> xr.DataArray:
    """Return draws of what the same runs show when they are done and read again; dimensions chain, draw, row.

    Departures are those of their levels, scatter is drawn anew, with the reading error where rows have one.

    frame: rows in the shape of `runs.table`.
    """
    shared, scale = about(fit, frame, seed, new=False)
    return _scattered(fit, frame, seed, shared, *read_scales(fit, frame, scale))


def _scattered(fit: Fit, frame: pd.DataFrame, seed: int, shared: Any, scale: Any, white: Any) -> xr.DataArray:
    centre = expected(fit, frame)
    departure = shared + scale * xr.DataArray(_scatter(fit, frame, seed), dims=centre.dims)
    if white is not None:
        streams = [np.random.default_rng([fit.settings.seed, seed, int(row), 1]) for row in frame.index]
        own = np.stack([stream.standard_normal(centre.shape[:2]) for stream in streams], axis=-1)
        departure = departure + white * xr.DataArray(own, dims=centre.dims)
    on_log = fit.model.noise.on == "log_loss"
    runs: xr.DataArray = centre * np.exp(departure.clip(-FARTHEST, FARTHEST)) if on_log else centre + departure
    return runs


def white_scale(fit: Fit, frame: pd.DataFrame) -> xr.DataArray | None:
    """Return draws of what each row scatters by on its own, beside what its run's neighbours share; None where all is one.

    A row without a count is the mean of as many rows of a log as the fit's rows are, by their median.
    """
    if NOISE_WHITE not in fit.posterior:
        return None
    usual = float(fit.runs.table["count"].median()) if "count" in fit.runs.table else 1.0
    count = frame["count"].fillna(usual).to_numpy() if "count" in frame else np.full(len(frame), usual)
    return fit.posterior[NOISE_WHITE] / xr.DataArray(np.sqrt(count), dims="row")


def read_scales(fit: Fit, frame: pd.DataFrame, scale: Any) -> tuple[Any, Any]:
    """Return the scales of what rows share with neighbours and of what is their own, with the error they were read with."""
    white = white_scale(fit, frame)
    if "reading_error" not in frame:
        return scale, white
    error = frame["reading_error"] / frame["response"] if fit.model.noise.on == "log_loss" else frame["reading_error"]
    squared = xr.DataArray(error.to_numpy(), dims="row") ** 2
    return (np.sqrt(scale**2 + squared), None) if white is None else (scale, np.sqrt(white**2 + squared))


def log_density(fit: Posterior, frame: pd.DataFrame, seed: int = 0, *, new: bool = True) -> xr.DataArray:
    """Return the log density of each row's response in each draw, on the scale of the noise; dimensions chain, draw, row.

    Each row stands for itself: what correlated neighbours say of it is left out.

    It is -inf in draws whose law has fallen below zero there, where the noise is on the log loss.

    frame: rows in the shape of `runs.table`. Their reading error is added where they have one.
    new: as for `observed`.
    """
    return over_parts(fit, lambda one, _: _log_density(one, frame, seed, new=new))


def _log_density(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    from scipy import stats

    noise, draws = fit.model.noise, fit.posterior
    shared, scale = about(fit, frame, seed, new=new)
    centre = expected(fit, frame)
    seen = xr.DataArray(frame["response"].to_numpy(), dims="row")
    possible = centre > 0 if noise.on == "log_loss" else xr.ones_like(centre, dtype=bool)
    left = np.log(seen / centre.where(possible, 1.0)) - shared if noise.on == "log_loss" else seen - centre - shared
    scale, white = read_scales(fit, frame, scale)
    scale = scale if white is None else np.sqrt(scale**2 + white**2)
    z, scale = xr.broadcast(left / scale, scale)
    nu = draws["noise_nu"].to_numpy()[..., None] if noise.distribution == "student_t" else None
    of = z.transpose("chain", "draw", "row").to_numpy()
    density = stats.norm.logpdf(of) if nu is None else stats.t.logpdf(of, nu)
    rows: xr.DataArray = z.transpose("chain", "draw", "row").copy(data=density) - np.log(scale)
    return rows.where(possible, -np.inf)


def about(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> tuple[Any, Any]:
    """Return draws of the departures that rows share, and of the scale of each row's own scatter."""
    level = levels_at(fit, frame, seed, new=new)
    scale = parameter_at(fit.model, NOISE_SD, fit.posterior, log_inputs(fit, frame), level, ON_NUMBERS)
    return residual(fit.model, level), scale


def _scatter(fit: Fit, frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Return draws of each row's scatter in units of its scale, correlated along a run; dimensions chain, draw, row.

    A white part, which has a scale of its own, is not in it.
    """
    draws, noise = fit.posterior, fit.model.noise
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    streams = [np.random.default_rng([fit.settings.seed, seed, int(row)]) for row in frame.index]
    if noise.distribution == "normal":
        steps = np.stack([stream.standard_normal(shape) for stream in streams], axis=-1)
    else:
        steps = np.stack([stream.standard_t(draws["noise_nu"].to_numpy()) for stream in streams], axis=-1)
    if noise.correlation is None:
        return steps
    run = frame["run"] if "run" in frame else pd.Series(frame.index, index=frame.index)
    order = neighbours(frame.assign(run=run), noise.correlation.along)
    length = draws[NOISE_LENGTH].to_numpy()
    for row in np.lexsort((frame[noise.correlation.along], pd.factorize(run)[0])):
        kept = order["gap"][row] / length
        steps[..., row] = np.exp(-kept) * steps[..., order["previous"][row]] + np.sqrt(-np.expm1(-2 * kept)) * steps[..., row]
    return steps


def noise_covariance(fit: Fit, frame: pd.DataFrame, sd: np.ndarray) -> np.ndarray:
    """Return the covariance of the noise between rows of one run in each draw, without its white part; draws, row, row.

    frame: checked rows; `apart`, where the noise has a white part, is the mean distance of two rows behind an average.
    sd: standard deviation of the scatter of each row, a draw a row.
    """
    correlation = fit.model.noise.correlation
    if correlation is None:
        return np.asarray(sd[:, :, None] ** 2 * np.eye(sd.shape[1]))
    at = np.log(frame[correlation.along].to_numpy())
    lag = np.abs(at[:, None] - at)
    length = fit.posterior[NOISE_LENGTH].to_numpy().ravel()[:, None, None]
    if correlation.white is not None:
        lag = _lag_of_means(lag, 3.0 * frame["apart"].to_numpy())
    return np.asarray(sd[:, :, None] * sd[:, None, :] * np.exp(-lag / length))


def _lag_of_means(lag: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return how far rows of two averages lie apart on average, two of the same one among them.

    A path to come starts in the middle of the last average: the two are not the same place.

    lag: between their middles. width: of each, which rows fill evenly; two of its rows lie a third of it apart.
    """
    width = np.maximum(width, NARROWEST)
    half, over = (width[:, None] + width) / 2, (width[:, None] - width) / 2
    cubes = np.abs(lag + half) ** 3 + np.abs(lag - half) ** 3 - np.abs(lag + over) ** 3 - np.abs(lag - over) ** 3
    return np.where(lag >= half, lag, cubes / (6 * width[:, None] * width))
