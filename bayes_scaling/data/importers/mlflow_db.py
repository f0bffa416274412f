"""MLflow's database: experiments, their runs, and what was logged of each.

The tables are those of MLflow 1.0 to 3: of a metric that is NaN the value is 0 and `is_nan` says so, of an infinite one it is
the largest float. https://github.com/mlflow/mlflow/blob/master/mlflow/store/tracking/dbmodels/models.py
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from bayes_scaling.data.importers.grouped import Grouped, numbered_steps
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sqlite import batches, reading, require_numbers, tables_in

NAME = "MLflow database (SQLite)"

NEEDED = {"experiments", "runs", "metrics", "params", "tags"}
LARGEST = 1.797e308
"""MLflow writes infinity as the largest float."""

OWN = "mlflow."
"""Tags of MLflow's own begin with this."""


@dataclass(frozen=True)
class Run:
    """A row of the table of runs, and what other tables say of it."""

    identity: str
    name: str
    status: str
    stage: str
    experiment: str
    params: dict[str, object] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """What the run is called: its name, or the beginning of its identity."""
        return self.name or self.tags.get("mlflow.runName") or self.identity[:8]


def recognises(head: Head) -> bool:
    """Return whether a file is a SQLite file with MLflow's tables."""
    return tables_in(head).keys() >= NEEDED


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run that has metrics and is not deleted."""
    with reading(head) as connection:
        runs = _runs(connection)
        rows = _metrics(connection, "is_nan" in tables_in(head)["metrics"], head.source)
    kept = [run for run in runs.values() if run.stage != "deleted" and run.identity in rows.runs]
    notes = tuple(f"{head.source}: {said}" for said in odd_runs(list(runs.values()), rows.runs))
    for run in kept:
        metrics, numbered = numbered_steps(rows.metrics(run.identity))
        source, home = f"{head.source}#{run.identity[:8]}", f"{NAME} {run.identity}"
        yield Part(run.called, source, NAME, metrics, config_of(run, runs), notes, home, numbered)
        notes = ()


def odd_runs(runs: list[Run], logged: Mapping[str, int]) -> Iterator[str]:
    """Return which runs are left out, and which did not finish."""
    there = [run for run in runs if run.stage != "deleted"]
    deleted = [run.called for run in runs if run.stage == "deleted"]
    empty = [run.called for run in there if run.identity not in logged]
    unfinished = [f"{run.called} ({run.status})" for run in there if run.identity in logged and run.status != "FINISHED"]
    if deleted:
        yield f"runs deleted in MLflow are left out: {', '.join(deleted)}"
    if empty:
        yield f"runs without metrics are left out: {', '.join(empty)}"
    if unfinished:
        yield f"runs that did not finish: {', '.join(unfinished)}"


def config_of(run: Run, runs: Mapping[str, Run]) -> dict[str, object]:
    """Return what is known of a run: experiment, identity, status, the run it is nested in, its tags and its parameters."""
    known: dict[str, object] = {"experiment": run.experiment, "run_id": run.identity, "status": run.status}
    if (parent := run.tags.get("mlflow.parentRunId")) is not None:
        known["parent"] = runs[parent].called if parent in runs else parent
    return known | {key: value for key, value in run.tags.items() if not key.startswith(OWN)} | run.params


def _runs(connection: sqlite3.Connection) -> dict[str, Run]:
    """Return the runs of a database with their parameters and tags, by their identities."""
    query = (
        "SELECT run_uuid, coalesce(runs.name, ''), coalesce(status, ''), runs.lifecycle_stage, coalesce(experiments.name, '') "
        "FROM runs LEFT JOIN experiments USING (experiment_id) ORDER BY runs.rowid"
    )
    runs = {row[0]: Run(*row) for row in connection.execute(query)}
    for identity, key, value in connection.execute("SELECT run_uuid, key, value FROM params ORDER BY rowid"):
        if identity in runs:
            runs[identity].params[key] = value
    for identity, key, value in connection.execute("SELECT run_uuid, key, value FROM tags ORDER BY rowid"):
        if identity in runs and value is not None:
            runs[identity].tags[key] = value
    return runs


def _metrics(connection: sqlite3.Connection, has_nan: bool, source: str) -> Grouped:
    """Return all metrics in the order written."""
    rows = Grouped()
    query = f"SELECT run_uuid, key, step, value, {'is_nan' if has_nan else '0'} FROM metrics ORDER BY rowid"
    for batch in batches(connection, query):
        runs, keys, steps, values, missing = zip(*batch, strict=True)
        require_numbers(f"{source}: table metrics, value of", keys, values)
        require_numbers(f"{source}: table metrics, step of", keys, steps)
        numbers = np.array(values, dtype=float)
        numbers[np.array(missing, dtype=bool)] = np.nan
        far = np.abs(numbers) >= LARGEST
        numbers[far] = np.copysign(np.inf, numbers[far])
        rows.extend(runs, np.array(steps, dtype=float), keys, numbers)
    return rows
