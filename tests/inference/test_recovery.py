"""Simulated truth comes back: for bundled models, crossed effects, trends, noise on the loss, and noise along a run."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.inference.parameters import parameter_values, published_values
from bayes_scaling.prediction.simulate import simulated

SETTINGS = bs.Settings(draws=600, tune=600, seed=5, progress=False)


def deviations(fit: bs.Fit, truth: bs.Fit, draw: int) -> np.ndarray:
    """Return (posterior mean - truth) / posterior sd of the logarithm of every parameter of the law, at every level."""
    found = []
    for name in fit.model.parameters:
        values = np.log(parameter_values(fit, name))
        true = np.log(parameter_values(truth, name)).isel(chain=0, draw=draw)
        found.append(((values.mean(("chain", "draw")) - true) / values.std(("chain", "draw"))).to_numpy().ravel())
    return np.concatenate(found)


@pytest.fixture(scope="module")
def crossed() -> bs.Fit:
    """Four architectures crossed with three corpora, a trend, measurement errors, and noise on the loss itself."""
    rng = np.random.default_rng(3)
    rows = [
        {"compute": c, "architecture": a, "corpus": k, "run": f"{a}{k}{i}", "loss": 3.0, "error": rng.choice([0.0, 0.02])}
        for a in "pqrs"
        for k in ("web", "code", "books")
        for i, c in enumerate(np.geomspace(0.1, 100, 12))
    ]
    columns = bs.Columns(
        inputs={"compute": bs.Input("compute", "PFLOP/s-days", 1.0)},
        groups={"architecture": "architecture", "corpus": "corpus"},
        measurement_error=MeasurementError("error", relative=False),
    )
    level = bs.Prior(median=1.5, factor=1.3) + bs.Varying("corpus", 0.2) + bs.Varying(("architecture", "corpus"), 0.1)
    model = bs.Model(
        law=bs.parse_law("E + a * compute**-b", ["compute"]),
        parameters={
            "E": bs.Prior(between=(1.0, 2.0)),
            "a": level,
            "b": bs.Prior(median=0.2, factor=1.3) + bs.Varying("architecture", 0.1) + bs.Trend("compute", 0.02),
        },
        noise=bs.Noise(sd=bs.Prior(median=0.01, factor=1.5), on="loss", distribution="student_t"),
    )
    return bs.prior(model, bs.read_runs(pd.DataFrame(rows), columns), draws=4, seed=21)


@pytest.mark.slow
def test_crossed_effects_recover_simulated_truth(crossed: bs.Fit) -> None:
    fit = bs.fit(crossed.model, simulated(crossed, 1), SETTINGS)
    z = deviations(fit, crossed, 1)
    assert len(z) == 1 + 12 + 4
    assert np.abs(z).max() < 4.5
    assert np.mean(np.abs(z) < 1.645) >= 0.6
    slope = fit.posterior["b_trend_compute"]
    assert abs(float((slope.mean() - crossed.posterior["b_trend_compute"][0, 1]) / slope.std())) < 4
    assert published_values(fit) == {}


@pytest.mark.slow
def test_correlation_and_drift_of_the_noise_recover_simulated_truth() -> None:
    truth = {"a": 3.0, "b": 0.1, "noise_sd": 0.02, "noise_sd_trend_tokens": -0.25, "noise_length": 0.6}
    rng = np.random.default_rng(8)
    rows = []
    for run in range(10):
        at = np.sort(rng.uniform(-2.5, 2.5, 30))
        sd = truth["noise_sd"] * np.exp(truth["noise_sd_trend_tokens"] * at)
        covariance = np.outer(sd, sd) * np.exp(-np.abs(at[:, None] - at) / truth["noise_length"])
        off = rng.multivariate_normal(np.zeros(30), covariance)
        rows.append(pd.DataFrame({"tokens": 1e10 * np.exp(at), "run": f"r{run}", "loss": 3.0 * np.exp(off - 0.1 * at)}))
    frame = pd.concat(rows).sample(frac=1, random_state=1)
    model = bs.Model(
        law=bs.parse_law("a * tokens**-b", ["tokens"]),
        parameters={"a": bs.Prior(median=2.5, factor=2.0), "b": bs.Prior(median=0.15, factor=2.0)},
        noise=bs.Noise(
            sd=bs.Prior(median=0.01, factor=3.0) + bs.Trend("tokens", 0.3),
            distribution="normal",
            correlation=bs.Correlation("tokens", bs.Prior(median=0.3, factor=5.0)),
        ),
    )
    runs = bs.read_runs(frame, bs.Columns({"tokens": bs.Input("tokens", "tokens", 1e10)}, run="run"))
    fit = bs.fit(model, runs, bs.Settings(draws=400, tune=400, seed=5, progress=False))
    assert fit.health is not None
    assert fit.health.divergences == 0
    for name, true in truth.items():
        values = fit.posterior[name] if "trend" in name else np.log(fit.posterior[name])
        expected = true if "trend" in name else np.log(true)
        assert abs(float((values.mean() - expected) / values.std())) < 3.5, name
        assert float(values.std()) < 0.25, name
