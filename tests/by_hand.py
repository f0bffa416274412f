"""Fits written by hand from draws, so that what no sampler does on demand can be tested at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.health import Health

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
    model: bs.Model, runs: bs.Runs, draws: Mapping[str, Any], health: Health | None, dims: Mapping[str, tuple[str, ...]] = {}
) -> bs.Fit:
    """Return a fit with the given draws, name -> (chain, draw, level ...)."""
    variables = {name: (("chain", "draw", *dims.get(name, ())), np.asarray(of)) for name, of in draws.items()}
    levels = {dim: runs.levels[dim] for every in dims.values() for dim in every}
    posterior = xr.Dataset(variables, coords=levels)
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(progress=False), health)


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
