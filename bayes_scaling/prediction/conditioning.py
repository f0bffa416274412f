"""Draws of a fit, conditioned on the rows that unfinished runs have shown, all of them together.

Let g be what the law says of the runs at their rows seen and to come, on the scale of the noise, with the group effects that a
run of its own draws; each draw of the fit has one. Rows show y = g + o + w, with the noise's correlated part o, and in w its
white part and the rows' measurement errors. Taking g for normal over the draws, with their mean and covariance S, and R for the
covariance of o in a draw, in which runs are independent, and W for that of w,

    weight of a draw:   Normal(y; mean g, S + R + W)
    to come, in it:     g' + o' + (S' + R') (S + R + W)^-1 (y - g - o - w)          (Matheron's rule; primes: rows to come)

exact where the law's logarithm is linear in what is uncertain, at a fraction of the time of a refit. What the rows say about
the noise's scale, the law's parameters and each run's own effects all enters; through S the rows of one run tell of the others.
A run that the fit has seen needs no more than its noise carried on, draw by draw: S = 0.
Where the model has outliers, which of the rows are is drawn row by row, see `spikes`; W has what they add.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.random import resampled, stream
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.observation import (
    group_effects_and_scale,
    measurement_scale,
    noise_covariance,
    white_scale,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import FARTHEST
from bayes_scaling.model.noise_scale import from_scale, on_scale
from bayes_scaling.prediction.matheron import LawMoments, RowDraws, Rows, updated
from bayes_scaling.prediction.shared_misfit import Shared, shared_noise, with_shared
from bayes_scaling.prediction.spikes import as_draws, contamination_of_rows

LEAST_NU = 3.0
"""Student-t noise of fewer degrees of freedom has no usable variance; it counts as noise of these."""
MAX_NUMBERS = 2**23
"""Covariances are held for as many draws at a time as have so many numbers, 64 MB."""


@dataclass(frozen=True)
class Conditioned:
    """What runs will show.

    Parameters
    ----------
    expected
        Draws at the rows to come without what single rows scatter by; dimensions chain, draw, row.
    observed
        The same with it.
    tail_probabilities
        Run -> the probability that it strays at least as far from what is expected as its rows seen do.
    evidence
        Log density of the rows seen, on average over the draws, but for a constant.
    effective
        Of how many independent draws these are worth, 1 / sum of squared weights: as many as the fit has where its draws leave
        the noise of the rows as probable as it is, few where hardly one of them does.
    """

    expected: xr.DataArray
    observed: xr.DataArray
    tail_probabilities: dict[str, float]
    effective: float
    evidence: float


def conditioned(
    fit: Fit, frame: pd.DataFrame, seen: np.ndarray, known: np.ndarray, *, seed: int, shared: Shared | None = None
) -> Conditioned:
    """Return draws at the rows to come of some runs, given what their rows seen show.

    Parameters
    ----------
    frame
        Rows seen and to come; `run` tells which are one run.
    seen
        Of each row, whether it has been seen.
    known
        Whether the fit has seen its run.
    shared
        What the runs share with finished runs, if anything.

    Raises
    ------
    InputError
        Where no draw of the law has a loss at the rows.
    """
    rng, rows = stream(fit.settings.seed, "forecast", seed), _rows(fit, frame, seen, known)
    blocks = _blocks(fit, len(frame))
    parts = [_law(one, frame, seed, shared) for one in blocks]
    moments, found = _moments([law for law, _ in parts], frame), []
    for block, (law, scale) in zip(blocks, parts, strict=True):
        draws = _with_noise(block, frame, _filled(law, rows.response), scale, shared, seed)
        found.append(updated(draws, rows, moments, rng))
    expected, own, log, tails = (_joined(fit, list(of)) for of in zip(*found, strict=True))
    possible = _joined(fit, [np.isfinite(law).all(axis=1) for law, _ in parts])
    weights = _weights(log[:, 0], possible)
    chosen = resampled(weights, len(weights), rng)
    every = log.sum(axis=1)[possible]
    expected, own = expected[chosen], own[chosen]
    return Conditioned(
        expected=_responses(fit, expected),
        observed=_responses(fit, expected + own * rng.standard_normal(own.shape)),
        tail_probabilities=dict(zip(rows.labels, (weights @ tails).tolist(), strict=True)),
        effective=float(1.0 / (weights**2).sum()),
        evidence=float(np.logaddexp.reduce(every) - np.log(len(every))),
    )


def _rows(fit: Fit, frame: pd.DataFrame, seen: np.ndarray, known: np.ndarray) -> Rows:
    """Return rows as arrays, on the scale of the noise."""
    response = on_scale(frame["response"].to_numpy()[seen], fit.model.noise.on)
    return Rows(response, seen, known, frame["run"].to_numpy(), measurement_scale(fit, frame))


def _moments(laws: list[np.ndarray], frame: pd.DataFrame) -> LawMoments:
    """Return mean and covariance of the law over the draws in which it has a loss at all rows; refuse where there is none."""
    g = np.concatenate(laws)
    possible = np.isfinite(g).all(axis=1)
    if not possible.any():
        label = format_runs(frame)
        raise InputError(f"the law gives no value at the rows of {label}; expected inputs like the fit's runs")
    return LawMoments(g[possible].mean(axis=0), np.cov(g[possible].T).reshape(len(frame), len(frame)))


def _filled(law: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Return the law with draws that lack a loss somewhere at some number instead: they have no weight in the end."""
    return np.where(np.isfinite(law).all(axis=1)[:, None], law, responses.mean() if len(responses) else 0.0)


