"""Predictions at new points, for known groups or levels never seen, and how far they lie from the data."""

from itertools import count
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.data.direction import name_at
from bayes_scaling.data.distance import distance, region
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.points import read_points
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.expectation import (
    at,
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
from bayes_scaling.laws.coefficients import in_units
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.evaluation import parameter_at
from bayes_scaling.model.noise_scale import on_scale, possible
from bayes_scaling.model.specification import law_groups
from bayes_scaling.prediction.notes import left_out, noted, notes_on, scatter_notes, value_notes

type Kind = Literal["expected", "observed"]


@asked
def predict(fit: Posterior, points: Table) -> xr.DataArray:
    """Return draws of the expected loss at points: the law and its discrepancy, without scatter.

    mu(x) = y^-1[y(law(x / reference; theta_g)) + discrepancy(x)],   theta ~ p(theta | runs)

    y is the scale of the noise, as log L; theta_g are the parameters of the levels that the point names.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    points
        Columns for every input of the law (under the name in the law or in the runs' table) and for every group the law varies
        over. A level the runs do not have is one never seen: its effects are drawn from the population.

    Returns
    -------
    DataArray
        Dimensions chain, draw, row; coordinates along row of the points' inputs and groups, of their `distance` from the data
        in decades, and of the `region` (inside, near, far). `summarize` makes a table of them.

    Raises
    ------
    InputError
        As `read_runs` does.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=100)
    >>> curve = bs.predict(before, {"compute": [1.5, 10.0], "position": 30720, "attention": "moba"})
    >>> curve.dims
    ('chain', 'draw', 'row')
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    _refuse_large(fit, frame)
    draws = posterior_expectation(fit, frame)
    notes = notes_on(fit, frame) + value_notes(fit, frame, draws)
    return noted(labelled(fit, draws, frame), notes)


def _refuse_large(fit: Posterior, frame: pd.DataFrame) -> None:
    refuse_points(sum(draws_in(one) for one, _ in parts(fit)), len(frame))


_CALLS = count(2**32)
"""Streams of calls without a seed, beyond all seeds."""


@asked
def predict_runs(fit: Posterior, points: Table, seed: int | None = None) -> xr.DataArray:
    """Return draws of what new runs would show at points: the law, new group effects, and scatter.

    y_new = y(mu(x)) + group effects + e,   e ~ the noise of a row

    on the scale y of the noise, returned as responses. Points that carry the same label of a group with group effects (a size,
    a run) get the same effect; a point without such a column is a run of its own. Measurement error is not added.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    points
        As for `predict`.
    seed
        Of the scatter and the new group effects. None: another one in each call, the same in the same order of calls: runs of
        two calls scatter apart, so that they can be held against each other.

    Returns
    -------
    DataArray
        As `predict` returns.

    Raises
    ------
    InputError
        As `predict` does.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=100)
    >>> shown = bs.predict_runs(before, {"compute": [1.5], "position": 30720, "attention": "moba"}, seed=0)
    >>> shown.sizes["row"]
    1
    """
    frame = read_points(points, fit.runs, groups_needed(fit))
    _refuse_large(fit, frame)
    draws = posterior_predictive(fit, frame, next(_CALLS) if seed is None else checks.seed(seed, "seed"))
    notes = scatter_notes(fit, frame) + value_notes(fit, frame, draws)
    return noted(labelled(fit, draws, frame), notes)


@carried
@asked
def parameters_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points, with their trends and levels, for inputs at their reference.

    Parameters
    ----------
    fit
        A fit, or draws from a prior.
    points
        As for `predict`.

    Returns
    -------
    Dataset
        A variable for each parameter, dimensions chain, draw, row, with the points' inputs and groups along row. In the inputs'
        own units they are those of `published_at`.

    Raises
    ------
    InputError
        As `read_runs` does.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> before = bs.prior("moba_vs_full", draws=40)
    >>> sorted(parameters_at(before, {"compute": [1.5], "attention": "moba", "position": 30720}))
    ['a', 'b']
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    level, logs = levels_at(fit, frame, fit.settings.seed, new=False), log_inputs(fit, frame)
    ones = xr.DataArray(np.ones(len(frame)), dims="row")
    values = {
        name: (parameter_at(fit.model, name, fit.posterior, logs, level, ON_NUMBERS) * ones).transpose("chain", "draw", "row")
        for name in fit.model.parameters
    }
    coords = {str(name): ("row", frame[name].to_numpy()) for name in frame if name not in fit.model.parameters}
    return xr.Dataset(values).assign_coords(coords)


@carried
@asked
def published_at(fit: Fit, points: Table) -> xr.Dataset:
    """Return draws of the law's parameters at points in the convention of papers: inputs in their own units.

    Parameters
    ----------
    fit, points
        As for `parameters_at`.

    Returns
    -------
    Dataset
        As `parameters_at` returns; parameters that hold no unit, such as exponents, are the same in both.

    Raises
    ------
    InputError
        As `parameters_at` does.
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

    On the log loss parts are relative: 0.01 is 1 %; on the log odds they are in these. law is the logarithm, or log odds, of
    the law's loss there, or its loss where the noise is on the loss itself; discrepancy the smooth function that is added to
    it, 0 for a model without; noise the group effects and the scatter. Draws whose law is not on that scale are NaN, counted in
    `attrs["notes"]`.

    Parameters
    ----------
    fit
        A fit, or draws from a prior.
    points
        As for `predict_runs`.
    seed
        Of the scatter of the new run.

    Returns
    -------
    Dataset
        Draws of law, discrepancy, expected, noise and run; dimensions and coordinates as of `predict_runs`.

    Raises
    ------
    InputError
        As `predict_runs` does, and where no draw has a loss above 0 at a point.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> found = decompose(before, {"compute": [1.5], "attention": "moba", "position": 30720, "size": "a new one"})
    >>> list(found)
    ['law', 'discrepancy', 'expected', 'noise', 'run']
    """
    frame = read_points(points, fit.runs, law_groups(fit.model))
    logs, on = log_inputs(fit, frame), fit.model.noise.on
    expectation, law = at(fit, frame, logs), law_at(fit, frame, logs)
    run = posterior_predictive(fit, frame, checks.seed(seed, "seed"))
    gone = np.isnan(law.to_numpy())
    if on != "loss":
        gone = gone | ~possible(law.to_numpy(), on)
        law, expectation, run = (of.copy(data=on_scale(of.where(~gone).to_numpy(), on)) for of in (law, expectation, run))
    if (lost := gone.all(axis=(0, 1))).any():
        raise InputError(f"the points, row {int(np.argmax(lost)) + 1}: no draw has a value there to take apart")
    parts = {"law": law, "discrepancy": expectation - law, "expected": expectation, "noise": run - expectation, "run": run}
    # coordinates by the name of a part would hide it, as a run's label would what the run shows
    named = {name: labelled(fit, of, frame).drop_attrs().drop_vars(list(parts), errors="ignore") for name, of in parts.items()}
    why = {"log_loss": "nothing above 0 is there to take apart", "log_odds": "there is no share between 0 and 1 to take apart"}
    notes = scatter_notes(fit, frame) + left_out(gone, why.get(on, "the law is not defined"))
    units = {"log_loss": "", "log_odds": "log odds"}.get(on, fit.runs.columns.response.unit)
    return noted(xr.Dataset(named, attrs={"units": units}), notes)


def labelled(fit: Posterior, draws: xr.DataArray, frame: pd.DataFrame) -> xr.DataArray:
    """Return draws along rows with the rows' inputs, groups and distance from the data, along "row"."""
    decades = distance(fit.runs, frame)
    coords: dict[str, Any] = {str(name): ("row", frame[name].to_numpy()) for name in frame}
    coords |= {"distance": ("row", decades), "region": ("row", [region(d) for d in decades])}
    columns = fit.runs.columns
    if columns.output_units and OUTPUT in frame:
        coords["unit"] = ("row", [columns.output_units.get(str(output), "") for output in frame[OUTPUT]])
    named = draws.assign_coords(coords).rename("loss")
    return mark(named.assign_attrs(units=columns.unit_of(frame), long_name=name_at(columns, frame)), fit)
