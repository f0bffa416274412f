"""The observation model: group effects on the residual, correlated and white scatter, measurement errors of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.data.labels import level_index
from bayes_scaling.inference.expectation import levels_at, log_inputs, posterior_expectation
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.arrays import neighbours
from bayes_scaling.model.evaluation import group_effects, parameter_at
from bayes_scaling.model.gaussian_sum import mixture
from bayes_scaling.model.lkj import matrices
from bayes_scaling.model.names import (
    NOISE_CORRELATION,
    NOISE_LENGTH,
    NOISE_PAIR,
    NOISE_SD,
    NOISE_WHITE,
    OUTLIER_ODDS,
    OUTLIER_SCALE,
)
from bayes_scaling.model.noise_scale import on_scale, slope

NARROWEST = 1e-4
"""Width of a row that is no average, in e-folds, as far as averages go."""


def white_scale(fit: Fit, frame: pd.DataFrame) -> xr.DataArray | None:
    """Return draws of what each row scatters by on its own, beside what its run's neighbours share; None where all is one.

    A row without a count is the mean of as many rows of a log as the fit's rows are, by their median.
    """
    if NOISE_WHITE not in fit.posterior:
        return None
    return fit.posterior[NOISE_WHITE] / xr.DataArray(np.sqrt(_count(fit, frame)), dims="row")


def _count(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return how many rows of a log each row is the mean of."""
    usual = float(fit.runs.table["count"].median()) if "count" in fit.runs.table else 1.0
    return frame["count"].fillna(usual).to_numpy() if "count" in frame else np.full(len(frame), usual)


@dataclass(frozen=True)
class Contamination:
    """Draws of what outliers do to rows; dimensions chain, draw, row.

    Parameters
    ----------
    none
        Log probability that a row is no outlier, or that none is among the rows that it is the mean of.
    added
        What one adds to the variance of a row's own, in units of the variance of the process that rows of a run share, or of
        the noise where it is not correlated.
    """

    none: np.ndarray
    added: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """Of an outlier, before the row is seen."""
        return np.asarray(-np.expm1(self.none))


def contamination(fit: Fit, frame: pd.DataFrame, scale: Any, white: Any) -> Contamination | None:
    """Return what outliers do to rows, None where the model has none.

    Parameters
    ----------
    scale, white
        Of each row, as `scales_with_error` returns them.
    """
    if fit.model.noise.outliers is None:
        return None
    odds, times = fit.posterior[OUTLIER_ODDS], fit.posterior[OUTLIER_SCALE]
    count = xr.DataArray(np.ones(len(frame)) if white is None else _count(fit, frame), dims="row")
    none, added = mixture(odds, times, count, np)
    full = [(of + xr.zeros_like(count)).transpose("chain", "draw", "row") for of in (none, added)]
    squared = 1.0 if white is None else (white / scale) ** 2
    return Contamination(full[0].to_numpy(), (full[1] * squared).transpose("chain", "draw", "row").to_numpy())


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
    found = neighbours(with_runs(frame), along)
    gap, room = found["gap"][found["order"]], np.empty(len(frame))
    room[found["order"]] = np.minimum(gap, np.append(gap[1:], np.inf))
    usual = float(fit.runs.table["mean_lag"].median()) if "mean_lag" in fit.runs.table else 0.0
    return np.where(np.isnan(known), np.minimum(usual, room / 3.0), known)


def with_runs(frame: pd.DataFrame) -> pd.DataFrame:
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
    error = frame["measurement_error"] * slope(frame["response"], fit.model.noise.on)
    return np.asarray(error.fillna(0.0).to_numpy())


