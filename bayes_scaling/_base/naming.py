"""File names made of labels, which may be any text."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

SAFE_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")
DEVICE_NAME = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever comes after the first dot."""


def file_names(names: Iterable[str]) -> dict[str, str]:
    """Return a file name without ending for each name: the name itself, or what of it is safe, and a digest after a `~`.

    Names that differ in nothing but case get a digest too: some file systems take them for one.
    """
    names = list(dict.fromkeys(names))
    folded = Counter(name.casefold() for name in names)
    return {name: name if _plain(name) and folded[name.casefold()] == 1 else _encoded(name) for name in names}


def file_name(name: str) -> str:
    """Return the file name of a single name, see `file_names`."""
    return file_names([name])[name]


def joined_name(*labels: str) -> str:
    """Return the file name of several labels: joined by underscores, which only the first may have, else with a digest.

    No two sequences of as many labels have the same name.
    """
    joined = "_".join(labels)
    if all(map(_plain, (*labels, joined))) and not any("_" in label for label in labels[1:]):
        return joined
    return _encoded(joined, repr(labels))


def _plain(name: str) -> bool:
    return SAFE_NAME.fullmatch(name) is not None and DEVICE_NAME.fullmatch(name) is None


def _encoded(name: str, known_by: str | None = None) -> str:
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60]
    digest = hashlib.sha256((name if known_by is None else known_by).encode("utf-8", "surrogatepass")).hexdigest()
    return f"_{slug}~{digest[:20]}"
