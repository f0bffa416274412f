"""Logs as a tidy table: one row a run and step, one column a key."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.delimited import refuse_too_many

UNITS = {"params": "parameters", "tokens": "tokens"}


def tidy_table(
    metrics: pd.DataFrame, configs: pd.DataFrame, sources: pd.DataFrame, keys: Sequence[str] | None, *, last: bool
) -> pd.DataFrame:
    """Return logs as a tidy table, see `Logs.to_frame`."""
    metrics = metrics if keys is None else metrics_of_keys(metrics, keys)
    table = wide_table(metrics)
    if last:
        by_run = table.groupby("run", sort=False, observed=True)
        table = by_run.last().reset_index()
    return table


def metrics_of_keys(metrics: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the rows of some keys, or of what matches patterns; raises InputError for one that there is not."""
    known = [str(key) for key in metrics["key"].cat.categories]
    wanted = [[name for name in known if name == key or fnmatchcase(name, key)] for key in keys]
    if missing := [key for key, found in zip(keys, wanted, strict=True) if not found]:
        raise InputError(f"no key {missing[0]!r}; the logs have {known}")
    kept = metrics[metrics["key"].isin({name for found in wanted for name in found})].reset_index(drop=True)
    kept["key"] = kept["key"].cat.remove_unused_categories()
    return kept


def wide_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return metrics as one row a run and step, one column a key; of values at one step the last."""
    run, key = metrics["run"].cat.codes.to_numpy(), metrics["key"].cat.codes.to_numpy()
    step = metrics["step"].to_numpy()
    order = np.lexsort((np.where(np.isnan(step), -np.inf, step), run))
    run_, step_ = run[order], step[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (run_[1:] != run_[:-1]) | ((step_[1:] != step_[:-1]) & ~(np.isnan(step_[1:]) & np.isnan(step_[:-1])))
    place, first = np.cumsum(new) - 1, np.flatnonzero(new)
    names = [str(name) for name in metrics["key"].cat.categories]
    refuse_too_many(len(first), len(names), "the logs")
    table = np.full((len(names), len(first)), np.nan)
    table[key[order], place] = metrics["value"].to_numpy()[order]
    runs = pd.Categorical.from_codes(run_[first], categories=metrics["run"].cat.categories).astype(object)
    return pd.DataFrame({"run": runs, "step": step_[first], **{name: table[i] for i, name in enumerate(names)}})
