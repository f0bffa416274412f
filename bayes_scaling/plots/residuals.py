"""Autocorrelation of residuals along runs beside that of the model, and that of one-step-ahead residuals, which has to be 0."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bayes_scaling.inference.posterior import Fit
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_band
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axes_of, paper
from bayes_scaling.prediction.forecast import along_runs
from bayes_scaling.prediction.residuals import innovation_correlation, residual_correlation

WIDTH, HEIGHT = PAGE, 2.6
WHITE = "0.85"
"""Where the correlations of independent rows lie."""


@footed
def autocorrelation_figure(fit: Fit) -> Figure:
    """Return the correlation of residuals along runs, and of what is left of them, side by side.

    Parameters
    ----------
    fit
        A fit.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.autocorrelation_figure(fit).savefig("autocorrelation.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        axes = figure.subplots(1, 2, sharey=True)
        plot_autocorrelation(fit, axes)
        axes[1].set_ylabel("")
    return figure


@footed
def plot_autocorrelation(fit: Fit, axes: Sequence[Axes] | None = None) -> Sequence[Axes]:
    """Draw how alike rows of a run are: residuals by distance on a first axis, innovations by places apart on a second.

    Points and bars: median and 90 % interval over draws of the law. First axis: the dark band holds the correlation of the
    model's noise, the light one what runs so few and so long would show of it, with 90 % probability each. Second axis: nine of
    ten points lie in the grey band where innovations are independent; there they lie for a model that is right.

    Parameters
    ----------
    fit
        A fit of learning curves.
    axes
        Two, side by side or one above the other; new ones unless given.

    Returns
    -------
    Sequence[Axes]
        The axes.

    Examples
    --------
    >>> plots.plot_autocorrelation(fit)  # doctest: +SKIP
    """
    axes = axes_of(axes, 1, 2, (WIDTH, HEIGHT), sharey=True)
    before, after = axes
    _before(residual_correlation(fit), along_runs(fit), before)
    _after(innovation_correlation(fit), after)
    for ax in axes:
        ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
        ax.set_ylabel("correlation")
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, -0.35), max(high, 1.05))
        ax.yaxis.set_major_locator(MaxNLocator(6, steps=[2, 2.5, 5, 10]))
        ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.2, columnspacing=1.0)
    return axes


def _before(table: pd.DataFrame, along: str, ax: Axes) -> None:
    lag = table["lag"]
    for of, opacity, label in (("shown", 0.15, "such runs"), ("implied", 0.35, "model's noise")):
        low, high = table[f"{of}_q05"], table[f"{of}_q95"]
        paint_band(ax, lag, low, high, opacity=opacity, label=f"{label}, 90 %")
    _points(lag, table, ax, "residuals")
    ax.set_xlim(0, lag.max() * 1.04)
    ax.set_xlabel(f"rows apart (e-folds of {along})")


def _after(table: pd.DataFrame, ax: Axes) -> None:
    at = table["places"]
    paint_band(ax, at, table["low"], table["high"], colour=WHITE, opacity=1.0, label="independent, 90 %", zorder=0)
    _points(at, table, ax, "innovations")
    ax.set_xlim(0.3, at.max() + 0.7)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set_xlabel("rows apart (places in the run)")


def _points(at: pd.Series, table: pd.DataFrame, ax: Axes, label: str) -> None:
    middle = table["seen_q50"]
    ends = np.stack([middle - table["seen_q05"], table["seen_q95"] - middle])
    look: Any = {"fmt": "o", "ms": 3.6, "mec": "white", "mew": 0.4, "elinewidth": 0.8, "color": COLOURS[1], "zorder": 3}
    ax.errorbar(at, middle, ends, label=label, **look)
