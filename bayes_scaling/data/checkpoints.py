"""Rows that are checkpoints of one run, found in the table where nothing says so.

A column that has a name like `run`, and many rows of ascending tokens for each label, says it itself. Without one there are few
settings (values of all other inputs and groups) with many rows each. They are logs where tokens are evenly spaced, or many, and
where residuals from a smooth surface are autocorrelated: neighbours differ by less than independent rows would,

    ratio = mean (r_(i+1) - r_i)^2 / (2 mean r^2),     about 1 - 3 / sqrt(rows) or more for independent rows (von Neumann 1941)
"""

import re
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import format_value
from bayes_scaling._base.numbers import number, percent
from bayes_scaling._base.quantiles import MAD_TO_SD
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.rates import is_run_name
from bayes_scaling.data.runs import Runs

TRAINED = {"token", "step", "sample", "example", "sequence", "iteration", "iter", "byte", "character", "char", "epoch", "d"}
"""Inputs whose names or units have such a word say how long a run has trained,"""
NOT_TRAINED = {"index", "position", "unique", "per", "context", "length", "window", "vocab"}
"""unless they have one of these."""

MIN_ROWS, MANY_ROWS = 6, 20
"""Rows of a run, at least; and so many that nobody trains as runs of their own, where residuals are autocorrelated."""
MIN_NAMED_ROWS = 3
"""Rows of a label, at least, of a column that is called as runs are."""
MIN_SHARE = 0.5
"""Share of the rows that are of such runs."""
EVEN_STEP, EVEN_SHARE = 0.1, 0.7
"""Steps within a tenth of their median are even; so many of a log's are."""
MAX_RATIO, SIGMAS = 0.6, 4.0
"""Neighbours are alike below this ratio, and by so many standard errors; where many rows are evenly spaced by those alone."""
MAX_ROWS = 4000
MAX_DEVIATIONS = 4.0
"""Residuals beyond so many robust standard deviations count as so many."""
PER_DECADE = 20.0
CHECKPOINTS = "are checkpoints of"


@dataclass(frozen=True)
class Checkpoints:
    """Rows that are checkpoints of runs.

    Parameters
    ----------
    along
        The input along which runs train.
    label
        The run of each row.
    column
        The one that says so; None where rows do.
    ratio
        Of neighbours' differences, see above; NaN where a column says it.
    runs
        How many there are, some of which may go under one label where nothing tells them apart.
    """

    along: str
    label: pd.Series
    column: str | None
    ratio: float
    runs: int


def find_checkpoints(frame: pd.DataFrame, checked: pd.DataFrame, columns: Columns) -> Checkpoints | None:
    """Return which runs the rows of a table are checkpoints of, or None where they are runs, or the columns say what a run is.

    Parameters
    ----------
    frame
        The table as it is.
    checked
        Its inputs, groups and `response`.
    """
    if columns.run is not None or columns.outputs or len(checked) < 2 * MIN_NAMED_ROWS:
        return None
    for along in [name for name in columns.scales if _is_trained(name, columns)]:
        found = _named(frame, checked, columns, along) or _shown(frame, checked, columns, along)
        if found is not None:
            return found
    return None


def checkpoint_sentence(found: Checkpoints) -> str:
    """Return what was recognised, in one sentence."""
    runs, rows = found.runs, len(found.label)
    text = f"the {rows} rows {CHECKPOINTS} {runs} {'run' if runs == 1 else 'runs'}, not {rows} runs: "
    several = runs > found.label.nunique()
    if found.column is not None:
        return text + f"column {found.column!r}, which nothing in the model reads, has {number(rows / runs)} rows of each"
    return text + (
        f"{number(rows / runs)} rows of each follow one another along {found.along}, and {percent(1 - found.ratio)} of the "
        "variance about a smooth law goes on from row to row"
        + (", and no column tells apart those of one size" if several else "")
    )


def not_ends(runs: Runs) -> str:
    """Return why rows are not ends of runs, to go on with a verb; "" where they are as far as is known."""
    if any(CHECKPOINTS in note for note in runs.notes) and "run" not in runs.table:
        return "the rows are checkpoints of runs"
    if "run" not in runs.table:
        return ""
    inputs = [name for name in runs.columns.scales if _is_trained(name, runs.columns)]
    places = runs.table.groupby("run")[inputs].nunique().max(axis=1) if inputs else pd.Series(1, index=[0])
    rows = f"the {len(runs)} rows lie along {len(places)} {'run' if len(places) == 1 else 'runs'}"
    return rows if (places >= MIN_NAMED_ROWS).mean() > MIN_SHARE else ""


