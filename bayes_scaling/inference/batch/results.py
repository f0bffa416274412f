"""Results of a batch on disk: what each was made from and with, whole or not at all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cache, partial
from inspect import getsource
from io import BytesIO
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import atomic_write, json_text
from bayes_scaling._base.versions import versions
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.batch.worker import model_text
from bayes_scaling.inference.health import Health, from_record
from bayes_scaling.inference.loading import attributes
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.saving import save_with
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model

FORMAT = "bayes_scaling fleet 2"
RECORD = "bayes_scaling_fleet"
SOFTWARE = "software"
"""The part of a fingerprint that says what computed a result."""
BROKEN = "damaged"
PART_NAMES = {"extra": "extra (points)"}
"""Parts of a fingerprint that people know by another name."""
COMPUTING = ("_base", "laws", "data", "model", "inference", "prediction", "validation", "decisions")
"""Rooms that a result may have been computed with."""

type Fingerprint = Mapping[str, str]


@dataclass(frozen=True)
class Record:
    """What is stored beside a result, in the same file.

    Parameters
    ----------
    fingerprint
        Of the task that the result is for, part by part.
    problem
        What the sampler's health says, in one line; empty where the draws may be trusted.
    seconds
        How long the fit took.
    health
        None in files of older versions.
    content
        Digest of a table with this record; a fit's file has a checksum of its own.
    """

    fingerprint: Fingerprint
    problem: str
    seconds: float
    health: Health | None = None
    content: str = ""


def fingerprint(name: str, model: str, runs: Runs, settings: Settings, keep: Any, extra: Any) -> Fingerprint:
    """Return what a result depends on, part by part: a digest each, and the versions of what computes it.

    A function is known by its name and the text of its body, not by what it calls.

    Raises
    ------
    InputError
        Where `extra` or `keep` has no content that a fingerprint could be taken of.
    """
    sampling = replace(settings, progress=False, cores=None, strict=False)
    parts = {"name": name, "model": model, "runs": runs, "settings": sampling, "keep": keep, "extra": extra}
    return {part: _digest(_canonical(of)) for part, of in parts.items()} | {SOFTWARE: software()}


@cache
def software() -> str:
    """Return the versions that a result depends on, and a digest of what this package computes with."""
    package = Path(__file__).parents[2]
    paths = sorted(path for room in COMPUTING for path in (package / room).rglob("*.py"))
    code = [path.read_bytes() for path in paths]
    known = {"format": FORMAT} | versions() | {"code": hashlib.sha256(b"\0".join(code)).hexdigest()[:12]}
    return ", ".join(f"{name} {of}" for name, of in known.items())


def difference(stored: Fingerprint, wanted: Fingerprint) -> str:
    """Return why a stored result is not one that is asked for, in a few words; empty where it is."""
    parts = [part for part in wanted if stored.get(part) != wanted[part]]
    others = [part for part in parts if part != SOFTWARE]
    said = [f"other {' and '.join(PART_NAMES.get(one, one) for one in others)}"] if others else []
    if SOFTWARE in parts:
        then, now = (set(of.get(SOFTWARE, "an older version").split(", ")) for of in (stored, wanted))
        said.append(f"made with {', '.join(sorted(then - now))}; {', '.join(sorted(now - then))} here")
    return "; ".join(said)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: Any) -> Any:
    """Return a value as JSON that differs where the value does."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | np.generic():
            return [type(value).__name__, repr(value)]
        case pd.DataFrame() | pd.Series():
            return _canonical_table(pd.DataFrame(value))
        case np.ndarray():
            return ["array", str(value.dtype), value.shape, _canonical_array(value)]
        case xr.DataArray() | xr.Dataset():
            return [type(value).__name__, _canonical(value.to_dict(data="array"))]
        case Runs():
            levels = {dim: value.levels[dim] for dim in sorted(value.levels)}
            return [
                "runs",
                _canonical(value.table),
                _canonical(value.columns),
                _canonical(value.references),
                _canonical(levels),
                *([_canonical(value.learning_rates)] if value.learning_rates else []),
            ]
        case Model():
            return ["model", model_text(value)]
        case Mapping():
            return ["mapping", [[_canonical(key), _canonical(one)] for key, one in value.items()]]
        case Sequence() | set() | frozenset() if not isinstance(value, bytes):
            ordered = value if isinstance(value, Sequence) else sorted(value, key=repr)
            return ["sequence", [_canonical(one) for one in ordered]]
        case partial():
            return ["partial", _canonical(value.func), _canonical(value.args), _canonical(value.keywords)]
    if is_dataclass(value) and not isinstance(value, type):
        return [_home(type(value)), {one.name: _canonical(getattr(value, one.name)) for one in fields(value)}]
    if isinstance(value, FunctionType | BuiltinFunctionType) and value.__name__ != "<lambda>":
        return [_home(value), _body(value)]
    raise InputError(
        f"{value!r:.80} cannot be fingerprinted, so no result can be stored; expected tables, numbers, texts or functions"
    )


