"""Which format a file is in, by what it holds and never by its name."""

import csv
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling.data.delimited import BYTE_ORDER_MARKS, SEPARATORS
from bayes_scaling.data.importers.opening import Read, decode, text_of_file, unpack

HEAD_BYTES = 65_536
FAR_BYTES = 4_000_000
"""So far into a text is looked for the first line of a log: some print their whole source before it."""


@dataclass(frozen=True)
class Head:
    """A file, and how it begins.

    Parameters
    ----------
    path
        Where its bytes lie.
    source
        What to call it: its path as it was given, or archive#member. Names of runs are made from this.
    folder
        The folder or archive that was given, in which it lies; empty where it was given by itself.
    """

    path: Path
    source: str
    folder: str = ""

    @cached_property
    def start(self) -> bytes:
        """The first 64 KB, out of gzip."""
        return self.beginning(HEAD_BYTES)

    def beginning(self, size: int) -> bytes:
        """Return the first bytes, out of gzip."""
        try:
            with self.path.open("rb") as stream:
                content = stream.read(size)
        except OSError as error:
            raise InputError(f"{self.source}: cannot be read ({error.strerror or error})") from None
        try:
            return unpack(content, self.source, size)[0] if content.startswith(b"\x1f\x8b") else content
        except (InputError, zlib.error):
            return content

    @cached_property
    def text(self) -> str:
        """The first 64 KB as text; empty where they are none."""
        return _as_text(self.start)

    @cached_property
    def far(self) -> str:
        """The first 4 MB as text; empty where they are none."""
        return _as_text(self.beginning(FAR_BYTES)) if self.text else ""

    @cached_property
    def lines(self) -> list[str]:
        """The first lines of the text that hold something, without comments above a table."""
        return [line for line in self.text.splitlines()[comments_above(self.text) :] if line.strip()]

    @cached_property
    def separator(self) -> str:
        """What splits the first line into most cells."""
        first = self.lines[0] if self.lines else ""
        return max(SEPARATORS, key=lambda of: len(next(csv.reader([first], delimiter=of), [])))

    @cached_property
    def header(self) -> list[str]:
        """The cells of the first line."""
        return self.split(self.lines[0]) if self.lines else []

    def split(self, line: str) -> list[str]:
        """Return the cells of a line, split as the first is."""
        return [cell.strip() for cell in next(csv.reader([line], delimiter=self.separator), [])]

    def whole_text(self) -> Read:
        """Return the whole text, and notes on where it was cut or is unlike UTF-8; raises InputError where it is none."""
        return text_of_file(self.path, self.source)

    @property
    def described(self) -> str:
        """What was seen, for an error."""
        if not self.start:
            return "the file is empty"
        if not self.text and (odd := _first_odd(self.start)) > 0:
            line = self.start.count(b"\n", 0, odd) + 1
            of = f"byte 0x{self.start[odd]:02x} in line {line}"
            return f"it is no text: {of}" if b"\0" in self.start else f"it is no UTF-8: {of}; save it as UTF-8 if it is a text"
        return f"it begins with {format_value((self.lines or [''])[0] if self.text else self.start[:24])}"


def comments_above(text: str) -> int:
    """Return how many lines above a table begin with #, and are split unlike the first line that does not."""
    lines = text.splitlines()
    count = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    if not any(line.strip() for line in lines[:count]):
        return 0
    alike = any(of in lines[count] and lines[count].count(of) == line.count(of) for line in lines[:count] for of in SEPARATORS)
    return 0 if alike else count


def _first_odd(start: bytes) -> int:
    """Return the place of the first byte that is no text."""
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return start.find(b"\0")


def _as_text(start: bytes) -> str:
    """Return bytes as text, without a character that is cut at their end; empty where they are none."""
    marked = any(start.startswith(mark) for mark in BYTE_ORDER_MARKS)
    try:
        text = decode(start)[0]
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text and not marked else text.removeprefix("\ufeff")
