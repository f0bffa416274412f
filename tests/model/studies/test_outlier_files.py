"""Outliers in model files: read, written, refused with the key, said in words."""

import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.specifications import Specification, noise as noise_variant
from bayes_scaling.model.description import model_priors, scatter_sentences
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

TEXT = """
[data]
run = "run"
response = { column = "loss" }
[data.inputs]
tokens = { column = "tokens", unit = "tokens" }
[law]
text = "a * tokens**-b"
[parameters.a]
prior = { median = 3.0, factor = 1.3 }
[parameters.b]
prior = { median = 0.1, factor = 1.5 }
[noise]
distribution = "normal"
sd = { median = 0.01, factor = 3.0 }
[noise.correlation]
along = "tokens"
length = { median = 1.0, factor = 2.0 }
white = { median = 0.005, factor = 4.0 }
[noise.outliers]
share = { median = 0.01, factor = 5.0 }
scale = { median = 20.0, factor = 3.0 }
"""


ALONE = TEXT[: TEXT.index("[noise.correlation]")] + TEXT[TEXT.index("[noise.outliers]") :]
"""The same for rows that are independent."""


def test_a_file_with_outliers_is_read_and_written() -> None:
    study = parse_study(TEXT, "mine.toml")
    assert study.model.noise.outliers == bs.Outliers(bs.Prior(median=0.01, factor=5.0), bs.Prior(median=20.0, factor=3.0))
    assert parse_study(study_text(study), "again.toml").model.noise == study.model.noise


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("share = {", "shares = {", r"noise.outliers.shares: no such key; did you mean 'share'\?"),
        ("scale = { median = 20.0, factor = 3.0 }", "", "noise.outliers.scale: this key is missing"),
        ('distribution = "normal"', 'distribution = "student_t"', 'noise: .* needs distribution = "normal"'),
        ("white = { median = 0.005, factor = 4.0 }", "", "give the correlation a prior white"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(old: str, new: str, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        parse_study(TEXT.replace(old, new), "mine.toml")


def test_outliers_are_said_in_words() -> None:
    model = parse_study(TEXT, "mine.toml").model
    assert [name for name, _ in model_priors(model)][-2:] == ["noise_outlier_odds", "noise_outlier_scale"]
    assert any("Some rows are outliers" in one and "noise_white" in one for one in scatter_sentences(model))
    said = model.prior_summary()
    assert "noise_outlier_odds lies between 0.0020 and 0.050 outliers to each other row" in said
    assert "times noise_white" in said


def test_a_specification_with_heavy_tails_has_no_outliers_beside_them() -> None:
    study = parse_study(ALONE, "mine.toml")
    base = Specification(study.model, "runs.csv", study.columns)
    assert noise_variant("student_t")(base).model.noise.outliers is None
    assert noise_variant("normal")(base).model.noise.outliers == study.model.noise.outliers
