"""Finished files, put in place: one by one, or several at once."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.leftovers import Move, temporary_path, write_journals


@dataclass(frozen=True)
class _Waiting:
    """Finished files with their places, and folders made for them."""

    moves: list[Move] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)


_TOGETHER: ContextVar[_Waiting | None] = ContextVar("together", default=None)


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
        commit(waiting.moves)
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
        commit([(unready, place)])
        return True
    if any(place == other for _, other in waiting.moves):
        raise InputError(f"{place}: two files of one command would lie here; give the first a name with another ending")
    waiting.moves.append((unready, place))
    return False


def remove_file(place: Path) -> None:
    """Remove a file where there is one: within `write_together` when the others appear."""
    waiting = _TOGETHER.get()
    if waiting is None:
        commit([(None, place)])
    elif place.exists():
        waiting.moves.append((None, place))


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


def commit(moves: Sequence[Move]) -> None:
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
    """Put files in their places, all of them or none: what was there comes back where one fails."""
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
