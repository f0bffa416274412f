"""What budgets of a ranking are counted in: what each level costs, and levels side by side at it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.plausible import refuse_implausible_counts
from bayes_scaling.data.run_costs import UNIQUE, runs_amounts
from bayes_scaling.decisions.frontiers import Found, by_cost, by_input, by_split
from bayes_scaling.decisions.spending import spending
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.cost_ways import ways
from bayes_scaling.prediction.costs import Costed, converted, is_axis, read_cost


def ratios_by_cost(
    fit: Posterior, group: str, points: Sequence[Sequence[pd.DataFrame]], path: Mapping[str, float], ratios: xr.DataArray
) -> xr.Dataset | None:
    """Return the compute ratios of a ranking in each cost of the runs, m -> K_against(m C) / K_level(C).

    Variables compute_ratio, with cost before the dimensions of the ratios, and `extrapolated` with cost, row, level. Costs that
    runs do not say of some level are left out; None where none is left.

    Parameters
    ----------
    points
        For each point a checked row of each level, the one that the others are held against first.
    ratios
        Of the law's own axis; chain, draw, row, level.
    """
    lead, found = next(iter(path)), {}
    for cost in fit.runs.columns.costs.values():
        if is_axis(cost, lead) or cost.served_tokens:
            continue
        try:
            found[cost.counted] = [_in_cost(fit, cost, group, rows, path, ratios.isel(row=i)) for i, rows in enumerate(points)]
        except InputError:
            continue
    if not found:
        return None
    times, beyond = (np.array([[row[k] for row in rows] for rows in found.values()]) for k in (0, 1))
    dims = ("cost", "row", "chain", "draw", "level")
    made = {"compute_ratio": (dims, times), "extrapolated": (("cost", "row", "level"), beyond)}
    return xr.Dataset(made, {"cost": list(found), "level": ratios["level"]}).transpose("cost", "chain", "draw", "row", "level")


def _in_cost(
    fit: Posterior,
    cost: Cost,
    group: str,
    rows: Sequence[pd.DataFrame],
    path: Mapping[str, float],
    ratios: xr.DataArray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratios of a point in a cost, chain, draw, level; and for which levels the cost is extrapolated."""
    base, *others = (ways(fit, cost, group, row, path)[0] for row in rows)
    return converted([base] * len(others), others, ratios.transpose("chain", "draw", "level").to_numpy())


def level_costs(
    fit: Posterior,
    group: str,
    levels: Sequence[object],
    cost: Costed | Mapping[str, Cost],
    path: Mapping[str, float] | None,
) -> dict[str, Cost]:
    """Return what each level costs, the one that the others are held against first; none where an input is the budget."""
    named = [str(level) for level in levels]
    if isinstance(cost, Mapping):
        if not set(named) <= set(cost):
            raise InputError(f"costs are given for {format_names(cost)}; the levels of {group!r} are {format_names(named)}")
        return {level: cost[level] for level in named}
    asked = read_cost(fit, cost)
    return {} if asked is None and path is not None else dict.fromkeys(named, asked or Cost())


def side_by_side(
    fit: Posterior,
    group: str,
    rows: list[pd.DataFrame],
    budget: float,
    end: float,
    path: Mapping[str, float] | None,
    costs: Sequence[Cost],
) -> Found:
    """Return levels at a budget side by side, see `frontiers`."""
    if path is None:
        levels = [row.drop(columns="compute") for row in rows]
        return by_split(fit, rows, [spending(fit, of, row) for of, row in zip(costs, levels, strict=True)], budget, end)
    if not costs:
        return by_input(fit, rows, end, path)
    lead = next(iter(path))
    middle = float(np.exp(np.log(fit.runs.table[lead]).mean()))
    anywhere = [row.assign(**{lead: middle}) for row in rows]
    ladders = [ways(fit, of, group, row, path)[0] for of, row in zip(costs, anywhere, strict=True)]
    return by_cost(fit, anywhere, ladders, budget, end, path)


def budget_of(
    fit: Posterior, group: str, levels: Sequence[str], path: Mapping[str, float] | None, costs: Mapping[str, Cost]
) -> tuple[str, str, dict[str, float]]:
    """Return the name of the budget, its unit, and the largest among the runs of each level; NaN where it has none."""
    table = fit.runs.table
    level = table[group].astype(str).to_numpy()
    if path is not None and costs:
        spent = {name: runs_amounts(fit.runs, cost) for name, cost in costs.items()}
        unit = next(iter(costs.values())).base_unit
        return next(iter(path)), unit, {name: _largest(of[level == name]) for name, of in spent.items()}
    if path is not None:
        lead = next(iter(path))
        ends = {name: _largest(table[lead].to_numpy()[level == name]) for name in levels}
        return lead, fit.runs.columns.inputs[lead].unit, ends
    refuse_implausible_counts(fit.runs)
    params = table["params"].to_numpy()
    tokens = table["tokens"].to_numpy() if "tokens" in table else (table[UNIQUE[0]] * table[UNIQUE[1]]).to_numpy()
    largest = {}
    for name, cost in costs.items():
        of = cost.compute(params, tokens) if cost.formula is None else runs_amounts(fit.runs, cost) + cost.serving(params)
        largest[name] = _largest(of[level == name])
    units = dict.fromkeys(cost.base_unit for cost in costs.values())
    if len(units) > 1:
        raise InputError(f"the costs of levels are in {list(units)}; expected one unit for all")
    return "compute", next(iter(units)), largest


def _largest(amounts: np.ndarray) -> float:
    """Return the largest of what runs of a level took; NaN where it has none, as one that only an order lists."""
    return float(np.nanmax(amounts)) if len(amounts) else float("nan")


def counted_words(costs: Mapping[str, Cost]) -> str:
    counts = dict.fromkeys(cost.counted for cost in costs.values())
    return next(iter(counts), "") if len(counts) < 2 else "each level's own count"
