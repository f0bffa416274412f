"""What whole curves cost: a gradient and a fit at 1e3, 1e4 and 1e5 raw rows, beside a loop by hand; a forecast; thinning.

Ratios within one run are what counts; times are of the machine at hand. `python benchmarks/curve_speed.py`.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numba
import numpy as np
import pandas as pd

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.arrays import data
from bayes_scaling.model.build import build

RUNS = 50
LAW = bs.parse_law(
    "level - size_gain * (1 - params**-alpha) / alpha - data_gain * (1 - tokens**-beta) / beta", ["params", "tokens"]
)
COLUMNS = bs.Columns(
    inputs={"params": bs.Input("params", "parameters", 3e8), "tokens": bs.Input("tokens", "", 1e10)}, run="run"
)
MODEL = bs.Model(
    LAW,
    {
        "level": bs.Prior(median=2.6, factor=1.3),
        "size_gain": bs.Prior(median=0.12, factor=2.5),
        "alpha": bs.Prior(median=0.3, factor=2.0),
        "data_gain": bs.Prior(median=0.12, factor=2.5),
        "beta": bs.Prior(median=0.35, factor=2.0),
    },
    bs.Noise(
        sd=bs.Prior(median=0.004, factor=3.0),
        distribution="normal",
        correlation=bs.Correlation("tokens", bs.Prior(median=1.0, factor=3.0), white=bs.Prior(median=0.004, factor=3.0)),
    ),
)
SPIKES = bs.Outliers(bs.Prior(median=0.005, factor=5.0), bs.Prior(median=20.0, factor=4.0))
WITH_OUTLIERS = replace(MODEL, noise=replace(MODEL.noise, outliers=SPIKES))
NAMES = ("level", "size_gain", "alpha", "data_gain", "beta", "noise_sd", "noise_white", "noise_length")


LOWERED = ["lower_xtensor", "canonicalize", "stabilize"]
OUTLIERS = ("noise_outlier_odds", "noise_outlier_scale")


def logs(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return logs of 50 runs, so many rows in all, evenly spaced in tokens."""
    rng, each = np.random.default_rng(seed), rows // RUNS
    frames = []
    for i, size in enumerate(np.geomspace(5e7, 3e9, RUNS)):
        at = np.linspace(0.02, 1.0, each) * 40 * size
        kept, state = np.exp(-np.diff(np.log(at))), rng.normal(size=each)
        for j in range(1, each):
            state[j] = kept[j - 1] * state[j - 1] + np.sqrt(1 - kept[j - 1] ** 2) * state[j]
        law = 1.9 + 0.4 * (size / 3e8) ** -0.3 + 0.35 * (at / 1e10) ** -0.36
        loss = law * np.exp(0.004 * state + 0.004 * rng.normal(size=each))
        frames.append(pd.DataFrame({"params": size, "tokens": at, "run": f"run {i}", "loss": loss}))
    return pd.concat(frames, ignore_index=True)


@numba.njit(fastmath=False)
def by_hand(p, logn, logd, kept_gap, y, first):  # type: ignore[no-untyped-def]
    """Return the log likelihood and its gradient with respect to the logarithms of the parameters, by a loop each way."""
    level, size_gain, alpha, data_gain, beta, sd, white, length = np.exp(p)
    n = len(y)
    grad, mean, left = np.zeros(8), np.zeros(n + 1), np.zeros(n + 1)
    law, z, a, size, tokens = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    v, total = (white / sd) ** 2, 0.0
    for i in range(n):
        size[i], tokens[i] = np.exp(-alpha * logn[i]), np.exp(-beta * logd[i])
        law[i] = level - size_gain * (1 - size[i]) / alpha - data_gain * (1 - tokens[i]) / beta
        z[i] = (y[i] - np.log(law[i])) / sd
        a[i] = 0.0 if first[i] else np.exp(-kept_gap[i] / length)
        before, spread = a[i] * mean[i], a[i] * a[i] * left[i] + 1 - a[i] * a[i]
        f = spread + v
        gain = spread / f
        total -= 0.5 * ((z[i] - before) ** 2 / f + np.log(f)) + np.log(sd)
        mean[i + 1], left[i + 1] = before + gain * (z[i] - before), gain * v
    to_mean, to_left, to_v, to_sd = 0.0, 0.0, 0.0, -float(n)
    for i in range(n - 1, -1, -1):
        before, spread = a[i] * mean[i], a[i] * a[i] * left[i] + 1 - a[i] * a[i]
        f = spread + v
        gain, off = spread / f, z[i] - before
        to_gain = to_mean * off
        to_total = 0.5 * off * off / (f * f) - 0.5 / f + gain * gain * to_left - to_gain * gain / f
        to_spread = to_total + to_left * (1 - 2 * gain) + to_gain / f
        to_before = off / f + to_mean * (1 - gain)
        to_z = -off / f + to_mean * gain
        to_a = to_before * mean[i] + 2 * a[i] * to_spread * (left[i] - 1)
        to_mean, to_left = to_before * a[i], to_spread * a[i] * a[i]
        to_v += to_total
        to_sd -= to_z * z[i]
        if not first[i]:
            grad[7] += to_a * a[i] * kept_gap[i] / length
        to_law = -to_z / (sd * law[i])
        grad[0] += to_law * level
        grad[1] -= to_law * size_gain * (1 - size[i]) / alpha
        grad[2] -= to_law * size_gain * (size[i] * logn[i] - (1 - size[i]) / alpha)
        grad[3] -= to_law * data_gain * (1 - tokens[i]) / beta
        grad[4] -= to_law * data_gain * (tokens[i] * logd[i] - (1 - tokens[i]) / beta)
    grad[5], grad[6] = to_sd - 2 * to_v * v, 2 * to_v * v
    return total - n / 2 * np.log(2 * np.pi), grad


