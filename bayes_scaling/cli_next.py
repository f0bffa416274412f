"""`bayes-scaling next`: which run to train for a decision."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli_options import say_health
from bayes_scaling.files import writable, write_csv, write_figure
from bayes_scaling.numbers import number, percent, whole
from bayes_scaling.terminal import say, say_table

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

    writable(folder)
    found = next_runs(load(folder / "fit.nc"), candidates, decide, budget, cost=cost, seed=seed)
    table, sets = candidate_table(found), set_table(found)
    figure = next_figure(found)
    write_csv(table, folder / "next.csv")
    write_csv(sets, folder / "next_sets.csv")
    write_figure(figure, folder / "next.png")
    say(next_sentence(replace(found, health=None)))  # what the sampler says comes once, at the end
    _printed(table)
    for note in found.notes:
        say(f"note [next]: {note}")
    say(f"{len(table)} candidates -> {folder / 'next.csv'}", f"sets -> {folder / 'next_sets.csv'}")
    say(f"figure -> {folder / 'next.png'}")
    say_health(found.health)


def _printed(table: "pd.DataFrame") -> None:
    heads = ("rank", "candidate", "FLOP", "nats", "nats per 1e18 FLOP", "90 % interval left")
    rows = [_row(row) for row in table.head(SHOWN).to_dict("records")]
    say_table("most for its compute", heads, rows, left=("candidate",))


def _row(row: Mapping[Any, Any]) -> list[str]:
    lead = [whole(row["rank"]), str(row["candidate"]), number(row["flop"])]
    if row["information"] <= 0:
        return [*lead, "not measurable", "", ""]
    left = row["width_after"] / row["width_before"]
    return [*lead, number(row["information"]), number(row["information_per_1e18_flop"]), percent(left)]
