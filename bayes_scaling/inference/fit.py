"""From a model and its runs to a fit: the posterior, the posterior given other runs, the prior."""

from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.densities import with_densities
from bayes_scaling.inference.memory import refuse_draws
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.retries import sample_until_clean
from bayes_scaling.inference.sampling import sample_prior
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model


def fit(model: Model, runs: Runs, settings: Settings | None = None) -> Fit:
    """Return the posterior of a model given runs; where draws are not clean, sample again by itself, see `retries`.

    A model is compiled the first time it is sampled; later fits of it to other runs only sample, unless levels become so few or
    so many that they are sampled otherwise, see `reparametrization`.

    Priors that are for losses in another unit than the runs' follow it, see `Model.unit`.

    Raises
    ------
    InputError
        Where the runs lack an input or a group that the model needs, or where priors cannot follow the unit.
    """
    model = in_unit_of(model, runs.columns.response)
    draws, found, used = sample_until_clean(model, runs, settings or Settings())
    return with_densities(Fit(model, runs, draws, used, found))


def refit(earlier: Fit, runs: Runs, settings: Settings | None = None) -> Fit:
    """Return the posterior of the same model given other runs, without compiling again."""
    return fit(earlier.model, runs, settings or earlier.settings)


def prior(model: Model, runs: Runs, draws: int = 1000, seed: int = 0) -> Fit:
    """Return draws from the prior in the shape of a fit, so that whatever shows a fit shows the prior too."""
    model, settings = in_unit_of(model, runs.columns.response), Settings(draws=draws, chains=1, seed=seed)
    refuse_draws(model, runs, settings)
    return Fit(model, runs, sample_prior(model, runs, draws, seed), settings, None)
