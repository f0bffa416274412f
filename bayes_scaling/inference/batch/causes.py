"""Why tasks failed, counted by cause: lines that differ in numbers and names only are one."""

import re
from collections.abc import Mapping

from bayes_scaling._base.numbers import several

NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?(?![\w])", re.IGNORECASE)
NAMED = 3
"""Tasks that a line names."""


def by_cause(lines: Mapping[str, str]) -> dict[str, list[str]]:
    """Return cause -> tasks, the most frequent first; lines that differ only in numbers and in the task's name are one cause.

    A cause is called by the line of its first task.

    Parameters
    ----------
    lines
        Task -> why, in one line.

    Examples
    --------
    >>> by_cause({"a": "R-hat 1.02, chains disagree", "b": "no rows in b", "c": "R-hat 1.5, chains disagree"})
    {'R-hat 1.02, chains disagree': ['a', 'c'], 'no rows in b': ['b']}
    """
    alike: dict[str, list[str]] = {}
    for name, line in lines.items():
        alike.setdefault(_pattern(name, line), []).append(name)
    ordered = sorted(alike.values(), key=len, reverse=True)
    return {lines[names[0]]: names for names in ordered}


def _pattern(name: str, line: str) -> str:
    own = rf"(?<!\w){re.escape(name)}(?!\w)"
    return NUMBER.sub("#", re.sub(own, "#", line) if name else line)


def written(name: str) -> str:
    """Return a task's name as a line has it."""
    return name if name.isprintable() else repr(name)


def cause_lines(lines: Mapping[str, str], what: str) -> list[str]:
    """Return a line for each cause: how many tasks, why, and which.

    Parameters
    ----------
    what
        What became of the tasks, as "failed".
    """
    found = []
    for why, names in by_cause(lines).items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(f"{several(len(names), 'task')} {what}: {why} ({', '.join(map(written, names[:NAMED]))}{more})")
    return found
