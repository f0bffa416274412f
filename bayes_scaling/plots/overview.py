"""The figures that the command line writes for any fit, and for a contrast."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.numbers import DIGITS, level_name, number, spaced_name, value_at
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.direction import name_at
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, groups_needed, has_discrepancy, inputs_read
from bayes_scaling.model.noise import Correlation
from bayes_scaling.model.parameters import Effect, Smooth, as_parameter
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.plots.band import plot_band, plot_runs
from bayes_scaling.plots.contrast import plot_contrast, plot_multiplier
from bayes_scaling.plots.costs import name_axis, plot_costs
from bayes_scaling.plots.curves import plot_curves
from bayes_scaling.plots.decomposition import decomposition_figure
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.forest import plot_forest
from bayes_scaling.plots.predictive_check import plot_check
from bayes_scaling.plots.sheet import sheet_figure
from bayes_scaling.plots.smooth import plot_smooth
from bayes_scaling.plots.stack import laws_figure
from bayes_scaling.plots.style import COLOURS, paper, some, spread, with_short_labels
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast
from bayes_scaling.prediction.levels import levels_in_order
from bayes_scaling.prediction.predict import parameters_at, predict

PANELS, HUES, ROWS = 4, 24, 60
"""Panels, levels told apart by colour, and rows of a forest at most."""
BANDS_BEYOND = 10.0
"""Bands are drawn up to ten times past the data."""


@footed
def figures(fit: Posterior, sheet: Sheet | None = None) -> dict[str, Figure]:
    """Return the figures of a fit by name: bands over the runs, the predictive check, a forest of each varying parameter.

    Of a stack the weights of its laws, and how far they part beyond the runs, are drawn instead of parameters.

    With a discrepancy also what the uncertainty of predictions is made of, and where runs have laws of their own their curves,
    carried on.

    Parameters
    ----------
    fit
        A fit, or a stack.
    sheet
        The layout of the bands' panels; None for one chosen by the groups and inputs.

    Returns
    -------
    dict[str, Figure]
        Figures by name: "bands", "check", "forest_E" and so on.

    Examples
    --------
    >>> plots.figures(fit)["check"].savefig("check.png")  # doctest: +SKIP
    """
    drawn = {"bands": sheet_figure(fit, sheet) if sheet else bands_figure(fit), "check": _check_figure(fit)}
    if isinstance(fit, Fit):
        return drawn | _of_one_law(fit)
    return drawn | {"laws": laws_figure(fit)}


def _check_figure(fit: Posterior) -> Figure:
    with paper():
        figure = Figure(figsize=(3.4, 2.6))
        plot_check(fit, figure.subplots())
    return figure


def _of_one_law(fit: Fit) -> dict[str, Figure]:
    """Return the figures that only a single law has: its parameters by level, its discrepancy, its curves."""
    drawn: dict[str, Figure] = {}
    for name, value in fit.model.parameters.items():
        if any(isinstance(term, Effect) for term in as_parameter(value).terms):
            drawn[f"forest_{name}"] = forest_figure(fit, name)
        if any(isinstance(term, Smooth) for term in as_parameter(value).terms):
            with paper():
                drawn[f"smooth_{name}"] = Figure(figsize=(3.4, 2.4))
                plot_smooth(fit, name, drawn[f"smooth_{name}"].subplots())
    if has_discrepancy(fit):
        drawn["decomposition"] = decomposition_figure(fit)
    if fit.health is not None and "run" in groups_needed(fit) and _still(fit, fit.model.noise.correlation):
        with paper():
            drawn["curves"] = Figure(figsize=(3.4, 2.8))
            plot_curves(fit, drawn["curves"].subplots())
    return drawn


def _still(fit: Posterior, correlation: Correlation | None) -> bool:
    """Return whether it is known along what runs train, and all other inputs are the same in all rows of a run."""
    if correlation is None:
        return False
    rows = fit.runs.table.groupby("run")[[name for name in fit.runs.columns.inputs if name != correlation.along]]
    return bool((rows.max() == rows.min()).all().all())


@footed
def bands_figure(fit: Posterior) -> Figure:
    """Return bands over compute or another first input: a panel for each of up to four levels or values of what remains."""
    x, *held = sorted(inputs_read(fit), key=lambda name: name not in fit.runs.columns.scales)
    held = [name for name in held if name not in _shares(fit)]
    groups = sorted(groups_needed(fit), key=lambda group: len(fit.runs.levels[group]))
    apart = bool(fit.runs.columns.output_units)  # no two units on one axis
    hue = next((group for group in groups if not (apart and group == OUTPUT)), None)
    splits = [*(group for group in groups if group != hue), *held]
    panels = list(product(*(_representative(fit, name) for name in splits)))[: PANELS**2]
    panels = [panels[i] for i in np.unique(np.linspace(0, len(panels) - 1, PANELS).astype(int))]
    with paper():
        figure = Figure(figsize=(6.8 if len(panels) > 1 else 3.4, 2.2 if len(panels) > 1 else 2.6))
        axes = figure.subplots(1, len(panels), sharey=bool(held) and not apart, squeeze=False)[0]
        for ax, values in zip(axes, panels, strict=True):
            at = dict(zip(splits, values, strict=True))
            _panel(fit, x, at, hue, ax)
            said = ["other shares in proportion"] if x in _shares(fit) else []
            ax.set_title(", ".join([*(_named(fit, name, value) for name, value in at.items()), *said]))
        for ax in [] if apart else axes[1:]:
            ax.set_ylabel("")
        if hue:
            axes[0].legend(title=hue + some(min(HUES, len(fit.runs.levels[hue])), len(fit.runs.levels[hue])))
    return with_short_labels(figure)


@footed
def forest_figure(fit: Fit, name: str) -> Figure:
    """Return the forest of one parameter by its groups, where it drifts with an input at the middle of each level's runs."""
    levels = fit.runs.levels
    terms = [term for term in as_parameter(fit.model.parameters[name]).terms if isinstance(term, Effect)]
    groups = sorted({dim for term in terms for dim in term.dims}, key=lambda group: len(levels[group]))
    shown = {group: spread(levels[group], ROWS if group == groups[-1] else HUES) for group in groups}
    rows = fit.runs.table[np.logical_and.reduce([fit.runs.table[group].isin(of) for group, of in shown.items()])]
    cells = rows.groupby(groups)[list(fit.runs.columns.inputs)].median().reset_index()
    order = {group: pd.Index(levels_in_order(fit, group)) for group in groups}
    cells = cells.sort_values(groups, key=lambda column: order[str(column.name)].get_indexer(column), ignore_index=True)
    for mixture, of in fit.runs.columns.members.items():  # medians of shares sum to something else than one
        members = [f"{mixture}_{member}" for member in of]
        cells[members] = cells[members].div(cells[members].sum(axis=1), axis=0)
    cells = cells.assign(**{group: levels[group][0] for group in groups_needed(fit) if group not in groups})
    values = parameters_at(fit, cells)[name]
    if len(groups) == 2 and len(cells) == len(shown[groups[0]]) * len(shown[groups[1]]):
        values = values.set_index(row=groups).unstack("row")  # noqa: PD010
        values = values.sel({group: [level for level in order[group] if level in shown[group]] for group in groups})
    else:  # one group lies within another, as series within kinds of shape
        values = values.swap_dims(row=groups[-1])
    with paper():
        figure = Figure(figsize=(3.4, 0.6 + 0.17 * max(values.sizes[group] for group in groups if group in values.dims)))
        ax = plot_forest(values, figure.subplots())
        ax.set_title(", ".join(f"{group}{more}" for group in groups if (more := some(len(shown[group]), len(levels[group])))))
    return figure


