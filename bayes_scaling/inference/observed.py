"""What runs show about what is expected of them: departures that rows share, correlated and white scatter, reading errors."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.inference.expected import expected, levels_at, log_inputs
from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.model.specification import NOISE_LENGTH, NOISE_SD, NOISE_WHITE, neighbours, parameter_at, residual

FARTHEST = 300.0
"""Heavy tails of scatter on the log loss are cut off at so many e-folds, far beyond all sense and short of overflow."""

NARROWEST = 1e-4
"""Width of a row that is no average, in e-folds, as far as averages go."""


def observed(fit: Posterior, frame: pd.DataFrame, seed: int, *, new: bool = True) -> xr.DataArray:
    """Return draws of what new runs show at checked points; dimensions chain, draw, row.

    The scale of the scatter is that of the levels that the points name, and drawn
    from the population for levels never seen. Where rows have a reading error, they are read with one: so is their likelihood.

    Scatter that is correlated along a run is drawn as one path through the points of a run, from the very steps of the
    likelihood; it is not held to the runs seen. Where it has a white part, points that do not say how many rows they average
    are averages as the fit's rows are, see `white_scale` and `mean_lag`.

    Parameters
    ----------
    new
        Whether departures that rows share are drawn anew, or are those of the levels that the points name.
    frame
        Points, or rows in the shape of `runs.table`.
    """
    return map_components(fit, lambda one, _: _drawn(one, frame, seed, new=new))


def replicated(fit: Posterior, frame: pd.DataFrame, seed: int) -> xr.DataArray:
    """Return draws of what the same runs show when they are done and read again; dimensions chain, draw, row.

    Departures are those of their levels, and errors those they were read with: runs seen are held against this.

    Parameters
    ----------
    frame
        Rows in the shape of `runs.table`.
    """
    return observed(fit, frame, seed, new=False)


@np.errstate(over="ignore", invalid="ignore")
def _drawn(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    shared, scale = group_effects_and_scale(fit, frame, seed, new=new)
    scale, white = scales_with_error(fit, frame, scale)
    centre = expected(fit, frame)
    own = own_variance(fit, frame, scale, white)
    departure = shared + scale * xr.DataArray(_scatter(fit, frame, seed, own), dims=centre.dims)
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


def own_variance(fit: Fit, frame: pd.DataFrame, scale: Any, white: Any) -> Any:
    """Return draws of the variance of what is each row's own, in units of that of the process that rows of a run share.

    v_i = (white_i / scale_i)^2 + exp(-apart_i / length) - 1

    as in the likelihood; below zero where averaging has taken more of the process than white noise adds, 0 without white noise.

    Parameters
    ----------
    scale, white
        Of each row, as `scales_with_error` returns them. Dimensions chain, draw, row.
    """
    correlation = fit.model.noise.correlation
    if white is None or correlation is None:
        return 0.0
    lost = np.expm1(-xr.DataArray(mean_lag(fit, frame, correlation.along), dims="row") / fit.posterior[NOISE_LENGTH])
    return ((white / scale) ** 2 + lost).transpose("chain", "draw", "row")


def mean_lag(fit: Fit, frame: pd.DataFrame, along: str) -> np.ndarray:
    """Return the mean distance of two rows behind each row of a frame, in e-folds: `mean_lag`, where that is known.

    A row without it is an average as wide as the fit's rows are, by their median, or narrower where a neighbour in its run is
    nearer than that: averages do not overlap. Their width is three times the mean distance.
    """
    known = frame["mean_lag"].to_numpy() if "mean_lag" in frame else np.full(len(frame), np.nan)
    if not np.isnan(known).any():
        return known
    found = neighbours(_with_runs(frame), along)
    gap, room = found["gap"][found["order"]], np.empty(len(frame))
    room[found["order"]] = np.minimum(gap, np.append(gap[1:], np.inf))
    usual = float(fit.runs.table["mean_lag"].median()) if "mean_lag" in fit.runs.table else 0.0
    return np.where(np.isnan(known), np.minimum(usual, room / 3.0), known)


def _with_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that tells which rows are one run.

    Each is one of its own where the frame does not say, or where rows have the same label: those are choices of one row.
    """
    return frame if "run" in frame and frame.index.is_unique else frame.assign(run=np.arange(len(frame)))


