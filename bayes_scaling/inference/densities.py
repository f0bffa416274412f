"""What the prior says of a draw, stored with a fit beside its likelihood.

`log_prior` holds the log density of each top-level parameter under its own prior: the law's parameters, slopes, and the scales
of groups, noise and discrepancy. Those of a joint prior have one density together, `joint_prior`. Effects of levels are not
among them: what their scale says of them is part of the model, and stays when the prior is weighted (Kallioinen et al. 2024).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.inference.health import LAPLACE
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD, RESPONSE, log_likelihood
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.by_level import own_priors
from bayes_scaling.model.discrepancy import scales
from bayes_scaling.model.joint_density import log_density
from bayes_scaling.model.joint_prior import margins
from bayes_scaling.model.lkj import log_prior as lkj_density
from bayes_scaling.model.names import NOISE_CORRELATION, NOISE_PAIR, NOISE_SD, NU_BEYOND_ONE, spread_name, term_name
from bayes_scaling.model.priors import Prior, distribution
from bayes_scaling.model.specification import (
    Model,
    by_levels,
    discrepancy_terms,
    noise_scales,
    parameters_with_priors,
    pooled,
    smooth_lengths,
    trends,
)

LOG_PRIOR = "log_prior"
"""The group that holds it."""

MOST_STORED = 1_000_000
"""So many densities of rows are stored with a fit, in single precision; more are made again where they are asked for."""


def top_priors(model: Model) -> dict[str, Prior]:
    """Return the prior of every top-level parameter by the name of its draws; "noise_nu" has that of what is beyond one.

    Of one in a joint prior it is the margin.
    """
    found = {name: parameter.prior for name, parameter in parameters_with_priors(model).items()}
    found |= {term_name(owner, term): _normal(term.sd) for owner, term in trends(model)}
    found |= {spread_name(owner, term): _half_normal(term.sd) for owner, term in pooled(model)}
    found |= smooth_lengths(model) | noise_scales(model) | scales(discrepancy_terms(model)) | margins(model.joint)
    if NU_BEYOND_ONE in found:
        found["noise_nu"] = found.pop(NU_BEYOND_ONE)
    return found


def log_prior(fit: Fit) -> xr.Dataset:
    """Return the log density of each top-level parameter under its prior; stored, or from the draws."""
    if LOG_PRIOR in fit.draws.children:
        return fit.draws[LOG_PRIOR].to_dataset()
    posterior, priors = fit.posterior, top_priors(fit.model)
    joint = {joint_name(number): one for number, one in enumerate(fit.model.joint) if set(one.parameters) <= set(posterior)}
    together = {name for one in joint.values() for name in one.parameters}
    known = {name: of for name, of in priors.items() if name in posterior and name not in together}
    found = {name: posterior[name].copy(data=_logpdf(name, of, posterior[name])) for name, of in known.items()}
    for name, one in joint.items():
        values = {parameter: posterior[parameter].to_numpy() for parameter in one.parameters}
        found[name] = posterior[one.parameters[0]].copy(data=log_density(one, values))
    for owner, term in by_levels(fit.model):
        effect = posterior[term_name(owner, term)]
        mean, sd = (xr.DataArray(of, dims=term.over) for of in own_priors(term, effect[term.over].to_numpy()))
        z = (effect - mean) / sd
        found[term_name(owner, term)] = (-0.5 * (z**2 + np.log(2 * np.pi)) - np.log(sd)).sum(term.over)
    between = fit.model.noise.residual_correlation
    if between is not None and NOISE_CORRELATION in posterior:
        pairs = posterior[NOISE_CORRELATION].transpose("chain", "draw", NOISE_PAIR).to_numpy()
        found[NOISE_CORRELATION] = xr.DataArray(lkj_density(pairs, between.eta), dims=("chain", "draw"))
    return xr.Dataset(found)


def joint_name(number: int) -> str:
    """Return what the density of a joint prior is called among those of single parameters."""
    return "joint_prior" if number == 0 else f"joint_prior_{number + 1}"


def with_densities(fit: Fit) -> Fit:
    """Return a fit whose draws hold both groups; densities of rows only where they are few. Approximate draws have neither.

    Both take longer than such draws, and are made again where they are asked for.
    """
    if fit.health is not None and fit.health.method == LAPLACE:
        return fit
    groups: dict[str, xr.Dataset] = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    groups[LOG_PRIOR] = log_prior(fit).drop_attrs()
    if NOISE_SD in groups["posterior"] and groups["posterior"][NOISE_SD].size * len(fit.runs) <= MOST_STORED:
        groups[LOG_LIKELIHOOD] = log_likelihood(fit).astype(np.float32).to_dataset(name=RESPONSE)
    return replace(fit, draws=xr.DataTree.from_dict(groups))


def _logpdf(name: str, prior: Prior, values: xr.DataArray) -> np.ndarray:
    at = values.to_numpy() - 1.0 if name == "noise_nu" else values.to_numpy()
    return np.asarray(frozen(prior).logpdf(at))


def frozen(prior: Prior) -> Any:
    """Return a prior as a frozen distribution of scipy."""
    from scipy import stats

    kind, of = distribution(prior)
    match kind:
        case "Normal":
            return stats.norm(of["mu"], of["sigma"])
        case "StudentT":
            return stats.t(of["nu"], of["mu"], of["sigma"])
        case "LogNormal":
            return stats.lognorm(of["sigma"], scale=np.exp(of["mu"]))
        case "LogStudentT":
            return LogStudentT(of["nu"], of["mu"], of["sigma"])
        case "HalfNormal":
            return stats.halfnorm(scale=of["sigma"])
        case "Gamma":
            return stats.gamma(of["alpha"], scale=1 / of["beta"])
        case _:
            return stats.expon(scale=1 / of["lam"])


@dataclass(frozen=True)
class LogStudentT:
    """A variable whose logarithm is Student-t, as scipy calls its frozen distributions."""

    nu: float
    mu: float
    sigma: float

    def _logarithm(self) -> Any:
        from scipy import stats

        return stats.t(self.nu, self.mu, self.sigma)

    def logpdf(self, x: Any) -> Any:
        """Return the log density."""
        return self._logarithm().logpdf(np.log(x)) - np.log(x)

    def cdf(self, x: Any) -> Any:
        """Return the probability of less."""
        return self._logarithm().cdf(np.log(x))

    def sf(self, x: Any) -> Any:
        """Return the probability of more."""
        return self._logarithm().sf(np.log(x))

    def ppf(self, p: Any) -> Any:
        """Return quantiles."""
        return np.exp(self._logarithm().ppf(p))


def _normal(sd: float) -> Prior:
    return Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": sd})


def _half_normal(sd: float) -> Prior:
    return Prior(distribution="HalfNormal", arguments={"sigma": sd})
