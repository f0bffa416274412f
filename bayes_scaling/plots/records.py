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
from bayes_scaling.plots.plan import plot_excess
from bayes_scaling.plots.style import paper
from bayes_scaling.prediction.contrast import Contrast
from bayes_scaling.validation.backtest import Backtest
from bayes_scaling.validation.calibration import Calibration


def contrast_of(found: Contrast, x: str | None = None) -> Figure:
    """Return a contrast against an input or numeric group, the first that differs between its points unless given."""
    across = x or _across(found)
    with paper():
        figure = Figure(figsize=(3.4, 2.3))
        plot_contrast(found, across, figure.subplots(), unit=found.units.get(across, ""))
    return figure


def plan_of(found: Plan) -> Figure:
    """Return what other sizes would cost above a plan."""
    return _drawn(plot_excess, found)


def backtest_of(found: Backtest) -> Figure:
    """Return the coverage of the bands of a backtest, by distance."""
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
