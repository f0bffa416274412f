"""Misfit that runs share: residuals of finished runs at the same place of their course, as a cooldown makes them.

A place is the fraction of its run that a row has behind it, or how far along it is. There the residuals of runs are

    r_i(p) = s(p) + o_i(p) + w,     s ~ GP(0, a^2 k_5/2(|log p - log p'| / l)),     o_i with a share of the noise's covariance

Means over runs in bins of log p tell s, the more runs the better; what is left tells what is a run's own. `with_shared` gives a
run to come s, draw by draw against the same law, and `shared_noise` takes from its noise what turned out to be shared: where
the fit took a shared fall for noise, a forecast does not. a, l and the share are point estimates from residuals about the mean
curve.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.numbers import number, percent
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.observation import (
    contamination,
    group_effects_and_scale,
    measurement_scale,
    scales_with_error,
    white_scale,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.discrepancy import CORRELATIONS
from bayes_scaling.model.noise_scale import on_scale

type Alignment = Literal["fraction", "along"]
"""Whether places are fractions of a run, or distances along it."""

FEWEST_RUNS, FEWEST_ROWS, MOST_ROWS = 3, 5, 1500
"""Runs, and rows of each, from which on there is a shared misfit; rows that are looked at."""
MAX_PROBABILITY_BY_CHANCE = 0.01
"""Means over runs of independent paths lie as far from zero as these do with at most this probability."""
MOSTLY = 0.5
"""At least so much of the variance of residuals is shared."""
SMOOTH = 2.0
"""Residuals that are so many e-folds apart are taken for independent where means are tested."""
LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)
AMPLITUDES = (0.5, 1.0, 2.0, 4.0)
"""Lengths, in e-folds, and amplitudes, in root mean squares of the means, that are tried."""
FINE, NARROWEST = 0.1, 0.02
"""Bins are as wide as this quantile of the steps between rows, so that a cooldown stays sharp, and at least so many e-folds."""
LEAST_OWN = 1e-4
"""Least share of the noise's covariance that stays a run's own."""
SAID = 0.01
"""Range of a shared misfit of the log loss that is worth a sentence."""
WIDTH = 1.5
"""Half the width of an average, in units of the mean lag of its rows: where the run ended, as seen from its last average."""


@dataclass(frozen=True)
class Shared:
    """What finished runs have in common.

    Parameters
    ----------
    along
        The input along which runs train.
    alignment
        Of which places.
    width
        Of a bin, in e-folds.
    places
        Log of the place of each bin.
    means
        Over runs and draws, on the scale of the noise.
    runs
        Behind each mean.
    amplitude, length
        Of the shared misfit, a Gaussian process over the log of the place.
    own
        Share of the noise's covariance that is a run's own.
    white
        Variance of a single run's mean in a bin beside that.
    noise
        Variance of the noise that neighbouring rows share, as the fit has it.
    share
        Share of the variance of residuals that runs have in common.
    """

    along: str
    alignment: Alignment
    width: float
    places: np.ndarray
    means: np.ndarray
    runs: np.ndarray
    amplitude: float
    length: float
    own: float
    white: float
    noise: float
    share: float


def shared_misfits(fit: Fit, along: str, leave_out: Collection[str] = ()) -> list[Shared]:
    """Return by what finished runs leave the law together, in either alignment; empty where they do not.

    Parameters
    ----------
    along
        The input along which runs train.
    leave_out
        Labels of runs that are none of them.
    """
    table = _finished(fit, along, leave_out)
    if table["run"].nunique() < FEWEST_RUNS:
        return []
    left, noise, white = _residuals(fit, table)
    found = [_shared(table, left.mean(axis=0), noise, white, along, one) for one in get_args(Alignment.__value__)]
    return [one for one in found if one is not None]


def with_shared(fit: Fit, shared: Shared, frame: pd.DataFrame, law: np.ndarray) -> np.ndarray:
    """Return what the law says of the rows of runs with what they share with finished runs, draw by draw.

    Parameters
    ----------
    frame
        Rows of one or several runs, to their planned ends.
    law
        Draws, row, on the scale of the noise.
    """
    table = _finished(fit, shared.along, set(frame["run"].astype(str)))
    place = _place(table, shared.along, shared.alignment)
    means = _bin_means(table, place, _residuals(fit, table)[0], shared.width)[1]
    found: np.ndarray = law + means @ _weights(shared, frame)[0].T
    return found


def shared_noise(shared: Shared, frame: pd.DataFrame, noise: np.ndarray) -> np.ndarray:
    """Return the covariance of what is left beside what is shared: the runs' own share, and what is not known of the other.

    Parameters
    ----------
    frame
        Rows of one or several runs, to their planned ends.
    noise
        Draws, row, row.
    """
    found: np.ndarray = shared.own * noise + _weights(shared, frame)[1]
    return found


def _weights(shared: Shared, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return by what means of bins tell what is shared at rows, and the covariance that they leave."""
    ends = frame.groupby("run", sort=False)[shared.along].transform("max").to_numpy() if shared.alignment == "fraction" else 1.0
    at = np.log(frame[shared.along].to_numpy() / ends)
    prior = _covariance(shared, shared.places, shared.places) + np.diag(_errors(shared))
    across = _covariance(shared, at, shared.places)
    weights = np.linalg.solve(prior, across.T).T
    return weights, _covariance(shared, at, at) - weights @ across.T


