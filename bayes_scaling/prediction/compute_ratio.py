"""How much more compute one level of a group needs than another, and where the better of them changes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, spaced_name
from bayes_scaling.data.distance import distance, region
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior, draws_of
from bayes_scaling.prediction.arms import both_levels, notes_of
from bayes_scaling.prediction.budget_curves import Path, along_curve, powers_along, rising_elements, to_reach
from bayes_scaling.prediction.costs import (
    Costed,
    axis_name,
    both_ways,
    converted,
    extrapolated_note,
    multiple_bought,
    read_cost,
)
from bayes_scaling.prediction.crossings import meeting, multiples
from bayes_scaling.prediction.notes import left_out, noted

RATIO = "compute_ratio"
"""Name of its draws, and the key of what `is_ratio` goes by."""

MADE = ("crossing", "exists", "unknown", "a_ahead")
"""Variables of a crossover, which an input of the same name would hide."""

CROSSOVER_PLACES = 65
"""Places at which a crossover is looked for."""


@carried
@asked
def compute_ratio(
    fit: Posterior, group: str, a: object, b: object, points: Table, along: Path = None, *, cost: Costed = None
) -> xr.DataArray:
    """Return draws of how many times the stated compute level `a` needs for the loss that level `b` has at each point.

    m solves L_a(m C) = L_b(C), the nearest to 1 on the side where it lies; below 1 where a is better: of an accuracy, where it
    is higher. inf where a does not get there with a million times as much (its irreducible loss may be higher), 0 where a
    millionth is enough. NaN in draws in which the loss of b is not above 0, or the law of a is not defined on the way;
    `attrs["notes"]` counts them.

    m is of the law's own axis. In another cost k the same draws are K_a(m C) / K_b(C), where K is what runs of a level took:
    interpolated between them, and extrapolated beyond, which the coordinate `extrapolated` marks. `attrs["cost"]` names it.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    group
        A group that the law varies over, as "attention".
    a, b
        Two of its levels: A against B.
    points
        As for `predict`; a column for `group` is not needed and not used.
    along
        The input that stands for compute, or input -> power for a budget spread over several (each input is multiplied by
        m^power, say {"params": 0.5, "tokens": 0.5}); the only input of a law is found without asking.
    cost
        The compute to count in: a name of `Columns.costs`, or a `Cost`; the law's own axis unless given.

    Returns
    -------
    DataArray
        Dimensions chain, draw, row; the points and their `distance` from the runs are coordinates along row. `summarize` tells
        apart how much more is needed and how probably no more is enough.

    Raises
    ------
    InputError
        As `contrast` does, and where `along` is needed or names no input.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> ratio = bs.compute_ratio(before, "attention", "moba", "full", {"compute": [1.5, 10.0], "position": 30720})
    >>> ratio.dims
    ('chain', 'draw', 'row')
    """
    powers = powers_along(fit, along)
    one, other = both_levels(fit, group, a, b, points)
    wanted = to_reach(along_curve(fit, other, powers), positive=fit.runs.columns.response.positive)
    times = multiples(along_curve(fit, one, powers), wanted, rising=rising_elements(fit, other))
    times = times.reshape(*draws_of(fit), len(other))
    why = f"the {fit.runs.columns.response.name} to reach is not above 0, or the law is not defined on the way"
    notes = notes_of(fit, group, other, one) + left_out(np.isnan(times), why)
    asked, beyond = read_cost(fit, cost), None
    if asked is not None:
        times, beyond = converted(*both_ways(fit, asked, group, (one, other), powers), times)
        notes += extrapolated_note(asked, beyond)
    named = f"{ratio_of(powers) if asked is None else 'compute'} ratio"
    shaped = _by_point(fit, times, other, group).rename(RATIO).assign_attrs(long_name=named, units="")
    if beyond is not None:
        shaped = shaped.assign_coords(extrapolated=("row", beyond))
    shaped.encoding[RATIO] = True
    return noted(shaped.assign_attrs(cost=axis_name(fit, powers) if asked is None else asked.counted), notes)


def ratio_of(powers: Mapping[str, float]) -> str:
    """Return what a ratio along a path is of: the one input that grows, or of several their compute.

    Examples
    --------
    >>> ratio_of({"compute": 1.0}), ratio_of({"params": 1.0}), ratio_of({"params": 0.5, "tokens": 0.5})
    ('compute', 'params', 'compute')
    """
    return spaced_name(next(iter(powers))) if len(powers) == 1 else "compute"


def is_ratio(draws: xr.DataArray) -> bool:
    """Return whether draws are what `compute_ratio` returns, or some of them, and not what was computed of it.

    Arithmetic keeps names and attributes, and drops encodings, but for arithmetic in place, which may leave numbers below 0.
    """
    return RATIO in draws.encoding and not bool((draws < 0).any())


@carried
@asked
def crossover(
    fit: Posterior,
    group: str,
    a: object,
    b: object,
    points: Table,
    below: float,
    along: Path = None,
    *,
    cost: Costed = None,
) -> xr.Dataset:
    """Return draws of the compute at which the better of two levels changes, upward from each point.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    group, a, b
        A group that the law varies over, and two of its levels.
    points
        As for `predict`; the search goes up from each.
    below
        The budget up to which to look, in the unit of that input, or of the cost; more than the points have.
    along
        As for `compute_ratio`.
    cost
        The compute at which the two are equal, as for `compute_ratio`: the search goes up from what b costs at each point.

    Returns
    -------
    Dataset
        Variables with dimensions chain, draw, row.
        crossing: value of the (first) input in `along`, or of the cost, where L_a = L_b for the first time, NaN where that is
        nowhere below `below`. exists: whether there is such a crossing; its mean over draws is the probability. unknown:
        whether a loss is not above 0, or not defined, before any crossing: the search ended there, and `exists` is false.
        a_ahead: whether a is the better one at the point itself, before any crossing.

    Raises
    ------
    InputError
        As `compute_ratio` does, and where a point is not below the budget.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> place = {"compute": [1.5], "position": 30720}
    >>> found = bs.crossover(before, "attention", "moba", "full", place, below=100.0)
    >>> 0.0 <= float(found["exists"].mean()) <= 1.0
    True
    """
    powers = powers_along(fit, along)
    lead = next(iter(powers))
    one, other = both_levels(fit, group, a, b, points)
    asked = read_cost(fit, cost)
    pair = None if asked is None else both_ways(fit, asked, group, (one, other), powers)
    start = one[lead].to_numpy() if pair is None else np.exp(np.concatenate([of.at(np.zeros(1)) for of in pair[1]]))
    what = lead if asked is None else asked.counted
    if not (start < below).all():
        raise InputError(
            f"the budget {exact(below)} must lie above every point; the largest {what} is {exact(float(start.max()))}"
        )
    power = powers[lead] if pair is None else 1.0
    reach = np.log(below / start) / power
    bought = (None, None) if pair is None else tuple(multiple_bought(of, np.log(start)) for of in pair)
    first, second = (along_curve(fit, arm, powers, reach, of) for arm, of in zip((one, other), bought, strict=True))
    places, positive = np.linspace(0.0, 1.0, CROSSOVER_PLACES), fit.runs.columns.response.positive
    met = meeting(first, second, places, positive=positive, rising=rising_elements(fit, one))
    share, unknown = (_by_point(fit, of, one, group) for of in (met.place, met.unknown))
    crossing = xr.DataArray(start, dims="row") * np.exp(share * xr.DataArray(power * reach, dims="row"))
    found = {"crossing": crossing, "exists": np.isfinite(crossing), "unknown": unknown}
    found["a_ahead"] = _by_point(fit, met.lead < 0, one, group)
    end = f"{what} {exact(below)}"
    why = f"one of the two is not above 0, or not defined, before {end}: no crossover was searched for from there on"
    notes = notes_of(fit, group, one, other) + left_out(met.unknown, why)
    made = xr.Dataset(found).transpose("chain", "draw", "row")
    if pair is None or asked is None:
        return noted(made, notes)
    beyond = np.array([any(of.beyond(of.place_of(np.log(below))) for of in two) for two in zip(*pair, strict=True)])
    made = made.assign_coords(extrapolated=("row", beyond)).assign_attrs(cost=asked.counted, units=asked.base_unit)
    return noted(made, notes + extrapolated_note(asked, beyond))


def _by_point(fit: Posterior, values: np.ndarray, points: pd.DataFrame, group: str) -> xr.DataArray:
    """Return elements as draws along points, with the points' coordinates but those of the group."""
    named = {group, "run", *MADE}
    decades = distance(fit.runs, points)
    coords: dict[str, Any] = {str(name): ("row", points[name].to_numpy()) for name in points if name not in named}
    coords |= {"distance": ("row", decades), "region": ("row", [region(of) for of in decades])}
    return xr.DataArray(values.reshape(*draws_of(fit), len(points)), coords, ("chain", "draw", "row"))
