"""Terms add up to parameters, and say what they promise."""

import re

import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.parameters import Parameter, Trend, Varying, as_parameter
from bayes_scaling.model.priors import Prior

BELIEF = Prior(median=1.0, factor=2.0)
NAN, INF = float("nan"), float("inf")


def test_terms_add_up_to_a_parameter() -> None:
    by_group, by_both, drift = Varying("position", 0.2), Varying(("attention", "position"), 0.1), Trend("compute", 0.3)
    assert BELIEF + by_group == Parameter(BELIEF, (by_group,))
    assert BELIEF + by_group + by_both + drift == Parameter(BELIEF, (by_group, by_both, drift))
    assert as_parameter(BELIEF) == Parameter(BELIEF)
    assert as_parameter(BELIEF + drift) == Parameter(BELIEF, (drift,))


@pytest.mark.parametrize(
    ("over", "dims"), [("a", ("a",)), (("a",), ("a",)), (("a", "b"), ("a", "b")), (["b", "a"], ("b", "a"))], ids=str
)
def test_the_groups_of_a_term_are_a_tuple(over, dims: tuple[str, ...]) -> None:
    assert Varying(over, 0.1).dims == dims


@pytest.mark.parametrize("over", [(), ("a", "a"), ("a", "b", "a")])
def test_a_term_over_no_or_repeated_groups_is_refused(over: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"^Varying needs one or several different groups to vary over, not \["):
        Varying(over, 0.1)


@pytest.mark.parametrize("sd", [-0.1, 0.0, NAN, INF, "0.1", None])
def test_a_spread_must_be_positive(sd) -> None:
    with pytest.raises(InputError, match=rf"^sd of Varying must be a positive number, not {re.escape(repr(sd))}$"):
        Varying("a", sd)
    with pytest.raises(InputError, match=rf"^sd of Trend must be a positive number, not {re.escape(repr(sd))}$"):
        Trend("x", sd)
