"""What measurements tell of a question, in closed form over draws: singles, and sets found by greedy steps and exchanges.

Let q be the draws of a question and g those of what measurements show apart from their own scatter, whose covariance is R.
Taking both for jointly normal over the draws, with covariance C of g and c between g and q,

    I(q; y) = 1/2 log( Var q / Var(q | y) ),    Var(q | y) = Var q - c' (C + R)^-1 c        (Lindley 1956; nats)

exact where q and g are linear in what is uncertain. It holds for one measurement as for several together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LARGEST = 5
"""Sets are sought up to so many candidates."""

MAX_CANDIDATES_IN_PAIRS = 30
"""Up to so many candidates every pair is looked at."""

BETTER = 1e-9
"""An exchange must tell more than this, in nats, to be made: rounding must not go round in circles."""


@dataclass(frozen=True)
class Joint:
    """A question and what candidates would show, over draws.

    Parameters
    ----------
    question
        Draws less their mean, (draws,).
    shown
        Of every row of every candidate, less their means, (draws, rows).
    rows
        Which rows are a candidate's, (candidates, most), -1 where it has fewer.
    own
        Covariance within each candidate, and that with its noise, (candidates, most, most); identity where it has fewer rows.
    with_question
        Covariance of a candidate's rows with the question, (candidates, most).
    """

    question: np.ndarray
    shown: np.ndarray
    rows: np.ndarray
    own: np.ndarray
    noisy: np.ndarray
    with_question: np.ndarray

    @property
    def variance(self) -> float:
        """Variance of the question."""
        return float(self.question @ self.question) / (len(self.question) - 1)


def joint(question: np.ndarray, shown: np.ndarray, rows: np.ndarray, noise: np.ndarray) -> Joint:
    """Return a question and candidates as one.

    Parameters
    ----------
    question
        Draws.
    shown
        Draws, a row of the candidates each column.
    rows
        As in `Joint`.
    noise
        Covariance of the scatter within each candidate, (candidates, most, most); that of different ones is independent.
    """
    question, shown = question - question.mean(), shown - shown.mean(axis=0)
    there = rows >= 0
    both = there[:, :, None] & there[:, None, :]
    if rows.shape[1] == 1:
        squared = np.einsum("dr,dr->r", shown, shown)[rows.clip(0)][..., None]
    else:
        squared = np.stack([shown[:, of].T @ shown[:, of] for of in rows.clip(0)])
    own = np.where(both, squared / (len(question) - 1), 0.0)
    noisy = np.where(both, own + noise, np.eye(rows.shape[1]))
    with_question = np.where(there, (question @ shown)[rows.clip(0)] / (len(question) - 1), 0.0)
    return Joint(question, shown, rows, own, noisy, with_question)


def information(of: Joint) -> np.ndarray:
    """Return what each candidate alone tells of the question, in nats; (candidates,)."""
    return _gain(of.noisy, of.with_question, of.variance)


def directions(of: Joint) -> np.ndarray:
    """Return how many directions each candidate can tell apart, the trace of C (C + R)^-1; between 0 and its rows."""
    traced: np.ndarray = np.trace(np.linalg.solve(of.noisy, of.own), axis1=1, axis2=2)
    return traced


def _gain(noisy: np.ndarray, with_question: np.ndarray, variance: float) -> np.ndarray:
    if noisy.shape[1] == 1:
        explained = with_question[:, 0] ** 2 / noisy[:, 0, 0]
    else:
        explained = (with_question * np.linalg.solve(noisy, with_question[..., None])[..., 0]).sum(axis=1)
    gain: np.ndarray = -0.5 * np.log1p(-np.clip(explained / variance, 0.0, 1.0 - 1e-15))
    return gain


def marginal_gains(of: Joint) -> Callable[[Sequence[int]], tuple[float, np.ndarray]]:
    """Return the function that gives what chosen candidates tell together, and the marginal gain of each other one.

    Candidates that are among the chosen are taken for a second run with the same inputs.
    """
    known: dict[int, np.ndarray] = {}

    def covariances(candidate: int) -> np.ndarray:
        if candidate not in known:
            own = of.rows[candidate][of.rows[candidate] >= 0]
            known[candidate] = of.shown[:, own].T @ of.shown / (len(of.question) - 1)
        return known[candidate]

    def gains(chosen: Sequence[int]) -> tuple[float, np.ndarray]:
        if not chosen:
            return 0.0, information(of)
        scaled, answered = _conditioned(of, chosen, covariances)
        left = of.variance - float(answered @ answered)
        there = of.rows >= 0
        mine = np.where(there, scaled[:, of.rows.clip(0)], 0.0)
        noisy = of.noisy - np.einsum("snm,snk->nmk", mine, mine)
        with_question = of.with_question - np.einsum("snm,s->nm", mine, answered)
        return 0.5 * float(np.log(of.variance / left)), _gain(noisy, with_question, left)

    return gains


def _conditioned(of: Joint, chosen: Sequence[int], covariances: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return covariances of all rows, and of the question, with what chosen candidates show, over its Cholesky root."""
    counts = [int((of.rows[i] >= 0).sum()) for i in chosen]
    ends = np.cumsum([0, *counts])
    every = np.concatenate([of.rows[i][: counts[k]] for k, i in enumerate(chosen)])
    across = np.concatenate([covariances(i) for i in chosen])
    together = across[:, every].copy()
    for k, i in enumerate(chosen):
        block, n = slice(ends[k], ends[k + 1]), counts[k]
        together[block, block] += (of.noisy - of.own)[i, :n, :n]
    root = np.linalg.cholesky(together)
    asked = np.concatenate([of.with_question[i, : counts[k]] for k, i in enumerate(chosen)])
    return np.linalg.solve(root, across), np.linalg.solve(root, asked)


