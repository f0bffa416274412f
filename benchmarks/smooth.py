"""What it buys that levels are places on an axis: held-out positions, token indices and sizes, smooth against exchangeable.

    python benchmarks/smooth.py [--case NAME] [--fold NAME]      # scores into smooth.csv, and smooth.md from it

Models of a case see the same runs, and differ in whether levels are smooth, partially pooled strangers, or follow a form.
Scored are the losses of held-out rows, and of MoBA the penalty, log(loss of MoBA / loss of full attention), of each held-out
size and bucket. Runs whose other rows were seen keep their group effects; those of held-out sizes are new.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from architectures import kept

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.model.specification import Model, changed
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.validation.scores import crps, log_mean_exp

HERE = Path(__file__).parent
SCORES, REPORT = HERE / "smooth.csv", HERE / "smooth.md"
SETTINGS = bs.Settings(draws=300, tune=400, chains=2, seed=1, progress=False)
BUCKET = 2048


@dataclass(frozen=True)
class Case:
    """What is compared: runs and a model by name, and filters of the rows that are kept by what is left out."""

    models: Mapping[str, tuple[Runs, Model]]
    folds: Mapping[str, str]
    contrast: bool = False


def moba_positions() -> Case:
    """Return MoBA's: buckets of the context."""
    study = bs.read_study("moba_positions")
    runs = study_runs(study)
    folds = {
        "every other bucket": f"position % {2 * BUCKET} == 0",
        "buckets 9 to 12 of 16": f"position <= {8 * BUCKET} or position > {12 * BUCKET}",
        "last 4 buckets": f"position <= {12 * BUCKET}",
        "largest size": "size < 2.1e9",
    }
    models = {"positions smooth": study.model, "positions exchangeable": exchangeable(study.model)}
    return Case({name: (runs, model) for name, model in models.items()}, folds, contrast=True)


WIDE = bs.Prior(median=3.0, factor=2.0)
"""Lengths in e-folds of size."""


def token_position() -> Case:
    """Return that of the loss over token index: sizes beside their drift, and indices in place of a form."""
    study = bs.read_study("token_position")
    runs, model = study_runs(study), study.model
    models = {
        "sizes drift, and are exchangeable (as bundled)": (runs, model),
        "sizes drift, and are smooth": (runs, smoothed(model, "size", WIDE)),
        "sizes drift": (runs, changed(model, parameters=drifting(model))),
        "indices smooth": (indexed(runs), by_index(model)),
        "indices exchangeable": (indexed(runs), exchangeable(by_index(model))),
    }
    folds = {
        "0.4M, the smallest size": "size > 4e5",
        "25M": "size != 25165824",
        "708M, the largest": "size < 7e8",
        "302M and 708M": "size < 3e8",
        "tokens 10 to 40": "token_index < 9 or token_index > 45",
        "tokens above 500": "token_index < 500",
    }
    return Case(models, folds)


def drifting(model: Model) -> dict[str, bs.Prior]:
    """Return parameters without effects of levels."""

    def bare(of: bs.Prior) -> bs.Prior:
        return replace(of, terms=tuple(one for one in of.terms if not isinstance(one, bs.Varying)))

    return {name: bare(of) for name, of in model.parameters.items()}


def indexed(runs: Runs) -> Runs:
    """Return runs whose token index is a group too: the middle of its bin, which sizes share."""
    bins = np.round(8 * np.log10(runs.table["token_index"]))
    index = runs.table["token_index"].groupby(bins).transform("median").round(1)
    inputs = {"params": runs.columns.inputs["params"]}
    groups = {**runs.columns.groups, "index": "index"}
    columns = replace(runs.columns, inputs=inputs, groups=groups, average=None)
    levels = {**runs.levels, "index": np.array(sorted(index.unique()))}
    return replace(runs, table=runs.table.assign(index=index), levels=levels, columns=columns)


def by_index(model: Model) -> Model:
    """Return L = a N^-b at each token index, a and b smooth along it."""
    length = bs.Prior(median=1.5, factor=2.0)
    a = bs.Prior(median=4.0, factor=1.6) + bs.Smooth("index", 0.3, length, log=True)
    # Kaplan et al. 2020 found .076 of all tokens, and next to nothing on the first.
    b = bs.Prior(median=0.05, factor=2.0) + bs.Smooth("index", 0.5, length, log=True)
    law = bs.parse_law("a * params**-b", inputs=["params"])
    sd = replace(model.noise.sd, terms=(bs.Smooth("index", 0.5, length, log=True),))
    noise = replace(model.noise, sd=sd, effects=(bs.Varying("size", 0.02),))
    return changed(model, law=law, parameters={"a": a, "b": b}, noise=noise, discrepancy=())


