"""What each of many budgets would buy, computed beforehand: the page only chooses among the answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, interval, level_name, number, percent, rounded, shared, spaced_name
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.plausible import implausible_counts
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.decisions.plan import plan
from bayes_scaling.decisions.plan_search import DECADES
from bayes_scaling.decisions.plan_sentences import plan_sentences
from bayes_scaling.decisions.rank_sentences import needs
from bayes_scaling.inference.stacking import Posterior, groups_needed, has_discrepancy, inputs_read, law_reads
from bayes_scaling.laws.inputs import has_params_and_tokens
from bayes_scaling.prediction.costs import axis_name

STEPS = 41
"""Places of the slider."""
BUDGETS_BEYOND = 100.0
"""Budgets go from the smallest of the runs to a hundred times the largest."""

AT_FIRST = 10.0
"""The page opens at ten times the largest run: the next scale is what one asks about."""

LARGEST_RATIO = 10.0 ** (DECADES - 0.01)
"""Nor beyond what a plan can be asked for, unless it is asked for."""

LEVELS, BENT = 6, 2
"""Most levels of a group that are planned or compared; fewer are planned where a discrepancy makes each plan slow."""

MOST = 16
"""Most places at which levels are compared at each budget."""


@dataclass(frozen=True)
class Fact:
    """One number: what it is, the median, and its interval in words."""

    name: str
    value: str
    range: str = ""


@dataclass(frozen=True)
class Step:
    """What one budget would buy: in a sentence, in numbers, and where to mark it, quantity -> value."""

    sentence: str
    facts: list[Fact]
    marks: Mapping[str, float]


@dataclass(frozen=True)
class Budget:
    """A slider: the budgets in words, and for each choice, such as a level, a step for every budget.

    Parameters
    ----------
    question
        What the slider answers.
    choice
        What is chosen by; "" where there is one choice.
    table
        As it was computed.
    """

    question: str
    choice: str
    budgets: list[str]
    start: int
    steps: Mapping[str, list[Step]]
    table: pd.DataFrame = field(repr=False)


def plan_budget(fit: Posterior, compute: float | None = None) -> Budget | None:
    """Return the plan of each budget, for a law of params and tokens; None for others, and where their unit is not known.

    Parameters
    ----------
    compute
        The budget to open at.
    """
    if not has_params_and_tokens(law_reads(fit)) or implausible_counts(fit.runs.table, fit.runs.columns):
        return None
    budgets, start = _budgets(runs_compute(fit, Cost()), compute)
    cells = _cells(fit)
    found = replace(plan(fit, budgets.tolist(), points=_points(fit, cells)), health=None)  # the page says it once
    table = found.to_frame().assign(choice=np.repeat(list(cells), len(budgets)), sentence=plan_sentences(found))
    units = {name: fit.runs.columns.inputs[name].unit or name for name in ("params", "tokens")}
    response = fit.runs.columns.response
    steps = {
        str(label): [_planned(row, units, response.name, response.unit) for row in part.to_dict("records")]
        for label, part in table.groupby("choice", sort=False)
    }
    table = table.drop(columns="sentence")
    for label, of in _split_multipliers(fit, cells, budgets.tolist()).items():
        steps[label] = [replace(step, facts=[*step.facts, one]) for step, one in zip(steps[label], of, strict=True)]
    return Budget(
        "What should a training budget buy?",
        ", ".join(groups_needed(fit)),
        [amount(budget, "FLOP", 4) for budget in budgets],
        start,
        steps,
        table,
    )


def _split_multipliers(fit: Posterior, cells: Mapping[str, Mapping[str, Any]], budgets: list[float]) -> dict[str, list[Fact]]:
    """Return, for cells of levels other than the first of the group compared, what the first needs for the same loss."""
    from bayes_scaling._base.quantiles import reached
    from bayes_scaling.decisions.frontiers import split_multipliers
    from bayes_scaling.prediction.arms import moves_other_groups

    group = compared_group(fit)
    if group is None or moves_other_groups(fit, group):
        return {}
    first, facts = ordered_levels(fit, group)[0], {}
    held = {name: fit.runs.held[name] for name in inputs_read(fit) if name not in ("params", "tokens")}
    for label, cell in cells.items():
        if cell[group] == first:
            continue
        point = mark_base_units(pd.DataFrame({name: at for name, at in {**held, **cell}.items() if name != group}, index=[0]))
        draws = split_multipliers(fit, group, [str(first), str(cell[group])], point, budgets)[0]
        name = (
            f"Compute that {level_name(first)} needs for the {fit.runs.columns.response.name} {level_name(cell[group])} reaches"
        )
        facts[label] = [_multiple(name, reached(of)) for of in draws]
    return facts


def _multiple(name: str, of: Mapping[str, Any]) -> Fact:
    """Return a multiplier as a fact: among draws that have one, and the share of those that have none, see `reached`."""
    shares = {"never": of["p_never_reached"], "by a millionth": of["p_always_reached"], "unknown": of["p_unknown"]}
    none = [f"{what} in {percent(share)} of draws" for what, share in shares.items() if share > 0]
    if np.isnan(of["q50"]):
        return Fact(name, "no multiple", ", ".join(none))
    low, middle, high = shared([of[q] for q in ("q05", "q50", "q95")])
    return Fact(name, f"{middle} times", ", ".join([f"90 %: {low} to {high}", *none]))


def _budgets(seen: Any, asked: float | None) -> tuple[np.ndarray, int]:
    """Return the budgets of a slider, and which of them it opens at."""
    low, high = float(seen.min()), float(seen.max())
    first = AT_FIRST * high if asked is None else asked
    if not (isfinite(first) and first > 0):
        raise InputError(f"a budget must be a positive number, not {first}")
    budgets = np.geomspace(
        min(low, first), max(high * BUDGETS_BEYOND, first, min(AT_FIRST * first, high * LARGEST_RATIO)), STEPS
    )
    budgets = np.array([rounded(budget, 4) for budget in budgets])
    start = int(np.abs(np.log(budgets / first)).argmin())
    if asked is not None:
        budgets[start] = asked
    return budgets, start


def _cells(fit: Posterior) -> dict[str, dict[str, Any]]:
    """Return combinations of levels of the groups that the law varies over: those with most rows, at most so many."""
    groups = groups_needed(fit)
    if not groups:
        return {"": {}}
    counts = fit.runs.table.groupby(groups, sort=True).size().sort_values(ascending=False, kind="stable")
    cells = [at if isinstance(at, tuple) else (at,) for at in counts.index[: BENT if has_discrepancy(fit) else LEVELS]]
    return {
        ", ".join(level_name(level) for level in cell): dict(zip(groups, cell, strict=True)) for cell in sorted(cells, key=str)
    }


def _points(fit: Posterior, cells: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame | None:
    """Return a row for each combination of levels, with further inputs as `Runs.held` has them; None without either."""
    held = {name: fit.runs.held[name] for name in inputs_read(fit) if name not in ("params", "tokens")}
    rows = mark_base_units(pd.DataFrame([{**cell, **held} for cell in cells.values()]))
    return rows if rows.shape[1] else None


def _planned(row: Mapping[Any, Any], units: Mapping[str, str], loss: str, unit: str) -> Step:
    """Return what a budget buys as a step of the slider."""
    flat = interval((row["params_low"], row["params_high"])) if row["params_low"] else f"up to {number(row['params_high'])}"
    sizes, tokens = ([row[f"best_{name}_q{q}"] for q in ("05", "95")] for name in ("params", "tokens"))
    losses = [row[f"loss_{q}"] for q in ("q05", "q50", "q95")]
    facts = [
        Fact("Model size", f"{number(row['params'])} {units['params']}", f"best split, 90 %: {interval(sizes)}"),
        Fact("Training tokens", f"{number(row['tokens'])} {units['tokens']}", f"best split, 90 %: {interval(tokens)}"),
        Fact(f"{loss.capitalize()} of one new run", f"{shared(losses)[1]} {unit}".rstrip(), f"90 %: {interval(losses)}"),
        Fact("As good to 0.3 %", flat, units["params"]),
    ]
    return Step(str(row["sentence"]), facts, {name: float(row[name]) for name in ("compute", "params", "tokens")})


def multiplier_budget(fit: Posterior, compute: float | None = None) -> Budget | None:
    """Return how much more compute levels of a group need than another at each budget; None without such an axis or group.

    Parameters
    ----------
    compute
        The budget to open at, in the unit of the axis.
    """
    from bayes_scaling.prediction.arms import moves_other_groups

    along, group = compute_axis(fit), compared_group(fit)
    if along is None or group is None or moves_other_groups(fit, group):
        return None
    budgets, start = _budgets(fit.runs.table[along], compute)
    table = _multiples(fit, group, along, budgets)
    first = ordered_levels(fit, group)[0]
    unit, largest = fit.runs.columns.inputs[along].unit, float(fit.runs.table[along].max())
    counted_by = axis_name(fit, {along: 1.0}) if fit.runs.columns.costs else spaced_name(along)
    what = f"{spaced_name(along)} by {counted_by}" if counted_by != spaced_name(along) else counted_by
    steps = [
        _multiplied(table[table[along] == at], amount(at, unit, 4), (along, what), float(at), largest, str(first))
        for at in budgets
    ]
    return Budget(
        f"How much more {what} does each {spaced_name(group)} need than {level_name(first)} for the same "
        f"{fit.runs.columns.response.name}?",
        "",
        [amount(at, unit, 4) for at in budgets],
        start,
        {"": steps},
        table,
    )


def _multiples(fit: Posterior, group: str, along: str, budgets: np.ndarray) -> pd.DataFrame:
    """Return how much more of the axis each level needs than the first, a row for each level, place and budget."""
    from bayes_scaling._base.quantiles import reached
    from bayes_scaling.prediction.compute_ratio import compute_ratio

    first, *others = ordered_levels(fit, group)
    rest = [name for name in groups_needed(fit) if name != group]
    held = {name: fit.runs.held[name] for name in inputs_read(fit) if name != along}
    cells = list(product(*(_few(fit.runs.levels[name], MOST // len(others)) for name in rest)))[: 4 * MOST]
    rows = [held | dict(zip(rest, cell, strict=True)) | {along: at} for cell in cells for at in budgets]
    points, tables = mark_base_units(pd.DataFrame(rows)), []
    named = [", ".join(_named(name, level) for name, level in zip(rest, cell, strict=True)) for cell in cells]
    for other in others:
        # A place at a time: arrays of all places leave the processor's cache.
        parts = [points.iloc[k : k + len(budgets)] for k in range(0, len(points), len(budgets))]
        draws = [compute_ratio(fit, group, str(other), str(first), part, along).to_numpy() for part in parts]
        found = pd.DataFrame([reached(of) for part in draws for of in part.reshape(-1, part.shape[-1]).T])
        table = points.assign(**{str(name): of.to_numpy() for name, of in found.items()}, other=str(other))
        tables.append(table.assign(cell=np.repeat(named, len(budgets))))
    return pd.concat(tables, ignore_index=True)


def compute_axis(fit: Posterior) -> str | None:
    """Return the input that stands for compute; None where no input does."""
    inputs = fit.runs.columns.inputs
    return next((name for name in law_reads(fit) if name == "compute" or "FLOP" in inputs[name].unit), None)


def compared_group(fit: Posterior) -> str | None:
    """Return the group whose levels are to be held against each other: of names rather than numbers, with the fewest levels."""
    levels = {name: fit.runs.levels[name] for name in groups_needed(fit) if name not in ("run", OUTPUT)}
    of_names = [name for name, of in levels.items() if 2 <= len(of) <= LEVELS and not np.issubdtype(of.dtype, np.number)]
    return min(of_names, key=lambda name: len(levels[name]), default=None)


def ordered_levels(fit: Posterior, group: str) -> list[Any]:
    """Return the levels of a group, first the one with most rows."""
    counts = fit.runs.table[group].value_counts()
    return sorted(fit.runs.levels[group].tolist(), key=lambda level: -int(counts.get(level, 0)))


def _few(levels: np.ndarray, most: int) -> list[Any]:
    """Return levels, or so many spread over them."""
    return [levels[i] for i in np.unique(np.linspace(0, len(levels) - 1, min(max(2, most), len(levels))).astype(int))]


def _named(name: str, level: Any) -> str:
    return f"{spaced_name(name)} {level_name(level)}"


def _multiplied(rows: pd.DataFrame, budget: str, axis: tuple[str, str], at: float, largest: float, first: str) -> Step:
    """Return how much more levels need at a budget, as a step of the slider."""
    facts, (along, what) = [], axis
    for row in rows.to_dict("records"):
        name = " at ".join(part for part in (level_name(row["other"]), str(row["cell"])) if part)
        facts.append(_multiple(name, {str(column): of for column, of in row.items()}))
    lead = {str(column): of for column, of in rows.iloc[-1].items()}
    place = f", {lead['cell']}" if lead["cell"] else ""
    needed = needs(level_name(lead["other"]), level_name(first), what, lead)
    sentence = f"At {spaced_name(along)} {budget}{place}: {needed}."
    if at > largest:
        sentence += f" That budget is {number(at / largest)} times the {spaced_name(along)} of the largest run."
    return Step(sentence, facts, {along: at})
