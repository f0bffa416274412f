"""Responses printed with few decimals: rounding counts as a measurement error, where it matters.

A value rounded to steps of d is off by anything between -d/2 and d/2: an error with the standard deviation d / sqrt(12).
Where a step is small beside the scatter of runs it does not matter. Where it is not, rows tie, and a likelihood without it
would underestimate the scatter.
"""

from itertools import combinations_with_replacement
from math import sqrt

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import exact, number
from bayes_scaling._base.quantiles import MAD_TO_SD

MAX_DECIMALS = 8
"""Decimals that are looked for in printed numbers, at most."""
EXACT_STEPS = 0.005
"""Values are multiples of a step to within this share of it, and to within single precision."""

SINGLE = 2.0**-23
"""What single precision is off by, as a share of a value, at most twice over."""

MATTERS = 0.2
"""A step below this share of the scatter adds less than .2 % to it."""

CONSTANT = 1e-3
"""Measurement error, as a share, of responses that are all the same: what they teach is nothing, see the finding `flat`."""

MIN_VALUES = 3
MIN_FREE_ROWS = 5
DEGREES = (3, 2, 1)
REWEIGHTINGS = 20
PER_TERM = 2.5
"""A smooth surface through the rows has a term for each so many rows, at most."""


def with_rounding(
    table: pd.DataFrame, inputs: tuple[str, ...], groups: tuple[str, ...], positive: bool
) -> tuple[pd.DataFrame, str]:
    """Return a checked table with the measurement error of a response printed in coarse steps, and a note that says so.

    A table that knows its measurement errors is left as it is, as is one without scatter.

    Parameters
    ----------
    inputs
        Columns whose logarithm the response is smooth in.
    groups
        Columns whose levels shift it.
    positive
        Whether the response scatters on its logarithm.
    """
    response = table["response"].to_numpy()
    if "measurement_error" in table or len(table) < MIN_FREE_ROWS:
        return table, ""
    if is_constant(response):
        # Without it the scatter would be none at all, and a sampler would crawl towards that.
        return table.assign(measurement_error=CONSTANT * np.abs(response)), ""
    step = printed_step(response)
    if step is None or len(np.unique(np.round(response / step))) < MIN_VALUES:
        return table, ""
    scale = np.abs(response) if positive else np.ones(len(response))
    scatter = _scatter(table, np.log(response) if positive else response, inputs, groups)
    coarse = step / float(np.median(scale))
    if scatter is None or coarse <= MATTERS * scatter:
        return table, ""
    ties = int(pd.Series(response).duplicated(keep=False).sum())
    tied = f"{ties} of {len(table)} rows tie" if ties else "steps are large beside the scatter of runs"
    note = (
        f"the response is printed in steps of {exact(step)}, and {tied}: rounding counts as a measurement error of "
        f"{number(step / sqrt(12), 2)} (step / sqrt(12)); give more decimals, or a measurement error of your own"
    )
    return table.assign(measurement_error=step / sqrt(12)), note


def is_constant(values: np.ndarray) -> bool:
    """Return whether values are the same to single precision."""
    return bool(values.max() - values.min() <= SINGLE * np.abs(values).max())


def printed_step(values: np.ndarray) -> float | None:
    """Return the power of ten that all values are multiples of; None where they have more decimals than are ever printed."""
    size = float(np.abs(values).max())
    for decimals in range(MAX_DECIMALS + 1):
        step = 10.0**-decimals
        if size / step > 1e7:  # a double would be told from its rounding no more
            return None
        off = np.abs(values / step - np.round(values / step))
        # Losses of 3.0008 and 2.9991 are no rounded ones, though near a whole number both.
        if (off < np.minimum(EXACT_STEPS, SINGLE * size / step)).all():
            return step
    return None


def _scatter(table: pd.DataFrame, y: np.ndarray, inputs: tuple[str, ...], groups: tuple[str, ...]) -> float | None:
    """Return the scatter of rows about a smooth surface: no less than that of runs about the best law; None for too few rows.

    Rows at the same place, repeats of a run, tell it by themselves.
    """
    kept = ~table.duplicated().to_numpy()  # a copy of a row is no second run
    table, y = table[kept], y[kept]
    found = [of for of in (_of_repeats(table, y, inputs, groups), _of_surface(table, y, inputs, groups)) if of is not None]
    return min(found) if found else None


def _of_repeats(table: pd.DataFrame, y: np.ndarray, inputs: tuple[str, ...], groups: tuple[str, ...]) -> float | None:
    """Return the scatter of rows at the same inputs and levels; None where too few repeat."""
    by = [*inputs, *(group for group in groups if group != "run")]
    if not by:
        return None
    place = table.groupby(by, sort=False).ngroup().to_numpy()
    count = np.bincount(place)
    free = len(y) - len(count)
    if free < MIN_FREE_ROWS:
        return None
    mean = np.bincount(place, y) / count
    return float(np.sqrt(((y - mean[place]) ** 2).sum() / free))


def _of_surface(table: pd.DataFrame, y: np.ndarray, inputs: tuple[str, ...], groups: tuple[str, ...]) -> float | None:
    """Return the robust scatter about a polynomial of the log inputs, the highest degree that rows allow; None for none."""
    logs = [np.log(table[name].to_numpy()) for name in inputs]
    logs = [(x - x.mean()) / x.std() for x in logs if np.ptp(x) > 0]
    shifts = [pd.get_dummies(table[dim].astype(str), drop_first=True).to_numpy(float) for dim in groups if _few(table[dim])]
    for degree in DEGREES:
        terms = [np.prod(of, axis=0) for d in range(1, degree + 1) for of in combinations_with_replacement(logs, d)]
        design = np.column_stack([np.ones(len(y)), *terms, *shifts])
        if np.linalg.matrix_rank(design) * PER_TERM <= len(y):
            off, rank = _robustly(design, y)
            return MAD_TO_SD * float(
                np.median(np.sort(np.abs(off))[rank:])
            )  # as many go through the surface, whatever they are
    return None


def _robustly(design: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, int]:
    """Return what is left of rows by least absolute deviations, so that outliers do not hide how close the others lie."""
    weights, off, rank = np.ones(len(y)), y, np.linalg.matrix_rank(design)
    for _ in range(REWEIGHTINGS):
        at, _, _, _ = np.linalg.lstsq(design * weights[:, None], y * weights, rcond=None)
        off = y - design @ at
        weights = 1.0 / np.sqrt(np.maximum(np.abs(off), 1e-3 * max(float(np.abs(off).max()), 1e-300)))
    return off, int(rank)


def _few(labels: pd.Series) -> bool:
    return 1 < len(labels.unique()) <= max(6, len(labels) // 8)
