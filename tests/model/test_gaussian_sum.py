"""Outliers in the filter: the density by integration and by hand, its gradient by differences, and means of rows."""

from typing import Any

import numpy as np
import pymc as pm
import pymc.dims as pmd
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.model import kalman
from bayes_scaling.model.gaussian_sum import forward, log_densities, mixture, mixture_width, predicted, step
from bayes_scaling.model.likelihood import observe, white_scale
from bayes_scaling.model.names import NOISE_LENGTH, NOISE_WHITE, OUTLIER_ODDS, OUTLIER_SCALE

POSITIVE = bs.Prior(median=1.0, factor=2.0)
SPIKES = bs.Outliers(POSITIVE, POSITIVE)
ROWS = 7


def rows_of(seed: int = 0) -> list[np.ndarray]:
    """Return rows of two runs, their correlation with the row before, both variances, and the log probability of no outlier."""
    rng = np.random.default_rng(seed)
    z, a = 2.0 * rng.normal(size=ROWS), rng.uniform(0.2, 0.95, ROWS)
    a[[0, 4]], z[3] = 0.0, 9.0
    v, x, none = rng.uniform(0.1, 1.0, ROWS), rng.uniform(1.0, 40.0, ROWS), -rng.uniform(0.01, 0.9, ROWS)
    v[2], none[-1] = -0.02, -30.0  # an average has lost more than white noise adds; an outlier is surely among the rows of one
    return [z, a, v, x, none]


def test_the_gradient_is_that_of_differences() -> None:
    given, weights = rows_of(), np.random.default_rng(1).normal(size=ROWS)
    symbols = [pt.vector(name) for name in "zavxn"]
    total = (log_densities(*symbols) * weights).sum()
    found = pytensor.function(symbols, [total, *pytensor.grad(total, symbols)], mode="NUMBA")(*given)
    assert found[0] == pytest.approx(float(forward(*given) @ weights), rel=1e-12)
    for k, slope in enumerate(found[1:]):
        for i in range(ROWS):
            moved = [[of.copy() for of in given] for _ in range(2)]
            moved[0][k][i] += 1e-6
            moved[1][k][i] -= 1e-6
            high, low = (forward(*one) @ weights for one in moved)
            assert slope[i] == pytest.approx((high - low) / 2e-6, abs=1e-6)


def test_without_outliers_it_is_the_filter_of_kalman() -> None:
    z, a, v, x, _ = rows_of()
    mean, variance = kalman.forward(z, a, v)
    expected = stats.norm.logpdf(z, mean, np.sqrt(variance))
    assert forward(z, a, v, x, np.full(ROWS, -1e-300)) == pytest.approx(expected, rel=1e-12)
    assert forward(z, a, v, np.zeros(ROWS), np.full(ROWS, -0.5)) == pytest.approx(expected, rel=1e-12)


def test_each_row_given_those_before_it_has_a_density_that_integrates_to_one() -> None:
    z, a, v, x, none = rows_of()
    at = np.linspace(-80.0, 80.0, 40_001)
    for i in range(ROWS - 1):

        def last(value: float, i: int = i) -> float:
            seen = np.append(z[:i], value)
            return float(np.exp(forward(seen, *(of[: i + 1] for of in (a, v, x, none)))[-1]))

        assert np.trapezoid([last(value) for value in at[::8]], at[::8]) == pytest.approx(1.0, abs=2e-3)


def test_one_row_is_the_mixture_and_what_it_leaves_has_the_moments_of_one() -> None:
    z, before, spread, v, x, none = 2.3, 0.4, 0.6, 0.2, 9.0, np.log(0.8)
    at = np.linspace(-8.0, 8.0, 20_001)
    usual, wide = (stats.norm.pdf(z, at, np.sqrt(of)) for of in (v, v + x))
    joint = stats.norm.pdf(at, before, np.sqrt(spread)) * (0.8 * usual + 0.2 * wide)
    total = np.trapezoid(joint, at)
    mean = np.trapezoid(at * joint, at) / total
    left = np.trapezoid((at - mean) ** 2 * joint, at) / total
    outlier = np.trapezoid(stats.norm.pdf(at, before, np.sqrt(spread)) * 0.2 * wide, at) / total
    assert step(z, before, spread, v, x, none) == pytest.approx([np.log(total), outlier, mean, left], rel=1e-6)


@pytest.mark.parametrize("off", [0.0, 3.0, 40.0, 1e4])
@pytest.mark.parametrize("none", [-1e-9, -0.02, -3.0, -900.0])
def test_the_loop_takes_the_steps_that_arrays_do(off: float, none: float) -> None:
    z, a, v, x = np.array([0.3, off, 0.1]), np.array([0.0, 0.9, 0.8]), np.full(3, 0.4), np.full(3, 25.0)
    density, mean, left = [], 0.0, 0.0
    for i in range(3):
        with np.errstate(divide="ignore"):
            one = step(z[i], a[i] * mean, a[i] ** 2 * left + 1.0 - a[i] ** 2, v[i], x[i], np.float64(none))
        density.append(one[0])
        mean, left = one[2], one[3]
    assert forward(z, a, v, x, np.full(3, none)) == pytest.approx(density, rel=1e-10)


