"""One posterior, several ways: the Chinchilla law on the 240 runs of Besiroglu et al. 2024, timed on one machine in one run.

Compares this package with PyMC as most people write it and with the field's practice (Huber fit from 4,500 starts and a
bootstrap), times predictions and the command line, and writes `results.md` next to this file, targets met or not.

    python benchmarks/chinchilla.py [--runs PATH]
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from practice import DELTA, minimised, starts

DATA = Path(__file__).parents[2] / "shared/data/runs/chinchilla_epoch.csv"
RESULTS = Path(__file__).with_name("results.md")
LIBRARIES = ("numpy", "scipy", "xarray", "pytensor", "numba", "pymc", "nutpie", "arviz-stats")

STARTS, STARTS_TIMED = 4_500, 90
BOOTSTRAPS, BOOTSTRAPS_TIMED = 4_000, 80
BESIROGLU = {
    "E": (1.8172, 0.03),
    "A": (482.01, 124.58),
    "B": (2085.43, 1293.23),
    "alpha": (0.3478, 0.02),
    "beta": (0.3658, 0.02),
}
"""Coefficients and standard errors of Besiroglu et al. 2024."""


@dataclass(frozen=True)
class Row:
    """One line of the first table: what was measured, and the target where there is one."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Sampled:
    """How one sampler did: seconds of sampling, smallest bulk ESS of all parameters, largest R-hat, divergences."""

    method: str
    seconds: float
    ess: float
    per_second: float
    r_hat: float
    divergences: int


def main() -> None:
    """Measure everything, print it, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=DATA, help="table with columns params, tokens, loss")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.runs.is_file():
        print(f"{arguments.runs} is not there: nothing measured")
        return
    if arguments.part:
        print(json.dumps(naive(arguments.runs, arguments.part) if arguments.part != "predict" else predictions(arguments.fit)))
        return
    text = report(arguments.runs)
    _, mark, rest = (RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else "").partition("\n# Bundled studies")
    RESULTS.write_text(text + mark + rest, encoding="utf-8")
    print(text)


def report(path: Path) -> str:
    """Measure everything and return the report as Markdown."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        started = [say("help", help_row), say("cold fit", lambda: cold_row(path, folder))]
        ours, refit_row, fit = say("warm refits", lambda: warm(path))
        pymc = say("hand-written PyMC, PyMC's NUTS", lambda: hand_written(path, "pymc"))
        default = say("hand-written PyMC, default sampler", lambda: hand_written(path, "default"))
        best, huber_rows, spread = say("Huber and bootstrap", lambda: practice(path))
        ahead = say("predictions", lambda: prediction_rows(fit, folder))
    samplers = [ours, *(one for one, _ in (pymc, default))]
    rows = [*sampling_rows(ours, pymc[0], default[0]), *started, refit_row, *ahead, pymc[1], default[1], *huber_rows]
    return written(rows, samplers, coefficients(fit, best, spread), load)


def say[T](what: str, measure: Callable[[], T]) -> T:
    """Return what a measurement gives, saying on stderr that it runs and how long it took."""
    print(f"{what} ...", end=" ", file=sys.stderr, flush=True)
    took, found = timed(measure)
    print(f"{took:.1f} s", file=sys.stderr)
    return found


def timed[T](call: Callable[[], T]) -> tuple[float, T]:
    """Return the wall seconds of a call and what it returned."""
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


# This package.


def command(*arguments: str) -> float | str:
    """Return the wall seconds of the command line in a fresh process, or why there are none."""
    if find_spec("bayes_scaling.cli.commands") is None:
        return "skipped: there is no module bayes_scaling.cli.commands"
    line = [sys.executable, "-m", "bayes_scaling.cli", *arguments]
    took, done = timed(lambda: subprocess.run(line, capture_output=True, text=True, check=False))
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return f"skipped: the command ended with code {done.returncode}"
    return took


def command_row(what: str, times: list[float | str], limit: float) -> Row:
    """Return the median of commands as a row, or the reason why one of them could not be timed."""
    seconds = [one for one in times if isinstance(one, float)]
    if len(seconds) < len(times):
        return Row(what, next(one for one in times if isinstance(one, str)), f"<= {limit:g} s")
    return Row(what, f"{np.median(seconds):.2f} s", f"<= {limit:g} s", bool(np.median(seconds) <= limit))


