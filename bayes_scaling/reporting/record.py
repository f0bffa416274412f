"""What `bayes-scaling fit` noted beside a fit: title and layout of the study, seconds, versions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bayes_scaling.errors import InputError
from bayes_scaling.modelfile import Sheet


@dataclass(frozen=True)
class Record:
    """What is known of how a fit was made beyond the fit itself; empty where nothing is.

    title, figure: of the study. model, runs: what was asked for, as it was typed. seconds: compiling and sampling. versions:
        software of the fit.
    """

    title: str = ""
    figure: Sheet | None = None
    model: str = ""
    runs: tuple[str, ...] = ()
    seconds: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def read_record(folder: Path | None) -> Record:
    """Return what is noted in a folder's diagnostics.json; folders of earlier versions know less.

    Raises InputError where that file is there and is no record.
    """
    path = folder / "diagnostics.json" if folder is not None else None
    if path is None or not path.is_file():
        return Record()
    try:
        said = json.loads(path.read_text())
        layout, seconds = said.get("figure"), said.get("seconds")
        return Record(
            title=str(said.get("title", "")),
            figure=Sheet(**layout) if layout else None,
            model=str(said.get("asked", {}).get("model", "")),
            runs=tuple(str(path) for path in said.get("asked", {}).get("runs", [])),
            seconds=float(seconds) if seconds is not None else None,
            versions={str(name): str(of) for name, of in said.get("versions", {}).items()},
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: unreadable, expected what `bayes-scaling fit` writes ({error})") from None
