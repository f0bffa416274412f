"""Simulation-based calibration of every bundled model and every law of the library, on runs that their priors simulate.

    python benchmarks/calibration.py                            all, 200 simulations each: some hours on two processors
    python benchmarks/calibration.py --list                     what there is
    python benchmarks/calibration.py 'law:*' -n 100             those whose names match, 100 simulations each
    python benchmarks/calibration.py 'model:moba*' --posterior  around a fit: to a study's own runs, else to simulated ones
    python benchmarks/calibration.py 'model:*' -n 3 --trial     whether they run at all: nothing is kept

Each fit is stored under out/calibration as it finishes, and a run that was stopped goes on where it was. What was measured
is kept in calibration.csv, from which calibration.md is written.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.laws.library import LAWS, law_inputs
from bayes_scaling.model.defaults import default_inputs, default_priors, default_response, sweep_discrepancy
from bayes_scaling.model.priors import median
from bayes_scaling.model.specification import changed
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.simulations import SETTINGS, simulate

HERE = Path(__file__).parent
OUT = Path("out") / "calibration"
ALARM = 0.05

RANGES = {
    "epochs": (1.0, 60.0), "tokens_per_param": (0.2, 32.0), "loops": (1.0, 8.0), "annealing_area": (0.01, 3.0),
    "lr_drop": (0.3, 2.7), "lr_then": (0.3, 2.7), "loss": (2.2, 6.0), "token_index": (1.0, 1024.0), "ratio": (0.5, 500.0),
}  # fmt: skip
"""Where runs lie, over the reference of each input; others span three decades about it."""
POINTS = {1: 24, 2: 6, 3: 4, 4: 3}
"""Points of the grid along each input, by the number of inputs."""
ON_LOSS = {"error_from_loss", "shape_penalty"}
"""Laws whose response may be zero, where no error is relative."""
WITH_DISCREPANCY = ("law:power_law_floor", "law:chinchilla", "model:chinchilla_law", "model:moba_vs_full")
AROUND = "@fit"
"""End of the names of cases that are calibrated around a fit."""
FIT_SETTINGS = replace(SETTINGS, draws=1000, tune=1000, chains=4)
"""How that fit is sampled: each of its draws is the truth of one simulation at most."""


def names() -> list[str]:
    """Return everything that can be calibrated."""
    plain = [f"model:{name}" for name in bundled()] + [f"law:{name}" for name in LAWS]
    return [*plain, *(f"{name}+discrepancy" for name in WITH_DISCREPANCY)]


def has_losses(name: str) -> bool:
    """Return whether a case has runs with losses, not inputs alone."""
    kind, _, rest = name.removesuffix("+discrepancy").partition(":")
    return kind == "model" and bs.read_study(rest).source is not None


def file_name(name: str) -> str:
    """Return a case's name in files."""
    return name.replace(":", "_").replace("+", "_").replace("@", "_")


def case(name: str) -> tuple[bs.Model, Runs, bs.Settings]:
    """Return a model, runs at whose inputs it is calibrated, and how to sample."""
    kind, _, rest = name.removesuffix("+discrepancy").partition(":")
    model, runs, settings = _study(rest) if kind == "model" else _law(rest)
    return (changed(model, discrepancy=(sweep_discrepancy(),)) if name.endswith("+discrepancy") else model), runs, settings


def _study(name: str) -> tuple[bs.Model, Runs, bs.Settings]:
    study = bs.read_study(name)
    runs = study_runs(study, OWN.get(name, _sweep)() if study.source is None else None)
    runs = runs.thin(ROWS_A_DECADE) if name in THINNED else runs
    return study.model, runs, replace(SETTINGS, target_accept=study.settings.target_accept)


def _sweep(sizes: int = 7, budgets: int = 7, least: float = 1e9) -> pd.DataFrame:
    at = np.meshgrid(np.geomspace(5e7, 1e10, sizes), np.geomspace(least, 3e11, budgets))
    params, tokens = (of.ravel() for of in at)
    return pd.DataFrame({"run": params, "params": params, "tokens": tokens, "loss": 3.0})


