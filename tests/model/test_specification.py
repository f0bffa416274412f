"""A model knows its terms and groups, and refuses what does not fit together."""

import numpy as np
import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.names import term_name
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Trend, Varying
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import Model, groups_used, law_groups, varyings

BELIEF = Prior(median=1.0, factor=2.0)
NOISE = Noise(BELIEF)


def test_a_model_knows_its_terms_and_groups() -> None:
    model = Model(
        LAWS["m1"],
        {"b": BELIEF + Varying("corpus", 0.1) + Trend("x", 0.1), "c": BELIEF + Varying(("corpus", "task"), 0.2)},
        Noise(BELIEF, effects=(Varying("run", 0.1),)),
    )
    named = [term_name(owner, term) for owner, term in varyings(model)]
    assert named == ["b_by_corpus", "c_by_corpus_task", "residual_by_run"]
    assert law_groups(model) == ["corpus", "task"]
    assert groups_used(model) == ["corpus", "run", "task"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["b"], "'c' has no prior"),
        (["b", "c", "zz"], "'zz' is none of them"),
        (["b", "cc"], "'cc' is none of them, did you mean 'c'?; 'c' has no prior"),
        ([], "'b' has no prior; 'c' has no prior"),
        (["b", "c", "x"], "'x' is none of them"),
    ],
    ids=str,
)
def test_priors_for_other_parameters_than_the_law_has_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        Model(LAWS["m1"], dict.fromkeys(names, BELIEF), NOISE)
    both_sides = f"law m1 has the parameters ['b', 'c']; priors are given for {sorted(names)}"
    assert str(error.value) == f"{both_sides}; {said}"


@pytest.mark.parametrize("term", [Varying("corpus", 0.2), Varying(("corpus",), 0.3), Trend("x", 0.2)], ids=str)
def test_a_repeated_term_is_refused(term: Varying | Trend) -> None:
    first = Trend("x", 0.1) if isinstance(term, Trend) else Varying("corpus", 0.1)
    with pytest.raises(InputError, match=f"^a term is given twice: {term_name('b', term)}"):
        Model(LAWS["m1"], {"b": BELIEF + first + Varying("task", 0.1) + term, "c": BELIEF}, NOISE)


def test_a_repeated_effect_is_refused() -> None:
    twice = Noise(BELIEF, effects=(Varying("run", 0.1), Varying("run", 0.2)))
    with pytest.raises(InputError, match=r"^a term is given twice: residual_by_run"):
        Model(LAWS["m1"], {"b": BELIEF, "c": BELIEF}, twice)


def test_the_same_group_in_two_parameters_is_no_repetition() -> None:
    term = Varying("corpus", 0.1)
    model = Model(LAWS["m1"], {"b": BELIEF + term, "c": BELIEF + term}, Noise(BELIEF, effects=(term,)))
    assert len(varyings(model)) == 3


def sine(x, *, a):
    return a * np.sin(x)


def branch(x, *, a):
    return a * x if x > 1 else a


def attribute(x, *, a):
    return a * x.real


def constant(x, *, a):
    return 1.0


@pytest.mark.parametrize("law", [sine, branch, attribute], ids=lambda law: law.__name__)
def test_a_law_that_uses_more_than_operators_is_refused(law) -> None:
    with pytest.raises(
        InputError, match=rf"^law {law.__name__} uses more than \+ - \* / \*\* and the functions of laws: "
    ) as error:
        Model(law, {"a": BELIEF}, NOISE)
    assert "\n" not in str(error.value)


def test_a_law_that_ignores_its_arguments_is_refused() -> None:
    with pytest.raises(InputError, match=r"^law constant does not return an expression of its arguments \['x', 'a'\]$"):
        Model(constant, {"a": BELIEF}, NOISE)


def test_a_law_without_named_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="write every input before the star and every parameter after it"):
        Model(lambda x, **of: x * of["a"], {"a": BELIEF}, NOISE)
