"""Costs beyond the runs of a ladder: what a formula reads, such as layers and widths, is carried on, and not the cost itself.

A sum of terms that grow unequally is no straight line on logarithms: carried on as one it ends below its largest term.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.cost_formula import Formula
from bayes_scaling.data.run_costs import UNIQUE, read_column
from bayes_scaling.data.runs import Runs
from bayes_scaling.prediction.ladder import Ladder, rungs_of

REACH = float(np.log(1e8))
"""So far beyond the runs a formula is taken; further on its last two places are carried on."""
STEPS = 74
"""Places on the way, a quarter of an e-fold apart."""


def carried_on(runs: Runs, rungs: Ladder, cost: Cost, rows: np.ndarray, axis: str, point: Mapping[str, Any]) -> Ladder:
    """Return a ladder with places beyond its runs, at which what the cost's formula reads goes on as a power of the axis.

    As it is where no formula, or no column that the runs keep, says it.

    Parameters
    ----------
    rungs
        Of the cost, or, on the axis params, of that of a token.
    rows
        Which runs are of the level.
    axis
        The input along which the ladder goes.
    """
    formula = _formula(runs, cost, rows)
    if formula is None or isinstance(formula.tree, ast.Name) or len(rungs.places) < 2:  # a column itself goes on as it is
        return rungs
    try:
        ways = {name: _way(runs, name, rows, axis, point) for name in formula.names}
    except InputError:
        return rungs
    steps = np.linspace(0.0, REACH, STEPS + 1)
    below, above = (
        _extension(formula, ways, at, float(end))
        for at, end in ((rungs.places[0] - steps, rungs.logs[0]), (rungs.places[-1] + steps, rungs.logs[-1]))
    )
    if not (np.isfinite(below).all() and np.isfinite(above).all()):
        return rungs
    places = np.concatenate([(rungs.places[0] - steps[1:])[::-1], rungs.places, rungs.places[-1] + steps[1:]])
    logs = np.concatenate([below[1:][::-1], rungs.logs, above[1:]])
    return replace(rungs, places=places, logs=logs, ends=(float(rungs.places[0]), float(rungs.places[-1])))


def _formula(runs: Runs, cost: Cost, rows: np.ndarray) -> Formula | None:
    """Return the formula of some runs; None where they are of several levels that differ by it."""
    if cost.group is None:
        return cost.of_level("")
    levels = runs.table.loc[rows, cost.group].unique()
    return cost.of_level(levels[0]) if len(levels) == 1 else None


type Way = Ladder | float | None
"""How a name of a formula goes along the axis: its ladder, a number, or None for the axis itself."""


def _way(runs: Runs, name: str, rows: np.ndarray, axis: str, point: Mapping[str, Any]) -> Way:
    """Return how what a formula reads goes on beyond the runs: a number that holds, or a power of the axis."""
    if name == axis:
        return None
    if axis == "params" and name in ("tokens", *UNIQUE):
        return 1.0  # the cost of a token
    if name in point:
        return float(point[name])
    column = name if name in runs.columns.inputs else read_column(name)
    if column not in runs.table:
        raise InputError(f"the runs keep no {name!r}")
    values = runs.table[column].to_numpy(dtype=float)
    own = values[rows & np.isfinite(values)]  # rows to come keep none
    if len(own) and np.ptp(own) == 0.0:
        return float(own[0])
    if not len(own) or not (own > 0).all():
        raise InputError(f"{name!r} is not above 0 in all runs")
    return rungs_of(runs, rows, axis, values, point, repr(name))


@np.errstate(all="ignore")
def _extension(formula: Formula, ways: Mapping[str, Way], places: np.ndarray, start: float) -> np.ndarray:
    """Return the logarithms of a cost at places, from an end of the runs on, which has a given one."""
    values = {name: np.exp(_line(way, places)) if isinstance(way, Ladder) else way for name, way in ways.items()}
    values = {name: np.exp(places) if way is None else way for name, way in values.items()}
    logs = np.log(np.broadcast_to(formula.of(values), places.shape))
    return np.asarray(start + logs - logs[0])


def _line(way: Ladder, places: np.ndarray) -> np.ndarray:
    """Return a reading's logarithms on from an end, as steep as all runs are: of two alone, rounded shapes would decide."""
    slope = np.polyfit(way.places, way.logs, 1)[0]
    return np.asarray(way.at(places[:1])[0] + slope * (places - places[0]))
