"""The compute that makes up for a difference, under every cost: one figure for the question "compute of which kind?"."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import tick
from bayes_scaling.plots.contrast import horizontal, numeric_along_rows
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_bands, paint_intervals
from bayes_scaling.plots.shown import Shown, remember
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, quantiles, with_unit
from bayes_scaling.prediction.contrast import Contrast

DASHED = (0, (3, 2))
"""The line of a median whose cost is extrapolated."""
ROOM = 0.14
"""Share of the vertical axis that each cost's name has for itself."""
WIDE = 30.0
"""An axis whose ends are further apart has ticks at powers of ten alone."""
RATIOS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)
"""Ticks of an axis of ratios that spans less than that."""


@footed
def plot_costs(contrast: Contrast, x: str | None = None, ax: Axes | None = None, *, unit: str = "") -> Axes:
    """Draw the multiple of compute that a needs for the loss of b, under the law's own axis and each cost of the runs.

    Above 1 a needs more. Bands hold 50 and 90 % of the draws that have a multiple; dashed where the cost is extrapolated
    beyond the runs. At a single point, or without x, a row for each cost: dot, thick and thin line are median, 50 and 90 %.

    Parameters
    ----------
    contrast
        What `contrast` returns of runs that have costs.
    x
        A numeric coordinate of its points; None for rows at its first point.
    ax
        Where to draw; a new axis unless given.
    unit
        Of x.

    Returns
    -------
    Axes
        The axis.

    Raises
    ------
    InputError
        Where the runs have no costs, or x is no number of the points.

    Examples
    --------
    >>> plots.plot_costs(bs.contrast(fit, "attention", "moba", "full", points), "compute")  # doctest: +SKIP
    """
    ax = axis_of(ax)
    if contrast.by_cost is None:
        raise InputError("the runs have no costs to draw multiples under; see Columns.costs")
    times, label = contrast.by_cost["multiplier"], f"multiple at equal {contrast['difference'].attrs.get('long_name', 'loss')}"
    times = times.where(np.isfinite(times) & (times > 0))
    if x is None:
        ax.set_xscale("log")
        _rows(times.isel(row=0), ax, 1.0)
        _ratio_ticks(ax, "x")
        ax.set_xlabel(label)
        return ax
    if x not in (known := numeric_along_rows(contrast["difference"])):
        raise InputError(f"the points have no number {x!r} to draw against; they have {known}")
    places = contrast["difference"][x].to_numpy()
    order = np.argsort(places, kind="stable")
    beyond = contrast.by_cost["extrapolated"].isel(row=order)
    for i, cost in enumerate(times["cost"].to_numpy().tolist()):
        of = quantiles(times.sel(cost=cost).isel(row=order))
        _curve(ax, x, places[order], of, beyond.sel(cost=cost).to_numpy(), COLOURS[i % len(COLOURS)], str(cost))
    ax.axhline(1, color=INK, linewidth=0.6)
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** (ROOM * times.sizes["cost"]))
    _ratio_ticks(ax, "y")
    ax.set_ylabel(label)
    horizontal(ax, x, places, unit)
    ax.legend(loc="upper right", borderaxespad=0.0)
    name_axis(contrast, x, ax, unit)
    return ax


def loss_rows(contrast: Contrast, ax: Axes) -> Axes:
    """Draw the loss of a against that of b at equal cost, a row for each cost, at the first point."""
    assert contrast.by_cost is not None
    relative, of = "ratio" in contrast.by_cost, contrast["difference"].attrs
    found = contrast.by_cost["ratio" if relative else "difference"].isel(row=0)
    _rows(100 * (found - 1) if relative else found, ax, 0.0)
    name = str(of.get("long_name", "loss"))
    ax.set_xlabel(f"{name} difference (%)" if relative else with_unit(f"{name} difference", str(of.get("units", ""))))
    return ax


def name_axis(contrast: Contrast, x: str, ax: Axes, unit: str) -> None:
    """Name on the horizontal axis of which compute it is, where the runs have several."""
    if x == "compute" and contrast.by_cost is not None:
        own = str(contrast.by_cost["cost"].to_numpy()[0])
        ax.set_xlabel(with_unit(f"compute by {own}" if own != x else x, unit))


def _curve(
    ax: Axes, x: str, places: np.ndarray, of: dict[float, np.ndarray], beyond: np.ndarray, colour: str, label: str
) -> None:
    """Draw the bands of a cost, its median solid where runs say the cost and dashed where it is extrapolated."""
    paint_bands(ax, places, of, colour=colour)
    known, carried = (np.where(rows, of[0.5], np.nan) for rows in (~beyond, _with_neighbours(beyond)))
    marker = "o" if len(places) <= 20 else ""
    ax.plot(places, known, color=colour, label=label, marker=marker, ms=2.5)
    ax.plot(places, carried, color=colour, linestyle=DASHED, linewidth=0.9, marker=marker, ms=1.5)
    remember(ax, Shown(label, colour, x, places, of))


def _with_neighbours(beyond: np.ndarray) -> np.ndarray:
    """Return which places are beyond or next to one: the line goes on from the last that is known."""
    grown = beyond.copy()
    grown[1:] |= beyond[:-1]
    grown[:-1] |= beyond[1:]
    return grown


def _rows(draws: xr.DataArray, ax: Axes, neutral: float) -> None:
    """Draw a row for each cost."""
    names = [str(name) for name in draws["cost"].to_numpy()]
    for i, name in enumerate(names):
        of = {q: float(value) for q, value in quantiles(draws.sel(cost=name)).items()}
        paint_intervals(ax, i, of, colour=COLOURS[i % len(COLOURS)])
    ax.axvline(neutral, color=INK, linewidth=0.6)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _ratio_ticks(ax: Axes, which: str) -> None:
    """Label a logarithmic axis of ratios; about 1 at more places than powers of ten have."""
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    if high / low > WIDE:
        log_ticks(ax, which)
        return
    axis = ax.xaxis if which == "x" else ax.yaxis
    places = [of for of in RATIOS if low <= of <= high]
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axis.set_minor_locator(NullLocator())
