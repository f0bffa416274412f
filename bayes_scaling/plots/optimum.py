"""Where a law is lowest at each point, and how far off one may be."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import DIGITS, exact, percent, value_at
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_intervals
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, quantiles, with_unit

HEIGHT = 0.56
ROOM = 1.25


@footed
def plot_optimum(
    optimum: xr.DataArray, tolerance: xr.Dataset, ax: Axes | None = None, *, labels: Sequence[str] | None = None
) -> Axes:
    """Draw the optimum of each point, a row each, over the range of the input that costs little.

    Dot, thick and thin line: median, 50 and 90 % credible interval of the optimum. Bar: the range, between the medians of its
    ends, whose 90 % credible intervals stand below it; it runs off the axis where it has no end. A label says where a
    share of the draws has no optimum.

    Parameters
    ----------
    optimum, tolerance
        What `optimum` and `tolerance` return for the same points.
    ax
        Where to draw; a new axis unless given.
    labels
        What to call the points; their levels unless given.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_optimum(optimum(fit, "ratio", points), tolerance(fit, "ratio", points))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    names = _names(optimum) if labels is None else list(labels)
    ends = [quantiles(draws, method="inverted_cdf") for draws in (optimum, tolerance["low"], tolerance["high"])]
    every = np.concatenate([np.ravel(list(end.values())) for end in ends])
    shown = every[np.isfinite(every) & (every > 0)]
    edges = (shown.min() / ROOM, shown.max() * ROOM) if len(shown) else (0.1, 10.0)
    best, low, high = ({q: np.clip(of, *edges) for q, of in end.items()} for end in ends)
    rows = np.arange(len(names))
    cost = f"less than {exact(tolerance.attrs['below'])} {tolerance.attrs['units']} above the lowest".replace("  ", " ")
    ax.barh(rows, high[0.5] - low[0.5], HEIGHT, low[0.5], color=COLOURS[0], alpha=0.2, linewidth=0, label=cost)
    for end in (low, high):
        ax.hlines(rows + HEIGHT / 2, end[0.05], end[0.95], color=COLOURS[0], linewidth=0.6)
    paint_intervals(ax, rows, best, colour=COLOURS[1], label="optimum, 50 and 90 %")
    ax.set_yticks(rows, [_noted(name, draws) for name, draws in zip(names, optimum.transpose("row", ...), strict=True)])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xscale("log")
    ax.set_xlim(*edges)
    log_ticks(ax, "x")
    ax.set_xlabel(with_unit(str(optimum.attrs.get("long_name", optimum.name)), str(optimum.attrs.get("units", ""))), color=INK)
    ax.grid(axis="x", linewidth=0.3, alpha=0.5)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), handlelength=1.4, borderaxespad=0.2)
    return ax


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
