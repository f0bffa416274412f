"""Learning-rate schedules: what a law reads of them, from the learning rates of a run's rows.

Between rows the learning rate is a line, and with a value at every step the sums of the papers are sums over steps:

    lr_sum            S1 = sum of lr_i over steps i up to the row
    annealing_area    S2 = sum over steps i of sum over k <= i of (lr_(k-1) - lr_k) momentum^(i-k)        (Tissue et al. 2024)
    lr_drop           how far the learning rate has fallen from its peak
    lr_fall           the same as a share of the peak, at least 1e-4: it needs no steps, and may be along tokens
    lr_weighted       T = how far the run has come, each token or step weighted by its rate as a share of the peak; needs no
                      steps
    lr_annealed       how much of the falls so far has taken effect, at least 1e-4; needs no steps
    lr_effective      the rate as a share of its peak, falling as late as falls take effect, at least 0.02; needs no steps
    lr_sudden_pending how much of the falls at once so far has not, at least 1e-4; needs no steps
    lr_then, lr_since the fall so far in equal parts: the learning rate when half of a part had happened, and the sum of the
                      learning rate since

The last two have a column for each part, `lr_then_1` on, and their mean under the name itself. The sum of the Multi-Power law
over all steps becomes one over a few parts (midpoint rule over the fall), exact for a single drop:

    B lr_drop mean(1 - (1 + C lr_then^-gamma lr_since)^-beta)

`lr_annealed` is the same sum with falls as shares of the peak, a rise being a negative one, and the approach to their effect
that several families share when it is measured against how far the run has come:

    integral of -d(lr_s / peak) (1 - (1 + (T - T_s) / (0.0025 T))^-0.6)

In runs of Luo et al. 2025 under nine schedules it more than halves what the plain fall leaves (0.19 % of the loss); in the OLMo
ladder, xLSTM's transformers and tiny looped models, all under cosines, either does. `lr_effective` is 1 less it.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError, format_names, format_value
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.annealed import LR_ROUNDING, annealed, effective, fall, sudden_pending, weighted
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.schedule_columns import DERIVED, IN_PARTS, STEPLESS, Schedule

MAX_STEP = 100_000_000
"""Steps of a run at most: the schedule is held step by step."""
OF_SHARES = {
    "lr_fall": fall,
    "lr_weighted": weighted,
    "lr_annealed": annealed,
    "lr_effective": effective,
    "lr_sudden_pending": sudden_pending,
}
"""How columns that need no steps come of places along a run and its learning rates there."""


def schedule_inputs(
    frame: pd.DataFrame,
    schedule: Schedule,
    run: str | tuple[str, ...] | None = None,
    wanted: Collection[str] = DERIVED,
    source: str = "the table",
) -> pd.DataFrame:
    """Return a table with the columns that a schedule gives added to it.

    Parameters
    ----------
    frame
        A row for each logged step, or for a schedule that is only planned one at each change of slope.
    run
        Column or columns that tell which run a row belongs to; None: all rows are one.
    wanted
        Which of the columns to add.
    source
        What to call the table in errors.

    Raises
    ------
    InputError
        In one line with run and step, where two rows of a step have different learning rates, where one is negative, or where
        it rises after it has fallen and parts of the fall are wanted.
    """
    stepped = [name for name in wanted if name not in STEPLESS]
    at, lr, label = _checked(frame, schedule, run, source, steps=bool(stepped))
    found = {name: np.empty(len(frame)) for name in _columns(schedule, wanted)}
    for one in pd.unique(label):
        own = (label == one).to_numpy()
        called = f"{source}: run {format_value(one)}" if run else source
        derived = _derived(at[own].astype(int), lr[own], schedule, stepped, called) if stepped else {}
        derived |= {name: of(at[own], lr[own]) for name, of in OF_SHARES.items() if name in wanted}
        for name, values in derived.items():
            found[name][own] = values
    return pd.concat([frame.drop(columns=list(found), errors="ignore"), pd.DataFrame(found, index=frame.index)], axis=1)


def _checked(
    frame: pd.DataFrame, schedule: Schedule, run: str | tuple[str, ...] | None, source: str, *, steps: bool
) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    """Return step, learning rate and run of each row."""
    from bayes_scaling.data.cells import number_column
    from bayes_scaling.data.labels import label_column

    rows, frame = frame.index.to_numpy(), frame.reset_index(drop=True)
    read = (schedule.along, schedule.lr)
    at, lr = (number_column(frame, name, source, rows, positive=False, negative=name != schedule.along) for name in read)
    if (lr < -LR_ROUNDING * lr.max()).any():
        number_column(frame, schedule.lr, source, rows, positive=False, negative=False)
    lr = lr.clip(lower=0.0)  # a cosine ends at zero to rounding, which may lie below it
    if steps and (wrong := (at != np.floor(at)) | (at > MAX_STEP)).any():
        row = int(np.argmax(wrong))
        where = f"{source}: column {schedule.along!r}, row {row + 1}"
        raise InputError(f"{where}: {exact(at[row])} is no step; expected a whole number up to {exact(MAX_STEP)}")
    parts = (run,) if isinstance(run, str) else tuple(run or ())
    label = label_column(frame, parts, source, rows) if parts else pd.Series(0, index=frame.index)
    return at.to_numpy(), lr.to_numpy(), label


def part_columns(name: str, parts: int) -> list[str]:
    """Return what the columns of an input are called that has a value for each part of the fall."""
    return [f"{name}_{part + 1}" for part in range(parts)]


def in_parts(frame: pd.DataFrame, columns: Columns) -> dict[str, list[str]]:
    """Return the columns of each input that a checked table holds in parts of the fall, and not as a single number."""
    if columns.schedule is None:
        return {}
    of = {name: part_columns(name, columns.schedule.parts) for name, one in columns.inputs.items() if one.column in IN_PARTS}
    return {name: parts for name, parts in of.items() if set(parts) <= set(frame)}


def log_input(frame: pd.DataFrame, columns: Columns, references: Mapping[str, float], name: str) -> np.ndarray:
    """Return log(input / reference) at rows of a checked table, with a second axis over parts of the fall where it has some.

    It is -inf where an input is 0, as one that comes of a learning rate that has not fallen.
    """
    values = frame[in_parts(frame, columns).get(name, name)].to_numpy()
    with np.errstate(divide="ignore"):
        logs: np.ndarray = np.log(values / references[name])
    return logs


def check_logarithms(columns: Columns, terms: Mapping[str, Collection[str]]) -> None:
    """Raise InputError where a term of a model is on the logarithm of an input that may be 0 or has parts.

    Parameters
    ----------
    terms
        What the term is called -> the inputs it is on.
    """
    for term, names in terms.items():
        if wrong := [name for name in names if name not in columns.logarithms]:
            raise InputError(
                f"{term} is on {format_names(wrong)}, which may be 0 or has parts; expected "
                + (f"one of {format_names(columns.logarithms)}" if columns.logarithms else "none, as all inputs may be")
            )


def _columns(schedule: Schedule, wanted: Collection[str]) -> list[str]:
    every = {name: [name, *(part_columns(name, schedule.parts) if name in IN_PARTS else ())] for name in DERIVED}
    return [column for name in wanted for column in every[name]]


def _derived(at: np.ndarray, lr: np.ndarray, schedule: Schedule, wanted: Collection[str], called: str) -> dict[str, Any]:
    """Return the columns of one run."""
    every = _every_step(at, lr, schedule, called)
    total, peak = np.cumsum(every) - every[0], int(np.argmax(every))
    found: dict[str, Any] = {"lr_sum": total[at]}
    if "annealing_area" in wanted:
        found["annealing_area"] = _annealing_area(every, peak, schedule.momentum)[at]
    if {"lr_drop", *IN_PARTS} & set(wanted):
        fallen = _fallen(every, peak, called)
        found |= {"lr_drop": fallen[at]} | _in_parts(at, every, total, fallen, schedule.parts)
    return {name: found[name] for name in _columns(schedule, wanted)}


def _every_step(at: np.ndarray, lr: np.ndarray, schedule: Schedule, called: str) -> np.ndarray:
    """Return the learning rate at every step from 0 to the last row's."""
    steps, first, back = np.unique(at, return_index=True, return_inverse=True)
    if (twice := lr != lr[first][back]).any():
        step = at[int(np.argmax(twice))]
        raise InputError(f"{called}, step {step}: two learning rates; expected one, say which rows are one run")
    x, y = steps, lr[first]
    if steps[0] > 1:
        x = np.concatenate([[0, steps[0] if schedule.warmup is None else min(schedule.warmup, steps[0])], x])
        y = np.concatenate([[0.0, y[0]], y])
    every: np.ndarray = np.interp(np.arange(steps[-1] + 1), x, y)
    return every


