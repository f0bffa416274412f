"""A stack: the weights of its laws, and how far they part beyond the runs."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.numbers import probability, spaced_name
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.inference.stacking import Stack, groups_needed, inputs_read
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axis_of, log_ticks, paper, quantiles, with_unit
from bayes_scaling.prediction.predict import predict

EDGE = ("axes fraction", "data")
BEYOND, PLACES = 100.0, 25
"""Laws are followed to a hundred times the compute of the largest run, at so many places."""
STYLES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
"""Lines of laws, the next where colours begin anew."""


@footed
def laws_figure(stack: Stack) -> Figure:
    """Return the figure of a stack: the weights of its laws, and each law beyond the runs beside the mixture.

    Parameters
    ----------
    stack
        A stack.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.laws_figure(bs.fit_stack(models, runs)).savefig("laws.png")  # doctest: +SKIP
    """
    with paper():
        drawn = stack.runs.columns.schedule is None
        figure = Figure(figsize=(PAGE if drawn else PAGE / 2, max(2.5, 1.3 + 0.24 * len(stack.weights))))
        axes = figure.subplots(1, 2 if drawn else 1, squeeze=False)[0]
        plot_weights(stack, axes[0])
        if drawn:
            plot_laws(stack, axes[1])
    return figure


@footed
def plot_weights(stack: Stack, ax: Axes | None = None) -> Axes:
    """Draw the weight of each law, a dot, and what it was before the runs were seen, a ring.

    Parameters
    ----------
    stack
        A stack.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_weights(bs.fit_stack(models, runs))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    names = list(stack.weights)
    for place, name in enumerate(names):
        weight = stack.weights[name]
        ax.hlines(place, 0, weight, color=_colour(place), linewidth=1.2)
        ax.plot(weight, place, "o", color=_colour(place), ms=5)
        beside: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 7}
        ax.annotate(probability(weight), (1.0, place), xycoords=EDGE, color=_colour(place), **beside)
    if stack.weighing is not None:
        rings = [stack.weighing.prior[name] for name in names]
        ax.plot(rings, range(len(names)), "o", color=INK, mfc="none", ms=6, mew=0.7, label="before the runs", linestyle="")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    before = stack.weighing.prior.values() if stack.weighing else ()
    ax.set_xlim(0, 1.08 * max([*stack.weights.values(), *before]))
    ax.set_xlabel("weight in the stack")
    return ax


@footed
def plot_laws(stack: Stack, ax: Axes | None = None) -> Axes:
    """Draw the median of each law from the largest run on, and the 50 and 90 % bands of the mixture.

    All inputs grow from those of the largest run by the same factor, so that their product, a stand-in for compute, does by a
    hundred; the levels of groups are its own.

    Parameters
    ----------
    stack
        A stack.
    ax
        Where to draw; a new axis unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_laws(bs.fit_stack(models, runs))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    grown, points = _beyond(stack)
    response = stack.runs.columns.response
    paint_bands(ax, grown, quantiles(predict(stack, points)), colour=INK)
    for place, name in enumerate(stack.weights):
        if name in stack.members:
            middle = predict(stack.members[name], points).median(("chain", "draw")).to_numpy()
            ax.plot(
                grown,
                middle,
                color=_colour(place),
                linewidth=1.0,
                linestyle=STYLES[place // len(COLOURS) % len(STYLES)],
                label=name,
            )
    ax.set_xscale("log")
    log_ticks(ax, "x")
    inputs = " x ".join(spaced_name(name) for name in inputs_read(stack) if name in stack.runs.columns.scales)
    ax.set_xlabel(f"{inputs}, over the largest run's")
    ax.set_ylabel(with_unit(response.name, response.unit))
    ax.legend(title="Bands: the mixture, 50 and 90 %", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def _beyond(stack: Stack) -> tuple[np.ndarray, pd.DataFrame]:
    """Return multiples of the largest run's product of inputs, and the points at which they are."""
    inputs, groups = inputs_read(stack), groups_needed(stack)
    scales = [name for name in inputs if name in stack.runs.columns.scales]
    sizes = np.log(stack.runs.table[scales].to_numpy()).sum(axis=1)
    largest = stack.runs.table.iloc[int(sizes.argmax())]
    grown = np.geomspace(1.0, BEYOND, PLACES)
    held = {name: largest[name] for name in (*inputs, *groups) if name not in scales}
    moved = {name: float(largest[name]) * grown ** (1 / len(scales)) for name in scales}
    return grown, mark_base_units(pd.DataFrame(moved | held))
