"""Several running jobs in one figure: their logs so far, the bands to their ends, and how those ends are distributed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from bayes_scaling._base.numbers import exact, probability
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.forecast import density, plot_fan
from bayes_scaling.plots.painters import paint_density
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, log_where_positive, paper, with_unit
from bayes_scaling.prediction.joint_forecast import Forecasts

WIDTH, HEIGHT = PAGE, 2.7
WIDTHS = (2.0, 1.0)
"""Of the panel along the run and of that of the ends."""
FULL = 0.85
"""Width of a density, as a share of the distance between two of them."""


@footed
def forecasts_figure(found: Forecasts, *, target: float | None = None, decisions: Mapping[str, str] | None = None) -> Figure:
    """Return the figure of several jobs in the width of a page: the bands to their ends, and the distributions there.

    The ends have a scale of their own: jobs that differ by a percent there have fallen by half before.

    Parameters
    ----------
    found
        What `forecast` returns of several logs.
    target
        A loss to draw as a line.
    decisions
        Job -> what is to become of it, such as "stop"; written below its probability.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.forecasts_figure(bs.forecast(fit, ["a.csv", "b.csv"], at=3e11)).savefig("jobs.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        left, right = figure.subplots(1, 2, width_ratios=WIDTHS)
        plot_forecasts(found, left, target=target)
        plot_finals(found, right, target=target, decisions=decisions)
    return figure


@footed
def plot_forecasts(found: Forecasts, ax: Axes | None = None, *, target: float | None = None) -> Axes:
    """Draw the rows of each job so far, and the 50 and 90 % bands to its end.

    Parameters
    ----------
    found
        What `forecast` returns of several logs.
    ax
        Where to draw; a new axis unless given.
    target
        A loss, drawn as a dashed line.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_forecasts(bs.forecast(fit, ["a.csv", "b.csv"], at=3e11))  # doctest: +SKIP
    """
    ax, first = axis_of(ax, (WIDTH / 2, HEIGHT)), found.jobs[0]
    for i, one in enumerate(found.jobs):
        plot_fan(one, ax, colour=COLOURS[i % len(COLOURS)], label=one.label)
    ax.set_xscale("log")
    _target(ax, target)
    log_ticks(ax, "x")
    log_where_positive(ax)
    ax.set_xlabel(with_unit(first.along.replace("_", " "), first.unit))
    ax.set_ylabel(with_unit(str(first.path.attrs.get("long_name", "loss")), str(first.path.attrs.get("units", ""))))
    ax.legend(loc="upper right", borderaxespad=0.1)
    return ax


@footed
def plot_finals(
    found: Forecasts, ax: Axes | None = None, *, target: float | None = None, decisions: Mapping[str, str] | None = None
) -> Axes:
    """Draw how the loss at each job's end is distributed, with the probability that it is the lowest.

    Parameters
    ----------
    found
        What `forecast` returns of several logs.
    ax
        Where to draw; a new axis unless given.
    target
        A loss, drawn as a dashed line.
    decisions
        Job -> what is to become of it, written below its probability.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_finals(bs.forecast(fit, ["a.csv", "b.csv"], at=3e11))  # doctest: +SKIP
    """
    ax, best = axis_of(ax, (WIDTH / 4, HEIGHT)), found.p_best
    for i, one in enumerate(found.jobs):
        values, colour = one.final.to_numpy().ravel(), COLOURS[i % len(COLOURS)]
        at, height = density(values)
        edge = i + FULL * height
        ax.fill_betweenx(at, i, edge, color=colour, alpha=0.12, linewidth=0, zorder=1)
        paint_density(ax, at, edge, i, values, colour=colour, upright=True)
        ax.plot(edge, at, color=colour, linewidth=0.7, zorder=2)
        ax.plot([i, i + FULL], [np.median(values)] * 2, color=colour, linewidth=0.9, linestyle=(0, (3, 2)), zorder=2)
    _target(ax, target, said=False)
    said = decisions or {}
    names = ["\n".join(filter(None, [probability(best[one.label]), said.get(one.label, "")])) for one in found.jobs]
    ax.set_xticks([i + FULL / 2 for i in range(len(names))], names)
    ax.set_xlim(-0.15, len(names))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.tick_params(axis="x", length=0)
    ax.set_xlabel(f"probability to end {'highest' if found.rising else 'lowest'}")
    unit = str(found.jobs[0].path.attrs.get("units", ""))
    ax.set_ylabel(with_unit(str(found.jobs[0].path.attrs.get("long_name", "loss")) + " at the end", unit))
    return ax


def _target(ax: Axes, target: float | None, *, said: bool = True) -> None:
    if target is None:
        return
    ax.axhline(target, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
    if not said:
        return
    below: Any = {"xycoords": ("axes fraction", "data"), "xytext": (0, -2), "textcoords": "offset points", "va": "top"}
    ax.annotate(exact(target), (0.02, target), size=7, **below)
