"""Texts that others wrote, as they are shown: names of levels, columns and files act on no terminal, page or spreadsheet."""

import re
from unicodedata import category

JOINERS = "\u200c\u200d"
"""Format characters that words of some languages need, and that move nothing."""

ACTIVE = re.compile(r"'*[=+\-@\t\r]")
"""Beginnings of a cell that a spreadsheet takes for a formula, behind any number of the apostrophes that say it is none."""

NUMBER = re.compile(r"-\d+(\.\d+)?([eE][-+]?\d+)?")


def visible(text: str, keep: str = "") -> str:
    """Return a text with its control characters, those that turn the direction of writing too, as \\x1b and \\u202e.

    keep: those that stay, such as the line breaks of a text of our own.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(of) if of not in keep and _acts(of) else of for of in text)


def guarded_cell(text: str) -> str:
    """Return a text as a cell of a CSV that is opened in a spreadsheet: an apostrophe before what would be a formula.

    A text that begins with apostrophes and then so gets one more, so that `plain_cell` takes back just what was added.
    """
    return f"'{text}" if ACTIVE.match(text) and not NUMBER.fullmatch(text) else text


def plain_cell(text: str) -> str:
    """Return the text of a cell that `guarded_cell` wrote."""
    return text[1:] if text.startswith("'") and ACTIVE.match(text) else text


def _acts(of: str) -> bool:
    return category(of) in ("Cc", "Cf", "Cs", "Zl", "Zp") and of not in JOINERS


def _escaped(of: str) -> str:
    code = ord(of)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
