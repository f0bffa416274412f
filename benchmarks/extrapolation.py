"""Do the bands keep their word? Every public sweep: trained on its smaller runs, judged on the largest third of its scale.

    python benchmarks/extrapolation.py [--only TEXT]      # writes extrapolation.md and extrapolation.png

Beside the field's practice on the same law: Huber fit of the log loss, L-BFGS from a grid of starts, bootstrap, residuals
resampled for single runs. Priors are those that public sweeps of all *other* families suggest (sweep_priors.py), never of a
sweep's own. Where rows of one size are points of one training run, both the runs and their departures are shared by size.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import sweep_priors
from practice import bootstrapped
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.validation.scores import crps, score_points, score_table

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=500, tune=500, seed=1, progress=False, target_accept=0.95)
STARTS, REFITS = 200, 200
TYPICAL = 3.2
"""The middle loss of the sweeps that priors come from, nats/token: priors of a loss in another unit are scaled by it."""


def columns(sweep: Sweep) -> bs.Columns:
    """Return what the columns of a sweep are for."""
    groups = {"size": "params"} if sweep.curves else {}
    if sweep.law == "chinchilla":
        return replace(sweep_priors.columns(sweep), groups=groups)
    return bs.Columns({"compute": bs.Input("compute", "FLOP", 1e20)}, bs.Response(unit=sweep.unit))


def model(sweep: Sweep, priors: Mapping[str, bs.Prior], *, departs: bool = True) -> bs.Model:
    """Return the model of a sweep; `departs` says whether the law may be wrong."""
    if sweep.unit != "nats/token":
        middle = float(sweep.table["loss"][sweep.scale < sweep.cut].median()) / TYPICAL
        priors = {name: scaled(of, middle) if name in "EAB" else of for name, of in priors.items()}
    effects = (bs.Varying("size", 0.01),) if sweep.curves else ()
    noise = bs.Noise(sd=priors["noise_sd"], effects=effects)
    departure = (bs.Discrepancy(priors["discrepancy_amplitude"], priors["discrepancy_length"]),) if departs else ()
    if sweep.law == "chinchilla":
        return replace(sweep_priors.model(priors), noise=noise, discrepancy=departure)
    # A ladder: what limited compute still costs at 1e20 FLOP, and the exponent of compute, alpha beta / (alpha + beta).
    law = {"E": priors["E"], "a": bs.Prior(median=0.7, factor=3.0), "b": bs.Prior(median=0.17, factor=2.0)}
    return bs.Model(bs.laws.power_law_floor, law, noise, departure)


def scaled(prior: bs.Prior, by: float) -> bs.Prior:
    """Return the prior of a parameter in another unit."""
    assert prior.median is not None
    return replace(prior, median=prior.median * by)


def ours(sweep: Sweep, priors: Mapping[str, bs.Prior], *, departs: bool = True) -> pd.DataFrame:
    """Return the scores of a sweep's held-out runs, each as a run of its own."""
    table = sweep.table.assign(compute=sweep.scale)
    runs, train = bs.read_runs(table, columns(sweep)), sweep.scale < sweep.cut
    kept = replace(runs, table=runs.table[train].reset_index(drop=True))
    levels = {dim: np.unique(kept.table[dim].to_numpy()) for dim in runs.levels}
    start = time.perf_counter()
    fit = bs.fit(model(sweep, priors, departs=departs), replace(kept, levels=levels), SETTINGS)
    held = runs.table[~train].reset_index(drop=True)
    points = score_points(fit, held)
    assert fit.health is not None
    return points.assign(
        sweep=sweep.name, seconds=time.perf_counter() - start, divergences=fit.health.divergences, r_hat=fit.health.r_hat
    )


