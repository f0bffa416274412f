"""What it buys that positions are places on an axis: held-out buckets and sizes of MoBA, smooth against exchangeable.

    python benchmarks/smooth.py      # writes smooth.md

Both models see the same runs, with levels of the positions that are smooth (`moba_positions`) or partially pooled strangers
(`moba_vs_full`). Scored are the losses of held-out rows, and the penalty, log(loss of MoBA / loss of full attention), of each
held-out size and bucket. Runs whose other buckets were seen keep their group effects; those of held-out sizes are new.
"""

import argparse
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.validation.scores import crps, log_mean_exp

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=500, tune=500, chains=2, seed=1, progress=False)
BUCKET = 2048
FOLDS = {
    "every other bucket": f"position % {2 * BUCKET} == 0",
    "buckets 9 to 12 of 16": f"position <= {8 * BUCKET} or position > {12 * BUCKET}",
    "last 4 buckets": f"position <= {12 * BUCKET}",
    "largest size": "size < 2.1e9",
}


def exchangeable(model: Model) -> Model:
    """Return a model whose smooth terms are exchangeable ones of the same scales."""

    def strangers(value: bs.Prior) -> bs.Prior:
        terms = tuple(bs.Varying(one.dims, one.sd) if isinstance(one, bs.Smooth) else one for one in value.terms)
        return replace(value, terms=terms)

    return replace(model, parameters={name: strangers(of) for name, of in model.parameters.items()})


def split(runs: Runs, where: str) -> tuple[Runs, pd.DataFrame]:
    """Return the runs that a filter keeps, with their levels only, and the rows that it does not."""
    kept = runs.table.query(where).index
    table = runs.table.loc[kept].reset_index(drop=True)
    levels = {dim: np.array(sorted(table[dim].unique()), dtype=of.dtype) for dim, of in runs.levels.items()}
    return replace(runs, table=table, levels=levels), runs.table.drop(kept).reset_index(drop=True)


def scores(name: str, draws: np.ndarray, seen: np.ndarray, density: np.ndarray | None) -> dict[str, float]:
    """Return coverage, CRPS in percent, log score a row and error of draws, a row each, of logarithms."""
    low, quarter, three, high = np.quantile(draws, [0.05, 0.25, 0.75, 0.95], axis=1)
    found = {
        f"{name}: CRPS, %": 100 * float(np.mean(crps(np.sort(draws, axis=1), seen))),
        f"{name}: in 50 %": 100 * float(np.mean((quarter <= seen) & (seen <= three))),
        f"{name}: in 90 %": 100 * float(np.mean((low <= seen) & (seen <= high))),
        f"{name}: width of 90 %, %": 100 * float(np.mean(high - low)),
    }
    return found | ({} if density is None else {f"{name}: log score": float(np.mean(density))})


def scored(fit: bs.Fit, held: pd.DataFrame) -> dict[str, float]:
    """Return how well held-out rows and their penalties were predicted."""
    draws, seen = np.log(as_rows(posterior_predictive(fit, held, 0, new=False))), np.log(held["response"].to_numpy())
    found = scores("loss", draws, seen, np.asarray(log_mean_exp(log_density(fit, held, 0, new=False))))
    cells = held.assign(row=np.arange(len(held))).pivot_table(index=["size", "position"], columns="attention", values="row")
    moba, full = cells["moba"].to_numpy(int), cells["full"].to_numpy(int)
    return found | scores("penalty", draws[moba] - draws[full], seen[moba] - seen[full], None)


def tried(runs: Runs, models: Mapping[str, Model]) -> pd.DataFrame:
    """Return a row for each fold and model."""
    rows = []
    for fold, where in FOLDS.items():
        kept, held = split(runs, where)
        for name, model in models.items():
            start = time.perf_counter()
            fit = bs.fit(model, kept, SETTINGS)
            assert fit.health is not None
            row = {"held out": f"{fold} ({len(held)} rows)", "positions are": name} | scored(fit, held)
            row |= {"s": time.perf_counter() - start, "health": fit.health.line}
            print(row, flush=True)
            rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Try all folds, and write what was found."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    study = bs.read_study("moba_positions")
    models = {"smooth": study.model, "exchangeable": exchangeable(study.model)}
    found = tried(study_runs(study), models)
    text = [
        "# Positions of a context: smooth or exchangeable",
        f"{datetime.now(UTC):%Y-%m-%d}, `python benchmarks/smooth.py` on {os.cpu_count()} shared cores; {SETTINGS.chains} x "
        f"{SETTINGS.draws} draws a fit. Scores are of log losses: 1 % is 0.01. Lower CRPS and higher log score are better.",
        found.drop(columns=["s", "health"]).to_markdown(index=False, floatfmt=".3g"),
        "Seconds of the fits, others at work on the machine, and their health:",
        found[["held out", "positions are", "s", "health"]].to_markdown(index=False, floatfmt=".0f"),
    ]
    (HERE / "smooth.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
