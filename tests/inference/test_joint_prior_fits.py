"""Fits under joint priors: draws of prior and posterior, densities, findings, reports, files, variants of an analysis."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.checkpoints import Checkpoints
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.decisions.sensitivity.power_scaling import log_densities
from bayes_scaling.decisions.specifications import Specification, discrepancy, fixed, noise, prior as prior_of
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.worker import model_text, read_model
from bayes_scaling.inference.densities import log_prior, top_priors
from bayes_scaling.model.curves import as_curves
from bayes_scaling.model.description import model_priors
from bayes_scaling.model.joint_prior import margin, subset
from bayes_scaling.model.priors import distribution, prior_quantiles
from bayes_scaling.model.specification import changed, parameters_with_priors
from bayes_scaling.report.prior_posterior import prior_posterior
from bayes_scaling.validation.findings.identifiability import left_open
from bayes_scaling.validation.findings.prior_conflict import conflicts
from tests.by_hand import CLEAN, fit_with

NAMES = ("A", "alpha", "noise_sd", "discrepancy_amplitude", "discrepancy_length_params")
MEDIAN, FACTOR = (0.9, 0.3, 0.01, 0.02, 3.0), (2.0, 1.5, 3.0, 2.0, 2.0)
ROWS = ((1.0,), (-0.8, 1.0), (0.1, 0.2, 1.0), (0.3, 0.0, 0.4, 1.0), (0.0, 0.1, 0.0, -0.3, 1.0))
JOINT = bs.JointPrior(NAMES, MEDIAN, FACTOR, ROWS, nu=4.0)
LAW = bs.parse_law("E + A * params**-alpha", ["params"])
PRIORS = {"E": bs.Prior(median=1.8, factor=1.4), **{name: JOINT.priors[name] for name in ("A", "alpha")}}
WAVE = bs.Discrepancy(JOINT.priors["discrepancy_amplitude"], JOINT.priors["discrepancy_length_params"])
MODEL = bs.Model(LAW, PRIORS, bs.Noise(JOINT.priors["noise_sd"], "normal"), (WAVE,), joint=(JOINT,))
BARE = replace(MODEL, discrepancy=(), joint=(subset(JOINT, NAMES[:3]),))
COLUMNS = bs.Columns({"params": bs.Input("params", "parameters", 1e8)})
SIZES = np.geomspace(1e7, 3e9, 8)
TABLE = pd.DataFrame({"params": SIZES, "loss": 1.8 + 0.9 * (SIZES / 1e8) ** -0.3})
RUNS = bs.read_runs(TABLE, COLUMNS)


def logs(fit: bs.Fit, names: tuple[str, ...] = NAMES) -> np.ndarray:
    return np.log(np.stack([fit.posterior[name].to_numpy().ravel() for name in names]))


def orthants(u: np.ndarray) -> np.ndarray:
    """Return how often two are on one side of their medians: half where they do not hang together."""
    above = u > np.median(u, axis=1, keepdims=True)
    return np.array([[(one == other).mean() for one in above] for other in above])


EXPECTED = 0.5 + np.arcsin(np.array(JOINT.correlation)) / np.pi


def test_draws_of_the_prior_are_of_the_joint_one() -> None:
    before = bs.prior(MODEL, RUNS, draws=20_000, seed=3)
    np.testing.assert_allclose(orthants(logs(before)), EXPECTED, atol=0.02)
    for name in NAMES:
        ends = prior_quantiles(margin(JOINT, name), (0.05, 0.5, 0.95))
        found = before.posterior[name].quantile([0.05, 0.5, 0.95]).to_numpy()
        np.testing.assert_allclose(np.log(found / MEDIAN[NAMES.index(name)]), np.log(ends / ends[1]), atol=0.06)
    alone = bs.prior(replace(MODEL, joint=()), RUNS, draws=100, seed=3)
    assert alone.posterior["E"].equals(bs.prior(MODEL, RUNS, draws=100, seed=3).posterior["E"])


def test_the_log_prior_is_one_density_for_what_hangs_together() -> None:
    before = bs.prior(MODEL, RUNS, draws=50, seed=1)
    found = log_prior(before)
    assert set(found) == {"E", "joint_prior"}
    s = np.log(FACTOR) / stats.norm.ppf(0.95)
    of = stats.multivariate_t(np.log(MEDIAN), s[:, None] * np.array(JOINT.correlation) * s, 4.0)
    u = logs(before)
    np.testing.assert_allclose(found["joint_prior"].to_numpy().ravel(), of.logpdf(u.T) - u.sum(axis=0), rtol=1e-9)
    assert top_priors(MODEL)["A"] == margin(JOINT, "A")
    two = replace(BARE, joint=(subset(JOINT, ["A", "alpha"]), subset(JOINT, ["noise_sd"])))
    assert set(log_prior(bs.prior(two, RUNS, draws=5))) == {"E", "joint_prior", "joint_prior_2"}


def test_what_counts_more_or_less_is_the_joint_prior_as_one() -> None:
    found = log_densities(bs.prior(MODEL, RUNS, draws=50, seed=1))
    together = f"prior of {', '.join(NAMES)} together"
    assert set(found) == {"prior", "prior of E", together, "likelihood"}
    np.testing.assert_allclose(found["prior"], found["prior of E"] + found[together])
    factors = bs.Discrepancy(WAVE.amplitude, WAVE.length, within="arm")
    both = replace(MODEL, discrepancy=(WAVE, factors))
    assert changed(both, discrepancy=(factors,)).joint == (subset(JOINT, NAMES[:3]),)


def test_a_fit_comes_back_from_its_file_and_a_model_from_its_text(tmp_path: Path) -> None:
    before = bs.prior(MODEL, RUNS, draws=20, seed=1)
    again = bs.load(bs.save(before, tmp_path / "prior.nc"))
    assert again.model.joint == (JOINT,)
    assert again.posterior.equals(before.posterior)
    assert log_prior(again).equals(log_prior(before))
    assert read_model(model_text(MODEL)).joint == (JOINT,)


def test_reports_show_the_margin() -> None:
    before = bs.prior(MODEL, RUNS, draws=50, seed=1)
    shown = {one.name: one.prior for one in prior_posterior(before)}
    for name in NAMES:
        np.testing.assert_allclose(shown[name], prior_quantiles(margin(JOINT, name), (0.05, 0.5, 0.95)))
    words = dict(model_priors(MODEL))
    assert words["A"].startswith("log-Student-t(nu 4), 90 % in ")
    assert words["discrepancy amplitude"].startswith("log-Student-t(nu 4)")
    line = next(line for line in MODEL.summary().splitlines() if line.startswith("The prior of A, alpha"))
    assert "Student-t with 4 degrees of freedom on the log scale: a large A goes with a small alpha (correlation -0.8)" in line


def posterior(**values: Any) -> bs.Fit:
    return fit_with(BARE, RUNS, values, health=CLEAN, spread=0.01)


def test_a_conflict_may_be_one_of_several_parameters_together() -> None:
    """Both parameters high is unlike a prior by which they go in opposite directions; the same values apart are not."""
    s = np.log(FACTOR) / stats.norm.ppf(0.95)
    high = {"A": 0.9 * np.exp(2.2 * s[0]), "alpha": 0.3 * np.exp(2.2 * s[1])}
    normal = replace(BARE, joint=(replace(BARE.joint[0], nu=None),))
    said = {one.code: one.sentence for one in conflicts(replace(posterior(**high), model=normal))}
    assert "each alone is possible, all together are not what the priors expect" in said["prior-conflict"]
    opposite = {"A": 0.9 * np.exp(2.2 * s[0]), "alpha": 0.3 * np.exp(-2.2 * s[1])}
    assert "prior-conflict" not in {one.code for one in conflicts(replace(posterior(**opposite), model=normal))}
    independent = replace(posterior(**high), model=replace(BARE, joint=()))
    assert "all together" not in {one.code: one.sentence for one in conflicts(independent)}.get("prior-conflict", "")


def test_heavy_tails_make_a_far_value_less_of_a_conflict() -> None:
    s = np.log(FACTOR) / stats.norm.ppf(0.95)
    far = posterior(A=0.9 * np.exp(3.5 * s[0]), alpha=0.3 * np.exp(-2.8 * s[1]))
    normal = replace(far, model=replace(BARE, joint=(replace(BARE.joint[0], nu=None),)))
    assert "prior-conflict" in {one.code for one in conflicts(normal)}
    assert "prior-conflict" not in {one.code for one in conflicts(far)}


def test_a_posterior_that_is_the_margin_is_said_to_be_the_prior() -> None:
    draws = bs.prior(BARE, RUNS, draws=400, seed=2).posterior["A"].to_numpy().reshape(2, 200)
    said = {one.code: one.sentence for one in left_open(posterior(A=draws))}
    assert "about A" in said["prior-only"]


def specification() -> Specification:
    return Specification(MODEL, TABLE, COLUMNS)


def test_variants_of_an_analysis_keep_what_hangs_together() -> None:
    (own,) = prior_of("A", bs.Prior(median=0.5, factor=1.5))(specification()).model.joint
    assert (own.median[0], own.factor[0]) == (pytest.approx(0.5), pytest.approx(1.5))
    assert (own.correlation, own.nu) == (JOINT.correlation, 4.0)
    (held,) = fixed("A", 1.0)(specification()).model.joint
    assert held.factor[0] == pytest.approx(1.001)
    (wide,) = prior_of("A", bs.Prior(between=(-1.0, 2.0)))(specification()).model.joint
    assert wide == subset(JOINT, NAMES[1:])
    assert discrepancy()(specification()).model.joint == (subset(JOINT, NAMES[:3]),)
    assert noise("student_t")(specification()).model.joint == (JOINT,)


def test_rows_taken_as_curves_have_the_noise_of_curves_in_the_joint_prior() -> None:
    columns = bs.Columns({"params": COLUMNS.inputs["params"], "tokens": bs.Input("tokens", "tokens", 1e9)})
    model = replace(BARE, law=bs.parse_law("E + A * params**-alpha * tokens**-0.1", ["params", "tokens"]))
    made, _ = as_curves(model, columns, Checkpoints("tokens", pd.Series(["one", "one", "two"]), None, 0.1, 2))
    expected = distribution(parameters_with_priors(made)["noise_sd"].prior)
    assert expected != distribution(JOINT.priors["noise_sd"])
    assert distribution(made.joint[0].priors["noise_sd"])[1] == pytest.approx(expected[1])
    assert made.joint[0].priors["A"] == JOINT.priors["A"]


@pytest.mark.slow
@pytest.mark.parametrize("nu", [None, 4.0])
def test_rows_that_say_nothing_leave_the_joint_prior(nu: float | None) -> None:
    """A posterior given one row that was read with a huge error is the prior: of all that is sampled, with its tails."""
    columns = replace(COLUMNS, measurement_error=MeasurementError("error", relative=False))
    runs = bs.read_runs(TABLE.head(2).assign(error=1e5), columns)
    joint = replace(JOINT, nu=nu)
    fit = bs.fit(replace(MODEL, joint=(joint,)), runs, bs.Settings(draws=2000, chains=2, seed=1, progress=False))
    assert fit.health is not None
    assert fit.health.ok
    np.testing.assert_allclose(orthants(logs(fit)), EXPECTED, atol=0.05)
    for i, name in enumerate(NAMES):
        ends = prior_quantiles(margin(joint, name), (0.05, 0.5, 0.95))
        found = fit.posterior[name].quantile([0.05, 0.5, 0.95]).to_numpy()
        scale = np.log(FACTOR[i]) / 1.645
        np.testing.assert_allclose(np.log(found) / scale, np.log(ends) / scale, atol=0.3)


@pytest.mark.slow
def test_posteriors_under_a_joint_prior_are_calibrated() -> None:
    settings = bs.Settings(draws=400, tune=300, chains=2, progress=False)
    found = bs.calibrate(BARE, RUNS, 50, settings, executor=InProcess(), seed=5)
    table = found.to_frame()
    assert found.simulations + found.impossible == 50
    assert (table["p_holm"] > 0.001).all(), table
