"""From a budget to a decision: how large a model to train, on how many tokens, and what being wrong about it would cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling._base.quantiles import sorted_quantiles
from bayes_scaling._base.views import draws_of, in_a_line, lines, note_lines, show, view
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.distance import regions
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.allocation import best_split, law_split, read_budgets, split_as_dataset
from bayes_scaling.decisions.flat_runs import refuse_flat
from bayes_scaling.decisions.group_cells import every_cell, for_new_run
from bayes_scaling.decisions.plan_search import (
    around_lowest,
    check_reach,
    lowest_place,
    nearly_lowest,
    other_choices,
    settled_size,
    with_unique,
)
from bayes_scaling.decisions.sizes import over_sizes, size_grid, split_points
from bayes_scaling.decisions.spending import Spending, asked_cost, spending
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.costs import Costed
from bayes_scaling.prediction.goal import checked_target, refuse_rising
from bayes_scaling.prediction.notes import noted, scatter_notes, value_notes
from bayes_scaling.prediction.predict import labelled

WITHIN = 0.003
"""Share of the loss that counts as nothing lost unless given, 0.3 %."""


@dataclass(frozen=True)
class Plan:
    """What to train with each of some budgets.

    Parameters
    ----------
    choice
        A row for each budget and row of the points, see `to_frame`, without what draws add.
    choices
        Any other choice: for each of these rows sizes and tokens, the share by which their expected loss lies above the lowest
        (`excess`), and the loss that knowing the truth would save on average (`regret`).
    optimum
        Draws of the best split, see `compute_optimal`.
    loss
        Draws of what one new run of the plan would show; dimensions chain, draw, row.
    cost, within
        As asked for.
    health
        Of the fit.
    """

    choice: pd.DataFrame
    choices: pd.DataFrame
    optimum: xr.Dataset
    loss: xr.DataArray
    cost: Cost
    within: float
    health: Health | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before relying on it, a sentence each: levels never seen, draws without a loss or beyond its bounds."""
        return tuple(self.choice.attrs.get("notes", ()))

    @asked
    def probability(self, target: float) -> np.ndarray:
        """Return the probability that one new run of the plan shows at most a loss, for each row."""
        target = checked_target(target, self.loss)
        return np.asarray((self.loss <= target).mean(("chain", "draw")).to_numpy())

    @carried
    @asked
    def to_frame(self, target: float | None = None) -> pd.DataFrame:
        """Return the plan as a table.

        Parameters
        ----------
        target
            A loss, in its unit, whose probability is to be a column.

        Returns
        -------
        DataFrame
            A row for each budget and row of the points. The points' own columns; compute (in the unit of the cost), params,
            tokens, tokens_per_param: the plan; `cost` and whether it is `extrapolated`, where it is one of the runs;
            params_low, params_high: the sizes between which the expected loss is within the share asked for, 0 or inf where it
            is so at all sizes tried; excess: the share that the plan costs above the lowest expected loss, 0 unless its size
            was settled; regret: how much lower the loss would be on average if the truth were
            known; best_params_q05 .. best_tokens_q95: the posterior of the best split; loss_q05 .. loss_q95: one new run;
            distance from the runs; price and probability of the target where they were asked for.
        """
        table = self.choice.assign(tokens_per_param=self.choice["tokens"] / self.choice["params"])
        for name in ("params", "tokens"):
            draws = _by_point(self.optimum[name])
            for q in (5, 50, 95):
                table[f"best_{name}_q{q:02d}"] = [_quantile(row, q / 100) for row in draws]
        quantiles = sorted_quantiles(np.sort(_by_point(self.loss), axis=1))
        table = table.assign(**{f"loss_{q}": of for q, of in quantiles.items()})
        table["distance"] = regions(self.loss["distance"].to_numpy())
        if self.cost.price is not None:
            table["price"] = self.cost.price * table["compute"]
        return table if target is None else table.assign(probability=self.probability(target))

    @asked
    def summary(self, target: float | None = None) -> str:
        """Return what the plan says, a sentence a line, with the probability of a target where one is given."""
        every = view("bayes_scaling.decisions.plan_sentences:said_of_plan")(self, target)
        return lines([*(one for of in every for one in of), *note_lines(self.notes)], self)

    @asked
    def plot(self) -> Any:
        """Return the figure: what other sizes would cost above the plan; `plots.plan_figure` has the path of splits too."""
        return view("bayes_scaling.plots.records:plan_of")(self)

    def __repr__(self) -> str:
        return in_a_line(self, "Plan", several(len(self.choice), "row"), draws_of(self.loss))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Plan")


