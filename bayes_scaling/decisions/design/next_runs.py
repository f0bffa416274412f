"""The next run to train: which candidates save most of the loss of a decision for the compute they take, from draws of a fit.

With q the draws of a question and g_j those of what candidate j would show apart from its scatter, on the scale of the noise,
the expected squared error of q, its entropy, or the regret of a choice given y_j is known in closed form over the draws, see
`criteria`: no refit, exact where the law's logarithm is linear in what is uncertain. Draws of a discrepancy, and those of the
laws of a stack, count as all others do: where laws differ, or the truth may differ from a law, a run says less of what is far.
Scatter that is Student-t counts with the variance of a normal that tells as much about its middle, sd^2 (nu + 3) / (nu + 1):
its own variance would overstate what a run leaves open, and may be infinite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked as asked_function
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import amount, exact, percent
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.decisions.design.asked_draws import Question, asked_draws, effective_draws
from bayes_scaling.decisions.design.candidates import LABEL, read_candidates, rows_of, scatter, shown
from bayes_scaling.decisions.design.criteria import (
    CRITERIA,
    MOST,
    Criterion,
)
from bayes_scaling.decisions.design.information import directions, information, joint
from bayes_scaling.decisions.design.notes import MEASURABLE, far_notes, notes_of
from bayes_scaling.decisions.design.prices import flop, set_ups, unknown_set_ups
from bayes_scaling.decisions.design.ranked import NextRuns
from bayes_scaling.decisions.design.sets import Prices
from bayes_scaling.decisions.design.weighed_sets import has_room, sets_of, weigh, with_most_beyond_cost
from bayes_scaling.inference.stacking import Posterior, draws_of, noise_scale, parts

NO_VARIANCE = 1e-24
"""A variance below this share of the mean square is rounding: an answer that is the same in every draw."""


@asked_function
def next_runs(
    fit: Posterior,
    candidates: Table,
    question: Question,
    budget: float | None = None,
    *,
    criterion: Criterion = "variance",
    cost: str | None = None,
    set_up: Mapping[str, float] | None = None,
    worth: float = 0.0,
    most: int | None = None,
    value: float | None = None,
    seed: int = 0,
) -> NextRuns:
    """Return what candidate runs, and sets of them, are expected to save of the loss of a decision.

    Sets are of one to five runs; with a budget there is one more of as many as it pays for, up to twenty. Sets that save no
    more than one that costs no more are left out. Train one of them, fit again with what it shows, and ask again.

    Draws of the question are taken as they are; what they do not tell for sampling alone is counted as no information.

    Parameters
    ----------
    fit
        A fit, or draws from a prior; a stack, whose laws differ in what they expect.
    candidates
        As points for `predict`. Rows with the same label in a column `candidate`, or else in what tells runs apart, are one
        candidate, say a run read at 16 positions; without either each row is one. Two equal rows are two runs, each with
        scatter of its own, that share the group effects of their levels. A level the runs do not have, and a candidate without
        a column that has group effects, is one never seen; one that names a run of the fit has that run's effects, but scatter
        of its own. Measurement errors are not added.
    question
        As for `draw_estimand`, or draws with dimensions chain, draw. Several, or draws with a third dimension, count by the
        mean of their squared errors: say the loss at each run of a target region. For the criterion "regret" a third dimension
        holds the losses of the options.
    budget
        In FLOP, of a set as of a single run; None for no limit.
    criterion
        What is to be small: "variance", the expected squared error of the question's posterior mean (V-optimal); "regret",
        the expected excess of loss of the option that is chosen, of a question `plan` the size, of a `contrast` the level
        (expected value of sample information); "information", the entropy of the question (expected information gain).
    cost
        Column with the cost of a candidate in FLOP, or one of the runs' costs that counts in FLOP, its largest row counting.
        "flop" unless given, where there is one; else 6 x params x tokens, or the input compute.
    set_up
        Column of the candidates -> FLOP that are paid once for each of its values: an architecture that is to be written, a
        data set. What runs of the fit have is there already, as far as the fit knows it: of inputs, and of groups of the study.
    worth
        Share of the criterion, now, that a set must save to be worth training, from 0 to 1; it has no unit, and does not hang
        on what the set costs.
    most
        Runs of a set at most, from 1 to 20: the best set of each size up to it. None for five, and twenty within a budget.
    value
        What it would be worth to save all of the criterion, in FLOP as costs are; dollars over the price of a FLOP. Then the
        set with the largest value x share saved - cost, set-up counted, is best, and where that is not above zero none is worth
        training.
    seed
        Of levels never seen.

    Returns
    -------
    NextRuns
        `.to_frame()` has the candidates, first the one to be trained first; `.summary()` says what the best would save;
        `.stop` says whether none is worth it.

    Raises
    ------
    InputError
        As `predict` and `draw_estimand` do, where no cost is known or none lies within the budget, where most draws of the
        law give no positive loss at a candidate, and where a question decides nothing that could be regretted.

    References
    ----------
    .. [1] Chaloner and Verdinelli (1995). Bayesian experimental design: a review. Statistical Science 10(3).
    .. [2] Raiffa and Schlaifer (1961). Applied Statistical Decision Theory. Of the expected value of sample information.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> sizes = {"params": [1e8, 1e9, 1e8, 1e9], "tokens": [2e9, 2e9, 2e10, 2e10], "loss": [3.4, 3.1, 2.9, 2.5]}
    >>> study = bs.read_study("chinchilla_law")
    >>> before = bs.prior(study.model, study_runs(study, sizes), draws=200)
    >>> candidates = {"params": [3e8, 3e9], "tokens": [6e9, 6e10]}
    >>> found = bs.next_runs(before, candidates, "loss at params=1e10, tokens=2e11")
    >>> len(found.to_frame()), found.stop
    (2, False)
    """
    seed, criterion = checks.seed(seed, "seed"), checks.one_of(CRITERIA)(criterion, "criterion")
    if (worth := checks.at_least(0.0)(worth, "worth")) >= 1.0:
        raise checks.refusal(worth, "worth", "a share from 0 to below 1 of what there is to save")
    most = None if most is None else checks.integer(1, MOST)(most, "most")
    value = None if value is None else checks.positive(value, "value")
    asked, losses = asked_draws(fit, question, criterion)
    read = _read(fit, candidates, cost, set_up, budget)
    g, rows = shown(fit, read.frame, seed), rows_of(read.labels)
    q = asked.to_numpy().reshape(len(g), -1)
    options = q if losses is None else losses.to_numpy().reshape(len(g), -1)
    possible = _possible(np.column_stack([q, options]), g, read.labels)
    noise = scatter(fit, read.frame, rows, seed)
    of = joint(q[possible], g[possible], rows, noise)
    if of.variance <= NO_VARIANCE * max(1.0, float(np.mean(q[possible] ** 2))):
        raise InputError("the question has the same answer in every draw: no run can tell more of it")
    worth_draws = effective_draws(asked, int(possible.sum()), [draws for _, draws in parts(fit)])
    weighed = weigh(of, criterion, options[possible], joint(options[possible], g[possible], rows, noise), seed)
    least = MEASURABLE / worth_draws
    chance = least * np.maximum(1.0, directions(of))
    told = information(of)
    sets = sets_of(of, weighed, read.prices, budget is not None, most)
    found = NextRuns(
        asked.where(xr.DataArray(possible.reshape(draws_of(fit)), dims=("chain", "draw"))),
        read.table,
        read.prices.alone,
        np.where(told < chance, 0.0, told),
        sets,
        read.prices.budget,
        least,
        int((~possible).sum()),
        health=fit.health,
        criterion=criterion,
        expected=weighed.now,
        reduction=np.where(information(weighed.of) < chance, 0.0, weighed.gains(())[1]),
        worth=worth,
        value=value,
        unit=_unit(fit, asked),
        response=fit.runs.columns.response.name,
        room=has_room(read.prices, sets[-1].members),
    )
    if value is not None:
        found = replace(found, sets=with_most_beyond_cost(found, of, weighed, read.prices, most or MOST))
    notes = (
        *notes_of(fit, read.frame, read.labels, possible, worth_draws),
        *unknown_set_ups(fit, set_up),
        *far_notes(fit, read.frame, rows, found),
    )
    return replace(found, notes=notes)


@dataclass(frozen=True)
class _Candidates:
    """Candidates as they are read.

    Parameters
    ----------
    frame
        Their rows, checked, in base units.
    labels
        Of each row, the candidate that it is of.
    table
        A row for each candidate, with the columns that its rows have in common.
    prices
        What candidates cost, in FLOP.
    """

    frame: pd.DataFrame
    labels: np.ndarray
    table: pd.DataFrame
    prices: Prices


def _read(
    fit: Posterior, candidates: Table, cost: str | None, set_up: Mapping[str, float] | None, budget: float | None
) -> _Candidates:
    """Return candidates with what they cost; refuse a budget within which none lies."""
    table = read_table(candidates, labels=fit.runs.columns.labels | {LABEL, *(set_up or {})})
    source = source_of(candidates, "the candidates")
    frame, labels = read_candidates(fit, candidates, table, source)
    dearest, each = flop(fit, table, frame, labels, cost, source)
    prices = Prices(each, set_ups(fit, table, frame, labels, set_up, source))
    prices = replace(prices, budget=_limit(budget, prices.alone, source))
    return _Candidates(frame, labels, _own_columns(table[dearest], labels[dearest]), prices)


def _unit(fit: Posterior, asked: xr.DataArray) -> str:
    """Return the unit of what is asked: none of a log loss, which is relative."""
    own = fit.runs.columns.response.unit or str(asked.attrs.get("units", ""))
    return {"log_loss": "", "log_odds": "log odds"}.get(noise_scale(fit), own)


def _own_columns(table: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Return a row for each candidate with the columns that its rows of most compute have in common."""
    others = table.drop(columns=LABEL, errors="ignore")
    codes = others.apply(lambda column: pd.factorize(column)[0]).groupby(labels, sort=False)
    alike = (codes.min() == codes.max()).all()
    own: pd.DataFrame = others.groupby(labels, sort=False).head(1)[alike.index[alike]].reset_index(drop=True)
    own.insert(0, LABEL, pd.unique(labels))
    return own


def _limit(budget: float | None, price: np.ndarray, source: str) -> float:
    """Return the budget, infinite where there is none; refuse one within which no candidate lies."""
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
            f"the law gives no value at candidate {labels[worst]} in {percent(1 - share[worst])} of the draws; leave it out"
        )
    possible = finite.all(axis=1) & np.isfinite(q).all(axis=1)
    if possible.sum() < max(4, 0.5 * len(q)):
        raise InputError(
            f"only {possible.sum()} of {len(q)} draws have an answer, and a value at every candidate; expected half"
        )
    return np.asarray(possible)
