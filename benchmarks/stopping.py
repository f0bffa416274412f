"""Which of several running jobs to stop: our rule, the median rule and successive halving on public families.

    python benchmarks/stopping.py [--folder DIR] [--only TEXT]      # writes the table of stopping.md; DIR keeps the fits

Each task is a set of jobs whose best final loss is sought; the model is fitted to other, finished runs of the family.
Gemstones, looped and OLMo: either half of the runs, by size, against the other, with the models of curves.py. Image
classification (IC) and DoReMi (fleet_curves): the curves of one data set against those of the other, a law of one input with
effects of each run.

At 10, 20, 30, 50 and 70 % of their lengths our rule sees the logs of the jobs left and keeps the cheapest set within a
tolerated expected regret (a share of the loss). The median rule (Vizier: Golovin et al. 2017) is asked at the same places;
successive halving (Jamieson and Talwalkar 2016) keeps the best of every eta. Regret: by how much the best final among those
trained to the end is above the best of all. Compute: tokens times parameters (of one input: of that), as a share of what all
would take.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from curves import families, model, part
from pages import write_measured
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.data.columns import Average
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.stopping import stopping
from bayes_scaling.prediction.forecast import _forecast, _records
from bayes_scaling.prediction.jobs import Job
from bayes_scaling.prediction.joint_forecast import Forecasts
from bayes_scaling.prediction.running_log import averaged_to_few

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
    of = model(name)
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


def place_of(task: Task, folder: Path) -> Path:
    """Return where the fit of a task's finished runs is kept."""
    key = f"{task.family} {'-'.join(sorted(map(str, task.finished.levels['run'])))[:40]}".replace("/", "_").replace(" ", "_")
    return folder / f"{key}.nc"


def fitted(task: Task, folder: Path) -> bs.Fit:
    """Return the fit to a task's finished runs, kept in a folder."""
    path = place_of(task, folder)
    if path.is_file():
        return bs.load(path)
    fit = bs.fit(task.model, task.finished, SETTINGS)
    print(path.name, fit.health, flush=True)
    bs.save(fit, path)
    return fit


RUNGS = (0.1, 0.2, 0.3, 0.5, 0.7)
"""Fractions of a job's length at which our rule and the median rule are asked."""
TOLERANCES = (0.0005, 0.002, 0.01)
"""Tolerated expected regret, as a share of the loss."""
LEAST_ROWS = 3


@dataclass(frozen=True)
class Played:
    """What a rule came to: the relative excess of the final loss of the job it ends with, and the share of the cost spent."""

    regret: float
    cost: float


def cut(task: Task, label: object, fraction: float) -> pd.DataFrame:
    """Return the rows of a job up to a fraction of its length, three at the least."""
    rows = task.jobs[task.jobs["run"] == label].sort_values(task.along)
    kept = rows[rows[task.along] <= fraction * rows[task.along].max()]
    return kept if len(kept) >= LEAST_ROWS else rows.head(LEAST_ROWS)


def final(task: Task, label: object) -> float:
    return float(cut(task, label, 1.0)["response"].iloc[-1])


def cost(task: Task, label: object, fraction: float) -> float:
    """Return what a job has cost at a fraction: tokens times parameters where those are known."""
    rows = cut(task, label, fraction)
    size = float(rows["params"].iloc[0]) if "params" in rows else 1.0
    return size * float(rows[task.along].iloc[-1])


def played(task: Task, rungs: tuple[float, ...], keep: Callable[[list[object], float], list[object]]) -> Played:
    """Return what a rule comes to that is asked at each rung which jobs go on."""
    every = list(task.jobs["run"].unique())
    alive, spent = every, dict.fromkeys(every, 0.0)
    for rung in (*rungs, 1.0):
        for label in alive:
            spent[label] = cost(task, label, rung)
        if rung < 1.0 and len(alive) > 1:
            alive = keep(alive, rung)
    best = min(final(task, label) for label in every)
    whole = sum(cost(task, label, 1.0) for label in every)
    return Played(min(final(task, label) for label in alive) / best - 1.0, sum(spent.values()) / whole)


def ours(
    task: Task, fit: bs.Fit, tolerance: float, known: dict[object, Forecasts]
) -> Callable[[list[object], float], list[object]]:
    """Return our rule: the cheapest set within a tolerated expected regret."""

    def keep(alive: list[object], rung: float) -> list[object]:
        key = (rung, tuple(map(str, alive)))
        if key not in known:
            known[key] = forecasts(task, fit, alive, rung)
        found = known[key]
        level = float(found.expected_finals.min("job").mean())
        chosen = stopping(found, tolerance=tolerance * level).keep or ()
        return [label for label in alive if str(label) in chosen]

    return keep


