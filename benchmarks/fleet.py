"""Ten thousand simulated curves end to end: one table, a fit each, the tables of all; time and memory a curve.

    python benchmarks/fleet.py [--curves 10000] [--method laplace] [--workers 2] [--chunk 20] [--write]

--write puts the measured numbers between two marks in many_fits.md; what else is written there stays.

Curves have 8 to 60 points of y = E + a x^-b with 1 % scatter; parameters differ between curves as their priors say. What is
measured: reading the table, splitting it, fitting, storing, putting together what was stored, and memory of this process and of
a worker. Whether intervals hold the parameters that curves were made with says that the fits are right.
"""

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pages import write_measured

import bayes_scaling as bs
from bayes_scaling._base.numbers import several
from bayes_scaling.inference.batch.fits import stored
from bayes_scaling.inference.batch.from_table import tasks_by
from bayes_scaling.inference.batch.tables import parameters_kept
from bayes_scaling.model.studies.study import Study

HERE = Path(__file__).parent
KNOWN = {"E": (1.8, 1.5), "a": (0.5, 2.0), "b": (0.4, 2.0)}
"""Parameter -> median of its prior, and the factor within which 90 % of curves lie."""
PRIORS = {name: bs.Prior(median=median, factor=factor) for name, (median, factor) in KNOWN.items()}
MODEL = bs.Model(
    bs.parse_law("E + a * x ** -b", ["x"]), PRIORS, bs.Noise(bs.Prior(median=0.01, factor=2.0), distribution="normal")
)
STUDY = Study("fleet", MODEL, bs.Columns({"x": bs.Input("step", "steps", 1_000.0)}))


