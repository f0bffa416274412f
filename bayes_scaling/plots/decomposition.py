"""What a prediction's uncertainty is made of: the law, its discrepancy, the scatter of a run."""

from textwrap import wrap

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bayes_scaling._base.numbers import DIGITS, number, tick, value_at
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import discrepancy_terms, law_groups
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.middle import middle_of
from bayes_scaling.plots.style import COLOURS, INK, axis_of, log_ticks, paper, quantiles, with_unit
from bayes_scaling.prediction.predict import decompose

PARTS = {
    "law": ("law alone", "--", COLOURS[0]),
    "discrepancy": ("discrepancy alone", "-.", COLOURS[1]),
    "expected": ("law + discrepancy", "-", COLOURS[2]),
    "noise": ("scatter of a run", ":", COLOURS[3]),
    "run": ("one new run", "-", INK),
}
"""Part -> label, dashes, colour."""

LETTERS = 52
"""Letters of a line below the axis."""
RAY_BEYOND = 30.0
"""How far past the runs the figure goes, in the product of the inputs that the discrepancy depends on."""


@footed
def decomposition_figure(fit: Fit) -> Figure:
    """Return what the uncertainty of predictions is made of, from the smallest of the runs to 30 times beyond the largest.

    The inputs that the discrepancy depends on grow in proportion, at the runs' mean ratio; others stay at their median.
    """
    points, along = _ray(fit)
    parts = decompose(fit, points)
    with paper():
        figure = Figure(figsize=(3.4, 2.9))
        ax = plot_decomposition(parts, along[0], figure.subplots(), unit=fit.runs.columns.inputs[along[0]].unit)
        first = points.iloc[0]
        held = [f"{x} = {number(first[x] / first[along[0]])} × {along[0]}" for x in along[1:]]
        held += [f"{x} {value_at(str(x), value, DIGITS)}" for x, value in first.items() if x not in along]
        ax.set_xlabel("\n".join(wrap("; ".join([ax.get_xlabel(), *held[:2]]), LETTERS)))
    return figure


@footed
def plot_decomposition(parts: xr.Dataset, x: str, ax: Axes | None = None, *, unit: str = "") -> Axes:
    """Draw half the width of the 90 % interval of each part of a prediction against an input, in percent where relative.

    Law and discrepancy share what the runs know: within the data each alone may be uncertain where their sum is not. Grey
    where points lie within the runs.

    Parameters
    ----------
    parts
        What `decompose` returns.
    x
        A coordinate of its points.
    ax
        Where to draw; a new axis unless given.
    unit
        Of x.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_decomposition(decompose(fit, points), "tokens", unit="tokens")  # doctest: +SKIP
    """
    ax = axis_of(ax)
    order = np.argsort(parts[x].to_numpy())
    at = parts[x].to_numpy()[order]
    relative = parts.attrs["units"] == ""
    for part, (label, dashes, colour) in PARTS.items():
        of = quantiles(parts[part])
        half = (of[0.95] - of[0.05])[order] / 2 * (100 if relative else 1)
        if half.any():
            ax.plot(at, half, dashes, color=colour, label=label)
    seen = at[parts["distance"].to_numpy()[order] <= 0]
    if len(seen):
        ax.axvspan(seen.min(), seen.max(), color="0.93", zorder=0, linewidth=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(at[0], at[-1])
    log_ticks(ax, "x")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(axis="y", linewidth=0.3, alpha=0.5)
    ax.set_xlabel(with_unit(x, unit))
    ax.set_ylabel(with_unit("half-width of the 90 % interval", "%" if relative else parts.attrs["units"]))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, columnspacing=1.2, borderaxespad=0.2)
    return ax


def _ray(fit: Fit) -> tuple[pd.DataFrame, list[str]]:
    """Return points along the inputs that the discrepancy depends on, and those inputs."""
    table, inputs = fit.runs.table, list(fit.runs.columns.inputs)
    needed = {x for _, of in discrepancy_terms(fit.model) for x in of}
    along = [x for x in inputs if x in needed]
    size = table[along].prod(axis=1)
    middle = np.exp(np.log(table[along]).mean())
    times = (np.geomspace(size.min(), size.max() * RAY_BEYOND, 80) / middle.prod()) ** (1 / len(along))
    points = mark_base_units(pd.DataFrame({x: middle[x] * times for x in along}))
    held = middle_of(table, fit.runs.columns, (x for x in inputs if x not in along))
    levels = {group: table[group].mode().iloc[0] for group in law_groups(fit.model)}
    return points.assign(**held, **levels), along
