"""The tasks of a table: one for each level of a column, or for each combination of several."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.notation import READ, reading_of
from bayes_scaling._base.numbers import several
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.labels import label_column, number_as_text
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.roles.names import require_columns
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.inference.batch.tasks import Task, Tasks
from bayes_scaling.inference.fit import study_with_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import Study

KEPT_READ = 4_096
"""Tasks whose runs are held in memory; others are read again when they are asked for."""


@dataclass(frozen=True, eq=False, repr=False)
class TableTasks(Mapping[str, Task]):
    """Tasks whose runs are read when they are asked for: what `tasks_by` returns.

    Parameters
    ----------
    rows
        Task -> the places of its rows in the table.
    labels
        A row for each task, with the columns that tell tasks apart.
    extras
        Returns what `keep` is given beside the fit of a task; None: nothing.
    """

    frame: pd.DataFrame
    study: Study | Columns
    rows: Mapping[str, np.ndarray]
    labels: pd.DataFrame
    independent: bool = False
    extras: Callable[[str], Any] | None = None
    _read: Any = field(init=False)
    _sizes: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sizes", {name: len(of) for name, of in self.rows.items()})
        object.__setattr__(self, "_read", lru_cache(KEPT_READ)(partial(_task, self)))

    def __repr__(self) -> str:
        return f"<{several(len(self), 'task')} of {reading_of(self.frame)['source']}, by {', '.join(map(str, self.labels))}>"

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows of the table each task has."""
        return self._sizes

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __getitem__(self, name: str) -> Task:
        """Return a task; raises InputError where its rows are no runs."""
        if name not in self.rows:
            raise KeyError(name)
        task: Task = self._read(name)
        return task


def tasks_by(
    study: Study | Columns | str | Path, table: Table, by: str | Sequence[str], *, independent: bool = False
) -> TableTasks:
    """Return a task for each level of a column of a table: a curve, a sweep or a team each, as `fit_many(..., by=)` does.

    Runs are read task by task, when they are asked for. Rows of one task that are no runs fail that task alone.

    Parameters
    ----------
    study
        A study, or the name or file of one, which knows what columns are for; or `Columns`.
    table
        What `read_runs` takes.
    by
        Column, or several, whose levels tell tasks apart. A task is called by its level: `a` where there is one column, `a 7`
        where there are two. Tasks are in the order in which the table has them.
    independent
        Whether rows that look like checkpoints of runs are runs of their own, see `fit`.

    Returns
    -------
    Mapping
        Name -> task; `labels` has the levels of each as columns.

    Raises
    ------
    InputError
        Where the table cannot be read, or lacks a column that is needed, or where a level is missing.

    Examples
    --------
    Two curves of one table:

    >>> import bayes_scaling as bs
    >>> from bayes_scaling.inference.batch.from_table import tasks_by
    >>> table = {"curve": ["a", "a", "b", "b"], "step": [1, 2, 1, 2], "loss": [3.0, 2.5, 3.1, 2.9]}
    >>> columns = bs.Columns({"step": bs.Input("step")})
    >>> tasks = tasks_by(columns, table, by="curve")
    >>> list(tasks), len(tasks["b"].runs)
    (['a', 'b'], 2)
    >>> bs.fit_many(model, tasks, folder="out/curves")  # doctest: +SKIP
    """
    study = read_study(study) if isinstance(study, str | Path) else study
    columns = study.columns if isinstance(study, Study) else study
    names = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    if not names:
        raise InputError("no column is named whose levels tell tasks apart; expected one or several")
    if columns.response.column in names:
        raise InputError(f"{columns.response.column!r} is the loss; expected a column whose levels tell tasks apart")
    frame = read_table(table, labels=columns.as_written | set(names), wanted=columns.read | set(names))
    source = source_of(table)
    if frame.empty:
        raise InputError(f"{source}: no rows; expected some for each task")
    places = np.arange(len(frame))
    levels = {name: label_column(frame, (name,), source, places) for name in names}
    require_columns(frame, columns, source)
    called = level_names(frame, names, source)
    rows = {str(name): np.asarray(of) for name, of in called.groupby(called, sort=False).indices.items()}
    order = called.drop_duplicates().tolist()
    firsts = np.array([rows[name][0] for name in order])
    labels = pd.DataFrame({name: of.iloc[firsts].to_numpy() for name, of in levels.items()}, index=pd.Index(order, name="task"))
    frame.attrs = {**frame.attrs, READ: {**reading_of(frame), "source": source}}
    return TableTasks(frame, study, {name: rows[name] for name in order}, labels, independent)


def level_names(frame: pd.DataFrame, names: Sequence[str], source: str) -> pd.Series:
    """Return what the task of each row is called: by the level of a column, or the levels of several."""
    labels = label_column(frame, tuple(names), source, np.arange(len(frame)))
    return pd.Series([number_as_text(one) for one in labels], dtype="str")


def tasks_of(
    model: Model | Study | str | Path | None, tasks: Tasks | Table, by: str | Sequence[str] | None, settings: Settings | None
) -> tuple[Model | None, Tasks, Settings | None]:
    """Return a model, its tasks and settings, as they are or as a study and a table have them.

    Raises
    ------
    InputError
        Where a study comes without a table, or a table without a study, where several laws are given; and as `tasks_by` does.
    """
    study = read_study(model) if isinstance(model, str | Path) else model
    _refuse_several(study)
    if not isinstance(study, Study):
        if by is not None:
            raise InputError("by= is for a study and a table; a Model has no columns, and its tasks are a mapping name -> runs")
        return study, cast("Tasks", tasks), settings
    if isinstance(tasks, Mapping) and by is None:
        return study.model, cast("Tasks", tasks), settings or study.settings
    if by is None:
        raise InputError("a table is split by a column: expected by=, such as by='run_id'")
    return study.model, tasks_by(study, cast("Table", tasks), by), settings or study.settings


def _refuse_several(given: object) -> None:
    """Raise InputError for several laws: a batch has one fit a task."""
    if isinstance(given, Study) and given.stack:
        laws = several(len(given.stack), "law")
        raise InputError(
            f"{given.name} names {laws} to stack, and a batch fits one: give the .model of the study for its own alone, or fit "
            "each task with fit_stack"
        )
    if not isinstance(given, Model | Study | None):
        raise InputError(
            f"a batch fits one model, not a {type(given).__name__}; fit_stack fits several laws to the runs of one task"
        )


def _task(tasks: TableTasks, name: str) -> Task:
    """Return a task with its runs; it has a model of its own where its rows are taken for curves."""
    own = tasks.frame.iloc[tasks.rows[name]].reset_index(drop=True)
    known = reading_of(own)
    at = ", ".join(f"{column} {number_as_text(of)}" for column, of in tasks.labels.loc[name].items())
    source = f"{known['source']}, {at}"
    own.attrs = {**own.attrs, READ: {**known, "source": source}}
    extra = None if tasks.extras is None else tasks.extras(name)
    if isinstance(tasks.study, Columns):
        return Task(read_runs(own, tasks.study, source), extra=extra)
    study, runs = study_with_runs(tasks.study, own, independent=tasks.independent)
    return Task(runs, None if study.model is tasks.study.model else study.model, extra)
