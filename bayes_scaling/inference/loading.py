"""Fits, and stacks of several, from their files: read back to the last bit, or refused in one line."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import TypeAdapter

from bayes_scaling._base.checksums import check_checksum
from bayes_scaling._base.errors import InputError, format_names, one_line
from bayes_scaling._base.leftovers import recover
from bayes_scaling._base.paths import is_file, is_folder
from bayes_scaling.data.base_units import from_columns_units, mark_base_units
from bayes_scaling.data.columns import Columns
from bayes_scaling.data.logged_rates import from_table
from bayes_scaling.data.references import Reference, references_of
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.comparable import require_same_runs
from bayes_scaling.inference.datatree import CONSTANT, KNOTS, OBSERVED, PREDICTIVE
from bayes_scaling.inference.file_structure import check_structure, probe
from bayes_scaling.inference.health import Health, from_record
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD
from bayes_scaling.inference.memory import draws_in
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.inference.sampling import ARVIZ_NAMES
from bayes_scaling.inference.saving import FORMAT, LEARNING_RATES, MEMBER, STACK
from bayes_scaling.inference.stacking import Posterior, Stack, Weighing, mixed
from bayes_scaling.model.names import term_name
from bayes_scaling.model.settings import Settings
from bayes_scaling.model.specification import Model, smooth_lengths, varyings, with_prior_references
from bayes_scaling.model.studies.reading import parse_study

FILE = "fit.nc"
"""What `bayes-scaling fit` calls the file of a fit in its folder."""
MAX_LISTED = 4
"""So many files, or folders with fits, are named where a folder holds no fit."""
WITHOUT_SEAL = "bayes_scaling fit 2"
"""The format before files had a checksum."""
EARLIER_COLUMNS = {"apart": "mean_lag", "reading_error": "measurement_error"}
"""Columns of runs as earlier versions called them."""


def load(path: str | Path) -> Posterior:
    """Return a fit, or a stack, from its file; its predictions are the same to the last bit.

    What an interrupted command left half done in the file's folder is finished first. A file of an earlier version has no
    checksum: a warning says that damage in it would not be seen.

    Parameters
    ----------
    path
        A file that `save`, `fit_many` or `bayes-scaling fit` wrote, or the folder that the last one did.

    Returns
    -------
    Fit | Stack
        A fit with its model, runs, draws, settings and health; a stack with its fits, their weights, and how these were found.

    Raises
    ------
    InputError
        Where the file is missing, truncated, damaged, or not a fit.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> bs.load("out/fit.nc").summary()  # doctest: +SKIP
    >>> bs.load("not_there.nc")
    Traceback (most recent call last):
        ...
    bayes_scaling._base.errors.InputError: not_there.nc: no such file; expected a fit written by `save` or `bayes-scaling fit`
    """
    if not isinstance(path, str | Path):
        raise InputError(f"load: path cannot be a {type(path).__name__}; expected load(path)")
    path = _file_in(Path(path))
    recover(path.parent)
    tree = _tree(path)
    try:
        fit = _stack(path, tree) if tree.attrs["format"] == STACK else _fit(path, tree)
    except InputError:
        raise
    except Exception as error:  # whatever a file says that no fit says
        raise InputError(f"{path}: damaged, or no fit as it is saved ({one_line(error)})") from None
    if tree.attrs["format"] == WITHOUT_SEAL:
        said = "saved by an earlier version, without a checksum, so that damage in it is not seen; `save` writes one"
        warnings.warn(f"{path}: {said}", stacklevel=2)
    return fit


def _file_in(path: Path) -> Path:
    """Return the file of a fit: the path, or in a folder that `bayes-scaling fit` wrote the one that is its fit."""
    if not is_folder(path):
        return path
    recover(path)
    if is_file(path / FILE):
        return path / FILE
    inside = sorted(one.name for one in path.iterdir() if not one.name.startswith("."))
    below = sorted(str(one.parent) for one in path.glob(f"*/{FILE}") if is_file(one))
    more = " and more" if len(inside) > MAX_LISTED else ""
    held = f"the folder holds {format_names(inside[:MAX_LISTED])}{more}" if inside else "the folder is empty"
    where = f"; fits are in {format_names(below[:MAX_LISTED])}" if below else ""
    raise InputError(f"{path / FILE}: no such file; expected a fit written by `save` or `bayes-scaling fit`: {held}{where}")


def attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a saved fit; raises InputError as `load` does."""
    return {str(name): of for name, of in _tree(path).attrs.items()}


def _tree(path: Path) -> xr.DataTree:
    """Return what a file holds, whose bytes, links and sizes were looked at before; raises InputError where it is no fit."""
    if not is_file(path):
        raise InputError(f"{path}: no such file; expected a fit written by `save` or `bayes-scaling fit`")
    try:
        has_seal = check_checksum(path)
        (check_structure if has_seal else probe)(path)
        with xr.open_datatree(path, engine="h5netcdf", decode_times=False, decode_timedelta=False) as opened:
            tree = opened.load()
    except InputError:
        raise
    except Exception as error:  # of the libraries that read it
        raise InputError(f"{path}: unreadable or truncated, expected a fit ({one_line(error)})") from None
    found = tree.attrs.get("format")
    if not (found in (FORMAT, STACK) or (found == WITHOUT_SEAL and not has_seal)):
        raise InputError(f"{path}: format {found!r}, expected {FORMAT!r}, or {STACK!r} of several laws")
    if not has_seal and found != WITHOUT_SEAL:
        raise InputError(f"{path}: damaged or changed since it was saved, its checksum is missing")
    return tree


