"""The compute that a target asks for."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.numbers import amount, band, exact, percent, place_words
from bayes_scaling._base.quantiles import median_interval
from bayes_scaling.data.cost import Cost
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.allocation import runs_compute
from bayes_scaling.decisions.group_cells import every_cell, for_new_run
from bayes_scaling.decisions.plan import Plan, plan
from bayes_scaling.decisions.plan_search import DECADES
from bayes_scaling.decisions.plan_sentences import plan_place
from bayes_scaling.decisions.spending import Spent, asked_cost, spending
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.laws.units import FLOP
from bayes_scaling.prediction.costs import Costed
from bayes_scaling.prediction.notes import noted

BUDGETS = 73
"""Budgets tried on the way to a target."""

MAX_POINTS_NAMED = 6
"""Points named in an error."""


@carried
@asked
def compute_needed(
    fit: Posterior,
    target: float,
    points: Table | None = None,
    *,
    cost: Costed = None,
    params: float | None = None,
    unique_tokens: float | None = None,
    seed: int = 0,
) -> xr.DataArray:
    """Return draws of the compute with which one new run, planned by `plan`, first shows a loss.

    Its quantiles are compute that reaches the target with that probability: the 0.9 quantile nine times in ten. inf in draws
    that are not there a million times beyond the runs; those for which a tenth of the smallest run's is enough have that.

    Parameters
    ----------
    fit
        A fit, or draws from a prior.
    target
        In the unit of the loss.
    points
        As for `plan`, one row.
    cost, params, unique_tokens, seed
        As for `plan`.

    Returns
    -------
    DataArray
        Compute in FLOP, or the unit of the cost; dimensions chain, draw.

    Raises
    ------
    InputError
        As `plan` does, and where no draw, or every draw, reaches the target within that range.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> needed = bs.compute_needed(before, 2.9)
    >>> needed.attrs["units"]
    'FLOP'
    """
    target = checks.finite(target, "target")
    rows = every_cell(fit) if points is None else for_new_run(fit, in_base_units(points, fit.runs))
    spent = spending(fit, cost, rows)
    budgets = _on_the_way(fit, spent, params)
    asked = plan(fit, budgets, cost=asked_cost(spent), params=params, unique_tokens=unique_tokens, points=points, seed=seed)
    if len(asked.choice) > len(budgets):
        raise InputError(f"the compute needed for a target is asked for one point at a time; {_several(asked, len(budgets))}")
    found = _first_below(asked.loss, np.log(budgets), target, spent.base_unit)
    return noted(found.assign_attrs(counted=spent.counted, place=plan_place(asked, 0)), asked.notes)


def _several(asked: Plan, budgets: int) -> str:
    places = [plan_place(asked, row) for row in range(0, len(asked.choice), budgets)]
    return f"there are {len(places)}: {'; '.join(places[:MAX_POINTS_NAMED])}{'; ...' if len(places) > MAX_POINTS_NAMED else ''}"


def _on_the_way(fit: Posterior, cost: Spent, params: float | None) -> list[float]:
    """Return budgets from a tenth of the smallest run's to a million times the largest's that leave something to train with."""
    trained = runs_compute(fit, cost)
    least = fit.runs.table["params"].min() if params is None else params
    start = max(float(trained.min()) / 10, 2 * float(cost.serving(np.asarray(least))))
    return [float(of) for of in np.geomspace(start, trained.max() * 10 ** (DECADES - 0.01), BUDGETS)]


def _first_below(losses: xr.DataArray, log_compute: np.ndarray, target: float, of: str) -> xr.DataArray:
    """Return draws of the compute at which losses along a rising budget first are at most a target."""
    values = losses.transpose("chain", "draw", "row").to_numpy()
    unit = str(losses.attrs["units"])
    reached = values <= target
    if not reached.any():
        low, middle, high = median_interval(values[..., -1])
        raise InputError(
            f"no draw reaches {exact(target)} {unit} with up to {amount(np.exp(log_compute[-1]), of)}; one run there shows "
            f"{band((low, middle, high))}"
        )
    if reached[..., 0].all():
        least = np.exp(log_compute[0])
        raise InputError(
            f"every draw is below {exact(target)} {unit} with {amount(least, of)} already; expected a lower target"
        )
    after = reached.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    loss = [np.take_along_axis(values, i[..., None], -1)[..., 0] for i in (before, after)]
    drop = loss[0] - loss[1]
    part = np.where(after > 0, (loss[0] - target) / np.where(drop > 0, drop, 1.0), 1.0)
    place = log_compute[before] + part * (log_compute[after] - log_compute[before])
    found = np.where(reached.any(axis=-1), np.exp(place), np.inf)
    return xr.DataArray(
        found, dims=("chain", "draw"), attrs={"units": of, "long_name": "compute needed"}, name="compute_needed"
    )


def needed_sentences(fit: Posterior, target: float, probability: float, points: pd.DataFrame, **asked: Any) -> list[str]:
    """Return what a target asks for at each of some points, see `needed_sentence`; of several, those without an answer say why.

    Parameters
    ----------
    asked
        Further arguments of `compute_needed`.
    """
    found = []
    for row in range(len(points)):
        try:
            needed = compute_needed(fit, target, points=points.iloc[[row]], **asked)
            found.append(needed_sentence(needed, target, probability, fit.runs.columns.response.unit))
        except InputError as error:
            if len(points) == 1:
                raise
            found.append(f"For {place_words(points.iloc[row].to_dict())}: {one_line(error)}.")
    return found


@carried
def needed_sentence(needed: xr.DataArray, target: float, probability: float, unit: str) -> str:
    """Return which compute reaches a target with a probability, and the middle of what it may take."""
    asked, low, middle, high = (
        np.quantile(needed.to_numpy(), q, method="inverted_cdf") for q in (probability, 0.05, 0.5, 0.95)
    )
    never, of = float(np.isinf(needed).mean()), str(needed.attrs.get("place", ""))
    place, spent = f"For {of}: " if of else "", str(needed.attrs.get("units", FLOP))
    if np.isinf(asked):
        return (
            f"{place}No budget tried reaches {exact(target)} {unit} with probability {exact(probability)}. "
            f"In {percent(never)} of draws a million times the compute of the runs is not enough."
        )
    none = f" In {percent(never)} of draws no budget tried is enough." if never else ""
    return (
        f"{place}{amount(asked, spent)} ({needed.attrs.get('counted', Cost().counted)}), split as planned, reach "
        f"{exact(target)} {unit} with probability {exact(probability)}. What it takes is "
        f"{band((low, middle, high), spent)}.{none}"
    )
