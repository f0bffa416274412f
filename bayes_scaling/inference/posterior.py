"""The fit: a model, its runs, the posterior draws and the sampler's health."""

from dataclasses import dataclass

import xarray as xr

from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.health import Health
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model


@dataclass(frozen=True)
class Fit:
    """A posterior over a scaling law.

    Parameters
    ----------
    settings
        Those that the draws were made with; more draws or smaller steps than asked where there were further rounds.
    draws
        Groups "posterior" and, but for draws from the prior, "sample_stats", and what `densities` adds; dimensions chain, draw,
        and groups.
    health
        The sampler's health; None for draws from the prior.
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
