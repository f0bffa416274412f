"""From a model and its runs to a fit: the posterior, the posterior given other runs, the prior."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.cost_axis import at_cost
from bayes_scaling.data.reading import read_runs
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.densities import with_densities
from bayes_scaling.inference.memory import refuse_draws
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.retries import sample_until_clean
from bayes_scaling.inference.sampling import sample_prior
from bayes_scaling.model.curves import TAKEN, taken_as_curves
from bayes_scaling.model.joining import joined
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import Study, study_for, study_runs


def fit(
    model: Model | Study | str | Path,
    runs: Runs | Table | None = None,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    independent: bool = False,
    cost: str | None = None,
) -> Fit:
    """Return the posterior of a model given runs; where draws are not clean, sample again by itself.

    p(theta | y) = p(y | theta) p(theta) / p(y)

    theta are the parameters of the law, the scales of noise and groups, and group effects; y the responses of the runs. Draws
    are of NUTS, or with `Settings(method="laplace")` of an approximation.

    A model is compiled the first time it is sampled. Later fits of it to other runs only sample, unless levels become so few or
    so many that their effects are parametrized otherwise.

    Priors of losses in another unit than the runs' are converted to it, see `Model`.

    Parameters
    ----------
    model
        A model; or a study, or the name or file of one, which knows its columns and settings.
    runs
        What `read_runs` returns. A study also takes a table, a frame or the path of one; None: its own table. Inputs whose
        columns state no reference have the model's, which is where its priors are.
    settings
        How to sample; None: as the study says, or `Settings()`.
    columns
        Role in a study -> column of the table, where it calls them otherwise, such as {"params": "N", "loss": "eval/loss"}.
        Roles are the study's inputs and groups by their names, `loss`, `run`, `lr` and `step`.
    units
        Role -> what the table counts it in, such as {"params": "M", "loss": "bits/byte"}.
    independent
        Whether rows of a table that look like checkpoints of runs are runs of their own all the same. Else a study that names
        no run takes them for curves, with noise correlated along each run, and warns.
    cost
        One of the runs' costs that the law's input `compute` is to read, see `at_cost`.

    Returns
    -------
    Fit
        The posterior draws, with the health of their chains. `fit.health.rounds` lists every round of sampling.

    Raises
    ------
    InputError
        Where the runs lack an input or a group that the model needs, where priors cannot be converted to the unit of the runs,
        where the runs' columns state other references than the priors are at, or where the draws would not fit into memory.

    Examples
    --------
    A power law fitted to five runs:

    >>> import bayes_scaling as bs
    >>> table = {"compute": [1.0, 3.0, 10.0, 30.0, 100.0], "loss": [3.0, 2.7, 2.4, 2.15, 1.9]}
    >>> runs = bs.read_runs(table, bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}))
    >>> priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    >>> model = bs.Model(bs.laws.power_law, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=3.0)))
    >>> found = bs.fit(model, runs, bs.Settings(draws=500, chains=2, seed=1, progress=False))
    >>> found.health.ok, round(float(found.posterior["b"].mean()), 2)
    (True, 0.1)

    A bundled study with its own table, and one with yours:

    >>> bs.fit("moba_vs_full")  # doctest: +SKIP
    >>> bs.fit("chinchilla", "runs.csv", bs.Settings(seed=1))  # doctest: +SKIP
    >>> bs.fit("chinchilla", "sheet.csv", columns={"params": "N", "loss": "val_loss"}, units={"params": "M"})  # doctest: +SKIP

    What is no study is refused before anything is sampled:

    >>> bs.fit("no such study")
    Traceback (most recent call last):
        ...
    bayes_scaling._base.errors.InputError: ...
    """
    named = for_table(model, runs, columns, units)
    model, own, settings = _resolved(named, runs, settings, independent=independent)
    for note in own.notes if own is not runs else ():
        if TAKEN in note:
            warnings.warn(note, stacklevel=2)
    own = own if cost is None else at_cost(joined(model, own)[1], cost)
    model, own = joined(model, own)
    draws, found, used = sample_until_clean(model, own, settings)
    return with_densities(Fit(model, own, draws, used, found))


def _resolved(
    model: object, runs: object, settings: Settings | None, *, independent: bool = True
) -> tuple[Model, Runs, Settings]:
    """Return a model, its runs and settings, whether they were given so or as a study; errors name both sides."""
    if isinstance(runs, Settings):
        raise InputError("settings stand where runs do; expected fit(model, runs, settings), or fit(study, settings=settings)")
    if settings is not None and not isinstance(settings, Settings):
        raise InputError(f"settings are a bs.Settings, not a {type(settings).__name__}; expected fit(model, runs, settings)")
    study = read_study(model) if isinstance(model, str | Path) else model
    if isinstance(study, Study):
        study, own = study_with_runs(study, runs, independent=independent)
        return study.model, own, settings or study.settings
    if not isinstance(study, Model):
        raise InputError(f"fit takes a Model with its Runs, or a study with a table, not a {type(model).__name__} first")
    if not isinstance(runs, Runs):
        said = "no runs" if runs is None else f"a {type(runs).__name__}"
        raise InputError(
            f"a Model is fitted to Runs, given was {said}; bs.read_runs(table, columns) makes them, a study needs none"
        )
    return study, runs, settings or Settings()


def study_with_runs(study: Study, runs: object, *, independent: bool = True) -> tuple[Study, Runs]:
    """Return a study and its runs: those given, read from a table, or its own; see `taken_as_curves` for what may change."""
    if isinstance(runs, Runs):
        return study, runs
    table = cast("Table | None", runs)
    own = study_runs(study, table)
    return (study, own) if independent else taken_as_curves(study, own, table)


def for_table(model: object, runs: object, columns: Mapping[str, str] | None, units: Mapping[str, str] | None) -> object:
    """Return a study for a table whose columns are called, or count, as is said; anything else as it is where nothing is."""
    if not columns and not units:
        return model
    study = read_study(model) if isinstance(model, str | Path) else model
    if not isinstance(study, Study) or isinstance(runs, Runs):
        raise InputError("columns and units are for a study and a table; runs that were read, and a Model, know theirs")
    return study_for(study, columns, units)


@asked
def refit(earlier: Fit, runs: Runs | Table, settings: Settings | None = None) -> Fit:
    """Return the posterior of the same model given other runs, without compiling again.

    Parameters
    ----------
    earlier
        A fit of the model; its draws are not used.
    runs
        The other runs, as `read_runs` returns them, or a table with the columns of the earlier fit's. Inputs whose columns
        state no reference have the earlier fit's.
    settings
        How to sample; None: as the earlier fit was sampled, with the draws and step sizes of the round that was kept.

    Returns
    -------
    Fit
        As `fit` returns it.

    Raises
    ------
    InputError
        As in `fit`, and in `read_runs`.

    Examples
    --------
    A sweep has grown by a run:

    >>> import bayes_scaling as bs
    >>> columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)})
    >>> sweep = {"compute": [1.0, 3.0, 10.0, 30.0, 100.0], "loss": [3.0, 2.7, 2.4, 2.15, 1.9]}
    >>> priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    >>> model = bs.Model(bs.laws.power_law, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=3.0)))
    >>> earlier = bs.fit(model, bs.read_runs(sweep, columns), bs.Settings(draws=500, chains=2, seed=1, progress=False))
    >>> grown = {"compute": [*sweep["compute"], 300.0], "loss": [*sweep["loss"], 1.72]}
    >>> len(bs.refit(earlier, grown).runs)
    6
    """
    given = runs is None or isinstance(runs, Runs | Settings)  # `fit` says what is wrong with others than runs
    own = cast("Runs", runs) if given else read_runs(cast("Table", runs), earlier.runs.columns)
    return fit(earlier.model, own, settings or earlier.settings)


@asked
def prior(
    model: Model | Study | str | Path,
    runs: Runs | Table | None = None,
    draws: int = 1000,
    seed: int = 0,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Fit:
    """Return draws from the prior in the shape of a fit, so that predictions and figures of a fit are those of the prior too.

    Parameters
    ----------
    model
        The model whose prior it is; or a study, or the name or file of one.
    runs
        What the model would be fitted to, as `fit` takes it; their losses are not used. They have the levels of groups, the
        references of inputs, and the unit of the loss.
    draws
        How many draws there are, in one chain.
    seed
        Of the random numbers.
    columns, units
        As `fit` takes them.

    Returns
    -------
    Fit
        With `health` None: nothing was sampled by Markov chains.

    Raises
    ------
    InputError
        Where the runs lack an input or a group that the model needs, or where the draws would not fit into memory.

    Examples
    --------
    The prior predictive loss of a study, in nats per token:

    >>> import bayes_scaling as bs
    >>> before = bs.prior("moba_vs_full", draws=100)
    >>> before.posterior.sizes["draw"]
    100
    >>> bool(bs.predict(before, {"compute": [1.5], "position": 30720, "attention": "moba"}).median() > 0)
    True
    """
    model, runs, settings = _resolved(for_table(model, runs, columns, units), runs, Settings(draws=draws, chains=1, seed=seed))
    model, runs = joined(model, runs)
    refuse_draws(model, runs, settings)
    return Fit(model, runs, sample_prior(model, runs, draws, seed), settings, None)
