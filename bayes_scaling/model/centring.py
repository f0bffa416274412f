"""Coefficients taken in the middle of the runs: coordinates for a law whose inputs are far from their references.

In A x^-alpha the coefficient is the term's height at the reference, where its prior is. Runs know the height where they are.
Where they are a decade below, a step of alpha is made up for by one of log A of 2.3 times its size, and as alpha is sampled by
its logarithm, what is likely lies along a bent line. Sampled is therefore the height in the middle of the runs,

    log a = log A - alpha m,   m the mean of log x,

and so for every coefficient of a law and all exponents that it hangs on (`laws.coefficients.shifts`). A step of log a is one of
log A: the density is that of A's own prior.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.laws.coefficients import shifts
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.priors import distribution
from bayes_scaling.model.specification import Model, parameters_with_priors, trends, varyings

CENTRE = "discrepancy_centre"
"""What the means of the law's log inputs over rows are called, in their order, where coefficients are sampled so."""

type Shifts = Mapping[str, Mapping[str, tuple[float, ...]]]
"""Coefficient -> exponent -> by how much its step raises the coefficient's logarithm, for each input an e-fold off."""


def sampled_as(name: str) -> str:
    """Return what the logarithm of a coefficient in the middle of the runs is called."""
    return f"log_{name}_centred"


def centred(model: Model) -> Shifts:
    """Return the coefficients that may be sampled so: of a law under a discrepancy, without levels and slopes."""
    if not model.discrepancy or varyings(model) or trends(model):
        return {}
    kinds = {name: distribution(parameters_with_priors(model)[name].prior)[0] for name in model.parameters}
    return {name: of for name, of in shifts(model.law).items() if kinds[name] == "LogNormal"}


def means(model: Model, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the mean of each log input of the law over rows; None where one is no plain number."""
    logs = [arrays[f"log_{x}"] for x in law_inputs(model.law)]
    if any(of.ndim > 1 or not np.isfinite(of).all() for of in logs):
        return None
    return np.array([of.mean() for of in logs])


def shift(of: Mapping[str, tuple[float, ...]], values: Mapping[str, Any], centre: Any) -> Any:
    """Return log A - log a, of symbols or of draws."""
    return sum(values[name] * sum(by * centre[i] for i, by in enumerate(each)) for name, each in of.items())
