"""Names in a sentence."""

import re
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


MOST_ALIKE = 2
"""So many notes that say the same of several runs or files are shown one by one."""

OF_WHAT = re.compile(r"(?P<before>(?:left out: )?)(?P<what>[^'\"\s]\S*?)(?P<place>, line \d+)?: (?P<said>.+)", re.DOTALL)


def alike(notes: Sequence[str]) -> list[str]:
    """Return notes; of many that say the same of other runs, files or numbers the first, and of whom else it is said.

    Examples
    --------
    >>> alike(["a.log: ends at step 1 of 9", "b.log: ends at step 2 of 9", "c.log: ends at step 5 of 9", "1 other"])
    ['a.log: ends at step 1 of 9; and so of 2 more: b.log, c.log', '1 other']
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for note in notes:
        found = OF_WHAT.fullmatch(note)
        said = "" if found is None else re.sub(r"\d[\d.,]*[kMBGT]?", "#", found["said"]).replace(found["what"], "")
        about = note if found is None else f"{found['before']}: {said}"
        groups.setdefault(about, []).append((note, "" if found is None else found["what"]))
    shown: list[str] = []
    for same in groups.values():
        others = list(dict.fromkeys(what for _, what in same[1:]))
        if len(same) <= MOST_ALIKE:
            shown += [note for note, _ in same]
        else:
            shown.append(f"{same[0][0]}; and so of {len(same) - 1} more: {some(others, 3)}")
    return shown
