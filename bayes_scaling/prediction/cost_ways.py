"""What points of a level cost as their budget grows: by a formula of inputs, or by what runs took."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import level_name
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_formula import Formula
from bayes_scaling.data.run_costs import runs_amounts
from bayes_scaling.inference.stacking import Posterior, inputs_read
from bayes_scaling.prediction.crossings import MAX_MULTIPLE
from bayes_scaling.prediction.ladder import Ladder, place_words, rows_of, rungs_of, token_inputs, tokens_of
from bayes_scaling.prediction.ladder_ends import carried_on

PER_DECADE = 64
"""Places at which a formula of inputs is taken along a way."""


def ways(fit: Posterior, cost: Cost, group: str, points: pd.DataFrame, powers: Mapping[str, float]) -> list[Ladder]:
    """Return what each point of a level costs along the logarithm of the multiple of its budget, 0 at the point.

    Parameters
    ----------
    points
        Checked points: inputs, and levels of groups.
    powers
        Input -> the power with which it grows with the budget.

    Raises
    ------
    InputError
        Where runs of a level do not say it.
    """
    if cost.served_tokens:
        raise InputError(f"{cost.quoted}: what is served is part of plans; at equal loss leave served_tokens out")
    made: dict[tuple[object, ...], Ladder] = {}
    names, amounts = [str(name) for name in points], np.empty(0)
    for values in dict.fromkeys(points.itertuples(index=False, name=None)):
        point = dict(zip(names, values, strict=True))
        whose, formula = f"{cost.quoted} of {group} {level_name(point[group])}", _of_inputs(fit, cost, group, point)
        if formula is not None:
            made[values] = _by_formula(formula, cost, whose, point, powers)
            continue
        amounts = amounts if len(amounts) else runs_amounts(fit.runs, cost)
        made[values] = _by_runs(fit, cost, amounts, whose, group, point, powers)
    return [made[values] for values in points.itertuples(index=False, name=None)]


def _by_runs(
    fit: Posterior,
    cost: Cost,
    amounts: np.ndarray,
    whose: str,
    group: str,
    point: Mapping[str, Any],
    powers: Mapping[str, float],
) -> Ladder:
    """Return the way of a point by what runs of its level took; of params and tokens by what a token took, over params."""
    table, reads = fit.runs.table, inputs_read(fit)
    tokens = token_inputs(table, reads)
    axis = "params" if tokens else "compute" if "compute" in reads else next(iter(powers))
    each = amounts / tokens_of(table, tokens) if tokens else amounts
    rows = rows_of(fit.runs, group, point[group])
    rungs = carried_on(fit.runs, rungs_of(fit.runs, rows, axis, each, point, whose), cost, rows, axis, point)
    start, power = np.log(float(point[axis])), powers.get(axis, 0.0)
    share = sum(powers.get(name, 0.0) for name in tokens)
    data = float(np.log(np.prod([float(point[name]) for name in tokens]))) if tokens else 0.0
    if power == 0.0:
        ends = np.array([-1.0, 1.0]) * np.log(MAX_MULTIPLE)
        here = float(rungs.at(np.array([start]))[0]) + data
        return Ladder(whose, ends, here + share * ends, known=not rungs.beyond(start))
    first, last = rungs.ends or (rungs.places[0], rungs.places[-1])
    places = (rungs.places - start) / power
    ends_at = ((first - start) / power, (last - start) / power)
    return Ladder(whose, places, rungs.logs + data + share * places, ends=ends_at)


def _of_inputs(fit: Posterior, cost: Cost, group: str, point: Mapping[str, Any]) -> Formula | None:
    """Return the formula of a level where it reads nothing but inputs of the law; None where runs have to say more."""
    level: object = ""
    if cost.group is not None:
        own = fit.runs.table.loc[rows_of(fit.runs, group, point[group]), cost.group].unique()
        if cost.group not in point and len(own) != 1:
            return None
        level = point.get(cost.group, own[0] if len(own) else "")
    formula = cost.of_level(level)
    return formula if formula.names <= set(inputs_read(fit)) and formula.names else None


def _by_formula(formula: Formula, cost: Cost, whose: str, point: Mapping[str, Any], powers: Mapping[str, float]) -> Ladder:
    """Return the cost of a point as its budget grows, by a formula of inputs."""
    reach = np.log(MAX_MULTIPLE)
    places = np.linspace(-reach, reach, 2 * round(PER_DECADE * np.log10(MAX_MULTIPLE)) + 1)
    values = {name: float(point[name]) * np.exp(powers.get(name, 0.0) * places) for name in formula.names}
    amounts = np.broadcast_to(formula.of(values), places.shape) * cost.factor
    if not np.all(np.isfinite(amounts) & (amounts > 0)):
        raise InputError(
            f"{whose}, {formula.text!r}, is not positive all along from {place_words(point, sorted(formula.names))}"
        )
    return Ladder(whose, places, np.log(amounts), known=True)
