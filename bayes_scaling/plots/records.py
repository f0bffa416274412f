"""The natural figure of each record, for its method `.plot()`."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.plan import Plan
from bayes_scaling.plots.backtest import plot_coverage
from bayes_scaling.plots.calibration import plot_calibration
from bayes_scaling.plots.contrast import numeric_along_rows, plot_contrast
from bayes_scaling.plots.costs import loss_rows, name_axis, plot_costs
from bayes_scaling.plots.plan import plot_excess
from bayes_scaling.plots.style import paper, with_short_labels
from bayes_scaling.prediction.contrast import Contrast
from bayes_scaling.validation.backtest import Backtest
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.score import Score


def contrast_of(found: Contrast, x: str | None = None) -> Figure:
    """Return a contrast against an input or numeric group, the first that differs between its points unless given.

    Where the runs have costs, beside it the multiple of compute under each.
    """
    across = x or _across(found)
    unit = found.units.get(across, "")
    with paper():
        figure = Figure(figsize=(3.4, 2.3) if found.by_cost is None else (6.8, 2.4))
        if found.by_cost is None:
            plot_contrast(found, across, figure.subplots(), unit=unit)
            return figure
        left, right = figure.subplots(1, 2)
        if len(np.unique(found["difference"][across])) < 2:
            loss_rows(found, left).set_title(f"{found.a} against {found.b} at equal cost")
            plot_costs(found, None, right).set_yticklabels([])
        else:
            plot_contrast(found, across, left, unit=unit).set_title(f"{found.a} against {found.b} at equal {found.cost}")
            name_axis(found, across, left, unit)
            plot_costs(found, across, right, unit=unit)
        right.set_title(f"compute {found.a} / {found.b} at equal {found['difference'].attrs.get('long_name', 'loss')}")
    return with_short_labels(figure)


def plan_of(found: Plan) -> Figure:
    """Return what other sizes would cost above a plan."""
    return _drawn(plot_excess, found)


def backtest_of(found: Backtest) -> Figure:
    """Return the coverage of the bands of a backtest, by distance."""
    return _drawn(lambda of, ax: plot_coverage(of.points, ax), found)


def score_of(found: Score) -> Figure:
    """Return the coverage of the bands over the rows of a table, by distance."""
    return _drawn(lambda of, ax: plot_coverage(of.points, ax), found)


def calibration_of(found: Calibration) -> Figure:
    """Return the ranks of a calibration against what chance would show."""
    return _drawn(plot_calibration, found)


def _drawn[T](draw: Callable[[T, Axes], Axes], found: T) -> Figure:
    with paper():
        figure = Figure(figsize=(3.4, 2.3))
        draw(found, figure.subplots())
    return figure


def _across(found: Contrast) -> str:
    coords = found["difference"].coords
    numeric = [name for name in numeric_along_rows(found["difference"]) if name != "distance"]
    if not numeric:
        raise InputError("the points have no numeric input or group to draw the contrast against")
    return next((name for name in numeric if len(np.unique(coords[name])) > 1), numeric[0])
