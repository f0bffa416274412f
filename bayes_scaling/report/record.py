"""What `bayes-scaling fit` noted beside a fit: title and layout of the study, seconds, versions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bayes_scaling._base.checksums import read_checksum
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.finding import Finding
from bayes_scaling._base.leftovers import recover
from bayes_scaling.model.studies.study import Sheet

RECORD = "diagnostics.json"


@dataclass(frozen=True)
class Record:
    """What is known of how a fit was made beyond the fit itself; empty where nothing is.

    Parameters
    ----------
    title, figure
        Of the study.
    model, runs, columns, units, cost
        What was asked for, as it was typed.
    seconds
        Compiling and sampling.
    versions
        Software of the fit.
    findings
        What speaks for care with the fit, the worst first.
    """

    title: str = ""
    figure: Sheet | None = None
    model: str = ""
    runs: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    seconds: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def read_record(folder: Path | None) -> Record:
    """Return what is noted in a folder's diagnostics.json; folders of earlier versions know less.

    Raises
    ------
    InputError
        Where that file is there and is no record, or that of another fit than the one beside it.
    """
    if folder is None:
        return Record()
    recover(folder)
    path = folder / RECORD
    if not path.is_file():
        return Record()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        _check_together(folder, said)
        layout, seconds = said.get("figure"), said.get("seconds")
        return Record(
            title=str(said.get("title", "")),
            figure=Sheet(**layout) if layout else None,
            model=str(said.get("asked", {}).get("model", "")),
            **{key: tuple(map(str, said.get("asked", {}).get(key, []))) for key in ("runs", "columns", "units", "cost")},
            seconds=float(seconds) if seconds is not None else None,
            findings=tuple(Finding(str(one["code"]), str(one["sentence"])) for one in said.get("findings", [])),
            versions={str(name): str(of) for name, of in said.get("versions", {}).items()},
        )
    except InputError:
        raise
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError(f"{path}: unreadable, expected what `bayes-scaling fit` writes ({error})") from None


def _check_together(folder: Path, said: Mapping[str, Any]) -> None:
    """Refuse a record of another fit; those of earlier versions do not say of which they are."""
    fit, own = folder / "fit.nc", said.get("fit_sha256")
    if own and fit.is_file() and read_checksum(fit) != own:
        raise InputError(f"{folder}: fit.nc and {RECORD} are of different fits; fit once more")


def earlier_figures(folder: Path) -> list[str]:
    """Return the figures that an earlier fit wrote into a folder, as its record names them."""
    try:
        said = json.loads((folder / RECORD).read_text(encoding="utf-8"))["figures"]
        return [name for name in said if re.fullmatch(r"figures/[^/\\\0]+\.png", name)]
    except (OSError, ValueError, TypeError, LookupError):
        return []
