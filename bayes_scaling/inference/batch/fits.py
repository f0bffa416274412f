"""Many fits through any `concurrent.futures.Executor`: results reach the disk as they finish, one bad task stops none."""

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

import pandas as pd

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.naming import file_names
from bayes_scaling._base.numbers import several
from bayes_scaling._base.views import in_a_line
from bayes_scaling.inference.batch.executors import IN_FLIGHT, InProcess, Submit, cores, each, own_processes
from bayes_scaling.inference.batch.results import Fingerprint, Record, read_fit, read_table, write_fit, write_table
from bayes_scaling.inference.batch.tasks import Plan, TaskKey, Tasks, job, plan, resolved, task_key
from bayes_scaling.inference.batch.worker import Keep, TaskResult, work
from bayes_scaling.inference.health import Health, combined, counts
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model


@dataclass(frozen=True)
class Batch[Result]:
    """What became of every task of a batch of fits, each by its name: what `fit_many` returns.

    Parameters
    ----------
    results
        What was kept; the fits where nothing else was asked for, or their files where there is a folder.
    failures
        Task without a result -> why, in one line.
    problems
        Task whose draws are not to be trusted -> what the sampler's health says, in one line; its result is kept.
    seconds
        How long each fit took in its worker, compiling included.
    loaded
        Tasks whose stored result was taken.
    healths
        The health of each fit; results stored by older versions have none.
    redone
        Tasks whose stored result was not taken -> why: of other runs or settings, made with other software, damaged.
    faults
        Tasks that failed by no fault of what was asked -> the traceback.
    """

    results: Mapping[str, Result]
    failures: Mapping[str, str]
    problems: Mapping[str, str]
    seconds: Mapping[str, float]
    loaded: frozenset[str] = frozenset()
    healths: Mapping[str, Health] = field(default_factory=dict)
    redone: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return in_a_line(self, "Batch of fits", several(len(self.results), "result"), several(len(self.failures), "failure"))

    def refuse_faults(self) -> None:
        """Raise RuntimeError, with the traceback of a worker, where there is no result for no reason that lies in the input."""
        if self.faults and not self.results:
            raise RuntimeError(next(iter(self.faults.values())))

    @property
    def health(self) -> Health | None:
        """The health of all fits together, see `health.combined`."""
        return combined(self.healths)

    @property
    def report(self) -> list[str]:
        """One line for each task that failed or is not to be trusted, and how many fits have each grade; empty if clean."""
        lines = [f"{_written(name)}: failed: {why}" for name, why in self.failures.items()]
        lines += [f"{_written(name)}: not to be trusted: {why}" for name, why in self.problems.items()]
        return lines if all(one.clean for one in self.healths.values()) else [*lines, counts(self.healths)]

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return the tables of all tasks, one below the other; of fits one row each: grade, seconds, and why there is none.

        The first column, `task`, is the task's name.
        """
        tables = [of.assign(task=name) for name, of in self.results.items() if isinstance(of, pd.DataFrame)]
        if tables:
            joined = pd.concat(tables, ignore_index=True)
            return joined[["task", *(column for column in joined if column != "task")]]
        rows = [
            {
                "task": name,
                "grade": self.healths[name].grade if name in self.healths else "",
                "seconds": self.seconds.get(name),
                "problem": self.failures.get(name, self.problems.get(name, "")),
            }
            for name in (*self.results, *self.failures)
        ]
        return pd.DataFrame(rows, columns=["task", "grade", "seconds", "problem"])

    def summary(self) -> str:
        """Return how many tasks have a result, and a line for each that failed or is not to be trusted."""
        every = len(self.results) + len(self.failures)
        return "\n".join([f"{len(self.results)} of {every} tasks have a result.", *self.report])


def _written(name: str) -> str:
    return name if name.isprintable() else repr(name)


@overload
def fit_many(
    model: Model | None,
    tasks: Tasks,
    executor: Executor | None = None,
    *,
    keep: Keep,
    folder: str | Path | None = None,
    settings: Settings | None = None,
    progress: bool = False,
) -> Batch[pd.DataFrame]: ...


@overload
def fit_many(
    model: Model | None,
    tasks: Tasks,
    executor: Executor | None = None,
    *,
    keep: None = None,
    folder: str | Path,
    settings: Settings | None = None,
    progress: bool = False,
) -> Batch[Path]: ...


@overload
def fit_many(
    model: Model | None,
    tasks: Tasks,
    executor: Executor | None = None,
    *,
    keep: None = None,
    folder: None = None,
    settings: Settings | None = None,
    progress: bool = False,
) -> Batch[Fit]: ...


def fit_many(
    model: Model | None,
    tasks: Tasks,
    executor: Executor | None = None,
    *,
    keep: Keep | None = None,
    folder: str | Path | None = None,
    settings: Settings | None = None,
    progress: bool = False,
) -> Batch[Any]:
    """Fit every task, on as many workers as there are, and return what was kept of each fit.

    A model is compiled once a worker, whatever levels its tasks have. Draws of a task are those of `fit`, to the last bit.

    Parameters
    ----------
    model
        What is fitted where a task has no model of its own.
    tasks
        Name -> runs, or `Task`.
    executor
        Where it runs; Dask's is `client.get_executor()`, others come with MPI and Ray. It is left running. Workers need this
        package. None: one process for each processor, ended afterwards; a script then needs `if __name__ == "__main__":`.
    keep
        Called in the worker with the fit and the task's `extra`; the table it returns is the result, stored as NAME.parquet.
        None: the fit is, stored as NAME.nc for `load`. Characters of names that are not safe in files are replaced there.
    folder
        Where each result is stored as it finishes, and taken from where model, settings, runs, `keep`, `extra` and the software
        are the same as then; `redone` says where they are not. A function is known by its name and its own text: empty the
        folder after a change of what `keep` calls. Failures are not stored.
    settings
        How to sample; one chain at a time unless `cores` says otherwise, and never with a progress bar a fit.
    progress
        Show one progress bar for all.

    Returns
    -------
    Batch
        `results` by task: tables where `keep` is given, files where only `folder` is, fits otherwise. `.to_frame()` is one
        table of all.

    Raises
    ------
    InputError
        Where nothing can be started: no law that can be written as text, a folder that cannot be written to, a `keep` that
        workers cannot import. What is wrong with a single task stands in `failures`.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.inference.batch.executors import InProcess
    >>> sweeps = {"small": runs, "large": more_runs}  # doctest: +SKIP
    >>> batch = bs.fit_many(model, sweeps, folder="out/batch")  # doctest: +SKIP
    >>> batch.to_frame()  # doctest: +SKIP

    A task that cannot be fitted stops no other:

    >>> batch = bs.fit_many(None, {"small": "no runs"}, InProcess())
    >>> print(batch.summary())
    0 of 1 tasks have a result.
    small: failed: expected Runs or a Task, not str
    """
    asked = plan(model, tasks, settings, keep, stored=folder is not None)
    store = _result_store(folder, tasks, "nc" if keep is None else "parquet")
    outcomes = {}
    with _bar(progress, len(tasks)) as advance, closing(_outcomes(asked, store, executor)) as finished:
        for name, outcome in finished:
            outcomes[name] = outcome
            advance()
    made = _batch({name: outcomes[name] for name in tasks})
    for why, count in Counter(made.redone.values() if progress else ()).items():
        print(f"{count} stored result{'s' * (count > 1)} made again: {why}", file=sys.stderr)
    return made


@dataclass(frozen=True)
class _Outcome:
    result: Any = None
    failure: str = ""
    problem: str = ""
    seconds: float | None = None
    loaded: bool = False
    health: Health | None = None
    redone: str = ""
    fault: str = ""


def _batch(outcomes: Mapping[str, _Outcome]) -> Batch[Any]:
    return Batch(
        results={name: of.result for name, of in outcomes.items() if not of.failure},
        failures={name: of.failure for name, of in outcomes.items() if of.failure},
        problems={name: of.problem for name, of in outcomes.items() if of.problem},
        seconds={name: of.seconds for name, of in outcomes.items() if of.seconds is not None},
        loaded=frozenset(name for name, of in outcomes.items() if of.loaded),
        healths={name: of.health for name, of in outcomes.items() if of.health is not None},
        redone={name: of.redone for name, of in outcomes.items() if of.redone},
        faults={name: of.fault for name, of in outcomes.items() if of.fault},
    )


def _result_store(folder: str | Path | None, names: Iterable[str], ending: str) -> dict[str, Path]:
    """Return the file of each task's result; empty where results are not stored."""
    if folder is None:
        return {}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    return {name: Path(folder) / f"{file}.{ending}" for name, file in file_names(names).items()}


