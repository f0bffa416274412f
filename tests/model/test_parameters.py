"""Priors say what they promise; models refuse what does not fit together."""

import re

import numpy as np
import pytest
from scipy import stats

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns, Input
from bayes_scaling.data.reading import read_runs
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.names import term_name
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Parameter, Prior, Trend, Varying, as_parameter, distribution, link, median
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.specification import Model, groups_used, law_groups, varyings

BELIEF = Prior(median=1.0, factor=2.0)
NOISE = Noise(BELIEF)


def frozen(prior: Prior):
    """Return a prior as scipy has it."""
    kind, of = distribution(prior)
    return {
        "Normal": lambda: stats.norm(of["mu"], of["sigma"]),
        "StudentT": lambda: stats.t(of["nu"], of["mu"], of["sigma"]),
        "LogNormal": lambda: stats.lognorm(of["sigma"], scale=np.exp(of["mu"])),
        "HalfNormal": lambda: stats.halfnorm(scale=of["sigma"]),
        "Gamma": lambda: stats.gamma(of["alpha"], scale=1 / of["beta"]),
        "Exponential": lambda: stats.expon(scale=1 / of["lam"]),
    }[kind]()


@pytest.mark.parametrize(("centre", "factor"), [(0.09, 1.5), (1.7, 1.6), (4e10, 20.0), (3, 1.01)])
def test_a_prior_by_median_and_factor_holds_its_interval(centre: float, factor: float) -> None:
    prior = Prior(median=centre, factor=factor)
    assert distribution(prior)[0] == "LogNormal"
    np.testing.assert_allclose(frozen(prior).ppf([0.05, 0.5, 0.95]), [centre / factor, centre, centre * factor], rtol=1e-12)
    assert median(prior) == pytest.approx(centre, rel=1e-12)
    assert link(prior) == "log"


@pytest.mark.parametrize(
    ("between", "kind", "scale"),
    [
        ((0.05, 0.2), "LogNormal", "log"),
        ((1, 9), "LogNormal", "log"),
        ((0.0, 2.0), "Normal", "identity"),
        ((-1.0, 3.0), "Normal", "identity"),
        ((-3.0, -1.0), "Normal", "identity"),
    ],
)
def test_a_prior_between_two_values_holds_them(between: tuple[float, float], kind: str, scale: str) -> None:
    prior = Prior(between=between)
    low, high = between
    middle = np.sqrt(low * high) if scale == "log" else (low + high) / 2
    assert distribution(prior)[0] == kind
    assert link(prior) == scale
    np.testing.assert_allclose(frozen(prior).ppf([0.05, 0.5, 0.95]), [low, middle, high], rtol=1e-12, atol=1e-12)
    assert median(prior) == pytest.approx(middle, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "scale"),
    [
        ("Normal", {"mu": -0.5, "sigma": 2.0}, "identity"),
        ("StudentT", {"nu": 4.0, "mu": 0.5, "sigma": 2.0}, "identity"),
        ("LogNormal", {"mu": -0.5, "sigma": 0.3}, "log"),
        ("HalfNormal", {"sigma": 0.2}, "log"),
        ("Gamma", {"alpha": 2.0, "beta": 0.1}, "log"),
        ("Exponential", {"lam": 3.0}, "log"),
    ],
)
def test_a_prior_by_name_is_that_distribution(name: str, arguments: dict[str, float], scale: str) -> None:
    prior = Prior(distribution=name, arguments=arguments)
    assert distribution(prior) == (name, arguments)
    assert link(prior) == scale
    assert median(prior) == pytest.approx(frozen(prior).median(), rel=1e-12)


