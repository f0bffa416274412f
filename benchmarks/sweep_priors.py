"""Priors from public sweeps: what exponents, floors, scatter and discrepancy other people's runs had, and what it buys.

    python benchmarks/sweep_priors.py elicit      # writes bayes_scaling/model/sweep_priors.toml
    python benchmarks/sweep_priors.py ship        # the same from the stored first stage
    python benchmarks/sweep_priors.py judge       # leaves one family out at a time; writes a section of sweep_priors.md

Every sweep of params and tokens in nats/token is fitted alone, with wide priors and a discrepancy. On the log scale of its
nine parameters t, with posterior Normal(m, C) and prior Normal(m0, C0), its runs alone say

    log likelihood(t) = h't - t'P t / 2,   P = C^-1 - C0^-1,   h = C^-1 m - C0^-1 m0,

however little they know of some direction. Sweeps are taken as t_i ~ Normal(mu, diag(s^2)), and mu and s found by expectation
and maximisation, every family counting once. The prior shipped is the predictive one for a sweep of a family not among them.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.model.parameters import Z90, distribution, median
from bayes_scaling.validation.scores import score_points, score_table

HERE = Path(__file__).parent
TABLE = HERE.parent / "bayes_scaling" / "model" / "sweep_priors.toml"
FOUND = HERE / "sweep_posteriors.json"
SETTINGS = bs.Settings(draws=500, tune=500, seed=1, progress=False, target_accept=0.95)

WIDE = {
    "E": bs.Prior(median=1.8, factor=2.0),
    "A": bs.Prior(median=0.3, factor=6.0),
    "alpha": bs.Prior(median=0.35, factor=2.5),
    "B": bs.Prior(median=0.3, factor=6.0),
    "beta": bs.Prior(median=0.35, factor=2.5),
    "noise_sd": bs.Prior(median=0.006, factor=5.0),
    "discrepancy_amplitude": bs.Prior(median=0.06, factor=5.0),
    "discrepancy_length": bs.Prior(median=8.0, factor=2.5),
}
"""Priors of the first stage: wider than anything published."""


APART, BELIEF = 0.25, 5.0
"""Families are taken to differ by a quarter, with the weight of five of them, until they show otherwise: without it s of
parameters that single sweeps know little about goes to zero, as maxima do."""


def columns(sweep: Sweep) -> bs.Columns:
    """Return what the columns of a sweep are for."""
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}
    return bs.Columns(inputs, bs.Response(unit=sweep.unit))


def model(priors: Mapping[str, bs.Prior]) -> bs.Model:
    """Return the Chinchilla law with its discrepancy under given priors."""
    law = {name: priors[name] for name in ("E", "A", "alpha", "B", "beta")}
    departure = bs.Discrepancy(priors["discrepancy_amplitude"], priors["discrepancy_length"])
    return bs.Model(bs.laws.chinchilla, law, bs.Noise(sd=priors["noise_sd"]), (departure,))


def used() -> list[Sweep]:
    """Return the sweeps that priors are taken from: the law over params and tokens, in nats/token."""
    return [sweep for sweep in sweeps() if sweep.law == "chinchilla" and sweep.unit == "nats/token"]


NAMES = ("E", "A", "alpha", "B", "beta", "noise_sd", "discrepancy_amplitude")
LENGTHS = ("discrepancy_length_params", "discrepancy_length_tokens")
"""Both have the prior of "discrepancy_length"."""


@dataclass(frozen=True)
class Alone:
    """What a sweep's runs say of its parameters apart from the priors: h and P, see above."""

    sweep: str
    family: str
    h: np.ndarray
    precision: np.ndarray


def posteriors() -> list[Alone]:
    """Return what the runs of every sweep say alone."""
    priors = [distribution(WIDE[name])[1] for name in NAMES] + [distribution(WIDE["discrepancy_length"])[1]] * 2
    middle, own = np.array([of["mu"] for of in priors]), np.array([of["sigma"] ** -2 for of in priors])
    found = []
    for sweep in used():
        fit = bs.fit(model(WIDE), bs.read_runs(sweep.table, columns(sweep)), SETTINGS)
        assert fit.health is not None
        print(f"{sweep.name:52} {len(sweep.table):4} runs, {fit.health.divergences} divergences, R-hat {fit.health.r_hat:.3f}")
        logs = np.log(np.stack([fit.posterior[name].to_numpy().ravel() for name in (*NAMES, *LENGTHS)]))
        whole = np.linalg.inv(np.cov(logs))
        values, vectors = np.linalg.eigh(whole - np.diag(own))
        precision = (vectors * np.maximum(values, 0.0)) @ vectors.T
        found.append(Alone(sweep.name, sweep.family, whole @ logs.mean(axis=1) - own * middle, precision))
    return found


