"""Predictions of each of many fits at points: what `keep` of `fit_many` returns, and tasks that bring their points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.notation import READ, reading_of
from bayes_scaling._base.numbers import format_count, several
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.points import read_points
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.inference.batch.from_table import TableTasks, level_names, tasks_by
from bayes_scaling.inference.batch.record import with_predictions
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.parameters import parameter_table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import law_groups
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.prediction.predict import Kind
from bayes_scaling.prediction.summary import summarize_at

TRIED = 100
"""Tasks of which one that can be read is sought, to check points against."""
NAMED = 3
"""So many tasks are named where there are more."""


def parameters_and_predictions(fit: Fit, extra: Mapping[str, Any] | None) -> pd.DataFrame:
    """Return the parameters of a fit and its predictions at points in one table: a `keep` of `fit_many`, for `tasks_at`.

    `Batch.to_frame` has the parameters of all tasks, `Batch.predictions` the predictions.

    Parameters
    ----------
    extra
        "points": a table as for `predict`; "kind": "expected" or "observed", see `summarize_at`. None: no predictions.
    """
    parameters = parameter_table(fit)
    if extra is None:
        return parameters
    found = summarize_at(fit, extra["points"], extra["kind"], fit.settings.seed)
    made = with_predictions(parameters, found)
    notes = tuple(dict.fromkeys((*parameters.attrs.get("notes", ()), *found.attrs.get("notes", ()))))
    made.attrs = {**parameters.attrs} | ({"notes": notes} if notes else {})
    return made


def tasks_at(
    study: Study | str | Path,
    table: Table,
    by: str | Sequence[str],
    at: Table,
    kind: Kind = "expected",
    *,
    independent: bool = False,
) -> TableTasks:
    """Return a task for each level of a column of a table, each with the points at which to predict.

    Points are checked here, before anything is fitted.

    Parameters
    ----------
    study, table, by, independent
        As for `tasks_by`.
    at
        Points as for `predict`. With a column that tells tasks apart each task has the rows of its own level, else every task
        has all of them. Levels of such a column that the law differs between need not be said.
    kind
        "expected": the law with its discrepancy; "observed": a new row with its scatter.

    Returns
    -------
    Mapping
        Name -> task, for `fit_many(study, tasks, keep=parameters_and_predictions)`.

    Raises
    ------
    InputError
        As `tasks_by` does; for points that lack an input, or that `predict` would refuse; where a task has no point, or a point
        no task.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.prediction.many import parameters_and_predictions, tasks_at
    >>> table = {"run_id": ["a"] * 4 + ["b"] * 4, "x": [1, 2, 3, 4] * 2, "y": [4, 3, 2.6, 2.4, 5, 4, 3.5, 3.2]}
    >>> tasks = tasks_at("learning_curve", table, "run_id", at={"run_id": ["a", "b", "b"], "x": [8, 8, 16]})
    >>> tasks["b"].extra["points"]["x"].tolist()
    [8, 16]
    >>> batch = bs.fit_many(
    ...     "learning_curve", tasks, keep=parameters_and_predictions, folder="out/curves"
    ... )  # doctest: +SKIP
    >>> batch.predictions()  # doctest: +SKIP

    >>> tasks_at("learning_curve", table, "run_id", at={"steps": [8]})
    Traceback (most recent call last):
        ...
    bayes_scaling._base.errors.InputError: the points: no column 'x'; the table has ['steps']
    """
    if kind not in ("expected", "observed"):
        raise InputError(f"kind {kind!r}: expected 'expected' or 'observed'")
    study = read_study(study) if isinstance(study, str | Path) else study
    tasks = tasks_by(study, table, by, independent=independent)
    source = source_of(at, "the points")
    frame = read_table(at, labels=study.columns.labels | set(map(str, tasks.labels)))
    frame.attrs = {**frame.attrs, READ: {**reading_of(frame), "source": source}}
    if frame.empty:
        raise InputError(f"{source}: no rows; expected one or more")
    points = _points_of_tasks(tasks, frame, study.columns, source)
    _check(tasks, frame, points, study)
    return replace(tasks, extras=lambda name: {"points": points(name), "kind": kind})


def points_at(study: Study, said: Sequence[str]) -> Path | dict[str, list[float]]:
    """Return points as a command line has them: the path of a table, or numbers, which are values of a law's only input.

    Raises
    ------
    InputError
        For what is neither.

    Examples
    --------
    >>> points_at(read_study("learning_curve"), ["1e5", "2e5"])
    {'x': [100000.0, 200000.0]}
    """
    numbers = [_number(one) for one in said]
    if len(said) == 1 and numbers[0] is None:
        return Path(said[0])
    if known := [one for one, number in zip(said, numbers, strict=True) if number is None]:
        raise InputError(f"--at {known[0]}: expected one table of points, or numbers alone")
    inputs = study.columns.inputs
    if len(inputs) != 1:
        raise InputError(
            f"--at {said[0]}: a number is enough where a model has one input; {study.name} has {format_names(inputs)}: "
            "expected a table with these columns"
        )
    return {one.column: [of for of in numbers if of is not None] for one in inputs.values()}


def _number(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _points_of_tasks(tasks: TableTasks, frame: pd.DataFrame, columns: Columns, source: str) -> Callable[[str], pd.DataFrame]:
    """Return a function of a task that returns its points."""
    names = [str(name) for name in tasks.labels]
    shared = [name for name in names if name in frame]
    rows: dict[str, np.ndarray] = {}
    called: Mapping[str, str] = {}
    if shared:
        levels = level_names(frame, shared, source)
        rows = {str(name): np.asarray(of) for name, of in levels.groupby(levels, sort=False).indices.items()}
        called = dict(zip(tasks.labels.index, level_names(tasks.labels.reset_index(drop=True), shared, "tasks"), strict=True))
        _check_names(rows, called, source)
    parts = {part for dim, of in columns.dims.items() if dim not in frame for part in of}
    needless = [name for name in shared if name not in columns.read | set(columns.dims)]
    filled = [name for name in names if name not in frame and name in parts]

    def points(name: str) -> pd.DataFrame:
        own = frame.iloc[rows[called[name]]].reset_index(drop=True) if shared else frame
        own = own.drop(columns=needless)
        for one in filled:
            own[one] = tasks.labels[one].loc[name]
        own.attrs = frame.attrs
        return own

    return points


def _check_names(rows: Mapping[str, object], called: Mapping[str, str], source: str) -> None:
    known = set(called.values())
    if strangers := [name for name in rows if name not in known]:
        raise InputError(f"{source}: no task {strangers[0]!r}{_and_more(strangers)}; expected levels that the table has")
    if bare := [name for name, of in called.items() if of not in rows]:
        raise InputError(
            f"{source}: no points for {several(len(bare), 'task')} ({', '.join(bare[:NAMED])}{_and_more(bare, NAMED)}); "
            "expected some for each"
        )


def _and_more(names: Sequence[str], said: int = 1) -> str:
    return f" and {format_count(len(names) - said)} more" if len(names) > said else ""


def _check(tasks: TableTasks, frame: pd.DataFrame, points: Callable[[str], pd.DataFrame], study: Study) -> None:
    """Raise InputError for points at which nothing can be predicted; where no task can be read its fit will say why."""
    found = next((one for name in islice(tasks, TRIED) if (one := _readable(tasks, name))), None)
    if found is None:
        return
    name, task = found
    groups = law_groups(task.model or study.model)
    own = points(name)
    read_points(own, task.runs, groups)
    if study.columns.schedule is None and len(own) < len(frame):
        every = frame.assign(**{str(one): own[one].iloc[0] for one in own if one not in frame})
        every.attrs = frame.attrs
        read_points(every, task.runs, groups)


def _readable(tasks: TableTasks, name: str) -> tuple[str, Task] | None:
    try:
        return name, tasks[name]
    except InputError:
        return None
