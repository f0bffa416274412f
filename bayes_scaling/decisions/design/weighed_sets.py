"""Sets of candidates by what they save of a criterion: the best of each size, for a budget, and of most value beyond cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_scaling.decisions.design.criteria import (
    Criterion,
    Gains,
    expected_regret,
    gains_of,
    regret_gains,
    remembered,
)
from bayes_scaling.decisions.design.information import Joint, marginal_gains
from bayes_scaling.decisions.design.ranked import NextRuns, RunSet, undominated
from bayes_scaling.decisions.design.sets import LARGEST, Prices, best_sets, most_beyond_cost, within_budget

SMALLEST_STEP = 0.01
"""A set that fills a budget is added to while a run saves so much of what the others do."""


@dataclass(frozen=True)
class Weighed:
    """A criterion. of: what it is taken over; gains: what candidates save of it; now: what it is."""

    of: Joint
    gains: Gains
    now: float


def weigh(of: Joint, criterion: Criterion, options: np.ndarray, over_options: Joint, seed: int) -> Weighed:
    """Return what sets of candidates gain by a criterion, and what is there to gain."""
    if criterion == "regret":
        return Weighed(over_options, remembered(regret_gains(over_options, options, seed)), expected_regret(options))
    entropy = 0.5 * float(1 + np.log(2 * np.pi * of.variance))
    return Weighed(of, remembered(gains_of(of, criterion)), entropy if criterion == "information" else of.variance)


def sets_of(of: Joint, weighed: Weighed, prices: Prices, limited: bool, most: int | None) -> tuple[RunSet, ...]:
    """Return the best set of each size, without a limit up to five and with a budget that of as many as it pays for."""
    found, told = best_sets(weighed.gains, prices, most or LARGEST), marginal_gains(of)
    if limited and most is None and len(found) == LARGEST:
        more = within_budget(weighed.gains, prices, SMALLEST_STEP, found[-1])
        found += [more] if len(more) > LARGEST else []
    return undominated([RunSet(one, prices.total(one), told(one)[0], weighed.gains(one)[0]) for one in found])


def with_most_beyond_cost(found: NextRuns, of: Joint, weighed: Weighed, prices: Prices, most: int) -> tuple[RunSet, ...]:
    """Return the sets with those among them of most value beyond their cost, which need not be the best of their size."""

    def worth(reduction: np.ndarray) -> np.ndarray:
        return np.asarray((found.value or 0.0) * found.saved(reduction))

    told, known = marginal_gains(of), {one.members for one in found.sets}
    starts: list[tuple[int, ...]] = [(), *(one.members for one in found.sets)]
    more = {most_beyond_cost(weighed.gains, prices, worth, start, most) for start in starts} - known - {()}
    sets = [*found.sets, *(RunSet(one, prices.total(one), told(one)[0], weighed.gains(one)[0]) for one in sorted(more))]
    return undominated(sorted(sets, key=lambda one: len(one.members)))


def has_room(prices: Prices, members: Sequence[int]) -> bool:
    """Return whether the budget pays for one more candidate beside a set, for which what is set up there is paid for."""
    cost = prices.beside(members)
    cost[list(members)] = np.inf
    return bool((cost <= prices.budget - prices.total(members)).any())
