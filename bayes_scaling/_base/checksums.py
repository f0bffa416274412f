"""The checksum at the end of a file. It shows whether the bytes are those that were written."""

import hashlib
import os
import re
from pathlib import Path
from typing import BinaryIO

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import fixed

CHECKSUM_LINE = re.compile(rb"\nbayes_scaling sha256 ([0-9a-f]{64})\n")
CHECKSUM_LENGTH = len("\nbayes_scaling sha256 \n") + 64
READ_BYTES = 2**20


def with_checksum(content: bytes) -> bytes:
    """Return content with its checksum behind it, where readers of HDF5 do not look."""
    return content + f"\nbayes_scaling sha256 {hashlib.sha256(content).hexdigest()}\n".encode()


def read_checksum(path: Path) -> str:
    """Return the checksum that a file ends with, empty where it ends with none; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return _seal(file)


def check_checksum(path: Path) -> bool:
    """Return whether a file has a checksum.

    Raises
    ------
    InputError
        Where it is not that of the content, or the content is more than this machine can hold; OSError where the file cannot be
        read.
    """
    with path.open("rb") as file:
        size, checksum = os.fstat(file.fileno()).st_size, _seal(file)
        if size > max_readable_bytes():
            raise InputError(f"{path}: {fixed(size / 2**30, 1)} GB, more than a quarter of this machine's memory")
        if checksum and _digest(file, size - CHECKSUM_LENGTH) != checksum:
            raise InputError(f"{path}: damaged, its content is not what was saved (its checksum differs)")
    return bool(checksum)


def max_readable_bytes() -> int:
    """Return how many bytes of draws may be read: a quarter of the machine's memory, or 4 GB where that is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    except (AttributeError, ValueError, OSError):
        return 2**32


def _seal(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - CHECKSUM_LENGTH))
    found = CHECKSUM_LINE.fullmatch(file.read(CHECKSUM_LENGTH))
    return found[1].decode() if found else ""


def _digest(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(READ_BYTES, size))):
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()
