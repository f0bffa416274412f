"""Tables of the best so far: values that never rise, or never fall, and repeat themselves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import format_count
from bayes_scaling.data.rounding import printed_step

CENSORED = "censored"
"""1 where a value is at least what its row shows, -1 where it is at most that, 0 where it is that."""

LEAST_ROWS, LEAST_REPEATS = 8, 2
"""Rows of a run, and how many of them repeat the one before, that are needed to see it."""

LEAST_STEPS = 3.0
"""Values printed in steps repeat themselves by rounding; not where they change by so many steps at a time, in the middle."""


def without_bounds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a checked table that are values, not bounds."""
    return table[table[CENSORED] == 0] if CENSORED in table else table


def with_best_so_far(table: pd.DataFrame, along: str, name: str, runs: Sequence[str] = ()) -> tuple[pd.DataFrame, str]:
    """Return a checked table that says which rows repeat the best so far, and a note on it; as it is where none does.

    Parameters
    ----------
    along
        The input that orders the rows of a run.
    name
        What the response is called.
    runs
        Groups whose levels are runs of their own.
    """
    if CENSORED in table:
        return table, ""
    bound = np.zeros(len(table))
    rows = table.reset_index(drop=True)
    for places in rows.groupby(list(runs), sort=False).indices.values() if runs else [np.arange(len(rows))]:
        order = places[np.argsort(rows[along].to_numpy()[places], kind="stable")]
        bound[order] = _repeats(rows[along].to_numpy()[order], rows["response"].to_numpy()[order])
    if not bound.any():
        return table, ""
    way, better = ("rises", "above") if bound.max() > 0 else ("falls", "below")
    count, whole = format_count(int(np.abs(bound).sum())), format_count(len(table))
    note = (
        f"{name} never {way} along {along}, and {count} of {whole} rows repeat the one before: they are read as the best so "
        "far, of which a repeat says that a value was no better; what is expected, and predicted, is single values, which lie "
        f"{better} it"
    )
    return table.assign(**{CENSORED: bound}), note


def _repeats(at: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Return of ordered rows which are bounds, and of which side; none where rows are no best so far."""
    none, change = np.zeros(len(response)), np.diff(response)
    if len(response) < LEAST_ROWS or (np.diff(at) == 0).any() or ((change < 0).any() and (change > 0).any()):
        return none
    moved, step = np.abs(change[change != 0]), printed_step(response)
    if len(moved) == 0 or len(change) - len(moved) < LEAST_REPEATS:
        return none
    if step is not None and np.median(moved) < LEAST_STEPS * step * (1.0 - 1e-6):
        return none
    return np.append(0.0, np.where(change == 0, -np.sign(change.sum()), 0.0))
