"""What the draws of a question are made of: parameters of the law by its terms, discrepancy, noise of a new run."""

import ast
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS
from bayes_scaling.decisions.estimand_places import asked_place, loss_at_place, splits_compute
from bayes_scaling.decisions.estimand_text import Estimand
from bayes_scaling.decisions.estimands import draw_estimand, multiplier_path
from bayes_scaling.inference.expectation import discrepancy_at, law_at, levels_at, log_inputs
from bayes_scaling.inference.observation import contamination, group_effects_and_scale, own_variance, scales_with_error
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.posterior_predictive import noise_parts
from bayes_scaling.laws.formula import law_tree
from bayes_scaling.laws.library import Law, law_parameters
from bayes_scaling.model.evaluation import parameter_at
from bayes_scaling.model.gaussian_sum import mixture_width
from bayes_scaling.model.names import NOISE_SD
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.model.priors import link
from bayes_scaling.model.specification import changed, discrepancy_terms

LAW, DISCREPANCY, EFFECTS, SCATTER, BETWEEN = "law", "discrepancy", "group effects", "scatter", "between laws"
"""Sources of uncertainty."""

MOST_GROUPS = 5
"""Groups of the law's parameters that are told apart; of a law with more terms the last are taken together."""

ALONG = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Sizes about the best split, in e-folds, at which the discrepancy that bends it is looked at."""

LEAST_DRAWS = 40
"""With fewer draws that have an answer, shares of a variance are noise."""


@dataclass(frozen=True)
class Factor:
    """One uncertain thing that a question depends on.

    Parameters
    ----------
    source
        Which kind it is: the law, or the discrepancy.
    part
        What it is called, as "A, alpha".
    columns
        Its draws where the question looks at it, on its link scale; (draws, columns).
    """

    source: str
    part: str
    columns: np.ndarray


@dataclass(frozen=True)
class Components:
    """Draws of a question under one law, and of what they are made of.

    Parameters
    ----------
    asked
        All of it, (chain, draw); NaN in draws without an answer.
    known
        Which draws, chains after each other, have one; all below are of these.
    core
        The question without the noise of a new run, (draws,).
    factors
        What the core is a function of.
    law
        The law's own contribution where the core is a sum of it and others, else None.
    noise
        Source -> for each draw the variance, or the square, of what is added to the core and independent of it in the mean.
    """

    asked: xr.DataArray
    known: np.ndarray
    core: np.ndarray
    factors: tuple[Factor, ...]
    law: np.ndarray | None
    noise: dict[str, np.ndarray]


def components(fit: Fit, question: Estimand) -> Components:
    """Return what a question is made of under one law.

    Raises
    ------
    InputError
        As `draw_estimand` does, and where fewer than forty draws have an answer.
    """
    asked = draw_estimand(fit, question)
    draws = asked.to_numpy().ravel()
    if question.kind == "parameter":
        known = _known(question, draws)
        factor = Factor(LAW, question.name, draws[known, None])
        return Components(asked, known, draws[known], (factor,), None, {})
    frame, signs = _places(fit, question)
    logs, noise, core = log_inputs(fit, frame), {}, asked
    if question.kind == "run":
        place = asked_place(fit, question.held, question.text)
        effects = noise_parts(fit, place.frame, fit.settings.seed)[0].isel(row=0)
        loss = loss_at_place(fit, place)
        core = _on_scale(fit, loss)
        noise = {EFFECTS: _flat(effects) ** 2, SCATTER: _scatter_variance(fit, place.frame)}
    known = _known(question, _flat(core) + draws)
    law = None if signs is None else _law(fit, frame, logs, signs)
    found = [*_parameters(fit, frame, logs), *_discrepancies(fit, frame, logs)]
    kept = [Factor(one.source, one.part, _distinct(one.columns[known])) for one in found]
    law = law[known] if law is not None and np.isfinite(law[known]).all() else None
    return Components(
        asked,
        known,
        _flat(core)[known],
        tuple(one for one in kept if one.columns.shape[1]),
        law,
        {name: of[known] for name, of in noise.items() if (of[known] > 0).any()},
    )


def _known(question: Estimand, draws: np.ndarray) -> np.ndarray:
    known = np.isfinite(draws)
    if known.sum() < LEAST_DRAWS:
        raise InputError(f"the question {question.text!r} has an answer in {known.sum()} draws; expected {LEAST_DRAWS} or more")
    return known


def _flat(draws: xr.DataArray) -> np.ndarray:
    return np.asarray(draws.transpose("chain", "draw").to_numpy().ravel())


@np.errstate(invalid="ignore", divide="ignore")
def _on_scale(fit: Fit, losses: xr.DataArray) -> xr.DataArray:
    return losses.copy(data=on_scale(losses.to_numpy(), fit.model.noise.on))


def _scatter_variance(fit: Fit, frame: pd.DataFrame) -> np.ndarray:
    """Return for each draw the variance of the scatter of a row; of heavy tails that of the normal with their 90 % interval.

    A Student-t may have no variance, and what people read is a band.
    """
    from scipy import stats

    scale, white = scales_with_error(fit, frame, group_effects_and_scale(fit, frame, fit.settings.seed, new=True)[1])
    variance = scale**2 * (1.0 + own_variance(fit, frame, scale, white))
    found = _rows(variance + xr.zeros_like(fit.posterior[NOISE_SD]), 1)[:, 0]
    if (outliers := contamination(fit, frame, scale, white)) is not None:
        squared = _rows(scale**2 + xr.zeros_like(fit.posterior[NOISE_SD]), 1)[:, 0]
        times = np.sqrt(1.0 + outliers.added.ravel() * squared / found)
        return np.asarray(found * mixture_width(times, outliers.probability.ravel()) ** 2)
    if "noise_nu" not in fit.posterior:
        return found
    wide = stats.t.ppf(0.95, _flat(fit.posterior["noise_nu"])) / stats.norm.ppf(0.95)
    return np.asarray(found * wide**2)


def _places(fit: Fit, question: Estimand) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Return the points that a question looks at, and with which sign the loss of each enters it; None where it is no sum."""
    where, text = dict(question.held), question.text
    match question.kind:
        case "loss" | "run":
            return _point(fit, where, text), None if splits_compute(fit, where) else np.ones(1)
        case "contrast":
            arms = [_point(fit, {**where, question.name: of}, text) for of in (question.a, question.b)]
            signs = None if splits_compute(fit, where) else np.array([1.0, -1.0])
            return pd.concat(arms, ignore_index=True), signs
        case "multiplier":
            return _both_ends(fit, question), None
        case _:
            return _along_budget(fit, where, text), None


