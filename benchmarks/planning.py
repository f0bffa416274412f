"""How fast an answer comes: plans of 100 budgets, with and without a closed form, serving and a discrepancy; a whole report.

`python benchmarks/planning.py`. Draws are those of a prior, 4,000 of them: a plan's time does not depend on where they lie.
Times are the best of three in one process, and over that of the bare law.
"""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.model.studies.study import study_runs

BUDGETS = [float(of) for of in np.geomspace(1e19, 1e25, 100)]


def drawn(name: str) -> bs.Fit:
    """Return draws of a bundled study's prior over a grid of runs."""
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(5e7, 1e10, 8), np.geomspace(1e9, 3e11, 8)))
    table = pd.DataFrame({"params": params, "tokens": tokens, "loss": 1.82 + 482 * params**-0.348 + 2085 * tokens**-0.366})
    study = bs.read_study(name)
    return bs.prior(study.model, study_runs(study, table), draws=4000)


def seconds(fit: bs.Fit, cost: bs.Cost) -> float:
    """Return the best of three times of a plan, its table with it."""
    times = []
    for _ in range(3):
        start = perf_counter()
        bs.plan(fit, BUDGETS, cost=cost).to_frame()
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    """Print times and ratios as a table."""
    bare = drawn("chinchilla_law")
    found = {
        "bare law, closed form": seconds(bare, bs.Cost()),
        "bare law, 1e11 tokens served": seconds(bare, bs.Cost(served_tokens=1e11)),
        "with discrepancy": seconds(drawn("chinchilla"), bs.Cost()),
    }
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        page = bs.write_report(bare, Path(folder) / "report.html")
        found["report, written"] = perf_counter() - start
        size = page.stat().st_size / 1e6
    first = next(iter(found.values()))
    table = pd.DataFrame({"seconds": found, "over the first": {name: of / first for name, of in found.items()}})
    print(f"100 budgets x 4,000 draws\n{table.round(2).to_string()}\nreport: {size:.2f} MB")


if __name__ == "__main__":
    main()
