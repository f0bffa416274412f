"""Which level of a group to take: all levels side by side at a budget, from the same draws, against one of them.

Draws throughout; `ranking.py` makes tables of them, `rank_sentences.py` sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.cells import column_numbers
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.direction import name_at
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import read_points
from bayes_scaling.data.run_costs import UNIQUE
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.decisions.cost import SPLITS
from bayes_scaling.decisions.group_cells import for_new_run
from bayes_scaling.decisions.rank_costs import budget_of, counted_words, level_costs, ratios_by_cost, side_by_side
from bayes_scaling.decisions.ranking import Ranking
from bayes_scaling.inference.health_line import mark
from bayes_scaling.inference.stacking import Posterior, draws_of, groups_needed, inputs_read
from bayes_scaling.prediction.arms import groups_sharing_columns, notes_of, points_of
from bayes_scaling.prediction.budget_curves import Path, powers_along
from bayes_scaling.prediction.costs import Costed, axis_name
from bayes_scaling.prediction.goal import refuse_rising
from bayes_scaling.prediction.levels import asked_levels
from bayes_scaling.prediction.notes import NEW_RUN

CROSSOVER_WITHIN = 1e4
"""A crossover is searched for up to so many times the budget, unless said otherwise."""


@asked
def rank(
    fit: Posterior,
    group: str,
    against: object,
    points: Table,
    *,
    levels: Sequence[object] | None = None,
    equivalent: float | None = None,
    certainty: float = 0.95,
    below: float | None = None,
    along: Path = None,
    cost: Costed | Mapping[str, Cost] = None,
) -> Ranking:
    """Return every level of a group at budgets, held against one of them; draws, all levels from the same ones.

    ratio m:  L_against(m C) = L_level(C)        (above 1 where the level is better)
    crossing X:    L_against(X) = L_level(X), the first X > C

    Where the law reads params and tokens, C is compute in FLOP and L(C) = min L(N, D) with C = k N D: each level spends a
    budget in its own best way (`compute_optimal`, with the discrepancy where there is one), and loss over budget is a monotone
    cubic on log-log axes between six budgets a decade. Otherwise C is the input `compute`, the only one, or what `along` says,
    and both are solved for in each draw, as by `compute_ratio` and `crossover`.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    group
        The group, such as the architecture.
    against
        One of its levels, the baseline.
    points
        A row for each question: the budget, a level of every other group that the law varies over, further inputs. Without a
        run they are about a new one.
    levels
        Those to hold against it; all others unless given. The best of all is the best of these and the baseline.
    equivalent
        Relative difference in loss within which levels count as equal (0.005 is half a per cent); without it there is no
        verdict.
    certainty
        Probability from which on there is one, above 0.5.
    below
        The budget up to which a crossover is searched for; ten thousand times that of each point unless given.
    along
        The input that grows with the budget, or input -> power, as for `compute_ratio`.
    cost
        What budgets are counted in: a name of `Columns.costs` or a `Cost`, by which each level is charged what its own runs
        took, or level -> cost. Unless given the law's own input, or 6 FLOP for each pair of params and tokens.

    Returns
    -------
    Ranking
        `.summary()` says it in sentences, `.to_frame()` has a row for each point and level, `.plot()` draws it.

    Raises
    ------
    InputError
        Where the law does not vary over the group, the group is that of several outputs or lacks the level, a point lacks a
        column, the loss may be negative, or a number is out of range.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=100)
    >>> found = bs.rank(before, "attention", "full", {"compute": [10.0], "position": 30720})
    >>> found.to_frame()["level"].tolist()
    ['moba']
    """
    refuse_rising(fit, "a ranking", points)
    _check(fit, equivalent, certainty)
    below = checks.optional(checks.positive)(below, "below")
    ordered = _levels_asked(fit, group, against, levels)
    path = None if along is None and _splits(fit) else _path(fit, along)
    costs = level_costs(fit, group, ordered, cost, path)
    given = read_table(points, labels=fit.runs.columns.labels)
    arms = [_points_of_level(fit, group, level, given, splits=path is None) for level in ordered]
    table = _without_levels(fit, group, arms[0])
    at = _budgets(fit, group, ordered, table, path, costs, below)
    by_point = [[arm.iloc[[i]] for arm in arms] for i in range(len(table))]
    draws = _draws(fit, group, ordered, by_point, at)
    return Ranking(
        group=group,
        against=ordered[0],
        points=table,
        **draws,
        budget=at.name,
        unit=at.unit,
        budgets=at.amounts,
        largest=at.largest,
        runs_end=_runs_end(at, ordered[0]),
        below=at.ends,
        equivalent=equivalent,
        certainty=certainty,
        counted=counted_words(costs),
        axis=axis_name(fit, path) if path is not None and not costs and fit.runs.columns.costs else "",
        by_cost=None if path is None or costs else ratios_by_cost(fit, group, by_point, path, draws["compute_ratio"]),
        notes=notes_of(fit, group, *arms),
        health=fit.health,
    )


@dataclass(frozen=True)
class _Budgets:
    """What levels are held against each other at.

    Parameters
    ----------
    name, unit, amounts
        Of the budget, an amount for each point.
    ends
        Up to where a crossover is searched for at each point.
    largest
        Level -> the largest budget among its runs.
    path
        Input -> power, of what grows with the budget; None where each level splits compute in its own best way.
    costs
        Level -> its cost, where budgets are counted in one.
    """

    name: str
    unit: str
    amounts: tuple[float, ...]
    ends: tuple[float, ...]
    largest: dict[str, float]
    path: dict[str, float] | None
    costs: dict[str, Cost]


def _budgets(
    fit: Posterior,
    group: str,
    levels: Sequence[object],
    table: pd.DataFrame,
    path: dict[str, float] | None,
    costs: dict[str, Cost],
    below: float | None,
) -> _Budgets:
    """Return the budgets of the points of a table."""
    name, unit, largest = budget_of(fit, group, [str(one) for one in levels], path, costs)
    amounts = tuple(checks.positive(float(of), "a budget") for of in table[name])
    return _Budgets(name, unit, amounts, _searched_up_to(amounts, below, unit), largest, path, costs)


def _runs_end(at: _Budgets, base: object) -> tuple[float, ...]:
    """Return at what multiple of each budget the runs of the baseline end, as a ratio of its leading input."""
    power = at.path[at.name] if at.path and not at.costs else 1.0
    return tuple((at.largest[str(base)] / amount) ** (1 / power) for amount in at.amounts)


def _draws(
    fit: Posterior, group: str, levels: Sequence[object], by_point: list[list[pd.DataFrame]], at: _Budgets
) -> dict[str, xr.DataArray]:
    """Return the draws of a ranking by the names of its fields.

    Parameters
    ----------
    by_point
        For each point a row of each level, the one that the others are held against first.
    """
    costs = list(at.costs.values())
    each = zip(by_point, at.amounts, at.ends, strict=True)
    losses, ratios, changes = zip(
        *(side_by_side(fit, group, rows, amount, end, at.path, costs) for rows, amount, end in each), strict=True
    )
    places = [[amount * np.exp(of.place) for of in one] for amount, one in zip(at.amounts, changes, strict=True)]
    unknown = [[of.unknown for of in one] for one in changes]
    names = np.array(levels, dtype=None if len({type(one) for one in levels}) == 1 else object)
    loss = mark(_stacked(fit, losses), fit).assign_coords(level=names)
    ratio, crossing, unmet = (mark(_stacked(fit, of), fit).assign_coords(level=names[1:]) for of in (ratios, places, unknown))
    columns, table = fit.runs.columns, pd.concat([rows[0] for rows in by_point])
    return {
        "loss": loss.assign_attrs(units=columns.unit_of(table), long_name=name_at(columns, table)),
        "compute_ratio": ratio,
        "crossing": crossing.assign_attrs(units=at.unit),
        "unknown": unmet,
    }


def _check(fit: Posterior, equivalent: float | None, certainty: float) -> None:
    """Refuse responses without ratios, and shares and probabilities out of range."""
    response = fit.runs.columns.response
    if not response.positive:
        raise InputError(f"levels are ranked by relative differences, which {response.name} that may be negative does not have")
    if equivalent is not None and not (checks.is_number(equivalent) and 0 < equivalent < 1):
        raise InputError(
            f"equivalent must be a share of the {response.name} between 0 and 1, such as 0.005; it is {equivalent}"
        )
    if not (checks.is_number(certainty) and 0.5 < certainty < 1):
        raise InputError(f"certainty must be a probability above 0.5 and below 1, such as 0.95; it is {certainty}")


def _levels_asked(fit: Posterior, group: str, against: object, levels: Sequence[object] | None) -> list[object]:
    """Return the levels to rank, the one that the others are held against first; raises InputError where there is no choice."""
    known = fit.runs.levels.get(group, ()) if levels is None else levels
    base, *others = asked_levels(fit, group, against, *known)
    if group == OUTPUT and fit.runs.columns.outputs:
        raise InputError(
            f"{OUTPUT!r} is no choice: each run has all of {format_names(fit.runs.levels[group])}; "
            "expected another group, at points that name an output"
        )
    ordered = [base, *dict.fromkeys(one for one in others if one != base)]
    if len(ordered) < 2:
        raise InputError(f"levels of {group!r} must name one level or more beside {against!r}, which they are held against")
    return ordered


def _searched_up_to(budgets: Sequence[float], below: float | None, unit: str) -> tuple[float, ...]:
    """Return the budget up to which a crossover is searched for at each point."""
    ends = tuple(CROSSOVER_WITHIN * at if below is None else below for at in budgets)
    if not all(isfinite(end) and end > at for at, end in zip(budgets, ends, strict=True)):
        raise InputError(
            f"below = {exact(below or 0.0)} must lie above every budget; the largest is {exact(max(budgets))} {unit}".rstrip()
        )
    return ends


def _without_levels(fit: Posterior, group: str, points: pd.DataFrame) -> pd.DataFrame:
    """Return points without what differs between levels: the group, those that lie within it, and a run that is a new one."""
    new = ["run"] if "run" in points and (points["run"] == NEW_RUN).all() else []  # no level that was asked for
    return points.drop(columns=[group, *new, *(dim for dim in groups_sharing_columns(fit, group) if dim in points)])


def _points_of_level(fit: Posterior, group: str, level: object, points: pd.DataFrame, *, splits: bool) -> pd.DataFrame:
    """Return checked points of a level of a group; inputs and groups by their names in the law."""
    table = for_new_run(fit, points_of(fit, group, level, points))
    if not splits:
        return read_points(table, fit.runs, groups_needed(fit))[[*inputs_read(fit), *groups_needed(fit)]]
    if "compute" not in table:
        raise InputError(
            "the points need a column 'compute', in FLOP, which each level splits over params and tokens in its own best way; "
            f"they have {[name for name in table if name != group]}"
        )
    budgets = column_numbers(table["compute"], "the points", table.index.to_numpy())[0]
    if not len(table) or not (np.isfinite(budgets).all() and (budgets > 0).all()):
        raise InputError(f"column 'compute' of the points must hold positive numbers, in FLOP; it has {list(table['compute'])}")
    free = _split_inputs(fit, table)
    anywhere = pd.DataFrame({name: fit.runs.references[name] for name in free}, index=table.index)
    rows = mark_base_units(pd.concat([table.drop(columns=free, errors="ignore"), anywhere], axis=1))
    found = read_points(rows, fit.runs, groups_needed(fit))
    kept = [name for name in (*inputs_read(fit), *groups_needed(fit)) if name not in free]
    return mark_base_units(pd.concat([pd.DataFrame({"compute": budgets}), found[kept]], axis=1))


def _split_inputs(fit: Posterior, points: pd.DataFrame) -> list[str]:
    """Return the inputs that a budget is split over; unique tokens that the points give are not."""
    every = [name for split in SPLITS for name in split if name in inputs_read(fit)]
    return [name for name in every if not (name == UNIQUE[0] and name in points)]


def _splits(fit: Posterior) -> bool:
    """Return whether budgets are compute that each level splits, for want of an input that is compute."""
    inputs = set(inputs_read(fit))
    return "compute" not in inputs and any(set(split) <= inputs for split in SPLITS)


def _path(fit: Posterior, along: Path) -> dict[str, float]:
    return powers_along(fit, "compute" if along is None and "compute" in inputs_read(fit) else along)


def _stacked(fit: Posterior, points: Sequence[Sequence[np.ndarray]]) -> xr.DataArray:
    """Return draws of each point, a level a row, with dimensions chain, draw, row, level."""
    values = np.array(points)
    shaped = values.reshape(*values.shape[:2], *draws_of(fit))
    return xr.DataArray(shaped, dims=("row", "level", "chain", "draw")).transpose("chain", "draw", "row", "level")