def help_row() -> Row:
    """Time `--help`."""
    command("--help")
    return command_row("`bayes-scaling --help` (median of 5)", [command("--help") for _ in range(5)], 0.5)


def cold_row(path: Path, folder: str) -> Row:
    """Time the whole fit from the command line, imports and compilation included, with numba's cache on disk warm."""
    sampling = ["--draws", "1000", "--tune", "500", "--chains", "4", "--seed", "1"]
    run = ["fit", "chinchilla_law", "--runs", str(path), "--out", str(Path(folder) / "out"), *sampling]
    first = command(*run)
    times: list[float | str] = [first] if isinstance(first, str) else [command(*run) for _ in range(3)]
    return command_row("cold: `bayes-scaling fit chinchilla` in a fresh process (median of 3)", times, 12.0)


def warm(path: Path) -> tuple[Sampled, Row, Any]:
    """Fit once, which compiles, then sample and refit with five other seeds."""
    from bayes_scaling import Settings, fit, read_study, refit
    from bayes_scaling.inference.sampling import sample
    from bayes_scaling.model.studies.study import study_runs

    study = read_study("chinchilla_law")
    runs = study_runs(study, path)
    if len(runs) != 240:
        print(f"note: {len(runs)} runs kept, where the published fits have 240", file=sys.stderr)
    first = fit(study.model, runs, Settings(draws=1000, tune=500, progress=False))
    found, refits = [], []
    for seed in range(1, 6):
        settings = replace(first.settings, seed=seed)
        seconds, tree = timed(lambda settings=settings: sample(study.model, runs, settings))  # type: ignore[misc]
        found.append(judged("this package, warm (median of 5)", seconds, tree))
        refits.append(timed(lambda settings=settings: refit(first, runs, settings))[0])  # type: ignore[misc]
    row = Row("warm `refit`: sampling and the health of its draws (median of 5)", f"{np.median(refits):.2f} s")
    return middle(found), row, first


def judged(method: str, seconds: float, tree: Any) -> Sampled:
    """Return how a sampler did: the smallest bulk ESS over the five parameters of the law and the two of the noise."""
    import arviz_stats

    posterior = tree["posterior"].to_dataset()
    sizes = arviz_stats.ess(posterior, method="bulk")
    ess = min(float(sizes[name]) for name in sizes.data_vars)
    r_hats = arviz_stats.rhat(posterior)
    r_hat = max(float(r_hats[name]) for name in r_hats.data_vars)
    return Sampled(method, seconds, ess, ess / seconds, r_hat, int(tree["sample_stats"]["diverging"].sum()))


def middle(found: list[Sampled]) -> Sampled:
    """Return the medians of several repeats, with the largest R-hat and all divergences."""
    seconds, ess, rate = (float(np.median([getattr(one, name) for one in found])) for name in ("seconds", "ess", "per_second"))
    worst = max(one.r_hat for one in found)
    return Sampled(found[0].method, seconds, ess, rate, worst, sum(one.divergences for one in found))


def sampling_rows(ours: Sampled, pymc: Sampled, default: Sampled) -> list[Row]:
    """Return the rows about sampling that have a target."""
    ratio, ratio_default = ours.per_second / pymc.per_second, ours.per_second / default.per_second
    return [
        Row("warm sampling, 4 x 1,000 draws", f"{ours.seconds:.2f} s", "<= 0.5 s", ours.seconds <= 0.5),
        Row("smallest bulk ESS of those draws", f"{ours.ess:,.0f}", ">= 2,500", ours.ess >= 2500),
        Row("ESS/s over hand-written PyMC with PyMC's own NUTS", f"{ratio:,.0f} times", ">= 50 times", ratio >= 50),
        Row("ESS/s over hand-written PyMC with the sampler it picks where nutpie is installed", f"{ratio_default:,.1f} times"),
    ]


# PyMC as most people write it.


