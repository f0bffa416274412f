"""Numbers as they are read: three figures, large ones as 12.3B, very large and small ones with a power of ten."""

from collections.abc import Sequence
from math import isfinite

LETTERS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k"))
LARGEST, SMALLEST = 1e15, 1e-3
ALIGNED = 4


def number(value: float, digits: int = 3) -> str:
    """Return a number as it reads best; `report.js` has the same rules for what lies under a pointer."""
    value = float(value)
    if not isfinite(value):
        return "-" if value != value else ("beyond any" if value > 0 else "below any")
    size = abs(value)
    if size and not SMALLEST <= size < LARGEST:
        return f"{value:.{digits - 1}e}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-")
    for least, letter in LETTERS:
        if size >= least:
            return f"{_plain(value / (1e3 if letter == 'k' else least), digits)}{letter}"
    return _plain(value, digits)


def interval(values: Sequence[float], digits: int = 3) -> str:
    """Return the ends of an interval as "1.4 to 1.8"."""
    return f"{number(values[0], digits)} to {number(values[-1], digits)}"


def with_interval(values: Sequence[float], unit: str = "", digits: int = 3) -> str:
    """Return low, middle and high as "1.6 nats (90 %: 1.4 to 1.8)"."""
    low, middle, high = values
    return f"{number(middle, digits)} {unit}".rstrip() + f" (90 %: {number(low, digits)} to {number(high, digits)})"


def _plain(value: float, digits: int) -> str:
    """Return a number of moderate size to so many figures, without a power of ten; of four and more, all stay, zeros too."""
    text = f"{value:#.{digits}g}".rstrip(".") if digits >= ALIGNED and value else f"{value:.{digits}g}"
    return text if "e" not in text else f"{float(text):.0f}"
