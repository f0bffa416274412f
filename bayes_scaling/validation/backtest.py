"""Backtests: refit on the small runs, predict the large ones, and see whether the bands kept their word."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.fits import fit_many
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.fit import fit
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import mark
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.scores import score_points
from bayes_scaling.validation.splits import careful, folds


@dataclass(frozen=True)
class Backtest:
    """What was predicted for runs held out, and what they showed.

    Parameters
    ----------
    points
        One row a held-out run and cut-off: the columns of `score_points`, and `train`, the cut-off, in the order asked for;
        `score_table` sums up.
    problems
        Cut-off -> why it gave no fit, or why its draws are not to be trusted.
    healths
        Cut-off -> the health of its fit.
    """

    points: pd.DataFrame
    problems: Mapping[str, str]
    healths: Mapping[str, Health] = field(default_factory=dict)

    @property
    def health(self) -> Health | None:
        """The health of all its fits together, see `health.combined`."""
        return combined({f"trained on {where}": one for where, one in self.healths.items()})


def backtest(
    model: Model,
    runs: Runs,
    train: Sequence[str] = (),
    settings: Settings | None = None,
    executor: Executor | None = None,
    folder: str | Path | None = None,
) -> Backtest:
    """Fit a model to the runs that each cut-off keeps, and score its predictions of those it does not.

    Parameters
    ----------
    train
        Filters on the names of inputs and groups, such as "params < 1e9"; several growing ones make a rollout. What else may
        stand there, and what is taken where nothing does: see `folds`.
    settings
        How to sample; unless they say a target_accept, with the smaller steps of `splits.careful`.
    executor, folder
        Where the fits run and their scores are kept, as for `fit_many`; None: one after another in this process, compiled once.

    Raises
    ------
    InputError
        As `folds` does, where the model does not fit the runs or those of a cut-off, and where no cut-off gave a fit.
    """
    parts = {part.where: part for part in folds(runs, train)}
    for part in parts.values():
        check_runs(model, part.train)
    # All parts with the levels of all runs: one sampler then serves them all, in whichever process.
    tasks = {where: Task(replace(part.train, levels=runs.levels), extra=part.held) for where, part in parts.items()}
    steps = careful(settings or Settings())
    if executor is None and folder is None:
        scored, problems, healths = _here(model, tasks, steps)
    else:
        fleet = fit_many(model, tasks, executor, keep=score_points, folder=folder, settings=steps)
        fleet.refuse_faults()
        scored, problems, healths = dict(fleet.results), {**fleet.failures, **fleet.problems}, dict(fleet.healths)
    if not scored:
        raise InputError("; ".join(f"{where!r}: {why}" for where, why in problems.items()))
    points = pd.concat([table.assign(train=where) for where, table in scored.items()], ignore_index=True)
    found = Backtest(points.assign(train=pd.Categorical(points["train"], list(scored), ordered=True)), problems, healths)
    return replace(found, points=mark(found.points, found))


def _here(
    model: Model, tasks: Mapping[str, Task], settings: Settings
) -> tuple[dict[str, pd.DataFrame], dict[str, str], dict[str, Health]]:
    scored, problems, healths = {}, {}, {}
    for where, task in tasks.items():
        try:
            fitted = fit(model, task.runs, settings)
        except InputError as error:
            problems[where] = str(error)
            continue
        scored[where] = score_points(fitted, task.extra)
        if fitted.health is not None:
            healths[where] = fitted.health
            problems |= {} if fitted.health.ok else {where: " ".join(fitted.health.problems)}
    return scored, problems, healths
