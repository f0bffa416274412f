"""The next run to train: which candidates tell most of a question for the compute they take, from the draws of a fit.

With q the draws of a question and g_j those of what candidate j would show apart from its scatter, on the scale of the noise,

    I_j = 1/2 log( Var q / Var(q | y_j) )        (nats; expected shrinkage of the question's standard deviation: exp(-I_j))

in closed form over the draws, see `information`: no refit, exact where the law's logarithm is linear in what is uncertain.
Scatter that is Student-t counts with the variance of a normal that tells as much about its middle, sd^2 (nu + 3) / (nu + 1):
its own variance would overstate what a run leaves open, and may be infinite.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import amount, exact, number, percent
from bayes_scaling.data.distance import NEAR_DECADES, distance
from bayes_scaling.data.labels import level_index
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.decisions.design.candidates import LABEL, read_candidates, rows_of, scatter, shown
from bayes_scaling.decisions.design.information import best_sets, directions, information, joint
from bayes_scaling.decisions.design.prices import flop
from bayes_scaling.decisions.design.ranked import NextRuns, RunSet
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.inference.stacking import Posterior, draws_of, groups_needed, parts

ENOUGH_DRAWS = 1000
FEWEST = 4
"""Draws of one law of a stack; how many independent ones fewer are worth is not known."""

MEASURABLE = 2.0
"""Information below so many times 1 / draws, for each direction a candidate can tell apart, is no more than chance shows."""


@asked
def next_runs(
    fit: Posterior,
    candidates: Table,
    question: str | xr.DataArray,
    budget: float | None = None,
    *,
    cost: str | None = None,
    seed: int = 0,
) -> NextRuns:
    """Return what candidate runs, and sets of up to five of them, are expected to tell of a question.

    Draws of the question are taken as they are; what they do not tell for sampling alone is counted as no information.

    Parameters
    ----------
    fit
        A fit, or draws from a prior.
    candidates
        As points for `predict`. Rows with the same label in a column `candidate`, or else in what tells runs apart, are one
        candidate, say a run read at 16 positions; without either each row is one. Two equal rows are two runs, each with
        scatter of its own, that share the group effects of their levels. A level the runs do not have, and a candidate without
        a column that has group effects, is one never seen; one that names a run of the fit has that run's effects, but scatter
        of its own. Measurement errors are not added.
    question
        As for `draw_estimand`, or draws with dimensions chain, draw.
    budget
        In FLOP, of a set as of a single run; None for no limit.
    cost
        Column with the cost of a candidate in FLOP, or one of the runs' costs that counts in FLOP, its largest row counting;
        "flop" unless given, where there is one; else 6 x
        params x tokens, or the input compute.
    seed
        Of levels never seen.

    Returns
    -------
    NextRuns
        `.to_frame()` has the candidates, first the one to be trained first; `.summary()` says what the best would tell.

    Raises
    ------
    InputError
        As `predict` and `draw_estimand` do, where no cost is known or none lies within the budget, and where most draws of the
        law give no positive loss at a candidate.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> candidates = {"params": [3e8, 3e9], "tokens": [6e9, 6e10]}
    >>> found = bs.next_runs(before, candidates, "loss at params=1e10, tokens=2e11")
    >>> len(found.to_frame())
    2
    """
    seed = checks.seed(seed, "seed")
    asked = draw_estimand(fit, question) if isinstance(question, str) else _draws(fit, question)
    table = read_table(candidates, labels=fit.runs.columns.labels | {LABEL})
    source = source_of(candidates, "the candidates")
    frame, labels = read_candidates(fit, candidates, table, source)
    dearest, price = flop(fit, table, frame, labels, cost, source)
    limit = _limit(budget, price, source)
    g = shown(fit, frame, seed)
    q = asked.transpose("chain", "draw").to_numpy().ravel()
    possible = _possible(q, g, labels)
    rows = rows_of(labels)
    of = joint(q[possible], g[possible], rows, scatter(fit, frame, rows, seed))
    if of.variance <= 1e-24 * max(1.0, float(np.mean(q[possible])) ** 2):
        raise InputError("the question has the same answer in every draw: no run can tell more of it")
    worth = effective_draws(asked, int(possible.sum()), [draws for _, draws in parts(fit)])
    least = MEASURABLE / worth
    alone = information(of)
    alone = np.where(alone < least * np.maximum(1.0, directions(of)), 0.0, alone)
    sets = tuple(RunSet(members, float(price[list(members)].sum()), told) for members, told in best_sets(of, price, limit))
    found = NextRuns(
        asked.where(xr.DataArray(possible.reshape(asked.shape), dims=("chain", "draw"))),
        _own_columns(table[dearest], labels[dearest]),
        price,
        alone,
        sets,
        limit,
        least,
        int((~possible).sum()),
        health=fit.health,
    )
    return replace(found, notes=(*_notes(fit, frame, possible, worth), *_far(fit, frame, rows, found)))


def _far(fit: Posterior, frame: pd.DataFrame, rows: np.ndarray, found: NextRuns) -> list[str]:
    """Say which of the candidates proposed lie so far from the runs that what they tell rests on the law."""
    proposed = sorted({int(found.order[0]), *found.best.members})
    decades = np.array([distance(fit.runs, frame.iloc[rows[i][rows[i] >= 0]]).max() for i in proposed])
    if not (decades > NEAR_DECADES).any():
        return []
    names = found.candidates[LABEL].astype(str).to_numpy()[np.array(proposed)[decades > NEAR_DECADES]]
    beyond = f"lie more than {exact(NEAR_DECADES)} decades from the runs"
    return [f"{format_names(names)} {beyond}: what they tell rests on the law holding there as at the question"]


def _draws(fit: Posterior, question: xr.DataArray) -> xr.DataArray:
    sizes = dict(zip(("chain", "draw"), draws_of(fit), strict=True))
    if dict(question.sizes) != sizes:
        raise InputError(f"draws of a question need the dimensions of the fit's, {sizes}; they have {dict(question.sizes)}")
    return question.transpose("chain", "draw")


def _own_columns(table: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Return a row for each candidate with the columns that its rows of most compute have in common."""
    others = table.drop(columns=LABEL, errors="ignore")
    codes = others.apply(lambda column: pd.factorize(column)[0]).groupby(labels, sort=False)
    alike = (codes.min() == codes.max()).all()
    own: pd.DataFrame = others.groupby(labels, sort=False).head(1)[alike.index[alike]].reset_index(drop=True)
    own.insert(0, LABEL, pd.unique(labels))
    return own


