"""A prior as sentences: intervals with units, levels, drifts, and what goes together."""

from dataclasses import replace

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.model.prior_sentences import differences, joint_sentences, prior_sentences

PRIORS = {
    "E": bs.Prior(median=1.7, factor=1.6),
    "A": bs.Prior(median=0.4, factor=2.5) + bs.Varying("corpus", sd=0.1),
    "alpha": bs.Prior(between=(0.2, 0.45)) + bs.Trend("tokens", sd=0.2),
}
WAVE = bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=3.0, factor=2.0))
MODEL = bs.Model(
    bs.parse_law("E + A * params**-alpha", ["params"]),
    PRIORS,
    bs.Noise(bs.Prior(median=0.01, factor=3.0), "normal", effects=(bs.Varying("run", sd=0.02),)),
    (WAVE,),
    unit="nats/token",
)


def test_intervals_have_their_units() -> None:
    said = prior_sentences(MODEL)
    assert said[0] == "E lies between 1.1 and 2.7 nats/token with probability 90 %; its median is 1.7."
    assert said[2] == "alpha lies between 0.20 and 0.45 with probability 90 %; its median is 0.30."
    assert said[3] == "noise_sd lies between 0.33 and 3.0 % with probability 90 %; its median is 1.0 %."
    assert said[4].startswith("discrepancy_amplitude lies between 1.00 and 4.0 % ")
    assert said[5].startswith("discrepancy_length_params lies between 1.5 and 6.0 e-folds of params ")
    assert "\n".join(said) == MODEL.prior_summary()


def test_levels_and_drifts_are_said_in_per_cent() -> None:
    said = differences(MODEL)
    assert said[0].startswith("Two levels of corpus differ in A by 5.1 %, as likely less as more; by more than 26 % ")
    assert said[1].startswith("Where tokens is ten times as large, alpha changes by a factor between 0.47 and 2.1")
    assert said[2].startswith("Two levels of run differ in loss by 1 %, as likely less as more")


def test_how_often_levels_differ_by_as_much_is_true() -> None:
    rng = np.random.default_rng(1)
    apart = np.abs(np.diff(rng.normal(size=(2, 400_000)) * np.abs(rng.normal(0, 0.1, 400_000)), axis=0))
    assert (apart < np.log(1.051)).mean() == pytest.approx(0.5, abs=0.02)
    assert (apart > np.log(1.26)).mean() == pytest.approx(0.1, abs=0.01)


def test_what_is_expected_of_one_where_another_is_high_is_true() -> None:
    """In draws near the upper end of one parameter the median of the other is the one that is said."""
    joint = bs.JointPrior(("A", "alpha"), (0.4, 0.3), (2.5, 1.5), ((1.0,), (-0.6, 1.0)), nu=4.0)
    first, tails = joint_sentences(joint)
    assert first == (
        "A large A goes with a small alpha (correlation -0.6): where A is 1.0 rather than 0.4, alpha is expected at "
        "0.24 rather than 0.30."
    )
    assert tails.startswith("The tails of A and alpha are heavy (Student-t, 4 degrees of freedom)")
    rng = np.random.default_rng(2)
    s = np.log([2.5, 1.5]) / 1.6449
    z = rng.standard_normal((2, 1_000_000))
    z = np.stack([z[0], -0.6 * z[0] + 0.8 * z[1]]) / np.sqrt(rng.chisquare(4, 1_000_000) / 4)
    near = np.abs(z[0] * s[0] - np.log(2.5)) < 0.02
    assert 0.3 * np.exp(np.median(z[1][near]) * s[1]) == pytest.approx(0.235, abs=0.003)


def test_weak_correlations_are_not_said_one_by_one() -> None:
    joint = bs.JointPrior(("A", "alpha", "E"), (0.4, 0.3, 1.7), (2.5, 1.5, 1.6), ((1.0,), (0.1, 1.0), (0.0, -0.2, 1.0)))
    (only,) = joint_sentences(joint)
    assert only == "No two of A, alpha and E have a correlation of 0.3 or more."
    priors = PRIORS | {"alpha": bs.Prior(median=0.3, factor=1.5)}
    model = replace(MODEL, parameters=priors, joint=(joint,))
    assert differences(model)[-1] == only
    assert "is a joint one, normal on the log scale." in model.summary()
