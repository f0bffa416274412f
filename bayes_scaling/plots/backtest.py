"""Did the bands hold the runs they had not seen?"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling.plots.style import COLOURS, INK, log_ticks, paper, with_unit
from bayes_scaling.runs import Runs
from bayes_scaling.scoring import BANDS, score_table


def backtest_figure(points: pd.DataFrame, runs: Runs) -> Figure:
    """Return the figure of a backtest: each held-out run against its band, coverage by distance, and the PIT histogram."""
    with paper():
        figure = Figure(figsize=(6.8, 4.4))
        grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
        plot_held_out(points, runs, figure.add_subplot(grid[0, :]))
        plot_coverage(points, figure.add_subplot(grid[1, 0]))
        plot_pit(points, figure.add_subplot(grid[1, 1]))
    return figure


def plot_held_out(points: pd.DataFrame, runs: Runs, ax: Axes) -> Axes:
    """Draw how far each held-out run lay from its predicted median, with the 50 and 90 % intervals predicted for it.

    Runs stand along the product of the inputs, which for params and tokens is compute / 6; cut-offs side by side in colours.
    """
    inputs = list(runs.columns.inputs)
    size = points[inputs].prod(axis=1)
    cuts = list(dict.fromkeys(points["train"]))
    for i, cut in enumerate(cuts):
        rows, colour = points["train"] == cut, COLOURS[i % len(COLOURS)]
        part, x = points[rows], size[rows] * 1.012 ** (i - (len(cuts) - 1) / 2)
        for low, high, width, opacity in (("q05", "q95", 0.8, 0.45), ("q25", "q75", 2.2, 0.35)):
            band = [100 * (part[q] / part["q50"] - 1) for q in (low, high)]
            ax.vlines(x, *band, color=colour, linewidth=width, alpha=opacity)
        seen = 100 * (part["response"] / part["q50"] - 1)
        ax.scatter(x, seen, s=9, color=colour, edgecolors="white", linewidths=0.4, zorder=3, label=f"trained on {cut}")
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xscale("log")
    log_ticks(ax, "x")
    ax.set_xlabel(with_unit(" x ".join(inputs), runs.columns.inputs[inputs[0]].unit if len(inputs) == 1 else ""))
    ax.set_ylabel(f"{runs.columns.response.name} against\npredicted median (%)")
    ax.legend(loc="best", handletextpad=0.1)
    return ax


def plot_coverage(points: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the share of held-out runs inside the 50, 80 and 90 % bands by distance from the training runs.

    Bars are 90 % intervals of the share (Wilson), as if the runs of a class were independent; those of one sweep are less so.
    """
    table = score_table(points, ["decades"])
    x = np.arange(len(table))
    for i, (level, colour) in enumerate(zip(BANDS, COLOURS, strict=False)):
        share, n = table[f"coverage_{level}"].to_numpy(), table["runs"].to_numpy()
        low, high = _wilson(share, n)
        at = x + 0.14 * (i - 1)
        ax.axhline(int(level) / 100, color=colour, linewidth=0.7, linestyle=":")
        ax.errorbar(at, share, (share - low, high - share), fmt="o", ms=3, linewidth=0.8, color=colour, label=f"{level} % band")
    ax.set_xticks(x, [f"{label}\n({runs})" for label, runs in zip(table["decades"], table["runs"], strict=True)])
    ax.set_xlabel("distance from the training runs, decades (held-out runs)")
    ax.set_ylabel("share inside the band")
    ax.set_ylim(-0.03, 1.03)
    ax.legend(loc="lower left", ncols=3, columnspacing=0.8, handletextpad=0.1)
    return ax


def plot_pit(points: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the histogram of where held-out runs fell in their predictive distributions: flat where bands keep their word.

    The grey band holds nine of ten bars of a calibrated forecast of so many independent runs.
    """
    from scipy import stats

    bins = int(np.clip(len(points) // 5, 5, 10))
    ax.hist(points["pit"], bins=bins, range=(0.0, 1.0), color=COLOURS[0], alpha=0.7, edgecolor="white", linewidth=0.6)
    low, high = (float(stats.binom.ppf(q, len(points), 1 / bins)) for q in (0.05, 0.95))
    ax.axhspan(low, high, color="0.85", zorder=0, linewidth=0)
    ax.axhline(len(points) / bins, color=INK, linewidth=0.6)
    ax.set_xlim(0, 1)
    ax.set_xlabel("share of the prediction below the run (PIT)")
    ax.set_ylabel("held-out runs")
    return ax


def _wilson(share: np.ndarray, n: np.ndarray, z: float = 1.6449) -> tuple[np.ndarray, np.ndarray]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.minimum(middle - half, share), np.maximum(middle + half, share)