def population(sweeps_alone: Sequence[Alone]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each parameter's logarithm in a sweep of a new family."""
    families = [one.family for one in sweeps_alone]
    weight = np.array([1 / families.count(family) for family in families])
    weight, count = weight / weight.sum(), len(set(families))
    mu, s2 = np.log([_middle(name) for name in (*NAMES, *LENGTHS)]), np.full(len(NAMES) + 2, 0.1)
    for _ in range(500):
        spread = [np.linalg.inv(one.precision + np.diag(1 / s2)) for one in sweeps_alone]
        at = np.array([c @ (one.h + mu / s2) for c, one in zip(spread, sweeps_alone, strict=True)])
        mu = weight @ at
        shown = weight @ ((at - mu) ** 2 + np.array([np.diag(c) for c in spread]))
        s2 = (count * shown + BELIEF * APART**2) / (count + BELIEF)
    return mu, np.sqrt(s2 * (1 + 1 / count))


def _middle(name: str) -> float:
    return median(WIDE["discrepancy_length" if name in LENGTHS else name])


def elicited(sweeps_alone: Sequence[Alone]) -> dict[str, bs.Prior]:
    """Return the priors that sweeps suggest for a new one; both lengths' as one, that holds either."""
    mu, sd = population(sweeps_alone)
    length = mu[-2:].mean(), np.sqrt((sd[-2:] ** 2).mean() + mu[-2:].var())
    pairs = dict(zip(NAMES, zip(mu, sd, strict=False), strict=False)) | {"discrepancy_length": length}
    return {name: bs.Prior(median=_short(np.exp(mean)), factor=_short(np.exp(Z90 * of))) for name, (mean, of) in pairs.items()}


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def stored() -> list[Alone]:
    """Return what `elicit` found of each sweep."""
    rows = json.loads(FOUND.read_text(encoding="utf-8"))
    return [Alone(row["sweep"], row["family"], np.array(row["h"]), np.array(row["precision"])) for row in rows]


def elicit() -> None:
    """Fit every sweep, and write the table of priors that is shipped."""
    found = posteriors()
    rows = [{"sweep": one.sweep, "family": one.family, "h": one.h, "precision": one.precision} for one in found]
    FOUND.write_text(json.dumps(rows, default=lambda array: np.round(array, 3).tolist()) + "\n", encoding="utf-8")
    ship(found)


def ship(found: Sequence[Alone]) -> None:
    """Write the table of priors that is shipped."""
    priors, families = elicited(found), sorted({one.family for one in found})
    content = {
        "chinchilla": {
            "response": "nats/token",
            "inputs": {name: {"unit": of.unit, "reference": of.reference} for name, of in columns(used()[0]).inputs.items()},
            "sweeps": len(found),
            "families": families,
            "priors": {name: {"median": of.median, "factor": of.factor} for name, of in priors.items()},
        }
    }
    TABLE.write_text(HEAD + tomli_w.dumps(content), encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))


HEAD = f"""# Priors that public sweeps of training runs suggest for a sweep of a team not among them: priors = "public_sweeps".
# Written by benchmarks/sweep_priors.py, {datetime.now(UTC):%Y-%m-%d}, which says how. 90 % between median / factor and
# median x factor, at the references given; noise_sd and discrepancy_amplitude are relative (0.01 is 1 %),
# discrepancy_length in e-folds of an input.

"""


def few(sweep: Sweep, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a few small runs of a sweep, spread over the lower half of its compute, and the largest third of scale."""
    order = np.argsort(sweep.scale)
    small = order[: max(count, len(order) // 2)]
    chosen = small[np.linspace(0, len(small) - 1, count).astype(int)]
    return sweep.table.iloc[chosen].reset_index(drop=True), sweep.table[sweep.scale >= sweep.cut]


def judge(counts: Iterable[int] = (2, 3, 5)) -> None:
    """Compare wide priors with those of all other families, on a few runs of each sweep."""
    known, scored = stored(), []
    for sweep in used():
        others = elicited([one for one in known if one.family != sweep.family])
        for count in counts:
            train, held = few(sweep, count)
            for label, priors in {"wide": WIDE, "public sweeps": others}.items():
                runs = bs.read_runs(pd.concat([train, held], ignore_index=True), columns(sweep))
                fit = bs.fit(
                    model(priors), replace(runs, table=runs.table.iloc[:count]), replace(SETTINGS, draws=300, tune=400)
                )
                points = score_points(fit, runs.table.iloc[count:])
                scored.append(points.assign(sweep=sweep.name, family=sweep.family, priors=label, runs_trained=count))
        print(sweep.name, flush=True)
    points = pd.concat(scored, ignore_index=True)
    result = score_table(points, ["runs_trained", "priors"])
    print(result.round(4).to_string())
    (HERE / "sweep_priors.md").write_text(f"{SAID}\n{result.round(4).to_markdown(index=False)}\n", encoding="utf-8")


SAID = f"""# What priors from public sweeps buy

{datetime.now(UTC):%Y-%m-%d}. Two, three or five small runs of each of 30 public sweeps, spread over the lower half of its
compute, and predictions of the largest third of its scale; priors from the sweeps of all other families, or wide ones. CRPS
and log score are of the log loss; "are" is the mean relative error.
"""

if __name__ == "__main__":
    {"elicit": elicit, "ship": lambda: ship(stored()), "judge": judge}[sys.argv[1]]()
