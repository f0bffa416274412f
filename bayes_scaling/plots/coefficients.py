"""A law's coefficients beside the values that papers print."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.inference.parameters import parameter_values, published_values
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import kernel_density, paint_density
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, PAGE, axes_of, axis_of, log_ticks, with_unit

type Mark = tuple[float, float | None]
"""A printed value and its standard error."""

WIDE = 3.0
"""A coefficient whose 99 % interval spans a larger factor is drawn on a logarithmic axis."""
ROW = 0.28
"""Height of a mark's row, as a share of the density's."""


@footed
def plot_coefficients(
    fit: Fit, published: pd.DataFrame, axes: Sequence[Axes] | None = None, *, units: Mapping[str, str] | None = None
) -> Sequence[Axes]:
    """Draw the posterior of each coefficient in the convention of papers, an axis each, with the values that papers print.

    Parameters
    ----------
    fit
        A fit of a law without groups.
    published
        Columns paper, parameter, value and, where known, standard_error, as in the bundled `scaling_law_coefficients`; the rows
        of the law that was fitted, one for each paper and parameter.
    axes
        As many as the law has parameters, in their order; a new row of them unless given.
    units
        Parameter -> unit.

    Returns
    -------
    Sequence[Axes]
        The axes.

    Raises
    ------
    InputError
        Where a parameter varies over groups or there are fewer or more axes.

    Examples
    --------
    >>> plots.plot_coefficients(fit, bs.datasets.load("scaling_law_coefficients"))  # doctest: +SKIP
    """
    values = {name: parameter_values(fit, name) for name in fit.model.parameters} | published_values(fit)
    axes = axes_of(axes, 1, len(values), (PAGE, 1.8))
    if len(axes) != len(values):
        raise InputError(f"the law has the {len(values)} parameters {format_names(values)}; there are {len(axes)} axes")
    for ax, (name, draws) in zip(axes, values.items(), strict=True):
        rows = published[published["parameter"] == name]
        papers = [str(paper).split(" (")[0] for paper in rows["paper"]]
        errors = [None if np.isnan(error) else error for error in rows["standard_error"].astype(float)]
        marks = dict(zip(papers, zip(rows["value"].astype(float), errors, strict=True), strict=True))
        plot_coefficient(draws.rename(name), marks, ax, unit=(units or {}).get(name, ""))
    return axes


@footed
def plot_coefficient(values: xr.DataArray, marks: Mapping[str, Mark], ax: Axes | None = None, *, unit: str = "") -> Axes:
    """Draw the density of a coefficient's draws, with its 50 and 90 % credible intervals, over printed values.

    The axis is logarithmic where the draws are positive and span more than a factor three.

    Parameters
    ----------
    values
        Draws with dimensions chain, draw.
    marks
        Label -> printed value and its standard error, None where none is printed; one standard error is drawn to each side.
    ax
        Where to draw; a new axis unless given.
    unit
        Unit of the values.

    Returns
    -------
    Axes
        The axis.

    Raises
    ------
    InputError
        Where the draws have other dimensions.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from bayes_scaling import plots
    >>> draws = xr.DataArray(np.random.default_rng(0).normal(0.35, 0.01, (4, 100)), dims=("chain", "draw"), name="alpha")
    >>> plots.plot_coefficient(draws, {"Hoffmann et al.": (0.34, 0.02)}).get_xlabel()
    'alpha'
    """
    if set(values.dims) != {"chain", "draw"}:
        raise InputError(
            f"{values.name} has the dimensions {format_names(values.dims)}; choose a level, to be left with chain, draw"
        )
    ax = axis_of(ax, (COLUMN, 2.0))
    draws = values.to_numpy().ravel()
    low, high = np.quantile(draws, (0.005, 0.995))
    log = bool(draws.min() > 0 and high / low > WIDE)
    grid, density = _density(draws, log=log)
    paint_density(ax, grid, density, 0.0, draws, colour=COLOURS[0])
    ax.plot(grid, density, color=COLOURS[0])
    ax.set_xscale("log" if log else "linear")
    _limits(ax, low, high, marks, log=log)
    for i, ((label, mark), colour) in enumerate(zip(marks.items(), COLOURS[1:] * len(marks), strict=False)):
        _mark(ax, label, mark, -ROW * (i + 0.8), colour, log=log)
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_ylim(-ROW * (len(marks) + 0.1) - 0.02, 1.05)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(with_unit(str(values.name), unit), color=INK)
    return ax


def _density(draws: np.ndarray, *, log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel estimate of the density along the axis as drawn, its peak at 1."""
    drawn = np.log(draws) if log else draws
    apart = 4 * drawn.std()
    ends = max(drawn.min(), drawn.mean() - apart), min(drawn.max(), drawn.mean() + apart)
    low, high = np.exp(ends) if log else ends
    return kernel_density(draws, low, high, log=log)


def _limits(ax: Axes, low: float, high: float, marks: Mapping[str, Mark], *, log: bool) -> None:
    """Set the limits of an axis so that intervals and printed values are in sight."""
    ends = [low, high]
    for value, error in marks.values():
        ends += [value - (error or 0.0), value + (error or 0.0)]
    if log:  # an error bar may reach below zero, a printed value stays in sight
        least = min([low / WIDE, *(value for value, _ in marks.values() if value > 0)])
        ends = [np.log(max(end, least)) for end in ends]
    room = 0.06 * (max(ends) - min(ends))
    limits = np.array([min(ends) - room, max(ends) + room])
    ax.set_xlim(*(np.exp(limits) if log else limits))
    if log:
        log_ticks(ax, "x")


def _mark(ax: Axes, label: str, mark: Mark, height: float, colour: str, *, log: bool) -> None:
    """Draw a printed value in a row of its own, its label towards the side with more room."""
    value, error = mark
    ax.vlines(value, height, 1.0, color=colour, linewidth=0.8, linestyle=(0, (4, 2)))
    left, right = value - (error or 0.0), value + (error or 0.0)
    ax.hlines(height, max(left, ax.get_xlim()[0]), right, color=colour, linewidth=1.6)
    ax.plot(value, height, "o", ms=3.2, color=colour)
    ends = np.log(ax.get_xlim()) if log else np.array(ax.get_xlim())
    aligned, apart = ("left", 3) if (np.log(value) if log else value) < ends.mean() else ("right", -3)
    text = ax.annotate(label, (value, height), (apart, 2.5), textcoords="offset points", ha=aligned, fontsize=6.5, color=colour)
    text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.3})