def _outcomes(asked: Plan, store: Mapping[str, Path], executor: Executor | None) -> Generator[tuple[str, _Outcome]]:
    """Yield what became of each task, as soon as it is known: wrong ones first, then those stored, then the rest."""
    keys: dict[str, TaskKey] = {}
    for name in asked.tasks:
        try:
            keys[name] = task_key(asked, name)
        except InputError as error:
            yield name, _Outcome(failure=one_line(error))
    missing: dict[str, str] = {}
    for name, known in keys.items():
        stored = _stored(asked, store[name], known.fingerprint) if store else ""
        if isinstance(stored, str):
            missing[name] = stored
        else:
            yield name, stored
    if missing:
        # The longest first, so that no worker is left alone with one at the end.
        longest = sorted(missing, key=lambda name: keys[name].size, reverse=True)
        jobs = (job(asked, name, keys[name]) for name in longest)
        with _workers(executor, len(missing), asked.keep) as (submit, room), closing(each(work, jobs, submit, room)) as ended:
            for one, done in ended:
                outcome = _outcome(asked, one.name, done, store.get(one.name), keys[one.name].fingerprint)
                yield one.name, replace(outcome, redone=missing[one.name])


@contextmanager
def _workers(executor: Executor | None, jobs: int, keep: Keep | None) -> Iterator[tuple[Submit, int]]:
    """Give what submits a job, and how many to have in flight."""
    if executor is not None:
        # One at a time in this process, so that each result is stored before the next fit begins.
        yield executor.submit, 1 if isinstance(executor, InProcess) else IN_FLIGHT
    else:
        count = min(cores(), jobs)
        with own_processes(count, keep) as submit:
            yield submit, count


