"""Rankings of levels for people: a table, and sentences. No verdict without a region of practical equivalence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import (
    amount,
    band,
    exact,
    level_name,
    number,
    percent,
    probability,
    shared,
    spaced_name,
    value_at,
)
from bayes_scaling._base.quantiles import reached
from bayes_scaling.decisions.rank import Ranking
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.notes import noted

ENDS = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
BETTER, EQUIVALENT, WORSE, UNDECIDED = "better", "equivalent", "worse", "undecided"
RARE = 0.005
"""Of crossovers less probable than this it is not said where they are."""
ALIKE = 1.05
"""A budget counts as that of the largest run up to so many times of it."""


@carried
def rank_table(found: Ranking) -> pd.DataFrame:
    """Return a row for each point and level but the baseline, the lowest expected loss first.

    The columns of the points, then:
    level; its `rank` among all levels, the baseline too; `p_best`, and `p_best_against` of the baseline.
    multiplier_q05, _q50, _q95 among draws that have one; `p_never_reached`, the share in which a million times the budget is
    not enough, and `p_always_reached`, in which a millionth is; `p_multiplier_unknown`, in which it is not defined; `runs_end`,
    the multiplier at which the runs of the baseline end; `p_better`, P(L < L_against).
    crossover_q05, _q50, _q95 in the unit of the budget, among draws that cross; `p_no_crossover` up to the budget `below`, and
    `p_crossover_unknown`, the share in which one of the two has no loss above 0 from some budget before that on.
    change_percent_mean, _q05, _q95 and, in the unit of the loss, change_mean.. of switching: below 0 it gains.
    beyond_runs: the budget over the largest run of the level or of the baseline, whichever is smaller.
    left_out: the share of draws without a best split of the budget, or with a loss below 0.
    With a region of equivalence also p_better_by_more, p_equivalent, p_worse, and the verdict: the one of these that reaches
    the certainty asked for, else undecided.

    Raises
    ------
    InputError
        Where no draw has a best split of a budget.
    """
    rows = [row for point in range(len(found.points)) for row in _rows_of(found, point)]
    return noted(pd.DataFrame(rows), found.notes)


def _rows_of(found: Ranking, point: int) -> list[dict[str, object]]:
    at = {"row": point}
    kept = found.defined.isel(at).to_numpy().ravel()
    if not kept.any():
        raise InputError(
            f"no draw has a loss, or a best split, at the budget {exact(found.budgets[point])} {found.unit} for every level"
        )
    losses = {level: _draws(found.loss.isel(at).sel(level=level), kept) for level in (found.against, *found.others)}
    order = sorted(losses, key=lambda level: float(losses[level].mean()))
    p_best = {level: float(found.p_best.isel(at).sel(level=level)) for level in losses}
    rows = []
    for level in (one for one in order if one != found.against):
        times = _draws(found.multiplier.isel(at).sel(level=level), kept)
        crossing = _draws(found.crossing.isel(at).sel(level=level), kept)
        relative, difference = losses[level] / losses[found.against] - 1.0, losses[level] - losses[found.against]
        row: dict[str, object] = {str(name): of for name, of in found.points.iloc[point].to_dict().items()}
        row |= {"level": level, "rank": order.index(level) + 1}
        row |= {"p_best": p_best[level], "p_best_against": p_best[found.against]}
        row |= _multiples(times) | {"runs_end": found.runs_end[point]}
        row |= {"p_better": float((difference < 0).mean())} | _quantiles("crossover", crossing[np.isfinite(crossing)])
        unknown = _draws(found.unknown.isel(at).sel(level=level), kept)
        row |= {"p_no_crossover": float((np.isnan(crossing) & ~unknown).mean())}
        row |= {"p_crossover_unknown": float(unknown.mean()), "below": found.below[point]}
        row |= _change("change_percent", 100 * relative) | _change("change", difference)
        row |= {"beyond_runs": _beyond(found, point, level), "left_out": float(1 - kept.mean())}
        rows.append(row | _verdict(relative, found.equivalent, found.certainty))
    return rows


def _beyond(found: Ranking, point: int, level: object) -> float:
    return found.budgets[point] / min(found.largest[str(one)] for one in (level, found.against))


def _verdict(relative: np.ndarray, equivalent: float | None, certainty: float) -> dict[str, object]:
    if equivalent is None:
        return {}
    shares = {
        BETTER: float((relative < -equivalent).mean()),
        EQUIVALENT: float((np.abs(relative) <= equivalent).mean()),
        WORSE: float((relative > equivalent).mean()),
    }
    said = next((name for name, share in shares.items() if share >= certainty), UNDECIDED)
    named = {"p_better_by_more": shares[BETTER], "p_equivalent": shares[EQUIVALENT], "p_worse": shares[WORSE]}
    return named | {"verdict": said}


def _draws(values: xr.DataArray, kept: np.ndarray) -> np.ndarray:
    return np.asarray(values.transpose("chain", "draw").to_numpy().ravel()[kept])


def _multiples(times: np.ndarray) -> dict[str, object]:
    """Return quantiles of multipliers among draws that have one, and the shares of those that have none."""
    of = reached(times)
    shares = {name: of[name] for name in ("p_never_reached", "p_always_reached")} | {"p_multiplier_unknown": of["p_unknown"]}
    return _quantiles("multiplier", times[np.isfinite(times) & (times > 0)]) | shares


def _quantiles(name: str, values: np.ndarray) -> dict[str, object]:
    """Return quantiles that are draws themselves, as between a number and infinity there is nothing to interpolate."""
    ends = {q: float(np.quantile(values, at, method="inverted_cdf")) if len(values) else np.nan for q, at in ENDS.items()}
    return {f"{name}_{q}": of for q, of in ends.items()}


def _change(name: str, values: np.ndarray) -> dict[str, object]:
    low, high = np.quantile(values, [0.05, 0.95])
    return {f"{name}_mean": float(values.mean()), f"{name}_q05": float(low), f"{name}_q95": float(high)}


@carried
def rank_sentences(found: Ranking) -> tuple[str, ...]:
    """Return what a ranking says, a sentence for each row of `rank_table`, with units, intervals and probabilities."""
    return tuple(_sentence(found, {str(name): of for name, of in row.items()}) for row in rank_table(found).to_dict("records"))


def _sentence(found: Ranking, row: dict[str, Any]) -> str:
    ends = ("q05", "mean", "q95")
    percents, change = ([row[f"{name}_{of}"] for of in ends] for name in ("change_percent", "change"))
    mean = shared(change, signed=True)[1]
    said = [
        f"{level_name(row['level'])} instead of {level_name(found.against)} at {place(found, row)}: "
        f"loss {band(percents, '%', signed=True)}, {mean} {found.loss.attrs['units']}".rstrip(),
        f"It is lower with probability {probability(row['p_better'])}",
        _worth(found, row),
        _crossing(found, row),
    ]
    if row["left_out"] > 0:
        said.append(f"{percent(row['left_out'])} of draws, with no best split or no positive loss, are left out")
    return ". ".join(said) + "." + _said_of_verdict(found, row)


def _said_of_verdict(found: Ranking, row: dict[str, Any]) -> str:
    if found.equivalent is None:
        return ""
    shares = {"better by more": "p_better_by_more", "equivalent": "p_equivalent", "worse by more": "p_worse"}
    said = ", ".join(f"{name} {probability(row[column])}" for name, column in shares.items())
    equal = percent(found.equivalent, 4)
    return f" Counting {equal} as equal: {row['verdict']}, at a certainty of {exact(found.certainty)} ({said})."


def place(found: Ranking, row: Mapping[str, Any], *, beyond: bool = True) -> str:
    """Return the budget of a row with its unit, how far it lies beyond the runs, and what else its point says."""
    asked = f"{exact(row[found.budget])} {found.unit}".rstrip()
    budget = f"{asked} ({found.counted})" if found.counted else f"{spaced_name(found.budget)} {asked}"
    more = number(row["beyond_runs"], 2)
    far = f" ({more} times the largest run of one of them)" if beyond and row["beyond_runs"] > ALIKE else ""
    others = [
        f"{spaced_name(str(name))} {value_at(str(name), row[str(name)])}" for name in found.points if name != found.budget
    ]
    return ", ".join([budget + far, *others])


def _worth(found: Ranking, row: dict[str, Any]) -> str:
    """Say how much more of the budget the baseline needs for the same loss, and how probably no more is enough."""
    low, middle, high = (row[f"multiplier_{q}"] for q in ENDS)
    base, level, budget = level_name(found.against), level_name(row["level"]), spaced_name(found.budget)
    of = {name: row[f"multiplier_{name}"] for name in ENDS} | {
        name: row[name] for name in ("p_never_reached", "p_always_reached")
    }
    of |= {"p_unknown": row["p_multiplier_unknown"]}
    if high < 1:  # the same draws, told of the one that needs more
        of |= {"q05": 1 / high, "q50": 1 / middle, "q95": 1 / low}
        of |= {"p_never_reached": row["p_always_reached"], "p_always_reached": row["p_never_reached"]}
        return needs(level, base, budget, of)
    beyond = middle / row["runs_end"]
    far = f", {number(beyond, 2)} times its largest run" if beyond > ALIKE else ""
    return needs(base, level, budget, of, far)


def needs(level: str, other: str, budget: str, of: Mapping[str, float], far: str = "") -> str:
    """Return how many times the budget of another a level needs, and how probably no multiple is enough.

    Parameters
    ----------
    of
        What `compute_ratio.reached` returns. far: what to say of how far that lies.
    """
    if np.isnan(of["q50"]):
        return _none(level, budget, of)
    low, middle, high = shared([of[q] for q in ENDS])
    said = f"{level} needs {middle} times the {budget} of {other} for the same loss (90 %: {low} to {high}){far}"
    never, always, lost = of["p_never_reached"], of["p_always_reached"], of["p_unknown"]
    said += f", and cannot reach it with a million times as much in {percent(never)} of draws" if never > 0 else ""
    said += f", and reaches it with a millionth in {percent(always)} of draws" if always > 0 else ""
    return said + (f", and in {percent(lost)} of draws the law is not defined on the way" if lost > 0 else "")


def _none(level: str, budget: str, of: Mapping[str, float]) -> str:
    """Say that no draw has a multiplier."""
    shares = {
        f"{level} cannot reach that loss by any {budget} up to a million times as much": of["p_never_reached"],
        f"{level} needs under a millionth times the {budget}": of["p_always_reached"],
    }
    said = [what + (f" in {percent(share)} of draws" if share < 1 else "") for what, share in shares.items() if share > 0]
    return ", ".join(said) or "How much more is needed cannot be said: the law is not defined on the way"


def _crossing(found: Ranking, row: dict[str, Any]) -> str:
    end, lost = amount(row["below"], found.unit), row["p_crossover_unknown"]
    chance = 1 - row["p_no_crossover"] - lost
    rest = f", as far as both losses are above 0, which ends before that in {percent(lost)} of draws" if lost > 0 else ""
    if chance < 1e-9:
        return f"They change places nowhere up to {end}{rest}"
    said = f"They change places below {end} with probability {probability(chance)}"
    if chance < RARE:
        return f"{said}{rest}"
    return f"{said}, in that case at {band([float(row[f'crossover_{q}']) for q in ENDS], found.unit)}{rest}"
