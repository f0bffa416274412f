"""161 learning curves by one bundled study: fitted to the first part of each, judged on the rest.

    python benchmarks/learning_curves.py [--kinds] [--only DOMAIN] [--folder DIR] [--every N]

It writes the table of learning_curves.md; with --kinds learning_curves_kinds.csv. A run that was stopped goes on with the same
`--folder`.

The benchmark of NSL-PFN (Lee et al. 2025, arXiv 2505.23032) by its own protocol, on those curves that are in `fleet_curves`: IC
image classification, NMT, LM and BB language, DD double descent, Nano nanoGPT, ColPreT pre-training. y is as it stands for IC,
NMT, LM and BB, and divided by the maximum of its training part for Nano, ColPreT and DD. RMSLE is of the median prediction, LL
the mean log density of y in that unit; both for each curve, then averaged over the curves of a group. The published groups are
IC, language (NMT, LM, BB and Nano together), ColPreT and DD: nothing is published for a domain of language alone.

With --kinds each curve has the priors of its kind, from the other families of its kind and all other kinds
(curve_priors_left_out.csv): what a user who says the kind may expect of a family that nobody has seen. Without, all have the
study's own.

Beside the study stand two predictions without a model: the last value, and the last slope (a line in log-log through the last
factor of two of x, four points at least).
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from pages import write_measured
from scipy.stats import norm
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.model.specification import changed
from bayes_scaling.validation.scores import score_points

HERE = Path(__file__).parent
LEFT_OUT = "curve_priors_left_out.csv"
STUDY = bs.read_study("learning_curve")
MODEL = STUDY.model
SETTINGS = replace(STUDY.settings, method="laplace", draws=400, tune=400, seed=1, progress=False)
DIVIDED = ("Nano", "ColPreT", "DD")
GROUPS = {"IC": "IC", "ColPreT": "ColPreT", "DD": "DD"} | dict.fromkeys(("NMT", "LM", "BB", "Nano"), "language")
NSL_PFN = {"IC": (0.0280, 3.330), "language": (0.0194, 2.773), "ColPreT": (0.0270, 2.794), "DD": (0.0335, 2.565)}
"""RMSLE and LL as published, on all curves of the benchmark; here is about half of them."""


def model_for(kind: pd.Series) -> bs.Model:
    """Return the study's model with a kind's priors: share that goes flat, what others still fall by, slope and bend."""
    ahead = {"nu": float(kind["nu"]), "mu": float(kind["location"]), "sigma": float(kind["scale"])}
    goes_on = {"mu": min(-float(norm.ppf(max(kind["flat"], 1e-4))), 3.0), "sigma": 1.0}
    own = {"ahead": bs.Prior(distribution="LogStudentT", arguments=ahead)}
    own |= {"goes_on": bs.Prior(distribution="Normal", arguments=goes_on)}
    bend = {"mu": float(kind["bend"]), "sigma": float(kind["bend_sd"])}
    own |= {"bend": bs.Prior(distribution="Normal", arguments=bend)}
    spread = float(np.exp(norm.ppf(0.95) * kind["log_slope_sd"]))
    own |= {"slope": bs.Prior(median=float(np.exp(kind["log_slope"])), factor=spread)}
    return changed(MODEL, parameters={**MODEL.parameters, **own})


def of_kinds(every: dict[str, Task]) -> dict[str, Task]:
    """Return tasks with the priors of their kinds, from other families than their own: family by family, a model each."""
    table = pd.read_csv(HERE / LEFT_OUT).set_index("family")
    ordered = sorted(every.items(), key=lambda of: str(of[1].extra["family"]))
    models = {family: model_for(kind) for family, kind in table.iterrows()}
    return {name: replace(task, model=models[str(task.extra["family"])]) for name, task in ordered}


def tasks(only: str, every: int = 1) -> dict[str, Task]:
    """Return a task for each curve; its held-out rows travel along."""
    table = pd.read_csv(DATA / "fleet_curves.csv.gz", encoding="utf-8")
    curves = list(table[table["domain"].str.contains(only)].groupby("run_id"))
    return {str(name): _task(curve) for name, curve in curves[::every]}


def _task(curve: pd.DataFrame) -> Task:
    curve = curve.sort_values("x", kind="stable")
    train, domain = (curve["split"] == "train").to_numpy(), curve["domain"].iloc[0]
    unit = curve["y"][train].max() if domain in DIVIDED else 1.0
    points = pd.DataFrame({"x": curve["x"], "y": curve["y"] / unit})
    known = bs.read_runs(points[train].reset_index(drop=True), STUDY.columns)
    alone = replace(STUDY.columns, tail=None, best_so_far=None)
    held = bs.read_runs(points[~train].reset_index(drop=True), alone)
    last = curve["y"][train].to_numpy()[-1] / unit
    family, slope = str(curve["task_family"].iloc[0]), _last_slope(points, train)
    extra = {"held": held.table, "last": float(last), "slope": slope, "domain": domain, "family": family}
    return Task(known, extra=extra)


def _last_slope(points: pd.DataFrame, train: np.ndarray) -> list[float]:
    """Return what a line in log-log through the last factor of two of x, or the last four points, predicts."""
    at = np.log(points["x"].to_numpy())
    known, y = at[train], np.log(points["y"].to_numpy()[train])
    near = known >= known[-1] - np.log(2.0)
    near = near if near.sum() >= 4 else np.arange(len(known)) >= len(known) - 4
    line = np.polyfit(known[near], y[near], 1)
    return [float(value) for value in np.exp(np.polyval(line, at[~train]))]


def scored(fit: bs.Fit, extra: dict[str, object]) -> pd.DataFrame:
    """Return the scores of a curve's held-out rows; `log_density` is that of y."""
    held = extra["held"]
    assert isinstance(held, pd.DataFrame)
    points = score_points(fit, held)
    assert fit.health is not None
    return points.assign(
        log_density=points["log_score"] - np.log(held["response"]),
        carried=np.log(float(str(extra["last"])) / held["response"]),
        sloped=np.log(np.asarray(extra["slope"]) / held["response"]),
        domain=extra["domain"],
        method=fit.health.method,
    )


