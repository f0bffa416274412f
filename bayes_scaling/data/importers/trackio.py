"""Trackio's database: a file a project, a row of JSON a step, and a table of configurations."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.columnar import cells_of
from bayes_scaling.data.importers.grouped import Grouped, codes_of
from bayes_scaling.data.importers.nested import NUMBERS, numbers_of, settings_of
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.plain import flat_records
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.sqlite import batches, reading, require_numbers, tables_in

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
        if not _add_plain(batch, rows, source):
            _add(batch, rows, source)
    return rows


def _add_plain(batch: list[tuple[Any, ...]], rows: Grouped, source: str) -> bool:
    """Add rows by Arrow, and return whether it could: where all are plain JSON, without words for numbers, lists and media."""
    from pyarrow import types

    runs, steps, written, _ = zip(*batch, strict=True)
    require_numbers(f"{source}: table metrics, step of run", runs, steps)
    table = flat_records(b"\n".join(of if isinstance(of, bytes) else str(of).encode() for of in written))
    if table is None or table.num_rows != len(batch) or any(name.endswith("_type") for name in table.schema.names):
        return False
    keys = [field.name for field in table.schema if types.is_integer(field.type) or types.is_floating(field.type)]
    words = [table.column(field.name) for field in table.schema if types.is_string(field.type)]
    if not keys or any(set(of.unique().to_pylist()) & NUMBERS.keys() for of in words):
        return False
    row, column, values = cells_of(table, keys)
    names = np.array([rows.names.setdefault(key, len(rows.names)) for key in keys], dtype=np.int32)
    rows.append(codes_of(runs, rows.runs)[row], np.array(steps, dtype=float)[row], names[column], values)
    return True


def _add(batch: list[tuple[Any, ...]], rows: Grouped, source: str) -> None:
    """Add rows one by one."""
    runs, steps, keys, values = list[str](), list[float](), list[str](), list[float]()
    for run, step, written, number in batch:
        found = dict(numbers_of(_record(written, f"{source}: row {number} of the table metrics")))
        runs += [run] * len(found)
        steps += [step] * len(found)
        keys += found
        values += found.values()
    rows.extend(runs, np.array(steps, dtype=float), keys, np.array(values, dtype=float))


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
