"""What a fit leaves of its rows: how far they lie from the law, and what is left of that given their run's earlier rows.

Let y be a row on the scale of the noise, and g what the law, its discrepancy and the group effects say of it.

    residual     (y - g) / its standard deviation
    innovation   (y - what it is expected to show given the rows of its run before it) / the standard deviation of that

Where the model is right innovations are independent and standard normal, however the noise is correlated; where a model takes
rows for independent they are its residuals. Each draw of the posterior has its own, such as that draw would simulate if the
model were right (realised residuals; Chaloner and Brant 1988). With Student-t noise both are normal scores: quantiles of the
noise are taken to those of a standard normal; with outliers too, of a mixture.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.quantiles import INTERVAL
from bayes_scaling._base.random import stream
from bayes_scaling.data.best_so_far import without_bounds
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.observation import Contamination, contamination_of, kept_along, residuals_and_scales
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model.arrays import neighbours
from bayes_scaling.model.priors import Z90
from bayes_scaling.prediction.forecast import along_runs

MAX_DRAWS_COMPARED = 200
"""Draws that residuals are of, at most."""
MOST_PAIRS = 60_000
"""Pairs of rows whose residuals are correlated, at most."""
BINS = 12
"""Classes of distance between two rows."""
MAX_SHARE_APART = 0.6
"""Rows up to this share of the longest run apart, in e-folds, are compared."""

MAX_PLACES_APART = 15
"""Rows of a run up to so many places apart are compared."""

MAX_NORMAL_SCORE = 8.0
"""Normal scores further out are beyond the arithmetic."""


@carried
def run_residuals(fit: Fit) -> xr.Dataset:
    """Return draws of the rows' residuals and innovations, each in units of its standard deviation.

    Variables `residual` and `innovation`; dimensions chain, draw (every k-th of the fit's), row. Rows stand run by run along
    the input that runs train along, which `attrs` names with its unit; coordinates are that input and `run`.

    Raises
    ------
    InputError
        Where the runs do not say which rows are one run, or no run has two rows.
    """
    along, thin, table = along_runs(fit), thinned(fit), _in_order(fit)
    left, scale, own = residuals_and_scales(thin, table, table["response"].to_numpy())
    kept, outliers = kept_along(thin, neighbours(table, along)["gap"]), contamination_of(thin, table)
    rows = {name: ("row", table[name].to_numpy()) for name in (along, "run")}
    innovation, times = innovations(left / scale, kept, own / scale**2, outliers)
    found = {
        "residual": _residual_scores(thin, left, scale, own, outliers),
        "innovation": normal_scores(thin, innovation, times, outliers),
    }
    scores = {name: (("chain", "draw", "row"), of) for name, of in found.items()}
    return xr.Dataset(scores, rows, {"along": along, "units": fit.runs.columns.inputs[along].unit})


@carried
def residual_correlation(fit: Fit, seed: int = 0) -> pd.DataFrame:
    """Return how alike residuals of two rows of a run are, by how far apart the rows lie; a row for each class of distance.

    Columns `lag`, the mean distance in e-folds of the input that runs train along; `pairs`; and quantiles over draws of three
    correlations: `seen_q05` and so on, of the residuals; `implied_q05`, of the model's noise at that distance; `shown_q05`, of
    residuals that the same rows would show if the model were right, which scatter more, the fewer the runs.

    A correlation is the mean product over pairs in units of the mean square over rows: that residuals have mean 0 is known.
    Runs count by their pairs, of which at most 60,000 are looked at, drawn at random. Errors as for `run_residuals`.
    """
    found, thin, table = run_residuals(fit), thinned(fit), _in_order(fit)
    first, second = _pairs(found, seed := checks.seed(seed, "seed"))
    at = np.log(table[found.attrs["along"]].to_numpy())
    lag = at[second] - at[first]
    bins = np.minimum((lag / lag.max() * BINS).astype(int), BINS - 1)
    pairs = np.bincount(bins)
    full = pairs > 0
    middle = np.bincount(bins, lag)[full] / pairs[full]
    left, scale, own = residuals_and_scales(thin, table, replicated(thin, table, seed).to_numpy())
    shown = _residual_scores(thin, left, scale, own, contamination_of(thin, table))
    products = {"seen": found["residual"].to_numpy(), "shown": shown}
    tables = {name: _correlation(of, first, second, bins)[:, full] for name, of in products.items()}
    alike = (scale**2 / (scale**2 + own)).mean(axis=-1, keepdims=True)
    tables["implied"] = (alike * kept_along(thin, middle)).reshape(-1, len(middle))
    return pd.DataFrame({"lag": middle, "pairs": pairs[full]}).join([_quantiles(of, name) for name, of in tables.items()])


@carried
def innovation_correlation(fit: Fit) -> pd.DataFrame:
    """Return how alike innovations of rows of a run are that stand a number of places apart; a row for each number.

    Columns `places`; `pairs`; quantiles over draws, `seen_q05` and so on, of the correlation; and `low` and `high`, between
    which nine of ten lie where innovations are independent. Errors as for `run_residuals`.
    """
    found = run_residuals(fit)
    values, run = found["innovation"].to_numpy(), pd.factorize(found["run"].to_numpy())[0]
    rows = []
    for places in range(1, MAX_PLACES_APART + 1):
        first = np.flatnonzero(run[places:] == run[:-places])
        rows.append(pd.DataFrame({"first": first, "second": first + places, "places": places}))
    pairs = pd.concat(rows)
    apart, count = np.unique(pairs["places"], return_counts=True)
    first, second, bins = pairs["first"].to_numpy(), pairs["second"].to_numpy(), pairs["places"].to_numpy() - 1
    seen = _correlation(values, first, second, bins)
    half = Z90 / np.sqrt(count)
    table = pd.DataFrame({"places": apart, "pairs": count}).join(_quantiles(seen[:, apart - 1], "seen"))
    return table.assign(low=-half, high=half)


def _in_order(fit: Fit) -> pd.DataFrame:
    """Return the rows run by run, along the input that they train along."""
    if "run" not in fit.runs.levels:
        raise InputError(f"{fit.runs.source}: residuals along runs need to know which rows are one run; name them by run =")
    table = without_bounds(fit.runs.table)
    if fit.runs.columns.outputs or fit.model.noise.residual_correlation is not None:
        raise InputError(f"{fit.runs.source}: the rows of a run are its outputs; residuals along runs need logs of one")
    if not table["run"].duplicated().any():
        raise InputError(f"{fit.runs.source}: each run has a single row; residuals along runs need two or more")
    return table.iloc[neighbours(table, along_runs(fit))["order"]].reset_index(drop=True)


def thinned(fit: Fit) -> Fit:
    posterior = fit.posterior
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // MAX_DRAWS_COMPARED)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.isel(draw=slice(None, None, step))}))


def innovations(
    z: np.ndarray, kept: np.ndarray, own: np.ndarray, outliers: Contamination | None = None
) -> tuple[np.ndarray, Any]:
    """Return standardised innovations of rows, and how many times as wide they are in outliers; 1 where there are none.

    Parameters
    ----------
    z
        Rows in units of their process.
    kept
        Of it, left from the row before.
    own
        Variance of what is a row's own.
    """
    from bayes_scaling.model import gaussian_sum
    from bayes_scaling.model.kalman import forward

    if outliers is not None:
        every = (z, kept, own, outliers.added, outliers.none)
        flat = [np.ascontiguousarray(np.broadcast_to(of, z.shape)).reshape(-1, z.shape[-1]) for of in every]
        mean, spread = np.moveaxis(np.array([gaussian_sum.predicted(*one) for one in zip(*flat, strict=True)]), 1, 0)
        narrow = spread + flat[2]
        times = np.sqrt(1.0 + flat[3] / narrow)
        return ((flat[0] - mean) / np.sqrt(narrow)).reshape(z.shape), times.reshape(z.shape)
    flat = [np.ascontiguousarray(np.broadcast_to(of, z.shape)).reshape(-1, z.shape[-1]) for of in (z, kept, own)]
    filtered = [forward(*one) for one in zip(*flat, strict=True)]
    found = [(one - mean) / np.sqrt(variance) for one, (mean, variance) in zip(flat[0], filtered, strict=True)]
    return np.reshape(found, z.shape), 1.0


def _residual_scores(
    fit: Fit, left: np.ndarray, scale: np.ndarray, own: np.ndarray, outliers: Contamination | None
) -> np.ndarray:
    """Return normal scores of what is left of rows, each for itself."""
    variance = scale**2 + own
    times = 1.0 if outliers is None else np.sqrt(1.0 + outliers.added * scale**2 / variance)
    return normal_scores(fit, left / np.sqrt(variance), times, outliers)


def normal_scores(fit: Fit, values: np.ndarray, times: Any = 1.0, outliers: Contamination | None = None) -> np.ndarray:
    """Return normal scores of standardised values, which are the values themselves where the noise is normal.

    Parameters
    ----------
    times
        How many times as wide values are in outliers.
    """
    from scipy import special, stats

    if outliers is not None:
        return mixture_scores(values, times, outliers.probability)
    if fit.model.noise.distribution == "normal":
        return values
    nu = fit.posterior["noise_nu"].to_numpy()[..., None]
    size: np.ndarray = -special.ndtri(np.maximum(stats.t.sf(np.abs(values), nu), special.ndtr(-MAX_NORMAL_SCORE)))
    scores: np.ndarray = np.sign(values) * size
    return scores


def mixture_scores(values: np.ndarray, times: Any, probability: Any) -> np.ndarray:
    """Return normal scores of values that are standard normal, or so many times as wide with some probability."""
    from scipy import special

    size = np.abs(values)
    tail = (1.0 - probability) * special.ndtr(-size) + probability * special.ndtr(-size / times)
    found: np.ndarray = -np.sign(values) * special.ndtri(np.maximum(tail, special.ndtr(-MAX_NORMAL_SCORE)))
    return found


def _pairs(found: xr.Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of two rows of one run, the earlier first, for pairs that are not too far apart."""
    rng = stream(seed, "pairs of rows")
    run, at = found["run"].to_numpy(), np.log(found[found.attrs["along"]].to_numpy())
    begin = np.flatnonzero(np.r_[True, run[1:] != run[:-1]])
    end = np.r_[begin[1:], len(run)]
    most = MOST_PAIRS // len(begin)
    pairs = np.concatenate([low + _two_of(high - low, most, rng) for low, high in zip(begin, end, strict=True)], axis=1)
    longest = (at[end - 1] - at[begin]).max()
    first, second = pairs[:, at[pairs[1]] - at[pairs[0]] <= MAX_SHARE_APART * longest]
    return first, second


def _two_of(n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return all pairs of n numbers, the smaller first, or some at random where there are too many."""
    if n * (n - 1) // 2 <= most:
        return np.array(np.triu_indices(n, 1))
    drawn = np.sort(rng.integers(0, n, (2, most)), axis=0)
    return drawn[:, drawn[0] < drawn[1]]


def _correlation(values: np.ndarray, first: np.ndarray, second: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the correlation of pairs in each class, a draw a row; 0 in a class without pairs."""
    flat = values.reshape(-1, values.shape[-1])
    count = np.maximum(np.bincount(bins), 1)
    sums = np.stack([np.bincount(bins, one[first] * one[second]) for one in flat])
    found: np.ndarray = sums / count / (flat**2).mean(axis=1, keepdims=True)
    return found


def _quantiles(draws: np.ndarray, name: str) -> pd.DataFrame:
    values = np.quantile(draws, list(INTERVAL.values()), axis=0)
    return pd.DataFrame({f"{name}_{q}": of for q, of in zip(INTERVAL, values, strict=True)})
