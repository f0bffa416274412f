"""Comparisons at equal cost: of which compute a multiple is, and what it is in another."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import spaced_name
from bayes_scaling.data.convention_words import input_words
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_axis import named_cost
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.cost_ways import ways
from bayes_scaling.prediction.ladder import Ladder

type Costed = str | Cost | None
"""A cost by its name among those of the runs, or a record; None for the law's own axis."""


def read_cost(fit: Posterior, cost: Costed) -> Cost | None:
    """Return a cost by its name among those of the runs' columns.

    Raises
    ------
    InputError
        Listing those there are, where there is none of the name.
    """
    if cost is None:
        return None
    if isinstance(cost, Cost):
        return cost.among({name: one.unit for name, one in fit.runs.columns.inputs.items()})
    return named_cost(fit.runs, cost)[1]


def is_axis(cost: Cost, lead: str) -> bool:
    """Return whether a cost is an input itself."""
    return cost.formula == lead and lead not in cost.let


def axis_name(fit: Posterior, powers: Mapping[str, float]) -> str:
    """Return what a law's own axis counts: the name of a cost that is that input itself, else the input's name."""
    lead = next(iter(powers))
    if len(powers) > 1:
        return " and ".join(spaced_name(name) for name in powers)
    columns = fit.runs.columns
    own = [one.name for one in columns.costs.values() if is_axis(one, lead)]
    counted = input_words(columns, lead) if lead == "compute" else ""
    return own[0] if own else counted or spaced_name(lead)


def converted(one: Sequence[Ladder], other: Sequence[Ladder], times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return multiples of the law's axis in a cost, m -> K_a(m C) / K_b(C), and at which points a ladder is extrapolated.

    Parameters
    ----------
    one, other
        What each point costs on its way, of a and of b.
    times
        Draws of multiples; a point a column last.
    """
    found = np.empty_like(times)
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(times)
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            found[..., i] = np.exp(a.at(logs[..., i]) - b.at(np.zeros(1))[0])
    found = np.where(np.isinf(times) | (times == 0), times, found)
    return found, np.array([_beyond(a, b, logs[..., i]) for i, (a, b) in enumerate(zip(one, other, strict=True))], dtype=bool)


def _beyond(one: Ladder, other: Ladder, logs: np.ndarray) -> bool:
    known = logs[np.isfinite(logs)]
    return bool(other.beyond(np.zeros(1))[0] or (len(known) and one.beyond(np.median(known))))


def at_equal_cost(one: Sequence[Ladder], other: Sequence[Ladder]) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the multiple of its budget at which a costs what b does; and where that is extrapolated."""
    at = np.array([a.place_of(b.at(np.zeros(1)))[0] for a, b in zip(one, other, strict=True)])
    beyond = [bool(a.beyond(of) or b.beyond(np.zeros(1))[0]) for a, b, of in zip(one, other, at, strict=True)]
    return at, np.array(beyond, dtype=bool)


def both_ways(
    fit: Posterior, cost: Cost, group: str, arms: tuple[pd.DataFrame, pd.DataFrame], powers: Mapping[str, float]
) -> tuple[list[Ladder], list[Ladder]]:
    """Return what checked points of two levels cost along the multiple of their budgets."""
    one, other = (ways(fit, cost, group, arm, powers) for arm in arms)
    return one, other


def multiple_bought(one: Sequence[Ladder], starts: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from logarithms of multiples of a cost to those of the multiple of a budget that they buy.

    Parameters
    ----------
    one
        What each point costs on its way.
    starts
        For each point the logarithm of the cost whose multiples are meant.
    """

    def bought(steps: np.ndarray) -> np.ndarray:
        columns = [of.place_of(start + steps[..., i]) for i, (of, start) in enumerate(zip(one, starts, strict=True))]
        return np.stack(columns, axis=-1)

    return bought


def extrapolated_note(cost: Cost, beyond: np.ndarray) -> tuple[str, ...]:
    """Return the sentence that says at how many points a cost is extrapolated."""
    count, of = int(beyond.sum()), len(beyond)
    where = "there" if of == 1 else f"at {count} of {of} points"
    return (f"by {cost.counted}: beyond the runs that say the cost, {where}; it is extrapolated",) if count else ()
