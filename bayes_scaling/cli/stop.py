"""`bayes-scaling stop`: which of several running jobs to stop."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.forecast import Logs, Rates, RunEnds, condition, say_basis
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import AnySeed, OneLaw, pairs
from bayes_scaling.cli.terminal import say


def stop(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote, for finished runs of the family.")],
    run: Logs,
    at: RunEnds,
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="REGRET", help="Expected regret that is tolerated: the cheapest set within it goes on."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="COST", help="What may be spent: the set of least regret within it goes on.")
    ] = None,
    cost_per_token: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN=COST", help="What a token of a run costs; 6 FLOP a parameter unless given. Repeated."),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Each run may also be begun once more.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="STOP.csv", help="A row a run; DIR/stop.csv unless given.")] = None,
    rate: Rates = "known",
    law: OneLaw = None,
    seed: AnySeed = 0,
) -> None:
    """Say which of several running jobs to stop, by the expected regret of doing without them.

    The jobs are candidates for one place: the one that ends lowest is used. Prints the decision, where --tolerance or --budget
    says what is enough, and the chance of each job to be the best. Writes STOP.csv, and the figure of forecasts and decisions.
    """
    from bayes_scaling.decisions.stopping import ends_beyond, stopping
    from bayes_scaling.plots.forecasts import forecasts_figure
    from bayes_scaling.prediction.joint_forecast import Forecasts

    out = folder / "stop.csv" if out is None else out
    file_to_write(out)
    costs = _costs(cost_per_token)
    found = condition(folder, law, run, at, seed, rate)
    if not isinstance(found, Forecasts):
        raise InputError(
            f"{found.label} is the only run; expected several to choose from: --run again, or a log that holds them"
        )
    decided = stopping(found, tolerance=tolerance, budget=budget, cost_per_token=costs, restart=restart)
    table, figure = decided.to_frame(), out.with_suffix(".png")
    with write_together():
        write_csv(table, out)
        write_figure(forecasts_figure(found, decisions=dict(zip(table["run"], table["decision"], strict=True))), figure)
    say(*replace(decided, health=None, notes=()).summary().splitlines())  # what the sampler and forecasts say comes once
    say(*(f"note: {note}" for note in ends_beyond(found)), err=True)
    say_basis(list(found.jobs))
    say(f"{several(len(table), 'candidate')} -> {out}", f"figure -> {figure}")
    say_health(found.health)


def _costs(given: list[str] | None) -> dict[str, float] | None:
    """Return what a token of each run costs, from RUN=COST; None where nothing is said."""
    said = pairs("--cost-per-token", given, "RUN=COST, as in a=2e9")
    try:
        return {name: float(cost) for name, cost in said.items()} or None
    except ValueError as error:
        raise InputError(f"--cost-per-token: {error}; expected RUN=COST, as in a=2e9") from None
