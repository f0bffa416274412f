"""Two levels of a group side by side: difference, ratio, compute multiplier, crossover. All as draws until a table is made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.counts import in_base_units
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.reading import read_points
from bayes_scaling.data.schedules import check_logarithms
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows, at, log_inputs, posterior_expectation
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior, draws_of, groups_needed, inputs_read
from bayes_scaling.prediction.crossings import Curve, meeting, multiples
from bayes_scaling.prediction.notes import left_out, noted, notes_on
from bayes_scaling.prediction.predict import BLOCK, QUANTILES, beside, labelled, mean_known, sorted_quantiles

type Path = str | Mapping[str, float] | None

MADE = ("crossing", "exists", "unknown", "a_ahead")
"""Variables of a crossover, which an input of the same name would hide."""

GRID = 65
"""Places at which a crossover is looked for."""


@carried
@asked
def contrast(fit: Posterior, group: str, a: object, b: object, points: Table) -> xr.Dataset:
    """Return draws of what level `a` of a group differs from level `b` at points: `difference` and `ratio` of the loss.

    difference = L_a - L_b, in the unit of the loss; ratio = L_a / L_b, among losses above 0.

    Draws in which one of the two losses is not above 0 have no ratio; `attrs["notes"]` says how many. Where the response may be
    negative there is no variable `ratio`.

    Parameters
    ----------
    points
        As for `predict`; a column for `group` is not needed and not used.

    Raises
    ------
    InputError
        Where the law does not vary over the group, or the group lacks a level.
    """
    frames = _arms(fit, group, a, b, points)
    one, other = (labelled(fit, posterior_expectation(fit, frame), frame) for frame in frames)
    coords = {name: of.variable for name, of in one.coords.items() if name not in (group, "run", "difference", "ratio")}
    one, other = one.reset_coords(drop=True), other.reset_coords(drop=True)
    found = {"difference": one - other}
    notes = notes_of(fit, group, *frames)
    if fit.runs.columns.response.positive:
        both = (one > 0) & (other > 0)
        found["ratio"] = (one / other).where(both)
        notes += left_out(~both.to_numpy(), "one of the two losses is not above 0, and there is no ratio")
    return noted(xr.Dataset(found).assign_coords(coords), notes)


@carried
@asked
def contrast_table(fit: Posterior, group: str, a: object, b: object, points: Table) -> pd.DataFrame:
    """Return the points with mean and quantiles of a's difference from b, quantiles of their ratio, and P(a is better).

    The ratio is as in `contrast`: among draws with both losses above 0, and no columns where the response may be negative.
    """
    table = read_table(points, labels=fit.runs.columns.labels)
    one, other = _arms(fit, group, a, b, table)
    positive = fit.runs.columns.response.positive
    blocks, gone = [], []
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        pair = [as_rows(posterior_expectation(fit, arm.iloc[rows])) for arm in (one, other)]
        blocks.append(_summary(*pair, positive=positive))
        gone.append(~((pair[0] > 0) & (pair[1] > 0)) if positive else np.isnan(pair[0] - pair[1]))
    added = pd.concat(blocks, ignore_index=True).set_index(table.index)
    why = "one of the two losses is not above 0, and there is no ratio" if positive else "the law is not defined"
    notes = notes_of(fit, group, one, other) + left_out(np.concatenate(gone), why)
    return noted(beside(table, added), notes)


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
    one, other = _arms(fit, group, a, b, points)
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
    rows = [reached(draws) for draws in multiplier.transpose("point", "chain", "draw").to_numpy()]
    columns = {str(name): of.to_numpy() for name, of in multiplier.coords.items() if of.dims == ("point",)}
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

    Variables, with dimensions chain, draw, point:
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
    one, other = _arms(fit, group, a, b, points)
    start = one[lead].to_numpy()
    if not (start < below).all():
        raise InputError(
            f"the budget {exact(below)} must lie above every point; the largest {lead} is {exact(float(start.max()))}"
        )
    reach = np.log(below / start) / powers[lead]
    first, second = (along_curve(fit, arm, powers, reach) for arm in (one, other))
    met = meeting(first, second, np.linspace(0.0, 1.0, GRID), positive=fit.runs.columns.response.positive)
    share, unknown = (_by_point(fit, of, one, group) for of in (met.place, met.unknown))
    crossing = xr.DataArray(start, dims="point") * np.exp(share * xr.DataArray(powers[lead] * reach, dims="point"))
    found = {"crossing": crossing, "exists": np.isfinite(crossing), "unknown": unknown}
    found["a_ahead"] = _by_point(fit, met.lead < 0, one, group)
    why = f"a loss is not above 0, or not defined, before {lead} {exact(below)}: no crossover was sought from there on"
    notes = notes_of(fit, group, one, other) + left_out(met.unknown, why)
    return noted(xr.Dataset(found).transpose("chain", "draw", "point"), notes)


def known_levels(fit: Posterior, group: str, *asked_for: object) -> tuple[Any, ...]:
    """Return levels of a group as the runs have them.

    Raises
    ------
    InputError
        Listing those there are, where the law lacks the group or it lacks a level.
    """
    if group not in groups_needed(fit):
        raise InputError(f"the law does not vary over {group!r}; it varies over {groups_needed(fit)}")
    levels = fit.runs.levels[group]
    places = level_index(pd.Series(asked_for, dtype=object), levels)
    for level, place in zip(asked_for, places, strict=True):
        if place < 0:
            raise InputError(f"group {group!r} has no level {str(level)!r}; its levels are {[str(one) for one in levels]}")
    return tuple(levels[places].tolist())


def _arms(fit: Posterior, group: str, a: object, b: object, points: Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the checked points twice, as points of level a and of level b."""
    levels, table = known_levels(fit, group, a, b), read_table(points, labels=fit.runs.columns.labels)
    one, other = (read_points(points_of(fit, group, level, table), fit.runs, groups_needed(fit)) for level in levels)
    return one, other


