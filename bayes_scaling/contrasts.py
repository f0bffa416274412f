"""Two levels of a group side by side: difference, ratio, compute multiplier, crossover. All as draws until a table is made."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import InputError
from bayes_scaling.evaluation import as_rows, at, expected, log_inputs
from bayes_scaling.health import carried
from bayes_scaling.prediction import BLOCK, predict, sorted_quantiles
from bayes_scaling.runs import Table, level_index, read_points, read_table
from bayes_scaling.stacking import Posterior, groups_needed, inputs_read

type Path = str | Mapping[str, float] | None

WIDEST = np.log(1e6)
"""Multipliers are sought between a millionth and a million."""
GRID = 65


@carried
def contrast(fit: Posterior, group: str, a: str, b: str, points: Table) -> xr.Dataset:
    """Return draws of what level `a` of a group differs from level `b` at points: `difference` and `ratio` of the loss.

    difference = L_a - L_b, in the unit of the loss; ratio = L_a / L_b.

    points: as for `predict`; a column for `group` is not needed and not used.

    Raises InputError where the law does not vary over the group, or the group lacks a level.
    """
    one, other = (predict(fit, points_of(fit, group, level, points)) for level in known_levels(fit, group, a, b))
    coords = {name: of.variable for name, of in one.coords.items() if name not in (group, "run", "difference", "ratio")}
    one, other = one.reset_coords(drop=True), other.reset_coords(drop=True)
    return xr.Dataset({"difference": one - other, "ratio": one / other}).assign_coords(coords)


@carried
def contrast_table(fit: Posterior, group: str, a: str, b: str, points: Table) -> pd.DataFrame:
    """Return the points with mean and quantiles of a's difference from b, quantiles of their ratio, and P(a is better)."""
    one, other = _arms(fit, group, a, b, points)
    blocks = []
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        blocks.append(_summary(as_rows(expected(fit, one.iloc[rows])), as_rows(expected(fit, other.iloc[rows]))))
    table = read_table(points)
    added = pd.concat(blocks, ignore_index=True).set_index(table.index)
    return pd.concat([table.drop(columns=list(added), errors="ignore"), added], axis=1)


@carried
def compute_multiplier(fit: Posterior, group: str, a: str, b: str, points: Table, along: Path = None) -> xr.DataArray:
    """Return draws of how much more compute level `b` needs to reach the loss that level `a` has at each point.

    m solves L_b(m C) = L_a(C); above 1 where a is better. inf where b never gets there (its irreducible loss is higher),
    0 where it is there already at a millionth.

    along: the input that stands for compute, or input -> power for a budget spread over several (each input is
        multiplied by m^power, say {"params": 0.5, "tokens": 0.5}); the only input of a law is found without asking.

    Raises InputError as `contrast` does, and where `along` is needed or names no input.
    """
    powers = powers_along(fit, along)
    one, other = _arms(fit, group, a, b, points)
    wanted = _log(expected(fit, one))

    def excess(log_factor: xr.DataArray) -> xr.DataArray:
        return _log(at(fit, other, moved_by(fit, other, powers, log_factor))) - wanted

    low, high = xr.full_like(wanted, -WIDEST), xr.full_like(wanted, WIDEST)
    at_low, at_high = excess(low), excess(high)
    root = _exp(root_between(excess, low, high, at_low, at_high))
    multiplier = root.where(at_low > 0, 0.0).where(at_high < 0, np.inf)
    coords = {name: ("row", one[name].to_numpy()) for name in one if name not in (group, "run")}
    return multiplier.assign_coords(coords).rename(row="point").rename("compute_multiplier")


@carried
def crossover(fit: Posterior, group: str, a: str, b: str, points: Table, below: float, along: Path = None) -> xr.Dataset:
    """Return draws of the compute at which the better of two levels changes, upward from each point.

    Variables, with dimensions chain, draw, point:
    crossing: value of the (first) input in `along` where L_a = L_b for the first time, NaN where that is nowhere below `below`.
    exists: whether there is such a crossing; its mean over draws is the probability.
    a_ahead: whether a is the better one at the point itself, before any crossing.

    below: the budget up to which to look, in the unit of that input; more than the points have.
    along: as for `compute_multiplier`.

    Raises InputError as `compute_multiplier` does, and where a point is not below the budget.
    """
    powers = powers_along(fit, along)
    lead = next(iter(powers))
    one, other = _arms(fit, group, a, b, points)
    start = xr.DataArray(one[lead].to_numpy(), dims="row")
    if not (start < below).all():
        raise InputError(f"the budget {below:g} must lie above every point; the largest {lead} is {float(start.max()):g}")
    reach = _log(below / start) / powers[lead]

    def behind(log_factor: xr.DataArray) -> xr.DataArray:
        losses = [at(fit, frame, moved_by(fit, frame, powers, log_factor)) for frame in (one, other)]
        return _log(losses[0]) - _log(losses[1])

    low = xr.zeros_like(behind(xr.zeros_like(reach)))
    at_low = behind(low)
    first, found = at_low, xr.zeros_like(at_low, dtype=bool)
    high, at_high = low, at_low
    for step in np.linspace(0, 1, GRID)[1:]:
        here = (step * reach).broadcast_like(low)
        value = behind(step * reach)
        changed = ~found & (np.sign(value) != np.sign(first))
        high, at_high = high.where(~changed, here), at_high.where(~changed, value)
        found = found | changed
        low, at_low = low.where(found, here), at_low.where(found, value)
    root = root_between(behind, low, high, at_low, at_high)
    coords = {name: ("row", one[name].to_numpy()) for name in one if name not in (group, "run")}
    crossing = (start * _exp(powers[lead] * root)).where(found)
    found_at = xr.Dataset({"crossing": crossing, "exists": found, "a_ahead": first < 0})
    return found_at.assign_coords(coords).rename(row="point").transpose("chain", "draw", "point")


