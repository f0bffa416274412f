"""Rows of metrics in the order of their steps: restarts and repeated steps are found, and said."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import several
from bayes_scaling.data.importers.wording import some
from bayes_scaling.data.log_rows import format_runs


@dataclass(frozen=True)
class Grouped:
    """Metrics in order of run and key, and within them as written.

    Parameters
    ----------
    order
        Places of rows in the table.
    group
        A number for the run and key of each.
    """

    order: np.ndarray
    group: np.ndarray
    step: np.ndarray
    value: np.ndarray


def in_order(metrics: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return metrics without rows that later ones of their run and key have made void.

    A restarted job writes steps again: the later rows are kept. A log that goes back more often than jobs are restarted is in
    no order: its rows are kept, and of several at one step the last.
    """
    if rises(metrics):
        return metrics
    of = _grouped(metrics)
    same = of.group[1:] == of.group[:-1]
    back = np.append(same & (of.step[1:] < of.step[:-1]), False)
    again = np.append(same & (of.step[1:] == of.step[:-1]), False)
    if not (back.any() or again.any()):
        return metrics
    backs, rows = np.bincount(of.group, back), np.bincount(of.group)
    disorder = ((backs > 20) & (backs > 0.01 * rows)) | ((backs > 2) & (backs > 0.1 * rows))
    void = _replaced(of, (backs > 0) & ~disorder)
    repeated, copies = _repeated(of)
    repeated, copies = repeated & ~void, copies & ~void
    _say(metrics, of, void, repeated, copies, back & disorder[of.group], notes=notes)
    keep = np.ones(len(metrics), dtype=bool)
    keep[of.order[void | repeated]] = False
    return metrics[keep].reset_index(drop=True)


def _say(
    metrics: pd.DataFrame,
    of: Grouped,
    *which: np.ndarray,
    notes: list[str],
) -> None:
    """Note which rows of metrics were left out or sorted, and why."""
    void, repeated, copies, unsorted = which
    for rows, what in (
        (void, "written again after a restart: the later ones are kept"),
        (repeated & ~copies, "at a step that a later row has too, with another value: the last is kept"),
        (copies & (_keys(metrics, of) != "epoch"), "written twice: counted once"),
        (unsorted, "going back in step, more often than restarts would: sorted by step"),
    ):
        if rows.any():
            notes.append(f"{_places(metrics, of, rows)} {what}")


def rises(metrics: pd.DataFrame) -> bool:
    """Return whether rows are in order of run, step and key, none twice: so are logs that were never restarted, mostly."""
    run, key = metrics["run"].cat.codes.to_numpy(), metrics["key"].cat.codes.to_numpy()
    step = metrics["step"].to_numpy()
    later = step[1:] > step[:-1]
    later |= (step[1:] == step[:-1]) & (key[1:] > key[:-1])
    later &= run[1:] == run[:-1]
    later |= run[1:] > run[:-1]
    return bool(later.all()) and not np.isnan(step).any()


def _grouped(metrics: pd.DataFrame) -> Grouped:
    run, key = metrics["run"].cat.codes.to_numpy(), metrics["key"].cat.codes.to_numpy()
    group = run.astype(np.int64) * (int(key.max(initial=0)) + 1) + key
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    number = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    return Grouped(order, number, metrics["step"].to_numpy()[order], metrics["value"].to_numpy()[order])


def _replaced(of: Grouped, restarted: np.ndarray) -> np.ndarray:
    """Return which rows lie at or beyond the step of a later row, in the groups that were restarted."""
    void = np.zeros(len(of.group), dtype=bool)
    rows = np.flatnonzero(restarted[of.group])[::-1]
    if len(rows):
        group = of.group[rows]
        least = pd.Series(of.step[rows]).groupby(group).cummin()
        later = least.groupby(group).shift(1).fillna(np.inf).to_numpy()
        void[rows] = of.step[rows] >= later
    return void


def _repeated(of: Grouped) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows another row of their run, key and step follows, and which of them have the value of the last one."""
    order = np.lexsort((of.step, of.group))
    group, step, value = of.group[order], of.step[order], of.value[order]
    followed = np.append((group[1:] == group[:-1]) & (step[1:] == step[:-1]), False)
    ends = np.flatnonzero(~followed)
    last = value[np.repeat(ends, np.diff(ends, prepend=-1))]
    same = (value == last) | (np.isnan(value) & np.isnan(last))
    repeated, copies = np.empty((2, len(order)), dtype=bool)
    repeated[order], copies[order] = followed, followed & same
    return repeated, copies


def _keys(metrics: pd.DataFrame, of: Grouped) -> np.ndarray:
    """Return the key of each row; loggers write the epoch in each of several rows of one step."""
    names = metrics["key"].cat.categories.to_numpy(dtype=object)
    keys: np.ndarray = names[metrics["key"].cat.codes.to_numpy()[of.order]]
    return keys


def _places(metrics: pd.DataFrame, of: Grouped, which: np.ndarray) -> str:
    """Return how many rows, and of which runs and keys; values that several keys have at one step of a run are of one row."""
    rows = metrics.iloc[of.order[which]]
    again = rows.groupby(["run", "key", "step"], observed=True, dropna=False).cumcount()
    many = len(rows[["run", "step"]].assign(again=again).drop_duplicates())
    runs, keys = rows["run"].unique(), [str(key) for key in rows["key"].unique()]
    return f"{several(many, 'row')} of {some(keys, 3)} in {format_runs(np.asarray(runs, dtype=object))}"
