"""W&B offline run: what `wandb` wrote to a run-ID.wandb file, before `wandb sync` or without it.

Blocks of 32 KB hold records, or fragments of them, as LevelDB's logs do; a record is a protocol buffer of wandb's `Record`.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import unpack
from typing import IO, Any

from bayes_scaling.data.importers.binary import open_binary
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.nested import numbers_of, settings_of
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.wandb_history import is_metric
from bayes_scaling.data.importers.wire import BYTES, VARINT, Field, fields, signed, text

NAME = "W&B offline run (.wandb)"
HOME = "W&B"

MAGIC = b":W&B\xe1\xbe"
HEADER = 7
"""Bytes before the first record, and before each record: checksum, length, kind."""

BLOCK = 32_768
WHOLE, FIRST, LAST = 1, 2, 4
"""Kinds of records: whole, or the first or last fragment of one."""

HISTORY, CONFIG, RUN, EXIT = 2, 5, 17, 18
"""Fields of a record that are read here."""

OWN = "_"
"""Settings of wandb's own begin with this."""


@dataclass
class Offline:
    """What a file holds: rows, settings, and what the run is called."""

    rows: Coded = field(default_factory=Coded)
    config: dict[str, Any] = field(default_factory=dict)
    identity: str = ""
    called: str = ""
    finished: bool = False


def recognises(head: Head) -> bool:
    """Return whether a file begins as wandb's do."""
    return head.start.startswith(MAGIC)


def read(head: Head) -> Iterator[Part]:
    """Return the run of a file."""
    run, damage = Offline(), ""
    with open_binary(head) as stream:
        for record, damage in _records(stream):
            if not damage:
                _take(record, run)
    config = {**dict(settings_of(run.config)), **({"id": run.identity} if run.identity else {})}
    called = run.called or run.identity or run_name(head.source)
    notes = [f"{head.source}: {damage}; read up to there"] if damage else []
    if not run.finished and not damage:
        notes.append(f"{head.source}: run {called!r} had not finished when the file was written")
    home = f"{HOME} {run.identity or head.source}"
    yield Part(called, head.source, NAME, run.rows.to_frame(), config, tuple(notes), home=home)


def _records(stream: IO[bytes]) -> Iterator[tuple[bytes, str]]:
    """Return records, put together of their fragments; in the end what is wrong, where the file is cut or damaged."""
    place, parts, kind = len(stream.read(HEADER)), list[bytes](), WHOLE
    while True:
        padding = BLOCK - place % BLOCK
        place += len(stream.read(padding)) if padding < HEADER else 0
        header = stream.read(HEADER)
        if not header and kind in (WHOLE, LAST):
            return
        checksum, length, kind = unpack("<IHB", header) if len(header) == HEADER else (0, 1, 0)
        content = stream.read(length)
        if len(content) < length:
            yield b"", f"byte {place}: the file ends within a record"
            return
        if zlib.crc32(content, zlib.crc32(header[6:])) != checksum:
            yield b"", f"byte {place}: a record's checksum does not fit it"
            return
        parts = [content] if kind in (WHOLE, FIRST) else [*parts, content]
        if kind in (WHOLE, LAST):
            yield b"".join(parts), ""
        place += HEADER + length


def _take(record: bytes, run: Offline) -> None:
    """Take what a record says of the run; one that is no such record says nothing."""
    for one in fields(record):
        if one.kind != BYTES:
            continue
        if one.number == HISTORY:
            _history(record, one, run)
        elif one.number == CONFIG:
            _configure(record, one, run)
        elif one.number == EXIT:
            run.finished = True
        elif one.number == RUN:
            parts = {part.number: part for part in fields(record, one.start, one.end)}
            run.identity = text(record, parts[1]) if 1 in parts else run.identity
            run.called = text(record, parts[8]) if 8 in parts else run.called
            if 4 in parts:
                _configure(record, parts[4], run)


def _history(record: bytes, history: Field, run: Offline) -> None:
    """Take a row of metrics."""
    row, step = dict[str, Any](), float("nan")
    for one in fields(record, history.start, history.end):
        if one.number == 1:
            key, value = _item(record, one)
            row[key] = value
        elif one.number == 2:
            step = next((float(signed(of.whole)) for of in fields(record, one.start, one.end) if of.kind == VARINT), 0.0)
    step = float(row.get("_step", step))
    for name, number in numbers_of(row):
        if is_metric(name):
            run.rows.add(step, name, number)


def _configure(record: bytes, config: Field, run: Offline) -> None:
    """Take settings."""
    for one in fields(record, config.start, config.end):
        if one.number == 1:
            key, value = _item(record, one)
            if not key.startswith(OWN):
                run.config[key] = value


def _item(record: bytes, item: Field) -> tuple[str, Any]:
    """Return a key and its value; a nested key is dotted."""
    parts = list(fields(record, item.start, item.end))
    key = ".".join(text(record, one) for one in parts if one.number in (1, 2) and one.start < one.end)
    written = next((text(record, one) for one in parts if one.number == 16), "null")
    try:
        return key, json.loads(written)
    except ValueError:
        return key, None