def forecasts(task: Task, fit: bs.Fit, alive: list[object], rung: float) -> Forecasts:
    """Return the forecast of jobs given their rows up to a rung, as rows are; the places to come are theirs too."""
    jobs = []
    for label in alive:
        whole = cut(task, label, 1.0)
        seen = cut(task, label, rung).reset_index(drop=True)
        ahead = whole.drop(columns=["response", "count", "mean_lag"]).iloc[[len(seen) - 1, -1]].reset_index(drop=True)
        few = averaged_to_few(seen, fit.runs.columns, task.along, max(8, 120 // len(alive)))
        jobs.append(Job(str(label), seen, few, ahead.assign(mean_lag=0.0), False, (), (), None))
    found = _forecast(fit, jobs, task.along, 0, 0.0, again=False)
    return _records(fit, jobs, found, task.along, "expected", again=False)


def median_rule(task: Task) -> Callable[[list[object], float], list[object]]:
    """Return the rule of Vizier: stop what is worse at its best than the median of the others' running means."""

    def keep(alive: list[object], rung: float) -> list[object]:
        every = task.jobs["run"].unique()
        means = {label: float(cut(task, label, rung)["response"].mean()) for label in every}
        best = {label: float(cut(task, label, rung)["response"].min()) for label in alive}
        good = [one for one in alive if best[one] <= np.median([means[other] for other in every if other != one])]
        return good or [min(best, key=lambda one: best[one])]

    return keep


def halving(task: Task, eta: int) -> Callable[[list[object], float], list[object]]:
    """Return successive halving: at each rung the best of every eta go on."""

    def keep(alive: list[object], rung: float) -> list[object]:
        last = {label: float(cut(task, label, rung)["response"].iloc[-1]) for label in alive}
        return sorted(alive, key=lambda one: last[one])[: max(1, int(np.ceil(len(alive) / eta)))]

    return keep


def rules(task: Task, fit: bs.Fit) -> dict[str, Played]:
    """Return what each rule comes to on a task."""
    known: dict[object, Forecasts] = {}
    found = {f"ours, {100 * one:g} % tolerated": played(task, RUNGS, ours(task, fit, one, known)) for one in TOLERANCES}
    found["median rule"] = played(task, RUNGS, median_rule(task))
    found["median rule from 0.3 on"] = played(task, RUNGS[2:], median_rule(task))
    for eta, rungs in HALVINGS.items():
        found[f"successive halving, eta {eta}"] = played(task, rungs, halving(task, eta))
    return found


HALVINGS = {2: (1 / 8, 1 / 4, 1 / 2), 3: (1 / 9, 1 / 3), 4: (1 / 16, 1 / 4)}
"""Factor -> rungs."""


def written(found: pd.DataFrame) -> str:
    """Return the table of all rules, families with equal weight, and one of each family."""
    lines = []
    families_of = found.groupby(["rule", "family"], sort=False)[["regret", "cost"]].mean()
    worst = found.groupby("rule", sort=False)["regret"].max()
    means = families_of.groupby("rule", sort=False).mean()
    names = list(dict.fromkeys(found["family"]))
    lines += ["| rule | regret, mean % | regret, worst % | compute spent % | " + " | ".join(names) + " |"]
    lines += ["| --- " * (4 + len(names)) + "|"]
    for rule, row in means.iterrows():
        each = [families_of.loc[(rule, name)] for name in names]
        cells = [f"{100 * one['regret']:.2f} at {100 * one['cost']:.0f}" for one in each]
        numbers = [f"{100 * row['regret']:.2f}", f"{100 * worst[rule]:.2f}", f"{100 * row['cost']:.0f}"]
        lines.append("| " + " | ".join([str(rule), *numbers, *cells]) + " |")
    counts = found.drop_duplicates("task").groupby("family", sort=False)["jobs"].agg(["size", "sum"])
    said = ", ".join(f"{name} {row['size']} of {row['sum']} jobs in all" for name, row in counts.iterrows())
    tail = f"Tasks with a fit: {said}; others have not been run. Columns of families: regret % at compute spent %."
    return "\n".join([*lines, "", tail])


def beside_others(found: pd.DataFrame) -> pd.DataFrame:
    """Return scores with those of tasks that were not played this time, as an earlier run has left them."""
    path = HERE / "stopping.csv"
    if not path.is_file():
        return found
    earlier = pd.read_csv(path, encoding="utf-8")
    return pd.concat([earlier[~earlier["task"].isin(found["task"])], found], ignore_index=True)


def main() -> None:
    """Fit, play every rule on every task, and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/stopping"))
    parser.add_argument("--only", default="", help="text in the family's name")
    parser.add_argument("--fitted", action="store_true", help="only tasks whose fit is there")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for task in tasks():
        if asked.only not in task.family or (asked.fitted and not place_of(task, asked.folder).is_file()):
            continue
        fit = fitted(task, asked.folder)
        for rule, of in rules(task, fit).items():
            count = task.jobs["run"].nunique()
            rows.append(
                {"family": task.family, "task": task.name, "jobs": count, "rule": rule, "regret": of.regret, "cost": of.cost}
            )
            print(rows[-1], flush=True)
        found = beside_others(pd.DataFrame(rows))
        found.to_csv(HERE / "stopping.csv", index=False, float_format="%.6g", encoding="utf-8")
        write_measured(HERE / "stopping.md", written(found))


if __name__ == "__main__":
    main()
