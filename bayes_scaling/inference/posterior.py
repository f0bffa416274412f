"""The fit: a model, its runs, the posterior draws and the sampler's health."""

from dataclasses import dataclass

import xarray as xr

from bayes_scaling._base.views import page, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.health import Health
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model

PRIOR = "prior"
"""The attribute that marks draws as those of the prior."""


@dataclass(frozen=True, repr=False)
class Fit:
    """A posterior over a scaling law: what `fit`, `refit`, `prior` and `load` return.

    `.summary()` has sentences, `.to_frame()` a table of the parameters, `.plot()` the runs with their predictive bands,
    `.to_datatree()` the groups that ArviZ reads. It prints as a page of five lines.

    Parameters
    ----------
    model
        The law with its priors, noise and discrepancy; priors of the loss are in the unit of the runs.
    runs
        What it was fitted to.
    draws
        Groups "posterior" and, but for draws from the prior, "sample_stats", "log_prior" and, where rows are few enough,
        "log_likelihood"; dimensions chain, draw, and groups of runs.
    settings
        Those that the draws were made with; more draws or smaller steps than asked where there were further rounds.
    health
        The health of the chains; None for draws from the prior.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=100)
    >>> print(repr(before).splitlines()[2])
    Draws: 100 draws in 1 chain, not sampled.
    >>> list(before.to_frame())[:4]
    ['name', 'dims', 'mean', 'sd']
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

    to_datatree = view("bayes_scaling.inference.datatree:to_datatree")
    to_frame = view("bayes_scaling.inference.parameters:parameter_table")
    plot = view("bayes_scaling.plots.overview:bands_figure")
    _lines = view("bayes_scaling.inference.page:lines")
    _sentences = view("bayes_scaling.report.sentences:summary_sentences")

    def summary(self) -> str:
        """Return what the fit says, a sentence a line: alternatives compared, the best split of compute, losses."""
        return "\n".join(self._sentences())

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        title, *lines = self._lines()
        return page(title, lines, health=self.health.line if self.health else "")


def is_prior(fit: Fit) -> bool:
    """Return whether the draws of a fit are those of its prior."""
    return bool(fit.posterior.attrs.get(PRIOR))
