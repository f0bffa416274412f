"""From the draws of a sampler to their health: convergence of every element, divergences, energy."""

from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.inference.convergence import convergence
from bayes_scaling.inference.divergences import place_of
from bayes_scaling.inference.health import Health


def health(tree: xr.DataTree) -> Health:
    """Return the sampler's health over every parameter and level.

    Parameters
    ----------
    tree
        Groups "posterior", and "sample_stats" with `diverging` and `energy`, and, where the sampler says it,
        `reached_max_treedepth`.
    """
    posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    found = convergence(posterior)
    energy = convergence(stats[["energy"]].astype(float))
    diverging = stats["diverging"].transpose("chain", "draw").to_numpy().astype(bool)
    bulk = found.ess_bulk
    known = bool(len(bulk)) and bool(np.isfinite(bulk).any())
    return Health(
        divergences=int(diverging.sum()),
        r_hat=_extreme(found.r_hat, np.max),
        ess_bulk=_extreme(bulk, np.min) or 0.0,
        ess_tail=_extreme(found.ess_tail, np.min) or 0.0,
        bfmi=_bfmi(stats["energy"]),
        worst=found.names[int(np.nanargmin(bulk))] if known else "",
        draws=diverging.size,
        chains=len(diverging),
        by_chain=tuple(int(count) for count in diverging.sum(axis=1)),
        place=place_of(posterior, diverging),
        max_depth=int(stats["reached_max_treedepth"].sum()) if "reached_max_treedepth" in stats else 0,
        stuck=(*found.stuck, *energy.stuck),
        not_finite=(*found.not_finite, *energy.not_finite),
    )


def _extreme(values: np.ndarray, of: Any) -> float | None:
    """Return the largest or smallest of what is known, None where nothing is."""
    known = values[np.isfinite(values)]
    return float(of(known)) if len(known) else None


def _bfmi(energy: xr.DataArray) -> float | None:
    from arviz_stats.base import array_stats

    with np.errstate(divide="ignore", invalid="ignore"):  # of a chain whose energy never moved
        chains = array_stats.bfmi(energy.transpose("chain", "draw").to_numpy())
    return float(chains.min()) if np.isfinite(chains).all() else None
