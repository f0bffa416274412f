"""A model file with everything in it, and what tests of model files share."""

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study

GOOD = """
title = "Loss over size"

[data]
source = "runs.csv"
where = "params < 1e12"
run = "name"
response = { column = "loss", unit = "bits/byte" }
measurement_error = { column = "error", relative = false }

[data.inputs]
x = { column = "params", unit = "parameters", reference = 1e9 }

[data.groups]
corpus = "corpus"

[law]
name = "m1"

[parameters]
b = { prior = { median = 1.0, factor = 2.0 }, varying = [{ over = "corpus", sd = 0.1 }] }
c = { prior = { between = [0.1, 0.5] }, trend = [{ on = "x", sd = 0.2 }] }

[noise]
distribution = "normal"
on = "loss"
sd = { median = 0.01, factor = 3.0 }
nu = { distribution = "Gamma", arguments = { alpha = 2.0, beta = 0.2 } }
effects = [{ over = ["corpus", "run"], sd = 0.05 }]
"""


def assert_same(one: Study, other: Study) -> None:
    assert one.title == other.title
    assert one.source == other.source
    assert one.columns == other.columns
    assert one.model.noise == other.model.noise
    parameters = [{name: as_parameter(of) for name, of in study.model.parameters.items()} for study in (one, other)]
    assert parameters[0] == parameters[1]
    laws = (one.model.law, other.model.law)
    assert laws[0] is laws[1] or (law_text(laws[0]), law_inputs(laws[0])) == (law_text(laws[1]), law_inputs(laws[1]))


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_study(text, "folder/mine.toml")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("folder/mine.toml: ")
    return message.removeprefix("folder/mine.toml: ")
