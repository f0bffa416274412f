"""Levels of a group side by side at a budget: an input that grows, or compute that each splits in its own best way."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.allocation import compute_optimal
from bayes_scaling.contrasts import GRID, moved_by, root_between
from bayes_scaling.costs import Cost
from bayes_scaling.evaluation import at
from bayes_scaling.stacking import Posterior, over_parts

FARTHEST = 1e6
"""Multiples of a budget are sought between a millionth and a million."""
PER_DECADE = 6
"""Budgets on a grid; between them the logarithm of the loss is a monotone cubic in that of the budget."""
BISECTIONS = 50
LEAST = 1e-12
"""Losses at or below 0, which a law without a floor of its own may have far beyond the runs, count as this."""


def frontier(fit: Posterior, budgets: Sequence[float] | np.ndarray, point: pd.DataFrame, cost: Cost) -> np.ndarray:
    """Return draws of the log of the lowest loss that each budget reaches; a draw a row, a budget a column.

    log min L(N, D)  subject to  C = cost of N and D

    budgets: in FLOP. point: a single row with the levels of groups and what further inputs the law has. NaN in draws that would
    put a whole budget into one of the two.

    Raises InputError as `compute_optimal` does.
    """
    losses = over_parts(fit, lambda one, _: compute_optimal(one, list(budgets), cost, point)["loss"])
    values = losses.transpose("chain", "draw", "point").to_numpy().reshape(-1, len(budgets))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(values))


def by_split(
    fit: Posterior, group: str, costs: Mapping[str, Cost], point: pd.DataFrame, budget: float, end: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return draws of loss, multiplier and crossing at a budget that each level splits in its own best way.

    A level a row, a draw a column; the first level is the one that the others are held against. Multipliers are inf where no
    budget is enough, 0 where all are; crossings NaN where there is none.

    costs: level -> what it costs. point: a row without the group, with the budget in "compute". end: where to stop looking.
    """
    upward, around = _between(budget, end), _around(budget)
    place = point.drop(columns="compute")

    def frontier_of(level: str, budgets: np.ndarray) -> np.ndarray:
        return frontier(fit, budgets, place.assign(**{group: level}), costs[level])

    ahead, base = [frontier_of(level, upward) for level in costs], frontier_of(next(iter(costs)), around)
    places = np.log(around / budget)
    times, crossings = [], []
    for level in ahead[1:]:
        excess = base - level[:, :1]
        times.append(_never_or_always(excess, np.exp(first_zero(places, excess))))
        crossings.append(np.exp(first_zero(np.log(upward), level - ahead[0])))
    return np.exp(np.stack([of[:, 0] for of in ahead])), np.stack(times), np.stack(crossings)


def split_multipliers(
    fit: Posterior, group: str, levels: Sequence[str], point: pd.DataFrame, budgets: Sequence[float]
) -> np.ndarray:
    """Return draws of how many times each budget the first level needs to reach what each other level reaches with it.

    A level, a budget, a draw; as `by_split` has them, at 6 FLOP a parameter and token, with one frontier for all budgets.
    """
    grid = _between(min(budgets) / FARTHEST, max(budgets) * FARTHEST)
    base = frontier(fit, grid, point.assign(**{group: levels[0]}), Cost())
    found = []
    for level in levels[1:]:
        reached = frontier(fit, budgets, point.assign(**{group: level}), Cost())
        excess = [base - reached[:, [k]] for k in range(len(budgets))]
        found.append([np.exp(first_zero(np.log(grid / at), one)) for at, one in zip(budgets, excess, strict=True)])
        beyond = [np.where(one[:, -1] > 0, np.inf, 0.0) for one in excess]
        found[-1] = [np.where(np.isnan(of), far, of) for of, far in zip(found[-1], beyond, strict=True)]
    return np.array(found)


