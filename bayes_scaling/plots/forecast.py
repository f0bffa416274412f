"""A running job: its log so far, the band to its end, and where it will end."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from bayes_scaling._base.numbers import exact, number, percent, probability
from bayes_scaling.data.points import in_base_units
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import kernel_density, paint_band, paint_bands, paint_density
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, axis_of, log_ticks, log_where_positive, paper, quantiles, with_unit
from bayes_scaling.prediction.forecast import Forecast, along_runs, forecast
from bayes_scaling.prediction.goal import more_is_better
from bayes_scaling.prediction.running_log import end_in_base

WIDTH, HEIGHT = COLUMN, 2.5
VIOLIN = 0.12
"""Width of the distribution at the end, as a share of the axis."""

ROOM = 0.15
"""Room left below a target for its probability, as a share of the height above it."""

OUT_OF_SIGHT = 10.0
"""A target this many times outside what is shown is left out."""

RIDGE = 0.3
"""Height of a row of a ridgeline, in inches."""

OVERLAP = 1.35
"""Height of a ridge, in rows."""

WITHIN = (0.001, 0.999)
"""Quantiles between which a density is drawn."""

SMOOTH = 0.3
"""Width of a density's kernel, in standard deviations of the draws."""

FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@footed
def forecast_figure(found: Forecast, *, target: float | None = None, truth: pd.DataFrame | None = None) -> Figure:
    """Return the figure of a forecast in the width of a column; the arguments are those of `plot_forecast`.

    Parameters
    ----------
    found
        What `forecast` returns.
    target
        A loss to draw as a line.
    truth
        Rows that the run showed later.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.forecast_figure(bs.forecast(fit, "log.csv", at=3e11), target=2.4).savefig("forecast.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        plot_forecast(found, figure.subplots(), target=target, truth=truth)
    return figure


@footed
def plot_forecast(
    found: Forecast,
    ax: Axes | None = None,
    *,
    target: float | None = None,
    truth: pd.DataFrame | None = None,
    colour: str = COLOURS[0],
) -> Axes:
    """Draw the rows that an unfinished run has shown, the 50 and 90 % bands to its end, and how its end is distributed there.

    Parameters
    ----------
    found
        What `forecast` returns.
    ax
        Where to draw; a new axis unless given.
    target
        A loss, drawn as a dashed line with the probability that the run ends below it.
    truth
        Rows that the run showed later, in the shape of `runs.table`; a thin line over the band.
    colour
        Of the run.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_forecast(bs.forecast(fit, "log.csv", at=3e11), target=2.4)  # doctest: +SKIP
    """
    ax = axis_of(ax, (WIDTH, HEIGHT))
    at, end = found.path[found.along].to_numpy(), float(found.path[found.along][-1])
    plot_fan(found, ax, colour=colour)
    if truth is not None:
        later = truth[truth[found.along] >= at[0]].sort_values(found.along)
        ax.plot(later[found.along], later["response"], color=COLOURS[1], linewidth=0.8, zorder=3, label="shown later")
        ax.legend(loc="upper right", bbox_to_anchor=(1.0 - VIOLIN, 1.0), borderaxespad=0.1)
    start = float(found.seen[found.along].iloc[0])
    ax.set_xscale("log")
    ax.set_xlim(start, end * (end / start) ** (VIOLIN / (1.0 - VIOLIN)))
    _violin(found, ax, colour)
    _labelled(found, ax)
    if target is not None and _shown(ax, target):
        ax.axhline(target, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
        rising, chance = more_is_better(found.path), found.probability(target)
        where, chance = ("above", 1.0 - chance) if rising else ("below", chance)
        said = f"{where} {exact(target)}: probability {probability(chance)}"
        below: Any = {"xycoords": ("axes fraction", "data"), "xytext": (0, -2), "textcoords": "offset points", "va": "top"}
        ax.annotate(said, (0.02, target), size=7, **below)
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, target * (target / high) ** ROOM), high)
    return ax


def _shown(ax: Axes, target: float) -> bool:
    """Return whether a target lies near enough to what an axis shows to be shown with it."""
    low, high = ax.get_ylim()
    return low / OUT_OF_SIGHT < target < high * OUT_OF_SIGHT


@footed
def plot_fan(found: Forecast, ax: Axes | None = None, *, colour: str = COLOURS[0], label: str = "") -> Axes:
    """Draw a run's rows so far as a line, and the 50 and 90 % bands of what it will show from there on.

    Scales, limits and labels of the axis stay as they are.

    Parameters
    ----------
    found
        What `forecast` returns.
    ax
        Where to draw; a new axis unless given.
    colour, label
        Of the run.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_fan(bs.forecast(fit, "log.csv", at=3e11))  # doctest: +SKIP
    """
    ax = axis_of(ax, (WIDTH, HEIGHT))
    at, of = found.path[found.along].to_numpy(), quantiles(found.path)
    paint_bands(ax, at, of, colour=colour)
    ax.plot(at, of[0.5], color=colour, linewidth=0.9, linestyle=(0, (3, 2)), zorder=2)
    ax.plot(found.seen[found.along], found.seen["response"], color=colour, linewidth=0.9, zorder=3, label=label)
    return ax


@footed
def forecast_ridgeline(
    fit: Fit, log: Table, at: float, *, fractions: Sequence[float] = FRACTIONS, truth: float | None = None
) -> Figure:
    """Return the distribution of a run's last loss as it was forecast after each share of its training, the first on top.

    Each ridge is as high as the others, however narrow; its dark and light parts are the 50 and 90 % intervals.

    Parameters
    ----------
    fit
        A fit of finished runs.
    log
        The whole log, of which each forecast sees the rows up to its share of `at`.
    at
        Where the run ends, as for `forecast`.
    fractions
        Shares of the training.
    truth
        The loss it ended at, a line.

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    InputError
        As `forecast` does.

    Examples
    --------
    >>> plots.forecast_ridgeline(fit, "log.csv", at=3e11).savefig("ridgeline.png")  # doctest: +SKIP
    """
    whole, along = read_table(log, labels=fit.runs.columns.labels), along_runs(fit)
    reached = in_base_units(whole, fit.runs)[fit.runs.columns.inputs[along].column]
    at = end_in_base(fit, along, float(reached.min()), at)
    found = [forecast(fit, whole[reached <= fraction * at], at) for fraction in fractions]
    with paper():
        figure = Figure(figsize=(WIDTH, 0.75 + RIDGE * (len(found) + 0.5)))
        ax = figure.subplots()
        for i, one in enumerate(found):
            _ridge(one.final.to_numpy().ravel(), i, ax)
        if truth is not None:
            ax.axvline(truth, color=COLOURS[1], linewidth=1.0, zorder=2 * len(found) + 2)
            above: Any = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
            ax.annotate(f"ended at {number(truth, 5)}", (truth, 1.0), color=COLOURS[1], size=7, **above)
        ax.set_yticks(range(len(found)), [percent(fraction, 3) for fraction in fractions])
        ax.set_ylim(len(found) - 0.8, -OVERLAP - 0.1)
        ax.set_ylabel("of training seen")
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        response = fit.runs.columns.response
        ax.set_xlabel(with_unit(f"{response.name} at {_at(found[-1])}", response.unit))
    return figure


def _ridge(values: np.ndarray, row: int, ax: Axes) -> None:
    at, height = density(values)
    top = row - OVERLAP * height
    layer = 2 * row + 2  # later ones stand before earlier ones
    paint_band(ax, at, row, top, colour="white", opacity=1.0, zorder=layer)
    paint_density(ax, at, top, row, values, colour=COLOURS[0], zorder=layer)
    ax.plot(at, top, color=COLOURS[0], linewidth=0.9, zorder=layer + 0.5)
    ax.axhline(row, color=INK, linewidth=0.3, alpha=0.4, zorder=layer)


def density(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places over the range of draws and their density there, in units of its peak."""
    low, high = np.quantile(values, WITHIN)
    return kernel_density(values, float(low), float(high), width=SMOOTH)


