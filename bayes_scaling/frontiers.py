"""The lowest loss that each budget reaches, at its own best split into params and tokens, and where two such frontiers meet."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling.optima import compute_optimal
from bayes_scaling.stacking import Posterior, over_parts

FARTHEST = 1e6
"""Multiples of a budget are sought between a millionth and a million."""
PER_DECADE = 6
"""Budgets on a grid; between them the logarithm of the loss is a monotone cubic in that of the budget."""
BISECTIONS = 50


def frontier(fit: Posterior, budgets: Sequence[float] | np.ndarray, point: pd.DataFrame, k: float) -> np.ndarray:
    """Return draws of the log of the lowest loss that each budget reaches; a draw a row, a budget a column.

    log min L(N, D)  subject to  C = k N D

    budgets: in FLOP. point: a single row with the levels of groups and what further inputs the law has. k: FLOP a parameter and
    token. NaN in draws that would put a whole budget into one of the two.

    Raises InputError as `compute_optimal` does.
    """
    losses = over_parts(fit, lambda one, _: compute_optimal(one, list(budgets), k, point)["loss"])
    values = losses.transpose("chain", "draw", "point").to_numpy().reshape(-1, len(budgets))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(values))


def budgets_between(low: float, high: float) -> np.ndarray:
    """Return budgets from one to another, equally far apart in the logarithm."""
    return np.geomspace(low, high, max(2, round(PER_DECADE * float(np.log10(high / low)))) + 1)


def multiplier(grid: np.ndarray, log_losses: np.ndarray, wanted: np.ndarray, budget: float) -> np.ndarray:
    """Return for each draw the multiple of a budget whose loss is the one wanted: inf where none is, 0 where all are below.

    grid: budgets. log_losses: of the frontier at them, a draw a row. wanted: log of the loss to be reached in each draw.
    """
    places = np.log(grid / budget)
    excess = log_losses - wanted[:, None]
    found = first_zero(places, excess)
    here = excess[:, int(np.argmin(np.abs(places)))]
    beyond = np.where(here > 0, np.inf, 0.0)
    return np.where(np.isnan(here), np.nan, np.where(np.isnan(found), beyond, np.exp(found)))


def first_zero(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the first place at which each row of values changes its sign, NaN where it does not.

    Between places values are a cubic that has no bends of its own (PCHIP, Fritsch and Carlson 1980).
    """
    from scipy.interpolate import PchipInterpolator

    changed = values[:, :-1] * values[:, 1:] <= 0
    found = changed.any(axis=1)
    zeros = np.full(len(values), np.nan)
    # A row with a gap has no cubic through it; it is drawn straight across the one step that changes sign.
    whole = found & np.isfinite(values).all(axis=1)
    if whole.any():
        at = changed[whole].argmax(axis=1)
        cubic = PchipInterpolator(places, values[whole], axis=1).c[:, at, np.arange(len(at))]
        zeros[whole] = places[at] + _zero_of(cubic, np.diff(places)[at])
    broken = np.flatnonzero(found & ~whole)
    at = changed[broken].argmax(axis=1)
    before, after = values[broken, at], values[broken, at + 1]
    share = before / np.where(before != after, before - after, 1.0)
    zeros[broken] = places[at] + share * np.diff(places)[at]
    return zeros


def _zero_of(cubic: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return where cubics, highest power first, change their sign between 0 and a width."""
    low, high = np.zeros(len(width)), width

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(((cubic[0] * at + cubic[1]) * at + cubic[2]) * at + cubic[3])

    start = np.sign(value(low))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        left = np.sign(value(middle)) == start
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.asarray((low + high) / 2)
