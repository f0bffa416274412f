"""What the values of TensorBoard's events say: scalars, as summaries or as tensors of one element, and settings."""

from collections.abc import Iterator, Mapping
from json import JSONDecodeError, loads
from struct import unpack_from
from typing import NamedTuple

import numpy as np

from bayes_scaling.data.importers.wire import BYTES, DOUBLE, FLOAT, VARINT, Field, double, fields, signed, text, varint

WHOLE_TYPES = {3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 17: "<u2", 22: "<u4", 23: "<u8"}
TYPES = {1: "<f4", 2: "<f8", 19: "<f2", **WHOLE_TYPES}
"""Numbers of TensorFlow's kinds of numbers, and how numpy calls them."""

HPARAMS = "_hparams_/session_start_info"


class Scalar(NamedTuple):
    """A number that an event holds, and where its four bytes stand; -1 where it has others."""

    key: str
    value: float
    place: int


def event_scalars(content: bytes, value: Field, config: dict[str, object]) -> Iterator[Scalar]:
    """Return the scalar of a summary's value, if it is one, and keep settings that it holds."""
    parts = {one.number: one for one in fields(content, value.start, value.end)}
    tag = text(content, parts[1]) if 1 in parts else ""
    if (simple := parts.get(2)) is not None and simple.kind == FLOAT:
        yield Scalar(tag, unpack_from("<f", content, simple.start)[0], simple.start)
    elif 8 in parts and tag.endswith("/text_summary"):
        config.update(_settings(content, parts[8], tag.removesuffix("/text_summary")))
    elif 8 in parts:
        yield from _tensor(content, parts[8], tag)
    if tag == HPARAMS and 9 in parts:
        config.update(_hparams(content, parts[9]))


def _tensor(content: bytes, tensor: Field, tag: str) -> Iterator[Scalar]:
    """Return the number of a tensor that has one element."""
    parts = {one.number: one for one in fields(content, tensor.start, tensor.end)}
    kind = TYPES.get(parts[1].whole) if 1 in parts else None
    if kind is None or (2 in parts and _size(content, parts[2]) != 1):
        return
    if (packed := parts.get(4)) is not None and packed.end - packed.start == np.dtype(kind).itemsize:
        place = packed.start if kind == "<f4" else -1
        yield Scalar(tag, float(np.frombuffer(content, kind, 1, packed.start)[0]), place)
    elif 5 in parts and kind == "<f4" and parts[5].end - parts[5].start == 4:
        yield Scalar(tag, unpack_from("<f", content, parts[5].start)[0], parts[5].start)
    elif 6 in parts and kind == "<f8" and parts[6].end - parts[6].start == 8:
        yield Scalar(tag, double(content, parts[6]), -1)
    elif kind in WHOLE_TYPES.values() and (whole := parts.get(7) or parts.get(10)) is not None:
        yield Scalar(tag, float(_whole(content, whole)), -1)


def _whole(content: bytes, of: Field) -> int:
    """Return a whole number, packed or not."""
    return signed(of.whole if of.kind == VARINT else varint(content, of.start, of.end)[0])


def _size(content: bytes, shape: Field) -> int:
    """Return the number of elements of a tensor's shape."""
    size = 1
    for dim in fields(content, shape.start, shape.end):
        if dim.number == 2:
            size *= next((one.whole for one in fields(content, dim.start, dim.end) if one.number == 1), 0)
    return size


def _settings(content: bytes, tensor: Field, tag: str) -> Mapping[str, object]:
    """Return the settings that a trainer wrote as a text of JSON; none where the text is another."""
    for one in fields(content, tensor.start, tensor.end):
        if (one.number, one.kind) == (8, BYTES):
            try:
                known = loads(text(content, one))
            except (JSONDecodeError, UnicodeDecodeError, RecursionError):
                return {}
            return {f"{tag}.{name}": value for name, value in known.items()} if isinstance(known, dict) else {}
    return {}


def _hparams(content: bytes, metadata: Field) -> Iterator[tuple[str, object]]:
    """Return the hyperparameters of a session: metadata > plugin > content > start of session > hyperparameters."""
    wanted = [metadata]
    for number in (1, 2, 3, 1):
        wanted = [
            one for of in wanted for one in fields(content, of.start, of.end) if (one.number, one.kind) == (number, BYTES)
        ]
    for entry in wanted:
        parts = {one.number: one for one in fields(content, entry.start, entry.end)}
        for value in fields(content, parts[2].start, parts[2].end):
            if value.number == 2 and value.kind == DOUBLE:
                yield text(content, parts[1]), double(content, value)
            elif value.number in (3, 4):
                yield text(content, parts[1]), bool(value.whole) if value.number == 4 else text(content, value)
