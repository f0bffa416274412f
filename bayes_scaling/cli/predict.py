"""`bayes-scaling predict`: credible bands of the loss at points."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling._base.files import write_csv
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.messages import say_health, say_notes
from bayes_scaling.cli.options import FitDir, Points, read_fit
from bayes_scaling.cli.terminal import say


def predict(
    folder: FitDir,
    at: Points,
    out: Annotated[Path, typer.Option(metavar="PREDICTIONS.csv", help="Where to write the points with their bands.")],
    observed: Annotated[
        bool, typer.Option("--observed/--expected", help="Bands of one new run with its scatter, or of the curve.")
    ] = False,
) -> None:
    """Predict the loss at points.

    Writes PREDICTIONS.csv: the points with mean, sd, quantiles (q05 to q95), and their distance from the runs.
    """
    from bayes_scaling.prediction.summary import summarize_at

    file_to_write(out)
    fitted = read_fit(folder)
    table = summarize_at(fitted, at, "observed" if observed else "expected")
    write_csv(table, out)
    say(f"{several(len(table), 'point')} -> {out}")
    say_notes(table)
    say_health(fitted.health)
