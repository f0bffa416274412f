"""Large tables and JSON lines by Arrow, ten times as fast as cell by cell: only where it finds what careful readers would.

Any cell that those would take for another number than Arrow does, or mend, or say something of, leaves the file to them. The
tests hold both against each other.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.notation import MISSING
from bayes_scaling.data.delimited import BYTE_ORDER_MARKS, SEPARATORS
from bayes_scaling.data.importers.binary import GZIP
from bayes_scaling.data.importers.recognise import Head, comments_above
from bayes_scaling.data.importers.steps import RUNS
from bayes_scaling.data.rates import is_run_name

LEAST_BYTES = 1_000_000
"""Smaller files are read carefully."""

CHUNK = 1 << 24
"""Bytes that are read at once."""

LEADING_ZERO = re.compile(rb"""[\n,;\t|"'][ +-]*0\d""")
"""A number with zeros in front is a name."""

MARKED = r"^[+-]?\d[\d.]*,\d"
"""A cell with a decimal comma, or with commas between thousands; it tells how cells of other columns are meant."""


NO_WORDS = frozenset({*(word.lower() for word in MISSING), "inf", "infinity", "nan"})

WORD = r"^[A-Za-z_(/]"
"""How a cell begins that is no number, unless it is a word for a missing one or for one that is not finite."""


@dataclass(frozen=True)
class Entry:
    """A column: its name, numbers and which of them are there, or the cells of a text; of numbers the cells are numbers.

    Parameters
    ----------
    doubtful
        Whether a text may be numbers, as 0.4M and 1.2e18 FLOP are.
    """

    name: str
    numbers: np.ndarray
    there: np.ndarray
    cells: pd.Series
    doubtful: bool = False


@dataclass(frozen=True)
class Plain:
    """A table of numbers and texts; of texts the cells are as written, and doubtful ones are to be read carefully still."""

    entries: tuple[Entry, ...]
    rows: int
    notes: tuple[str, ...] = ()


def plain_table(head: Head) -> Plain | None:
    """Return a table of delimited text; None where it is small, or not plain."""
    if not _is_plain_text(head) or not _is_plain_header(head) or _last_line(head):
        return None
    if any(LEADING_ZERO.search(chunk) for chunk in _chunks(head)):
        return None
    table, odd = _by_csv(head), head.separator != ","
    return (
        None
        if table is None
        else _plain(table, head.header, (f"{head.source} is split at {SEPARATORS[head.separator]}",) * odd)
    )


def _is_plain_header(head: Head) -> bool:
    """Return whether the first line names every column, and one separator alone stands in it."""
    first = head.lines[0]
    guarded = any(name.startswith(("'", "=", "+", "-", "@")) for name in head.header)
    if comments_above(head.text):
        return False
    others = any(mark in first for mark in SEPARATORS if mark != head.separator)
    return len(head.header) > 1 and all(head.header) and not guarded and not others and not first.startswith("sep=")


def plain_records(head: Head) -> Plain | None:
    """Return JSON lines that are flat, or nested without lists; None where the file is small, or holds others."""
    if not _is_plain_text(head):
        return None
    last = _last_line(head)
    try:
        cut = bool(last) and not isinstance(json.loads(last), dict)
    except ValueError:
        cut = True
    table = _by_json(head, len(last) if cut else 0)
    if table is None:
        return None
    names = table.schema.names
    notes = (
        (f"{head.source}, line {table.num_rows + 1}: {format_value(last.decode())} was cut, and is left out",) if cut else ()
    )
    return _plain(table, names, notes)


def _is_plain_text(head: Head) -> bool:
    marked = any(head.start.startswith(mark) for mark in BYTE_ORDER_MARKS)
    with head.path.open("rb") as stream:
        packed = stream.read(2) == GZIP
    return head.path.stat().st_size >= LEAST_BYTES and not packed and not marked and bool(head.lines) and "\0" not in head.text


