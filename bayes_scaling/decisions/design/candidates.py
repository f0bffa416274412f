"""What candidate runs would show: their rows as they are read, draws of it apart from scatter, and the scatter."""

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import place_words
from bayes_scaling.data.plausible import implausible_counts
from bayes_scaling.data.points import read_points
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.memory import draws_in
from bayes_scaling.inference.observation import (
    contamination,
    group_effects_and_scale,
    noise_covariance,
    runs_of_rows,
    white_scale,
)
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.stacking import Posterior, groups_needed, noise_scale, parts
from bayes_scaling.model.noise_scale import on_scale
from bayes_scaling.model.specification import groups_used

FAR = 10.0
"""Counts so many times beyond those of the runs are looked at."""
LABEL = "candidate"
"""Column that tells which rows are one candidate."""


def read_candidates(fit: Posterior, candidates: Table, table: pd.DataFrame, source: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return checked rows of the candidates, and which candidate each belongs to."""
    frame = read_points(candidates, fit.runs, groups_needed(fit))
    _refuse_implausible(fit, frame, source)
    if LABEL in table:
        missing = table[LABEL].isna().to_numpy()
        if missing.any():
            raise InputError(f"{source}: column {LABEL!r}, row {int(np.argmax(missing)) + 1} is missing; expected a label")
        labels = table[LABEL].astype(str).to_numpy()
    else:
        labels = frame["run"].astype(str).to_numpy() if "run" in frame else what_differs(frame)
    for dim in dict.fromkeys((*(dim for one, _ in parts(fit) for dim in groups_used(one.model)), "run")):
        if dim not in frame:
            known = [table[part].astype(str) for part in fit.runs.columns.dims.get(dim, ()) if part in table]
            frame[dim] = [" ".join(of) for of in zip((f"{LABEL} {label}" for label in labels), *known, strict=True)]
    return frame.assign(mean_lag=0.0), labels


def what_differs(points: pd.DataFrame) -> np.ndarray:
    """Return what to call points without names: by the inputs and groups that differ among them, alike ones by a count too.

    Examples
    --------
    >>> what_differs(pd.DataFrame({"params": [1e9, 3e9, 3e9], "tokens": [2e10] * 3})).tolist()
    ['params 1B', 'params 3B', 'params 3B (2)']
    """
    own = [name for name in points if len(points[name].drop_duplicates()) > 1] or list(points)
    names = [place_words(row) for row in points[own].to_dict("records")]
    count = [names[:i].count(name) for i, name in enumerate(names)]
    return np.array([f"{name} ({i + 1})" if i else name for name, i in zip(names, count, strict=True)], dtype=object)


def _refuse_implausible(fit: Posterior, frame: pd.DataFrame, source: str) -> None:
    """Raise InputError where counts far beyond those of the runs are such as a fit would refuse."""
    seen = fit.runs.table
    if implausible_counts(seen, fit.runs.columns):  # of runs that were read as they are
        return
    names = [name for name in fit.runs.columns.scales if name in frame]
    beyond = [
        name for name in names if frame[name].min() < seen[name].min() / FAR or frame[name].max() > seen[name].max() * FAR
    ]
    if beyond and (odd := implausible_counts(frame, fit.runs.columns, beside="candidates")):
        raise InputError(f"{source}: {'; '.join(odd)}")


def rows_of(labels: np.ndarray) -> np.ndarray:
    """Return which rows are each candidate's, -1 where it has fewer than the one with most."""
    code, names = pd.factorize(labels)
    order = np.argsort(code, kind="stable")
    counts = np.bincount(code)
    within = np.arange(len(code)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.full((len(names), counts.max()), -1)
    rows[code[order], within] = order
    return rows


def shown(fit: Posterior, frame: pd.DataFrame, seed: int) -> np.ndarray:
    """Return draws of what rows would show apart from scatter, on the scale of the noise; a draw a row."""
    return np.concatenate([_shown(one, frame, seed) for one, _ in parts(fit)])


@np.errstate(invalid="ignore", divide="ignore")
def _shown(fit: Fit, frame: pd.DataFrame, seed: int) -> np.ndarray:
    centre = _array(posterior_expectation(fit, frame), len(frame))
    shared = group_effects_and_scale(fit, frame, seed, new=False)[0]
    scaled: np.ndarray = on_scale(centre, noise_scale(fit))
    return scaled if isinstance(shared, int) else scaled + _array(shared, len(frame))


def _array(values: xr.DataArray, rows: int) -> np.ndarray:
    """Return draws as a bare array, a draw a row."""
    full = values if "row" in values.dims else values.expand_dims(row=rows)
    return np.asarray(full.transpose("chain", "draw", "row").to_numpy().reshape(-1, rows))


def scatter(fit: Posterior, frame: pd.DataFrame, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the covariance of the scatter within each candidate, averaged over draws."""
    counts = [draws_in(one) for one, _ in parts(fit)]
    every = [_scatter(one, frame, rows, seed) for one, _ in parts(fit)]
    return np.asarray(np.average(every, axis=0, weights=counts)) if len(every) > 1 else every[0]


def _scatter(fit: Fit, frame: pd.DataFrame, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the covariance of the scatter of each candidate's rows; candidate, row, row."""
    n, most = rows.shape
    scale = _array(group_effects_and_scale(fit, frame, seed, new=False)[1], len(frame))
    if "noise_nu" in fit.posterior:
        nu = fit.posterior["noise_nu"].to_numpy().ravel()[:, None]
        scale = scale * np.sqrt((nu + 3.0) / (nu + 1.0))
    alone = white_scale(fit, frame)
    scale, white = _with_outliers(fit, frame, scale, None if alone is None else _array(alone, len(frame)))
    own = 0.0 if white is None else (white**2).mean(axis=0)
    found = np.zeros((n, most, most))
    noise = fit.model.noise
    if (noise.correlation is None and noise.residual_correlation is None) or most == 1:
        variance = np.asarray((scale**2).mean(axis=0) + own)
        found[:, range(most), range(most)] = np.where(rows >= 0, variance[rows.clip(0)], 0.0)
        return found
    run = frame["run"].to_numpy()
    for i, padded in enumerate(rows):
        of = padded[padded >= 0]
        same = run[of] if noise.residual_correlation is None else runs_of_rows(fit, frame.iloc[of])
        covariance = noise_covariance(fit, frame.iloc[of], scale[:, of]).mean(axis=0) * (same[:, None] == same)
        found[i, : len(of), : len(of)] = covariance + np.diag(np.broadcast_to(own, len(frame))[of])
    return found


def _with_outliers(
    fit: Fit, frame: pd.DataFrame, scale: np.ndarray, white: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return scales of scatter that is as informative as scatter with outliers: where a row is one it tells hardly anything."""
    own = scale if white is None else white
    dims = ("chain", "draw", "row")
    shape = (fit.posterior.sizes["chain"], fit.posterior.sizes["draw"], len(frame))
    whole = xr.DataArray(np.broadcast_to(own, (shape[0] * shape[1], len(frame))).reshape(shape), dims=dims)
    outliers = contamination(fit, frame, whole, None if white is None else whole)
    if outliers is None:
        return scale, white
    known = (1.0 - outliers.probability + outliers.probability / (1.0 + outliers.added)).reshape(-1, len(frame))
    wider = own / np.sqrt(known)
    return (wider, None) if white is None else (scale, wider)
