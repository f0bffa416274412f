"""Credible bands of a curve, and the runs it was fitted to."""

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling.data.direction import name_at
from bayes_scaling.data.runs import Runs
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.shown import Shown, remember
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, log_where_positive, quantiles, with_unit


@footed
def plot_band(
    curve: xr.DataArray,
    x: str,
    ax: Axes | None = None,
    *,
    colour: str = COLOURS[0],
    label: str = "",
    unit: str = "",
    log: bool = True,
) -> Axes:
    """Draw the median and the 50 and 90 % credible bands of a curve; dashed beyond the runs.

    Parameters
    ----------
    curve
        Draws of the loss at points, as `predict` returns them.
    x
        The coordinate for the horizontal axis.
    ax
        Where to draw; a new axis unless given.
    colour, label
        Of the curve.
    unit
        Of x.
    log
        Whether the vertical axis is logarithmic, where all that is drawn lies above zero.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from bayes_scaling import plots
    >>> draws = np.random.default_rng(0).normal(2.5, 0.02, (4, 100, 3)) - [0.0, 0.2, 0.3]
    >>> curve = xr.DataArray(draws, {"compute": ("row", [1e18, 1e19, 1e20])}, ("chain", "draw", "row"))
    >>> plots.plot_band(curve, "compute", unit="FLOP").get_xlabel()
    'compute (FLOP)'
    """
    order = np.argsort(curve[x].to_numpy())
    curve = curve.isel(row=order)
    at = curve[x].to_numpy()
    of = quantiles(curve)
    median = of[0.5]
    ax = axis_of(ax)
    paint_bands(ax, at, of, colour=colour)
    inside = curve["distance"].to_numpy() <= 0 if "distance" in curve.coords else np.ones(len(at), dtype=bool)
    ax.plot(at, np.where(inside, median, np.nan), color=colour, label=label)
    ax.plot(at, median, color=colour, linestyle=(0, (3, 2)), linewidth=0.9)
    remember(ax, Shown(label, colour, x, at, of, inside))
    ax.set_xscale("log")
    ax.set_xlabel(with_unit(x.replace("_", " "), unit))
    ax.set_ylabel(with_unit(str(curve.attrs.get("long_name", "loss")), str(curve.attrs.get("units", ""))))
    log_ticks(ax, "x")
    if log:
        log_where_positive(ax)
    return ax


def plot_runs(
    table: pd.DataFrame,
    runs: Runs,
    x: str,
    ax: Axes | None = None,
    *,
    colour: str = COLOURS[0],
    marker: str = "o",
    label: str = "",
) -> Axes:
    """Draw observed losses as points.

    Parameters
    ----------
    table
        Rows of `runs.table`.
    runs
        The runs, which say the name and unit of the loss.
    x
        Input or numeric group for the horizontal axis.
    ax
        Where to draw; a new axis unless given.
    colour, marker, label
        Of the points.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_runs(fit.runs.table, fit.runs, "compute")  # doctest: +SKIP
    """
    ax = axis_of(ax)
    many = len(table) > 15
    ax.scatter(
        table[x],
        table["response"],
        s=5 if many else 11,
        color=colour,
        marker=marker,
        edgecolors="white",
        linewidths=0.2 if many else 0.4,
        zorder=3,
        label=label,
    )
    ax.set_ylabel(with_unit(name_at(runs.columns, table), runs.columns.unit_of(table)), color=INK)
    return ax
