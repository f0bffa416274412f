"""What further runs would take from each share of an answer's variance, in closed form over the draws, as `design` has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import DIGITS, MAX_DIGITS, amount, exact, several, value_at
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.tables import Table, read_table, source_of
from bayes_scaling.decisions.design.candidates import LABEL, read_candidates, rows_of, scatter, shown
from bayes_scaling.decisions.design.criteria import gains_of
from bayes_scaling.decisions.design.information import Joint, directions, information, joint
from bayes_scaling.decisions.design.prices import flop
from bayes_scaling.decisions.design.sets import Prices, best_sets
from bayes_scaling.decisions.sensitivity.member import Member
from bayes_scaling.decisions.sensitivity.variance import Moments, given, share_table
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.specification import law_groups, model_inputs

MEASURABLE = 2.0
"""As in `next_runs`."""
PLACES = (0.0, 0.5, 1.0)
"""Quantiles of each input at which runs are proposed where none are named."""
BEYOND = 3.0
"""And so many times the largest."""
MOST_PROPOSED = 60
"""Candidates that are proposed for want of others, at most."""


@dataclass(frozen=True)
class Candidates:
    """Runs that may be trained, as the draws of each law have them.

    Parameters
    ----------
    table
        Their own columns, labelled by `candidate`.
    flop
        What each takes.
    rows
        As in `design.information.Joint`.
    shown, noise
        Law -> draws of what rows show apart from their scatter, and the covariance of the scatter within each candidate.
    """

    table: pd.DataFrame
    flop: np.ndarray
    rows: np.ndarray
    shown: Mapping[str, np.ndarray]
    noise: Mapping[str, np.ndarray]


def proposed(fit: Fit) -> pd.DataFrame:
    """Return runs at corners and the middle of those that a fit has, and three times beyond the largest; each level's own.

    Where the law varies over runs each is a run of its own.
    """
    table, inputs = fit.runs.table, list(model_inputs(fit.model))
    groups = [dim for dim in law_groups(fit.model) if dim != "run"]
    beyond = [name for name in inputs if name in fit.runs.columns.scales]
    kept = []
    for _, rows in table.groupby(groups, sort=True) if groups else [((), table)]:
        values = [sorted({float(rows[x].quantile(q, interpolation="nearest")) for q in PLACES}) for x in inputs]
        values = [[*of, BEYOND * of[-1]] if x in beyond else of for x, of in zip(inputs, values, strict=True)]
        grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, len(inputs))
        own = pd.DataFrame(grid, columns=inputs).assign(**{dim: rows[dim].iloc[0] for dim in groups})
        size = np.log(own[beyond or inputs]).sum(axis=1)
        kept.append(own[size <= np.log(rows[beyond or inputs]).sum(axis=1).max() + np.log(BEYOND) + 1e-9])
    found = pd.concat(kept, ignore_index=True)
    kept_rows = np.linspace(0, len(found) - 1, min(len(found), MOST_PROPOSED)).astype(int)
    found = pd.DataFrame(found.iloc[kept_rows].reset_index(drop=True))
    return found.assign(run=[f"new {i + 1}" for i in range(len(found))]) if "run" in law_groups(fit.model) else found


def candidates_of(
    members: Sequence[Member], candidates: Table | None, cost: str | None, seed: int
) -> tuple[Candidates, list[str]]:
    """Return candidates as every law has them, and what to know of them; those proposed have no FLOP where no cost is known.

    Raises
    ------
    InputError
        As `next_runs` does, where candidates are given.
    """
    first, fits = members[0].fit, {one.law: one.fit for one in members}
    given = mark_base_units(proposed(first)) if candidates is None else candidates
    table = read_table(given, labels=first.runs.columns.labels | {LABEL})
    source = source_of(given, "the candidates")
    frames = {law: read_candidates(fit, given, table, source) for law, fit in fits.items()}
    frame, labels = next(iter(frames.values()))
    rows, notes = rows_of(labels), []
    try:
        price = flop(first, table, frame, labels, cost, source)[1]
    except InputError:
        if candidates is not None:
            raise
        price = np.full(len(rows), np.nan)
        notes = ["what a run costs is not known: further runs stand in the order of what they tell"]
    g = {law: shown(fit, frames[law][0], seed) for law, fit in fits.items()}
    noise = {law: scatter(fit, frames[law][0], rows, seed) for law, fit in fits.items()}
    names = pd.unique(labels)
    if candidates is None:
        names = np.array([_named(first, table.iloc[i]) for i in range(len(table))])
    own = table.groupby(labels, sort=False).head(1).drop(columns=LABEL, errors="ignore").reset_index(drop=True)
    own.insert(0, LABEL, names)
    return Candidates(own, price, rows, g, noise), notes


def _named(fit: Fit, row: pd.Series) -> str:
    inputs, shown = fit.runs.columns.inputs, row.drop("run", errors="ignore").items()
    return ", ".join(f"{name} {value_at(str(name), of, DIGITS if name in inputs else MAX_DIGITS)}" for name, of in shown)


@dataclass(frozen=True)
class Further:
    """What some candidates together would leave of an answer's uncertainty.

    Parameters
    ----------
    members
        Their places.
    information
        What they tell of the question without its noise, in nats.
    laws
        Law -> moments given what they show.
    between
        Variance between the laws that is left.
    """

    members: tuple[int, ...]
    information: float
    laws: Mapping[str, Moments]
    between: float


def run_table(
    members: Sequence[Member],
    sources: Sequence[str],
    candidates: Table | None,
    budget: float | None,
    cost: str | None,
    seed: int,
) -> tuple[pd.DataFrame, list[str]]:
    """Return what the best further runs leave of each source's variance, a row each, and what to know of it.

    Raises
    ------
    InputError
        As `next_runs` does.
    """
    first = members[0].fit
    if candidates is None and first.runs.columns.schedule is not None:
        return pd.DataFrame(), ["runs of a schedule are not proposed: give candidates"]
    of, notes = candidates_of(members, candidates, cost, seed)
    limit = float("inf") if budget is None else checks.positive(budget, "the budget")
    if np.isfinite(limit) and np.nanmin(of.flop, initial=np.inf) > limit:
        raise InputError(
            f"the cheapest candidate takes {amount(float(np.nanmin(of.flop)), 'FLOP')}; the budget is {exact(limit)}"
        )
    found = further(of, members, limit)
    if not found:
        return pd.DataFrame(), [*notes, f"none of {several(len(of.flop), 'further run')} is expected to tell measurably more"]
    weights = {one.law: one.weight for one in members}
    noise = sum(one.weight * sum(one.moments.noise.values()) for one in members)
    before = float(share_table({one.law: one.moments for one in members}, weights)["variance"].sum())
    rows, names = [], of.table[LABEL].astype(str).to_numpy()
    for one in found:
        left = share_table(one.laws, weights, one.between).groupby("source")["variance"].sum() / before
        after = np.exp(-2 * one.information) * (before - noise) + noise
        row = {"runs": "; ".join(names[list(one.members)]), "count": len(one.members)}
        row |= {"flop": float(of.flop[list(one.members)].sum()), "information": one.information}
        row |= {"width": float(np.sqrt(after / before))}
        rows.append(row | {f"left {name}": float(left.get(name, 0.0)) for name in sources})
    return pd.DataFrame(rows), notes


MOST_RUNS = 2
"""Single further runs that are told of for what they cost, beside that which tells most, and the best set."""


def further(of: Candidates, members: Sequence[Member], budget: float) -> list[Further]:
    """Return the best candidates for their compute, that which tells most, and the best set, with what they leave.

    Parameters
    ----------
    budget
        In FLOP, of a set as of a single run.
    """
    seen = {one.law: _filled(of.shown[one.law][one.of.known]) for one in members}
    noise = np.average([of.noise[one.law] for one in members], axis=0, weights=[one.weight for one in members])
    core = np.concatenate([one.of.core for one in members])
    both = joint(core, np.concatenate(list(seen.values())), of.rows, noise)
    told, least = information(both), MEASURABLE / sum(one.worth for one in members)
    told = np.where(told < least * np.maximum(1.0, directions(both)), 0.0, told)
    price = np.where(np.isfinite(of.flop), of.flop, 1.0)
    ordered = [int(i) for i in np.lexsort((price, -told / price)) if price[i] <= budget and told[i] > 0]
    gains = gains_of(both, "information")
    sets = best_sets(gains, Prices(price, budget=budget), LARGEST) if ordered else []
    more = [chosen for chosen in sets if len(chosen) > 1 and gains(chosen)[0] > told.max() + least]
    most = [int(np.argmax(np.where(price <= budget, told, 0.0)))] if ordered else []
    chosen = [(i,) for i in [*ordered[:MOST_RUNS], *most]] + more[-1:]
    return [_left(of, members, seen, both, one) for one in dict.fromkeys(chosen)]


LARGEST = 3
"""Runs of a set."""


def _filled(seen: np.ndarray) -> np.ndarray:
    """Return draws of what candidates show, their mean where a draw of the law has no loss."""
    known = np.isfinite(seen)
    if known.all():
        return seen
    middle = np.where(known, seen, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, seen, middle)


def _left(
    of: Candidates, members: Sequence[Member], seen: Mapping[str, np.ndarray], both: Joint, chosen: tuple[int, ...]
) -> Further:
    rows = np.concatenate([of.rows[i][of.rows[i] >= 0] for i in chosen])
    found = {
        one.law: _given(one.moments, one.table, seen[one.law][:, rows], _blocks(of.noise[one.law], of.rows, chosen))
        for one in members
    }
    pooled = both.shown[:, rows]
    noisy = pooled.T @ pooled / len(pooled) + _blocks(both.noisy - both.own, of.rows, chosen)
    question = both.question[:, 0]
    crossed = question @ pooled / len(pooled)
    before = float(question @ question) / len(pooled)
    after = before - float(crossed @ np.linalg.solve(noisy, crossed))
    within = sum(one.weight * found[one.law].core for one in members)
    between = max(0.0, after - within) if len(members) > 1 else 0.0
    return Further(chosen, -0.5 * float(np.log(max(after / before, 1e-300))), found, between)


def _given(before: Moments, table: np.ndarray, seen: np.ndarray, noise: np.ndarray) -> Moments:
    off, shown_off = table - table.mean(axis=0), seen - seen.mean(axis=0)
    return given(before, off.T @ shown_off / len(off), shown_off.T @ shown_off / len(off) + noise)


def _blocks(noise: np.ndarray, rows: np.ndarray, members: tuple[int, ...]) -> np.ndarray:
    """Return the covariance of the scatter of several candidates, independent of each other."""
    from scipy.linalg import block_diag

    counts = [int((rows[i] >= 0).sum()) for i in members]
    return np.asarray(block_diag(*(noise[i][:n, :n] for i, n in zip(members, counts, strict=True))))
