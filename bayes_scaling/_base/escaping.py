"""Texts that others wrote, escaped: names of levels, columns and files do nothing to a terminal or a page."""

from unicodedata import category

JOINERS = "\u200c\u200d"
"""Format characters that words of some languages need, and that move nothing."""


def visible(text: str, keep: str = "") -> str:
    """Return a text with its control characters, those that turn the direction of writing too, as \\x1b and \\u202e.

    Parameters
    ----------
    keep
        Those that stay, such as the line breaks of a text of our own.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(of) if of not in keep and _acts(of) else of for of in text)


def _acts(of: str) -> bool:
    return category(of) in ("Cc", "Cf", "Cs", "Zl", "Zp") and of not in JOINERS


def _escaped(of: str) -> str:
    code = ord(of)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
