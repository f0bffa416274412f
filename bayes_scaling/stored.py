"""Results of a fleet on disk: under which name, whose they are, whole or not at all."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import InputError
from bayes_scaling.files import whole
from bayes_scaling.fitting import Fit, save
from bayes_scaling.health import Health, from_record
from bayes_scaling.model import Model
from bayes_scaling.runs import Runs
from bayes_scaling.sampling import Settings
from bayes_scaling.worker import model_text

FORMAT = "bayes_scaling fleet 1"
RECORD = "bayes_scaling_fleet"
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Record:
    """What is stored beside a result, in the same file.

    fingerprint: of the task that the result is for.
    problem: what the sampler's health says, in one line; empty where the draws may be trusted.
    seconds: how long the fit took.
    health: None in files of older versions.
    """

    fingerprint: str
    problem: str
    seconds: float
    health: Health | None = None


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name without ending for each name: the name itself, or what of it is safe, and a digest after a `~`.

    Names that differ in nothing but case get a digest too: some file systems take them for one.
    """
    names = list(names)
    folded = Counter(name.casefold() for name in names)
    return {name: name if PLAIN.fullmatch(name) and folded[name.casefold()] == 1 else _encoded(name) for name in names}


def _encoded(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60]
    return f"_{slug}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:20]}"


def fingerprint(name: str, model: str, runs: Runs, settings: Settings, keep: Any, extra: Any) -> str:
    """Return a digest that differs where anything differs that the result depends on; code is known by its name only.

    Raises InputError where `extra` or `keep` is nothing whose content can be told.
    """
    sampling = replace(settings, progress=False, cores=None, strict=False)
    content = [FORMAT, name, model, _told(runs), _told(sampling), _told(keep), _told(extra)]
    return hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass")).hexdigest()


def _told(value: Any) -> Any:
    """Return a value as JSON that differs where the value does."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | np.generic():
            return [type(value).__name__, repr(value)]
        case pd.DataFrame() | pd.Series():
            return _told_table(pd.DataFrame(value))
        case np.ndarray():
            return ["array", str(value.dtype), value.shape, _told_array(value)]
        case xr.DataArray() | xr.Dataset():
            return [type(value).__name__, _told(value.to_dict(data="array"))]
        case Runs():
            return ["runs", _told(value.table), _told(value.columns), _told(value.references)]
        case Model():
            return ["model", model_text(value)]
        case Mapping():
            return ["mapping", [[_told(key), _told(one)] for key, one in value.items()]]
        case Sequence() | set() | frozenset() if not isinstance(value, bytes):
            ordered = value if isinstance(value, Sequence) else sorted(value, key=repr)
            return ["sequence", [_told(one) for one in ordered]]
        case partial():
            return ["partial", _told(value.func), _told(value.args), _told(value.keywords)]
    if is_dataclass(value) and not isinstance(value, type):
        return [_home(type(value)), {one.name: _told(getattr(value, one.name)) for one in fields(value)}]
    if isinstance(value, FunctionType | BuiltinFunctionType) and value.__name__ != "<lambda>":
        return _home(value)
    raise InputError(
        f"{value!r:.80} cannot be told from others, so no result can be stored; expected tables, numbers, texts or functions"
    )


def _home(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _told_table(table: pd.DataFrame) -> Any:
    try:
        rows = pd.util.hash_pandas_object(table).to_numpy()
    except TypeError as error:
        raise InputError(f"a table with such values cannot be told from others ({error})") from None
    names = [[_told(name), str(of)] for name, of in table.dtypes.items()]
    return ["table", names, len(table), hashlib.sha256(rows.tobytes()).hexdigest()]


def _told_array(array: np.ndarray) -> Any:
    if array.dtype.hasobject:
        return [_told(one) for one in array.ravel().tolist()]
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write_table(table: pd.DataFrame, path: Path, record: Record) -> None:
    """Write a table as Parquet, with its record.

    Raises ValueError, TypeError or NotImplementedError where Parquet has no place for what the table holds.
    """
    held = table.copy(deep=False)
    held.attrs = {**table.attrs, RECORD: _record_text(record)}
    with whole(path) as unfinished:
        held.to_parquet(unfinished)


def read_table(path: Path, wanted: str) -> tuple[pd.DataFrame, Record] | None:
    """Return a stored table and its record, None where there is none, or it is for another task, or broken."""
    try:
        table = pd.read_parquet(path, partitioning=None)
        record = _record(table.attrs.pop(RECORD))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (table, record) if record.fingerprint == wanted else None


def write_fit(fit: Fit, path: Path, record: Record) -> None:
    """Write a fit as `save` does, with its record."""
    import h5py

    with whole(path) as unfinished:
        save(fit, unfinished)
        with h5py.File(unfinished, "a") as file:
            file.attrs[RECORD] = _record_text(record)


def read_fit(path: Path, wanted: str) -> tuple[Path, Record] | None:
    """Return the path of a stored fit and its record, None where there is none, or it is for another task, or broken."""
    import h5py

    try:
        with h5py.File(path) as file:
            record = _record(file.attrs[RECORD])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (path, record) if record.fingerprint == wanted else None


def _record_text(record: Record) -> str:
    return json.dumps(asdict(record))


def _record(text: str) -> Record:
    known = json.loads(text)
    health = known.pop("health", None)
    return Record(**known, health=from_record(health) if health else None)
