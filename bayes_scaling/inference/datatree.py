"""A fit in ArviZ's shape: its groups, with the same name for the loss in each, and rows that say what they are."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.densities import LOG_PRIOR, MOST_STORED, log_prior
from bayes_scaling.inference.fit import prior as draw_prior
from bayes_scaling.inference.health_line import mark
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD, RESPONSE, log_likelihood
from bayes_scaling.inference.memory import draws_in, refuse_points
from bayes_scaling.inference.parameters import KNOT, over_knots
from bayes_scaling.inference.posterior import Fit, is_prior
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model.names import NOISE_SD

OBSERVED, CONSTANT, PREDICTIVE = "observed_data", "constant_data", "posterior_predictive"
DATA = (OBSERVED, CONSTANT, "prior", "prior_discrepancy", "prior_predictive")
"""Groups that do not hang on how the posterior was sampled."""
KNOTS = "discrepancy"
"""The group of the discrepancy at its knots: a function, of which summaries and figures of parameters know nothing."""


def to_datatree(fit: Fit, *, prior: int = 0, seed: int = 0, rename: Mapping[str, str] | None = None) -> xr.DataTree:
    """Return a fit as ArviZ expects one, so that its functions work on it as it is.

    Groups are `posterior`, `sample_stats`, `log_prior`, `log_likelihood`, `posterior_predictive`, `observed_data` and
    `constant_data`. A discrepancy has its amplitude and lengths in `posterior`, its values at knots in the group `discrepancy`.
    Where draws are not clean their groups, and each variable in them, say so in `attrs["health"]`.
    The loss is called `response` in each. Its attributes say what the log likelihood of a row conditions on.
    Densities are of the loss itself, also where the noise is on its logarithm: models of either kind can be compared.

    Draws from the prior, see `prior`, have the groups `prior` and `prior_predictive` in place of those of the posterior.

    Parameters
    ----------
    prior
        Draws from the prior; with them there are the groups `prior` and `prior_predictive`.
    seed
        Of predictive draws. Group effects in them are those of the rows' own levels.
    rename
        Parameter -> its name in the groups, where another library has a use of its own for it: `arviz.plot_psense_dist` has a
        dimension alpha, and fails for a parameter of that name.

    Returns
    -------
    xr.DataTree
        Dimensions chain, draw, row, and groups by their names. Rows have their run, inputs and groups as coordinates.

    Raises
    ------
    InputError
        Where draws at all rows take too much memory, and where there is no parameter to rename or its new name is taken.

    Examples
    --------
    >>> import arviz, pandas
    >>> import bayes_scaling as bs
    >>> table = pandas.DataFrame({"params": [1e8, 1e9, 1e10], "tokens": 2e10, "loss": [3.1, 2.7, 2.4]})
    >>> study = bs.read_study("chinchilla")
    >>> before = bs.prior(study.model, bs.read_runs(table, study.columns), draws=100)
    >>> sorted(before.to_datatree().children)
    ['constant_data', 'observed_data', 'prior', 'prior_discrepancy', 'prior_predictive']
    >>> renamed = before.to_datatree(rename={"alpha": "alpha_params"})
    >>> [name for name in renamed["prior"] if name.startswith("alpha")]
    ['alpha_params']
    """
    count, seed = checks.integer(0, 10_000_000)(prior, "prior"), checks.seed(seed, "seed")
    refuse_points(max(draws_in(fit), count), len(fit.runs))
    before = fit if is_prior(fit) else draw_prior(fit.model, fit.runs, count, seed) if count else None
    groups = {} if is_prior(fit) else _posterior_groups(fit, seed)
    if before is not None:
        groups |= split_knots(before.posterior.drop_attrs(), "prior", f"prior_{KNOTS}")
        groups |= {"prior_predictive": predictive(before, seed)}
    groups = _renamed(groups, rename or {}) | data_groups(fit.runs)
    return xr.DataTree.from_dict({name: mark(_signed(of), None if name in DATA else fit) for name, of in groups.items()})


def _renamed(groups: dict[str, xr.Dataset], names: Mapping[str, str]) -> dict[str, xr.Dataset]:
    """Return groups in which parameters have other names, in draws and densities alike."""
    held = {name: of for name, of in groups.items() if name in ("posterior", "prior", LOG_PRIOR)}
    known = {str(name) for of in held.values() for name in of.variables}
    if unknown := set(names) - {str(name) for of in held.values() for name in of.data_vars}:
        raise InputError(f"no parameters {format_names(unknown)} to rename; there are {format_names(known)}")
    after = [names.get(name, name) for name in known]
    if taken := {name for name in after if after.count(name) > 1}:
        raise InputError(f"two would be called {format_names(taken)} after renaming")
    return groups | {
        name: of.rename({old: new for old, new in names.items() if old in of}) for name, of in held.items() if names
    }


def _posterior_groups(fit: Fit, seed: int) -> dict[str, xr.Dataset]:
    stats = {"sample_stats": fit.draws["sample_stats"].to_dataset()} if "sample_stats" in fit.draws.children else {}
    return {
        **split_knots(fit.posterior.drop_attrs(), "posterior", KNOTS),
        **stats,
        LOG_PRIOR: log_prior(fit),
        LOG_LIKELIHOOD: with_rows(log_likelihood(fit).to_dataset(name=RESPONSE), fit.runs),
        PREDICTIVE: predictive(fit, seed),
    }


def split_knots(draws: xr.Dataset, name: str, knots: str) -> dict[str, xr.Dataset]:
    """Return draws as a group of parameters, and one of functions at their knots where there are any."""
    functions = [str(variable) for variable, of in draws.items() if over_knots(of)]
    kept = draws.drop_vars(functions)
    kept = kept.drop_vars([name for name in kept.coords if str(name).startswith(KNOT)])
    return {name: kept} | ({knots: draws[functions]} if functions else {})


def predictive(fit: Fit, seed: int) -> xr.Dataset:
    """Return draws of what the fit's own rows show when they are run again."""
    drawn = replicated(fit, fit.runs.table, seed).transpose("chain", "draw", "row").reset_coords(drop=True)
    return with_rows(drawn.assign_attrs(units=fit.runs.columns.response.unit).to_dataset(name=RESPONSE), fit.runs)


