"""`bayes-scaling next`: which run to train for a decision."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling.cli_options import say_health
from bayes_scaling.files import write_csv, write_figure
from bayes_scaling.paths import folder_to_write

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
"""Rows of the table that is printed."""


def next_run(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `fit` wrote.")],
    candidates: Annotated[
        Path, typer.Option(metavar="CANDIDATES.csv", help="Runs that may be trained, as points to predict at.")
    ],
    decide: Annotated[str, typer.Option(metavar="QUESTION", help='As "contrast attention=moba:full at compute=100".')],
    budget: Annotated[
        float | None, typer.Option(metavar="FLOP", help="Of a set as of a single run; none unless given.")
    ] = None,
    cost: Annotated[str | None, typer.Option(metavar="COLUMN", help="Cost of each candidate in FLOP; flop, or 6ND.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers on the same machine.")] = 0,
) -> None:
    """Rank candidate runs, and sets of them, by what they are expected to tell of a decision or prediction per FLOP."""
    from bayes_scaling.fitting import load
    from bayes_scaling.next_run import next_runs
    from bayes_scaling.next_summaries import candidate_table, next_sentence, set_table
    from bayes_scaling.plots.next_run import next_figure

    folder_to_write(folder)
    found = next_runs(load(folder / "fit.nc"), candidates, decide, budget, cost=cost, seed=seed)
    table, sets = candidate_table(found), set_table(found)
    figure = next_figure(found)
    write_csv(table, folder / "next.csv")
    write_csv(sets, folder / "next_sets.csv")
    write_figure(figure, folder / "next.png")
    typer.echo(next_sentence(replace(found, health=None)))  # what the sampler says comes once, at the end
    _printed(table)
    for note in found.notes:
        typer.echo(f"note [next]: {note}")
    typer.echo(f"{len(table)} candidates -> {folder / 'next.csv'}\nsets -> {folder / 'next_sets.csv'}")
    typer.echo(f"figure -> {folder / 'next.png'}")
    say_health(found.health)


def _printed(table: "pd.DataFrame") -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(title="most for its compute", title_justify="left", box=None)
    for column in ("rank", "candidate", "FLOP", "nats", "nats per 1e18 FLOP", "90 % interval left"):
        shown.add_column(column, justify="left" if column == "candidate" else "right")
    for row in table.head(SHOWN).to_dict("records"):
        told, per, left = row["information"], row["information_per_1e18_flop"], row["width_after"] / row["width_before"]
        nothing = told <= 0
        shown.add_row(
            str(row["rank"]),
            str(row["candidate"]),
            f"{row['flop']:.3g}",
            "not measurable" if nothing else f"{told:.3f}",
            "" if nothing else f"{per:.3g}",
            "" if nothing else f"{left:.0%}",
        )
    Console(highlight=False).print(shown)