@asked
def plan(
    fit: Posterior,
    compute: float | Sequence[float],
    points: Table | None = None,
    *,
    cost: Costed = None,
    params: float | None = None,
    unique_tokens: float | None = None,
    within: float = WITHIN,
    seed: int = 0,
) -> Plan:
    """Return the split of a budget between model size and tokens that has the lowest expected loss.

    N = argmin_N E[L(N, D(N))],   D(N) = (C - s N T) / (k N)        (the expectation is over the posterior; costs: `Cost`)

    It is not the split of mean parameters, nor the median of each draw's best: where large and small models are not equally
    bad, it leans to where being wrong costs less. L holds the discrepancy where the model has one.

    Parameters
    ----------
    fit
        A fit, draws from a prior, or a stack: the expectation is then over its laws as well.
    compute
        In FLOP, or the unit of the cost; a number or several.
    points
        Levels of groups and further inputs, as for `compute_optimal`: each row is planned at each budget. Every level that the
        runs have, with further inputs at their references, unless given; one that may be 0 as in the largest run.
    cost
        What a model costs to train and to serve: a `Cost`, or the name of one of `Columns.costs`, by which each level spends
        its budget at what its own runs took; 6 FLOP a parameter and token, and no serving, unless given.
    params
        A model size that is settled: the budget then says how many tokens.
    unique_tokens
        How many different tokens there are, for a law of `unique_tokens` and `epochs`; more are repeated ones.
    within
        The share of the loss that a choice may cost and still count as good as the plan; 0.003 is 0.3 %.
    seed
        Of the scatter of new runs.

    Returns
    -------
    Plan
        `.summary()` says what to train, `.to_frame()` has a row for each budget and point;
        `.plot()` draws what other sizes would cost.

    Raises
    ------
    InputError
        As `compute_optimal` does, and where a budget lies more than six decades from the compute of the runs, a size is not
        positive or leaves nothing to train with, or the law has no input of unique tokens.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> found = bs.plan(before, [1e20, 1e21])
    >>> print(found.summary().splitlines()[0].split(" train ")[0])
    With 1e20 FLOP (6 N D)
    >>> len(found.to_frame())
    2
    """
    refuse_rising(fit, "a plan", points)
    refuse_flat(fit)
    budgets, seed = read_budgets(fit, compute), checks.seed(seed, "seed")
    if not (checks.is_number(within) and 0 < within < 1):
        raise InputError(
            f"within is a share of the {fit.runs.columns.response.name} between 0 and 1, such as 0.003 for 0.3 %, not {within}"
        )
    given = every_cell(fit) if points is None else for_new_run(fit, in_base_units(points, fit.runs))
    rows = with_unique(fit, given, unique_tokens)
    spent, every = spending(fit, cost, rows), np.tile(budgets, len(rows))
    check_reach(fit, budgets, spent)
    split = law_split(fit, rows, budgets, spent)
    sizes = over_sizes(fit, size_grid(split.log_params, every, spent), every, spent, rows)
    optimum = split_as_dataset(fit, rows, budgets, spent, best_split(fit, split, sizes))
    near = over_sizes(fit, around_lowest(sizes), every, spent, rows)
    best = near.mean.min(axis=1)
    low, high = np.exp(nearly_lowest(sizes, best + within * np.abs(best)))
    chosen = np.exp(lowest_place(near)) if params is None else settled_size(params, every, spent)
    frame = split_points(fit, chosen, every, spent, rows)
    mean = posterior_expectation(fit, frame).mean(("chain", "draw")).to_numpy()
    lowest = mean if params is None else best
    choice = frame.drop(columns=["run"], errors="ignore").assign(
        compute=every,
        params=chosen,
        tokens=spent.tokens(chosen, every),
        params_low=low,
        params_high=high,
        excess=(mean - lowest) / np.abs(lowest),
        regret=mean - sizes.lowest.mean(axis=1),
    )
    if isinstance(spent, Spending):
        choice = choice.assign(cost=spent.counted, extrapolated=spent.beyond(chosen))
    loss = posterior_predictive(fit, frame.set_axis(np.zeros(len(frame), dtype=int)), seed)  # the same scatter at each budget
    loss = labelled(fit, loss, frame).assign_coords(compute=("row", every))
    choice = noted(choice, scatter_notes(fit, frame) + value_notes(fit, frame, loss))
    return Plan(
        mark(choice, fit),
        other_choices(sizes, best, every, spent),
        mark(optimum, fit),
        loss,
        asked_cost(spent),
        within,
        fit.health,
    )


def _by_point(draws: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a point a row."""
    return np.asarray(draws.transpose("row", "chain", "draw").to_numpy().reshape(draws.sizes["row"], -1))


def _quantile(draws: np.ndarray, q: float) -> float:
    """Return a quantile of the draws that are numbers."""
    known = draws[~np.isnan(draws)]
    return float(np.quantile(known, q)) if len(known) else np.nan
