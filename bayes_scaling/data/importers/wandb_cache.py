"""What was fetched of a W&B run: a file of JSON lines, so that what is there is not fetched again.

The first line says of which run it is and what is known of it; then a line a row of its history; a line with `done` in the end
where all was fetched. A file that was cut in a line goes on from the line before.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bayes_scaling._base.errors import InputError

DONE = "done"
"""The key of the last line: the state of the run when all was fetched."""


@dataclass(frozen=True)
class Cached:
    """What a file holds of a run.

    Parameters
    ----------
    known
        Of the run: path, name, config. Empty where nothing was fetched.
    last_step
        Of its rows; -1 where there is none.
    done
        The state of the run when all was fetched; empty where more is to be.
    size
        Bytes of the lines that are whole.
    """

    known: Mapping[str, Any]
    last_step: int = -1
    done: str = ""
    size: int = 0


def cache_file(folder: Path, path: str) -> Path:
    """Return where rows of a run are kept."""
    return folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', path)}.jsonl"


def read_cache(file: Path, path: str) -> Cached:
    """Return what a file holds of a run, up to the first line that is cut or of another run."""
    known, last, done, size = dict[str, Any](), -1, "", 0
    for line, end in _lines(file):
        if not known:
            if line.get("path") != path:
                return Cached({})
            known = line
        elif DONE in line and "_step" not in line:
            done = str(line[DONE])
        else:
            last, done = int(line["_step"]), ""
        size = end
    return Cached(known, last, done, size)


def cached_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Return the rows of history in a file."""
    return (line for line, _ in _lines(file) if "_step" in line)


def _lines(file: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Return the lines that are whole, and where each ends."""
    if not file.is_file():
        return
    end = 0
    with file.open("rb") as stream:
        for line in stream:
            end += len(line)
            try:
                record = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                return
            if not isinstance(record, dict):
                return
            yield record, end


def open_cache(file: Path, cached: Cached) -> IO[bytes]:
    """Return a file to add lines to, behind those that are whole.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        stream = file.open("r+b")
        stream.truncate(cached.size)
        stream.seek(cached.size)
    except OSError as error:
        raise InputError(f"{file}: cannot be written ({error.strerror or error})") from None
    return stream


def add_line(stream: IO[bytes], record: Mapping[str, Any]) -> None:
    """Add a line."""
    stream.write(json.dumps(record, default=str).encode() + b"\n")
