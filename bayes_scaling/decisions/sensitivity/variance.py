"""Shares of a variance among factors that are correlated: Owen values of what each set of factors explains.

Let c(S) = Var E[q | factors in S] be what knowing a set of factors would take from the variance of a question q. For
independent factors c makes Sobol's indices. Draws of a posterior are correlated, law and discrepancy most of all; then shares
that sum to one, that are never negative and that hang on no order are Shapley's (Owen 2014; Song, Nelson and Staum 2016). With
sources that consist of parts, as the law of its parameters, the share of a source must not grow with the number of its parts:
Owen's values (1977).

c(S) is estimated by least squares over the draws, on the factors' draws, their squares and products, with adjusted R^2. The
law's own value, known exactly in each draw, is a regressor wherever all that it depends on is in S; so is the question itself
where S is everything. For a question that is linear in jointly normal factors c(S) is exact but for the number of draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from math import factorial

import numpy as np
import pandas as pd

from bayes_scaling.decisions.sensitivity.factors import BETWEEN, EFFECTS, LAW, Components

BLOCKS = 10
"""Consecutive blocks of draws; shares without one of them each say how far sampling moves them."""

DRAWS_A_REGRESSOR = 20
"""Squares and products are left out where draws are fewer than so many for each regressor."""

RIDGE, ROUNDING = 1e-9, 1e-14
"""Added to the variances of regressors, relative to them and to 1: some are sums of others."""


@dataclass(frozen=True)
class Layout:
    """What the columns of a table of moments are.

    Parameters
    ----------
    sources, parts
        Of each factor.
    masks
        Which factors, a bit each, have to be known for a regressor to be known.
    plain
        How many regressors are the factors' draws, squares and products: those that come first.
    worth
        How many independent draws the moments are worth.
    """

    sources: tuple[str, ...]
    parts: tuple[str, ...]
    masks: np.ndarray
    plain: int
    worth: float

    @property
    def unions(self) -> dict[str, tuple[int, ...]]:
        """Source -> places of its factors."""
        names = dict.fromkeys(self.sources)
        return {name: tuple(i for i, of in enumerate(self.sources) if of == name) for name in names}


@dataclass(frozen=True)
class Moments:
    """Covariance of the regressors and, last, of the question without noise; its mean, and the variances of its noise."""

    layout: Layout
    covariance: np.ndarray
    mean: float
    noise: dict[str, float]

    @property
    def core(self) -> float:
        """Variance of the question without noise."""
        return float(self.covariance[-1, -1])

    @property
    def total(self) -> float:
        """Variance of the question."""
        return self.core + sum(self.noise.values())


def regressors(of: Components, worth: float) -> tuple[Layout, np.ndarray]:
    """Return the regressors of a question, and their standardized draws with those of the question as the last column.

    Parameters
    ----------
    worth
        How many independent draws those of the question are worth.
    """
    columns = [one.columns[:, j] for one in of.factors for j in range(one.columns.shape[1])]
    masks = [1 << i for i, one in enumerate(of.factors) for _ in range(one.columns.shape[1])]
    found, known = list(columns), list(masks)
    if (count := len(columns)) * (count + 3) / 2 * DRAWS_A_REGRESSOR <= len(of.core):
        for i in range(count):
            for j in range(i, count):
                found.append(columns[i] * columns[j])
                known.append(masks[i] | masks[j])
    everything, plain = (1 << len(of.factors)) - 1, len(found)
    if of.law is not None and np.ptp(of.law) > 0:
        mine = [i for i, one in enumerate(of.factors) if one.source == LAW]
        found.append(of.law)
        known.append(sum(1 << i for i in mine))
    found.append(of.core)
    known.append(everything)
    table = np.column_stack([*found, of.core])
    table[:, :-1] = (table[:, :-1] - table[:, :-1].mean(axis=0)) / np.maximum(table[:, :-1].std(axis=0), 1e-300)
    sources, parts = (tuple(getattr(one, name) for one in of.factors) for name in ("source", "part"))
    return Layout(sources, parts, np.array(known, dtype=int), plain, worth), table


def moments(layout: Layout, table: np.ndarray, noise: dict[str, np.ndarray]) -> Moments:
    """Return the moments of draws."""
    off = table - table.mean(axis=0)
    added = {name: float(of.mean()) for name, of in noise.items()}
    return Moments(layout, off.T @ off / len(off), float(table[:, -1].mean()), added)


def without_blocks(layout: Layout, table: np.ndarray, noise: dict[str, np.ndarray]) -> list[Moments]:
    """Return the moments without each of ten consecutive blocks of draws."""
    middle, ends = table.mean(axis=0), np.arange(BLOCKS + 1) * len(table) // BLOCKS
    blocks = [table[one] - middle for one in map(slice, ends[:-1], ends[1:])]
    products, sums = np.array([of.T @ of for of in blocks]), np.array([of.sum(axis=0) for of in blocks])
    found = []
    for i, (start, end) in enumerate(pairwise(ends)):
        n, kept = len(table) - (end - start), np.r_[0:start, end : len(table)]
        mean = (sums.sum(axis=0) - sums[i]) / n
        covariance = (products.sum(axis=0) - products[i]) / n - np.outer(mean, mean)
        added = {name: float(of[kept].mean()) for name, of in noise.items()}
        found.append(Moments(layout, covariance, float(middle[-1] + mean[-1]), added))
    return found


def given(of: Moments, crossed: np.ndarray, noisy: np.ndarray) -> Moments:
    """Return moments as they would be given a measurement y, all taken for jointly normal: S - S_zy (S_yy)^-1 S_yz.

    Parameters
    ----------
    crossed
        Covariance of the regressors and the question with what is measured, (columns, rows).
    noisy
        Covariance of what is measured with its scatter, (rows, rows).
    """
    return replace(of, covariance=of.covariance - crossed @ np.linalg.solve(noisy, crossed.T))


def explained(of: Moments) -> np.ndarray:
    """Return c(S), what knowing each set of factors would take from the variance of the question; a bit a factor."""
    count, variance = len(of.layout.sources), of.core
    found = np.zeros(1 << count)
    if variance <= 0:
        return found
    for mask in range(1, len(found)):
        mine = np.flatnonzero((of.layout.masks & ~mask) == 0)
        found[mask] = _taken(of, mine)
    found[-1] = variance
    found = found.clip(0.0, variance)
    for mask in range(1, len(found)):  # knowing more never explains less
        found[mask] = max([found[mask], *(found[mask ^ (1 << i)] for i in range(count) if mask >> i & 1)])
    return found


def _taken(of: Moments, mine: np.ndarray) -> float:
    """Return what regression on some regressors takes from the variance of the question, by adjusted R^2."""
    own, crossed = of.covariance[np.ix_(mine, mine)], of.covariance[mine, -1]
    own = own + np.diag(RIDGE * np.diag(own) + ROUNDING)
    share = min(1.0, float(crossed @ np.linalg.solve(own, crossed)) / of.core)
    left = of.layout.worth - 1.0
    return of.core * (1.0 - (1.0 - share) * left / max(left - len(mine), 1.0))


def owen_values(values: np.ndarray, unions: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the Owen value of each player of a game with unions; Shapley's where each union has one player.

    Parameters
    ----------
    values
        What each set of players is worth, a bit a player.
    unions
        The places of their members.
    """
    found = np.zeros(int(np.log2(len(values))))
    bits = [sum(1 << i for i in one) for one in unions]
    for k, union in enumerate(unions):
        others = [of for j, of in enumerate(bits) if j != k]
        for i in union:
            mine = [1 << j for j in union if j != i]
            for outer, of_outer in _sets(others):
                for inner, of_inner in _sets(mine):
                    found[i] += of_outer * of_inner * (values[outer | inner | 1 << i] - values[outer | inner])
    return found


