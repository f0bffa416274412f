"""What unfinished runs will end at: the posterior of a fit, conditioned on the rows that they have shown so far.

Where the rows leave only few of the fit's draws with any weight, the model is fitted again with them among its runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args, overload

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.log import LOG
from bayes_scaling._base.numbers import number
from bayes_scaling.data.rates import UNREAD_FALL
from bayes_scaling.data.runs import concat_runs
from bayes_scaling.data.tables import Table, tables_of
from bayes_scaling.inference.fit import refit
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.memory import draws_in
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Stack, groups_needed, inputs_read
from bayes_scaling.prediction.conditioning import Conditioned, conditioned
from bayes_scaling.prediction.forecast_record import Forecast as Forecast, Joint
from bayes_scaling.prediction.jobs import Ends, Job, joint_frame, read_jobs, with_jobs
from bayes_scaling.prediction.joint_forecast import Forecasts
from bayes_scaling.prediction.notes import new_levels, noise_groups
from bayes_scaling.prediction.planned_rates import Rate
from bayes_scaling.prediction.predict import Kind, labelled
from bayes_scaling.prediction.shared_misfit import shared_misfits

MAX_DRAWS_FORECAST = 2000
"""Draws of a fit that a forecast is made of, at most."""

FEW_DRAWS = 200.0
"""With fewer effective draws the ends of a band hang on a dozen of them: the model is fitted again."""

FEW_SHARE = 0.25
"""A fit of few draws is fitted again only where its rows leave less than so many of its draws: more would not come of it."""


@dataclass(frozen=True)
class _Found:
    """What one law says of jobs: draws of their rows to come, a draw a row of either array, and how it came to them."""

    expected: np.ndarray
    observed: np.ndarray
    chains: int
    tail_probabilities: dict[str, float]
    effective: float
    refitted: bool
    evidence: float
    health: Health | None


@overload
def forecast(  # type: ignore[overload-overlap]  # records are one table
    fit: Fit | Stack,
    curve: Table,
    at: Ends | None = None,
    *,
    kind: Kind = ...,
    seed: int = 0,
    refit_below: float | None = ...,
    rate: Rate = ...,
) -> Forecast: ...
@overload
def forecast(
    fit: Fit | Stack,
    curve: Sequence[Table],
    at: Ends | None = None,
    *,
    kind: Kind = ...,
    seed: int = 0,
    refit_below: float | None = ...,
    rate: Rate = ...,
) -> Forecasts: ...


def forecast(
    fit: Fit | Stack,
    curve: Table | Sequence[Table],
    at: Ends | None = None,
    *,
    kind: Kind = "observed",
    seed: int = 0,
    refit_below: float | None = None,
    rate: Rate = "known",
) -> Forecast | Forecasts:
    """Return the posterior of what unfinished runs will show, given a fitted family of runs and their rows so far.

    p(y_end | y_seen, runs) = integral p(y_end | y_seen, theta) p(theta | y_seen, runs) dtheta

    The draws of theta are those of the fit, weighted by how probable they make the rows seen; see `conditioning`.

    Parameters
    ----------
    fit
        A fit to finished runs of the family, or a stack of several laws, whose weights the rows shift.
    curve
        The log so far, with the columns of the fit's table (groups that the law does not vary over may be missing); or the name
        of a run that the fit has seen. The log is filtered, checked and averaged as the fit's runs were, and its measurement
        errors count. A list of logs, or one log with several runs, is of several jobs, conditioned on together.
    at
        Where along the run it ends, in base units (tokens, steps), as a forecast says it; a number that the run has passed is
        taken to be in the unit of its column where it then lies ahead. Or a table of places to come, the end last, for inputs
        that change along the run. A planned schedule is such a table. Of several jobs one for all, a list, or a dict by name.
    kind
        "observed" is what a row will show, as the fit's rows are; "expected" leaves out what single rows scatter by.
    seed
        Of the scatter.
    refit_below
        With fewer effective draws than this the model is fitted again with the rows among its runs, by the settings of the fit,
        which takes as long as that did; 0 never does. None: 200, or a quarter of the draws that the forecast is made of where
        that is less.
    rate
        How the learning rate goes on, where inputs come of it: "known" is as in finished runs that began so, or along the
        cosine or line on which its own rows lie; "constant" keeps one that is constant, or was after a step. A table
        says anything else.

    Returns
    -------
    Forecast
        `.summary()` says what the run will show, `.to_frame()` has its path, `.plot()` draws it; `.probability(2.4)` is that of
        ending below a loss, `.first_passage(2.4)` says where and when it falls below one. Of several jobs a `Forecasts`: one of
        each, `found["run name"]`, with common draws of the law.

    Raises
    ------
    InputError
        As `read_runs` does, and where a log reaches beyond `at`, counts in another unit than the fit's runs, or carries the
        name of a run that the fit has seen, where two are of one run, and where it is not known how the learning rate goes on.

    Examples
    --------
    A run with three rows, at its planned end, from draws of a prior:

    >>> import bayes_scaling as bs
    >>> done = {"tokens": [1e10, 3e10, 1e11], "run": "done", "loss": [3.0, 2.7, 2.4]}
    >>> runs = bs.read_runs(done, bs.Columns({"tokens": bs.Input("tokens", "tokens", 1e10)}, run="run"))
    >>> priors = {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.3)}
    >>> noise = bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal")
    >>> before = bs.prior(bs.Model(bs.parse_law("a * tokens**-b", ["tokens"]), priors, noise), runs)
    >>> running = {"tokens": [1e10, 2e10, 4e10], "run": "running", "loss": [2.9, 2.71, 2.53]}
    >>> found = bs.forecast(before, running, at=1e11, refit_below=0)
    >>> round(float(found.final.median()), 1)
    2.3

    Two logs of a family that was fitted, conditioned on together:

    >>> both = bs.forecast(fit, ["one.csv", "two.csv"], at=3e11)  # doctest: +SKIP
    >>> both.probability("one", "two")  # doctest: +SKIP
    """
    if not isinstance(fit, Fit | Stack):
        raise InputError(f"forecast: fit cannot be a {type(fit).__name__}; expected forecast(fit, curve, at)")
    kind = checks.one_of(("expected", "observed"))(kind, "kind")
    rate = checks.one_of(get_args(Rate.__value__))(rate, "rate")
    fits = fit.fits if isinstance(fit, Stack) else {"": fit}
    along, seed = along_runs(next(iter(fits.values()))), checks.seed(seed, "seed")
    if at is None:
        unit = next(iter(fits.values())).runs.columns.inputs[along].unit or along
        raise InputError(f"forecast: at is missing; expected where the run ends, in {unit}, as forecast(fit, curve, at=3e11)")
    jobs = {name: read_jobs(one, curve, at, along, rate) for name, one in fits.items()}
    first = next(iter(jobs.values()))
    alone = len(first) == 1 and tables_of(curve)[0] is curve
    found = {name: _forecast(one, jobs[name], along, seed, refit_below, again=not alone) for name, one in fits.items()}
    weights = _updated_weights(fit.weights, found) if isinstance(fit, Stack) else {"": 1.0}
    made = _records(fit, first, _mixed(found, weights), along, kind, again=not alone)
    said = tuple(f"given the rows so far, {name} has weight {number(of, 2)}" for name, of in weights.items() if name)
    made = replace(made, jobs=tuple(replace(one, notes=(*one.notes, *said)) for one in made.jobs)) if said else made
    return made.jobs[0] if alone else made


def _forecast(fit: Fit, jobs: list[Job], along: str, seed: int, refit_below: float | None, *, again: bool) -> _Found:
    """Return what a law says of jobs, fitted again with them where their rows leave few draws."""
    drawn = _thinned(fit)
    found = _likeliest(drawn, jobs, along, seed, again=again)
    few_draws = min(FEW_DRAWS, FEW_SHARE * draws_in(drawn)) if refit_below is None else refit_below
    effective, refitted = found.effective, found.effective < few_draws and not all(job.known for job in jobs)
    tails, evidence = found.tail_probabilities, found.evidence
    if refitted:
        few = number(effective, 2)
        LOG.info("the rows leave %s effective draws of the fit: it is fitted again with them, as long as a fit takes", few)
        fit = refit(fit, concat_runs(fit.runs, with_jobs(fit.runs, [job for job in jobs if not job.known])))
        found = _likeliest(_thinned(fit), [replace(job, known=True) for job in jobs], along, seed, again=again)
    expected, observed = _rows(found.expected), _rows(found.observed)
    return _Found(expected, observed, found.expected.sizes["chain"], tails, effective, refitted, evidence, fit.health)


def _rows(draws: xr.DataArray) -> np.ndarray:
    """Return draws as an array, a draw a row."""
    return draws.stack(sample=("chain", "draw")).transpose("sample", "row").to_numpy()


def _likeliest(fit: Fit, jobs: list[Job], along: str, seed: int, *, again: bool) -> Conditioned:
    """Return what jobs will show, given what they share with finished runs if their rows are then likelier than without."""
    frame, seen, known, _ = joint_frame(jobs, along, again=again)
    shared = [*shared_misfits(fit, along, [job.label for job in jobs]), None]
    found = [conditioned(fit, frame, seen, known, seed=seed, shared=one) for one in shared]
    return max(found, key=lambda one: one.evidence)


def _updated_weights(weights: Mapping[str, float], found: dict[str, _Found]) -> dict[str, float]:
    """Return the weights of a mixture's laws given rows: each times the density that its law gives them."""
    names = [name for name in found if weights[name] > 0]
    logs = np.array([np.log(weights[name]) + found[name].evidence for name in names])
    of = np.exp(logs - logs.max())
    return dict(zip(names, (of / of.sum()).tolist(), strict=True))


