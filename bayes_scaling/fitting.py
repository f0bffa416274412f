"""The fit: a model, its runs, the posterior draws and the sampler's health; saved to and loaded from one file."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.conventions import in_units
from bayes_scaling.convergence import convergence
from bayes_scaling.errors import InputError
from bayes_scaling.files import whole
from bayes_scaling.healing import sample_until_clean
from bayes_scaling.health import Health, carried, from_record
from bayes_scaling.laws import law_inputs
from bayes_scaling.model import Model, term_name
from bayes_scaling.parameters import Trend, Varying, as_parameter, link
from bayes_scaling.runs import Runs
from bayes_scaling.sampling import Settings, sample_prior

FORMAT = "bayes_scaling fit 2"


@dataclass(frozen=True)
class Fit:
    """A posterior over a scaling law.

    settings: those that the draws were made with; more draws or smaller steps than asked where there were further rounds.
    draws: groups "posterior" and, but for draws from the prior, "sample_stats", and what `densities` adds; dimensions chain,
        draw, and groups.
    health: the sampler's health; None for draws from the prior.
    """

    model: Model
    runs: Runs
    draws: xr.DataTree
    settings: Settings
    health: Health | None

    @property
    def posterior(self) -> xr.Dataset:
        """The draws of every parameter and term."""
        return self.draws["posterior"].to_dataset()


def fit(model: Model, runs: Runs, settings: Settings | None = None) -> Fit:
    """Return the posterior of a model given runs; where draws are not clean, sample again by itself, see `healing`.

    A model is compiled the first time it is sampled; later fits of it to other runs only sample, unless levels become so few or
    so many that they are sampled otherwise, see `geometry`.

    Raises InputError where the runs lack an input or a group that the model needs.
    """
    from bayes_scaling.densities import with_densities

    draws, found, used = sample_until_clean(model, runs, settings or Settings())
    return with_densities(Fit(model, runs, draws, used, found))


def refit(earlier: Fit, runs: Runs, settings: Settings | None = None) -> Fit:
    """Return the posterior of the same model given other runs, without compiling again."""
    return fit(earlier.model, runs, settings or earlier.settings)


def prior(model: Model, runs: Runs, draws: int = 1000, seed: int = 0) -> Fit:
    """Return draws from the prior in the shape of a fit, so that whatever shows a fit shows what was believed before it."""
    settings = Settings(draws=draws, chains=1, seed=seed)
    return Fit(model, runs, sample_prior(model, runs, draws, seed), settings, None)


@carried
def parameter_values(fit: Fit, name: str) -> xr.DataArray:
    """Return draws of a law's parameter for every known level, in the user's units, at the reference of each input.

    Dimensions chain, draw, and each group the parameter varies over.

    Raises InputError where the law has no such parameter.
    """
    if name not in fit.model.parameters:
        raise InputError(f"no parameter {name!r}; the law has {list(fit.model.parameters)}")
    parameter = as_parameter(fit.model.parameters[name])
    posterior = fit.posterior
    effects = [posterior[term_name(name, term)] for term in parameter.terms if isinstance(term, Varying)]
    if not effects:
        return posterior[name]
    total = sum(effects[1:], start=effects[0])
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

    `NAME` without dims is the population's value, with dims that of a level; `NAME_published` is in the inputs' own units. Of
    the combinations of several groups those are listed that the runs have. The discrepancy has its amplitude and lengths here;
    the function itself is what `decompose` shows.
    """
    dataset = quantities(fit)
    found = convergence(dataset)
    chains = dict(zip(found.names, zip(found.r_hat, found.ess_bulk, found.ess_tail, strict=True), strict=True))
    rows = []
    for name, values in dataset.data_vars.items():
        summaries = _summaries(values)
        for dims, at in cells(values, fit.runs):
            element = f"{name}[{', '.join(map(str, at.values()))}]" if at else str(name)
            numbers = (*summaries.sel(at).to_numpy(), *chains.get(element, (np.nan,) * 3))
            row = dict(zip(COLUMNS, map(float, numbers), strict=True))
            rows.append({"name": str(name).removesuffix(":levels"), "dims": dims} | row)
    return pd.DataFrame(rows)