def best_sets(of: Joint, cost: np.ndarray, budget: float, largest: int = LARGEST) -> list[tuple[tuple[int, ...], float]]:
    """Return for each size the set of candidates within a budget that tells most, and what it tells in nats.

    From two starts, by information for its cost and by information, one candidate after another; then one is exchanged for
    another until that helps no more. Of a few candidates all pairs are looked at. The best of a size by exchanges need not be
    the best of all.

    Parameters
    ----------
    cost, budget
        Of each candidate, in the same unit. Sizes for which the budget does not suffice are missing.
    """
    gains, found = marginal_gains(of), []
    affordable = np.flatnonzero(cost <= budget)
    ordered = np.sort(cost)
    for size in range(1, min(largest, len(affordable)) + 1):
        if ordered[:size].sum() > budget:
            break
        starts = [_greedy(gains, cost, budget, size, per_cost=per_cost) for per_cost in (True, False)]
        if size == 2 and len(affordable) <= MAX_CANDIDATES_IN_PAIRS:
            starts.append(_pair(gains, cost, budget, affordable))
        sets = [_exchanged(gains, cost, budget, start) for start in starts]
        best = max(sets, key=lambda one: gains(one)[0])
        found.append((tuple(sorted(best)), gains(best)[0]))
    return found


type Gains = Callable[[Sequence[int]], tuple[float, np.ndarray]]


def _greedy(gains: Gains, cost: np.ndarray, budget: float, size: int, *, per_cost: bool) -> list[int]:
    """Return candidates chosen one after another, each leaving enough for the cheapest to fill the set."""
    chosen: list[int] = []
    while len(chosen) < size:
        others = np.setdiff1d(np.arange(len(cost)), chosen)
        rest = np.sort(cost[others])[: size - len(chosen)]
        # What is left must do for the others; rounding must not forbid the cheapest.
        reserve = rest[:-1].sum()
        allowed = np.zeros(len(cost), dtype=bool)
        allowed[others] = cost[others] <= max(budget - cost[chosen].sum() - reserve, rest[0])
        gain = gains(chosen)[1]
        score = np.where(allowed, gain / cost if per_cost else gain, -np.inf)
        chosen.append(int(np.argmax(score)))
    return chosen


def _pair(gains: Gains, cost: np.ndarray, budget: float, affordable: np.ndarray) -> list[int]:
    best, found = -np.inf, [int(i) for i in affordable[np.argsort(cost[affordable])[:2]]]
    for i in affordable:
        own, beside = gains([int(i)])
        allowed = (cost + cost[i] <= budget) & (np.arange(len(cost)) != i)
        total = np.where(allowed, own + beside, -np.inf)
        if total.max() > best:
            best, found = float(total.max()), [int(i), int(np.argmax(total))]
    return found


def _exchanged(gains: Gains, cost: np.ndarray, budget: float, chosen: list[int]) -> list[int]:
    """Return a set in which no exchange of one candidate for another within the budget tells more."""
    now, helped = gains(chosen)[0], True
    while helped:
        helped = False
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            own, beside = gains(others)
            allowed = cost <= budget - cost[others].sum()
            allowed[others] = False
            total = np.where(allowed, own + beside, -np.inf)
            best = int(np.argmax(total))
            if total[best] > now + BETTER:
                chosen, now, helped = [*others, best], float(total[best]), True
    return chosen
