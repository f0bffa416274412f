"""Several laws fitted to the same runs as one posterior: each weighed by how it extrapolates within the runs."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import fixed
from bayes_scaling.data.cost_axis import at_cost
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.comparable import require_same_references, require_same_scale
from bayes_scaling.inference.fit import fit, for_table, study_with_runs
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Stack, Weighing
from bayes_scaling.model.curves import TAKEN
from bayes_scaling.model.joining import joined
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.validation.splits import Fold, extrapolations
from bayes_scaling.validation.stack_judging import Spent, judge, say, weigh

type Models = Study | str | Path | Mapping[str, Model]
"""Several models: those of a study's stack, or by name."""


def fit_stack(
    models: Models,
    runs: Runs | Table | None = None,
    settings: Settings | None = None,
    *,
    prior: Mapping[str, float] | None = None,
    train: Sequence[str] = (),
    evenly: float = 1.0,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    independent: bool = False,
    cost: str | None = None,
) -> Stack:
    """Return the mixture of several laws' posteriors given runs, weighed by how each predicts larger runs from smaller ones.

    p(y) = sum_k w_k p_k(y | all runs);  w maximizes  sum_i log(sum_k w_k p_k(y_i | runs smaller than i)) + n sum_k p_k log w_k

    1. Each law is fitted to all runs. One whose draws are not to be trusted is left out, which is said, unless that are all.
    2. Each is fitted to the lower two thirds and the lower half of the runs' range of compute, see `extrapolations`, and scored
       by the log density of the runs above. Draws that are not to be trusted there are said, and count.
    3. `stacking_weights` of these scores, with a Dirichlet prior around the weights p, worth the n rows of one cut, which err
       together.

    Of runs too few to be cut, fewer than eight, the weights are the prior's.

    Parameters
    ----------
    models
        A study with a stack, or its name or file; or name -> model, two or more.
    runs
        What `read_runs` returns. A study also takes a table, a frame or the path of one; None: its own table.
    settings
        How to sample, each law as `fit` does; None: as the study says, or `Settings()`. Fits to a part of the runs take at
        most 500 draws a chain, once. The mixture has as many draws as one law at most.
    prior
        Law -> weight before the runs were seen, in any unit; None: those of the study, or the same for all.
    train
        Filters whose runs laws are trained on, to be scored by the others, as for `compare`; none given: as above.
    evenly
        How many cuts the prior weights are worth: of F cuts a law that always loses keeps p evenly / (F + evenly).
    columns, units, independent, cost
        As `fit` takes them.

    Returns
    -------
    Stack
        `predict`, `plan`, `rank`, `save` and others take it as they take a fit. `.weighing` has the scores behind the weights,
        what was left out, seconds and leapfrog steps.

    Raises
    ------
    InputError
        For fewer than two laws, noise on different scales, a study without a stack, and as `fit` does.

    References
    ----------
    .. [1] Yao, Vehtari, Simpson and Gelman (2018). Using stacking to average Bayesian predictive distributions. Bayesian
       Analysis 13, 917-1007.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> both = bs.fit_stack({"chinchilla": model, "kaplan": other}, runs)  # doctest: +SKIP
    >>> print(both.summary())  # doctest: +SKIP

    A study that names no stack has one law:

    >>> bs.fit_stack("chinchilla_law")
    Traceback (most recent call last):
        ...
    bayes_scaling._base.errors.InputError: chinchilla_law names no stack; expected a study with [[stack]] entries, or ...
    """
    given = for_table(models, runs, columns, units)
    named, own, used, centre = _resolved(given, runs, settings, independent=independent)
    for note in own.notes if own is not runs else ():
        if TAKEN in note:
            warnings.warn(note, stacklevel=2)
    own = _against(named, own)
    own = own if cost is None else at_cost(own, cost)
    evenly = checks.at_least(0)(evenly, "evenly")
    centre = _normalized(named, prior if prior is not None else centre)
    parts = extrapolations(own, train)
    _check(named, own, parts)
    spent = Spent()
    fits = _fits(named, own, used, spent)
    kept, left_out = _trusted(fits)
    judged = {name: judge(named[name], own, parts, used, spent, name) for name in kept} if len(kept) > 1 else {}
    return weigh({name: fits[name] for name in kept}, judged, parts, used, Weighing(centre, left_out=left_out), spent, evenly)


def _resolved(
    models: object, runs: object, settings: Settings | None, *, independent: bool
) -> tuple[dict[str, Model], Runs, Settings, dict[str, float]]:
    """Return models by name, their runs, settings and prior weights; errors name both sides."""
    study = read_study(models) if isinstance(models, str | Path) else models
    if isinstance(study, Study):
        if not study.stack:
            raise InputError(f"{study.name} names no stack; expected a study with [[stack]] entries, or models by name")
        study, own = study_with_runs(study, runs, independent=independent)
        every = {one.name: one.model for one in study.stack}
        return every, own, settings or study.settings, {one.name: one.weight for one in study.stack}
    if not isinstance(study, Mapping) or not all(isinstance(one, Model) for one in study.values()):
        raise InputError(
            f"fit_stack takes a study with [[stack]] entries, or a mapping from names to models, not a {type(models).__name__}"
        )
    if not isinstance(runs, Runs):
        raise InputError(f"models by name are fitted to Runs, given was a {type(runs).__name__}; bs.read_runs makes them")
    return dict(study), runs, settings or Settings(), {}


def _normalized(models: Mapping[str, Model], weights: Mapping[str, float]) -> dict[str, float]:
    """Return prior weights that sum to 1."""
    weights = weights or dict.fromkeys(models, 1.0)
    if set(weights) != set(models) or not all(0 < of < np.inf for of in weights.values()):
        raise InputError(f"prior weights must be above 0, one for each of {format_names(models)}, not {dict(weights)}")
    total = sum(weights.values())
    return {name: float(weights[name]) / total for name in models}


def _against(models: Mapping[str, Model], runs: Runs) -> Runs:
    """Return runs against the references that the priors of all laws are at; refuse laws that are at different ones."""
    against = {name: joined(model, runs)[1] for name, model in models.items()}
    require_same_references(against)
    return next(iter(against.values()), runs)


def _check(models: Mapping[str, Model], runs: Runs, parts: Sequence[Fold]) -> None:
    if len(models) < 2:
        raise InputError(f"a stack is of two laws or more; given {format_names(models)}")
    require_same_scale(models)
    for model in models.values():
        for part in (runs, *(part.train for part in parts)):
            check_runs(*joined(model, part))


def _fits(models: Mapping[str, Model], runs: Runs, settings: Settings, spent: Spent) -> dict[str, Fit]:
    """Return each law's fit to all runs."""
    found, quiet = {}, replace(settings, progress=False)
    for i, (name, model) in enumerate(models.items(), 1):
        with spent.timed(name):
            found[name] = fit(model, runs, quiet)
        spent.sampled(name, found[name].health)
        health = found[name].health
        say(settings, f"law {i} of {len(models)}, {name}: {fixed(spent.seconds[name], 1)} s, {health.grade if health else ''}")
    return found


def _trusted(fits: Mapping[str, Fit]) -> tuple[list[str], dict[str, str]]:
    """Return the laws whose draws may be trusted, or all where none may; and why the others are left out."""
    doubted = {name: of.health for name, of in fits.items() if of.health and not of.health.ok}
    bad = {name: "; ".join(one.what for one in health.remarks) for name, health in doubted.items()}
    if len(bad) == len(fits):
        return list(fits), {}
    return [name for name in fits if name not in bad], {name: f"not to be trusted: {why}" for name, why in bad.items()}
