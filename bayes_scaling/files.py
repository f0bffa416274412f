"""Files that appear whole or not at all."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put what was written there in its place if all went well.

    Raises InputError where the folder cannot be written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.chmod(0o644)
        try:
            partial.replace(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        partial.unlink(missing_ok=True)


def writable(folder: Path) -> None:
    """Refuse a folder that cannot be made before anything is sampled."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{folder}: cannot be made, {nearest} is no folder that can be written to")


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table without its index; what a spreadsheet would take for a formula is guarded, see `spreadsheets`."""
    from bayes_scaling.spreadsheets import guarded

    with whole(path) as partial:
        guarded(table).to_csv(partial, index=False)


def write_text(text: str, path: Path) -> None:
    """Write a text."""
    with whole(path) as partial:
        partial.write_text(text)


def write_figure(figure: "Figure", path: Path) -> None:
    """Write a figure at the resolution of print; a "$" in a label is a "$"."""
    import matplotlib as mpl

    plain: Any = {"text.parse_math": False}
    with whole(path) as partial, mpl.rc_context(plain):
        figure.savefig(partial, dpi=200)


def write_json(record: Mapping[str, Any], path: Path) -> None:
    """Write a record as JSON, see `json_text`."""
    write_text(json_text(record, indent=2) + "\n", path)


def json_text(record: Any, indent: int | None = None) -> str:
    """Return a record as JSON, which has no word for NaN or infinity: null stands for them."""
    return json.dumps(_finite(record), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {name: _finite(one) for name, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
    return value
