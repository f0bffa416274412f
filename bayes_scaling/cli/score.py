"""`bayes-scaling score`: registered forecasts held against the runs that exist by now."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling._base.files import write_csv
from bayes_scaling._base.numbers import number, percent
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.options import ColumnNames, Units, pairs
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.validation.ledger import Ledger

MAX_SHOWN = 30
"""Forecasts that are printed; all are in the table."""


def score(
    ledger: Annotated[Path, typer.Argument(metavar="LEDGER", help="What `predict --register` wrote.")],
    runs: Annotated[
        list[Path], typer.Option(metavar="NEW.csv", help="The runs that exist by now, as `fit` reads them; may be repeated.")
    ],
    column: ColumnNames = None,
    unit: Units = None,
    tolerance: Annotated[float, typer.Option(help="By which share inputs may differ from those registered.")] = 0.01,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="HASH", help="A head that was published: entries up to it must be there; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="SCORES.csv", help="Where to write each forecast with its run.")] = None,
) -> None:
    """Score the forecasts of a ledger: verify its chain, find the runs, and see whether the bands held them.

    A forecast is of the run whose name was registered with it, else of runs of the same inputs and groups.

    Writes SCORES.csv where it is asked for, and else nothing.
    """
    from bayes_scaling.validation.ledger_scores import score as judge

    if out is not None:
        file_to_write(out)
    known = _read(ledger, head or [])
    columns = pairs("--column", column, "ROLE=COLUMN, as in loss=eval/loss")
    units = pairs("--unit", unit, "NAME=UNIT, as in params=M")
    found = judge(known, list(runs), tolerance, columns=columns, units=units)
    if out is not None:
        write_csv(found.points, out)
    _show(found.points)
    say(*found.summary().splitlines())
    if out is not None:
        say(f"{len(found.points)} forecasts -> {out}")


def _read(path: Path, heads: list[str]) -> "Ledger":
    """Return a ledger, after published heads were found in it."""
    from bayes_scaling._base.errors import InputError
    from bayes_scaling._base.paths import is_file
    from bayes_scaling.validation.ledger import read, verify

    if not is_file(path):
        raise InputError(f"{path}: no such file; expected a ledger that `predict --register` wrote")
    for head in heads:
        verify(path, head)
    return read(path)


def _show(points: "pd.DataFrame") -> None:
    """Print what became of the first forecasts."""
    heads = ("entry", "registered", "forecast", "median", "90 % interval", "observed", "CRPS", "off by", "status")
    rows = [
        [
            str(row["entry"]),
            str(row["registered"]),
            str(row["forecast"]),
            number(row["q50"], 4),
            f"{number(row['q05'], 4)} to {number(row['q95'], 4)}",
            _known(row.get("observed"), 4),
            _known(row.get("crps"), 3),
            "" if (off := row.get("relative_error")) is None or off != off else percent(off),
            str(row["status"]),
        ]
        for row in points.head(MAX_SHOWN).to_dict("records")
    ]
    more = f" (the first {MAX_SHOWN} of {len(points)})" if len(points) > MAX_SHOWN else ""
    say_table(f"forecasts{more}", heads, rows, left=("status",), spare=("registered", "CRPS"))


def _known(value: float | None, digits: int) -> str:
    return "" if value is None or value != value else number(value, digits)
