"""Standardized residuals of a fit, and how much of any pattern in them the fit would have taken.

Let y be rows on the scale of the noise, f their expectation given all rows, V its posterior covariance, S their variances. In a
linear model with normal noise what is left, y - f, has the covariance S - V under the model, whatever the priors: for a pattern
u, in units of the rows' scales z = S^-1/2 (y - f),

    u'z / sqrt(u'u - u' S^-1/2 V S^-1/2 u)   is standard normal

so that a row, u = 1 at one place, is judged as if it had been left out, and patterns that the law can take are not asked for
twice. V comes from the draws. Rows of a run with correlated noise stand as innovations, each given those before it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling.data.best_so_far import without_bounds
from bayes_scaling.inference.observation import (
    Contamination,
    between_rows,
    contamination_of,
    measurement_scale,
    residuals_and_scales,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.arrays import neighbours, rows_of_runs
from bayes_scaling.model.names import NOISE_LENGTH
from bayes_scaling.prediction.residuals import innovations, mixture_scores, thinned

LEAST_FREE = 0.2
"""At least this share of a pattern is taken to be left by the law: some hundred draws tell a covariance no better."""

CLIPPED = 3.0
"""Scores are cut off here before patterns are looked for: single outliers are no pattern."""


@dataclass(frozen=True)
class Standardized:
    """Standardized residuals: what a fit leaves of its rows, in units of their scale.

    Parameters
    ----------
    table
        The rows, in the order of their runs where noise is correlated; its index numbers the rows of the fit's table.
    z
        Of each row, in units of its scale.
    score
        The same as a normal score.
    scale
        On the scale of the noise.
    taken
        Draws of the expectation about their mean in units of the scale, over the root of their number: V = taken' taken.
    nu
        Degrees of freedom of the noise; infinite where it is normal.
    """

    table: pd.DataFrame
    z: np.ndarray
    score: np.ndarray
    scale: np.ndarray
    taken: np.ndarray
    nu: float

    @property
    def free(self) -> np.ndarray:
        """The share of each row that the fit does not take for itself."""
        return np.asarray(np.maximum(1.0 - (self.taken**2).sum(axis=0), LEAST_FREE))

    @property
    def df(self) -> float:
        """Rows less what the law takes of them."""
        return max(len(self.z) - float(np.minimum((self.taken**2).sum(axis=0), 1.0).sum()), 2.0)


def standardized(fit: Fit) -> Standardized:
    """Return the standardized residuals of a fit, of rows that are values and no bounds."""
    thin, correlation = thinned(fit), fit.model.noise.correlation
    table = without_bounds(fit.runs.table.reset_index(drop=True))
    if correlation is not None:
        table = table.iloc[neighbours(table, correlation.along)["order"]]
    rows = table.reset_index(drop=True)
    left, scale, own = (of.reshape(-1, len(rows)) for of in residuals_and_scales(thin, rows, rows["response"].to_numpy()))
    usual = np.median(scale, axis=0)
    z, times, outliers = left / usual, 1.0, _usual(contamination_of(thin, rows))
    if thin.model.noise.residual_correlation is not None:
        z = _apart(thin, rows, z, np.sqrt(np.maximum(1.0 - (measurement_scale(thin, rows) / usual) ** 2, 0.0)))
    if correlation is not None:
        gap = neighbours(rows, correlation.along)["gap"]
        length = float(np.median(thin.posterior[NOISE_LENGTH]))
        z, times = innovations(z, np.exp(-gap / length), np.median(own, axis=0) / usual**2, outliers)
    usual = np.sqrt(usual**2 + np.median(own, axis=0)) if correlation is None else usual
    mean = np.nanmean(np.where(np.isfinite(z), z, np.nan), axis=0)
    nu = float(np.median(fit.posterior["noise_nu"])) if fit.model.noise.distribution == "student_t" else np.inf
    worth = 1.0 if nu == np.inf else (nu + 1.0) / (nu + 3.0)
    scores = _scores(mean, nu)
    if outliers is not None:
        wider = np.sqrt(1.0 + outliers.added) if correlation is None else np.median(times, axis=0)
        scores = mixture_scores(mean, wider, outliers.probability)
    taken = np.nan_to_num(z - mean) * np.sqrt(worth / len(z))
    return Standardized(table, mean, scores, usual, taken, nu)


def _apart(fit: Fit, rows: pd.DataFrame, z: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return residuals that are correlated between the outputs of a run as what each has beside those before it.

    Parameters
    ----------
    share
        Of the scale of each row, that is no measurement error: errors are independent.
    """
    found = z.copy()
    for of in rows_of_runs(rows):
        full = between_rows(fit, rows.iloc[of]).mean(axis=(0, 1)) * share[of, None] * share[of]
        np.fill_diagonal(full, 1.0)
        root = np.linalg.cholesky(full)
        found[:, of] = np.linalg.solve(root, z[:, of].T).T
    return found


def _usual(outliers: Contamination | None) -> Contamination | None:
    """Return what outliers do to rows, in the middle of the draws; a number a row."""
    if outliers is None:
        return None
    return Contamination(*(np.median(of.reshape(-1, of.shape[-1]), axis=0) for of in (outliers.none, outliers.added)))


def _scores(z: np.ndarray, nu: float) -> np.ndarray:
    if nu == np.inf:
        return z
    from scipy import special, stats

    return np.asarray(np.sign(z) * -special.ndtri(np.maximum(stats.t.sf(np.abs(z), nu), 1e-30)))


@dataclass(frozen=True)
class Trial:
    """Whether what is left has a pattern.

    Parameters
    ----------
    p
        Of one as strong by chance.
    size
        Of the pattern at each row, on the scale of the noise.
    """

    p: float
    size: np.ndarray


def trial(left: Standardized, patterns: np.ndarray) -> Trial:
    """Return whether what is left of rows has one of some patterns, or their sum: a column each; an F test."""
    from scipy import stats

    basis = _orthonormal(patterns)
    score = np.clip(left.score, -CLIPPED, CLIPPED)
    k = basis.shape[1]
    if not k or left.df <= k + 1:
        return Trial(1.0, np.zeros(len(score)))
    inside = left.taken @ basis
    values, vectors = np.linalg.eigh(np.eye(k) - inside.T @ inside)
    along = (vectors.T @ (basis.T @ score)) / np.sqrt(np.maximum(values, LEAST_FREE))
    explained = float((along**2).sum())
    rest = left.df - k
    noise = max(float((score**2).sum()) - explained, LEAST_NOISE * rest) / rest
    size = left.scale * (basis @ (vectors @ (along / np.sqrt(np.maximum(values, LEAST_FREE)))))
    return Trial(float(stats.f.sf(explained / k / noise, k, rest)), size)


LEAST_NOISE = 0.3
"""What is left beside a pattern is not taken for less than this share of what the scale of the noise says."""


def _orthonormal(patterns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of patterns; without those that are sums of others."""
    u, s, _ = np.linalg.svd(patterns, full_matrices=False)
    return np.asarray(u[:, s > 1e-8 * max(float(s.max(initial=0.0)), 1e-300)])