@footed
def contrast_figure(fit: Posterior, group: str, a: str, b: str) -> Figure:
    """Return what level a costs against b: against the largest remaining numeric group where there is one, and over inputs."""
    x, *held = inputs_read(fit)
    others = [name for name in groups_needed(fit) if name != group]
    across = next((name for name in others if np.issubdtype(fit.runs.levels[name].dtype, np.number)), None)
    reference = {name: [fit.runs.held[name]] for name in (x, *held)}
    first = {name: [fit.runs.levels[name][-1]] for name in others}
    single = not held
    with paper():
        figure = Figure(figsize=(6.8, 2.2))
        axes = figure.subplots(1, int(across is not None) + 1 + int(single), squeeze=False)[0].tolist()
        if across is not None:
            points = _grid(reference | first | {across: list(fit.runs.levels[across])})
            ax = plot_contrast(contrast(fit, group, a, b, points), across, axes.pop(0), colour=COLOURS[1])
            ax.set_title(f"{a} against {b} at {number(reference[x][0])} {fit.runs.columns.inputs[x].unit}")
        unit = fit.runs.columns.inputs[x].unit
        points = _grid(reference | first | {x: _span(fit, x).tolist()})
        at = [f"{name} {level_name(values[0])}" for name, values in first.items()]
        along = contrast(fit, group, a, b, points)
        ax = plot_contrast(along, x, axes.pop(0), colour=COLOURS[1], unit=unit)
        name_axis(along, x, ax, unit)
        _mark_data(fit, x, ax)
        ax.set_title(", ".join(at if across is not None else [f"{a} against {b}", *at]))
        if single and along.by_cost is not None:
            ax = plot_costs(along, x, axes.pop(0), unit=unit)
            _mark_data(fit, x, ax)
            ax.set_title(f"compute {a} / {b} at equal {name_at(fit.runs.columns, points)}")
        elif single:
            ax = plot_multiplier(compute_ratio(fit, group, a, b, points), x, axes.pop(0), colour=COLOURS[2], unit=unit)
            _mark_data(fit, x, ax)
            ax.set_title(f"{spaced_name(x)} {a} / {b} at equal {name_at(fit.runs.columns, points)}")
    return figure


