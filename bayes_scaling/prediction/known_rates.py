"""The learning rates of runs that a fit has seen, as it keeps them."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.logged_rates import LoggedRates
from bayes_scaling.data.schedule_columns import DERIVED
from bayes_scaling.inference.posterior import Fit

MOST_ROWS = 2000
"""Rows of a log that is written anew, beside those where the slope changes."""


def of_schedule(columns: Columns) -> dict[str, str]:
    """Return the inputs that come of the learning rate, and their columns."""
    return {name: one.column for name, one in columns.inputs.items() if one.column in DERIVED}


def finished_rates(fit: Fit, unfinished: Collection[str]) -> dict[str, LoggedRates]:
    """Return the learning rates of the runs of a fit but for some."""
    labels = set(fit.runs.table["run"].astype(str)) if "run" in fit.runs.table else set()
    return {run: of for run, of in fit.runs.learning_rates.items() if run in labels - set(map(str, unfinished))}


def known_log(fit: Fit, seen: pd.DataFrame, along: str) -> pd.DataFrame:
    """Return the learning rates of a run that the fit has seen as a log in base units, in rows as its log had them, about.

    Raises
    ------
    InputError
        Where the fit keeps none, as those that earlier versions saved, or they are along steps that the fit does not have.
    """
    columns, label = fit.runs.columns, str(seen["run"].iloc[0])
    inputs, schedule = of_schedule(columns), columns.schedule
    assert schedule is not None
    logged = fit.runs.learning_rates.get(label)
    if logged is None or schedule.along != columns.inputs[along].column:
        raise InputError(
            f"run {label!r}: how the learning rate goes on is not known, since the fit keeps none of its "
            f"rates; give the places to come as a table with the columns {format_names([schedule.along, *inputs])}"
        )
    rows = min(int((logged.places[-1] - logged.places[0]) / logged.spacing) + 1, MOST_ROWS) if logged.spacing > 0 else 1
    at = np.union1d(logged.places, np.linspace(logged.places[0], logged.places[-1], rows))
    same = {one.column: seen[name].iloc[0] for name, one in columns.inputs.items() if name != along and name not in inputs}
    table = pd.DataFrame({schedule.along: at, schedule.lr: np.interp(at, logged.places, logged.lr)})
    return mark_base_units(table.assign(**same))