def compiled(runs: Runs) -> tuple[Callable[[], None], Callable[[], None], float]:
    """Return one evaluation of the package's likelihood and gradient, one by hand, and how far the two gradients differ."""
    import pytensor
    from pytensor import config

    arrays = data(MODEL, runs, {})
    built = build(MODEL, arrays, {})
    order = [next(v for v in built.value_vars if v.name.removesuffix("_log__") == name) for name in NAMES]
    density = built.logp(vars=built.observed_RVs, jacobian=False)
    with config.change_flags(numba__fastmath=False):
        ours = pytensor.function(order, [density, *pytensor.grad(density, order)], mode="NUMBA", trust_input=True)
    at = [np.array(np.log(of)) for of in (2.6, 0.12, 0.31, 0.13, 0.35, 0.005, 0.004, 0.9)]
    first = arrays["gap"] > 1e5
    hand = (np.array(at), arrays["log_params"], arrays["log_tokens"], arrays["gap"], arrays["response"], first)
    value, slope = by_hand(*hand)
    found = ours(*at)
    assert np.isclose(found[0], value, rtol=1e-9)
    worst = float(np.abs(np.array(found[1:]) - slope).max() / np.abs(slope).max())
    return lambda: ours(*at), lambda: by_hand(*hand), worst


def gradient_with_outliers(runs: Runs) -> Callable[[], None]:
    """Return one evaluation of the package's likelihood and gradient where the noise has outliers."""
    import pytensor
    from pytensor import config
    from pytensor.graph import rewrite_graph

    built = build(WITH_OUTLIERS, data(WITH_OUTLIERS, runs, {}), {})
    order = [next(v for v in built.value_vars if v.name.removesuffix("_log__") == name) for name in (*NAMES, *OUTLIERS)]
    density = rewrite_graph(built.logp(vars=built.potentials, jacobian=False), include=LOWERED)
    with config.change_flags(numba__fastmath=False):
        ours = pytensor.function(order, [density, *pytensor.grad(density, order)], mode="NUMBA", trust_input=True)
    at = [np.array(np.log(of)) for of in (2.6, 0.12, 0.31, 0.13, 0.35, 0.005, 0.004, 0.9, 0.005, 20.0)]
    return lambda: ours(*at)


def quickest(call: Callable[[], object], times: int = 7) -> float:
    """Return the seconds of the quickest of several calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    """Print the tables."""
    # The C library hands freed arrays of a megabyte back to the system, and each evaluation would fault its pages in anew;
    # having freed a larger one it keeps them, for the loop by hand as for ours.
    np.empty(31 * 2**20, np.uint8)
    gradients, fits, sizes = [], [], (1_000, 10_000, 100_000)
    print(
        "| raw rows | gradient, ms | by hand, ms | ratio | with outliers, ms | ratio | fit, s | steps a draw | smallest ESS "
        "| divergences |"
    )
    for rows in sizes:
        runs = bs.read_runs(logs(rows), COLUMNS)
        ours, hand, worst = compiled(runs)
        assert worst < 1e-8
        mine, other, spikes = quickest(ours), quickest(hand), quickest(gradient_with_outliers(runs))
        bs.fit(MODEL, runs, bs.Settings(draws=4, tune=4, chains=1, progress=False))  # compiles
        start = time.perf_counter()
        fit = bs.fit(MODEL, runs, bs.Settings(draws=250, tune=300, progress=False))
        took = time.perf_counter() - start
        gradients.append(mine)
        fits.append(took)
        steps = float(fit.draws["sample_stats"]["n_steps"].mean())
        print(
            f"| {rows} | {1e3 * mine:.3f} | {1e3 * other:.3f} | {mine / other:.2f} | {1e3 * spikes:.3f} "
            f"| {spikes / mine:.2f} | {took:.1f} | {steps:.1f} "
            f"| {fit.health.ess_bulk:.0f} | {fit.health.divergences} |"
        )
        sys.stdout.flush()
    slopes = [np.polyfit(np.log(sizes), np.log(of), 1)[0] for of in (gradients, fits)]
    print(f"log-log slope over rows: gradient {slopes[0]:.2f}, fit {slopes[1]:.2f}")
    thin = runs.thin(per_decade=20, along="tokens")
    start = time.perf_counter()
    fit = bs.fit(MODEL, thin, bs.Settings(draws=1000, progress=False))
    print(f"{len(runs)} rows thinned to {len(thin)}: fit {time.perf_counter() - start:.1f} s")
    log = logs(50_000, seed=3).query("run == 'run 30'").assign(run="new").iloc[:500]
    print(f"forecast from {len(log)} rows: {quickest(lambda: bs.forecast(fit, log, float(log['tokens'].max() * 3))):.2f} s")


if __name__ == "__main__":
    main()
