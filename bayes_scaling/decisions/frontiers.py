"""Levels of a group side by side at a budget: an input that grows, or compute that each splits in its own best way."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling.data.cost import Cost
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.spending import Spent
from bayes_scaling.inference.stacking import Posterior, map_components
from bayes_scaling.prediction.budget_curves import along_curve, to_reach
from bayes_scaling.prediction.compute_ratio import CROSSOVER_PLACES
from bayes_scaling.prediction.costs import multiple_bought
from bayes_scaling.prediction.crossings import MAX_MULTIPLE, Change, Curve, interpolated, meeting, multiples
from bayes_scaling.prediction.ladder import Ladder

PER_DECADE = 6
"""Budgets on a grid; between them the logarithm of the loss is a monotone cubic in that of the budget."""

type Found = tuple[np.ndarray, np.ndarray, list[Change]]
"""Losses of levels, multiples that the first needs for those of the others, and where it and they change places."""


def frontier(fit: Posterior, budgets: Sequence[float] | np.ndarray, point: pd.DataFrame, cost: Spent) -> np.ndarray:
    """Return draws of the lowest loss that each budget reaches; a draw a row, a budget a column.

    min L(N, D)  subject to  C = cost of N and D

    budgets: in FLOP, or the unit of the cost. point: a single row with the levels of groups and what further inputs the law
    has. NaN in draws that would put a whole budget into one of the two.

    Raises
    ------
    InputError
        As `compute_optimal` does.
    """
    losses = map_components(fit, lambda one, _: compute_optimal(one, list(budgets), cost=cost, points=point)["loss"])
    return np.asarray(losses.transpose("chain", "draw", "row").to_numpy().reshape(-1, len(budgets)))


def by_split(fit: Posterior, arms: Sequence[pd.DataFrame], costs: Sequence[Spent], budget: float, end: float) -> Found:
    """Return draws of losses, multiples and changes at a budget that each level splits in its own best way.

    A level a row, a draw a column; the first level is the one that the others are held against. Multiples are as `multiples`
    has them, with those of losses that are none NaN. Changes are of the logarithm of the budget over the one asked for.

    Parameters
    ----------
    arms
        A checked row for each level, with the budget in "compute".
    costs
        What each costs.
    end
        Where to stop looking.
    """
    upward, around = _between(budget, end), _around(budget)

    def frontier_of(i: int, budgets: np.ndarray) -> Curve:
        losses = frontier(fit, budgets, arms[i].drop(columns="compute"), costs[i])
        return interpolated(np.log(budgets / budget), losses)

    ahead = [frontier_of(i, upward) for i in range(len(arms))]
    base = frontier_of(0, around)
    steps = np.log(around / budget)
    sides = steps[len(steps) // 2 :], steps[len(steps) // 2 :: -1]
    return _held_against(fit, ahead, base, np.log(upward / budget), sides)


def by_cost(
    fit: Posterior,
    arms: Sequence[pd.DataFrame],
    ladders: Sequence[Ladder],
    budget: float,
    end: float,
    path: Mapping[str, float],
) -> Found:
    """Return what `by_input` does where budgets are counted in a cost, each level at the input that it buys.

    Parameters
    ----------
    ladders
        What each level costs along the multiple of its budget.
    """
    start = np.log([budget])
    curves = [along_curve(fit, arm, path, warp=multiple_bought([of], start)) for arm, of in zip(arms, ladders, strict=True)]
    upward = np.linspace(0.0, np.log(end / budget), CROSSOVER_PLACES)
    return _held_against(fit, curves, curves[0], upward, (None, None))


def by_input(fit: Posterior, arms: Sequence[pd.DataFrame], end: float, path: Mapping[str, float]) -> Found:
    """Return what `by_split` does where an input grows, solved in each draw; changes are of the logarithm of the input too."""
    lead = next(iter(path))
    reach = float(np.log(end / arms[0][lead].iloc[0])) / path[lead]
    curves = [along_curve(fit, arm, path) for arm in arms]
    losses, times, changes = _held_against(fit, curves, curves[0], np.linspace(0.0, reach, CROSSOVER_PLACES), (None, None))
    return losses, times, [Change(path[lead] * of.place, of.unknown, of.lead) for of in changes]


def _held_against(
    fit: Posterior, curves: Sequence[Curve], base: Curve, upward: np.ndarray, sides: tuple[np.ndarray | None, np.ndarray | None]
) -> Found:
    """Return losses, multiples and changes of curves against the first.

    Parameters
    ----------
    base
        The first, over a wider range.
    upward
        Where to look for changes.
    sides
        Where to look for multiples, up and down.
    """
    positive = fit.runs.columns.response.positive
    losses = np.stack([to_reach(one, positive=positive) for one in curves])
    times = np.stack([multiples(base, wanted, *sides) for wanted in losses[1:]])
    return losses, times, [meeting(one, curves[0], upward, positive=positive) for one in curves[1:]]


def split_multipliers(
    fit: Posterior, group: str, levels: Sequence[str], point: pd.DataFrame, budgets: Sequence[float]
) -> np.ndarray:
    """Return draws of how many times each budget the first level needs to reach what each other level reaches with it.

    A level, a budget, a draw; as `by_split` has them, at 6 FLOP a parameter and token, with one frontier for all budgets.
    """
    grid = _between(min(budgets) / MAX_MULTIPLE, max(budgets) * MAX_MULTIPLE)
    base = frontier(fit, grid, point.assign(**{group: levels[0]}), Cost())
    curves = [interpolated(np.log(grid / at), base) for at in budgets]
    found = []
    for level in levels[1:]:
        wanted = frontier(fit, budgets, point.assign(**{group: level}), Cost())
        wanted = np.where(wanted > 0, wanted, np.nan) if fit.runs.columns.response.positive else wanted
        found.append([multiples(curve, wanted[:, k]) for k, curve in enumerate(curves)])
    return np.array(found)


def _between(low: float, high: float) -> np.ndarray:
    """Return budgets from one to another, equally far apart in the logarithm."""
    return np.geomspace(low, high, max(2, round(PER_DECADE * float(np.log10(high / low)))) + 1)


def _around(budget: float) -> np.ndarray:
    """Return budgets on both sides of one, which is in the middle."""
    return np.concatenate([_between(budget / MAX_MULTIPLE, budget)[:-1], _between(budget, budget * MAX_MULTIPLE)])
