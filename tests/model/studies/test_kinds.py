"""Priors of kinds of runs: they take the place of those of the file, and a kind that it does not know is refused."""

from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError

FILE = """
[data]
inputs = { compute = { column = "compute" } }
[law]
name = "power_law"
[parameters]
a = { prior = { median = 2.5, factor = 2.0 } }
b = { prior = { median = 0.05, factor = 2.0 } }
[noise]
sd = { median = 0.01, factor = 3.0 }
[kinds.steep]
b = { prior = { median = 0.2, factor = 1.5 } }
"""


def test_a_kind_has_its_own_priors_and_else_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(FILE)
    usual, steep = (bs.read_study(f"{path}{kind}").model.parameters for kind in ("", ":steep"))
    assert usual["a"] == steep["a"]
    assert (usual["b"].prior.median, steep["b"].prior.median) == (0.05, 0.2)


def test_a_kind_of_another_prior_keeps_the_terms_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    terms = 'b = { prior = { median = 0.05, factor = 2.0 }, varying = [{ over = "arch", sd = 0.1 }] }'
    own = FILE.replace("b = { prior = { median = 0.05, factor = 2.0 } }", terms)
    path.write_text(
        own.replace('{ compute = { column = "compute" } }', '{ compute = { column = "compute" } }\ngroups = { arch = "arch" }')
    )
    b = bs.read_study(f"{path}:steep").model.parameters["b"]
    assert b.prior.median == 0.2
    assert [term.over for term in b.terms] == ["arch"]


def test_a_bundled_study_has_kinds() -> None:
    usual, flat = (bs.read_study(f"learning_curve{kind}").model.parameters for kind in ("", ":few_shot_benchmark"))
    assert flat["goes_on"].prior.arguments["mu"] < -1.0
    assert flat["slope"].prior.median < usual["slope"].prior.median


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("learning_curve:nonsense", r"there is no kind of runs 'nonsense'; it knows \['double_descent', "),
        ("chinchilla:small", r"there is no kind of runs 'small'; it knows none"),
        ("nothing:small", "no bundled model is called 'nothing'"),
    ],
)
def test_an_unknown_kind_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bs.read_study(name)


def test_a_kind_of_another_parameter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(FILE.replace("[kinds.steep]\nb", "[kinds.steep]\nc"))
    with pytest.raises(InputError, match=r"kinds\.steep\.c: there is no such parameter; there are \['a', 'b'\]"):
        bs.read_study(path)
