"""Draws of a fit, conditioned on the rows that a run of its own has shown.

Let g be what the law says of the run at the rows seen and to come, on the scale of the noise, with the group effects that a run
of its own draws; each draw of the fit has one. Rows show y = g + o + w, with the noise's correlated part o, and in w its white
part and the rows' measurement errors. Taking g for normal over the draws, with their mean and covariance S, and R for the
covariance of the noise in a draw,

    weight of a draw:  Normal(y; mean g, S + R)
    to come, in it:    g' + o' + (S' + R') (S + R)^-1 (y - g - o - w)                (Matheron's rule; primes: rows to come)

exact where the law's logarithm is linear in what is uncertain, at a fraction of the time of a refit. What the rows say about
the noise's scale, the law's parameters and the run's own effects all enters. A run that the fit has seen needs no more than
its noise carried on, draw by draw: S = 0.

Where the model has outliers, which of the rows are is drawn row by row, from what each shows given those before it; R has what
they add, and a draw weighs the product of the mixtures that its rows were expected from (a particle filter whose particles are
the draws, the rest integrated out; Doucet et al. 2000). A spike so leaves the run's level where it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.random import stream
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.observation import (
    Contamination,
    contamination,
    group_effects_and_scale,
    measurement_scale,
    noise_covariance,
    scales_with_error,
    white_scale,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import FARTHEST
from bayes_scaling.prediction.predict import Kind
from bayes_scaling.prediction.shared_misfit import Shared, with_shared

JITTER = 1e-9
LEAST_NU = 3.0
"""Heavier tails than this have no usable variance; they are taken for these."""


@dataclass(frozen=True)
class Conditioned:
    """What a run will show.

    Parameters
    ----------
    ahead
        Draws at the rows to come; dimensions chain, draw, row.
    tail_probability
        The probability that a run strays at least as far from what is expected as the rows seen do.
    evidence
        Log density of the rows seen, on average over the draws, but for a constant.
    effective
        Of how many independent draws these are worth, 1 / sum of squared weights: as many as the fit has where its draws leave
        the noise of the rows as probable as it is, few where hardly one of them does.
    """

    ahead: xr.DataArray
    tail_probability: float
    effective: float
    evidence: float


def conditioned(
    fit: Fit, frame: pd.DataFrame, n: int, *, known: bool, kind: Kind, seed: int, shared: Shared | None = None
) -> Conditioned:
    """Return draws at the rows after the first n, given what those show.

    Parameters
    ----------
    frame
        Rows seen, then rows to come.
    known
        Whether the fit has seen the run.
    shared
        What it shares with finished runs, if anything.

    Raises
    ------
    InputError
        Where no draw of the law has a loss at the rows.
    """
    on_log = fit.model.noise.on == "log_loss"
    rng = stream(fit.settings.seed, "forecast", seed)
    effects, scale = group_effects_and_scale(fit, frame, seed, new=False)
    centre = posterior_expectation(fit, frame)
    with np.errstate(invalid="ignore", divide="ignore"):
        g = _rows((np.log(centre) if on_log else centre) + effects, centre)
    possible = np.isfinite(g).all(axis=1)
    if not possible.any():
        raise InputError(f"the law gives no loss at the rows of {frame['run'].iloc[0]}; expected inputs like the fit's runs")
    y = frame["response"].to_numpy()[:n]
    y = np.log(y) if on_log else y
    g = np.where(possible[:, None], g, y.mean())
    noise = noise_covariance(fit, frame, _tailed(fit, _rows(scale, centre)))
    if shared is not None:
        g, noise = with_shared(fit, shared, frame, g, noise)
    white = white_scale(fit, frame)
    own = np.zeros_like(g) if white is None else _rows(white, centre)
    read = np.hypot(own[:, :n], measurement_scale(fit, frame)[:n])
    astray = _contamination(fit, frame, scale)
    drawn = _draw(rng, noise)
    spread = np.zeros((g.shape[1], g.shape[1])) if known else np.cov(g[possible].T)
    joint = spread + noise
    inside = joint[:, :n, :n] + np.eye(n) * read[:, :, None] ** 2
    inside += JITTER * np.trace(inside, axis1=1, axis2=2)[:, None, None] / n * np.eye(n)
    off = np.broadcast_to(y - (g[:, :n] if known else g[possible, :n].mean(axis=0)), (len(g), n))
    mixed = None
    if astray is not None:
        added, mixed = _outliers_drawn(rng, off, inside, _first(astray, n))
        inside, read = inside + np.eye(n) * added[:, :, None], np.sqrt(read**2 + added)
    left = y - g[:, :n] - drawn[:, :n] - read * rng.standard_normal((len(g), n))
    update = (joint[:, n:, :n] @ np.linalg.solve(inside, left[..., None]))[..., 0]
    ahead = g[:, n:] + drawn[:, n:] + update
    if kind == "observed":
        more = 0.0
        if astray is not None:
            more = astray.added[:, n:] * (rng.uniform(size=ahead.shape) < astray.probability[:, n:])
        ahead = ahead + np.sqrt(own[:, n:] ** 2 + more) * rng.standard_normal(ahead.shape)
    log, tail_probability = _densities(off, inside)
    log = log if mixed is None else mixed
    weights = possible * np.exp(0.0 if known else log - log[possible].max())
    weights = weights / weights.sum()
    ahead = ahead[_resampled(rng, weights)].reshape(*centre.shape[:2], -1)
    shown = np.exp(np.clip(ahead, -FARTHEST, FARTHEST)) if on_log else ahead
    found = xr.DataArray(shown, dims=("chain", "draw", "row"))
    evidence = float(np.logaddexp.reduce(log[possible]) - np.log(possible.sum()))
    return Conditioned(found, float(weights @ tail_probability), float(1.0 / (weights**2).sum()), evidence)


def _contamination(fit: Fit, frame: pd.DataFrame, scale: Any) -> Contamination | None:
    """Return what outliers do to rows, on the scale of the noise; a draw a row."""
    found = contamination(fit, frame, *(parts := scales_with_error(fit, frame, scale)))
    if found is None:
        return None
    like = xr.DataArray(found.none, dims=("chain", "draw", "row"))
    return Contamination(_rows(like, like), found.added.reshape(-1, len(frame)) * _rows(parts[0], like) ** 2)


def _first(astray: Contamination, n: int) -> Contamination:
    return Contamination(astray.none[:, :n], astray.added[:, :n])


def _outliers_drawn(
    rng: np.random.Generator, off: np.ndarray, covariance: np.ndarray, astray: Contamination
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
        wide = narrow + astray.added[:, i]
        with np.errstate(divide="ignore"):
            usual = astray.none[:, i] - 0.5 * (gone**2 / narrow + np.log(narrow))
            other = np.log(astray.probability[:, i]) - 0.5 * (gone**2 / wide + np.log(wide))
        both = np.logaddexp(usual, other)
        chosen = rng.uniform(size=len(off)) < np.exp(other - both)
        variance = np.where(chosen, wide, narrow)
        gain = left[:, i] / variance[:, None]
        added[:, i], log = chosen * astray.added[:, i], log + both
        mean = mean + gain * gone[:, None]
        left = left - gain[:, :, None] * left[:, i][:, None, :]
    return added, log


def _rows(values: Any, like: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a draw a row."""
    return np.asarray(
        (values + xr.zeros_like(like)).transpose("chain", "draw", "row").to_numpy().reshape(-1, like.sizes["row"])
    )


