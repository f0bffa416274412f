"""Logs of ten million rows in each format: read, and made one tidy table; seconds and peak memory, beside `pandas.read_csv`.

    python benchmarks/import_logs.py [--rows N] [--folder DIR] [--only CASE ...]      # writes import_logs.md

Fifty simulated runs, each logged at every step. Every case is a process of its own, so that its peak memory is its own;
importing the package is in it. The last line is `pandas.read_csv` of the same numbers as one table: run, step and loss.
"""

import argparse
import resource
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.data.importers.wire import masked_checksums

RUNS = 50
BASELINE = "pandas.read_csv"


def simulated(rows: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Return runs: name, steps, losses of five digits."""
    rng, each = np.random.default_rng(0), rows // RUNS
    step = np.arange(1, each + 1) * 10
    for run in range(RUNS):
        loss = 1.8 + (run + 20) * step**-0.3 + rng.normal(0.0, 0.01, each)
        yield f"run-{run:02d}", step, loss.round(5)


def write_json(folder: Path, rows: int) -> None:
    for name, step, loss in simulated(rows):
        lines = map('{{"step": {}, "train/loss": {}, "lr": 0.0003}}\n'.format, step.tolist(), loss.tolist())
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def write_chart(folder: Path, rows: int) -> None:
    columns: dict[str, np.ndarray] = {}
    for name, step, loss in simulated(rows):
        columns |= {"Step": step, **{f"{name} - train/loss{end}": loss for end in ("", "__MIN", "__MAX")}}
    pd.DataFrame(columns).to_csv(folder / "chart.csv", index=False)


def write_parquet(folder: Path, rows: int) -> None:
    for name, step, loss in simulated(rows):
        frame = pd.DataFrame({"_step": step, "_runtime": step * 0.5, "train/loss": loss})
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def write_mlflow(folder: Path, rows: int) -> None:
    with sqlite3.connect(folder / "mlflow.db") as connection:
        connection.executescript(
            "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE runs (run_uuid TEXT, name TEXT, status TEXT, lifecycle_stage TEXT, experiment_id INTEGER);"
            "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN);"
            "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);"
        )
        for name, step, loss in simulated(rows):
            identity = name.ljust(32, "0")
            connection.execute("INSERT INTO runs VALUES (?, ?, 'FINISHED', 'active', NULL)", (identity, name))
            values = ((of, 0, identity, at) for at, of in zip(step.tolist(), loss.tolist(), strict=True))
            connection.executemany("INSERT INTO metrics VALUES ('train/loss', ?, ?, ?, ?, 0)", values)
    connection.close()


def write_trackio(folder: Path, rows: int) -> None:
    with sqlite3.connect(folder / "sweep.db") as connection:
        columns = "id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, step INTEGER, metrics TEXT"
        connection.execute(f"CREATE TABLE metrics ({columns})")
        for name, step, loss in simulated(rows):
            values = ((name, name, at, f'{{"train/loss":{of}}}') for at, of in zip(step.tolist(), loss.tolist(), strict=True))
            connection.executemany("INSERT INTO metrics VALUES (NULL, ?, ?, ?, ?)", values)
    connection.close()


def write_events(folder: Path, rows: int) -> None:
    for name, step, loss in simulated(rows):
        (folder / name).mkdir()
        events = [b"\x09" + struct.pack("<d", 1.0) + b"\x1a\x0dbrain.Event:2", *map(_event, step.tolist(), loss.tolist())]
        (folder / name / "events.out.tfevents.1.host").write_bytes(_framed(events))


def _event(step: int, loss: float) -> bytes:
    written = bytearray()
    while step >= 0x80:
        written.append(step & 0x7F | 0x80)
        step >>= 7
    value = b"\x0a\x0atrain/loss\x15" + struct.pack("<f", loss)
    return b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([*written, step]) + b"\x2a\x13\x0a\x11" + value


def _framed(events: list[bytes]) -> bytes:
    lengths = np.array([len(event) for event in events])
    starts = np.cumsum(lengths) - lengths
    body = masked_checksums(np.frombuffer(b"".join(events), np.uint8), starts, lengths).tolist()
    head = np.array(lengths, "<u8").view(np.uint8)
    sizes = masked_checksums(head, np.arange(len(events)) * 8, np.full(len(events), 8)).tolist()
    pack = struct.Struct("<QI").pack
    return b"".join(
        pack(len(event), size) + event + struct.pack("<I", crc) for event, size, crc in zip(events, sizes, body, strict=True)
    )


def write_tidy(folder: Path, rows: int) -> None:
    for name, step, loss in simulated(rows):
        frame = pd.DataFrame({"run": name, "step": step, "train/loss": loss})
        frame.to_csv(folder / "tidy.csv", index=False, mode="a", header=name == "run-00")


CASES: dict[str, Callable[[Path, int], None]] = {
    "JSON lines": write_json,
    "W&B chart export (CSV)": write_chart,
    "W&B history (Parquet)": write_parquet,
    "MLflow database": write_mlflow,
    "Trackio project": write_trackio,
    "TensorBoard event files": write_events,
    "table of logs (CSV)": write_tidy,
    BASELINE: write_tidy,
}


def measure(case: str, folder: str) -> None:
    """Read logs, make a tidy table of them, and print how long each took, peak memory and rows."""
    start = time.perf_counter()
    if case == BASELINE:
        table = pd.read_csv(Path(folder) / "tidy.csv")
        read = done = time.perf_counter()
    else:
        import bayes_scaling as bs

        logs = bs.read_logs(folder)
        read = time.perf_counter()
        table = logs.to_frame()
        done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{read - start:.2f} {done - read:.2f} {peak:.3f} {len(table)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where to write the logs, a format at a time, up to 2 GB")
    parser.add_argument("--only", nargs="+", choices=list(CASES), help="print these cases, and write nothing")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(*asked.measure)
        return
    cases = asked.only or list(CASES)
    measured = {case: _measured(case, asked.rows, asked.folder) for case in dict.fromkeys([*cases, BASELINE])}
    text = report(measured, asked.rows)
    print(text)
    if not asked.only:
        (Path(__file__).parent / "import_logs.md").write_text(text, encoding="utf-8")


def _measured(case: str, rows: int, where: Path | None) -> list[float]:
    with tempfile.TemporaryDirectory(dir=where) as folder:
        CASES[case](Path(folder), rows)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
        command = [sys.executable, __file__, "--measure", case, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(case, done.stderr, file=sys.stderr)
    return [size, *map(float, done.stdout.split() or ["nan"] * 4)]


def report(measured: dict[str, list[float]], rows: int) -> str:
    """Return the table of what was measured."""
    measured_on = f"Measured {datetime.now(UTC):%Y-%m-%d} by `benchmarks/import_logs.py`"
    head = f"# Import of logs\n\n{measured_on}; {RUNS} runs, {rows:,} rows.\n\n"
    names = "| logs | MB | read, s | tidy table, s | of pandas | peak memory, GB | of pandas | rows/s | rows out |\n"
    _, base, _, memory, _ = measured[BASELINE]
    lines = [
        f"| {case} | {size:.0f} | {read:.1f} | {tidy:.1f} | {(read + tidy) / base:.1f} | {peak:.2f} | {peak / memory:.1f} "
        f"| {rows / (read + tidy):,.0f} | {out:.0f} |"
        for case, (size, read, tidy, peak, out) in measured.items()
    ]
    return head + names + "| --- " * 9 + "|\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
