"""The MoBA hierarchy, three ways: this package, PyMC as most people write it, and the linear form that brms samples.

    python benchmarks/moba.py [--seeds N] [--trial]

All in one process on one machine, one after the other, four chains of 2,000 draws; writes its part of `results.md` next to
this file, aims met or not. Both models by hand are non-centred, hold data as constants, and are sampled by nutpie as it comes
(diagonal mass matrix, its own tuning). The linear form is

    log loss ~ 1 + x + (1 + x || position) + (1 + x || attention:position) + (1 | size) + (1 | run),   x = -log compute

about the reference of compute: without factors on exponents, with the same priors of scales.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from chinchilla import RESULTS, machine, markdown, say, timed
from pymc.pytensorf import join_nonshared_inputs
from studies import inserted

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.convergence import convergence
from bayes_scaling.inference.sampling import compiled, sample
from bayes_scaling.model.priors import Z90
from bayes_scaling.model.studies.study import study_runs

HEADING = "# The MoBA hierarchy by hand"
CHAINS, DRAWS = 4, 2000
CALLS = 5000
GRADIENT_AIM = 1.5
"""Seconds of a gradient over those of the model by hand."""


@dataclass(frozen=True)
class Data:
    """The table as arrays: y = log loss, x = -log (compute / reference), its measurement error, and the groups of each row."""

    y: np.ndarray
    x: np.ndarray
    error: np.ndarray
    attention: np.ndarray
    position: np.ndarray
    size: np.ndarray
    run: np.ndarray

    def count(self, group: str) -> int:
        """How many levels a group has."""
        return int(getattr(self, group).max()) + 1


def arrays(runs: Runs) -> Data:
    """Return the table of runs as arrays."""
    table = runs.table
    groups = {name: np.unique(table[name], return_inverse=True)[1] for name in ("attention", "position", "size", "run")}
    x = -np.log(table["compute"] / runs.references["compute"])
    return Data(*(of.to_numpy() for of in (np.log(table["response"]), x, table["measurement_error"])), **groups)


def _spread(name: str, sd: float, *shape: int) -> Any:
    """Return a learnt scale times standard normal levels."""
    scale = pm.HalfNormal(f"sd_{name}", sd)
    return pm.Deterministic(f"r_{name}", scale * pm.Normal(f"z_{name}", 0.0, 1.0, shape=shape))


def by_hand(data: Data) -> pm.Model:
    """Return the study's model as most people write it in PyMC."""
    positions = data.count("position")
    with pm.Model() as model:
        a = pm.LogNormal("a", np.log(1.8), np.log(1.6) / Z90)
        b = pm.LogNormal("b", np.log(0.08), np.log(1.6) / Z90)
        log_a = pm.math.log(a) + _spread("a_position", 0.3, positions)[data.position]
        log_a = log_a + _spread("a_both", 0.05, 2, positions)[data.attention, data.position]
        log_b = pm.math.log(b) + _spread("b_position", 0.2, positions)[data.position]
        log_b = log_b + _spread("b_both", 0.1, 2, positions)[data.attention, data.position]
        shared = _spread("size", 0.02, data.count("size"))[data.size] + _spread("run", 0.003, data.count("run"))[data.run]
        _observed(log_a + pm.math.exp(log_b) * data.x + shared, data)
    return model


def linear(data: Data) -> pm.Model:
    """Return the linear form, in which exponents differ between levels by amounts instead of factors."""
    positions, both = data.count("position"), 2 * data.count("position")
    cell = data.attention * positions + data.position
    with pm.Model() as model:
        intercept = pm.Normal("Intercept", np.log(1.8), np.log(1.6) / Z90)
        slope = pm.Normal("b_x", 0.08, 0.08 * np.log(1.6) / Z90)
        mean = intercept + slope * data.x
        for name, index, count, sds in (("position", data.position, positions, (0.3, 0.2)), ("both", cell, both, (0.05, 0.1))):
            mean = mean + _spread(f"1_{name}", sds[0], count)[index]
            mean = mean + _spread(f"x_{name}", 0.08 * sds[1], count)[index] * data.x
        mean = mean + _spread("size", 0.02, data.count("size"))[data.size]
        _observed(mean + _spread("run", 0.003, data.count("run"))[data.run], data)
    return model


