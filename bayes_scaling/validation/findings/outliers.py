"""Outliers: rows judged as if each had been left out, by the scale of all others."""

import numpy as np

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.finding import Finding, finding
from bayes_scaling._base.numbers import number, shared
from bayes_scaling._base.quantiles import MAD_TO_SD
from bayes_scaling.data.best_so_far import without_bounds
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.noise import Noise, heavy_tailed
from bayes_scaling.model.noise_scale import moved
from bayes_scaling.model.priors import median
from bayes_scaling.model.specification import parameters_with_priors
from bayes_scaling.validation.standardized_residuals import LEAST_FREE, Standardized, standardized

SEEN_DIGITS = 4
"""Of a loss and what is expected, by which a row is found again; more where those would read the same."""
BY_CHANCE = 0.01
"""Probability that a row of a sound table is named."""

LEAST_SCALES = 5.0
"""Rows nearer than so many scales are not named, however many rows there are."""
LEAST_NU = 10.0
"""Where Student-t noise has heavier tails it is because of such rows: they are named all the same."""

SLIGHT = 0.003
"""Rows that lie off by less than this share of the loss are named at twice as many scales."""

MAX_SHARE_OF_OUTLIERS = 0.25
"""More than this share of the rows are no outliers but another kind of run."""

MIN_ROWS_FOR_OUTLIERS = 6
MAX_OUTLIERS_NAMED = 6

ROUNDS, NU, INSIDE = 20, 3.0, 3.5
"""Under normal noise rows are weighted anew so many times, as for so many degrees of freedom; within so many scales they are
then the rows that the others are judged by."""
STRETCHED = 3.0
"""Under normal noise outliers have pulled the fit, and may lie so many posterior standard deviations from where the others
would have it."""


def outliers(fit: Fit) -> tuple[Finding, ...]:
    """Return the rows that lie far off where the others put them, in one finding; empty where there are none."""
    if len(without_bounds(fit.runs.table)) < MIN_ROWS_FOR_OUTLIERS:
        return ()
    left = standardized(fit)
    scales = row_scales(fit, left)
    least = limit(left)
    small = np.abs(left.z * left.scale) < SLIGHT if fit.model.noise.on == "log_loss" else np.zeros(len(scales), dtype=bool)
    far = np.flatnonzero(np.abs(scales) > np.where(small, 2.0 * least, least))
    if not 0 < len(far) <= max(1, MAX_SHARE_OF_OUTLIERS * len(scales)):
        return ()
    order = far[np.argsort(-np.abs(scales[far]))]
    said = "; ".join(_row(fit, left, int(i), float(scales[i])) for i in order[:MAX_OUTLIERS_NAMED])
    more = f"; and {len(order) - MAX_OUTLIERS_NAMED} more" if len(order) > MAX_OUTLIERS_NAMED else ""
    return (
        finding(
            "outliers",
            f"{len(order)} of {len(scales)} rows lie{'s' * (len(order) == 1)} far off the others, in scales of their scatter: "
            f"{said}{more}",
            "see whether such runs diverged or were set up otherwise, and leave them out if so" + _pull(fit.model.noise),
        ),
    )


def _pull(noise: Noise) -> str:
    """Return what outliers do to a fit, and what helps."""
    if noise.outliers is not None:
        return "; the noise allows for outliers, so that they hardly move the fit: outlier_probabilities has every row"
    if noise.distribution == "student_t":
        return "; the noise has heavy tails, so that they hardly move the fit"
    if noise.correlation is not None and noise.correlation.white is not None:
        return "; normal noise lets them pull the fit: give the noise outliers"
    return '; normal noise lets them pull the fit: say distribution = "student_t"'


def limit(left: Standardized) -> float:
    """Return how many scales off no row of a sound table lies."""
    from scipy import stats

    df = min(left.df, 1e6) if left.nu == np.inf else max(left.nu, LEAST_NU)
    return max(LEAST_SCALES, float(stats.t.isf(BY_CHANCE / (2 * len(left.z)), df)))


