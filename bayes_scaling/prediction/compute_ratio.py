"""How much more compute one level of a group needs than another, and where the better of them changes."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling._base.quantiles import QUANTILES
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior, draws_of
from bayes_scaling.prediction.along import Path, along_curve, powers_along, to_reach
from bayes_scaling.prediction.arms import both_levels, notes_of
from bayes_scaling.prediction.crossings import meeting, multiples
from bayes_scaling.prediction.notes import left_out, noted

MADE = ("crossing", "exists", "unknown", "a_ahead")
"""Variables of a crossover, which an input of the same name would hide."""


GRID = 65
"""Places at which a crossover is looked for."""


@carried
@asked
def compute_multiplier(fit: Posterior, group: str, a: object, b: object, points: Table, along: Path = None) -> xr.DataArray:
    """Return draws of how much more compute level `b` needs to reach the loss that level `a` has at each point.

    m solves L_b(m C) = L_a(C), the nearest to 1 on the side where it lies; above 1 where a is better. inf where b does not
    get there with a million times as much (its irreducible loss may be higher), 0 where a millionth is enough. NaN in draws in
    which the loss of a is not above 0, or the law of b is not defined on the way; `attrs["notes"]` counts them.

    Summaries: `multiplier_table`, which tells apart how much more is needed and how probably no more is enough.

    Parameters
    ----------
    along
        The input that stands for compute, or input -> power for a budget spread over several (each input is multiplied by
        m^power, say {"params": 0.5, "tokens": 0.5}); the only input of a law is found without asking.

    Raises
    ------
    InputError
        As `contrast` does, and where `along` is needed or names no input.
    """
    powers = powers_along(fit, along)
    one, other = both_levels(fit, group, a, b, points)
    wanted = to_reach(along_curve(fit, one, powers), positive=fit.runs.columns.response.positive)
    times = multiples(along_curve(fit, other, powers), wanted)
    shaped = _by_point(fit, times, one, group).rename("compute_multiplier")
    why = "the loss to reach is not above 0, or the law is not defined on the way"
    return noted(shaped, notes_of(fit, group, one, other) + left_out(np.isnan(shaped.to_numpy()), why))


@carried
@asked
def multiplier_table(multiplier: xr.DataArray) -> pd.DataFrame:
    """Return the points of compute multipliers with their quantiles, and how probably there is none.

    Columns: the coordinates of the points; q05, q25, q50, q75, q95 among draws that have a multiplier; p_never_reached,
    the share in which a million times the compute is not enough, and p_always_reached, in which a millionth is; p_unknown, the
    share that is not defined. Quantiles are NaN where no draw has one.

    Parameters
    ----------
    multiplier
        What `compute_multiplier` returns.
    """
    rows = [reached(draws) for draws in multiplier.transpose("row", "chain", "draw").to_numpy()]
    columns = {str(name): of.to_numpy() for name, of in multiplier.coords.items() if of.dims == ("row",)}
    table = pd.DataFrame(columns | {name: [row[name] for row in rows] for name in rows[0]})
    return noted(table, tuple(multiplier.attrs.get("notes", ())))


def reached(draws: np.ndarray) -> dict[str, float]:
    """Return quantiles of the multipliers that there are, and the shares of draws in which there is none."""
    known = draws[~np.isnan(draws)]
    there = known[np.isfinite(known) & (known > 0)]
    found = {name: float(np.quantile(there, q)) if len(there) else np.nan for name, q in QUANTILES.items()}
    shares = {"p_never_reached": np.isinf(known), "p_always_reached": known == 0}
    found |= {name: float(of.mean()) if len(known) else np.nan for name, of in shares.items()}
    return found | {"p_unknown": 1.0 - len(known) / draws.size}


@carried
@asked
def crossover(fit: Posterior, group: str, a: object, b: object, points: Table, below: float, along: Path = None) -> xr.Dataset:
    """Return draws of the compute at which the better of two levels changes, upward from each point.

    Variables, with dimensions chain, draw, row:
    crossing: value of the (first) input in `along` where L_a = L_b for the first time, NaN where that is nowhere below `below`.
    exists: whether there is such a crossing; its mean over draws is the probability.
    unknown: whether a loss is not above 0, or not defined, before any crossing: the search ended there, and `exists` is false.
    a_ahead: whether a is the better one at the point itself, before any crossing.

    Parameters
    ----------
    below
        The budget up to which to look, in the unit of that input; more than the points have.
    along
        As for `compute_multiplier`.

    Raises
    ------
    InputError
        As `compute_multiplier` does, and where a point is not below the budget.
    """
    powers = powers_along(fit, along)
    lead = next(iter(powers))
    one, other = both_levels(fit, group, a, b, points)
    start = one[lead].to_numpy()
    if not (start < below).all():
        raise InputError(
            f"the budget {exact(below)} must lie above every point; the largest {lead} is {exact(float(start.max()))}"
        )
    reach = np.log(below / start) / powers[lead]
    first, second = (along_curve(fit, arm, powers, reach) for arm in (one, other))
    met = meeting(first, second, np.linspace(0.0, 1.0, GRID), positive=fit.runs.columns.response.positive)
    share, unknown = (_by_point(fit, of, one, group) for of in (met.place, met.unknown))
    crossing = xr.DataArray(start, dims="row") * np.exp(share * xr.DataArray(powers[lead] * reach, dims="row"))
    found = {"crossing": crossing, "exists": np.isfinite(crossing), "unknown": unknown}
    found["a_ahead"] = _by_point(fit, met.lead < 0, one, group)
    why = f"a loss is not above 0, or not defined, before {lead} {exact(below)}: no crossover was sought from there on"
    notes = notes_of(fit, group, one, other) + left_out(met.unknown, why)
    return noted(xr.Dataset(found).transpose("chain", "draw", "row"), notes)


def _by_point(fit: Posterior, values: np.ndarray, points: pd.DataFrame, group: str) -> xr.DataArray:
    """Return elements as draws along points, with the points' coordinates but those of the group."""
    named = {group, "run", *MADE}
    coords = {str(name): ("row", points[name].to_numpy()) for name in points if name not in named}
    return xr.DataArray(values.reshape(*draws_of(fit), len(points)), coords, ("chain", "draw", "row"))
