"""Which discrepancy: kernels, lengths and inputs, by backtests on the public sweeps.

    python benchmarks/kernels.py [NAME ...]      # writes kernels.md

The sweeps, cut-offs and priors of extrapolation.py (of each sweep the priors of all other families), without shared departures
of sizes; one choice changed at a time.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import sweep_priors
from sweeps import Sweep

import bayes_scaling as bs
from bayes_scaling.model.specification import changed
from bayes_scaling.validation.scores import score_points, score_table

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=300, tune=300, seed=1, progress=False, target_accept=0.9)

type Priors = sweep_priors.Elicited


def departing(**changes: object) -> Callable[[Priors], bs.Model]:
    """Return the model whose discrepancy differs from the shipped one by some fields."""

    def model(priors: Priors) -> bs.Model:
        shipped = sweep_priors.model(priors)
        return changed(shipped, discrepancy=(replace(shipped.discrepancy[0], **changes),))  # type: ignore[arg-type]

    return model


def length(factor: float) -> Callable[[Priors], bs.Model]:
    """Return the model whose discrepancy is expected to change over longer or shorter distances."""

    def model(priors: Priors) -> bs.Model:
        of = priors.priors["discrepancy_length"]
        assert of.median is not None
        return departing(length=replace(of, median=of.median * factor))(priors)

    return model


def bare(priors: Priors) -> bs.Model:
    """Return the law alone."""
    return changed(sweep_priors.model(priors), discrepancy=())


def drifting(priors: Priors) -> bs.Model:
    """Return the law with exponents and size's share that drift with the inputs, and no process."""
    alone = bare(priors)
    drifts = {"alpha": bs.Trend("params", 0.05), "beta": bs.Trend("tokens", 0.05), "A": bs.Trend("tokens", 0.1)}
    return changed(alone, parameters={n: of + drifts[n] if n in drifts else of for n, of in alone.parameters.items()})  # type: ignore


WIENER = {
    "over": ("compute",),
    "kernel": "matern32",
    "length": bs.Prior(median=100.0, factor=1.1),
    "amplitude": bs.Prior(median=2.0, factor=4.0),
}
"""Matern-3/2 over distances far below its length is an integrated Wiener process with a random start and slope."""

VARIANTS: dict[str, Callable[[Priors], bs.Model]] = {
    "shipped: Matern-5/2 over params and tokens": departing(),
    "Matern-3/2": departing(kernel="matern32"),
    "squared exponential": departing(kernel="squared_exponential"),
    "lengths twice as long": length(2.0),
    "Matern-5/2 over compute alone": departing(over=("compute",)),
    "integrated Wiener over compute alone": departing(**WIENER),
    "exponents that drift, no process": drifting,
    "bare law": bare,
}


def points_of(sweep: Sweep, priors: Priors, make: Callable[[Priors], bs.Model]) -> pd.DataFrame:
    """Return the scores of a sweep's held-out runs under a variant."""
    model, columns = make(priors), sweep_priors.columns(sweep)
    if any(term.over for term in model.discrepancy):
        columns = replace(columns, inputs={**columns.inputs, "compute": bs.Input("compute", "FLOP", 1e20)})
    runs, train = bs.read_runs(sweep.table.assign(compute=sweep.scale), columns), sweep.scale < sweep.cut
    fit = bs.fit(model, replace(runs, table=runs.table[train].reset_index(drop=True)), SETTINGS)
    assert fit.health is not None
    return score_points(fit, runs.table[~train]).assign(sweep=sweep.name, divergences=fit.health.divergences)


def main() -> None:
    """Judge every variant, or those whose names are given."""
    known, rows = sweep_priors.stored(), []
    priors = {s.name: sweep_priors.elicited([one for one in known if one.family != s.family]) for s in sweep_priors.used()}
    for name, make in VARIANTS.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        start = time.perf_counter()
        points = pd.concat([points_of(sweep, priors[sweep.name], make) for sweep in sweep_priors.used()])
        each, pooled = score_table(points, ["sweep"]), score_table(points).iloc[0]
        said = {"variant": name, "in 50 %": pooled["coverage_50"], "in 90 %": pooled["coverage_90"]}
        said |= {"CRPS, geometric mean": float(np.exp(np.log(each["crps"]).mean())), "log score": each["log_score"].mean()}
        said |= {"RMSLE": each["rmsle"].mean(), "divergences": points.groupby("sweep")["divergences"].first().sum()}
        rows.append(said | {"seconds": time.perf_counter() - start})
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(4)
    print(table.to_string(index=False))
    if not sys.argv[1:]:
        (HERE / "kernels.md").write_text(f"{HEAD}\n\n{table.to_markdown(index=False)}\n", encoding="utf-8")


HEAD = f"""# Which discrepancy

{datetime.now(UTC):%Y-%m-%d}, one run of `benchmarks/kernels.py` on 30 public sweeps: the largest third of scale held out.
Coverage is pooled over runs; CRPS of the log loss, log score and RMSLE are means over sweeps. Seconds include compiling."""

if __name__ == "__main__":
    main()
