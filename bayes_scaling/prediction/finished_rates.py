"""The learning rates that finished runs had, as far as the rows that a fit keeps tell them.

Rows are averages, and those just after a fall at once may be left out. Where the rate is flat before and after two rows and
falls between them, it fell at once, where the tokens between them, each weighted by its rate, have it.
"""

from collections.abc import Collection, Mapping

import numpy as np

from bayes_scaling.data.schedule_columns import FALL
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.prediction.known_rates import of_schedule
from bayes_scaling.prediction.shared_misfit import run_fractions

SAME_SCHEDULE = 0.02
"""Finished runs have one schedule where their shares of the peak differ by at most so much."""
SHARES = np.linspace(0.0, 1.0, 101)
AT_ONCE, FLAT = 0.05, 0.1
"""A fall at once between two rows is of so much of the peak; of its slope, what is flat beside it."""


def finished_rates(fit: Fit, along: str, unfinished: Collection[str]) -> dict[str, np.ndarray]:
    """Return the share of the peak that each finished run has at fractions of its way, NaN before its first row."""
    named = {column: name for name, column in of_schedule(fit.runs.columns).items()}
    if FALL not in named or "run" not in fit.runs.table:
        return {}
    every = fit.runs.table
    kept = every[~every["run"].astype(str).isin([*map(str, unfinished)])]
    if not len(kept):
        return {}
    table = kept.sort_values(["run", along], ignore_index=True)
    weighted = table[named.get("lr_weighted", along)] / table[along]
    share, found = np.exp(run_fractions(table, along)), {}
    for run in table["run"].unique():
        own = (table["run"] == run).to_numpy()
        place, fall = share[own], table[named[FALL]].to_numpy()[own]
        course = 1.0 - extended(*_with_falls_at_once(place, fall, weighted.to_numpy()[own] * place))
        found[str(run)] = np.where(place.min() <= SHARES, course, np.nan)
    return found


def alike(courses: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the middle one of courses that are one schedule, NaN where not all are known; None where they are several."""
    every = np.array(list(courses.values()))
    if not every.size:
        return None
    known = np.isfinite(every).all(axis=0)
    low, high = near(every[:, known]) if known.any() else (every, every)
    if not known.any() or (low.max(axis=0) - high.min(axis=0)).max() > SAME_SCHEDULE:
        return None
    return np.where(known, np.median(np.nan_to_num(every), axis=0), np.nan)


def near(courses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest share that courses, along the last axis, have at a place or the ones beside it.

    A fall at once is known to about as much.
    """
    ends = np.concatenate([courses[..., :1], courses, courses[..., -1:]], axis=-1)
    beside = [ends[..., :-2], courses, ends[..., 2:]]
    return np.minimum.reduce(beside), np.maximum.reduce(beside)


def extended(share: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Return a run's fall on `SHARES`; beyond its last average, which lies before its end, by the slope there."""
    found = np.interp(SHARES, share, fall)
    if len(share) > 1 and share[-1] < 1.0:
        slope = (fall[-1] - fall[-2]) / (share[-1] - share[-2])
        found = np.where(share[-1] < SHARES, fall[-1] + slope * (SHARES - share[-1]), found)
    return np.asarray(np.clip(found, 0.0, 1.0))


def _with_falls_at_once(share: np.ndarray, fall: np.ndarray, weighted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a run and two more about each fall at once between rows."""
    slope = np.diff(fall) / np.diff(share)
    beside = np.maximum(np.abs(np.append(0.0, slope[:-1])), np.abs(np.append(slope[1:], np.inf)))
    for i in np.flatnonzero((np.diff(fall) > AT_ONCE) & (beside < FLAT * slope))[::-1]:
        lost = (share[i + 1] - share[i]) * (1.0 - fall[i]) - (weighted[i + 1] - weighted[i])  # what it lacks to the rate before
        when = share[i + 1] - np.clip(lost / (fall[i + 1] - fall[i]), 0.0, share[i + 1] - share[i])
        share, fall = np.insert(share, i + 1, [when, when]), np.insert(fall, i + 1, [fall[i], fall[i + 1]])
    return share, fall
