"""TensorBoard event files: every scalar in the order written, as summaries of TensorFlow 1 or as tensors of TensorFlow 2.

Read by hand, for reasons measured with tbparse 0.0.9 and tensorboard 2.21. Both stop at a damaged record without a word.
tbparse sorts rows by step, so that after a restart nobody can tell which came last, and keeps tensors in another table. It
takes 27 us a row, tensorboard's EventFileLoader 59, this reader 2, and neither need be installed. The tests hold what is read
here against EventFileLoader.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from struct import unpack_from
from typing import IO, NamedTuple

from bayes_scaling.data.importers.binary import open_binary
from bayes_scaling.data.importers.coded import Coded
from bayes_scaling.data.importers.event_records import FRAME, length_is_sound, read_batches
from bayes_scaling.data.importers.event_values import Scalar, event_scalars
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.wire import BYTES, VARINT, fields, signed

NAME = "TensorBoard event file"

FRAME_OF_VERSION = 64
"""Bytes within which the first record says its version."""

WALL, STEP = 0x09, 0x10
"""First bytes of the time and of the step of an event."""


class Shape(NamedTuple):
    """What surrounds the number in an event of one key."""

    key: int
    head: bytes
    tail: bytes


@dataclass(frozen=True)
class Events:
    """What event files of one run hold: scalars in the order written, settings, and the shapes of events met so far."""

    rows: Coded = field(default_factory=Coded)
    config: dict[str, object] = field(default_factory=dict)
    shapes: dict[int, list[Shape]] = field(default_factory=dict)


def recognises(head: Head) -> bool:
    """Return whether a file begins with a record of an event."""
    return len(head.start) >= FRAME and length_is_sound(head.start, 0) and b"brain.Event:" in head.start[:FRAME_OF_VERSION]


def read(head: Head) -> Iterator[Part]:
    """Return the run of an event file; those of one folder are one run."""
    with open_binary(head) as stream:
        events, damage = read_events(stream)
    notes = (f"{head.source}: {damage}; read up to there",) if damage else ()
    home = str(PurePath(head.source).parent)
    yield Part(_run(head), head.source, NAME, events.rows.to_frame(), events.config, notes, home=home)


def _run(head: Head) -> str:
    """Return what TensorBoard calls a run: its folder within the one that was given; by itself, from what tells runs apart."""
    folder = PurePath(head.source.replace("#", "/")).parent
    if head.folder and folder != PurePath(head.folder) and folder.is_relative_to(head.folder):
        return folder.relative_to(head.folder).as_posix()
    parts = [part for part in folder.parts if part not in ("/", "..")]
    telling = run_name(f"{folder.as_posix()}/events")
    return "/".join(parts[parts.index(telling) :]) if telling in parts else telling


def read_events(stream: IO[bytes]) -> tuple[Events, str]:
    """Return what an event file holds, and where and why it could be read no further; empty where it was read whole."""
    events = Events()
    for batch in read_batches(stream):
        for start, length in zip(batch.starts, batch.lengths, strict=True):
            try:
                _read_event(batch.content, start, start + length, events)
            except (ValueError, IndexError):
                return events, "a record that is no event"
        if batch.damage:
            return events, batch.damage
    return events, ""


def _read_event(content: bytes, start: int, end: int, events: Events) -> None:
    """Take the scalars of an event; one that differs from one before it by step and value alone is not parsed again."""
    if content[start] != WALL:
        _parse_event(content, start, end, events)
        return
    rows, step, at = events.rows, 0, start + 9
    if at < end and content[at] == STEP:
        shift, at = 0, at + 1
        while content[at] >= 0x80:
            step |= (content[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
        step, at = step | content[at] << shift, at + 1
    for shape in events.shapes.get(end - at, ()):
        if content.startswith(shape.head, at) and content.endswith(shape.tail, at, end):
            rows.steps.append(signed(step))
            rows.codes.append(shape.key)
            rows.values.append(unpack_from("<f", content, at + len(shape.head))[0])
            return
    found = _parse_event(content, start, end, events)
    if len(found) == 1 and found[0].place >= at:
        one = found[0]
        shape = Shape(rows.names[one.key], content[at : one.place], content[one.place + 4 : end])
        events.shapes.setdefault(end - at, []).append(shape)


def _parse_event(content: bytes, start: int, end: int, events: Events) -> list[Scalar]:
    """Add the scalars of an event to the rows, and return them."""
    step, found = 0, list[Scalar]()
    for one in fields(content, start, end):
        if (one.number, one.kind) == (2, VARINT):
            step = signed(one.whole)
        elif (one.number, one.kind) == (5, BYTES):
            for value in fields(content, one.start, one.end):
                if (value.number, value.kind) == (1, BYTES):
                    found.extend(event_scalars(content, value, events.config))
    for scalar in found:
        events.rows.add(step, scalar.key, scalar.value)
    return found