def known_levels(fit: Posterior, group: str, a: str, b: str) -> tuple[str, str]:
    """Return two levels of a group; raises InputError, listing those there are, where the law lacks it or it lacks one."""
    if group not in groups_needed(fit):
        raise InputError(f"the law does not vary over {group!r}; it varies over {groups_needed(fit)}")
    levels = fit.runs.levels[group]
    for level in (a, b):
        if level_index(pd.Series([level]), levels)[0] < 0:
            raise InputError(f"group {group!r} has no level {level!r}; its levels are {[str(one) for one in levels]}")
    return a, b


def _arms(fit: Posterior, group: str, a: str, b: str, points: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the checked points twice, as points of level a and of level b."""
    one, other = (
        read_points(points_of(fit, group, level, points), fit.runs, groups_needed(fit))
        for level in known_levels(fit, group, a, b)
    )
    return one, other


def points_of(fit: Posterior, group: str, level: str, points: Table) -> pd.DataFrame:
    """Return points as those of a level of a group, whatever they said of it."""
    frame = read_table(points)
    return frame.drop(columns=[group, *fit.runs.columns.dims[group]], errors="ignore").assign(**{group: level})


def powers_along(fit: Posterior, along: Path) -> dict[str, float]:
    """Return input -> the power with which it grows with the budget; raises InputError where that is not clear."""
    inputs = inputs_read(fit)
    if along is None and len(inputs) > 1:
        raise InputError(
            f"the model has the inputs {list(inputs)}; say along which one, or with which power each, compute grows"
        )
    powers = {along or inputs[0]: 1.0} if not isinstance(along, Mapping) else dict(along)
    if not powers or not set(powers) <= set(inputs) or not all(power > 0 for power in powers.values()):
        raise InputError(f"along {along!r} must give positive powers of inputs; the model's inputs are {list(inputs)}")
    return powers


def moved_by(
    fit: Posterior, frame: pd.DataFrame, powers: Mapping[str, float], log_factor: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Return log(input / reference) with each input multiplied by factor^power."""
    logs = log_inputs(fit, frame)
    return {name: log + powers[name] * log_factor if name in powers else log for name, log in logs.items()}


def root_between(
    function: Callable[[xr.DataArray], xr.DataArray],
    low: xr.DataArray,
    high: xr.DataArray,
    at_low: xr.DataArray,
    at_high: xr.DataArray,
) -> xr.DataArray:
    """Return a root between low and high in every place at once, by the Illinois variant of false position.

    On log-log axes laws are nearly straight, so that a few steps are enough. Places without a change of sign stay undefined.
    """
    middle = low
    side = xr.zeros_like(at_low)
    bracketed = np.sign(at_low) != np.sign(at_high)
    for _ in range(100):
        slope = at_high - at_low
        middle = (high - at_high * (high - low) / slope.where(slope != 0, 1.0)).where(bracketed, low)
        value = function(middle)
        left = np.sign(value) == np.sign(at_low)
        at_high = at_high.where(~left | (side != 1), at_high / 2)
        at_low = at_low.where(left | (side != -1), at_low / 2)
        low, at_low = low.where(~left, middle), at_low.where(~left, value)
        high, at_high = high.where(left, middle), at_high.where(left, value)
        side = xr.full_like(side, -1).where(~left, 1)
        if float(np.abs(value.where(bracketed, 0.0)).max()) < 1e-12:
            break
    return middle


def _log(values: xr.DataArray) -> xr.DataArray:
    return values.copy(data=np.log(values.to_numpy()))


def _exp(values: xr.DataArray) -> xr.DataArray:
    return values.copy(data=np.exp(values.to_numpy()))


def _summary(a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    difference, ratio = sorted_quantiles(np.sort(a - b, axis=1)), sorted_quantiles(np.sort(a / b, axis=1))
    kept = ("q05", "q50", "q95")
    return pd.DataFrame(
        {"diff_mean": (a - b).mean(axis=1)}
        | {f"diff_{q}": difference[q] for q in kept}
        | {f"ratio_{q}": ratio[q] for q in kept}
        | {"p_a_better": (a < b).mean(axis=1)}
    )
