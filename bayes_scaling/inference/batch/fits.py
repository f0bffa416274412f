"""Many fits through any `concurrent.futures.Executor`: results reach the disk as they finish, one bad task stops none."""

import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, overload

import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.batch.executors import IN_FLIGHT, InProcess, Submit, cores, each_in_chunks, own_processes
from bayes_scaling.inference.batch.from_table import tasks_of
from bayes_scaling.inference.batch.outcomes import Missing, Outcome, Result, batch_of, outcomes, result_store
from bayes_scaling.inference.batch.progress import progress as progress_of
from bayes_scaling.inference.batch.record import Batch as Batch
from bayes_scaling.inference.batch.tasks import Plan, Tasks, job, names_of_part, plan
from bayes_scaling.inference.batch.worker import Keep, TaskResult, work
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.study import Study

MOST_IN_CHUNK, MOST_WORKERS = 100_000, 1_000
"""Tasks of a submission, and processes, at most: more is taken for a slip of the keyboard."""


@overload
def fit_many(
    model: Model | Study | str | Path | None,
    tasks: Tasks | Table,
    executor: Executor | int | None = None,
    *,
    keep: Keep,
    folder: str | Path | None = None,
    settings: Settings | None = None,
    progress: bool = False,
    chunk: int = 1,
    part: tuple[int, int] | None = None,
    by: str | Sequence[str] | None = None,
) -> Batch[pd.DataFrame]: ...


@overload
def fit_many(
    model: Model | Study | str | Path | None,
    tasks: Tasks | Table,
    executor: Executor | int | None = None,
    *,
    keep: None = None,
    folder: str | Path,
    settings: Settings | None = None,
    progress: bool = False,
    chunk: int = 1,
    part: tuple[int, int] | None = None,
    by: str | Sequence[str] | None = None,
) -> Batch[Path]: ...


@overload
def fit_many(
    model: Model | Study | str | Path | None,
    tasks: Tasks | Table,
    executor: Executor | int | None = None,
    *,
    keep: None = None,
    folder: None = None,
    settings: Settings | None = None,
    progress: bool = False,
    chunk: int = 1,
    part: tuple[int, int] | None = None,
    by: str | Sequence[str] | None = None,
) -> Batch[Fit]: ...


def fit_many(
    model: Model | Study | str | Path | None,
    tasks: Tasks | Table,
    executor: Executor | int | None = None,
    *,
    keep: Keep | None = None,
    folder: str | Path | None = None,
    settings: Settings | None = None,
    progress: bool = False,
    chunk: int = 1,
    part: tuple[int, int] | None = None,
    by: str | Sequence[str] | None = None,
) -> Batch[Any]:
    """Fit every task, on as many workers as there are, and return what was kept of each fit.

    A model is compiled once a worker, whatever levels its tasks have. Draws of a task are those of `fit` with
    the task's seed, to the last bit.

    Parameters
    ----------
    model
        What is fitted where a task has no model of its own. Or a study, or the name or file of one.
    tasks
        Name -> runs, or `Task`. A study also takes a table, see `by`.
    executor
        Where it runs; Dask's is `client.get_executor()`, others come with MPI and Ray. It is left running. Workers need this
        package. A number: so many processes of our own, ended afterwards; None: one for each processor. A script then needs
        `if __name__ == "__main__":`.
    keep
        Called in the worker with the fit and the task's `extra`; the table it returns is the result, stored as NAME.parquet.
        None: the fit is, stored as NAME.nc for `load`. Characters of names that are not safe in files are replaced there.
    folder
        Where each result is stored as it finishes, and taken from where model, settings, runs, `keep`, `extra` and the software
        are the same as then; `redone` says where they are not. A function is known by its name and its own text: empty the
        folder after a change of what `keep` calls. Failures are not stored.
    settings
        How to sample; one chain at a time unless `cores` says otherwise, and never with a progress bar a fit. Each task has
        a seed of its own, from this one and its name, which its fit's settings have: Monte Carlo errors then differ between
        tasks. Settings of a `Task` are taken as they are.
    progress
        Show one progress bar for all; where stderr is no terminal, a line every half a minute, with rate and time left.
    chunk
        How many tasks a submission has: more where fits take less time than a call of the executor. Results reach the folder
        chunk by chunk.
    part
        (i, n): only the i-th of n parts of the tasks, i from 1: every n-th, so that parts take about equally long. For arrays
        of jobs, which fill one folder; without it what they stored is taken, and the rest is fitted.
    by
        Column of the table, or several, whose levels tell tasks apart. Rows of one task that are no runs fail that task alone.

    Returns
    -------
    Batch
        `results` by task: tables where `keep` is given, files where only `folder` is, fits otherwise. `.to_frame()` is one
        table of all.

    Raises
    ------
    InputError
        Where nothing can be started: no law that can be written as text, a folder that cannot be written to, a `keep` that
        workers cannot import, no such part, a table without such a column. What is wrong with a single task stands in
        `failures`.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.inference.batch.executors import InProcess
    >>> sweeps = {"small": runs, "large": more_runs}  # doctest: +SKIP
    >>> batch = bs.fit_many(model, sweeps, folder="out/batch")  # doctest: +SKIP
    >>> batch.to_frame()  # doctest: +SKIP

    A study, and one table with the rows of all curves:

    >>> bs.fit_many("learning_curve", "curves.csv", by="run_id", folder="out/curves")  # doctest: +SKIP

    A task that cannot be fitted stops no other:

    >>> batch = bs.fit_many(None, {"small": "no runs"}, InProcess())
    >>> print(batch.summary())
    0 of 1 tasks have a result.
    small: failed: expected Runs or a Task, not str
    """
    checks.integer(1, MOST_IN_CHUNK)(chunk, "chunk")
    if not isinstance(executor, Executor | None):
        checks.integer(1, MOST_WORKERS)(executor, "the number of processes")
    model, tasks, settings = tasks_of(model, tasks, by, settings)
    own = names_of_part(tasks, part)
    asked = plan(model, tasks, settings, keep, stored=folder is not None)
    store = result_store(folder, tasks, "nc" if keep is None else "parquet")
    made = _gathered(own, outcomes(asked, own, store, partial(_fitted, executor=executor, chunk=chunk)), progress)
    for why, count in Counter(made.redone.values() if progress else ()).items():
        print(f"{count} stored result{'s' * (count > 1)} made again: {why}", file=sys.stderr)
    return made


