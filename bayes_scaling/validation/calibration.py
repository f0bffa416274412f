"""Simulation-based calibration: are the posteriors of runs that a model simulated itself as wide as they should be?

theta ~ prior,   y ~ runs of theta,   theta_1, ..., theta_L ~ posterior given y:
of any quantity f, the rank of f(theta) among f(theta_l) is uniform on 0, ..., L        (Talts et al. 2018, arXiv 1804.06788)

Around a fit the same holds of its posterior instead of the prior, that is where the data have led:
theta ~ posterior given y,   y' ~ runs of theta,   theta_l ~ posterior given y, y'   (Säilynoja et al. 2025, arXiv 2502.03279)

Ranks that pile up at the ends say that posteriors are too narrow, in the middle too wide, at one end that they are biased: by
the sampler, or by an error in the model's code.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import percent, probability, several
from bayes_scaling._base.random import stream
from bayes_scaling._base.views import in_a_line, lines, show, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.fits import Batch, fit_many
from bayes_scaling.inference.health import R_HAT_LIMIT, Health, combined, counts as grades
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.simulations import Simulations, quantities, simulate
from bayes_scaling.validation.uniformity import holm, p_value

RANKS = 99
"""Draws that a truth is ranked among; fewer where a fit has fewer independent ones."""

TITLE = "Simulation-based calibration"


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
            f"of {asked} draws give values that are not possible, and were left out": self.impossible,
            f"of {len(fits) + len(self.failures)} fits failed": len(self.failures),
            f"of {len(fits)} fits have divergences": int((fits["divergences"] > 0).sum()),
            f"of {len(fits)} fits have R-hat above {R_HAT_LIMIT}": int((fits["r_hat"] > R_HAT_LIMIT).sum()),
            f"of {len(fits)} fits have a quantity with fewer than {RANKS} effective draws": int((fits["ess"] < RANKS).sum()),
        }
        said = [f"{count} {what}" for what, count in counts.items() if count]
        return said if all(one.clean for one in self.healths.values()) else [*said, grades(self.healths)]

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return one row a quantity: is its rank uniform?

        Returns
        -------
        DataFrame
            quantity; simulations; mean of the ranks between 0 and 1, a half if unbiased; inside_50 and inside_90, the share of
            truths inside central 50 and 90 % intervals; p, the probability of ranks less uniform than these by chance, see
            `uniformity`; p_holm, the same corrected for the number of quantities.
        """
        rows = []
        for quantity, part in self.ranks.groupby("quantity", sort=False):
            pit = part["pit"].to_numpy()
            inside = {f"inside_{q}": float((np.abs(pit - 0.5) < q / 200).mean()) for q in (50, 90)}
            rows.append({"quantity": quantity, "simulations": len(pit), "mean": pit.mean(), **inside, "p": p_value(pit)})
        table = pd.DataFrame(rows)
        return table.assign(p_holm=holm(table["p"].to_numpy()))

    def summary(self) -> str:
        """Return how uniform the ranks are, and what was left out, a sentence a line."""
        table = self.to_frame()
        least = table.iloc[int(table["p_holm"].argmin())]
        return lines(
            [
                f"{self.simulations} simulations were fitted, and {len(table)} quantities ranked.",
                f"The least uniform ranks are those of {least['quantity']}: p {probability(least['p'])}.",
                f"Corrected for the number of quantities it is {probability(least['p_holm'])}.",
                f"Central 90 % intervals hold {percent(table['inside_90'].mean())} of truths.",
                *(f"{one}." for one in self.report),
            ],
            self,
        )

    def plot(self) -> Any:
        """Return the figure: ranks of each quantity against what chance would show."""
        return view("bayes_scaling.plots.records:calibration_of")(self)

    def __repr__(self) -> str:
        return in_a_line(
            self,
            TITLE,
            several(self.simulations, "simulation"),
            several(self.ranks["quantity"].nunique(), "quantity", "quantities"),
        )

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, TITLE)


@asked
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
    Calibration
        A row of ranks for each simulation and quantity; `.to_frame()` judges each quantity, `.plot()` draws the ranks.

    Raises
    ------
    InputError
        Where hardly a draw gives possible losses; where the fit is of another model, has no posterior or too few draws, or the
        runs to come have other columns or references than its own, or lie beyond them where the law has a discrepancy; or as
        `fit_many` does.

    References
    ----------
    .. [1] Talts, Betancourt, Simpson, Vehtari and Gelman (2018). Validating Bayesian inference algorithms with simulation-based
       calibration. arXiv 1804.06788.
    .. [2] Säilynoja, Schmitt, Bürkner and Vehtari (2025). Posterior SBC: simulation-based calibration checking conditional on
       data. arXiv 2502.03279.

    Examples
    --------
    >>> found = bs.calibrate(model, runs, simulations=200, folder="out/calibration")  # doctest: +SKIP
    >>> print(found.summary())  # doctest: +SKIP
    """
    seed = checks.seed(seed, "seed")
    made = simulate(model, runs, simulations, settings, seed, around)
    return ranked(made, fit_many(model, made.tasks, executor, keep=ranks, folder=folder), seed)


def ranked(made: Simulations, batch: Batch[pd.DataFrame], seed: int = 0) -> Calibration:
    """Return the ranks that the refits of simulations have kept."""
    if not batch.results:
        batch.refuse_faults()
        why = next(iter(batch.failures.values()), "there are none")
        raise InputError(f"none of {len(made.tasks)} simulations could be fitted: {why}")
    table = batch.to_frame()
    by_chance = stream(seed, "ties of ranks").uniform(size=len(table))
    pit = (table["below"] + by_chance * (table["equal"] + 1)) / (table["draws"] + 1)
    ranks = mark(table.drop(columns="equal").assign(pit=pit), batch)
    return Calibration(ranks, made.impossible, batch.failures, batch.healths)


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
