"""The record of a forecast: draws of what an unfinished run will show, and what can be asked of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.deprecation import renamed_property
from bayes_scaling._base.numbers import format_count, percent, several
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried
from bayes_scaling.prediction.first_passage import FirstPassage, passage_places
from bayes_scaling.prediction.goal import checked_target, more_is_better
from bayes_scaling.prediction.notes import noted
from bayes_scaling.prediction.pace import Pace, told_pace
from bayes_scaling.prediction.predict import Kind
from bayes_scaling.prediction.summary import summarize

OUTLYING = 0.005
"""Runs that stray as few of the fit's would are said to be unlike them."""


@dataclass(frozen=True)
class Joint:
    """What forecasts made together share: two of them have the same draws of the law where they have the same of these.

    Parameters
    ----------
    labels
        Of all runs.
    effective
        The effective number of the fit's draws after the rows of all of them, 1 / sum of their squared weights.
    refitted
        Whether those were too few, and the draws are of a fit with the rows among its runs.
    """

    labels: tuple[str, ...]
    effective: float = np.inf
    refitted: bool = False


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
    health
        Of the fit, or of the one fitted again.
    effective
        The effective number of the fit's draws after the rows, 1 / sum of their squared weights.
    refitted
        Whether those were too few, and the path is that of a fit with the rows among its runs.
    notes
        On the learning rate: that its fall is read by nothing, or how it is taken to go on.
    expected, observed
        The path without what single rows scatter by, and with it; `path` is one of the two.
    pace
        How fast it goes, where its log says when rows were written.
    log_notes
        What was found in its log, and done about it.
    joint
        What it shares with forecasts of other runs made in the same call.
    level_notes
        Which levels of its groups the runs of the fit do not have, as `predict` says it.
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
    expected: xr.DataArray | None = None
    observed: xr.DataArray | None = None
    pace: Pace | None = None
    log_notes: tuple[str, ...] = ()
    joint: Joint | None = field(default=None, compare=False)
    level_notes: tuple[str, ...] = ()

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
        """Return the probability that the run ends below a loss, or below another run.

        Two runs forecast in one call are compared draw by draw; others are taken as independent.
        """
        own = self.final.to_numpy().ravel()
        if isinstance(target, Forecast) and self.joint is not None and self.joint is target.joint:
            other = target.final.to_numpy().ravel()
            return float(((own < other) + 0.5 * (own == other)).mean())
        others = (
            target.final.to_numpy().ravel() if isinstance(target, Forecast) else np.array([checked_target(target, self.path)])
        )
        return float(np.searchsorted(np.sort(own), others).mean() / len(own))

    @asked
    def first_passage(
        self, target: float, *, kind: Kind = "expected", per_day: float | None = None, since: Any = None
    ) -> FirstPassage:
        """Return where, and when, the run first falls below a loss, or rises to an accuracy.

        Parameters
        ----------
        target
            The loss.
        kind
            "expected": its curve, without what single rows scatter by; "observed": a row at one of the places to come.
        per_day
            Tokens, or what else it trains along, a day; None: as its log says, in the second half of it, stops included.
        since
            The date of the last row seen; None: as the log says.
        """
        target = checked_target(target, self.path)
        kind = checks.one_of(("expected", "observed"))(kind, "kind")
        path = self.observed if kind == "observed" else self.expected
        path = self.path if path is None else path
        pace = told_pace(self.pace, per_day, since)
        place, end = float(self.seen[self.along].iloc[-1]), float(path[self.along][-1])
        at = passage_places(path, self.along, target, kind)
        rising, name = more_is_better(self.path), str(self.path.attrs.get("long_name", "loss"))
        return FirstPassage(at, target, self.label, kind, self.along, self.unit, place, end, pace, self.health, rising, name)

    @carried
    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return the path as a table: inputs and groups of each place, mean, sd, quantiles of the loss, distance."""
        return noted(summarize(self.path), self.level_notes)

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
