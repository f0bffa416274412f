"""Keys that stand twice in an object of JSON: the last is taken, as by all readers, and it is said."""

from collections.abc import Sequence
from typing import Any


def pairs(twice: list[str], found: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return the entries of an object, and add to a list the keys that stand there twice."""
    entries = dict(found)
    if len(entries) < len(found):
        names = [name for name, _ in found]
        twice += [name for name in entries if names.count(name) > 1]
    return entries


def twice_notes(twice: Sequence[str], where: str) -> tuple[str, ...]:
    """Return a sentence on keys that stand twice, if there are."""
    names = ", ".join(map(repr, dict.fromkeys(twice)))
    return (f"{where}: {names} stands twice in one object: the last is taken",) if twice else ()
