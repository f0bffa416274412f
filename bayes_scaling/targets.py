"""The compute that a target asks for."""

import numpy as np
import xarray as xr

from bayes_scaling.allocation import runs_compute
from bayes_scaling.calls import asked
from bayes_scaling.costs import Cost
from bayes_scaling.errors import InputError
from bayes_scaling.fitting import Fit
from bayes_scaling.health import carried
from bayes_scaling.planning import DECADES, plan
from bayes_scaling.runs import Table

BUDGETS = 73
"""Budgets tried on the way to a target."""


@carried
@asked
def compute_needed(
    fit: Fit,
    target: float,
    points: Table | None = None,
    *,
    cost: Cost | None = None,
    params: float | None = None,
    unique_tokens: float | None = None,
    seed: int = 0,
) -> xr.DataArray:
    """Return draws of the compute with which one new run, planned by `plan`, first shows a loss.

    Its quantiles are compute that reaches the target with that probability: the 0.9 quantile nine times in ten. inf in draws
    that are not there a million times beyond the runs; those for which a tenth of the smallest run's is enough have that.

    target: in the unit of the loss. Others: as for `plan`; the points have one row.

    Dimensions chain, draw.

    Raises InputError as `plan` does, and where no draw, or every draw, reaches the target within that range.
    """
    cost = Cost() if cost is None else cost
    budgets = _on_the_way(fit, cost, params)
    asked = plan(fit, budgets, cost=cost, params=params, unique_tokens=unique_tokens, points=points, seed=seed)
    if (rows := len(asked.choice) // len(budgets)) > 1:
        raise InputError(f"the compute needed for a target is asked for one point at a time; {rows} are given")
    return _first_below(asked.loss, np.log(budgets), target)


def _on_the_way(fit: Fit, cost: Cost, params: float | None) -> list[float]:
    """Return budgets from a tenth of the smallest run's to a million times the largest's that leave something to train with."""
    trained = runs_compute(fit, cost)
    least = fit.runs.table["params"].min() if params is None else params
    start = max(float(trained.min()) / 10, 2 * float(cost.serving(np.asarray(least))))
    return [float(of) for of in np.geomspace(start, trained.max() * 10 ** (DECADES - 0.01), BUDGETS)]


def _first_below(losses: xr.DataArray, log_compute: np.ndarray, target: float) -> xr.DataArray:
    """Return draws of the compute at which losses along a rising budget first are at most a target."""
    values = losses.transpose("chain", "draw", "point").to_numpy()
    unit = str(losses.attrs["units"])
    reached = values <= target
    if not reached.any():
        low, middle, high = np.quantile(values[..., -1], [0.05, 0.5, 0.95])
        raise InputError(
            f"no draw reaches {target:g} {unit} with up to {np.exp(log_compute[-1]):.3g} FLOP; one run there shows "
            f"{middle:.4g} (90 %: {low:.4g} to {high:.4g})"
        )
    if reached[..., 0].all():
        least = np.exp(log_compute[0])
        raise InputError(f"every draw is below {target:g} {unit} with {least:.3g} FLOP already; expected a lower target")
    after = reached.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    loss = [np.take_along_axis(values, i[..., None], -1)[..., 0] for i in (before, after)]
    drop = loss[0] - loss[1]
    part = np.where(after > 0, (loss[0] - target) / np.where(drop > 0, drop, 1.0), 1.0)
    place = log_compute[before] + part * (log_compute[after] - log_compute[before])
    found = np.where(reached.any(axis=-1), np.exp(place), np.inf)
    return xr.DataArray(
        found, dims=("chain", "draw"), attrs={"units": "FLOP", "long_name": "compute needed"}, name="compute_needed"
    )


@carried
def needed_sentence(needed: xr.DataArray, target: float, probability: float, unit: str) -> str:
    """Return which compute reaches a target with a probability, and the middle of what it may take."""
    asked, low, middle, high = (
        np.quantile(needed.to_numpy(), q, method="inverted_cdf") for q in (probability, 0.05, 0.5, 0.95)
    )
    never = float(np.isinf(needed).mean())
    if np.isinf(asked):
        return (
            f"No budget tried reaches {target:g} {unit} with probability {probability:g}: in {never:.0%} of draws a million "
            "times the compute of the runs is not enough."
        )
    ends = f"{low:.3g} to {high:.3g}" if np.isfinite(high) else f"from {low:.3g} on, and in {never:.0%} of draws none"
    return (
        f"{asked:.3g} FLOP, spent so, reach {target:g} {unit} with probability {probability:g}; what it takes is "
        f"{middle:.3g} (90 %: {ends})."
    )