def _violin(found: Forecast, ax: Axes, colour: str) -> None:
    """Draw the distribution of the end to the right of it, up to the edge of the axis."""
    values = found.final.to_numpy().ravel()
    at, height = density(values)
    end, edge = float(found.path[found.along][-1]), ax.get_xlim()[1]
    x = end * (edge / end) ** (0.92 * height)
    ax.fill_betweenx(at, end, x, color=colour, alpha=0.12, linewidth=0, zorder=1)
    paint_density(ax, at, x, end, values, colour=colour, upright=True)
    ax.plot(x, at, color=colour, linewidth=0.7, zorder=2)


def _labelled(found: Forecast, ax: Axes) -> None:
    """Name the axes, and end them where the run does."""
    log_ticks(ax, "x")
    log_where_positive(ax)
    end = float(found.path[found.along][-1])
    ax.spines["bottom"].set_bounds(ax.get_xlim()[0], end)
    ax.set_xticks([at for at in ax.get_xticks() if ax.get_xlim()[0] <= at <= end * 1.02])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.axvline(end, color=INK, linewidth=0.4, alpha=0.6, zorder=1)
    ax.set_xlabel(with_unit(found.along.replace("_", " "), found.unit))
    ax.set_ylabel(with_unit(str(found.path.attrs.get("long_name", "loss")), str(found.path.attrs.get("units", ""))))
    ax.set_title(found.label, loc="left")


def _at(found: Forecast) -> str:
    """Return "198B tokens" for the place that a forecast is of."""
    end = exact(float(found.path[found.along][-1]))
    return f"{end} {found.unit}" if found.unit else f"{found.along} {end}"