def _is_trained(name: str, columns: Columns) -> bool:
    text = f"{name} {columns.inputs[name].column} {columns.inputs[name].unit}"
    words = {word.removesuffix("s") for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())}
    return bool(words & TRAINED) and not words & NOT_TRAINED


def _named(frame: pd.DataFrame, checked: pd.DataFrame, columns: Columns, along: str) -> Checkpoints | None:
    """Return what a column says that is called as runs are."""
    setting = _setting(checked, columns, along)
    for name in frame:
        if name in columns.read or frame[name].isna().any() or not (is_run_name(str(name)) or _has_steps(frame, str(name))):
            continue
        label = frame[name].reset_index(drop=True)
        one = setting.groupby(label).agg(np.ptp) == 0
        places = checked[along].groupby(label).nunique()
        good = one & (places >= MIN_NAMED_ROWS)
        if label.isin(good.index[good]).mean() >= MIN_SHARE and one.mean() >= MIN_SHARE:
            return Checkpoints(along, label, str(name), np.nan, label.nunique())
    return None


LIKE_RUNS = ("exp", "expt", "experiment", "trial", "job", "model")
STEPS = ("step", "steps", "iter", "iteration", "global_step")
"""Names of columns that may be runs' where another counts steps along them."""


def _has_steps(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a column that may be that of runs has rows at several steps of each."""
    steps = [of for of in map(str, frame) if of.lower() in STEPS and pd.api.types.is_numeric_dtype(frame[of])]
    if name.lower() not in LIKE_RUNS or not steps:
        return False
    rows = frame.groupby(frame[name].to_numpy())[steps[0]].agg(["nunique", "size"])
    return bool(((rows["nunique"] == rows["size"]) & (rows["size"] >= MIN_NAMED_ROWS)).mean() > MIN_SHARE)


def _setting(checked: pd.DataFrame, columns: Columns, along: str) -> pd.Series:
    """Return a number for what all but `along` says of each row."""
    others = [name for name in columns.inputs if name != along and name in columns.scales] + list(columns.dims)
    if not others:
        return pd.Series(0, index=checked.index)
    return checked.groupby(others, sort=False, observed=True).ngroup()


def _shown(frame: pd.DataFrame, checked: pd.DataFrame, columns: Columns, along: str) -> Checkpoints | None:
    """Return what rows show without a name: settings with many rows each whose residuals are autocorrelated."""
    setting = _setting(checked, columns, along)
    apart = [name for name in frame if name not in columns.read and _tells_apart(frame[name])]
    if apart:
        keys = [setting, *(frame[name].reset_index(drop=True).astype(str) for name in apart)]
        setting = pd.DataFrame(dict(enumerate(keys))).groupby(list(range(len(keys))), sort=False).ngroup()
    label = _in_file_order(setting, checked[along])
    rows = label.map(label.value_counts())
    if (rows >= MIN_ROWS).mean() < MIN_SHARE:
        return None
    logs = checked[along][rows >= MIN_ROWS].groupby(label[rows >= MIN_ROWS])
    places = float(logs.nunique().median())
    even = float(logs.agg(_evenness).median())
    if places < MIN_ROWS or not (even >= EVEN_SHARE or places >= MANY_ROWS):
        return None
    of = frame[apart].reset_index(drop=True).groupby(apart, sort=False).ngroup() if apart else pd.Series(0, checked.index)
    ratio, sure = _ratio(checked, columns, along, label, of), 1.0 - SIGMAS / np.sqrt(len(checked))
    most = sure if even >= EVEN_SHARE and places >= MANY_ROWS else min(MAX_RATIO, sure)
    runs = int(checked[along].groupby(label).agg(lambda at: at.value_counts().max()).sum())
    return Checkpoints(along, _labels(label, checked, columns, along), None, ratio, runs) if ratio < most else None


def _tells_apart(column: pd.Series) -> bool:
    """Return whether a column that nothing reads may tell rows of one setting apart: text of few levels, or seeds."""
    return (
        1 < column.nunique() <= len(column) / MIN_ROWS
        and not column.isna().any()
        and (not pd.api.types.is_numeric_dtype(column) or str(column.name) == "seed")
    )


def _in_file_order(setting: pd.Series, at: pd.Series) -> pd.Series:
    """Return logs within settings: where rows go back another run begins, unless they are in no order."""
    back = at.groupby(setting).diff() < 0
    split = pd.DataFrame({"setting": setting, "log": back.groupby(setting).cumsum()})
    label = split.groupby(["setting", "log"], sort=False).ngroup()
    return label if len(label) / label.nunique() >= MIN_ROWS else setting


def _evenness(at: pd.Series) -> float:
    """Return the share of steps between places that are as long as most."""
    steps = np.diff(np.unique(at.to_numpy()))
    if not len(steps):
        return 0.0
    return float((np.abs(steps / np.median(steps) - 1.0) < EVEN_STEP).mean())


def _ratio(checked: pd.DataFrame, columns: Columns, along: str, label: pd.Series, of: pd.Series) -> float:
    """Return how much neighbours in a log differ in what they leave a smooth law by, of what independent rows would.

    Of two laws, a cubic in logarithms and Chinchilla's, that which leaves rows the more independent. Each has a level of its
    own for each number of `of`: what evaluation sets or seeds have apart goes on along no run.
    """
    some = label.isin(label.unique()[:: 1 + len(label) // MAX_ROWS])
    checked, run, of = checked[some].reset_index(drop=True), label[some].to_numpy(), of[some].reset_index(drop=True)
    response = checked["response"].to_numpy()
    seen = np.log(response) if (response > 0).all() else response
    others = [name for name in columns.scales if name != along and np.ptp(checked[name]) > 0]
    order = np.lexsort((checked[along].to_numpy(), run))
    same = np.diff(run[order]) == 0
    laws = [_cubic(checked, columns.dims, along, others, seen)]
    laws += [_power_laws(checked, along, others[0], seen)] if len(others) == 1 else []
    own = [left - pd.Series(left).groupby(of).transform("mean").to_numpy() for left in laws]
    return max(_neighbours(left[order], same) for left in own)


def _neighbours(left: np.ndarray, same: np.ndarray) -> float:
    spread = MAX_DEVIATIONS * MAD_TO_SD * float(np.median(np.abs(left)))
    left = np.clip(left, -spread, spread)
    if not same.any() or not left.any():
        return 1.0
    return float((np.diff(left)[same] ** 2).mean() / 2.0 / (left**2).mean())


def _cubic(checked: pd.DataFrame, dims: Collection[str], along: str, others: Sequence[str], seen: np.ndarray) -> np.ndarray:
    """Return what a cubic in the logarithms of all inputs leaves, with powers below the number of an input's values."""
    t = _standard(np.log(checked[along].to_numpy()))
    terms = [t**0, t, t**2, t**3]
    for name in others:
        x, values = _standard(np.log(checked[name].to_numpy())), checked[name].nunique()
        terms += [x, x * t, x * t**2, *((x**2, x**2 * t) if values > 2 else ()), *((x**3,) if values > 4 else ())]
    for dim in dims:
        for level in np.eye(checked[dim].nunique())[pd.factorize(checked[dim])[0]].T[:-1]:
            terms += [level, level * t]
    surface = np.stack(terms, axis=1)
    found: np.ndarray = seen - surface @ np.linalg.lstsq(surface, seen, rcond=1e-9)[0]
    return found


def _power_laws(checked: pd.DataFrame, along: str, other: str, seen: np.ndarray) -> np.ndarray:
    """Return what the logarithm of E + A N^-alpha + B D^-beta leaves, by least squares with a robust loss."""
    from scipy.optimize import least_squares

    x, t = (np.log(checked[name].to_numpy()) for name in (other, along))
    x, t, middle = x - x.mean(), t - t.mean(), float(np.median(seen))

    def left(at: np.ndarray) -> np.ndarray:
        floor, size, alpha, data, beta = np.clip(at, -30, 30)
        terms = [np.full(len(x), floor), size - np.exp(np.clip(alpha, -9, 2)) * x, data - np.exp(np.clip(beta, -9, 2)) * t]
        return np.asarray(seen - np.logaddexp.reduce(terms, axis=0))

    start = [middle - 0.5, middle - 1.5, -1.1, middle - 1.5, -1.1]
    return left(least_squares(left, start, loss="soft_l1", f_scale=0.003, x_scale=0.1, max_nfev=300).x)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else values * 0.0


def _labels(label: pd.Series, checked: pd.DataFrame, columns: Columns, along: str) -> pd.Series:
    """Return names for logs: their number and what tells their setting."""
    first = checked.loc[~label.duplicated()]
    told = [name for name in columns.scales if name != along] + list(columns.dims)
    names: dict[Hashable, str] = {}
    for place, (row, one) in enumerate(zip(first.index, label[first.index], strict=True), start=1):
        names[one] = " ".join([f"{place}:", *(f"{name} {format_value(checked[name][row])}" for name in told)]).removesuffix(":")
    return label.map(names)
