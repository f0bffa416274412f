"""Which of several running jobs to stop: our rule, the median rule and successive halving on public families.

    python benchmarks/stopping.py [--folder DIR] [--only TEXT]      # writes stopping.md; DIR keeps the fits

Each task is a set of jobs whose best final loss is sought. The model is fitted to other, finished runs of the family.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from curves import families, model, part
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.data.columns import Average
from bayes_scaling.data.runs import Runs

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=500, tune=400, chains=2, seed=1, progress=False, target_accept=0.95)

CURVE = bs.Model(
    bs.parse_law("level * (floor + x**-b) / (floor + 1)", ["x"]),
    {
        "level": bs.Prior(median=1.0, factor=3.0) + bs.Varying("run", 0.5),
        "floor": bs.Prior(median=0.4, factor=6.0) + bs.Varying("run", 0.5),
        "b": bs.Prior(median=0.3, factor=3.0) + bs.Varying("run", 0.3),
    },
    bs.Noise(
        sd=bs.Prior(median=0.01, factor=3.0),
        distribution="normal",
        correlation=bs.Correlation("x", bs.Prior(median=1.0, factor=3.0), white=bs.Prior(median=0.005, factor=5.0)),
    ),
)
"""One curve of a task: its level at the reference, what cannot fall, and its exponent are its own, around the family's."""


@dataclass(frozen=True)
class Task:
    """Jobs of which the best is sought, and the finished runs of their family.

    Parameters
    ----------
    finished
        Runs to fit to.
    jobs
        Whole rows of the jobs, in the shape of `runs.table`.
    cost
        Name of the input that a job's cost goes with, beside its size where that is known.
    """

    family: str
    name: str
    model: bs.Model
    finished: Runs
    jobs: pd.DataFrame
    along: str


def tasks() -> list[Task]:
    """Return every task."""
    halves = [task for name in ("gemstones", "looped", "olmo") for task in _halves(name)]
    return [*halves, *_fleet("IC"), *_fleet("doremi")]


def _halves(name: str) -> list[Task]:
    """Return either half of a family's runs as jobs, every other one in order of size, the other half finished."""
    family = families()[name]()
    table = family.runs.table
    order = table.groupby("run").agg(params=("params", "first"), end=("tokens", "max")).sort_values(["params", "end"])
    half = dict(zip(order.index, np.arange(len(order)) % 2, strict=True))
    which = table["run"].map(half)
    of = model(family.kind, family.along)
    return [
        Task(name, f"{name}, half {i + 1}", of, part(family.runs, which != i), table[which == i], family.along) for i in (0, 1)
    ]


def _fleet(kind: str) -> list[Task]:
    """Return tasks of one-dimensional curves: all of one corpus or data set finished, those of the other jobs."""
    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8")
    table = table[table["domain"].eq(kind) | table["task_family"].str.contains(kind)]
    one, two = sorted(table["task_family"].unique())
    columns = bs.Columns(
        {"x": bs.Input("x", "", reference=float(table["x"].median()))},
        bs.Response("y", ""),
        {"task": "task"},
        run="run_id",
        average=Average("x", 20.0),
    )
    table = table.assign(task=table["task_family"] + " " + table["task"].astype(str))
    found = []
    for known, asked in ((one, two), (two, one)):
        finished = bs.read_runs(table[table["task_family"] == known].reset_index(drop=True), columns)
        every = bs.read_runs(table[table["task_family"] == asked].reset_index(drop=True), columns).table
        for name, jobs in every.groupby("task"):
            ends = jobs.groupby("run")["x"].max()
            jobs = jobs[jobs["x"] <= ends.min() * 1.0001]  # all end where the shortest does
            found.append(Task(kind, str(name), CURVE, finished, jobs, "x"))
    return found


def fitted(task: Task, folder: Path) -> bs.Fit:
    """Return the fit to a task's finished runs, kept in a folder."""
    key = f"{task.family} {'-'.join(sorted(map(str, task.finished.levels['run'])))[:40]}".replace("/", "_").replace(" ", "_")
    path = folder / f"{key}.nc"
    if path.is_file():
        return bs.load(path)
    fit = bs.fit(task.model, task.finished, SETTINGS)
    print(path.name, fit.health, flush=True)
    bs.save(fit, path)
    return fit


def main() -> None:
    """Fit, forecast at every rung, and score the rules."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/stopping"))
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for task in tasks():
        if asked.only in task.name:
            fitted(task, asked.folder)


if __name__ == "__main__":
    main()