def _sets(bits: Sequence[int]) -> list[tuple[int, float]]:
    """Return every subset of some bits with the weight that it has in Shapley's mean over orders."""
    n = len(bits) + 1
    return [
        (sum(one), factorial(size) * factorial(n - size - 1) / factorial(n))
        for size in range(n)
        for one in combinations(bits, size)
    ]


@dataclass(frozen=True)
class Shares:
    """Variances of a question under one law, by factor and by source.

    Parameters
    ----------
    factors
        (source, part) -> variance that is its share; they sum to the whole.
    first, total
        (source, part), and (source, "") for all of it -> the variance that would go were it alone known, and that would be left
        were all else known.
    variance
        Of the question.
    fitted
        Share of the variance without noise that squares and products of the factors explain.
    """

    factors: dict[tuple[str, str], float]
    first: dict[tuple[str, str], float]
    total: dict[tuple[str, str], float]
    variance: float
    fitted: float


def shares(of: Moments) -> Shares:
    """Return the variances by factor and by source."""
    layout = of.layout
    worth = explained(of)
    split = owen_values(worth, list(layout.unions.values()))
    keys = list(zip(layout.sources, layout.parts, strict=True))
    every = len(worth) - 1
    sets = {key: 1 << i for i, key in enumerate(keys)}
    sets |= {(name, ""): sum(1 << i for i in places) for name, places in layout.unions.items()}
    first = {key: float(worth[bits]) for key, bits in sets.items()}
    total = {key: float(worth[every] - worth[every & ~bits]) for key, bits in sets.items()}
    found = dict(zip(keys, split.tolist(), strict=True))
    for name, variance in of.noise.items():
        part = "of a new run" if name == EFFECTS else ""
        found[name, part] = variance
        for both in {(name, part), (name, "")}:
            first[both] = first.get(both, 0.0) + variance
            total[both] = total.get(both, 0.0) + variance
    fitted = _taken(of, np.arange(layout.plain)) / of.core if of.core > 0 and layout.plain else 1.0
    return Shares(found, first, total, of.total, fitted)


