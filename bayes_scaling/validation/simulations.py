"""Runs that draws from a prior, or from a posterior, would have shown: what a calibration fits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.random import derived_seed
from bayes_scaling.data.runs import Runs, concat_runs
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.batch.worker import model_text
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.fit import prior
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model import noise_scale
from bayes_scaling.model.arrays import data
from bayes_scaling.model.joining import joined
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.prediction.simulate import one_chain, one_draw, other_runs, with_levels, with_responses


@dataclass(frozen=True)
class Simulations:
    """Runs that draws from the prior, or around a fit from its posterior, would have shown.

    Parameters
    ----------
    tasks
        Number of the simulation -> the runs to fit, with what the draw gives for each quantity in `extra`.
    impossible
        Draws left out, since some loss was not finite, or not positive where its logarithm is taken. The model gives them no
        density either, so that what it draws from is the draws kept.
    """

    tasks: Mapping[str, Task]
    impossible: int


PAST_INPUTS = 10.0
"""How many times past the largest input a loss is asked for."""


MIN_POSSIBLE_ONE_IN = 20
"""Of the prior's draws at least one in so many must give possible losses."""


def simulate(
    model: Model,
    runs: Runs,
    simulations: int,
    settings: Settings | None = None,
    seed: int = 0,
    around: Fit | None = None,
) -> Simulations:
    """Return runs at the same inputs and groups as draws would show them; arguments as for `calibrate`."""
    # What a fit was given may itself be simulated: runs to come have other seeds.
    seed = seed if around is None else derived_seed(seed, "runs to come")
    truths, responses, impossible = _possible(_source(model, runs, seed, around), simulations, seed)
    seen = None if around is None else around.runs
    points, settings = points_asked(seen or runs), settings or SETTINGS
    tasks = {}
    for i, response in enumerate(responses):
        shown = with_responses(truths, response)
        truth = replace(one_draw(truths, i), runs=shown if seen is None else concat_runs(seen, shown))
        values = {name: float(of.item()) for name, of in quantities(truth, points).items()}
        own = replace(settings, seed=derived_seed(settings.seed, "refit", i))
        tasks[f"{i:04d}"] = Task(truth.runs, extra={"truth": values, "points": points}, settings=own)
    return Simulations(tasks, impossible)


def quantities(fit: Fit, points: pd.DataFrame) -> dict[str, xr.DataArray]:
    """Return draws of everything that is ranked; `points` is what `points_asked` returns for the runs."""
    numbers = {str(name): of for name, of in fit.posterior.items() if of.dims == ("chain", "draw")}
    with np.errstate(over="ignore", invalid="ignore"):
        loss = posterior_expectation(fit, points)
        likelihood = log_density(fit, fit.runs.table, new=False).sum("row")
    asked = {"loss amid the runs": loss.isel(row=0), "loss far beyond": loss.isel(row=1), "log-likelihood": likelihood}
    # No number is larger than any, as for a law that overflows: a rank needs an order, whichever it is.
    return {name: of.fillna(np.inf) for name, of in (numbers | asked).items()}


def points_asked(runs: Runs) -> pd.DataFrame:
    """Return the run nearest to the middle of all, and one with each input ten times the largest."""
    inputs = list(runs.columns.scales)
    logs = np.log(runs.table[inputs].to_numpy())
    middle = runs.table.iloc[[int(((logs - logs.mean(axis=0)) ** 2).sum(axis=1).argmin())]]
    largest = runs.table.iloc[[int(logs.sum(axis=1).argmax())]].assign(**{x: PAST_INPUTS * runs.table[x].max() for x in inputs})
    return pd.concat([middle, largest], ignore_index=True)


type Source = Callable[[int], Fit]
"""So many draws of a truth, of one chain, with the runs that are to be simulated."""


def _source(model: Model, runs: Runs, seed: int, around: Fit | None) -> Source:
    """Return what draws truths: the prior, or the posterior of a fit."""
    if around is None:
        return lambda count: prior(model, runs, count, seed)
    runs = runs_around(around, model, runs)
    to_come, every = other_runs(around, runs), one_chain(around, seed)
    levels = concat_runs(around.runs, to_come).levels

    def draw(count: int) -> Fit:
        if count > (most := every.posterior.sizes["draw"]):
            raise InputError(f"the fit has {most} draws; expected {count} or more, each simulation takes its own")
        few = replace(every, draws=every.draws.isel(draw=slice(count)))
        return replace(with_levels(few, levels, seed), runs=to_come)

    return draw


def runs_around(around: Fit, model: Model, runs: Runs) -> Runs:
    """Return runs to come as a fit takes them.

    Raises
    ------
    InputError
        Where its draws are not draws given its runs and those to come that the latter could be made of.
    """
    where, seen = f"{runs.source}: to calibrate around a fit", around.runs
    own, runs = joined(around.model, runs)
    model, runs = joined(model, runs)
    if model != own and model_text(model) != model_text(own):
        raise InputError(f"{where} takes its own model; the one given differs")
    if around.health is None:
        raise InputError(f"{where} takes one that was sampled; this one's draws are from the prior")
    if set(runs.table) != set(seen.table):
        raise InputError(
            f"{where} takes runs with its columns {format_names(seen.table)}; these have {format_names(runs.table)}"
        )
    if dict(runs.references) != dict(seen.references):
        raise InputError(f"{where} takes runs with its references {dict(seen.references)}; these have {dict(runs.references)}")
    every = concat_runs(seen, other_runs(around, runs))
    check_runs(model, every)
    rows, before = data(model, every, every.levels), data(model, seen, seen.levels)
    knots = [name for name in rows if name.startswith("discrepancy") and "_knots_" in name]
    if not all(np.array_equal(rows[name], before[name]) for name in knots):
        raise InputError(f"{where} whose law has a discrepancy takes runs within the inputs of the fit's own")
    return runs


def _possible(source: Source, simulations: int, seed: int) -> tuple[Fit, np.ndarray, int]:
    """Return draws that give possible losses, what runs of each would show, and how many others there were."""
    asked, own = max(simulations, 4), derived_seed(seed, "simulation")
    while asked <= MIN_POSSIBLE_ONE_IN * simulations:
        before = source(asked)
        with np.errstate(over="ignore", invalid="ignore"):
            shown = replicated(before, before.runs.table, own).isel(chain=0).transpose("draw", "row").to_numpy()
        possible = np.isfinite(shown).all(axis=1) & noise_scale.possible(shown, before.model.noise.on).all(axis=1)
        kept = np.flatnonzero(possible)[:simulations]
        if len(kept) == simulations:
            return replace(before, draws=before.draws.isel(draw=kept)), shown[kept], int(kept[-1]) + 1 - simulations
        asked *= 2
    raise InputError(f"of {asked // 2} draws {possible.sum()} give values that are possible; do the priors fit?")


SETTINGS = Settings(draws=500, tune=500, chains=2, progress=False)
"""How the refits of a calibration are sampled unless settings are given: ranks need few draws."""
