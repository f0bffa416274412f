"""Runs side by side: a column a run, such as step, run-a, run-b."""

from collections.abc import Iterator

import numpy as np

from bayes_scaling.data.importers.metric_names import ONE_RUN
from bayes_scaling.data.importers.part import Part, long_rows
from bayes_scaling.data.importers.sheet import Column, Sheet

type Beside = dict[str, list[tuple[str, Column]]]
"""Run -> the names of its metrics, and their columns."""


def runs_beside(sheet: Sheet, step: Column | None) -> Beside | None:
    """Return the runs of a table whose columns, but that of steps, are all of one run or another; None for another table."""
    others = [one for one in sheet.columns if one is not step and one.there.any()]
    found = [(ONE_RUN.fullmatch(one.name.strip()), one) for one in others]
    runs: Beside = {}
    for match, one in found:
        if match is None or not one.is_number:
            return None
        runs.setdefault(match["run"], []).append((match["key"] or "value", one))
    return runs if len(runs) > 1 else None


def parts_beside(sheet: Sheet, runs: Beside, step: Column | None, format_name: str) -> Iterator[Part]:
    """Yield the runs of such a table."""
    steps = np.arange(1.0, sheet.rows + 1) if step is None else step.numbers
    unnamed = any(key == "value" for own in runs.values() for key, _ in own)
    what = "; what its cells are it does not say: 'value'" if unnamed else ""
    note = f"{sheet.source}: columns {', '.join(one.name for own in runs.values() for _, one in own)} are a run each{what}"
    for i, (run, own) in enumerate(runs.items()):
        metrics = long_rows(steps, [(key, one.numbers, one.there) for key, one in own])
        yield Part(run, sheet.source, format_name, metrics, notes=(note,) * (i == 0), numbered=step is None)
