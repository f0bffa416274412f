"""A response of a response: what lies between, and what comes of it."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.data.runs import Runs
from bayes_scaling.plots.band import plot_band
from bayes_scaling.plots.contrast import numeric_along_rows
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_intervals
from bayes_scaling.plots.style import COLOURS, INK, log_ticks, paper, quantiles, with_unit
from bayes_scaling.prediction.chain_record import ChainedResponse

MANY = 40
"""Runs from which on their points are smaller."""


@footed
def chain_figure(found: ChainedResponse, x: str | None = None) -> Figure:
    """Return a figure of a chain: the response between the two fits, the second over it, and the second at the points.

    Left: what new runs of the first fit show, with its runs. Middle: the runs of the second fit, over what lies between, and
    the points, with 50 and 90 % credible intervals both ways. Right: the second response. Where no number differs between
    points left and right have a row for each.

    Parameters
    ----------
    found
        What `chain` returns.
    x
        The input or numeric group of the horizontal axis; the first that differs between the points unless given.

    Returns
    -------
    Figure
        Three axes beside each other.

    Examples
    --------
    >>> plots.chain_figure(bs.chain(loss_fit, accuracy_fit, points))  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(6.8, 2.3), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        across = x or _across(found.draws)
        bare = [draws.assign_attrs(health="") for draws in (found.through, found.draws)]  # the record's foot says it once
        for ax, draws, colour in zip((left, right), bare, COLOURS, strict=False):
            if across is None:
                _rows(ax, draws, colour)
            else:
                plot_band(draws, across, ax, colour=colour, unit=found.units.get(across, ""), log=False)
        if across is not None and across in found.first.table:
            _dots(left, found.first, across)
            log_ticks(left, "x")
        _over_between(middle, found)
    return figure


def _across(draws: xr.DataArray) -> str | None:
    """Return the first number that differs between the points of draws."""
    numeric = [name for name in numeric_along_rows(draws) if name != "distance"]
    return next((name for name in numeric if len(np.unique(draws[name])) > 1), None)


def _rows(ax: Axes, draws: xr.DataArray, colour: str) -> None:
    heights = np.arange(draws.sizes["row"])
    paint_intervals(ax, heights, quantiles(draws), colour=colour)
    ax.set_yticks(heights, [f"point {row + 1}" for row in heights])
    ax.set_ylim(len(heights) - 0.5, -0.5)
    ax.set_xlabel(_label(draws))


def _over_between(ax: Axes, found: ChainedResponse) -> None:
    name = str(found.through.name)
    _dots(ax, found.second, name)
    between, of = quantiles(found.through), quantiles(found.draws)
    paint_intervals(ax, of[0.5], between, colour=COLOURS[1])
    ax.vlines(between[0.5], of[0.05], of[0.95], color=COLOURS[1], linewidth=0.8)
    ax.set_xlabel(_label(found.through))
    ax.set_ylabel(_label(found.draws))


def _dots(ax: Axes, runs: Runs, x: str) -> None:
    size = 3 if len(runs.table) > MANY else 9
    ax.scatter(runs.table[x], runs.table["response"], s=size, color=INK, alpha=0.4, linewidths=0, zorder=1)


def _label(draws: xr.DataArray) -> str:
    return with_unit(str(draws.attrs["long_name"]), str(draws.attrs["units"]))
