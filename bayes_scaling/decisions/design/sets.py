"""Sets of candidate runs within a budget, by greedy steps and exchanges; what several of them need is paid for once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from bayes_scaling.decisions.design.criteria import MOST, Gains

LARGEST = 5
"""Sets of each size are sought up to so many candidates."""

MAX_CANDIDATES_IN_PAIRS = 30
"""Up to so many candidates every pair is looked at."""

BETTER = 1e-9
"""An exchange must save more than this share of what the set does to be made: rounding must not go round in circles."""

POWERS = (0.0, 0.3, 0.6, 1.0)
"""What candidates save counts over their cost to each of these; the best of the sets is taken."""


@dataclass(frozen=True)
class SetUp:
    """What is paid once for runs that share something: a cluster, a data set, an architecture.

    Parameters
    ----------
    codes
        What each candidate needs, a number from 0 on.
    amount
        For each of these; 0 where it is there already.
    """

    codes: np.ndarray
    amount: np.ndarray


@dataclass(frozen=True)
class Prices:
    """What candidates cost, by themselves and together.

    Parameters
    ----------
    each
        Of each candidate without what is set up for it.
    set_up
        What is paid once.
    budget
        In the same unit; infinite where there is none.
    """

    each: np.ndarray
    set_up: tuple[SetUp, ...] = ()
    budget: float = float("inf")

    @property
    def alone(self) -> np.ndarray:
        """What each takes by itself."""
        return self.beside(())

    def total(self, members: Sequence[int]) -> float:
        """Return what candidates take together."""
        of = list(members)
        return float(self.each[of].sum() + sum(one.amount[np.unique(one.codes[of])].sum() for one in self.set_up))

    def beside(self, members: Sequence[int]) -> np.ndarray:
        """Return what each candidate takes when others are trained anyway."""
        cost = self.each.astype(float).copy()
        for one in self.set_up:
            cost += np.where(np.isin(one.codes, one.codes[list(members)]), 0.0, one.amount[one.codes])
        return cost


def best_sets(gains: Gains, prices: Prices, largest: int = LARGEST) -> list[tuple[int, ...]]:
    """Return for each size the set of candidates within a budget that saves most.

    From two starts, by what is saved for its cost and by what is saved, one candidate after another; then one is exchanged for
    another until that helps no more. Of a few candidates all pairs are looked at. The best of a size by exchanges need not be
    the best of all. Sizes for which the budget does not suffice are missing.
    """
    found = []
    affordable = np.flatnonzero(prices.alone <= prices.budget)
    for size in range(1, min(largest, len(affordable)) + 1):
        if prices.total(_cheapest(prices, size)) > prices.budget:
            break
        starts = [_greedy(gains, prices, size, power) for power in (1.0, 0.0)]
        if size == 2 and len(affordable) <= MAX_CANDIDATES_IN_PAIRS:
            starts.append(_pair(gains, prices, affordable))
        sets = [_exchanged(gains, prices, start) for start in starts]
        best: list[int] = max(sets, key=lambda one: gains(one)[0])
        found.append(tuple(sorted(best)))
    return found


def within_budget(gains: Gains, prices: Prices, least: float, begun: Sequence[int] = (), most: int = MOST) -> tuple[int, ...]:
    """Return candidates chosen one after another while the budget allows and each saves enough, the best over powers of cost.

    Parameters
    ----------
    begun
        A set that is added to as well as none.
    least
        A candidate must add at least such a share of what is saved so far.
    """
    best: tuple[float, list[int]] = (-np.inf, [])
    for power, first in product(POWERS, {(), tuple(begun)}):
        chosen = list(first)
        while len(chosen) < min(most, len(prices.each)):
            now, beside = gains(chosen)
            cost = prices.beside(chosen)
            allowed = (cost <= prices.budget - prices.total(chosen)) & (beside > least * max(now, 1e-300))
            allowed[chosen] = False
            if not allowed.any():
                break
            chosen.append(int(np.argmax(np.where(allowed, beside / cost**power, -np.inf))))
        best = max(best, (gains(chosen)[0] if chosen else -np.inf, chosen), key=lambda one: one[0])
    return tuple(sorted(best[1]))


def most_beyond_cost(
    gains: Gains, prices: Prices, worth: Callable[[np.ndarray], np.ndarray], begun: Sequence[int] = (), most: int = MOST
) -> tuple[int, ...]:
    """Return candidates chosen one after another while each is worth more than it costs beside the others; none where none is.

    Parameters
    ----------
    worth
        What candidates save -> what that is worth, in the unit of the prices.
    begun
        A set that is added to.
    """
    chosen = list(begun)
    while len(chosen) < min(most, len(prices.each)):
        now, beside = gains(chosen)
        cost = prices.beside(chosen)
        allowed = cost <= prices.budget - prices.total(chosen)
        allowed[chosen] = False
        net = np.where(allowed, worth(now + beside) - worth(np.array(now)) - cost, -np.inf)
        if net.max() <= 0:
            break
        chosen.append(int(np.argmax(net)))
    return tuple(sorted(chosen))


def _cheapest(prices: Prices, size: int, chosen: Sequence[int] = ()) -> list[int]:
    """Return a set with so many of the cheapest candidates more."""
    found = list(chosen)
    for _ in range(size):
        cost = prices.beside(found)
        cost[found] = np.inf
        found.append(int(np.argmin(cost)))
    return found


def _greedy(gains: Gains, prices: Prices, size: int, power: float) -> list[int]:
    """Return candidates chosen one after another, each leaving enough for the cheapest to fill the set."""
    chosen: list[int] = []
    while len(chosen) < size:
        filled = _cheapest(prices, size - len(chosen), chosen)
        # What is left must do for the others; rounding must not forbid the cheapest.
        reserve = prices.total(filled) - prices.total([*chosen, filled[-1]])
        cost = prices.beside(chosen)
        allowed = cost <= prices.budget - prices.total(chosen) - reserve
        allowed[filled[len(chosen)]] = True
        allowed[chosen] = False
        score = np.where(allowed, gains(chosen)[1] / cost**power, -np.inf)
        chosen.append(int(np.argmax(score)))
    return chosen


def _pair(gains: Gains, prices: Prices, affordable: np.ndarray) -> list[int]:
    """Return the best pair within the budget, all pairs looked at."""
    best, found = -np.inf, _cheapest(prices, 2)
    for i in affordable.tolist():
        own, beside = gains([i])
        allowed = prices.beside([i]) <= prices.budget - prices.total([i])
        allowed[i] = False
        total = np.where(allowed, own + beside, -np.inf)
        if total.max() > best:
            best, found = float(total.max()), [i, int(np.argmax(total))]
    return found


def _exchanged(gains: Gains, prices: Prices, chosen: list[int]) -> list[int]:
    """Return a set in which no exchange of one candidate for another within the budget saves more."""
    now, helped = gains(chosen)[0], True
    while helped:
        helped = False
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            own, beside = gains(others)
            allowed = prices.beside(others) <= prices.budget - prices.total(others)
            allowed[others] = False
            total = np.where(allowed, own + beside, -np.inf)
            best = int(np.argmax(total))
            if total[best] > now + BETTER * max(now, 1e-300):
                chosen, now, helped = [*others, best], float(total[best]), True
    return chosen
