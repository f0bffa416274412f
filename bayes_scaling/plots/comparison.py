"""How far each law lies behind the best: at runs left out of many, and at runs beyond those trained on."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, SymmetricalLogLocator

from bayes_scaling._base.numbers import probability, tick
from bayes_scaling.model.priors import Z90
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, axis_of, paper
from bayes_scaling.validation.compare import Comparison

BESIDE = ("axes fraction", "data")
WIDEST = 20.0
"""Gaps that differ by more than so many times are drawn on an axis that is logarithmic beyond the smallest of them."""


@footed
def comparison_figure(comparison: Comparison) -> Figure:
    """Return the figure of a comparison in the width of a column, see `plot_comparison`.

    Parameters
    ----------
    comparison
        What `compare` returns.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.comparison_figure(bs.compare(laws, runs)).savefig("comparison.png")  # doctest: +SKIP
    """
    with paper():
        figure = Figure(figsize=(COLUMN, 0.9 + 0.34 * len(comparison.table)))
        plot_comparison(comparison, figure.subplots())
    return figure


@footed
def plot_comparison(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw each law's mean log score a run less that of the best law, with 90 % intervals, and its weights in a stack.

    Circles: runs left out one at a time; triangles: runs beyond those trained on. An interval is that of the paired difference
    over runs, as if they were independent.

    Parameters
    ----------
    comparison
        What `compare` returns.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_comparison(bs.compare(laws, runs))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    laws = [str(law) for law in comparison.table["law"]]
    beyond = pd.DataFrame({law: comparison.points.query("law == @law")["log_score"].to_numpy() for law in laws})
    ends = [
        _row(
            comparison.inside[laws], comparison.weights_loo, ax, -0.17, marker="o", colour=COLOURS[0], label="each run left out"
        ),
        _row(beyond, comparison.weights, ax, 0.17, marker="^", colour=COLOURS[1], label="runs beyond those trained on"),
    ]
    ax.annotate("weight", (1.03, 1.01), xycoords="axes fraction", va="bottom", size=7, color=INK)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=0)
    _horizontal(ax, np.concatenate(ends))
    ax.set_xlabel("log score less that of the best law (nats/run)", x=1.0, ha="right")
    ax.set_yticks(np.arange(len(laws)), laws)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(laws) - 0.5, -0.5)
    ax.grid(axis="x", linewidth=0.3, alpha=0.5)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), handletextpad=0.3, borderaxespad=0.2)
    return ax


def _row(
    scores: pd.DataFrame, weights: dict[str, float], ax: Axes, shift: float, *, marker: str, colour: str, label: str
) -> np.ndarray:
    """Draw one kind of score for every law, and return the gaps to the best."""
    behind = scores.sub(scores[scores.mean().idxmax()], axis=0)
    half = Z90 * behind.std(ddof=1) / np.sqrt(len(behind))
    height = np.arange(scores.shape[1]) + shift
    ax.errorbar(behind.mean(), height, xerr=half, fmt="none", color=colour, elinewidth=1.0)
    ax.plot(behind.mean(), height, marker, ms=5, color=colour, mec="white", mew=0.5, label=label)
    for law, at in zip(scores, height, strict=True):
        weight = weights[str(law)]
        ax.annotate(probability(weight), (1.03, at), xycoords=BESIDE, color=colour, va="center", size=7)
    gaps: np.ndarray = -behind.mean().to_numpy()
    return gaps


def _horizontal(ax: Axes, gaps: np.ndarray) -> None:
    """Let the axis begin left of the worst law and end just right of the best; logarithmic where gaps are very unlike."""
    told = gaps[gaps > 0]
    if told.size and told.max() > WIDEST * max(told.min(), 1e-3):
        smallest = 10.0 ** np.floor(np.log10(max(float(told.min()), 1e-3)))
        ax.set_xscale("symlog", linthresh=smallest)
        ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=smallest))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(-2 * told.max(), smallest / 2)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
