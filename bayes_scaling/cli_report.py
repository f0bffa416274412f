"""`bayes-scaling report`: one page on a fit, for people who will not open a notebook."""

from pathlib import Path
from typing import Annotated

import typer

from bayes_scaling.cli_options import say_health
from bayes_scaling.paths import file_to_write

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")]


def report(
    folder: Dir,
    out: Annotated[
        Path | None, typer.Option(metavar="report.html", help="Where to write; DIR/report.html unless given.")
    ] = None,
) -> None:
    """Write one self-contained page: the answer, figures, a budget to slide, parameters, diagnostics, and what was done."""
    from bayes_scaling.fitting import load
    from bayes_scaling.report import write_report

    page = file_to_write(out if out is not None else folder / "report.html", ".html")
    fitted = load(folder / "fit.nc")
    path = write_report(fitted, page, folder=folder)
    typer.echo(f"{path.stat().st_size / 2**20:.1f} MB -> {path}")
    say_health(fitted.health)
