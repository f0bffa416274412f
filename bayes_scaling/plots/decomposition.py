"""What a prediction's uncertainty is made of: the law, its discrepancy, the scatter of a run."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling.plots.style import COLOURS, INK, log_ticks, with_unit

PARTS = {"law": "law", "discrepancy": "discrepancy", "expected": "law + discrepancy", "noise": "scatter", "run": "one new run"}


def plot_decomposition(parts: xr.Dataset, x: str, ax: Axes, *, unit: str = "") -> Axes:
    """Draw the standard deviation of each part of a prediction against an input, in percent where parts are relative.

    Law and discrepancy share what the runs know: within the data each alone may be uncertain where their sum is not.

    parts: what `decompose` returns; x: a coordinate of its points; unit: the unit of x.
    """
    order = np.argsort(parts[x].to_numpy())
    at = parts[x].to_numpy()[order]
    relative = parts.attrs["units"] == ""
    styles = dict(zip(PARTS, ("-", "-", "-", "-", "-"), strict=True)) | {"law": "--", "discrepancy": "--", "noise": ":"}
    colours = {"law": COLOURS[0], "discrepancy": COLOURS[1], "expected": COLOURS[2], "noise": COLOURS[3], "run": INK}
    for part, label in PARTS.items():
        sd = parts[part].std(("chain", "draw")).to_numpy()[order] * (100 if relative else 1)
        ax.plot(at, sd, styles[part], color=colours[part], label=label)
    seen = at[parts["distance"].to_numpy()[order] <= 0]
    if len(seen):
        ax.axvspan(seen.min(), seen.max(), color="0.93", zorder=0, linewidth=0)
    ax.set_xscale("log")
    log_ticks(ax, "x")
    ax.set_ylim(bottom=0)
    ax.set_xlabel(with_unit(x, unit))
    ax.set_ylabel(with_unit("standard deviation", "%" if relative else parts.attrs["units"]))
    ax.legend()
    return ax
