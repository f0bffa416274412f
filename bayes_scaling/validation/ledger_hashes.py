"""Hashes that tell a fit, its data, and a row of them again, whatever they are called and whichever unit they came in."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.data.labels import number_as_text
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.stacking import Posterior, parts

ROW_LETTERS = 16
"""Of the hash of a row: two of a million rows have the same with a probability of 3e-8."""


def fit_hash(fit: Posterior) -> str:
    """Return the hash of all draws, the same for a fit that was saved and loaded."""
    digest = hashlib.sha256()
    for one, _ in parts(fit):
        for name, of in sorted(one.posterior.data_vars.items(), key=lambda item: str(item[0])):
            digest.update(repr((str(name), of.dims, of.shape, str(of.dtype))).encode())
            digest.update(np.ascontiguousarray(of.to_numpy()).tobytes())
    return digest.hexdigest()


def data_hash(runs: Runs) -> str:
    """Return the hash of the rows of runs in their order: inputs, groups and response, to twelve digits."""
    names = [*runs.columns.scales, *runs.columns.dims, "response"]
    return hashlib.sha256("\n".join(_texts(runs.table, names)).encode("utf-8", "surrogatepass")).hexdigest()


def row_hashes(runs: Runs) -> list[str]:
    """Return a hash for each row: of its run, groups and inputs where runs have names, else of groups, inputs and response."""
    own = [] if "run" in runs.columns.dims else ["response"]
    texts = _texts(runs.table, [*runs.columns.scales, *runs.columns.dims, *own])
    return [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:ROW_LETTERS] for text in texts]


def own_rows(fitted: Runs, runs: Runs) -> np.ndarray:
    """Return which rows of runs, which have the columns of those that were fitted, are among them.

    As `row_hashes` tells rows, with all inputs; runs that were named by their row alone are told by their responses too.
    """
    columns = fitted.columns
    names = [*(name for name in columns.inputs if name not in columns.scales), *([] if columns.run else ["response"])]
    every = [
        list(zip(row_hashes(replace(one, columns=columns)), _texts(one.table, names), strict=True)) for one in (fitted, runs)
    ]
    seen = set(every[0])
    return np.array([row in seen for row in every[1]], dtype=bool)


def _texts(table: pd.DataFrame, names: list[str]) -> list[str]:
    columns = [[_text(value) for value in table[name].tolist()] for name in names]
    return ["\x1f".join(row) for row in zip([" ".join(names)] * len(table), *columns, strict=True)]


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else number_as_text(value)
