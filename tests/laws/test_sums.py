"""Sums over an index in laws, and the mixtures that they run over."""

import pickle

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.formula import law_families, law_text, parse_law
from bayes_scaling.laws.library import law_inputs, law_parameters
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

SHARES = ("r_web", "r_code", "r_books")
TEXT = "c + k * exp(sum(t[j] * r[j]))"
VALUES = {"c": 2.0, "k": 0.8, "t_web": -0.5, "t_code": -2.0, "t_books": 0.3}


def test_a_sum_over_an_index_is_its_terms() -> None:
    law = parse_law(TEXT, SHARES)
    assert law_inputs(law) == SHARES
    assert set(law_parameters(law)) == set(VALUES)
    shares = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    expected = 2.0 + 0.8 * np.exp(shares @ [-0.5, -2.0, 0.3])
    np.testing.assert_allclose(law(*shares.T, **VALUES), expected, rtol=1e-14)
    assert law_families(law) == {"t": ("t_web", "t_code", "t_books")}
    for again in (parse_law(law_text(law), SHARES), pickle.loads(pickle.dumps(law))):
        assert law_text(again) == "c + k * exp(sum(t[j] * r[j]))"
        np.testing.assert_array_equal(again(*shares.T, **VALUES), law(*shares.T, **VALUES))
    assert bs.laws.equation(law) == "c + k exp(sum(t[j] r[j]))"


def test_a_sum_may_hold_what_has_no_index_and_stand_in_a_part() -> None:
    law = parse_law("u = sum(w[j] * (r[j] + a)**b)\nE + u / (1 + u)", SHARES)
    of = {"E": 1.0, "a": 0.1, "b": 0.5, "w_web": 1.0, "w_code": 2.0, "w_books": 3.0}
    u = 0.6**0.5 + 2 * 0.4**0.5 + 3 * 0.3**0.5
    assert law(0.5, 0.3, 0.2, **of) == pytest.approx(1 + u / (1 + u), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c + sum(t * r_web)", r"a sum is over one index, as in sum\(t\[j\] \* r\[j\]\); .* has none"),
        ("c + sum(t[i] * r[j])", r"has \['i', 'j'\]"),
        ("c + sum(t[j] * q[j]) * r_web", "the sum over j has no input"),
        ("c + t[j] * r_web", "'t\\[j\\]' is not allowed"),
        ("c + sum(t[0] * r[j])", "'t\\[0\\]' is not allowed"),
        ("c + sum(t[j], r[j])", "is not allowed"),
        ("c + sum(t[0, j] * r[j])", "is not allowed"),
        ("c + sum(t[j] * r[output, j])", r"r\[output, \.\.\.\] is an input, which has an index and no group"),
        ("c + sum(t[output, j] * r[j]) + sum(t[j] * r[j])", "t stands with the groups"),
    ],
)
def test_a_sum_without_members_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_law(text, SHARES)
    with pytest.raises(InputError, match="inputs of different members"):
        parse_law("c + sum(r[j] * q[j])", ["r_web", "r_code", "q_web"])


STUDY = """
[data]
response = { column = "loss", unit = "nats/token" }
[data.mixtures.r]
web = "p_web"
code = "p_code"
[law]
text = "c + k * exp(sum(t[j] * r[j]))"
[parameters]
c.prior = { median = 2.0, factor = 2.0 }
k.prior = { median = 1.0, factor = 3.0 }
t.prior = { between = [-5.0, 5.0] }
t_web.prior = { between = [-1.0, 1.0] }
[noise]
sd = { median = 0.01, factor = 3.0 }
"""


def table(rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    code = rng.choice([0.0, 0.1, 0.3, 0.6, 1.0], rows)
    loss = (2.0 + 0.8 * np.exp(-0.2 * (1 - code) - 2.0 * code)) * np.exp(0.003 * rng.standard_normal(rows))
    return pd.DataFrame({"p_web": 1 - code, "p_code": code, "loss": loss})


def test_a_model_file_has_mixtures_and_a_prior_for_all_members() -> None:
    study = parse_study(STUDY, "mine.toml")
    assert tuple(study.columns.inputs) == ("r_web", "r_code")
    assert set(study.model.parameters) == {"c", "k", "t_web", "t_code"}
    assert study.model.parameters["t_web"] != study.model.parameters["t_code"]
    again = parse_study(study_text(study), "again.toml")
    assert again.columns == study.columns
    assert again.model.parameters == study.model.parameters
    assert law_text(again.model.law) == law_text(study.model.law)
    listed = STUDY.replace('[data.mixtures.r]\nweb = "p_web"\ncode = "p_code"', '[data.mixtures]\nr = ["p_web", "p_code"]')
    study = parse_study(listed.replace("t_web.prior", "t_p_web.prior"), "mine.toml")
    assert tuple(study.columns.inputs) == ("r_p_web", "r_p_code")


def test_shares_sum_to_one_at_the_door() -> None:
    study = parse_study(STUDY, "mine.toml")
    runs = bs.read_runs(table(), study.columns)
    check_runs(study.model, runs)
    assert (runs.table["r_code"] == 0).any()
    with pytest.raises(InputError, match=r"row 3: the shares \['p_code', 'p_web'\] of the mixture 'r' sum to .*; expected 1"):
        bs.read_runs(table().assign(p_web=lambda of: of["p_web"].where(of.index != 2, 0.9 - of["p_code"])), study.columns)
    with pytest.raises(InputError, match="two or more members"):
        bs.Columns({}, mixtures={"r": ["p_web"]})


@pytest.mark.slow
def test_a_mixture_is_fitted_predicted_and_reported(tmp_path) -> None:
    study = parse_study(STUDY, "mine.toml")
    runs = bs.read_runs(table(), study.columns)
    fit = bs.fit(study.model, runs, settings=bs.Settings(draws=400, tune=400, chains=2, seed=1))
    draws = bs.predict(fit, {"p_web": [0.2], "p_code": [0.8]}).to_numpy()
    assert np.median(draws) == pytest.approx(2.0 + 0.8 * np.exp(-0.04 - 1.6), rel=0.01)
    with pytest.raises(InputError, match="expected 1"):
        bs.predict(fit, {"p_web": [0.5], "p_code": [0.8]})
    bs.findings(fit)
    bs.save(fit, tmp_path / "fit.nc")
    assert law_text(bs.load(tmp_path / "fit.nc").model.law) == law_text(study.model.law)
    bs.write_report(fit, tmp_path / "report.html")
    assert set(bs.plots.figures(fit)) >= {"bands", "check"}