def practice(sweep: Sweep) -> pd.DataFrame:
    """Return the scores of the field's practice on a sweep's held-out runs; `curve_90` is coverage of the bare bootstrap."""
    train, table = sweep.scale < sweep.cut, sweep.table
    inputs = table[["params", "tokens"]].to_numpy().T if sweep.law == "chinchilla" else sweep.scale[None]
    logs, seen = np.log(inputs), np.log(table["loss"].to_numpy())
    curve, runs = (np.sort(of, axis=1) for of in bootstrapped(logs[:, train], seen[train], logs[:, ~train], STARTS, REFITS))
    held = seen[~train]
    q05, q25, q50, q75, q95 = np.quantile(runs, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    low, high = np.quantile(curve, (0.05, 0.95), axis=1)
    return pd.DataFrame(
        {
            "sweep": sweep.name,
            "crps": crps(runs, held),
            "error": np.abs(np.expm1(q50 - held)),
            "in_50": (q25 <= held) & (held <= q75),
            "in_90": (q05 <= held) & (held <= q95),
            "curve_90": (low <= held) & (held <= high),
        }
    )


def judged(chosen: list[Sweep]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row a sweep with both methods, and all held-out points with their scores."""
    known, rows, every = sweep_priors.stored(), [], []
    for sweep in chosen:
        priors = sweep_priors.elicited([one for one in known if one.family != sweep.family])
        points, bare, field = ours(sweep, priors), ours(sweep, priors, departs=False), practice(sweep)
        mine, alone = score_table(points).iloc[0], score_table(bare).iloc[0]
        train = sweep.scale < sweep.cut
        rows.append(
            {
                "sweep": sweep.name,
                "law": sweep.law,
                "train": int(train.sum()),
                "held out": int((~train).sum()),
                "decades": np.log10(sweep.scale.max() / sweep.scale[train].max()),
                "distance": points["distance"].max(),
                "in 50 %": mine["coverage_50"],
                "in 90 %": mine["coverage_90"],
                "CRPS": mine["crps"],
                "ARE": mine["are"],
                "bare in 90 %": alone["coverage_90"],
                "bare CRPS": alone["crps"],
                "practice in 50 %": field["in_50"].mean(),
                "practice in 90 %": field["in_90"].mean(),
                "bootstrap alone in 90 %": field["curve_90"].mean(),
                "practice CRPS": field["crps"].mean(),
                "practice ARE": field["error"].mean(),
                "ratio": mine["crps"] / field["crps"].mean(),
                "seconds": points["seconds"].iloc[0],
                "divergences": points["divergences"].iloc[0],
            }
        )
        every.append(points.assign(**{f"practice_{name}": field[name].to_numpy() for name in ("crps", "in_50", "in_90")}))
        print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    return pd.DataFrame(rows), pd.concat(every, ignore_index=True)


def aims(table: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return what was aimed at, and what was measured."""
    pooled = score_table(points).iloc[0]
    c50, c90, ratio = pooled["coverage_50"], pooled["coverage_90"], table["ratio"]
    each = table["in 90 %"].between(0.75, 1.0)
    geometric = float(np.exp(np.log(ratio).mean()))
    rows = [
        ("90 % bands, pooled", "85 to 95 %", f"{100 * c90:.1f} %", 0.85 <= c90 <= 0.95),
        ("50 % bands, pooled", "42 to 58 %", f"{100 * c50:.1f} %", 0.42 <= c50 <= 0.58),
        ("90 % bands, each sweep", "75 to 100 % on all", f"on {each.sum()} of {len(each)}", bool(each.all())),
        ("CRPS over the practice's, geometric mean", "at most 0.5", f"{geometric:.2f}", geometric <= 0.5),
        ("worst ratio of a sweep", "at most 1.2", f"{ratio.max():.2f} ({(ratio > 1.2).sum()} above 1.2)", ratio.max() <= 1.2),
        (
            "the practice: 90 % and 50 % bands, pooled",
            "",
            f"{100 * points['practice_in_90'].mean():.1f} %, {100 * points['practice_in_50'].mean():.1f} %",
            None,
        ),
    ]
    return pd.DataFrame(
        [(*row[:3], {True: "yes", False: "no", None: ""}[row[3]]) for row in rows], columns=["what", "aim", "measured", "met"]
    )


def main() -> None:
    """Judge every sweep, or those whose name holds a text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    only = parser.parse_args().only
    table, points = judged([sweep for sweep in sweeps() if only in sweep.name])
    said = aims(table, points)
    by_distance = score_table(points, ["decades"])
    print(said.to_string(index=False), by_distance.round(3).to_string(index=False), sep="\n\n")
    if not only:
        parts = [
            HEAD,
            said.to_markdown(index=False),
            "## Every sweep\n",
            table.round(4).to_markdown(index=False),
            "## By distance from the training runs, in decades\n",
            by_distance.round(4).to_markdown(index=False),
        ]
        (HERE / "extrapolation.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


HEAD = f"""# Extrapolation: largest third of scale of public sweeps

{datetime.now(UTC):%Y-%m-%d}, one run of `benchmarks/extrapolation.py`; numbers as measured, aim met or not.

CRPS is of the log loss. "ratio" is CRPS over that of the field's practice (Huber, {STARTS} starts of its grid, {REFITS}
bootstrap refits, residuals resampled); "bare" is the same law, priors and noise without a discrepancy; "distance" is the
largest of a held-out run from the training runs' hull, in decades of the inputs. Sweeps of one family share training runs
or code: they are no independent trials."""

if __name__ == "__main__":
    main()
