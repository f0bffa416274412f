"""Files that appear whole or not at all."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.leftovers import clean_up, temporary_path
from bayes_scaling._base.moves import folder_made, put_in_place, write_error

if TYPE_CHECKING:
    import pandas as pd


MAX_NAME_BYTES = 255
"""Bytes in a name, on all common file systems."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put what was written there in its place if all went well.

    A file that is replaced keeps its mode, a new one has that of the umask. A device is written to.

    Raises
    ------
    InputError
        Where the place cannot be written to, or has no room.
    """
    path = Path(path)
    try:
        place = _place(path)
        device = place.exists() and not place.is_file()
        folder = Path(tempfile.gettempdir()) if device else place.parent
        with nullcontext() if device else folder_made(folder):
            clean_up(folder)
            yield from _filled(temporary_path(folder, path.suffix), place)
    except OSError as error:
        raise write_error(path, error) from None
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: cannot be written, {error.object[error.start : error.end]!r} is no character") from None


def _filled(unready: Path, place: Path) -> Iterator[Path]:
    """Give a temporary file to fill, and put it in its place; remove it where that fails."""
    waits = False
    try:
        os.close(os.open(unready, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield unready
        with unready.open("rb") as written:
            os.fsync(written.fileno())
        if place.is_file():
            unready.chmod(stat.S_IMODE(place.stat().st_mode))
        waits = not put_in_place(unready, place)
    finally:
        if not waits:
            unready.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    """Return where a file lies, past links; raises InputError where a folder does."""
    if "\0" in str(path):
        raise InputError(f"{str(path)!r}: cannot be written (a file's name has no NUL in it)")
    place = Path(os.path.realpath(path))
    if path.exists() and not place.exists():  # a pipe, known by another name only
        return path
    if place.is_dir():
        raise InputError(f"{path}: cannot be written (is a folder; expected a file)")
    return place


def require_writable(folder: Path, *files: str) -> None:
    """Refuse a folder that cannot be made, or in which files cannot be put in place, before anything is sampled."""
    try:
        _writable(folder, files)
    except OSError as error:
        raise write_error(folder, error) from None


def _writable(folder: Path, files: tuple[str, ...]) -> None:
    """Refuse a folder that cannot be made, and files in it that cannot be written."""
    if "\0" in str(folder) or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in folder.parts):
        raise InputError(f"{str(folder)!r}: cannot be made (a name is too long, or has a NUL in it)")
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be made, {nearest} is no folder that can be written to")
    for path in (folder / file for file in files):
        if path.is_dir():
            raise InputError(f"{path}: cannot be written (is a folder; expected a file)")
        if path.parent.exists() and not path.parent.is_dir():
            raise InputError(f"{path.parent}: cannot be made (is a file; expected a folder)")


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index; what a spreadsheet would take for a formula is guarded, see `spreadsheets`."""
    from bayes_scaling._base.spreadsheets import escape_formulas

    with atomic_write(path) as partial:
        escape_formulas(table).to_csv(partial, index=False, encoding="utf-8")


def write_text(text: str, path: Path) -> None:
    """Write a text."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(content: bytes, path: Path) -> None:
    """Write what was made in memory."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def write_json(record: Mapping[str, Any], path: Path) -> None:
    """Write a record as JSON, see `json_text`."""
    write_text(json_text(record, indent=2) + "\n", path)


def json_text(record: Any, indent: int | None = None) -> str:
    """Return a record as JSON, which has no word for NaN or infinity: null stands for them."""
    return json.dumps(without_nan(record), indent=indent, allow_nan=False)


def without_nan(value: Any) -> Any:
    """Return a record with None where it has NaN or infinity."""
    match value:
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {name: without_nan(one) for name, one in value.items()}
        case list() | tuple():
            return [without_nan(one) for one in value]
    return value
