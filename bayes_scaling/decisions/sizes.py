"""The expected loss over a range of sizes at given budgets, discrepancy included: what splits and plans are chosen from."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.points import in_base_units, read_points
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.cost import moved_inputs, split_inputs, unique_limit
from bayes_scaling.decisions.optimum import vertex
from bayes_scaling.decisions.spending import Spent
from bayes_scaling.inference.stacking import Posterior, groups_needed, parts
from bayes_scaling.prediction.summary import expected_rows, flat_draws

SIZES = 49
"""Sizes of the grid on which losses of a budget are known."""
HALF_WIDTH = 3.5
"""Sizes are tried up to so many e-folds, a factor of thirty, on either side of the middle."""

AFFORDED = 0.999
"""The largest model tried leaves so little to train with where serving could take it all."""


@dataclass(frozen=True)
class Sizes:
    """Losses over a grid of sizes, for each of some budgets.

    Parameters
    ----------
    log_params
        Logarithms of the sizes; a budget a row.
    mean
        The loss expected over the draws, in the same shape; inf where it is not finite.
    lowest
        Each draw's lowest loss; a budget a row, a draw a column.
    best
        The logarithm of the size at which; NaN where that is at an end of the grid.
    """

    log_params: np.ndarray
    mean: np.ndarray
    lowest: np.ndarray
    best: np.ndarray


def split_points(fit: Posterior, params: np.ndarray, compute: np.ndarray, cost: Spent, points: Table | None) -> pd.DataFrame:
    """Return checked points: models of given sizes that spend given budgets, each of them for each row of the points in turn.

    Parameters
    ----------
    params, compute
        As many as budgets times rows.

    Raises
    ------
    InputError
        As `read_points` does.
    """
    rows = mark_base_units(pd.DataFrame(index=[0])) if points is None else in_base_units(points, fit.runs)
    moved = {name: fit.runs.columns.inputs[name].column for name in moved_inputs(fit)}
    frame = rows.loc[np.repeat(rows.index, len(compute) // len(rows))].reset_index(drop=True)
    unique = unique_limit(fit, frame)
    frame = frame.drop(columns=[*moved, *moved.values()], errors="ignore")
    chosen = split_inputs(fit, params, cost.tokens(params, compute), unique)
    return read_points(frame.assign(**chosen), fit.runs, groups_needed(fit))


def size_grid(best: np.ndarray, compute: np.ndarray, cost: Spent) -> np.ndarray:
    """Return logarithms of sizes about the best of a law, a budget a row, that hold nearly all draws of it and can be served.

    Parameters
    ----------
    best
        Draws of the logarithm of the best size; chain, draw, row.

    Raises
    ------
    InputError
        Where no draw has one.
    """
    draws = best.reshape(-1, best.shape[-1])
    if np.any(none := np.isnan(draws).all(axis=0)):
        raise InputError(
            f"at {exact(compute[none][0])} {cost.base_unit} the law puts all compute into model size, or all into tokens, in "
            "every draw: there is no best split"
        )
    low, middle, high = np.nanquantile(draws, [0.01, 0.5, 0.99], axis=0)
    half_width = np.maximum(HALF_WIDTH, np.maximum(high - middle, middle - low) + 1.0)
    top = np.minimum(middle + half_width, np.log(AFFORDED * cost.largest(compute)))
    return np.linspace(middle - half_width, top, SIZES, axis=1)


def over_sizes(fit: Posterior, log_params: np.ndarray, compute: np.ndarray, cost: Spent, points: Table | None = None) -> Sizes:
    """Return the losses of models of given sizes that spend given budgets.

    Parameters
    ----------
    log_params
        Logarithms; for each row of the points and each budget in turn a row of sizes.
    compute
        The budget of each of these rows.
    """
    sizes = log_params.shape[1]
    frame = split_points(fit, np.exp(log_params).ravel(), np.repeat(compute, sizes), cost, points)
    flats = [(one, flat_draws(one)) for one, _ in parts(fit)]

    def at_budget(i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = frame.iloc[i * sizes : (i + 1) * sizes]
        losses = np.concatenate([expected_rows(one, rows, flat) for one, flat in flats], axis=1)
        return losses.mean(axis=1), *_lowest_of(losses, log_params[i])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        mean, lowest, best = zip(*pool.map(at_budget, range(len(compute))), strict=True)
    means = np.stack(mean)
    means[~np.isfinite(means)] = np.inf  # sizes at which draws of the law overflow are no choice
    return Sizes(log_params, means, np.stack(lowest), np.stack(best))


def _lowest_of(losses: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each draw's lowest loss and its place, by a parabola through the three lowest points."""
    index = losses.argmin(axis=0)
    inner = np.clip(index, 1, len(at) - 2)
    draw = np.arange(losses.shape[1])
    left, middle, right = losses[inner - 1, draw], losses[inner, draw], losses[inner + 1, draw]
    offset = vertex(left, middle, right)
    place = at[inner] + offset * (at[1] - at[0])
    at_end = index != inner
    return (
        np.where(at_end, losses[index, draw], middle - 0.25 * (left - right) * offset),
        np.where(at_end, np.nan, place),
    )
