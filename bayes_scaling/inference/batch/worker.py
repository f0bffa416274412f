"""What a worker does with one task of a batch: fit it, keep what is asked for, and say in one line what went wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from threading import Lock
from time import perf_counter
from traceback import format_exc
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.input_column import Input
from bayes_scaling.data.response import Response
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.fit import fit
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, model_inputs, prior_references
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

type Keep = Callable[[Fit, Any], pd.DataFrame]

_READING = Lock()


@dataclass(frozen=True)
class Job:
    """A task as it travels.

    Parameters
    ----------
    model
        As text, from which every fit in one worker gets the same law and so the same compiled sampler.
    """

    name: str
    model: str
    runs: Runs
    settings: Settings
    keep: Keep | None
    extra: Any


@dataclass(frozen=True)
class TaskResult:
    """What comes back: a table, or the draws where all is kept, with the sampler's health; or why there is neither.

    Parameters
    ----------
    fault
        The traceback where nothing that was asked for is the reason.
    """

    table: pd.DataFrame | None = None
    draws: xr.DataTree | None = None
    health: Health | None = None
    settings: Settings | None = None
    failure: str = ""
    fault: str = ""
    seconds: float = 0.0


def work(job: Job, ticket: str) -> TaskResult:
    """Return what is kept of a task's fit, or the line that says why there is none."""
    start = perf_counter()
    try:
        done = _kept(job)
    except InputError as error:
        done = TaskResult(failure=one_line(error))
    except Exception as error:
        done = TaskResult(failure=f"internal fault, not the input: {one_line(error)}", fault=format_exc())
    return replace(done, seconds=perf_counter() - start)


def _kept(job: Job) -> TaskResult:
    """Fit a task, and return what is kept of it."""
    model = read_model(job.model)
    fitted = fit(model, job.runs, job.settings)
    if job.keep is None:
        return TaskResult(draws=fitted.draws, health=fitted.health, settings=fitted.settings)
    try:
        table = job.keep(fitted, job.extra)
    except (Exception, SystemExit) as error:
        if of_this_package(job.keep):
            raise
        raise InputError(f"keep raised {one_line(error)}") from error
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"keep returned a {type(table).__name__}; expected a DataFrame")
    return TaskResult(table=table, health=fitted.health)


def of_this_package(function: object) -> bool:
    """Return whether a function is ours, so that what it raises is no fault of who asked for it."""
    return str(getattr(function, "__module__", "")).split(".")[0] == __name__.split(".")[0]


def model_text(model: Model) -> str:
    """Return a model as a text that does not depend on the table it is fitted to.

    Raises
    ------
    InputError
        Where the law cannot be written as text.
    """
    at = prior_references(model)
    stated = {name: Input(name, of.unit, of.value, scale=1.0) for name, of in at.items()}
    columns = Columns({name: Input(name) for name in model_inputs(model)} | stated, Response(unit=model.unit))
    return study_text(Study("model", model, columns))


def read_model(text: str) -> Model:
    """Return the model of a text, the same object for the same text: samplers are compiled for a law's own function."""
    with _READING:  # two threads would each read a law, and each compile it
        return _read(text)


@cache
def _read(text: str) -> Model:
    return parse_study(text, "the task's model").model
