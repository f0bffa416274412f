"""Does choosing runs by what they tell of the question save compute? Public sweeps, their own runs as candidates.

    python benchmarks/next_run.py [--seeds 4]      # writes next_run.md; about a quarter of an hour

The largest tenth of each sweep by compute is what is to be predicted, the other runs are the pool. From five random ones of the
cheapest dozen, each rule chooses runs from the pool. Chosen runs are conditioned on in closed form until compute has grown by
a quarter, then the law is refitted with their losses. The law is Chinchilla's without a discrepancy, so that a refit takes a
third of a second, with priors from the public sweeps of all other families.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import sweep_priors
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.evaluation import as_rows, expected
from bayes_scaling.next_run import next_runs, scatter, shown
from bayes_scaling.scoring import score_points

HERE = Path(__file__).parent
TABLES = ("chinchilla_epoch", "porian refinedweb base short chinchilla standard", "gemstones cooled")
SETTINGS = bs.Settings(draws=500, tune=400, chains=2, seed=1, progress=False)
HELD, STARTS, CHEAPEST = 0.1, 5, 12
GROWTH, REFITS, MOST = 1.25, 24, 0.5
"""Compute grows so much between refits, of which there are so many at most, up to this share of the pool's compute."""

WITHIN = 1.1
"""The error aimed at, in units of that with the whole pool."""

