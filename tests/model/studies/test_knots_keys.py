"""Knots by input in model files: read, written, read again, and refused in one line."""

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text

TEXT = """
[data.inputs]
params = { column = "params", unit = "parameters", reference = 1e9 }
tokens = { column = "tokens", unit = "tokens", reference = 1e9 }
[law]
text = "a * params**-b * tokens**-c"
[parameters]
a = { prior = { median = 2.0, factor = 2.0 } }
b = { prior = { median = 0.1, factor = 2.0 } }
c = { prior = { median = 0.1, factor = 2.0 } }
[noise]
sd = { median = 0.01, factor = 3.0 }
[[discrepancy]]
amplitude = { median = 0.01, factor = 2.0 }
length = { median = 1.0, factor = 1.5 }
knots = { params = 5, tokens = 6 }
[figure]
x = "tokens"
single_runs = true
"""


def test_a_file_has_knots_by_input() -> None:
    study = parse_study(TEXT, "mine.toml")
    assert study.model.discrepancy[0].knots == {"params": 5, "tokens": 6}
    assert study.figure is not None
    assert study.figure.single_runs
    text = study_text(study)
    again = parse_study(text, "mine.toml")
    assert (again.model.discrepancy, again.figure) == (study.model.discrepancy, study.figure)
    assert study_text(again) == text


@pytest.mark.parametrize(
    ("knots", "error"),
    [
        ("{ loops = 3 }", "knots of Discrepancy names 'loops'; the discrepancy is over ['params', 'tokens']"),
        ("{ params = 1 }", "discrepancy.0: 'params' in knots of Discrepancy must be a whole number from 2 to 64, not 1"),
        ("{ params = 2.5 }", "discrepancy.0.knots.params: Input should be a valid integer, not 2.5"),
        ("{ params = 60 , tokens = 60 }", "60 x 60 knots; at most 1000 together"),
        ("[5, 6]", "discrepancy.0.knots: Input should be a valid integer, not [5, 6]"),
    ],
)
def test_what_knots_cannot_be(knots: str, error: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_study(TEXT.replace("{ params = 5, tokens = 6 }", knots), "mine.toml")
    assert error in str(caught.value)