def share_table(laws: Mapping[str, Moments], weights: Mapping[str, float], between: float | None = None) -> pd.DataFrame:
    """Return the variances of a question by law, source and part, and between the laws: the law of total variance.

    Var q = sum_k w_k Var(q | k) + sum_k w_k (E(q | k) - E q)^2

    Parameters
    ----------
    weights
        Law -> its share of the draws.
    between
        The second term; from the means of the laws unless given.

    Returns
    -------
    DataFrame
        law, source, part, variance; first and total as in `Shares`, missing between laws; fitted, as there, of the law.
    """
    rows: list[dict[str, object]] = []
    for law, of in laws.items():
        found, w = shares(of), weights[law]
        for key, variance in found.factors.items():
            numbers = {"variance": w * variance, "first": w * found.first[key], "total": w * found.total[key]}
            rows.append({"law": law, "source": key[0], "part": key[1], **numbers, "fitted": found.fitted})
    if len(laws) > 1:
        middle = sum(weights[law] * of.mean for law, of in laws.items())
        spread = sum(weights[law] * (of.mean - middle) ** 2 for law, of in laws.items())
        variance = spread if between is None else between
        rows.append({"law": "", "source": BETWEEN, "part": "", "variance": variance, "first": variance, "fitted": 1.0})
    return pd.DataFrame(rows, columns=["law", "source", "part", "variance", "first", "total", "fitted"])


def source_table(laws: Mapping[str, Moments], weights: Mapping[str, float]) -> pd.DataFrame:
    """Return for each source of all laws together the variances that would go were it alone known, and stay were all else."""
    rows = [
        {"source": name, "first": weights[law] * found.first[name, part], "total": weights[law] * found.total[name, part]}
        for law, of in laws.items()
        if (found := shares(of))
        for name, part in found.first
        if part == ""
    ]
    return pd.DataFrame(rows, columns=["source", "first", "total"]).groupby("source", sort=False).sum()
