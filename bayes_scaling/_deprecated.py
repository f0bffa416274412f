"""Names that the front door had before: each still works for one version, and warns with what to write instead."""

import warnings
from importlib import import_module
from operator import attrgetter
from typing import Any

MOVED = {
    "data.columns": "Average Curve MeasurementError Schedule",
    "data.runs": "Runs subset",
    "data.schedules": "schedule_inputs",
    "decisions.allocation": "compute_optimal",
    "decisions.design.ranked": "NextRuns RunSet",
    "decisions.multiverse": "Multiverse",
    "decisions.optimum": "optimum tolerance",
    "decisions.plan": "Plan",
    "decisions.ranking": "Ranking",
    "decisions.stopping": "stopping",
    "inference.batch.executors": "InProcess",
    "inference.batch.tasks": "Task",
    "inference.parameters": "parameter_table parameter_values published_values",
    "inference.stacking": "stack",
    "inference.stacking_weights": "stacking_weights",
    "model.parameters": "Parameter",
    "model.studies.study": "Study study_runs",
    "model.studies.writing": "write_study",
    "prediction.forecast": "Forecast",
    "prediction.outlier_rows": "outlier_probabilities",
    "prediction.predict": "decompose parameters_at published_at",
    "prediction.residuals": "innovation_correlation residual_correlation run_residuals",
    "report.sentences": "summary_sentences",
    "validation.backtest": "Backtest",
    "validation.calibration": "Calibration",
    "validation.compare": "Comparison loo",
    "validation.findings.every": "Finding",
    "validation.scores": "score_table",
    "validation.splits": "folds",
}
"""File -> names of it that were at the front door, and are imported from there."""

RENAMED: dict[str, tuple[str, str]] = {
    "compute_multiplier": (
        "_deprecated:compute_multiplier",
        "bs.compute_ratio(fit, group, b, a, points), which says how many times the compute b needs for the loss of a",
    ),
    "compute_price": (
        "decisions.compute_equivalent:compute_equivalent",
        "from bayes_scaling.decisions.compute_equivalent import compute_equivalent",
    ),
    "Question": ("decisions.estimand_text:Estimand", "from bayes_scaling.decisions.estimand_text import Estimand"),
    "ask": ("decisions.estimands:draw_estimand", "from bayes_scaling.decisions.estimands import draw_estimand"),
    "parse_question": (
        "decisions.estimand_text:parse_estimand",
        "from bayes_scaling.decisions.estimand_text import parse_estimand",
    ),
    "calibration_table": ("validation.calibration:Calibration.to_frame", "found.to_frame()"),
    "candidate_table": ("decisions.design.ranked:NextRuns.to_frame", "found.to_frame()"),
    "set_table": ("decisions.design.ranked:NextRuns.sets_to_frame", "found.sets_to_frame()"),
    "next_sentence": ("decisions.design.sentences:next_sentence", "found.summary()"),
    "plan_table": ("decisions.plan:Plan.to_frame", "found.to_frame(target)"),
    "plan_sentence": ("decisions.plan_sentences:plan_sentence", "found.summary(target)"),
    "rank_table": ("decisions.ranking:Ranking.to_frame", "found.to_frame()"),
    "rank_sentences": ("decisions.rank_sentences:rank_sentences", "found.summary()"),
    "forecast_table": ("prediction.forecast:Forecast.to_frame", "found.to_frame()"),
    "forecast_sentence": ("prediction.forecast_sentences:forecast_sentence", "found.summary(target)"),
    "Fleet": ("inference.batch.fits:Batch", "from bayes_scaling.inference.batch.fits import Batch"),
    "fleet_table": ("inference.batch.fits:Batch.to_frame", "found.to_frame()"),
    "contrast_table": ("prediction.contrast:contrast_at", "bs.contrast(...).to_frame()"),
    "multiplier_table": ("prediction.summary:summarize", "bs.summarize(draws)"),
    "predict_table": ("prediction.summary:summarize_at", "bs.summarize(bs.predict(fit, points))"),
    "ReadingError": ("data.columns:MeasurementError", "from bayes_scaling.data.columns import MeasurementError"),
    "Universe": (
        "decisions.specifications:Specification",
        "from bayes_scaling.decisions.specifications import Specification",
    ),
    "standard_choices": (
        "decisions.specifications:standard_variants",
        "from bayes_scaling.decisions.specifications import standard_variants",
    ),
    "units_said": ("data.base_units:with_units", "from bayes_scaling.data.base_units import with_units"),
}
"""Name -> where what it does stands, as "module:name", and what to write instead."""

BEFORE = {
    name: (f"{file}:{name}", f"from bayes_scaling.{file} import {name}")
    for file, names in MOVED.items()
    for name in names.split()
} | RENAMED


def before(name: str) -> Any:
    """Return what a name of before stands for, with a warning that says what to write instead."""
    place, instead = BEFORE[name]
    warnings.warn(f"bs.{name} is deprecated: use {instead}", DeprecationWarning, stacklevel=3)
    module, _, attribute = place.partition(":")
    return attrgetter(attribute)(import_module(f"bayes_scaling.{module}"))


def compute_multiplier(fit: Any, group: str, a: object, b: object, points: Any, along: Any = None) -> Any:
    """Return how many times the compute level `b` needs for the loss of `a`: `compute_ratio` with the two changed."""
    from bayes_scaling.prediction.compute_ratio import compute_ratio

    return compute_ratio(fit, group, b, a, points, along)
