"""What every figure paints the same way: credible bands, credible intervals, densities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bayes_scaling.plots.style import COLOURS, LEVELS

THIN, THICK, DOT = 0.8, 2.6, 3.4
"""Widths of the 90 and 50 % intervals, and size of the median's dot, in points."""


def paint_band(ax: Axes, x: Any, low: Any, high: Any, *, colour: str = COLOURS[0], opacity: float = 0.25, **how: Any) -> None:
    """Fill what lies between two curves."""
    ax.fill_between(x, low, high, color=colour, alpha=opacity, linewidth=0, **how)


def paint_bands(ax: Axes, x: Any, of: Mapping[float, np.ndarray], *, colour: str = COLOURS[0], **how: Any) -> None:
    """Fill the 90 and 50 % credible bands of a curve, given its quantiles by their shares."""
    for low, high, opacity in LEVELS.values():
        paint_band(ax, x, of[low], of[high], colour=colour, opacity=opacity, **how)


def paint_intervals(ax: Axes, heights: Any, of: Mapping[float, Any], *, colour: str = COLOURS[0], label: str = "") -> None:
    """Draw medians as dots, 50 % intervals thick and 90 % intervals thin, a row for each height."""
    (low, high, _), (lower, upper, _) = LEVELS.values()
    ax.hlines(heights, of[low], of[high], color=colour, linewidth=THIN, zorder=2)
    ax.hlines(heights, of[lower], of[upper], color=colour, linewidth=THICK, zorder=2)
    ax.plot(np.atleast_1d(of[0.5]), np.atleast_1d(heights), "o", ms=DOT, color="white", mec=colour, zorder=3, label=label)


def paint_density(
    ax: Axes,
    at: np.ndarray,
    edge: np.ndarray,
    base: float,
    values: np.ndarray,
    *,
    colour: str,
    upright: bool = False,
    zorder: float = 1,
) -> None:
    """Fill a density from its base to its edge over the 90 and 50 % intervals; upright: along the vertical axis."""
    fill = ax.fill_betweenx if upright else ax.fill_between
    for low, high, opacity in LEVELS.values():
        start, end = np.quantile(values, (low, high))
        inside = np.linspace(start, end, 200)
        fill(inside, base, np.interp(inside, at, edge), color=colour, alpha=opacity, linewidth=0, zorder=zorder)


def kernel_density(
    values: np.ndarray, low: float, high: float, *, width: float | None = None, log: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return places from low to high and a kernel estimate of the density there, its peak at 1.

    Parameters
    ----------
    width
        Standard deviation of the kernel, in those of the draws; by Scott's rule unless given.
    log
        Whether the axis is logarithmic: the density is then that of the logarithm.
    """
    from scipy.stats import gaussian_kde

    drawn, start, end = (np.log(values), np.log(low), np.log(high)) if log else (values, low, high)
    grid = np.linspace(start, end, 300)
    height = gaussian_kde(drawn, width)(grid)
    return np.exp(grid) if log else grid, height / height.max()
