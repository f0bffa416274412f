"""A parameter along the axis of a smooth term: its levels, and the function between and beyond them."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import level_name
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.parameters import Smooth, as_parameter
from bayes_scaling.model.smooth import axis
from bayes_scaling.model.specification import law_groups
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.middle import middle_of
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, quantiles, spread
from bayes_scaling.prediction.predict import parameters_at

POINTS = 120
"""Of a curve."""
BEYOND = 0.5
"""Curves reach so far beyond the levels of the runs, as a share of their range, unless said."""
CURVES = 4
"""Levels of the groups within that have a curve each, at most."""


@footed
def plot_smooth(fit: Fit, name: str, ax: Axes | None = None, *, over: str | None = None, end: float | None = None) -> Axes:
    """Draw a parameter along the axis of a smooth term, with 50 and 90 % credible bands; dashed beyond the runs.

    Ticks at the foot are the levels of the runs. There is a curve for each of up to four levels of what the parameter varies
    over beside; groups that only other parameters vary over do not matter.

    Parameters
    ----------
    fit
        A fit.
    name
        A parameter of the law that has a smooth term.
    ax
        Where to draw; a new axis unless given.
    over
        The group of the axis; that of the parameter's first smooth term unless said.
    end
        The last place of the axis that is drawn; half of the range of the levels beyond the last unless said.

    Returns
    -------
    Axes
        The axis.

    Raises
    ------
    InputError
        Where the parameter has no smooth term, or none over that group.

    Examples
    --------
    >>> plots.plot_smooth(fit, "a", end=65536)  # doctest: +SKIP
    """
    term = _term(fit, name, over)
    levels = axis(term, fit.runs.levels[term.over])
    low, high = float(levels.min()), float(levels.max())
    margin = BEYOND * (high - low)
    # The range below the first level is that of the axis, but never across zero: a position has no negative.
    first = low - margin if term.log or low <= 0 else max(low - margin, 0.0)
    last = high + margin if end is None else float(axis(term, [end])[0])
    places = np.unique(np.concatenate([np.linspace(first if low > 0 or term.log else low, max(last, high), POINTS), levels]))
    at = np.exp(places) if term.log else places
    ax = axis_of(ax)
    for i, cell in enumerate(_cells(fit, name, term)):
        points = {**_held(fit, term), **cell, term.over: at}
        values = parameters_at(fit, mark_base_units(pd.DataFrame(points)))[name]
        of, inside = quantiles(values), (places >= low) & (places <= high)
        colour = COLOURS[i % len(COLOURS)]
        paint_bands(ax, at, of, colour=colour)
        label = ", ".join(level_name(level) for level in cell.values())
        ax.plot(at, np.where(inside, of[0.5], np.nan), color=colour, label=label)
        ax.plot(at, of[0.5], color=colour, linestyle=(0, (3, 2)), linewidth=0.9)
        if label:
            ax.legend(title=", ".join(cell))
    if term.log:
        ax.set_xscale("log")
        log_ticks(ax, "x")
    seen = np.exp(levels) if term.log else levels
    ax.plot(seen, np.zeros(len(seen)), "|", color=INK, ms=5, transform=ax.get_xaxis_transform(), clip_on=False)
    ax.set_xlabel(term.over.replace("_", " "))
    ax.set_ylabel(name)
    return ax


def _term(fit: Fit, name: str, over: str | None) -> Smooth:
    """Return the smooth term of a parameter, over a group where one is said."""
    if name not in fit.model.parameters:
        raise InputError(f"no parameter {name!r}; the law has {format_names(fit.model.parameters)}")
    terms = [term for term in as_parameter(fit.model.parameters[name]).terms if isinstance(term, Smooth)]
    found = [term for term in terms if over in (None, term.over)]
    if not found:
        along = f" along {over!r}; it has such terms along {format_names({of.over for of in terms})}" if terms else " anything"
        raise InputError(f"{name} is not smooth{along if terms else along + ': it has no Smooth term'}")
    return found[0]


def _cells(fit: Fit, name: str, term: Smooth) -> list[dict[str, Any]]:
    """Return the levels of what a parameter varies over beside the axis, a few of them."""
    terms = as_parameter(fit.model.parameters[name]).terms
    dims = dict.fromkeys(dim for of in terms for dim in getattr(of, "dims", ()) if dim != term.over)
    cells = list(product(*(fit.runs.levels[dim] for dim in dims)))
    return [dict(zip(dims, cell, strict=True)) for cell in (spread(cells, CURVES) if len(cells) > CURVES else cells)]


def _held(fit: Fit, term: Smooth) -> dict[str, Any]:
    """Return where all else stands: inputs at the median of the runs, other groups at a level."""
    inputs = middle_of(fit.runs.table, fit.runs.columns, fit.runs.columns.inputs)
    return inputs | {dim: fit.runs.levels[dim][0] for dim in law_groups(fit.model) if dim != term.over}
