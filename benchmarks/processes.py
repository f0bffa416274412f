"""Other processes and priors of a discrepancy beside the one shipped: families left out, three depths.

    python benchmarks/processes.py [--only TEXT]

Writes processes.md. Posteriors are by importance sampling (importance.py), with normal scatter; sweeps have at most 64 runs
to train on.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import pandas as pd
from importance import (
    AMPLITUDE,
    DELTA,
    LENGTHS,
    SIZE,
    Beforehand,
    Density,
    Floats,
    Orthogonal,
    Plain,
    beforehand,
    forecast,
    law,
    mode,
    places,
    student,
)
from judge import DEPTHS, Split, geometric, markdown, scores, splits
from sweep_priors import elicited, stored
from sweeps import Sweep, sweeps

from bayes_scaling.model.priors import Z90

HERE = Path(__file__).parent
SHIPPED = "as shipped"
MOST_TRAINED = 64
SIDE = 6
"""Places of a measure along an input."""
SCATTER = 0.01
"""About which the law's own mode is taken."""
DECADE = log(10.0)


@cache
def shipped(family: str) -> Beforehand:
    """Return the priors that sweeps of all other families suggest."""
    of = elicited([one for one in stored() if one.family != family])
    return beforehand(of.priors, of.joint)


def half_t(scale: float, nu: float = 4.0) -> Density:
    """Return the density of a half-t amplitude, of its logarithm."""
    return lambda of: log(2 / scale) + student((np.exp(of) / scale) ** 2, nu, 1) + of


def log_t(median: float, factor: float, nu: float = 3.0) -> Density:
    """Return the density of an amplitude whose logarithm is Student-t."""
    sd = log(factor) / Z90
    return lambda of: student(((of - log(median)) / sd) ** 2, nu, 1) - log(sd)


def moved(of: Beforehand, amplitude: float = 1.0, length: float = 1.0) -> Beforehand:
    """Return priors with other medians of amplitude and lengths."""
    middle = of.middle.copy()
    middle[AMPLITUDE] += log(amplitude)
    middle[list(LENGTHS)] += log(length)
    return replace(of, middle=middle)


def narrower(of: Beforehand, by: float, nu: float | None = None) -> Beforehand:
    """Return priors of another width in the middle, and of other tails."""
    tails, mu, sigma = of.delta
    return replace(of, scale=of.scale * by**2, nu=nu or of.nu, delta=(nu or tails, mu, sigma * by))


def orthogonal(of: Beforehand, x: Floats, y: Floats, beyond: float) -> Orthogonal:
    """Return the process orthogonal to the law's tangents over the box of the runs, carried on upward by some e-folds."""
    line = [np.linspace(at.min(), at.max() + beyond, SIDE) for at in x.T]
    measure = np.stack([at.ravel() for at in np.meshgrid(*line)], axis=1)
    start = np.append(of.middle, of.delta[1])
    at, _ = mode(lambda t: of.density(t) - ((y - law(t, x)) ** 2).sum(1) / (2 * SCATTER**2), start)
    steps = 1e-4 * np.eye(SIZE)[[0, 1, 2, 3, 4, DELTA]]
    slopes = (law(at + steps, measure) - law(at - steps, measure)) / 2e-4
    return Orthogonal(measure, np.linalg.qr(slopes.T)[0])


def forms(of: Beforehand, x: Floats, y: Floats) -> Iterator[tuple[str, Beforehand, Plain]]:
    """Yield what is tried: its name, priors and process."""
    plain, decade = Plain(), orthogonal(of, x, y, DECADE)
    yield SHIPPED, of, plain
    yield "orthogonal over the runs and a decade beyond", of, decade
    yield "the same, amplitude twice as large", moved(of, 2.0), decade
    yield "orthogonal over the runs", of, orthogonal(of, x, y, 0.0)
    yield "amplitude half-t, 4 degrees of freedom, .03", replace(of, amplitude=half_t(0.03)), plain
    yield "amplitude half-t, 4 degrees of freedom, .015", replace(of, amplitude=half_t(0.015)), plain
    yield "amplitude log-t, 3 degrees of freedom, .02, factor 2.5", replace(of, amplitude=log_t(0.02, 2.5)), plain
    yield "amplitude x .7", moved(of, 0.7), plain
    yield "lengths x 1.5", moved(of, length=1.5), plain
    yield "lengths x 1.5, amplitude x .7", moved(of, 0.7, 1.5), plain
    yield "all priors .75 times as wide", narrower(of, 0.75), plain
    yield "all priors .65 times as wide, 3 degrees of freedom", narrower(of, 0.65, 3.0), plain
    yield "all priors .8 times as wide, 3 degrees of freedom", narrower(of, 0.8, 3.0), plain


