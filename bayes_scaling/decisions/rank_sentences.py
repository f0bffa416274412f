"""What a ranking says, in sentences. No verdict without a region of practical equivalence."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling._base.numbers import (
    PLACE_DIGITS,
    amount,
    band,
    exact,
    level_name,
    number,
    percent,
    probability,
    shared,
    spaced_name,
    unit_beside,
    value_at,
)
from bayes_scaling._base.quantiles import INTERVAL, reached
from bayes_scaling.decisions.ranking import Ranking
from bayes_scaling.inference.health_line import carried

RARE = 0.005
"""Of crossovers less probable than this it is not said where they are."""
SAME_BUDGET = 1.05
"""A budget counts as that of the largest run up to so many times of it."""


@carried
def rank_sentences(found: Ranking) -> tuple[str, ...]:
    """Return what a ranking says of each of its rows, with units, intervals and probabilities."""
    return tuple(" ".join(of) for of in said_of_ranking(found))


def said_of_ranking(found: Ranking) -> list[list[str]]:
    """Return the sentences of each row of a ranking."""
    rows = [{str(name): of for name, of in row.items()} for row in found.to_frame().to_dict("records")]
    return [_said(found, row, i // max(len(found.others), 1)) for i, row in enumerate(rows)]


def _said(found: Ranking, row: dict[str, Any], index: int) -> list[str]:
    """Return what the ranking says of a level at one point."""
    ends = ("q05", "mean", "q95")
    percents, change = ([row[f"{name}_{of}"] for of in ends] for name in ("change_percent", "change"))
    mean, name = shared(change, signed=True)[1], found.response
    said = [
        f"{level_name(row['level'])} instead of {level_name(found.against)} at {place(found, row)}: "
        f"{name} {band(percents, '%', signed=True)}, {mean} {unit_beside(name, str(found.loss.attrs['units']))}".rstrip(),
        f"It is lower with probability {probability(row['p_better'])}",
        _worth(found, row),
        *_in_other_costs(found, row, index),
        _crossing(found, row),
    ]
    if row["left_out"] > 0:
        said.append(f"{percent(row['left_out'])} of draws, with no best split or no positive {name}, are left out")
    return [f"{one}." for one in [*said, *_said_of_verdict(found, row)]]


def _in_other_costs(found: Ranking, row: dict[str, Any], point: int) -> list[str]:
    """Say which multiple either needs in each other cost of the runs."""
    if found.by_cost is None:
        return []
    of = found.by_cost.sel(level=row["level"]).isel(row=point)
    said = []
    for cost in found.by_cost["cost"].to_numpy().tolist():
        times = reached(of["compute_ratio"].sel(cost=cost).to_numpy().ravel())
        far = ", where the cost is extrapolated" if bool(of["extrapolated"].sel(cost=cost)) else ""
        if np.isnan(times["q50"]):
            continue
        ends, who = [times[q] for q in INTERVAL], (found.against, row["level"])
        if times["q95"] < 1:
            ends, who = [1 / end for end in reversed(ends)], (row["level"], found.against)
        middle, rest = band(ends).split(" ", 1)
        one, other = map(level_name, who)
        said.append(f"By {cost} {one} needs {middle} times as much as {other} {rest}{far}")
    return said


def _said_of_verdict(found: Ranking, row: dict[str, Any]) -> list[str]:
    if found.equivalent is None:
        return []
    shares = {"better by more": "p_better_by_more", "equivalent": "p_equivalent", "worse by more": "p_worse"}
    said = ", ".join(f"{name} {probability(row[column])}" for name, column in shares.items())
    equal = percent(found.equivalent, 4)
    return [f"Counting {equal} as equal: {row['verdict']}, at a certainty of {exact(found.certainty)} ({said})"]


def place(found: Ranking, row: Mapping[str, Any], *, beyond: bool = True) -> str:
    """Return the budget of a row with its unit, how far it lies beyond the runs, and what else its point says."""
    asked = amount(row[found.budget], found.unit, PLACE_DIGITS) + (f" by {found.axis}" if found.axis else "")
    budget = f"{asked} ({found.counted})" if found.counted else f"{spaced_name(found.budget)} {asked}"
    more = number(row["beyond_runs"], 2)
    far = f" ({more} times the largest run of one of them)" if beyond and row["beyond_runs"] > SAME_BUDGET else ""
    others = [
        f"{spaced_name(str(name))} {value_at(str(name), row[str(name)])}" for name in found.points if name != found.budget
    ]
    return ", ".join([budget + far, *others])


def _worth(found: Ranking, row: dict[str, Any]) -> str:
    """Say how much more of the budget the baseline needs to do as well, and how probably no more is enough."""
    low, middle, high = (row[f"multiplier_{q}"] for q in INTERVAL)
    base, level, budget = level_name(found.against), level_name(row["level"]), spaced_name(found.budget)
    loss = found.response
    of = {name: row[f"multiplier_{name}"] for name in INTERVAL} | {
        name: row[name] for name in ("p_never_reached", "p_always_reached")
    }
    of |= {"p_unknown": row["p_multiplier_unknown"]}
    if high < 1:  # the same draws, told of the one that needs more
        of |= {"q05": 1 / high, "q50": 1 / middle, "q95": 1 / low}
        of |= {"p_never_reached": row["p_always_reached"], "p_always_reached": row["p_never_reached"]}
        return needs(level, base, budget, of, loss=loss)
    beyond = middle / row["runs_end"]
    far = f", {number(beyond, 2)} times its largest run" if beyond > SAME_BUDGET else ""
    return needs(base, level, budget, of, far, loss)


def needs(level: str, other: str, budget: str, of: Mapping[str, float], far: str = "", loss: str = "loss") -> str:
    """Return how many times the budget of another a level needs, and how probably no multiple is enough.

    Parameters
    ----------
    of
        What `compute_ratio.reached` returns.
    far
        What to say of how far that lies.
    loss
        What is the same.
    """
    if np.isnan(of["q50"]):
        return _none(level, budget, of, loss)
    low, middle, high = shared([of[q] for q in INTERVAL])
    said = f"{level} needs {middle} times the {budget} of {other} for the same {loss} (90 %: {low} to {high}){far}"
    never, always, lost = of["p_never_reached"], of["p_always_reached"], of["p_unknown"]
    said += f", and cannot reach it with a million times as much in {percent(never)} of draws" if never > 0 else ""
    said += f", and reaches it with a millionth in {percent(always)} of draws" if always > 0 else ""
    return said + (f", and in {percent(lost)} of draws the law is not defined on the way" if lost > 0 else "")


def _none(level: str, budget: str, of: Mapping[str, float], loss: str) -> str:
    """Say that no draw has a compute ratio."""
    shares = {
        f"{level} cannot reach that {loss} by any {budget} up to a million times as much": of["p_never_reached"],
        f"{level} needs under a millionth times the {budget}": of["p_always_reached"],
    }
    said = [what + (f" in {percent(share)} of draws" if share < 1 else "") for what, share in shares.items() if share > 0]
    return ", ".join(said) or "How much more is needed cannot be said: the law is not defined on the way"


def _crossing(found: Ranking, row: dict[str, Any]) -> str:
    """Return where the better of two levels changes, or that it does not within the budgets searched."""
    end, lost = amount(row["below"], found.unit), row["p_crossover_unknown"]
    chance = 1 - row["p_no_crossover"] - lost
    rest = (
        f", as far as {found.response} is above 0 for both, which ends before that in {percent(lost)} of draws"
        if lost > 0
        else ""
    )
    if chance < 1e-9:
        return f"They change places nowhere up to {end}{rest}"
    said = f"They change places below {end} with probability {probability(chance)}"
    if chance < RARE:
        return f"{said}{rest}"
    return f"{said}, in that case at {band([float(row[f'crossover_{q}']) for q in INTERVAL], found.unit)}{rest}"
