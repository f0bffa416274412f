"""Names in a sentence."""

from collections.abc import Sequence

MOST_NAMES = 6


def some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return names, of many the first and how many more.

    Examples
    --------
    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
