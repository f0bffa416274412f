"""`bayes-scaling next`: which run to train for a decision."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.numbers import format_count, number, percent
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import AnySeed, FitDir, pairs, read_posterior
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.decisions.estimand_text import Estimand

SHOWN = 5
"""Rows of the table that is printed."""


def next_run(
    folder: FitDir,
    candidates: Annotated[
        Path, typer.Option(metavar="CANDIDATES.csv", help="Runs that may be trained, as points to predict at.")
    ],
    decide: Annotated[
        str, typer.Option(metavar="QUESTION", help='What is to be decided, as "contrast attention=moba:full at compute=100".')
    ],
    budget: Annotated[
        float | None, typer.Option(metavar="FLOP", help="Most compute of a set, or of a single run; no limit unless given.")
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column with each candidate's FLOP, or one of \\[data.costs]; flop, else 6 N D."),
    ] = None,
    criterion: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What is to be small: variance (squared error of the answer), regret (of a plan or contrast), information.",
        ),
    ] = "variance",
    set_up: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=FLOP", help="Paid once for each value of a column, a group of the study, that is new."),
    ] = None,
    most: Annotated[
        int | None, typer.Option(metavar="N", help="Runs of a set at most, to 20; five unless given, with a budget 20.")
    ] = None,
    worth: Annotated[
        float, typer.Option(metavar="SHARE", help="Stop where no set saves such a share of what there is to save.")
    ] = 0.0,
    value: Annotated[
        float | None,
        typer.Option(metavar="FLOP", help="What saving all of it is worth: the set of most value beyond its cost is best."),
    ] = None,
    seed: AnySeed = 0,
) -> None:
    """Rank candidate runs, and sets of them, by what they are expected to save of the loss of a decision for what they cost.

    Writes to DIR: next.csv (candidates), next_sets.csv (sets), next.png.
    """
    from bayes_scaling.decisions.design.next_runs import next_runs
    from bayes_scaling.decisions.design.sentences import next_sentence
    from bayes_scaling.decisions.estimands import every_question
    from bayes_scaling.plots.next_run import next_figure

    folder_to_write(folder)
    fitted = read_posterior(folder)
    questions = every_question(fitted, decide)
    once = {name: _flop(name, of) for name, of in pairs("--set-up", set_up, "COLUMN=FLOP, as arch=1e20").items()}
    more: dict[str, Any] = {"criterion": criterion, "cost": cost, "set_up": once, "seed": seed}
    more |= {"worth": worth, "most": most, "value": value}
    found = [next_runs(fitted, candidates, one.text, budget, **more) for one in questions]
    tables, sets = [one.to_frame() for one in found], [one.sets_to_frame() for one in found]
    figures = {folder / f"next{f'_{i}' if i > 1 else ''}.png": next_figure(one) for i, one in enumerate(found, 1)}
    with write_together():
        write_csv(_stacked(tables, questions), folder / "next.csv")
        write_csv(_stacked(sets, questions), folder / "next_sets.csv")
        for path, figure in figures.items():
            write_figure(figure, path)
    for one, table in zip(found, tables, strict=True):
        say(next_sentence(replace(one, health=None)))  # what the sampler says comes once, at the end
        _printed(table)
    for note in dict.fromkeys(note for one in found for note in one.notes):
        say(f"note [next]: {note}")
    say(f"{len(tables[0])} candidates -> {folder / 'next.csv'}", f"sets -> {folder / 'next_sets.csv'}")
    say(*(f"figure -> {path}" for path in figures))
    say_health(fitted.health)


def _flop(column: str, said: str) -> float:
    try:
        return float(said)
    except ValueError:
        raise InputError(f"--set-up {column}={said}: expected a number of FLOP") from None


def _stacked(tables: "list[pd.DataFrame]", questions: "list[Estimand]") -> "pd.DataFrame":
    """Return the tables of several questions as one that names them, that of a single question as it is."""
    import pandas as pd

    if len(tables) == 1:
        return tables[0]
    return pd.concat([table.assign(question=one.text) for table, one in zip(tables, questions, strict=True)])


def _printed(table: "pd.DataFrame") -> None:
    heads = ("rank", "candidate", "FLOP", "saved", "nats", "90 % interval left")
    rows = [_row(row) for row in table.head(SHOWN).to_dict("records")]
    say_table("most for its compute", heads, rows, left=("candidate",))


def _row(row: Mapping[Any, Any]) -> list[str]:
    lead = [format_count(row["rank"]), str(row["candidate"]), number(row["flop"])]
    if row["information"] <= 0:
        return [*lead, "not measurable", "", ""]
    left = row["width_after"] / row["width_before"]
    return [*lead, percent(row["saved"]), number(row["information"]), percent(left)]
