"""A ledger of forecasts: what was predicted of runs before they were done, in a file that only grows.

`register` writes the forecasts of a fit, `read` and `verify` look whether the file is as it was written, and
`ledger_scores.score` holds the forecasts against runs when they exist.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from bayes_scaling._base.calls import asked
from bayes_scaling._base.chain import Link, append, locked, read_chain
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import several
from bayes_scaling._base.paths import file_to_write
from bayes_scaling._base.views import in_a_line, lines, show
from bayes_scaling.data.output_columns import OUTPUT
from bayes_scaling.data.tables import Table
from bayes_scaling.inference.stacking import Posterior
from bayes_scaling.validation.ledger_record import FORMAT, GRID, filter_notes, forecast_record
from bayes_scaling.validation.scores import SHARES

LEAST_LETTERS = 12
"""Of a hash that is looked for."""


@dataclass(frozen=True)
class Entry:
    """Forecasts that were registered together, of one fit.

    Parameters
    ----------
    entry
        Its number in the ledger, from 1.
    registered
        When, in UTC, by the clock of the machine.
    models
        Law -> the model and the columns of its runs, as a model file.
    weights
        Law -> its weight in a stack; empty for a single fit.
    fit_sha256, data_sha256
        Hashes of the draws, and of the rows that the fit is of, see `ledger_hashes`.
    data_rows
        Hashes of the single rows.
    data_source
        What those were read from.
    along, reach
        Where the rows are averages along logs, the input that orders them, and run -> how far its log had come.
    versions
        Of the software.
    seed
        Of the scatter.
    scale
        Of the noise: "log_loss" or "loss".
    unit, positive
        Unit of the response, and whether it has only values above 0.
    conventions
        How the runs were counted, as far as it is known.
    grade, health
        Of the fit: its grade, and what speaks against its draws, "" where nothing does.
    points
        For each forecast inputs in base units, and groups.
    bands
        Quantiles of what a run shows, each for all points.
    quantiles
        For each point 200 quantiles at the probabilities (k + 1/2) / 200.
    notes
        What is to know of the forecasts.
    previous, sha256
        Hash of the entry before, and its own.
    """

    format: str
    entry: int
    registered: str
    models: Mapping[str, str]
    weights: Mapping[str, float]
    fit_sha256: str
    data_sha256: str
    data_rows: tuple[str, ...]
    data_source: str
    along: str
    reach: Mapping[str, float]
    versions: Mapping[str, str]
    seed: int
    scale: str
    unit: str
    positive: bool
    conventions: Mapping[str, Any]
    grade: str
    health: str
    points: tuple[Mapping[str, float | int | str], ...]
    bands: Mapping[str, tuple[float, ...]]
    quantiles: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...]
    previous: str
    sha256: str = field(default="")

    def to_frame(self) -> pd.DataFrame:
        """Return its forecasts, one a row: entry, registered, forecast (its number), inputs, groups, quantiles, unit."""
        return pd.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `to_frame`."""
        known: dict[str, Any] = {"entry": self.entry, "registered": self.registered}
        return [
            {**known, "forecast": i + 1, **at, **{name: of[i] for name, of in self.bands.items()}, "unit": self.unit_of(at)}
            for i, at in enumerate(self.points)
        ]

    def unit_of(self, at: Mapping[str, float | int | str]) -> str:
        """Return the unit of a forecast: where outputs have units of their own, that of its output."""
        head, found, _ = self.unit.partition(f" ({at.get(OUTPUT)})")
        return head.rpartition(", ")[2] if found else self.unit


@dataclass(frozen=True)
class Ledger:
    """The entries of a ledger, whose chain is whole.

    Parameters
    ----------
    entries
        In their order.
    source
        The file.
    """

    entries: tuple[Entry, ...]
    source: str = "a ledger"

    @property
    def head(self) -> str:
        """The hash of the last entry: published elsewhere, it holds all of them as they are; "" where there is none."""
        return self.entries[-1].sha256 if self.entries else ""

    def to_frame(self) -> pd.DataFrame:
        """Return the forecasts of all entries, see `Entry.to_frame`."""
        return pd.concat([one.to_frame() for one in self.entries], ignore_index=True) if self.entries else pd.DataFrame()

    def summary(self) -> str:
        """Return what is registered, a sentence a line, and last the head."""
        said = [
            f"Entry {one.entry}, {one.registered}: {several(len(one.points), 'forecast')} by {' and '.join(one.models)}"
            + (f"; {one.health}." if one.health else ".")
            for one in self.entries
        ]
        return lines([*said, f"Head: {self.head}"] if said else [f"{self.source} holds no forecasts."])

    def __repr__(self) -> str:
        count = sum(len(one.points) for one in self.entries)
        return in_a_line(self, "Ledger", several(len(self.entries), "entry", "entries"), several(count, "forecast"))

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return show(self, "Ledger")


