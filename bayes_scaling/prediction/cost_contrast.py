"""Two levels at equal cost, under every cost that the runs have: the loss of a over that of b, and what multiple a needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.numbers import band
from bayes_scaling._base.quantiles import INTERVAL, reached
from bayes_scaling.data.cost import Cost
from bayes_scaling.inference.expectation import at, posterior_expectation
from bayes_scaling.inference.stacking import Posterior, draws_of
from bayes_scaling.prediction.budget_curves import Path, along_curve, moved_by, powers_along, rising_elements, to_reach
from bayes_scaling.prediction.costs import Costed, at_equal_cost, axis_name, both_ways, converted, is_axis, read_cost
from bayes_scaling.prediction.crossings import multiples

MAX_POINTS = 500
"""A contrast of more points is of the law's own axis, or of the cost that is asked for, alone."""

type Arms = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class EqualCost:
    """Where level a costs what b does, at points of b.

    Parameters
    ----------
    cost
        Under which.
    powers
        Input -> the power with which it grows with the budget.
    place
        For each point the logarithm of the multiple of its budget.
    beyond
        Whether the cost is extrapolated there.
    """

    cost: Cost
    powers: Mapping[str, float]
    place: np.ndarray
    beyond: np.ndarray

    def losses(self, fit: Posterior, frame: pd.DataFrame, rows: slice = slice(None)) -> xr.DataArray:
        """Return draws of the loss of a's points, or of some rows of them, at that cost."""
        part = frame.iloc[rows]
        moved: xr.DataArray = at(fit, part, moved_by(fit, part, self.powers, xr.DataArray(self.place[rows], dims="row")))
        return moved


def equal_cost(fit: Posterior, group: str, arms: Arms, cost: Costed, along: Path) -> EqualCost | None:
    """Return where the first arm costs what the second does; None where it is asked for the law's own inputs."""
    asked = read_cost(fit, cost)
    if asked is None:
        return None
    powers = powers_along(fit, along)
    place, beyond = at_equal_cost(*both_ways(fit, asked, group, arms, powers))
    return EqualCost(asked, powers, place, beyond)


def own_name(fit: Posterior, along: Path) -> str:
    """Return what a law's own axis counts; empty where the runs have no costs, or the law no axis of its own."""
    try:
        return axis_name(fit, powers_along(fit, along)) if fit.runs.columns.costs else ""
    except InputError:
        return ""


def every_cost(fit: Posterior, group: str, arms: Arms, along: Path) -> tuple[xr.Dataset | None, tuple[str, ...]]:
    """Return draws of L_a / L_b at equal cost and of the multiple a needs, under the law's own axis and each cost of the runs.

    Variables ratio (difference where the response may be negative) and multiplier, with dimensions cost, chain, draw, row, and
    `extrapolated` with cost, row. None where the runs have no costs, or the law no axis of its own. And why a cost is left out.
    """
    if not fit.runs.columns.costs:
        return None, ()
    if len(arms[0]) > MAX_POINTS:
        return None, (f"costs are compared at up to {MAX_POINTS} points; there are {len(arms[0])}",)
    try:
        powers = powers_along(fit, along)
    except InputError:
        return None, ()
    positive = fit.runs.columns.response.positive
    losses = [posterior_expectation(fit, arm).reset_coords(drop=True) for arm in arms]
    wanted = to_reach(along_curve(fit, arms[1], powers), positive=positive)
    times = multiples(along_curve(fit, arms[0], powers), wanted, rising=rising_elements(fit, arms[1]))
    times = times.reshape(*draws_of(fit), len(arms[1]))
    own, lead = axis_name(fit, powers), next(iter(powers))
    found, notes = {own: (losses[0], times, np.zeros(len(arms[1]), dtype=bool))}, []
    for cost in (one for one in fit.runs.columns.costs.values() if not is_axis(one, lead) and not one.served_tokens):
        try:
            pair = both_ways(fit, cost, group, arms, powers)
            place, beyond = at_equal_cost(*pair)
            here, also = converted(*pair, times)
        except InputError as error:
            notes.append(f"nothing is said by {cost.counted}: {one_line(error)}")
            continue
        moved = EqualCost(cost, powers, place, beyond).losses(fit, arms[0])
        found[cost.counted] = (moved.reset_coords(drop=True), here, beyond | also)
    return _dataset(found, losses[1], positive=positive), tuple(notes)