ONE_WAY = "a prior takes one of: median and factor; between; distribution and its arguments"
BY_MEDIAN = "a prior by median needs a factor above 1"
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ONE_WAY),
        ({"median": 1.0, "factor": 2.0, "between": (1.0, 2.0)}, ONE_WAY),
        ({"factor": 2.0, "between": (1.0, 2.0)}, ONE_WAY),
        ({"between": (1.0, 2.0), "distribution": "Normal", "arguments": {"mu": 0.0, "sigma": 1.0}}, ONE_WAY),
        ({"median": 1.0, "factor": 2.0, "distribution": "HalfNormal", "arguments": {"sigma": 1.0}}, ONE_WAY),
        ({"median": 1.0, "factor": 2.0, "arguments": {"sigma": 1.0}}, ONE_WAY),
        ({"arguments": {"sigma": 1.0}}, ONE_WAY),
        ({"median": 1.0}, BY_MEDIAN),
        ({"factor": 2.0}, BY_MEDIAN),
        ({"median": 1.0, "factor": 1.0}, BY_MEDIAN),
        ({"median": 1.0, "factor": 0.5}, BY_MEDIAN),
        ({"median": 1.0, "factor": -2.0}, BY_MEDIAN),
        ({"median": 1.0, "factor": NAN}, BY_MEDIAN),
        ({"median": 1.0, "factor": INF}, BY_MEDIAN),
        ({"median": 0.0, "factor": 2.0}, "median of a prior must be a positive number, not 0.0"),
        ({"median": -1.0, "factor": 2.0}, "median of a prior must be a positive number, not -1.0"),
        ({"median": NAN, "factor": 2.0}, "median of a prior must be a positive number, not nan"),
        ({"median": "big", "factor": 2.0}, "median of a prior must be a positive number, not 'big'"),
        ({"between": (2.0, 1.0)}, "needs a lower and a higher one, not [2.0, 1.0]"),
        ({"between": (1.0, 1.0)}, "needs a lower and a higher one, not [1.0, 1.0]"),
        ({"between": (NAN, 1.0)}, "needs a lower and a higher one, not [nan, 1.0]"),
        ({"between": (0.0, INF)}, "needs a lower and a higher one, not [0.0, inf]"),
        ({"distribution": "Normall", "arguments": {"mu": 0.0, "sigma": 1.0}}, "no prior distribution is called 'Normall'"),
        ({"distribution": "Normal"}, "Normal takes ['mu', 'sigma']; the prior gives []"),
        ({"distribution": "Normal", "arguments": {"mu": 0.0}}, "Normal takes ['mu', 'sigma']; the prior gives ['mu']"),
        ({"distribution": "HalfNormal", "arguments": {"sd": 1.0}}, "HalfNormal takes ['sigma']; the prior gives ['sd']"),
        ({"distribution": "HalfNormal", "arguments": {"sigma": 0.0}}, "sigma of HalfNormal must be a positive number, not 0.0"),
        ({"distribution": "Gamma", "arguments": {"alpha": 1.0, "beta": -1.0}}, "beta of Gamma must be a positive number"),
        ({"distribution": "Normal", "arguments": {"mu": INF, "sigma": 1.0}}, "mu of Normal must be a finite number, not inf"),
    ],
    ids=str,
)
def test_a_wrong_prior_is_refused(given: dict, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as error:
        Prior(**given)
    assert "\n" not in str(error.value)


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


@pytest.mark.parametrize("on", ["log_loss", "loss"])
@pytest.mark.parametrize("kind", ["normal", "student_t"])
def test_every_kind_of_noise_is_accepted(kind: str, on: str) -> None:
    noise = Noise(BELIEF, distribution=kind, on=on, effects=(Varying("run", 0.1),))
    assert (noise.distribution, noise.on) == (kind, on)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"distribution": "cauchy"}, "distribution of Noise must be one of ['normal', 'student_t'], not 'cauchy'"),
        ({"on": "log"}, "on of Noise must be one of ['log_loss', 'loss'], not 'log'"),
        ({"sd": Prior(between=(-1.0, 1.0))}, "the prior of the noise's sd must be of a positive quantity"),
        ({"sd": Prior(between=(0.0, 1.0))}, "the prior of the noise's sd must be of a positive quantity"),
        (
            {"nu": Prior(distribution="Normal", arguments={"mu": 3.0, "sigma": 1.0})},
            "the prior of the noise's nu must be of a positive quantity",
        ),
    ],
    ids=str,
)
def test_wrong_noise_is_refused(given: dict, said: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        Noise(**({"sd": BELIEF} | given))


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


def test_a_trend_on_an_input_that_the_table_lacks_is_refused(grid) -> None:
    columns = Columns({"params": Input("params"), "tokens": Input("tokens")})
    priors = dict.fromkeys(["E", "alpha", "B", "beta"], BELIEF) | {"A": BELIEF + Trend("param", 0.1)}
    model = Model(LAWS["chinchilla"], priors, NOISE)
    with pytest.raises(InputError, match=r"^chinchilla needs inputs \['param', 'params', 'tokens'\]; the table has \["):
        check_runs(model, read_runs(grid, columns))


def logarithm(x, *, a):
    return a * np.log(x)


def branch(x, *, a):
    return a * x if x > 1 else a


def attribute(x, *, a):
    return a * x.real


def constant(x, *, a):
    return 1.0


@pytest.mark.parametrize("law", [logarithm, branch, attribute], ids=lambda law: law.__name__)
def test_a_law_that_uses_more_than_operators_is_refused(law) -> None:
    with pytest.raises(InputError, match=rf"^law {law.__name__} uses more than \+ - \* / \*\*, exp, log and mean: ") as error:
        Model(law, {"a": BELIEF}, NOISE)
    assert "\n" not in str(error.value)


def test_a_law_that_ignores_its_arguments_is_refused() -> None:
    with pytest.raises(InputError, match=r"^law constant does not return an expression of its arguments \['x', 'a'\]$"):
        Model(constant, {"a": BELIEF}, NOISE)


def test_a_law_without_named_parameters_is_refused() -> None:
    with pytest.raises(InputError, match="write every input before the star and every parameter after it"):
        Model(lambda x, **of: x * of["a"], {"a": BELIEF}, NOISE)
