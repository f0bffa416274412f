"""Calibration of predictions on held-out runs: coverage, CRPS, log score, errors, by distance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.numbers import amount, number, quantile_name
from bayes_scaling.data.distance import distance
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior, noise_scale
from bayes_scaling.model.noise_scale import on_scale

BANDS = {"50": ("q25", "q75"), "80": ("q10", "q90"), "90": ("q05", "q95")}
"""Central bands whose coverage is counted, by their nominal probability in percent."""

SHARES = {quantile_name(share): share for share in (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)}
"""Name of a quantile, as q05 -> its probability."""

TINY = float(np.finfo(float).tiny)
"""What a loss at or below zero counts as: a law may fall there beyond its runs, and is then as wrong as can be said."""

DISTANCES = {"inside": 0.0, "0 to 0.5": 0.5, "0.5 to 1": 1.0, "1 to 2": 2.0, "over 2": np.inf}
"""Classes of distance from the training runs, in decades, each up to its value."""

EPSILON = 2.0**-53
"""Shares are kept so far from 1."""

LOG_LOSS, LOG_ODDS = "log loss", "log odds"


@carried
def score_points(fit: Posterior, held: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return held-out rows with what a fit had predicted for each as a new run, and how well.

    Added columns: quantiles of the prediction (q05 to q95); pit, the share of it below the run; crps, the continuous ranked
    probability score E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007), on the scale of the noise, as of the log loss;
    log_score, the log density of the same; error of the median, in the unit of the response, and relative_error, which a
    response that may be negative does not have (NaN); distance from the training runs in decades.

    Parameters
    ----------
    held
        Rows in the shape of a fit's `runs.table`; where they have a measurement error, the prediction is of what was read.
    """
    seed = checks.seed(seed, "seed")
    draws = as_rows(posterior_predictive(fit, held, seed))
    draws.sort(axis=1)
    return score_draws(fit, held, draws, density=log_density(fit, held, seed))


def score_draws(fit: Posterior, held: pd.DataFrame, draws: np.ndarray, density: xr.DataArray) -> pd.DataFrame:
    """Return what `score_points` does, for sorted draws, a held-out row a row, and the log density of each row in each draw."""
    seen, on = held["response"].to_numpy(), noise_scale(fit)
    quantiles = np.quantile(draws, list(SHARES.values()), axis=1, method="linear")
    middle = quantiles[list(SHARES).index("q50")]
    scores = {
        **dict(zip(SHARES, quantiles, strict=True)),
        "pit": (draws < seen[:, None]).mean(axis=1),
        "crps": crps(floored(draws, on), on_scale(seen, on)),
        "log_score": log_mean_exp(density),
        "error": middle - seen,
        "relative_error": middle / seen - 1.0 if fit.runs.columns.response.positive else np.full(len(seen), np.nan),
        "distance": distance(fit.runs, held),
        "training_runs": len(fit.runs),
    }
    return held.assign(**scores)


def floored(draws: np.ndarray, on: str) -> np.ndarray:
    """Return draws on the scale of the noise; those that are not on it are at its ends."""
    if on == "loss":
        return np.asarray(draws)
    top = 1.0 - EPSILON if on == "log_odds" else np.inf
    return np.asarray(on_scale(np.clip(draws, TINY, top), on))


def crps_of(scale: str, unit: str) -> str:
    """Return what the CRPS of rows is of: the log loss where they scatter in it, else the response in its unit."""
    return {"log_loss": LOG_LOSS, "log_odds": LOG_ODDS}.get(scale, unit)


def crps_sentence(crps: float, of: str) -> str:
    """Return the mean CRPS as the beginning of a sentence, with its unit."""
    if of in (LOG_LOSS, LOG_ODDS):
        return f"The mean CRPS of the {of} is {number(crps)}"
    return f"The mean CRPS is {amount(crps, of)}"


