"""The learning rates of a run that the fit has seen, from the rows that the fit keeps of it."""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.annealed import LEAST_EFFECTIVE, MIN_FALL
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.schedule_columns import DERIVED, FALL, STEPLESS
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.shared_misfit import WIDTH

ROUNDED = 0.01
"""The end of a run is told from its averages to such a share."""
OF_A_ROW = 0.1
"""Share of the way that a row averages, about."""


def of_schedule(columns: Columns) -> dict[str, str]:
    """Return the inputs that come of the learning rate, and their columns."""
    return {name: one.column for name, one in columns.inputs.items() if one.column in DERIVED}


def known_log(fit: Fit, seen: pd.DataFrame, along: str) -> pd.DataFrame:
    """Return the rows of a run that the fit has seen as a log in base units, its learning rate as a share of the peak.

    A fit keeps how far the rate had fallen, and no rate: whatever comes of shares alone can be carried on. Rows of the warm-up
    are left out of most fits; how much a weighted distance lacks tells how long it was.

    Raises
    ------
    InputError
        Where an input takes the rates themselves, or every step.
    """
    columns = fit.runs.columns
    inputs, schedule = of_schedule(columns), columns.schedule
    assert schedule is not None
    fall = next((name for name, column in inputs.items() if column == FALL), None)
    if fall is None or schedule.along != columns.inputs[along].column or not set(inputs.values()) <= set(STEPLESS):
        raise InputError(
            f"run {str(seen['run'].iloc[0])!r}: how the learning rate goes on is not known, since the fit keeps none of its "
            f"rates; give the places to come as a table with the columns {format_names([schedule.along, *inputs])}"
        )
    at, share = seen[along].to_numpy(dtype=float), 1.0 - seen[fall].to_numpy(dtype=float)
    weighted = next((seen[name].to_numpy(dtype=float) for name, column in inputs.items() if column == "lr_weighted"), at)
    warmed = 2.0 * (at[0] - weighted[0])  # a line from 0 to the peak lacks half of its length
    if 0.0 < warmed < at[0]:
        at, share = np.append(warmed, at), np.append(1.0, share)
    same = {one.column: seen[name].iloc[0] for name, one in columns.inputs.items() if name != along and name not in inputs}
    return mark_base_units(pd.DataFrame({schedule.along: at, schedule.lr: share}).assign(**same))


def come_to(seen: pd.DataFrame, along: str) -> float:
    """Return where a run that the fit has seen has come to, as seen from its last row: an average lies before the run's end."""
    last = seen.iloc[-1]
    return float(last[along] * np.exp(WIDTH * last.get("mean_lag", 0.0)) * (1.0 + ROUNDED))


def carried_on(fit: Fit, seen: pd.DataFrame, ahead: pd.DataFrame, along: str) -> pd.DataFrame:
    """Return places to come, the first that of the last row seen, with sums of the rate that go on from those of that row.

    The rows that a fit keeps are averages. A weighted distance over them misses that of the log by as much from then on; how
    much of a steep fall has taken effect, until the falls that one row averages lie far behind.
    """
    last, found = seen.iloc[-1], ahead.copy(deep=False)
    fades = np.exp(-(ahead[along] / float(last[along]) - 1.0) / OF_A_ROW)
    for name, column in of_schedule(fit.runs.columns).items():
        off = float(last[name]) - float(ahead[name].iloc[0])
        if column == "lr_weighted":
            found[name] = ahead[name] + off
        elif column in ("lr_annealed", "lr_sudden_pending"):
            found[name] = (ahead[name] + off * fades).clip(lower=MIN_FALL)
        elif column == "lr_effective":
            found[name] = (ahead[name] + off * fades).clip(LEAST_EFFECTIVE, 1.0)
    return mark_base_units(found)
