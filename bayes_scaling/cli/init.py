"""`bayes-scaling init`: propose a study for a table, and write it as a model file."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_text
from bayes_scaling._base.moves import write_together
from bayes_scaling._base.paths import file_to_write
from bayes_scaling.cli.figures import write_figure
from bayes_scaling.cli.import_logs import by_run
from bayes_scaling.cli.options import (
    ColumnNames,
    Joined,
    LastRows,
    NamePattern,
    ParamsOfRuns,
    TokensPerStep,
    Units,
    pairs,
)
from bayes_scaling.cli.terminal import say

if TYPE_CHECKING:
    from bayes_scaling.model.studies.propose.proposal import Proposal


def init(
    runs: Annotated[list[str], typer.Argument(metavar="RUNS...", help="A table, or logs as `import` reads them.")],
    out: Annotated[Path | None, typer.Option(metavar="MODEL.toml", help="Where to write; RUNS.toml unless given.")] = None,
    column: ColumnNames = None,
    unit: Units = None,
    figure: Annotated[Path | None, typer.Option(metavar="FIGURE.png", help="MODEL.png unless given.")] = None,
    tokens_per_step: TokensPerStep = None,
    params: ParamsOfRuns = None,
    name: NamePattern = None,
    join: Joined = None,
    last: LastRows = False,
    force: Annotated[bool, typer.Option("--force", help="Replace MODEL.toml where it is there.")] = False,
) -> None:
    """Propose a study for a table: roles and units of its columns, runs or checkpoints, groups, and a law that it can support.

    What the table does not tell is asked, with the option that answers it; type it and try again.

    Writes MODEL.toml, which `fit` runs on, and a figure. Of logs also the table, MODEL.parquet;
    what logs do not say is given as to `import`.
    """
    from bayes_scaling.model.studies.propose.proposal import propose_study
    from bayes_scaling.model.studies.propose.sources import logs_of, rows_of

    path = file_to_write(out if out is not None else Path(f"{Path(runs[0]).name.partition('.')[0] or 'study'}.toml"), ".toml")
    if path.suffix.lower() != ".toml":  # `fit` takes another name for that of a bundled study
        raise InputError(f"{path}: cannot be written; expected a name that ends in .toml")
    drawn = file_to_write(figure if figure is not None else path.with_suffix(".png"), ".png")
    if path.exists() and not force:
        raise InputError(f"{path}: is there already; --force replaces it")
    answers = pairs("--column", column, "ROLE=COLUMN, as in loss=eval/loss"), pairs("--unit", unit, "NAME=UNIT, as in params=M")
    known = {"tokens_per_step": by_run(tokens_per_step, "--tokens-per-step"), "params": by_run(params, "--params")}
    logs = logs_of(runs, **known, name=name, join=join)
    if logs is None and (last or any((tokens_per_step, params, name, join))):
        raise InputError(f"{runs[0]} is read as a table: --params, --tokens-per-step, --name, --join and --last are for logs")
    table = path.with_suffix(".parquet") if logs is not None else Path(runs[0])
    frame, filled = (table, ()) if logs is None else rows_of(logs, last=last)
    proposal = propose_study(frame, columns=answers[0], units=answers[1], source=_from(table, path.parent))
    for note in logs.notes if logs is not None else ():
        say(f"note [log]: {note}")
    say(*(f"note [log]: {note}" for note in filled))
    say(*([] if logs is None else _unsaid(frame)))
    say(*(line for line in proposal.summary().splitlines() if not line.startswith("No study yet: ")))
    if proposal.study is None or proposal.problem:
        raise InputError(f"no study can be written: {proposal.problem}")
    _write(proposal, path, drawn, frame if logs is not None else None, table)
    say(f"written -> {path}, {drawn}", f"next: bayes-scaling fit {path}")


def _unsaid(frame: Any) -> list[str]:
    """Return what logs do not say of their runs, with the options that say it."""
    options = {"params": "--params 124M, or --name or --join", "tokens": "--tokens-per-step 524288"}
    return [f"The logs do not say {name}: {how} says it." for name, how in options.items() if name not in frame]


def _from(table: Path, folder: Path) -> str:
    """Return the path of a table from the folder of a model file on."""
    try:
        return Path(os.path.relpath(table.absolute(), folder.absolute())).as_posix()
    except ValueError:  # another drive
        return str(table.absolute())


def _write(proposal: "Proposal", path: Path, drawn: Path, frame: Any, table: Path) -> None:
    from bayes_scaling.cli.imported import write_table
    from bayes_scaling.plots.proposal import proposal_figure

    with write_together():
        if frame is not None:
            write_table(frame, table)
        write_text(proposal.text, path)
        write_figure(proposal_figure(proposal), drawn)
