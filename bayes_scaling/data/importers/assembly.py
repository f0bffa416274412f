"""Parts of runs put together: one long table, one of configurations, one of sources."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.record import Logs


def assemble(parts: Iterable[Part], notes: Sequence[str] = ()) -> Logs:
    """Return parts as logs: parts of one name and home are one run."""
    names: dict[tuple[str, str], str] = {}
    every = list(parts)
    if not every:
        raise InputError("no log is given")
    for part in every:
        names.setdefault((part.run, part.home or part.source), part.run)
    runs = list(names.values())
    keys = list(dict.fromkeys(str(key) for part in every for key in part.metrics["key"].cat.categories))
    metrics = pd.concat([part.metrics.assign(run=part.run) for part in every], ignore_index=True)[
        ["run", "step", "key", "value"]
    ]
    metrics["run"] = pd.Categorical(metrics["run"], categories=runs)
    metrics["key"] = pd.Categorical(metrics["key"], categories=keys)
    configs = pd.DataFrame([{"run": part.run, **part.config} for part in every])
    sources = pd.DataFrame([_source(run, [p for p in every if p.run == run]) for run in runs])
    return Logs(metrics, configs, sources, (*notes, *dict.fromkeys(note for part in every for note in part.notes)))


def _source(run: str, parts: Sequence[Part]) -> dict[str, object]:
    steps = np.concatenate([part.metrics["step"].to_numpy() for part in parts])
    keys = dict.fromkeys(str(key) for part in parts for key in part.metrics["key"].cat.categories)
    return {
        "run": run,
        "source": ", ".join(dict.fromkeys(part.source for part in parts)),
        "format": ", ".join(dict.fromkeys(part.format for part in parts)),
        "rows": len(np.unique(steps)),
        "keys": ", ".join(keys),
        "first_step": np.nanmin(steps, initial=np.inf),
        "last_step": np.nanmax(steps, initial=-np.inf),
        "missing": "",
        "numbered": all(part.numbered for part in parts),
    }
