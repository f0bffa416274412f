"""Posteriors over neural scaling laws: fit, predict, contrast.

    runs -> model -> fit -> predict / contrast -> tables, plots

Names are imported on first use, so that `import bayes_scaling` is instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_scaling import datasets, laws, plots
    from bayes_scaling.advice import Finding, findings
    from bayes_scaling.allocation import compute_optimal
    from bayes_scaling.calibration import Calibration, calibrate, calibration_table
    from bayes_scaling.check import Backtest, backtest
    from bayes_scaling.comparison import Comparison, compare, loo
    from bayes_scaling.contrasts import compute_multiplier, contrast, contrast_table, crossover, multiplier_table
    from bayes_scaling.costs import Cost
    from bayes_scaling.counts import units_said
    from bayes_scaling.decisions import Ranking, rank
    from bayes_scaling.discrepancy import Discrepancy
    from bayes_scaling.errors import InputError
    from bayes_scaling.executors import InProcess
    from bayes_scaling.fitting import (
        Fit,
        fit,
        parameter_table,
        parameter_values,
        prior,
        published_values,
        refit,
    )
    from bayes_scaling.fleet import Fleet, fit_many, fleet_table
    from bayes_scaling.forecasting import Forecast, forecast, forecast_sentence, forecast_table
    from bayes_scaling.formula import parse_law
    from bayes_scaling.logs import Curve
    from bayes_scaling.model import Model
    from bayes_scaling.modelfile import Study, read_study, study_runs, write_study
    from bayes_scaling.next_run import NextRuns, RunSet, next_runs
    from bayes_scaling.next_summaries import candidate_table, next_sentence, set_table
    from bayes_scaling.noise import Correlation, Noise
    from bayes_scaling.optima import compute_price, optimum, tolerance
    from bayes_scaling.parameters import Parameter, Prior, Trend, Varying
    from bayes_scaling.planning import Plan, plan, plan_sentence, plan_table
    from bayes_scaling.prediction import decompose, parameters_at, predict, predict_runs, predict_table, published_at
    from bayes_scaling.questions import Question, ask, parse_question
    from bayes_scaling.ranking import rank_sentences, rank_table
    from bayes_scaling.report import write_report
    from bayes_scaling.residuals import innovation_correlation, residual_correlation, run_residuals
    from bayes_scaling.runs import Average, Columns, Input, ReadingError, Response, Runs, read_runs, subset
    from bayes_scaling.sampling import Settings
    from bayes_scaling.saving import load, save
    from bayes_scaling.schedules import Schedule, schedule_inputs
    from bayes_scaling.scoring import score_table
    from bayes_scaling.sentences import summary_sentences
    from bayes_scaling.splitting import folds
    from bayes_scaling.stacking import Stack, stack, stacking_weights
    from bayes_scaling.targets import compute_needed
    from bayes_scaling.tasks import Task
    from bayes_scaling.universes import Multiverse, multiverse
    from bayes_scaling.variants import Universe, standard_choices

_HOME = {
    "advice": ("Finding", "findings"),
    "allocation": ("compute_optimal",),
    "costs": ("Cost",),
    "counts": ("units_said",),
    "calibration": ("Calibration", "calibrate", "calibration_table"),
    "check": ("Backtest", "backtest"),
    "comparison": ("Comparison", "compare", "loo"),
    "contrasts": ("compute_multiplier", "contrast", "contrast_table", "crossover", "multiplier_table"),
    "decisions": ("Ranking", "rank"),
    "discrepancy": ("Discrepancy",),
    "errors": ("InputError",),
    "executors": ("InProcess",),
    "fitting": ("Fit", "fit", "parameter_table", "parameter_values", "prior", "published_values", "refit"),
    "fleet": ("Fleet", "fit_many", "fleet_table"),
    "forecasting": ("Forecast", "forecast", "forecast_sentence", "forecast_table"),
    "formula": ("parse_law",),
    "logs": ("Curve",),
    "model": ("Model",),
    "modelfile": ("Study", "read_study", "study_runs", "write_study"),
    "next_run": ("NextRuns", "RunSet", "next_runs"),
    "next_summaries": ("candidate_table", "next_sentence", "set_table"),
    "noise": ("Correlation", "Noise"),
    "optima": ("compute_price", "optimum", "tolerance"),
    "parameters": ("Parameter", "Prior", "Trend", "Varying"),
    "planning": ("Plan", "plan", "plan_sentence", "plan_table"),
    "prediction": ("decompose", "parameters_at", "predict", "predict_runs", "predict_table", "published_at"),
    "ranking": ("rank_sentences", "rank_table"),
    "report": ("write_report",),
    "questions": ("Question", "ask", "parse_question"),
    "residuals": ("innovation_correlation", "residual_correlation", "run_residuals"),
    "runs": ("Average", "Columns", "Input", "ReadingError", "Response", "Runs", "read_runs", "subset"),
    "sampling": ("Settings",),
    "saving": ("load", "save"),
    "schedules": ("Schedule", "schedule_inputs"),
    "scoring": ("score_table",),
    "sentences": ("summary_sentences",),
    "splitting": ("folds",),
    "stacking": ("Stack", "stack", "stacking_weights"),
    "targets": ("compute_needed",),
    "tasks": ("Task",),
    "universes": ("Multiverse", "multiverse"),
    "variants": ("Universe", "standard_choices"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
_SUBPACKAGES = ("datasets", "laws", "plots")

__all__ = [
    "Average",
    "Backtest",
    "Calibration",
    "Columns",
    "Comparison",
    "Correlation",
    "Cost",
    "Curve",
    "Discrepancy",
    "Finding",
    "Fit",
    "Fleet",
    "Forecast",
    "InProcess",
    "Input",
    "InputError",
    "Model",
    "Multiverse",
    "NextRuns",
    "Noise",
    "Parameter",
    "Plan",
    "Prior",
    "Question",
    "Ranking",
    "ReadingError",
    "Response",
    "RunSet",
    "Runs",
    "Schedule",
    "Settings",
    "Stack",
    "Study",
    "Task",
    "Trend",
    "Universe",
    "Varying",
    "ask",
    "backtest",
    "calibrate",
    "calibration_table",
    "candidate_table",
    "compare",
    "compute_multiplier",
    "compute_needed",
    "compute_optimal",
    "compute_price",
    "contrast",
    "contrast_table",
    "crossover",
    "datasets",
    "decompose",
    "findings",
    "fit",
    "fit_many",
    "fleet_table",
    "folds",
    "forecast",
    "forecast_sentence",
    "forecast_table",
    "innovation_correlation",
    "laws",
    "load",
    "loo",
    "multiplier_table",
    "multiverse",
    "next_runs",
    "next_sentence",
    "optimum",
    "parameter_table",
    "parameter_values",
    "parameters_at",
    "parse_law",
    "parse_question",
    "plan",
    "plan_sentence",
    "plan_table",
    "plots",
    "predict",
    "predict_runs",
    "predict_table",
    "prior",
    "published_at",
    "published_values",
    "rank",
    "rank_sentences",
    "rank_table",
    "read_runs",
    "read_study",
    "refit",
    "residual_correlation",
    "run_residuals",
    "save",
    "schedule_inputs",
    "score_table",
    "set_table",
    "stack",
    "stacking_weights",
    "standard_choices",
    "study_runs",
    "subset",
    "summary_sentences",
    "tolerance",
    "units_said",
    "write_report",
    "write_study",
]


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"bayes_scaling.{name}")
    if name in _MODULE_OF:
        found = getattr(import_module(f"bayes_scaling.{_MODULE_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'bayes_scaling' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
