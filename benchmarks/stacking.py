"""What a stack of laws is worth beyond the runs: weights found in the lower part of each public sweep, judged above it.

Chinchilla's law, that of Kaplan et al. over size and data, and a power law without floor are fitted to the runs below each
sweep's cut, compared within them, and stacked; all then predict the runs above. Means over sweeps of a family, then families.

    python benchmarks/stacking.py
"""

from collections.abc import Iterator

import pandas as pd
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.data.runs import subset
from bayes_scaling.inference.stacking import stack
from bayes_scaling.laws.library import library_law
from bayes_scaling.model.defaults import default_priors
from bayes_scaling.validation.scores import score_points, score_table

NOISE = bs.Noise(sd=bs.Prior(median=0.01, factor=3.0))
SLOPE = bs.Prior(median=0.06, factor=2.5)
LAWS = {
    "chinchilla": bs.read_study("chinchilla_law").model,
    "kaplan": bs.Model(library_law("kaplan_params_tokens"), default_priors("kaplan_params_tokens"), NOISE),
    "power law": bs.Model(
        bs.parse_law("a * params**-b * tokens**-c", inputs=["params", "tokens"]),
        {"a": bs.Prior(median=2.6, factor=1.5), "b": SLOPE, "c": SLOPE},
        NOISE,
    ),
}
COLUMNS = bs.Columns({"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)})
SETTINGS = bs.Settings(draws=500, chains=2, progress=False)
FEWEST = 12
"""Runs to train on."""


def judged(sweep: Sweep) -> Iterator[dict[str, object]]:
    """Yield the held-out scores of each law and stack."""
    runs = bs.read_runs(sweep.table, COLUMNS, sweep.name)
    below = f"6 * params * tokens < {sweep.cut!r}"
    train, held = subset(runs, below), subset(runs, f"not ({below})").table
    if len(train) < FEWEST:
        return
    found = bs.compare(LAWS, train, settings=SETTINGS)
    equal = dict.fromkeys(LAWS, 1 / len(LAWS))
    stacks = {"stack, held out": found.weights, "stack, LOO": found.weights_loo, "stack, equal": equal}
    every = dict(found.fits) | {name: stack(found.fits, weights) for name, weights in stacks.items()}
    for name, fit in every.items():
        scores = score_table(score_points(fit, held)).iloc[0].to_dict()
        yield {"family": sweep.family, "sweep": sweep.name, "what": name} | scores


def main() -> None:
    """Print the table."""
    rows = pd.DataFrame([row for sweep in sweeps() if sweep.law == "chinchilla" for row in judged(sweep)])
    kept = ["coverage_50", "coverage_90", "crps", "log_score", "are"]
    means = rows.groupby(["what", "family"])[kept].mean().groupby("what").mean()
    print(f"{rows['sweep'].nunique()} sweeps of {rows['family'].nunique()} families")
    print(means.sort_values("log_score", ascending=False).round(4).to_string())


if __name__ == "__main__":
    main()
