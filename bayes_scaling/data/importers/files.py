"""The files that sources name: paths, folders and patterns."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.paths import is_file
from bayes_scaling.data.importers.archives import ENDINGS, is_archive, unpack_archive
from bayes_scaling.data.importers.companions import is_companion, is_of_trainer
from bayes_scaling.data.importers.trainer_state import STATE
from bayes_scaling.data.importers.wording import some


@dataclass(frozen=True)
class Source:
    """A file to read.

    Parameters
    ----------
    called
        What to call it.
    asked
        Whether it was given by itself: then it must be a log.
    folder
        The folder that was given, in which it lies.
    """

    path: Path
    called: str
    asked: bool
    folder: str = ""


def files_of(sources: Sequence[str | PathLike[str]], folder: Path, notes: list[str]) -> list[Source]:
    """Return the files that sources name, each once; those of archives are put into a folder."""
    found = {file.path.resolve(): file for one in sources for file in _of_one(str(one))}
    opened = [file for i, one in enumerate(found.values()) for file in _opened(one, folder / str(i), notes)]
    logs = [file for file in opened if file.asked or not is_of_trainer(file.path)]
    if len(logs) < len(opened):
        names = dict.fromkeys(file.path.name for file in opened if not file.asked and is_of_trainer(file.path))
        notes.append(f"files of models beside {STATE} are no logs, a config.json is of its run: {some(list(names), 4)}")
    return logs


def is_source(path: Path, sources: Sequence[str]) -> bool:
    """Return whether a file is one of the files that sources name, or lies in a folder of theirs."""
    own = path.resolve()
    named = [Path(name).resolve() for source in sources for name in (source, *glob.glob(source, recursive=True))]  # noqa: PTH207
    return any(one == own or (one.is_dir() and one in own.parents) for one in named if one.exists())


def _of_one(source: str) -> list[Source]:
    """Return the files that a path, a folder or a pattern stands for."""
    if is_file(source):
        return [Source(Path(source), source, asked=True)]
    if Path(source).is_dir():
        inside = sorted(path for path in Path(source).rglob("*") if path.is_file() and not path.name.startswith("."))
        return [Source(path, str(path), asked=False, folder=source) for path in inside if not is_companion(path)]
    found = glob.glob(source, recursive=True)  # noqa: PTH207 - the pattern may be absolute
    matched = sorted(path for path in found if is_file(path) or Path(path).is_dir())
    if found and not matched:
        raise InputError(f"{found[0]}: is neither file nor folder, or a link that leads to none; expected a log")
    if not matched:
        raise InputError(f"{source}: no such file or folder; expected a log, a folder of logs, or a pattern")
    return [file for path in matched for file in _of_one(path)]


def _opened(file: Source, folder: Path, notes: list[str]) -> list[Source]:
    """Return a file, or where it is an archive those in it."""
    if not (file.asked or file.called.lower().endswith(ENDINGS)) or not is_archive(file.path):
        return [file]
    inside = unpack_archive(file.path, file.called, folder, notes)
    logs = [(path, name) for path, name in sorted(inside, key=lambda one: one[1]) if not is_companion(path)]
    return [Source(path, f"{file.called}#{name}", asked=False, folder=file.called) for path, name in logs]
