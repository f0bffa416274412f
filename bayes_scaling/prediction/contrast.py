"""Two levels of a group side by side: difference and ratio of their losses, as draws until a table is made."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling.data.direction import rising_rows
from bayes_scaling.data.tables import Table, read_table
from bayes_scaling.inference.expectation import as_rows, posterior_expectation
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.prediction.arms import both_levels, distinct_points, notes_of
from bayes_scaling.prediction.budget_curves import Path
from bayes_scaling.prediction.contrast_record import Contrast, contrast_summary
from bayes_scaling.prediction.cost_contrast import equal_cost, every_cost, own_name
from bayes_scaling.prediction.costs import Costed, extrapolated_note
from bayes_scaling.prediction.notes import left_out, noted
from bayes_scaling.prediction.predict import labelled
from bayes_scaling.prediction.summary import BLOCK, beside

__all__ = ["Contrast", "contrast", "contrast_at"]


@asked
def contrast(
    fit: Posterior, group: str, a: object, b: object, points: Table, *, cost: Costed = None, along: Path = None
) -> Contrast:
    """Return draws of what level `a` of a group differs from level `b` by at points: A against B.

    difference = L_a - L_b, in the unit of the loss; ratio = L_a / L_b, among losses above 0.

    The points are those of b. At equal cost k, a stands where it costs as much: L_a(C') / L_b(C), K_a(C') = K_b(C).

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
    cost
        At which the two are equal: a name of `Columns.costs`, or a `Cost`; the law's own inputs unless given. Where the runs
        have costs, `.costs_to_frame()` and `.summary()` have them all.
    along
        What grows with the budget, as for `compute_ratio`, where the law has several inputs.

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
    moved = equal_cost(fit, group, frames, cost, along)
    one = labelled(fit, posterior_expectation(fit, frames[0]) if moved is None else moved.losses(fit, frames[0]), frames[0])
    other = labelled(fit, posterior_expectation(fit, frames[1]), frames[1])
    coords = {name: of.variable for name, of in one.coords.items() if name not in (group, "run", "difference", "ratio")}
    one, other = one.reset_coords(drop=True), other.reset_coords(drop=True)
    found = {"difference": one - other}
    by_cost, left = every_cost(fit, group, frames, along)
    notes = notes_of(fit, group, *frames) + left
    if fit.runs.columns.response.positive:
        both = (one > 0) & (other > 0)
        found["ratio"] = (one / other).where(both)
        notes += left_out(~both.to_numpy(), NO_RATIO)
    if moved is not None:
        coords |= {"extrapolated": xr.Variable("row", moved.beyond)}
        notes += extrapolated_note(moved.cost, moved.beyond)
    draws = mark(noted(xr.Dataset(found).assign_coords(coords), notes), fit)
    units = {name: of.unit for name, of in fit.runs.columns.inputs.items()}
    named = moved.cost.counted if moved else own_name(fit, along)
    up = tuple(rising_rows(fit.runs.columns, frames[0]).tolist())
    return Contrast(draws, table, group, a, b, units, named, by_cost, fit.health, up)


NO_RATIO = "one of the two is not above 0, and there is no ratio"


@carried
@asked
def contrast_at(
    fit: Posterior, group: str, a: object, b: object, points: Table, *, cost: Costed = None, along: Path = None
) -> pd.DataFrame:
    """Return what `Contrast.to_frame` does, made block by block: 10,000 points need no more memory than a hundred."""
    table = distinct_points(fit, group, read_table(points, labels=fit.runs.columns.labels))
    one, other = both_levels(fit, group, a, b, table)
    moved = equal_cost(fit, group, (one, other), cost, along)
    positive = fit.runs.columns.response.positive
    blocks, gone = [], []
    for start in range(0, len(one), BLOCK):
        rows = slice(start, start + BLOCK)
        losses = as_rows(posterior_expectation(fit, one.iloc[rows]) if moved is None else moved.losses(fit, one, rows))
        others = as_rows(posterior_expectation(fit, other.iloc[rows]))
        there = (losses > 0) & (others > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(there, losses / others, np.nan) if positive else None
        gone.append(~there if positive else np.isnan(losses - others))
        blocks.append(contrast_summary(losses - others, ratio, rising_rows(fit.runs.columns, one.iloc[rows])))
    added = pd.concat(blocks, ignore_index=True).set_index(table.index)
    why = NO_RATIO if positive else "the law is not defined"
    notes = notes_of(fit, group, one, other) + left_out(np.concatenate(gone), why)
    if moved is not None:
        added = added.assign(cost=moved.cost.counted, extrapolated=moved.beyond)
        notes += extrapolated_note(moved.cost, moved.beyond)
    return noted(beside(table, added), notes)