def part(path: Path, name: str, *arguments: str) -> dict[str, Any]:
    """Return what a part of this benchmark measures in a process of its own."""
    line = [sys.executable, __file__, "--runs", str(path), "--part", name, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"part {name} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def hand_written(path: Path, sampler: str) -> tuple[Sampled, Row]:
    """Sample the hand-written model in a process of its own."""
    found = part(path, sampler)
    label = "PyMC's own NUTS" if sampler == "pymc" else f"PyMC's default, which is {found['sampler']}"
    method = f"hand-written PyMC, {label}"
    row = Row(f"{method}: wall seconds with compilation", f"{found['wall']:.1f} s")
    return Sampled(method, **{name: found[name] for name in ("seconds", "ess", "per_second", "r_hat", "divergences")}), row


def naive(path: Path, sampler: str) -> dict[str, Any]:
    """Sample the law in raw parameters and tokens, with weak priors, 1,000 tuning and 1,000 kept draws of four chains."""
    import pymc as pm

    size, tokens, log_loss = observations(path)
    with pm.Model():
        E = pm.HalfNormal("E", 2.0)
        A, B = (pm.LogNormal(name, np.log(400.0), 1.5) for name in "AB")
        alpha, beta = (pm.HalfNormal(name, 0.5) for name in ("alpha", "beta"))
        loss = E + A * size**-alpha + B * tokens**-beta
        sigma, nu = pm.HalfNormal("sigma", 0.1), pm.Gamma("nu", 2.0, 0.1)
        pm.StudentT("log_loss", nu=nu, mu=pm.math.log(loss), sigma=sigma, observed=log_loss)
        chosen = {"nuts_sampler": "pymc"} if sampler == "pymc" else {}
        cores = min(4, os.cpu_count() or 1)
        wall, tree = timed(
            lambda: pm.sample(draws=1000, tune=1000, chains=4, cores=cores, random_seed=1, progressbar=False, **chosen)
        )
    attrs = {**tree.attrs, **tree["posterior"].attrs}
    found = judged(sampler, float(attrs["sampling_time"]), tree)
    return {"wall": wall, "sampler": str(attrs["inference_library"])} | vars(found)


def observations(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return parameters, tokens and log loss of the runs that the bundled model keeps."""
    from bayes_scaling import read_study
    from bayes_scaling.model.studies.study import study_runs

    table = study_runs(read_study("chinchilla_law"), path).table
    return table["params"].to_numpy(), table["tokens"].to_numpy(), np.log(table["response"].to_numpy())


def practice(path: Path) -> tuple[dict[str, float], list[Row], dict[str, np.ndarray]]:
    """Return the best fit of a sample of the grid, its rows, and coefficients of bootstrap refits."""
    size, tokens, log_loss = observations(path)
    logs = np.log(np.stack([size, tokens]))
    rng = np.random.default_rng(1)
    chosen = rng.choice(starts(), STARTS_TIMED, replace=False)
    minimised(chosen[0], logs, log_loss)  # scipy is imported here, uncounted
    grid, fits = timed(lambda: [minimised(start, logs, log_loss) for start in chosen])
    best = min(fits, key=lambda one: float(one.fun))
    rows = [rng.integers(0, len(log_loss), len(log_loss)) for _ in range(BOOTSTRAPS_TIMED)]
    boot, again = timed(lambda: [minimised(best.x, logs[:, of], log_loss[of]) for of in rows])
    whole = grid * STARTS / STARTS_TIMED, boot * BOOTSTRAPS / BOOTSTRAPS_TIMED
    near = sum(one.fun < best.fun * 1.001 for one in fits)
    spread = np.array([one.x for one in again])
    return (
        {name: float(value) for name, value in named(best.x).items()},
        [
            Row(f"Huber fit from 4,500 starts, extrapolated from {STARTS_TIMED}", f"{whole[0]:.1f} s"),
            Row("of those starts, end within 0.1 % of the best loss", f"{near} of {STARTS_TIMED}"),
            Row(f"4,000 bootstrap refits from the best, extrapolated from {BOOTSTRAPS_TIMED}", f"{whole[1]:.1f} s"),
        ],
        named(spread.T),
    )


def named(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return coefficients as published from (log A, log B, log E, alpha, beta)."""
    return {"E": np.exp(x[2]), "A": np.exp(x[0]), "B": np.exp(x[1]), "alpha": x[3], "beta": x[4]}


def coefficients(fit: Any, best: dict[str, float], spread: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return posterior, Huber fit, and the published coefficients side by side, inputs in their own units."""
    from bayes_scaling.inference.parameters import parameter_values, published_values

    in_units: dict[str, xr.DataArray] = published_values(fit)
    rows = []
    for name, (value, error) in BESIROGLU.items():
        draws = in_units[name] if name in in_units else parameter_values(fit, name)
        low, median, high = np.quantile(draws, (0.05, 0.5, 0.95))
        row = {"": name, "posterior median": number(median), "90 %": f"{number(low)} to {number(high)}"}
        row |= {"Huber, best of the starts timed": number(best[name])}
        row |= {f"its bootstrap sd (of {BOOTSTRAPS_TIMED})": number(float(np.std(spread[name], ddof=1)))}
        rows.append(row | {"Besiroglu et al. 2024": f"{value:g} ({error:g})"})
    return pd.DataFrame(rows)


def number(value: float) -> str:
    """Return a number with four digits or so."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"


# Predictions.


def prediction_rows(fit: Any, folder: str) -> list[Row]:
    """Time 10,000 predictions from a saved fit, each time in a fresh process that does nothing else."""
    from bayes_scaling import save

    saved = save(fit, Path(folder) / "fit.nc")
    found = [part(Path(__file__), "predict", "--fit", str(saved)) for _ in range(3)]
    first, again, memory = (float(np.median([one[name] for one in found])) for name in ("first", "again", "memory"))
    what = "10,000 points x 4,000 draws, `summarize_at`"
    return [
        Row(f"{what} (median of 3 fresh processes)", f"{first:.2f} s", "<= 1 s", first <= 1.0),
        Row("peak memory of such a process", f"{memory:.2f} GB", "<= 1 GB", memory <= 1.0),
        Row("a second call in the same process (median of 3)", f"{again:.2f} s"),
    ]


def predictions(saved: Path) -> dict[str, float]:
    """Load a fit and predict: seconds of the first and second call, peak memory in GB after the first."""
    from bayes_scaling import load
    from bayes_scaling.prediction.summary import summarize_at

    fit = load(saved)
    size, tokens = np.meshgrid(np.geomspace(1e7, 1e11, 100), np.geomspace(1e9, 1e13, 100))
    points = pd.DataFrame({"params": size.ravel(), "tokens": tokens.ravel()})
    first, _ = timed(lambda: summarize_at(fit, points))
    unit = 1e9 if sys.platform == "darwin" else 1e9 / 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"first": first, "again": timed(lambda: summarize_at(fit, points))[0], "memory": memory}


# The report.


def machine() -> str:
    """Return one line on the machine and the libraries, without names of hosts or paths."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{os.cpu_count()} cores, {cpu}; Python {platform.python_version()}; {versions}"


def markdown(table: pd.DataFrame) -> str:
    """Return a table of texts as Markdown."""
    lines = [table.columns, ["---"] * table.shape[1], *table.to_numpy()]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def written(rows: list[Row], samplers: list[Sampled], compared: pd.DataFrame, load: float) -> str:
    """Return the report as Markdown."""
    verdict = {True: "yes", False: "no", None: ""}
    first = pd.DataFrame([{"what": r.what, "measured": r.measured, "target": r.target, "met": verdict[r.met]} for r in rows])
    second = pd.DataFrame(
        {
            "sampler": one.method,
            "sampling seconds": f"{one.seconds:.2f}",
            "smallest bulk ESS": f"{one.ess:,.0f}",
            "ESS/s": f"{one.per_second:,.1f}",
            "largest R-hat": f"{one.r_hat:.3f}",
            "divergences": one.divergences,
        }
        for one in samplers
    )
    return f"""# Chinchilla posterior: this package, PyMC written by hand, and the field's practice

{datetime.now(UTC):%Y-%m-%d}, one run of `make bench` on one machine; numbers as measured, target met or not.

{machine()}; load average at the start {load:.1f}.

{markdown(first)}

## Sampling the same posterior

240 runs of Hoffmann et al. 2022 as read off by Besiroglu et al. 2024; smallest ESS over the law's five parameters and the
two of the noise. Sampling seconds include tuning (500 draws a chain here, 1,000 by hand) and leave out compilation.
By hand: raw parameters and tokens, E ~ HalfNormal(2), A, B ~ LogNormal(log 400, 1.5), alpha, beta ~ HalfNormal(0.5),
Student-t on log loss, 4 chains x 1,000 draws, one run.

{markdown(second)}

## Coefficients, inputs in their own units

{markdown(compared)}

Huber: delta {DELTA:g} on log loss, summed, analytic gradient, L-BFGS-B (ftol 1e-12, gtol 1e-8) on one core. Extrapolated,
not run whole: the {STARTS:,} starts (from a random {STARTS_TIMED}) and the {BOOTSTRAPS:,} bootstrap refits (from
{BOOTSTRAPS_TIMED}).
"""


if __name__ == "__main__":
    main()
