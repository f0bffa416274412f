"""What several commands have in common: their option for tables, and what they say of the rows read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bayes_scaling.runs import Runs

Tables = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="CSV, .csv.gz or Parquet in place of its own runs; may be repeated."),
]


def counted(data: "Runs") -> str:
    """Return how many rows there are, what became of others of their table, and a line for each thing found in logs."""
    averaged = f", averaged from {data.averaged}" if data.averaged > len(data) else ""
    dropped = f", {data.dropped} rows removed by the filter {data.columns.where!r}" if data.dropped else ""
    return "\n".join([f"{len(data)} rows of {data.source}{averaged}{dropped}", *(f"note [log]: {note}" for note in data.notes)])