def shared_sentence(fit: Fit, along: str) -> str:
    """Return what finished runs leave the law by together, in one sentence; "" where it is less than a per cent, or nothing."""
    found = shared_misfits(fit, along)
    if not found or fit.model.noise.on != "log_loss":
        return ""
    one = max(found, key=lambda of: of.share)
    most = int(np.argmax(np.abs(one.means)))
    if np.ptp(one.means) < SAID:
        return ""
    place = float(np.exp(one.places[most]))
    where = f"{percent(place)} of a run" if one.alignment == "fraction" else f"{along} {number(place)}"
    low, high = (percent(float(np.expm1(of))) for of in (one.means.min(), one.means.max()))
    return (
        f"misfit that runs share at the same place: {percent(one.share)} of what {one.runs.max()} runs leave the law by is "
        f"common to all, from {low} to {high}, most at {where}: a schedule or cooldown that no term reads? forecasts of runs "
        "that take the same course learn it; predictions and plans do not"
    )


def _finished(fit: Fit, along: str, leave_out: Collection[str]) -> pd.DataFrame:
    """Return the rows of runs with enough of them, of no more runs than need be."""
    table = fit.runs.table
    if "run" not in table:
        return table.iloc[:0].assign(run="")
    label = table["run"].astype(str)
    rows = label.map(label.value_counts())
    kept = table[(rows >= FEWEST_ROWS) & ~label.isin(set(leave_out))]
    names = kept["run"].unique()
    few = max(FEWEST_RUNS, MOST_ROWS * len(names) // max(len(kept), 1))
    some = names[np.unique(np.linspace(0, len(names) - 1, min(few, len(names))).astype(int))] if len(names) else names
    return kept[kept["run"].isin(some)].sort_values(["run", along], ignore_index=True)


def _residuals(fit: Fit, table: pd.DataFrame) -> tuple[np.ndarray, float, float]:
    """Return draws of the residuals of rows from their run's curve, a draw a row; mean variances of noise and white part."""
    on = fit.model.noise.on
    effects, scale = group_effects_and_scale(fit, table, 0, new=False)
    centre = posterior_expectation(fit, table)
    with np.errstate(invalid="ignore", divide="ignore"):
        g = on_scale(centre, on) + effects
    seen = table["response"].to_numpy()
    left = _rows(xr.DataArray(on_scale(seen, on), dims="row") - g, centre)
    left = np.where(np.isfinite(left), left, 0.0)
    white = white_scale(fit, table)
    own = measurement_scale(fit, table) ** 2 + (0.0 if white is None else _rows(white, centre) ** 2)
    if (outliers := contamination(fit, table, *scales_with_error(fit, table, scale))) is not None:
        added = xr.DataArray(outliers.probability * outliers.added, dims=("chain", "draw", "row"))
        own = own + _rows(added * scale**2, centre)
    return left, float((_rows(scale, centre) ** 2).mean()), float(np.mean(own))


def _rows(values: Any, like: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a draw a row."""
    every = (values + xr.zeros_like(like)).transpose("chain", "draw", "row").to_numpy()
    return np.asarray(every.reshape(-1, like.sizes["row"]))


def _place(table: pd.DataFrame, along: str, alignment: Alignment) -> np.ndarray:
    """Return the log of the place of each row of sorted runs."""
    return np.log(table[along].to_numpy()) if alignment == "along" else run_fractions(table, along)


def run_fractions(table: pd.DataFrame, along: str) -> np.ndarray:
    """Return the log of the fraction of its run that each row has behind it; an average of rows lies before the run's end."""
    at = np.log(table[along].to_numpy())
    last = table.groupby("run", sort=False)[along].transform("idxmax").to_numpy()
    half = WIDTH * table["mean_lag"].to_numpy() if "mean_lag" in table else np.zeros(len(table))
    fraction: np.ndarray = at - (at + half)[last]
    return fraction


def _bin_means(table: pd.DataFrame, place: np.ndarray, left: np.ndarray, width: float) -> tuple[np.ndarray, ...]:
    """Return the mean place of each bin, its mean residuals along the last axis, the runs in it, and the bin of each row."""
    bins = pd.factorize(np.round(place / width), sort=True)[0]
    rows = np.bincount(bins)
    member = np.eye(len(rows))[bins] / rows[bins][:, None]
    runs = table["run"].groupby(bins).nunique().to_numpy()
    return place @ member, left @ member, runs, bins


def _shared(
    table: pd.DataFrame, left: np.ndarray, noise: float, white: float, along: str, alignment: Alignment
) -> Shared | None:
    """Return what runs share in an alignment, or None where they do not.

    Residuals are a mean at each place, common to all runs, and what is a run's own: the share of the first in their variance is
    that of the means of bins, less what the runs' own scatter gives these.
    """
    place = _place(table, along, alignment)
    steps = np.diff(place)[(table["run"].to_numpy()[1:] == table["run"].to_numpy()[:-1])]
    width = max(float(np.quantile(steps, FINE)), NARROWEST)
    places, means, runs, bins = _bin_means(table, place, left, width)
    degrees = len(left) - len(means)
    if degrees < len(means) or len(means) < FEWEST_ROWS:
        return None
    within = float(((left - means[bins]) ** 2).sum() / degrees)
    between = float((means**2)[runs > 1].mean()) if (runs > 1).any() else 0.0
    signal = max(between - within / float(np.median(runs)), 0.0)
    share = signal / (signal + within)
    if _p_value(between, within, places, runs) > MAX_PROBABILITY_BY_CHANCE or share < MOSTLY:
        return None
    own = float(np.clip((within - white) / noise, LEAST_OWN, 1.0)) if noise > 0 else 1.0
    kept = Shared(
        along, alignment, width, places, means, runs, np.sqrt(between), LENGTHS[0], own, min(white, within), noise, share
    )
    return _fitted(kept)


def _p_value(between: float, within: float, places: np.ndarray, runs: np.ndarray) -> float:
    """Return the probability that means of bins of independent runs vary so much (F-test): means close by count as one."""
    from scipy import stats

    count = float(np.median(runs))
    independent = 1.0 + float(np.ptp(places)) / SMOOTH
    return float(stats.f.sf(between * count / within, independent, independent * max(count - 1.0, 1.0)))


def _fitted(shared: Shared) -> Shared:
    """Return the same with the amplitude and length of largest marginal likelihood."""
    trials = [replace(shared, amplitude=shared.amplitude * times, length=length) for times in AMPLITUDES for length in LENGTHS]
    return max(trials, key=_likelihood)


def _likelihood(shared: Shared) -> float:
    """Return the log marginal likelihood of the means of bins, but for a constant."""
    covariance = _covariance(shared, shared.places, shared.places) + np.diag(_errors(shared))
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, shared.means)
    return float(-0.5 * z @ z - np.log(np.diag(root)).sum())


def _covariance(shared: Shared, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the covariance of the shared misfit between places, given as logarithms."""
    kernel = CORRELATIONS["matern52"]
    found: np.ndarray = shared.amplitude**2 * kernel(np.abs(one[:, None] - other) / shared.length, np.exp)
    return found


def _errors(shared: Shared) -> np.ndarray:
    """Return the variance of each mean about what is shared."""
    found: np.ndarray = (shared.own * shared.noise + shared.white) / shared.runs + 1e-10
    return found
