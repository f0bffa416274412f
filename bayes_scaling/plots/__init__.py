"""Figures: each function takes what to show and an axis, and returns the axis."""

from bayes_scaling.plots.backtest import backtest_figure, plot_coverage, plot_held_out, plot_pit
from bayes_scaling.plots.band import plot_band, plot_runs
from bayes_scaling.plots.calibration import plot_calibration
from bayes_scaling.plots.check import plot_check
from bayes_scaling.plots.coefficients import plot_coefficient, plot_coefficients
from bayes_scaling.plots.comparison import plot_comparison
from bayes_scaling.plots.contrast import plot_contrast, plot_multiplier
from bayes_scaling.plots.curves import plot_curves, size_colours
from bayes_scaling.plots.decomposition import plot_decomposition
from bayes_scaling.plots.forecast import forecast_figure, forecast_ridgeline, plot_fan, plot_forecast
from bayes_scaling.plots.forest import plot_forest
from bayes_scaling.plots.multiverse import multiverse_figure, plot_multiverse
from bayes_scaling.plots.next_run import next_figure, plot_next
from bayes_scaling.plots.optimum import plot_optimum
from bayes_scaling.plots.overview import figures
from bayes_scaling.plots.plan import plan_figure, plot_excess, plot_path
from bayes_scaling.plots.ranking import plot_ranking, ranking_figure
from bayes_scaling.plots.residuals import autocorrelation_figure, plot_autocorrelation
from bayes_scaling.plots.sheet import sheet_figure
from bayes_scaling.plots.style import COLOURS, paper

__all__ = [
    "COLOURS",
    "autocorrelation_figure",
    "backtest_figure",
    "figures",
    "forecast_figure",
    "forecast_ridgeline",
    "multiverse_figure",
    "next_figure",
    "paper",
    "plan_figure",
    "plot_autocorrelation",
    "plot_band",
    "plot_calibration",
    "plot_check",
    "plot_coefficient",
    "plot_coefficients",
    "plot_comparison",
    "plot_contrast",
    "plot_coverage",
    "plot_curves",
    "plot_decomposition",
    "plot_excess",
    "plot_fan",
    "plot_forecast",
    "plot_forest",
    "plot_held_out",
    "plot_multiplier",
    "plot_multiverse",
    "plot_next",
    "plot_optimum",
    "plot_path",
    "plot_pit",
    "plot_ranking",
    "plot_runs",
    "ranking_figure",
    "sheet_figure",
    "size_colours",
]
