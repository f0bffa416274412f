"""Priors from public sweeps: what other people's runs say of a sweep of a team not among them, and what it buys.

    python benchmarks/sweep_priors.py elicit      # fits every sweep and writes bayes_scaling/model/sweep_priors.toml
    python benchmarks/sweep_priors.py ship        # the same from the stored first stage
    python benchmarks/sweep_priors.py judge       # leaves one family out at a time; writes a section of sweep_priors.md

Stage one: every sweep of params and tokens in nats/token is fitted alone, with wide priors and a discrepancy. On the link scale
of its parameters t, with posterior Normal(m, C) and prior Normal(m0, C0), its runs alone say

    log likelihood(t) = h't - t'P t / 2,   P = C^-1 - C0^-1,   h = C^-1 m - C0^-1 m0,

however little they know of some direction. Stage two, a hierarchy of sweeps in families (teams), sampled by Gibbs' method:

    t_i ~ Normal(c_f(i), W),   c_f ~ Student_5(mu, B),   W, B ~ inverse Wishart about APART^2 and BETWEEN^2, BELIEF beyond flat.

The prior shipped is the posterior predictive of t in a sweep of a new family: what is not known of mu, B and W is in it. It is
written as the multivariate Student-t distribution that fits its draws best; a slope that may be of either sign has a Student-t
of its own beside it. Scales of the law's parameters are NARROWER than that, as predictions of families left out asked for
(sweep_widths.py).
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomli_w
from importance import beforehand, forecast
from judge import markdown, scores
from sweeps import Sweep, sweeps

import bayes_scaling as bs
from bayes_scaling.laws.library import law_parameters
from bayes_scaling.model.priors import Z90, distribution

HERE = Path(__file__).parent
TABLE = HERE.parent / "bayes_scaling" / "model" / "sweep_priors.toml"
FOUND = HERE / "sweep_posteriors.json"
SETTINGS = bs.Settings(draws=500, tune=500, chains=2, seed=1, progress=False, target_accept=0.9)
MOST_ROWS = 100
LAWS = {"chinchilla": bs.laws.chinchilla, "interaction": bs.laws.interaction}
BUNDLED = "interaction"
"""The law of the bundled study."""

WIDE = {
    "E": bs.Prior(median=1.8, factor=2.0),
    "A": bs.Prior(median=0.3, factor=6.0),
    "alpha": bs.Prior(median=0.35, factor=2.5),
    "B": bs.Prior(median=0.3, factor=6.0),
    "beta": bs.Prior(median=0.35, factor=2.5),
    "delta": bs.Prior(between=(-0.5, 0.5)),
    "noise_sd": bs.Prior(median=0.004, factor=5.0),
    "discrepancy_amplitude": bs.Prior(median=0.03, factor=6.0),
    "discrepancy_length": bs.Prior(median=6.0, factor=2.5),
}
"""Priors of the first stage: wider than anything published."""

OTHERS = ("noise_sd", "discrepancy_amplitude", "discrepancy_length_params", "discrepancy_length_tokens")
SIGNED = "delta"
"""The one parameter that is not positive: on the identity link, and by itself."""

APART, BETWEEN, BELIEF, TAILS = 0.12, 0.15, 4, 5.0
"""Sweeps of a family, and families, are taken to differ by about an eighth, until they show otherwise."""
ITERATIONS, BURNED, THINNED = 3000, 500, 2

NARROWER = 0.65
"""Scales of the law's parameters over those of the predictive distribution, which is of eleven families in ten dimensions."""


@dataclass(frozen=True)
class Alone:
    """What a sweep's runs say of its parameters apart from the priors: h and P, see above."""

    law: str
    sweep: str
    family: str
    h: np.ndarray
    precision: np.ndarray


@dataclass(frozen=True)
class Elicited:
    """What sweeps suggest for one of another family: priors by name, and how the positive ones hang together."""

    law: str
    priors: Mapping[str, bs.Prior]
    joint: bs.JointPrior | None = None


def columns(sweep: Sweep) -> bs.Columns:
    """Return what the columns of a sweep are for."""
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}
    return bs.Columns(inputs, bs.Response(unit=sweep.unit))


def model(of: Elicited) -> bs.Model:
    """Return a law over size and data with its discrepancy under given priors of losses in nats/token."""
    law = LAWS[of.law]
    own = {name: of.priors[name] for name in law_parameters(law)}
    departure = bs.Discrepancy(of.priors["discrepancy_amplitude"], of.priors["discrepancy_length"])
    joint = () if of.joint is None else (of.joint,)
    return bs.Model(law, own, bs.Noise(sd=of.priors["noise_sd"]), (departure,), "nats/token", joint)