def test_a_spike_hardly_moves_the_level_and_a_step_that_stays_does() -> None:
    a, v, x = np.full(12, 0.9), np.full(12, 0.3), np.full(12, 400.0)
    spike, stays = np.zeros(12), np.where(np.arange(12) > 3, 2.0, 0.0)
    spike[9:11] = 50.0
    none = np.full(12, np.log(0.99))
    assert abs(predicted(spike, a, v, x, none)[0][-1]) < 0.1
    assert predicted(stays, a, v, x, none)[0][-1] > 1.2
    assert kalman.forward(spike, a, v)[0][-1] > 5.0


@pytest.mark.parametrize("count", [1, 3, 200])
def test_the_mean_of_rows_has_the_variance_of_their_outliers(count: int) -> None:
    odds, times, chance = 0.03, 12.0, 0.03 / 1.03
    none, added = mixture(odds, times, count, np)
    assert np.exp(none) == pytest.approx((1.0 - chance) ** count)
    # n rows of variance 1, each of 1 + times^2 with that chance: their mean has a variance of (1 + chance times^2) / n
    assert (1.0 - np.exp(none)) * added == pytest.approx(chance * times**2)


def test_the_width_of_a_mixture_is_that_of_its_interval() -> None:
    width = mixture_width(np.array([1.0, 10.0, 10.0]), np.array([0.3, 0.0, 0.02]))
    assert width[:2] == pytest.approx([1.0, 1.0])
    inside = [(1 - q) * stats.norm.cdf(1.644854 * w) + q * stats.norm.cdf(1.644854 * w / 10.0) for w, q in [(width[2], 0.02)]]
    assert inside == pytest.approx([0.95])


GAP, RUN = np.array([1e6, 0.3, 0.4, 0.2, 1e6, 0.5, 0.1]), np.array([0, 0, 0, 0, 1, 1, 1])
AT = {NOISE_LENGTH: 0.7, NOISE_WHITE: 0.02, OUTLIER_ODDS: 0.04, OUTLIER_SCALE: 15.0}


def density(noise: bs.Noise, at: dict[str, float], held: dict[str, Any]) -> float:
    """Return the log density of rows as the model has it."""
    model = bs.Model(bs.laws.power_law, {"a": POSITIVE, "b": POSITIVE}, noise)
    with pm.Model(coords={"row": range(ROWS)}) as built:
        rows = {name: pmd.Data(name, xr.DataArray(of, dims="row")) for name, of in held.items()}
        scale = pmd.Data("scale", xr.DataArray(np.full(ROWS, 0.03), dims="row"))
        observe(model, 0.0 * rows["response"], scale, white_scale(noise, rows), rows, {})
    found = built.compile_logp(vars=[built["observed"]], mode="FAST_COMPILE")
    return float(found({f"{name}_log__": np.log(of) for name, of in at.items()}))


@pytest.mark.parametrize("error", [False, True])
def test_rows_of_runs_have_the_density_of_the_filter_with_their_counts_and_errors(error: bool) -> None:
    rng = np.random.default_rng(4)
    count, lag, read = np.array([1.0, 5, 1, 30, 1, 2, 8]), 0.01 * np.arange(ROWS), 0.02 * rng.uniform(size=ROWS)
    y = 0.05 * rng.normal(size=ROWS)
    y[2] = 0.4
    held = {"response": y, "gap": GAP, "count": count, "mean_lag": lag} | ({"measurement_error": read} if error else {})
    noise = bs.Noise(POSITIVE, "normal", correlation=bs.Correlation("compute", POSITIVE, POSITIVE), outliers=SPIKES)
    squared = (0.02**2 / count + (read**2 if error else 0.0)) / 0.03**2
    none = -count * np.log1p(0.04)
    added = 15.0**2 * (0.04 / 1.04) / (1.0 - np.exp(none)) * squared
    kept = np.exp(-GAP / 0.7)
    expected = forward(y / 0.03, kept, squared + np.exp(-lag / 0.7) - 1.0, added, none).sum() - ROWS * np.log(0.03)
    assert density(noise, AT, held) == pytest.approx(expected, rel=1e-10)


def test_rows_without_correlation_are_a_plain_mixture() -> None:
    y = 0.03 * np.array([0.3, -1.0, 20.0, 0.1, -0.4, 2.0, 1.0])
    noise = bs.Noise(POSITIVE, "normal", outliers=SPIKES)
    chance, wide = 0.04 / 1.04, 0.03 * np.sqrt(1.0 + 15.0**2)
    expected = np.log((1 - chance) * stats.norm.pdf(y, 0, 0.03) + chance * stats.norm.pdf(y, 0, wide)).sum()
    at = {name: AT[name] for name in (OUTLIER_ODDS, OUTLIER_SCALE)}
    assert density(noise, at, {"response": y}) == pytest.approx(expected, rel=1e-10)


def test_what_outliers_do_not_go_with_is_said() -> None:
    with pytest.raises(bs.InputError, match="student_t has heavy tails of its own"):
        bs.Noise(POSITIVE, outliers=SPIKES)
    with pytest.raises(bs.InputError, match="give the correlation a prior white"):
        bs.Noise(POSITIVE, "normal", correlation=bs.Correlation("tokens", POSITIVE), outliers=SPIKES)
    with pytest.raises(bs.InputError, match="the scale of outliers must be of a positive quantity"):
        bs.Outliers(POSITIVE, bs.Prior(between=(-1.0, 1.0)))
