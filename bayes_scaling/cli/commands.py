"""The command line: parse, call, print. Exit 0 done, 1 internal fault, 2 wrong input, 3 sampled but not to be trusted."""

from collections.abc import Callable
from typing import Annotated

import typer

from bayes_scaling.cli.backtest import backtest
from bayes_scaling.cli.compare import compare
from bayes_scaling.cli.contrast import contrast
from bayes_scaling.cli.errors import Commands, clear_errors
from bayes_scaling.cli.fit import fit
from bayes_scaling.cli.fleet import fleet
from bayes_scaling.cli.forecast import forecast
from bayes_scaling.cli.import_logs import import_logs
from bayes_scaling.cli.init import init
from bayes_scaling.cli.laws import laws
from bayes_scaling.cli.models import models
from bayes_scaling.cli.multiverse import multiverse
from bayes_scaling.cli.next import next_run
from bayes_scaling.cli.plan import plan
from bayes_scaling.cli.predict import predict
from bayes_scaling.cli.prior import prior
from bayes_scaling.cli.rank import rank
from bayes_scaling.cli.report import report
from bayes_scaling.cli.score import score
from bayes_scaling.cli.sensitivity import sensitivity
from bayes_scaling.cli.startup import short_process
from bayes_scaling.cli.stop import stop
from bayes_scaling.cli.terminal import say

READS = "Exit codes: 0 done; 1 internal fault; 2 wrong input, nothing written."
REGISTERS = f"{READS[:-1]}; 3 registered, but the fit is not to be trusted."
SAMPLES = f"{READS[:-1]}; 3 written, but the draws are not to be trusted."

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "models": (models, READS),
    "laws": (laws, READS),
    "import": (import_logs, READS),
    "init": (init, READS),
    "fit": (fit, SAMPLES),
    "fleet": (fleet, f"{SAMPLES[:-1]} or some tasks have none."),
    "prior": (prior, READS),
    "predict": (predict, REGISTERS),
    "score": (score, READS),
    "contrast": (contrast, READS),
    "forecast": (forecast, READS),
    "stop": (stop, READS),
    "plan": (plan, READS),
    "rank": (rank, READS),
    "next": (next_run, READS),
    "sensitivity": (sensitivity, READS),
    "compare": (compare, SAMPLES),
    "backtest": (backtest, SAMPLES),
    "multiverse": (multiverse, SAMPLES),
    "report": (report, READS),
}
"""Name -> command, and what its exit codes say."""

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Posteriors over neural scaling laws: credible bands, architecture contrasts, compute projections.",
)


def _version(asked: bool) -> None:
    if asked:
        from bayes_scaling._base.versions import versions

        say(f"bayes-scaling {versions()['bayes_scaling']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Posteriors over neural scaling laws: credible bands, architecture contrasts, compute projections."""


for name, (command, exits) in COMMANDS.items():
    app.command(name, epilog=exits)(clear_errors(command))


def main() -> None:
    """Run the command line."""
    with short_process():
        app()
