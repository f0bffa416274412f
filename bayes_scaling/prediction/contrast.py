"""Two levels of a group side by side: difference and ratio of their losses, as draws until a table is made."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.quantiles import mean_known, sorted_quantiles
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows, posterior_expectation
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.arms import both_levels, notes_of
from bayes_scaling.prediction.notes import left_out, noted
from bayes_scaling.prediction.predict import labelled
from bayes_scaling.prediction.summary import BLOCK, beside


@carried
@asked
def contrast(fit: Posterior, group: str, a: object, b: object, points: Table) -> xr.Dataset:
    """Return draws of what level `a` of a group differs from level `b` at points: `difference` and `ratio` of the loss.

    difference = L_a - L_b, in the unit of the loss; ratio = L_a / L_b, among losses above 0.

    Draws in which one of the two losses is not above 0 have no ratio; `attrs["notes"]` says how many. Where the response may be
    negative there is no variable `ratio`.

    Parameters
    ----------
    points
        As for `predict`; a column for `group` is not needed and not used.

    Raises
    ------
    InputError
        Where the law does not vary over the group, or the group lacks a level.
    """
    frames = both_levels(fit, group, a, b, points)
    one, other = (labelled(fit, posterior_expectation(fit, frame), frame) for frame in frames)
    coords = {name: of.variable for name, of in one.coords.items() if name not in (group, "run", "difference", "ratio")}
    one, other = one.reset_coords(drop=True), other.reset_coords(drop=True)
    found = {"difference": one - other}
    notes = notes_of(fit, group, *frames)
    if fit.runs.columns.response.positive:
        both = (one > 0) & (other > 0)
        found["ratio"] = (one / other).where(both)
        notes += left_out(~both.to_numpy(), "one of the two losses is not above 0, and there is no ratio")
    return noted(xr.Dataset(found).assign_coords(coords), notes)


@carried
@asked
def contrast_table(fit: Posterior, group: str, a: object, b: object, points: Table) -> pd.DataFrame:
    """Return the points with mean and quantiles of a's difference from b, quantiles of their ratio, and P(a is better).

    The ratio is as in `contrast`: among draws with both losses above 0, and no columns where the response may be negative.
    """
    table = read_table(points, labels=fit.runs.columns.labels)
    one, other = both_levels(fit, group, a, b, table)
    positive = fit.runs.columns.response.positive
    blocks, gone = [], []
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        pair = [as_rows(posterior_expectation(fit, arm.iloc[rows])) for arm in (one, other)]
        blocks.append(_summary(*pair, positive=positive))
        gone.append(~((pair[0] > 0) & (pair[1] > 0)) if positive else np.isnan(pair[0] - pair[1]))
    added = pd.concat(blocks, ignore_index=True).set_index(table.index)
    why = "one of the two losses is not above 0, and there is no ratio" if positive else "the law is not defined"
    notes = notes_of(fit, group, one, other) + left_out(np.concatenate(gone), why)
    return noted(beside(table, added), notes)


def _summary(a: np.ndarray, b: np.ndarray, *, positive: bool) -> pd.DataFrame:
    kept = ("q05", "q50", "q95")
    difference = np.sort(a - b, axis=1)
    found = {"diff_mean": mean_known(difference)} | _named("diff", sorted_quantiles(difference), kept)
    if positive:
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.sort(np.where((a > 0) & (b > 0), a / b, np.nan), axis=1)
        found |= _named("ratio", sorted_quantiles(ratio), kept)
    return pd.DataFrame(found | {"p_a_better": mean_known(np.where(np.isnan(a - b), np.nan, a < b))})


def _named(name: str, quantiles: Mapping[str, np.ndarray], kept: Sequence[str]) -> dict[str, np.ndarray]:
    return {f"{name}_{q}": quantiles[q] for q in kept}
