"""Files of JSON lines that only grow: each line holds the hash of the one before, so that changes of earlier ones show.

A line is `{"entry":N,"previous":"HASH",...,"sha256":"HASH"}`. Its hash is that of its bytes before `,"sha256"`.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bayes_scaling._base.checksums import max_readable_bytes
from bayes_scaling._base.errors import InputError, one_line
from bayes_scaling._base.files import json_text, write_bytes
from bayes_scaling._base.moves import folder_made, write_error
from bayes_scaling._base.numbers import fixed
from bayes_scaling._base.paths import file_to_write, is_file

LINE = re.compile(rb'(\{"entry":([1-9][0-9]*),"previous":"([0-9a-f]{64})",.*),"sha256":"([0-9a-f]{64})"\}')
START = "0" * 64
"""What the first line has for the hash of the one before."""


@dataclass(frozen=True)
class Link:
    """A line of a chain: what it holds, and its hash."""

    content: Mapping[str, Any]
    sha256: str


def read_chain(path: Path) -> tuple[Link, ...]:
    """Return the lines of a file, none where there is no file yet.

    Raises
    ------
    InputError
        Where the file cannot be read, or its chain is broken; with the first line that shows it.
    """
    return verified(_bytes(path), str(path)) if os.path.lexists(path) else ()


def verified(content: bytes, source: str) -> tuple[Link, ...]:
    """Return the lines of a chain; raises InputError with the first one that is cut, edited, or does not follow."""
    if not content:
        return ()
    *lines, rest = content.split(b"\n")
    links: list[Link] = []
    for number, line in enumerate(lines, 1):
        links.append(_link(line, number, links[-1].sha256 if links else START, f"{source}, line {number}"))
    if rest:
        raise InputError(f"{source}, line {len(lines) + 1}: the chain is broken, the last line is cut off: it has no end")
    return tuple(links)


def _link(line: bytes, number: int, before: str, where: str) -> Link:
    """Return the entry on a line, whose hash and place have to be as they were written."""
    found = LINE.fullmatch(line)
    if found is None:
        ended = ", its line ends were changed to those of another system" if line.endswith(b"\r") else ""
        raise InputError(f"{where}: the chain is broken, the line was edited or cut off: it is no entry{ended}")
    hashed, said, previous, own = found.groups()
    if hashlib.sha256(hashed).hexdigest() != own.decode():
        raise InputError(f"{where}: the chain is broken, the entry was edited: its hash is not that of its content")
    if previous.decode() != before or int(said) != number:
        raise InputError(
            f"{where}: the chain is broken, entry {said.decode()[:20]} does not follow what is before it: "
            "an entry was edited, removed, added or moved"
        )
    try:
        return Link(json.loads(hashed + b"}"), own.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: no entry, it cannot be read ({one_line(error)})") from None


def append(path: Path, record: Mapping[str, Any]) -> Link:
    """Put a record at the end of a file, made where there is none, and return its line; to be called within `locked`.

    The file with its new line takes the place of the one before in one step: no line is ever half written.

    Raises
    ------
    InputError
        As `read_chain` does, and where the file cannot be written.
    """
    before = _bytes(path) if os.path.lexists(path) else b""
    links = verified(before, str(path))
    head = {"entry": len(links) + 1, "previous": links[-1].sha256 if links else START}
    hashed = _compact(head | dict(record))[:-1]
    own = hashlib.sha256(hashed).hexdigest()
    write_bytes(before + hashed + f',"sha256":"{own}"}}\n'.encode(), path)
    return Link(json.loads(hashed + b"}"), own)


def _compact(record: Mapping[str, Any]) -> bytes:
    return json.dumps(json.loads(json_text(record)), separators=(",", ":")).encode("ascii")


def _bytes(path: Path) -> bytes:
    """Return what a ledger holds; refuse one that cannot be read, or is too large for this machine."""
    if not is_file(path):
        raise InputError(f"{path}: is no file; expected a ledger")
    try:
        if path.stat().st_size > max_readable_bytes():
            raise InputError(
                f"{path}: {fixed(path.stat().st_size / 2**30, 1)} GB, more than a quarter of this machine's memory"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: unreadable ({error.strerror or error})") from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let nobody else append to a file meanwhile; who comes later waits. A killed process leaves no lock.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    if "\0" in str(path) or (os.path.lexists(file_to_write(path, ".jsonl")) and not is_file(path)):
        raise InputError(f"{str(path)!r}: cannot be written, it is no file")
    place = Path(os.path.realpath(path))
    lock = place.with_name(f".{place.name}.lock")
    with folder_made(place.parent):
        try:
            held = _held(lock)
        except OSError as error:
            raise write_error(path, error) from None
        try:
            yield
        finally:
            with suppress(OSError):  # others wait for the very file: taken away while it is held, it is made anew
                lock.unlink()
            os.close(held)


def _held(lock: Path) -> int:
    """Return the open file of a lock, once it is ours and still the one of that name."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _wait_for(file)
            if os.path.samestat(os.fstat(file), lock.stat()):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _wait_for(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
