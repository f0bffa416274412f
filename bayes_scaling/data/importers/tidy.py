"""Logs as a tidy table: one row a run and step, one column a key."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_scaling.data.delimited import refuse_too_many
from bayes_scaling.data.importers.keys import kept_keys, require_keys
from bayes_scaling.data.importers.ordering import in_order, rises
from bayes_scaling.data.importers.wording import some

UNITS = {"params": "parameters", "tokens": "tokens", "tokens_per_step": "tokens"}
LARGE = 2.0**53
"""Floats of this size and more are not told from their neighbours."""

ROLES = ("params", "tokens", "tokens_per_step")

MOST_SAME = 20
"""Of more entries that are the same in all runs, as of a trainer's arguments, none is in the table, and it is said."""


def tidy_table(
    metrics: pd.DataFrame, configs: pd.DataFrame, sources: pd.DataFrame, keys: Sequence[str] | None, *, last: bool
) -> pd.DataFrame:
    """Return logs as a tidy table, see `Logs.to_frame`."""
    require_keys(keys, [str(key) for key in metrics["key"].cat.categories] + [str(name) for name in configs][1:])
    metrics = in_order(metrics, [])
    tokens = metrics[metrics["key"].cat.codes.to_numpy() == _token_codes(metrics, sources)]
    wide = wide_table(kept_keys(metrics, keys), list(sources["run"]))
    wide = _with_tokens(wide, tokens, configs, sources, last=last)
    if last:
        wide = wide.groupby("run", sort=False).last().reset_index()
    table = _with_configs(wide, configs, bare=not len(metrics))
    numbered = set(sources.loc[sources["numbered"], "run"])
    table["step"] = table["step"].where(~table["run"].isin(numbered))
    table = _ordered(table.dropna(axis=1, how="all") if len(table) else table)
    counts = ["step", "tokens", *(str(name) for name in configs)]
    table = table.assign(**{name: _whole(table[name]) for name in counts if name in table})
    table.attrs["units"] = {name: unit for name, unit in UNITS.items() if name in table}
    return table


def _token_codes(metrics: pd.DataFrame, sources: pd.DataFrame) -> np.ndarray:
    """Return of each row the code of the key that counts the tokens of its run; -1 where none does."""
    names = sources.set_index("run")["tokens_key"].reindex(metrics["run"].cat.categories).fillna("")
    codes = metrics["key"].cat.categories.get_indexer(pd.Index(names, dtype=object)).astype(np.int32)
    return np.append(codes, np.int32(-1))[metrics["run"].cat.codes.to_numpy()]


