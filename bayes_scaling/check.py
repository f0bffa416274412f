"""Backtests: refit on the small runs, predict the large ones, and see whether the bands kept their word."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bayes_scaling.errors import InputError
from bayes_scaling.fitting import fit
from bayes_scaling.fleet import fit_many
from bayes_scaling.formula import parse_filter
from bayes_scaling.model import Model
from bayes_scaling.runs import Runs, subset
from bayes_scaling.sampling import Settings
from bayes_scaling.scoring import score_points
from bayes_scaling.tasks import Task


@dataclass(frozen=True)
class Backtest:
    """What was predicted for runs held out, and what they showed.

    points: one row a held-out run and cut-off: the columns of `score_points`, and `train`, the cut-off; `score_table` sums up.
    problems: cut-off -> why it gave no fit, or why its draws are not to be trusted.
    """

    points: pd.DataFrame
    problems: Mapping[str, str]


def backtest(
    model: Model,
    runs: Runs,
    train: Sequence[str],
    settings: Settings | None = None,
    executor: Executor | None = None,
    folder: str | Path | None = None,
) -> Backtest:
    """Fit a model to the runs that each cut-off keeps, and score its predictions of those it does not.

    train: filters on the names of inputs and groups, such as "params < 1e9"; several growing ones make a rollout.
    executor, folder: where the fits run and their scores are kept, as for `fit_many`; None: one after another in this process,
        compiled once.

    Raises InputError where a cut-off leaves no run to train on or none to test, names no column, or no cut-off gave a fit.
    """
    parts = {where: split(runs, where) for where in train}
    if not parts:
        raise InputError("a backtest needs at least one cut-off, such as 'params < 1e9'")
    if executor is None and folder is None:
        scored, problems = _here(model, parts, settings)
    else:
        tasks = {where: Task(kept, extra=held) for where, (kept, held) in parts.items()}
        fleet = fit_many(model, tasks, executor, keep=score_points, folder=folder, settings=settings)
        scored, problems = dict(fleet.results), {**fleet.failures, **fleet.problems}
    if not scored:
        raise InputError("; ".join(f"{where!r}: {why}" for where, why in problems.items()))
    tables = [table.assign(train=where) for where, table in scored.items()]
    return Backtest(pd.concat(tables, ignore_index=True), problems)


def split(runs: Runs, where: str) -> tuple[Runs, pd.DataFrame]:
    """Return the runs that a filter keeps, and the rows of those it does not.

    Raises InputError where either is empty.
    """
    kept = subset(runs, where)
    names = parse_filter(where)
    held = runs.table[~names({name: runs.table[name] for name in names.columns})]  # type: ignore[attr-defined]
    if not len(held):
        raise InputError(f"{runs.source}: the cut-off {where!r} keeps all {len(runs)} rows; expected some to be left to test")
    return kept, held.reset_index(drop=True)


def _here(
    model: Model, parts: Mapping[str, tuple[Runs, pd.DataFrame]], settings: Settings | None
) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    scored, problems = {}, {}
    for where, (kept, held) in parts.items():
        try:
            fitted = fit(model, kept, settings)
        except InputError as error:
            problems[where] = str(error)
            continue
        scored[where] = score_points(fitted, held)
        if fitted.health is not None and not fitted.health.ok:
            problems[where] = " ".join(fitted.health.problems)
    return scored, problems
