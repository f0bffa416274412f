"""Joint priors in model files: read, written, in another unit, and as the library offers them."""

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.model import defaults
from bayes_scaling.model.defaults import sweep_model
from bayes_scaling.model.joint_prior import subset
from bayes_scaling.model.specification import parameters_with_priors
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

FILE = """
[data]
response = {{ column = "loss", unit = "{unit}" }}
[data.inputs]
params = {{ column = "params", reference = 1e9 }}
tokens = {{ column = "tokens", reference = 2e10 }}
[law]
{law}
{more}
"""

OWN = """
[parameters]
E = { prior = { median = 1.8, factor = 1.4 } }
A = { prior = { median = 0.4, factor = 2.0 } }
B = { prior = { median = 0.2, factor = 2.0 } }
alpha = { prior = { between = [0.2, 0.45] } }
beta = { prior = { between = [0.2, 0.45] } }
[noise]
sd = { median = 0.01, factor = 3.0 }
[[joint_prior]]
parameters = ["A", "alpha", "noise_sd"]
correlation = [[1.0], [-0.6, 1.0], [0.1, 0.2, 1.0]]
nu = 5
"""


def said(more: str = OWN, law: str = 'name = "chinchilla"', unit: str = "nats/token") -> Study:
    return parse_study(FILE.format(law=law, unit=unit, more=more), "mine.toml")


def refusal(more: str) -> str:
    with pytest.raises(bs.InputError) as error:
        said(more)
    assert str(error.value).startswith("mine.toml: ")
    return str(error.value)


def test_medians_and_factors_are_those_of_the_parameters() -> None:
    (joint,) = said().model.joint
    assert joint.parameters == ("A", "alpha", "noise_sd")
    np.testing.assert_allclose(joint.median, (0.4, 0.3, 0.01))
    np.testing.assert_allclose(joint.factor, (2.0, 1.5, 3.0))
    assert (joint.nu, joint.correlation[0]) == (5.0, (1.0, -0.6, 0.1))


def test_a_study_reads_back_from_its_text() -> None:
    study = said()
    again = parse_study(study_text(study), "mine.toml")
    assert again.model.joint == study.model.joint
    assert parameters_with_priors(again.model) == parameters_with_priors(study.model)
    assert "joint_prior" not in study_text(said(OWN.partition("[[")[0]))


