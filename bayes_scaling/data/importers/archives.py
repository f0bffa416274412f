"""Archives of logs: zip and tar, also packed by gzip, bzip2 or xz, put into a folder member by member.

Nothing is written outside that folder, links are left out, and what grows too large is refused before it fills the disk.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Names of archives that are opened in a folder; one that is given by itself may have any."""

NO_LOGS = (
    *(".pt", ".pth", ".bin", ".safetensors", ".ckpt", ".pkl", ".npy", ".npz", ".h5", ".onnx", ".gguf", ".so", ".whl", ".zip"),
    *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".mp4", ".wav", ".pdf", ".html", ".py", ".pyc", ".ipynb"),
)
"""Ends of names of weights, pictures and programs: such members are not unpacked."""

NO_ARCHIVES = ("[Content_Types].xml", "META-INF/MANIFEST.MF")
"""Members of files that are zip inside: spreadsheets, programs."""

MAX_BYTES = 10_000_000_000
MAX_MEMBERS = 100_000
MAX_RATIO = 250
"""An archive that unpacks to so many times its size is no archive of logs, once that is more than `FREE_BYTES`."""
FREE_BYTES = 100_000_000

CHUNK = 1 << 20

DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, LZMAError, NotImplementedError, RuntimeError)
"""What readers of archives raise; RuntimeError where one is encrypted."""


@dataclass(frozen=True)
class Member:
    """A member of an archive: its name there, and what its bytes are read from; None where it is no file."""

    name: str
    stream: IO[bytes] | None


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip or tar archive, by what it holds."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as opened:
                return not any(name in NO_ARCHIVES or name.endswith("/data.pkl") for name in opened.namelist())
        return tarfile.is_tarfile(path)
    except DAMAGED:
        return False


def unpack_archive(path: Path, called: str, folder: Path, notes: list[str]) -> list[tuple[Path, str]]:
    """Put the members of an archive into a folder, and return where each is and what it is called in the archive.

    Raises
    ------
    InputError
        Where it is damaged and nothing could be read, is encrypted, or unpacks to too much.
    """
    found, skipped, limit = dict[str, Path](), list[str](), _Limit(called, max(path.stat().st_size * MAX_RATIO, FREE_BYTES))
    try:
        for member in _members(path):
            limit.count()
            place = _place(member.name)
            if member.stream is None or place is None or member.name.lower().endswith(NO_LOGS):
                skipped.append(member.name)
                continue
            found[place.as_posix()] = _write(member.stream, folder / place, limit)
    except DAMAGED as error:
        said = " ".join(str(error).split()) or type(error).__name__
        if not found:
            raise InputError(f"{called}: the archive cannot be read ({said}); pack it again, without a password") from None
        notes.append(f"{called}: the archive is damaged or cut ({said}), and read up to there")
    notes += [_left_out(called, skipped)] if skipped else []
    return [(place, name) for name, place in found.items()]


def _members(path: Path) -> Iterator[Member]:
    """Return the members of an archive one after the other; folders are none."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            for one in opened.infolist():
                if one.is_dir():
                    continue
                if _is_link(one):
                    yield Member(one.filename, None)
                    continue
                with opened.open(one) as stream:
                    yield Member(one.filename, stream)
        return
    with tarfile.open(path, "r|*") as packed:
        for entry in packed:
            if not entry.isdir():
                yield Member(entry.name, packed.extractfile(entry) if entry.isreg() else None)


def _is_link(member: zipfile.ZipInfo) -> bool:
    return (member.external_attr >> 16) & 0o170000 == 0o120000


def _place(name: str) -> PurePosixPath | None:
    """Return where in a folder a member may be; None where its name leads out of it, or is hidden."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    inner = [part for part in parts if part != "."]
    wrong = any(part == ".." or part.startswith(("/", ".", "__MACOSX")) or ":" in part or "\0" in part for part in inner)
    return None if wrong or not inner else PurePosixPath(*inner)


@dataclass
class _Limit:
    """How much may still be unpacked."""

    called: str
    most: int
    size: int = 0
    members: int = 0

    def count(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise InputError(
                f"{self.called}: the archive has more than {format_count(MAX_MEMBERS)} members; give a smaller one"
            )

    def add(self, size: int) -> None:
        self.size += size
        if self.size > min(self.most, MAX_BYTES):
            most = format_count(min(self.most, MAX_BYTES) // 10**6)
            raise InputError(f"{self.called}: the archive unpacks to more than {most} MB; unpack it, and give the folder")


def _write(stream: IO[bytes], place: Path, limit: _Limit) -> Path:
    """Write a member; one that is damaged is taken away again."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            while chunk := stream.read(CHUNK):
                limit.add(len(chunk))
                file.write(chunk)
    except DAMAGED:
        place.unlink(missing_ok=True)
        raise
    return place


def _left_out(called: str, skipped: list[str]) -> str:
    shown = ", ".join(map(repr, skipped[:5])) + (f" and {len(skipped) - 5} more" if len(skipped) > 5 else "")
    return f"{called}: members that are no logs, or whose names lead out of the archive, are left out: {shown}"
