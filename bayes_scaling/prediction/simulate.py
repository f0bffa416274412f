"""Runs as a fit says they could have been: its own inputs and groups, with other responses; and runs to come beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.random import derived_seed, stream
from bayes_scaling.data.best_so_far import CENSORED
from bayes_scaling.data.labels import level_index, number_as_text
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expectation import level_knots, levels_at
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model import discrepancy
from bayes_scaling.model.names import term_name
from bayes_scaling.model.noise_scale import slope
from bayes_scaling.model.specification import discrepancy_terms, varyings


def one_draw(fit: Fit, draw: int) -> Fit:
    """Return a fit that holds a single draw of its first chain."""
    return replace(fit, draws=fit.draws.isel(chain=slice(0, 1), draw=slice(draw, draw + 1)))


def simulated(truth: Fit, draw: int, seed: int = 0) -> Runs:
    """Return the runs of a fit with responses that one of its draws, taken for the truth, would show."""
    shown = replicated(one_draw(truth, draw), truth.runs.table, derived_seed(checks.seed(seed, "seed"), "simulation"))
    return with_responses(truth, shown.to_numpy().ravel())


def with_responses(fit: Fit, responses: np.ndarray) -> Runs:
    """Return the runs of a fit with other responses, each a value; errors stay as they are on the scale of the noise."""
    table = fit.runs.table.assign(response=responses).drop(columns=CENSORED, errors="ignore")
    if "measurement_error" in table:
        on = fit.model.noise.on
        table["measurement_error"] *= slope(fit.runs.table["response"].to_numpy(), on) / slope(responses, on)
    return replace(fit.runs, table=table)


def one_chain(fit: Fit, seed: int) -> Fit:
    """Return a fit with its draws in a single chain, in random order."""
    posterior = fit.posterior
    order = stream(seed, "order of draws").permutation(posterior.sizes["chain"] * posterior.sizes["draw"])
    flat = posterior.stack(sample=("chain", "draw")).isel(sample=order).drop_vars(["sample", "chain", "draw"])
    draws = flat.rename(sample="draw").expand_dims(chain=1).transpose("chain", "draw", ...)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": draws}))


def other_runs(fit: Fit, runs: Runs) -> Runs:
    """Return runs to come under labels that are new to a fit where its noise is correlated along runs, else as they are.

    A run done again shares its effects and not its path, which rows under one label would.
    """
    if fit.model.noise.correlation is None:
        return runs
    label, known = runs.table["run"], fit.runs.levels["run"]
    seen = level_index(label, known) >= 0
    text, added = label.map(number_as_text), " again"
    while (level_index(text + added, known) >= 0).any():
        added += " again"
    renamed = text.where(~seen, text + added)
    table = runs.table.assign(run=renamed if seen.any() else label)
    return replace(runs, table=table, levels={**runs.levels, "run": np.unique(table["run"].to_numpy())})


def with_levels(fit: Fit, levels: Mapping[str, np.ndarray], seed: int) -> Fit:
    """Return a fit with the effects of such levels: its own where it has them, else drawn from their population."""
    found = {}
    for owner, term in varyings(fit.model):
        effect = levels_at(fit, _cells(term.dims, levels), seed, new=False)(owner, term)
        found[term_name(owner, term)] = _by_level(effect, term.dims, levels)
    for smooth, inputs in discrepancy_terms(fit.model):
        if smooth.dims:
            knots = level_knots(fit, _cells(smooth.dims, levels), smooth, inputs)
            found[discrepancy.name(smooth)] = _by_level(knots, smooth.dims, levels)
    posterior = fit.posterior
    posterior = posterior.drop_dims([dim for dim in posterior.dims if dim in levels]).assign(found)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior}))


def _cells(dims: Sequence[str], levels: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return every combination of levels of some groups, a row each."""
    return pd.MultiIndex.from_product([levels[dim] for dim in dims], names=list(dims)).to_frame(index=False)


def _by_level(rows: xr.DataArray, dims: Sequence[str], levels: Mapping[str, np.ndarray]) -> xr.DataArray:
    """Return draws at all combinations of levels, dimensions chain, draw, row and others, by group."""
    own = {dim: levels[dim] for dim in dims}
    ordered = rows.transpose("chain", "draw", "row", ...)
    shape = (*ordered.shape[:2], *map(len, own.values()), *ordered.shape[3:])
    names = ("chain", "draw", *dims, *ordered.dims[3:])
    coords = {dim: ordered[dim] for dim in ordered.dims[3:]}
    return xr.DataArray(ordered.to_numpy().reshape(shape), dims=names, coords=coords | own)
