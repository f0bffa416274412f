"""`bayes-scaling predict`: credible bands of the loss at points."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.chain import append, locked, read_chain
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write, is_file, is_folder
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health, say_notes
from bayes_scaling.cli.options import AnySeed, FitDir, Points, read_posterior
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.inference.stacking import Posterior


def predict(
    folder: FitDir,
    at: Points,
    out: Annotated[
        Path | None, typer.Option(metavar="PREDICTIONS.csv", help="Where to write the points with their bands.")
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed/--expected", help="Bands of one new run with its scatter, or of the curve.")
    ] = False,
    register: Annotated[
        Path | None,
        typer.Option(metavar="LEDGER.jsonl", help="A file of forecasts of single runs, to append to; `score` judges them."),
    ] = None,
    through: Annotated[
        str | None,
        typer.Option(
            metavar="[INPUT=]FIRST",
            help="What `fit` wrote for the response that DIR reads as INPUT, as the loss of an accuracy; POINTS are of FIRST.",
        ),
    ] = None,
    seed: AnySeed = 0,
) -> None:
    """Predict the loss at points.

    Writes PREDICTIONS.csv: the points with mean, sd, quantiles (q05 to q95), and their distance from the runs.

    With --through the loss that FIRST expects is carried on through DIR, draw by draw: PREDICTIONS.csv has both responses, and
    PREDICTIONS.png shows them.

    Or appends to LEDGER.jsonl, whose entries each hold the hash of the one before: what single runs will show, by which fit of
    which data, and when. Exit code 3 then says that the fit is not to be trusted.
    """
    from bayes_scaling.inference.health import accepted
    from bayes_scaling.prediction.summary import summarize_at
    from bayes_scaling.validation.ledger_record import forecast_record

    if out is None and register is None:
        raise InputError("predict writes nothing: give --out PREDICTIONS.csv, --register LEDGER.jsonl, or both")
    if through is not None and (register is not None or out is None):
        raise InputError("--through goes with --out PREDICTIONS.csv alone: a ledger takes forecasts of one fit")
    if out is not None:
        file_to_write(out)
    if register is not None:
        read_chain(file_to_write(register, ".jsonl"))
    fitted = read_posterior(folder)
    if through is not None and out is not None:
        _chain(fitted, through, at, out, seed, expected=not observed)
        return
    table = summarize_at(fitted, at, "observed" if observed else "expected", seed) if out is not None else None
    if register is None:
        _write_table(table, out)
    else:
        _register(fitted, forecast_record(fitted, at, seed), register, table, out)
    say_health(fitted.health)
    if register is not None and not accepted(fitted.health):
        raise typer.Exit(3)


def _chain(second: "Posterior", through: str, at: Path, out: Path, seed: int, *, expected: bool) -> None:
    """Write, draw and say what a fit says at points of another, whose response it reads."""
    from bayes_scaling.inference.stacking import inputs_read
    from bayes_scaling.plots.chain import chain_figure
    from bayes_scaling.prediction.chain import chain

    name, _, rest = through.partition("=")
    named = bool(rest) and (name in inputs_read(second) or not (is_folder(through) or is_file(through)))
    first, figure = read_posterior(Path(rest if named else through)), out.with_suffix(".png")
    found = chain(first, second, at, name if named else None, seed, expected=expected)
    table = found.to_frame()
    with write_together():
        write_csv(table, out)
        write_figure(chain_figure(found), figure)
    say(*found.sentences(), f"{several(len(table), 'point')} -> {out}", f"figure -> {figure}")
    say_notes(table)
    for one in (first, second):
        say_health(one.health)


def _register(
    fitted: "Posterior", record: dict[str, Any], ledger: Path, table: "pd.DataFrame | None", out: Path | None
) -> None:
    """Append an entry to a ledger, and write a table of predictions where one is asked for: both, or nothing."""
    from bayes_scaling.validation.ledger_record import filter_notes

    with locked(ledger), write_together():
        _write_table(table, out)
        link = append(ledger, record)
    # A table has said its own notes; those on the filter are of the ledger alone.
    for note in record["notes"] if table is None else filter_notes(fitted.runs, record["points"]):
        say(f"note: {note}", err=True)
    count = len(record["points"])
    say(f"{count} forecast{'s' * (count != 1)} of single runs -> {ledger}, entry {link.content['entry']}")
    say(f"head {link.sha256}")
    say("publish the head before the runs are done: the file proves an order, no time")


def _write_table(table: "pd.DataFrame | None", out: Path | None) -> None:
    """Write a table of predictions and say its notes; nothing where none is asked for."""
    if table is None or out is None:
        return
    write_csv(table, out)
    say(f"{several(len(table), 'point')} -> {out}")
    say_notes(table)
