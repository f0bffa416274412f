"""What a model reads of runs, as arrays: log inputs, numbers of levels, the response, and how rows follow each other."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedules import log_input
from bayes_scaling.model import gaussian_process as gp
from bayes_scaling.model.by_level import own_priors
from bayes_scaling.model.names import (
    CELLS,
    JOINT,
    JOINT_INFORMATION,
    JOINT_LINEAR,
    STRUCTURE,
    axis_name,
    information_name,
    own_names,
)
from bayes_scaling.model.noise_scale import on_scale, slope
from bayes_scaling.model.ordered import places
from bayes_scaling.model.parametrization import blocks, entries
from bayes_scaling.model.smooth import axis
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    groups_used,
    model_inputs,
    ordereds,
    placed,
    smooths,
    varyings,
)


def data(model: Model, runs: Runs, levels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the model reads from the runs: inputs over their reference, level numbers, the response, its error.

    Rows are in the order of the table, but for a model that filters white noise in the order of their runs.
    """
    table, correlation = runs.table, model.noise.correlation
    filters = correlation is not None and correlation.white is not None
    if correlation is not None and filters:
        table = table.iloc[neighbours(table, correlation.along)["order"]]
    arrays = {f"log_{name}": log_input(table, runs.columns, runs.references, name) for name in model_inputs(model)}
    arrays |= {f"index_{dim}": level_index(table[dim], levels[dim]) for dim in groups_used(model)}
    arrays |= {axis_name(*of): axis(of[1], levels[of[1].over]) for of in smooths(model)}
    arrays |= {axis_name(*of): places(of[1], levels[of[1].over]) for of in ordereds(model)}
    for owner, term in by_levels(model):
        arrays |= dict(zip(own_names(owner, term), own_priors(term, levels[term.over]), strict=True))
    response = table["response"].to_numpy()
    arrays["response"] = on_scale(response, model.noise.on)
    if "measurement_error" in table:
        error = table["measurement_error"].to_numpy()
        arrays["measurement_error"] = error * slope(response, model.noise.on)
    if CENSORED in table:
        arrays[CENSORED] = table[CENSORED].to_numpy()
    if model.discrepancy:
        arrays |= gp.arrays(discrepancy_terms(model), arrays, levels)
    if model.noise.residual_correlation is not None:
        arrays |= _cells(table, model.noise.residual_correlation.over, runs.source)
    if correlation is not None:
        found = neighbours(table, correlation.along)
        arrays |= {name: found[name] for name in (("gap",) if filters else ("gap", "previous"))}
        alone = {"count": 1.0, "mean_lag": 0.0}  # of a row that is no average
        arrays |= {n: np.asarray(table.get(n, np.full(len(table), of))) for n, of in alone.items()} if filters else {}
        if (arrays["gap"] <= 0).any():
            row = int(np.argmax(arrays["gap"] <= 0))
            run, at = format_value(table["run"].iloc[row]), table[correlation.along].iloc[row]
            raise InputError(f"{runs.source}: run {run} has two rows at {correlation.along} {exact(at)}; expected one")
    return arrays


def _cells(table: pd.DataFrame, over: str, source: str) -> dict[str, np.ndarray]:
    """Return the order of rows by runs whose outputs are correlated."""
    if (again := table.duplicated(["run", over])).any():
        row = table[again].iloc[0]
        raise InputError(
            f"{source}: run {format_value(row['run'])} has two rows of {over} {format_value(row[over])}; expected one, "
            "for residuals that are correlated between them"
        )
    return dict(zip(CELLS, run_order(pd.factorize(table["run"])[0]), strict=True))


def run_order(run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows run by run, in their own order within each, and whether each of these begins a run."""
    order = np.argsort(run, kind="stable")
    return order, (np.diff(run[order], prepend=-1) != 0).astype(np.int64)


def rows_of_runs(table: pd.DataFrame) -> list[np.ndarray]:
    """Return the places of the rows of each run."""
    return [np.asarray(of) for of in table.reset_index(drop=True).groupby("run", sort=False).indices.values()]


def array_shapes(model: Model, arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[int | str, ...]]:
    """Return the shape of each array that a model reads, with names for the dimensions that differ between runs."""
    own: dict[str, tuple[int | str, ...]] = {information_name(owner, term): term.dims for owner, term in varyings(model)}
    own |= {name: block[0][1].dims for block in blocks(model, arrays) for name in entries(block).values()}
    own |= {axis_name(owner, term): (term.over,) for owner, term in placed(model)}
    own |= {name: (term.over,) for owner, term in by_levels(model) for name in own_names(owner, term)}
    own |= {JOINT_INFORMATION: (JOINT, JOINT), JOINT_LINEAR: (JOINT,), STRUCTURE: (STRUCTURE,)}

    def shape(name: str, of: np.ndarray) -> tuple[int | str, ...]:
        fixed = name.startswith("discrepancy") and name not in (gp.WEIGHTS, gp.WORTH)
        return own[name] if name in own else of.shape if fixed else ("row", *of.shape[1:])

    return {name: shape(name, of) for name, of in arrays.items()}


FAR = 1e6
"""Gap, in e-folds, before the first row of a run: nothing of what lies before it is left."""


def neighbours(table: pd.DataFrame, along: str) -> dict[str, np.ndarray]:
    """Return how rows follow each other along their runs.

    order: the rows, run by run. previous: the row before each in its run, itself for the first; gap: how far that lies back, in
    e-folds of an input.
    """
    run, at = pd.factorize(table["run"])[0], np.log(table[along].to_numpy())
    order = np.lexsort((at, run))
    first = np.diff(run[order], prepend=-1) != 0
    previous, gap = order.copy(), np.full(len(order), FAR)
    previous[order] = np.where(first, order, np.roll(order, 1))
    gap[order] = np.where(first, FAR, np.diff(at[order], prepend=0.0))
    return {"previous": previous, "gap": gap, "order": order}
