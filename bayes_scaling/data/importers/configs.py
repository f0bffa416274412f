"""Configurations of runs as a table: a column is numbers where all its cells are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayes_scaling._base.notation import read_numbers
from bayes_scaling.data.importers.gathering import Gathered


def config_table(runs: Gathered, notes: list[str]) -> pd.DataFrame:
    """Return one row a run: run, then what its parts know of it; of parts that differ the last is right, and it is said."""
    rows = [_merged(run, [part.config for part in parts], notes) for run, parts in runs.items()]
    names = dict.fromkeys(name for row in rows for name in row if name != "run")
    table = pd.DataFrame({"run": list(runs)}, dtype=object)
    return table.assign(**{name: as_column([row.get(name) for row in rows]) for name in names})


def _merged(run: str, configs: Sequence[Mapping[str, object]], notes: list[str]) -> dict[str, object]:
    merged: dict[str, object] = {}
    for config in configs:
        for name, value in config.items():
            if name in merged and merged[name] != value:
                notes.append(f"{run}: {name} is {merged[name]} in one place and {value} in another: the last is kept")
            merged[name] = value
    return merged


def as_column(cells: Sequence[object]) -> pd.Series:
    """Return cells as numbers where all are, also of those that are text; else as text, as they were written."""
    there = [cell for cell in cells if cell is not None and cell != ""]
    if all(isinstance(cell, bool) for cell in there):
        return pd.Series(list(cells), dtype=object)
    if not all(isinstance(cell, int | float | str) for cell in there):
        return pd.Series([None if cell is None else str(cell) for cell in cells], dtype=object)
    texts = [cell for cell in there if isinstance(cell, str)]
    found = read_numbers(texts)
    if found.doubt or found.odd or (np.isnan(found.numbers) & ~found.missing).any() or _are_labels(texts):
        return pd.Series([None if cell is None or cell == "" else str(cell) for cell in cells], dtype=object)
    known: dict[object, object] = dict(zip(texts, found.numbers, strict=True))
    return pd.Series([np.nan if cell is None or cell == "" else known.get(cell, cell) for cell in cells], dtype=float)


def _are_labels(texts: Sequence[str]) -> bool:
    """Return whether texts are names that look like numbers: 007."""
    return any(len(text) > 1 and text[0] == "0" and text[1].isdigit() for text in texts)