def _last_line(head: Head) -> bytes:
    """Return the last line where it has no end, else nothing."""
    with head.path.open("rb") as stream:
        stream.seek(max(0, head.path.stat().st_size - CHUNK))
        return stream.read().rpartition(b"\n")[2].rstrip(b"\r")


def _chunks(head: Head) -> Iterator[bytes]:
    """Return the bytes of a file in pieces that share their ends."""
    last = b"\n"
    with head.path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield last + chunk
            last = chunk[-16:]


def _by_csv(head: Head) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(i) for i in range(len(head.header))]
    try:
        return csv.read_csv(
            head.path,
            csv.ReadOptions(column_names=names, skip_rows=1, block_size=CHUNK),
            csv.ParseOptions(delimiter=head.separator, newlines_in_values=False),
            csv.ConvertOptions(null_values=[""], strings_can_be_null=False, timestamp_parsers=[]),
        )
    except pa.ArrowInvalid:
        return None


def _by_json(head: Head, cut: int) -> Any:
    """Return JSON lines as a table by Arrow, which is fast; None where it cannot read them."""
    import pyarrow as pa
    from pyarrow import json as arrow

    try:
        with head.path.open("rb") as stream:
            whole = pa.BufferReader(stream.read(head.path.stat().st_size - cut)) if cut else pa.PythonFile(stream)
            return _flat(arrow.read_json(whole, arrow.ReadOptions(block_size=CHUNK)))
    except pa.ArrowInvalid:
        return None


def flat_records(lines: bytes) -> Any:
    """Return JSON lines in memory as an Arrow table, nested names with dots; None where Arrow cannot, or names repeat."""
    import pyarrow as pa
    from pyarrow import json as arrow

    try:
        return _flat(arrow.read_json(pa.BufferReader(lines), arrow.ReadOptions(block_size=CHUNK)))
    except pa.ArrowInvalid:
        return None


def _flat(table: Any) -> Any:
    while any(_is_nested(field.type) for field in table.schema):
        table = table.flatten()
    return table if len(set(table.schema.names)) == table.num_columns else None


def _is_nested(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind))


def _plain(table: Any, names: list[str], notes: tuple[str, ...]) -> Plain | None:
    entries = []
    for place, name in enumerate(names):
        entry = _entry(name.strip(), table.column(place))
        if entry is None:
            return None
        entries.append(entry)
    return Plain(tuple(entries), table.num_rows, notes)


def _entry(name: str, column: Any) -> Entry | None:
    """Return a column; None where it holds what is neither number nor text, or is one that other columns depend on."""
    import pyarrow as pa
    from pyarrow import compute, types

    there = np.asarray(column.is_valid())
    if types.is_null(column.type):
        return Entry(name, np.full(len(column), np.nan), there, pd.Series([""] * len(column), dtype="str"))
    if types.is_integer(column.type) or types.is_floating(column.type):
        numbers = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=float)
        if not _names_runs(name):
            return Entry(name, numbers, there, pd.Series(numbers, copy=False))
        cells = pd.Series(column.cast(pa.string()).fill_null(""), dtype="str")
        return Entry(name, numbers, there, cells) if types.is_integer(column.type) else None
    if not types.is_string(column.type) or compute.any(compute.match_substring_regex(column, MARKED)).as_py():
        return None
    cells = pd.Series(column.fill_null(""), dtype="str").str.strip()
    words = pd.Series(cells.unique(), dtype="str")
    doubtful = bool(not words[words != ""].str.match(WORD).all() or words.str.lower().isin(NO_WORDS).any())
    return Entry(name, np.empty(0), (cells != "").to_numpy(dtype=bool), cells, doubtful)


def _names_runs(name: str) -> bool:
    """Return whether the cells of a column may become names; those of a chart are called RUN - METRIC, and do not."""
    return name.lower() in RUNS or (is_run_name(name) and " - " not in name)
