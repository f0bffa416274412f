"""`bayes-scaling report`: one page on a fit, for people who will not open a notebook."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling._base.numbers import fixed
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import FitDir, OneLaw, read_fit, read_posterior
from bayes_scaling.cli.terminal import say


def report(
    folder: FitDir,
    out: Annotated[
        Path | None, typer.Option(metavar="report.html", help="Where to write; DIR/report.html unless given.")
    ] = None,
    compute: Annotated[
        float | None,
        typer.Option(
            metavar="BUDGET",
            help="The budget it opens at, in FLOP or in the unit of the law's input; ten times the largest run's unless given.",
        ),
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUESTION",
            help="An answer whose sensitivity it has, as for `sensitivity`; may be repeated. Those of its budget unless given.",
        ),
    ] = None,
    law: OneLaw = None,
) -> None:
    """Write one self-contained page on a fit: the answer, figures, a budget to slide, sensitivity, parameters, methods.

    Writes report.html. It loads nothing from the network.
    """
    from bayes_scaling.report.write import write_report

    page = file_to_write(out if out is not None else folder / "report.html", ".html")
    fitted = read_posterior(folder) if law is None else read_fit(folder, law)
    path = write_report(fitted, page, folder=folder, compute=compute, questions=of or None)
    say(f"{fixed(path.stat().st_size / 2**20, 1)} MB -> {path}")
    say_health(fitted.health)
