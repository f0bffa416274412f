"""What an entry of a ledger holds: the forecasts of a fit, and of which fit and data they are."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling._base.versions import versions
from bayes_scaling.data.labels import number_as_text
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.expectation import as_rows
from bayes_scaling.inference.posterior import is_prior
from bayes_scaling.inference.stacking import Posterior, Stack, noise_scale, parts
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.predict import predict_runs
from bayes_scaling.validation.ledger_filter import outside_filter
from bayes_scaling.validation.ledger_hashes import data_hash, fit_hash, row_hashes
from bayes_scaling.validation.scores import SHARES

FORMAT = "bayes_scaling ledger 1"
GRID = (np.arange(200) + 0.5) / 200
"""Probabilities of the quantiles that stand for the whole distribution: its CRPS is that of these, as of draws."""
DIGITS = 9
"""Significant digits of quantiles."""


def forecast_record(fit: Posterior, points: Table, seed: int) -> dict[str, Any]:
    """Return what an entry holds of the forecasts of a fit."""
    draws = predict_runs(fit, points, checks.seed(seed, "seed"))
    runs, health, found = fit.runs, fit.health, _distribution(draws)
    return {
        "format": FORMAT,
        "registered": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "models": _models(fit),
        "weights": dict(fit.weights) if isinstance(fit, Stack) else {},
        "fit_sha256": fit_hash(fit),
        **_data(runs),
        "versions": versions(),
        "seed": seed,
        "scale": noise_scale(fit),
        "unit": runs.columns.all_units,
        "positive": runs.columns.response.positive,
        "conventions": runs.columns.conventions.known,
        "grade": health.grade if health else "not sampled",
        "health": health.line if health else _unsampled(fit),
        **found,
        "notes": [*draws.attrs.get("notes", ()), *filter_notes(runs, found["points"])],
    }


def filter_notes(runs: Runs, points: list[dict[str, Any]]) -> list[str]:
    """Return a note on points that the filter of the fit's runs leaves out: their runs will never be scored."""
    count = int(outside_filter(runs.columns, points).sum())
    said = f"the filter {runs.columns.where!r} of the fit's runs leaves out {count} of {several(len(points), 'forecast')}"
    return [f"{said}, which will not be scored"] if count else []


def _unsampled(fit: Posterior) -> str:
    return "draws from the prior" if any(is_prior(one) for one, _ in parts(fit)) else ""


def _data(runs: Runs) -> dict[str, Any]:
    """Return what an entry says of the rows that a fit is of."""
    rows = sorted(set(row_hashes(runs)))
    return {"data_sha256": data_hash(runs), "data_rows": rows, "data_source": runs.source, **_reach(runs)}


def _reach(runs: Runs) -> dict[str, Any]:
    """Return how far the logs of runs had come whose rows are averages: their last bins end half a bin beyond the middle."""
    average = runs.columns.average
    if average is None:
        return {"along": "", "reach": {}}
    ends = runs.table.groupby("run", observed=True)[average.along].max() * 10 ** (0.5 / average.per_decade)
    return {"along": average.along, "reach": {number_as_text(run): float(end) for run, end in ends.items()}}


def _models(fit: Posterior) -> dict[str, str]:
    names = list(fit.members) if isinstance(fit, Stack) else [fit.model.law.__name__]
    texts = [study_text(Study(name="fit", model=one.model, columns=one.runs.columns)) for one, _ in parts(fit)]
    return dict(zip(names, texts, strict=True))


def _distribution(draws: xr.DataArray) -> dict[str, Any]:
    """Return the points of draws, and quantiles of them; raises InputError where they have none."""
    rows = as_rows(draws)
    if (unknown := ~np.isfinite(rows).any(axis=1) | np.isinf(rows).any(axis=1)).any():
        where = f"the points, row {int(np.argmax(unknown)) + 1}"
        raise InputError(f"{where}: no forecast can be registered, the law is not defined there in any draw, or has no end")
    found = np.nanquantile(rows, [*SHARES.values(), *GRID], axis=1)
    found = np.array([[float(f"{value:.{DIGITS}g}") for value in of] for of in found])
    places = [name for name, of in draws.coords.items() if of.dims == ("row",) and name not in ("distance", "region")]
    columns = {str(name): draws[name].to_numpy().tolist() for name in places}
    return {
        "points": [dict(zip(columns, at, strict=True)) for at in zip(*columns.values(), strict=True)],
        "bands": {name: of.tolist() for name, of in zip(SHARES, found, strict=False)},
        "quantiles": found[len(SHARES) :].T.tolist(),
    }
