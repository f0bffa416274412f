"""`bayes-scaling forecast`: what unfinished runs will end at."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import exact, probability, several
from bayes_scaling._base.paths import file_to_write, is_file
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import AnySeed, OneLaw, read_fit, read_posterior
from bayes_scaling.cli.progress import progress_lines
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.prediction.first_passage import FirstPassage
    from bayes_scaling.prediction.forecast_record import Forecast
    from bayes_scaling.prediction.joint_forecast import Forecasts
    from bayes_scaling.prediction.planned_rates import Rate

LOG = "The log so far, or the name of a run that the fit has seen. May be repeated, and a log may hold several runs."
END = "Where the run ends; or a table of points to come, the end last. Repeated, one for each run."
Logs = Annotated[list[str], typer.Option("--run", metavar="LOG.csv", help=LOG)]
RunEnds = Annotated[list[str], typer.Option("--at", metavar="TOKENS", help=END)]
RATE = "How the learning rate goes on: as finished runs that began so, or constant where it is constant or was after a step."
Rates = Annotated[str, typer.Option("--rate", metavar="known|constant", help=RATE)]


def forecast(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote, for finished runs of the family.")],
    run: Logs,
    at: RunEnds,
    target: Annotated[
        float | None, typer.Option(metavar="VALUE", help="Say how probably the run ends below this, and where it reaches it.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE|TOKENS", help="Say how probably it has reached the target by then. May be repeated."),
    ] = None,
    tokens_per_day: Annotated[
        float | None, typer.Option(metavar="TOKENS", help="How fast it goes; else by a column of times in the log.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="When its last row was written; else as the log says, or today.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FORECAST.csv", help="The band to the end; DIR/forecast.csv unless given.")
    ] = None,
    rate: Rates = "known",
    law: OneLaw = None,
    seed: AnySeed = 0,
) -> None:
    """Forecast unfinished runs, given finished runs of their family and their rows so far.

    Prints the final loss with its band; of several runs, conditioned on together, also which ends best. Writes FORECAST.csv:
    the band from here to the end. Writes a figure beside it.
    """
    from bayes_scaling.prediction.joint_forecast import Forecasts

    out = folder / "forecast.csv" if out is None else out
    file_to_write(out)
    if target is None and (by or tokens_per_day is not None or since is not None):
        raise InputError("--by, --tokens-per-day and --since are about when a value is reached: give --target VALUE too")
    found = condition(folder, law, run, at, seed, rate)
    jobs = list(found.jobs) if isinstance(found, Forecasts) else [found]
    passages = [] if target is None else [_passage(one, target, tokens_per_day, since) for one in jobs]
    chances = [chance for one in passages for chance in _chances(one, by or [])]
    table = found.paths() if isinstance(found, Forecasts) else found.to_frame()
    figure = out.with_suffix(".png")
    with write_together():
        write_csv(table, out)
        write_figure(found.plot(target), figure)
    _say_ends(jobs, target)
    _say_passages(passages, chances)
    _say_together(found)
    say_basis(jobs)
    say(f"{several(len(table), 'place')} -> {out}", f"figure -> {figure}")
    say_health(jobs[0].health)


def condition(
    folder: Path, law: str | None, run: list[str], at: list[str], seed: int, rate: str = "known"
) -> "Forecast | Forecasts":
    """Return the forecast of what runs so far, given as on the command line, will show."""
    from bayes_scaling.prediction.forecast import forecast as conditioned

    how: Rate = cast("Rate", checks.one_of(("known", "constant"))(rate, "--rate"))
    fitted = read_posterior(folder) if law is None else read_fit(folder, law)
    ends = [_end(one) for one in at]
    at_ends = ends[0] if len(ends) == 1 else ends
    with progress_lines():
        if len(run) == 1:
            return conditioned(fitted, run[0], at_ends, seed=seed, rate=how)
        return conditioned(fitted, run, at_ends, seed=seed, rate=how)


def _end(at: str) -> float | str:
    """Return the number that a text is, or the text as the path of a table."""
    try:
        return float(at)
    except ValueError:
        if not is_file(at):
            raise InputError(f"--at {at}: neither a number nor a table; expected where the run ends, such as 3e11") from None
        return at


def _passage(one: "Forecast", target: float, per_day: float | None, since: str | None) -> "FirstPassage":
    """Return where and when a run reaches a loss; from today on where only its pace is known."""
    import pandas as pd

    known = one.pace is not None and one.pace.since is not None
    today = pd.Timestamp.now("UTC").normalize().tz_localize(None)
    start = since if since is not None else None if known or (per_day is None and one.pace is None) else today
    return one.first_passage(target, per_day=per_day, since=start)


def _chances(found: "FirstPassage", by: list[str]) -> list[str]:
    """Return how probably the loss is reached by places or dates, a sentence each."""
    said = []
    for one in by:
        try:
            place = float(one)
        except ValueError:
            place = None
        chance = found.by_date(one) if place is None else found.by(place)
        when = one if place is None else f"{exact(place)} {found.unit or found.along}"
        said.append(f"By {when} it is reached by {found.label} with probability {probability(chance)}.")
    return said


def _say_ends(jobs: "list[Forecast]", target: float | None) -> None:
    from bayes_scaling.prediction.forecast_sentences import forecast_sentence

    for one in jobs:
        say(forecast_sentence(replace(one, health=None), target))  # what the sampler says comes once, at the end


def _say_passages(passages: "list[FirstPassage]", chances: list[str]) -> None:
    from bayes_scaling.prediction.forecast_sentences import pace_sentence, said_of_passage

    for one in passages:
        say(" ".join(said_of_passage(one)))
    say(*chances)
    say(*dict.fromkeys(said for one in passages if (said := pace_sentence(one))))


def _say_together(found: "Forecast | Forecasts") -> None:
    from bayes_scaling.prediction.forecast_sentences import best_sentences
    from bayes_scaling.prediction.joint_forecast import Forecasts

    if isinstance(found, Forecasts):
        say(*best_sentences(found))


def say_basis(jobs: "list[Forecast]") -> None:
    """Print of how many draws forecasts are made, what was found in logs, and which runs are unlike those of the fit."""
    basis = jobs[0].basis
    say(f"{basis[0].upper()}{basis[1:]}.")
    say(*dict.fromkeys(f"note: {note}" for one in jobs for note in one.level_notes), err=True)
    say(*dict.fromkeys(f"note [log]: {note}" for one in jobs for note in one.log_notes))
    say(*dict.fromkeys(f"note [learning rate]: {note}" for one in jobs for note in one.notes))
    say(*(f"note [unlike]: {one.outlier}" for one in jobs if one.outlier))
