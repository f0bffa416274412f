"""Backtests: refit on the small runs, predict the large ones, and see whether the bands cover them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import percent, several
from bayes_scaling._base.views import in_a_line, lines, show, view
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.fits import fit_many
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.fit import fit
from bayes_scaling.inference.health import Health, combined
from bayes_scaling.inference.health_line import carried, mark
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.model.joining import joined
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model
from bayes_scaling.validation.fit_stack import fit_stack
from bayes_scaling.validation.scores import crps_of, crps_sentence, score_points, score_table
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
    crps_of
        What the CRPS is of: "log loss" where the noise is on it, else the unit of the response.
    """

    points: pd.DataFrame
    problems: Mapping[str, str]
    healths: Mapping[str, Health] = field(default_factory=dict)
    crps_of: str = ""

    @property
    def health(self) -> Health | None:
        """The health of all its fits together, see `health.combined`."""
        return combined({f"trained on {where}": one for where, one in self.healths.items()})

    @carried
    @asked
    def to_frame(self, by: Sequence[str] = ("train",)) -> pd.DataFrame:
        """Return the scores of held-out rows as a table.

        Parameters
        ----------
        by
            Columns of `points` that rows of the table are for, as "train", the cut-off, or "decades", a class of distance from
            the training runs; one row in all where empty.

        Returns
        -------
        DataFrame
            As `score_table`: runs, coverage of the central bands, CRPS, log score, errors of the median.
        """
        if unknown := sorted({str(name) for name in by} - {*map(str, self.points), "decades"}):
            raise InputError(f"points have no {unknown} to score them by; they have {format_names([*self.points, 'decades'])}")
        return score_table(self.points, by)

    def summary(self) -> str:
        """Return how well held-out rows were predicted, a sentence a line."""
        row = self.to_frame(()).iloc[0]
        half, most = (percent(row[f"coverage_{q}"]) for q in (50, 90))
        return lines(
            [
                f"{several(int(row['runs']), 'held-out row')} of {several(self.points['train'].nunique(), 'cut-off')} "
                f"{'was' if row['runs'] == 1 else 'were'} predicted.",
                f"50 % bands hold {half} of them, 90 % bands {most}.",
                crps_sentence(row["crps"], self.crps_of) + ".",
                *([] if np.isnan(row["are"]) else [f"Medians are off by {percent(row['are'])} on average."]),
                *(f"{where}: {why}" for where, why in self.problems.items() if where not in self.healths),
            ],
            self,
        )

    def plot(self) -> Any:
        """Return the figure: coverage of the bands; `plots.backtest_figure` has the runs too."""
        return view("bayes_scaling.plots.records:backtest_of")(self)

    def __repr__(self) -> str:
        return in_a_line(
            self, "Backtest", several(len(self.points), "held-out row"), several(self.points["train"].nunique(), "cut-off")
        )

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Backtest")


@asked
def backtest(
    model: Model | Mapping[str, Model],
    runs: Runs,
    train: Sequence[str] = (),
    settings: Settings | None = None,
    executor: Executor | None = None,
    folder: str | Path | None = None,
    *,
    prior: Mapping[str, float] | None = None,
) -> Backtest:
    """Fit a model to the runs that each cut-off keeps, and score its predictions of those it does not.

    y_j ~ p(y | runs that the cut-off keeps),   for each run j that it does not

    Bands that can be trusted hold as many held-out runs as they say: 50 % bands half of them, 90 % bands nine in ten.

    Parameters
    ----------
    model
        What is fitted; or name -> model, several that are stacked anew at each cut-off, see `fit_stack`.
    runs
        All of them.
    train
        Filters on the names of inputs and groups, such as "params < 1e9"; several growing ones make a rollout. What else may
        stand there, and what is taken where nothing does: see `folds`.
    settings
        How to sample; unless they say a target_accept, with the smaller steps of `splits.careful`.
    executor, folder
        Where the fits run and their scores are kept, as for `fit_many`; None: one after another in this process, compiled once.
    prior
        Of a stack, the weights of its laws before the runs were seen.

    Returns
    -------
    Backtest
        `.summary()` says how often bands held, `.to_frame(["decades"])` by distance from the training runs.

    Raises
    ------
    InputError
        As `folds` does, where the model does not fit the runs or those of a cut-off, where no cut-off gave a fit, and for a
        stack with an executor or folder.

    Examples
    --------
    >>> found = bs.backtest(model, runs, ["params < 1e8", "params < 1e9"])  # doctest: +SKIP
    >>> print(found.summary())  # doctest: +SKIP
    """
    parts = {part.where: part for part in folds(runs, train)}
    if not isinstance(model, Model) and (executor is not None or folder is not None):
        raise InputError("a stack is fitted in this process; expected neither executor nor folder (--workers 1)")
    for one in (model,) if isinstance(model, Model) else model.values():
        for part in parts.values():
            check_runs(*joined(one, part.train))
    steps = careful(settings or Settings())
    # All parts with the levels of all runs: one sampler then serves them all, in whichever process.
    tasks = {
        where: Task(replace(part.train, levels=runs.levels), extra=part.held, settings=steps) for where, part in parts.items()
    }
    if not isinstance(model, Model):
        own = settings or Settings()
        scored, problems, healths = _here(lambda task: fit_stack(model, task.runs, own, prior=prior), tasks)
    elif executor is None and folder is None:
        scored, problems, healths = _here(lambda task: fit(model, task.runs, steps), tasks)
    else:
        batch = fit_many(model, tasks, executor, keep=score_points, folder=folder)
        batch.refuse_faults()
        scored, problems, healths = dict(batch.results), {**batch.failures, **batch.problems}, dict(batch.healths)
    if not scored:
        raise InputError("; ".join(f"{where!r}: {why}" for where, why in problems.items()))
    points = pd.concat([table.assign(train=where) for where, table in scored.items()], ignore_index=True)
    points["train"] = pd.Categorical(points["train"], list(scored), ordered=True)
    scale = (model if isinstance(model, Model) else next(iter(model.values()))).noise.on
    found = Backtest(points, problems, healths, crps_of(scale, runs.columns.response.unit))
    return replace(found, points=mark(found.points, found))


def _here(
    fitted_to: Callable[[Task], Posterior], tasks: Mapping[str, Task]
) -> tuple[dict[str, pd.DataFrame], dict[str, str], dict[str, Health]]:
    """Fit tasks one after another in this process; return scores, problems and healths."""
    scored, problems, healths = {}, {}, {}
    for where, task in tasks.items():
        try:
            fitted = fitted_to(task)
        except InputError as error:
            problems[where] = str(error)
            continue
        scored[where] = score_points(fitted, task.extra)
        if fitted.health is not None:
            healths[where] = fitted.health
            problems |= {} if fitted.health.ok else {where: " ".join(fitted.health.problems)}
    return scored, problems, healths
