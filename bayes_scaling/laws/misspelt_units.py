"""Units of responses that are one letter from a known one: a slip, and no unit of one's own."""

import re

from bayes_scaling._base.errors import InputError
from bayes_scaling.laws.units import PERPLEXITY, SHARES, TEXT_PARTS, is_loss_unit, loss_unit, percent_of

LONG = 6
"""Words from so many letters on may have two letters wrong."""

_INFORMATION = ("nat", "nats", "bit", "bits", PERPLEXITY)
_PARTS = (*TEXT_PARTS, *(f"{part}s" for part in TEXT_PARTS))


def checked_loss_unit(unit: str, what: str) -> str:
    """Return a unit of responses in its one spelling, units of one's own as they are.

    Parameters
    ----------
    what
        What has it, for the error.

    Raises
    ------
    InputError
        Where it is all but a known unit, as "nats/tokn" is.

    Examples
    --------
    >>> checked_loss_unit("bits per byte", "it"), checked_loss_unit("ms", "it"), checked_loss_unit("bits/base", "it")
    ('bits/byte', 'ms', 'bits/base')
    """
    if is_loss_unit(unit) and meant(unit) is None:
        return loss_unit(unit)
    if (known := meant(unit)) is not None:
        raise InputError(f"unit {unit!r} of {what}: did you mean {known!r}? A unit of your own must differ from it by more")
    return unit


def meant(unit: str) -> str | None:
    """Return the known unit that another is a slip of; None where it is known, or a unit of one's own.

    Examples
    --------
    >>> meant("nats/tokn"), meant("accurac"), meant("% accurac"), meant("accuracy@5"), meant("bits/pixel")
    ('nats/token', 'accuracy', '% accuracy', None, None)
    """
    text = " ".join(unit.lower().split())
    if percent_of(text) is not None or loss_unit(text) in SHARES:
        return None
    share = text.replace("%", "").strip()
    if re.fullmatch("[a-z ]+", share) and (near := _nearest(share, (*SHARES, PERPLEXITY))):
        return None if near == share else f"% {near}" if "%" in text else near
    parts = re.fullmatch(r"([a-z]+)\s*(?:/|per|a)\s*([a-z]+)", text)
    if parts is None:
        return None
    info, part = _nearest(parts[1], _INFORMATION), _nearest(parts[2], _PARTS)
    if not (info and part) or (info, part) == parts.groups():
        return None
    return loss_unit(f"{info}/{part}")


def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Return the known word that is at most a letter from another, two where it is long; None where none is."""
    far = {one: _distance(word, one) for one in known}
    best = min(far, key=lambda one: far[one])
    return best if far[best] <= 1 + (len(best) >= LONG) else None


def _distance(one: str, other: str) -> int:
    """Return by how many letters, left out, put in, changed or swapped with the next, two words differ."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            least = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, rows[-2][j - 2] + 1)
            row.append(least)
        rows.append(row)
    return rows[-1][-1]
