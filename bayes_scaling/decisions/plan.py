"""From a budget to a decision: how large a model to train, on how many tokens, and what being wrong about it would cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.interpolate import PchipInterpolator

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, band, exact, interval, number, percent, place_words, probability
from bayes_scaling._base.quantiles import sorted_quantiles
from bayes_scaling.data.distance import regions
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.allocation import law_split, read_budgets, runs_compute, split_as_dataset, split_with_discrepancy
from bayes_scaling.decisions.cost import UNIQUE, Cost, moved_inputs
from bayes_scaling.decisions.flat_runs import refuse_flat
from bayes_scaling.decisions.group_cells import every_cell
from bayes_scaling.decisions.optimum import vertex
from bayes_scaling.decisions.sizes import Sizes, over_sizes, size_grid, split_points
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.prediction.notes import loss_notes, noted, scatter_notes
from bayes_scaling.prediction.predict import labelled

FINE = 16
"""Between two sizes tried the expected loss is interpolated at so many."""

NEAR = 17
"""Sizes tried anew between the neighbours of the best of them."""

DECADES = 6.0
"""A budget this far beyond the compute of the runs, or below it, is beyond what a fit to them can be asked."""

WITHIN = 0.003

CHOSEN = ("compute", "params", "tokens", "epochs", "params_low", "params_high", "excess", "regret")
"""Columns of a choice that are no part of the point it is for."""


@dataclass(frozen=True)
class Plan:
    """What to train with each of some budgets.

    Parameters
    ----------
    choice
        A row for each budget and row of the points, see `plan_table`, without what draws add.
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

    def probability(self, target: float) -> np.ndarray:
        """Return the probability that one new run of the plan shows at most a loss, for each row."""
        return np.asarray((self.loss <= target).mean(("chain", "draw")).to_numpy())


