"""The names of the front door, each with the place it lives at; read by type checkers, and once on import."""

from . import laws as laws, plots as plots
from ._base.errors import (
    InputError as InputError,
)
from .data import datasets as datasets
from .data.columns import (
    Average as Average,
    Columns as Columns,
    Curve as Curve,
    Input as Input,
    MeasurementError as MeasurementError,
    Response as Response,
    Schedule as Schedule,
)
from .data.counts import (
    units_said as units_said,
)
from .data.reading import read_runs as read_runs
from .data.runs import Runs as Runs, subset as subset
from .data.schedules import (
    schedule_inputs as schedule_inputs,
)
from .decisions.allocation import (
    compute_optimal as compute_optimal,
)
from .decisions.cost import (
    Cost as Cost,
)
from .decisions.design.next_runs import (
    NextRuns as NextRuns,
    RunSet as RunSet,
    next_runs as next_runs,
)
from .decisions.design.summaries import (
    candidate_table as candidate_table,
    next_sentence as next_sentence,
    set_table as set_table,
)
from .decisions.estimands import (
    Question as Question,
    ask as ask,
    parse_question as parse_question,
)
from .decisions.multiverse import (
    Multiverse as Multiverse,
    multiverse as multiverse,
)
from .decisions.optimum import (
    compute_price as compute_price,
    optimum as optimum,
    tolerance as tolerance,
)
from .decisions.plan import (
    Plan as Plan,
    plan as plan,
    plan_sentence as plan_sentence,
    plan_table as plan_table,
)
from .decisions.rank import (
    Ranking as Ranking,
    rank as rank,
)
from .decisions.rank_tables import (
    rank_sentences as rank_sentences,
    rank_table as rank_table,
)
from .decisions.specifications import (
    Universe as Universe,
    standard_choices as standard_choices,
)
from .decisions.targets import (
    compute_needed as compute_needed,
)
from .inference.batch.executors import (
    InProcess as InProcess,
)
from .inference.batch.fits import (
    Fleet as Fleet,
    fit_many as fit_many,
    fleet_table as fleet_table,
)
from .inference.batch.tasks import (
    Task as Task,
)
from .inference.fit import (
    fit as fit,
    prior as prior,
    refit as refit,
)
from .inference.parameters import (
    parameter_table as parameter_table,
    parameter_values as parameter_values,
    published_values as published_values,
)
from .inference.posterior import (
    Fit as Fit,
)
from .inference.saving import (
    load as load,
    save as save,
)
from .inference.stacking import (
    Stack as Stack,
    stack as stack,
    stacking_weights as stacking_weights,
)
from .laws.formula import (
    parse_law as parse_law,
)
from .model.discrepancy import (
    Discrepancy as Discrepancy,
)
from .model.noise import (
    Correlation as Correlation,
    Noise as Noise,
)
from .model.parameters import (
    Parameter as Parameter,
    Prior as Prior,
    Trend as Trend,
    Varying as Varying,
)
from .model.settings import (
    Settings as Settings,
)
from .model.specification import (
    Model as Model,
)
from .model.studies import (
    Study as Study,
    read_study as read_study,
    study_runs as study_runs,
    write_study as write_study,
)
from .prediction.contrast import (
    compute_multiplier as compute_multiplier,
    contrast as contrast,
    contrast_table as contrast_table,
    crossover as crossover,
    multiplier_table as multiplier_table,
)
from .prediction.forecast import (
    Forecast as Forecast,
    forecast as forecast,
    forecast_sentence as forecast_sentence,
    forecast_table as forecast_table,
)
from .prediction.predict import (
    decompose as decompose,
    parameters_at as parameters_at,
    predict as predict,
    predict_runs as predict_runs,
    predict_table as predict_table,
    published_at as published_at,
)
from .prediction.residuals import (
    innovation_correlation as innovation_correlation,
    residual_correlation as residual_correlation,
    run_residuals as run_residuals,
)
from .report.sentences import (
    summary_sentences as summary_sentences,
)
from .report.write import (
    write_report as write_report,
)
from .validation.backtest import (
    Backtest as Backtest,
    backtest as backtest,
)
from .validation.calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    calibration_table as calibration_table,
)
from .validation.compare import (
    Comparison as Comparison,
    compare as compare,
    loo as loo,
)
from .validation.findings.every import (
    Finding as Finding,
    findings as findings,
)
from .validation.scores import (
    score_table as score_table,
)
from .validation.splits import (
    folds as folds,
)
