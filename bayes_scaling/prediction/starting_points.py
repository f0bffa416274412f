"""Points to start predictions from: each level of the law's groups, amid the runs, at their edge and beyond."""

from collections.abc import Iterable
from itertools import product
from math import prod
from typing import Any

import pandas as pd

from bayes_scaling.data.points import in_column_units
from bayes_scaling.inference.stacking import Posterior, groups_needed

MOST_CELLS = 1_000
"""Where there are more combinations of levels than these, only those that the runs have are listed."""

BEYOND = 10.0
"""The last points lie so many times beyond the largest run, along every input."""


def starting_points(fit: Posterior) -> pd.DataFrame:
    """Return a table of points in the units of the runs' columns: at the reference, the data's edge and ten times beyond.

    Inputs from a schedule go together: there it is the last row of each run.
    """
    runs = fit.runs
    if runs.columns.schedule is not None:
        last = runs.table.groupby("run").tail(1) if "run" in runs.table else runs.table.tail(1)
        return in_column_units(last.drop(columns=["response", "measurement_error"], errors="ignore"), runs.columns)
    groups = {dim: runs.levels[dim] for dim in groups_needed(fit)}
    held, zeros = runs.held, [name for name, one in runs.columns.inputs.items() if one.zero]
    largest = {name: float(runs.table[name].max()) for name in runs.columns.inputs if name not in zeros}
    places = [held, held | largest, held | {name: BEYOND * value for name, value in largest.items()}]
    cells: Iterable[tuple[Any, ...]] = product(*groups.values())
    if prod(map(len, groups.values())) > MOST_CELLS:
        cells = runs.table[list(groups)].drop_duplicates().itertuples(index=False, name=None)
    rows = [dict(zip(groups, cell, strict=True)) | place for cell in cells for place in places]
    return in_column_units(pd.DataFrame(rows), runs.columns)