type Score = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""Covariance of all candidates and, last, the question; variance of the scatter; cost; generator -> what is most wanted."""


def _told(joint: np.ndarray, noise: np.ndarray) -> np.ndarray:
    explained = joint[:-1, -1] ** 2 / (np.diag(joint)[:-1] + noise) / joint[-1, -1]
    return np.asarray(-0.5 * np.log1p(-np.clip(explained, 0.0, 1 - 1e-12)))


def _of_all(joint: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * np.log1p(np.clip(np.diag(joint)[:-1], 0.0, None) / noise))


RULES: dict[str, tuple[Score, bool]] = {
    "information per FLOP": (lambda c, r, cost, _: _told(c, r) / cost, False),
    "information, at most doubling": (lambda c, r, cost, _: _told(c, r), True),
    "random": (lambda c, r, cost, rng: rng.uniform(size=len(cost)), False),
    "random, at most doubling": (lambda c, r, cost, rng: rng.uniform(size=len(cost)), True),
    "cheapest first": (lambda c, r, cost, _: -cost, False),
    "D-optimal per FLOP": (lambda c, r, cost, _: _of_all(c, r) / cost, False),
    "D-optimal, at most doubling": (lambda c, r, cost, _: _of_all(c, r), True),
}
"""Rule -> what is wanted most, and whether a run may take no more than has been spent so far."""


@dataclass(frozen=True)
class Case:
    """A sweep with what is to be predicted and what may be trained."""

    sweep: Sweep
    model: bs.Model
    runs: bs.Runs
    held: np.ndarray
    pool: np.ndarray

    def fit(self, chosen: np.ndarray) -> bs.Fit:
        """Return the posterior of the law given chosen runs."""
        return bs.fit(self.model, replace(self.runs, table=self.runs.table.iloc[chosen].reset_index(drop=True)), SETTINGS)

    def scores(self, fit: bs.Fit) -> dict[str, float]:
        """Return mean error of the median and mean CRPS of the log loss at what is held out."""
        held = self.runs.table.iloc[self.held].reset_index(drop=True)
        middle = np.median(as_rows(expected(fit, held)), axis=1)
        error = np.abs(np.log(middle) - np.log(held["response"].to_numpy())).mean()
        return {"error": float(error), "crps": float(score_points(fit, held)["crps"].mean())}


def cases() -> Iterator[Case]:
    """Return the sweeps, ready to be chosen from."""
    known = sweep_priors.stored()
    for sweep in sweeps():
        if sweep.name in TABLES:
            priors = sweep_priors.elicited([one for one in known if one.family != sweep.family])
            model = replace(sweep_priors.model(priors), discrepancy=())
            order = np.argsort(sweep.scale, kind="stable")
            cut = len(order) - max(3, round(HELD * len(order)))
            yield Case(sweep, model, bs.read_runs(sweep.table, sweep_priors.columns(sweep)), order[cut:], order[:cut])


def followed(case: Case, rule: str, seed: int) -> Iterator[dict[str, float]]:
    """Return compute spent and scores after each refit."""
    score, doubling = RULES[rule]
    start, rng = np.random.default_rng(seed), np.random.default_rng([seed, 7])
    chosen = start.choice(case.pool[:CHEAPEST], STARTS, replace=False)
    scale, end = case.sweep.scale, MOST * case.sweep.scale[case.pool].sum()
    for _ in range(REFITS):
        fit, spent = case.fit(chosen), scale[chosen].sum()
        yield {"compute": spent, "runs": len(chosen)} | case.scores(fit)
        if spent >= end or len(chosen) == len(case.pool):
            return
        left = np.setdiff1d(case.pool, chosen)
        chosen = np.append(chosen, picked(case, fit, left, spent, score, rng, doubling=doubling))


def picked(
    case: Case, fit: bs.Fit, left: np.ndarray, spent: float, score: Score, rng: np.random.Generator, *, doubling: bool
) -> list[int]:
    """Return the runs a rule trains before the next refit."""
    frame = case.runs.table.iloc[left].reset_index(drop=True)
    held = case.runs.table.iloc[case.held].reset_index(drop=True)
    asked = np.log(as_rows(expected(fit, held))).mean(axis=0)
    noise = scatter(fit, frame, np.arange(len(left))[:, None], 0)[:, 0, 0]
    joint = np.cov(np.column_stack([shown(fit, frame, 0), asked]).T)
    cost, found, paid = case.sweep.scale[left], [], 0.0
    while paid < (GROWTH - 1) * spent and len(found) < len(left):
        wanted = score(joint, noise, cost, rng)
        wanted[found] = -np.inf
        if doubling and (cost <= spent + paid).any():
            wanted = np.where(cost <= spent + paid, wanted, -np.inf)
        best = int(np.argmax(wanted))
        if not np.isfinite(wanted[best]):
            best = int(next(i for i in np.argsort(cost) if i not in found))
        found.append(best)
        paid += cost[best]
        joint = joint - np.outer(joint[best], joint[best]) / (joint[best, best] + noise[best])
    return [int(i) for i in left[found]]


def reached(points: pd.DataFrame, target: float, value: str = "error") -> float:
    """Return the compute from which the mean of log errors over seeds is below a target; NaN where it never is."""
    grid = np.unique(points["compute"])
    seeds = [of.sort_values("compute") for _, of in points.groupby("seed")]
    grid = grid[grid >= max(of["compute"].iloc[0] for of in seeds)]
    last = [of[value].to_numpy()[np.searchsorted(of["compute"], grid, side="right") - 1] for of in seeds]
    below = np.exp(np.log(last).mean(axis=0)) <= target
    return float(grid[np.argmax(below)]) if below.any() else float("nan")


def compared(case: Case, points: pd.DataFrame) -> pd.DataFrame:
    """Return what each rule needed and had reached."""
    whole = case.scores(case.fit(case.pool))
    rows = []
    ours = {}
    for rule, of in points.groupby("rule", sort=False):
        need = {f"{WITHIN} x pool": WITHIN * whole["error"], "2 %": 0.02, "1 %": 0.01}
        found = {label: reached(of, target) for label, target in need.items()}
        ours = ours or found
        ends = of.sort_values("compute").groupby("seed").tail(1)
        at = of.assign(log=np.log(of["error"])).groupby("seed")["log"].mean().mean()
        rows.append(
            {"sweep": case.sweep.name, "rule": rule, "pool error": whole["error"], "error, mean over refits": np.exp(at)}
            | {f"FLOP to {label}": value for label, value in found.items()}
            | {f"over ours, {label}": value / ours[label] for label, value in found.items()}
            | {"error at the end": ends["error"].mean(), "CRPS at the end": ends["crps"].mean(), "runs": ends["runs"].mean()}
        )
    return pd.DataFrame(rows)


def at_equal_compute(points: pd.DataFrame, shares: tuple[float, ...] = (3.0, 10.0, 30.0, 100.0)) -> pd.DataFrame:
    """Return the geometric mean error of each rule when compute has grown so many times from the start."""
    rows = []
    for (sweep, rule), of in points.groupby(["sweep", "rule"], sort=False):
        row: dict[str, object] = {"sweep": sweep, "rule": rule}
        for share in shares:
            found = []
            for _, one in of.groupby("seed"):
                ordered = one.sort_values("compute")
                within = ordered[ordered["compute"] <= share * ordered["compute"].iloc[0]]
                found.append(
                    within["error"].iloc[-1]
                    if ordered["compute"].iloc[-1] >= 0.7 * share * ordered["compute"].iloc[0]
                    else np.nan
                )
            row[f"{share:g} x"] = 100 * float(np.exp(np.log(found).mean()))
        rows.append(row)
    return pd.DataFrame(rows)


def seconds(case: Case) -> float:
    """Return how long it takes to rank 1,000 candidates with 4,000 draws, sets included."""
    fit = bs.fit(case.model, case.runs, replace(SETTINGS, draws=2000))
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"params": np.exp(rng.uniform(17, 23, 1000)), "tokens": np.exp(rng.uniform(20, 26, 1000))})
    begun = time.perf_counter()
    next_runs(fit, table, "loss at compute=1e23", 1e21)
    return time.perf_counter() - begun


def main() -> None:
    """Follow every rule on every sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--only", default="")
    seeds, only = (vars(parser.parse_args())[name] for name in ("seeds", "only"))
    tables, every, took = [], [], float("nan")
    for case in cases():
        if only not in case.sweep.name:
            continue
        begun = time.perf_counter()
        rows = [
            {"sweep": case.sweep.name, "rule": rule, "seed": seed} | of
            for rule in RULES
            for seed in range(seeds)
            for of in followed(case, rule, seed)
        ]
        every.append(pd.DataFrame(rows))
        tables.append(compared(case, every[-1]))
        took = seconds(case)
        print(
            f"{case.sweep.name}: {len(case.pool)} in the pool, {len(case.held)} held out, {time.perf_counter() - begun:.0f} s"
        )
        print(
            tables[-1].round(4).to_string(),
            at_equal_compute(every[-1]).round(2).to_string(),
            f"{took:.2f} s",
            sep="\n",
            flush=True,
        )
    points = pd.concat(every, ignore_index=True)
    points.to_csv(HERE / "next_run.csv", index=False, float_format="%.6g")
    table = pd.concat(tables, ignore_index=True)
    (HERE / "next_run.md").write_text(
        "\n".join(
            [
                HEAD.format(seeds=seeds, took=took),
                table.to_markdown(index=False, floatfmt=".3g"),
                "\n## Error in % when compute has grown so many times\n",
                at_equal_compute(points).to_markdown(index=False, floatfmt=".3g"),
                "",
            ]
        )
    )


HEAD = """# The next run to train, as measured

`python benchmarks/next_run.py`. The largest tenth of the runs of each sweep is predicted from runs of the rest, which each rule
chooses; means over {seeds} starts of five random ones of the cheapest dozen. "Error" is the mean |log error| of the posterior
median.
Ranking 1,000 candidates with 4,000 draws, sets of up to five included, takes {took:.2f} s on one core.
"""

if __name__ == "__main__":
    main()
