"""Several models in one file: what an entry does not say is the file's, and all read back from their text."""

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.studies.bundled import bundled_stacks
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

BASE = """
[data]
response = { column = "loss" }
[data.inputs]
params = { column = "params" }
tokens = { column = "tokens" }
[law]
name = "chinchilla"
priors = "public_sweeps"
"""
SEVERAL = """
[[stack]]
name = "own"
weight = 2.0
[[stack]]
name = "bare"
discrepancy = []
joint_prior = []
[stack.parameters.E]
prior = { median = 1.5, factor = 2.0 }
[[stack]]
name = "interaction"
law = { name = "interaction", priors = "published" }
[[stack]]
name = "broken"
law = { text = "E + B * tokens**-beta * (1 + tokens / d)**-c" }
noise = { sd = { median = 0.02, factor = 2 }, distribution = "normal" }
discrepancy = []
[stack.parameters]
E = { prior = { median = 1.7, factor = 1.6 } }
B = { prior = { median = 0.6, factor = 2.5 } }
beta = { prior = { median = 0.3, factor = 2.0 } }
c = { prior = { between = [-0.2, 0.2] } }
d = { prior = { median = 10.0, factor = 10.0 } }
"""


def several() -> Study:
    return parse_study(BASE + SEVERAL, "several.toml")


def test_what_an_entry_does_not_say_is_the_files() -> None:
    study = several()
    own, bare, interaction, broken = (one.model for one in study.stack)
    assert [one.name for one in study.stack] == ["own", "bare", "interaction", "broken"]
    assert [one.weight for one in study.stack] == [2.0, 1.0, 1.0, 1.0]
    assert own == study.model
    assert bare.discrepancy == ()
    assert bare.joint == ()
    assert as_parameter(bare.parameters["E"]).prior.median == 1.5
    assert bare.parameters["A"] == own.parameters["A"]
    assert interaction.discrepancy == own.discrepancy
    assert interaction.noise.sd == own.noise.sd
    assert interaction.joint == ()
    assert as_parameter(interaction.parameters["E"]).prior != as_parameter(own.parameters["E"]).prior
    assert broken.noise.distribution == "normal"


def test_models_read_back_from_their_text() -> None:
    study = several()
    again = parse_study(study_text(study), "several.toml")
    for one, other in zip(study.stack, again.stack, strict=True):
        assert (one.name, one.weight) == (other.name, other.weight)
        for part in ("parameters", "noise", "discrepancy", "joint", "unit"):
            assert getattr(one.model, part) == getattr(other.model, part)
        assert one.model.law.__name__ == other.model.law.__name__


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ('[[stack]]\nname = "one"', "'one' alone"),
        ('[[stack]]\nname = "one"\n[[stack]]\nname = "one"', "two models called 'one'"),
        ('[[stack]]\nname = "one"\n[[stack]]\nname = "two"\nweight = 0.0', "weight"),
        ('[[stack]]\nname = "one"\n[[stack]]\nname = "two"\nlaw = { name = "farseer" }', "stack 'two': parameters: this key"),
        ('[[stack]]\nname = "one"\n[[stack]]\nname = "two"\nnoise = { on = "loss" }', "noise on 'loss'"),
        ('[[stack]]\nname = "one"\n[[stack]]\nname = "two"\npriors = 1', "priors: no such key"),
        (
            '[[stack]]\nname = "one"\n[[stack]]\nname = "two"\nlaw = { name = "data_constrained", priors = "published" }',
            "reads",
        ),
    ],
)
def test_a_wrong_stack_is_refused_with_its_place(entries: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        parse_study(BASE + entries, "several.toml")
    assert str(error.value).startswith("several.toml: ")
    assert "\n" not in str(error.value)


def test_references_of_priors_are_one_for_all() -> None:
    base = BASE.replace('{ column = "params" }', '{ column = "params", reference = 5e8 }').replace(
        'priors = "public_sweeps"', ""
    )
    base += "[noise]\nsd = { median = 0.01, factor = 2 }\n[parameters]\n"
    base += "".join(f"{name} = {{ prior = {{ median = 0.5, factor = 2 }} }}\n" for name in ("E", "A", "alpha", "B", "beta"))
    entries = '[[stack]]\nname = "one"\n[[stack]]\nname = "two"\nlaw = { name = "farseer", priors = "published" }'
    with pytest.raises(InputError, match=r"stack 'two'.*500M"):
        parse_study(base + entries, "several.toml")


def test_bundled_studies_say_their_stacks() -> None:
    for name, laws in bundled_stacks().items():
        assert [one.name for one in read_study(name).stack] == list(laws)


def test_a_law_of_a_stack_need_not_read_the_input_that_rows_are_averaged_along() -> None:
    text = """
[data]
response = { column = "loss" }
run = "run"
average = { along = "tokens", per_decade = 10.0 }
[data.inputs]
params = { column = "params" }
tokens = { column = "tokens" }
[law]
text = "E + A * params**-alpha"
[parameters]
E = { prior = { median = 1.7, factor = 1.6 } }
A = { prior = { median = 0.5, factor = 3.0 }, trend = [{ on = "tokens", sd = 0.2 }] }
alpha = { prior = { median = 0.3, factor = 2.0 } }
[noise]
sd = { median = 0.01, factor = 3.0 }
[[stack]]
name = "one"
[[stack]]
name = "other"
law = { text = "a * params**-b" }
parameters = { a = { prior = { median = 3.0, factor = 2.0 } }, b = { prior = { median = 0.1, factor = 2.0 } } }
"""
    study = parse_study(text, "averaged.toml")
    assert [set(one.model.parameters) for one in study.stack] == [{"E", "A", "alpha"}, {"a", "b"}]
    assert study.columns.average is not None
