"""Temporary files: their names say which process made them, and those of a dead process are removed."""

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from platform import node
from secrets import token_hex

from bayes_scaling._base.errors import InputError

TEMPORARY_NAME = re.compile(
    r"\.bayes-scaling~(?P<machine>[0-9a-f]{8})-(?P<process>\d{1,10})-[0-9a-f]{12}(?P<suffix>\.[^/]{0,20})?"
)
JOURNAL = ".journal"
STALE, STALE_JOURNAL = 86400.0, 60.0
"""Seconds after which a file is nobody's, whatever its process id says: another machine's cannot be looked up, and ids are
used again. Files are in the making for minutes at most, and put in their places within a second."""
MAX_ENTRIES = 1000
"""Folders with more entries are looked through once a process."""
_SEEN: set[Path] = set()

type Move = tuple[Path | None, Path]
"""A finished file and its place; None where the place is to be empty."""


def temporary_path(folder: Path, suffix: str = "") -> Path:
    """Return a path in a folder that nothing has, whose name says which process it belongs to."""
    suffix = suffix if re.fullmatch(r"(\.[^/]{0,20})?", suffix) else ""
    return folder / f".bayes-scaling~{_machine()}-{os.getpid()}-{token_hex(6)}{suffix}"


@cache
def _machine() -> str:
    """Return a digest of what process ids are unique in: a machine, since it started, and its space of such ids."""
    parts = [node()]
    with suppress(OSError):
        parts += [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8"),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return sha256("\n".join(parts).encode()).hexdigest()[:8]


def _alive(process: int) -> bool:
    """Return whether a process runs; True where that cannot be told."""
    if os.name != "posix":  # elsewhere asking for a process would end it
        return True
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:1] != ["Z"]
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True


def _abandoned(path: Path) -> bool:
    known = TEMPORARY_NAME.fullmatch(path.name)
    if known is None:
        return False
    if known["machine"] == _machine() and not _alive(int(known["process"])):
        return True
    with suppress(OSError):
        return time.time() - path.lstat().st_mtime > (STALE_JOURNAL if known["suffix"] == JOURNAL else STALE)
    return False


def _left(folder: Path) -> list[Path]:
    """Return the abandoned files of a folder, journals first."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return []
    if len(names) > MAX_ENTRIES:
        _SEEN.add(folder)
    found = [path for path in (folder / name for name in names) if _abandoned(path)]
    return sorted(found, key=lambda path: path.suffix != JOURNAL)


def clean_up(folder: Path) -> None:
    """Finish what a killed process had begun to put in place in a folder, and remove what it left unfinished.

    Raises
    ------
    InputError
        Where it cannot be finished.
    """
    if folder in _SEEN:
        return
    for path in _left(folder):
        if path.suffix == JOURNAL:
            _finish(path)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def recover(folder: Path) -> None:
    """Finish what a killed process had begun to put in place, so that what is read belongs together.

    Raises
    ------
    InputError
        Where it cannot be finished.
    """
    for path in _left(folder) if folder not in _SEEN else ():
        if path.suffix == JOURNAL:
            _finish(path)


def write_journals(moves: Sequence[Move]) -> list[Path]:
    """Write down which files are about to be put in place, and return where: one text for each folder, unless one holds all."""
    folders = {place.parent for _, place in moves}
    common = next((folder for folder in folders if all(one.is_relative_to(folder) for one in folders)), None)
    journals = []
    for folder in [common] if common is not None else folders:
        own = [move for move in moves if common is not None or move[1].parent == folder]
        entries = [[None if path is None else str(path.relative_to(folder)) for path in move] for move in own]
        text, journal = temporary_path(folder), temporary_path(folder, JOURNAL)
        text.write_text(json.dumps(entries), encoding="utf-8")
        text.replace(journal)
        journals.append(journal)
    return journals


def _finish(journal: Path) -> None:
    """Finish what a journal says an interrupted command was at."""
    folder = journal.parent.resolve()
    try:
        for unready, place in _told(journal, folder):
            if unready is None:
                place.unlink(missing_ok=True)
            elif unready.is_file() and not place.is_dir():
                unready.replace(place)
        journal.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: an interrupted command left this folder half written, and it cannot be finished ({error.strerror})"
        ) from None


def _told(journal: Path, folder: Path) -> list[Move]:
    """Return what a journal says of files within its folder; nothing where it is none.

    A journal that came with a folder of somebody else moves nothing into the folder or out of it.
    """
    try:
        entries = json.loads(journal.read_text(encoding="utf-8"))
        moves = [(None if unready is None else folder / str(unready), folder / str(place)) for unready, place in entries]
        return [move for move in moves if all(one is None or one.parent.resolve().is_relative_to(folder) for one in move)]
    except (ValueError, TypeError, RecursionError):
        return []
