"""Rows to come given rows seen, draw by draw, by Matheron's rule; see `conditioning` for the formulas.

All is on the scale of the noise, as arrays with a draw a row.
"""

from dataclasses import dataclass

import numpy as np

from bayes_scaling.inference.observation import Contamination
from bayes_scaling.prediction.spikes import at_rows, outliers_drawn

JITTER = 1e-9
"""Added to the diagonal of a covariance, as a share of its mean: its Cholesky factor then exists."""


@dataclass(frozen=True)
class Rows:
    """Rows of runs, seen and to come.

    Parameters
    ----------
    response
        Of the rows seen, on the scale of the noise.
    seen, known
        Whether each row has been seen, and whether the fit has seen its run.
    run
        The label of each row's run.
    error
        Standard deviation of each row's measurement error.
    """

    response: np.ndarray
    seen: np.ndarray
    known: np.ndarray
    run: np.ndarray
    error: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The label of each run that has shown rows, in the order of these."""
        return list(dict.fromkeys(map(str, self.run[self.seen])))


@dataclass(frozen=True)
class LawMoments:
    """Mean and covariance S of what the law says of rows, over the draws of a fit."""

    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class RowDraws:
    """Parts of the rows in some draws, a draw a row.

    Parameters
    ----------
    law
        What the law says, with group effects.
    own
        Standard deviation of each row's own scatter.
    noise
        Covariance R of what neighbouring rows share; draws, row, row.
    outliers
        What outliers do to rows, where the model has them.
    """

    law: np.ndarray
    own: np.ndarray
    noise: np.ndarray
    outliers: Contamination | None


def updated(
    of: RowDraws, rows: Rows, law_moments: LawMoments, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what is expected of rows to come, the sd of their own scatter, log densities of rows seen, tail probabilities.

    Log densities are those of runs that the fit has not seen, and of those it has. Tail probabilities are of each run.
    """
    law, other = of.law.copy(), _path(rng, of, rows.run)
    read = np.hypot(of.own, rows.error)
    log, tails = np.zeros((len(law), 2)), dict[str, np.ndarray]()
    for i, known in enumerate((False, True)):
        which = rows.seen & (rows.known == known)
        if not which.any():
            continue
        y, own = rows.response[which[rows.seen]], read[:, which]
        off = np.broadcast_to(y - (law[:, which] if known else law_moments.mean[which]), own.shape)
        covariance = _covariance(of.noise if known else law_moments.spread + of.noise, own, which)
        mixture = None
        if of.outliers is not None:
            added, mixture = outliers_drawn(rng, off, covariance, at_rows(of.outliers, which))
            covariance, own = covariance + np.eye(which.sum()) * added[:, :, None], np.sqrt(own**2 + added)
        left = y - law[:, which] - other[:, which] - own * rng.standard_normal(own.shape)
        solved, density = _solved(covariance, left, off)
        log[:, i] = density if mixture is None else mixture
        tails |= _tails_of_runs(off, covariance, rows.run[which])
        law += 0.0 if known else solved @ law_moments.spread[which]
        other += (of.noise[:, :, which] @ solved[..., None])[..., 0]
    every = [tails[label] for label in rows.labels]
    shown = (law + other)[:, ~rows.seen]
    return shown, _own_scatter(of, ~rows.seen, rng), log, np.stack(every, axis=1) if every else np.empty((len(law), 0))


def _covariance(shared: np.ndarray, own: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return the covariance of some rows in each draw, with their own scatter, and with a jitter that keeps it invertible."""
    count = which.sum()
    found: np.ndarray = shared[:, which][:, :, which]
    found += np.eye(count) * own[:, :, None] ** 2
    found += JITTER * np.trace(found, axis1=1, axis2=2)[:, None, None] / count * np.eye(count)
    return found


def _solved(covariance: np.ndarray, left: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return covariance^-1 left, and the log density of `off` but for a constant, in each draw."""
    both = np.linalg.solve(covariance, np.stack([left, off], axis=-1))
    root = np.linalg.cholesky(covariance)
    density = -0.5 * (off * both[..., 1]).sum(axis=1) - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    return both[..., 0], density


def _tails_of_runs(off: np.ndarray, covariance: np.ndarray, run: np.ndarray) -> dict[str, np.ndarray]:
    """Return for each run the probability, in each draw, that its rows stray as far as they do."""
    found = {}
    for label in dict.fromkeys(run):
        one = run == label
        found[str(label)] = _tails(off[:, one], covariance[:, one][:, :, one])
    return found


def _own_scatter(of: RowDraws, ahead: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the standard deviation of the own scatter of rows to come, with outliers among them drawn."""
    own: np.ndarray = of.own[:, ahead]
    if of.outliers is None:
        return own
    outliers = at_rows(of.outliers, ahead)
    return np.asarray(np.sqrt(own**2 + outliers.added * (rng.uniform(size=own.shape) < outliers.probability)))


def _path(rng: np.random.Generator, of: RowDraws, run: np.ndarray) -> np.ndarray:
    """Return one draw of what the noise of neighbouring rows shares; runs of one block each are drawn one after the other."""
    apart = run[:, None] != run
    if of.noise[:1, apart].any():
        return _draw(rng, of.noise)
    found = np.zeros(of.law.shape)
    for label in dict.fromkeys(run):
        rows = run == label
        found[:, rows] = _draw(rng, of.noise[:, rows][:, :, rows])
    return found


def _draw(rng: np.random.Generator, covariance: np.ndarray) -> np.ndarray:
    """Return one draw of each of many normals of mean 0."""
    size = covariance.shape[1]
    if not covariance.any():
        return np.zeros(covariance.shape[:2])
    variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / size
    root = np.linalg.cholesky(covariance + JITTER * variance * np.eye(size))
    drawn: np.ndarray = (root @ rng.standard_normal((len(covariance), size, 1)))[..., 0]
    return drawn


def _tails(off: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the probability of residuals as large as those of each draw, or larger."""
    from scipy import stats

    squared = (off * np.linalg.solve(covariance, off[..., None])[..., 0]).sum(axis=1)
    found: np.ndarray = stats.chi2.sf(squared, off.shape[1])
    return found
