"""Draws as plain arrays by name, and the same with named dimensions."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_scaling.model.lkj import pair_names
from bayes_scaling.model.names import NOISE_CORRELATION, NOISE_PAIR, NOISE_SD, term_name
from bayes_scaling.model.specification import Model, varyings

type Draws = dict[str, np.ndarray]
"""Name -> draws along the first axis, chain after chain."""
type Levels = Mapping[str, np.ndarray]
"""Group -> its levels."""


def with_dimensions(model: Model, draws: Draws, levels: Levels, chains: int) -> xr.Dataset:
    """Return draws with named dimensions, chain and draw first."""
    over: dict[str, tuple[str, ...]] = {term_name(owner, term): term.dims for owner, term in varyings(model)}
    used = {dim for dims in over.values() for dim in dims}
    count = len(draws[NOISE_SD]) // chains
    between = model.noise.residual_correlation
    if between is not None:
        over[NOISE_CORRELATION] = (NOISE_PAIR,)
        levels, used = {**levels, NOISE_PAIR: pair_names(levels[between.over])}, used | {NOISE_PAIR}
    found = {name: (("chain", "draw", *over.get(name, ())), by_chain(of, chains)) for name, of in draws.items()}
    coords = {"chain": np.arange(chains), "draw": np.arange(count)} | {dim: of for dim, of in levels.items() if dim in used}
    return xr.Dataset(found, coords)


def by_chain(draws: np.ndarray, chains: int) -> np.ndarray:
    """Return draws along one axis with an axis for the chains before it."""
    return draws.reshape(chains, -1, *draws.shape[1:])