def crps(ordered: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score of each row of sorted draws against what was seen there."""
    count = ordered.shape[1]
    weights = (2.0 * np.arange(count) - count + 1.0) / count**2
    score: np.ndarray = np.abs(ordered - seen[:, None]).mean(axis=1) - ordered @ weights
    return score


def log_mean_exp(density: xr.DataArray) -> np.ndarray:
    """Return the logarithm of the mean over draws of exp(density), for each row."""
    peak = density.max(("chain", "draw"))
    share = (density - peak).copy(data=np.exp((density - peak).to_numpy())).mean(("chain", "draw"))
    mean: np.ndarray = np.log(share.to_numpy()) + peak.to_numpy()
    return mean


@carried
def score_table(points: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row for each combination of `by` (one row in all if empty) with the scores of its held-out points.

    Parameters
    ----------
    points
        What `score_points` returns, or the `points` of a backtest.
    by
        Columns of the points, and "decades", a class of distance from the runs.

    Returns
    -------
    DataFrame
        The columns of `by`, then runs; r_squared, 1 - sum (median - response)^2 / sum (response - mean)^2, NaN where responses
        do not differ; coverage_50, coverage_80, coverage_90, the share of runs inside the central bands; crps
        and log_score, means; mae, mean |median - loss|; are, mean |median / loss - 1|; rmsle, root mean square of
        log(median / loss). The last two are NaN for a response that may be negative.

    References
    ----------
    .. [1] Gneiting and Raftery (2007). Strictly proper scoring rules, prediction, and estimation. JASA 102, 359-378.

    Examples
    --------
    >>> found = bs.backtest(model, runs, train=["params < 1e9"])  # doctest: +SKIP
    >>> score_table(found.points, ["decades"])  # doctest: +SKIP
    """
    labels = np.array(list(DISTANCES))[np.searchsorted(list(DISTANCES.values()), points["distance"])]
    points = points.assign(decades=pd.Categorical(labels, list(DISTANCES), ordered=True))
    if not by:
        return pd.DataFrame([_scores(points)])
    rows = points.groupby(list(by), observed=True, sort=True)
    return pd.DataFrame([dict(zip(by, level, strict=True)) | _scores(part) for level, part in rows])


def _scores(points: pd.DataFrame) -> dict[str, float]:
    """Return the scores of some held-out rows, as `score_table` names them."""
    seen = points["response"]
    covered = {f"coverage_{p}": float(seen.between(points[low], points[high]).mean()) for p, (low, high) in BANDS.items()}
    log_error = np.log1p(points["relative_error"].clip(lower=-0.999999))
    spread, missed = (
        float(((seen - seen.mean()) ** 2).sum()),
        float((points["error"] ** 2).sum()) if "error" in points else np.nan,
    )
    explained = {"r_squared": 1.0 - missed / spread if spread > 0 else np.nan} if "error" in points else {}
    in_units = {"mae": float(points["error"].abs().mean())} if "error" in points else {}
    return (
        {"runs": len(points)}
        | explained
        | covered
        | {"crps": float(points["crps"].mean()), "log_score": float(points["log_score"].mean())}
        | in_units
        | {"are": float(points["relative_error"].abs().mean()), "rmsle": float(np.sqrt((log_error**2).mean()))}
    )


FARTHEST = 1e3
"""What a value far outside of all quantiles loses at most."""
NEIGHBOURS = 4
"""The density at a place is that between so many quantiles on either side of it."""


def log_density_by_quantiles(ordered: np.ndarray, seen: float) -> float:
    """Return the log density at a value of a distribution given by quantiles of equally spaced probabilities.

    p(y) = (F(q_j) - F(q_i)) / (q_j - q_i) for the quantiles q_i < y < q_j some places off; beyond the outermost an exponential
    tail that holds what lies there. Of 200 quantiles of a normal distribution it is right to .05 within 1.5 standard
    deviations, to .1 within two.

    Parameters
    ----------
    ordered
        Quantiles, in order, on the scale that the density is of.
    seen
        The value.
    """
    count = len(ordered)
    place = int(np.searchsorted(ordered, seen))
    low, high = max(place - NEIGHBOURS, 0), min(place + NEIGHBOURS - 1, count - 1)
    width = max(float(ordered[high] - ordered[low]), TINY)
    density = (high - low) / count / width
    off = max(float(ordered[0] - seen), float(seen - ordered[-1]), 0.0)
    return float(np.log(density) - min(off * density / (0.5 / count), FARTHEST))
