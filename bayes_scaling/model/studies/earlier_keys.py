"""Keys of model files as earlier versions called them: they are read, with a note that says what to write instead."""

from collections.abc import Mapping
from typing import Any

from bayes_scaling._base.errors import InputError

EARLIER = {("data", "reading_error"): "measurement_error"}
"""Table and key of an earlier version -> what the key is called."""


def with_keys_of_today(content: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the content of a model file with its earlier keys replaced, and a sentence for each of them.

    Raises
    ------
    InputError
        Where a table has both the earlier key and the one that took its place.
    """
    found, notes = dict(content), []
    for (table, before), key in EARLIER.items():
        own = found.get(table)
        if not isinstance(own, Mapping) or before not in own:
            continue
        if key in own:
            raise InputError(f"{table}.{before}: this key is called {key!r}, which is given as well; give one of them")
        found[table] = {key if name == before else name: of for name, of in own.items()}
        notes.append(f"{table}.{before} is read as {table}.{key}, as it is called in model files: write that")
    return found, tuple(notes)
