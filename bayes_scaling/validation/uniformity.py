"""Are numbers uniform between 0 and 1? A test and a band for their distribution function, valid at all places at once.

gamma = 2 min_i min(P(R <= r_i), P(R >= r_i)),   R ~ Binomial(n, z_i),   r_i of the n numbers at or below z_i
(Saeilynoja, Buerkner and Vehtari 2022, Graphical test for discrete uniformity, eq. 9). How small gamma is by chance is
simulated, so that it holds for few numbers as well. ArviZ's `uniformity_test` has no band, and takes numbers that can be 0 or 1
for proof: of samples of 100 uniform ranks among 99 draws it calls 90 % not uniform at the 5 % level (POT-C), this test 4.5 %.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from bayes_scaling._base.random import stream

REPLICATES = 50_000
"""Samples of uniform numbers by which a gamma is judged: the smallest p-value is one over their number."""


@dataclass(frozen=True)
class Band:
    """Where the share of n uniform numbers at or below each place lies, at all places at once.

    Parameters
    ----------
    places
        Between 0 and 1.
    low, high
        The shares.
    """

    places: np.ndarray
    low: np.ndarray
    high: np.ndarray


def p_value(numbers: np.ndarray) -> float:
    """Return the probability that uniform numbers, as many as these, look less uniform than these do."""
    n = len(numbers)
    counts = np.searchsorted(np.sort(numbers), _places(n), side="right")
    return float((1 + np.searchsorted(_by_chance(n), _gamma(counts[None], n)[0], side="right")) / (1 + REPLICATES))


def uniform_band(n: int, probability: float = 0.95) -> Band:
    """Return the band that holds the whole distribution function of n uniform numbers with a probability."""
    from scipy.stats import binom

    level, at = float(np.quantile(_by_chance(n), 1.0 - probability)), _places(n)
    low, high = (np.asarray(binom.ppf(q, n, at)) / n for q in (level / 2, 1.0 - level / 2))
    return Band(at, low, high)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values corrected for how many there are (Holm 1979): below q, the chance of any false alarm is below q."""
    order, count = np.argsort(p_values), len(p_values)
    corrected = np.empty(count)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * (count - np.arange(count))))
    return corrected


def _places(n: int) -> np.ndarray:
    cells = min(max(n, 20), 100)
    return np.arange(1, cells) / cells


def _gamma(counts: np.ndarray, n: int) -> np.ndarray:
    """Return gamma of each row of counts at or below the places."""
    tails, column = _tails(n), np.arange(counts.shape[1])
    gamma: np.ndarray = tails[column, counts].min(axis=1)
    return gamma


@cache
def _tails(n: int) -> np.ndarray:
    """Return twice the smaller tail of each count at each place; dimensions place, count."""
    from scipy.stats import binom

    at, counts = _places(n)[:, None], np.arange(n + 1)
    return np.asarray(2.0 * np.minimum(binom.cdf(counts, n, at), binom.sf(counts - 1, n, at)))


@cache
def _by_chance(n: int) -> np.ndarray:
    """Return gammas of uniform numbers, in order."""
    cells = len(_places(n)) + 1
    counts = stream(0, "uniform numbers", n).multinomial(n, np.full(cells, 1.0 / cells), size=REPLICATES).cumsum(axis=1)
    return np.sort(_gamma(counts[:, :-1], n))
