"""Learning curves: what runs have shown, and the bands of what they will show from there on."""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayes_scaling._base.numbers import number, rounded, tick
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.forecast import plot_fan
from bayes_scaling.plots.painters import paint_bands
from bayes_scaling.plots.style import COLOURS, COLUMN, INK, axis_of, log_ticks, quantiles, with_unit
from bayes_scaling.prediction.forecast import along_runs, forecast
from bayes_scaling.prediction.predict import predict_runs

LENGTHS = 4.0
"""How many times as far as the longest run bands reach unless said."""

POINTS = 24
"""Rows of a run drawn as points, evenly spaced on the axis; all would hide each other."""

NAMED = 5
"""Up to so many values have a line each in the legend, more a colour bar."""


@footed
def plot_curves(
    fit: Fit,
    ax: Axes | None = None,
    *,
    runs: Sequence[Table] | None = None,
    end: float | None = None,
    new: Table | None = None,
    truth: pd.DataFrame | None = None,
    hue: str | None = None,
) -> Axes:
    """Draw learning curves: rows seen as lines, from there on the 50 and 90 % bands of what each run will show.

    The colour of a run is the size of an input, on a logarithmic scale of even lightness.

    Parameters
    ----------
    fit
        A fit of learning curves.
    ax
        Where to draw; a new axis unless given.
    runs
        Names of the fit's runs, and logs of others so far, as `forecast` takes them; all of the fit's unless said.
    end
        Where bands end, in the unit of the input that runs train along; 4 times as far as the longest of the fit unless said.
    new
        Points of runs never seen, as for `predict_runs`, whose bands begin at their first point; without the runs' column, a
        run for each combination of their other columns.
    truth
        Rows that were not fitted or came later, in the shape of `runs.table`; points, a few of each run.
    hue
        The input that colours; the first other than that along the runs unless said.

    Returns
    -------
    Axes
        The axis.

    Raises
    ------
    InputError
        As `forecast` and `predict_runs` do.

    Examples
    --------
    >>> plots.plot_curves(fit, end=1e12)  # doctest: +SKIP
    """
    ax = axis_of(ax, (COLUMN, 2.8))
    along = along_runs(fit)
    names = list(fit.runs.levels["run"]) if runs is None else runs
    end = LENGTHS * float(fit.runs.table[along].max()) if end is None else end
    found = [forecast(fit, one, end) for one in names]
    hue = hue or next((name for name in fit.runs.columns.inputs if name != along), along)
    bands = [] if new is None else _new_runs(fit, new, along)
    sizes = [_size(one.seen[hue]) for one in found] + [_size(of[hue].to_numpy()) for of in bands]
    shown = [] if truth is None else [rows for _, rows in truth.groupby("run", sort=False)]
    sizes += [_size(rows[hue]) for rows in shown]
    colours = size_colours(sizes)
    ax.set_xscale("log")
    ax.set_yscale("log")
    for one in found:
        plot_fan(one, ax, colour=colours[_size(one.seen[hue])])
    for of in bands:
        _band(of, along, ax, colours[_size(of[hue].to_numpy())])
    for rows in shown:
        _points(rows, along, ax, colours[_size(rows[hue])])
    _axes(fit, along, ax)
    _key(fit, hue, colours, ax)
    return ax


def size_colours(sizes: Iterable[float]) -> dict[float, str]:
    """Return a colour for each size, dark for small ones, on a logarithmic scale that colour-blind readers see as one.

    Parameters
    ----------
    sizes
        Positive numbers.

    Returns
    -------
    dict[float, str]
        Size -> colour, sizes ascending.

    Examples
    --------
    >>> from bayes_scaling import plots
    >>> list(plots.size_colours([1e9, 1e8]))
    [100000000.0, 1000000000.0]
    """
    every = sorted(set(sizes))
    scale = LogNorm(every[0], max(every[-1], 1.0001 * every[0]))
    shades = _shades()
    return {size: mpl.colors.to_hex(shades(float(scale(size)))) for size in every} if len(every) > 1 else {every[0]: COLOURS[0]}


