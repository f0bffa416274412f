"""Simulation-based calibration: does a model, fitted to runs that it simulated itself, know what it does not know?

theta ~ prior,   y ~ runs of theta,   theta_1, ..., theta_L ~ posterior given y:
of any quantity f, the rank of f(theta) among f(theta_l) is uniform on 0, ..., L        (Talts et al. 2018, arXiv 1804.06788)

Around a fit the same holds of its posterior instead of the prior, that is where the data have led:
theta ~ posterior given y,   y' ~ runs of theta,   theta_l ~ posterior given y, y'   (Säilynoja et al. 2025, arXiv 2502.03279)

Ranks that pile up at the ends say that posteriors are too narrow, in the middle too wide, at one end that they are biased: by
the sampler, or by an error in the model's code.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.runs import Runs, concat_runs
from bayes_scaling.inference.batch.fits import Fleet, fit_many, fleet_table
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.batch.worker import model_text
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.fit import prior
from bayes_scaling.inference.health import R_HAT_LIMIT, Health, combined, counts as grades
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model.arrays import data
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.prediction.simulate import one_chain, one_draw, other_runs, with_levels, with_responses
from bayes_scaling.validation.uniformity import holm, p_value

RANKS = 99
"""Draws that a truth is ranked among; fewer where a fit has fewer independent ones."""
BEYOND = 10.0
"""How many times past the largest input a loss is asked for."""
MOST = 20
"""Of the prior's draws at least one in so many must give possible losses."""
FIRST_SEED = 2**20
"""Seed of the first refit, far from those that draw the truths; and by how much seeds of runs to come lie above others."""

SETTINGS = Settings(draws=500, tune=500, chains=2, progress=False)


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


@dataclass(frozen=True)
class Calibration:
    """How truths lie among the draws of fits to what they would have shown.

    Parameters
    ----------
    ranks
        One row a simulation and quantity: task; quantity; truth; draws, how many it was ranked among; below, how many of them
        are below it; pit, the rank as a number between 0 and 1, ties broken and steps filled by chance; ess, the effective
        sample size; and the health of the fit: divergences, r_hat. Fits that are not to be trusted are among them.
    impossible
        Draws without possible losses, which were not fitted.
    failures
        Simulation that could not be fitted -> why.
    healths
        Simulation -> the health of its fit.
    """

    ranks: pd.DataFrame
    impossible: int
    failures: Mapping[str, str]
    healths: Mapping[str, Health] = field(default_factory=dict)

    @property
    def health(self) -> Health | None:
        """The health of all fits together, see `health.combined`."""
        return combined(self.healths)

    @property
    def simulations(self) -> int:
        """How many simulations were fitted."""
        return int(self.ranks["task"].nunique())

    @property
    def report(self) -> list[str]:
        """One line each on what was left out and on fits that are not to be trusted; empty where there are none."""
        fits = self.ranks.groupby("task")[["divergences", "r_hat", "ess"]].agg(
            {"divergences": "max", "r_hat": "max", "ess": "min"}
        )
        asked = len(fits) + self.impossible + len(self.failures)
        counts = {
            f"of {asked} draws give losses that are not possible, and were left out": self.impossible,
            f"of {len(fits) + len(self.failures)} fits failed": len(self.failures),
            f"of {len(fits)} fits have divergences": int((fits["divergences"] > 0).sum()),
            f"of {len(fits)} fits have R-hat above {R_HAT_LIMIT}": int((fits["r_hat"] > R_HAT_LIMIT).sum()),
            f"of {len(fits)} fits have a quantity with fewer than {RANKS} effective draws": int((fits["ess"] < RANKS).sum()),
        }
        said = [f"{count} {what}" for what, count in counts.items() if count]
        return said if all(one.clean for one in self.healths.values()) else [*said, grades(self.healths)]


