"""Smooth terms in model files: read, written, read again, and refused in one line."""

import pytest

import bayes_scaling as bs
from bayes_scaling.model.loss_units import rescaled
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

TEXT = """
[data.inputs]
compute = { column = "flops", unit = "FLOP", reference = 1e19 }
[data.groups]
position = "position"
size = "params"
arm = "arm"
[law]
text = "a * compute**-b"
[parameters.a]
prior = { median = 2.0, factor = 1.5 }
varying = [{ over = "arm", sd = 0.1 }]
smooth = [
    { over = "position", sd = 0.3, length = { median = 8.0, factor = 2.0 } },
    { over = "position", sd = 0.05, length = { median = 8.0, factor = 2.0 }, within = "arm" },
]
[parameters.b]
prior = { median = 0.1, factor = 1.5 }
smooth = [{ over = "size", sd = 0.1, length = { median = 1.0, factor = 2.0 }, log = true, within = ["arm", "position"] }]
[noise]
sd = { median = 0.01, factor = 3.0 }
sd_smooth = [{ over = "size", sd = 0.5, length = { median = 1.0, factor = 2.0 }, log = true }]
effects = [{ over = "arm", sd = 0.02 }]
smooth = [{ over = "position", sd = 0.02, length = { median = 8.0, factor = 2.0 } }]
"""


def test_a_file_says_what_python_does() -> None:
    model = parse_study(TEXT, "mine.toml").model
    of_size = bs.Prior(median=1.0, factor=2.0)
    along = bs.Prior(median=8.0, factor=2.0)
    assert model.parameters["b"] == bs.Prior(median=0.1, factor=1.5) + bs.Smooth(
        "size", 0.1, of_size, within=("arm", "position"), log=True
    )
    assert model.parameters["a"].terms[1:] == (  # type: ignore[union-attr]
        bs.Smooth("position", 0.3, along),
        bs.Smooth("position", 0.05, along, within="arm"),
    )
    assert model.noise.sd == bs.Prior(median=0.01, factor=3.0) + bs.Smooth("size", 0.5, of_size, log=True)
    assert model.noise.effects == (bs.Varying("arm", 0.02), bs.Smooth("position", 0.02, along))


def test_what_is_written_is_read_again() -> None:
    study = parse_study(TEXT, "mine.toml")
    text = study_text(study)
    again = parse_study(text, "mine.toml").model
    assert (again.parameters, again.noise) == (study.model.parameters, study.model.noise)
    assert study_text(parse_study(text, "mine.toml")) == text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("length = { median = 8.0, factor = 2.0 } },\n", "lengths = 3 },\n", "parameters.a.smooth.0.lengths: no such key"),
        (", length = { median = 8.0, factor = 2.0 } },\n", " },\n", "parameters.a.smooth.0.length: this key is missing"),
        ('within = "arm"', 'within = "position"', "needs different groups"),
        ("sd_smooth = [{ over", "sd_smooth = [{ along", "noise.sd_smooth.0.along: no such key"),
        ("log = true }]\neffects", 'log = "yes" }]\neffects', "noise.sd_smooth.0.log"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(bs.InputError, match=r"mine\.toml") as caught:
        parse_study(TEXT.replace(old, new, 1), "mine.toml")
    assert said in str(caught.value)


def test_a_loss_in_another_unit_moves_only_what_is_one() -> None:
    terms = bs.Prior(between=(-1.0, 1.0)) + bs.Smooth("position", 0.1, bs.Prior(median=8.0, factor=2.0))
    priors = {"a": terms, "E": bs.Prior(median=1.0, factor=2.0), "b": bs.Prior(median=0.1, factor=1.5)}
    model = bs.Model(bs.parse_law("a + E * compute**-b", ["compute"]), priors, bs.Noise(bs.Prior(median=0.01, factor=2.0)))
    moved = rescaled(model, 2.0, 1.0, "bits/token").parameters["a"].terms[0]  # type: ignore[union-attr]
    assert moved == bs.Smooth("position", 0.2, bs.Prior(median=8.0, factor=2.0))