def curves(count: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table of so many curves, and the parameters of each."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((count, 3)) / 1.645  # a prior's factor is its 90 % interval's
    truth = pd.DataFrame(
        {name: median * factor ** z[:, i] for i, (name, (median, factor)) in enumerate(KNOWN.items())},
        index=pd.Index([f"curve {i}" for i in range(count)], name="task"),
    )
    lengths = random.integers(8, 61, count)
    run = np.repeat(np.arange(count), lengths)
    step = np.concatenate([np.geomspace(100, 100_000, n) for n in lengths]).round()
    own = truth.iloc[run]
    loss = own["E"].to_numpy() + own["a"].to_numpy() * (step / 1_000.0) ** -own["b"].to_numpy()
    loss *= np.exp(random.normal(0.0, 0.01, len(step)))
    return pd.DataFrame({"run_id": truth.index[run], "step": step, "loss": loss}), truth


@dataclass(frozen=True)
class Measured:
    """Seconds of each part, and megabytes."""

    curves: int
    reading: float
    fitting: float
    fits: float
    collecting: float
    parent: float
    worker: float
    disk: float
    approximate: float
    failed: int
    doubtful: int
    held: float
    processor_parent: float
    processor_worker: float
    by_length: tuple[tuple[str, int, float, float], ...]


def measured(count: int, settings: bs.Settings, workers: int, chunk: int, folder: Path) -> Measured:
    """Return what a batch of so many curves takes."""
    table, truth = curves(count)
    path = folder / "curves.parquet"
    table.to_parquet(path)
    before, start, used = _memory(resource.RUSAGE_SELF), time.perf_counter(), _processor(resource.RUSAGE_SELF)
    tasks = tasks_by(STUDY, path, "run_id", independent=True)
    reading = time.perf_counter() - start
    start = time.perf_counter()
    asked = {"folder": folder / "results", "keep": parameters_kept, "settings": settings}
    batch = bs.fit_many(MODEL, tasks, workers, **asked, chunk=chunk, progress=True)
    fitting = time.perf_counter() - start
    used = _processor(resource.RUSAGE_SELF) - used
    start = time.perf_counter()
    again = stored(MODEL, tasks, folder / "results", keep=parameters_kept, settings=settings)
    rows = again.to_frame()
    collecting = time.perf_counter() - start
    print(batch.summary())
    named = rows[(rows["dims"] == "") & rows["name"].isin(KNOWN)]
    true = truth.stack().reindex(pd.MultiIndex.from_frame(named[["task", "name"]])).to_numpy()
    held = (named["q05"].to_numpy() < true) & (true < named["q95"].to_numpy())
    return Measured(
        curves=count,
        reading=reading,
        fitting=fitting,
        fits=sum(batch.seconds.values()),
        collecting=collecting,
        parent=_memory(resource.RUSAGE_SELF) - before,
        worker=_memory(resource.RUSAGE_CHILDREN),
        disk=sum(one.stat().st_size for one in (folder / "results").iterdir()) / 1e6,
        approximate=float(np.mean([one.method == "laplace" for one in batch.healths.values()])),
        failed=len(batch.failures),
        doubtful=len(batch.problems),
        held=float(np.mean(held)),
        processor_parent=used,
        processor_worker=_processor(resource.RUSAGE_CHILDREN),
        by_length=_by_length(batch.seconds, tasks.sizes, pd.Series(held).groupby(named["task"].to_numpy()).mean()),
    )


LENGTHS = ((8, 20), (21, 40), (41, 60))


def _by_length(
    seconds: Mapping[str, float], sizes: Mapping[str, int], held: pd.Series
) -> tuple[tuple[str, int, float, float], ...]:
    """Return for curves of so many points how many there are, their median seconds, and the share of parameters held."""
    found = []
    for least, most in LENGTHS:
        names = [name for name in seconds if least <= sizes[name] <= most and name in held.index]
        if names:
            middle = float(np.median([seconds[name] for name in names]))
            found.append((f"{least} to {most}", len(names), middle, float(held[names].mean())))
    return tuple(found)


def _processor(of: int) -> float:
    """Return the seconds of a processor that this process, or its children that ended, have used."""
    known = resource.getrusage(of)
    return known.ru_utime + known.ru_stime


def _memory(of: int) -> float:
    """Return the most memory that this process, or a child that ended, has held."""
    return resource.getrusage(of).ru_maxrss / 1e3


def sentences(found: Measured, settings: bs.Settings, workers: int, chunk: int) -> str:
    """Return what was measured, in sentences."""
    each = 1e3 / found.curves
    return "\n".join(
        [
            f"- {found.curves:,} curves, `method={settings.method!r}`, {several(workers, 'worker')}, {chunk} tasks a "
            f"submission, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.",
            f"- {found.fitting:.0f} s in all, {found.fitting * each:.0f} ms a curve, with starting, compiling in each worker, "
            f"reading rows and storing; {found.fits * each:.0f} ms of a worker's time.",
            f"- Processor time a curve: {found.processor_worker * each:.0f} ms in workers, {found.processor_parent * each:.0f} "
            "ms in the parent, which reads rows and stores results.",
            f"- {found.approximate:.1%} approximated, the others sampled by NUTS; {found.failed} failed, {found.doubtful} not "
            "to be trusted.",
            f"- {found.reading:.1f} s to read and split the table; {found.collecting:.0f} s, {found.collecting * each:.1f} ms "
            "a curve, to put together what is stored.",
            f"- {found.parent * each:.0f} kB of memory a curve in the parent, {found.worker:.0f} MB in a worker; "
            f"{found.disk * each:.0f} kB a curve on disk.",
            f"- 90 % intervals hold {found.held:.1%} of the parameters that the curves were made with.",
            *(
                f"- Curves of {name} points: {count:,}, {1e3 * middle:.0f} ms in the median, {share:.1%} held."
                for name, count, middle, share in found.by_length
            ),
        ]
    )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=10_000)
    parser.add_argument("--method", choices=("nuts", "laplace"), default="laplace")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--chunk", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="write many_fits.md")
    chosen = parser.parse_args()
    settings = bs.Settings(draws=500, tune=400, seed=1, progress=False, method=chosen.method)
    folder = Path(tempfile.mkdtemp())
    try:
        found = measured(chosen.curves, settings, chosen.workers, chosen.chunk, folder)
    finally:
        shutil.rmtree(folder)
    said = sentences(found, settings, chosen.workers, chosen.chunk)
    print(said)
    if chosen.write:
        measured_now = f"{datetime.now(UTC):%Y-%m-%d}, one run of fleet.py.\n\n{said}"
        write_measured(HERE / "many_fits.md", measured_now)


if __name__ == "__main__":
    main()
