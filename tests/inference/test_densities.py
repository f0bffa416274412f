"""What prior and rows each say of a draw: against scipy and dense normals; stored with a fit, and made again from its draws."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.inference.densities import log_prior, top_priors, with_densities
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD, log_likelihood
from bayes_scaling.validation.findings.prior_conflict import sensitivity
from tests.by_hand import CLEAN, fit_of

KINDS: dict[str, tuple[str, dict[str, float], Any]] = {
    "a": ("Normal", {"mu": 1.0, "sigma": 0.2}, stats.norm(1.0, 0.2)),
    "b": ("StudentT", {"nu": 3.0, "mu": 0.5, "sigma": 0.1}, stats.t(3.0, 0.5, 0.1)),
    "c": ("LogNormal", {"mu": 0.1, "sigma": 0.3}, stats.lognorm(0.3, scale=np.exp(0.1))),
    "d": ("HalfNormal", {"sigma": 0.3}, stats.halfnorm(scale=0.3)),
    "f": ("Gamma", {"alpha": 0.7, "beta": 2.0}, stats.gamma(0.7, scale=0.5)),
    "g": ("Exponential", {"lam": 2.0}, stats.expon(scale=0.5)),
}


def test_every_top_level_parameter_has_its_density_and_no_effect_has() -> None:
    rng, size = np.random.default_rng(1), (2, 30)
    priors: dict[str, Any] = {name: bs.Prior(distribution=kind, arguments=of) for name, (kind, of, _) in KINDS.items()}
    priors["a"] = priors["a"] + bs.Varying("arch", 0.1) + bs.Trend("x", 0.2)
    correlation = bs.Correlation("x", bs.Prior(median=1.0, factor=2.0))
    noise = bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), effects=(bs.Varying("run", 0.02),), correlation=correlation)
    model = bs.Model(bs.parse_law("a + b + c + d + f + g * x", ["x"]), priors, noise)
    frame = pd.DataFrame({"x": [1.0, 2.0, 1.0, 2.0], "loss": 3.0, "arch": list("ppqq"), "run": list("rrss")})
    runs = bs.read_runs(frame, bs.Columns({"x": bs.Input("x")}, groups={"arch": "arch"}, run="run"))
    draws = {name: of.rvs(size, rng) for name, (_, _, of) in KINDS.items()}
    draws |= {
        "a_trend_x": rng.normal(0, 0.2, size),
        "a_sd_arch": abs(rng.normal(0, 0.1, size)),
        "noise_sd": 0.01 + 0 * draws["a"],
    }
    draws |= {
        "residual_sd_run": abs(rng.normal(0, 0.02, size)),
        "noise_nu": 1 + rng.gamma(2, 10, size),
        "noise_length": draws["c"],
    }
    effects = {"a_by_arch": rng.normal(0, 0.1, (*size, 2)), "residual_by_run": rng.normal(0, 0.1, (*size, 2))}
    fit = fit_of(model, runs, draws | effects, None, {"a_by_arch": ("arch",), "residual_by_run": ("run",)})
    found = log_prior(fit)
    expected = {name: of.logpdf(draws[name]) for name, (_, _, of) in KINDS.items()}
    expected |= {"a_trend_x": stats.norm(0, 0.2).logpdf(draws["a_trend_x"])}
    expected |= {"a_sd_arch": stats.halfnorm(scale=0.1).logpdf(draws["a_sd_arch"])}
    expected |= {"residual_sd_run": stats.halfnorm(scale=0.02).logpdf(draws["residual_sd_run"])}
    expected |= {"noise_nu": stats.gamma(2, scale=10).logpdf(draws["noise_nu"] - 1)}
    sd = np.log(2.0) / 1.6448536269514722
    expected |= {"noise_sd": stats.lognorm(sd, scale=0.01).logpdf(draws["noise_sd"])}
    expected |= {"noise_length": stats.lognorm(sd).logpdf(draws["noise_length"])}
    assert set(found) == set(expected) == set(top_priors(model))
    for name, of in expected.items():
        np.testing.assert_allclose(found[name], of, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("white", [None, 0.01])
@pytest.mark.parametrize("shuffled", [False, True])
def test_densities_of_correlated_rows_add_up_to_that_of_all(white: float | None, *, shuffled: bool) -> None:
    rng = np.random.default_rng(2)
    x = np.tile(np.geomspace(1, 30, 7), 3)
    frame = pd.DataFrame({"x": x, "run": np.repeat(list("pqr"), 7), "loss": 3.0 * x**-0.1 * np.exp(rng.normal(0, 0.03, 21))})
    frame = frame.sample(frac=1, random_state=1) if shuffled else frame
    prior = bs.Prior(median=0.05, factor=2.0)
    correlation = bs.Correlation("x", bs.Prior(median=1.0, factor=2.0), prior if white else None)
    model = bs.Model(
        bs.parse_law("a * x**-b", ["x"]),
        {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)},
        bs.Noise(sd=prior, distribution="normal", correlation=correlation),
    )
    runs = bs.read_runs(frame, bs.Columns({"x": bs.Input("x", "", 1.0)}, run="run"))
    draws = {"a": np.full((1, 2), 3.0), "b": np.array([[0.1, 0.12]]), "noise_sd": np.full((1, 2), 0.03)}
    draws |= {"noise_length": np.array([[0.8, 1.5]])} | ({"noise_white": np.full((1, 2), white)} if white else {})
    found = log_likelihood(fit_of(model, runs, draws, None)).sum("row").to_numpy()[0]
    table = runs.table
    lag = np.abs(np.log(table["x"].to_numpy())[:, None] - np.log(table["x"].to_numpy()))
    same = table["run"].to_numpy()[:, None] == table["run"].to_numpy()
    for i in range(2):
        covariance = same * 0.03**2 * np.exp(-lag / draws["noise_length"][0, i]) + (white or 0.0) ** 2 * np.eye(21)
        mean = np.log(3.0 * table["x"] ** -draws["b"][0, i])
        expected = stats.multivariate_normal(mean, covariance).logpdf(np.log(table["response"]))
        of_loss = expected - np.log(table["response"]).sum()
        assert found[i] == pytest.approx(of_loss, abs=1e-6)


def line(rows: int, prior: bs.Prior) -> bs.Fit:
    """Return the exact posterior of a constant under normal noise of a known scale."""
    rng = np.random.default_rng(3)
    loss = rng.normal(5.0, 1.0, rows)
    model = bs.Model(bs.parse_law("a + b * x", ["x"]), {"a": prior, "b": bs.Prior(between=(-1e-6, 1e-6))}, NOISE)
    runs = bs.read_runs(pd.DataFrame({"x": 1.0, "loss": loss}), bs.Columns({"x": bs.Input("x", "", 1.0)}))
    low, high = prior.between or (0.0, 1.0)
    middle, sd = (low + high) / 2, (high - low) / 2 / 1.6449
    precision = rows + 1 / sd**2
    a = rng.normal((loss.sum() + middle / sd**2) / precision, precision**-0.5, (4, 1000))
    return fit_of(model, runs, {"a": a, "b": np.zeros((4, 1000)), "noise_sd": np.ones((4, 1000))}, CLEAN)


NOISE = bs.Noise(sd=bs.Prior(median=1.0, factor=1.01), distribution="normal", on="loss")


def test_an_answer_that_prior_and_runs_fight_over_is_sensitive_to_both() -> None:
    point = pd.DataFrame({"x": [1.0]})
    fought = sensitivity(line(10, bs.Prior(between=(0.5, 1.5))), point)
    agreed = sensitivity(line(10, bs.Prior(between=(-30.0, 40.0))), point)
    assert float(fought["prior"][0]) > 0.05
    assert float(fought["likelihood"][0]) > 0.05
    assert float(fought["shift"][0]) > 0.5
    assert float(agreed["prior"][0]) < 0.02
    assert float(agreed["shift"][0]) < 0.1


def test_densities_are_stored_with_a_fit_and_survive_its_file(tmp_path: Path) -> None:
    fit = line(6, bs.Prior(between=(0.0, 9.0)))
    stored = with_densities(fit)
    assert {"posterior", "log_prior", "log_likelihood"} <= set(stored.draws.children)
    assert stored.draws[LOG_LIKELIHOOD]["response"].dtype == np.float32
    again = bs.load(bs.save(stored, tmp_path / "fit.nc"))
    xr.testing.assert_equal(log_prior(again), log_prior(fit))
    np.testing.assert_allclose(log_likelihood(again), log_likelihood(fit), rtol=1e-6)


def test_densities_of_very_many_rows_are_made_on_demand() -> None:
    stored = with_densities(line(300, bs.Prior(between=(0.0, 9.0))))
    assert "log_prior" in stored.draws.children
    assert LOG_LIKELIHOOD not in stored.draws.children
    assert log_likelihood(stored).shape == (4, 1000, 300)
