"""What several commands have in common: their option for tables, and what they say of the rows read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bayes_scaling.health import Health
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


def given(**asked: int | None) -> dict[str, Any]:
    """Return the options that were said."""
    return {name: of for name, of in asked.items() if of is not None}


def say_health(health: "Health | None") -> None:
    """Print the line of a stored fit: on stderr where it is not to be trusted, among the notes where it is; none if clean."""
    if health is not None and health.line:
        typer.echo(health.line, err=not health.ok)


def judge(health: "Health | None", strict: bool) -> None:
    """Print what speaks against draws just sampled, and exit with 3 where they are not accepted."""
    from bayes_scaling.health import accepted

    done = accepted(health, strict)
    for problem in health.problems if health is not None else ():
        typer.echo(f"{'note [sampler]' if done else 'not to be trusted'}: {problem}", err=not done)
    if not done:
        raise typer.Exit(3)