@asked
def plan(
    fit: Fit,
    compute: float | Sequence[float],
    points: Table | None = None,
    *,
    cost: Cost | None = None,
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
    compute
        In FLOP, a number or several.
    points
        Levels of groups and further inputs, as for `compute_optimal`: each row is planned at each budget. Every level that the
        runs have, with further inputs at their references, unless given.
    cost
        What a model costs to train and to serve; 6 FLOP a parameter and token, and no serving, unless given.
    params
        A model size that is settled: the budget then says how many tokens.
    unique_tokens
        How many different tokens there are, for a law of `unique_tokens` and `epochs`; more are repeated ones.
    within
        The share of the loss that a choice may cost and still count as good as the plan; 0.003 is 0.3 %.
    seed
        Of the scatter of new runs.

    Raises
    ------
    InputError
        As `compute_optimal` does, and where a budget lies more than six decades from the compute of the runs, a size is not
        positive or leaves nothing to train with, or the law has no input of unique tokens.
    """
    refuse_flat(fit)
    cost = Cost() if cost is None else cost
    budgets, seed = read_budgets(fit, compute), checks.seed(seed, "seed")
    _check_reach(fit, budgets, cost)
    if not (checks.is_number(within) and 0 < within < 1):
        raise InputError(f"within is a share of the loss between 0 and 1, such as 0.003 for 0.3 %, not {within}")
    rows = _with_unique(fit, every_cell(fit) if points is None else in_base_units(points, fit.runs), unique_tokens)
    every = np.tile(budgets, len(rows))
    split = law_split(fit, rows, budgets, cost)
    sizes = over_sizes(fit, size_grid(split.log_params, every, cost), every, cost, rows)
    optimum = split_as_dataset(fit, rows, budgets, cost, split_with_discrepancy(fit, sizes) if fit.model.discrepancy else split)
    near = over_sizes(fit, _around_lowest(sizes), every, cost, rows)
    best = near.mean.min(axis=1)
    low, high = np.exp(_nearly_lowest(sizes, best + within * np.abs(best)))
    chosen = np.exp(_lowest_place(near)) if params is None else _settled(params, every, cost)
    frame = split_points(fit, chosen, every, cost, rows)
    mean = posterior_expectation(fit, frame).mean(("chain", "draw")).to_numpy()
    lowest = mean if params is None else best
    choice = frame.drop(columns=["run"], errors="ignore").assign(
        compute=every,
        params=chosen,
        tokens=cost.tokens(chosen, every),
        params_low=low,
        params_high=high,
        excess=(mean - lowest) / np.abs(lowest),
        regret=mean - sizes.lowest.mean(axis=1),
    )
    loss = posterior_predictive(fit, frame.set_axis(np.zeros(len(frame), dtype=int)), seed)  # the same scatter at each budget
    loss = labelled(fit, loss, frame).assign_coords(compute=("row", every))
    shown = loss.to_numpy()
    choice = noted(choice, scatter_notes(fit, frame) + loss_notes(fit, np.isnan(shown), shown <= 0))
    return Plan(mark(choice, fit), _choices(sizes, best, every, cost), mark(optimum, fit), loss, cost, within, fit.health)


@carried
def plan_table(found: Plan, target: float | None = None) -> pd.DataFrame:
    """Return a plan as a table, a row for each budget and row of the points.

    Columns: the points' own; compute (FLOP), params, tokens, tokens_per_param: the plan; params_low, params_high: the sizes
    between which the expected loss is within the share asked for, 0 or inf where it is so at all sizes tried; excess: the share
    that the plan costs above the lowest expected loss, 0 unless its size was settled; regret: how much lower the loss would be
    on average if the truth were known; best_params_q05 .. best_tokens_q95: the posterior of the best split; loss_q05 ..
    loss_q95: one new run; distance from the runs; price and probability of the target where they were asked for.
    """
    table = found.choice.assign(tokens_per_param=found.choice["tokens"] / found.choice["params"])
    for name in ("params", "tokens"):
        draws = _by_point(found.optimum[name])
        for q in (5, 50, 95):
            table[f"best_{name}_q{q:02d}"] = [_quantile(row, q / 100) for row in draws]
    quantiles = sorted_quantiles(np.sort(_by_point(found.loss), axis=1))
    table = table.assign(**{f"loss_{q}": of for q, of in quantiles.items()})
    table["distance"] = regions(found.loss["distance"].to_numpy())
    if found.cost.price is not None:
        table["price"] = found.cost.price * table["compute"]
    return table if target is None else table.assign(probability=found.probability(target))


@carried
def plan_sentence(found: Plan, row: int = 0, target: float | None = None) -> str:
    """Return what a plan says at one of its rows, with the probability of a target where one is given."""
    optimum, loss = found.optimum.isel(row=[row]), found.loss.isel(row=[row])
    return plan_sentences(replace(found, choice=found.choice.iloc[[row]], optimum=optimum, loss=loss, health=None), target)[0]


@carried
def plan_sentences(found: Plan, target: float | None = None) -> tuple[str, ...]:
    """Return what a plan says at each of its rows, see `plan_sentence`."""
    rows = [{str(name): of for name, of in row.items()} for row in plan_table(found, target).to_dict("records")]
    return tuple(". ".join(_said(found, at, row, target)) + "." for row, at in enumerate(rows))


def plan_place(found: Plan, row: int) -> str:
    """Return what a row of a plan holds for beside its budget, as "arch moba, position 32K"; "" where nothing is."""
    return place_words({name: of for name, of in found.choice.iloc[row].items() if name not in CHOSEN})


def _said(found: Plan, at: Mapping[str, Any], row: int, target: float | None) -> list[str]:
    loss, place = found.loss.attrs, plan_place(found, row)
    budget = f"{'For ' + place + ', with' if place else 'With'} {amount(at['compute'], 'FLOP', 4)} ({found.cost.counted})"
    what, *further = _settled_words(at, loss["long_name"]) if at["excess"] else _chosen_words(at)
    said = [f"{budget} {what}", *further]
    said.append(f"{_range_words(at)} less than {percent(found.within)} of {loss['long_name']}")
    said.append(f"One run of it will show {band([at[f'loss_{q}'] for q in ('q05', 'q50', 'q95')], loss['units'])}")
    if target is not None:
        said[-1] += f", at most {exact(target)} with probability {probability(at['probability'])}"
    if at["distance"] != "inside":
        said.append(f"The plan lies {number(float(found.loss['distance'][row]), 2)} decades beyond the runs")
    if found.cost.price is not None:
        said.append(f"It costs {number(at['price'], 4)}, in the unit of the price")
    return said


def _chosen_words(at: Mapping[str, Any]) -> list[str]:
    return [
        f"train {number(at['params'])} parameters on {number(at['tokens'])} tokens, "
        f"{number(at['tokens_per_param'])} a parameter",
        f"The best size is {interval((at['best_params_q05'], at['best_params_q95']))} (90 %)",
    ]


def _settled_words(at: Mapping[str, Any], loss: str) -> list[str]:
    return [
        f"{number(at['params'])} parameters see {number(at['tokens'])} tokens",
        f"Their expected {loss} lies {percent(at['excess'])} above the lowest",
    ]


def _range_words(at: Mapping[str, Any]) -> str:
    low, high = at["params_low"], at["params_high"]
    if np.isinf(high):
        return f"Sizes from {number(low)} on cost" if low > 0 else "Any size costs"
    return f"Sizes from {number(low)} to {number(high)} cost" if low > 0 else f"Sizes up to {number(high)} cost"


def _check_reach(fit: Fit, budgets: np.ndarray, cost: Cost) -> None:
    trained = np.log10(runs_compute(fit, cost))
    off = np.maximum(np.log10(budgets) - trained.max(), trained.min() - np.log10(budgets))
    if np.any(off > DECADES):
        raise InputError(
            f"compute {exact(budgets[off.argmax()])} FLOP lies {number(off.max(), 2)} decades from the runs, which took "
            f"{number(10 ** trained.min())} to {number(10 ** trained.max())}; "
            f"expected a budget within {exact(DECADES)} decades of them"
        )


def _with_unique(fit: Fit, rows: pd.DataFrame, unique_tokens: float | None) -> pd.DataFrame:
    if unique_tokens is None:
        return rows
    checks.positive(unique_tokens, "unique_tokens")
    if moved := [name for name in UNIQUE if name not in moved_inputs(fit)]:
        raise InputError(
            f"{fit.model.law.__name__} does not read {moved}, so that it cannot say what repeated tokens are worth; "
            "expected a fit of a law that does, as data_constrained"
        )
    return rows.assign(**{UNIQUE[0]: unique_tokens})


def _settled(params: float, compute: np.ndarray, cost: Cost) -> np.ndarray:
    sizes = np.full(len(compute), float(checks.positive(params, "params")))
    if np.any(bare := cost.tokens(sizes, compute) <= 0):
        raise InputError(
            f"{exact(compute[bare][0])} FLOP do not serve {exact(cost.served_tokens)} tokens with {exact(params)} parameters; "
            "expected a smaller model or a larger budget"
        )
    return sizes


def _around_lowest(sizes: Sizes) -> np.ndarray:
    """Return a finer grid between the neighbours of the size of the lowest expected loss; a budget a row.

    Raises
    ------
    InputError
        Where that is at an end of the sizes tried.
    """
    rows, lowest = np.arange(len(sizes.mean)), sizes.mean.argmin(axis=1)
    if np.isinf(sizes.mean.min(axis=1)).any():
        raise InputError(
            "the law gives no finite loss at any of the sizes that a budget could train; expected one within its reach"
        )
    last = sizes.mean.shape[1] - 1
    if np.any(end := (lowest == 0) | (lowest == last)):
        row = int(np.flatnonzero(end)[0])
        raise InputError(
            f"the expected loss only falls towards {'larger' if lowest[row] else 'smaller'} models, as far as "
            f"{number(np.exp(sizes.log_params[row, lowest[row]]))} parameters: there is no split to plan"
        )
    return np.linspace(sizes.log_params[rows, lowest - 1], sizes.log_params[rows, lowest + 1], NEAR, axis=1)


def _lowest_place(near: Sizes) -> np.ndarray:
    """Return the logarithm of the size of the lowest expected loss, by the parabola through the three lowest places."""
    rows = np.arange(len(near.mean))
    i = np.clip(near.mean.argmin(axis=1), 1, NEAR - 2)
    left, middle, right = (near.mean[rows, i + step] for step in (-1, 0, 1))
    return np.asarray(near.log_params[rows, i] + vertex(left, middle, right) * (near.log_params[:, 1] - near.log_params[:, 0]))


def _nearly_lowest(sizes: Sizes, limit: np.ndarray) -> np.ndarray:
    """Return the logarithms of the ends of the range about the lowest expected loss in which it is below a limit."""
    return np.array([_dip(*row) for row in zip(sizes.log_params, sizes.mean, limit, strict=True)]).T


def _dip(at: np.ndarray, mean: np.ndarray, limit: float) -> tuple[float, float]:
    known = np.isfinite(mean)  # a law may overflow at sizes that leave hardly a token
    fine = np.linspace(at[known][0], at[known][-1], FINE * (len(at) - 1) + 1)
    values = PchipInterpolator(at[known], mean[known])(fine)
    i = int(values.argmin())
    below, above = np.flatnonzero(values[:i] > limit), np.flatnonzero(values[i:] > limit)
    low = _crossing(fine, values, int(below[-1]), limit) if len(below) else -np.inf
    return low, _crossing(fine, values, i + int(above[0]) - 1, limit) if len(above) else np.inf


def _crossing(at: np.ndarray, values: np.ndarray, i: int, limit: float) -> float:
    """Return where a curve passes a limit between two neighbouring points."""
    return float(at[i] + (limit - values[i]) / (values[i + 1] - values[i]) * (at[i + 1] - at[i]))


def _choices(sizes: Sizes, best: np.ndarray, compute: np.ndarray, cost: Cost) -> pd.DataFrame:
    """Return what each size tried would cost above the plan, and above what could be had if the truth were known."""
    count = sizes.log_params.shape[1]
    params, every = np.exp(sizes.log_params).ravel(), np.repeat(compute, count)
    lowest, known = best[:, None], sizes.lowest.mean(axis=1, keepdims=True)
    columns = {"row": np.repeat(np.arange(len(compute)), count), "compute": every, "params": params}
    excess = (sizes.mean - lowest) / np.abs(lowest)
    return pd.DataFrame(
        columns | {"tokens": cost.tokens(params, every), "excess": excess.ravel(), "regret": (sizes.mean - known).ravel()}
    )


def _by_point(draws: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a point a row."""
    return np.asarray(draws.transpose("row", "chain", "draw").to_numpy().reshape(draws.sizes["row"], -1))


def _quantile(draws: np.ndarray, q: float) -> float:
    """Return a quantile of the draws that are numbers."""
    known = draws[~np.isnan(draws)]
    return float(np.quantile(known, q)) if len(known) else np.nan
