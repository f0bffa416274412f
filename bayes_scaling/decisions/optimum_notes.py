"""What to know of an optimum before relying on it: new levels, how far it lies beyond the runs, and draws without one."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.numbers import interval, percent, spaced_name
from bayes_scaling.data.distance import distance
from bayes_scaling.decisions.law_along import columns_of
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.notes import far_notes, left_out, noted, notes_on

OFTEN = 0.05
"""Of fewer draws whose optimum lies beyond the runs nothing is said."""


def with_notes[T](fit: Posterior, found: T, best: Mapping[str, xr.DataArray]) -> T:
    """Return draws of an optimum with what to know of it.

    Parameters
    ----------
    best
        Input -> draws of its best value, (chain, draw, row), in base units; NaN in draws without one.
    """
    frame = _at_the_optimum(best)
    known = frame.notna().all(axis=1).to_numpy()
    inside = frame[known].reset_index(drop=True)
    apart = distance(fit.runs, inside) if len(inside) and set(fit.runs.columns.scales) <= set(inside) else np.zeros(1)
    without = np.any([np.isnan(draws.to_numpy()) for draws in best.values()], axis=0)
    why = (
        f"there is no best value of {' and '.join(map(spaced_name, best))} within the range that is searched; they are left out"
    )
    beyond = [said for name, draws in best.items() for said in _beyond(fit, name, draws)]
    return noted(found, (*notes_on(fit, frame), *beyond, *far_notes(apart), *left_out(without, why)))


def _at_the_optimum(best: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """Return the points with the median of what draws have for the best values; NaN where none has."""
    places = {name: draws.median(("chain", "draw")).to_numpy() for name, draws in best.items()}
    first = next(iter(best.values()))
    return columns_of(first.to_dataset(name="best")).drop(columns=list(places), errors="ignore").assign(**places)


def _beyond(fit: Posterior, name: str, draws: xr.DataArray) -> list[str]:
    """Say in which share of draws a best value lies outside those of the runs; nothing where that is rare."""
    low, high = float(fit.runs.table[name].min()), float(fit.runs.table[name].max())
    values = draws.to_numpy()
    known = values[np.isfinite(values)]
    share = float(((known < low) | (known > high)).mean()) if len(known) else 0.0
    if share < OFTEN:
        return []
    unit = fit.runs.columns.inputs[name].unit
    span = f"{interval([low, high])} {unit}".rstrip()
    return [f"the best value of {spaced_name(name)} lies outside the runs, which have {span}, in {percent(share)} of draws"]
