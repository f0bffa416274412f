"""Delimited text: bytes -> encoding, separator, cells. Anything unusual is noted, and nothing is guessed."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import format_count

MAX_BYTES = 500_000_000
"""Text of more bytes, unpacked, is refused: read as cells it takes many times the memory."""

MAX_CELLS = 50_000_000
"""Tables of more rows times columns that are read are refused: a file of a megabyte can hold a hundred million rows."""

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
"""Byte order marks, the longer first, and what follows them."""

PROBED = 4096
"""So many bytes, or rows of a hundred, tell what a text is."""


def read_cells(content: bytes | str, source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the cells of a delimited text, all as text under the names of its header, and what is odd about it.

    Raises
    ------
    InputError
        Where it is empty, no text, too large, split in no one way, or has rows longer than its header.
    """
    text, notes = (content, ()) if isinstance(content, str) else decoded(unpacked(content, source), source)
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{source}: the file is empty; expected a header and rows")
    if "\0" in text:
        raise InputError(f"{source}: holds NUL characters; expected text, or Parquet by its ending")
    hint = re.match(r"sep=(.)\r?\n", text)
    separator = hint[1] if hint else _separator(text, source)
    text = text[hint.end() :] if hint else text
    refuse_too_many(text.count("\n"), text.partition("\n")[0].count(separator) + 1, source)
    frame = _cells(text, separator, source)
    if separator != ",":
        notes = (*notes, f"{source} is split at {SEPARATORS.get(separator, repr(separator))}")
    return frame, notes


def read_stream(stream: Any, source: str) -> bytes | str:
    """Return what a stream holds from where it stands; where it can be wound back, it is left as it was."""
    try:
        start = stream.tell() if getattr(stream, "seekable", bool)() else None
        content = stream.read(MAX_BYTES + 1)
        if start is not None:
            stream.seek(start)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{source}: cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(content, str | bytes):
        raise InputError(f"{source}: gives {type(content).__name__}; expected text or bytes")
    _refuse_too_large(content, source)
    return content


def unpacked(content: bytes, source: str) -> bytes:
    """Return bytes, out of gzip where they are in it; raises InputError where it is damaged, or holds too much."""
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{source}: unreadable or truncated ({error})") from None
    _refuse_too_large(content, source)
    return content


def decoded(content: bytes, source: str) -> tuple[str, tuple[str, ...]]:
    """Return bytes as text, and a note where they are in no UTF-8."""
    encoding = encoding_of(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"byte 0x{content[error.start]:02x} in line {content.count(b'\n', 0, error.start) + 1}"
        raise InputError(
            f"{source}: unreadable or truncated ({what} is no {encoding.removesuffix('-sig').upper()}; save it as UTF-8)"
        ) from None
    return text, (f"{source} is in {encoding.upper()}",) if encoding.startswith(("utf-16", "utf-32")) else ()


def _refuse_too_large(content: bytes | str, source: str) -> None:
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{source}: holds more than {format_count(MAX_BYTES // 10**6)} MB of text; "
            "give it as Parquet, whose other columns are not read"
        )


def refuse_too_many(rows: int, columns: int, source: str) -> None:
    """Refuse a table before it is read that would fill memory."""
    if rows * columns > MAX_CELLS:
        raise InputError(
            f"{source}: has {format_count(rows)} rows, {format_count(rows * columns)} cells in the columns to be read; "
            f"at most {format_count(MAX_CELLS)} are: "
            "leave out rows or average them first"
        )


def encoding_of(content: bytes) -> str:
    """Return the encoding of bytes: as marked, else UTF-16 where every other byte is 0, as of Latin text, or UTF-8."""
    if marked := next((of for mark, of in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None):
        return marked
    even, odd = (content[:PROBED][start::2] for start in (0, 1))
    share = [half.count(0) / max(len(half), 1) for half in (even, odd)]
    return "utf-16-le" if share[1] > 0.4 and not share[0] else "utf-16-be" if share[0] > 0.4 and not share[1] else "utf-8"


def _separator(text: str, source: str) -> str:
    """Return what a text is split at: what its header has, and of several the one that splits all rows alike."""
    probe = text if len(text) <= PROBED * 100 else text[: text.rfind("\n", 0, PROBED * 100) + 1] or text
    rows = {of: list(islice(_rows(probe, of), PROBED)) for of in SEPARATORS}
    found = [of for of, split in rows.items() if split and len(split[0]) > 1]
    alike = [of for of in found if len({len(row) for row in rows[of]}) == 1]
    if len(found) > 1 and len(alike) != 1:
        raise InputError(
            f"{source}: the header has {' and '.join(SEPARATORS[of] for of in found)}, and "
            f"{'each of them splits' if alike else 'none of them splits'} all rows alike; expected one separator"
        )
    return (alike if len(found) > 1 else found or [","])[0]


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(row))
    except csv.Error:
        return


def _cells(text: str, separator: str, source: str) -> pd.DataFrame:
    """Return the cells of a text under the names of its header, without columns that have neither name nor cell."""
    # The header is read as a row like others: readers would silently rename a repeated column.
    every = _by_arrow(text, separator)
    if every is None:
        try:
            every = pd.read_csv(io.StringIO(text), sep=separator, header=None, dtype=str, na_filter=False, low_memory=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
            raise InputError(f"{source}: {_parsing(str(error), separator)}") from None
    frame = every.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index(every.iloc[0].tolist(), dtype=object)
    unnamed = [bool(str(name).strip()) or frame.iloc[:, i].str.strip().ne("").any() for i, name in enumerate(frame.columns)]
    return frame.loc[:, unnamed]


def _by_arrow(text: str, separator: str) -> pd.DataFrame | None:
    """Return all rows of a text by Arrow, several times as fast; None where they are not all as long as the header."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    header = next(_rows(text, separator), None)
    if header is None:
        return None
    names = [str(i) for i in range(len(header))]
    try:
        table = arrow.read_csv(
            io.BytesIO(text.encode()),
            arrow.ReadOptions(column_names=names),
            arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
            arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _parsing(error: str, separator: str) -> str:
    if longer := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error):
        header, line, row = longer.groups()
        at = SEPARATORS.get(separator, repr(separator))
        title = "; the first line looks like a title: leave out what stands above the header" if header == "1" else ""
        return f"line {line} has {row} fields, split at {at}; rows have more fields than the header, which has {header}{title}"
    if quote := re.search(r"EOF inside string starting at row (\d+)", error):
        return f"row {quote[1]} below the header has a quote that is not closed, or the file was cut"
    return f"unreadable or truncated ({' '.join(error.split())})"