def by_input(
    fit: Posterior, group: str, levels: Sequence[str], point: pd.DataFrame, end: float, path: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return draws of loss, multiplier and crossing where an input grows; as `by_split` does, but solved in each draw."""
    lead = next(iter(path))
    budget = float(point[lead].iloc[0])
    reach = np.log(end / budget) / path[lead]
    near, far = np.linspace(0.0, reach, GRID), np.log(_around(budget) / budget)
    arms = {level: point.assign(**{group: level}) for level in levels}

    def along(level: str, log_factors: np.ndarray) -> xr.DataArray:
        """Return log losses at factors, which may differ from draw to draw; those at or below 0 are far below all others."""
        factors = xr.DataArray(log_factors, dims=("row",) if log_factors.ndim == 1 else ("chain", "draw", "row"))
        frame = arms[level]
        rows = frame.loc[frame.index.repeat(factors.sizes["row"])]
        losses = at(fit, rows, moved_by(fit, rows, path, factors))
        return losses.copy(data=np.log(np.maximum(losses.to_numpy(), LEAST)))

    base, *others = levels
    ahead = {level: along(level, near) for level in levels}
    around = along(base, far)
    times, crossings = [], []
    for level in others:
        wanted = ahead[level].isel(row=[0])
        excess = around - wanted.to_numpy()
        found = _solved(far, excess, lambda x, w=wanted: along(base, x.to_numpy()) - w)  # type: ignore[misc]
        times.append(_never_or_always(excess.to_numpy().reshape(-1, len(far)), np.exp(found)))
        apart = ahead[level] - ahead[base]
        met = _solved(near, apart, lambda x, of=level: along(of, x.to_numpy()) - along(base, x.to_numpy()))  # type: ignore[misc]
        crossings.append(budget * np.exp(path[lead] * met))
    losses = np.stack([np.exp(of.isel(row=0).to_numpy().ravel()) for of in ahead.values()])
    return (
        np.where(losses > 2 * LEAST, losses, np.nan),
        np.stack(times),
        np.stack(crossings),
    )


def _solved(places: np.ndarray, values: xr.DataArray, function: Callable[[xr.DataArray], xr.DataArray]) -> np.ndarray:
    """Return the first place in each draw where a function of it changes sign, NaN where it does not.

    values: of the function at the places, along "row".
    """
    known = values.to_numpy()
    changed = known[..., :-1] * known[..., 1:] <= 0
    found, step = changed.any(axis=-1), changed.argmax(axis=-1)

    def of(rows: np.ndarray) -> xr.DataArray:
        return xr.DataArray(rows[..., None], dims=("chain", "draw", "row"))

    low, high = places[step], places[step + 1]
    at_low, at_high = (np.take_along_axis(known, one[..., None], -1)[..., 0] for one in (step, step + 1))
    root = root_between(function, *map(of, (low, high, at_low, at_high))).to_numpy()[..., 0]
    return np.where(found, root, np.nan).ravel()


def _between(low: float, high: float) -> np.ndarray:
    """Return budgets from one to another, equally far apart in the logarithm."""
    return np.geomspace(low, high, max(2, round(PER_DECADE * float(np.log10(high / low)))) + 1)


def _around(budget: float) -> np.ndarray:
    """Return budgets on both sides of one, which is in the middle."""
    return np.concatenate([_between(budget / FARTHEST, budget)[:-1], _between(budget, budget * FARTHEST)])


def _never_or_always(excess: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return multiples of a budget, inf for draws in which none is enough and 0 where all are.

    excess: log of the loss over that wanted, a draw a row; the budget itself in the middle.
    """
    here = excess[:, excess.shape[1] // 2]
    beyond = np.where(here > 0, np.inf, 0.0)
    return np.where(np.isnan(here), np.nan, np.where(np.isnan(found), beyond, found))


def first_zero(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the first place at which each row of values changes its sign, NaN where it does not.

    Between places values are a cubic that has no bends of its own (PCHIP, Fritsch and Carlson 1980).
    """
    from scipy.interpolate import PchipInterpolator

    changed = values[:, :-1] * values[:, 1:] <= 0
    found = changed.any(axis=1)
    zeros = np.full(len(values), np.nan)
    # A row with a gap has no cubic through it; it is drawn straight across the one step that changes sign.
    whole = found & np.isfinite(values).all(axis=1)
    if whole.any():
        at = changed[whole].argmax(axis=1)
        cubic = PchipInterpolator(places, values[whole], axis=1).c[:, at, np.arange(len(at))]
        zeros[whole] = places[at] + _zero_of(cubic, np.diff(places)[at])
    broken = np.flatnonzero(found & ~whole)
    at = changed[broken].argmax(axis=1)
    before, after = values[broken, at], values[broken, at + 1]
    share = before / np.where(before != after, before - after, 1.0)
    zeros[broken] = places[at] + share * np.diff(places)[at]
    return zeros


def _zero_of(cubic: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return where cubics, highest power first, change their sign between 0 and a width."""
    low, high = np.zeros(len(width)), width

    def value(at: np.ndarray) -> np.ndarray:
        return np.asarray(((cubic[0] * at + cubic[1]) * at + cubic[2]) * at + cubic[3])

    start = np.sign(value(low))
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        left = np.sign(value(middle)) == start
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.asarray((low + high) / 2)
