"""Numbers that do not change along one run and do along another of the import: metrics of both, as a constant learning rate."""

from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_scaling.data.importers.gathering import Gathered
from bayes_scaling.data.importers.part import Part, long_rows


def as_metrics(runs: Gathered) -> Gathered:
    """Return runs, what a table has in every row of a run a metric of it where it is one of another run.

    Within one table that is seen at once; runs that each have a file are told from each other here. What a configuration says
    is none of it, such as the peak of a learning rate.
    """
    logged = {str(key) for own in runs.values() for part in own for key in part.metrics["key"].cat.categories}
    return {run: [_as_metrics(part, logged & part.settled) for part in own] for run, own in runs.items()}


def _as_metrics(part: Part, names: set[str]) -> Part:
    """Return a part with some of its settings in its rows, in the order written."""
    step = part.metrics["step"].to_numpy()
    if not names or not len(step):
        return part
    first = np.flatnonzero(np.append(True, step[1:] != step[:-1]))
    columns = [
        (name, np.full(len(first), float(str(part.config[name]))), np.ones(len(first), dtype=bool)) for name in sorted(names)
    ]
    more = long_rows(step[first], columns)
    keys = pd.Index([*part.metrics["key"].cat.categories, *more["key"].cat.categories], dtype=object).unique()
    both = pd.concat([one.assign(key=one["key"].cat.set_categories(keys)) for one in (part.metrics, more)])
    place = np.append(np.arange(len(step)), np.repeat(first, len(names)))
    rows = both.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
    config = {name: of for name, of in part.config.items() if name not in names}
    return replace(part, metrics=rows, config=config, settled=part.settled - names)
