"""Counts that a table has twice, in two units: `params` and `Params(M)`. The one whose name says the unit tells the other's."""

from collections.abc import Mapping
from math import log10

import numpy as np
import pandas as pd

from bayes_scaling.data.roles.words import meanings
from bayes_scaling.laws.units import column_unit

COUNTED = ("params", "tokens")
ROUNDED, MOST_THOUSANDS = 0.02, 4
"""Copies are rounded by no more than such a share; their units differ by a thousand, or its powers up to a trillion."""


def says_unit(column: str) -> bool:
    """Return whether the name of a column says what it counts in."""
    unit = column_unit(column)
    return unit is not None and unit.explicit


def copied_factor(values: pd.Series, others: pd.Series) -> float | None:
    """Return how many of the second one of the first column is, a power of a thousand; None where they are no copies."""
    there = (values > 0) & (others > 0)
    if not there.any() or not (values[~there].isna() & others[~there].isna() | (values[~there] == others[~there])).all():
        return None
    ratio = np.log10((others[there] / values[there]).to_numpy())
    power = round(float(np.median(ratio)) / 3.0)
    if abs(power) > MOST_THOUSANDS or power == 0 or (np.abs(ratio - 3.0 * power) > log10(1.0 + ROUNDED)).any():
        return None
    return 1000.0**power


def unit_by_copy(role: str, column: str, numbers: Mapping[str, pd.Series]) -> tuple[float, str] | None:
    """Return how many ones one of a column is, and the column in another unit that tells it; None where none does."""
    for name in numbers:
        unit = column_unit(name)
        if name == column or unit is None or not unit.explicit or not any(one.role == role for one in meanings(name)):
            continue
        factor = copied_factor(numbers[column], numbers[name])
        if factor is not None:
            return factor * unit.factor, name
    return None
