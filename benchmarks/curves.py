"""Whole learning curves of five public families: what is left out is predicted, and each curve beyond its first part.

    python benchmarks/curves.py [FAMILY ...] [--split NAME] [--small] [--runs N]   # writes curves.csv and curves.md's table

Left out are the largest size; all of the runs that are three times or more as long as the longest of their size that is
kept ("shorter runs"), or their parts after 30, 50 and 70 %; a kind of schedule; and of each run the rows after 30, 50 and
70 %. What is compared, what was chosen on which family, and how to read the table is in curves.md; the table is put there.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import write_measured
from scipy.optimize import least_squares
from sweeps import DATA

import bayes_scaling as bs
from bayes_scaling._base.functions import on_arrays
from bayes_scaling.data.columns import Average
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.schedules import log_input
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import link, median
from bayes_scaling.model.specification import changed
from bayes_scaling.validation.scores import crps

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=500, tune=500, seed=1, progress=False)
SMALL = bs.Settings(draws=250, tune=250, chains=2, seed=1, target_accept=0.95, rounds=0, progress=False)
"""Two short chains and one round: a minute of processor time; scales of runs' own terms have not converged then."""
FRACTIONS = (0.3, 0.5, 0.7)
RESAMPLED, FEW = 60, 4
PER_DECADE = 20.0

LAST = "last"
"""Least squares goes without: where the end of no fall was seen, nothing but its prior tells it."""

PEAK_TOKENS = 2**19
"""Tokens a step of the runs of Luo et al."""
LONGER = 2.95
"""A run is longer than those of its size by at least so much."""


@dataclass(frozen=True)
class Family:
    """Curves of one team: the table's rows, averaged, and which law they are for."""

    name: str
    runs: Runs
    along: str = "tokens"


def model(family: str) -> bs.Model:
    """Return the model of whole curves, where the gain from data of looped models differs by loops and they stray further."""
    study = bs.read_study("training_curves_schedules").model
    if family != "looped":
        return study
    gain = as_parameter(study.parameters["data_gain"]) + bs.Trend("loops", 0.1)
    noise = replace(study.noise, sd=bs.Prior(median=0.01, factor=3.0))
    return changed(study, parameters={**study.parameters, "data_gain": gain}, noise=noise)


def families() -> dict[str, Callable[[], Family]]:
    """Return how to read each family."""
    return {
        "gemstones": gemstones,
        "multipower": multipower,
        "xlstm": xlstm,
        "olmo": olmo,
        "looped": looped,
    }


def gemstones() -> Family:
    """Constant learning rate, the first 5e9 tokens left out."""
    table = pd.read_csv(DATA / "gemstones.csv", encoding="utf-8").query("schedule == 'constant_lr'")
    return _family("gemstones", table.rename(columns={"run_id": "run"}).assign(lr=1.0), table["tokens"] > 5e9)


def xlstm() -> Family:
    """The transformers of context 8192: warm-up of 750 steps (left out to step 900), cosine, a cool-down to 0; every third."""
    about = pd.read_csv(DATA / "xlstm_isoflop.csv", encoding="utf-8").query(
        "architecture == 'transformer' and context_length == 8192"
    )
    every = about.sort_values(["params", "run_id"])  # every third run, and all of the largest size
    some = pd.concat([every.iloc[::3], every[every["params"] == every["params"].max()]]).drop_duplicates("run_id")
    table = pd.read_csv(DATA / "xlstm_curves.csv.gz", encoding="utf-8").merge(some[["run_id", "params"]], on="run_id")
    return _family("xlstm", table.rename(columns={"run_id": "run"}), table["step"] >= 900)


def olmo() -> Family:
    """Loss on c4_en, six lengths of each size, cosine to a tenth; warm-up and the first twentieth of each run left out."""
    table = (
        pd.read_csv(DATA / "olmo_ladder.csv.gz", encoding="utf-8")
        .query("eval_set == 'c4_en'")
        .rename(columns={"run_id": "run"})
        .reset_index(drop=True)
    )
    runs = table.groupby("run")
    warm = table["step"] > 1.2 * table.loc[runs["lr"].transform("idxmax"), "step"].to_numpy()
    return _family("olmo", table, warm & (table["tokens"] > 0.05 * runs["tokens"].transform("max")))


