"""Neighbouring rows of a run, averaged: what they scatter by averages out, what they share stays."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def means(table: pd.DataFrame, dims: Sequence[str], inputs: Sequence[str], along: str, per_decade: float) -> pd.DataFrame:
    """Return one row for each bin of each run, in the order of the bins' first rows, with `count`: the rows behind it.

    Bins are equal in the logarithm of `along`, at the same places for all runs, so that runs can be compared bin by bin. Mean
    response and reading error, geometric mean of each input; rows that are means already weigh as much as the rows behind them.
    """
    count = table["count"] if "count" in table else pd.Series(1.0, table.index)
    bins = np.floor(np.log10(table[along]) * per_decade + 0.5).rename("row")
    cell = table.groupby([*(table[dim] for dim in dims), bins], sort=False, observed=True).ngroup()
    values = ["response", *inputs, *({"reading_error"} & set(table))]
    weighted = {name: table[name] * count for name in values} | {f"log {name}": np.log(table[name]) * count for name in inputs}
    total = pd.DataFrame({**weighted, "count": count}).groupby(cell, sort=False).sum()
    least, most = (getattr(table[[*inputs]].groupby(cell, sort=False), of)() for of in ("min", "max"))
    found = table[~cell.duplicated()].reset_index(drop=True).assign(count=total["count"])
    for name in values:
        found[name] = total[name] / total["count"]
    for name in inputs:  # a value that all rows share is kept to the last bit
        found[name] = least[name].where(least[name] == most[name], np.exp(total[f"log {name}"] / total["count"]))
    return found
