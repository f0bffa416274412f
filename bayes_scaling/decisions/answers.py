"""Answers that a multiverse analysis may ask of every fit: functions of a fit and points, draws with chain, draw, row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.data.cells import number_column
from bayes_scaling.data.tables import read_table
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.predict import predict

if TYPE_CHECKING:
    from bayes_scaling.decisions.multiverse import Answer

STEP = 2.0
"""The exponent is the slope between budgets this factor below and above."""


def tokens_per_param(fit: Fit, points: Any) -> xr.DataArray:
    """Return draws of the compute-optimal tokens per parameter; points need the column compute, in FLOP: an `answer`."""
    return _optimal(fit, points, "tokens_per_param", (1.0,))[0]


def optimal_params(fit: Fit, points: Any) -> xr.DataArray:
    """Return draws of the compute-optimal size; points need the column compute, in FLOP: an `answer`."""
    return _optimal(fit, points, "params", (1.0,))[0].assign_attrs(long_name="compute-optimal params")


def size_exponent(fit: Fit, points: Any) -> xr.DataArray:
    """Return draws of the exponent with which the compute-optimal size grows with compute: an `answer`.

    d log N* / d log C at the column compute of the points, in FLOP: for L = E + A N^-alpha + B D^-beta beta / (alpha + beta).
    """
    low, high = _optimal(fit, points, "params", (1 / STEP, STEP))
    slope: xr.DataArray = np.log(high / low) / np.log(STEP**2)
    return slope.rename("size_exponent").assign_attrs(long_name="exponent of the compute-optimal size over compute", units="")


def _optimal(fit: Fit, points: Any, name: str, factors: tuple[float, ...]) -> list[xr.DataArray]:
    """Return draws of the best split for each factor of the points' compute, a row for each point."""
    table = read_table(points, labels=fit.runs.columns.labels)
    budgets = number_column(table, "compute", "the points", table.index.to_numpy()).to_numpy()
    held = table[[str(column) for column in table if str(column) not in ("compute", "params", "tokens")]]
    rows = [held.iloc[[i]].reset_index(drop=True) if len(held.columns) else None for i in range(len(table))]

    def at(factor: float) -> xr.DataArray:
        every = [compute_optimal(fit, float(factor * of), row)[name] for of, row in zip(budgets, rows, strict=True)]
        found = xr.concat([one.drop_vars("compute") for one in every], "row", coords="minimal", compat="override")
        return found.assign_coords(compute=("row", budgets))

    return [at(factor) for factor in factors]


ANSWERS: "Mapping[str, Answer]" = {
    "loss": predict,
    "size": optimal_params,
    "exponent": size_exponent,
    "tokens-per-param": tokens_per_param,
}
"""Name -> what a multiverse analysis on the command line answers."""
