"""Columns of learning rates, schedules and runs by their names, and notes on those that nothing in the model reads."""

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import number

SCHEDULES = ("schedule", "lr_schedule", "scheduler")
"""Columns of these names say how the learning rate went; losses under different schedules differ."""


RATES = r"(^|[^a-z])(lr|learning[_ ]?rate)([^a-z]|$)"
"""Columns of such names are learning rates."""


RUN_NAMES = r"run|job|trial|wandb|uuid"
"""Columns of such names tell which rows are one run."""


UNREAD_FALL = "and nothing in the model reads it: losses on the way"


FALLS = 0.9
"""A learning rate that has come down to this share of its peak has fallen."""


def schedule_notes(schedules: Mapping[str, Sequence[object]]) -> tuple[str, ...]:
    """Return a sentence for each column of schedules that nothing in the model reads and that has several values."""
    return tuple(
        f"column {name!r} has {len(values)} values, and nothing in the model reads it: losses under different schedules are "
        "not comparable; filter with where, or make it a group"
        for name, values in schedules.items()
        if len(values) > 1
    )


def is_run_name(name: str) -> bool:
    """Return whether a column of that name tells which rows are one run."""
    words = re.split(r"[^a-z]+", name.lower())
    return any(re.fullmatch(f"({RUN_NAMES})(id|name|number|index)?s?", word) for word in words)


def is_rate_name(name: str) -> bool:
    """Return whether a column of that name is a learning rate."""
    return re.search(RATES, name.lower()) is not None


def falling_rates(frame: pd.DataFrame, run: pd.Series, at: pd.Series, read: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for the first column of learning rates that fall along runs and that nothing in the model reads.

    Parameters
    ----------
    frame
        A table as it is.
    run, at
        Of each of its rows, the run and how far along it is.
    read
        Columns that are read.
    """
    for name in [name for name in frame if name not in read and is_rate_name(str(name))]:
        rate = pd.to_numeric(frame[name], errors="coerce").reset_index(drop=True)
        order = np.lexsort((at.to_numpy(), run.astype(str).to_numpy()))
        left = lowest_share(rate.iloc[order].dropna(), run.iloc[order])
        fell = left < FALLS
        if fell.any():
            low = number(float(left[fell].median()), 2)
            return (
                f"column {str(name)!r} falls along {int(fell.sum())} of {len(left)} runs, to {low} of its "
                f"peak, {UNREAD_FALL} are not those of runs that end there; "
                "the study training_curves_schedules reads it (column lr)",
            )
    return ()


def lowest_share(rate: pd.Series, run: pd.Series) -> pd.Series:
    """Return for each run the lowest share of its peak so far that its rate comes down to, whether or not it rises again.

    Parameters
    ----------
    rate, run
        Of rows in the order of their runs.

    Examples
    --------
    >>> lowest_share(pd.Series([1.0, 2.0, 0.5, 2.0]), pd.Series(["a"] * 4)).tolist()
    [0.25]
    """
    return (rate / rate.groupby(run).cummax()).groupby(run).min().clip(lower=0.0)
