"""Priors say what they promise."""

import re

import numpy as np
import pytest
from scipy import stats

from bayes_scaling._base.errors import InputError
from bayes_scaling.model.priors import Prior, distribution, link, median

BELIEF = Prior(median=1.0, factor=2.0)


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