def looped() -> Family:
    """Tiny looped models, expected loss; from the end of the plateau at 0.2 M bytes on."""
    table = pd.read_csv(DATA / "looped_tiny_runs.csv", encoding="utf-8")
    table = table.rename(columns={"run_id": "run", "params_non_embedding": "params"}).assign(
        loss=lambda of: of["expected_step_loss"]
    )
    return _family("looped", table, table["tokens"] > 2e5, {"loops": bs.Input("max_loops", "loops", 4.0)})


def multipower() -> Family:
    """Three sizes under constant, cosine, WSD and two-stage schedules, from step 3,000 on."""
    table = pd.read_csv(DATA / "multipower_curves.csv", encoding="utf-8").drop(columns="schedule")
    first = table.drop_duplicates("run_id")
    ahead = first[first["run_id"].str.contains("wsdcon")].assign(step=7999, lr=3e-4, loss=np.nan)
    table = pd.concat([table, ahead], ignore_index=True).assign(tokens=lambda of: of["step"] * PEAK_TOKENS)
    kept = (table["loss"] > 0) & (table["step"] >= 3000)
    return _family("multipower", table.rename(columns={"run_id": "run", "params_label": "params"}), kept)


def _family(name: str, table: pd.DataFrame, kept: pd.Series, more: dict[str, bs.Input] | None = None) -> Family:
    """Return the kept rows of a family's logs, read by the study; its schedule comes from all of them."""
    study = bs.read_study("training_curves_schedules").columns
    named = {field: getattr(study, field) for field in study.__dataclass_fields__}
    named |= {"inputs": {**study.inputs, **(more or {})}, "curve": None, "where": f"kept > 0 and {study.where}"}
    columns = bs.Columns(**named | {"average": Average("tokens", PER_DECADE)})
    return Family(name, bs.read_runs(table.assign(kept=kept.astype(float)).reset_index(drop=True), columns))


def part(runs: Runs, keep: pd.Series) -> Runs:
    """Return some of the rows of runs, against the same references."""
    table = runs.table[keep].reset_index(drop=True)
    return replace(runs, table=table, levels={dim: np.unique(table[dim].to_numpy()) for dim in runs.levels})


def splits(family: Family) -> Iterator[tuple[str, pd.Series]]:
    """Return the rows to train on, by what is kept."""
    table = family.runs.table
    last = table.groupby("run")[family.along].transform("max")
    for fraction in FRACTIONS:
        yield f"first {fraction:.0%}", table[family.along] <= fraction * last
    yield "all but the largest size", table["params"] < table["params"].max()
    short = last <= table.groupby("params")[family.along].transform("max") / LONGER
    short |= ~short.groupby(table["params"]).transform("any")
    if not short.all():
        yield "shorter runs", short
        for fraction in FRACTIONS:
            yield f"shorter runs, first {fraction:.0%} of longer", short | (table[family.along] <= fraction * last)
    if family.name == "multipower":
        for kind, name in {"constant then lower": "wsdcon", "WSD": "wsd_|wsdld", "cosine": "cosine"}.items():
            yield f"all but {kind}", ~table["run"].astype(str).str.contains(name)


