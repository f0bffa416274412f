"""Protocol buffers and record checksums without their schemas: the few fields that logs need, found by number."""

from collections.abc import Iterator
from struct import unpack_from
from typing import NamedTuple

import numpy as np

VARINT, DOUBLE, BYTES, FLOAT = 0, 1, 2, 5
"""Kinds of values on the wire: a whole number, 8 bytes, a length and bytes, 4 bytes."""

MAX_VARINT = 10
"""Bytes of the longest whole number."""

CASTAGNOLI = 0x82F63B78
MASK = 0xA282EAD8


class Field(NamedTuple):
    """A field of a message: its number, the kind of its value, where that stands, and a whole number's value."""

    number: int
    kind: int
    start: int
    end: int
    whole: int


def fields(message: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """Return the fields of a message in a buffer.

    Raises
    ------
    ValueError
        Where the bytes are no message.
    """
    end = len(message) if end is None else end
    while start < end:
        tag, start = varint(message, start, end)
        number, kind, whole = tag >> 3, tag & 7, 0
        if kind == VARINT:
            at = start
            whole, start = varint(message, start, end)
        elif kind == BYTES:
            length, at = varint(message, start, end)
            start = at + length
        elif kind in (DOUBLE, FLOAT):
            at, start = start, start + (8 if kind == DOUBLE else 4)
        else:
            raise ValueError(f"a field of kind {kind}")
        if start > end:
            raise ValueError("a field is cut")
        yield Field(number, kind, at, start, whole)


def varint(message: bytes, start: int, end: int) -> tuple[int, int]:
    """Return a whole number and where it ends; raises ValueError where it has no end."""
    value = 0
    for place in range(start, min(end, start + MAX_VARINT)):
        byte = message[place]
        value |= (byte & 0x7F) << (7 * (place - start))
        if byte < 0x80:
            return value, place + 1
    raise ValueError("a number is cut")


def signed(value: int) -> int:
    """Return a whole number of 64 bits with its sign."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(message: bytes, field: Field) -> float:
    """Return the number in a field of 8 bytes."""
    return float(unpack_from("<d", message, field.start)[0])


def text(message: bytes, field: Field) -> str:
    """Return the text in a field; raises ValueError where it is none."""
    return message[field.start : field.end].decode()


def _table() -> np.ndarray:
    entries = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        entries = np.where(entries & 1, (entries >> np.uint32(1)) ^ np.uint32(CASTAGNOLI), entries >> np.uint32(1))
    return entries


TABLE = _table()


def masked_checksums(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the masked CRC-32C of pieces of a buffer, those of one length at once."""
    found = np.empty(len(starts), np.uint32)
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        at, crc = starts[same], np.full(len(same), 0xFFFFFFFF, np.uint32)
        for offset in range(int(length)):
            crc = TABLE[(crc ^ content[at + offset]) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
        crc ^= np.uint32(0xFFFFFFFF)
        found[same] = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(MASK)
    return found