def _stored(asked: Plan, path: Path, fingerprint: Fingerprint) -> _Outcome | str:
    """Return what is stored of a task, or why that is not taken; empty where nothing is."""
    found = read_fit(path, fingerprint) if asked.keep is None else read_table(path, fingerprint)
    if isinstance(found, str):
        return found
    result, record = found
    return _Outcome(result, problem=record.problem, seconds=record.seconds, loaded=True, health=record.health)


def _outcome(asked: Plan, name: str, done: TaskResult | str, path: Path | None, fingerprint: Fingerprint) -> _Outcome:
    if isinstance(done, str):
        return _Outcome(failure=done)
    if done.failure:
        return _Outcome(failure=done.failure, seconds=done.seconds, fault=done.fault)
    problem = " ".join(done.health.problems) if done.health is not None and not done.health.ok else ""
    result: Any = done.table
    if done.draws is not None:
        task, model, settings = resolved(asked, name)
        result = Fit(
            in_unit_of(model, task.runs.columns.response), task.runs, done.draws, done.settings or settings, done.health
        )
    if path is not None:
        try:
            result = _written_to(result, path, Record(fingerprint, problem, done.seconds, done.health))
        except InputError:  # no task's fault: the folder cannot be written to any more
            raise
        except (ValueError, TypeError, NotImplementedError) as error:
            return _Outcome(failure=f"its result cannot be stored ({one_line(error)})", seconds=done.seconds)
    return _Outcome(result, problem=problem, seconds=done.seconds, health=done.health)


def _written_to(result: pd.DataFrame | Fit, path: Path, record: Record) -> pd.DataFrame | Path:
    if isinstance(result, Fit):
        write_fit(result, path, record)
        return path
    return write_table(result, path, record)


@contextmanager
def _bar(shown: bool, total: int) -> Iterator[Callable[[], None]]:
    from tqdm.auto import tqdm

    with tqdm(total=total, desc="fits", disable=not shown) as bar:

        def advance() -> None:
            bar.update()

        yield advance
