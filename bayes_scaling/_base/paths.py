"""Paths as people give them. A path at which no file can be is refused before anything is computed."""

import os
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.files import MAX_NAME_BYTES, require_writable

MAX_PATH_BYTES = 4095
SPARE_BYTES = 16
"""Bytes by which what is written beside a file may be longer, as `plan_choices.csv` beside `plan.csv`."""
FILE_KINDS = (".csv", ".html", ".json", ".nc", ".png", ".toml", ".parquet")
"""Endings that say what a file is."""


def is_file(path: str | Path) -> bool:
    """Return whether there is a file; where none can be, there is none."""
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises for a name that is too long


def is_folder(path: str | Path) -> bool:
    """Return whether there is a folder; where none can be, there is none."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises for a name that is too long


def folder_to_write(folder: Path, *files: str) -> Path:
    """Return a folder to write to, made later where there is none.

    Parameters
    ----------
    files
        What will be written there, as paths within it.

    Raises
    ------
    InputError
        Where it cannot be made or written to.
    """
    absolute = os.path.abspath(folder) if "\0" not in str(folder) else ""  # noqa: PTH100 - with `..` taken away
    if not absolute or len(os.fsencode(absolute)) > MAX_PATH_BYTES - MAX_NAME_BYTES:
        raise InputError(f"{str(folder)!r}: cannot be made, it is no path of a folder")
    for part in Path(absolute).parts:
        if len(os.fsencode(part)) > MAX_NAME_BYTES:
            raise InputError(f"{folder}: cannot be made, {part[:20]!r}... has more than {MAX_NAME_BYTES} bytes")
    require_writable(folder, *files)
    return folder


def file_to_write(path: Path, kind: str = ".csv") -> Path:
    """Return a file to write, with room in its name for what is written beside it.

    Parameters
    ----------
    kind
        The ending of such files; others are as good, but for those of other kinds.

    Raises
    ------
    InputError
        Where it cannot be written, is a folder, or has the ending of another kind of file.
    """
    if path.name in ("", "..") or os.path.isdir(path):  # noqa: PTH112 - as in `is_file`
        raise InputError(f"{path}: cannot be written, it is a folder; expected a file such as {path / f'table{kind}'}")
    if path.suffix.lower() in FILE_KINDS and path.suffix.lower() != kind:
        raise InputError(f"{path}: cannot be written; expected a name that ends in {kind}")
    if len(os.fsencode(path.name)) > MAX_NAME_BYTES - SPARE_BYTES:
        raise InputError(f"{path}: cannot be written, the name has more than {MAX_NAME_BYTES - SPARE_BYTES} bytes")
    folder_to_write(path.parent)
    return path
