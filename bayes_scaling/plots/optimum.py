"""Where a law is lowest at each point, and how far off one may be."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import DIGITS, exact, percent, value_at
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.style import COLOURS, INK, log_ticks, with_unit

HEIGHT = 0.56
ROOM = 1.25


@footed
def plot_optimum(optimum: xr.DataArray, tolerance: xr.Dataset, ax: Axes, *, labels: Sequence[str] | None = None) -> Axes:
    """Draw the optimum of each point, a row each, over the range of the input that costs little.

    Dot, thick and thin line: median, 50 and 90 % credible interval of the optimum. Bar: the range, between the medians of its
    ends, whose 90 % credible intervals stand below it; it runs off the axis where it has no end. A label says where a
    share of the draws has no optimum.

    Parameters
    ----------
    optimum, tolerance
        What `optimum` and `tolerance` return for the same points.
    labels
        What to call the points; their levels unless given.
    """
    names = _names(optimum) if labels is None else list(labels)
    ends = [_quantiles(draws) for draws in (optimum, tolerance["low"], tolerance["high"])]
    shown = np.concatenate([end[np.isfinite(end) & (end > 0)] for end in ends])
    edges = (shown.min() / ROOM, shown.max() * ROOM) if len(shown) else (0.1, 10.0)
    best, low, high = (np.clip(end, *edges) for end in ends)
    rows = np.arange(len(names))
    cost = f"less than {exact(tolerance.attrs['below'])} {tolerance.attrs['units']} above the lowest".replace("  ", " ")
    ax.barh(rows, high[2] - low[2], HEIGHT, low[2], color=COLOURS[0], alpha=0.2, linewidth=0, label=cost)
    for end in (low, high):
        ax.hlines(rows + HEIGHT / 2, end[0], end[4], color=COLOURS[0], linewidth=0.6)
    ax.hlines(rows, best[0], best[4], color=COLOURS[1], linewidth=0.9)
    ax.hlines(rows, best[1], best[3], color=COLOURS[1], linewidth=2.6, label="optimum, 50 and 90 %")
    ax.plot(best[2], rows, "o", ms=3.4, color="white", mec=COLOURS[1])
    ax.set_yticks(rows, [_noted(name, draws) for name, draws in zip(names, optimum.transpose("row", ...), strict=True)])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xscale("log")
    ax.set_xlim(*edges)
    log_ticks(ax, "x")
    ax.set_xlabel(with_unit(str(optimum.attrs.get("long_name", optimum.name)), str(optimum.attrs.get("units", ""))), color=INK)
    ax.grid(axis="x", linewidth=0.3, alpha=0.5)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), handlelength=1.4, borderaxespad=0.2)
    return ax


def _quantiles(draws: xr.DataArray) -> np.ndarray:
    """Return 5, 25, 50, 75 and 95 % of each point's draws that are numbers; a draw each, as infinite ones have no middle."""
    found = np.full((5, draws.sizes["row"]), np.nan)
    for i, row in enumerate(draws.transpose("row", "chain", "draw").to_numpy()):
        if len(known := row[~np.isnan(row)]):
            found[:, i] = np.quantile(known, (0.05, 0.25, 0.5, 0.75, 0.95), method="inverted_cdf")
    return found


def _names(optimum: xr.DataArray) -> list[str]:
    """Return the levels and inputs of each point, but for those that all points share or that say the same twice."""
    columns = [
        tuple(value_at(str(name), value, DIGITS) for value in of.to_numpy())
        for name, of in optimum.coords.items()
        if of.dims == ("row",)
    ]
    told = [of for of in dict.fromkeys(columns) if len(set(of)) > 1] or columns[:1]
    if not told:
        return [str(i) for i in range(optimum.sizes["row"])]
    return [",\n".join(values) for values in zip(*told, strict=True)]


def _noted(name: str, draws: xr.DataArray) -> str:
    missing = float(np.isnan(draws).mean())
    return f"{name}\n(none in {percent(missing)} of draws)" if missing > 0.005 else name
