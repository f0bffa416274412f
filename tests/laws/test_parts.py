"""Named parts of a law's text: written once, used as often as needed, kept when it is saved."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.laws.formula import law_names, law_parts, law_text, law_tree, parse_law
from bayes_scaling.laws.library import law_inputs, law_parameters
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

TEXT = """
n_eff = params * (1 - exp(-r))          # what of the parameters is worth something
d_eff = tokens / (1 + k * n_eff)
E + A * n_eff**-alpha
  + B * (n_eff * d_eff)**-beta
"""
PLAIN = (
    "E + A * (params * (1 - exp(-r)))**-alpha"
    " + B * ((params * (1 - exp(-r))) * (tokens / (1 + k * (params * (1 - exp(-r))))))**-beta"
)
VALUES = {"E": 1.6, "A": 0.4, "alpha": 0.3, "B": 0.5, "beta": 0.28, "r": 0.7, "k": 0.2}
INPUTS = {"params": np.array([0.1, 1.0, 7.0]), "tokens": np.array([3.0, 0.5, 20.0])}


def test_a_law_with_parts_is_the_law_without() -> None:
    law, plain = parse_law(TEXT, ["params", "tokens"]), parse_law(PLAIN, ["params", "tokens"])
    assert law_inputs(law) == ("params", "tokens")
    assert law_parameters(law) == law_parameters(plain)
    np.testing.assert_allclose(law(**INPUTS, **VALUES), plain(**INPUTS, **VALUES), rtol=1e-14)
    logs = {name: np.log(value) for name, value in INPUTS.items()}
    np.testing.assert_allclose(law_value(law, logs, VALUES, ON_NUMBERS), plain(**INPUTS, **VALUES), rtol=1e-13)
    assert law_names(TEXT) == {*INPUTS, *VALUES}


def test_a_part_that_is_used_twice_is_one_branch_of_the_tree() -> None:
    calls = []
    law = parse_law("p = exp(a * x)\np * p + p / (1 + p)", ["x"])
    counted = {**ON_NUMBERS, "exp": lambda x: calls.append(1) or np.exp(x)}
    law_value(law, {"x": 0.0}, {"a": 1.0}, counted)
    assert len(calls) == 2  # the part, and the input from its logarithm


def test_parts_are_kept_as_text_and_shown() -> None:
    law = parse_law(TEXT, ["params", "tokens"])
    assert law_text(law).splitlines() == [
        "n_eff = params * (1 - exp(-r))",
        "d_eff = tokens / (1 + k * n_eff)",
        "E + A * n_eff ** (-alpha) + B * (n_eff * d_eff) ** (-beta)",
    ]
    assert law_parts(law) == {"n_eff": "params * (1 - exp(-r))", "d_eff": "tokens / (1 + k * n_eff)"}
    assert bs.laws.equation(law) == (
        "E + A n_eff^-alpha + B (n_eff d_eff)^-beta, with n_eff = params (1 - exp(-r)), d_eff = tokens / (1 + k n_eff)"
    )
    for again in (parse_law(law_text(law), ["params", "tokens"]), pickle.loads(pickle.dumps(law))):
        assert law_text(again) == law_text(law)
        np.testing.assert_array_equal(again(**INPUTS, **VALUES), law(**INPUTS, **VALUES))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("u = a * x\nE + a * x", "does not use its part 'u'"),
        ("u = a * x\nv = u * 2\nE + a * x", "does not use its part"),
        ("x = a * 2\nE + x", "its part 'x' has the name of an input; call it otherwise"),
        ("u = v * x\nv = a * 2\nE + u + v", "its part 'v' is used by 'u' before it is defined"),
        ("u = u * x\nE + u", "its part 'u' is defined by itself"),
        ("u = v + x\nv = u + x\nE + u + v", "its part 'v' is used by 'u' before it is defined"),
        ("u = a * x\nu = a + x\nE + u", "defines its part 'u' twice"),
        ("u = a * x\nL = E + u", "ends with 'L = E + u'; its last line is the law itself, without a name"),
        ("u = a * x", "its last line is the law itself"),
        ("u = a * x\na * x\nE + u", "'a * x' has no name; lines before the last are parts"),
        ("exp = a * x\nE + exp", "uses ['exp'] as a name; it is a function"),
        ("u_ = a * x\nE + u_", "'u_' is no name of a part"),
        ("lambda = a * x\nE + 2 * x", "'lambda' is no name of a part"),
        ("u.v = a * x\nE + x", "'u.v' is no name of a part"),
        ("u = a.real * x\nE + u", "'a.real' is not allowed"),
        ("u = \nE + x", "ends with 'u = E + x'"),
        ("u = (a * x\nE + u", "last line is the law itself"),
        ("u = v = a * x\nE + u", "is not an expression"),
        ("u += a * x\nE + u", "'u' is not|is not an expression|no name of a part"),
    ],
)
def test_what_is_wrong_with_parts_is_said_in_a_line(text: str, said: str) -> None:
    pattern = "|".join(re.escape(one) for one in said.split("|"))
    with pytest.raises(InputError, match=pattern) as error:
        parse_law(text, ["x"])
    assert "\n" not in str(error.value)


def test_parts_within_parts_do_not_grow_beyond_bounds() -> None:
    doubled = "\n".join(["p0 = a * x", *(f"p{i + 1} = p{i} * p{i} + p{i}" for i in range(40)), "E + p40"])
    with pytest.raises(InputError, match="has more than 20000 names, numbers and operators"):
        parse_law(doubled, ["x"])
    deep = "\n".join(["p0 = a * x", *(f"p{i + 1} = exp(-p{i})" for i in range(60)), "E + p60"])
    with pytest.raises(InputError, match="is nested more than 100 deep, its parts written out"):
        parse_law(deep, ["x"])


@pytest.mark.parametrize(
    "text",
    ["E +\n A * x", "E + A * x # as ever", "(E\n+ A\n * x)", "# a law\nE + A * x", "u = A * x; E + u", "u =\n A * x\nE + u"],
)
def test_lines_and_comments_are_read_as_they_are_meant(text: str) -> None:
    assert parse_law(text, ["x"])(2.0, E=1.0, A=3.0) == 7.0


STUDY = """
[data]
response = { column = "loss" }
[data.inputs]
x = { column = "x", reference = 1.0 }
[law]
text = \"\"\"
u = A * x**-b
E + u / (1 + u)
\"\"\"
[parameters]
E.prior = { median = 1.0, factor = 2.0 }
A.prior = { median = 1.0, factor = 2.0 }
b.prior = { median = 0.5, factor = 2.0 }
[noise]
sd = { median = 0.01, factor = 3.0 }
"""


def test_a_model_file_names_parts_and_keeps_them() -> None:
    study = parse_study(STUDY, "mine.toml")
    assert "L = E + u / (1 + u), with u = A x^-b, over x" in study.model.summary()
    text = study_text(study)
    assert '"""\nu = A * x ** (-b)\nE + u / (1 + u)"""' in text
    assert study_text(parse_study(text, "again.toml")) == text


def test_a_prior_of_a_part_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="'u' is none of them, but a part of the law"):
        parse_study(STUDY.replace("b.prior", "u.prior = { median = 1.0, factor = 2.0 }\nb.prior"), "mine.toml")


@pytest.mark.slow
def test_a_fit_of_a_law_with_parts_is_that_without(tmp_path) -> None:
    rng = np.random.default_rng(3)
    x = np.geomspace(0.1, 100, 30)
    u = 1.5 * x**-0.5
    table = pd.DataFrame({"x": x, "loss": (1.0 + u / (1 + u)) * np.exp(0.005 * rng.standard_normal(30))})
    study = parse_study(STUDY, "mine.toml")
    fit = bs.fit(study.model, bs.read_runs(table, study.columns), settings=bs.Settings(draws=200, tune=300, chains=2, seed=1))
    bs.save(fit, tmp_path / "fit.nc")
    again = bs.load(tmp_path / "fit.nc")
    assert law_text(again.model.law) == law_text(fit.model.law)
    assert "u = A * x ** (-b); E + u / (1 + u)" in repr(again)
    assert (tmp_path / "fit.nc").exists()
    report = bs.write_report(fit, tmp_path / "report.html")
    assert "u = A * x ** (-b)" in report.read_text(encoding="utf-8")
    assert law_tree(again.model.law) is not None
