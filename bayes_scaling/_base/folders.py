"""A folder of files that appears whole or not at all."""

import ctypes
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.leftovers import MAX_ENTRIES, TEMPORARY_NAME, Move, clean_up, temporary_path
from bayes_scaling._base.moves import commit, folder_made, write_error

AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Of the call renameat2 of Linux: paths are relative to the working folder, and the two change places."""


@contextmanager
def atomic_folder(folder: str | Path, earlier: Collection[str] = ()) -> Iterator[Path]:
    """Give an empty folder, and put what was written there in its place if all went well: all of it, or nothing.

    Whatever else is in the place is kept. A folder that is not there yet appears in one step. Where an earlier answer is to be
    replaced, old and new folder change places in one step if the system has one; else, or where the folder is in use as a
    mount or the present directory, files are put in place one by one, and what a kill leaves is finished by the next command
    that reads or writes there.

    Parameters
    ----------
    earlier
        Files that an earlier answer consists of, relative to the folder: those that are not replaced are removed.

    Raises
    ------
    InputError
        Where the folder cannot be written to.
    """
    place = Path(os.path.realpath(folder))
    fresh = not place.exists()
    with folder_made(place.parent):
        for one in (place.parent, place, *(place / name for name in _folders(earlier))):
            clean_up(one)
        replaces = not fresh and any((place / name).exists() for name in earlier)
        unready = temporary_path(place.parent if fresh or (replaces and _exchangeable(place)) else place)
        try:
            unready.mkdir()
            yield unready
            _put_folder(unready, place, earlier)
        except OSError as error:
            raise write_error(Path(folder), error) from None
        except InputError as error:
            raise InputError(str(error).replace(str(unready), str(folder))) from None
        finally:
            shutil.rmtree(unready, ignore_errors=True)


def _folders(names: Collection[str]) -> set[Path]:
    return {Path(name).parent for name in names} - {Path()}


def _put_folder(unready: Path, place: Path, earlier: Collection[str]) -> None:
    """Put a finished folder in its place: as one where nothing else is there, else file by file."""
    new = [path.relative_to(unready) for path in unready.rglob("*") if path.is_file()]
    if not place.exists():
        with suppress(OSError):  # somebody else may have made it meanwhile
            unready.rename(place)
            return
    old = [Path(name) for name in earlier if Path(name) not in new]
    _refuse_clashes(new, place)
    if unready.parent == place.parent:
        if _exchanged(unready, place, old):
            return
        within = temporary_path(place)
        shutil.move(unready, within)
        unready = within
    try:
        _put_files(unready, place, new, old)
    finally:
        shutil.rmtree(unready, ignore_errors=True)


def _put_files(unready: Path, place: Path, new: Collection[Path], old: Collection[Path]) -> None:
    gone: list[Move] = [(None, place / name) for name in old if (place / name).is_file()]
    with ExitStack() as folders:
        for folder in {(place / name).parent for name in new}:
            folders.enter_context(folder_made(folder))
        commit([*((unready / name, place / name) for name in new), *gone])


def _exchanged(unready: Path, place: Path, old: Collection[Path]) -> bool:
    """Let a folder change places with the one that it replaces, whose other files it gets; returns whether they could."""
    try:
        _link(place, unready, {place / name for name in old})
        done = _exchange(unready, place)
    except OSError:
        return False
    if done:
        with suppress(OSError):
            _link(unready, place, {unready / name for name in old})  # what came into the folder meanwhile
    return done


def _refuse_clashes(new: Collection[Path], place: Path) -> None:
    for name in new:
        if (place / name).is_dir():
            raise InputError(f"{place / name}: is a folder; expected a file that may be replaced, or nothing")
        for parent in list(name.parents)[:-1]:
            if (place / parent).exists() and not (place / parent).is_dir():
                raise InputError(f"{place / parent}: is a file; expected a folder, or nothing")


def _link(old: Path, new: Path, without: Collection[Path]) -> None:
    """Give all that is in a folder, but for what is left out or there already, a second name in another."""
    shutil.copystat(old, new)
    with suppress(OSError):
        os.chown(new, old.stat().st_uid, old.stat().st_gid)
    with os.scandir(old) as entries:
        for entry in entries:
            path, to = Path(entry.path), new / entry.name
            if path in without or TEMPORARY_NAME.fullmatch(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                to.mkdir(exist_ok=True)
                _link(path, to, without)
            elif not os.path.lexists(to):
                os.link(path, to, follow_symlinks=False)


def _exchangeable(place: Path) -> bool:
    """Return whether a folder may change places with another: nothing stands in it that a mount or this process holds on to."""
    if os.path.ismount(place) or Path.cwd().is_relative_to(place) or not os.access(place.parent, os.W_OK):
        return False
    if place.stat().st_dev != place.parent.stat().st_dev or len(list(islice(place.rglob("*"), MAX_ENTRIES))) == MAX_ENTRIES:
        return False
    one, other = temporary_path(place.parent), temporary_path(place.parent)
    try:
        one.mkdir()
        other.mkdir()
        return _exchange(one, other)
    except OSError:
        return False
    finally:
        for trial in (one, other):
            with suppress(OSError):
                trial.rmdir()


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; returns whether they did, which Linux can on most file systems."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return False
    return bool(rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0)