def ours(family: Family, train: Runs, held: pd.DataFrame, settings: bs.Settings) -> tuple[np.ndarray, bs.Fit]:
    """Return draws of what each held-out row shows, a row each, in log loss."""
    fit = bs.fit(model(family.name), train, settings)
    seen = set(train.levels["run"])
    found = np.empty((len(held), settings.draws * settings.chains))
    for run, rows in held.groupby("run"):
        points = rows.drop(columns=["response", "count", "mean_lag"])
        place = held.index.get_indexer(rows.index)
        points = points.reset_index(drop=True)
        path = bs.forecast(fit, str(run), points).path if run in seen else bs.predict_runs(fit, points)
        draws = np.log(path.stack(sample=("chain", "draw")).transpose("row", "sample").to_numpy())
        found[place] = draws[:, :: max(1, draws.shape[1] // found.shape[1])][:, : found.shape[1]]
    return found, fit


def practice(family: Family, train: Runs, held: pd.DataFrame, resampled: int) -> np.ndarray:
    """Return the same for the law by least squares, refitted to resampled runs, with residuals resampled."""
    of = model(family.name)
    names = [name for name in of.parameters if name != LAST]
    priors = [as_parameter(of.parameters[name]).prior for name in names]
    positive = np.array([link(prior) == "log" for prior in priors])
    middle = np.array([median(prior) for prior in priors])
    start = np.where(positive, np.log(np.where(positive, middle, 1.0)), middle)

    def law(x: np.ndarray, table: pd.DataFrame) -> np.ndarray:
        logs = {name: log_input(table, train.columns, train.references, name).T for name in law_inputs(of.law)}
        values = dict(zip(names, np.where(positive, np.exp(np.clip(x, -30, 5)), x), strict=True)) | {LAST: 0.0}
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.log(law_value(of.law, logs, values, on_arrays(1))), nan=10.0, posinf=10.0, neginf=-10.0)

    def fitted(table: pd.DataFrame, x: np.ndarray) -> np.ndarray:
        seen = np.log(table["response"].to_numpy())
        return np.asarray(least_squares(lambda at: law(at, table) - seen, x, loss="huber", f_scale=1e-3, max_nfev=300).x)

    best = fitted(train.table, start)
    left = np.log(train.table["response"].to_numpy()) - law(best, train.table)
    rng = np.random.default_rng(3)
    runs = dict(list(train.table.groupby("run")))
    labels = list(runs)
    curves = [
        law(fitted(pd.concat([runs[labels[i]] for i in rng.integers(len(labels), size=len(labels))]), best), held)
        for _ in range(resampled)
    ]
    repeated = np.repeat(np.stack(curves, axis=1), 30, axis=1)
    return repeated + rng.choice(left, repeated.shape)


def last_slope(family: Family, seen: pd.DataFrame, end: float) -> float:
    """Return the log loss at the end by a line in log tokens through the last third of the rows seen, three at least."""
    rows = seen.sort_values(family.along).tail(max(3, len(seen) // 3))
    if len(rows) < 2:
        return float(np.log(rows["response"].iloc[-1]))
    slope, start = np.polyfit(np.log(rows[family.along]), np.log(rows["response"]), 1)
    return float(start + slope * np.log(end))


def some(family: Family, runs: int) -> Family:
    """Return a family with so many of its runs, evenly over sizes; all where it has no more."""
    every = family.runs.table.groupby("run")["params"].first().reset_index().sort_values(["params", "run"])["run"].to_numpy()
    if len(every) <= runs:
        return family
    kept = every[np.unique(np.linspace(0, len(every) - 1, runs).round().astype(int))]
    return replace(family, runs=part(family.runs, family.runs.table["run"].isin(kept)))


def scores(family: Family, split: str, keep: pd.Series, settings: bs.Settings) -> dict[str, Any]:
    """Return how well held-out rows and final losses were predicted."""
    train, held = part(family.runs, keep), family.runs.table[~keep]
    part_seen = "first" in split
    if part_seen:
        held = held[held["run"].isin(train.levels["run"])]
    started = time.perf_counter()
    draws, fit = ours(family, train, held, settings)
    took = time.perf_counter() - started
    truth = np.log(held["response"].to_numpy())
    row: dict[str, Any] = {
        "family": family.name,
        "split": split,
        "model": "schedules, small" if settings is SMALL else "schedules",
        "runs": held["run"].nunique(),
        "rows": len(held),
    }
    finals = held.groupby("run")[family.along].idxmax()
    end = held.index.get_indexer(finals)
    for name, of in {"": draws, "practice_": practice(family, train, held, FEW if settings is SMALL else RESAMPLED)}.items():
        low, q25, middle, q75, high = np.quantile(of, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
        row |= {f"{name}in_50": np.mean((q25 < truth) & (truth < q75)), f"{name}in_90": np.mean((low < truth) & (truth < high))}
        row |= {f"{name}crps": crps(np.sort(of, axis=1), truth).mean()}
        row |= {f"{name}are": np.mean(np.abs(np.exp(middle[end] - truth[end]) - 1))}
        row |= {f"{name}final_mean": np.mean(np.exp(middle[end] - truth[end]) - 1)}
        row |= {f"{name}final_90": np.mean((low[end] < truth[end]) & (truth[end] < high[end]))}
    if part_seen:
        each = {str(run): rows for run, rows in train.table.groupby("run")}
        tail = held.loc[finals]
        last = [np.log(each[str(run)].sort_values(family.along)["response"].iloc[-1]) for run in tail["run"]]
        line = [last_slope(family, each[str(run)], at) for run, at in zip(tail["run"], tail[family.along], strict=True)]
        row |= {
            f"{name}_are": np.mean(np.abs(np.exp(np.array(of) - truth[end]) - 1))
            for name, of in (("point", last), ("slope", line))
        }
    health = fit.health
    return row | {"seconds": took, "divergences": health.divergences, "ess": health.ess_bulk, "r_hat": health.r_hat}


COLUMNS = {
    "family": "family",
    "split": "trained on",
    "model": "model",
    "runs": "runs",
    "rows": "rows",
    "in_50": "in 50 %",
    "in_90": "in 90 %",
    "crps": "CRPS",
    "are": "final, error %",
    "final_mean": "final, mean error %",
    "final_90": "final in 90 %",
    "practice_in_90": "(a) in 90 %",
    "practice_crps": "(a) CRPS",
    "practice_are": "(a) final %",
    "point_are": "last point %",
    "slope_are": "last slope %",
    "divergences": "divergences",
    "ess": "smallest ESS",
    "seconds": "seconds",
}


PERCENT = ("are", "final_mean")


def written(found: pd.DataFrame) -> str:
    """Return the scores as Markdown: the table, and what bands hold pooled over families, each with the same weight."""
    found = found.sort_values(["family", "split"], kind="stable")
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    for row in found.to_dict("records"):
        cells = []
        for name in COLUMNS:
            value = row.get(name)
            text = str(value) if isinstance(value, str | int) else "" if value is None or np.isnan(value) else f"{value:.2f}"
            text = (
                f"{value:.4f}"
                if "crps" in name
                else f"{100 * value:.2f}"
                if name.endswith(("are", "final_mean")) and text
                else text
            )
            cells.append(f"{value:.0f}" if name in ("ess", "seconds", "divergences") else text)
        lines.append("| " + " | ".join(cells) + " |")
    if len(set(found["model"])) > 1:  # means over families would mix models
        return "\n".join(lines)
    pooled = found.groupby("family")[["in_50", "in_90", "practice_in_50", "practice_in_90"]].mean().mean()
    ratio = np.exp(np.log(found["crps"] / found["practice_crps"]).mean())
    lines += [
        "",
        f"Means over families: 50 % bands hold {pooled['in_50']:.0%}, 90 % bands {pooled['in_90']:.0%}; those of (a) "
        f"{pooled['practice_in_50']:.0%} and {pooled['practice_in_90']:.0%}. CRPS over (a)'s: geometric mean {ratio:.2f}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Score every family under every split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", nargs="*", default=list(families()))
    parser.add_argument("--split", action="append", default=[], help="only the split of this name; may be repeated")
    parser.add_argument("--draws", type=int, default=SETTINGS.draws)
    parser.add_argument("--small", action="store_true", help="two short chains, a round, six resampled fits of practice")
    parser.add_argument("--runs", type=int, default=1000, help="take so many runs of a family at most")
    options = parser.parse_args()
    settings = SMALL if options.small else replace(SETTINGS, draws=options.draws)

    path = HERE / "curves.csv"
    found = pd.read_csv(path, encoding="utf-8") if path.is_file() else pd.DataFrame()
    found = found.assign(model=found.get("model", "decay")) if len(found) else found
    for name in options.family:
        family = some(families()[name](), options.runs)
        for split, keep in splits(family):
            if options.split and split not in options.split:
                continue
            row = scores(family, split, keep, settings)
            print({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
            if len(found):
                found = found[(found["family"] != name) | (found["split"] != split)]
            found = pd.concat([found, pd.DataFrame([row])], ignore_index=True)
            found.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")
            write_measured(path.with_suffix(".md"), written(found))


if __name__ == "__main__":
    main()
