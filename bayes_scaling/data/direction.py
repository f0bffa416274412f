"""Which way of a response is better, and what it is called, row by row where outputs are in several units."""

import numpy as np
import pandas as pd

from bayes_scaling.data.columns import Columns
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.response import name_in
from bayes_scaling.laws.units import more_is_better


def rising_rows(columns: Columns, table: pd.DataFrame) -> np.ndarray:
    """Return of each row whether more of its response is better, as of an accuracy."""
    if columns.output_units and OUTPUT in table:
        return np.array([more_is_better(columns.output_units.get(str(one), "")) for one in table[OUTPUT]], dtype=bool)
    return np.full(len(table), columns.response.rising)


def better(difference: np.ndarray, rising: np.ndarray) -> np.ndarray:
    """Return where a difference in a response is for the better: below 0 of a loss, above 0 of an accuracy.

    Parameters
    ----------
    difference
        Last a row each, as `rising`.
    """
    return np.where(rising, difference > 0, difference < 0)


def name_at(columns: Columns, table: pd.DataFrame) -> str:
    """Return what the responses of rows are called: an output in accuracy is no loss, see `response.name_in`."""
    one = str(table[OUTPUT].iloc[0]) if columns.outputs and OUTPUT in table and len(set(table[OUTPUT])) == 1 else ""
    return name_in(columns.unit_of(table), columns.response.name, columns.by_output.get(one, columns.response.column))
