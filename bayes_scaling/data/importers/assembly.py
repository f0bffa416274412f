"""Parts of runs put together: one long table, one of configurations, one of sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact, several
from bayes_scaling.data.importers.configs import config_table
from bayes_scaling.data.importers.gathering import Gathered, gather
from bayes_scaling.data.importers.known import Known, joined, with_known, with_names, with_roles
from bayes_scaling.data.importers.ordering import in_order
from bayes_scaling.data.importers.part import Part, no_rows
from bayes_scaling.data.importers.record import Logs
from bayes_scaling.data.importers.role_text import without_text_roles
from bayes_scaling.data.importers.settled import as_metrics
from bayes_scaling.data.importers.sources import source_table
from bayes_scaling.data.importers.tidy import same_notes
from bayes_scaling.data.log_rows import format_runs


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
    runs = as_metrics(runs)
    metrics = _metrics(runs)
    # The long table has the rows: parts that kept theirs would hold them twice.
    runs = {run: [replace(part, metrics=no_rows()) for part in own] for run, own in runs.items()}
    in_force = in_order(metrics, notes)
    notes += _not_numbers(in_force)
    configs = config_table(runs, notes)
    configs = with_names(configs, [own[0].source for own in runs.values()], name, notes)
    _require_no_steps(configs, metrics, runs, name)
    configs = configs if join is None else joined(configs, *join, notes)
    configs = without_text_roles(configs, notes)
    configs = with_known(with_known(configs, "params", params), "tokens_per_step", tokens_per_step)
    configs, doubts = with_roles(configs, notes)
    in_force, _ = _renamed(in_force, runs, configs["run"])
    metrics, runs = _renamed(metrics, runs, configs["run"])
    sources = source_table(runs, in_force, configs, doubts, notes)
    notes += same_notes(configs, bare=not len(metrics))
    return Logs(metrics, configs, sources, tuple(dict.fromkeys(notes)))


def _require_no_steps(configs: pd.DataFrame, metrics: pd.DataFrame, runs: Gathered, name: str | None) -> None:
    """Refuse steps by names where the rows have steps."""
    if name is None or "(?P<step>" not in name:
        return
    stepped = [run for run, own in runs.items() if len(own) and not any(part.numbered for part in own)]
    rows = metrics["run"].isin(stepped) & metrics["step"].notna()
    if rows.any():
        raise InputError(f"--name {name!r}: rows of {metrics['run'][rows].iloc[0]!r} have steps of their own; leave step out")


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
        sentences.append(
            f"{key} is not finite in {several(len(rows), 'row')} of {format_runs(rows['run'].unique())}{first}: kept"
        )
    return sentences
