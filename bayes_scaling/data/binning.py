"""Neighbouring rows of a run, averaged: independent scatter averages out, shared errors stay."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def bin_means(table: pd.DataFrame, dims: Sequence[str], scales: Sequence[str], along: str, per_decade: float) -> pd.DataFrame:
    """Return one row for each bin of each run, in the order of the bins' first rows, see `cell_means`.

    Bins are equal in the logarithm of `along`, at the same places for all runs, so that runs can be compared bin by bin.
    """
    bins = np.floor(np.log10(table[along]) * per_decade + 0.5).rename("row")
    cell = table.groupby([*(table[dim] for dim in dims), bins], sort=False, observed=True).ngroup()
    return cell_means(table, cell, dims, scales, along)


def cell_means(table: pd.DataFrame, cell: pd.Series, dims: Sequence[str], scales: Sequence[str], along: str) -> pd.DataFrame:
    """Return one row for each cell, numbered in the order of their first rows; rows of a cell are of the same groups, `dims`.

    `scales`, inputs that have a logarithm, have geometric means; the response and all else arithmetic ones. Rows that are
    means already weigh as much as the rows behind them. `count` is the number of rows behind a mean, and `mean_lag` the mean
    distance of two of them, in e-folds of `along`. The measurement errors of rows are independent. A mean's is

        sqrt(sum (count_i error_i)^2) / sum count_i,        error / sqrt(n) for n rows of one error
    """
    count = table["count"] if "count" in table else pd.Series(1.0, table.index)
    values = [str(name) for name in table if name not in (*dims, "count", "mean_lag")]
    weighted = {name: table[name] * count for name in values} | {f"log {name}": np.log(table[name]) * count for name in scales}
    total = pd.DataFrame({**weighted, "count": count}).groupby(cell, sort=False).sum()
    least, most = (getattr(table[[*scales]].groupby(cell, sort=False), of)() for of in ("min", "max"))
    lags = _mean_lags(cell.to_numpy(), np.log(table[along].to_numpy()), count.to_numpy(), table.get("mean_lag"))
    found = table[~cell.duplicated()].reset_index(drop=True).assign(count=total["count"], mean_lag=lags)
    for name in values:
        found[name] = total[name] / total["count"]
    if "measurement_error" in found:
        squared = ((table["measurement_error"] * count) ** 2).groupby(cell, sort=False).sum()
        found["measurement_error"] = np.sqrt(squared) / total["count"]
    for name in scales:  # a value that all rows share is kept to the last bit
        found[name] = least[name].where(least[name] == most[name], np.exp(total[f"log {name}"] / total["count"]))
    return found


def _mean_lags(cell: np.ndarray, at: np.ndarray, count: np.ndarray, within: pd.Series | None) -> np.ndarray:
    """Return the mean distance of two rows of each cell, a row and itself among them, from sums over the rows in order."""
    order = np.lexsort((at, cell))
    cell, at, count = cell[order], at[order], count[order]
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    at = at - at[first][cell]
    weight, moment = (_before(of, first, cell) for of in (count, count * at))
    pairs = 2.0 * count * (at * weight - moment)
    if within is not None:
        pairs = pairs + count**2 * within.to_numpy()[order]
    return np.asarray(np.maximum(np.bincount(cell, pairs) / np.bincount(cell, count) ** 2, 0.0))


def _before(of: np.ndarray, first: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the sum of the rows before each row in its cell."""
    sums = np.cumsum(of) - of
    before: np.ndarray = sums - sums[first][cell]
    return before