def _dataset(
    found: Mapping[str, tuple[xr.DataArray, np.ndarray, np.ndarray]], other: xr.DataArray, *, positive: bool
) -> xr.Dataset:
    """Return the comparison under each cost as draws with a dimension for the costs."""
    costs = xr.DataArray(list(found), dims="cost")
    one = xr.concat([of for of, _, _ in found.values()], "cost")
    compared = (one / other).where((one > 0) & (other > 0)) if positive else one - other
    dims = ("cost", "chain", "draw", "row")
    return xr.Dataset(
        {
            "ratio" if positive else "difference": compared.transpose(*dims),
            "multiplier": (dims, np.stack([times for _, times, _ in found.values()])),
            "extrapolated": (("cost", "row"), np.stack([beyond for _, _, beyond in found.values()])),
        }
    ).assign_coords(cost=costs)


def cost_table(found: xr.Dataset, points: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each point and cost: loss at equal cost, multiples, and whether the cost is extrapolated."""
    rows = []
    name = "ratio" if "ratio" in found else "difference"
    for row in range(found.sizes["row"]):
        for cost in found["cost"].to_numpy().tolist():
            here = found.sel(cost=cost).isel(row=row)
            times = reached(here["multiplier"].to_numpy().ravel())
            known = here[name].to_numpy().ravel()
            known = known[np.isfinite(known)]
            loss = np.quantile(known, list(INTERVAL.values())) if len(known) else np.full(len(INTERVAL), np.nan)
            said: dict[str, object] = {str(key): of for key, of in points.iloc[row].to_dict().items()} | {"cost": cost}
            said |= {f"{name if name == 'ratio' else 'diff'}_{q}": of for q, of in zip(INTERVAL, loss, strict=True)}
            said |= {f"multiplier_{q}": times[q] for q in INTERVAL}
            said |= {key: of for key, of in times.items() if key.startswith("p_")}
            rows.append(said | {"extrapolated": bool(here["extrapolated"])})
    return pd.DataFrame(rows)


def cost_sentences(found: xr.Dataset, row: int, a: object, b: object, loss: str, unit: str) -> list[str]:
    """Return what a costs against b at a point under each cost, a sentence each."""
    table = cost_table(found.isel(row=[row]), pd.DataFrame(index=[0])).to_dict("records")
    return [_sentence({str(key): of for key, of in one.items()}, i == 0, a, b, loss, unit) for i, one in enumerate(table)]


def _sentence(row: Mapping[str, object], own: bool, a: object, b: object, loss: str, unit: str) -> str:
    said = f"By {row['cost']}, {a} {times_words(row, b, loss)}"
    name = "ratio" if "ratio_q50" in row else "diff"
    ends = [float(row[f"{name}_{q}"]) for q in INTERVAL]  # type: ignore[arg-type]
    cost = band([100 * (of - 1) for of in ends], "%", signed=True) if name == "ratio" else band(ends, unit, signed=True)
    said += "" if own else f"; at equal cost its {loss} is {cost}"
    return f"{said}{' (cost extrapolated)' if row['extrapolated'] else ''}."


def times_words(row: Mapping[str, object], other: object, loss: str = "loss") -> str:
    """Return "needs 1.56 times as much as full for the same loss (90 %: 1.4 to 1.8)"."""
    ends = [float(row[f"multiplier_{q}"]) for q in INTERVAL]  # type: ignore[arg-type]
    if np.isnan(ends[1]):
        never = float(row["p_never_reached"])  # type: ignore[arg-type]
        return (
            f"needs more than a million times as much as {other} for the same {loss}"
            if never > 0.5
            else (f"needs what cannot be said against {other}: the law is not defined on the way")
        )
    middle, rest = band(ends).split(" ", 1)
    return f"needs {middle} times as much as {other} for the same {loss} {rest}"