COLUMNS = ("mean", "sd", "q05", "q50", "q95", "r_hat", "ess_bulk", "ess_tail")


def _summaries(values: xr.DataArray) -> xr.DataArray:
    """Return mean, sd, and quantiles over the draws, along a last dimension."""
    over = ("chain", "draw")
    quantiles = values.quantile([0.05, 0.5, 0.95], over).rename(quantile="summary").drop_vars("summary")
    return xr.concat([values.mean(over), values.std(over), quantiles], "summary").transpose(..., "summary")


def quantities(fit: Fit) -> xr.Dataset:
    """Return draws of what `parameter_table` has rows of; levels of NAME are called `NAME:levels`."""
    variables = {name: of for name, of in fit.posterior.items() if not _over_knots(of)} | {
        f"{name}:levels": parameter_values(fit, name)
        for name, parameter in fit.model.parameters.items()
        if any(isinstance(term, Varying) for term in as_parameter(parameter).terms)
    }
    variables |= {f"{name}_published": values for name, values in published_values(fit).items()}
    return xr.Dataset({name: values.drop_attrs() for name, values in variables.items()})


def _over_knots(values: xr.DataArray) -> bool:
    """Return whether draws are those of a function of the inputs, at its knots, rather than of parameters."""
    return any(str(dim).startswith("knot_") for dim in values.dims)


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


def save(fit: Fit, path: str | Path) -> Path:
    """Write a fit to one file that `load` reads with nothing else; the file appears whole or not at all.

    Raises InputError where the law cannot be written as text.
    """
    from bayes_scaling.modelfile import Study, study_text

    path = Path(path)
    study = study_text(Study(name="fit", model=fit.model, columns=fit.runs.columns))
    tree = xr.DataTree.from_dict({name: node.to_dataset() for name, node in fit.draws.children.items()})
    table = fit.runs.table.rename_axis("row")
    tree["runs"] = xr.DataTree(xr.Dataset({str(c): ("row", table[c].to_numpy()) for c in table}))
    tree.attrs = {
        "format": FORMAT,
        "study": study,
        "record": json.dumps(
            {
                "references": dict(fit.runs.references),
                "source": fit.runs.source,
                "dropped": fit.runs.dropped,
                "averaged": fit.runs.averaged,
                "notes": fit.runs.notes,
                "settings": asdict(fit.settings),
                "health": asdict(fit.health) if fit.health else None,
            }
        ),
    }
    with whole(path) as partial:
        tree.to_netcdf(partial, engine="h5netcdf")
    return path


def load(path: str | Path) -> Fit:
    """Return a fit from its file; its predictions are the same to the last bit.

    Raises InputError where the file is missing, truncated, or not a fit.
    """
    from bayes_scaling.modelfile import parse_study

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a fit written by `save` or `bayes-scaling fit`")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: unreadable or truncated, expected a fit ({str(error).splitlines()[0]})") from None
    attrs = tree.attrs
    if attrs.get("format") != FORMAT:
        raise InputError(f"{path}: format {attrs.get('format')!r}, expected {FORMAT!r}")
    study = parse_study(str(attrs["study"]), str(path))
    record = json.loads(attrs["record"])
    table = tree["runs"].to_dataset().to_dataframe().reset_index(drop=True)
    runs = Runs(
        table=table,
        columns=study.columns,
        references=record["references"],
        levels={dim: np.unique(table[dim].to_numpy()) for dim in study.columns.dims},
        source=record["source"],
        dropped=record["dropped"],
        averaged=record["averaged"],
        notes=tuple(record.get("notes", ())),
    )
    draws = xr.DataTree.from_dict({name: node.to_dataset() for name, node in tree.children.items() if name != "runs"})
    known = record["health"]
    return Fit(study.model, runs, draws, Settings(**record["settings"]), from_record(known) if known else None)