def table_of(points: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each domain, then for each published group: means over curves."""
    points = points.assign(log_error=np.log(points["q50"] / points["response"]))
    points = points.assign(in_50=points["pit"].between(0.25, 0.75), in_90=points["pit"].between(0.05, 0.95))

    def root_mean_square(of: pd.Series) -> float:
        return float(np.sqrt((of**2).mean()))

    curve = points.groupby(["domain", "task"]).agg(
        rmsle=("log_error", root_mean_square),
        ll=("log_density", "mean"),
        crps=("crps", "mean"),
        in_50=("in_50", "mean"),
        in_90=("in_90", "mean"),
        last_value=("carried", root_mean_square),
        last_slope=("sloped", root_mean_square),
    )
    curve = curve.reset_index(level="domain")
    group = curve["domain"].map(GROUPS)
    rows = [_means(curve, curve["domain"]), _means(curve, group)]
    published = pd.DataFrame(NSL_PFN, index=["NSL-PFN rmsle", "NSL-PFN ll"]).T
    rows[1] = rows[1].join(published)
    return pd.concat(rows, keys=["domain", "group"], names=["of", "name"]).reset_index()


def _means(curve: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    grouped = curve.drop(columns="domain").groupby(by)
    return pd.concat([grouped.size().rename("curves"), grouped.mean()], axis=1)


def throughput(every: dict[str, Task], workers: int) -> float:
    """Return seconds a curve on so many warm workers, for about forty curves."""
    some = dict(list(every.items())[:: max(1, len(every) // 40)])
    warm = dict(list(every.items())[: 4 * workers])
    with ProcessPoolExecutor(workers, get_context("spawn"), _alone) as pool:
        bs.fit_many(MODEL, warm, pool, keep=scored, settings=SETTINGS)
        start = time.perf_counter()
        bs.fit_many(MODEL, some, pool, keep=scored, settings=SETTINGS)
        return (time.perf_counter() - start) / len(some)


def _alone() -> None:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_OPT="1", RAYON_NUM_THREADS="1")


def main() -> None:
    """Fit all curves, cold, through processes; then time warm workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="text in the domain's name")
    parser.add_argument("--kinds", action="store_true", help="priors by kind, families left out")
    parser.add_argument("--every", type=int, default=1, help="one of so many curves")
    parser.add_argument("--folder", help="where finished curves are kept, and taken from after an interruption")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--no-timing", action="store_true", help="leave out the time of warm workers")
    chosen = parser.parse_args()
    every = tasks(chosen.only, chosen.every)
    every = of_kinds(every) if chosen.kinds else every
    with tempfile.TemporaryDirectory() as fresh, ProcessPoolExecutor(chosen.workers, get_context("spawn"), _alone) as pool:
        start = time.perf_counter()
        folder = chosen.folder or fresh
        chunk = 6 if chosen.kinds else 1  # each worker compiles the models that it meets: 2 s each
        batch = bs.fit_many(MODEL, every, pool, folder=folder, keep=scored, settings=SETTINGS, progress=True, chunk=chunk)
        seconds = time.perf_counter() - start
    points = batch.to_frame()
    rows = table_of(points)
    said = (
        f"{len(every)} curves in {seconds:.0f} s on {chosen.workers} workers, compiling included, load average "
        f"{os.getloadavg()[0]:.1f}. {len(batch.failures)} failed, {len(batch.problems)} fits did not pass the health gate."
    )
    if not chosen.no_timing:
        one, two = throughput(every, 1), throughput(every, 2)
        said += f" Warm {two:.2f} s a curve on two workers, {one:.2f} on one."
    print(rows.round(4).to_string(index=False), said, *batch.report[:10], sep="\n")
    if chosen.kinds and not chosen.only and chosen.every == 1:
        rows.round(4).to_csv(HERE / "learning_curves_kinds.csv", index=False)
    if not chosen.only and not chosen.kinds:
        part = "" if chosen.every == 1 else f"every {chosen.every}th of 161, "
        table = rows.round(4).to_markdown(index=False)
        now = f"{datetime.now(UTC):%Y-%m-%d}, {part}one run of learning_curves.py: {said}\n\n{table}"
        write_measured(HERE / "learning_curves.md", now)


if __name__ == "__main__":
    main()
