"""A parameter's posterior for each level of its groups.

ArviZ's `plot_forest` has a row for each combination of levels; here a second group is a colour within the row of the first.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import level_name
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_intervals
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, quantiles, with_unit


@footed
def plot_forest(values: xr.DataArray, ax: Axes | None = None, *, hue: str | None = None, unit: str = "") -> Axes:
    """Draw median, 50 % (thick) and 90 % (thin) credible interval of a parameter for each level.

    Parameters
    ----------
    values
        Draws with chain, draw and one or two groups, see `parameter_values`.
    ax
        Where to draw; a new axis unless given.
    hue
        The group told apart by colour; the smaller of two unless given.
    unit
        Of the parameter.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from bayes_scaling import plots
    >>> draws = np.random.default_rng(0).normal([1.7, 1.8], 0.02, (4, 100, 2))
    >>> values = xr.DataArray(draws, {"arch": ["dense", "sparse"]}, ("chain", "draw", "arch"), name="E")
    >>> plots.plot_forest(values, unit="nats/token").get_xlabel()
    'E (nats/token)'
    """
    ax = axis_of(ax)
    groups = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
    if hue is None and len(groups) > 1:
        hue = min(groups, key=lambda group: values.sizes[group])
    rows = next((group for group in groups if group != hue), None)
    labels = [level_name(level) for level in values[rows].to_numpy()] if rows else [str(values.name)]
    hues = list(values[hue].to_numpy()) if hue else [None]
    for i, level in enumerate(hues):
        one = values if hue is None else values.sel({hue: level})
        height = np.arange(len(labels)) + (i - (len(hues) - 1) / 2) * 0.6 / max(len(hues), 1)
        colour = COLOURS[i % len(COLOURS)]
        paint_intervals(ax, height, quantiles(one), colour=colour, label="" if level is None else level_name(level))
    of = quantiles(values)
    if float(values.min()) > 0 and of[0.95].max() > 10 * of[0.05].min():
        ax.set_xscale("log")
        log_ticks(ax, "x")
    ax.set_yticks(np.arange(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set_xlabel(with_unit(str(values.name), unit), color=INK)
    ax.set_ylabel(rows or "")
    ax.grid(axis="x", linewidth=0.3, alpha=0.5)
    if hue:
        ax.legend(title=hue, loc="best")
    return ax
