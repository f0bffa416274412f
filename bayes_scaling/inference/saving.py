"""Fits, and stacks of several, to files: one file each, which appears whole or not at all; `loading.py` reads them."""

import io
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import xarray as xr

from bayes_scaling._base.calls import asked
from bayes_scaling._base.checksums import with_checksum
from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.files import atomic_write, json_text
from bayes_scaling.data.logged_rates import as_table
from bayes_scaling.inference.datatree import KNOTS, file_groups, split_knots, with_rows
from bayes_scaling.inference.log_likelihood import LOG_LIKELIHOOD
from bayes_scaling.inference.posterior import Fit, is_prior
from bayes_scaling.inference.stacking import Posterior, Stack
from bayes_scaling.model.specification import prior_references
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text

FORMAT = "bayes_scaling fit 3"
"""The format of a single fit."""
STACK = "bayes_scaling stack 1"
"""The format of several fits with weights: a group for each, which holds what the file of a fit does."""
LEARNING_RATES = "learning_rates"
"""The group of the learning rates of runs."""
MEMBER = "law_{}"
"""The group of a fit in the file of a stack, by its place."""


@asked
def save(fit: Posterior, path: str | Path) -> Path:
    """Write a fit to one file that `load` reads with nothing else; the file appears whole or not at all.

    It is netCDF with ArviZ's groups: `arviz.from_netcdf` reads it. A checksum stands behind what other readers see. The file of
    a stack has a group for each law, which holds those.

    Parameters
    ----------
    fit
        A fit, draws from the prior, or a stack.
    path
        The file; one that is there is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        Where the law cannot be written as text, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import bayes_scaling as bs
    >>> from bayes_scaling.model.studies.study import study_runs
    >>> study = bs.read_study("moba_vs_full")
    >>> before = bs.prior(study.model, study_runs(study), draws=10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = bs.save(before, f"{folder}/prior.nc")
    ...     bs.load(path).posterior.equals(before.posterior)
    True
    """
    return save_with(fit, path, {})


def save_with(fit: Posterior, path: str | Path, attributes: Mapping[str, str]) -> Path:
    """Write a fit as `save` does, with further attributes."""
    path = Path(path)
    try:
        tree = _tree_of(fit) if isinstance(fit, Fit) else _tree_of_stack(fit)
        tree.attrs |= dict(attributes)
        content = with_checksum(_content(tree))
    except InputError:
        raise
    except ValueError as error:  # such as labels with a NUL in them
        raise InputError(f"{path}: the fit cannot be saved ({one_line(error)})") from None
    with atomic_write(path) as partial:
        partial.write_bytes(content)
    return path


def _content(tree: xr.DataTree) -> bytes:
    """Return a tree as netCDF, made in memory: HDF5 does not survive a disk that is full."""
    file = io.BytesIO()
    tree.to_netcdf(file, engine="h5netcdf")
    return file.getvalue()


def _tree_of_stack(fit: Stack) -> xr.DataTree:
    """Return a stack as a file holds it."""
    record = {
        "laws": list(fit.fits),
        "weights": dict(fit.weights),
        "draws": fit.counts,
        "weighing": asdict(fit.weighing) if fit.weighing else None,
    }
    tree = xr.DataTree(children={MEMBER.format(i): _tree_of(one) for i, one in enumerate(fit.fits.values(), 1)})
    tree.attrs = {"format": STACK, "record": json_text(record)}
    return tree


def _tree_of(fit: Fit) -> xr.DataTree:
    """Return a fit as a file holds it."""
    table = fit.runs.table.rename_axis("row")
    parts = {name: node.to_dataset() for name, node in fit.draws.children.items()}
    if LOG_LIKELIHOOD in parts:
        parts[LOG_LIKELIHOOD] = with_rows(parts[LOG_LIKELIHOOD], fit.runs)
    parts |= split_knots(parts.pop("posterior"), "prior" if is_prior(fit) else "posterior", KNOTS)
    parts |= file_groups(fit) | {"runs": xr.Dataset({str(c): ("row", table[c].to_numpy()) for c in table})}
    if fit.runs.learning_rates:
        parts[LEARNING_RATES] = xr.Dataset.from_dataframe(as_table(fit.runs.learning_rates).rename_axis("place"))
    tree = xr.DataTree.from_dict(parts)
    study = study_text(Study(name="fit", model=replace(fit.model, references={}), columns=fit.runs.columns))
    tree.attrs = {"format": FORMAT, "study": study, "record": json_text(_record(fit))}
    return tree


def _record(fit: Fit) -> dict[str, Any]:
    """Return what a file says of a fit beside its arrays and its study."""
    runs = fit.runs
    return {
        "references": dict(runs.references),
        "in_base_units": True,
        "prior_unit": fit.model.unit,
        "prior_references": {name: asdict(of) for name, of in prior_references(fit.model).items()},
        "levels": {dim: of.tolist() for dim, of in runs.levels.items()},
        "source": runs.source,
        "dropped": runs.dropped,
        "averaged": runs.averaged,
        "notes": runs.notes,
        "settings": asdict(fit.settings),
        "health": asdict(fit.health) if fit.health else None,
    }
