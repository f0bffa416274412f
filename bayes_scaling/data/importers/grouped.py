"""Rows of many runs, one after the other in one file, and the metrics of each run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from bayes_scaling.data.importers.coded import coded_frame


@dataclass
class Grouped:
    """Rows of metrics of many runs: codes of runs and keys, steps and values, in batches."""

    runs: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    batches: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def extend(self, runs: Sequence[str], steps: np.ndarray, keys: Sequence[str], values: np.ndarray) -> None:
        """Add rows."""
        self.append(codes_of(runs, self.runs), steps, codes_of(keys, self.names), values)

    def append(self, runs: np.ndarray, steps: np.ndarray, keys: np.ndarray, values: np.ndarray) -> None:
        """Add rows whose runs and keys are codes; those of run -1 are of none."""
        self.batches.append((runs, steps, keys, values))

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, ...]:
        """All rows by run, each run's in the order written, and where each run begins."""
        empty = (np.empty(0, np.int32), np.empty(0), np.empty(0, np.int32), np.empty(0))
        run, *columns = [np.concatenate(column) for column in zip(*(self.batches or [empty]), strict=True)]
        self.batches.clear()
        if (run[1:] < run[:-1]).any():
            order = np.argsort(run, kind="stable")
            run, columns = run[order], [columns.pop(0)[order] for _ in range(3)]
        return np.searchsorted(run, np.arange(len(self.runs) + 1)), *columns

    def metrics(self, run: str) -> pd.DataFrame:
        """Return the metrics of a run: step, key, value."""
        bounds, steps, keys, values = self._sorted
        if run not in self.runs:
            return coded_frame(np.empty(0), np.empty(0, np.int32), (), np.empty(0))
        rows = slice(bounds[self.runs[run]], bounds[self.runs[run] + 1])
        used = np.flatnonzero(np.bincount(keys[rows], minlength=len(self.names)))
        names = np.array(list(self.names), dtype=object)[used]
        return coded_frame(steps[rows], np.searchsorted(used, keys[rows]).astype(np.int32), names, values[rows])


def codes_of(names: Sequence[str], known: dict[str, int]) -> np.ndarray:
    """Return codes of names, and add those that are new to the known ones."""
    for name in dict.fromkeys(names):
        known.setdefault(name, len(known))
    return np.fromiter(map(known.__getitem__, names), np.int32, len(names))


def numbered_steps(metrics: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return metrics, their rows numbered from 1 where each key has all of several at step 0, and whether they are.

    MLflow writes 0 where a metric is logged without a step.
    """
    if len(metrics) == metrics["key"].nunique() or metrics["step"].ne(0).any():
        return metrics, False
    return metrics.assign(step=metrics.groupby("key", observed=True).cumcount().to_numpy() + 1.0), True
