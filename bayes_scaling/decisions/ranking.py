"""Levels of a group at budgets, held against one of them: the record, and its table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.deprecation import renamed_property
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import (
    exact,
    several,
)
from bayes_scaling._base.views import draws_of, in_a_line, lines, note_lines, show, view
from bayes_scaling.decisions.ranking_costs import cost_rows, draw_quantiles, multiple_quantiles
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.notes import noted


@dataclass(frozen=True)
class Ranking:
    """Levels of a group at budgets, against one of them.

    Parameters
    ----------
    points
        The budgets and what else was said of them, a row each, without the group.
    loss
        Draws of the loss of every level; dimensions chain, draw, row, level. NaN where there is none above 0.
    compute_ratio
        Draws of how many times the budget `against` needs for the loss of each other level, as `compute_ratio(fit, group,
        against, level, points)` gives them; inf where no budget up to a million times does, 0 where a millionth does, NaN where
        the law is not defined on the way.
    crossing
        Draws of the budget at which a level and `against` change places, upward from each point; NaN where nowhere below
        `below`.
    unknown
        Whether there is no crossing because one of the two has no loss above 0 from some budget below `below` on.
    budget
        The input that grows, or "compute" where a law splits it over params and tokens.
    unit
        Of the budget.
    budgets
        That of each point.
    largest
        The largest among the runs of each level; NaN of one without runs.
    runs_end
        The multiple of each point's budget at which the runs of `against` end; larger ratios are those of the law.
    below
        Up to which budget a crossover was searched for, of each point.
    equivalent
        Relative difference in loss within which two levels count as equal; None where the user set none.
    certainty
        The probability from which on there is a verdict.
    counted
        How compute that is split is counted, as "6 N D"; "" for budgets of an input.
    axis
        Of which compute an input is that is the budget, as "6 N D", where the runs have costs.
    by_cost
        Draws of `compute_ratio` in each other cost of the runs, and where that is `extrapolated`, see `ratios_by_cost`.
    notes
        What to know before relying on it, a sentence each.
    health
        Of the fit.
    """

    group: str
    against: object
    points: pd.DataFrame
    loss: xr.DataArray
    compute_ratio: xr.DataArray
    crossing: xr.DataArray
    unknown: xr.DataArray
    budget: str
    unit: str
    budgets: tuple[float, ...]
    largest: Mapping[str, float]
    runs_end: tuple[float, ...]
    below: tuple[float, ...]
    equivalent: float | None
    certainty: float
    counted: str = ""
    axis: str = ""
    by_cost: xr.Dataset | None = None
    notes: tuple[str, ...] = ()
    health: Health | None = None

    multiplier = renamed_property("Ranking", "multiplier", "compute_ratio")

    @property
    def response(self) -> str:
        """What is ranked by, as "loss"."""
        return str(self.loss.attrs.get("long_name", "loss"))

    @property
    def others(self) -> list[object]:
        """The levels that are held against the one."""
        return list(self.compute_ratio["level"].to_numpy())

    @property
    def relative(self) -> xr.DataArray:
        """Draws of L / L_against - 1 for each other level: below 0 where switching gains."""
        return self.loss.sel(level=self.others) / self.loss.sel(level=self.against, drop=True) - 1.0

    @property
    def difference(self) -> xr.DataArray:
        """Draws of L - L_against for each other level, in the unit of the loss."""
        return self.loss.sel(level=self.others) - self.loss.sel(level=self.against, drop=True)

    @property
    def defined(self) -> xr.DataArray:
        """In which draws every level has a loss at a point: some have no best split of the budget, or a loss below 0."""
        return self.loss.copy(data=np.isfinite(self.loss.to_numpy())).all("level")

    @property
    def p_best(self) -> xr.DataArray:
        """The probability of each level, `against` among them, to have the lowest loss of all; dimensions row, level."""
        least = self.loss.fillna(np.inf).argmin("level")
        best = least == xr.DataArray(np.arange(self.loss.sizes["level"]), {"level": self.loss["level"]}, "level")
        return best.where(self.defined).mean(("chain", "draw")).transpose("row", "level")

    @carried
    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return the ranking as a table.

        Returns
        -------
        DataFrame
            A row for each point and level but the baseline, the lowest expected loss first. The columns of the points, then:
            level; its `rank` among all levels, the baseline too; `p_best`, and `p_best_against` of the baseline.
            multiplier_q05, _q50, _q95: how many times the budget the baseline needs for the loss of the level, among draws that
            have one; `p_never_reached`, the share in which a million times the budget is not enough, and `p_always_reached`, in
            which a millionth is; `p_multiplier_unknown`, in which it is not defined; `runs_end`, the multiple at which the runs
            of the baseline end; `p_better`, P(L < L_against).
            crossover_q05, _q50, _q95 in the unit of the budget, among draws that cross; `p_no_crossover` up to the budget
            `below`, and `p_crossover_unknown`, the share in which one of the two has no loss above 0 from some budget before
            that on. change_percent_mean, _q05, _q95 and, in the unit of the loss, change_mean.. of switching: below 0 it gains.
            beyond_runs: the budget over the largest run of the level or of the baseline, whichever is smaller.
            left_out: the share of draws without a best split of the budget, or with a loss below 0.
            With a region of equivalence also p_better_by_more, p_equivalent, p_worse, and the verdict: the one of these that
            reaches the certainty asked for, else undecided.

        Raises
        ------
        InputError
            Where no draw has a best split of a budget.
        """
        rows = [row for point in range(len(self.points)) for row in _rows_of(self, point)]
        return noted(pd.DataFrame(rows), self.notes)

    @asked
    def costs_to_frame(self) -> pd.DataFrame:
        """Return how many times as much of each cost the baseline needs for the loss of each level.

        Returns
        -------
        DataFrame
            A row for each point, level and cost, the law's own axis first: the columns of the points, level, cost,
            multiplier_q05, _q50, _q95, p_never_reached, p_always_reached, p_multiplier_unknown, extrapolated.

        Raises
        ------
        InputError
            Where the runs have no other costs, or budgets are counted in one of them.
        """
        if self.by_cost is None:
            raise InputError("there are no other costs of the runs; see Columns.costs, and rank without cost=")
        return cost_rows(self.points, self.axis, self.compute_ratio, self.by_cost)

    @asked
    def summary(self) -> str:
        """Return what the ranking says, a sentence a line."""
        every = view("bayes_scaling.decisions.rank_sentences:said_of_ranking")(self)
        return lines([*(one for of in every for one in of), *note_lines(self.notes)], self)

    @asked
    def plot(self) -> Any:
        """Return the figure: for each point the levels, how much more compute each is worth, and what switching changes."""
        return view("bayes_scaling.plots.ranking:ranking_figure")(self)

    def __repr__(self) -> str:
        return in_a_line(self, self._title, several(len(self.points), "point"), draws_of(self.loss))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, self._title)

    @property
    def _title(self) -> str:
        return f"Ranking of {', '.join(map(str, self.others))} against {self.group} {self.against}"


