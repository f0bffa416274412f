"""`bayes-scaling sensitivity`: what moves an answer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.messages import say_health
from bayes_scaling.cli.options import AnySeed, FitDir, read_posterior
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.decisions.multiverse import Multiverse


def sensitivity(
    folder: FitDir,
    of: Annotated[
        str,
        typer.Option(metavar="QUESTION", help='The answer, as "run at params=7e10, tokens=1.4e12" or "plan at compute=1e23".'),
    ],
    candidates: Annotated[
        Path | None, typer.Option(metavar="CANDIDATES.csv", help="Runs that may be trained; about the fit's own unless given.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="FLOP", help="Most compute of further runs; no limit unless given.")
    ] = None,
    cost: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column with each candidate's FLOP, or one of \\[data.costs]; flop, else 6 N D."),
    ] = None,
    multiverse: Annotated[
        Path | None, typer.Option(metavar="MULTIVERSE.csv", help="What `multiverse` wrote for the same answer.")
    ] = None,
    point: Annotated[int, typer.Option(metavar="N", help="Which of its points, counted from 1.")] = 1,
    seed: AnySeed = 0,
) -> None:
    """Say what an answer's uncertainty is made of, what shifts it, and which further runs would shrink it. Nothing is sampled.

    Writes to DIR: sensitivity.csv (shares, shifts, further runs), sensitivity.png.
    """
    from dataclasses import replace

    import pandas as pd

    from bayes_scaling.decisions.estimands import every_question
    from bayes_scaling.decisions.sensitivity.sensitivity import sensitivity as asked
    from bayes_scaling.plots import sensitivity_figure

    folder_to_write(folder)
    fitted, specified = read_posterior(folder), None if multiverse is None else _read(multiverse)
    questions = every_question(fitted, of)
    found = [
        asked(fitted, one, candidates, budget, cost=cost, multiverse=specified, point=point - 1, seed=seed) for one in questions
    ]
    tables = [one.to_frame() for one in found]
    if len(tables) > 1:
        tables = [table.assign(question=one.text) for table, one in zip(tables, questions, strict=True)]
    figures = {folder / f"sensitivity{f'_{i}' if i > 1 else ''}.png": sensitivity_figure(one) for i, one in enumerate(found, 1)}
    with write_together():
        write_csv(pd.concat(tables), folder / "sensitivity.csv")
        for path, figure in figures.items():
            write_figure(figure, path)
    for one in found:
        say(*replace(one, health=None, notes=()).summary().splitlines())  # what the sampler says comes once, at the end
    for note in dict.fromkeys(note for one in found for note in one.notes):
        say(f"note [sensitivity]: {note}")
    say(f"shares, shifts and further runs -> {folder / 'sensitivity.csv'}")
    say(*(f"figure -> {path}" for path in figures))
    say_health(fitted.health)


def _read(path: Path) -> "Multiverse":
    """Return the answers that `multiverse` wrote."""
    import pandas as pd

    from bayes_scaling.data.tables import read_table
    from bayes_scaling.decisions.multiverse import Multiverse

    table = read_table(path, labels=frozenset())
    needed = {"universe", "point", "q05", "q50", "q95"}
    if missing := sorted(needed - set(table)):
        raise InputError(f"{path}: no columns {missing}; expected what `bayes-scaling multiverse` writes as multiverse.csv")
    problem = table["problem"].astype(object).where(table["problem"].notna(), "") if "problem" in table else ""
    return Multiverse(table.assign(problem=problem), pd.DataFrame(), {}, "", "", {})