def _fit(path: Path, tree: xr.DataTree) -> Fit:
    """Return the fit that a tree holds."""
    study = parse_study(str(tree.attrs["study"]), str(path))
    record = json.loads(tree.attrs["record"])
    parts = {name: node.to_dataset() for name, node in tree.children.items()}
    rates = parts.pop(LEARNING_RATES, None)
    runs = _runs(path, parts.pop("runs").to_dataframe().reset_index(drop=True), study.columns, record)
    runs = runs if rates is None else replace(runs, learning_rates=from_table(rates.to_dataframe()))
    draws = xr.DataTree.from_dict(_draws(parts))
    _check_draws(path, study.model, runs, draws["posterior"].to_dataset())
    settings = TypeAdapter(Settings).validate_python(record["settings"])
    saved = {name: Reference(**of) for name, of in record.get("prior_references", {}).items()}
    model = with_prior_references(replace(study.model, unit=str(record.get("prior_unit", ""))), saved or references_of(runs))
    return Fit(model, runs, draws, settings, _health(record["health"]))


def _stack(path: Path, tree: xr.DataTree) -> Stack:
    """Return the stack that a tree holds, a group for each law."""
    record = json.loads(tree.attrs["record"])
    groups = [MEMBER.format(i) for i in range(1, len(record["laws"]) + 1)]
    if set(groups) != set(tree.children) or not set(record["laws"]) <= set(record["weights"]):
        raise InputError(f"{path}: {format_names(tree.children)} are not the laws it names; expected a stack as it is saved")
    fits = {name: _fit(path, tree.children[group]) for name, group in zip(record["laws"], groups, strict=True)}
    require_same_runs(fits)
    counts = {name: min(int(record["draws"].get(name, 0)), draws_in(one)) for name, one in fits.items()}
    weighing = TypeAdapter(Weighing).validate_python(record["weighing"]) if record["weighing"] else None
    return replace(mixed(fits, record["weights"], counts), weighing=weighing)


def _draws(parts: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Return the groups of a file that a fit keeps, by the names they have in it; the others are made from these."""
    groups = {name: of for name, of in parts.items() if name not in (OBSERVED, CONSTANT, PREDICTIVE)}
    if "prior" in groups:
        groups["posterior"] = groups.pop("prior")
    if KNOTS in groups:
        groups["posterior"] = groups["posterior"].merge(groups.pop(KNOTS))
    if "sample_stats" in groups:
        stats = groups["sample_stats"]
        groups["sample_stats"] = stats.rename({name: known for name, known in ARVIZ_NAMES.items() if name in stats})
    if LOG_LIKELIHOOD in groups:
        stored = groups[LOG_LIKELIHOOD]
        groups[LOG_LIKELIHOOD] = stored.drop_vars([str(name) for name in stored.coords if name not in ("chain", "draw")])
    return groups


def _health(record: Mapping[str, Any] | None) -> Health | None:
    return TypeAdapter(Health).validate_python(asdict(from_record(record))) if record else None


def _runs(path: Path, table: pd.DataFrame, columns: Columns, record: Mapping[str, Any]) -> Runs:
    """Return the runs of a saved fit, checked as a table is."""
    table = table.rename(columns={old: new for old, new in EARLIER_COLUMNS.items() if old not in columns.inputs})
    numbers = ["response", *columns.inputs]
    if lacking := {*numbers, *columns.dims} - set(table):
        raise InputError(f"{path}: its runs lack {format_names(lacking)}; expected a fit as it is saved")
    if not len(table) or any(table[name].dtype.kind not in "fiu" for name in numbers):
        raise InputError(f"{path}: its runs have no rows, or texts where numbers are; expected a fit as it is saved")
    references = {name: float(record["references"][name]) for name in record["references"]}
    if not all(references.get(name, 0) > 0 for name in columns.inputs):
        raise InputError(f"{path}: no reference of {format_names(columns.inputs)}; expected a fit as it is saved")
    if not record.get("in_base_units"):
        table, columns, references = from_columns_units(table, columns, references)
    return Runs(
        table=mark_base_units(table),
        columns=columns,
        references=references,
        levels={dim: _levels(path, table[dim], record.get("levels", {}).get(dim)) for dim in columns.dims},
        source=str(record["source"]),
        dropped=int(record["dropped"]),
        averaged=int(record["averaged"]),
        notes=tuple(map(str, record.get("notes", ()))),
    )


def _levels(path: Path, labels: pd.Series, said: list[Any] | None) -> np.ndarray:
    """Return the levels of a group, which may be more than the rows have; older files have those of the rows only."""
    own = labels.to_numpy()
    if said is None:
        return np.unique(own)
    if len(set(said)) < len(said) or not set(own.tolist()) <= set(said):
        raise InputError(f"{path}: the levels of {labels.name!r} are not those of its rows; expected a fit as it is saved")
    return np.array(said, dtype=own.dtype)


def _check_draws(path: Path, model: Model, runs: Runs, posterior: xr.Dataset) -> None:
    """Refuse draws that lack a parameter of the law or a term, or levels of a group."""
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(model.parameters, ("chain", "draw"))
    wanted |= {term_name(owner, term): ("chain", "draw", *term.dims) for owner, term in varyings(model)}
    wanted |= dict.fromkeys(smooth_lengths(model), ("chain", "draw"))
    for name, dims in wanted.items():
        if name not in posterior or set(posterior[name].dims) != set(dims) or posterior[name].dtype.kind not in "fiu":
            raise InputError(f"{path}: no draws of {name!r} along {list(dims)}; expected a fit as it is saved")
        for dim in dims[2:]:
            if posterior.sizes[dim] != len(runs.levels[dim]):
                raise InputError(
                    f"{path}: {posterior.sizes[dim]} levels of {dim!r} in the draws, {len(runs.levels[dim])} in the runs"
                )