@asked
def register(fit: Posterior, points: Table, path: str | Path, seed: int = 0) -> Ledger:
    """Write what a fit predicts of single runs to a ledger, behind what stands there, and return the ledger.

    The file is made where there is none. Each entry holds the hash of the one before it. That proves their order, and no time:
    publish `.head` elsewhere before the runs are done. Forecasts that the filter of the fit's runs leaves out are noted, with a
    warning.

    Parameters
    ----------
    fit
        A fit, or a stack of several.
    points
        As for `predict_runs`. Where a run has a name, in the columns that name runs in the fit's table, it is found by it.
    path
        The ledger, such as `forecasts.jsonl`.
    seed
        Of the scatter.

    Returns
    -------
    Ledger
        All entries, the new one last.

    Raises
    ------
    InputError
        As `predict_runs` does; where the law cannot be written as text; where the chain is broken, or the file cannot be
        written. The ledger is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.validation import ledger
    >>> before = bs.prior("moba_vs_full", draws=100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     point = {"compute": [10.0], "position": 30720, "attention": "moba"}
    ...     found = ledger.register(before, point, f"{folder}/forecasts.jsonl")
    >>> found
    Ledger: 1 entry, 1 forecast
    >>> len(found.head)
    64
    """
    path = Path(path)
    read(file_to_write(path, ".jsonl"))
    record = forecast_record(fit, points, seed)
    with locked(path):
        append(path, record)
    for note in filter_notes(fit.runs, record["points"]):
        warnings.warn(note, stacklevel=3)
    return read(path)


@asked
def read(path: str | Path) -> Ledger:
    """Return a ledger, after its chain was verified; one that is not there yet has no entries.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Ledger
        Its entries.

    Raises
    ------
    InputError
        With the line, where an entry was edited, removed, added or moved, where the last one is cut off, or where a line is no
        entry. That last entries were removed whole only a published head tells: see `verify`.

    Examples
    --------
    >>> read("not_there_yet.jsonl")
    Ledger: 0 entries, 0 forecasts
    """
    links = read_chain(Path(path))
    return Ledger(tuple(_entry(link, f"{path}, line {i + 1}") for i, link in enumerate(links)), str(path))


def _entry(link: Link, where: str) -> Entry:
    """Return the entry of a link; refuse one that lacks something, or whose quantiles are not those of its points."""
    if link.content.get("format") != FORMAT:
        raise InputError(f"{where}: format {link.content.get('format')!r}, expected {FORMAT!r}")
    try:
        found = TypeAdapter(Entry).validate_python({**link.content, "sha256": link.sha256})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}: no entry, {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    sizes = {len(of) for of in found.bands.values()} | {len(found.quantiles)}
    numbers = [np.asarray(of) for of in (*found.bands.values(), *found.quantiles)]
    whole = set(found.bands) == set(SHARES) and all(np.isfinite(of).all() for of in numbers)
    if not (whole and found.models and sizes == {len(found.points)} and {len(of) for of in found.quantiles} <= {len(GRID)}):
        raise InputError(f"{where}: no entry, its quantiles are not those of its points")
    return found


@asked
def verify(path: str | Path, head: str) -> Ledger:
    """Return a ledger that has an entry with a hash which was published: that one and all before it are as they were then.

    Parameters
    ----------
    path
        The file.
    head
        The hash, or its first letters, twelve at least.

    Returns
    -------
    Ledger
        Its entries.

    Raises
    ------
    InputError
        As `read` does, and where no entry has the hash.

    Examples
    --------
    >>> verify("not_there_yet.jsonl", "0123456789ab")
    Traceback (most recent call last):
        ...
    bayes_scaling._base.errors.InputError: not_there_yet.jsonl: no entry has the hash 0123456789ab; ...
    """
    known = read(path)
    wanted = head.strip().lower()
    if len(wanted) < LEAST_LETTERS or set(wanted) - set("0123456789abcdef"):
        raise InputError(f"head {head!r} is no hash; expected {LEAST_LETTERS} to 64 letters of 0-9 and a-f")
    if not any(one.sha256.startswith(wanted) for one in known.entries):
        raise InputError(f"{path}: no entry has the hash {wanted}; entries were removed or rewritten since it was published")
    return known