def wide(law: str = BUNDLED) -> Elicited:
    """Return the priors of the first stage."""
    return Elicited(law, {name: of for name, of in WIDE.items() if name != SIGNED or name in law_parameters(LAWS[law])})


def used() -> list[Sweep]:
    """Return the sweeps that priors are taken from: the law over params and tokens, in nats/token."""
    return [sweep for sweep in sweeps() if sweep.law == "chinchilla" and sweep.unit == "nats/token"]


def names_of(law: str) -> tuple[str, ...]:
    """Return the parameters of the first stage in their order: the law's, the scatter, and the discrepancy's."""
    return (*law_parameters(LAWS[law]), *OTHERS)


def _prior_normals(law: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the first stage's priors on their links."""
    of = [distribution(WIDE["discrepancy_length" if "length" in name else name])[1] for name in names_of(law)]
    return np.array([one["mu"] for one in of]), np.array([one["sigma"] for one in of])


def posteriors(law: str) -> list[Alone]:
    """Return what the runs of every sweep say alone, those that the bundled study would leave out left out."""
    middle, sd = _prior_normals(law)
    where = bs.read_study("chinchilla").columns.where
    found = []
    for sweep in used():
        runs = bs.read_runs(sweep.table, replace(columns(sweep), where=where))
        # Beyond a hundred rows a sweep says what families differ by anyway: of larger ones rows are taken evenly.
        kept = np.unique(np.linspace(0, len(runs) - 1, min(len(runs), MOST_ROWS)).astype(int))
        runs = replace(runs, table=runs.table.iloc[kept].reset_index(drop=True))
        fit = bs.fit(model(wide(law)), runs, SETTINGS)
        assert fit.health is not None
        print(
            f"{sweep.name:52} {len(runs):4} runs, {fit.health.divergences} divergences, R-hat {fit.health.r_hat:.3f}",
            flush=True,
        )
        draws = {name: fit.posterior[name].to_numpy().ravel() for name in names_of(law)}
        at = np.stack([of if name == SIGNED else np.log(of) for name, of in draws.items()])
        whole = np.linalg.inv(np.cov(at))
        values, vectors = np.linalg.eigh(whole - np.diag(sd**-2))
        precision = (vectors * np.maximum(values, 0.0)) @ vectors.T
        found.append(Alone(law, sweep.name, sweep.family, whole @ at.mean(axis=1) - middle / sd**2, precision))
    return found


def predictive(known: Sequence[Alone], seed: int = 0) -> np.ndarray:
    """Return draws of the parameters of a sweep of a new family on their links, a draw a row."""
    from scipy.stats import invwishart

    random, (middle, sd) = np.random.default_rng(seed), _prior_normals(known[0].law)
    names = sorted({one.family for one in known})
    family = np.array([names.index(one.family) for one in known])
    h, precision = np.array([one.h for one in known]), np.array([one.precision for one in known])
    size, count = len(middle), np.bincount(family)
    within, between = np.eye(size) * APART**2, np.eye(size) * BETWEEN**2
    scale_within, scale_between = (BELIEF - 1) * within, (BELIEF - 1) * between
    mu, centre, weight = middle.copy(), np.tile(middle, (len(names), 1)), np.ones(len(names))
    hyper = np.diag((2 * sd) ** -2)
    found = []
    for i in range(ITERATIONS):
        inner, outer = np.linalg.inv(within), np.linalg.inv(between)
        t = _normal(random, precision + inner, h + centre[family] @ inner)
        sums = np.zeros_like(centre)
        np.add.at(sums, family, t)
        centre = _normal(
            random,
            count[:, None, None] * inner + weight[:, None, None] * outer,
            sums @ inner + weight[:, None] * (outer @ mu),
        )
        off = centre - mu
        weight = random.gamma((TAILS + size) / 2, 2 / (TAILS + np.einsum("ki,ij,kj->k", off, outer, off)))
        mu = _normal(random, weight.sum() * outer + hyper, outer @ (weight @ centre) + hyper @ middle)
        off = t - centre[family]
        within = invwishart.rvs(size + BELIEF + len(t), scale_within + off.T @ off, random_state=random)
        off = centre - mu
        between = invwishart.rvs(size + BELIEF + len(off), scale_between + (off.T * weight) @ off, random_state=random)
        if i >= BURNED:
            for _ in range(THINNED):
                own = np.linalg.cholesky(between) @ random.standard_normal(size) / np.sqrt(random.chisquare(TAILS) / TAILS)
                found.append(mu + own + np.linalg.cholesky(within) @ random.standard_normal(size))
    return np.array(found)


def _normal(random: np.random.Generator, precision: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Return a draw of each of several normal vectors from their precision matrices and linear terms."""
    root = np.linalg.cholesky(precision)
    mean = np.linalg.solve(precision, linear[..., None])
    noise = np.linalg.solve(np.swapaxes(root, -1, -2), random.standard_normal(mean.shape))
    drawn: np.ndarray = (mean + noise)[..., 0]
    return drawn


def student_t(draws: np.ndarray, candidates: Sequence[float] = (3, 4, 5, 6, 8, 12, 30)) -> tuple[float, np.ndarray, np.ndarray]:
    """Return degrees of freedom, location and scale matrix of the multivariate Student-t that fits draws best."""
    from scipy.stats import multivariate_t

    every = []
    for nu in candidates:
        at, scale = np.median(draws, axis=0), np.atleast_2d(np.cov(draws.T)) * 0.6
        for _ in range(60):
            off = draws - at
            weight = (nu + draws.shape[1]) / (nu + np.einsum("ij,ji->i", off, np.linalg.solve(scale, off.T)))
            at = weight @ draws / weight.sum()
            off = draws - at
            scale = (off.T * weight) @ off / len(draws)
        every.append((multivariate_t.logpdf(draws, at, scale, nu).mean(), nu, at, scale))
    _, nu, at, scale = max(every, key=lambda one: one[0])
    return nu, at, scale


def one_by_one(known: Sequence[Alone]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each parameter in a sweep of a new family, by expectation and maximisation.

    t_i ~ Normal(mu, diag(s^2)), every family counting once; families are taken to differ by a quarter, with the weight of five.
    """
    families = [one.family for one in known]
    weight = np.array([1 / families.count(family) for family in families])
    weight, count = weight / weight.sum(), len(set(families))
    mu, _ = _prior_normals(known[0].law)
    s2 = np.full(len(mu), 0.1)
    for _ in range(500):
        spread = [np.linalg.inv(one.precision + np.diag(1 / s2)) for one in known]
        at = np.array([c @ (one.h + mu / s2) for c, one in zip(spread, known, strict=True)])
        mu = weight @ at
        shown = weight @ ((at - mu) ** 2 + np.array([np.diag(c) for c in spread]))
        s2 = (count * shown + 5.0 * 0.25**2) / (count + 5.0)
    return mu, np.sqrt(s2 * (1 + 1 / count))


def elicited(known: Sequence[Alone], narrower: float = NARROWER) -> Elicited:
    """Return the priors that sweeps suggest for one of another family; both lengths have one, that holds either.

    narrower: scales of the law's parameters under a joint prior over those of the predictive distribution.

    Those of the additive law are of each parameter by itself: together they predicted worse (CRPS over the practice's .46, .56
    and .49 at the three depths of judge.py, by themselves .46, .50 and .45).
    """
    law = known[0].law
    names = names_of(law)
    if law == "chinchilla":
        priors, _ = _pooled(names, *one_by_one(known))
        return Elicited(law, priors)
    draws = predictive(known)
    positive = [name for name in names if name != SIGNED]
    nu, at, scale = student_t(draws[:, [names.index(name) for name in positive]])
    sd = np.sqrt(np.diag(scale))
    correlation = np.round(scale / np.outer(sd, sd), 2)
    sd[: -len(OTHERS)] *= narrower
    priors, each = _pooled(positive, at, sd)
    own_nu, own_at, own_scale = student_t(draws[:, [names.index(SIGNED)]])
    t = {"nu": float(own_nu), "mu": _short(own_at[0]), "sigma": _short(narrower * own_scale[0, 0] ** 0.5)}
    rows = tuple(tuple(row[: i + 1].tolist()) for i, row in enumerate(correlation))
    medians, factors = (tuple(getattr(of, what) for of in each) for what in ("median", "factor"))
    joint = bs.JointPrior(tuple(positive), medians, factors, rows, float(nu))
    return Elicited(law, priors | {SIGNED: bs.Prior(distribution="StudentT", arguments=t)}, joint)


def _pooled(names: Sequence[str], at: np.ndarray, sd: np.ndarray) -> tuple[dict[str, bs.Prior], list[bs.Prior]]:
    """Return priors by name, and of each parameter in order; the lengths, which are last, have one that holds either."""
    at, sd = at.copy(), sd.copy()
    sd[-2:] = np.sqrt((sd[-2:] ** 2).mean() + at[-2:].var())
    at[-2:] = at[-2:].mean()
    each = [bs.Prior(median=_short(exp(m)), factor=_short(exp(Z90 * s))) for m, s in zip(at, sd, strict=True)]
    return dict(zip(names[:-2], each, strict=False)) | {"discrepancy_length": each[-1]}, each


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def stored(law: str = BUNDLED) -> list[Alone]:
    """Return what `elicit` found of each sweep."""
    rows = json.loads(FOUND.read_text(encoding="utf-8"))
    return [
        Alone(law, row["sweep"], row["family"], np.array(row["h"]), np.array(row["precision"]))
        for row in rows
        if row["law"] == law
    ]


def elicit() -> None:
    """Fit every sweep by every law, and write the table of priors that is shipped."""
    found = {law: posteriors(law) for law in LAWS}
    rows = [
        {"law": one.law, "sweep": one.sweep, "family": one.family, "h": one.h, "precision": one.precision}
        for every in found.values()
        for one in every
    ]
    FOUND.write_text(json.dumps(rows, default=lambda array: np.round(array, 3).tolist()) + "\n", encoding="utf-8")
    ship()


def ship() -> None:
    """Write the table of priors that is shipped."""
    content = {law: _table(stored(law)) for law in LAWS}
    one_line = re.compile(r"\[\s+(-?[\d.]+(?:,\s+-?[\d.]+)*),\s+\]")
    text = one_line.sub(lambda row: f"[{', '.join(re.split(r',\s+', row[1]))}]", tomli_w.dumps(content))
    TABLE.write_text(HEAD + text, encoding="utf-8")
    print(TABLE.read_text(encoding="utf-8"))


def _table(known: Sequence[Alone]) -> dict[str, Any]:
    """Return what the shipped table says of a law."""
    of = elicited(known)
    joint = of.joint and {
        "parameters": list(of.joint.parameters),
        "nu": of.joint.nu,
        "correlation": [list(row[: i + 1]) for i, row in enumerate(of.joint.correlation)],
    }
    return {
        "response": "nats/token",
        "inputs": {name: {"unit": one.unit, "reference": one.reference} for name, one in columns(used()[0]).inputs.items()},
        "sweeps": len(known),
        "families": sorted({one.family for one in known}),
        "priors": {name: _said(prior) for name, prior in of.priors.items()},
    } | ({"joint": joint} if joint else {})


def _said(prior: bs.Prior) -> dict[str, Any]:
    if prior.distribution is not None:
        return {"distribution": prior.distribution, "arguments": dict(prior.arguments)}
    return {"median": prior.median, "factor": prior.factor}


HEAD = f"""# Priors that public sweeps of training runs suggest for a sweep of a team not among them: priors = "public_sweeps".
# Written by benchmarks/sweep_priors.py, {datetime.now(UTC):%Y-%m-%d}, which says how. Those of a joint prior are a multivariate
# Student-t distribution on the log scale, of scale log(factor) / 1.645; others log-normal, 90 % between median / factor and
# median * factor. At the references given; noise_sd and discrepancy_amplitude are relative (0.01 is 1 %), discrepancy_length
# in e-folds of an input.

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
            for label, of in {"wide": wide(), "public sweeps": others}.items():
                found = scores(forecast(beforehand(of.priors, of.joint), train, held), np.log(held["loss"].to_numpy()))
                scored.append(found.assign(sweep=sweep.name, family=sweep.family, priors=label, trained=count, n=1))
    points = pd.concat(scored, ignore_index=True).assign(are=lambda table: table["error"].abs())
    keys, kept = ["trained", "priors"], ["in_50", "in_90", "crps", "log_score", "are", "error"]
    runs = points.groupby(keys)[["n", *kept]].agg({"n": "sum"} | dict.fromkeys(kept, "mean"))
    families = points.groupby([*keys, "family"])[kept].mean().groupby(keys).mean()
    text = f"{SAID}\n## Means over runs\n\n{_shown(runs)}\n\n## Means over families\n\n{_shown(families)}\n"
    print(text)
    (HERE / "sweep_priors.md").write_text(text, encoding="utf-8")


def _shown(table: pd.DataFrame) -> str:
    return markdown(table.rename(columns={"n": "runs", "error": "bias"}).reset_index())


SAID = f"""# What priors from public sweeps buy

{datetime.now(UTC):%Y-%m-%d}, `python benchmarks/sweep_priors.py judge`, for the law of the bundled study, with an interaction
of size and data and a discrepancy. Two, three or five small runs of each of 30 public sweeps, spread over the lower half of
its compute, and predictions of the largest third of its scale; priors from the sweeps of all other families, or wide ones.
CRPS and log score are of the log loss; "are" is the mean relative error, "bias" the mean of it with its sign, "in_50" and
"in_90" the shares of runs in bands. Posteriors are by importance sampling (`benchmarks/importance.py`), which takes a minute
where the sampler takes an hour, with normal scatter where the study's is Student-t. Beside the sampler, after five runs of
three sweeps, under priors as wide as predicted (gemstones constant, chinchilla_epoch, gadre rpj): CRPS .028, .0074 and .015,
by the sampler .024, .0075 and .016.
"""

if __name__ == "__main__":
    {"elicit": elicit, "ship": ship, "judge": judge}[sys.argv[1]]()