def data_groups(runs: Runs) -> dict[str, xr.Dataset]:
    """Return the losses, and what they were observed at, as two datasets along `row`."""
    table = runs.table
    loss = xr.DataArray(table["response"].to_numpy(), dims="row", attrs={"units": runs.columns.response.unit})
    constant = {str(name): ("row", table[name].to_numpy()) for name in table if name not in ("response", "run")}
    known = {"row": np.arange(len(table))} | ({"run": ("row", table["run"].to_numpy())} if "run" in table else {})
    return {
        OBSERVED: with_rows(loss.to_dataset(name=RESPONSE), runs),
        CONSTANT: xr.Dataset(constant, coords=known),
    }


def file_groups(fit: Fit) -> dict[str, xr.Dataset]:
    """Return the groups that a file has beside the draws: for other readers, since `load` makes them again.

    Predictive draws are among them where there are few enough; `load(path).to_datatree()` has them always.
    """
    groups = data_groups(fit.runs)
    if NOISE_SD in fit.posterior and draws_in(fit) * len(fit.runs) <= MOST_STORED and LOG_LIKELIHOOD in fit.draws.children:
        groups[PREDICTIVE] = predictive(fit, 0).astype(np.float32)
    return groups


def with_rows(of: xr.Dataset, runs: Runs) -> xr.Dataset:
    """Return a dataset along `row` whose rows have their number, run, inputs and groups as coordinates.

    A group with a space in its name is none: netCDF has no place for it. It is in `constant_data`.
    """
    known = [name for name in ("run", *runs.columns.inputs, *runs.columns.dims) if name in runs.table and " " not in name]
    return of.assign_coords({"row": np.arange(len(runs)), **{name: ("row", runs.table[name].to_numpy()) for name in known}})


def _signed(of: xr.Dataset) -> xr.Dataset:
    return of.assign_attrs({"modeling_interface": "bayes_scaling", "inference_library": "nutpie"} | dict(of.attrs))
