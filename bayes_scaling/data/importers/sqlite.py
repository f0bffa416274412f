"""SQLite files as they are at one moment: opened to read only, and not disturbed where a logger writes to them."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling.data.importers.recognise import Head

MAGIC = b"SQLite format 3\0"

PATIENCE = 10.0
"""Seconds to wait for a program that writes."""

COMPANIONS = ("-wal", "-shm", "-journal")
"""Endings of what SQLite writes beside a file; it reads them with it."""

BATCH = 50_000
"""Rows that are fetched at once."""


@contextmanager
def reading(head: Head) -> Iterator[sqlite3.Connection]:
    """Give a connection to a SQLite file; what is read of it is one state, whatever is written meanwhile.

    Raises
    ------
    InputError
        Where it is locked, damaged or cut.
    """
    try:
        with _connected(head.path) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{head.source}: {_said(error)}") from None


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection; where a folder cannot be written to, SQLite reads only what nobody else does."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        try:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
        except sqlite3.OperationalError as error:
            if "unable to open" not in str(error) or _is_full(path.with_name(f"{path.name}-wal")):
                raise
            connection.close()
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        connection.text_factory = _text
        yield connection
    finally:
        connection.close()


def _is_full(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _said(error: sqlite3.Error) -> str:
    said = " ".join(str(error).split())
    if "locked" in said or "busy" in said:
        return f"another program is writing to it ({said}); try again later, or read a copy"
    return f"is no SQLite file that can be read, or was cut ({said}); copy it again where it is being written"


def tables_in(head: Head) -> dict[str, frozenset[str]]:
    """Return the columns of the tables of a SQLite file; none where it is no such file.

    Raises
    ------
    InputError
        Where it is one, but locked, damaged or cut.
    """
    if not head.start.startswith(MAGIC):
        return {}
    try:
        return _tables(head.path, head.path.stat().st_mtime_ns)
    except sqlite3.Error as error:
        raise InputError(f"{head.source}: {_said(error)}") from None


@cache
def _tables(path: Path, _changed: int) -> dict[str, frozenset[str]]:
    with _connected(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = "SELECT name FROM pragma_table_info(?)"
        return {name: frozenset(column for (column,) in connection.execute(columns, (name,))) for name in names}


def require_numbers(place: str, names: Iterable[object], cells: Iterable[object]) -> None:
    """Refuse a cell that is no number: columns of SQLite take any text."""
    for name, cell in zip(names, cells, strict=True):
        if not isinstance(cell, int | float | None):
            raise InputError(f"{place} {format_value(name)} is {format_value(cell)}; expected a number")


def batches(connection: sqlite3.Connection, query: str) -> Iterator[list[tuple[Any, ...]]]:
    """Return the rows of a query, some thousands at once."""
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(BATCH):
        yield rows
