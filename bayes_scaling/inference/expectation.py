"""What a posterior expects at checked points: the law with its discrepancy, for known groups or levels never seen."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS, PART
from bayes_scaling._base.random import Key, stream
from bayes_scaling.data.labels import level_index, number_as_text
from bayes_scaling.data.schedules import log_input
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, inputs_read, map_components
from bayes_scaling.model import discrepancy, gaussian_process as gp, ordered, smooth
from bayes_scaling.model.discrepancy import Discrepancy
from bayes_scaling.model.evaluation import evaluate
from bayes_scaling.model.names import length_name, spread_name, term_name
from bayes_scaling.model.noise_scale import moved
from bayes_scaling.model.parameters import ByLevel, Effect, Ordered, Smooth
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import discrepancy_terms, parameters_with_priors


def log_inputs(fit: Posterior, frame: pd.DataFrame) -> dict[str, xr.DataArray]:
    """Return log(input / reference) of checked points for each input of the law; with parts of a fall along "lr_part"."""
    logs = {name: log_input(frame, fit.runs.columns, fit.runs.references, name) for name in inputs_read(fit)}
    return {name: xr.DataArray(log, dims=("row", PART)[: log.ndim]) for name, log in logs.items()}


def posterior_expectation(fit: Posterior, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws of the expected loss at checked points; dimensions chain, draw, row."""
    return at(fit, frame, log_inputs(fit, frame))


