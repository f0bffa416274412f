"""Trackio's database: a file a project, a row of JSON a step, and a table of configurations."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.grouped import Grouped
from bayes_scaling.data.importers.nested import numbers_of, settings_of
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sqlite import batches, reading, tables_in

NAME = "Trackio project (SQLite)"

NEEDED = {"run_name", "step", "metrics"}


def recognises(head: Head) -> bool:
    """Return whether a file is a SQLite file with Trackio's table of metrics."""
    return tables_in(head).get("metrics", frozenset()) >= NEEDED


def read(head: Head) -> Iterator[Part]:
    """Yield a part a run."""
    tables = tables_in(head)
    identity = "run_id" if "run_id" in tables["metrics"] else "run_name"
    with reading(head) as connection:
        called = dict(connection.execute(f"SELECT {identity}, run_name FROM metrics GROUP BY {identity} ORDER BY min(rowid)"))
        rows = _metrics(connection, identity, head.source)
        configs = _configs(connection, identity, head.source) if "configs" in tables else {}
    for run in rows.runs:
        source, home = f"{head.source}#{called[run]}", f"{NAME} {head.source} {run}"
        yield Part(called[run], source, NAME, rows.metrics(run), configs.get(run, {}), home=home)


def _metrics(connection: sqlite3.Connection, identity: str, source: str) -> Grouped:
    rows = Grouped()
    for batch in batches(connection, f"SELECT {identity}, step, metrics, rowid FROM metrics ORDER BY rowid"):
        runs, steps, keys, values = list[str](), list[float](), list[str](), list[float]()
        for run, step, written, number in batch:
            found = dict(numbers_of(_record(written, f"{source}: row {number} of the table metrics")))
            runs += [run] * len(found)  # type: ignore[list-item]
            steps += [step] * len(found)  # type: ignore[list-item]
            keys += found
            values += found.values()
        rows.extend(runs, np.array(steps, dtype=float), keys, np.array(values, dtype=float))
    return rows


def _configs(connection: sqlite3.Connection, identity: str, source: str) -> dict[str, dict[str, object]]:
    known = connection.execute(f"SELECT {identity}, config, rowid FROM configs ORDER BY rowid")
    return {run: dict(settings_of(_record(of, f"{source}: row {number} of the table configs"))) for run, of, number in known}


def _record(written: Any, place: str) -> dict[str, Any]:
    """Return a record from its JSON, text or bytes."""
    try:
        record = json.loads(written)
    except (TypeError, ValueError, RecursionError):
        raise InputError(f"{place} is no JSON; expected an object of metrics or settings") from None
    return record if isinstance(record, dict) else {}