def _point(fit: Fit, where: dict[str, str], text: str) -> pd.DataFrame:
    """Return the point of a loss; where compute is split in each draw, points along the budget."""
    return _along_budget(fit, where, text) if splits_compute(fit, where) else asked_place(fit, where, text).frame


def _both_ends(fit: Fit, question: Estimand) -> pd.DataFrame:
    """Return the point of the one level, and that where the other has its loss, by the median of the multiplier."""
    where, text = dict(question.held), question.text
    middle = float(np.exp(draw_estimand(fit, question).median()))
    one = {**where, question.name: question.a}
    if splits_compute(fit, where):
        one["compute"] = repr(float(where["compute"]) * middle)
        moved = asked_place(fit, one, text).frame
    else:
        path = multiplier_path(fit)
        powers = {path: 1.0} if isinstance(path, str) else dict(path or {})
        moved = asked_place(fit, one, text).frame
        moved = moved.assign(**{name: moved[name] * middle**power for name, power in powers.items()})
    other = asked_place(fit, {**where, question.name: question.b}, text).frame
    return pd.concat([moved, other], ignore_index=True)


def _along_budget(fit: Fit, where: dict[str, str], text: str) -> pd.DataFrame:
    """Return points about the median of the best splits of a budget, along it."""
    frame = asked_place(fit, where, text).frame
    rows = [frame.assign(params=frame["params"] * np.exp(of), tokens=frame["tokens"] * np.exp(-of)) for of in ALONG]
    return pd.concat(rows, ignore_index=True)


