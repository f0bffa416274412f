"""Where runs were read, what they hold, and what is missing of each."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.gathering import Gathered
from bayes_scaling.data.importers.known import Doubts, plays
from bayes_scaling.data.importers.offers import offered_tokens_per_step
from bayes_scaling.data.importers.ordering import rises
from bayes_scaling.data.importers.part import Part


def source_table(
    runs: Gathered, metrics: pd.DataFrame, configs: pd.DataFrame, doubts: Doubts, notes: list[str]
) -> pd.DataFrame:
    """Return a row a run, see `Logs.sources`."""
    tokens = _tokens_keys(metrics, notes)
    rows_of, keys = _rows(metrics), _keys(metrics)
    steps = metrics.groupby("run", observed=False)["step"].agg(["min", "max"])
    changing = _changing(metrics, notes)
    settings = configs.set_index("run")
    known = settings[[name for name in ("params", "tokens_per_step", "tokens") if name in configs]]
    rows = []
    for run, parts in runs.items():
        numbered, count = any(part.numbered for part in parts), rows_of.get(run, 0)
        open_ = {role: of.get(run, ()) for role, of in doubts.items()}
        has_steps, key = count > 0 and not numbered, tokens.get(run, "")
        own = {**changing.get(run, {}), **known.loc[run].dropna().to_dict()}
        held = {
            "rows": count or 1,
            "keys": keys.get(run, "") or ", ".join(dict.fromkeys(name for part in parts for name in part.config)),
            "first_step": steps["min"].get(run, np.nan) if has_steps else np.nan,
            "last_step": steps["max"].get(run, np.nan) if has_steps else np.nan,
            "tokens_key": key,
            "missing": _missing(own, settings.loc[run].to_dict(), key, steps=has_steps, doubts=open_),
            "numbered": numbered,
        }
        rows.append({"run": run, **_origin(parts), **held})
    return pd.DataFrame(rows)


def _origin(parts: Sequence[Part]) -> dict[str, str]:
    sources, formats = (dict.fromkeys(of) for of in ([p.source for p in parts], [p.format for p in parts]))
    return {"source": ", ".join(sources), "format": ", ".join(formats)}


def _rows(metrics: pd.DataFrame) -> dict[str, int]:
    """Return how many steps each run has rows at."""
    run, step = metrics["run"].cat.codes.to_numpy(), metrics["step"].to_numpy()
    new = np.ones(len(step), dtype=bool)
    if rises(metrics):
        new[1:] = (run[1:] != run[:-1]) | (step[1:] != step[:-1])
    else:
        new = ~metrics.duplicated(["run", "step"]).to_numpy()
    names = metrics["run"].cat.categories
    return dict(zip(map(str, names), np.bincount(run[new], minlength=len(names)).tolist(), strict=True))


def _keys(metrics: pd.DataFrame) -> dict[str, str]:
    """Return the keys of each run, in the order they were first logged."""
    runs, keys = metrics["run"].cat.categories, metrics["key"].cat.categories.to_numpy(dtype=object)
    codes = metrics["run"].cat.codes.to_numpy().astype(np.int64) * len(keys) + metrics["key"].cat.codes.to_numpy()
    first = np.full(len(runs) * len(keys), len(metrics))
    # Of several rows of a run and key the one assigned last stays: the first of them.
    first[codes[::-1].copy()] = np.arange(len(metrics))[::-1].copy()
    place = first.reshape(len(runs), len(keys))
    orders = np.argsort(place, axis=1, kind="stable")
    there = np.take_along_axis(place, orders, axis=1) < len(metrics)
    return {str(run): ", ".join(map(str, keys[of[has]])) for run, of, has in zip(runs, orders, there, strict=True)}


def _changing(metrics: pd.DataFrame, notes: list[str]) -> dict[str, dict[Hashable, float]]:
    """Return the runs whose rows say parameters that change along them, with the last: the table has each row's own."""
    found: dict[str, dict[Hashable, float]] = {}
    for run, of in metrics[metrics["key"] == "params"].groupby("run", observed=True)["value"]:
        notes.append(f"params change along run {str(run)!r}, from {exact(of.min())} to {exact(of.max())}: each row has its own")
        found[str(run)] = {"params": float(of.iloc[-1])}
    return found


def _missing(
    own: Mapping[Hashable, float],
    settings: Mapping[Hashable, object],
    tokens_key: str,
    *,
    steps: bool,
    doubts: Mapping[str, Sequence[str]],
) -> str:
    """Return what is not known of a run, and the option that gives it."""
    asked = []
    if not own.get("params", np.nan) > 0:
        asked.append(f"parameters (--params{_either(doubts, 'params')})")
    by_step = own.get("tokens_per_step", np.nan) > 0 and steps
    if not (tokens_key or by_step or own.get("tokens", np.nan) > 0):
        option = f"--tokens-per-step{_either(doubts, 'tokens_per_step')}" if steps else "--join or --name"
        offer = offered_tokens_per_step(settings) if steps else ""
        option += f"; {offer}" if offer else ""
        asked.append(f"tokens ({option}{_either(doubts, 'tokens')})")
    return ", ".join(asked)


def _either(doubts: Mapping[str, Sequence[str]], role: str) -> str:
    names = doubts.get(role, ())
    return f"; it may be {' or '.join(map(repr, names))}" if names else ""


def _tokens_keys(metrics: pd.DataFrame, notes: list[str]) -> dict[str, str]:
    """Return the key that counts tokens, of each run that has one: it never falls along the run."""
    names = [str(key) for key in metrics["key"].cat.categories if plays(str(key), "tokens")]
    found: dict[str, str] = {}
    more: dict[str, None] = {}
    for name in names:
        rows = metrics[metrics["key"] == name].sort_values("step", kind="stable")
        falls = rows.groupby("run", observed=True)["value"].agg(lambda of: bool((of.diff() < 0).any() or (of < 0).any()))
        rising = [str(run) for run in falls.index[~falls]]
        more |= {name: None} if any(run in found for run in rising) else {}
        found |= {run: name for run in rising if run not in found}
    used = list(dict.fromkeys(found.values()))
    notes += [f"tokens of rows are read from {name!r}" for name in used if name != "tokens"]
    notes += [f"{name!r} may count tokens too" for name in more]
    return found
