"""Draws at points summed up: mean, standard deviation, quantiles and distance, block by block where points are many."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.functions import on_arrays
from bayes_scaling._base.quantiles import mean_known, reached, sd_known, sorted_quantiles
from bayes_scaling.data.distance import distance, regions
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import read_points
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows, discrepancy_at, levels_at, log_inputs
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.stacking import Posterior, groups_needed, parts
from bayes_scaling.model.evaluation import evaluate
from bayes_scaling.model.noise_scale import moved
from bayes_scaling.prediction.compute_ratio import is_ratio
from bayes_scaling.prediction.notes import bound_notes, far_notes, left_out, loss_notes, noted, notes_on, scatter_notes
from bayes_scaling.prediction.predict import Kind

BLOCK = 64
"""Points that are drawn and summed up at a time."""


@carried
@asked
def summarize(draws: xr.DataArray) -> pd.DataFrame:
    """Return the points that draws are at with mean, standard deviation, quantiles and distance from the runs.

    Parameters
    ----------
    draws
        What `predict`, `predict_runs`, `compute_ratio`, `compute_needed` and others return: dimensions chain, draw, and row or
        groups. Draws that are not known are left out, and `attrs["notes"]` says so. Of what is true or false the mean is the
        probability.

    Returns
    -------
    DataFrame
        A row a point: its inputs and groups, mean, sd, q05, q25, q50, q75, q95, and distance ("inside", or how many decades
        beyond). Of a compute ratio they are of the draws that have one; p_never_reached is the share in which a million times
        the compute is not enough, p_always_reached in which a millionth is, p_unknown in which it is not defined. What is
        computed of a ratio is no longer one.

    Raises
    ------
    InputError
        Where there are no dimensions chain and draw, no draws, or draws that are no numbers.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> found = bs.predict(before, {"compute": [1.5, 10.0], "position": 30720, "attention": "moba"})
    >>> list(bs.summarize(found))[-3:]
    ['q75', 'q95', 'distance']
    """
    if not {"chain", "draw"} <= set(draws.dims):
        raise InputError(
            f"summarize needs draws with the dimensions chain and draw; these have {format_names(map(str, draws.dims))}"
        )
    if not draws.size:
        raise InputError(
            f"summarize needs draws; there are none: {', '.join(f'{dim} {of}' for dim, of in draws.sizes.items())}"
        )
    if draws.dtype.kind not in "biuf":
        raise InputError(f"summarize needs draws that are numbers, or true and false; these are of kind {draws.dtype}")
    others = [str(dim) for dim in draws.dims if dim not in ("chain", "draw")]
    rows = draws.transpose(*others, "chain", "draw").to_numpy().reshape(-1, draws.sizes["chain"] * draws.sizes["draw"])
    rows = rows.astype(float, copy=False)
    columns = _places(draws, others)
    distances = {"distance": regions(columns.pop("distance"))} if "distance" in columns else {}
    columns.pop("region", None)
    shares, notes = {}, tuple(draws.attrs.get("notes", ()))
    if is_ratio(draws):
        every = [reached(row) for row in rows]
        shares = {name: np.array([of[name] for of in every]) for name in every[0] if name.startswith("p_")}
        rows = np.where(np.isfinite(rows) & (rows > 0), rows, np.nan)
    elif not notes:
        notes = left_out(np.isnan(rows), "the value is not known; they are left out")
    ordered = np.sort(rows, axis=1)
    with np.errstate(invalid="ignore"):  # of draws that are infinite
        found = {"mean": mean_known(ordered), "sd": sd_known(ordered)} | sorted_quantiles(ordered) | shares | distances
    return noted(beside(pd.DataFrame(columns, index=range(len(rows))), pd.DataFrame(found)), notes)


def _places(draws: xr.DataArray, dims: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what is known of each of the places that draws are at: the coordinates of rows, or levels of groups."""
    if list(dims) == ["row"]:
        return {str(name): of.to_numpy() for name, of in draws.coords.items() if of.dims == ("row",)}
    levels = [draws[dim].to_numpy() for dim in dims]
    return {dim: of.ravel() for dim, of in zip(dims, np.meshgrid(*levels, indexing="ij"), strict=True)} if dims else {}


@carried
@asked
def summarize_at(fit: Posterior, points: Table, kind: Kind = "expected", seed: int = 0) -> pd.DataFrame:
    """Return `summarize` of what `predict` or `predict_runs` draw at points, made block by block.

    A column of the points that is called like one of these is kept as NAME_given. `attrs["notes"]` says which levels the runs
    do not have, and in which share of draws the law is not defined or its loss not above 0.

    10,000 points need no more memory than a hundred.

    Parameters
    ----------
    points
        As for `predict`.
    kind
        "expected" as by `predict`, "observed" as by `predict_runs`.
    seed
        Of the scatter of the latter.

    Raises
    ------
    InputError
        As `predict` does, and where the law is not defined in any draw at a point.
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
    columns = fit.runs.columns
    if columns.output_units and OUTPUT in frame:
        found = {"unit": frame[OUTPUT].map(lambda output: columns.output_units.get(str(output), "")).to_numpy(), **found}
    apart = distance(fit.runs, frame)
    added = pd.DataFrame(found | {"distance": regions(apart)}, index=table.index)
    notes = (*frame.attrs.get("notes", ()), *notes, *far_notes(apart))
    notes += (notes_on if kind == "expected" else scatter_notes)(fit, frame)
    return noted(beside(table, added), notes)


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
        missing = np.stack([np.isnan(ordered).mean(axis=1), (ordered <= 0).mean(axis=1), (ordered > 1).mean(axis=1)])
        return {"mean": mean_known(ordered), "sd": sd_known(ordered)} | sorted_quantiles(ordered), missing

    # The C library hands freed arrays of a few megabytes back to the system, and every block would fault its pages in anew;
    # having freed a larger one it keeps them, which halves the time.
    np.empty(31 * 2**20, np.uint8)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks, shares = zip(*pool.map(summarise, range(0, len(frame), BLOCK)), strict=True)
    undefined, below, above = np.concatenate(shares, axis=1)
    if (undefined == 1).any():
        raise InputError(f"the points, row {int(np.argmax(undefined)) + 1}: the law is not defined there in any draw")
    found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return found, loss_notes(fit, undefined, below) + bound_notes(fit, frame, above)


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
        discrepancy = as_rows(discrepancy_at(fit, frame, log_inputs(fit, frame)))
        loss = moved(loss, discrepancy, fit.model.noise.on)
    shape = (len(frame), fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"])
    return loss if loss.shape == shape else np.broadcast_to(loss, shape).copy()