def _observed(mean: Any, data: Data) -> None:
    sigma = pm.LogNormal("sigma", np.log(0.005), np.log(2.0) / Z90)
    pm.Normal("y", mean, pm.math.sqrt(sigma**2 + data.error**2), observed=data.y)


@dataclass(frozen=True)
class Way:
    """How one way did; medians of its seeds.

    compile: seconds to a sampler; seconds: of sampling, tuning included; cpu: those of all cores together.
    ess: smallest bulk ESS of all parameters and levels; steps: a kept draw.
    call: microseconds of a processor for a log density with its gradient, called from Python; step: the same from the sampler.
    """

    name: str
    size: int
    compile: float
    seconds: float
    cpu: float
    ess: float
    worst: str
    r_hat: float
    divergences: int
    steps: float
    call: float
    step: float

    @property
    def rate(self) -> float:
        """Effective draws a second of the parameter that has the fewest."""
        return self.ess / self.seconds


def ours(study: Any, runs: Runs, seeds: range) -> Way:
    """Sample with this package, at the study's settings."""
    took, own = timed(lambda: compiled(study.model, runs))
    call = microseconds(own.evaluate, own.start(0))
    settings = replace(study.settings, draws=DRAWS, chains=CHAINS, progress=False)
    found = []
    for seed in seeds:
        took_each, tree = both(lambda seed=seed: sample(study.model, runs, replace(settings, seed=seed)))  # type: ignore[misc]
        found.append(judged(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset(), *took_each))
    target = float(tree["sample_stats"].attrs["target_accept"])
    step = per_step(own, {"adaptation": "low_rank", "target_accept": target, "tune": settings.tune})
    return Way("this package", own.n_dim, took, **middle(found), call=call, step=step)


def hand(name: str, model: pm.Model, seeds: range) -> Way:
    """Sample a model by hand with nutpie as it comes."""
    took, own = timed(lambda: nutpie.compile_pymc_model(model))
    found = []
    for seed in seeds:
        took_each, tree = both(
            lambda seed=seed: nutpie.sample(own, draws=DRAWS, chains=CHAINS, seed=seed, progress_bar=False)  # type: ignore[misc]
        )
        posterior = tree["posterior"].to_dataset()
        posterior = posterior[[of for of in posterior if not str(of).startswith("z_") and not str(of).endswith("_log__")]]
        found.append(judged(posterior, tree["sample_stats"].to_dataset(), *took_each))
    value, start = gradient(model)
    return Way(name, own.n_dim, took, **middle(found), call=microseconds(value, start), step=per_step(own, {}))


def both[T](call: Callable[[], T]) -> tuple[tuple[float, float], T]:
    """Return the wall seconds of a call and those of all processors, and what it returned."""
    start = time.process_time()
    seconds, found = timed(call)
    return (seconds, time.process_time() - start), found


def gradient(model: pm.Model) -> tuple[Callable[[np.ndarray], Any], np.ndarray]:
    """Return the compiled log density of a PyMC model with its gradient, and a vector it takes."""
    point = model.initial_point()
    (logp,), x = join_nonshared_inputs(point, outputs=[model.logp()], inputs=model.value_vars)
    start = np.concatenate([np.ravel(point[of.name]) for of in model.value_vars]).astype(float)
    return pytensor.function([x], [logp, pt.grad(logp, x)], mode="NUMBA").vm.jit_fn, start