def _schedules() -> pd.DataFrame:
    step = np.arange(3000, 24001, 400)
    cosine = 1.65e-4 + 1.35e-4 * np.cos(np.pi * (step - 3000) / (24000 - 3000))
    rates = {"constant": 0 * step + 3e-4, "cosine": cosine}
    return pd.concat([pd.DataFrame({"run_id": name, "step": step, "lr": lr, "loss": 3.0}) for name, lr in rates.items()])


def _family() -> pd.DataFrame:
    """Return logs of six runs of a family that differ in size."""
    tokens = np.linspace(5e8, 1e11, 200)
    sizes = [(f"run {i}", params) for i, params in enumerate(np.geomspace(5e7, 2e9, 6))]
    loss = [1.8 + 480 * params**-0.348 + 8000 * tokens**-0.42 for _, params in sizes]
    logs = [
        pd.DataFrame({"run": run, "params": n, "tokens": tokens, "loss": y}) for (run, n), y in zip(sizes, loss, strict=True)
    ]
    return pd.concat(logs, ignore_index=True)


def _decaying() -> pd.DataFrame:
    """Return the same under cosines to a tenth of their peak."""
    table = _family()
    return table.assign(lr=1.65e-3 + 1.35e-3 * np.cos(np.pi * table["tokens"] / table["tokens"].max()))


def _routed() -> pd.DataFrame:
    """Return dense and routed models of five sizes."""
    variants = [("Dense", 1), *product(("Hash", "S-Base", "RL-R"), (8, 64, 512))]
    rows = [(*variant, params) for variant in variants for params in (1.65e7, 2.73e7, 5.74e7, 1.32e8, 3.68e8)]
    table = pd.DataFrame(rows, columns=["router_type", "num_experts", "params"])
    return table.assign(loss=3.0, step=249000, top_k=1, routing_frequency=0.5, flop_increase=1.0)


def _isoflop() -> pd.DataFrame:
    """Return three budgets of four variants, seven sizes each."""
    costs = {("mlstm", 16384): 5.2, ("transformer", 2048): 6.0, ("transformer", 8192): 8.9, ("transformer", 16384): 12.8}
    rows = [
        (*variant, params, flop / (cost * params))
        for variant, cost in costs.items()
        for flop, params in product((6e18, 1e19, 3e19), np.geomspace(9e7, 1e9, 7))
    ]
    table = pd.DataFrame(rows, columns=["architecture", "context_length", "params", "tokens"])
    return table.assign(loss=3.0, flop_rule="attention_aware")


OWN: dict[str, Callable[[], pd.DataFrame]] = {
    "chinchilla": partial(_sweep, 5, 4, 5e9),
    "multi_power": _schedules,
    "routed_lm": _routed,
    "training_curves": _family,
    "training_curves_schedules": _decaying,
    "xlstm_isoflop": _isoflop,
}
"""Tables, with inputs made up, of studies that come without one; a sweep of sizes and tokens for others."""
THINNED, ROWS_A_DECADE = ("training_curves", "training_curves_schedules"), 5


def _law(name: str) -> tuple[bs.Model, Runs, bs.Settings]:
    inputs = {one: replace(of, reference=of.reference or 1.0) for one, of in default_inputs(name).items()}
    axes = [np.geomspace(*RANGES.get(one, (0.03, 30.0)), POINTS[len(inputs)]) for one in inputs]
    at = dict(zip(inputs, np.array(list(product(*axes))).T, strict=True))
    priors = default_priors(name)
    middle = LAWS[name](**{one: at[one] for one in law_inputs(LAWS[name])}, **{one: median(of) for one, of in priors.items()})
    table = pd.DataFrame({one: at[one] * of.reference for one, of in inputs.items()}).assign(loss=middle)
    additive = name in ON_LOSS
    columns = bs.Columns(inputs, bs.Response(unit=default_response(name), positive=not additive))
    sd = 0.01 * (float(np.median(middle)) if additive else 1.0)
    noise = bs.Noise(bs.Prior(median=sd, factor=3.0), on="loss" if additive else "log_loss")
    return bs.Model(LAWS[name], priors, noise), bs.read_runs(table, columns), SETTINGS


