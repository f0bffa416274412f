"""From what was sampled to what a model says: effects of levels, and the discrepancy at its knots."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling import discrepancy
from bayes_scaling.functions import on_arrays
from bayes_scaling.model import (
    NOISE_SD,
    NU_BEYOND_ONE,
    Model,
    departures,
    evaluate,
    information_name,
    model_inputs,
    noise_scales,
    owners,
    parameter_at,
    residual,
    sampled_name,
    spread_name,
    term_name,
    trends,
    varyings,
)
from bayes_scaling.parameters import Prior, Varying, prior_quantiles

BLOCK = 2**22
"""So many numbers are held at a time, draws by rows."""

type Draws = dict[str, np.ndarray]
"""Name -> draws along the first axis."""
type Levels = Mapping[str, np.ndarray]
"""Group -> its levels."""


def expand(
    model: Model, sampled: Draws, arrays: Mapping[str, np.ndarray], levels: Levels, chains: int, seed: int
) -> xr.Dataset:
    """Return draws of all that a model has, from draws of what was sampled, each on its own scale; chain after chain."""
    draws = {name: of for name, of in sampled.items() if not name.endswith("_w")}
    for owner, term in varyings(model):
        sd = draws[spread_name(owner, term)].reshape(-1, *(1 for _ in term.dims))
        widened = np.sqrt(1.0 + arrays[information_name(owner, term)] * sd**2)
        draws[term_name(owner, term)] = sampled[sampled_name(owner, term)] * sd / widened
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    named = _named(model, draws, levels, chains)
    if not model.discrepancy:
        return named
    knots = _in_blocks(model, draws | {discrepancy.SAMPLED: sampled[discrepancy.SAMPLED]}, arrays, levels)
    return discrepancy.extend(departures(model), named, _by_chain(knots, chains), arrays, levels, seed)


def draw_prior(model: Model, arrays: Mapping[str, np.ndarray], levels: Levels, count: int, seed: int) -> xr.Dataset:
    """Return draws from the prior of all that a model has, in one chain."""
    random = np.random.default_rng([seed, 11])

    def scalar(prior: Prior) -> np.ndarray:
        return prior_quantiles(prior, random.uniform(size=count).tolist())

    draws = {name: scalar(parameter.prior) for name, parameter in owners(model).items()}
    draws |= {term_name(owner, term): random.normal(0.0, term.sd, count) for owner, term in trends(model)}
    for owner, term in varyings(model):
        sd = draws[spread_name(owner, term)] = np.abs(random.normal(0.0, term.sd, count))
        shape = tuple(len(levels[dim]) for dim in term.dims)
        draws[term_name(owner, term)] = random.standard_normal((count, *shape)) * sd.reshape(-1, *(1 for _ in shape))
    draws |= {name: scalar(prior) for name, prior in (noise_scales(model) | discrepancy.scales(departures(model))).items()}
    if NU_BEYOND_ONE in draws:
        draws["noise_nu"] = 1.0 + draws.pop(NU_BEYOND_ONE)
    named = _named(model, draws, levels, 1)
    if not model.discrepancy:
        return named
    knots = random.standard_normal((count, arrays[discrepancy.WEIGHTS].shape[1]))
    return discrepancy.extend(departures(model), named, _by_chain(knots, 1), arrays, levels, seed)


def _named(model: Model, draws: Draws, levels: Levels, chains: int) -> xr.Dataset:
    """Return draws with named dimensions, chain and draw first."""
    over = {term_name(owner, term): term.dims for owner, term in varyings(model)}
    used = {dim for dims in over.values() for dim in dims}
    found = {name: (("chain", "draw", *over.get(name, ())), _by_chain(of, chains)) for name, of in draws.items()}
    count = len(draws[NOISE_SD]) // chains
    coords = {"chain": np.arange(chains), "draw": np.arange(count)} | {dim: of for dim, of in levels.items() if dim in used}
    return xr.Dataset(found, coords)


def _by_chain(draws: np.ndarray, chains: int) -> np.ndarray:
    return draws.reshape(chains, -1, *draws.shape[1:])


def left_of_rows(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the law and group effects leave of each row, and the scale of its scatter; a draw a row."""
    logs = {x: arrays[f"log_{x}"] for x in model_inputs(model)}
    logs = {x: of.T[:, None, :] if of.ndim > 1 else of for x, of in logs.items()}
    scalars = {name: of[:, None] for name, of in draws.items() if of.ndim == 1}

    def level(owner: str, term: Varying) -> np.ndarray:
        cells: tuple[Any, ...] = (slice(None), *(arrays[f"index_{dim}"] for dim in term.dims))
        return np.asarray(draws[term_name(owner, term)][cells])

    functions = on_arrays(2)
    with np.errstate(all="ignore"):
        loss = evaluate(model, scalars, logs, level, functions)
        centre = np.log(loss) if model.noise.on == "log_loss" else loss
    scale = parameter_at(model, NOISE_SD, scalars, logs, level, functions)
    if model.noise.correlation is None or model.noise.correlation.white is None:
        scale = np.sqrt(scale**2 + arrays.get("reading_error", 0.0) ** 2)
    left = arrays["response"] - centre - residual(model, level)
    return left, np.broadcast_to(scale, left.shape)


def _in_blocks(model: Model, draws: Draws, arrays: Mapping[str, np.ndarray], levels: Levels) -> np.ndarray:
    """Return draws of the discrepancy's whitened knots."""
    count = len(draws[NOISE_SD])
    step = max(1, BLOCK // max(len(arrays["response"]), arrays[discrepancy.WEIGHTS].shape[1] ** 2))
    found = []
    for start in range(0, count, step):
        part = {name: of[start : start + step] for name, of in draws.items()}
        left, scale = left_of_rows(model, part, arrays)
        precision = (1.0 / scale**2).mean(axis=1)
        found.append(discrepancy.whitened(departures(model), part, arrays, levels, left, precision))
    return np.concatenate(found)