def microseconds(value: Callable[[np.ndarray], Any], x: np.ndarray) -> float:
    """Return how long a call takes: the best of five times."""
    best = np.inf
    for _ in range(6):  # the first compiles
        start = time.process_time()
        for _ in range(CALLS // 5):
            value(x)
        best = min(best, time.process_time() - start)
    return float(1e6 * best / (CALLS // 5))


def per_step(own: Any, settings: Mapping[str, Any]) -> float:
    """Return the microseconds of a processor for a step of a single chain, tuning included."""
    (_, seconds), tree = both(
        lambda: nutpie.sample(own, draws=500, chains=1, cores=1, seed=1, save_warmup=True, progress_bar=False, **settings)
    )
    steps = sum(int(tree[of]["n_steps"].sum()) for of in ("sample_stats", "warmup_sample_stats"))
    return 1e6 * seconds / steps


def judged(posterior: xr.Dataset, stats: xr.Dataset, seconds: float, cpu: float) -> dict[str, Any]:
    """Return how a sampler did."""
    found = convergence(posterior)
    worst = int(np.nanargmin(found.ess_bulk))
    return {
        "seconds": seconds,
        "cpu": cpu,
        "ess": float(found.ess_bulk[worst]),
        "worst": found.names[worst],
        "r_hat": float(np.nanmax(found.r_hat)),
        "divergences": int(stats["diverging"].sum()),
        "steps": float(stats["n_steps"].mean()),
    }


def middle(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over seeds, with the largest R-hat, the parameter of the fewest effective draws, and all divergences."""
    table = pd.DataFrame(found)
    medians = {name: float(table[name].median()) for name in ("seconds", "cpu", "ess", "steps")}
    least = str(table.loc[table["ess"].idxmin(), "worst"])
    return {**medians, "worst": least, "r_hat": float(table["r_hat"].max()), "divergences": int(table["divergences"].sum())}


def written(ways: list[Way], seeds: int, load: float) -> str:
    """Return this part of the report as Markdown."""
    own, common, *_ = ways
    rows = [
        {
            "": way.name,
            "numbers sampled": way.size,
            "compiling, s": f"{way.compile:.1f}",
            "sampling, s": f"{way.seconds:.2f}",
            "of processors, s": f"{way.cpu:.2f}",
            "smallest bulk ESS": f"{way.ess:,.0f} ({way.worst})",
            "ESS/s": f"{way.rate:,.1f}",
            "ESS/s, ours over it": f"{own.rate / way.rate:.1f}",
            "ESS/s of processors, ours over it": f"{own.ess / own.cpu / (way.ess / way.cpu):.1f}",
            "largest R-hat": f"{way.r_hat:.3f}",
            "divergences": way.divergences,
            "steps a draw": f"{way.steps:.0f}",
            "a gradient, us": f"{way.call:.1f}",
            "a step, us": f"{way.step:.1f}",
        }
        for way in ways
    ]
    call, step = own.call / common.call, own.step / common.step
    met = "met" if max(call, step) <= GRADIENT_AIM else "not met"
    return f"""{HEADING}

{datetime.now(UTC):%Y-%m-%d}, one run of benchmarks/moba.py on a shared machine; numbers as measured, aims met or not.

{machine()}; load average at the start {load:.1f}.

{markdown(pd.DataFrame(rows))}

160 end points of the study `moba_vs_full`, {CHAINS} chains of {DRAWS:,} draws, medians of {seeds} seeds; all divergences of
all seeds. By hand: non-centred, data as constants, nutpie as it comes (diagonal, 0.8). ESS is the smallest of all parameters,
scales and levels. Seconds of processors do not count what others took of the machine; gradients, called from Python, and steps
of the sampler are in those. A gradient of ours over the one by hand: {call:.2f} times from Python, {step:.2f} times by steps of
the sampler; aim <= {GRADIENT_AIM:g} times, {met}.
"""


def main() -> None:
    """Measure all three, print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trial", action="store_true", help="write nothing")
    chosen = parser.parse_args()
    load, seeds = os.getloadavg()[0], range(chosen.seeds)
    study = bs.read_study("moba_vs_full")
    runs = study_runs(study)
    data = arrays(runs)
    ways = [
        say("this package", lambda: ours(study, runs, seeds)),
        say("by hand", lambda: hand("PyMC as most people write it", by_hand(data), seeds)),
        say("linear", lambda: hand("the linear form of brms", linear(data), seeds)),
    ]
    text = written(ways, chosen.seeds, load)
    print(text)
    if not chosen.trial:
        RESULTS.write_text(
            inserted(RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else "", text, HEADING), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