def group_effects_and_scale(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> tuple[Any, Any]:
    """Return draws of the group effects of rows, and of the scale of each row's own scatter.

    Parameters
    ----------
    new
        Whether group effects are those of new runs. Scatter is always that of the levels named: a corpus known to be noisy is
        so for new runs too.
    """
    known = levels_at(fit, frame, seed, new=False)
    scale = parameter_at(fit.model, NOISE_SD, fit.posterior, log_inputs(fit, frame), known, ON_NUMBERS)
    return group_effects(fit.model, levels_at(fit, frame, seed, new=new)), scale


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
    if fit.model.noise.residual_correlation is not None:
        return np.asarray(sd[:, :, None] * sd[:, None, :] * between_rows(fit, frame).reshape(-1, len(frame), len(frame)))
    if correlation is None:
        return np.asarray(sd[:, :, None] ** 2 * np.eye(sd.shape[1]))
    at = np.log(frame[correlation.along].to_numpy())
    lag = np.abs(at[:, None] - at)
    length = fit.posterior[NOISE_LENGTH].to_numpy().ravel()[:, None, None]
    if correlation.white is not None:
        lag = _lag_of_means(lag, 3.0 * frame["mean_lag"].to_numpy())
    return np.asarray(sd[:, :, None] * sd[:, None, :] * np.exp(-lag / length))


def output_numbers(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return the number of the output of each row; -1 where a frame does not say, or names one that no run has."""
    between = fit.model.noise.residual_correlation
    assert between is not None
    if between.over not in frame:
        return np.full(len(frame), -1)
    return level_index(frame[between.over], fit.runs.levels[between.over])


def runs_of_rows(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return a number for the run of each row, where residuals are correlated between outputs.

    A run shows each output once: a second row of one is of another run, as two candidates with equal inputs are.
    """
    keys = pd.DataFrame({"run": pd.factorize(with_runs(frame)["run"])[0], "output": output_numbers(fit, frame)})
    keys["time"] = keys.groupby(["run", "output"]).cumcount()
    return keys.groupby(["run", "time"], sort=False).ngroup().to_numpy()


def between_rows(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return draws of the correlation of residuals between rows of one run; dimensions chain, draw, row, row.

    An output that no run has correlates with none.
    """
    output = output_numbers(fit, frame)
    known = (output[:, None] >= 0) & (output >= 0)
    full = matrices(fit.posterior[NOISE_CORRELATION].transpose("chain", "draw", NOISE_PAIR).to_numpy())
    return np.where(np.eye(len(frame), dtype=bool), 1.0, np.where(known, full[..., output[:, None], output], 0.0))


def scatter_share(fit: Fit, frame: pd.DataFrame, scale: Any) -> np.ndarray:
    """Return the share of the scale of each row that is no measurement error; dimensions chain, draw, row.

    Parameters
    ----------
    scale
        With the error, as `scales_with_error` returns it.
    """
    error = xr.DataArray(measurement_scale(fit, frame), dims="row")
    share = np.sqrt(1.0 - (error / scale) ** 2) * xr.ones_like(fit.posterior[NOISE_SD])
    return np.asarray(share.transpose("chain", "draw", "row").to_numpy())


def _lag_of_means(lag: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return how far rows of two averages lie apart on average, two of the same one among them.

    A path to come starts in the middle of the last average: the two are not the same place.

    Parameters
    ----------
    lag
        Between their middles.
    width
        Of each, which rows fill evenly; two of its rows lie a third of it apart.
    """
    width = np.maximum(width, NARROWEST)
    half, over = (width[:, None] + width) / 2, (width[:, None] - width) / 2
    cubes = np.abs(lag + half) ** 3 + np.abs(lag - half) ** 3 - np.abs(lag + over) ** 3 - np.abs(lag - over) ** 3
    return np.where(lag >= half, lag, cubes / (6 * width[:, None] * width))


def residuals_and_scales(fit: Fit, table: pd.DataFrame, response: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the law leaves of responses, the scale of what neighbours share, and the variance of what is a row's own.

    That may be negative: averages have lost some of what they share. Each has dimensions chain, draw, row.
    """
    centre = posterior_expectation(fit, table)
    shared, scale = group_effects_and_scale(fit, table, 0, new=False)
    scale, white = scales_with_error(fit, table, scale)
    on = fit.model.noise.on
    centre, response = centre.copy(data=on_scale(centre.to_numpy(), on)), on_scale(response, on)
    own = scale**2 * own_variance(fit, table, scale, white)
    mean, scale, own = ((of + xr.zeros_like(centre)).transpose("chain", "draw", "row") for of in (centre + shared, scale, own))
    return response - mean.to_numpy(), scale.to_numpy(), own.to_numpy()


def contamination_of(fit: Fit, table: pd.DataFrame) -> Contamination | None:
    """Return what outliers do to rows whose levels the fit knows, as `residuals_and_scales` has them."""
    _, scale = group_effects_and_scale(fit, table, 0, new=False)
    return contamination(fit, table, *scales_with_error(fit, table, scale))


def kept_along(fit: Fit, distance: np.ndarray) -> np.ndarray:
    """Return the correlation of a run's noise, without its white part, with that so many e-folds away."""
    if NOISE_LENGTH not in fit.posterior:
        return np.zeros((fit.posterior.sizes["chain"], fit.posterior.sizes["draw"], len(distance)))
    kept: np.ndarray = np.exp(-distance / fit.posterior[NOISE_LENGTH].to_numpy()[..., None])
    return kept
