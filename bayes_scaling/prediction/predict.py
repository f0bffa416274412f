"""Predictions at new points, for known groups or levels never seen, and how far they lie from the data."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS, on_arrays
from bayes_scaling.data.distance import distance, region, regions
from bayes_scaling.data.reading import read_points
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import (
    as_rows,
    at,
    discrepancy_at,
    law_at,
    levels_at,
    log_inputs,
    posterior_expectation,
)
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.memory import draws_in, refuse_points
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior, groups_needed, parts
from bayes_scaling.laws.conventions import in_units
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.evaluation import evaluate, parameter_at
from bayes_scaling.model.specification import law_groups
from bayes_scaling.prediction.notes import left_out, loss_notes, noted, notes_on, scatter_notes

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
BLOCK = 64

type Kind = Literal["expected", "observed"]


@asked
def predict(fit: Posterior, points: Table) -> xr.DataArray:
    """Return draws of the expected loss at points: the law and its discrepancy, without scatter.

    Dimensions chain, draw, point; coordinates of the points' inputs and groups, of their `distance` from the data in decades,
    and of the `region` (inside, near, far).

    Parameters
    ----------
    points
        Columns for every input of the law (under the name in the law or in the runs' table) and for every group the law varies
        over. A level the runs do not have is one never seen: its effects are drawn from the population.

    Raises
    ------
    InputError
        As `read_runs` does.
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    _refuse_large(fit, frame)
    draws = posterior_expectation(fit, frame)
    notes = notes_on(fit, frame) + loss_notes(fit, np.isnan(draws.to_numpy()), draws.to_numpy() <= 0)
    return noted(labelled(fit, draws, frame), notes)


def _refuse_large(fit: Posterior, frame: pd.DataFrame) -> None:
    refuse_points(sum(draws_in(one) for one, _ in parts(fit)), len(frame))


_CALLS = count(2**32)
"""Streams of calls without a seed, beyond all seeds."""


@asked
def predict_runs(fit: Posterior, points: Table, seed: int | None = None) -> xr.DataArray:
    """Return draws of what new runs would show at points: the law, new departures, and scatter.

    Points that carry the same label of a group with shared departures (a size, a run) get the same departure; a point
    without such a column is a run of its own. Reading error is not added. Dimensions and errors as for `predict`.

    Parameters
    ----------
    seed
        Of the scatter and the new departures. None: another one in each call, the same in the same order of calls: runs of two
        calls scatter apart, so that they can be held against each other.
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    _refuse_large(fit, frame)
    draws = posterior_predictive(fit, frame, next(_CALLS) if seed is None else checks.seed(seed, "seed"))
    notes = scatter_notes(fit, frame) + loss_notes(fit, np.isnan(draws.to_numpy()), draws.to_numpy() <= 0)
    return noted(labelled(fit, draws, frame), notes)


@carried
@asked
def predict_table(fit: Posterior, points: Table, kind: Kind = "expected", seed: int = 0) -> pd.DataFrame:
    """Return the points with mean, sd, quantiles and distance of what `predict` or `predict_runs` draw there.

    A column of the points that is called like one of these is kept as NAME_given. `attrs["notes"]` says which levels the runs
    do not have, and in which share of draws the law is not defined or its loss not above 0.

    Draws are summarised block by block: 10,000 points need no more memory than a hundred.
    """
    table = read_table(points, labels=fit.runs.columns.labels)
    frame = read_points(table, fit.runs, groups_needed(fit))
    flats, seed = [(one, flat_draws(one)) for one, _ in parts(fit)], checks.seed(seed, "seed")

    def draw(block: pd.DataFrame) -> np.ndarray:
        if kind == "observed":
            return as_rows(posterior_predictive(fit, block, seed))
        rows = [expected_rows(one, block, flat) for one, flat in flats]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    found, notes = summaries(fit, frame, draw)
    added = pd.DataFrame(found | {"distance": regions(distance(fit.runs, frame))}, index=table.index)
    notes = (*frame.attrs.get("notes", ()), *notes)
    notes += (notes_on if kind == "expected" else scatter_notes)(fit, frame)
    return noted(beside(table, added), notes)


@carried
@asked
def parameters_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points, with their trends and levels, for inputs at their reference.

    Parameters
    ----------
    points
        As for `predict`. Dimensions chain, draw, point. In the inputs' own units: `published_at`.

    Raises
    ------
    InputError
        As `read_runs` does.
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    level, logs = levels_at(fit, frame, fit.settings.seed, new=False), log_inputs(fit, frame)
    ones = xr.DataArray(np.ones(len(frame)), dims="row")
    values = {
        name: (parameter_at(fit.model, name, fit.posterior, logs, level, ON_NUMBERS) * ones).transpose("chain", "draw", "row")
        for name in fit.model.parameters
    }
    coords = {str(name): ("row", frame[name].to_numpy()) for name in frame if name not in fit.model.parameters}
    return xr.Dataset(values).assign_coords(coords).rename(row="point")


@carried
@asked
def published_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points in the convention of papers: inputs in their own units.

    points and dimensions as for `parameters_at`. Parameters that hold no unit are the same in both.
    """
    at_reference = parameters_at(fit, points)
    references = {name: fit.runs.references[name] for name in law_inputs(fit.model.law)}
    values = {str(name): of.reset_coords(drop=True) for name, of in at_reference.items()}
    return at_reference.assign(in_units(fit.model.law, values, references))


@carried
@asked
def decompose(fit: Fit, points: Table, seed: int = 0) -> xr.Dataset:
    """Return draws of what a prediction for one new run is made of, on the scale of the noise; parts add up.

    run = expected + noise,   expected = law + discrepancy

    On the log loss parts are relative: 0.01 is 1 %. law is the logarithm of the law's loss there, or its loss where the noise
    is on the loss itself; discrepancy the smooth departure from it, 0 for a model without; noise the departures that rows share
    and the scatter. Draws whose law is not above 0 have no logarithm: NaN, counted in `attrs["notes"]`.

    points, dimensions and errors as for `predict_runs`.

    Raises
    ------
    InputError
        Too where no draw has a loss above 0 at a point.
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    logs, on_log = log_inputs(fit, frame), fit.model.noise.on == "log_loss"
    expectation, law = at(fit, frame, logs), law_at(fit, frame, logs)
    run = posterior_predictive(fit, frame, checks.seed(seed, "seed"))
    gone = np.isnan(law.to_numpy())
    if on_log:
        gone = gone | (law.to_numpy() <= 0)
        law, expectation, run = (of.copy(data=np.log(of.where(~gone).to_numpy())) for of in (law, expectation, run))
    if (lost := gone.all(axis=(0, 1))).any():
        raise InputError(f"the points, row {int(np.argmax(lost)) + 1}: no draw has a loss there to take apart")
    parts = {"law": law, "discrepancy": expectation - law, "expected": expectation, "noise": run - expectation, "run": run}
    # coordinates by the name of a part would hide it, as a run's label would what the run shows
    named = {name: labelled(fit, of, frame).drop_attrs().drop_vars(list(parts), errors="ignore") for name, of in parts.items()}
    notes = scatter_notes(fit, frame) + left_out(
        gone, "there is no loss above 0 to take apart" if on_log else "there is no loss"
    )
    return noted(xr.Dataset(named, attrs={"units": "" if on_log else fit.runs.columns.response.unit}), notes)


def beside(table: pd.DataFrame, added: pd.DataFrame) -> pd.DataFrame:
    """Return points with columns added; columns of theirs that have the name of one are kept as NAME_given."""
    names = [str(name) for name in table]
    for name in [name for name in names if name in added]:
        kept = f"{name}_given"
        while kept in names or kept in added:
            kept += "_given"
        names[names.index(name)] = kept
    return pd.concat([table.set_axis(names, axis=1), added], axis=1)


def summaries(
    fit: Posterior, frame: pd.DataFrame, draw: Callable[[pd.DataFrame], np.ndarray]
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return mean, sd and quantiles of each row of what `draw` gives for a block of points, and what to know of them.

    Draws in which the law is not defined are left out.

    Raises
    ------
    InputError
        Where that are all at a point.
    """

    def summarise(start: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        ordered = draw(frame.iloc[start : start + BLOCK])
        ordered.sort(axis=1)
        missing = np.stack([np.isnan(ordered).mean(axis=1), (ordered <= 0).mean(axis=1)])
        return {"mean": mean_known(ordered), "sd": sd_known(ordered)} | sorted_quantiles(ordered), missing

    # The C library hands freed arrays of a few megabytes back to the system, and every block would fault its pages in anew;
    # having freed a larger one it keeps them, which halves the time.
    np.empty(31 * 2**20, np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks, shares = zip(*pool.map(summarise, range(0, len(frame), BLOCK)), strict=True)
    undefined, below = np.concatenate(shares, axis=1)
    if (undefined == 1).any():
        raise InputError(f"the points, row {int(np.argmax(undefined)) + 1}: the law is not defined there in any draw")
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return found, loss_notes(fit, undefined, below)


def mean_known(rows: np.ndarray) -> np.ndarray:
    """Return the mean of what is known of each row, NaN where nothing is."""
    mean: np.ndarray = rows.mean(axis=1)
    for row in np.flatnonzero(np.isnan(mean)):
        known = rows[row][~np.isnan(rows[row])]
        mean[row] = known.mean() if len(known) else np.nan
    return mean


def sd_known(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of what is known of each row, NaN where that is less than two."""
    sd: np.ndarray = rows.std(axis=1, ddof=1) if rows.shape[1] > 1 else np.full(len(rows), np.nan)
    for row in np.flatnonzero(np.isnan(sd)):
        known = rows[row][~np.isnan(rows[row])]
        sd[row] = known.std(ddof=1) if len(known) > 1 else np.nan
    return sd


def sorted_quantiles(ordered: np.ndarray) -> dict[str, np.ndarray]:
    """Return the quantiles of sorted rows, interpolated as `numpy.quantile` does, which sorts four times more slowly.

    What is not known stands last in a row, and is left out.
    """
    rows = np.arange(len(ordered))
    whole = not np.isnan(ordered[:, -1]).any()
    last = ordered.shape[1] - 1 if whole else np.maximum((~np.isnan(ordered)).sum(axis=1) - 1, 0)
    found = {}
    for name, q in QUANTILES.items():
        place = q * np.broadcast_to(last, len(ordered))
        low = place.astype(int)
        high = np.minimum(low + 1, last)
        below, above = ordered[rows, low], ordered[rows, high]
        with np.errstate(invalid="ignore"):  # infinite ends
            found[name] = np.where((place == low) | (above == below), below, below + (place - low) * (above - below))
    return found


def flat_draws(fit: Fit) -> dict[str, np.ndarray]:
    """Return the draws of what has a single value in each as rows."""
    return {
        str(name): values.to_numpy().reshape(1, -1)
        for name, values in fit.posterior.items()
        if values.dims == ("chain", "draw")
    }


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def expected_rows(fit: Fit, frame: pd.DataFrame, flat: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what `expected` does as a bare array, a point a row: a table of many points is made from such blocks."""
    logs = {name: log.to_numpy().T[..., None] for name, log in log_inputs(fit, frame).items()}  # parts stand before rows
    level = levels_at(fit, frame, fit.settings.seed, new=False)
    loss = evaluate(fit.model, flat, logs, lambda owner, term: as_rows(level(owner, term)), on_arrays(2))
    if fit.model.discrepancy:
        departure = as_rows(discrepancy_at(fit, frame, log_inputs(fit, frame)))
        loss = loss * np.exp(departure) if fit.model.noise.on == "log_loss" else loss + departure
    shape = (len(frame), fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])
    return loss if loss.shape == shape else np.broadcast_to(loss, shape).copy()


def labelled(fit: Posterior, draws: xr.DataArray, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws along rows with the rows' inputs, groups and distance from the data, along "point"."""
    decades = distance(fit.runs, frame)
    coords: dict[str, Any] = {str(name): ("point", frame[name].to_numpy()) for name in frame}
    coords |= {"distance": ("point", decades), "region": ("point", [region(d) for d in decades])}
    response = fit.runs.columns.response
    named = draws.rename(row="point").assign_coords(coords).rename("loss")
    return mark(named.assign_attrs(units=response.unit, long_name=response.name), fit)
