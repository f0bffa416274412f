"""Nested records: settings by dotted key, and the numbers of a row of metrics."""

from collections.abc import Iterator, Mapping
from typing import Any

NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""What JSON has no number for, as loggers write it."""

MAX_DEPTH = 20


def numbers_of(row: Mapping[str, Any], inside: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    """Return the numbers of a row by dotted key; texts, lists and media are left out."""
    for name, value in row.items():
        key = f"{inside}.{name}" if inside else str(name)
        if isinstance(value, Mapping):
            if "_type" not in value and depth < MAX_DEPTH:
                yield from numbers_of(value, key, depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield key, _float(value)
        elif isinstance(value, str) and value in NUMBERS:
            yield key, NUMBERS[value]


def settings_of(config: Mapping[str, Any], inside: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Return settings by dotted key: numbers, texts and flags; what begins with an underscore is the logger's own."""
    for name, value in config.items():
        key = f"{inside}.{name}" if inside else str(name)
        if str(name).startswith("_"):
            continue
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from settings_of(value, key, depth + 1)
        elif isinstance(value, str | int | float):
            yield key, value


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond all floats
        return float("inf") if value > 0 else float("-inf")
