"""A parameter's posterior for each level of its groups."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import level_name
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, log_ticks, quantile, with_unit


@footed
def plot_forest(values: xr.DataArray, ax: Axes, *, hue: str | None = None, unit: str = "") -> Axes:
    """Draw median, 50 % (thick) and 90 % (thin) credible interval of a parameter for each level.

    Parameters
    ----------
    values
        Draws with chain, draw and one or two groups, see `parameter_values`; hue: the group told apart by colour.
    """
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
        ax.hlines(height, quantile(one, 0.05), quantile(one, 0.95), color=colour, linewidth=0.8)
        ax.hlines(height, quantile(one, 0.25), quantile(one, 0.75), color=colour, linewidth=2.4)
        ax.plot(
            np.atleast_1d(quantile(one, 0.5)),
            height,
            "o",
            ms=3.2,
            color="white",
            mec=colour,
            label="" if level is None else level_name(level),
        )
    low, high = quantile(values, 0.05).min(), quantile(values, 0.95).max()
    if float(values.min()) > 0 and high > 10 * low:
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