def _tailed(fit: Fit, scale: np.ndarray) -> np.ndarray:
    """Return standard deviations of the scatter from its scales, a draw a row; heavy tails make them larger."""
    if "noise_nu" not in fit.posterior:
        return scale
    nu = np.maximum(fit.posterior["noise_nu"].to_numpy().ravel(), LEAST_NU)
    return scale * np.asarray(np.sqrt(nu / (nu - 2.0)))[:, None]


def _draw(rng: np.random.Generator, covariance: np.ndarray) -> np.ndarray:
    """Return one draw of each of many normals of mean 0."""
    size = covariance.shape[1]
    variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / size
    root = np.linalg.cholesky(covariance + JITTER * variance * np.eye(size))
    drawn: np.ndarray = (root @ rng.standard_normal((len(covariance), size, 1)))[..., 0]
    return drawn


def _densities(off: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log density of each draw's residuals, but for a constant, and the probability of as large or larger ones."""
    from scipy import stats

    root = np.linalg.cholesky(covariance)
    squared = (np.linalg.solve(root, off[..., None])[..., 0] ** 2).sum(axis=1)
    log = -0.5 * squared - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return log, stats.chi2.sf(squared, off.shape[1])


def _resampled(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Return as many draws as there are weights, each as often as its weight says (systematic resampling)."""
    places = (np.arange(len(weights)) + rng.uniform()) / len(weights)
    found: np.ndarray = rng.permutation(np.searchsorted(np.cumsum(weights), places).clip(max=len(weights) - 1))
    return found
