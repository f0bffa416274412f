"""How far each law lies behind the best: at runs left out of many, and at runs beyond those trained on."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bayes_scaling.comparison import Comparison
from bayes_scaling.plots.style import COLOURS, INK

NINETY = 1.645
BESIDE = ("axes fraction", "data")
LINEAR = 0.1
"""Up to a tenth of a nat a run the axis is linear, beyond it logarithmic."""


def plot_comparison(comparison: Comparison, ax: Axes) -> Axes:
    """Draw each law's mean log score a run less that of the best law, with 90 % intervals, and its weights in a stack.

    Circles: runs left out one at a time; triangles: runs beyond those trained on. An interval is that of the paired difference
    over runs, as if they were independent.
    """
    laws = [str(law) for law in comparison.table["law"]]
    beyond = pd.DataFrame({law: comparison.points.query("law == @law")["log_score"].to_numpy() for law in laws})
    kinds = {
        "each run left out (LOO)": (comparison.inside[laws], comparison.weights_loo, "o", COLOURS[0]),
        "beyond the runs trained on": (beyond, comparison.weights, "^", COLOURS[1]),
    }
    for i, (label, (scores, weights, marker, colour)) in enumerate(kinds.items()):
        height = np.arange(len(laws)) + (i - 0.5) * 0.34
        behind = scores.sub(scores[scores.mean().idxmax()], axis=0)
        half = NINETY * behind.std(ddof=1) / np.sqrt(len(behind))
        ax.errorbar(
            behind.mean(), height, xerr=half, fmt=marker, ms=4, color=colour, mec="white", mew=0.4, elinewidth=1.0, label=label
        )
        for law, at in zip(laws, height, strict=True):
            ax.annotate(
                f"{weights[law]:.2f}", (1.02, at), xycoords=("axes fraction", "data"), color=colour, va="center", size=7
            )
    ax.annotate("weight", (1.02, 1.01), xycoords="axes fraction", va="bottom", size=7, color=INK)
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.set_xscale("symlog", linthresh=LINEAR)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("log score behind the best law (nats/run)")
    ax.set_yticks(np.arange(len(laws)), laws)
    ax.set_ylim(len(laws) - 0.5, -0.5)
    ax.grid(axis="x", linewidth=0.3, alpha=0.5)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1)
    return ax