def _law(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray], signs: np.ndarray) -> np.ndarray:
    values = _on_scale(fit, law_at(fit, frame, logs)).transpose("chain", "draw", "row").to_numpy().reshape(-1, len(frame))
    return np.asarray(values @ signs)


def law_terms(law: Law) -> list[tuple[str, ...]]:
    """Return the parameters of a law by the terms of its sum: those that share a term stand together.

    Where all are in one term each stands alone.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> law_terms(laws.chinchilla)
    [('E',), ('A', 'alpha'), ('B', 'beta')]
    """
    names, groups = list(law_parameters(law)), list[set[str]]()
    for term in _addends(law_tree(law)):
        used = {node.id for node in ast.walk(term) if isinstance(node, ast.Name)} & set(names)
        touched = [one for one in groups if one & used]
        groups = [one for one in groups if not one & used] + ([set().union(used, *touched)] if used else [])
    groups = [{name} for name in names] if len(groups) == 1 and len(names) <= MOST_GROUPS else groups
    ordered = sorted(groups, key=lambda one: min(names.index(name) for name in one))
    if len(ordered) > MOST_GROUPS:
        ordered = [*ordered[: MOST_GROUPS - 1], set().union(*ordered[MOST_GROUPS - 1 :])]
    return [tuple(name for name in names if name in one) for one in ordered]


def _addends(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return [*_addends(left), *_addends(right)]
        case ast.UnaryOp(operand=operand):
            return _addends(operand)
        case _:
            return [node]


def _parameters(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> list[Factor]:
    """Return the law's parameters at the points, with their trends and the effects of levels."""
    level = levels_at(fit, frame, fit.settings.seed, new=False)
    found = []
    for names in law_terms(fit.model.law):
        columns = []
        for name in names:
            at = parameter_at(fit.model, name, fit.posterior, logs, level, ON_NUMBERS)
            values = _rows(at, len(frame))
            positive = link(as_parameter(fit.model.parameters[name]).prior) == "log"
            columns.append(np.log(values) if positive else values)
        found.append(Factor(LAW, ", ".join(names), np.concatenate(columns, axis=1)))
    return found


def _discrepancies(fit: Fit, frame: pd.DataFrame, logs: dict[str, xr.DataArray]) -> list[Factor]:
    """Return each term of the discrepancy at the points."""
    found = []
    for term, _ in discrepancy_terms(fit.model):
        alone = replace(fit, model=changed(fit.model, discrepancy=(term,)))
        part = " ".join([DISCREPANCY, *(["by", " x ".join(term.dims)] if term.dims else [])])
        found.append(Factor(DISCREPANCY, part, _rows(discrepancy_at(alone, frame, logs), len(frame))))
    return found


def _rows(values: xr.DataArray, rows: int) -> np.ndarray:
    """Return draws as an array, a draw a row and a point a column."""
    full = values if "row" in values.dims else values.expand_dims(row=rows)
    return np.asarray(full.transpose("chain", "draw", "row").to_numpy().reshape(-1, rows))


def _distinct(columns: np.ndarray) -> np.ndarray:
    """Return the columns that say something that those before do not: not constant, not one of them again."""
    kept: list[np.ndarray] = []
    for column in columns.T:
        off = column - column.mean()
        if not np.isfinite(off).all() or off.std() <= 1e-12 * max(1.0, abs(column.mean())):
            continue
        z = off / off.std()
        if all(abs(z @ other) / len(z) < 1 - 1e-10 for other in kept):
            kept.append(z)
    return np.column_stack(kept) if kept else np.empty((len(columns), 0))