def _mixed(found: dict[str, _Found], weights: dict[str, float]) -> _Found:
    """Return the draws of several laws as those of their mixture."""
    if len(found) == 1:
        return next(iter(found.values()))
    count = max(len(one.expected) for one in found.values())
    expected, observed = [], []
    for name, weight in weights.items():
        one, share = found[name], round(weight * count)
        rows = np.linspace(0, len(one.expected) - 1, share).round().astype(int)
        expected.append(one.expected[rows])
        observed.append(one.observed[rows])
    kept = {name: found[name] for name in weights}
    labels = next(iter(kept.values())).tail_probabilities
    return _Found(
        np.concatenate(expected),
        np.concatenate(observed),
        1,
        {label: sum(weights[name] * one.tail_probabilities[label] for name, one in kept.items()) for label in labels},
        sum(weights[name] * one.effective for name, one in kept.items()),
        any(one.refitted for one in kept.values()),
        0.0,
        combined({name: one.health for name, one in kept.items()}),
    )


def _records(fit: Fit | Stack, jobs: list[Job], found: _Found, along: str, kind: Kind, *, again: bool) -> Forecasts:
    """Return the forecast of each job, with draws of what a new run of its settings would end at."""
    frame, seen, _, owner = joint_frame(jobs, along, again=again)
    ahead, owner = frame[~seen].reset_index(drop=True), owner[~seen]
    shown = [*inputs_read(fit), *(dim for dim in fit.runs.levels if dim in ahead)]

    def path(values: np.ndarray, rows: np.ndarray) -> xr.DataArray:
        draws = xr.DataArray(values[:, rows].reshape(found.chains, -1, rows.sum()), dims=("chain", "draw", "row"))
        own = ahead[rows].reset_index(drop=True)
        return labelled(fit, draws, own[list(dict.fromkeys([*shown, along]))])

    joint = Joint(tuple(job.label for job in jobs), found.effective, found.refitted)
    paths = [(path(found.expected, owner == i), path(found.observed, owner == i)) for i in range(len(jobs))]
    made = tuple(_record(fit, job, found, joint, along, of, kind) for job, of in zip(jobs, paths, strict=True))
    anew = {job.label: path(found.expected, owner == -1 - i).isel(row=-1) for i, job in enumerate(jobs)} if again else {}
    return Forecasts(made, anew)


