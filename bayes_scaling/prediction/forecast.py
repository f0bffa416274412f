"""What an unfinished run will end at: the posterior of a fit, conditioned on the rows that a run has shown so far.

Where the rows leave only few of the fit's draws with any weight, the model is fitted again with them among its runs.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.deprecation import renamed_property
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import format_count, percent, several
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.data.runs import concat_runs
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.fit import refit
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import model_inputs
from bayes_scaling.prediction.conditioning import Conditioned, conditioned
from bayes_scaling.prediction.goal import checked_target
from bayes_scaling.prediction.predict import Kind, labelled
from bayes_scaling.prediction.running_log import averaged_to_few, known_rows, past_warm_up, places_ahead, read_log
from bayes_scaling.prediction.shared_misfit import shared_misfits
from bayes_scaling.prediction.summary import summarize

MAX_DRAWS_FORECAST = 2000
"""Draws of a fit that a forecast is made of, at most."""

OUTLYING = 0.005
"""Runs that stray as few of the fit's would are said to be unlike them."""

FEW_DRAWS = 200.0
"""With fewer effective draws the ends of a band hang on a dozen of them: the model is fitted again."""


@dataclass(frozen=True)
class Forecast:
    """What a run will show.

    Parameters
    ----------
    path
        Draws of its loss at places from the last row seen to the end, the last point; dimensions chain, draw, row.
    seen
        The rows conditioned on, a column for each input and group and `response`.
    along
        The input along which it trains, and its unit.
    label
        The run's name.
    tail_probability
        The probability that a run of the fit's family strays from what the fit expects at least as far as these rows do.
    effective
        The effective number of the fit's draws after the rows, 1 / sum of their squared weights.
    refitted
        Whether those were too few, and the path is that of a fit with the rows among its runs.
    health
        Of the fit, or of that other one.
    notes
        On the learning rate: that its fall is read by nothing, or how it is taken to go on.
    """

    path: xr.DataArray
    seen: pd.DataFrame
    along: str
    unit: str
    label: str
    tail_probability: float
    health: Health | None = None
    effective: float = np.inf
    refitted: bool = False
    notes: tuple[str, ...] = ()

    surprise = renamed_property("Forecast", "surprise", "tail_probability")
    unlike = renamed_property("Forecast", "unlike", "outlier")

    @property
    def final(self) -> xr.DataArray:
        """Draws of the loss at the end; dimensions chain, draw."""
        return self.path.isel(row=-1)

    @property
    def outlier(self) -> str:
        """Say that the run is unlike those of the fit, where its rows lie further out than theirs would; else nothing."""
        if self.tail_probability >= OUTLYING:
            return ""
        return (
            f"of the fit's runs {percent(self.tail_probability)} would stray as far as {self.label} has: "
            "it is unlike them, and the band may be too narrow"
        )

    @property
    def basis(self) -> str:
        """Say of how many draws the forecast is made, and whether the model was fitted again for it."""
        drawn = self.path.sizes["chain"] * self.path.sizes["draw"]
        of = f"the rows so far leave {format_count(round(max(self.effective, 1)))} of {format_count(drawn)} draws effective"
        return f"{of}, too few: the model was fitted again with them among its runs" if self.refitted else of

    def probability(self, target: "float | Forecast") -> float:
        """Return the probability that the run ends below a loss, or below another run; the two are taken as independent."""
        own = np.sort(self.final.to_numpy().ravel())
        others = (
            target.final.to_numpy().ravel() if isinstance(target, Forecast) else np.array([checked_target(target, self.path)])
        )
        return float(np.searchsorted(own, others).mean() / len(own))

    @carried
    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return the path as a table: inputs and groups of each place, mean, sd, quantiles of the loss, distance."""
        return summarize(self.path)

    @asked
    def summary(self, target: float | None = None) -> str:
        """Return what the forecast says, a sentence a line, with the probability of a target where one is given."""
        return lines(view("bayes_scaling.prediction.forecast_sentences:said_of_forecast")(self, target), self)

    @asked
    def plot(self, target: float | None = None) -> Any:
        """Return the figure: the rows so far, the path with its bands, and the end."""
        target = None if target is None else checked_target(target, self.path)
        return view("bayes_scaling.plots.forecast:forecast_figure")(self, target=target)

    def __repr__(self) -> str:
        return in_a_line(self, f"Forecast of {self.label}", several(len(self.seen), "row") + " seen", draws_of(self.path))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, f"Forecast of {self.label}")


def forecast(
    fit: Fit, curve: Table, at: float | Table, *, kind: Kind = "observed", seed: int = 0, refit_below: float = FEW_DRAWS
) -> Forecast:
    """Return the posterior of what an unfinished run will show, given a fitted family of runs and its rows so far.

    Parameters
    ----------
    fit
        A fit to finished runs of the family.
    curve
        The log so far, with the columns of the fit's table (groups that the law does not vary over may be missing); or the name
        of a run that the fit has seen. The log is filtered, checked and averaged as the fit's runs were, and its measurement
        errors count.
    at
        Where along the run it ends, in base units (tokens, steps), as a forecast says it; a number that the run has passed is
        taken to be in the unit of its column where it then lies ahead. Or a table of places to come, the end last, for inputs
        that change along the run. A planned schedule is such a table.
    kind
        "observed" is what a row will show, as the fit's rows are; "expected" leaves out what single rows scatter by.
    seed
        Of the scatter.
    refit_below
        With fewer effective draws than this the model is fitted again with the rows among its runs, by the settings of the fit,
        which takes as long as that did; 0 never does.

    Returns
    -------
    Forecast
        `.summary()` says what the run will show, `.to_frame()` has its path, `.plot()` draws it; `.probability(2.4)` is that of
        ending below a loss.

    Raises
    ------
    InputError
        As `read_runs` does, and where the log holds several runs, reaches beyond `at`, counts in another unit than the fit's
        runs, or carries the name of a run that the fit has seen.

    Examples
    --------
    >>> found = bs.forecast(fit, "running.csv", at=3e11)  # doctest: +SKIP
    >>> print(found.summary(target=2.4))  # doctest: +SKIP
    """
    if not isinstance(fit, Fit):
        raise InputError(f"forecast: fit cannot be a {type(fit).__name__}; expected forecast(fit, curve, at)")
    along, seed = along_runs(fit), checks.seed(seed, "seed")
    known = isinstance(curve, str) and curve in set(fit.runs.table.get("run", pd.Series()).astype(str))
    seen, unread = (known_rows(fit, str(curve)), ()) if known else read_log(fit, curve)
    seen = seen.sort_values(along, ignore_index=True)
    label = str(seen["run"].iloc[-1])
    ahead, planned = places_ahead(fit, seen, curve, at, along)
    seen = seen if known else past_warm_up(fit, seen, float(ahead[along].max()), along)
    frame = pd.concat([averaged_to_few(seen, fit.runs.columns, along), ahead.assign(mean_lag=0.0)], ignore_index=True)
    n = len(frame) - len(ahead)
    found = _likeliest(_thinned(fit), frame, n, along, known=known, kind=kind, seed=seed)
    effective, tail_probability, refitted = found.effective, found.tail_probability, found.effective < refit_below and not known
    if refitted:
        fit = refit(fit, concat_runs(fit.runs, replace(fit.runs, table=seen, dropped=0, averaged=len(seen), notes=())))
        found = _likeliest(_thinned(fit), frame, n, along, known=True, kind=kind, seed=seed)
    path = labelled(fit, found.ahead, ahead[[*model_inputs(fit.model), *(dim for dim in fit.runs.levels if dim in ahead)]])
    unit = fit.runs.columns.inputs[along].unit
    return Forecast(path, seen, along, unit, label, tail_probability, fit.health, effective, refitted, (*unread, *planned))


def _likeliest(fit: Fit, frame: pd.DataFrame, n: int, along: str, *, known: bool, kind: Kind, seed: int) -> Conditioned:
    """Return what a run will show, given what it shares with finished runs if its rows are then likelier than without."""
    shared = [*shared_misfits(fit, along, str(frame["run"].iloc[-1])), None]
    found = [conditioned(fit, frame, n, known=known, kind=kind, seed=seed, shared=one) for one in shared]
    return max(found, key=lambda one: one.evidence)


def along_runs(fit: Fit) -> str:
    """Return the input along which runs train."""
    columns = fit.runs.columns
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
