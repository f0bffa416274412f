"""What one importer read of one run: rows of metrics, and what is known of the run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

NOTHING: Mapping[str, object] = MappingProxyType({})


def no_rows() -> pd.DataFrame:
    """Return metrics without a row."""
    return long_rows(np.empty(0), ())


@dataclass(frozen=True)
class Part:
    """One run's contribution, as read by one importer from one place.

    Parameters
    ----------
    run
        What the run is called.
    source
        Where it was read: a file, or file#place.
    format
        The importer's NAME.
    metrics
        Columns step (NaN where a row has none), key, value: in the order written. See `long_rows`.
    config
        What is known of the run besides: dotted key -> number or text.
    notes
        What was odd, a sentence each, with file and place.
    home
        What runs of one name must share to be one run; the source unless given. A run that many files hold is one where they
        have one home, such as a folder, or the project that exported them.
    numbered
        Whether rows had no step, and are numbered from 1 in its place.
    rank
        Of parts of one run that have one, only that of the highest is kept: a log that holds all that earlier ones do.
    settled
        What is known besides that a table says in every row: a metric, where it is one of other runs.
    """

    run: str
    source: str
    format: str
    metrics: pd.DataFrame = field(default_factory=no_rows)
    config: Mapping[str, object] = NOTHING
    notes: tuple[str, ...] = ()
    home: str = ""
    numbered: bool = False
    rank: float | None = None
    settled: frozenset[str] = frozenset()


def long_rows(step: np.ndarray, columns: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Return rows as metrics, one row a cell that is there: step, key, value.

    Parameters
    ----------
    step
        Of each row.
    columns
        Key, values, and which of its cells are there: one that is there may be NaN, of a run that diverged.
    """
    names = list(dict.fromkeys(name for name, _, _ in columns))
    codes = np.array([names.index(name) for name, _, _ in columns], dtype=np.int32)
    there = np.column_stack([which for _, _, which in columns]) if columns else np.empty((len(step), 0), dtype=bool)
    values = np.column_stack([of for _, of, _ in columns]) if columns else np.empty((len(step), 0))
    row, column = np.nonzero(there)
    keys = pd.Categorical.from_codes(codes[column], categories=pd.Index(names, dtype=object))
    return pd.DataFrame({"step": np.asarray(step, dtype=float)[row], "key": keys, "value": values[row, column]})


def metrics_of(entries: Iterable[tuple[float, str, float]]) -> pd.DataFrame:
    """Return metrics of entries (step, key, value), one after the other."""
    steps, names, values = [list(column) for column in zip(*entries, strict=True)] or [[], [], []]
    codes, keys = pd.factorize(np.array(names, dtype=object))
    key = pd.Categorical.from_codes(codes, categories=pd.Index(keys, dtype=object))
    return pd.DataFrame({"step": np.array(steps, dtype=float), "key": key, "value": np.array(values, dtype=float)})
