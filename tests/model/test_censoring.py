"""Rows that are bounds: how likely values on their side are, what noise reads them, and that they are no values elsewhere."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.log_likelihood import log_likelihood
from bayes_scaling.model.censoring import log_survival
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.prediction.simulate import simulated
from bayes_scaling.validation.predictive_check import predictive_check
from bayes_scaling.validation.standardized_residuals import standardized

Z = np.array([-30.0, -5.0, -1.0, 0.0, 0.5, 2.0, 8.0, 100.0])
X = np.geomspace(1.0, 30.0, 12)
LAW = bs.parse_law("a * x**-b", ["x"])
COLUMNS = bs.Columns({"x": bs.Input("x", reference=1.0)}, best_so_far="x")
NEAR = bs.Prior(median=1.0, factor=2.0)


@pytest.mark.parametrize("nu", [1.2, 1.5, 2.0, 3.7, 12.0, 60.0, None])
def test_survival_is_that_of_scipy_and_its_slopes_are_differences(nu: float | None) -> None:
    z, free = pt.vector("z"), pt.scalar("nu")
    found = log_survival(z, None if nu is None else free)
    wanted = found.sum()
    slopes = pytensor.grad(wanted, [z] if nu is None else [z, free])
    of = pytensor.function([z, free], [found, *slopes], on_unused_input="ignore", mode="FAST_COMPILE")
    at = 3.0 if nu is None else nu
    reference = stats.norm(0) if nu is None else stats.t(nu)
    inside = Z[np.abs(Z) < 30] if nu is None or nu > 30 else Z
    values, slope, *rest = of(inside, at)
    np.testing.assert_allclose(values, reference.logsf(inside), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(slope, -np.exp(reference.logpdf(inside) - reference.logsf(inside)), rtol=1e-3, atol=1e-6)
    if nu is not None:
        step = 1e-5
        high, low = (of(inside, at + by)[0].sum() for by in (step, -step))
        assert float(rest[0]) == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-6)


def runs_of(values: np.ndarray) -> Runs:
    return bs.read_runs({"x": X, "loss": np.minimum.accumulate(values)}, COLUMNS)


def shown(seed: int = 1) -> Runs:
    return runs_of(X**-0.1 * np.exp(0.08 * np.random.default_rng(seed).standard_normal(len(X))))


@pytest.mark.parametrize(
    "noise",
    [
        bs.Noise(NEAR, "normal", outliers=bs.Outliers(NEAR, NEAR)),
        bs.Noise(NEAR, correlation=bs.Correlation("x", NEAR)),
    ],
)
def test_noise_that_does_not_read_bounds_refuses_them(noise: bs.Noise) -> None:
    model = bs.Model(LAW, {"a": NEAR, "b": NEAR}, noise)
    with pytest.raises(bs.InputError, match=r"rows repeat the best so far, which noise with .* does not read"):
        check_runs(model, shown())


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_bounds_count_in_the_likelihood_and_are_no_values_elsewhere(distribution: str) -> None:
    model = bs.Model(
        LAW, {"a": NEAR, "b": bs.Prior(median=0.1, factor=3)}, bs.Noise(bs.Prior(median=0.05, factor=3), distribution)
    )
    fit = bs.fit(model, shown(), bs.Settings(method="laplace", progress=False))
    bound = fit.runs.table["censored"].to_numpy() == 1
    assert bound.sum() >= 3
    each = log_likelihood(fit).to_numpy().reshape(-1, len(X)) + np.log(fit.runs.table["response"].to_numpy())
    assert (each[:, bound] < 0.0).all()  # probabilities
    of = fit.posterior
    a, b, sd = (of[name].to_numpy().ravel()[:, None] for name in ("a", "b", "noise_sd"))
    z = (np.log(fit.runs.table["response"].to_numpy()) - np.log(a * X**-b)) / sd
    t = stats.norm() if distribution == "normal" else stats.t(of["noise_nu"].to_numpy().ravel()[:, None])
    np.testing.assert_allclose(each, np.where(bound, t.logsf(z), t.logpdf(z) - np.log(sd)), rtol=1e-6, atol=1e-8)
    assert len(predictive_check(fit)) == len(standardized(fit).z) == (~bound).sum()
    assert "censored" not in simulated(fit, 0).table
