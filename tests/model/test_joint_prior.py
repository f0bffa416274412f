"""Joint priors: densities of scipy, draws, margins, what is refused, other units and other parts of a model."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.model.joint_density import draw, log_density
from bayes_scaling.model.joint_prior import joined, location, margin, restricted, scale_matrix, subset, with_shared
from bayes_scaling.model.loss_units import rescaled
from bayes_scaling.model.priors import Z90, distribution, prior_quantiles
from bayes_scaling.model.specification import changed, marginal_priors, scalar_priors

NAMES = ("A", "alpha", "noise_sd", "discrepancy_amplitude")
LOWER = ((1.0,), (-0.6, 1.0), (0.1, 0.2, 1.0), (0.3, 0.0, 0.4, 1.0))
SD = bs.Prior(median=0.01, factor=3.0)
PRIORS = {"E": bs.Prior(median=1.8, factor=1.4), "A": bs.Prior(median=0.9, factor=2.0), "alpha": bs.Prior(between=(0.1, 0.9))}


def joint(nu: float | None = 5.0, **other: Any) -> bs.JointPrior:
    given = {"parameters": NAMES, "median": (0.9, 0.3, 0.01, 0.02), "factor": (2.0, 3.0, 3.0, 2.0), "correlation": LOWER}
    return bs.JointPrior(**given | {"nu": nu} | other)


def model(*joints: bs.JointPrior, **other: Any) -> bs.Model:
    law = bs.parse_law("E + A * params**-alpha", ["params"])
    wave = bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=3.0, factor=2.0))
    return bs.Model(law, PRIORS, bs.Noise(SD), (wave,), **{"joint": joints} | other)


def reference(of: bs.JointPrior) -> Any:
    mu = np.log(of.median)
    s = np.log(of.factor) / Z90
    matrix = np.diag(s) @ np.array(of.correlation) @ np.diag(s)
    return stats.multivariate_normal(mu, matrix) if of.nu is None else stats.multivariate_t(mu, matrix, of.nu)


@pytest.mark.parametrize("nu", [None, 3.0, 30.0])
def test_the_density_is_that_of_scipy(nu: float | None) -> None:
    of = joint(nu)
    at = np.random.default_rng(1).normal(0, 1, (2, 7, 4)) + np.log(of.median)
    values = dict(zip(NAMES, np.moveaxis(np.exp(at), -1, 0), strict=True))
    np.testing.assert_allclose(log_density(of, values), reference(of).logpdf(at) - at.sum(-1), rtol=1e-10)


@pytest.mark.parametrize("nu", [None, 6.0])
def test_draws_have_the_median_the_correlation_and_the_margins(nu: float | None) -> None:
    of = joint(nu)
    found = draw(of, 100_000, np.random.default_rng(2))
    u = np.log(np.stack([found[name] for name in NAMES]))
    np.testing.assert_allclose(np.median(u, axis=1), location(of), atol=0.02)
    # Correlations of ranks do not hang on moments, which heavy tails make noisy.
    z = (u - location(of)[:, None]) / np.sqrt(np.diag(scale_matrix(of)))[:, None]
    orthants = np.array([[(z[i] * z[j] > 0).mean() for j in range(4)] for i in range(4)])
    np.testing.assert_allclose(orthants, 0.5 + np.arcsin(np.array(of.correlation)) / np.pi, atol=0.01)
    for i, name in enumerate(NAMES):
        known = prior_quantiles(margin(of, name), [0.01, 0.05, 0.5, 0.95, 0.99])
        np.testing.assert_allclose(np.quantile(u[i], [0.01, 0.05, 0.5, 0.95, 0.99]), np.log(known), atol=0.06)
    assert np.corrcoef(u)[0, 1] == pytest.approx(-0.6, abs=0.03)


def test_a_margin_has_the_tails_of_the_joint_prior() -> None:
    assert margin(joint(None), "A") == bs.Prior(median=0.9, factor=2.0)
    kind, of = distribution(margin(joint(4.0), "A"))
    assert kind == "LogStudentT"
    low, high = np.log(prior_quantiles(margin(joint(4.0), "A"), [0.05, 0.95]))
    assert (high - low) / 2 == pytest.approx(np.log(2.0) / Z90 * stats.t(4.0).ppf(0.95))
    assert of == {"nu": 4.0, "mu": pytest.approx(np.log(0.9)), "sigma": pytest.approx(np.log(2.0) / Z90)}
    assert marginal_priors(model(joint(4.0)))["A"] == margin(joint(4.0), "A")
    assert marginal_priors(model(joint(4.0)))["E"] == PRIORS["E"]


def test_a_lower_triangle_is_the_full_matrix() -> None:
    full = joint().correlation
    assert np.array_equal(np.array(full), np.array(full).T)
    assert joint(correlation=full) == joint()
    assert joint(correlation=[list(row) for row in LOWER], nu=5) == joint()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"parameters": ("A", "A", "alpha", "noise_sd")}, "several different parameters"),
        ({"median": (1.0, 1.0)}, "as many entries of median"),
        ({"factor": (1.0, 2.0, 2.0, 2.0)}, "factor of A in a joint prior must be above 1"),
        ({"factor": (1 + 1e-12, 2.0, 2.0, 2.0)}, "factor of A in a joint prior must be above 1"),
        (
            {"correlation": ((1.0,), (float("nan"), 1.0), *LOWER[2:])},
            "^correlation of a joint prior, entry 2, entry 1, must be a finite number, not nan$",
        ),
        ({"nu": 2.0}, "nu of a joint prior must be above 2"),
        ({"nu": -1.0}, "nu of a joint prior must be a positive number"),
        ({"correlation": ((1.0,), (0.5, 1.0), (0.5, 1.0), (0.1, 0.1, 0.1, 1.0))}, "rows of 4 entries, or of 1 to 4"),
        ({"correlation": ((0.9,), *LOWER[1:])}, "correlation of A with itself must be 1, not 0.9"),
        ({"correlation": ((1.0,), (1.2, 1.0), *LOWER[2:])}, "A must be between -1 and 1, not 1.2"),
        ({"correlation": ((1.0,), (0.9, 1.0), (0.9, -0.9, 1.0), LOWER[3])}, "not positive definite"),
        ({"correlation": (*(np.eye(4)[:3]).tolist(), [0.2, 0, 0, 1.0])}, "given twice"),
    ],
)
def test_what_is_no_joint_prior_is_refused_in_one_line(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(bs.InputError, match=said) as error:
        joint(**wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("joints", "said"),
    [
        ((joint(parameters=("A", "alfa", *NAMES[2:])),), "names 'alfa', which has no prior; .* did you mean 'alpha'?"),
        ((joint(parameters=("A", "alpha", "noise_sd", "discrepancy_length")),), "did you mean 'discrepancy_length_params'"),
        ((joint(), subset(joint(), ["A", "alpha"])), "A is in two joint priors"),
        ((joint(median=(0.8, 0.3, 0.01, 0.02)),), "A has median 0.9 and factor 2 in its own prior, median 0.8 and"),
    ],
)
def test_a_joint_prior_that_does_not_fit_the_model_is_refused(joints: tuple[bs.JointPrior, ...], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        model(*joints)


@pytest.mark.parametrize(
    "prior", [bs.Prior(between=(-1.0, 2.0)), bs.Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 2.0})]
)
def test_a_parameter_whose_prior_is_not_log_normal_cannot_be_in_one(prior: bs.Prior) -> None:
    with pytest.raises(bs.InputError, match=re.escape("A is in a joint prior, which is of logarithms")):
        replace(model(), parameters=PRIORS | {"A": prior}, joint=(joint(),))


def test_another_prior_of_one_parameter_is_its_margin_and_correlations_stay() -> None:
    other = changed(model(joint()), parameters=PRIORS | {"A": bs.Prior(median=0.5, factor=1.2)})
    (of,) = other.joint
    assert of.median == (pytest.approx(0.5), *joint().median[1:])
    assert of.factor == (pytest.approx(1.2), *joint().factor[1:])
    assert (of.correlation, of.nu) == (joint().correlation, 5.0)


def test_what_a_model_has_no_more_leaves_its_joint_prior() -> None:
    without = changed(model(joint()), discrepancy=())
    assert without.joint == (subset(joint(), NAMES[:3]),)
    identity = changed(model(joint()), parameters=PRIORS | {"alpha": bs.Prior(between=(-0.5, 1.0))})
    assert identity.joint == (subset(joint(), ["A", "noise_sd", "discrepancy_amplitude"]),)
    with pytest.raises(bs.InputError, match="discrepancy_amplitude"):
        replace(model(joint()), discrepancy=())
    two = subset(joint(None), ["A", "discrepancy_amplitude"])
    assert changed(model(two), discrepancy=()).joint == ()
    assert changed(model(replace(two, nu=5.0)), discrepancy=()).joint[0].parameters == ("A",)
    assert restricted((joint(),), scalar_priors(model())) == (joint(),)


def test_in_another_unit_medians_follow_and_correlations_stay() -> None:
    moved = rescaled(model(joint()), 0.5, 1.0, "bits/byte")
    assert moved.joint[0].median == (pytest.approx(0.45), *joint().median[1:])
    np.testing.assert_allclose(moved.joint[0].factor, joint().factor)
    np.testing.assert_allclose(moved.joint[0].correlation, joint().correlation)
    on_loss = replace(model(), noise=bs.Noise(SD, on="loss"), joint=(joint(),))
    np.testing.assert_allclose(rescaled(on_loss, 2.0, 1.0, "").joint[0].median, (1.8, 0.3, 0.02, 0.04))


def test_what_is_unsure_of_a_unit_is_shared() -> None:
    both = bs.JointPrior(("E", "A"), (1.8, 0.9), (1.4, 2.0), ((1.0,), (0.2, 1.0)))
    moved = rescaled(model(both), 0.5, 1.3, "bits/byte")
    rng = np.random.default_rng(3)
    drawn = draw(both, 200_000, rng)
    factor = 0.5 * np.exp(rng.normal(0, np.log(1.3) / Z90, 200_000))
    u = np.log(np.stack([drawn["E"] * factor, drawn["A"] * factor]))
    np.testing.assert_allclose(scale_matrix(moved.joint[0]), np.cov(u), rtol=0.02)
    np.testing.assert_allclose(location(moved.joint[0]), u.mean(axis=1), atol=0.01)
    assert with_shared(both, {"E": 1.0}, 1.0) == both


def test_parameters_with_priors_are_joined() -> None:
    of = joined(("A", "alpha"), PRIORS, ((1.0,), (-0.6, 1.0)), 5.0)
    np.testing.assert_allclose(of.median, (0.9, 0.3))
    np.testing.assert_allclose(of.factor, (2.0, 3.0))
    assert model(of).joint == (of,)
    with pytest.raises(bs.InputError, match="names 'B', which has no prior"):
        joined(("A", "B"), PRIORS, ((1.0,), (-0.6, 1.0)))