def fitted(model: bs.Model, runs: Runs, settings: bs.Settings, own: bool, folder: Path) -> bs.Fit:
    """Return the fit to calibrate around, stored as others are.

    own: whether it is of the runs as they are; else they are what one draw of the prior shows.
    """
    seen = runs if own else simulate(model, runs, 1, settings, seed=1).tasks["0000"].runs
    how = replace(FIT_SETTINGS, target_accept=settings.target_accept)
    batch = bs.fit_many(model, {"fit": seen}, InProcess(), folder=folder, settings=how)
    if batch.failures:
        raise bs.InputError(f"the fit to calibrate around failed: {batch.failures['fit']}")
    print("".join(f"    the fit to calibrate around: {line}\n" for line in batch.problems.values()), end="", flush=True)
    return bs.load(batch.results["fit"])


def measure(name: str, simulations: int, here: bool, out: Path) -> pd.DataFrame:
    """Calibrate, draw, and return one row a quantity."""
    plain = name.removesuffix(AROUND)
    start, (model, runs, settings) = time.perf_counter(), case(plain)
    folder = out / file_name(name)
    around = None
    if plain != name:
        around = fitted(model, runs, settings, has_losses(plain), folder)
        model, runs = around.model, around.runs
    executor = InProcess() if here else None
    found = bs.calibrate(model, runs, simulations, settings, executor, folder, around=around)
    found.ranks.to_parquet(out / f"{folder.name}.parquet")
    seconds = time.perf_counter() - start
    fits = found.ranks.groupby("task").agg({"divergences": "max", "r_hat": "max", "ess": "min"})
    said = {
        "rows": len(runs),
        "impossible": found.impossible,
        "failed": len(found.failures),
        "divergent": int((fits["divergences"] > 0).sum()),
        "r_hat_above_1.05": int((fits["r_hat"] > 1.05).sum()),
        "ess_below_99": int((fits["ess"] < 99).sum()),
    }
    table = found.to_frame().assign(case=name, **said)
    worst = table.loc[table["p_holm"].idxmin()]
    print(f"{name}: {len(fits)} fits in {seconds:.0f} s, smallest corrected p {worst['p_holm']:.3g} ({worst['quantity']})")
    print("".join(f"    {line}\n" for line in found.report), end="", flush=True)
    return table


def keep(measured: pd.DataFrame) -> pd.DataFrame:
    """Return all that was ever measured, the latest of each case, having stored it."""
    path = HERE / "calibration.csv"
    earlier = pd.read_csv(path, encoding="utf-8") if path.is_file() else measured.iloc[:0]
    every = pd.concat([earlier[~earlier["case"].isin(measured["case"])], measured]) if len(earlier) else measured
    order = [*names(), *(f"{name}{AROUND}" for name in names())]
    every = every.sort_values("case", kind="stable", key=lambda of: of.map({name: i for i, name in enumerate(order)}))
    every.to_csv(path, index=False, float_format="%.4g", encoding="utf-8")
    return every


