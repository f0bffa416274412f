"""What a discrepancy costs: seconds for a fit, a refit and a rollout, and how they grow with the runs.

python benchmarks/discrepancy.py      # writes discrepancy.md
"""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sweeps import sweeps

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs

HERE = Path(__file__).parent
SETTINGS = bs.Settings(draws=1000, tune=500, seed=1, progress=False)
SIZES = (125, 250, 500, 1000, 2000, 4000)


def timed(fit: bs.Fit, runs: Runs) -> tuple[float, bs.Fit]:
    """Return the middle of three warm refits in seconds, with the health of their draws."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        again = bs.refit(fit, runs, SETTINGS)
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[1], again


def simulated(runs: Runs, count: int) -> Runs:
    """Return as many runs in the range of those given, on a bent law, with 0.4 % scatter."""
    rng = np.random.default_rng(2)
    spans = [np.log(runs.table[name].agg(["min", "max"])) for name in ("params", "tokens")]
    params, tokens = (np.exp(rng.uniform(*span, count)) for span in spans)
    bend = 0.02 * np.sin(np.log(params / 1e9) / 2)
    loss = (1.82 + 0.36 * (params / 1e9) ** -0.35 + 0.35 * (tokens / 2e10) ** -0.37) * np.exp(
        bend + rng.normal(0, 0.004, count)
    )
    return replace(runs, table=pd.DataFrame({"response": loss, "params": params, "tokens": tokens}))


def rows_of(name: str) -> list[dict[str, object]]:
    """Return what was measured of a bundled model on the 240 Chinchilla runs, and of growing tables."""
    study = bs.read_study(name)
    epoch = next(sweep for sweep in sweeps() if sweep.name == "chinchilla_epoch")
    runs = bs.read_runs(epoch.table, study.columns)
    start = time.perf_counter()
    fit = bs.fit(study.model, runs, SETTINGS)
    rows: list[dict[str, object]] = [
        {"model": name, "what": "first fit, compiling", "runs": 240, "s": time.perf_counter() - start}
    ]
    seconds, again = timed(fit, runs)
    assert again.health is not None
    steps = float(again.draws["sample_stats"]["n_steps"].mean())
    health = {"steps": steps, "smallest ESS": again.health.ess_bulk, "divergences": again.health.divergences}
    rows.append({"model": name, "what": "warm refit, 4 x 1,000 draws", "runs": 240, "s": seconds} | health)
    limits = np.exp(np.linspace(np.log(2e19), np.log(1e22), 20))
    start = time.perf_counter()
    test = bs.backtest(
        study.model, runs, [f"6 * params * tokens < {limit:.4g}" for limit in limits], replace(SETTINGS, draws=500)
    )
    rows.append(
        {
            "model": name,
            "what": "rollout of 20 cut-offs, 4 x 500 draws, scores included",
            "runs": 240,
            "s": time.perf_counter() - start,
            "divergences": len(test.problems),
        }
    )
    for count in SIZES:
        seconds, again = timed(fit, simulated(runs, count))
        steps = float(again.draws["sample_stats"]["n_steps"].mean())
        rows.append(
            {
                "model": name,
                "what": "warm refit, simulated",
                "runs": count,
                "s": seconds,
                "steps": steps,
                "microseconds a step, on a core": seconds * 2e6 / (steps * 4 * 1500),
            }
        )
    print(*rows, sep="\n", flush=True)
    return rows


if __name__ == "__main__":
    table = pd.DataFrame([row for name in ("chinchilla_law", "chinchilla") for row in rows_of(name)]).round(2)
    head = (
        f"# What a discrepancy costs\n\n{datetime.now(UTC):%Y-%m-%d}, one run on {os.cpu_count()} shared cores, load average "
        f'{os.getloadavg()[0]:.1f} at the end; for rollouts "divergences" counts cut-offs that did not pass the health gate.'
    )
    (HERE / "discrepancy.md").write_text(
        f"{head}\n\n{table.astype(object).fillna('').to_markdown(index=False)}\n", encoding="utf-8"
    )
