"""Records of event files: a length, bytes, and checksums of both; read some thousands at once."""

from collections.abc import Iterator
from struct import unpack_from
from typing import IO, NamedTuple

import numpy as np

from bayes_scaling.data.importers.wire import masked_checksums

BLOCK = 1 << 22
"""Bytes that are read at once."""

FRAME = 12
"""Bytes before a record: its length, and the checksum of that. Four more follow it."""

MAX_RECORD = 1 << 31
MAX_CHECKED = 512
"""Bytes of the longest record whose checksum is computed: scalars are shorter, and pictures are not read."""


class Batch(NamedTuple):
    """Records that lie whole in a buffer, and what is wrong with what follows them."""

    content: bytes
    starts: list[int]
    lengths: list[int]
    damage: str = ""


def read_batches(stream: IO[bytes]) -> Iterator[Batch]:
    """Return the records of a file, some thousands at once, up to the first that is cut or damaged."""
    content, before, wanted = b"", 0, BLOCK
    while block := stream.read(wanted):
        content += block
        starts, lengths, end, wanted = _frames(content)
        good = _first_damaged(content, starts, lengths)
        if good < len(starts):
            damage = f"byte {before + starts[good] - FRAME}: a record's checksum does not fit it"
            yield Batch(content, starts[:good], lengths[:good], damage)
            return
        if not wanted:
            yield Batch(content, starts, lengths, f"byte {before + end}: a record's length is damaged")
            return
        yield Batch(content, starts, lengths)
        content, before = content[end:], before + end
    if content:
        yield Batch(b"", [], [], f"byte {before}: the file ends within a record")


def _frames(content: bytes) -> tuple[list[int], list[int], int, int]:
    """Return where whole records start, their lengths, where the last ends, and how much to read next; 0 where none can be."""
    starts, lengths, at, limit, length = [], [], 0, len(content), 0
    while at + FRAME <= limit:
        (length,) = unpack_from("<Q", content, at)
        if at + FRAME + length + 4 > limit:
            break
        starts.append(at + FRAME)
        lengths.append(length)
        at += FRAME + length + 4
    if at + FRAME > limit:
        return starts, lengths, at, BLOCK
    sound = length < MAX_RECORD and length_is_sound(content, at)
    return starts, lengths, at, max(BLOCK, length) if sound else 0


def length_is_sound(content: bytes, at: int) -> bool:
    found = masked_checksums(np.frombuffer(content, np.uint8), np.array([at]), np.array([8]))
    return bool(found[0] == unpack_from("<I", content, at + 8)[0])


def _first_damaged(content: bytes, starts: list[int], lengths: list[int]) -> int:
    """Return the first of some records whose checksum does not fit; their number where there is none."""
    at, sizes, every = np.array(starts, np.int64), np.array(lengths, np.int64), np.frombuffer(content, np.uint8)
    checked = np.flatnonzero(sizes <= MAX_CHECKED)
    at, sizes = at[checked], sizes[checked]
    written = every[(at + sizes)[:, None] + np.arange(4)].copy().view("<u4")[:, 0] if len(at) else np.empty(0, np.uint32)
    wrong = np.flatnonzero(masked_checksums(every, at, sizes) != written)
    return int(checked[wrong[0]]) if len(wrong) else len(starts)
