"""Two levels of a group side by side: difference and ratio of their losses, as draws until a table is made."""

from collections.abc import Iterable, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.escaping import visible
from bayes_scaling._base.numbers import band, number, probability, spaced_name, value_at
from bayes_scaling._base.quantiles import INTERVAL, mean_known, sorted_quantiles
from bayes_scaling._base.views import draws_of, in_a_line, lines, several, show, view
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows, posterior_expectation
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.arms import both_levels, distinct_points, notes_of
from bayes_scaling.prediction.notes import left_out, noted
from bayes_scaling.prediction.predict import labelled
from bayes_scaling.prediction.summary import BLOCK, beside

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
    health
        Of the fit.
    """

    draws: xr.Dataset
    points: pd.DataFrame
    group: str
    a: object
    b: object
    units: Mapping[str, str] = field(default_factory=dict)
    health: Health | None = None

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
            ratio_q95 among draws with both losses above 0; p_a_better, the probability that a has the lower loss.
        """
        ratio = as_rows(self["ratio"]) if "ratio" in self else None
        added = _summary(as_rows(self["difference"]), ratio).set_index(self.points.index)
        return mark(noted(beside(self.points, added), self.notes), self)

    @asked
    def summary(self) -> str:
        """Return what a costs or gains against b, a sentence a line; of many points those of least and most difference."""
        table = self.to_frame()
        middle = table["ratio_q50" if "ratio" in self else "diff_q50"].fillna(0.0)
        ends = dict.fromkeys([int(middle.argmin()), int(middle.argmax())])
        rows = ends if len(table) > MAX_POINTS_SUMMARIZED else range(len(table))
        return lines([visible(one) for row in rows for one in self._sentences(table.iloc[row].to_dict(), row)], self)

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
        place, loss = self.draws.isel(row=row), self["difference"].attrs
        levels = {str(name): of.item() for name, of in place.coords.items() if of.ndim == 0 and name not in NO_PLACE}
        said_of = [f"{spaced_name(name)} {value_at(name, of)} {self.units.get(name, '')}" for name, of in levels.items()]
        where = ", ".join(of.rstrip() for of in said_of)
        if "ratio" in self and np.isfinite(at["ratio_q50"]):
            cost = band([100 * (at[f"ratio_{q}"] - 1) for q in INTERVAL], "%", signed=True)
        else:
            cost = band([at[f"diff_{q}"] for q in INTERVAL], str(loss.get("units", "")), signed=True)
        decades = float(place["distance"])
        return [
            f"{self.a} against {self.b}{' at ' if where else ''}{where}: {loss.get('long_name', 'loss')} {cost}.",
            f"{self.a} is better with probability {probability(at['p_a_better'])}.",
            *([f"This lies {number(decades, 2)} decades beyond the runs."] if decades > 0 else []),
        ]


NO_PLACE = ("distance", "region", "row", "chain", "draw")


@asked
def contrast(fit: Posterior, group: str, a: object, b: object, points: Table) -> Contrast:
    """Return draws of what level `a` of a group differs from level `b` by at points: A against B.

    difference = L_a - L_b, in the unit of the loss; ratio = L_a / L_b, among losses above 0.

    Draws in which one of the two losses is not above 0 have no ratio; `notes` says how many.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    group
        A group that the law varies over, as "attention".
    a, b
        Two of its levels.
    points
        As for `predict`; a column for `group` is not needed: points that differ by it only are one.

    Returns
    -------
    Contrast
        `found["ratio"]` and `found["difference"]` are draws; `.to_frame()`, `.summary()` and `.plot()` show them.

    Raises
    ------
    InputError
        Where the law does not vary over the group, the group lacks a level, or the two are the same.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=40)
    >>> found = bs.contrast(before, "attention", "moba", "full", {"compute": [1.5, 10.0], "position": 30720})
    >>> found["ratio"].dims
    ('chain', 'draw', 'row')
    >>> len(found.to_frame())
    2
    """
    table = distinct_points(fit, group, read_table(points, labels=fit.runs.columns.labels))
    frames = both_levels(fit, group, a, b, table)
    one, other = (labelled(fit, posterior_expectation(fit, frame), frame) for frame in frames)
    coords = {name: of.variable for name, of in one.coords.items() if name not in (group, "run", "difference", "ratio")}
    one, other = one.reset_coords(drop=True), other.reset_coords(drop=True)
    found = {"difference": one - other}
    notes = notes_of(fit, group, *frames)
    if fit.runs.columns.response.positive:
        both = (one > 0) & (other > 0)
        found["ratio"] = (one / other).where(both)
        notes += left_out(~both.to_numpy(), NO_RATIO)
    draws = mark(noted(xr.Dataset(found).assign_coords(coords), notes), fit)
    units = {name: of.unit for name, of in fit.runs.columns.inputs.items()}
    return Contrast(draws, table, group, a, b, units, fit.health)


NO_RATIO = "one of the two losses is not above 0, and there is no ratio"


@carried
@asked
def contrast_at(fit: Posterior, group: str, a: object, b: object, points: Table) -> pd.DataFrame:
    """Return what `Contrast.to_frame` does, made block by block: 10,000 points need no more memory than a hundred."""
    table = distinct_points(fit, group, read_table(points, labels=fit.runs.columns.labels))
    one, other = both_levels(fit, group, a, b, table)
    positive = fit.runs.columns.response.positive
    blocks, gone = [], []
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        losses, others = (as_rows(posterior_expectation(fit, arm.iloc[rows])) for arm in (one, other))
        there = (losses > 0) & (others > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(there, losses / others, np.nan) if positive else None
        gone.append(~there if positive else np.isnan(losses - others))
        blocks.append(_summary(losses - others, ratio))
    added = pd.concat(blocks, ignore_index=True).set_index(table.index)
    why = NO_RATIO if positive else "the law is not defined"
    return noted(beside(table, added), notes_of(fit, group, one, other) + left_out(np.concatenate(gone), why))


def _summary(difference: np.ndarray, ratio: np.ndarray | None) -> pd.DataFrame:
    """Return what a table says of rows of draws, which are sorted on the way."""
    better = mean_known(np.where(np.isnan(difference), np.nan, difference < 0))
    difference.sort(axis=1)
    found = {"diff_mean": mean_known(difference)} | _named("diff", sorted_quantiles(difference), INTERVAL)
    if ratio is not None:
        ratio.sort(axis=1)
        found |= _named("ratio", sorted_quantiles(ratio), INTERVAL)
    return pd.DataFrame(found | {"p_a_better": better})


def _named(name: str, quantiles: Mapping[str, np.ndarray], kept: Iterable[str]) -> dict[str, np.ndarray]:
    return {f"{name}_{q}": quantiles[q] for q in kept}