def _home(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _body(function: Any) -> str:
    """Return the text of a function, empty where there is none."""
    try:
        return getsource(function)
    except (OSError, TypeError):
        return ""


def _canonical_table(table: pd.DataFrame) -> Any:
    try:
        rows = pd.util.hash_pandas_object(table).to_numpy()
    except TypeError as error:
        raise InputError(f"a table with such values cannot be fingerprinted ({error})") from None
    names = [[_canonical(name), str(of)] for name, of in table.dtypes.items()]
    return ["table", names, len(table), hashlib.sha256(rows.tobytes()).hexdigest()]


def _canonical_array(array: np.ndarray) -> Any:
    if array.dtype.hasobject:
        return [_canonical(one) for one in array.ravel().tolist()]
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write_table(table: pd.DataFrame, path: Path, record: Record) -> pd.DataFrame:
    """Write a table as Parquet, with its record, and return it as it will be read.

    Raises
    ------
    ValueError
        TypeError or NotImplementedError where Parquet has no place for what the table holds.
    """
    read = pd.read_parquet(BytesIO(_parquet(table, record)))
    read.attrs.pop(RECORD)
    content = _parquet(table, replace(record, content=_content(read, record)))
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(content)
    return read


def _content(read: pd.DataFrame, record: Record) -> str:
    """Return a digest of a table as it is read, with its record."""
    attributes = {name: of for name, of in read.attrs.items() if name != RECORD}
    return _digest([_canonical_table(read), attributes, _record_text(replace(record, content=""))])


def _parquet(table: pd.DataFrame, record: Record) -> bytes:
    """Return a table as Parquet."""
    held, file = table.copy(deep=False), BytesIO()
    held.attrs = {**table.attrs, RECORD: _record_text(record)}
    held.to_parquet(file)
    return file.getvalue()


def read_table(path: Path, wanted: Fingerprint) -> tuple[pd.DataFrame, Record] | str:
    """Return a stored table and its record, or why there is none: for another task, or damaged; empty where it is missing."""
    if not path.exists():
        return ""
    try:
        table = pd.read_parquet(BytesIO(path.read_bytes()))
        record = _record(table.attrs.pop(RECORD))
        is_whole = record.content == _content(table, record)
    except Exception:  # of the libraries that read it: whatever is in the way, there is no result
        return BROKEN
    return difference(record.fingerprint, wanted) or ((table, record) if is_whole else BROKEN)


def write_fit(fit: Fit, path: Path, record: Record) -> None:
    """Write a fit as `save` does, with its record."""
    save_with(fit, path, {RECORD: _record_text(record)})


def read_fit(path: Path, wanted: Fingerprint) -> tuple[Path, Record] | str:
    """Return the path of a stored fit and its record, or why there is none, as for tables."""
    if not path.exists():
        return ""
    try:
        record = _record(attributes(path)[RECORD])
    except (InputError, ValueError, KeyError, TypeError, AttributeError):
        return BROKEN
    return difference(record.fingerprint, wanted) or (path, record)


def _record_text(record: Record) -> str:
    return json_text(asdict(record))


def _record(text: str) -> Record:
    """Return a record from its text; older ones have one digest for all that a result depends on."""
    known = json.loads(text)
    health, stored = known.pop("health", None), known.pop("fingerprint")
    parts = {str(part): str(of) for part, of in stored.items()} if isinstance(stored, dict) else {SOFTWARE: "an older version"}
    return Record(**known, fingerprint=parts, health=from_record(health) if health else None)
