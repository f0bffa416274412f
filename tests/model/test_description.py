"""A model prints as a table of its parameters and priors, and a notebook shows it; texts of others stay texts."""

from dataclasses import replace

import pytest

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.model.description import model_priors, prior_words, scatter_sentences

MODEL = bs.Model(
    bs.laws.chinchilla,
    {
        "E": bs.Prior(median=1.7, factor=1.6) + bs.Varying("corpus", sd=0.1),
        "A": bs.Prior(median=0.4, factor=2.5),
        "alpha": bs.Prior(between=(0.1, 0.6)) + bs.Trend("tokens", sd=0.2),
        "B": bs.Prior(median=0.4, factor=2.5),
        "beta": bs.Prior(distribution="HalfNormal", arguments={"sigma": 0.5}),
    },
    bs.Noise(bs.Prior(median=0.01, factor=3.0), "normal", effects=(bs.Varying("run", sd=0.02),)),
    (bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=3.0, factor=2.0), within="corpus"),),
    unit="nats/token",
)


def test_a_model_prints_as_its_law_its_priors_and_its_scatter() -> None:
    lines = repr(MODEL).splitlines()
    assert lines[0] == "L = E + A params^-alpha + B tokens^-beta, over params and tokens"
    assert [line.split()[0] for line in lines[1:7]] == ["E", "A", "alpha", "B", "beta", "noise_sd"]
    assert "90 % in 1.1 to 2.7; levels of corpus are partially pooled about it on the log scale" in lines[1]
    assert "half-normal(sigma 0.5)" in lines[5]
    assert "Priors are for losses in nats/token." in lines
    assert MODEL.summary() == repr(MODEL)


def test_its_table_has_a_row_for_every_prior() -> None:
    frame = MODEL.to_frame()
    assert list(frame.columns) == ["parameter", "prior"]
    assert list(frame["parameter"]) == [name for name, _ in model_priors(MODEL)]
    assert {"discrepancy amplitude", "discrepancy length"} <= set(frame["parameter"])


def test_scatter_is_said_part_by_part() -> None:
    said = scatter_sentences(MODEL)
    assert "in the logarithm of the loss: normal of scale noise_sd" in said[0]
    assert any("All rows of one run share a group effect" in one for one in said)
    assert any("one for each corpus: a Gaussian process, matern52" in one for one in said)


def test_knots_are_said_where_they_are_stated() -> None:
    term = bs.Discrepancy(bs.Prior(median=0.02, factor=2.0), bs.Prior(median=3.0, factor=2.0))
    each = replace(MODEL, discrepancy=(replace(term, knots={"tokens": 6}),))
    assert any("matern52, its knots 6 along tokens." in one for one in scatter_sentences(each))
    assert not any("knots" in one for one in scatter_sentences(replace(MODEL, discrepancy=(term,))))


def test_a_notebook_shows_it_with_names_escaped() -> None:
    name = "<script>alert(1)<script>"
    noise = bs.Noise(bs.Prior(median=0.01, factor=3.0), effects=(bs.Varying(name, sd=0.02),))
    priors = {"a": bs.Prior(median=2.0, factor=2.0) + bs.Varying(name, sd=0.1), "b": bs.Prior(median=0.05, factor=2.0)}
    shown = bs.Model(bs.laws.power_law, priors, noise)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<table" in shown
    assert "noise_sd" in shown


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (bs.Prior(median=1.0, factor=2.0), "log-normal, 90 % in 0.50 to 2.0"),
        (bs.Prior(between=(-1.0, 3.0)), "normal, 90 % in -1.0 to 3.0"),
        (
            bs.Prior(distribution="StudentT", arguments={"nu": 4, "mu": 0, "sigma": 1}),
            "Student-t(nu 4, mu 0, sigma 1), 90 % in -2.1 to 2.1",
        ),
    ],
)
def test_a_prior_is_its_kind_and_its_interval(prior: bs.Prior, words: str) -> None:
    assert prior_words(prior) == words


def test_correlated_noise_has_its_length_and_its_white_part() -> None:
    near = bs.Prior(median=0.5, factor=2.0)
    noise = bs.Noise(near, "normal", "loss", correlation=bs.Correlation("tokens", near, near))
    model = bs.Model(bs.laws.power_law, {"a": near, "b": near}, noise)
    assert [name for name, _ in model_priors(model)][-2:] == ["noise_length", "noise_white"]
    assert dict(model_priors(model))["noise_length"].endswith("; in e-folds of tokens")
    found = scatter_sentences(model, bs.Response("loss", "bits/byte"), MeasurementError("err"))
    assert found[0] == "Single rows scatter about the law in loss: normal of scale noise_sd, in bits/byte."
    assert "column err" in found[1]
    assert any("exp(-distance / noise_length) in the logarithm of tokens" in one for one in found)
    assert found[-1] == "There is no discrepancy: the law is taken for the truth."


def test_degrees_of_freedom_have_a_prior_where_the_noise_is_student_t() -> None:
    near = bs.Prior(median=0.5, factor=2.0)
    model = bs.Model(bs.laws.power_law, {"a": near, "b": near}, bs.Noise(near))
    assert "noise_nu - 1" in dict(model_priors(model))
    assert scatter_sentences(model)[-1].startswith("Rows are independent given the law.")
