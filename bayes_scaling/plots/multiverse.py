"""A specification curve: the answer under every specification, and below it which variants made each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.decisions.multiverse import BASE, Multiverse
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, PAGE, axes_of, log_ticks, paper, with_unit

ROW = 0.14
"""Height of a row of the variants, in inches."""
WIDE = 3.0
"""Answers that differ by a larger factor are drawn on a logarithmic axis."""


@footed
def plot_multiverse(multiverse: Multiverse, axes: Sequence[Axes] | None = None, *, point: int = 0) -> Sequence[Axes]:
    """Draw the answer at a point under each specification, lowest median first, and on a second axis its variants.

    Above: dot, thick and thin line are median, 50 and 90 % credible interval; the base is in the second colour, with its 90 %
    interval across as a band, and a cross stands for draws that are not to be trusted. Below: dark where a variant is
    not that of the base.

    Parameters
    ----------
    multiverse
        What `multiverse` returns.
    axes
        Two, one above the other; new ones unless given.
    point
        Which of the points.

    Returns
    -------
    Sequence[Axes]
        The axes.

    Examples
    --------
    >>> plots.plot_multiverse(bs.multiverse(base, points))  # doctest: +SKIP
    """
    axes = axes_of(axes, 2, 1, (PAGE, 4.0), sharex=True)
    table = multiverse.table[multiverse.table["point"] == point].sort_values("q50").reset_index(drop=True)
    above, below = axes
    _intervals(table, above)
    above.set_ylabel(with_unit(multiverse.label, multiverse.unit), color=INK)
    _matrix(table, multiverse.variants, below)
    for ax in axes:
        ax.set_xlim(-0.7, len(table) - 0.3)
        ax.tick_params(axis="x", bottom=False, labelbottom=False)
    below.set_xlabel(f"{len(table)} specifications, by their median", color=INK)
    return axes


@footed
def multiverse_figure(multiverse: Multiverse, *, point: int = 0) -> Figure:
    """Return the specification curve of an answer at a point, as wide as its specifications need.

    Parameters
    ----------
    multiverse
        What `multiverse` returns.
    point
        Which of the points.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.multiverse_figure(bs.multiverse(base, points)).savefig("multiverse.png")  # doctest: +SKIP
    """
    rows = len(multiverse.variants) + sum(map(len, multiverse.variants.values()))
    specifications = multiverse.table["universe"].nunique()
    low = ROW * rows
    with paper():
        figure = Figure(figsize=(min(7.0, max(4.0, 2.0 + 0.22 * specifications)), 2.0 + low + 0.3))
        plot_multiverse(multiverse, figure.subplots(2, 1, sharex=True, height_ratios=(2.0, low)), point=point)
    return figure


def _intervals(table: pd.DataFrame, ax: Axes) -> None:
    """Draw the interval and median of the answer under each specification."""
    crowd = min(1.0, 30 / len(table))
    colours = [COLOURS[1] if name == BASE else COLOURS[0] for name in table["universe"]]
    for row in table[table["universe"] == BASE].to_dict("records"):
        ax.axhspan(float(row["q05"]), float(row["q95"]), color=COLOURS[1], alpha=0.12, linewidth=0)
        ax.axhline(float(row["q50"]), color=COLOURS[1], linewidth=0.7, linestyle=(0, (4, 2)), label="base: median and 90 %")
    for low, high, width in (("q05", "q95", 0.9), ("q25", "q75", 3.0)):
        ax.vlines(table.index, table[low], table[high], colors=colours, linewidth=max(0.6, width * crowd))
    _medians(table, colours, ax, 12 * max(crowd, 0.4))
    if table["q05"].min() > 0 and table["q95"].max() > WIDE * table["q05"].min():
        ax.set_yscale("log")
        log_ticks(ax, "y")
    ax.grid(axis="y", linewidth=0.3, alpha=0.5)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)


def _medians(table: pd.DataFrame, colours: Sequence[str], ax: Axes, size: float) -> None:
    sound = (table["problem"] == "").to_numpy()
    edges = [colour for colour, well in zip(colours, sound, strict=True) if well]
    ax.scatter(table.index[sound], table["q50"][sound], s=size, color="white", edgecolors=edges, zorder=3)
    if not sound.all():
        cross: Any = {"s": 2.2 * size, "color": "white", "edgecolors": INK, "marker": "X", "linewidths": 0.7, "zorder": 3}
        ax.scatter(table.index[~sound], table["q50"][~sound], label="draws not to be trusted", **cross)


def _matrix(table: pd.DataFrame, variants: Mapping[str, Sequence[str]], ax: Axes) -> None:
    """Draw a row for each variant under the name of what varies, with a dot in the specifications that it holds in."""
    labels: list[str] = []
    bold: list[int] = []
    row = 0
    size = 13 if len(table) <= 30 else 5
    for what, names in variants.items():
        labels, bold, row = [*labels, what], [*bold, row], row + 1
        for variant in names:
            held = (table[what] == variant).to_numpy()
            ax.axhline(row, color=INK, linewidth=0.3, alpha=0.25, zorder=0)
            colour = "#AAAAAA" if variant == names[0] else INK
            ax.scatter(np.flatnonzero(held), np.full(held.sum(), row), s=size, color=colour, linewidths=0)
            labels, row = [*labels, variant], row + 1
    ax.set_yticks(range(row), labels)
    for i, label in enumerate(ax.get_yticklabels()):
        label.set_fontweight("bold" if i in bold else "normal")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(row - 0.4, -0.6)
    ax.spines[["left", "bottom"]].set_visible(False)
