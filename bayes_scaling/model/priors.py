"""Priors of parameters: as a person states them, and as the distributions that they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Literal

import numpy as np

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names

Z90 = 1.6448536269514722
"""A normal variable lies within +- Z90 standard deviations with probability 90 %."""


LEAST = 1e-9
"""A prior has some width, beside the values that it lies at."""


DISTRIBUTIONS: dict[str, tuple[Literal["log", "identity"], tuple[str, ...]]] = {
    "Normal": ("identity", ("mu", "sigma")),
    "StudentT": ("identity", ("nu", "mu", "sigma")),
    "LogNormal": ("log", ("mu", "sigma")),
    "LogStudentT": ("log", ("nu", "mu", "sigma")),
    "HalfNormal": ("log", ("sigma",)),
    "Gamma": ("log", ("alpha", "beta")),
    "Exponential": ("log", ("lam",)),
}
"""Distributions that a prior may name: the link of a parameter with it, and PyMC's names of its arguments.

"LogStudentT" is that of a parameter whose logarithm is Student-t, as "LogNormal" is of a normal one.
"""


@dataclass(frozen=True)
class Prior:
    """The prior of a parameter, in the user's units, given in one of three ways.

    log(parameter) ~ Normal(log(median), log(factor) / 1.645), or a distribution by name

    A prior of positive values has a log link, all others the identity. Terms are added with `+`, on the scale of the link.

    Parameters
    ----------
    median, factor
        90 % between median / factor and median * factor (log-normal; factor > 1).
    between
        90 % between two values; log-normal where both are positive, normal otherwise.
    distribution, arguments
        A PyMC distribution by name, one of DISTRIBUTIONS, with its arguments; or "LogStudentT", of a heavy-tailed logarithm.

    Raises
    ------
    InputError
        Where none or several of the three are given, or where a value is out of range.

    References
    ----------
    .. [1] Mikkola et al. (2023). Prior knowledge elicitation: the past, present, and future. arXiv 2112.01380.

    Examples
    --------
    >>> floor = Prior(median=1.7, factor=1.6)
    >>> prior_quantiles(floor, (0.05, 0.5, 0.95)).round(2).tolist()
    [1.06, 1.7, 2.72]
    >>> link(Prior(between=(0.2, 0.5))), link(Prior(between=(-1.0, 1.0)))
    ('log', 'identity')
    >>> round(median(Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 0.1})), 1)
    16.8
    """

    median: float | None = None
    factor: float | None = None
    between: tuple[float, float] | None = None
    distribution: str | None = None
    arguments: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ways = [self.median is not None or self.factor is not None, self.between is not None, self.distribution is not None]
        if sum(ways) != 1 or not isinstance(self.arguments, Mapping) or (self.arguments and self.distribution is None):
            raise InputError("a prior takes one of: median and factor; between; distribution and its arguments")
        if ways[0]:
            if self.median is None or self.factor is None or not (checks.is_number(self.factor) and self.factor > 1 + LEAST):
                raise InputError("a prior by median needs a factor above 1: 90 % within median / factor .. median * factor")
            checks.check(self, "of a prior", median=checks.positive, factor=checks.positive)
        elif self.between is not None:
            two = tuple(self.between) if isinstance(self.between, tuple | list) else ()
            if len(two) != 2 or not all(map(checks.is_number, two)) or not self._apart(*two):
                raise InputError(f"a prior between two values needs a lower and a higher one, not {list(two)}")
            object.__setattr__(self, "between", tuple(map(float, two)))
        else:
            self._check_distribution()

    @staticmethod
    def _apart(low: float, high: float) -> bool:
        """Return whether a normal, or a log-normal where both are positive, can lie between two values."""
        return (
            high / low > 1 + LEAST and low * checks.MAX_NUMBER >= 1
            if low > 0
            else high - low > LEAST * max(abs(low), abs(high))
        )

    def _check_distribution(self) -> None:
        """Refuse an unknown distribution, and arguments that are not its own or out of range."""
        if not isinstance(self.distribution, str) or self.distribution not in DISTRIBUTIONS:
            raise InputError(f"no prior distribution is called {self.distribution!r}; there are {format_names(DISTRIBUTIONS)}")
        expected = DISTRIBUTIONS[self.distribution][1]
        if set(self.arguments) != set(expected):
            raise InputError(f"{self.distribution} takes {list(expected)}; the prior gives {format_names(self.arguments)}")
        of = {
            one: (checks.finite if one == "mu" else checks.positive)(value, f"{one} of {self.distribution}")
            for one, value in self.arguments.items()
        }
        object.__setattr__(self, "arguments", of)


def distribution(prior: Prior) -> tuple[str, Mapping[str, float]]:
    """Return the name of a prior's distribution and its arguments, as PyMC calls them."""
    if prior.median is not None and prior.factor is not None:
        return "LogNormal", {"mu": log(prior.median), "sigma": log(prior.factor) / Z90}
    if prior.between is not None:
        low, high = prior.between
        if low > 0:
            return "LogNormal", {"mu": (log(low) + log(high)) / 2, "sigma": log(high / low) / (2 * Z90)}
        return "Normal", {"mu": (low + high) / 2, "sigma": (high - low) / (2 * Z90)}
    assert prior.distribution is not None
    return prior.distribution, prior.arguments


def doubles(arguments: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return the arguments of a distribution as PyTensor computes with them in full: it takes a plain 10.0 for a float32."""
    return {name: np.asarray(of, float) for name, of in arguments.items()}


def median(prior: Prior) -> float:
    """Return the median of a prior, in the user's units."""
    from scipy import stats

    kind, of = distribution(prior)
    match kind:
        case "Normal" | "StudentT":
            return float(of["mu"])
        case "LogNormal" | "LogStudentT":
            return exp(of["mu"])
        case "HalfNormal":
            return float(stats.halfnorm.median(scale=of["sigma"]))
        case "Gamma":
            return float(stats.gamma.median(of["alpha"], scale=1 / of["beta"]))
        case _:
            return log(2) / of["lam"]


def prior_quantiles(prior: Prior, probabilities: Sequence[float]) -> np.ndarray:
    """Return quantiles of a prior, in the user's units."""
    from scipy import stats

    kind, of = distribution(prior)
    match kind:
        case "Normal":
            found = stats.norm.ppf(probabilities, of["mu"], of["sigma"])
        case "StudentT":
            found = stats.t.ppf(probabilities, of["nu"], of["mu"], of["sigma"])
        case "LogNormal":
            found = np.exp(stats.norm.ppf(probabilities, of["mu"], of["sigma"]))
        case "LogStudentT":
            found = np.exp(stats.t.ppf(probabilities, of["nu"], of["mu"], of["sigma"]))
        case "HalfNormal":
            found = stats.halfnorm.ppf(probabilities, scale=of["sigma"])
        case "Gamma":
            found = stats.gamma.ppf(probabilities, of["alpha"], scale=1 / of["beta"])
        case _:
            found = stats.expon.ppf(probabilities, scale=1 / of["lam"])
    return np.asarray(found)


def link(prior: Prior) -> Literal["log", "identity"]:
    """Return the scale on which terms are added: log for positive priors, identity otherwise."""
    return DISTRIBUTIONS[distribution(prior)[0]][0]
