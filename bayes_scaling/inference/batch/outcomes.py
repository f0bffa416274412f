"""What becomes of each task of a batch: its result is taken from the store, or it is fitted and its result stored."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.naming import file_names
from bayes_scaling.inference.batch.record import Batch
from bayes_scaling.inference.batch.results import Fingerprint, Record, read_fit, read_table, write_fit, write_table
from bayes_scaling.inference.batch.tasks import Plan, TaskKey, resolved, size_of, task_key
from bayes_scaling.inference.batch.worker import TaskResult
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.joining import joined


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Parameters
    ----------
    result
        What was kept: a table, a fit, or the file of either.
    failure
        Why there is no result; "" where there is one.
    problem
        What speaks against its draws.
    seconds
        How long it was fitted for.
    loaded
        Whether the result was stored before.
    health
        Of its draws.
    redone
        Why a stored result was not taken.
    fault
        The traceback of an error that is no refusal of the data.
    """

    result: Any = None
    failure: str = ""
    problem: str = ""
    seconds: float | None = None
    loaded: bool = False
    health: Health | None = None
    redone: str = ""
    fault: str = ""


type Result = TaskResult | str
"""What a worker made of a task, or why it could not."""
type Missing = Mapping[str, tuple[TaskKey, str]]
"""Task without a stored result -> what is known of it, and why what is stored is not taken."""
type Fitted = Callable[[Plan, Iterable[str], Missing, int], Generator[tuple[str, Result]]]
"""Yields the results of tasks for which none is stored: the plan, their names, what is known of them, how many at most."""


def result_store(folder: str | Path | None, names: Iterable[str], ending: str) -> dict[str, Path]:
    """Return the file of each task's result; empty where results are not stored."""
    if folder is None:
        return {}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    return {name: Path(folder) / f"{file}.{ending}" for name, file in file_names(names).items()}


def outcomes(asked: Plan, names: Sequence[str], store: Mapping[str, Path], fitted: Fitted) -> Generator[tuple[str, Outcome]]:
    """Yield what became of each task, as soon as it is known.

    Tasks are looked at while others are fitted: reading ten thousand takes minutes. The longest come first, so that no worker
    is left alone with one at the end.

    Parameters
    ----------
    fitted
        Yields the results of tasks for which none is stored.
    """
    known: deque[tuple[str, Outcome]] = deque()
    missing: dict[str, tuple[TaskKey, str]] = {}
    every = _looked_up(asked, names, store, known, missing)
    for name in every:
        yield from _emptied(known)
        if name in missing:
            waiting = (one for one in chain([name], every) if one in missing)
            with closing(fitted(asked, waiting, missing, len(names))) as ended:
                for one, done in ended:
                    yield from _emptied(known)
                    key, why = missing.pop(one)
                    yield one, replace(_outcome(asked, one, done, store.get(one), key.fingerprint), redone=why)
    yield from _emptied(known)


def _looked_up(
    asked: Plan,
    names: Sequence[str],
    store: Mapping[str, Path],
    known: deque[tuple[str, Outcome]],
    missing: dict[str, tuple[TaskKey, str]],
) -> Iterator[str]:
    """Yield each task, the longest first, once it stands in `known`, with what became of it, or in `missing`."""
    for name in sorted(names, key=lambda name: size_of(asked, name), reverse=True):
        try:
            key = task_key(asked, name)
        except InputError as error:
            known.append((name, Outcome(failure=one_line(error))))
        else:
            kept = _stored(asked, store[name], key.fingerprint) if store else ""
            if isinstance(kept, str):
                missing[name] = key, kept
            else:
                known.append((name, kept))
        yield name


def _emptied[T](waiting: deque[T]) -> Iterator[T]:
    """Yield what a queue holds, and take it out."""
    while waiting:
        yield waiting.popleft()


def _stored(asked: Plan, path: Path, fingerprint: Fingerprint) -> Outcome | str:
    """Return what is stored of a task, or why that is not taken; empty where nothing is."""
    found = read_fit(path, fingerprint) if asked.keep is None else read_table(path, fingerprint)
    if isinstance(found, str):
        return found
    result, record = found
    return Outcome(result, problem=record.problem, seconds=record.seconds, loaded=True, health=record.health)


def _outcome(asked: Plan, name: str, done: Result, path: Path | None, fingerprint: Fingerprint) -> Outcome:
    """Return what became of a task that a worker has returned, after its result was written to its file."""
    if isinstance(done, str):
        return Outcome(failure=done)
    if done.failure:
        return Outcome(failure=done.failure, seconds=done.seconds, fault=done.fault)
    problem = " ".join(done.health.problems) if done.health is not None and not done.health.ok else ""
    result: Any = done.table
    if done.draws is not None:
        task, model, settings = resolved(asked, name)
        result = Fit(*joined(model, task.runs), done.draws, done.settings or settings, done.health)
    if path is not None:
        try:
            result = _written_to(result, path, Record(fingerprint, problem, done.seconds, done.health))
        except InputError:  # no task's fault: the folder cannot be written to any more
            raise
        except (ValueError, TypeError, NotImplementedError) as error:
            return Outcome(failure=f"its result cannot be stored ({one_line(error)})", seconds=done.seconds)
    return Outcome(result, problem=problem, seconds=done.seconds, health=done.health)


def _written_to(result: pd.DataFrame | Fit, path: Path, record: Record) -> pd.DataFrame | Path:
    """Write a result to its file; return a table as it was written, of a fit the file."""
    if isinstance(result, Fit):
        write_fit(result, path, record)
        return path
    return write_table(result, path, record)


def batch_of(outcomes: Mapping[str, Outcome]) -> Batch[Any]:
    """Return what became of tasks as a batch."""
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
