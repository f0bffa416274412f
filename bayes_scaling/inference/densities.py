"""What prior and rows each say of a draw: log densities, stored with a fit, or made again from its draws.

`log_prior` holds the log density of each top-level parameter under its own prior: the law's parameters, slopes, and the scales
of groups, noise and discrepancy. Effects of levels are not among them: what their scale says of them is part of the model, and
stays when the prior is weighted (Kallioinen et al. 2024). `log_likelihood` holds that of each row given the draw, and where
rows of a run are correlated given the rows before it too, so that the sum is the likelihood's.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.inference.fit import Fit
from bayes_scaling.inference.observed import log_density
from bayes_scaling.model.arrays import neighbours
from bayes_scaling.model.discrepancy import scales
from bayes_scaling.model.names import NOISE_SD, NU_BEYOND_ONE, spread_name, term_name
from bayes_scaling.model.parameters import Prior, distribution
from bayes_scaling.model.specification import Model, departures, noise_scales, parameters_with_priors, trends, varyings

LOG_PRIOR, LOG_LIKELIHOOD = "log_prior", "log_likelihood"

MOST_STORED = 1_000_000
"""So many densities of rows are stored with a fit, in single precision; more are made again where they are asked for."""


def top_priors(model: Model) -> dict[str, Prior]:
    """Return the prior of every top-level parameter by the name of its draws; "noise_nu" has that of what is beyond one."""
    found = {name: parameter.prior for name, parameter in parameters_with_priors(model).items()}
    found |= {term_name(owner, term): _normal(term.sd) for owner, term in trends(model)}
    found |= {spread_name(owner, term): _half_normal(term.sd) for owner, term in varyings(model)}
    found |= noise_scales(model) | scales(departures(model))
    if NU_BEYOND_ONE in found:
        found["noise_nu"] = found.pop(NU_BEYOND_ONE)
    return found


def log_prior(fit: Fit) -> xr.Dataset:
    """Return the log density of each top-level parameter under its prior; stored, or from the draws."""
    if LOG_PRIOR in fit.draws.children:
        return fit.draws[LOG_PRIOR].to_dataset()
    posterior, priors = fit.posterior, top_priors(fit.model)
    known = {name: of for name, of in priors.items() if name in posterior}
    return xr.Dataset({name: posterior[name].copy(data=_logpdf(name, of, posterior[name])) for name, of in known.items()})


def log_likelihood(fit: Fit) -> xr.DataArray:
    """Return the log density of each row given a draw, and the rows before it in its run; stored, or from the draws.

    Dimensions chain, draw, row.
    """
    if LOG_LIKELIHOOD in fit.draws.children:
        return fit.draws[LOG_LIKELIHOOD].to_dataset()["response"]
    if fit.model.noise.correlation is None:
        return log_density(fit, fit.runs.table, new=False).rename("response")
    return _along_runs(fit)


def with_densities(fit: Fit) -> Fit:
    """Return a fit whose draws hold both groups; densities of rows only where they are few enough to be stored."""
    groups: dict[str, xr.Dataset] = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    groups[LOG_PRIOR] = log_prior(fit).drop_attrs()
    if NOISE_SD in groups["posterior"] and groups["posterior"][NOISE_SD].size * len(fit.runs) <= MOST_STORED:
        groups[LOG_LIKELIHOOD] = log_likelihood(fit).drop_attrs().astype(np.float32).to_dataset(name="response")
    return replace(fit, draws=xr.DataTree.from_dict(groups))


def _along_runs(fit: Fit) -> xr.DataArray:
    """Return the densities of rows of correlated runs, each given those before it."""
    from scipy import stats

    from bayes_scaling.inference.observed import departures_of, kept_along
    from bayes_scaling.model.kalman import forward

    correlation = fit.model.noise.correlation
    assert correlation is not None
    order = neighbours(fit.runs.table, correlation.along)["order"]
    table = fit.runs.table.iloc[order].reset_index(drop=True)
    left, scale, own = departures_of(fit, table, table["response"].to_numpy())
    kept = kept_along(fit, neighbours(table, correlation.along)["gap"])
    shape, rows = left.shape, left.shape[-1]
    flat = [np.ascontiguousarray(np.broadcast_to(of, shape)).reshape(-1, rows) for of in (left / scale, kept, own / scale**2)]
    seen = [forward(*one) for one in zip(*flat, strict=True)]
    mean, variance = (np.reshape([one[i] for one in seen], shape) for i in (0, 1))
    z, sd = (left / scale - mean) / np.sqrt(variance), scale * np.sqrt(variance)
    if fit.model.noise.distribution == "normal":
        density = stats.norm.logpdf(z) - np.log(sd)
    else:
        density = stats.t.logpdf(z, fit.posterior["noise_nu"].to_numpy()[..., None]) - np.log(sd)
    back = np.argsort(order)
    return xr.DataArray(density[..., back], dims=("chain", "draw", "row"), name="response")


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
        case "HalfNormal":
            return stats.halfnorm(scale=of["sigma"])
        case "Gamma":
            return stats.gamma(of["alpha"], scale=1 / of["beta"])
        case _:
            return stats.expon(scale=1 / of["lam"])


def _normal(sd: float) -> Prior:
    return Prior(distribution="Normal", arguments={"mu": 0.0, "sigma": sd})


def _half_normal(sd: float) -> Prior:
    return Prior(distribution="HalfNormal", arguments={"sigma": sd})