def stored(
    model: Model | None, tasks: Tasks, folder: str | Path, *, keep: Keep | None = None, settings: Settings | None = None
) -> Batch[Any]:
    """Return what `fit_many` has stored of tasks, without fitting any; `failures` says where there is no result."""
    asked = plan(model, tasks, settings, keep, stored=True)
    store = result_store(folder, tasks, "nc" if keep is None else "parquet")
    made = [name for name in tasks if store[name].exists()]
    found = _gathered(made, outcomes(asked, made, store, _missing), False)
    # Rows of the others need not be read, which takes long where they are many.
    return replace(found, failures={name: found.failures.get(name, MISSING) for name in tasks if name not in found.results})


MISSING = "no result is stored"


def _missing(asked: Plan, names: Iterable[str], missing: Missing, most: int) -> Generator[tuple[str, Result]]:
    """Yield, in place of fits, that there is no result, and why what is stored is not taken."""
    for name in names:
        why = missing[name][1]
        yield name, TaskResult(failure=f"{MISSING} ({why})" if why else MISSING)


def _gathered(names: Sequence[str], found: Generator[tuple[str, Outcome]], shown: bool) -> Batch[Any]:
    """Return what became of tasks, in their order."""
    known = {}
    with progress_of(shown, len(names)) as advance, closing(found) as finished:
        for name, outcome in finished:
            known[name] = outcome
            advance(made=outcome.seconds is not None and not outcome.loaded, failed=bool(outcome.failure))
    return batch_of({name: known[name] for name in names})


def _fitted(
    asked: Plan,
    names: Iterable[str],
    missing: Missing,
    most: int,
    *,
    executor: Executor | int | None,
    chunk: int,
) -> Generator[tuple[str, Result]]:
    """Yield the results of tasks, of which there are so many at most, as workers return them."""
    jobs = (job(asked, name, missing[name][0]) for name in names)
    with (
        _workers(executor, -(-most // chunk), asked.keep) as (submit, room),
        closing(each_in_chunks(work, jobs, submit, room, chunk)) as ended,
    ):
        for one, done in ended:
            yield one.name, done


@contextmanager
def _workers(executor: Executor | int | None, jobs: int, keep: Keep | None) -> Iterator[tuple[Submit, int]]:
    """Give what submits a job, and how many to have in flight."""
    if isinstance(executor, Executor):
        # One at a time in this process, so that each result is stored before the next fit begins.
        yield executor.submit, 1 if isinstance(executor, InProcess) else IN_FLIGHT
    else:
        count = min(executor or cores(), jobs)
        with own_processes(count, keep) as submit:
            yield submit, count
