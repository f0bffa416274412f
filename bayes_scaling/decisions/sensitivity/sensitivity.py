"""What moves an answer, from the draws of a fit alone: no sampling, no refit."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked as checked_call
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import number, percent
from bayes_scaling.data.tables import Table
from bayes_scaling.decisions.estimand_text import Estimand, parse_estimand
from bayes_scaling.decisions.estimands import question_notes
from bayes_scaling.decisions.multiverse import Multiverse
from bayes_scaling.decisions.sensitivity.further_runs import run_table
from bayes_scaling.decisions.sensitivity.member import Member, members_of, shares_of
from bayes_scaling.decisions.sensitivity.record import Sensitivity
from bayes_scaling.decisions.sensitivity.shifts import shift_table
from bayes_scaling.inference.health_line import mark
from bayes_scaling.inference.stacking import Posterior

WELL_FITTED = 0.9
"""Squares and products of the parts should explain so much of the variance."""

THIN = 1000.0
"""Draws worth fewer independent ones say shares to a few per cent only."""


@checked_call
def sensitivity(
    fit: Posterior,
    question: str | Estimand,
    candidates: Table | None = None,
    budget: float | None = None,
    *,
    cost: str | None = None,
    multiverse: Multiverse | None = None,
    point: int = 0,
    seed: int = 0,
) -> Sensitivity:
    """Return what the uncertainty of an answer is made of, what shifts it, and which further runs would shrink it.

    Var q = sum_k w_k (Var core_k + Var noise_k) + Var between laws

    Shares within a law are Owen values [1]_ of c(S) = Var E[q | S], the variance that knowing the parts in S would take: never
    negative, of sum one, the same in any order, and the share of the law does not grow with the number of its parameters. Where
    each source has one part they are Shapley effects [2]_; for independent parts that do not interact, Sobol's indices. c(S) is
    estimated by least squares on the parts' draws, squares and products. Parts are the law's parameters by the terms of its
    sum, at the levels of the question, and terms of the discrepancy, where the question looks at them; of a new run its group
    effects and scatter, which are independent of the rest.

    Shifts are those under a prior, or likelihood, to a power of 1/2, 0.8, 1.25 and 2 [3]_, by weighted draws; those that
    Pareto's k-hat calls unreliable are marked so and have no numbers. Of a stack also under each law alone, and where a
    multiverse analysis is given, under its specifications. What further runs leave of each share is in closed form, as in
    `next_runs`.

    Parameters
    ----------
    fit
        A fit, or a stack of several, whose laws keep their weights.
    question
        As for `draw_estimand`: "loss at ...", "run at ...", "contrast ...", "multiplier ...", "plan at compute=...".
    candidates
        Runs that may be trained, as for `next_runs`; corners and the middle of the runs, and three times beyond the largest,
        unless given.
    budget
        In FLOP, of a further run, or a set of two or three; None for no limit.
    cost
        As for `next_runs`.
    multiverse
        What `multiverse` returned for the same answer.
    point
        Which of its points.
    seed
        Of levels never seen among the candidates.

    Returns
    -------
    Sensitivity
        `.summary()` says it in sentences, `.to_frame()` has all in one table, `.plot()` draws it.

    Raises
    ------
    InputError
        As `draw_estimand` and `next_runs` do, where an answer is the same in every draw, and where a multiverse analysis has
        another answer.

    References
    ----------
    .. [1] Owen (1977). Values of games with a priori unions. In: Mathematical Economics and Game Theory, 76-88.
    .. [2] Owen (2014). Sobol' indices and Shapley value. SIAM/ASA JUQ 2, 245-251; Song, Nelson and Staum (2016). Shapley
       effects for global sensitivity analysis. SIAM/ASA JUQ 4, 1060-1083.
    .. [3] Kallioinen, Paananen, Bürkner and Vehtari (2024). Detecting and diagnosing prior and likelihood sensitivity with
       power-scaling. Statistics and Computing 34, 57.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=400)
    >>> found = bs.sensitivity(before, "loss at compute=10, position=30720, attention=moba")
    >>> round(float(found.shares["share"].sum()), 9)
    1.0
    """
    asked = parse_estimand(question) if isinstance(question, str) else question
    seed = checks.seed(seed, "seed")
    members = members_of(fit, asked)
    draws = _joined([one.of.asked for one in members])
    pooled = np.concatenate([one.draws for one in members])
    if pooled.std() <= 1e-12 * max(1.0, abs(float(pooled.mean()))):
        raise InputError(f"the question {asked.text!r} has the same answer in every draw: nothing moves it")
    shares, sources, fitted = shares_of(members)
    shifts, doubts = shift_table(members, draws.attrs, multiverse, point)
    runs, notes = run_table(members, list(sources["source"]), candidates, budget, cost, seed)
    said = tuple(dict.fromkeys([*question_notes(fit, asked), *_notes(members, fitted), *doubts, *notes]))
    return Sensitivity(mark(draws, fit), shares, sources, shifts, runs, fitted, said, fit.health)


def _joined(draws: list[xr.DataArray]) -> xr.DataArray:
    if len(draws) == 1:
        return draws[0]
    bare = [of.drop_vars(["chain", "draw"], errors="ignore") for of in draws]
    return xr.concat(bare, "draw").assign_attrs(draws[0].attrs)


def _notes(members: Sequence[Member], fitted: float) -> list[str]:
    """Return what to know before relying on shares and shifts."""
    notes = []
    lost = sum(int((~one.of.known).sum()) for one in members)
    if lost:
        count = sum(one.of.known.size for one in members)
        notes.append(f"{lost} of {count} draws have no answer, and are left out")
    if (worth := sum(one.worth for one in members)) < THIN:
        notes.append(f"the draws are worth {number(worth)} independent ones: shares are uncertain by some per cent")
    if fitted < WELL_FITTED:
        notes.append(
            f"squares and products of the parts explain {percent(fitted)} of the variance without noise: shares of "
            "single parts are rough"
        )
    return notes