BETTER, EQUIVALENT, WORSE, UNDECIDED = "better", "equivalent", "worse", "undecided"


def _rows_of(found: Ranking, point: int) -> list[dict[str, object]]:
    """Return a row for each level at one point, the lowest loss first."""
    at = {"row": point}
    kept = found.defined.isel(at).to_numpy().ravel()
    if not kept.any():
        raise InputError(
            f"no draw has a {found.response} above 0, or a best split, at the budget {exact(found.budgets[point])} "
            f"{found.unit} for every level"
        )
    losses = {level: _draws(found.loss.isel(at).sel(level=level), kept) for level in (found.against, *found.others)}
    order = sorted(losses, key=lambda level: float(losses[level].mean()))
    p_best = {level: float(found.p_best.isel(at).sel(level=level)) for level in losses}
    rows = []
    for level in (one for one in order if one != found.against):
        times = _draws(found.compute_ratio.isel(at).sel(level=level), kept)
        crossing = _draws(found.crossing.isel(at).sel(level=level), kept)
        relative, difference = losses[level] / losses[found.against] - 1.0, losses[level] - losses[found.against]
        row: dict[str, object] = {str(name): of for name, of in found.points.iloc[point].to_dict().items()}
        row |= {"level": level, "rank": order.index(level) + 1}
        row |= {"p_best": p_best[level], "p_best_against": p_best[found.against]}
        row |= multiple_quantiles(times) | {"runs_end": found.runs_end[point]}
        row |= {"p_better": float((difference < 0).mean())} | draw_quantiles("crossover", crossing[np.isfinite(crossing)])
        unknown = _draws(found.unknown.isel(at).sel(level=level), kept)
        row |= {"p_no_crossover": float((np.isnan(crossing) & ~unknown).mean())}
        row |= {"p_crossover_unknown": float(unknown.mean()), "below": found.below[point]}
        row |= _change("change_percent", 100 * relative) | _change("change", difference)
        row |= {"beyond_runs": _beyond(found, point, level), "left_out": float(1 - kept.mean())}
        rows.append(row | _verdict(relative, found.equivalent, found.certainty))
    return rows


def _beyond(found: Ranking, point: int, level: object) -> float:
    ends = [found.largest[str(one)] for one in (level, found.against)]
    return found.budgets[point] / min(ends, key=lambda end: (np.isnan(end), end))  # one without runs says nothing


def _verdict(relative: np.ndarray, equivalent: float | None, certainty: float) -> dict[str, object]:
    """Return the probabilities of better, equivalent and worse, and which of them is certain enough to be said."""
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


def _change(name: str, values: np.ndarray) -> dict[str, object]:
    low, high = np.quantile(values, [0.05, 0.95])
    return {f"{name}_mean": float(values.mean()), f"{name}_q05": float(low), f"{name}_q95": float(high)}
