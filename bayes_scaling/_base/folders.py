"""Several files that appear together or not at all: in places of their own, or as a folder."""

import ctypes
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.leftovers import MAX_ENTRIES, TEMPORARY_NAME, Move, clean_up, temporary_path, write_journals


@dataclass(frozen=True)
class _Waiting:
    """Finished files with their places, and folders made for them."""

    moves: list[Move] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


_TOGETHER: ContextVar[_Waiting | None] = ContextVar("together", default=None)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def write_error(path: Path, error: OSError) -> InputError:
    """Return the error of a place that cannot be written to."""
    return InputError(f"{path}: cannot be written ({error.strerror or error})")


@contextmanager
def write_together() -> Iterator[None]:
    """Let all files that are written within appear at its end, in one go, or none of them.

    Raises
    ------
    InputError
        Where one of them cannot be put in its place.
    """
    if _TOGETHER.get() is not None:
        yield
        return
    waiting = _Waiting()
    token = _TOGETHER.set(waiting)
    try:
        yield
        _commit(waiting.moves)
    finally:
        _TOGETHER.reset(token)
        for unready, _ in waiting.moves:
            if unready is not None:
                unready.unlink(missing_ok=True)
        _remove_empty(waiting.folders)


def put_in_place(unready: Path, place: Path) -> bool:
    """Put a finished file in its place, and return whether it is there: within `write_together` it waits for the others."""
    waiting = _TOGETHER.get()
    if waiting is None:
        _commit([(unready, place)])
        return True
    if any(place == other for _, other in waiting.moves):
        raise InputError(f"{place}: two files of one command would lie here; give the first a name with another ending")
    waiting.moves.append((unready, place))
    return False


@contextmanager
def folder_made(folder: Path) -> Iterator[None]:
    """Make a folder, and remove what was made where nothing is put into it."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        _remove_empty(missing)
        raise
    if (waiting := _TOGETHER.get()) is not None:
        waiting.folders.extend(missing)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _commit(moves: Sequence[Move]) -> None:
    """Put files in their places; where one cannot be, all that was there before is there again."""
    files: list[Move] = []
    for unready, place in moves:
        if unready is not None and place.exists() and not place.is_file():
            _copy(unready, place)
        else:
            files.append((unready, place))
    if len(files) == 1:
        _replace(*files[0])
    elif files:
        _replace_all(files)


def _copy(unready: Path, device: Path) -> None:
    try:
        with unready.open("rb") as written, device.open("wb") as to:
            shutil.copyfileobj(written, to)
    except OSError as error:
        raise write_error(device, error) from None


def _replace(unready: Path | None, place: Path) -> None:
    try:
        if unready is None:
            place.unlink(missing_ok=True)
        else:
            unready.replace(place)
    except OSError as error:
        raise write_error(place, error) from None


def _replace_all(moves: Sequence[Move]) -> None:
    earlier: list[tuple[Path, Path | None]] = []
    journals: list[Path] = []
    try:
        for _, place in moves:
            earlier.append((place, _kept(place)))
        journals = _journals(moves)
        for unready, place in moves:
            _replace(unready, place)
    except BaseException:
        for journal in journals:
            journal.unlink(missing_ok=True)
        _restore(earlier)
        raise
    finally:
        for one in [*journals, *(old for _, old in earlier if old is not None)]:
            one.unlink(missing_ok=True)


def _journals(moves: Sequence[Move]) -> list[Path]:
    try:
        return write_journals(moves)
    except OSError as error:
        raise write_error(moves[0][1].parent, error) from None


def _restore(earlier: Sequence[tuple[Path, Path | None]]) -> None:
    for place, old in earlier:
        with suppress(OSError):
            if old is not None:
                old.replace(place)
            else:
                place.unlink(missing_ok=True)


def _kept(place: Path) -> Path | None:
    """Return a second name of what is in a place, None where nothing is."""
    if not place.exists():
        return None
    old = temporary_path(place.parent)
    try:
        try:
            os.link(place, old)
        except OSError:  # file systems without hard links
            shutil.copy2(place, old)
    except OSError as error:
        old.unlink(missing_ok=True)
        raise write_error(place, error) from None
    return old


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
        _commit([*((unready / name, place / name) for name in new), *gone])


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
