"""What one level of a group costs against another: in loss, and in compute."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import level_name, percent
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.shown import Shown, remember
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, quantiles, with_unit
from bayes_scaling.prediction.contrast import Contrast


@footed
def plot_contrast(
    contrast: Contrast, x: str, ax: Axes | None = None, *, colour: str = COLOURS[0], label: str = "", unit: str = ""
) -> Axes:
    """Draw the relative difference of the loss, in percent, with 50 and 90 % credible bands against an input or a group.

    Of a response that may be negative it is the difference itself, in its unit.

    Parameters
    ----------
    contrast
        What `contrast` returns.
    x
        A numeric coordinate of its points.
    ax
        Where to draw; a new axis unless given.
    colour, label
        Of the curve.
    unit
        Of x.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_contrast(bs.contrast(fit, "attention", "moba", "full", points), "compute")  # doctest: +SKIP
    """
    ax = axis_of(ax)
    relative = "ratio" in contrast
    penalty = 100 * (contrast["ratio"] - 1) if relative else contrast["difference"]
    _bands(penalty, x, ax, colour, label)
    ax.axhline(0, color=INK, linewidth=0.6)
    of = contrast["difference"].attrs
    what = f"{of.get('long_name', 'loss')} {'difference' if any(contrast.rising) else 'penalty'}"
    ax.set_ylabel(with_unit(what, "%" if relative else str(of.get("units", ""))))
    horizontal(ax, x, penalty[x].to_numpy(), unit)
    return ax


@footed
def plot_multiplier(
    multiplier: xr.DataArray, x: str, ax: Axes | None = None, *, colour: str = COLOURS[0], label: str = "", unit: str = ""
) -> Axes:
    """Draw the compute ratio with 50 and 90 % credible bands against an input or a group.

    Bands are of the draws that have one; the axis says in which share at most no multiple is enough.

    Parameters
    ----------
    multiplier
        What `compute_ratio` returns.
    x
        A numeric coordinate of its points.
    ax
        Where to draw; a new axis unless given.
    colour, label
        Of the curve.
    unit
        Of x.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_multiplier(bs.compute_ratio(fit, "attention", "moba", "full", points), "compute")  # doctest: +SKIP
    """
    ax = axis_of(ax)
    there = np.isfinite(multiplier) & (multiplier > 0)
    _bands(multiplier.where(there), x, ax, colour, label)
    ax.axhline(1, color=INK, linewidth=0.6)
    never = float(xr.apply_ufunc(np.isinf, multiplier).mean(("chain", "draw")).max())
    if never > 0:
        said = f"never reached in {'up to ' if multiplier.sizes['row'] > 1 else ''}{percent(never)} of draws"
        ax.annotate(said, (0.03, 0.97), xycoords="axes fraction", size=6, va="top", color=INK)
    ax.set_ylabel(str(multiplier.attrs.get("long_name", "compute ratio")))
    horizontal(ax, x, multiplier[x].to_numpy(), unit)
    return ax


def numeric_along_rows(draws: xr.DataArray) -> list[str]:
    """Return the coordinates that draws can be drawn against: the numbers that each of their points has."""
    return [str(name) for name, of in draws.coords.items() if of.dims == ("row",) and np.issubdtype(of.dtype, np.number)]


def _bands(draws: xr.DataArray, quantity: str, ax: Axes, colour: str, label: str) -> None:
    if quantity not in (known := numeric_along_rows(draws)):
        raise InputError(f"the points have no number {quantity!r} to draw against; they have {format_names(known)}")
    draws = draws.isel(row=np.argsort(draws[quantity].to_numpy()))
    x, of = draws[quantity].to_numpy(), quantiles(draws)
    paint_bands(ax, x, of, colour=colour)
    ax.plot(x, of[0.5], color=colour, label=label, marker="o" if len(x) <= 20 else "", ms=2.5)
    remember(ax, Shown(label, colour, quantity, x, of))


def horizontal(ax: Axes, x: str, values: np.ndarray, unit: str) -> None:
    """Label the axis of an input or group: logarithmic where it is positive, in steps of 8K for positions in a context."""
    ax.set_xlabel(with_unit(x, unit))
    if values.min() > 0:
        ax.set_xscale("log")
        log_ticks(ax, "x")
    elif np.all(values % 1024 == 0) and values.max() >= 8192:
        ax.xaxis.set_major_locator(MultipleLocator(8192))
        ax.xaxis.set_major_formatter(lambda value, _: level_name(int(value)))
