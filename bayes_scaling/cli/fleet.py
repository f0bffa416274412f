"""`bayes-scaling fleet`: one model fitted to each of many curves or sweeps of a table, here or as an array of jobs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import write_csv, write_json
from bayes_scaling._base.moves import remove_file, write_together
from bayes_scaling._base.numbers import format_count, number, several, shared
from bayes_scaling._base.paths import folder_to_write
from bayes_scaling.cli.options import (
    Chains,
    ColumnNames,
    Counts,
    Draws,
    Independent,
    Method,
    ModelFile,
    Seed,
    SingleLaw,
    Strict,
    Tune,
    Units,
    for_table,
    given,
)
from bayes_scaling.cli.terminal import say, say_table

if TYPE_CHECKING:
    import pandas as pd

    from bayes_scaling.inference.batch.from_table import TableTasks
    from bayes_scaling.inference.batch.record import Batch
    from bayes_scaling.model.settings import Settings
    from bayes_scaling.model.studies.study import Study

RESULTS, PARTS, PART_PREDICTIONS = "results", "parts", "parts/predictions"
"""Folders within DIR: a file for each task, a table for each part, and one with its predictions."""
PREDICTIONS = "predictions.csv"


def fleet(
    model: ModelFile,
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV, .csv.gz or Parquet with the rows of all tasks.")],
    by: Annotated[
        list[str], typer.Option("--by", metavar="COLUMN", help="Column whose levels tell tasks apart; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where results are stored, and taken from.")],
    tasks: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only the I-th of N parts of the tasks, as 3/10; for arrays of jobs.")
    ] = None,
    collect: Annotated[
        bool, typer.Option("--collect", help="Fit nothing: put together what is stored, and what failed in parts.")
    ] = False,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes; one for each processor unless given.")] = None,
    chunk: Annotated[int, typer.Option(metavar="K", help="Tasks that a process is handed at a time.")] = 1,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="POINTS.csv|X",
            help="Predict each task at points: a table, with a column of --by those of each task; or values of the only input.",
        ),
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed/--expected", help="Bands of one new row with its scatter, or of the curve.")
    ] = False,
    fits: Annotated[bool, typer.Option("--fits", help="Store whole fits, for other commands.")] = False,
    column: ColumnNames = None,
    unit: Units = None,
    convention: Counts = None,
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: Seed = None,
    method: Method = None,
    single: SingleLaw = False,
    strict: Strict = False,
    independent: Independent = False,
) -> None:
    """Fit a model to each of many curves or sweeps of a table: one fit for each level of a column.

    Results are stored as they finish, and taken from DIR where data, model, settings and software are the same. A task that
    fails stops no other. Parts of an array of jobs fill one DIR; run without --tasks, or with --collect, it makes all tables.

    Writes to DIR: results/ (a file for each task), summary.csv (a row for each task), parameters.csv, batch.json, and with --at
    predictions.csv; of a part results/, parts/I_of_N.csv and parts/predictions/I_of_N.csv.
    """
    from bayes_scaling.model.studies.reading import read_study

    study = _single(for_table(read_study(model), column, unit, convention), single)
    part = _part(tasks, collect)
    options = given(draws=draws, tune=tune, chains=chains, seed=seed, method=method, strict=strict or None)
    settings = replace(study.settings, **options, progress=False)
    every = _tasks(study, table, by, at, observed=observed, independent=independent)
    own = "summary.csv" if part is None else _part_file(part)
    folder_to_write(out, own, "parameters.csv", PREDICTIONS, "batch.json", f"{RESULTS}/any", f"{PARTS}/any")
    say(study.title or study.name, f"{several(len(every), 'task')} of {table}, by {', '.join(by)}")
    batch = _fitted(study, every, settings, out, part, collect=collect, workers=workers, chunk=chunk, fits=fits)
    rows = _written(study, batch, every, out, part)
    _summary(batch, rows, out / own, collect=collect)
    _judge(batch, settings.strict)


def _tasks(
    study: "Study", table: Path, by: list[str], at: list[str] | None, *, observed: bool, independent: bool
) -> "TableTasks":
    """Return the tasks of a table, with their points where there are any."""
    from bayes_scaling.inference.batch.from_table import tasks_by
    from bayes_scaling.prediction.many import points_at, tasks_at

    if at:
        kind: Literal["observed", "expected"] = "observed" if observed else "expected"
        return tasks_at(study, table, by, points_at(study, at), kind, independent=independent)
    if observed:
        raise InputError("--observed is about predictions: give --at too")
    return tasks_by(study, table, by, independent=independent)


def _single(study: "Study", single: bool) -> "Study":
    if study.stack and not single:
        raise InputError(
            f"{study.name} names {several(len(study.stack), 'law')} to stack, and a batch fits one: --single for "
            f"{study.model.law.__name__} alone, or fit each task with `bayes-scaling fit`"
        )
    return study


def _part(said: str | None, collect: bool) -> tuple[int, int] | None:
    """Return which part of the tasks is meant."""
    if said is None:
        return None
    if collect:
        raise InputError("--collect is of all parts; expected it without --tasks")
    at, _, count = said.partition("/")
    if not (at.isdecimal() and count.isdecimal() and 1 <= int(at) <= int(count)):
        raise InputError(f"--tasks {said}: expected I/N with I from 1 to N, as 3/10")
    return int(at), int(count)


def _part_file(part: tuple[int, int], folder: str = PARTS) -> str:
    return f"{folder}/{part[0]}_of_{part[1]}.csv"


def _fitted(
    study: "Study",
    tasks: "TableTasks",
    settings: "Settings",
    out: Path,
    part: tuple[int, int] | None,
    *,
    collect: bool,
    workers: int | None,
    chunk: int,
    fits: bool,
) -> "Batch[pd.DataFrame]":
    """Return what became of the tasks, with tables of parameters as results; raises InputError where none has a result."""
    from bayes_scaling.inference.batch.fits import fit_many, stored
    from bayes_scaling.inference.batch.tables import parameters_kept, with_reasons, with_tables
    from bayes_scaling.prediction.many import parameters_and_predictions

    extras, keep = tasks.extras, parameters_kept if tasks.extras is None else parameters_and_predictions
    if fits:  # they are asked afterwards, so that other points need no other fits
        tasks = replace(tasks, extras=None)
    asked: dict[str, Any] = {"folder": out / RESULTS, "settings": settings, "keep": None if fits else keep}
    if collect:
        batch = with_reasons(stored(study.model, tasks, **asked), sorted((out / PARTS).glob("*_of_*.csv")))
    else:
        at = "" if part is None else f"part {part[0]} of {part[1]}: "
        say(f"{at}compiling in each process (up to a minute when a model is new to this machine), then sampling")
        batch = fit_many(study.model, tasks, workers, **asked, progress=True, chunk=chunk, part=part)
    batch.refuse_faults()
    if batch.failures and not batch.results:
        why, names = next(iter(batch.causes.items()))
        raise InputError(f"no task has a result: {why} ({len(names)} of {several(len(batch.failures), 'task')})")
    return with_tables(batch, lambda name, fit: keep(fit, None if extras is None else extras(name)))


def _written(
    study: "Study", batch: "Batch[pd.DataFrame]", tasks: "TableTasks", out: Path, part: tuple[int, int] | None
) -> "pd.DataFrame":
    """Write the tables of a batch, and return that of its tasks."""
    from bayes_scaling._base.versions import versions
    from bayes_scaling.inference.batch.tables import task_rows, with_labels

    rows = task_rows(batch, tasks)
    bands = None if tasks.extras is None else with_labels(batch.predictions(), tasks)
    if part is not None:
        _written_part(rows, bands, out / _part_file(part), out / _part_file(part, PART_PREDICTIONS))
        return rows
    record = {
        "model": study.name,
        "tasks": len(rows),
        "results": len(batch.results),
        "stored_before": len(batch.loaded),
        "grades": rows["grade"].value_counts().to_dict(),
        "seconds": sum(batch.seconds.values()),
        "failures": {why: len(names) for why, names in batch.causes.items()},
        "predictions": None if tasks.extras is None else tasks.extras(next(iter(tasks)))["kind"],
        "versions": versions(),
    }
    with write_together():
        write_csv(rows, out / "summary.csv")
        write_csv(batch.to_frame(), out / "parameters.csv")
        write_json(record, out / "batch.json")
        _write_bands(bands, out / PREDICTIONS)
    return rows


def _written_part(rows: "pd.DataFrame", bands: "pd.DataFrame | None", path: Path, predictions: Path) -> None:
    """Write the tables of a part, each of its own, so that parts can be put together without their results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_together():
        write_csv(rows, path)
        _write_bands(bands, predictions)


