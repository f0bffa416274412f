"""Bytes of log files as text: out of gzip, decoded, up to where a file was cut."""

import gzip
import io
import zlib
from pathlib import Path

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count
from bayes_scaling.data.delimited import MAX_BYTES, encoding_of

type Read = tuple[str, tuple[str, ...]]


def text_of_file(path: Path, source: str) -> Read:
    """Return the text of a log, and notes on where it was cut or is unlike UTF-8.

    Raises
    ------
    InputError
        Where it cannot be read, is no text, or is too large.
    """
    content, notes = unpack(read_bytes(path, source), source, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"{source}: holds more than {format_count(MAX_BYTES // 10**6)} MB of text; split it into files")
    try:
        text, more = decode(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{source}: is no text (byte 0x{content[error.start]:02x} in line {line}); expected a log in UTF-8 or UTF-16"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{source}: is no text (a NUL character in line {line}); expected a log")
    return text.removeprefix("\ufeff"), (*notes, *(f"{source} {what}" for what in more))


def read_bytes(path: Path, source: str) -> bytes:
    """Return the bytes of a file."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror or error})") from None


def unpack(content: bytes, source: str, most: int) -> tuple[bytes, tuple[str, ...]]:
    """Return bytes, out of gzip where they are in it, as far as they go, and a note where that is not to the end."""
    if not content.startswith(b"\x1f\x8b"):
        return content, ()
    found = bytearray()
    try:
        with gzip.open(io.BytesIO(content)) as packed:
            while len(found) < most and (more := packed.read1(min(most - len(found), 1 << 20))):
                found += more
    except (OSError, EOFError, zlib.error):
        if not found:
            raise InputError(f"{source}: is damaged or cut; expected gzip") from None
        return bytes(found), (f"{source}: the gzip file is damaged or cut, and is read up to byte {len(found)} of its text",)
    return bytes(found), ()


def decode(content: bytes) -> Read:
    """Return bytes as text, without a character that is cut at their end, and what is unlike UTF-8."""
    encoding = encoding_of(content)
    said = (f"is in {encoding.upper()}",) if encoding.startswith(("utf-16", "utf-32")) else ()
    try:
        return content.decode(encoding), said
    except UnicodeDecodeError as error:
        if len(content) - error.start > 3 or error.start == 0:
            raise
        return content[: error.start].decode(encoding), said
