"""Parts of runs put together: one long table, one of configurations, one of sources."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact
from bayes_scaling.data.importers.configs import config_table
from bayes_scaling.data.importers.gathering import Gathered, gather
from bayes_scaling.data.importers.known import Known, joined, plays, with_known, with_names, with_roles
from bayes_scaling.data.importers.ordering import in_order
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.record import Logs
from bayes_scaling.data.importers.wording import many
from bayes_scaling.data.log_cleaning import format_runs


def assemble(
    parts: Iterable[Part],
    notes: list[str],
    *,
    tokens_per_step: Known | None = None,
    params: Known | None = None,
    name: str | None = None,
    join: tuple[pd.DataFrame, str] | None = None,
    keys: Sequence[str] | None = None,
) -> Logs:
    """Return parts as logs: parts of one name and home are one run."""
    runs = gather(parts, keys, notes)
    if not runs:
        raise InputError("; ".join(["no log was found", *notes]))
    metrics = in_order(_metrics(runs), notes)
    notes += _not_numbers(metrics)
    configs = config_table(runs, notes)
    configs = with_names(configs, [own[0].source for own in runs.values()], name, notes)
    configs = configs if join is None else joined(configs, *join, notes)
    configs = with_known(with_known(configs, "params", params), "tokens_per_step", tokens_per_step)
    configs, doubts = with_roles(configs, notes)
    metrics, runs = _renamed(metrics, runs, configs["run"])
    sources = _sources(runs, metrics, configs, doubts, notes)
    return Logs(metrics, configs, sources, tuple(dict.fromkeys(notes)))


def _metrics(runs: Gathered) -> pd.DataFrame:
    """Return the metrics of all runs, one below the other."""
    every = [(i, part.metrics) for i, own in enumerate(runs.values()) for part in own]
    names = list(dict.fromkeys(str(key) for _, of in every for key in of["key"].cat.categories))
    place = {name: i for i, name in enumerate(names)}
    rows = [len(of) for _, of in every]
    codes = [_codes(of["key"], place) for _, of in every]
    run = np.repeat(np.array([i for i, _ in every], dtype=np.int32), rows)
    return pd.DataFrame(
        {
            "run": pd.Categorical.from_codes(run, categories=pd.Index(list(runs), dtype=object)),
            "step": np.concatenate([of["step"].to_numpy(dtype=float) for _, of in every]),
            "key": pd.Categorical.from_codes(np.concatenate(codes), categories=pd.Index(names, dtype=object)),
            "value": np.concatenate([of["value"].to_numpy(dtype=float) for _, of in every]),
        }
    )


def _codes(key: pd.Series, place: Mapping[str, int]) -> np.ndarray:
    numbers = np.array([place[str(name)] for name in key.cat.categories], dtype=np.int32)
    return numbers[key.cat.codes.to_numpy()] if len(numbers) else np.empty(0, dtype=np.int32)


def _renamed(metrics: pd.DataFrame, runs: Gathered, names: pd.Series) -> tuple[pd.DataFrame, Gathered]:
    """Return metrics and parts under the names that a pattern gave runs."""
    if list(names) == list(runs):
        return metrics, runs
    if names.duplicated().any():
        raise InputError(f"--name gives two runs the name {names[names.duplicated()].iloc[0]!r}; expected one each")
    named = metrics["run"].cat.rename_categories(list(names))
    return metrics.assign(run=named), dict(zip(names, runs.values(), strict=True))


def _not_numbers(metrics: pd.DataFrame) -> list[str]:
    """Return a sentence for each key that is not finite somewhere."""
    wrong = metrics[~np.isfinite(metrics["value"].to_numpy())]
    sentences = []
    for key, rows in wrong.groupby("key", observed=True, sort=False):
        step = rows["step"].iloc[0]
        first = "" if np.isnan(step) else f", the first at step {exact(step)}"
        sentences.append(f"{key} is not finite in {many(len(rows), 'row')} of {format_runs(rows['run'].unique())}{first}: kept")
    return sentences


def _sources(
    runs: Gathered, metrics: pd.DataFrame, configs: pd.DataFrame, doubts: Mapping[str, Sequence[str]], notes: list[str]
) -> pd.DataFrame:
    tokens = _tokens_keys(metrics, notes)
    steps = metrics.drop_duplicates(["run", "step"]).groupby("run", observed=False)["step"].agg(["size", "min", "max"])
    keys = metrics.drop_duplicates(["run", "key"]).groupby("run", observed=False)["key"].agg(lambda of: ", ".join(map(str, of)))
    known = configs.set_index("run")
    rows = []
    for run, parts in runs.items():
        numbered = any(part.numbered for part in parts)
        own = {name: known[name].loc[run] for name in ("params", "tokens_per_step", "tokens") if name in known}
        rows.append(
            {
                "run": run,
                "source": ", ".join(dict.fromkeys(part.source for part in parts)),
                "format": ", ".join(dict.fromkeys(part.format for part in parts)),
                "rows": int(steps["size"].get(run, 0)) or 1,
                "keys": keys.get(run, "") or ", ".join(dict.fromkeys(name for part in parts for name in part.config)),
                "first_step": np.nan if numbered else steps["min"].get(run, np.nan),
                "last_step": np.nan if numbered else steps["max"].get(run, np.nan),
                "tokens_key": tokens.get(run, ""),
                "missing": _missing(
                    own,
                    tokens.get(run, ""),
                    steps=not numbered and run in steps.index and steps["size"][run] > 0,
                    doubts=doubts,
                ),
                "numbered": numbered,
            }
        )
    return pd.DataFrame(rows)


def _missing(own: Mapping[str, float], tokens_key: str, *, steps: bool, doubts: Mapping[str, Sequence[str]]) -> str:
    """Return what is not known of a run, and the option that gives it."""
    asked = []
    if not own.get("params", np.nan) > 0:
        asked.append(f"parameters (--params{_either(doubts, 'params')})")
    by_step = own.get("tokens_per_step", np.nan) > 0 and steps
    if not (tokens_key or by_step or own.get("tokens", np.nan) > 0):
        option = f"--tokens-per-step{_either(doubts, 'tokens_per_step')}" if steps else "--join or --name"
        asked.append(f"tokens ({option}{_either(doubts, 'tokens')})")
    return ", ".join(asked)


def _either(doubts: Mapping[str, Sequence[str]], role: str) -> str:
    names = doubts.get(role, ())
    return f"; it may be {' or '.join(map(repr, names))}" if names else ""


def _tokens_keys(metrics: pd.DataFrame, notes: list[str]) -> dict[str, str]:
    """Return the key that counts tokens, of each run that has one: it never falls along the run."""
    names = [str(key) for key in metrics["key"].cat.categories if plays(str(key), "tokens")]
    found: dict[str, str] = {}
    for name in names:
        rows = metrics[metrics["key"] == name].sort_values("step", kind="stable")
        falls = rows.groupby("run", observed=True)["value"].agg(lambda of: bool((of.diff() < 0).any() or (of < 0).any()))
        found |= {str(run): name for run in falls.index[~falls] if str(run) not in found}
    used = list(dict.fromkeys(found.values()))
    notes += [f"tokens of rows are read from {name!r}" for name in used if name != "tokens"]
    notes += [f"{', '.join(map(repr, names[1:]))} may count tokens too"] if len(names) > 1 else []
    return found