def _weights(log: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """Return weights of draws from log densities, in proportion to them, that sum to 1; 0 for draws that are not possible."""
    weights = possible * np.exp(log - log[possible].max())
    return np.asarray(weights / weights.sum())


def _responses(fit: Fit, rows: np.ndarray) -> xr.DataArray:
    """Return draws on the scale of the noise, a draw a row, as responses with dimensions chain, draw, row."""
    on = fit.model.noise.on
    values = from_scale(rows if on == "loss" else np.clip(rows, -FARTHEST, FARTHEST), on)
    return xr.DataArray(values.reshape(*_shape(fit), -1), dims=("chain", "draw", "row"))


def format_runs(frame: pd.DataFrame) -> str:
    """Return the names of the runs of some rows."""
    return ", ".join(dict.fromkeys(frame["run"].astype(str)))


def _blocks(fit: Fit, rows: int) -> list[Fit]:
    """Return a fit as several, each with some of its draws, so that their covariances fit in memory."""
    posterior = fit.posterior
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    size = max(1, MAX_NUMBERS // (chains * rows * rows))
    slices = [slice(start, start + size) for start in range(0, draws, size)]
    if len(slices) == 1:
        return [fit]
    return [replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.isel(draw=one)})) for one in slices]


def _joined(fit: Fit, blocks: list[np.ndarray]) -> np.ndarray:
    """Return arrays of some draws each, a draw a row, as one in the order of the fit's draws."""
    chains = fit.posterior.sizes["chain"]
    return np.concatenate([one.reshape(chains, -1, *one.shape[1:]) for one in blocks], axis=1).reshape(-1, *blocks[0].shape[1:])


def _law(fit: Fit, frame: pd.DataFrame, seed: int, shared: Shared | None) -> tuple[np.ndarray, np.ndarray]:
    """Return what the law says of rows with their group effects and what runs share, and the sd of their scatter."""
    effects, scale = group_effects_and_scale(fit, frame, seed, new=False)
    centre = posterior_expectation(fit, frame)
    with np.errstate(invalid="ignore", divide="ignore"):
        law = as_draws(on_scale(centre, fit.model.noise.on) + effects, centre)
    law = law if shared is None else with_shared(fit, shared, frame, law)
    return law, _tailed(fit, as_draws(scale, centre))


def _with_noise(
    fit: Fit, frame: pd.DataFrame, law: np.ndarray, scale: np.ndarray, shared: Shared | None, seed: int
) -> RowDraws:
    """Return the parts of rows; scatter that no row shares with a neighbour is each row's own."""
    noise, alone = np.zeros((*law.shape, law.shape[1])), fit.model.noise.correlation is None
    own = scale if alone else _white(fit, frame, law)
    if not alone:
        for rows in _runs(frame):
            noise[:, rows[:, None], rows] = noise_covariance(fit, frame.iloc[rows].reset_index(drop=True), scale[:, rows])
    if shared is not None:
        noise = shared_noise(shared, frame, noise)
        own = own * np.sqrt(shared.own) if alone else own
    if fit.model.noise.outliers is None:
        return RowDraws(law, own, noise, None)
    return RowDraws(law, own, noise, contamination_of_rows(fit, frame, group_effects_and_scale(fit, frame, seed, new=False)[1]))


def _white(fit: Fit, frame: pd.DataFrame, law: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the white part of correlated noise, a draw a row; 0 where it has none."""
    white = white_scale(fit, frame)
    if white is None:
        return np.zeros_like(law)
    return as_draws(white, xr.DataArray(law.reshape(*_shape(fit), -1), dims=("chain", "draw", "row")))


def _runs(frame: pd.DataFrame) -> list[np.ndarray]:
    """Return the places of the rows of each run."""
    run = frame["run"].to_numpy()
    return [np.flatnonzero(run == label) for label in dict.fromkeys(run)]


def _shape(fit: Fit) -> tuple[int, int]:
    return fit.posterior.sizes["chain"], fit.posterior.sizes["draw"]


def _tailed(fit: Fit, scale: np.ndarray) -> np.ndarray:
    """Return standard deviations of the scatter from its scales, a draw a row; heavy tails make them larger."""
    if "noise_nu" not in fit.posterior:
        return scale
    nu = np.maximum(fit.posterior["noise_nu"].to_numpy().ravel(), LEAST_NU)
    return scale * np.asarray(np.sqrt(nu / (nu - 2.0)))[:, None]
