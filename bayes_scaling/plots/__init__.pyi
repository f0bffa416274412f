"""The names of `bayes_scaling.plots`, each with the file it lives in."""

from .backtest import (
    backtest_figure as backtest_figure,
    plot_coverage as plot_coverage,
    plot_held_out as plot_held_out,
    plot_pit as plot_pit,
)
from .band import plot_band as plot_band, plot_runs as plot_runs
from .calibration import plot_calibration as plot_calibration
from .chain import chain_figure as chain_figure
from .coefficients import plot_coefficient as plot_coefficient, plot_coefficients as plot_coefficients
from .comparison import comparison_figure as comparison_figure, plot_comparison as plot_comparison
from .contrast import plot_contrast as plot_contrast, plot_multiplier as plot_multiplier
from .costs import plot_costs as plot_costs
from .curves import plot_curves as plot_curves, size_colours as size_colours
from .decomposition import plot_decomposition as plot_decomposition
from .first_passage import first_passage_figure as first_passage_figure, plot_first_passage as plot_first_passage
from .forecast import (
    forecast_figure as forecast_figure,
    forecast_ridgeline as forecast_ridgeline,
    plot_fan as plot_fan,
    plot_forecast as plot_forecast,
)
from .forecasts import (
    forecasts_figure as forecasts_figure,
    plot_finals as plot_finals,
    plot_forecasts as plot_forecasts,
)
from .forest import plot_forest as plot_forest
from .multiverse import multiverse_figure as multiverse_figure, plot_multiverse as plot_multiverse
from .next_run import next_figure as next_figure, plot_next as plot_next
from .optimum import plot_optimum as plot_optimum
from .overview import figures as figures
from .plan import plan_figure as plan_figure, plot_excess as plot_excess, plot_path as plot_path
from .predictive_check import plot_check as plot_check
from .prior import prior_figure as prior_figure
from .proposal import plot_proposal as plot_proposal
from .ranking import plot_ranking as plot_ranking, ranking_figure as ranking_figure
from .residuals import autocorrelation_figure as autocorrelation_figure, plot_autocorrelation as plot_autocorrelation
from .sensitivity import (
    plot_further as plot_further,
    plot_shares as plot_shares,
    plot_shifts as plot_shifts,
    sensitivity_figure as sensitivity_figure,
)
from .sheet import sheet_figure as sheet_figure
from .smooth import plot_smooth as plot_smooth
from .stack import laws_figure as laws_figure, plot_laws as plot_laws, plot_weights as plot_weights
from .style import COLOURS as COLOURS, paper as paper
