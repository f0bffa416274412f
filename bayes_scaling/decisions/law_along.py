"""A law as a function of some of its inputs, all else as in the points: what optima and splits of compute are searched on."""

from collections.abc import Callable, Mapping, Sequence
from math import log

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import on_arrays
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.schedules import check_logarithms, log_input
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Trend, as_parameter
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import model_inputs
from bayes_scaling.prediction.predict import parameters_at

WIDER = 30.0
"""Optima are searched for from a thirtieth of the smallest value seen to thirty times the largest."""


def parameters_along(fit: Fit, points: Table, moved: Sequence[str]) -> xr.Dataset:
    """Return draws of the parameters at points, with the moved inputs at their reference, where trends on them add nothing."""
    for name in moved:
        if name not in model_inputs(fit.model):
            raise InputError(f"along {name!r} names no input; the model's inputs are {list(model_inputs(fit.model))}")
        check_logarithms(fit.runs.columns, {"what is to be varied": (name,)})
    columns = [fit.runs.columns.inputs[name].column for name in moved]
    frame = in_base_units(points, fit.runs).drop(columns=[*moved, *columns], errors="ignore")
    at = parameters_at(fit, frame.assign(**{name: fit.runs.references[name] for name in moved}))
    return at.drop_vars(list(moved))


def law_along(fit: Fit, at: xr.Dataset, moved: Sequence[str]) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Return the law as a function of the logarithms of the moved inputs' values; bare arrays, as it is called often.

    Parameters
    ----------
    at
        What `parameters_along` returns.
    """
    references = fit.runs.references
    inputs = model_inputs(fit.model)
    frame = columns_of(at)
    logs_of = {name: log_input(frame, fit.runs.columns, references, name) for name in inputs if name not in moved}
    held = {name: log if log.ndim == 1 else log.T[:, None, None, :] for name, log in logs_of.items()}  # parts stand first
    values = {name: at[name].to_numpy() for name in fit.model.parameters}
    drifts = {name: slopes for name in fit.model.parameters if (slopes := _slopes(fit, name, moved))}

    def law(places: Mapping[str, np.ndarray]) -> np.ndarray:
        logs = held | {name: place - log(references[name]) for name, place in places.items()}
        drifted = {name: _drifted(fit, name, values[name], slopes, logs) for name, slopes in drifts.items()}
        loss: np.ndarray = law_value(fit.model.law, logs, values | drifted, on_arrays(3))
        return loss

    return law


def _slopes(fit: Fit, name: str, moved: Sequence[str]) -> dict[str, np.ndarray]:
    """Return draws of a parameter's trends on the moved inputs; chain, draw, and one for the point."""
    terms = as_parameter(fit.model.parameters[name]).terms
    return {
        term.on: fit.posterior[term_name(name, term)].to_numpy()[..., None]
        for term in terms
        if isinstance(term, Trend) and term.on in moved
    }


def _drifted(
    fit: Fit, name: str, value: np.ndarray, slopes: Mapping[str, np.ndarray], logs: Mapping[str, np.ndarray]
) -> np.ndarray:
    drift: np.ndarray = sum((slope * logs[on] for on, slope in slopes.items()), start=np.zeros(1))
    return value * np.exp(drift) if link(as_parameter(fit.model.parameters[name]).prior) == "log" else value + drift


def columns_of(at: xr.Dataset) -> pd.DataFrame:
    """Return the checked points behind parameters at points."""
    columns = {str(name): of.to_numpy() for name, of in at.coords.items() if of.dims == ("row",)}
    return pd.DataFrame(columns, index=range(at.sizes["row"]))


def search_bounds(fit: Posterior, along: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the range that is searched for an optimum, as logarithms."""
    seen = np.log(fit.runs.table[along].to_numpy())
    return seen.min(keepdims=True) - log(WIDER), seen.max(keepdims=True) + log(WIDER)


def labelled_as(values: np.ndarray, at: xr.Dataset, name: str, unit: str) -> xr.DataArray:
    """Return draws with the coordinates of the points, but for the inputs that were moved."""
    return xr.DataArray(values, at.coords, ("chain", "draw", "row"), attrs={"long_name": name, "units": unit})


def named_unit(fit: Posterior, name: str) -> tuple[str, str]:
    return name.replace("_", " "), fit.runs.columns.inputs[name].unit