def _limit(budget: float | None, price: np.ndarray, source: str) -> float:
    if budget is None:
        return float("inf")
    if not (isfinite(budget) and budget > 0):
        raise InputError(f"the budget must be a positive number of FLOP, not {budget}")
    if price.min() > budget:
        raise InputError(f"{source}: the cheapest candidate takes {amount(price.min(), 'FLOP')}; the budget is {exact(budget)}")
    return float(budget)


def _possible(q: np.ndarray, g: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return which draws have an answer and a loss at every candidate."""
    finite = np.isfinite(g)
    if (share := finite.mean(axis=0)).min() < 0.5:
        worst = int(np.argmin(share))
        raise InputError(
            f"the law gives no loss at candidate {labels[worst]} in {percent(1 - share[worst])} of the draws; leave it out"
        )
    possible = finite.all(axis=1) & np.isfinite(q)
    if possible.sum() < max(4, 0.5 * len(q)):
        raise InputError(f"only {possible.sum()} of {len(q)} draws have an answer and a loss at every candidate; expected half")
    return np.asarray(possible)


def effective_draws(asked: xr.DataArray, kept: int, laws: Sequence[slice] = (slice(None),)) -> float:
    """Return how many independent draws those of a question are worth.

    Parameters
    ----------
    laws
        Which draws are of each law of a stack: they are worth what those of its laws are together.
    """
    import arviz_stats

    filled = asked.fillna(float(asked.median())).drop_attrs().reset_coords(drop=True).rename("asked")
    every = [filled.isel(draw=draws).to_dataset() for draws in laws]
    found = [float(arviz_stats.ess(one, method="mean")["asked"]) if one.sizes["draw"] >= FEWEST else 1.0 for one in every]
    return min(float(kept), sum(found))


def _notes(fit: Posterior, frame: pd.DataFrame, possible: np.ndarray, worth: float) -> tuple[str, ...]:
    """Return what to know before relying on it. worth: how many independent draws those of the question are worth."""
    notes = []
    if possible.sum() < ENOUGH_DRAWS:
        notes.append(f"{possible.sum()} draws: sets of several runs want {ENOUGH_DRAWS} and more")
    if worth < possible.sum() / MEASURABLE:
        least = MEASURABLE / worth
        notes.append(
            f"the draws of the question are worth {number(worth)} independent ones: "
            f"less than {number(least, 2)} nats is not measurable"
        )
    if not possible.all():
        notes.append(f"{(~possible).sum()} of {len(possible)} draws are left out: no answer, or no loss at some candidate")
    for dim in groups_needed(fit):
        fresh = frame.loc[level_index(frame[dim], fit.runs.levels[dim]) < 0, dim].unique()
        if len(fresh):
            notes.append(
                f"{dim} {', '.join(map(str, fresh[:3]))} was never seen: what a candidate shows there is the population's"
            )
    return tuple(notes)
