"""Does choosing runs by what they tell of the question save compute? Public sweeps, their own runs as candidates.

    python benchmarks/next_run.py                  # writes next_run.csv and next_run.md; about 20 minutes
    python benchmarks/next_run.py summarise        # next_run.md again

The largest tenth of each sweep by compute is what is to be predicted, the other runs are the pool. From five random ones of the
cheapest dozen, each rule chooses runs from the pool. Chosen runs are conditioned on in closed form until compute has grown by
a quarter, then the law is refitted with their losses. The law is Chinchilla's, alone, where a refit takes a third of a second;
and with a discrepancy, where it takes some seconds, on fewer starts, refitted when compute has doubled. Priors are from the
public sweeps of all other families.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import sweep_priors
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.design.candidates import scatter, shown
from bayes_scaling.decisions.design.next_runs import next_runs
from bayes_scaling.inference.expectation import as_rows, posterior_expectation
from bayes_scaling.model.specification import changed
from bayes_scaling.validation.scores import score_points

HERE = Path(__file__).parent
TABLES = ("chinchilla_epoch", "porian refinedweb base short chinchilla standard", "gemstones cooled")
SETTINGS = bs.Settings(draws=500, tune=400, chains=2, seed=1, progress=False)
HELD, STARTS, CHEAPEST = 0.1, 5, 12
REFITS, MOST = 24, 0.5
"""So many refits at most, up to this share of the pool's compute."""

WITHIN = 1.1
"""The error aimed at, in units of that with the whole pool."""

