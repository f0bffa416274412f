"""Forecasts of a ledger held against the runs that exist by now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bayes_scaling._base import checks
from bayes_scaling._base.calls import asked
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import number, percent, several
from bayes_scaling._base.views import in_a_line, lines, show
from bayes_scaling.data.labels import number_as_text
from bayes_scaling.data.runs import Runs
from bayes_scaling.data.tables import Table
from bayes_scaling.model.noise_scale import moved, slope
from bayes_scaling.validation.ledger import Entry, Ledger, read
from bayes_scaling.validation.ledger_filter import outside_filter
from bayes_scaling.validation.ledger_hashes import row_hashes
from bayes_scaling.validation.ledger_join import Match, match, runs_of
from bayes_scaling.validation.scores import BANDS, SHARES, crps, crps_of, floored, log_density_by_quantiles

SCORED, NO_RUN, OTHER, KNOWN, UNREAD = "scored", "no run yet", "run of other inputs", "in the fit's data", "not read"
LEFT_OUT = "left out by the study's filter"
"""What became of a forecast."""
TOLERANCE = 0.01
"""By how much inputs of a run may differ from those that a forecast was registered for."""
ERRORS = ndtri((np.arange(25) + 0.5) / 25)
"""Standard normal quantiles that stand for a measurement error."""


@dataclass(frozen=True)
class LedgerScores:
    """What became of each forecast of a ledger.

    Parameters
    ----------
    points
        A row a forecast and run: entry, registered, forecast, its inputs, groups and quantiles, unit; status: "scored", "no run
        yet", "run of other inputs" (the run that was named was not what was forecast), "in the fit's data" (no forecast), "not
        read" (the table does not have the columns of this entry), "left out by the study's filter" (no run there is read).
        Of those with a run `run_name`, where runs have names, `observed`, `pit`, `crps`, `log_score` (see
        `log_density_by_quantiles`), `error`, `relative_error`, as `score_points`; `nearest`, how far the nearest run is off.
    ledger
        With its chain, which is whole.
    notes
        What is to know.
    """

    points: pd.DataFrame
    ledger: Ledger
    notes: tuple[str, ...] = ()

    @asked
    def to_frame(self, by: Sequence[str] = ("entry",)) -> pd.DataFrame:
        """Return the scores of forecasts that have a run: how many, coverage of the bands, CRPS, bias, error.

        Parameters
        ----------
        by
            Columns of `points` that rows of the table are for; one row in all where empty.

        Returns
        -------
        DataFrame
            Columns of `by`; forecasts, scored, coverage_50, coverage_90; crps, the mean, of the log loss where the noise is on
            it; bias, the mean of median / loss - 1; error, the mean of median - loss. What forecasts in several units do not
            have together is NaN.
        """
        if unknown := sorted({str(name) for name in by} - {*map(str, self.points)}):
            raise InputError(f"forecasts have no {unknown} to score them by; they have {format_names([*self.points])}")
        if not by:
            return pd.DataFrame([_sums(self.points)])
        rows = self.points.groupby(list(by), sort=True, dropna=False)
        return pd.DataFrame([dict(zip(by, level, strict=True)) | _sums(part) for level, part in rows])

    def summary(self) -> str:
        """Return how good the forecasts were, a sentence a line."""
        counts = self.points.drop_duplicates(["entry", "forecast"])["status"].value_counts()
        became = ", ".join(f"{counts[name]} {words}" for name, words in WORDS.items() if name in counts)
        entries = [{str(name): of for name, of in row.items()} for row in self.to_frame().to_dict("records")]
        said = [f"{several(int(counts.sum()), 'forecast')}: {became}.", *_said(_sums(self.points), "All")]
        for one, row in zip(self.ledger.entries, entries, strict=True):
            said += _said(row, f"Entry {one.entry}, registered {one.registered}") if len(entries) > 1 else []
            said += [f"Entry {one.entry}: {one.health}."] if one.health else []
        return lines([*said, *(f"{note}." for note in self.notes), f"The chain is whole; its head is {self.ledger.head}"])

    def __repr__(self) -> str:
        scored = int((self.points["status"] == SCORED).sum())
        return in_a_line(self, "LedgerScores", several(len(self.ledger.entries), "entry", "entries"), f"{scored} scored")

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "LedgerScores")


MEANS = ("coverage_50", "coverage_90", "crps", "bias", "error")
WORDS = {
    SCORED: "scored",
    NO_RUN: "without a run yet",
    OTHER: "of a run that had other inputs",
    KNOWN: "no forecasts, as their runs were in the fit's data",
    UNREAD: "of other tables",
    LEFT_OUT: "left out by the study's filter",
}


@asked
def score(
    ledger: Ledger | str | Path,
    runs: Table | Sequence[Table],
    tolerance: float = TOLERANCE,
    *,
    columns: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> LedgerScores:
    """Return how well forecasts of a ledger predicted the runs that exist by now.

    A forecast is of the run whose name was registered with it, else of every run of the same groups. The inputs of the run must
    be those of the forecast. Of a log the nearest row counts.

    Parameters
    ----------
    ledger
        A ledger, or its file.
    runs
        The table of runs, or several, as `read_runs` takes them; read as the runs of the fit were.
    tolerance
        By which share inputs may differ.
    columns, units
        As `fit` takes them, where the table calls or counts its columns otherwise.

    Returns
    -------
    LedgerScores
        `.points` has each forecast, `.to_frame()` the scores of each entry, `.summary()` sentences.

    Raises
    ------
    InputError
        Where the chain is broken, where there are no forecasts, where the runs cannot be read, or are in another unit.

    Examples
    --------
    >>> from bayes_scaling.validation import ledger_scores
    >>> found = ledger_scores.score("forecasts.jsonl", "done.csv")  # doctest: +SKIP
    >>> print(found.summary())  # doctest: +SKIP
    """
    known = ledger if isinstance(ledger, Ledger) else read(ledger)
    if not known.entries:
        raise InputError(f"{known.source}: holds no forecasts; expected a ledger that `register` wrote")
    if checks.at_least(0)(tolerance, "tolerance") >= 1:
        raise InputError(f"tolerance must be below 1, a share by which inputs may differ, not {tolerance}")
    tables, refused, notes = [], {}, list[str]()
    for entry in known.entries:
        try:
            found = runs_of(entry, runs, columns, units, known.source)
        except InputError as error:
            refused[entry.entry] = str(error)
            tables.append(entry.to_frame().assign(status=UNREAD))
            continue
        tables.append(_scored(entry, found, tolerance))
        notes += [*([f"{several(found.dropped, 'row')} removed by the filter of the fit's runs"] if found.dropped else [])]
        notes += found.notes
    if len(refused) == len(known.entries):
        raise InputError(next(iter(refused.values())))
    notes += [f"Entry {entry}: {why}" for entry, why in refused.items()]
    return LedgerScores(pd.concat(tables, ignore_index=True), known, tuple(dict.fromkeys(notes)))


def _scored(entry: Entry, runs: Runs, tolerance: float) -> pd.DataFrame:
    """Return the forecasts of an entry, one a row and run, with what became of them."""
    seen, hashes = set(entry.data_rows), row_hashes(runs)
    never = outside_filter(runs.columns, entry.points)
    rows: list[dict[str, Any]] = []
    for i, known in enumerate(entry.rows()):
        found = match(entry.points[i], runs, tolerance)
        rows += [
            {**known, "status": KNOWN if hashes[row] in seen or _reached(entry, runs, row) else SCORED}
            | _scores(entry, i, runs, row)
            for row in found.rows
        ] or [
            {**known, "nearest": found.off, "differs_in": found.where}
            | {"status": LEFT_OUT if never[i] else _unmatched(entry.points[i], found, runs)}
        ]
    return pd.DataFrame(rows)


def _unmatched(point: Mapping[str, Any], found: Match, runs: Runs) -> str:
    curve = runs.columns.curve
    not_there_yet = curve is not None and found.where == curve.along
    return OTHER if "run" in point and found.where and not not_there_yet else NO_RUN


def _reached(entry: Entry, runs: Runs, row: int) -> bool:
    """Return whether the fit had seen the log of a run up to a row."""
    if not entry.reach:
        return False
    table = runs.table.iloc[row]
    return bool(table[entry.along] <= entry.reach.get(number_as_text(table["run"]), -np.inf))


def _scores(entry: Entry, i: int, runs: Runs, row: int) -> dict[str, Any]:
    """Return what a run showed and how well it was predicted; where it has a measurement error, as it was read."""
    table, draws = runs.table.iloc[row], np.array(entry.quantiles[i])
    seen, bands = float(table["response"]), {name: of[i] for name, of in entry.bands.items()}
    error = float(table.get("measurement_error", 0.0))
    if error > 0:
        draws = _with_error(draws, error * float(slope(seen, entry.scale)), entry.scale)
        bands = dict(zip(SHARES, np.quantile(draws, list(SHARES.values())).tolist(), strict=True))
    scale = partial(floored, on=entry.scale)
    score = crps(scale(draws)[None, :], scale(np.array([seen])))
    named = {"run_name": table["run"]} if "run" in runs.columns.dims else {}
    return {
        **bands,
        **named,
        "observed": seen,
        "pit": float((draws < seen).mean()),
        "crps": float(score[0]),
        "log_score": log_density_by_quantiles(scale(draws), float(scale(np.array([seen]))[0])),
        "error": bands["q50"] - seen,
        "relative_error": bands["q50"] / seen - 1.0 if entry.positive else np.nan,
        "crps_of": crps_of(entry.scale, entry.unit_of(entry.points[i])),
    }


def _with_error(draws: np.ndarray, error: float, scale: str) -> np.ndarray:
    """Return sorted draws with the measurement error of a row, on the scale of the noise."""
    off = (error * ERRORS)[:, None]
    return np.sort(moved(draws, off, scale).ravel())


def _sums(points: pd.DataFrame) -> dict[str, Any]:
    """Return the scores of forecasts together; NaN for what is in several units."""
    done = points[points["status"] == SCORED]
    forecasts = len(points.drop_duplicates(["entry", "forecast"]))
    if done.empty:
        return {"forecasts": forecasts, "scored": 0} | dict.fromkeys(MEANS, np.nan)
    seen = done["observed"]
    covered = {f"coverage_{p}": float(seen.between(done[BANDS[p][0]], done[BANDS[p][1]]).mean()) for p in ("50", "90")}
    alike = {"crps": "crps_of", "error": "unit"}
    means = {name: float(done[name].mean()) if len(set(done[of])) == 1 else np.nan for name, of in alike.items()}
    bias = float(done["relative_error"].mean()) if done["relative_error"].notna().all() else np.nan
    return (
        {"forecasts": forecasts, "scored": len(done)} | covered | {"crps": means["crps"], "bias": bias, "error": means["error"]}
    )


def _said(row: Mapping[str, Any], what: str) -> list[str]:
    """Return the scores of a row as one sentence, none where nothing was scored."""
    if not row["scored"]:
        return []
    bands = ", ".join(f"{q} % bands hold {percent(row[f'coverage_{q}'])}" for q in (50, 90))
    crps_said = "" if np.isnan(row["crps"]) else f", mean CRPS {number(row['crps'])}"
    off = "" if np.isnan(row["bias"]) else f", medians {percent(abs(row['bias']))} too {'high' if row['bias'] > 0 else 'low'}"
    return [f"{what}: of {several(row['scored'], 'run')} {bands}{crps_said}{off} on average."]
