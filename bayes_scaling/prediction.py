"""Predictions at new points, for known groups or levels never seen, and how far they lie from the data."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal
from zlib import crc32

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling import discrepancy
from bayes_scaling.conventions import in_units
from bayes_scaling.discrepancy import Discrepancy
from bayes_scaling.distance import distance, region, regions
from bayes_scaling.fitting import Fit
from bayes_scaling.functions import ON_NUMBERS, PART, on_arrays
from bayes_scaling.laws import law_inputs
from bayes_scaling.model import (
    NOISE_LENGTH,
    NOISE_SD,
    NOISE_WHITE,
    departures,
    evaluate,
    law_groups,
    neighbours,
    parameter_at,
    residual,
    spread_name,
    term_name,
)
from bayes_scaling.parameters import Varying
from bayes_scaling.runs import Table, level_index, read_points, read_table
from bayes_scaling.schedules import log_input
from bayes_scaling.stacking import Posterior, groups_needed, inputs_read, over_parts, parts

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
BLOCK = 64
FARTHEST = 300.0
"""Heavy tails of scatter on the log loss are cut off at so many e-folds, far beyond all sense and short of overflow."""

type Kind = Literal["expected", "observed"]


def predict(fit: Posterior, points: Table) -> xr.DataArray:
    """Return draws of the expected loss at points: the law and its discrepancy, without scatter.

    points: columns for every input of the law (under the name in the law or in the runs' table) and for every group the law
        varies over. A level the runs do not have is one never seen: its effects are drawn from the population.

    Dimensions chain, draw, point; coordinates of the points' inputs and groups, of their `distance` from the data in decades,
    and of the `region` (inside, near, far).

    Raises InputError as `read_runs` does.
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    return labelled(fit, expected(fit, frame), frame)


def predict_runs(fit: Posterior, points: Table, seed: int = 0) -> xr.DataArray:
    """Return draws of what new runs would show at points: the law, new departures, and scatter.

    Points that carry the same label of a group with shared departures (a size, a run) get the same departure; a point
    without such a column is a run of its own. Reading error is not added. Dimensions and errors as for `predict`.
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    return labelled(fit, observed(fit, frame, seed), frame)


def predict_table(fit: Posterior, points: Table, kind: Kind = "expected", seed: int = 0) -> pd.DataFrame:
    """Return the points with mean, sd, quantiles and distance of what `predict` or `predict_runs` draw there.

    Draws are summarised block by block: 10,000 points need no more memory than a hundred.
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    flats = [(one, _flat(one)) for one, _ in parts(fit)]

    def draw(block: pd.DataFrame) -> np.ndarray:
        if kind == "observed":
            return as_rows(observed(fit, block, seed))
        rows = [_expected_rows(one, block, flat) for one, flat in flats]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    table = read_table(points)
    added = pd.DataFrame(summaries(frame, draw) | {"distance": regions(distance(fit.runs, frame))}, index=table.index)
    return pd.concat([table.drop(columns=list(added), errors="ignore"), added], axis=1)


def expected(fit: Posterior, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws of the expected loss at checked points; dimensions chain, draw, row."""
    return at(fit, frame, log_inputs(fit, frame))


def parameters_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points, with their trends and levels, for inputs at their reference.

    points: as for `predict`. Dimensions chain, draw, point. In the inputs' own units: `published_at`.

    Raises InputError as `read_runs` does.
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    level, logs = _levels(fit, frame, fit.settings.seed, new=False), log_inputs(fit, frame)
    ones = xr.DataArray(np.ones(len(frame)), dims="row")
    values = {
        name: (parameter_at(fit.model, name, fit.posterior, logs, level, ON_NUMBERS) * ones).transpose("chain", "draw", "row")
        for name in fit.model.parameters
    }
    coords = {str(name): ("row", frame[name].to_numpy()) for name in frame if name not in fit.model.parameters}
    return xr.Dataset(values).assign_coords(coords).rename(row="point")


def published_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points in the convention of papers: inputs in their own units.

    points and dimensions as for `parameters_at`. Parameters that hold no unit are the same in both.
    """
    at_reference = parameters_at(fit, points)
    references = {name: fit.runs.references[name] for name in law_inputs(fit.model.law)}
    values = {str(name): of.reset_coords(drop=True) for name, of in at_reference.items()}
    return at_reference.assign(in_units(fit.model.law, values, references))


def log_inputs(fit: Posterior, frame: pd.DataFrame) -> dict[str, xr.DataArray]:
    """Return log(input / reference) of checked points for each input of the law; with parts of a fall along "lr_part"."""
    logs = {name: log_input(frame, fit.runs.columns, fit.runs.references, name) for name in inputs_read(fit)}
    return {name: xr.DataArray(log, dims=("row", PART)[: log.ndim]) for name, log in logs.items()}


def at(fit: Posterior, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the expected loss at log(input / reference), for the groups of checked points.

    It is the law with its discrepancy. Dimensions chain, draw, row; logs may differ from draw to draw.
    """

    def own(one: Fit, draws: slice) -> xr.DataArray:
        return _at(one, frame, {name: log.isel(draw=draws) if "draw" in log.dims else log for name, log in logs.items()})

    return over_parts(fit, own)


def _at(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    law = law_at(fit, frame, logs)
    if not fit.model.discrepancy:
        return law
    departure = departed(fit, frame, logs)
    return law * np.exp(departure) if fit.model.noise.on == "log_loss" else law + departure


def law_at(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the law alone at log(input / reference), for the groups of checked points; dimensions as for `at`."""
    loss: xr.DataArray = evaluate(fit.model, fit.posterior, logs, _levels(fit, frame, fit.settings.seed, new=False), ON_NUMBERS)
    return loss.broadcast_like(xr.DataArray(np.arange(len(frame)), dims="row")).transpose("chain", "draw", "row")


def departed(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the discrepancy at log(input / reference), on the scale of the noise; dimensions as for `at`."""
    draws, total = fit.posterior, xr.zeros_like(logs[departures(fit.model)[0][1][0]])
    for term, inputs in departures(fit.model):
        known = draws[discrepancy.name(term)]
        values = _level_knots(fit, frame, term, inputs) if term.dims else known
        for x in inputs:
            dim = discrepancy.knot_dim(x)
            weights = discrepancy.interpolation(term, known[dim].to_numpy(), logs[x].to_numpy())
            values = xr.dot(values, xr.DataArray(weights, dims=(*logs[x].dims, dim)), dim=dim)
        total = total + values
    return total.transpose("chain", "draw", "row")


def _level_knots(fit: Fit, frame: pd.DataFrame, term: Discrepancy, inputs: tuple[str, ...]) -> xr.DataArray:
    """Return draws of a term's departures at its knots for the level of each point, drawn anew for levels never seen."""
    known = fit.posterior[discrepancy.name(term)]
    index = {dim: level_index(frame[dim], known[dim].to_numpy()) for dim in term.dims}
    rows = known.isel({dim: xr.DataArray(np.maximum(of, 0), dims="row") for dim, of in index.items()})
    rows = rows.drop_vars(term.dims, errors="ignore").transpose("chain", "draw", "row", ...)
    fresh = np.any([of < 0 for of in index.values()], axis=0)
    if not fresh.any():
        return rows
    cells = frame[list(term.dims)].astype(str).agg(" ".join, axis=1).to_numpy()
    grid, values = [known[discrepancy.knot_dim(x)].to_numpy() for x in inputs], rows.to_numpy().copy()
    for cell in np.unique(cells[fresh]):
        stream = np.random.default_rng([fit.settings.seed, crc32(f"{discrepancy.name(term)} {cell}".encode())])
        whitened = stream.standard_normal((*values.shape[:2], *(len(z) for z in grid)))
        drawn = discrepancy.coloured(term, inputs, fit.posterior, grid, whitened)
        values[:, :, fresh & (cells == cell)] = drawn[:, :, None]
    return rows.copy(data=values)


def observed(fit: Posterior, frame: pd.DataFrame, seed: int, *, new: bool = True) -> xr.DataArray:
    """Return draws of what runs show at checked points; dimensions chain, draw, row.

    new: whether departures shared by rows are drawn anew, or are those of the levels that the points name.

    Scatter that is correlated along a run is drawn as one path through the points of a run; it is not held to the runs seen.
    """
    return over_parts(fit, lambda one, _: _observed(one, frame, seed, new=new))


def _observed(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    shared, scale = about(fit, frame, seed, new=new)
    return _scattered(fit, frame, seed, shared, scale, white_scale(fit, frame))


def replicated(fit: Fit, frame: pd.DataFrame, seed: int) -> xr.DataArray:
    """Return draws of what the same runs show when they are done and read again; dimensions chain, draw, row.

    Departures are those of their levels, scatter is drawn anew, with the reading error where rows have one.

    frame: rows in the shape of `runs.table`.
    """
    shared, scale = about(fit, frame, seed, new=False)
    return _scattered(fit, frame, seed, shared, *read_scales(fit, frame, scale))


def _scattered(fit: Fit, frame: pd.DataFrame, seed: int, shared: Any, scale: Any, white: Any) -> xr.DataArray:
    centre = expected(fit, frame)
    departure = shared + scale * xr.DataArray(_scatter(fit, frame, seed), dims=centre.dims)
    if white is not None:
        streams = [np.random.default_rng([fit.settings.seed, seed, int(row), 1]) for row in frame.index]
        own = np.stack([stream.standard_normal(centre.shape[:2]) for stream in streams], axis=-1)
        departure = departure + white * xr.DataArray(own, dims=centre.dims)
    on_log = fit.model.noise.on == "log_loss"
    runs: xr.DataArray = centre * np.exp(departure.clip(-FARTHEST, FARTHEST)) if on_log else centre + departure
    return runs


def white_scale(fit: Fit, frame: pd.DataFrame) -> xr.DataArray | None:
    """Return draws of what each row scatters by on its own, beside what its run's neighbours share; None where all is one.

    A row without a count is the mean of as many rows of a log as the fit's rows are, by their median.
    """
    if NOISE_WHITE not in fit.posterior:
        return None
    usual = float(fit.runs.table["count"].median()) if "count" in fit.runs.table else 1.0
    count = frame["count"].fillna(usual).to_numpy() if "count" in frame else np.full(len(frame), usual)
    return fit.posterior[NOISE_WHITE] / xr.DataArray(np.sqrt(count), dims="row")


def read_scales(fit: Fit, frame: pd.DataFrame, scale: Any) -> tuple[Any, Any]:
    """Return the scales of what rows share with neighbours and of what is their own, with the error they were read with."""
    white = white_scale(fit, frame)
    if "reading_error" not in frame:
        return scale, white
    error = frame["reading_error"] / frame["response"] if fit.model.noise.on == "log_loss" else frame["reading_error"]
    squared = xr.DataArray(error.to_numpy(), dims="row") ** 2
    return (np.sqrt(scale**2 + squared), None) if white is None else (scale, np.sqrt(white**2 + squared))


def decompose(fit: Fit, points: Table, seed: int = 0) -> xr.Dataset:
    """Return draws of what a prediction for one new run is made of, on the scale of the noise; parts add up.

    run = expected + noise,   expected = law + discrepancy

    On the log loss parts are relative: 0.01 is 1 %. law is the logarithm of the law's loss there, or its loss where the noise
    is on the loss itself; discrepancy the smooth departure from it, 0 for a model without; noise the departures that rows share
    and the scatter.

    points, dimensions and errors as for `predict_runs`.
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    logs, on_log = log_inputs(fit, frame), fit.model.noise.on == "log_loss"
    expectation, law = at(fit, frame, logs), law_at(fit, frame, logs)
    run = observed(fit, frame, seed)
    if on_log:
        law, expectation, run = (of.copy(data=np.log(of.to_numpy())) for of in (law, expectation, run))
    parts = {"law": law, "discrepancy": expectation - law, "expected": expectation, "noise": run - expectation, "run": run}
    named = {name: labelled(fit, of, frame).drop_attrs() for name, of in parts.items()}
    return xr.Dataset(named, attrs={"units": "" if on_log else fit.runs.columns.response.unit})


def log_density(fit: Posterior, frame: pd.DataFrame, seed: int = 0, *, new: bool = True) -> xr.DataArray:
    """Return the log density of each row's response in each draw, on the scale of the noise; dimensions chain, draw, row.

    Each row stands for itself: what correlated neighbours say of it is left out.

    It is -inf in draws whose law has fallen below zero there, where the noise is on the log loss.

    frame: rows in the shape of `runs.table`. Their reading error is added where they have one.
    new: as for `observed`.
    """
    return over_parts(fit, lambda one, _: _log_density(one, frame, seed, new=new))


def _log_density(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> xr.DataArray:
    from scipy import stats

    noise, draws = fit.model.noise, fit.posterior
    shared, scale = about(fit, frame, seed, new=new)
    centre = expected(fit, frame)
    seen = xr.DataArray(frame["response"].to_numpy(), dims="row")
    possible = centre > 0 if noise.on == "log_loss" else xr.ones_like(centre, dtype=bool)
    left = np.log(seen / centre.where(possible, 1.0)) - shared if noise.on == "log_loss" else seen - centre - shared
    scale, white = read_scales(fit, frame, scale)
    scale = scale if white is None else np.sqrt(scale**2 + white**2)
    z, scale = xr.broadcast(left / scale, scale)
    nu = draws["noise_nu"].to_numpy()[..., None] if noise.distribution == "student_t" else None
    of = z.transpose("chain", "draw", "row").to_numpy()
    density = stats.norm.logpdf(of) if nu is None else stats.t.logpdf(of, nu)
    rows: xr.DataArray = z.transpose("chain", "draw", "row").copy(data=density) - np.log(scale)
    return rows.where(possible, -np.inf)


def about(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> tuple[Any, Any]:
    """Return draws of the departures that rows share, and of the scale of each row's own scatter."""
    level = _levels(fit, frame, seed, new=new)
    scale = parameter_at(fit.model, NOISE_SD, fit.posterior, log_inputs(fit, frame), level, ON_NUMBERS)
    return residual(fit.model, level), scale


def _scatter(fit: Fit, frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Return draws of each row's scatter in units of its scale, correlated along a run; dimensions chain, draw, row.

    A white part, which has a scale of its own, is not in it.
    """
    draws, noise = fit.posterior, fit.model.noise
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    streams = [np.random.default_rng([fit.settings.seed, seed, int(row)]) for row in frame.index]
    if noise.distribution == "normal":
        steps = np.stack([stream.standard_normal(shape) for stream in streams], axis=-1)
    else:
        steps = np.stack([stream.standard_t(draws["noise_nu"].to_numpy()) for stream in streams], axis=-1)
    if noise.correlation is None:
        return steps
    run = frame["run"] if "run" in frame else pd.Series(frame.index, index=frame.index)
    order = neighbours(frame.assign(run=run), noise.correlation.along)
    length = draws[NOISE_LENGTH].to_numpy()
    for row in np.lexsort((frame[noise.correlation.along], pd.factorize(run)[0])):
        kept = order["gap"][row] / length
        steps[..., row] = np.exp(-kept) * steps[..., order["previous"][row]] + np.sqrt(-np.expm1(-2 * kept)) * steps[..., row]
    return steps


def summaries(frame: pd.DataFrame, draw: Callable[[pd.DataFrame], np.ndarray]) -> dict[str, np.ndarray]:
    """Return mean, sd and quantiles of each row of what `draw` gives for a block of points."""

    def summarise(start: int) -> dict[str, np.ndarray]:
        ordered = draw(frame.iloc[start : start + BLOCK])
        ordered.sort(axis=1)
        return {"mean": ordered.mean(axis=1), "sd": ordered.std(axis=1, ddof=1)} | sorted_quantiles(ordered)

    # The C library hands freed arrays of a few megabytes back to the system, and every block would fault its pages in anew;
    # having freed a larger one it keeps them, which halves the time.
    np.empty(31 * 2**20, np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(summarise, range(0, len(frame), BLOCK)))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def sorted_quantiles(ordered: np.ndarray) -> dict[str, np.ndarray]:
    """Return the quantiles of sorted rows, interpolated as `numpy.quantile` does, which sorts four times more slowly."""
    found = {}
    for name, q in QUANTILES.items():
        place = q * (ordered.shape[1] - 1)
        low = int(place)
        high = min(low + 1, ordered.shape[1] - 1)
        found[name] = ordered[:, low] + (place - low) * (ordered[:, high] - ordered[:, low])
    return found


def _flat(fit: Fit) -> dict[str, np.ndarray]:
    """Return the draws of what has a single value in each as rows."""
    return {
        str(name): values.to_numpy().reshape(1, -1)
        for name, values in fit.posterior.items()
        if values.dims == ("chain", "draw")
    }


def _expected_rows(fit: Fit, frame: pd.DataFrame, flat: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what `expected` does as a bare array, a point a row: a table of many points is made from such blocks."""
    logs = {name: log.to_numpy().T[..., None] for name, log in log_inputs(fit, frame).items()}  # parts stand before rows
    level = _levels(fit, frame, fit.settings.seed, new=False)
    loss = evaluate(fit.model, flat, logs, lambda owner, term: as_rows(level(owner, term)), on_arrays(2))
    if fit.model.discrepancy:
        departure = as_rows(departed(fit, frame, log_inputs(fit, frame)))
        loss = loss * np.exp(departure) if fit.model.noise.on == "log_loss" else loss + departure
    shape = (len(frame), fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])
    return loss if loss.shape == shape else np.broadcast_to(loss, shape).copy()


def as_rows(draws: xr.DataArray) -> np.ndarray:
    """Return draws as a bare array, a point a row."""
    rows: np.ndarray = draws.transpose("row", "chain", "draw").to_numpy().reshape(draws.sizes["row"], -1).copy()
    return rows


def labelled(fit: Posterior, draws: xr.DataArray, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws along rows with the rows' inputs, groups and distance from the data, along "point"."""
    decades = distance(fit.runs, frame)
    coords: dict[str, Any] = {str(name): ("point", frame[name].to_numpy()) for name in frame}
    coords |= {"distance": ("point", decades), "region": ("point", [region(d) for d in decades])}
    response = fit.runs.columns.response
    return (
        draws.rename(row="point")
        .assign_coords(coords)
        .rename("loss")
        .assign_attrs(units=response.unit, long_name=response.name)
    )


def _levels(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> Callable[[str, Varying], xr.DataArray]:
    """Return the function that gives a term's effect at each point, drawing those of levels never seen.

    The draws of a new level depend on its name and the seed only, so that a curve is the same whichever points are asked for.
    """
    draws = fit.posterior

    def level(owner: str, term: Varying) -> xr.DataArray:
        effect = draws[term_name(owner, term)]
        named = set(term.dims) <= set(frame)
        index = {dim: level_index(frame[dim], draws[dim].to_numpy()) if named else np.full(len(frame), -1) for dim in term.dims}
        fresh = np.any([of < 0 for of in index.values()], axis=0) | new
        rows = effect.isel({dim: xr.DataArray(np.maximum(of, 0), dims="row") for dim, of in index.items()})
        rows = rows.drop_vars(term.dims, errors="ignore").transpose("chain", "draw", "row")
        if not fresh.any():
            return rows
        cells = frame[list(term.dims)].astype(str).agg(" ".join, axis=1).to_numpy() if named else frame.index.to_numpy()
        values = rows.to_numpy().copy()
        sd = draws[spread_name(owner, term)].to_numpy()
        drawn: dict[str, np.ndarray] = {}
        for row in np.flatnonzero(fresh):
            cell = cells[row]
            if cell not in drawn:
                stream = [fit.settings.seed, seed, crc32(f"{term_name(owner, term)} {cell}".encode())]
                drawn[cell] = sd * np.random.default_rng(stream).standard_normal(sd.shape)
            values[..., row] = drawn[cell]
        return xr.DataArray(values, dims=("chain", "draw", "row"))

    return level
