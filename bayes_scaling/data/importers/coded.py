"""Metrics as they are read row by row: numbers and codes of keys, which hold millions of rows in little memory."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Coded:
    """Rows of metrics that grow: steps, codes of keys, values, and each key's code.

    Examples
    --------
    >>> rows = Coded()
    >>> rows.add(100, "loss", 5.5)
    >>> rows.to_frame()
        step   key  value
    0  100.0  loss    5.5
    """

    steps: "array[float]" = field(default_factory=lambda: array("d"))
    codes: "array[int]" = field(default_factory=lambda: array("i"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    names: dict[str, int] = field(default_factory=dict)

    def add(self, step: float, key: str, value: float) -> None:
        """Add a row."""
        self.steps.append(step)
        self.codes.append(self.names.setdefault(key, len(self.names)))
        self.values.append(value)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as metrics: step, key, value."""
        return coded_frame(np.array(self.steps), np.array(self.codes, np.int32), self.names, np.array(self.values))


def coded_frame(steps: np.ndarray, codes: np.ndarray, names: Iterable[str], values: np.ndarray) -> pd.DataFrame:
    """Return metrics of rows whose keys are codes of names."""
    keys = pd.Categorical.from_codes(codes, categories=pd.Index(list(names), dtype=object))
    return pd.DataFrame({"step": steps, "key": keys, "value": values}, copy=False)