def row_scales(fit: Fit, left: Standardized) -> np.ndarray:
    """Return how many scales each row lies off where the others put it.

    Student-t noise, and that with outliers, is that of the bulk of rows. Under other normal noise the scale and the fit are
    found again without outliers.
    """
    if heavy_tailed(fit.model.noise):
        return np.asarray(left.z / np.sqrt(left.free))
    return _without_astray(left, _prior_scale(fit, left), _prior_rows(fit))


def _prior_scale(fit: Fit, left: Standardized) -> float:
    """Return the scale that the prior expects, in units of the rows' own."""
    return median(parameters_with_priors(fit.model)[NOISE_SD].prior) / float(np.median(left.scale))


def _prior_rows(fit: Fit) -> float:
    """Return how many rows a prior of the scale is worth: the log of one from n rows is known to 1 / sqrt(2 n)."""
    from bayes_scaling.inference.mode import spread_of

    return 0.5 / spread_of(parameters_with_priors(fit.model)[NOISE_SD].prior) ** 2


def _without_astray(left: Standardized, expected: float, worth: float) -> np.ndarray:
    """Return residuals as if each row had been left out, over the scale of the rows that are no outliers."""
    basis = _directions(left)
    weights, scale = np.ones(len(left.z)), 1.0
    off = left.z
    for _ in range(ROUNDS):
        off, _ = _refitted(left.z, basis, weights, scale)
        scale = min(1.0, max(MAD_TO_SD * float(np.median(np.abs(off))) * np.sqrt(len(off) / left.df), 1e-6))
        weights = (NU + 1.0) / (NU + (off / scale) ** 2)
    inside = np.abs(off) <= INSIDE * scale
    off, share = _refitted(left.z, basis, inside.astype(float), scale)
    rows = max(float(inside.sum() - share[inside].sum()), 1.0)
    scale = float(np.sqrt((worth * expected**2 + (off[inside] ** 2).sum()) / (worth + rows)))
    free = np.where(inside, np.maximum(1.0 - share, LEAST_FREE), 1.0 + share)
    return np.asarray(off / (min(scale, 1.0) * np.sqrt(free)))


def _directions(left: Standardized) -> np.ndarray:
    """Return the directions in which the fit can move, a row each, in posterior standard deviations."""
    _, s, vt = np.linalg.svd(left.taken, full_matrices=False)
    kept = s > 1e-3 * max(float(s.max(initial=0.0)), 1e-300)
    return np.asarray(STRETCHED * s[kept, None] * vt[kept])


def _refitted(z: np.ndarray, basis: np.ndarray, weights: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of rows where the fit is moved to the weighted ones, and the share that it takes of each."""
    weighted = basis * weights / scale**2
    inverse = np.linalg.inv(weighted @ basis.T + np.eye(len(basis)))
    moved = inverse @ (weighted @ z)
    return z - basis.T @ moved, (basis * (inverse @ basis)).sum(axis=0) / scale**2


def _row(fit: Fit, left: Standardized, i: int, scales: float) -> str:
    """Return which row an outlier is, what it shows and what is expected there."""
    row, number_of = left.table.iloc[i], int(left.table.index[i]) + 1
    columns = fit.runs.columns
    named = f"run {format_value(row['run'])}, " if "run" in fit.runs.levels else ""
    place = ", ".join(f"{name} {number(float(row[name]))}" for name in columns.scales)
    values = [float(row["response"]), _expected_there(fit, left, i)]
    seen, level = (number(of, SEEN_DIGITS) for of in values)
    seen, level = shared(values) if seen == level else (seen, level)
    kept = "" if fit.runs.dropped == 0 and fit.runs.averaged == len(fit.runs) else " of those kept"
    return (
        f"{named}row {number_of}{kept} ({place}) shows {seen} {columns.unit_of(left.table.iloc[[i]])}".rstrip()
        + f" where {level} is expected, {number(abs(scales), 2)} scales {'above' if scales > 0 else 'below'}"
    )


def _expected_there(fit: Fit, left: Standardized, i: int) -> float:
    """Return what the fit expects of a row."""
    off, seen = left.z[i] * left.scale[i], float(left.table["response"].iloc[i])
    return float(moved(seen, -off, fit.model.noise.on))
