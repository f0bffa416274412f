"""A response of a response: the record, its table and its sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import band, decades, several, unit_beside
from bayes_scaling._base.quantiles import INTERVAL, QUANTILES, sorted_quantiles
from bayes_scaling._base.views import draws_of, in_a_line, lines, show, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import mark
from bayes_scaling.prediction.notes import noted
from bayes_scaling.prediction.place_words import point_in_words
from bayes_scaling.prediction.summary import beside, summarize

MAX_POINTS_SUMMARIZED = 6
"""Points that a summary goes through, from the first on."""


@dataclass(frozen=True, repr=False)
class ChainedResponse:
    """What a second fit says at points of a first one, whose response it reads as an input; draws of both.

    Parameters
    ----------
    draws
        Of the second response, dimensions chain (one), draw and row; the points' inputs and groups, and their `distance` from
        the runs of the first fit in decades, are coordinates along row.
    through
        Of the response between the two, draw for draw: what a run of the first fit shows, as the runs of the second were read.
    points
        As they were given.
    first, second
        The runs of the two fits.
    units
        Input of the points -> its unit.
    health
        Of the two fits together.
    """

    draws: xr.DataArray
    through: xr.DataArray
    points: pd.DataFrame
    first: Runs
    second: Runs
    units: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the draws before relying on them, a sentence each."""
        return tuple(self.draws.attrs.get("notes", ()))

    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return the points with what lies between and what comes of it.

        Returns
        -------
        DataFrame
            The points' own columns; NAME_q05, NAME_q50, NAME_q95 of the response between, in its unit; mean, sd and quantiles
            (q05 to q95) of the second response; the distance from the runs of the first fit.
        """
        name = str(self.through.name)
        between = as_rows(self.through).copy()
        between.sort(axis=1)
        of = sorted_quantiles(between)
        found = summarize(self.draws)
        kept = found[["mean", "sd", *QUANTILES, "distance"]]
        added = pd.concat([pd.DataFrame({f"{name}_{q}": of[q] for q in INTERVAL}), kept.reset_index(drop=True)], axis=1)
        return mark(noted(beside(self.points, added.set_index(self.points.index)), self.notes), self)

    @asked
    def summary(self) -> str:
        """Return what is expected at each of the first points, a sentence a line, and what to know of it."""
        return lines([*self.sentences(), *(visible(f"{note}.") for note in self.notes)], self)

    def sentences(self) -> list[str]:
        """Return what is expected at each of the first points, without notes and health."""
        table = self.to_frame()
        shown = min(len(table), MAX_POINTS_SUMMARIZED)
        said = [visible(one) for row in range(shown) for one in self._sentences(table.iloc[row].to_dict(), row)]
        return [*said, *([f"{several(len(table) - shown, 'more point')}: see the table."] if shown < len(table) else [])]

    @asked
    def plot(self, x: str | None = None) -> Any:
        """Return the figure: the response between and the second, each with its credible bands, beside each other.

        Parameters
        ----------
        x
            The input or numeric group of the horizontal axis; the first that differs between the points unless given.

        Returns
        -------
        Figure
            See `plots.chain_figure`.
        """
        return view("bayes_scaling.plots.chain:chain_figure")(self, x)

    def __repr__(self) -> str:
        return in_a_line(self, self._title, several(len(self.points), "point"), draws_of(self.draws))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, self._title)

    @property
    def _title(self) -> str:
        return f"{self.draws.attrs['long_name']} through {self.through.attrs['long_name']}"

    def _sentences(self, at: Mapping[Any, Any], row: int) -> list[str]:
        """Return what both responses are at one point, a sentence each."""
        place = self.draws.isel(row=row)
        between, of = self.through.attrs, self.draws.attrs
        units = of["units"] or str(place.coords["unit"].item() if "unit" in place.coords else "")
        first = band([at[f"{self.through.name}_{q}"] for q in INTERVAL], unit_beside(between["long_name"], between["units"]))
        second = band([at[q] for q in INTERVAL], unit_beside(of["long_name"], units))
        far = float(place["distance"])
        return [
            f"{point_in_words(place, self.units) or 'The point'}: {between['long_name']} {first}, {of['long_name']} {second}.",
            *([f"This lies {decades(far)} beyond the runs of the first fit."] if far > 0 else []),
        ]
