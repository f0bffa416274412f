"""The names of the front door, each with the place it lives at; read by type checkers, and once on import."""

from . import laws as laws, plots as plots
from ._base.errors import InputError as InputError
from .data import datasets as datasets
from .data.columns import Columns as Columns, Input as Input, Response as Response
from .data.cost import Cost as Cost
from .data.importers.read_logs import read_logs as read_logs
from .data.reading import read_runs as read_runs
from .decisions.design.next_runs import next_runs as next_runs
from .decisions.multiverse import multiverse as multiverse
from .decisions.plan import plan as plan
from .decisions.rank import rank as rank
from .decisions.sensitivity.sensitivity import sensitivity as sensitivity
from .decisions.targets import compute_needed as compute_needed
from .inference.batch.fits import fit_many as fit_many
from .inference.fit import fit as fit, prior as prior, refit as refit
from .inference.loading import load as load
from .inference.posterior import Fit as Fit
from .inference.saving import save as save
from .inference.stacking import Stack as Stack
from .laws.formula import parse_law as parse_law
from .model.discrepancy import Discrepancy as Discrepancy
from .model.joint_prior import JointPrior as JointPrior
from .model.noise import (
    Correlation as Correlation,
    Noise as Noise,
    Outliers as Outliers,
    ResidualCorrelation as ResidualCorrelation,
)
from .model.parameters import (
    ByLevel as ByLevel,
    Ordered as Ordered,
    Smooth as Smooth,
    Trend as Trend,
    Varying as Varying,
)
from .model.priors import Prior as Prior
from .model.settings import Settings as Settings
from .model.specification import Model as Model
from .model.studies.propose.proposal import propose_study as propose_study
from .model.studies.reading import read_study as read_study
from .prediction.chain import chain as chain
from .prediction.compute_ratio import compute_ratio as compute_ratio, crossover as crossover
from .prediction.contrast import contrast as contrast
from .prediction.forecast import forecast as forecast
from .prediction.predict import predict as predict, predict_runs as predict_runs
from .prediction.summary import summarize as summarize
from .report.write import write_report as write_report
from .validation.backtest import backtest as backtest
from .validation.calibration import calibrate as calibrate
from .validation.compare import compare as compare
from .validation.findings.every import findings as findings
from .validation.fit_stack import fit_stack as fit_stack
from .validation.score import score as score

__version__: str