def at(fit: Posterior, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the expected loss at log(input / reference), for the groups of checked points.

    It is the law with its discrepancy. Dimensions chain, draw, row; logs may differ from draw to draw.
    """

    def own(one: Fit, draws: slice) -> xr.DataArray:
        return _at(one, frame, {name: log.isel(draw=draws) if "draw" in log.dims else log for name, log in logs.items()})

    return map_components(fit, own)


def _at(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    law = law_at(fit, frame, logs)
    if not fit.model.discrepancy:
        return law
    off = discrepancy_at(fit, frame, logs)
    found: xr.DataArray = moved(law, off, fit.model.noise.on)
    return found


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # a law need not be defined far from its runs
def law_at(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the law alone at log(input / reference), for the groups of checked points; dimensions as for `at`."""
    loss: xr.DataArray = evaluate(
        fit.model, fit.posterior, logs, levels_at(fit, frame, fit.settings.seed, new=False), ON_NUMBERS
    )
    return loss.broadcast_like(xr.DataArray(np.arange(len(frame)), dims="row")).transpose("chain", "draw", "row")


def discrepancy_at(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return draws of the discrepancy at log(input / reference), on the scale of the noise; dimensions as for `at`."""
    draws, total = fit.posterior, xr.zeros_like(logs[discrepancy_terms(fit.model)[0][1][0]])
    for term, inputs in discrepancy_terms(fit.model):
        known = draws[discrepancy.name(term)]
        if not term.dims and all(logs[x].dims == ("row",) for x in inputs):
            total = total + _at_once(term, inputs, known, logs)
            continue
        values = level_knots(fit, frame, term, inputs) if term.dims else known
        for x in inputs:
            dim = discrepancy.knot_dim(x)
            weights = gp.interpolation(term, known[dim].to_numpy(), logs[x].to_numpy())
            values = xr.dot(values, xr.DataArray(weights, dims=(*logs[x].dims, dim)), dim=dim)
        total = total + values
    return total.transpose("chain", "draw", "row")


def _at_once(term: Discrepancy, inputs: tuple[str, ...], known: xr.DataArray, logs: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return a term's discrepancy at rows that are the same in every draw: one product of matrices, not one input at a time."""
    dims = [discrepancy.knot_dim(x) for x in inputs]
    weights = [gp.interpolation(term, known[dim].to_numpy(), logs[x].to_numpy()) for x, dim in zip(inputs, dims, strict=True)]
    draws = known.transpose("chain", "draw", *dims).to_numpy()
    values = draws.reshape(-1, prod(draws.shape[2:])) @ gp.tensor_product(weights).T
    return xr.DataArray(values.reshape(*draws.shape[:2], -1), dims=("chain", "draw", "row"))


def level_knots(fit: Fit, frame: pd.DataFrame, term: Discrepancy, inputs: tuple[str, ...]) -> xr.DataArray:
    """Return draws of a term's discrepancy at its knots for the level of each point, drawn anew for levels never seen."""
    known = fit.posterior[discrepancy.name(term)]
    index = {dim: level_index(frame[dim], known[dim].to_numpy()) for dim in term.dims}
    rows = known.isel({dim: xr.DataArray(np.maximum(of, 0), dims="row") for dim, of in index.items()})
    rows = rows.drop_vars(term.dims, errors="ignore").transpose("chain", "draw", "row", ...)
    fresh = np.any([of < 0 for of in index.values()], axis=0)
    if not fresh.any():
        return rows
    cells = _cells(frame, term.dims)
    grid, values = [known[discrepancy.knot_dim(x)].to_numpy() for x in inputs], rows.to_numpy().copy()
    rows_of: dict[tuple[Key, ...], list[int]] = {}
    for row in np.flatnonzero(fresh).tolist():
        rows_of.setdefault(cells[row], []).append(row)
    for cell, places in rows_of.items():
        random = stream(fit.settings.seed, "level", discrepancy.name(term), *cell)
        whitened = random.standard_normal((*values.shape[:2], *(len(z) for z in grid)))
        values[:, :, places] = gp.unwhitened(term, inputs, fit.posterior, grid, whitened)[:, :, None]
    return rows.copy(data=values)


def as_rows(draws: xr.DataArray) -> np.ndarray:
    """Return draws as a bare array, a point a row."""
    rows: np.ndarray = draws.transpose("row", "chain", "draw").to_numpy().reshape(draws.sizes["row"], -1).copy()
    return rows


def levels_at(fit: Fit, frame: pd.DataFrame, seed: int, *, new: bool) -> Callable[[str, Effect], xr.DataArray]:
    """Return the function that gives a term's effect at each point, drawing those of levels never seen.

    Those of a smooth term are drawn given its levels of the runs, as one function for each level of the groups it goes within.

    The draws of a new level depend on its name and the seed only, so that a curve is the same whichever points are asked for.
    """
    draws = fit.posterior

    def level(owner: str, term: Effect) -> xr.DataArray:
        """Return a term's effect at each row: of a level that the fit knows, or drawn for one that it does not."""
        effect = draws[term_name(owner, term)]
        named = set(term.dims) <= set(frame)
        index = {dim: level_index(frame[dim], draws[dim].to_numpy()) if named else np.full(len(frame), -1) for dim in term.dims}
        fresh = np.any([of < 0 for of in index.values()], axis=0) | new
        rows = effect.isel({dim: xr.DataArray(np.maximum(of, 0), dims="row") for dim, of in index.items()})
        rows = rows.drop_vars(term.dims, errors="ignore").transpose("chain", "draw", "row")
        if not fresh.any():
            return rows
        if isinstance(term, ByLevel):
            known: xr.DataArray = rows.where(xr.DataArray(~fresh, dims="row"), _as_linked(fit, owner))
            return known.transpose("chain", "draw", "row")
        if isinstance(term, Ordered):
            return _in_order(fit, owner, term, frame)
        if isinstance(term, Smooth) and named:
            return rows.copy(data=_along_axis(fit, owner, term, frame, index, fresh, rows.to_numpy(), seed, new=new))
        cells = _cells(frame, term.dims) if named else [(int(row),) for row in frame.index]
        return _of_population(fit, owner, term, rows, {int(row): cells[row] for row in np.flatnonzero(fresh)}, seed)

    return level


def _of_population(
    fit: Fit, owner: str, term: Effect, rows: xr.DataArray, cells: Mapping[int, tuple[Key, ...]], seed: int
) -> xr.DataArray:
    """Return effects at points, dimensions chain, draw, row, with those of levels never seen drawn from the population.

    Parameters
    ----------
    rows
        Effects of known levels, anything elsewhere.
    cells
        Row -> the levels of a point that are never seen together; alike ones have one effect.
    """
    values, sd = rows.to_numpy().copy(), fit.posterior[spread_name(owner, term)].to_numpy()
    drawn: dict[tuple[Key, ...], np.ndarray] = {}
    for row, cell in cells.items():
        if cell not in drawn:
            random = stream(fit.settings.seed, "level", seed, term_name(owner, term), *cell)
            drawn[cell] = sd * random.standard_normal(sd.shape)
        values[..., row] = drawn[cell]
    return xr.DataArray(values, dims=("chain", "draw", "row"))


def _as_linked(fit: Fit, owner: str) -> xr.DataArray:
    """Return draws of a parameter on its link scale, those of levels without a prior of their own."""
    values: xr.DataArray = fit.posterior[owner]
    positive = link(parameters_with_priors(fit.model)[owner].prior) == "log"
    return values.copy(data=np.log(values.to_numpy())) if positive else values


def _in_order(fit: Fit, owner: str, term: Ordered, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws of an ordered term at points, dimensions chain, draw, row; levels of the list that no run has too."""
    draws, name = fit.posterior, term_name(owner, term)
    if term.over not in frame:
        raise InputError(f"{owner} is ordered along {term.over!r}; expected a column of the points that says the level")
    effect = draws[name].transpose("chain", "draw", term.over)
    levels = effect[term.over].to_numpy()
    every = ordered.order_of(term, levels)
    index = level_index(frame[term.over], every)
    if (index < 0).any():
        raise ordered.no_place(term, frame[term.over].iloc[int(np.argmax(index < 0))], every)
    sd, at = draws[spread_name(owner, term)].to_numpy(), ordered.places(term, levels)
    found = ordered.everywhere(term, name, effect.to_numpy(), at, len(every), sd, fit.settings.seed)
    return xr.DataArray(found[..., index], dims=("chain", "draw", "row"))


def _along_axis(
    fit: Fit,
    owner: str,
    term: Smooth,
    frame: pd.DataFrame,
    index: dict[str, np.ndarray],
    fresh: np.ndarray,
    values: np.ndarray,
    seed: int,
    *,
    new: bool,
) -> np.ndarray:
    """Return draws of a smooth term at points, dimensions chain, draw, row: `values`, but for points that are fresh."""
    draws, name = fit.posterior, term_name(owner, term)
    effect = draws[name].transpose("chain", "draw", *term.dims)
    known = effect.to_numpy().reshape(-1, *effect.shape[2:])
    places, at = smooth.axis(term, effect[term.over].to_numpy()), smooth.axis(term, frame[term.over].tolist())
    smooth.refuse_far(term, places, at)
    sd, length = (draws[of].to_numpy().ravel() for of in (spread_name(owner, term), length_name(owner, term)))
    flat = values.reshape(-1, values.shape[-1]).copy()
    within = _cells(frame, term.dims[1:]) if term.dims[1:] else [()] * len(frame)
    rows_of: dict[tuple[Key, ...], list[int]] = {}
    for row in np.flatnonzero(fresh).tolist():
        rows_of.setdefault(within[row], []).append(row)
    for cell, rows in rows_of.items():
        place = tuple(int(index[dim][rows[0]]) for dim in term.dims[1:])
        cell_of: tuple[Any, ...] = (slice(None), slice(None), *place)
        given = None if new or min(place, default=0) < 0 else known[cell_of]
        wanted, back = np.unique(at[rows], return_inverse=True)
        random = stream(fit.settings.seed, "level", seed, name, *cell)
        flat[:, rows] = smooth.conditional(given, places, wanted, sd, length, random)[:, back]
    return flat.reshape(values.shape)


def _cells(frame: pd.DataFrame, dims: Sequence[str]) -> list[tuple[Key, ...]]:
    """Return the levels of each point, as text."""
    return list(zip(*(frame[dim].map(number_as_text) for dim in dims), strict=True))