def calibrate(
    model: Model,
    runs: Runs,
    simulations: int = 200,
    settings: Settings | None = None,
    executor: Executor | None = None,
    folder: str | Path | None = None,
    seed: int = 0,
    around: Fit | None = None,
) -> Calibration:
    """Return the ranks of draws from a model's prior, or a posterior, among the draws of refits to what they would have shown.

    theta ~ p(theta),        y ~ p(y | theta),      theta_l ~ p(theta | y)           all over the prior
    theta ~ p(theta | y),    y' ~ p(y' | theta),    theta_l ~ p(theta | y, y')       around a fit to y

    Either way theta is one more draw of what the refit draws from, and its rank is uniform where the sampler is right. Around a
    fit that is asked where it matters: a model may be sampled well there and badly at the far ends of its priors, or the other
    way round.

    Ranked are all parameters that are one number (of the law at the population's level, slopes, scales, noise, amplitude and
    lengths of a discrepancy), the expected loss amid the runs and ten times beyond them, and the log-likelihood.

    Parameters
    ----------
    model
        What is fitted; around a fit its own.
    runs
        Their inputs and groups are those of every simulation; the responses do not matter. Around a fit they are runs to come,
        which each refit is given beside the fit's own: the same inputs again where they are the fit's runs. Levels that the fit
        knows keep their effects, others have theirs drawn from the population. Where noise is correlated along a run, theirs is
        a path of its own: runs to come that the fit knows are other ones then, with a run's effects drawn anew.
    simulations
        How many.
    settings
        How to sample; 2 chains of 500 draws unless given. Each refit has a seed of its own.
    executor, folder
        As for `fit_many`; `InProcess()` starts no processes.
    seed
        Of what is simulated.
    around
        A fit whose draws can be trusted, of which theta is drawn, each draw at most once; None: from the prior.

    Returns
    -------
    A row of ranks for each simulation and quantity, see `calibration_table` and `plots.plot_calibration`.

    Raises
    ------
    InputError
        Where hardly a draw gives possible losses; where the fit is of another model, has no posterior or too few draws, or the
        runs to come have other columns or references than its own, or lie beyond them where the law has a discrepancy; or as
        `fit_many` does.

    References
    ----------
    Talts et al. 2018, arXiv 1804.06788. Posterior SBC: Säilynoja, Schmitt, Bürkner and Vehtari 2025, arXiv 2502.03279.
    """
    made = simulate(model, runs, simulations, settings, seed, around)
    return ranked(made, fit_many(model, made.tasks, executor, keep=ranks, folder=folder), seed)


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
    seed = seed if around is None else seed + FIRST_SEED
    truths, responses, impossible = _possible(_source(model, runs, seed, around), simulations, seed)
    seen = None if around is None else around.runs
    points, settings = points_asked(seen or runs), settings or SETTINGS
    tasks = {}
    for i, response in enumerate(responses):
        shown = with_responses(truths, response)
        truth = replace(one_draw(truths, i), runs=shown if seen is None else concat_runs(seen, shown))
        values = {name: float(of.item()) for name, of in quantities(truth, points).items()}
        own = replace(settings, seed=settings.seed + FIRST_SEED + i)
        tasks[f"{i:04d}"] = Task(truth.runs, extra={"truth": values, "points": points}, settings=own)
    return Simulations(tasks, impossible)


def ranked(made: Simulations, fleet: Fleet[pd.DataFrame], seed: int = 0) -> Calibration:
    """Return the ranks that the refits of simulations have kept."""
    table = fleet_table(fleet)
    if table.empty:
        fleet.refuse_faults()
        why = next(iter(fleet.failures.values()), "there are none")
        raise InputError(f"none of {len(made.tasks)} simulations could be fitted: {why}")
    by_chance = np.random.default_rng([seed, 7]).uniform(size=len(table))
    pit = (table["below"] + by_chance * (table["equal"] + 1)) / (table["draws"] + 1)
    ranks = mark(table.drop(columns="equal").assign(pit=pit), fleet)
    return Calibration(ranks, made.impossible, fleet.failures, fleet.healths)


