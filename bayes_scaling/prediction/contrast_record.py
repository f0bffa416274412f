"""Two levels of a group side by side: the record, its table and its sentences."""

from collections.abc import Iterable, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import band, decades, probability, several, spaced_name, unit_beside
from bayes_scaling._base.quantiles import INTERVAL, mean_known, sorted_quantiles
from bayes_scaling._base.views import draws_of, in_a_line, lines, note_lines, show, view
from bayes_scaling.data.direction import better
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import mark
from bayes_scaling.prediction.cost_contrast import cost_sentences, cost_table
from bayes_scaling.prediction.notes import noted
from bayes_scaling.prediction.place_words import point_in_words
from bayes_scaling.prediction.summary import beside

MAX_POINTS_SUMMARIZED = 4
"""Points that a summary goes through; of more it says those of least and of most difference."""


@dataclass(frozen=True)
class Contrast:
    """What one level of a group differs from another by at points, as draws.

    `found["difference"]` and `found["ratio"]` are its draws, with dimensions chain, draw, row.

    Parameters
    ----------
    draws
        difference: L_a - L_b, in the unit of the loss. ratio: L_a / L_b among losses above 0; missing where the response may be
        negative. The points' inputs and groups, and their `distance` from the runs in decades, are coordinates along row.
    points
        As they were given, without the group: points that differ by it only are one.
    group, a, b
        The group and its two levels: a against b.
    units
        Input -> its unit.
    cost
        The compute at which the two are equal; "" where the runs have one only.
    by_cost
        Under every cost of the runs draws of `ratio` at equal cost and of the `multiplier` that a needs, see `every_cost`; None
        where they have none.
    health
        Of the fit.
    rising
        Of each point whether more of the response is better, as of an accuracy; nowhere unless given.
    """

    draws: xr.Dataset
    points: pd.DataFrame
    group: str
    a: object
    b: object
    units: Mapping[str, str] = field(default_factory=dict)
    cost: str = ""
    by_cost: xr.Dataset | None = None
    health: Health | None = None
    rising: tuple[bool, ...] = ()

    def __getitem__(self, name: str) -> xr.DataArray:
        """Return draws: "difference" or "ratio"."""
        return self.draws[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the draws that there are."""
        return (str(name) for name in self.draws.data_vars)

    def __len__(self) -> int:
        """Return how many kinds of draws there are."""
        return len(self.draws.data_vars)

    def __contains__(self, name: object) -> bool:
        """Return whether there are draws of this name: of a response that may be negative there is no ratio."""
        return name in self.draws.data_vars

    def keys(self) -> KeysView[Any]:
        """Return the names of the draws that there are."""
        return self.draws.data_vars.keys()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the draws before relying on them, a sentence each."""
        return tuple(self.draws.attrs.get("notes", ()))

    @asked
    def to_frame(self) -> pd.DataFrame:
        """Return the points with mean and quantiles of a's difference from b, quantiles of their ratio, and P(a is better).

        Returns
        -------
        DataFrame
            The points' own columns; diff_mean, diff_q05, diff_q50, diff_q95 in the unit of the loss; ratio_q05, ratio_q50,
            ratio_q95 among draws with both losses above 0; p_a_better, the probability that a has the lower loss, or the
            higher accuracy. Where a cost was asked for also `cost`, at which the two are equal, and whether it is
            `extrapolated`.
        """
        ratio = as_rows(self["ratio"]) if "ratio" in self else None
        added = contrast_summary(as_rows(self["difference"]), ratio, np.array(self.rising or False)).set_index(
            self.points.index
        )
        if "extrapolated" in self.draws.coords:
            added = added.assign(cost=self.cost, extrapolated=self.draws["extrapolated"].to_numpy())
        return mark(noted(beside(self.points, added), self.notes), self)

    @asked
    def costs_to_frame(self) -> pd.DataFrame:
        """Return what a costs against b under each cost of the runs: at equal cost in loss, at equal loss in that cost.

        Returns
        -------
        DataFrame
            A row for each point and cost: the points' own columns; `cost`; quantiles of the ratio of losses at equal cost
            (diff where a loss may be negative) and of the multiplier; p_never_reached, p_always_reached, p_unknown as
            `summarize` has them; `extrapolated`.

        Raises
        ------
        InputError
            Where the runs have no costs, or the law no axis of compute.
        """
        if self.by_cost is None:
            raise InputError("the runs have no costs to compare under, or the law no one axis of compute; see Columns.costs")
        return mark(cost_table(self.by_cost, self.points), self)

    @asked
    def summary(self) -> str:
        """Return what a costs or gains against b, a sentence a line; of many points those of least and most difference."""
        table = self.to_frame()
        middle = table["ratio_q50" if "ratio" in self else "diff_q50"].fillna(0.0)
        ends = dict.fromkeys([int(middle.argmin()), int(middle.argmax())])
        rows = ends if len(table) > MAX_POINTS_SUMMARIZED else range(len(table))
        said = [visible(one) for row in rows for one in self._sentences(table.iloc[row].to_dict(), row)]
        return lines([*said, *note_lines(self.notes)], self)

    @asked
    def plot(self, x: str | None = None) -> Any:
        """Return the figure: the relative difference in per cent with its credible bands.

        Parameters
        ----------
        x
            The input or numeric group of the horizontal axis; the first that differs between the points unless given.

        Returns
        -------
        Figure
            `plots.plot_contrast` draws the same on axes of yours.
        """
        return view("bayes_scaling.plots.records:contrast_of")(self, x)

    def __repr__(self) -> str:
        return in_a_line(self, self._title, several(len(self.points), "point"), draws_of(self.draws))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, self._title)

    @property
    def _title(self) -> str:
        return f"Contrast of {spaced_name(self.group)} {self.a} against {self.b}"

    def _sentences(self, at: Mapping[Any, Any], row: int) -> list[str]:
        """Return what the contrast says at one point, a sentence each."""
        place, loss = self.draws.isel(row=row), self["difference"].attrs
        where = point_in_words(place, self.units)
        if "ratio" in self and np.isfinite(at["ratio_q50"]):
            cost = band([100 * (at[f"ratio_{q}"] - 1) for q in INTERVAL], "%", signed=True)
        else:
            unit = unit_beside(str(loss.get("long_name", "loss")), str(loss.get("units", "")))
            cost = band([at[f"diff_{q}"] for q in INTERVAL], unit, signed=True)
        far, equal = float(place["distance"]), f" ({self._equal()})" if self.cost else ""
        what, unit = str(loss.get("long_name", "loss")), str(loss.get("units", ""))
        return [
            f"{self.a} against {self.b}{' at ' if where else ''}{where}{equal}: {what} {cost}.",
            # of two outputs neither is the better one
            *([] if self.group == OUTPUT else [f"{self.a} is better with probability {probability(at['p_a_better'])}."]),
            *([] if self.by_cost is None else cost_sentences(self.by_cost, row, self.a, self.b, what, unit)),
            *([f"This lies {decades(far)} beyond the runs."] if far > 0 else []),
        ]

    def _equal(self) -> str:
        """Return at which compute the two are equal."""
        return f"at equal {self.cost}"


def contrast_summary(difference: np.ndarray, ratio: np.ndarray | None, rising: np.ndarray) -> pd.DataFrame:
    """Return what a table says of rows of draws, which are sorted on the way.

    Parameters
    ----------
    rising
        Of which rows more is better.
    """
    ahead = better(difference.T, rising).T
    ahead = mean_known(np.where(np.isnan(difference), np.nan, ahead))
    difference.sort(axis=1)
    found = {"diff_mean": mean_known(difference)} | _named("diff", sorted_quantiles(difference), INTERVAL)
    if ratio is not None:
        ratio.sort(axis=1)
        found |= _named("ratio", sorted_quantiles(ratio), INTERVAL)
    return pd.DataFrame(found | {"p_a_better": ahead})


def _named(name: str, quantiles: Mapping[str, np.ndarray], kept: Iterable[str]) -> dict[str, np.ndarray]:
    return {f"{name}_{q}": quantiles[q] for q in kept}
