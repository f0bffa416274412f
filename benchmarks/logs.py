"""Raw training logs of five million rows: read, checked as logs and thinned; seconds and peak memory.

    python benchmarks/logs.py [--rows N] [--folder DIR]      # writes logs.md

Fifty simulated runs, logged at every step to a table of seven columns, one of them text, with a restart, a missing loss and a
spike in each. Every case is a process of its own, so that its peak memory is its own; importing the package is in it.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_scaling.data.columns import Curve

RUNS = 50
CASES = ("log.csv", "log.parquet")


def simulated(rows: int) -> pd.DataFrame:
    """Return logs of `rows` rows together."""
    rng = np.random.default_rng(0)
    return pd.concat([_run(number, rows // RUNS, rng) for number in range(RUNS)], ignore_index=True)


def _run(number: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    crash, back = rows // 2, rows // 50
    step = np.concatenate([np.arange(1, crash + 1), np.arange(crash - back + 1, rows - back + 1)])
    params = 10 ** rng.uniform(7.5, 9.0)
    loss = (1.8 + 400 * params**-0.34 + 2000 * (step * 2.0**19) ** -0.36) * np.exp(rng.normal(0.0, 0.01, rows))
    loss[rows // 3] *= 1.5
    loss[rows // 4] = np.nan
    return pd.DataFrame(
        {
            "run_id": f"run_{number:02d}",
            "params": round(params),
            "step": step,
            "tokens": step * 2**19,
            "lr": (3e-4 * (1 - 0.9 * step / rows)).round(9),
            "loss": loss.round(5),
            "grad_norm": rng.gamma(3.0, 0.2, rows).round(4),
        }
    )


def measure(path: str) -> None:
    """Read one table and print how long each part took."""
    import bayes_scaling as bs

    columns = bs.Columns(
        inputs={"params": bs.Input("params", "parameters"), "tokens": bs.Input("tokens", "tokens")},
        run="run_id",
        curve=Curve("tokens", warmup_fraction=0.01, skip=("missing", "spikes")),
    )
    start = time.perf_counter()
    runs = bs.read_runs(path, columns)
    read = time.perf_counter()
    thinned = runs.thin(per_decade=20)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{read - start:.1f} {done - read:.1f} {peak:.2f} {len(runs)} {len(thinned)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, help="where to write the tables, 0.4 GB")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure)
    else:
        write(asked.rows, asked.folder)


def write(rows: int, where: Path | None) -> None:
    """Measure each case and write the table."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        frame = simulated(rows)
        frame.to_csv(Path(folder) / "log.csv", index=False, encoding="utf-8")
        frame.to_parquet(Path(folder) / "log.parquet", index=False)
        lines = [_line(Path(folder) / case, len(frame)) for case in CASES]
    head = f"# Raw logs\n\nMeasured {datetime.now(UTC):%Y-%m-%d} by `benchmarks/logs.py`; {RUNS} runs.\n\n"
    columns = "| table | MB | rows | read and checked, s | thinned, s | peak memory, GB | rows kept | thinned to |\n"
    text = head + columns + "| --- " * 8 + "|\n" + "\n".join(lines) + "\n"
    (Path(__file__).parent / "logs.md").write_text(text, encoding="utf-8")
    print(text)


def _line(path: Path, rows: int) -> str:
    done = subprocess.run([sys.executable, __file__, "--measure", str(path)], capture_output=True, text=True, check=True)
    read, thinned, peak, kept, left = done.stdout.split()
    size = path.stat().st_size / 1e6
    return f"| {path.suffix.removeprefix('.')} | {size:.0f} | {rows} | {read} | {thinned} | {peak} | {kept} | {left} |"


if __name__ == "__main__":
    main()
