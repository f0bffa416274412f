"""Fits written by hand from draws, so that what no sampler does on demand can be tested at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
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
