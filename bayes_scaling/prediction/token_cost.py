"""What a token costs to train on, over params: what a budget is split by."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_formula import Formula
from bayes_scaling.data.run_costs import runs_amounts
from bayes_scaling.inference.stacking import Posterior, inputs_read
from bayes_scaling.prediction.ladder import Ladder, place_words, rows_of, rungs_of, token_inputs, tokens_of
from bayes_scaling.prediction.ladder_ends import carried_on

type Rate = Callable[[np.ndarray], np.ndarray]
"""Params -> what a token costs."""


def token_cost(fit: Posterior, cost: Cost, point: Mapping[str, Any]) -> tuple[Rate, Ladder | None]:
    """Return what a token costs to train on as a function of params, at levels of groups, and the ladder where runs say it.

    Parameters
    ----------
    point
        Levels of groups, and inputs beside params and tokens.

    Raises
    ------
    InputError
        Where the cost is not proportional to tokens, or neither runs nor a formula of inputs say it there.
    """
    runs, reads = fit.runs, inputs_read(fit)
    if cost.group is not None and cost.group not in point:
        raise InputError(f"{cost.quoted} differs by {cost.group!r}: the points need a level of it")
    formula = cost.of_level(point[cost.group] if cost.group else "")
    known = {"params", "tokens", *(name for name in reads if name in point)}
    if formula.names <= known:
        return _by_tokens(formula, cost, point), None
    others = [dim for dim in runs.columns.dims if dim in point]
    whose = f"{cost.quoted} of a token{' at ' * bool(others)}{place_words(point, others) if others else ''}"
    rows = np.ones(len(runs), dtype=bool) if cost.group is None else rows_of(runs, cost.group, point[cost.group])
    each = runs_amounts(runs, cost) / tokens_of(runs.table, token_inputs(runs.table, reads))
    rungs = carried_on(runs, rungs_of(runs, rows, "params", each, point, whose), cost, rows, "params", point)
    return lambda params: np.exp(rungs.at(np.log(params))), rungs


def _by_tokens(formula: Formula, cost: Cost, point: Mapping[str, Any]) -> Rate:
    """Return what a token costs over params; refuse a formula that is not proportional to tokens."""

    def rate(params: np.ndarray, tokens: float = 1.0) -> np.ndarray:
        values = {name: float(point[name]) for name in formula.names if name in point}
        found = formula.of(values | {"params": params, "tokens": tokens}) * cost.factor
        return np.asarray(np.broadcast_to(found, np.shape(params)))

    at = np.array([1e6, 1e9, 1e12])
    if not np.allclose(rate(at, 2.0), 2.0 * rate(at), rtol=1e-9, atol=0.0):
        raise InputError(f"{cost.quoted}, {formula.text!r}, is not proportional to tokens: a budget cannot be split by it")
    return rate