def _named(fit: Posterior, name: str, value: object) -> str:
    """Return "position 10K" for a level, "10.5B tokens" for an input."""
    inputs = fit.runs.columns.inputs
    return f"{value_at(name, value, DIGITS)} {inputs[name].unit}".rstrip() if name in inputs else f"{name} {level_name(value)}"


def _panel(fit: Posterior, x: str, at: dict[str, Any], hue: str | None, ax: Axes) -> None:
    """Draw bands and runs over an input, a colour for each level."""
    unit = fit.runs.columns.inputs[x].unit
    table = fit.runs.table
    for name, value in at.items():
        near = _near(table[name], value) if name in fit.runs.columns.inputs else table[name] == value
        table = table[near]
    for i, level in enumerate(spread(levels_in_order(fit, hue), HUES) if hue else [None]):
        places = {x: _span(fit, x), **at}
        points = mark_base_units(pd.DataFrame(_shares(fit, places) | places | ({} if hue is None else {hue: level})))
        colour = COLOURS[i % len(COLOURS)]
        plot_band(predict(fit, points), x, ax, colour=colour, label="" if level is None else level_name(level), unit=unit)
        rows = table if hue is None else table[table[hue] == level]
        plot_runs(rows, fit.runs, x, ax, colour=colour, marker="os^Dv<"[i % 6])


def _representative(fit: Posterior, name: str) -> list[Any]:
    """Return up to four levels of a group, spread evenly, or as many values of an input between its 10 and 90 % quantiles."""
    if name in fit.runs.levels:
        return spread(levels_in_order(fit, name), PANELS)
    seen = fit.runs.table[name].quantile(np.linspace(0.1, 0.9, PANELS), interpolation="nearest")
    return list({number(value): float(value) for value in seen}.values())  # few sizes are the middle of several shares


def _near(values: pd.Series, value: float) -> pd.Series:
    """Return which values are within 25 % of one; of 0 those that are 0."""
    return (values <= 1.25 * value) & (value <= 1.25 * values)


def _shares(fit: Posterior, places: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the members of mixtures as the runs have them on average, in proportion beside one that is at given places."""
    found: dict[str, Any] = {}
    for name, of in fit.runs.columns.members.items():
        members = [f"{name}_{member}" for member in of]
        given = [one for one in members if one in (places or {})]
        left = 1.0 - sum((places or {})[one] for one in given)
        free = fit.runs.table[[one for one in members if one not in given]].mean()
        found |= {str(one): left * share / max(float(free.sum()), 1e-12) for one, share in free.items()}
        found |= dict.fromkeys(given)
    return found


def _span(fit: Posterior, x: str) -> np.ndarray:
    seen = fit.runs.table[x][fit.runs.table[x] > 0]
    if x not in fit.runs.columns.scales:
        return np.geomspace(seen.min(), seen.max(), 60)
    return np.geomspace(seen.min() / 1.2, seen.max() * BANDS_BEYOND, 60)


def _mark_data(fit: Posterior, x: str, ax: Axes) -> None:
    seen = fit.runs.table[x]
    ax.axvspan(seen.min(), seen.max(), color="black", alpha=0.05, linewidth=0)


def _grid(values: dict[str, list[object]] | dict[str, list[float]]) -> pd.DataFrame:
    return mark_base_units(pd.DataFrame(list(product(*values.values())), columns=list(values)))
