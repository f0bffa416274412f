"""The names of the front door, each with the place it lives at; read by type checkers, and once on import."""

from . import laws as laws, plots as plots
from ._base.errors import (
    InputError as InputError,
)
from .data import datasets as datasets
from .data.counts import (
    units_said as units_said,
)
from .data.logs import (
    Curve as Curve,
)
from .data.runs import (
    Average as Average,
    Columns as Columns,
    Input as Input,
    ReadingError as ReadingError,
    Response as Response,
    Runs as Runs,
    read_runs as read_runs,
    subset as subset,
)
from .data.schedules import (
    Schedule as Schedule,
    schedule_inputs as schedule_inputs,
)
from .decisions.allocation import (
    compute_optimal as compute_optimal,
)
from .decisions.costs import (
    Cost as Cost,
)
from .decisions.decisions import (
    Ranking as Ranking,
    rank as rank,
)
from .decisions.design.next_run import (
    NextRuns as NextRuns,
    RunSet as RunSet,
    next_runs as next_runs,
)
from .decisions.design.next_summaries import (
    candidate_table as candidate_table,
    next_sentence as next_sentence,
    set_table as set_table,
)
from .decisions.optima import (
    compute_price as compute_price,
    optimum as optimum,
    tolerance as tolerance,
)
from .decisions.planning import (
    Plan as Plan,
    plan as plan,
    plan_sentence as plan_sentence,
    plan_table as plan_table,
)
from .decisions.questions import (
    Question as Question,
    ask as ask,
    parse_question as parse_question,
)
from .decisions.ranking import (
    rank_sentences as rank_sentences,
    rank_table as rank_table,
)
from .decisions.targets import (
    compute_needed as compute_needed,
)
from .decisions.universes import (
    Multiverse as Multiverse,
    multiverse as multiverse,
)
from .decisions.variants import (
    Universe as Universe,
    standard_choices as standard_choices,
)
from .inference.batch.executors import (
    InProcess as InProcess,
)
from .inference.batch.fleet import (
    Fleet as Fleet,
    fit_many as fit_many,
    fleet_table as fleet_table,
)
from .inference.batch.tasks import (
    Task as Task,
)
from .inference.fitting import (
    Fit as Fit,
    fit as fit,
    parameter_table as parameter_table,
    parameter_values as parameter_values,
    prior as prior,
    published_values as published_values,
    refit as refit,
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
from .model.model import (
    Model as Model,
)
from .model.modelfile import (
    Study as Study,
    read_study as read_study,
    study_runs as study_runs,
    write_study as write_study,
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
from .prediction.contrasts import (
    compute_multiplier as compute_multiplier,
    contrast as contrast,
    contrast_table as contrast_table,
    crossover as crossover,
    multiplier_table as multiplier_table,
)
from .prediction.forecasting import (
    Forecast as Forecast,
    forecast as forecast,
    forecast_sentence as forecast_sentence,
    forecast_table as forecast_table,
)
from .prediction.prediction import (
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
from .report.report import (
    write_report as write_report,
)
from .report.sentences import (
    summary_sentences as summary_sentences,
)
from .validation.calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    calibration_table as calibration_table,
)
from .validation.check import (
    Backtest as Backtest,
    backtest as backtest,
)
from .validation.comparison import (
    Comparison as Comparison,
    compare as compare,
    loo as loo,
)
from .validation.findings.advice import (
    Finding as Finding,
    findings as findings,
)
from .validation.scoring import (
    score_table as score_table,
)
from .validation.splitting import (
    folds as folds,
)