def _write_bands(bands: "pd.DataFrame | None", path: Path) -> None:
    """Write predictions; remove older ones where there are none."""
    if bands is None:
        remove_file(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(bands, path)


def _summary(batch: "Batch[pd.DataFrame]", rows: "pd.DataFrame", path: Path, *, collect: bool) -> None:
    """Print how parameters differ between tasks, what the fits took, and why some failed."""
    from bayes_scaling.inference.batch.progress import duration

    names = [name for name in rows if f"{name}_q05" in rows and not str(name).endswith("_published")]
    told = [[str(name), *shared(rows[name].quantile([0.5, 0.05, 0.95]).tolist())] for name in names]
    if len(batch.results) > 1:
        heads = ("parameter", "median", "5 %", "95 %")
        say_table(f"medians of {several(len(batch.results), 'fit')}, over tasks", heads, told, left=("parameter",))
    if seconds := sorted(batch.seconds.values()):
        middle, before = number(seconds[len(seconds) // 2], 2), len(batch.loaded)
        stored = f"; {format_count(before)} stored before" if before and not collect else ""
        over = "over all parts: " if collect else ""
        spent = f"{duration(sum(seconds))} of one processor in all, without compiling"
        say(f"{over}{middle} s to sample a fit in the median, {spent}{stored}")
    say(batch.summary().splitlines()[0], f"written -> {path}")


def _judge(batch: "Batch[pd.DataFrame]", strict: bool) -> None:
    """Print what failed, what is not to be trusted and notes, by cause, and exit with 3 where anything is not accepted."""
    from bayes_scaling.inference.batch.causes import cause_lines
    from bayes_scaling.inference.health import accepted, counts

    if not all(one.clean for one in batch.healths.values()):
        say(f"note [sampler]: {counts(batch.healths)}")
    notes = {name: " ".join(of.attrs["notes"]) for name, of in batch.results.items() if of.attrs.get("notes")}
    say(*cause_lines(notes, "noted"))
    for line in (*cause_lines(batch.failures, "failed"), *cause_lines(batch.problems, "not to be trusted")):
        say(line, err=True)
    if batch.failures or not all(accepted(one, strict) for one in batch.healths.values()):
        raise typer.Exit(3)
