"""Which run a forecast was of: by the run's name where it was registered, else by inputs and groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.base_units import mark_base_units
from bayes_scaling.data.binning import cell_means
from bayes_scaling.data.curve import Average
from bayes_scaling.data.labels import level_index, number_as_text
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import study_for, study_runs
from bayes_scaling.validation.ledger import Entry

type Point = Mapping[str, float | int | str]


@dataclass(frozen=True)
class Match:
    """Rows of runs that a forecast was of; where there is none, how far the nearest of its groups is off, and in what."""

    rows: tuple[int, ...]
    off: float = np.nan
    where: str = ""


def runs_of(
    entry: Entry,
    table: Table | Sequence[Table],
    columns: Mapping[str, str] | None,
    units: Mapping[str, str] | None,
    source: str,
) -> Runs:
    """Return the runs of a table, read as those that the forecasts of an entry were made from.

    Where those were averages along a log, rows are averaged about the places of the forecasts.

    Raises
    ------
    InputError
        Where the table cannot be read so, or its losses are in another unit.
    """
    study = parse_study(next(iter(entry.models.values())), f"{source}, entry {entry.entry}")
    average = study.columns.average
    study = replace(study, columns=replace(study.columns, costs={}, average=None))
    runs = study_runs(study_for(study, columns, units), table)
    if runs.columns.all_units != entry.unit:
        raise InputError(
            f"{runs.source}: responses are in {runs.columns.all_units}, forecasts in {entry.unit}; give them in {entry.unit}"
        )
    return runs if average is None else _averaged(runs, entry.points, average)


def _averaged(runs: Runs, points: Sequence[Point], average: Average) -> Runs:
    """Return runs whose rows are means over a bin about each forecast of the run; rows that are in no bin are left out.

    A row between two forecasts belongs to the nearer: their means do not overlap, as those that were predicted.
    """
    table, along = runs.table, average.along
    places = np.sort(np.unique([float(point[along]) for point in points]))
    at, cell = np.log10(table[along].to_numpy()), np.full(len(table), -1)
    for i, run in enumerate(runs.levels["run"]):
        names = [number_as_text(point.get("run", run)) == number_as_text(run) for point in points]
        own = np.unique([float(point[along]) for point, named in zip(points, names, strict=True) if named])
        rows = np.flatnonzero(table["run"] == run)
        if len(own) and len(rows):
            off = np.abs(at[rows][:, None] - np.log10(own))
            near = off.min(axis=1) <= 0.5 / average.per_decade
            cell[rows[near]] = i * len(places) + off.argmin(axis=1)[near]
    kept = table[cell >= 0].reset_index(drop=True)
    if kept.empty:
        return replace(runs, table=mark_base_units(kept))
    means = cell_means(kept, pd.Series(pd.factorize(cell[cell >= 0])[0]), list(runs.columns.dims), runs.columns.scales, along)
    return replace(runs, table=mark_base_units(means))


def match(point: Point, runs: Runs, tolerance: float) -> Match:
    """Return the rows of runs that a forecast was of: those of its groups and inputs, of each run the nearest.

    Parameters
    ----------
    tolerance
        How far, as a share, an input may be off.
    """
    same = np.ones(len(runs), dtype=bool)
    for dim in runs.columns.dims:
        if dim in point:
            same &= level_index(runs.table[dim], np.array([point[dim]], dtype=object)) == 0
    rows = np.flatnonzero(same)
    if not len(rows):
        return Match(())
    off = _off(point, runs, rows)
    worst = off.max(axis=1)
    near = worst <= tolerance * (1 + 1e-9)
    if not near.any():
        nearest = int(np.argmin(worst))
        return Match((), float(worst.iloc[nearest]), str(off.iloc[nearest].idxmax()))
    return Match(tuple(_nearest_of_each(runs, rows[near], worst.to_numpy()[near])))


def _off(point: Point, runs: Runs, rows: np.ndarray) -> pd.DataFrame:
    """Return by how much each input of rows differs: as a share of the larger, of inputs that may be 0 of the largest."""
    found: dict[str, Any] = {}
    for name in (name for name in point if name in runs.table and name not in runs.columns.dims):
        value, others = float(point[name]), runs.table[name].to_numpy()[rows].astype(float)
        largest = np.maximum(np.abs(others), abs(value))
        whole = largest if name in runs.columns.scales else max(float(runs.table[name].abs().max()), abs(value))
        found[name] = np.where(others == value, 0.0, np.abs(others - value) / np.where(whole == 0, 1.0, whole))
    return pd.DataFrame(found, index=rows)


def _nearest_of_each(runs: Runs, rows: np.ndarray, off: np.ndarray) -> list[int]:
    """Return of each run the nearest of its rows; rows without a run are runs of their own."""
    if "run" not in runs.columns.dims:
        return [int(row) for row in rows]
    nearest: dict[Any, tuple[float, int]] = {}
    for row, by in zip(rows.tolist(), off.tolist(), strict=True):
        run = runs.table["run"].iloc[row]
        nearest[run] = min(nearest.get(run, (np.inf, row)), (by, row))
    return [row for _, row in nearest.values()]
