"""`bayes-scaling forecast`: what an unfinished run will end at."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write, is_file
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import AnySeed, OneLaw, read_fit
from bayes_scaling.cli.terminal import say


def forecast(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote, for finished runs of the family.")],
    run: Annotated[str, typer.Option(metavar="LOG.csv", help="The log so far, or the name of a run that the fit has seen.")],
    at: Annotated[str, typer.Option(metavar="TOKENS", help="Where the run ends; or a table of points to come, the end last.")],
    target: Annotated[float | None, typer.Option(metavar="LOSS", help="Say how probably the run ends below this.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FORECAST.csv", help="The band to the end; DIR/forecast.csv unless given.")
    ] = None,
    law: OneLaw = None,
    seed: AnySeed = 0,
) -> None:
    """Forecast an unfinished run, given finished runs of its family and its rows so far.

    Prints the final loss with its band. Writes FORECAST.csv: the band from here to the end. Writes a figure beside it.
    """
    from bayes_scaling.plots import forecast_figure
    from bayes_scaling.prediction.forecast import forecast as condition
    from bayes_scaling.prediction.forecast_sentences import forecast_sentence

    out = folder / "forecast.csv" if out is None else out
    file_to_write(out)
    found = condition(read_fit(folder, law), run, _end(at), seed=seed)
    figure = out.with_suffix(".png")
    with write_together():
        write_csv(found.to_frame(), out)
        write_figure(forecast_figure(found, target=target), figure)
    say(forecast_sentence(replace(found, health=None), target))  # what the sampler says comes once, at the end
    say(f"{found.basis[0].upper()}{found.basis[1:]}.")
    for note in found.notes:
        say(f"note [learning rate]: {note}")
    if found.outlier:
        say(f"note [unlike]: {found.outlier}")
    say(f"{several(found.path.sizes['row'], 'place')} -> {out}", f"figure -> {figure}")
    say_health(found.health)


def _end(at: str) -> float | str:
    """Return the number that a text is, or the text as the path of a table."""
    try:
        return float(at)
    except ValueError:
        if not is_file(at):
            raise InputError(f"--at {at}: neither a number nor a table; expected where the run ends, such as 3e11") from None
        return at