def _annealing_area(every: np.ndarray, peak: int, momentum: float) -> np.ndarray:
    """Return S2 at every step; it is never negative, being the sum of (peak - lr_i) momentum^(now - i)."""
    from scipy.signal import lfilter

    below = np.where(np.arange(len(every)) > peak, every[peak] - every, 0.0)
    area: np.ndarray = lfilter([1.0], [1.0, -momentum], np.where(below > LR_ROUNDING * every[peak], below, 0.0))
    return area


def _fallen(every: np.ndarray, peak: int, called: str) -> np.ndarray:
    """Return how far the learning rate has fallen from its peak at every step; raises InputError where it rises again."""
    after, rounding = every[peak:], LR_ROUNDING * every[peak]
    lowest = np.minimum.accumulate(after)
    if (rises := after > lowest + rounding).any():
        step = peak + int(np.argmax(rises))
        raise InputError(f"{called}, step {step}: the learning rate rises after it has fallen; expected one that only falls")
    fallen = np.concatenate([np.zeros(peak), every[peak] - lowest])
    return np.where(fallen > rounding, fallen, 0.0)


def _in_parts(at: np.ndarray, every: np.ndarray, total: np.ndarray, fallen: np.ndarray, parts: int) -> dict[str, np.ndarray]:
    """Return for each row and part of its fall the learning rate when half of it had happened, and the sum since."""
    halves = fallen[at] * ((np.arange(parts) + 0.5) / parts)[:, None]
    step = np.where(fallen[at] > 0, np.searchsorted(fallen, halves), at)
    then, since = every[step], np.where(fallen[at] > 0, total[at] - total[step] + every[step], 0.0)
    found = {"lr_then": then.mean(axis=0), "lr_since": since.mean(axis=0)}
    found |= dict(zip(part_columns("lr_then", parts), then, strict=True))
    return found | dict(zip(part_columns("lr_since", parts), since, strict=True))