def notes_of(fit: Posterior, group: str, *frames: pd.DataFrame) -> tuple[str, ...]:
    """Return what `notes_on` says of the groups other than the one whose levels are held against each other."""
    others = [dim for dim in groups_needed(fit) if dim != group]
    return tuple(dict.fromkeys(note for frame in frames for note in notes_on(fit, frame, others)))


def points_of(fit: Posterior, group: str, level: object, points: Table) -> pd.DataFrame:
    """Return points as those of a level of a group, whatever they said of it.

    Groups that share columns with it go along: those whose columns are among its own have the level that goes with this one.

    Raises
    ------
    InputError
        Where points name a level of such a group, so that the two could not agree.
    """
    dims, table = fit.runs.columns.dims, in_base_units(points, fit.runs)
    own, alike = dims[group], kin(fit, group)
    if named := [dim for dim in alike if dim in table and (dim,) != dims[dim] and not set(dims[dim]) <= set(own)]:
        missing = [part for part in dims[named[0]] if part not in own]
        raise InputError(
            f"{named[0]!r} is made of the columns {list(dims[named[0]])}, of which {group!r} moves {list(own)}; "
            f"the points should give {missing} instead of {named[0]!r}"
        )
    read = {of for name, one in fit.runs.columns.inputs.items() for of in (name, one.column)}
    parts = [part for part in own if part not in read]
    moved: dict[str, Any] = {group: level} | ({parts[0]: level} if len(own) == 1 and parts else {})
    if len(own) > 1:
        rows = fit.runs.table[fit.runs.table[group] == level]
        moved |= {dim: rows[dim].iloc[0] for dim in alike if set(dims[dim]) <= set(own)}
    return table.drop(columns=[group, *parts, *moved], errors="ignore").assign(**moved)


def kin(fit: Posterior, group: str) -> list[str]:
    """Return the other groups that are made of some of the same columns as a group."""
    dims = fit.runs.columns.dims
    return [dim for dim, of in dims.items() if dim != group and set(of) & set(dims[group])]


