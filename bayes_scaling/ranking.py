"""Rankings of levels for people: a table, and sentences. No verdict without a region of practical equivalence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.contrasts import reached
from bayes_scaling.decisions import Ranking
from bayes_scaling.errors import InputError
from bayes_scaling.health import carried
from bayes_scaling.notes import noted, percent

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

    Raises InputError where no draw has a best split of a budget.
    """
    rows = [row for point in range(len(found.points)) for row in _rows_of(found, point)]
    return noted(pd.DataFrame(rows), found.notes)


def _rows_of(found: Ranking, point: int) -> list[dict[str, object]]:
    at = {"point": point}
    kept = found.defined.isel(at).to_numpy().ravel()
    if not kept.any():
        raise InputError(
            f"no draw has a loss, or a best split, at the budget {found.budgets[point]:g} {found.unit} for every level"
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
    unit = f" {found.loss.attrs['units']}".rstrip()
    low, high = row["change_percent_q05"], row["change_percent_q95"]
    said = [
        f"{row['level']} instead of {found.against} at {place(found, row)}: "
        f"loss {_signed(row['change_percent_mean'])} % (90 %: {_signed(low)} to {_signed(high)} %), "
        f"{_signed(row['change_mean'])}{unit}".rstrip()
        + f", lower with probability {row['p_better']:.2f}",
        f"{_worth(found, row)}",
        _crossing(found, row),
    ]
    if row["left_out"] > 0:
        said.append(f"{percent(row['left_out'])} of draws, with no best split or no positive loss, are left out")
    return "; ".join(said) + "." + _said_of_verdict(found, row)


def _said_of_verdict(found: Ranking, row: dict[str, Any]) -> str:
    if found.equivalent is None:
        return ""
    shares = {"better by more": "p_better_by_more", "equivalent": "p_equivalent", "worse by more": "p_worse"}
    said = ", ".join(f"{name} {row[column]:.2f}" for name, column in shares.items())
    return f" Counting {100 * found.equivalent:g} % as equal: {row['verdict']}, at a certainty of {found.certainty:g} ({said})."


def place(found: Ranking, row: Mapping[str, Any], *, beyond: bool = True) -> str:
    """Return the budget of a row with its unit, how far it lies beyond the runs, and what else its point says."""
    budget = _amount(row[found.budget], found.unit) if found.unit else f"{_called(found.budget)} {_number(row[found.budget])}"
    far = f" ({row['beyond_runs']:.2g} times the largest run of one of them)" if beyond and row["beyond_runs"] > ALIKE else ""
    others = [f"{_called(str(name))} {_told(row[str(name)])}" for name in found.points if name != found.budget]
    return ", ".join([budget + far, *others])


def _worth(found: Ranking, row: dict[str, Any]) -> str:
    """Say how much more of the budget the baseline needs for the same loss, and how probably no more is enough."""
    low, middle, high = (row[f"multiplier_{q}"] for q in ENDS)
    base, budget, level = found.against, _called(found.budget), row["level"]
    never, always = row["p_never_reached"], row["p_always_reached"]
    if np.isnan(middle):
        return _none(
            f"{base} cannot reach that loss by any {budget}", f"{base} needs under a millionth times the {budget}", row
        )
    if high < 1:  # the same draws, told of the one that needs more
        said = f"{level} needs {times(1 / middle)} times the {budget} of {base} for the same loss"
        ends, rare, often = f"{times(1 / high)} to {times(1 / low)}", always, never
    else:
        said = f"{base} needs {times(middle)} times the {budget} of {level} for the same loss"
        ends, rare, often = f"{times(low)} to {times(high)}", never, always
    said += f" (90 %: {ends})"
    if (beyond := middle / row["runs_end"]) > ALIKE and high >= 1:
        said += f", {beyond:.2g} times its largest run"
    said += f", and cannot reach it with a million times as much in {percent(rare)} of draws" if rare > 0 else ""
    said += f", and reaches it with a millionth in {percent(often)} of draws" if often > 0 else ""
    lost = row["p_multiplier_unknown"]
    return said + (f"; in {percent(lost)} of draws the law is not defined on the way" if lost > 0 else "")


def _none(never: str, always: str, row: dict[str, Any]) -> str:
    """Say that no draw has a multiplier."""
    shares = {f"{never} up to a million times as much": row["p_never_reached"], always: row["p_always_reached"]}
    said = [what + (f" in {percent(share)} of draws" if share < 1 else "") for what, share in shares.items() if share > 0]
    return ", ".join(said) or "how much more is needed cannot be said: the law is not defined on the way"


def times(of: float) -> str:
    """Return how many times as much."""
    return f"{of:.3g}"


def _crossing(found: Ranking, row: dict[str, Any]) -> str:
    end, lost = _amount(row["below"], found.unit), row["p_crossover_unknown"]
    chance = 1 - row["p_no_crossover"] - lost
    rest = f", as far as both losses are above 0, which ends before that in {percent(lost)} of draws" if lost > 0 else ""
    if chance < 1e-9:
        return f"they change places nowhere up to {end}{rest}"
    if chance < RARE:
        return f"they change places below {end} with probability below {RARE:g}{rest}"
    low, middle, high = (float(row[f"crossover_{q}"]) for q in ENDS)
    where = f"at {_number(middle)} (90 %: {_number(low)} to {_amount(high, found.unit)})"
    return f"they change places below {end} with probability {chance:.2f}, in that case {where}{rest}"


def _amount(of: float, unit: str) -> str:
    return f"{_number(of)} {unit}".rstrip()


def _number(of: float) -> str:
    """Return 352, 15,000, 25M and 1.5e18, with three figures."""
    rounded = float(f"{of:.3g}")
    if rounded >= 1e15 or 0 < rounded < 1e-3:
        return f"{rounded:.3g}".replace("e+", "e")
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if rounded >= size:
            return f"{rounded / size:g}{letter}"
    return f"{rounded:,.0f}" if rounded >= 1e4 else f"{rounded:g}"


def _told(of: object) -> str:
    return f"{of:g}" if isinstance(of, float) else str(of)


def _signed(of: float) -> str:
    return f"{float(f'{of:.3g}'):+g}" if abs(of) >= 1 else f"{of:+.2g}"


def _called(name: str) -> str:
    return name.replace("_", " ")
