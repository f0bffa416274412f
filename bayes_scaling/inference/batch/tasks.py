"""Tasks of a batch: with the model and settings that hold for each, as they are recognised later, and as they travel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.random import derived_seed
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.results import Fingerprint, fingerprint
from bayes_scaling.inference.batch.worker import Job, Keep, model_text
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, groups_used


@dataclass(frozen=True)
class Task:
    """One fit of a batch.

    Parameters
    ----------
    model, settings
        In place of the batch's; settings with the seed that they have.
    extra
        What `keep` is given beside the fit, such as held-out rows; tables, numbers, texts, and mappings of such.
    """

    runs: Runs
    model: Model | None = None
    extra: Any = None
    settings: Settings | None = None


type Tasks = Mapping[str, Runs | Task]


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Parameters
    ----------
    text
        The model as text, where there is one for all tasks.
    stored
        Whether results are, so that tasks need a fingerprint.
    """

    tasks: Tasks
    model: Model | None
    text: str | None
    settings: Settings
    keep: Keep | None
    stored: bool


@dataclass(frozen=True)
class TaskKey:
    """What is known of a task before its turn: little, since there may be very many.

    Parameters
    ----------
    model
        As text.
    """

    model: str
    fingerprint: Fingerprint


def plan(model: Model | None, tasks: Tasks, settings: Settings | None, keep: Keep | None, stored: bool) -> Plan:
    """Return what was asked for; raises InputError where the model cannot be written as text."""
    return Plan(tasks, model, None if model is None else model_text(model), settings or Settings(), keep, stored)


def names_of_part(names: Iterable[str], part: tuple[int, int] | None) -> list[str]:
    """Return the tasks of the i-th of n parts, i from 1: every n-th of them in their order; all where there is no part.

    Tasks that are added at the end move no other to another part.

    Raises
    ------
    InputError
        Where there is no such part.

    Examples
    --------
    >>> names_of_part("abcdefg", (2, 3)), names_of_part("ab", (3, 3))
    (['b', 'e'], [])
    """
    if part is None:
        return list(names)
    at, count = part
    if not 1 <= at <= count:
        raise InputError(f"there is no part {at} of {count}; expected 1 to {count}")
    return list(names)[at - 1 :: count]


def resolved(plan: Plan, name: str) -> tuple[Task, Model, Settings]:
    """Return a task with the model and settings that hold for it.

    Settings of the batch have a seed of its own for each task, from theirs and its name. With one seed for all the Monte Carlo
    errors of all tasks would be alike, and would not average out over a batch.
    """
    given = plan.tasks[name]
    if not isinstance(given, Runs | Task):
        raise InputError(f"expected Runs or a Task, not {type(given).__name__}")
    task = Task(given) if isinstance(given, Runs) else given
    model = task.model or plan.model
    if model is None:
        raise InputError("there is no model, neither the task's nor the batch's")
    settings = task.settings or replace(plan.settings, seed=derived_seed(plan.settings.seed, name))
    return task, model, replace(settings, progress=False, cores=settings.cores or 1)


def task_key(plan: Plan, name: str) -> TaskKey:
    """Return what is known of a task before its turn."""
    task, model, settings = resolved(plan, name)
    text = plan.text if model is plan.model and plan.text is not None else model_text(model)
    known = fingerprint(name, text, task.runs, settings, plan.keep, task.extra) if plan.stored else {}
    return TaskKey(text, known)


def size_of(plan: Plan, name: str) -> tuple[int, int]:
    """Return how long a task takes beside others: levels, then rows; of tasks of a table rows alone, which are known unread."""
    known: Mapping[str, int] | None = getattr(plan.tasks, "sizes", None)
    if known is not None:
        return 0, known[name]
    try:
        task, model, _ = resolved(plan, name)
        return sum(len(task.runs.levels[dim]) for dim in groups_used(model) if dim in task.runs.levels), len(task.runs)
    except InputError:
        return 0, 0


def job(plan: Plan, name: str, key: TaskKey) -> Job:
    """Return a task as it travels."""
    task, _, settings = resolved(plan, name)
    return Job(name, key.model, task.runs, settings, plan.keep, task.extra)