type Score = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""Covariance of all candidates and, last, the question; variance of the scatter; cost; generator -> what is most wanted."""


def _told(joint: np.ndarray, noise: np.ndarray) -> np.ndarray:
    explained = joint[:-1, -1] ** 2 / (np.diag(joint)[:-1] + noise) / joint[-1, -1]
    return np.asarray(-0.5 * np.log1p(-np.clip(explained, 0.0, 1 - 1e-12)))


def _of_all(joint: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * np.log1p(np.clip(np.diag(joint)[:-1], 0.0, None) / noise))


MODELS: dict[str, tuple[int, float, tuple[str, ...]]] = {
    "law alone": (5, 1.25, ("",)),
    "law with discrepancy": (2, 2.0, ("information, at most", "random, at most", "cheapest")),
}
"""Model -> how many starts, how much compute grows between refits, and what the names of its rules begin with."""

POOL = "whole pool"

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
    label: str
    model: bs.Model
    runs: Runs
    held: np.ndarray
    pool: np.ndarray

    def fit(self, chosen: np.ndarray) -> bs.Fit:
        """Return the posterior of the law given chosen runs."""
        return bs.fit(self.model, replace(self.runs, table=self.runs.table.iloc[chosen].reset_index(drop=True)), SETTINGS)

    def scores(self, fit: bs.Fit) -> dict[str, float]:
        """Return mean error of the median and mean CRPS of the log loss at what is held out."""
        held = self.runs.table.iloc[self.held].reset_index(drop=True)
        middle = np.median(as_rows(posterior_expectation(fit, held)), axis=1)
        error = np.abs(np.log(middle) - np.log(held["response"].to_numpy())).mean()
        return {"error": float(error), "crps": float(score_points(fit, held)["crps"].mean())}


def cases(label: str) -> Iterator[Case]:
    """Return the sweeps with a model, ready to be chosen from."""
    known = sweep_priors.stored()
    for sweep in sweeps():
        if sweep.name in TABLES:
            model = sweep_priors.model(sweep_priors.elicited([one for one in known if one.family != sweep.family]))
            model = changed(model, discrepancy=()) if label == "law alone" else model
            order = np.argsort(sweep.scale, kind="stable")
            cut = len(order) - max(3, round(HELD * len(order)))
            yield Case(sweep, label, model, bs.read_runs(sweep.table, sweep_priors.columns(sweep)), order[cut:], order[:cut])


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
    asked = np.log(as_rows(posterior_expectation(fit, held))).mean(axis=0)
    noise = scatter(fit, frame, np.arange(len(left))[:, None], 0)[:, 0, 0]
    joint = np.cov(np.column_stack([shown(fit, frame, 0), asked]).T)
    cost, found, paid = case.sweep.scale[left], [], 0.0
    while paid < (MODELS[case.label][1] - 1) * spent and len(found) < len(left):
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


def reached(points: pd.DataFrame, target: float) -> float:
    """Return the compute from which on the mean of log errors over starts stays below a target; NaN where it does not."""
    seeds = [of.sort_values("compute") for _, of in points.groupby("seed")]
    grid = np.unique(points["compute"])
    # Up to where every start has got, else the last of them would decide alone.
    grid = grid[(grid >= max(of["compute"].iloc[0] for of in seeds)) & (grid <= min(of["compute"].iloc[-1] for of in seeds))]
    last = [of["error"].to_numpy()[np.searchsorted(of["compute"], grid, side="right") - 1] for of in seeds]
    above = np.flatnonzero(np.exp(np.log(last).mean(axis=0)) > target)
    first = above[-1] + 1 if len(above) else 0
    return float(grid[first]) if first < len(grid) else float("nan")


def compared(points: pd.DataFrame) -> pd.DataFrame:
    """Return the compute that each rule needed, and its error when compute has grown so many times."""
    rows = []
    for (model, sweep), of in points.groupby(["model", "sweep"], sort=False):
        whole = float(of.loc[of["rule"] == POOL, "error"].iloc[0])
        ours: dict[str, float] = {}
        for rule, own in of[of["rule"] != POOL].groupby("rule", sort=False):
            found = {f"{WITHIN} x": reached(own, WITHIN * whole), "2 %": reached(own, 0.02)}
            ours = ours or found
            needed = {f"FLOP to {label}": value for label, value in found.items()}
            needed |= {f"over first, {label}": value / ours[label] for label, value in found.items()}
            ends = own.sort_values("compute").groupby("seed").tail(1)
            rows.append(
                {"model": model, "sweep": sweep, "rule": rule, "pool, %": 100 * whole}
                | {f"error at {share:g} x, %": 100 * at_growth(own, share, "error") for share in GROWN}
                | {f"CRPS at {share:g} x, %": 100 * at_growth(own, share, "crps") for share in GROWN[1::2]}
                | needed
                | {"runs": ends["runs"].mean()}
            )
    return pd.DataFrame(rows)


GROWN = (3.0, 10.0, 30.0, 100.0)


def at_growth(points: pd.DataFrame, share: float, value: str) -> float:
    """Return the geometric mean over starts of a score at the last refit before compute has grown so many times."""
    found = []
    for _, one in points.groupby("seed"):
        ordered = one.sort_values("compute")
        limit = 1.001 * share * ordered["compute"].iloc[0]  # runs of equal compute differ by rounding
        enough = ordered["compute"].iloc[-1] >= 0.7 * limit
        found.append(ordered.loc[ordered["compute"] <= limit, value].iloc[-1] if enough else np.nan)
    return float(np.exp(np.log(found).mean()))


def seconds(case: Case) -> float:
    """Return how long it takes to rank 1,000 candidates with 4,000 draws, sets included."""
    fit = bs.fit(case.model, case.runs, replace(SETTINGS, draws=2000))
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"params": np.exp(rng.uniform(17, 23, 1000)), "tokens": np.exp(rng.uniform(20, 26, 1000))})
    begun = time.perf_counter()
    next_runs(fit, table, "loss at compute=1e23", 1e21)
    return time.perf_counter() - begun


def measure() -> None:
    """Follow the rules on every sweep."""
    rows: list[dict[str, object]] = []
    for label, (seeds, _, begins) in MODELS.items():
        for case in cases(label):
            of: dict[str, object] = {"model": label, "sweep": case.sweep.name, "pool": len(case.pool), "held": len(case.held)}
            whole = {"compute": case.sweep.scale[case.pool].sum(), "runs": len(case.pool)} | case.scores(case.fit(case.pool))
            rows.append(of | {"rule": POOL, "seed": 0} | whole)
            rows += [
                of | {"rule": rule, "seed": seed} | found
                for rule in RULES
                if rule.startswith(begins)
                for seed in range(seeds)
                for found in followed(case, rule, seed)
            ]
            pd.DataFrame(rows).to_csv(CSV, index=False, float_format="%.6g", encoding="utf-8")
            print(compared(pd.DataFrame(rows)).query("sweep == @case.sweep.name").round(3).to_string(), flush=True)
    took = seconds(next(iter(cases("law alone"))))
    pd.DataFrame([*rows, {"rule": "seconds to rank", "error": took}]).to_csv(
        CSV, index=False, float_format="%.6g", encoding="utf-8"
    )


def summarise() -> None:
    """Write what was measured."""
    rows = pd.read_csv(CSV, encoding="utf-8")
    took = float(rows.loc[rows["rule"] == "seconds to rank", "error"].iloc[0])
    table = compared(rows[rows["rule"] != "seconds to rank"])
    said = HEAD.format(took=took)
    for model, of in table.groupby("model", sort=False):
        said += f"\n## {str(model).capitalize()}, {MODELS[str(model)][0]} starts\n\n"
        said += of.drop(columns="model").to_markdown(index=False, floatfmt=".3g") + "\n"
    said += SAYS
    (HERE / "next_run.md").write_text(said, encoding="utf-8")
    print(said)


CSV = HERE / "next_run.csv"

HEAD = """# The next run to train, as measured

