"""Where a running job first falls below a loss: the probability that it has, along the run."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_scaling._base.numbers import exact, percent, tick
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, axis_of, paper, with_unit
from bayes_scaling.prediction.first_passage import FirstPassage

WIDTH, HEIGHT = COLUMN, 2.3


@footed
def first_passage_figure(found: FirstPassage) -> Figure:
    """Return the figure of a first passage in the width of a column, see `plot_first_passage`.

    Parameters
    ----------
    found
        What `Forecast.first_passage` returns.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> found = bs.forecast(fit, "log.csv", at=3e11).first_passage(2.4)  # doctest: +SKIP
    >>> plots.first_passage_figure(found).savefig("reached.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        plot_first_passage(found, figure.subplots())
    return figure


@footed
def plot_first_passage(found: FirstPassage, ax: Axes | None = None, *, colour: str = COLOURS[0]) -> Axes:
    """Draw the probability that a loss has been reached, from the last row seen to the end of the run.

    Where the run's pace and the date of its last row are known, dates stand above.

    Parameters
    ----------
    found
        What `Forecast.first_passage` returns.
    ax
        Where to draw; a new axis unless given.
    colour
        Of the line.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_first_passage(bs.forecast(fit, "log.csv", at=3e11).first_passage(2.4))  # doctest: +SKIP
    """
    ax = axis_of(ax, (WIDTH, HEIGHT))
    at = np.linspace(found.reached, found.end, 400)
    draws = np.sort(found.at.to_numpy().ravel())
    share = np.searchsorted(draws, at * (1 + 1e-9), side="right") / len(draws)
    ax.plot(at, share, color=colour, linewidth=1.2)
    ax.fill_between(at, 0, share, color=colour, alpha=0.12, linewidth=0)
    ax.set_xlim(found.reached, found.end)
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    ax.set_xlabel(with_unit(found.along.replace("_", " "), found.unit))
    what, where = f"expected {found.name}" if found.kind == "expected" else "a row", "above" if found.rising else "below"
    ax.set_ylabel(f"probability of {what}\n{where} {exact(found.target)} so far")
    never: Any = {"xycoords": "axes fraction", "xytext": (-3, 3), "textcoords": "offset points", "ha": "right"}
    ax.annotate(
        f"not by the end: {percent(found.p_never)}", (1.0, share[-1] if share[-1] < 0.85 else 0.0), color=INK, size=7, **never
    )
    _dates(found, ax)
    return ax


def _dates(found: FirstPassage, ax: Axes) -> None:
    """Write dates above the axis, where they are known."""
    places = np.linspace(found.reached, found.end, 4)
    dates = [found.date(float(place)) for place in places]
    if any(date is None for date in dates):
        return
    above = ax.secondary_xaxis("top")
    above.set_xticks(places, [f"{date:%d %b}" for date in dates if date is not None])
    above.minorticks_off()
    above.tick_params(length=2, labelsize=6)
