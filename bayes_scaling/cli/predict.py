"""`bayes-scaling predict`: credible bands of the loss at points."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.chain import append, locked, read_chain
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.messages import say_health, say_notes
from bayes_scaling.cli.options import AnySeed, FitDir, Points, read_posterior
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    import pandas as pd


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
    seed: AnySeed = 0,
) -> None:
    """Predict the loss at points.

    Writes PREDICTIONS.csv: the points with mean, sd, quantiles (q05 to q95), and their distance from the runs.

    Or appends to LEDGER.jsonl, whose entries each hold the hash of the one before: what single runs will show, by which fit of
    which data, and when. Exit code 3 then says that the fit is not to be trusted.
    """
    from bayes_scaling.inference.health import accepted
    from bayes_scaling.prediction.summary import summarize_at
    from bayes_scaling.validation.ledger_record import forecast_record

    if out is None and register is None:
        raise InputError("predict writes nothing: give --out PREDICTIONS.csv, --register LEDGER.jsonl, or both")
    if out is not None:
        file_to_write(out)
    if register is not None:
        read_chain(file_to_write(register, ".jsonl"))
    fitted = read_posterior(folder)
    table = summarize_at(fitted, at, "observed" if observed else "expected", seed) if out is not None else None
    record = forecast_record(fitted, at, seed) if register is not None else None
    _write(table, out, record, register)
    say_health(fitted.health)
    if record is not None and not accepted(fitted.health):
        raise typer.Exit(3)


def _write(table: "pd.DataFrame | None", out: Path | None, record: dict[str, Any] | None, ledger: Path | None) -> None:
    """Write a table of predictions, an entry of a ledger, or both: all that is asked for, or nothing."""
    if record is None or ledger is None:
        _write_table(table, out)
        return
    with locked(ledger), write_together():
        _write_table(table, out)
        link = append(ledger, record)
    for note in record["notes"] if table is None else ():
        say(f"note: {note}", err=True)
    count = len(record["points"])
    say(f"{count} forecast{'s' * (count != 1)} of single runs -> {ledger}, entry {link.content['entry']}")
    say(f"head {link.sha256}")
    say("publish the head before the runs are done: the file proves an order, no time")


def _write_table(table: "pd.DataFrame | None", out: Path | None) -> None:
    if table is None or out is None:
        return
    write_csv(table, out)
    say(f"{several(len(table), 'point')} -> {out}")
    say_notes(table)