def powers_along(fit: Posterior, along: Path) -> dict[str, float]:
    """Return input -> the power with which it grows with the budget; raises InputError where that is not clear."""
    inputs = inputs_read(fit)
    if along is None and len(inputs) > 1:
        raise InputError(
            f"the model has the inputs {list(inputs)}; say along which one, or with which power each, compute grows"
        )
    powers = {along or inputs[0]: 1.0} if not isinstance(along, Mapping) else dict(along)
    if not powers or not set(powers) <= set(inputs) or not all(power > 0 for power in powers.values()):
        raise InputError(f"along {along!r} must give positive powers of inputs; the model's inputs are {list(inputs)}")
    check_logarithms(fit.runs.columns, {"what grows with compute": tuple(powers)})
    return powers


def moved_by(
    fit: Posterior, frame: pd.DataFrame, powers: Mapping[str, float], log_factor: xr.DataArray
) -> dict[str, xr.DataArray]:
    """Return log(input / reference) with each input multiplied by factor^power."""
    logs = log_inputs(fit, frame)
    return {name: log + powers[name] * log_factor if name in powers else log for name, log in logs.items()}


def along_curve(fit: Posterior, frame: pd.DataFrame, powers: Mapping[str, float], unit: np.ndarray | None = None) -> Curve:
    """Return the losses of points as a budget grows, an element for each draw and point.

    Parameters
    ----------
    unit
        For each point, the step in the logarithm of the factor that a place of 1 is; 1 unless given.
    """
    steps = np.ones(len(frame)) if unit is None else unit
    shape = (*draws_of(fit), len(frame))

    def of(place: np.ndarray) -> np.ndarray:
        factors = xr.DataArray(place.reshape(shape) * steps, dims=("chain", "draw", "row"))
        return _losses(fit, frame, moved_by(fit, frame, powers, factors)).reshape(-1)

    def at_places(places: np.ndarray) -> np.ndarray:
        rows = frame.loc[frame.index.repeat(len(places))]
        factors = xr.DataArray((steps[:, None] * places).ravel(), dims="row")
        return _losses(fit, rows, moved_by(fit, rows, powers, factors)).reshape(-1, len(places))

    return Curve(int(np.prod(shape)), at_places, of)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _losses(fit: Posterior, rows: pd.DataFrame, logs: dict[str, xr.DataArray]) -> np.ndarray:
    """Return losses at rows, chain, draw, row; a law may overflow, or not be defined, far from its runs."""
    return at(fit, rows, logs).transpose("chain", "draw", "row").to_numpy()


def to_reach(curve: Curve, *, positive: bool) -> np.ndarray:
    """Return the losses at the points themselves; NaN in elements where there is none."""
    losses = curve.of(np.zeros(curve.count))
    return np.where(losses > 0, losses, np.nan) if positive else losses


def _by_point(fit: Posterior, values: np.ndarray, points: pd.DataFrame, group: str) -> xr.DataArray:
    """Return elements as draws along points, with the points' coordinates but those of the group."""
    named = {group, "run", *MADE}
    coords = {str(name): ("point", points[name].to_numpy()) for name in points if name not in named}
    return xr.DataArray(values.reshape(*draws_of(fit), len(points)), coords, ("chain", "draw", "point"))


def _summary(a: np.ndarray, b: np.ndarray, *, positive: bool) -> pd.DataFrame:
    kept = ("q05", "q50", "q95")
    difference = np.sort(a - b, axis=1)
    found = {"diff_mean": mean_known(difference)} | _named("diff", sorted_quantiles(difference), kept)
    if positive:
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sort(np.where((a > 0) & (b > 0), a / b, np.nan), axis=1)
        found |= _named("ratio", sorted_quantiles(ratio), kept)
    return pd.DataFrame(found | {"p_a_better": mean_known(np.where(np.isnan(a - b), np.nan, a < b))})


def _named(name: str, quantiles: Mapping[str, np.ndarray], kept: Sequence[str]) -> dict[str, np.ndarray]:
    return {f"{name}_{q}": quantiles[q] for q in kept}