def _record(
    fit: Fit | Stack,
    job: Job,
    found: _Found,
    joint: Joint,
    along: str,
    paths: tuple[xr.DataArray, xr.DataArray],
    kind: Kind,
) -> Forecast:
    """Return the forecast of a job from draws of its path, without what single rows scatter by and with it."""
    expected, observed = paths
    unread = tuple(note for note in job.notes if UNREAD_FALL in note)
    return Forecast(
        observed if kind == "observed" else expected,
        job.seen,
        along,
        fit.runs.columns.inputs[along].unit,
        job.label,
        found.tail_probabilities[job.label],
        found.health,
        found.effective,
        found.refitted,
        notes=(*unread, *job.planned),
        expected=expected,
        observed=observed,
        pace=job.pace,
        log_notes=tuple(note for note in job.notes if note not in unread),
        joint=joint,
        level_notes=_level_notes(fit, job),
    )


def _level_notes(fit: Fit | Stack, job: Job) -> tuple[str, ...]:
    """Return which levels of a job's groups the runs do not have; that it is a run of its own is no news."""
    groups = [dim for dim in sorted({*groups_needed(fit), *noise_groups(fit)}) if dim != "run" and not job.known]
    frame = pd.concat([job.seen, job.ahead], ignore_index=True)
    return tuple(note for dim in groups for note in new_levels(fit, frame, dim))


def along_runs(fit: Fit) -> str:
    """Return the input along which runs train."""
    columns = fit.runs.columns
    if columns.outputs or fit.model.noise.residual_correlation is not None:
        raise InputError(f"{fit.runs.source}: the rows of a run are its outputs; a log is carried on by a fit of one response")
    for said in (fit.model.noise.correlation, columns.curve, columns.average):
        if said is not None:
            return said.along
    inputs = list(fit.runs.columns.inputs)
    if len(inputs) > 1 and "tokens" not in inputs:
        raise InputError(f"which of {format_names(inputs)} runs train along is not said: give the noise a correlation along it")
    return "tokens" if "tokens" in inputs else inputs[0]


def _thinned(fit: Fit) -> Fit:
    """Return a fit with every k-th of its draws, as many as a forecast needs."""
    posterior = fit.posterior
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // MAX_DRAWS_FORECAST)
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.isel(draw=slice(None, None, step))}))
