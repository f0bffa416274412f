"""What became of every task of a batch of fits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling._base.views import in_a_line
from bayes_scaling.inference.batch.causes import by_cause, cause_lines, written
from bayes_scaling.inference.health import LAPLACE, Health, combined, counts
from bayes_scaling.inference.health_line import carried

AT = "at:"
"""Before the columns of predictions in a table that has parameters too."""
LISTED = 20
"""Of more tasks that failed or are not to be trusted a summary has the causes."""


@dataclass(frozen=True)
class Batch[Result]:
    """What became of every task of a batch of fits, each by its name: what `fit_many` returns.

    Parameters
    ----------
    results
        What was kept; the fits where nothing else was asked for, or their files where there is a folder.
    failures
        Task without a result -> why, in one line.
    problems
        Task whose draws are not to be trusted -> what the sampler's health says, in one line; its result is kept.
    seconds
        How long each fit took in its worker, compiling included.
    loaded
        Tasks whose stored result was taken.
    healths
        The health of each fit; results stored by older versions have none.
    redone
        Tasks whose stored result was not taken -> why: of other runs or settings, made with other software, damaged.
    faults
        Tasks that failed by no fault of what was asked -> the traceback.
    """

    results: Mapping[str, Result]
    failures: Mapping[str, str]
    problems: Mapping[str, str]
    seconds: Mapping[str, float]
    loaded: frozenset[str] = frozenset()
    healths: Mapping[str, Health] = field(default_factory=dict)
    redone: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return in_a_line(self, "Batch of fits", several(len(self.results), "result"), several(len(self.failures), "failure"))

    def refuse_faults(self) -> None:
        """Raise RuntimeError, with the traceback of a worker, where there is no result for no reason that lies in the input."""
        if self.faults and not self.results:
            raise RuntimeError(next(iter(self.faults.values())))

    @property
    def health(self) -> Health | None:
        """The health of all fits together, see `health.combined`."""
        return combined(self.healths)

    @property
    def report(self) -> list[str]:
        """One line for each task that failed or is not to be trusted, and how many fits have each grade; empty if clean."""
        lines = [f"{written(name)}: failed: {why}" for name, why in self.failures.items()]
        lines += [f"{written(name)}: not to be trusted: {why}" for name, why in self.problems.items()]
        return lines if all(one.clean for one in self.healths.values()) else [*lines, counts(self.healths)]

    @carried
    def to_frame(self) -> pd.DataFrame:
        """Return the tables of all tasks, one below the other; of fits one row each: grade, seconds, and why there is none.

        The first column, `task`, is the task's name. Predictions that stand beside parameters are in `predictions`.
        """
        tables = {name: without_predictions(of) for name, of in self.results.items() if isinstance(of, pd.DataFrame)}
        if tables:
            return _joined(tables)
        rows = [
            {
                "task": name,
                "grade": self.healths[name].grade if name in self.healths else "",
                "seconds": self.seconds.get(name),
                "problem": self.failures.get(name, self.problems.get(name, "")),
            }
            for name in (*self.results, *self.failures)
        ]
        return pd.DataFrame(rows, columns=["task", "grade", "seconds", "problem"])

    @carried
    def predictions(self) -> pd.DataFrame:
        """Return the predictions of all tasks at their points, as `summarize` has them; the first column is the task's name.

        Raises
        ------
        InputError
            Where none were asked for, see `tasks_at`.
        """
        tables = {name: predictions_in(of) for name, of in self.results.items() if isinstance(of, pd.DataFrame)}
        known = {name: of for name, of in tables.items() if of is not None}
        if not known:
            raise InputError("no predictions were made; expected tasks of tasks_at, with keep=parameters_and_predictions")
        return _joined(known)

    @property
    def causes(self) -> dict[str, list[str]]:
        """Why tasks failed -> those tasks, the most frequent cause first; lines that differ only in numbers are one cause."""
        return by_cause(self.failures)

    @property
    def sampled_instead(self) -> list[str]:
        """Tasks that were to be approximated, and were sampled by NUTS since draws so made did not stand for the posterior."""
        first = {name: one.rounds[0] for name, one in self.healths.items() if one.rounds}
        return [name for name, round_ in first.items() if round_["tried"] == LAPLACE and self.healths[name].method != LAPLACE]

    def summary(self) -> str:
        """Return how many tasks have a result, and a line for each that failed or is not to be trusted.

        Where those are many, a line for each cause.
        """
        every = len(self.results) + len(self.failures)
        lines = self.report
        if len(self.failures) + len(self.problems) > LISTED:
            grades = [] if all(one.clean for one in self.healths.values()) else [counts(self.healths)]
            lines = [*cause_lines(self.failures, "failed"), *cause_lines(self.problems, "not to be trusted"), *grades]
        sampled = f" {len(self.sampled_instead)} of them by NUTS: Laplace's approximation did not stand for the posterior."
        said = f"{len(self.results)} of {every} tasks have a result.{sampled if self.sampled_instead else ''}"
        return "\n".join([said, *lines])


def with_predictions(parameters: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return one table of both, for `without_predictions` and `predictions_in`."""
    return pd.concat([parameters, predictions.add_prefix(AT)], ignore_index=True)


def without_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table that are no predictions."""
    of = [name for name in table if str(name).startswith(AT)]
    return table.loc[table[of].isna().all(axis=1)].drop(columns=of) if of else table


def predictions_in(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rows of a table that are predictions; None where it has none."""
    of = [name for name in table if str(name).startswith(AT)]
    if not of:
        return None
    return table.loc[table[of].notna().any(axis=1), of].set_axis([str(name).removeprefix(AT) for name in of], axis=1)


def _joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    joined = pd.concat(list(tables.values()), ignore_index=True)
    names = np.repeat(np.array(list(tables), dtype=object), [len(of) for of in tables.values()])
    others = joined.drop(columns="task", errors="ignore")
    return pd.concat([pd.DataFrame({"task": pd.Series(names, dtype="str")}), others], axis=1)