def judged(sweep: Sweep, split: Split) -> pd.DataFrame:
    """Return the scores of held-out runs that the study's filter keeps, by every form."""
    held = split.held[split.held["within"]]
    of, x, seen = shipped(sweep.family), places(split.train), np.log(split.train["loss"].to_numpy())
    found = []
    for name, priors, process in forms(of, x, seen):
        told = forecast(priors, split.train, held, process)
        label = {"family": sweep.family, "sweep": sweep.name, "depth": split.depth, "form": name} | dict(told.about)
        found.append(scores(told, np.log(held["loss"].to_numpy())).assign(**label))
    return pd.concat(found, ignore_index=True)


def table(points: pd.DataFrame) -> pd.DataFrame:
    """Return a row a depth and form: means over families, and the worst sweep's CRPS over that of what is shipped."""
    kept = ["crps", "log_score", "in_50", "in_90", "worth"]
    each = points.groupby(["family", "sweep", "depth", "form"], sort=False)[kept].mean().reset_index()
    base = each[each["form"] == SHIPPED].set_index(["sweep", "depth"])["crps"]
    each["ratio"] = each["crps"] / pd.MultiIndex.from_frame(each[["sweep", "depth"]]).map(base).to_numpy()
    by = ["depth", "form"]
    means = each.groupby([*by, "family"], sort=False)[["log_score", "in_50", "in_90", "worth"]].mean()
    means["CRPS over shipped"] = each.groupby([*by, "family"], sort=False)["ratio"].apply(geometric)
    found = means.groupby(by, sort=False).agg(dict.fromkeys(means, "mean") | {"CRPS over shipped": geometric})
    found["worst sweep"] = each.groupby(by, sort=False)["ratio"].max()
    pooled = points.groupby(by, sort=False)[["in_50", "in_90"]].mean().add_suffix(", pooled")
    return found.join(pooled).reset_index().sort_values("depth", key=lambda of: of.map(list(DEPTHS).index), kind="stable")


def main() -> None:
    """Judge every form on every split, and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of the names of sweeps")
    only = parser.parse_args().only
    chosen = [one for one in sweeps() if one.law == "chinchilla" and one.unit == "nats/token" and only in one.name]
    pairs = [(one, split) for one in chosen for split in splits(one) if len(split.train) <= MOST_TRAINED]
    found = []
    for sweep, split in pairs:
        found.append(judged(sweep, split))
        print(sweep.name, split.depth, flush=True)
    points = pd.concat(found, ignore_index=True)
    count = f"{points['sweep'].nunique()} sweeps of {points['family'].nunique()} families"
    text = f"{SAID.format(count=count)}\n{markdown(table(points).rename(columns={'in_50': 'in 50 %', 'in_90': 'in 90 %'}))}\n"
    print(text)
    if not only:
        (HERE / "processes.md").write_text(text, encoding="utf-8")


SAID = f"""# Other processes and priors of the discrepancy

{datetime.now(UTC):%Y-%m-%d}, `python benchmarks/processes.py`: {{count}}, priors from all other families, three depths as in
`benchmarks/extrapolation.py`, sweeps of at most {MOST_TRAINED} training runs; posteriors by importance sampling with normal
scatter. Means over families of their sweeps', CRPS over that of what is shipped in geometric mean; "worth", how many
independent draws the weighted ones are worth. "Orthogonal" is the process of Plumlee (2017): what it says beside the law has
no part, over a measure, that a step of the law's parameters could say as well.
"""

if __name__ == "__main__":
    main()
