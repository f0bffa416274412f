"""Parameters of a fit: draws by level, in the convention of papers, and as a table."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.convergence import convergence
from bayes_scaling.inference.health import LAPLACE
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.laws.coefficients import in_units
from bayes_scaling.laws.library import law_inputs
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parameters import Effect, Trend, as_parameter, own_prior
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import parameters_with_priors


@carried
def parameter_values(fit: Fit, name: str) -> xr.DataArray:
    """Return draws of a law's parameter for every known level, in the user's units, at the reference of each input.

    Dimensions chain, draw, and each group the parameter varies over.

    Raises
    ------
    InputError
        Where the law has no such parameter.
    """
    if name not in fit.model.parameters:
        raise InputError(f"no parameter {name!r}; the law has {list(fit.model.parameters)}")
    parameter = as_parameter(fit.model.parameters[name])
    posterior = fit.posterior
    effects = [posterior[term_name(name, term)] for term in parameter.terms if isinstance(term, Effect)]
    if not effects:
        return posterior[name]
    total = sum(effects[1:], start=effects[0])
    if own_prior(parameter) is not None:
        return total.copy(data=np.exp(total.to_numpy()) if link(parameter.prior) == "log" else total.to_numpy()).rename(name)
    return (posterior[name] * np.exp(total) if link(parameter.prior) == "log" else posterior[name] + total).rename(name)


@carried
def published_values(fit: Fit) -> dict[str, xr.DataArray]:
    """Return draws of the law's parameters in the convention of papers: inputs in their own units, without references.

    Empty where a parameter trends with an input: away from the reference there is then no single number, see `published_at`.
    """
    terms = [term for parameter in fit.model.parameters.values() for term in as_parameter(parameter).terms]
    if any(isinstance(term, Trend) for term in terms):
        return {}
    at_reference = {name: parameter_values(fit, name) for name in fit.model.parameters}
    return in_units(fit.model.law, at_reference, {name: fit.runs.references[name] for name in law_inputs(fit.model.law)})


@carried
def parameter_table(fit: Fit) -> pd.DataFrame:
    """Return one row for each parameter, level and scale: name, dims, mean, sd, quantiles, R-hat and effective sample sizes.

    `NAME` without dims is the population's value, with dims that of a level; where each level has a prior of its own it is that
    of levels "without runs", which these tell nothing of. `NAME_published` is in the inputs' own units. Of
    the combinations of several groups those are listed that the runs have. The discrepancy has its amplitude and lengths here;
    the function itself is what `decompose` shows.
    """
    dataset = quantities(fit)
    approximate = fit.health is not None and fit.health.method == LAPLACE
    chains = {} if approximate else _of_chains(dataset)
    unknown = (np.nan, fit.health.ess_bulk, fit.health.ess_tail) if approximate and fit.health else (np.nan,) * 3
    rows = []
    for name, values in dataset.data_vars.items():
        summaries = _summaries(values)
        places = {str(dim): {level: i for i, level in enumerate(of.to_numpy())} for dim, of in summaries.coords.items()}
        for level, at in cells(values, fit.runs):
            dims = level or without_runs(fit, str(name))
            element = f"{name}[{', '.join(map(str, at.values()))}]" if at else str(name)
            place = tuple(places[str(dim)][at[str(dim)]] for dim in summaries.dims[:-1])
            numbers = (*summaries.to_numpy()[place], *chains.get(element, unknown))
            row = dict(zip(COLUMNS, map(float, numbers), strict=True))
            rows.append({"name": str(name).removesuffix(":levels"), "dims": dims} | row)
    return pd.DataFrame(rows)


def _of_chains(dataset: xr.Dataset) -> dict[str, tuple[float, float, float]]:
    """Return R-hat and effective sample sizes of every element."""
    found = convergence(dataset)
    return dict(zip(found.names, zip(found.r_hat, found.ess_bulk, found.ess_tail, strict=True), strict=True))


@carried
def parameters_of(fit: Posterior) -> pd.DataFrame:
    """Return `parameter_table` of a fit; of a stack those of all its fits, with the law in a first column."""
    if isinstance(fit, Fit):
        return parameter_table(fit)
    tables = [parameter_table(one).assign(law=name) for name, one in fit.fits.items()]
    every = pd.concat(tables, ignore_index=True)
    return every[["law", *(name for name in every if name != "law")]]


KNOT = "knot_"
"""Beginning of the names of dimensions along which a discrepancy is a function."""

COLUMNS = ("mean", "sd", "q05", "q50", "q95", "r_hat", "ess_bulk", "ess_tail")


def _summaries(values: xr.DataArray) -> xr.DataArray:
    """Return mean, sd, and quantiles over the draws, along a last dimension."""
    rest = [dim for dim in values.dims if dim not in ("chain", "draw")]
    draws = values.transpose("chain", "draw", *rest).to_numpy()
    flat = draws.reshape(-1, *draws.shape[2:])
    known = np.isnan(flat).any()
    mean, sd, quantiles = (np.nanmean, np.nanstd, np.nanquantile) if known else (np.mean, np.std, np.quantile)
    with np.errstate(over="ignore"):  # of squares, where a far tail is beyond 1e154: sd is inf
        numbers = np.stack([mean(flat, axis=0), sd(flat, axis=0), *quantiles(flat, [0.05, 0.5, 0.95], axis=0)], axis=-1)
    return xr.DataArray(numbers, {dim: values[dim] for dim in rest if dim in values.coords}, (*rest, "summary"))


def quantities(fit: Fit) -> xr.Dataset:
    """Return draws of what `parameter_table` has rows of; levels of NAME are called `NAME:levels`."""
    posterior = fit.posterior
    added = {
        f"{name}:levels": parameter_values(fit, name)
        for name, parameter in fit.model.parameters.items()
        if any(isinstance(term, Effect) for term in as_parameter(parameter).terms)
    }
    added |= {f"{name}_published": values for name, values in published_values(fit).items()}
    every = {name: of for name, of in posterior.items() if not over_knots(of)} | added
    levels = {dim: of.indexes[dim] for of in every.values() for dim in of.dims if dim in of.indexes}
    return xr.Dataset({name: (of.dims, of.to_numpy()) for name, of in every.items()}, levels)


def without_runs(fit: Fit, name: str) -> str:
    """Return of which levels a number is: those without runs, where others have priors of their own; "": of the population."""
    parameter = parameters_with_priors(fit.model).get(name)
    own = None if parameter is None else own_prior(parameter)
    return "" if own is None else f"{own.over} without runs"


def over_knots(values: xr.DataArray) -> bool:
    """Return whether draws are those of a function of the inputs, at its knots, rather than of parameters."""
    return any(str(dim).startswith(KNOT) for dim in values.dims)


def cells(values: xr.DataArray, runs: Runs) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the levels that draws tell apart, as text and by group; of the combinations of groups those that the runs have."""
    dims = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
    seen = set(zip(*(runs.table[dim] for dim in dims), strict=True)) if len(dims) > 1 else set()
    for levels in product(*(values[dim].to_numpy() for dim in dims)):
        if seen and levels not in seen:
            continue
        yield (
            " ".join(f"{dim}={level}" for dim, level in zip(dims, levels, strict=True)),
            dict(zip(dims, levels, strict=True)),
        )