def _shades() -> Colormap:
    """Return the part of the scale that shows on white."""
    return ListedColormap(mpl.colormaps["viridis"](np.linspace(0.0, 0.88, 256)))


def _size(values: pd.Series | np.ndarray) -> float:
    """Return the middle of an input over the rows of a run, to six digits: runs of one size have one colour."""
    return rounded(float(np.exp(np.log(np.asarray(values, dtype=float)).mean())), 6)


def _new_runs(fit: Fit, points: Table, along: str) -> list[xr.DataArray]:
    """Return draws of what runs never seen show at their points, a run each, in the order of the points."""
    frame = read_table(points, labels=fit.runs.columns.labels)
    if "run" not in frame and not set(fit.runs.columns.dims["run"]) <= set(frame):
        apart = {str(name) for name in frame if name not in (along, fit.runs.columns.inputs[along].column)}
        frame = frame.assign(run=[f"new {row}" for row in frame[sorted(apart)].astype(str).agg(" ".join, axis=1)])
    drawn = predict_runs(fit, frame, seed=0)
    labels = drawn["run"].to_numpy()
    return [drawn.isel(row=labels == label).sortby(along) for label in dict.fromkeys(labels)]


def _band(drawn: xr.DataArray, along: str, ax: Axes, colour: str) -> None:
    at, of = drawn[along].to_numpy(), quantiles(drawn)
    paint_bands(ax, at, of, colour=colour)
    ax.plot(at, of[0.5], color=colour, linewidth=0.9, linestyle=(0, (3, 2)), zorder=2)


def _points(rows: pd.DataFrame, along: str, ax: Axes, colour: str) -> None:
    rows = rows.sort_values(along)
    at = np.log(rows[along].to_numpy())
    kept = np.unique(np.searchsorted(at, np.linspace(at[0], at[-1], POINTS)).clip(max=len(at) - 1))
    few = rows.iloc[kept]
    ax.scatter(few[along], few["response"], s=7, color=colour, edgecolors=INK, linewidths=0.4, zorder=4)


def _axes(fit: Fit, along: str, ax: Axes) -> None:
    ax.margins(x=0.01)
    ax.autoscale_view()
    log_ticks(ax, "x")
    log_ticks(ax, "y")
    response = fit.runs.columns.response
    ax.set_xlabel(with_unit(along.replace("_", " "), fit.runs.columns.inputs[along].unit))
    ax.set_ylabel(with_unit(response.name, response.unit))


def _key(fit: Fit, hue: str, colours: dict[float, str], ax: Axes) -> None:
    """Say which colour is which size: by a line each where there are few, else by a bar."""
    title = with_unit(hue.replace("_", " "), fit.runs.columns.inputs[hue].unit)
    sizes = list(colours)
    if 1 < len(sizes) <= NAMED:
        lines = [Line2D([], [], color=colour, linewidth=2) for colour in colours.values()]
        labels = [number(size) for size in sizes]
        above: Any = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2, "alignment": "left"}
        ax.legend(lines, labels, title=title, title_fontsize=7, ncols=len(sizes), columnspacing=1.0, handlelength=1.4, **above)
    elif len(sizes) > NAMED:
        scale = LogNorm(sizes[0], sizes[-1])
        bar = ax.figure.colorbar(ScalarMappable(scale, _shades()), ax=ax, label=title, fraction=0.05, pad=0.02, aspect=30)
        bar.ax.yaxis.set_major_locator(FixedLocator(_round(sizes[0], sizes[-1])))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        bar.ax.yaxis.set_minor_locator(NullLocator())


def _round(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten between two numbers; powers only where they are many."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    leads = (1, 2, 5) if high / low < 300 else (1,)
    return [lead * 10.0**power for power in powers for lead in leads if low <= lead * 10.0**power <= high]