Of information alone, with NUTS between choices; [other criteria and rules](choosing_runs.md) by fast fits.

`python benchmarks/next_run.py`. The largest tenth of the runs of each sweep is predicted from runs of the rest, which each
rule chooses, from five random ones of the cheapest dozen on. "Error" is the mean |log error| of the posterior median, when
compute has grown so many times from the start; "pool" that with the whole pool. "FLOP to 1.1 x" is the compute from which on
the mean error over starts stays within 1.1 times that of the pool, as far as all starts have got; "over first" is it over that
of the first rule. "At most doubling" takes no run that costs more than all before it. "CRPS" is of the log loss.
Ranking 1,000 candidates with 4,000 draws, sets of up to five included, takes {took:.2f} s on one core.
"""

SAYS = """
## What it says

- **Information within what has been spent, not information per FLOP.** With the law alone, runs that at most double the
  compute and tell most of the question need 0.26 times the compute of "information per FLOP" on Gemstones to stay
  within 1.1 times the pool's error; on Chinchilla and Porian per FLOP never gets there. To stay within 2 % they need
  0.008, 1.1 and 0.7 times as much on Chinchilla, Gemstones and Porian.
- **Against other rules that is good on two sweeps of three**, to 1.1 times the pool's error. On Gemstones random needs
  14 times as much (6.6 within the same doubling), cheapest first 29 times, D-optimal 1.6 times; on Chinchilla random
  4.8 (2.5), D-optimal 4.9 times, and cheapest first never gets there.
- **Information per FLOP loses to cheapest first on Chinchilla**: 2 % takes it 9.6 times the compute, and at 30 and 100
  times the start its error is 2.6 and 2.2 % against 1.6 and 1.5 %. It stays among small runs, and learns more exactly
  what they say of large ones through a law that is not quite right.
- **Where the law alone is wrong choosing by information helps little.** On Porian's runs D-optimal gets to 1.1 times
  the pool's error with 0.37 times the compute of information, and random has smaller errors on the way, though it never
  gets there. Followed from one start over five runs the question's sd fell from 4.3 to 1.6 %, as promised, while the
  median was 5 to 12 % too low. Cheapest first is right at 3 times, with hardly any runs, and worse than random from 10
  times on.
- **With the discrepancy not much is lost or gained**: to 1.1 times the pool's error random within the same doubling
  needs 1.3, 0.77 and 0.84 times as much on Chinchilla, Gemstones and Porian, cheapest first 2.3 and 4.6 times on the
  last two (never on Chinchilla). Two starts: a factor of 1.3 is no difference.
"""

if __name__ == "__main__":
    if sys.argv[1:] != ["summarise"]:
        measure()
    summarise()