def wide_table(metrics: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Return metrics as one row a run and step, one column a key; a run without any has one row without a step."""
    run, key = metrics["run"].cat.codes.to_numpy(), metrics["key"].cat.codes.to_numpy()
    step, value = metrics["step"].to_numpy(), metrics["value"].to_numpy()
    if not rises(metrics):
        order = np.lexsort((np.where(np.isnan(step), -np.inf, step), run))
        run, key, step, value = run[order], key[order], step[order], value[order]
    new = np.ones(len(step), dtype=bool)
    new[1:] = (run[1:] != run[:-1]) | ((step[1:] != step[:-1]) & ~(np.isnan(step[1:]) & np.isnan(step[:-1])))
    place, first = np.cumsum(new) - 1, np.flatnonzero(new)
    names = [str(name) for name in metrics["key"].cat.categories]
    refuse_too_many(len(first), len(names), "the logs")
    table = np.full((len(names), len(first)), np.nan)
    table[key, place] = value
    called = pd.array(list(metrics["run"].cat.categories), dtype="str").take(run[first])
    rows = pd.DataFrame({"run": called, "step": step[first], **{name: table[i] for i, name in enumerate(names)}})
    bare = [run for run in runs if run not in set(called.unique())]
    more = pd.DataFrame({"run": pd.Series(bare, dtype=object), "step": np.full(len(bare), np.nan)})
    return pd.concat([rows, more], ignore_index=True) if bare else rows


def _with_tokens(
    wide: pd.DataFrame, counted: pd.DataFrame, configs: pd.DataFrame, sources: pd.DataFrame, *, last: bool
) -> pd.DataFrame:
    """Return rows with their tokens: what a key of the run counts, else step times tokens a step, else what the run has in all.

    That last is known of whole runs only.
    """
    tokens = pd.Series(np.nan, wide.index)
    known = configs.set_index("run")
    if len(counted):
        values = counted.drop_duplicates(["run", "step"], keep="last").assign(run=counted["run"].astype(object))
        found = wide[["run", "step"]].merge(values[["run", "step", "value"]], how="left", on=["run", "step"])["value"]
        tokens = pd.Series(found.to_numpy(), wide.index)
    if "tokens_per_step" in known:
        numbered = wide["run"].map(sources.set_index("run")["numbered"]).to_numpy(dtype=bool)
        by_step = wide["step"] * wide["run"].map(known["tokens_per_step"])
        no_key = wide["run"].map(sources.set_index("run")["tokens_key"]).to_numpy() == ""
        tokens = tokens.where(tokens.notna(), by_step.where(no_key & ~numbered))
    if "tokens" in known:
        alone = ~wide["run"].duplicated(keep=False)
        final = ~wide["run"].duplicated(keep="last") if last else alone
        tokens = tokens.where(tokens.notna(), wide["run"].map(known["tokens"]).where(final))
    return wide if "tokens" in wide else wide.assign(tokens=tokens)


def _with_configs(wide: pd.DataFrame, configs: pd.DataFrame, *, bare: bool) -> pd.DataFrame:
    """Return rows with what is known of their runs, see `_kept`."""
    known = configs.set_index("run")
    kept = _kept(configs, bare=bare)
    more: dict[str, pd.Series] = {name: wide["run"].map(known[name]) for name in kept}
    for name in [name for name in more if name in wide]:
        values = more.pop(name)
        if name == "step" or wide[name].isna().all():
            wide = wide.assign(**{name: wide[name].where(wide[name].notna(), values)})
        else:
            more[f"config.{name}"] = values
    if "_step" in more and wide["step"].isna().any():
        wide = wide.assign(step=wide["step"].where(wide["step"].notna(), more["_step"]))
    return pd.concat([wide, pd.DataFrame(more)], axis=1)


def _kept(configs: pd.DataFrame, *, bare: bool) -> list[str]:
    """Return what is known of runs that the table has: all, but of many that are the same in all runs the roles alone."""
    roles = [name for name in ROLES if name in configs]
    names = [str(name) for name in configs if name not in ("run", "tokens") and not _told(configs, str(name), roles)]
    same = [name for name in names if name not in roles and len(configs[name].unique()) == 1]
    return names if bare or len(same) <= MOST_SAME else [name for name in names if name not in same]


def _told(configs: pd.DataFrame, name: str, roles: Sequence[str]) -> bool:
    """Return whether what is known is what a role of runs says already."""
    return name not in roles and any(_same(configs[name], configs[role]) for role in roles)


def same_notes(configs: pd.DataFrame, *, bare: bool) -> list[str]:
    """Return a sentence on what is known of runs and is not in the table, if there is."""
    kept = _kept(configs, bare=bare)
    left = [name for name in _kept(configs, bare=True) if name not in kept]
    text = f"what is the same in all runs is not in the table: {some(left)}; .configs, and --long, have it"
    return [text] if left else []


def _same(one: pd.Series, other: pd.Series) -> bool:
    """Return whether numbers are those of another column."""
    return one.dtype.kind in "iuf" and other.dtype.kind in "iuf" and bool(np.array_equal(one, other, equal_nan=True))


def _whole(column: pd.Series) -> pd.Series:
    """Return a column of floats as integers where all its cells are such."""
    whole = column.dtype.kind == "f" and bool(((column % 1 == 0) & (column.abs() < LARGE)).all())
    return column.astype("int64") if whole else column


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    first = [name for name in ("run", "step", "tokens", "params") if name in table]
    return table[[*first, *(name for name in table if name not in first)]]
