"""Correlated noise on simulated learning curves: how often 90 % bands hold with it, and how rarely without.

Families of curves are drawn from a law with run effects, Ornstein-Uhlenbeck departures along tokens and white scatter; each is
fitted by the model that drew it and by two that take its rows for independent. Judged are the law's exponents, its loss at the
largest size (left out) and four times beyond it, and what runs of that size show. `python benchmarks/correlated.py [families]`.
"""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import bayes_scaling as bs

TRUTH = {"E": 1.9, "A": 0.45, "alpha": 0.32, "B": 0.35, "beta": 0.36}
SD, LENGTH, WHITE, RUN = 0.004, 1.0, 0.003, 0.008
SIZES = np.geomspace(5e7, 1.6e9, 6)
LAW = bs.parse_law(
    "level - size_gain * (1 - params**-alpha) / alpha - data_gain * (1 - tokens**-beta) / beta", ["params", "tokens"]
)
"""E + A N^-alpha + B D^-beta by what runs know: A = size_gain / alpha, B = data_gain / beta, E = level - A - B."""
COLUMNS = bs.Columns(
    inputs={"params": bs.Input("params", "parameters", 3e8), "tokens": bs.Input("tokens", "tokens", 1e10)}, run="run"
)
PRIORS = {
    "level": bs.Prior(median=2.6, factor=1.3),
    "size_gain": bs.Prior(median=0.12, factor=2.5),
    "alpha": bs.Prior(median=0.3, factor=2.0),
    "data_gain": bs.Prior(median=0.12, factor=2.5),
    "beta": bs.Prior(median=0.35, factor=2.0),
}
SETTINGS = bs.Settings(draws=1000, progress=False)


def models() -> dict[str, bs.Model]:
    """Return the model that draws the curves, one with correlation alone, and one of independent rows."""
    noise = bs.Noise(
        sd=bs.Prior(median=SD, factor=3.0),
        distribution="normal",
        correlation=bs.Correlation("tokens", bs.Prior(median=LENGTH, factor=3.0), white=bs.Prior(median=WHITE, factor=3.0)),
        effects=(bs.Varying("run", RUN),),
    )
    alone = bs.Noise(sd=bs.Prior(median=0.008, factor=3.0), distribution="normal")
    return {
        "correlated, white, run effect": bs.Model(LAW, PRIORS, noise),
        "independent rows, run effect": bs.Model(LAW, PRIORS, replace(alone, effects=noise.effects)),
        "independent rows": bs.Model(LAW, PRIORS, alone),
    }


def law(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return the true loss."""
    x, y = params / 3e8, tokens / 1e10
    return np.asarray(TRUTH["E"] + TRUTH["A"] * x ** -TRUTH["alpha"] + TRUTH["B"] * y ** -TRUTH["beta"])


def family(rng: np.random.Generator, rows: int = 100) -> pd.DataFrame:
    """Return a family of curves, two of each size, logged evenly in tokens."""
    curves = []
    for size in np.repeat(SIZES, 2):
        at = np.linspace(0.01, 1.0, rows) * 60 * size**0.8 * 3e8**0.2
        steps, state = np.exp(-np.diff(np.log(at)) / LENGTH), np.empty(rows)
        state[0] = rng.normal()
        for i, kept in enumerate(steps, start=1):
            state[i] = kept * state[i - 1] + np.sqrt(1 - kept**2) * rng.normal()
        off = RUN * rng.normal() + SD * state + WHITE * rng.normal(size=rows)
        label = f"{size:.3g} {len(curves)}"
        curves.append(pd.DataFrame({"params": size, "tokens": at, "run": label, "loss": law(size, at) * np.exp(off)}))
    return pd.concat(curves, ignore_index=True)


def holds(fit: bs.Fit, held: pd.DataFrame) -> dict[str, float]:
    """Return what share of several kinds of truth lies in the 90 % bands of a fit."""

    def inside(draws: xr.DataArray, truth: Any) -> np.ndarray:
        low, high = draws.quantile([0.05, 0.95], ("chain", "draw")).to_numpy()
        return np.asarray((low < truth) & (truth < high))

    largest = pd.DataFrame({"params": SIZES[-1] * np.array([1.0, 4.0]), "tokens": [3e10, 1.2e11]})
    exponents = [bool(inside(fit.posterior[name], TRUTH[name])) for name in ("alpha", "beta")]
    curve = inside(bs.predict(fit, largest), law(*largest.to_numpy().T))
    seen = inside(bs.predict_runs(fit, held.drop(columns="loss")), held["loss"].to_numpy())
    return {"exponents": np.mean(exponents), "curve beyond": float(curve.mean()), "new runs": float(seen.mean())}


def main(families: int) -> None:
    """Print a table of coverage."""
    found: dict[str, list[dict[str, float]]] = {}
    fits: dict[str, bs.Fit] = {}
    for i in range(families):
        table = family(np.random.default_rng([17, i]))
        small, held = table[table["params"] < SIZES[-1]], table[table["params"] == SIZES[-1]]
        runs = bs.read_runs(small.reset_index(drop=True), COLUMNS)
        for name, model in models().items():
            fits[name] = bs.fit(model, runs, SETTINGS)
            row = holds(fits[name], held.iloc[::10]) | {"divergences": fits[name].health.divergences}
            found.setdefault(name, []).append(row)
    print(f"| {families} families | " + " | ".join(next(iter(found.values()))[0]) + " |")
    for name, rows in found.items():
        print(f"| {name} | " + " | ".join(f"{of:.2f}" for of in pd.DataFrame(rows).mean()) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
