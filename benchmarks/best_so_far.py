"""Curves of the best so far, read as such and as values: simulated, so that the values behind them are known.

    python benchmarks/best_so_far.py [--curves N]

A curve falls as E + A x^-b with scatter of .2 to 2 % about it (normal, or Student-t with 4 degrees of freedom). The study
`learning_curve` is given 20 values over a factor of 20 of x, or the best so far of them, and predicts 8 new values up to twice
as far. It knows neither the law of the simulation nor the scatter.
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.validation.scores import score_points

STUDY = bs.read_study("learning_curve")
SETTINGS = replace(STUDY.settings, method="laplace", draws=400, tune=400, seed=1, progress=False)
ALONE = replace(STUDY.columns, tail=None, best_so_far=None)
KINDS = ("values", "best so far, as values", "best so far, as such")


def curve(number: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return x, values, and how many of them are given."""
    random = np.random.default_rng(number)
    x = np.concatenate([np.geomspace(0.05, 1.0, 20), np.geomspace(1.1, 2.0, 8)])
    floor, exponent = random.uniform(0.0, 0.9), np.exp(random.uniform(np.log(0.03), np.log(0.5)))
    scatter = np.exp(random.uniform(np.log(0.002), np.log(0.02)))
    error = random.standard_normal(28) if number % 2 else random.standard_t(4, 28)
    return x, (floor + (1.0 - floor) * x**-exponent) * np.exp(scatter * error), 20


def tasks(count: int) -> dict[str, Task]:
    """Return three tasks for each curve."""
    found = {}
    for number in range(count):
        x, y, given = curve(number)
        best = np.minimum.accumulate(y[:given])
        held = bs.read_runs(pd.DataFrame({"x": x[given:], "y": y[given:]}), ALONE).table
        for kind, shown, columns in (
            (KINDS[0], y[:given], replace(STUDY.columns, best_so_far=None)),
            (KINDS[1], best, replace(STUDY.columns, best_so_far=None)),
            (KINDS[2], best, STUDY.columns),
        ):
            runs = bs.read_runs(pd.DataFrame({"x": x[:given], "y": shown}), columns)
            repeats = float((np.diff(best) == 0).mean())
            found[f"{kind} {number}"] = Task(runs, extra={"held": held, "kind": kind, "repeats": repeats})
    return found


def scored(fit: bs.Fit, extra: dict[str, object]) -> pd.DataFrame:
    """Return the scores of a curve's new values."""
    held = extra["held"]
    assert isinstance(held, pd.DataFrame)
    found = score_points(fit, held).assign(kind=extra["kind"], repeats=extra["repeats"])
    return found.assign(log_error=np.log(found["q50"] / held["response"].to_numpy()))


def table_of(points: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each way to read a curve, of all and of those by how often they repeat themselves."""
    points = points.assign(
        in_50=points["pit"].between(0.25, 0.75),
        in_90=points["pit"].between(0.05, 0.95),
        squared=points["log_error"] ** 2,
        repeat=pd.cut(points["repeats"], [-0.01, 0.1, 0.3, 1.0], labels=["up to 10 %", "10 to 30 %", "over 30 %"]).astype(str),
    )
    both = pd.concat([points.assign(repeat="all"), points])
    found = both.groupby(["repeat", "kind"])[["log_error", "squared", "log_score", "in_50", "in_90"]].mean()
    found.insert(0, "curves", both.groupby(["repeat", "kind"])["task"].nunique())
    return found.assign(rmsle=np.sqrt(found["squared"])).drop(columns="squared")


def main() -> None:
    """Fit all curves three times, and print how well new values are predicted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=100)
    batch = bs.fit_many(STUDY.model, tasks(parser.parse_args().curves), InProcess(), keep=scored, settings=SETTINGS)
    print(table_of(batch.to_frame()).round(4).to_string(), *batch.report[:5], sep="\n")


if __name__ == "__main__":
    main()
