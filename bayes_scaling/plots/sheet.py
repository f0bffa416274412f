"""A sheet of panels: bands over the runs, a panel for each level of one or two groups, a colour for each level of a third."""

from itertools import cycle, product
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bayes_scaling._base.numbers import DIGITS, level_name, value_at
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.inference.stacking import Posterior, groups_needed, noise_scale
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.plots.band import plot_band, plot_runs
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.middle import middle_of
from bayes_scaling.plots.painters import paint_band
from bayes_scaling.plots.style import COLOURS, LEVELS, PAGE, paper, quantiles, spread, with_unit
from bayes_scaling.prediction.levels import levels_in_order
from bayes_scaling.prediction.predict import predict, predict_runs

WIDTH, HEIGHT = PAGE, 1.9
MARKERS = "os^Dv<"
SEQUENCE = "viridis"
SEED = 0
"""Of the scatter of new runs: the figure of a fit is the same each time."""
WITHIN, BELOW, LINE = 4, -0.25, 0.17
"""Names of lines that have room within a panel; more stand below it, in heights of it, each pair so many inches high."""
PANELS, HUES = 20, 40
"""Rows and columns of panels, and levels told apart by colour in each, at most."""


@footed
def sheet_figure(fit: Posterior, sheet: Sheet, *, points: bool = True) -> Figure:
    """Return the sheet: 50 and 90 % bands of the expected curve, dashed where they leave the data, and the runs.

    With `single_runs` of the sheet also a lighter band that holds 90 % of new runs.

    Parameters
    ----------
    fit
        A fit.
    sheet
        What the axes and panels are.
    points
        Whether to draw the runs.

    Returns
    -------
    Figure
        The figure.

    Examples
    --------
    >>> plots.sheet_figure(fit, bs.read_study("moba_vs_full").figure).savefig("sheet.png")  # doctest: +SKIP
    """
    table = fit.runs.table
    rows, columns = (spread(_levels(fit, table, name), PANELS) for name in (sheet.rows, sheet.columns))
    wide = int(np.ceil(np.sqrt(len(columns)))) if sheet.rows is None and len(columns) > 5 else len(columns)
    high = len(rows) * int(np.ceil(len(columns) / wide))
    single = wide == high == 1
    parts = [_part(table, {sheet.rows: row, sheet.columns: column}) for row, column in product(rows, columns)]
    seen = [level for part in parts for level in _hues(fit, part, sheet)]
    nested = len(parts) > 1 and len(set(seen)) == len(seen)
    most = max(len(_hues(fit, part, sheet)) for part in parts) if nested else 0
    named = LINE * high * ((most + 1) // 2) if most > WITHIN else 0.0
    with paper():
        tall = 2.7 if single else max(2.4, 0.5 + HEIGHT * high * min(1, 4 / wide)) + named
        figure = Figure(figsize=(3.4 if single else WIDTH, tall))
        apart = sheet.rows is None and len({(part[sheet.x].min(), part[sheet.x].max()) for part in parts}) > 1
        axes = figure.subplots(high, wide, sharey="row", sharex=not apart, squeeze=False)
        for ax, part, levels in zip(axes.ravel(), parts, product(rows, columns), strict=False):
            colours = _colours(fit, part if nested else table, sheet)
            _panel(fit, sheet, part, ax, colours, points=points)
            _head(fit, sheet, levels, ax)
            if nested:
                names = [_hue_name(fit, sheet, level) for level in colours]
                below = {"loc": "upper center", "bbox_to_anchor": (0.5, BELOW), "ncols": 2}
                ax.legend(_handles(colours), names, **({"loc": "upper center"} if len(colours) <= WITHIN else below))
        for ax in axes.ravel()[len(parts) :]:
            ax.set_visible(False)
        for ax in axes.ravel():
            ax.label_outer(remove_inner_ticks=False)
        if sheet.rows is not None:
            figure.supylabel(axes[0, 0].get_ylabel(), fontsize=8)
            for ax in axes.ravel():
                ax.set_ylabel("")
        if sheet.hue is not None and not nested:
            _legend(figure, fit, sheet, beside=single)
    return figure


def _head(fit: Posterior, sheet: Sheet, levels: tuple[Any, Any], ax: Axes) -> None:
    """Say above the panels of the first row what a column is, and beside those of the last column what a row is."""
    place = ax.get_subplotspec()
    row, column = levels
    if sheet.columns and place and (place.is_first_row() or sheet.rows is None):
        ax.set_title(_named(fit, sheet.columns, column), fontsize=7)
    if sheet.rows and place and place.is_last_col():
        ax.text(1.03, 0.5, _named(fit, sheet.rows, row), transform=ax.transAxes, rotation=270, va="center", fontsize=7)


def _levels(fit: Posterior, table: pd.DataFrame, name: str | None) -> list[Any]:
    """Return the levels of a group that rows have, or the values of an input, in order."""
    if name is None:
        return [None]
    found = table[name].unique().tolist()
    return (
        [level for level in levels_in_order(fit, name).tolist() if level in found] if name in fit.runs.levels else sorted(found)
    )


def _hues(fit: Posterior, table: pd.DataFrame, sheet: Sheet) -> list[Any]:
    return spread(_levels(fit, table, sheet.hue), HUES)


def _part(table: pd.DataFrame, at: dict[Any, Any]) -> pd.DataFrame:
    for name, level in at.items():
        table = table[table[name] == level] if name is not None else table
    return table


def _span(table: pd.DataFrame, sheet: Sheet) -> np.ndarray:
    seen = table[sheet.x][table[sheet.x] > 0]
    return np.geomspace(seen.min() / min(1.2, sheet.beyond), seen.max() * sheet.beyond, 60)


def _panel(fit: Posterior, sheet: Sheet, table: pd.DataFrame, ax: Axes, colours: dict[Any, str], *, points: bool) -> None:
    """Draw the bands and runs of one panel, a colour for each level."""
    unit = fit.runs.columns.inputs[sheet.x].unit
    log = fit.runs.columns.response.positive and noise_scale(fit) != "log_odds"
    for (level, colour), marker in zip(colours.items(), cycle(MARKERS), strict=False):
        runs = _part(table, {sheet.hue: level})
        if not len(runs):
            continue
        points_at = _points(fit, sheet, runs)
        curve = predict(fit, points_at)
        if sheet.single_runs:
            _plot_single_runs(fit, sheet, points_at, ax, colour)
        plot_band(curve, sheet.x, ax, colour=colour, label=_hue_name(fit, sheet, level), unit=unit, log=log)
        if points:
            plot_runs(runs, fit.runs, sheet.x, ax, colour=colour, marker=marker)


def _plot_single_runs(fit: Posterior, sheet: Sheet, at: pd.DataFrame, ax: Axes, colour: str) -> None:
    """Draw where 90 % of new runs would lie, each point being of a run of its own."""
    own = at if "run" in groups_needed(fit) else at.drop(columns="run", errors="ignore")
    of = quantiles(predict_runs(fit, own, seed=SEED))
    low, high, opacity = LEVELS["90 %"]
    x = at[sheet.x].to_numpy()
    paint_band(ax, x, of[low], of[high], colour=colour, opacity=opacity / 2)
    for edge in (low, high):
        ax.plot(x, of[edge], color=colour, linewidth=0.4)


def _points(fit: Posterior, sheet: Sheet, runs: pd.DataFrame) -> pd.DataFrame:
    """Return points along x for what is common to some runs: their inputs' middle and their most frequent levels.

    Where inputs come from a schedule these are the runs' own rows, as the inputs of a run go together.
    """
    if fit.runs.columns.schedule is not None:
        return runs.sort_values(sheet.x)
    held = middle_of(runs, fit.runs.columns, (name for name in fit.runs.columns.inputs if name != sheet.x))
    levels = {name: runs[name].mode().iloc[0] for name in fit.runs.columns.dims}
    return mark_base_units(pd.DataFrame({sheet.x: _span(runs, sheet)} | held | levels))


def _colours(fit: Posterior, table: pd.DataFrame, sheet: Sheet) -> dict[Any, str]:
    """Return a colour for each hue: a sequence where they are several numbers, colours easily told apart otherwise."""
    levels = _hues(fit, table, sheet)
    if len(levels) <= 3 or (len(levels) <= len(COLOURS) and isinstance(levels[0], str)):
        return dict(zip(levels, COLOURS, strict=False))
    shades = mpl.colormaps[SEQUENCE](np.linspace(0.0, 0.88, len(levels)))
    return {level: mpl.colors.to_hex(shade) for level, shade in zip(levels, shades, strict=True)}


def _named(fit: Posterior, name: str, level: Any) -> str:
    inputs = fit.runs.columns.inputs
    if name in inputs:
        return f"{value_at(name, level, DIGITS)} {inputs[name].unit}".strip()
    return level.replace("_", " ") if isinstance(level, str) else f"{name} {level_name(level)}"


def _hue_name(fit: Posterior, sheet: Sheet, level: Any) -> str:
    """Return what a colour is: a level as it is called, or a value of an input."""
    if level is None:
        return ""
    return value_at(str(sheet.hue), level, DIGITS) if sheet.hue in fit.runs.columns.inputs else level_name(level)


def _legend(figure: Figure, fit: Posterior, sheet: Sheet, *, beside: bool) -> None:
    colours, inputs, title = _colours(fit, fit.runs.table, sheet), fit.runs.columns.inputs, str(sheet.hue)
    beside = beside or len(colours) > len(COLOURS)
    place: dict[str, Any] = {"loc": "outside right upper"} if beside else {"loc": "outside lower center", "ncols": len(colours)}
    if title in inputs:
        title = with_unit(title, inputs[title].unit)
    names = [_hue_name(fit, sheet, level) for level in colours]
    figure.legend(_handles(colours), names, title=title if beside or sheet.hue in inputs else None, **place)


def _handles(colours: dict[Any, str]) -> list[Line2D]:
    return [Line2D([], [], color=colour, linewidth=2) for colour in colours.values()]
