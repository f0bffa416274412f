"""How many of something, in words."""

from collections.abc import Sequence

from bayes_scaling._base.numbers import format_count

MOST_NAMES = 6


def many(count: int, what: str, plural: str = "") -> str:
    """Return a count with what is counted.

    Examples
    --------
    >>> many(1, "row"), many(2500, "row")
    ('1 row', '2,500 rows')
    """
    return f"{format_count(count)} {what if count == 1 else plural or f'{what}s'}"


def some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Return names, of many the first and how many more.

    Examples
    --------
    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