def scales_with_error(fit: Fit, frame: pd.DataFrame, scale: Any) -> tuple[Any, Any]:
    """Return the scales of what rows share with neighbours and of what is their own, with the error they were read with."""
    white = white_scale(fit, frame)
    if "measurement_error" not in frame:
        return scale, white
    squared = xr.DataArray(measurement_scale(fit, frame), dims="row") ** 2
    return (np.sqrt(scale**2 + squared), None) if white is None else (scale, np.sqrt(white**2 + squared))


def measurement_scale(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return the standard deviation of each row's measurement error on the scale of the noise; 0 where none is known."""
    if "measurement_error" not in frame:
        return np.zeros(len(frame))
    error = frame["measurement_error"] / frame["response"] if fit.model.noise.on == "log_loss" else frame["measurement_error"]
    return np.asarray(error.fillna(0.0).to_numpy())


def log_density(fit: Posterior, frame: pd.DataFrame, seed: int = 0, *, new: bool = True) -> xr.DataArray:
    """Return the log density of each row's response in each draw, on the scale of the noise; dimensions chain, draw, row.

    Each row stands for itself: what correlated neighbours say of it is left out.

    It is -inf in draws whose law has fallen below zero there, where the noise is on the log loss.

    Parameters
    ----------
    frame
        Rows in the shape of `runs.table`. Their reading error is added where they have one.
    new
        As for `observed`.
    """
    return map_components(fit, lambda one, _: _log_density(one, frame, seed, new=new))


def _log_density(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    from scipy import stats

    noise, draws = fit.model.noise, fit.posterior
    shared, scale = group_effects_and_scale(fit, frame, seed, new=new)
    centre = expected(fit, frame)
    seen = xr.DataArray(frame["response"].to_numpy(), dims="row")
    possible = centre > 0 if noise.on == "log_loss" else xr.ones_like(centre, dtype=bool)
    left = np.log(seen / centre.where(possible, 1.0)) - shared if noise.on == "log_loss" else seen - centre - shared
    scale, white = scales_with_error(fit, frame, scale)
    scale = scale * np.sqrt(1.0 + own_variance(fit, frame, scale, white))
    z, scale = xr.broadcast(left / scale, scale)
    nu = draws["noise_nu"].to_numpy()[..., None] if noise.distribution == "student_t" else None
    of = z.transpose("chain", "draw", "row").to_numpy()
    density = stats.norm.logpdf(of) if nu is None else stats.t.logpdf(of, nu)
    rows: xr.DataArray = z.transpose("chain", "draw", "row").copy(data=density) - np.log(scale)
    return rows.where(possible, -np.inf)


def group_effects_and_scale(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> tuple[Any, Any]:
    """Return draws of the departures that rows share, and of the scale of each row's own scatter.

    Parameters
    ----------
    new
        Whether departures are those of new runs. Scatter is always that of the levels named: a corpus known to be noisy is so
        for new runs too.
    """
    known = levels_at(fit, frame, seed, new=False)
    scale = parameter_at(fit.model, NOISE_SD, fit.posterior, log_inputs(fit, frame), known, ON_NUMBERS)
    return residual(fit.model, levels_at(fit, frame, seed, new=new)), scale


def _scatter(fit: Fit, frame: pd.DataFrame, seed: int, own: Any) -> np.ndarray:
    """Return draws of each row's scatter in units of its scale, correlated along a run; dimensions chain, draw, row.

    Parameters
    ----------
    own
        What `own_variance` returns.
    """
    draws, noise = fit.posterior, fit.model.noise
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    streams = [np.random.default_rng([fit.settings.seed, seed, int(row)]) for row in frame.index]
    if noise.distribution == "normal":
        steps = np.stack([stream.standard_normal(shape) for stream in streams])
    else:
        steps = np.stack([stream.standard_t(draws["noise_nu"].to_numpy()) for stream in streams])
    if noise.correlation is not None:
        found = neighbours(_with_runs(frame), noise.correlation.along)
        order = found["order"]
        kept = np.exp(-found["gap"][order, None, None] / draws[NOISE_LENGTH].to_numpy())
        steps[order] = _path(steps[order], kept, np.broadcast_to(own, (*shape, len(frame))).transpose(2, 0, 1)[order])
    return np.moveaxis(steps, 0, -1)


def _path(steps: np.ndarray, a: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return rows drawn one after the other, each from what the filter of the likelihood expects of it.

    z_i = expected_i + sqrt(variance_i) e_i,   expected_i, variance_i as `kalman.forward` has them given z_1, ..., z_(i-1)

    Their covariance is exactly that of the likelihood, for v below zero too; NaN where the likelihood has no density.

    Parameters
    ----------
    steps
        E, standard. a, v: as in `kalman`. Rows in the order of their runs along the first axis, draws along the others.
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


def noise_covariance(fit: Fit, frame: pd.DataFrame, sd: np.ndarray) -> np.ndarray:
    """Return the covariance of the noise between rows of one run in each draw, without its white part; draws, row, row.

    Parameters
    ----------
    frame
        Checked rows; `mean_lag`, where the noise has a white part, is the mean distance of two rows behind an average.
    sd
        Standard deviation of the scatter of each row, a draw a row.
    """
    correlation = fit.model.noise.correlation
    if correlation is None:
        return np.asarray(sd[:, :, None] ** 2 * np.eye(sd.shape[1]))
    at = np.log(frame[correlation.along].to_numpy())
    lag = np.abs(at[:, None] - at)
    length = fit.posterior[NOISE_LENGTH].to_numpy().ravel()[:, None, None]
    if correlation.white is not None:
        lag = _lag_of_means(lag, 3.0 * frame["mean_lag"].to_numpy())
    return np.asarray(sd[:, :, None] * sd[:, None, :] * np.exp(-lag / length))


def _lag_of_means(lag: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return how far rows of two averages lie apart on average, two of the same one among them.

    A path to come starts in the middle of the last average: the two are not the same place.

    Parameters
    ----------
    lag
        Between their middles. width: of each, which rows fill evenly; two of its rows lie a third of it apart.
    """
    width = np.maximum(width, NARROWEST)
    half, over = (width[:, None] + width) / 2, (width[:, None] - width) / 2
    cubes = np.abs(lag + half) ** 3 + np.abs(lag - half) ** 3 - np.abs(lag + over) ** 3 - np.abs(lag - over) ** 3
    return np.where(lag >= half, lag, cubes / (6 * width[:, None] * width))


def departures_of(fit: Fit, table: pd.DataFrame, response: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the law leaves of responses, the scale of what neighbours share, and the variance of what is a row's own.

    That may be negative: averages have lost some of what they share. Each has dimensions chain, draw, row.
    """
    centre = expected(fit, table)
    shared, scale = group_effects_and_scale(fit, table, 0, new=False)
    scale, white = scales_with_error(fit, table, scale)
    if fit.model.noise.on == "log_loss":
        centre, response = centre.copy(data=np.log(centre.to_numpy())), np.log(response)
    own = scale**2 * own_variance(fit, table, scale, white)
    mean, scale, own = ((of + xr.zeros_like(centre)).transpose("chain", "draw", "row") for of in (centre + shared, scale, own))
    return response - mean.to_numpy(), scale.to_numpy(), own.to_numpy()


def kept_along(fit: Fit, distance: np.ndarray) -> np.ndarray:
    """Return the correlation of a run's noise, without its white part, with that so many e-folds away."""
    if NOISE_LENGTH not in fit.posterior:
        return np.zeros((fit.posterior.sizes["chain"], fit.posterior.sizes["draw"], len(distance)))
    kept: np.ndarray = np.exp(-distance / fit.posterior[NOISE_LENGTH].to_numpy()[..., None])
    return kept
