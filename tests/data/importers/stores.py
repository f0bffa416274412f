"""Small stores as MLflow 3, Trackio and wandb write them."""

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MLFLOW = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256) NOT NULL, lifecycle_stage VARCHAR(32));
CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), status VARCHAR(9), lifecycle_stage VARCHAR(20),
    experiment_id INTEGER, CONSTRAINT run_pk PRIMARY KEY (run_uuid));
CREATE TABLE metrics ("key" VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,
    run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,
    CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan));
CREATE TABLE latest_metrics ("key" VARCHAR(250), value FLOAT, timestamp BIGINT, step BIGINT, run_uuid VARCHAR(32));
CREATE TABLE params ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL, run_uuid VARCHAR(32) NOT NULL);
CREATE TABLE tags ("key" VARCHAR(250) NOT NULL, value VARCHAR(8000), run_uuid VARCHAR(32) NOT NULL);
INSERT INTO experiments VALUES (1, 'sweep', 'active');
"""

TRACKIO = """
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
    run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL);
CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL,
    config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id));
"""

type Rows = Iterable[tuple[str, int, float]]


def mlflow_run(
    connection: sqlite3.Connection,
    run: str,
    rows: Rows,
    params: Mapping[str, str],
    *,
    status: str = "FINISHED",
    stage: str = "active",
    tags: Mapping[str, str] = {},
) -> None:
    """Add a run as MLflow does: NaN as 0 with a flag, infinity as the largest float."""
    identity = f"{run}{'0' * 32}"[:32]
    connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, 1)", (identity, run, status, stage))
    for place, (key, step, value) in enumerate(rows):
        nan = value != value
        kept = 0.0 if nan else max(min(value, 1.7976931348623157e308), -1.7976931348623157e308)
        connection.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", (key, kept, 1_000 + place, identity, step, nan))
    connection.executemany("INSERT INTO params VALUES (?, ?, ?)", [(key, of, identity) for key, of in params.items()])
    connection.executemany("INSERT INTO tags VALUES (?, ?, ?)", [(key, of, identity) for key, of in tags.items()])


def mlflow_folder(root: Path, run: str, rows: Rows, params: Mapping[str, str], status: int = 3, stage: str = "active") -> Path:
    """Write a run's folder in an experiment's."""
    folder = root / "1" / f"{run}id"
    files = {"meta.yaml": meta(run, status, stage), "tags/mlflow.runName": run, "tags/team": "alpha"}
    files |= {f"params/{key}": value for key, value in params.items()}
    for place, (key, step, value) in enumerate(rows):
        name = f"metrics/{key}"
        files[name] = files.get(name, "") + f"{1_000 + place} {value} {step}\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "notes.txt").write_text("words", encoding="utf-8")
    (root / "1" / "meta.yaml").write_text(
        "experiment_id: '1'\nlifecycle_stage: active\nname: 'it''s a sweep'\n", encoding="utf-8"
    )
    return folder


def meta(run: str, status: int, stage: str) -> str:
    return (
        f"artifact_uri: file:///home/{run}/artifacts\nend_time: 2\nlifecycle_stage: {stage}\nrun_id: {run}id\n"
        f"run_name: {run}\nstatus: {status}\ntags: []\n"
    )


def trackio(path: Path, runs: Mapping[str, tuple[Mapping[str, Any], Iterable[tuple[int, str]]]]) -> Path:
    """Write a project: run -> (config, rows of a step and JSON)."""
    with sqlite3.connect(path) as connection:
        connection.executescript(TRACKIO)
        for run, (config, rows) in runs.items():
            values = [(f"{run}-id", "2026-01-01T00:00:00+00:00", run, step, written.encode()) for step, written in rows]
            connection.executemany("INSERT INTO metrics VALUES (NULL, ?, ?, ?, ?, ?)", values)
            entry = (f"{run}-id", run, json.dumps(config).encode(), "2026-01-01T00:00:00+00:00")
            connection.execute("INSERT INTO configs VALUES (NULL, ?, ?, ?, ?)", entry)
    connection.close()
    return path


def offline_run(
    path: Path, run: str, config: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], *, ended: bool = True
) -> Path:
    """Write a run-ID.wandb file."""
    settings = b"".join(_bytes(1, _item(key, value)) for key, value in {**config, "_wandb": {}}.items())
    start = _bytes(1, f"{run}id".encode()) + _bytes(4, settings) + _bytes(8, run.encode())
    records = [_bytes(17, start)]
    for row in rows:
        items = b"".join(_bytes(1, _item(key, value)) for key, value in row.items())
        records.append(_bytes(2, items + _bytes(2, _whole(1, row["_step"]))))
    if ended:
        records.append(_bytes(18, b""))
    content = b":W&B\xe1\xbe\0"
    for record in records:
        content = _add(content, record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _add(content: bytes, record: bytes) -> bytes:
    """Add a record in fragments that end with blocks of 32 KB."""
    first = True
    while True:
        left = 32_768 - len(content) % 32_768
        if left < 7:
            content, left = content + b"\0" * left, 32_768
        piece, record = record[: left - 7], record[left - 7 :]
        kind = bytes([(1 if first else 4) if not record else (2 if first else 3)])
        content += struct.pack("<IH", zlib.crc32(piece, zlib.crc32(kind)), len(piece)) + kind + piece
        first = False
        if not record:
            return content


def _item(key: str, value: Any) -> bytes:
    return _bytes(1, key.encode()) + _bytes(16, json.dumps(value).encode())


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _whole(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    written = b""
    while value >= 0x80:
        written, value = written + bytes([value & 0x7F | 0x80]), value >> 7
    return written + bytes([value])