@carried
def calibration_table(calibration: Calibration) -> pd.DataFrame:
    """Return one row a quantity: is its rank uniform?

    Columns: quantity; simulations; mean of the ranks between 0 and 1, a half if unbiased; inside_50 and inside_90, the share of
    truths inside central 50 and 90 % intervals; p, the probability of ranks less uniform than these by chance, see
    `uniformity`; p_holm, the same corrected for the number of quantities.
    """
    rows = []
    for quantity, part in calibration.ranks.groupby("quantity", sort=False):
        pit = part["pit"].to_numpy()
        inside = {f"inside_{q}": float((np.abs(pit - 0.5) < q / 200).mean()) for q in (50, 90)}
        rows.append({"quantity": quantity, "simulations": len(pit), "mean": pit.mean(), **inside, "p": p_value(pit)})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p"].to_numpy()))


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
    largest = runs.table.iloc[[int(logs.sum(axis=1).argmax())]].assign(**{x: BEYOND * runs.table[x].max() for x in inputs})
    return pd.concat([middle, largest], ignore_index=True)


def ranks(fit: Fit, extra: Any) -> pd.DataFrame:
    """Return where each truth lies among a fit's draws, thinned to as many as are nearly independent; runs in the worker."""
    import arviz_stats

    found = quantities(fit, extra["points"])
    ess = arviz_stats.ess(xr.Dataset({name: of.drop_vars(("chain", "draw"), errors="ignore") for name, of in found.items()}))
    rows = [{"quantity": name} | _rank(of, extra["truth"][name], float(ess[name])) for name, of in found.items()]
    health = fit.health
    assert health is not None
    return pd.DataFrame(rows).assign(divergences=health.divergences, r_hat=np.nan if health.r_hat is None else health.r_hat)


def _rank(draws: xr.DataArray, truth: float, ess: float) -> dict[str, float]:
    values = draws.to_numpy().ravel()
    count = int(np.clip(np.nan_to_num(ess, nan=RANKS), 1, min(RANKS, len(values))))
    thinned = values[np.linspace(0, len(values) - 1, count).round().astype(int)]
    below, equal = int((thinned < truth).sum()), int((thinned == truth).sum())
    return {"truth": truth, "draws": count, "below": below, "equal": equal, "ess": ess}


type Source = Callable[[int], Fit]
"""So many draws of a truth, of one chain, with the runs that are to be simulated."""


def _source(model: Model, runs: Runs, seed: int, around: Fit | None) -> Source:
    """Return what draws truths: the prior, or the posterior of a fit."""
    if around is None:
        return lambda count: prior(model, runs, count, seed)
    check_around(around, model, runs)
    to_come, every = other_runs(around, runs), one_chain(around, seed)
    levels = concat_runs(around.runs, to_come).levels

    def draw(count: int) -> Fit:
        if count > (most := every.posterior.sizes["draw"]):
            raise InputError(f"the fit has {most} draws; expected {count} or more, each simulation takes its own")
        few = replace(every, draws=every.draws.isel(draw=slice(count)))
        return replace(with_levels(few, levels, seed), runs=to_come)

    return draw


def check_around(around: Fit, model: Model, runs: Runs) -> None:
    """Raise InputError where a fit's draws are not draws given its runs and those to come that the latter could be made of."""
    where, seen = f"{runs.source}: to calibrate around a fit", around.runs
    model = in_unit_of(model, runs.columns.response)
    if model is not around.model and model_text(model) != model_text(around.model):
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


def _possible(source: Source, simulations: int, seed: int) -> tuple[Fit, np.ndarray, int]:
    """Return draws that give possible losses, what runs of each would show, and how many others there were."""
    asked = max(simulations, 4)
    while asked <= MOST * simulations:
        before = source(asked)
        with np.errstate(over="ignore", invalid="ignore"):
            shown = replicated(before, before.runs.table, seed).isel(chain=0).transpose("draw", "row").to_numpy()
        possible = np.isfinite(shown).all(axis=1) & ((shown > 0).all(axis=1) | (before.model.noise.on == "loss"))
        kept = np.flatnonzero(possible)[:simulations]
        if len(kept) == simulations:
            return replace(before, draws=before.draws.isel(draw=kept)), shown[kept], int(kept[-1]) + 1 - simulations
        asked *= 2
    raise InputError(f"of {asked // 2} draws {possible.sum()} give losses that are possible; do the priors fit?")