def write(every: pd.DataFrame) -> None:
    """Write what was measured, and say what was not."""
    heads = ("case", "rows", "fits", "impossible draws", "failed", "divergent", "R-hat > 1.05", "ESS < 99")
    heads = (*heads, "inside 50 %", "inside 90 %", "smallest p, corrected")
    lines = [TEXT, "| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for name, part in every.groupby("case", sort=False):
        row, worst = part.iloc[0], part.loc[part["p_holm"].idxmin()]
        counts = [
            row[c] for c in ("rows", "simulations", "impossible", "failed", "divergent", "r_hat_above_1.05", "ess_below_99")
        ]
        inside = [f"{100 * part[c].mean():.0f} %" for c in ("inside_50", "inside_90")]
        verdict = f"{worst['p_holm']:.2g}" + (f" ({worst['quantity']})" if worst["p_holm"] < ALARM else "")
        lines.append("| " + " | ".join([str(name), *map(str, counts), *inside, verdict]) + " |")
    missing = [name for name in names() if name not in set(every["case"])]
    lines += ["", "Not run: " + (", ".join(missing) if missing else "nothing") + ".", ""]
    (HERE / "calibration.md").write_text("\n".join(lines), encoding="utf-8")


TEXT = """# Calibration

As measured by `make calibrate` (benchmarks/calibration.py): parameters drawn from the prior, responses simulated at the runs'
own inputs and groups, refitted with 2 chains of 500 draws (500 more to tune), ranks of each truth among 99 draws or as many as
are independent. All fits are counted, those with divergences too. p is that of the least uniform quantity after
Holm's correction; of calibrated cases one in twenty falls below 0.05. All cases have the same seed, so that what they share
in their priors, such as the noise, is drawn alike.

A case that ends in @fit is calibrated around a fit, to a study's own runs or to some that one draw of its prior shows:
parameters are drawn from its posterior, and refits are to its runs and those simulated.
"""


def draw(every: pd.DataFrame) -> None:
    """Draw every case whose ranks are on this machine."""
    tables = {name: OUT / f"{file_name(name)}.parquet" for name in every["case"].unique()}
    shown = {name: path for name, path in tables.items() if path.is_file()}
    across = min(4, len(shown))
    down = -(-len(shown) // across)
    with plots.paper():
        figure = Figure(figsize=(1.8 * across, 1.9 * down))
        axes = figure.subplots(down, across, squeeze=False).ravel()
        for i, (ax, (name, path)) in enumerate(zip(axes, shown.items(), strict=False)):
            plots.plot_calibration(Calibration(pd.read_parquet(path), 0, {}), ax)
            _simplify(ax, name, first=i % across == 0, last=i + across >= len(shown))
        for ax in axes[len(shown) :]:
            ax.remove()
        figure.savefig(HERE / "calibration.png")


def _simplify(ax: Axes, name: str, *, first: bool, last: bool) -> None:
    """Name a panel and what leaves its band, and leave out what its neighbours say."""
    named = [line.get_label() for line in ax.get_lines() if not str(line.get_label()).startswith("_")]
    ax.get_legend().remove()
    ax.set_title("\n".join([name, *(f"outside: {one}" for one in named)]), fontsize=7)
    ax.set_xlabel(ax.get_xlabel() if last else "")
    ax.set_ylabel(ax.get_ylabel() if first else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["*"], help="what to calibrate, with * for any text")
    parser.add_argument("-n", "--simulations", type=int, default=200)
    parser.add_argument("--here", action="store_true", help="in this process, not one for each processor")
    parser.add_argument("--posterior", action="store_true", help="around a fit, not all over the prior")
    parser.add_argument("--trial", action="store_true", help="only see whether it runs; nothing is kept")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    asked = parser.parse_args()
    chosen = [name for name in names() if any(fnmatch(name, pattern) for pattern in asked.names)]
    if asked.list or not chosen:
        print("\n".join(names()))
        return
    cases = [f"{name}{AROUND}" if asked.posterior else name for name in chosen]
    if asked.trial:
        for name in cases:
            with tempfile.TemporaryDirectory() as folder:
                print(measure(name, asked.simulations, asked.here, Path(folder)).to_string(), flush=True)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for name in cases:
        every = keep(measure(name, asked.simulations, asked.here, OUT))
        write(every)
    draw(every)


if __name__ == "__main__":
    main()