def kaplan_shape() -> Case:
    """Return that of shapes: the best aspect ratio of a size."""
    study = bs.read_study("kaplan_shape")
    groups = {**study.columns.groups, "size": "params_nominal"}
    runs = study_runs(replace(study, columns=replace(study.columns, groups=groups)))
    aspect = runs.table[runs.table["shape"] == "aspect_ratio"].reset_index(drop=True)
    levels = {dim: np.array(sorted(aspect[dim].unique()), dtype=of.dtype) for dim, of in runs.levels.items()}
    runs = replace(runs, table=aspect, levels=levels)
    # One kind of shape: its own effects are the prior's.
    model = changed(study.model, parameters={name: without(of, "shape") for name, of in study.model.parameters.items()})
    models = {
        "sizes exchangeable (as bundled)": model,
        "sizes smooth": smoothed(model, "series", bs.Prior(median=2.0, factor=2.0), "size"),
    }
    folds = {"274M": "size != 274000000", "1.5B": "size < 1e9", "50M": "size > 1e8"}
    return Case({name: (runs, of) for name, of in models.items()}, folds)


def without(of: bs.Prior, dim: str) -> bs.Prior:
    """Return a parameter without effects of a group."""
    return replace(of, terms=tuple(one for one in of.terms if one.dims != (dim,)))


def smoothed(model: Model, dim: str, length: bs.Prior, over: str = "") -> Model:
    """Return a model whose effects of a group are smooth over its levels, or those of another, instead."""

    def axis(of: bs.Prior) -> bs.Prior:
        terms = tuple(
            bs.Smooth(over or dim, one.sd, length, log=True) if isinstance(one, bs.Varying) and one.dims == (dim,) else one
            for one in of.terms
        )
        return replace(of, terms=terms)

    return changed(model, parameters={name: axis(of) for name, of in model.parameters.items()})


CASES: dict[str, Callable[[], Case]] = {
    "moba_positions": moba_positions,
    "token_position": token_position,
    "kaplan_shape": kaplan_shape,
}


def exchangeable(model: Model) -> Model:
    """Return a model whose smooth terms are exchangeable ones of the same scales."""

    def strangers(value: bs.Prior) -> bs.Prior:
        terms = tuple(bs.Varying(one.dims, one.sd) if isinstance(one, bs.Smooth) else one for one in value.terms)
        return replace(value, terms=terms)

    return changed(model, parameters={name: strangers(of) for name, of in model.parameters.items()})


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


def scored(fit: bs.Fit, held: pd.DataFrame, *, contrast: bool) -> dict[str, float]:
    """Return how well held-out rows and their penalties were predicted, of logarithms where losses have one."""
    as_is = not fit.runs.columns.response.positive
    drawn, seen = as_rows(posterior_predictive(fit, held, 0, new=False)), held["response"].to_numpy()
    draws, seen = (drawn / 100, seen / 100) if as_is else (np.log(drawn), np.log(seen))
    found = scores("loss", draws, seen, np.asarray(log_mean_exp(log_density(fit, held, 0, new=False))))
    if not contrast:
        return found
    cells = held.assign(row=np.arange(len(held))).pivot_table(index=["size", "position"], columns="attention", values="row")
    moba, full = cells["moba"].to_numpy(int), cells["full"].to_numpy(int)
    return found | scores("penalty", draws[moba] - draws[full], seen[moba] - seen[full], None)


def tried(case: Case, fold: str, model: str) -> dict[str, float | str]:
    """Return the scores of a model on what is left out."""
    runs, of = case.models[model]
    (part, held), start = split(runs, case.folds[fold]), time.perf_counter()
    fit = bs.fit(of, part, SETTINGS)
    assert fit.health is not None
    found = {"rows": len(held), **scored(fit, held, contrast=case.contrast)}
    return {**found, "s": time.perf_counter() - start, "health": fit.health.line}


def written() -> str:
    """Return the report."""
    table = pd.read_csv(SCORES, keep_default_na=False, na_values=[""])
    parts = ["# Levels on an axis: smooth, exchangeable, or by a form", INTRODUCTION]
    for case, rows in table.groupby("case", sort=False):
        numbers = rows.drop(columns=["case", "rows", "s", "health"]).dropna(axis=1, how="all")
        numbers = numbers.assign(**{"left out": [f"{one['left out']} ({one['rows']})" for one in rows.to_dict("records")]})
        parts += [f"## {case}", numbers.to_markdown(index=False, floatfmt=".3g")]
        doubts = rows[rows["health"].notna()]
        parts += [f"- {one['model']}, {one['left out']}: {one['health']}" for one in doubts.to_dict("records")]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


INTRODUCTION = f"""`python benchmarks/smooth.py` on {os.cpu_count()} shared cores; {SETTINGS.chains} x {SETTINGS.draws} draws a
fit. Scores are of log losses, or of shares of the loss where they are penalties: 1 % is 0.01. Lower CRPS and higher log score
are better. Left out: how many rows. Fits of `moba_positions`, and those of `token_position` that passed the gate, had 2 x 500
draws."""


def main() -> None:
    """Try what is asked for, keep the scores, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), action="append", default=[])
    parser.add_argument("--fold", action="append", default=[])
    parser.add_argument("--report", action="store_true", help="write the report of scores there are")
    chosen = parser.parse_args()
    for name in [] if chosen.report else chosen.case or CASES:
        case = CASES[name]()
        for fold in chosen.fold or case.folds:
            for model in case.models:
                row = {"case": name, "left out": fold, "model": model, **tried(case, fold, model)}
                print({key: of if isinstance(of, str) else round(of, 2) for key, of in row.items()}, flush=True)
                kept(SCORES, ["case", "left out", "model"], [row])
    REPORT.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
