"""Fits written by hand from draws, so that what no sampler does on demand can be tested at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.health import Health
from bayes_scaling.model import discrepancy, gaussian_process as gp, names as called, specification as of_model
from bayes_scaling.model.priors import link, median

CLEAN = Health(divergences=0, r_hat=1.001, ess_bulk=900.0, ess_tail=800.0, bfmi=0.9, worst="a", draws=8000, chains=4)
NOTED = Health(4, 1.001, 900.0, 800.0, 0.9, "a", 8000, 4, (1, 1, 1, 1), "at small noise_sd (below its 5 % quantile)")
BAD = Health(40, 1.05, 120.0, 90.0, 0.9, "a", 8000, 4, (10, 10, 10, 10))


def tree(posterior: Mapping[str, Any], diverging: Any = None, energy: Any = None, **stats: Any) -> xr.DataTree:
    """Return draws as a sampler returns them; energies are white noise and nothing diverges unless said."""
    shape = next(iter(posterior.values())).shape[:2]
    stats = {
        "diverging": np.zeros(shape, dtype=bool) if diverging is None else diverging,
        "energy": np.random.default_rng(9).normal(size=shape) if energy is None else energy,
        **stats,
    }
    variables = {
        name: (("chain", "draw", *(f"{name}_dim_{i}" for i in range(of.ndim - 2))), of) for name, of in posterior.items()
    }
    known = xr.Dataset({name: (("chain", "draw"), of) for name, of in stats.items()})
    return xr.DataTree.from_dict({"posterior": xr.Dataset(variables), "sample_stats": known})


def fit_of(
    model: bs.Model, runs: Runs, draws: Mapping[str, Any], health: Health | None, dims: Mapping[str, tuple[str, ...]] = {}
) -> bs.Fit:
    """Return a fit with the given draws, name -> (chain, draw, level ...)."""
    variables = {name: (("chain", "draw", *dims.get(name, ())), np.asarray(of)) for name, of in draws.items()}
    levels = {dim: runs.levels[dim] for every in dims.values() for dim in every}
    shape = np.shape(next(iter(draws.values())))[:2]
    counted = {dim: np.arange(of) for dim, of in zip(("chain", "draw"), shape, strict=True)}
    posterior = xr.Dataset(variables, coords=counted | levels)
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(progress=False), health)


def fit_with(
    model: bs.Model,
    runs: Runs,
    values: Mapping[str, Any],
    *,
    shape: tuple[int, int] = (2, 200),
    spread: float = 0.02,
    seed: int = 0,
    health: Health | None = None,
) -> bs.Fit:
    """Return a fit with draws of every variable that a model's posterior has, whatever the model.

    values: name -> its value, or one for each level, from which draws stray by `spread` (relative where it is positive by its
        prior, else absolute), or draws of all, (chain, draw, level ...), as they are. What is not given is the median of its
        prior; effects and slopes 0, standard deviations of effects a tenth, knots of a discrepancy a draw of its process.
    """
    rng, draws, dims = np.random.default_rng(seed), {}, {}
    for name, (middle, positive, own) in variables(model, runs).items():
        sizes = tuple(len(runs.levels[dim]) for dim in own)
        given = np.asarray(values.get(name, middle), float)
        if given.ndim == 2 + len(own) and given.shape[:2] == shape:
            draws[name] = given
        else:
            stray = spread * rng.normal(size=(*shape, *sizes))
            draws[name] = given * np.exp(stray) if positive else given + stray
        dims[name] = own
    if unknown := sorted(set(values) - set(draws) - {discrepancy.name(term) for term in model.discrepancy}):
        raise KeyError(f"the model has no {unknown}; it has {sorted(draws)}")
    fit = fit_of(model, runs, draws, health, dims)
    posterior = fit.posterior
    for term, inputs in of_model.discrepancy_terms(model):
        posterior = posterior.assign({discrepancy.name(term): knots(fit, term, inputs, values, rng)})
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), fit.settings, health)


def variables(model: bs.Model, runs: Runs) -> dict[str, tuple[float, bool, tuple[str, ...]]]:
    """Return the variables of a posterior but for knots: name -> a value, whether it is positive, and its groups."""
    priors = {name: parameter.prior for name, parameter in of_model.parameters_with_priors(model).items()}
    scales = {name: prior for name, prior in of_model.noise_scales(model).items() if name != called.NU_BEYOND_ONE}
    scales |= discrepancy.scales(of_model.discrepancy_terms(model))
    found = {name: (median(prior), link(prior) == "log", ()) for name, prior in (priors | scales).items()}
    found |= {"noise_nu": (5.0, True, ())} if model.noise.distribution == "student_t" else {}
    for owner, term in of_model.varyings(model):
        found[called.spread_name(owner, term)] = (0.1, True, ())
        found[called.term_name(owner, term)] = (0.0, False, term.dims)
    return found | {called.term_name(owner, term): (0.0, False, ()) for owner, term in of_model.trends(model)}


def knots(
    fit: bs.Fit, term: bs.Discrepancy, inputs: tuple[str, ...], values: Mapping[str, Any], rng: np.random.Generator
) -> xr.DataArray:
    """Return draws of a discrepancy at its knots, within and beyond the runs: those given, or draws of its process."""
    table, references = fit.runs.table, fit.runs.references
    placed = gp.place_knots(term, inputs, [np.log(table[x].to_numpy() / references[x]) for x in inputs])
    grid = [np.sort(gp.extended(one)) for one in placed]
    levels = {dim: fit.runs.levels[dim] for dim in term.dims}
    shape = (*fit.posterior["noise_sd"].shape, *map(len, levels.values()), *map(len, grid))
    if discrepancy.name(term) in values:
        drawn = np.broadcast_to(values[discrepancy.name(term)], shape)
    else:
        drawn = gp.unwhitened(term, inputs, fit.posterior, grid, rng.standard_normal(shape))
    coords = levels | {discrepancy.knot_dim(x): one for x, one in zip(inputs, grid, strict=True)}
    return xr.DataArray(drawn, coords, ("chain", "draw", *coords))


def sweep(health: Health | None) -> bs.Fit:
    """Return a fit of Chinchilla's law with two architectures, ten rows a run, whose draws are the published values +- 2 %."""
    rng = np.random.default_rng(4)
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 4), np.geomspace(2e9, 1e11, 10), indexing="ij"))
    parts = []
    for arch, level in {"dense": 1.0, "sparse": 0.97}.items():
        loss = level * (1.8 + 0.37 * (params / 1e9) ** -0.35 + 0.46 * (tokens / 1e10) ** -0.37)
        names = [f"{arch} {size:.2g}" for size in params]
        parts.append(pd.DataFrame({"run": names, "arch": arch, "params": params, "tokens": tokens, "loss": loss}))
    table = pd.concat(parts, ignore_index=True)
    table["loss"] *= np.exp(rng.normal(0, 0.01, len(table)))
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)}
    columns = bs.Columns(inputs, bs.Response("loss", "nats/token"), {"arch": "arch"}, run="run")
    priors = {name: bs.Prior(median=of, factor=2.0) for name, of in PUBLISHED.items()}
    parameters = priors | {"E": priors["E"] + bs.Varying("arch", 0.05)}
    model = bs.Model(bs.laws.chinchilla, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"))
    draws = {name: of * np.exp(rng.normal(0, 0.02, (2, 200))) for name, of in (PUBLISHED | {"noise_sd": 0.01}).items()}
    draws |= {"E_sd_arch": np.abs(rng.normal(0, 0.05, (2, 200))), "E_by_arch": rng.normal([0.0, -0.03], 0.005, (2, 200, 2))}
    return fit_of(model, bs.read_runs(table, columns), draws, health, {"E_by_arch": ("arch",)})


PUBLISHED = {"E": 1.8, "A": 0.37, "alpha": 0.35, "B": 0.46, "beta": 0.37}