def test_priors_of_parameters_may_be_those_of_the_joint_one() -> None:
    numbers = "median = [0.4, 0.3, 0.01]\nfactor = [2.0, 1.5, 3.0]\n"
    lines = [line for line in OWN.splitlines() if not line.startswith(("A =", "alpha =", "[noise]", "sd ="))]
    model = said("\n".join(lines) + "\n" + numbers).model
    assert parameters_with_priors(model)["alpha"].prior == bs.Prior(median=0.3, factor=1.5)
    assert model.noise.sd == bs.Prior(median=0.01, factor=3.0)
    assert model.joint[0].median == (0.4, 0.3, 0.01)
    assert parameters_with_priors(said(OWN + numbers).model)["alpha"].prior == bs.Prior(between=(0.2, 0.45))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('"alpha", "noise_sd"]', '"alfa", "noise_sd"]', "names 'alfa', which has no prior"),
        ("nu = 5", "nu = 1.5", "nu of a joint prior must be above 2"),
        ("nu = 5", "tails = 5", "joint_prior.0.tails: no such key; expected ['parameters', 'correlation', "),
        ("nu = 5", "median = [0.4, 0.3, 0.01]", "both the median and the factor"),
        ("nu = 5", "median = [0.5, 0.3, 0.01]\nfactor = [2.0, 1.5, 3.0]", "A has median 0.4 and factor 2 in its own prior"),
        ("[-0.6, 1.0]", "[-0.6]", "rows of 3 entries, or of 1 to 3 (the lower triangle)"),
        ("correlation =", "# correlation =", "correlation: this key is missing"),
        ("between = [0.2, 0.45] } }\nbeta", "between = [-0.2, 0.45] } }\nbeta", "alpha is in a joint prior"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(old: str, new: str, wanted: str) -> None:
    assert OWN.count(old) == 1
    assert wanted in refusal(OWN.replace(old, new))


SWEPT: dict[str, Any] = {
    "parameters": ["E", "A", "alpha", "B", "noise_sd", "discrepancy_amplitude", "discrepancy_length_tokens"],
    "correlation": [[1.0], [-0.5, 1.0], *([0.1] * i + [1.0] for i in range(2, 7))],
    "nu": 6,
}


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> bs.JointPrior:
    table = defaults._read("sweep_priors.toml")
    monkeypatch.setattr(defaults, "_read", lambda _: {"chinchilla": table["chinchilla"] | {"joint": SWEPT}})
    (joint,) = sweep_model("chinchilla").joint
    return joint


def test_the_library_s_table_may_have_a_joint_prior(swept: bs.JointPrior) -> None:
    priors = defaults.sweep_priors("chinchilla")
    assert swept.parameters == tuple(SWEPT["parameters"])
    assert swept.priors["E"] == priors["E"]
    assert swept.priors["discrepancy_length_tokens"] == priors["discrepancy_length"]
    assert (swept.nu, swept.correlation[1][0]) == (6, -0.5)


PUBLIC = 'name = "chinchilla"\npriors = "public_sweeps"'


def test_a_study_that_asks_for_public_sweeps_has_it_in_its_unit(swept: bs.JointPrior) -> None:
    assert said("", PUBLIC).model.joint == (swept,)
    moved = said("", PUBLIC, "bits/byte").model
    priors = parameters_with_priors(moved)
    assert moved.joint[0].median[0] == pytest.approx(priors["E"].prior.median)
    assert moved.joint[0].factor[0] == pytest.approx(priors["E"].prior.factor)
    assert moved.joint[0].factor[0] > swept.factor[0]
    again = parse_study(study_text(said("", PUBLIC, "bits/byte")), "mine.toml")
    np.testing.assert_allclose(again.model.joint[0].correlation, moved.joint[0].correlation, rtol=1e-12)


def test_what_a_study_says_itself_holds(swept: bs.JointPrior) -> None:
    bare = parse_study(
        "joint_prior = []\ndiscrepancy = []\n" + FILE.format(law=PUBLIC, unit="nats/token", more=""), "mine.toml"
    )
    assert bare.model.joint == ()
    law_only = parse_study("discrepancy = []\n" + FILE.format(law=PUBLIC, unit="nats/token", more=""), "mine.toml")
    assert law_only.model.joint[0].parameters == swept.parameters[:5]
    own = said("[parameters]\nE = { prior = { median = 1.5, factor = 1.1 } }", PUBLIC).model.joint[0]
    assert (own.median[0], own.factor[0]) == (pytest.approx(1.5), pytest.approx(1.1))
    assert own.correlation == swept.correlation
    trend = said('[parameters]\nE = { trend = [{ on = "tokens", sd = 0.1 }] }', PUBLIC).model
    assert trend.joint == (swept,)


STACKED = (
    OWN.replace('"alpha", "noise_sd"]', '"alpha", "noise_sd", "discrepancy_amplitude"]').replace(
        "[0.1, 0.2, 1.0]]", "[0.1, 0.2, 1.0], [0.3, 0.0, 0.4, 1.0]]"
    )
    + """
[[discrepancy]]
amplitude = { median = 0.02, factor = 2.0 }
length = { median = 3.0, factor = 2.0 }
[[stack]]
name = "whole"
[[stack]]
name = "bare"
discrepancy = []
[[stack]]
name = "other"
parameters = { alpha = { prior = { median = 0.5, factor = 1.2 } } }
[[stack]]
name = "single"
joint_prior = []
"""
)


def test_models_of_a_stack_keep_what_they_have_of_a_joint_prior() -> None:
    study = said(STACKED)
    (joint,) = study.model.joint
    found = {one.name: one.model.joint for one in study.stack}
    assert found["whole"] == (joint,)
    assert found["bare"] == (subset(joint, joint.parameters[:3]),)
    (other,) = found["other"]
    assert (other.median[1], other.factor[1]) == (pytest.approx(0.5), pytest.approx(1.2))
    assert other.correlation == joint.correlation
    assert found["single"] == ()
    again = parse_study(study_text(study), "mine.toml")
    assert {one.name: one.model.joint for one in again.stack} == found
