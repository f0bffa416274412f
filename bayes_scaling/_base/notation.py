"""Numbers as people write them: decimal commas, thousands, suffixes.

A column is read where it leaves no doubt, and refused otherwise. A cell is read under each of the two decimal marks. It settles
the mark where only one of them gives a number, as `1,5`, `1.234.567` and `1,234.5` do. `1,234` alone does not: the other cells
of its column decide, then the other columns of its table. Where those do not either, it is refused. A column of nothing but
points is one of decimal points, as everywhere.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd

MISSING = frozenset({"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"})
MISSING |= {"NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
"""What stands for a missing number."""

INFINITE_TEXT = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE)
WHOLE = re.compile(r"-?[1-9]\d*|0")
INTEGER_DIGITS = 18
"""Whole numbers of more digits are text: not all of them are numbers of a machine."""
PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

POWER_OF_SUFFIX = {"%": -2, "k": 3, "K": 3, "M": 6, "B": 9, "b": 9, "G": 9, "T": 12}
"""What may stand behind a number, and the power of ten that it stands for."""

SPACES = " \u00a0\u2009\u202f'\u2019_"
"""What may stand between thousands, beside the mark that is not the decimal one."""

PER_CENT = frozenset({"%", "percent", "per cent"})
"""Units in which `45 %` is 45, and not .45."""


def _pattern(mark: str, other: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?P<gap>[{other}{SPACES}])\d{{3}}(?:(?P=gap)\d{{3}})*"
    body = rf"(?:{grouped}|\d+)(?:{mark}\d*)?|{mark}\d+"
    return re.compile(rf"(?P<body>[+-]?(?:{body}))(?:(?P<power>[eE][+-]?\d+)|\s*(?P<suffix>%|[^\W\d_]+))?")


PATTERNS = {".": _pattern(r"\.", ","), ",": _pattern(",", r"\.")}


@dataclass(frozen=True)
class Reading:
    """A column of text read as numbers.

    Parameters
    ----------
    numbers
        NaN where a cell is missing, no number, or in doubt.
    missing
        Whether a cell stands for a missing number.
    odd
        What was unlike plain numbers, with an example; empty where nothing was.
    doubt
        The first cell that cannot be told, by its place, and why; None where there is none.
    """

    numbers: np.ndarray
    missing: np.ndarray
    odd: str = ""
    doubt: tuple[int, str] | None = None


def read_numbers(cells: Sequence[str], elsewhere: str | None = None, unit: str = "", scale: float = 1.0) -> Reading:
    """Return a column of text as numbers.

    Parameters
    ----------
    elsewhere
        The decimal mark of other columns of the table, None where they have none or both.
    unit
        Of the column, where it is known.
    scale
        How many ones one of the column is: a suffix that says the same again, as `0.41M` in a column of millions, is read once.
    """
    texts = [cell.strip() for cell in cells]
    distinct = list(dict.fromkeys(texts))
    known = {text: value for text in distinct if (value := plain_number(text)) is not None}
    odd, doubt = "", ""
    if len(known) < len(distinct) or (elsewhere == "," and any(_differ(text) for text in distinct)):
        known, odd, doubt, at = _unlike(distinct, known, elsewhere, unit, scale)
        if doubt:
            return Reading(np.full(len(texts), nan), _missing(texts), "", (texts.index(at), doubt))
    return Reading(np.array([known.get(text, nan) for text in texts], dtype=float), _missing(texts), odd)


def plain_number(text: str) -> float | None:
    """Return the number that a text is in the spelling of programs, NaN where it stands for a missing one, else None."""
    if PLAIN_NUMBER.fullmatch(text):
        return float(text)
    if infinite := INFINITE_TEXT.fullmatch(text):
        return -inf if infinite[1] == "-" else inf
    return nan if text in MISSING else None


def number_of_text(text: str) -> int | float | None:
    """Return the number that a text is as programs spell it, None for any other text: `1.10`, `007` and `12e5` are labels.

    A whole number is an int: 2.0 is 2.
    """
    if WHOLE.fullmatch(text) and len(text) <= INTEGER_DIGITS:
        return int(text)
    if PLAIN_NUMBER.fullmatch(text) and repr(float(text)) == text:
        return as_integer(float(text))
    return None


def as_integer(number: float) -> int | float:
    """Return a float as an int where it is one."""
    return int(number) if number.is_integer() else number


def decimal_marks(columns: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the decimal mark of each column of text that settles one; columns that are not all numbers say nothing."""
    found = {}
    for name, cells in columns.items():
        texts = [text for text in dict.fromkeys(cell.strip() for cell in cells) if text not in MISSING]
        marks = _settled(texts)
        if len(marks) == 1 and all(_either(text) for text in texts):
            found[name] = marks.pop()
    return found


READ = "bayes_scaling"
"""The attribute of a table that holds what was seen when it was read."""


def reading_of(frame: pd.DataFrame | pd.Series) -> dict[str, Any]:
    """Return what was seen when a table was read: notes, the decimal marks of its columns, which were not read."""
    found = frame.attrs.get(READ, {})
    return found if isinstance(found, dict) else {}


def decimal_mark_of(column: pd.Series) -> str | None:
    """Return the decimal mark of the other columns of a column's table, None where they have none or both."""
    marks = {of for name, of in reading_of(column).get("marks", {}).items() if name != column.name}
    return marks.pop() if len(marks) == 1 else None


def _missing(texts: Sequence[str]) -> np.ndarray:
    return np.array([text in MISSING for text in texts], dtype=bool)


def _either(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in PATTERNS.values()) or INFINITE_TEXT.fullmatch(text) is not None


def _settled(texts: Iterable[str]) -> set[str]:
    """Return the decimal marks under which alone some of the texts are numbers."""
    under = [{mark for mark, pattern in PATTERNS.items() if pattern.fullmatch(text)} for text in texts]
    return {mark for marks in under if len(marks) == 1 for mark in marks}


def _differ(text: str) -> bool:
    """Return whether a text is one number under the one decimal mark and another under the other."""
    values = {_value(found) for pattern in PATTERNS.values() if (found := pattern.fullmatch(text))}
    return len(values) > 1


def _value(found: re.Match[str], unit: str = "", mark: str | None = None, *, scale: float = 1.0) -> float:
    mark = mark or next(mark for mark, pattern in PATTERNS.items() if pattern is found.re)
    body = re.sub(f"[^0-9+{re.escape(mark)}-]", "", found["body"]).replace(",", ".")
    suffix = found["suffix"] or ""
    again = unit in PER_CENT if suffix == "%" else scale != 1.0
    power = 0 if again else POWER_OF_SUFFIX.get(suffix, 0)
    return float(f"{body}{found['power'] or ''}" if found["power"] else f"{body}e{power}")


def _unlike(
    texts: Sequence[str], known: Mapping[str, float], elsewhere: str | None, unit: str, scale: float
) -> tuple[dict[str, float], str, str, str]:
    """Return the values of texts, what is odd about them, and what is in doubt about which of them."""
    spelt = [text for text in texts if known.get(text) is None or PLAIN_NUMBER.fullmatch(text)]
    numbers = [text for text in spelt if _either(text)]
    mark, doubt, at = _mark(numbers, elsewhere)
    if doubt:
        return {}, "", doubt, at
    found = {text: match for text in numbers if (match := PATTERNS[mark].fullmatch(text))}
    doubt, at = _suffixes(found, scale)
    if doubt:
        return {}, "", doubt, at
    values = {text: of for text, of in known.items() if text not in found}
    values |= {text: _value(match, unit, scale=scale) for text, match in found.items()}
    return values, _oddities(found, mark, unit, scale), "", ""


def _mark(texts: Sequence[str], elsewhere: str | None) -> tuple[str, str, str]:
    """Return the decimal mark of a column, and where it cannot be told why, and a cell that shows it."""
    settled, unsettled = _settled(texts), [text for text in texts if _differ(text)]
    if len(settled) > 1:
        first = {mark: next(text for text in texts if _settled([text]) == {mark}) for mark in (",", ".")}
        return ".", f"has another decimal mark than {first['.']!r}, and is text", first[","]
    mark = next(iter(settled), None)
    if mark == "," and elsewhere == ".":
        at = next(text for text in texts if _settled([text]))
        return ".", "with a decimal comma, where other columns have decimal points, is text", at
    commas = [text for text in unsettled if "," in text]
    mark = mark or elsewhere or (None if commas else ".")
    if mark is None:
        low, high = sorted(_value(found) for pattern in PATTERNS.values() if (found := pattern.fullmatch(commas[0])))
        return ".", f"may be {_plainly(low)} or {_plainly(high)}, and nothing in the table tells which", commas[0]
    return mark, "", ""


def _suffixes(found: Mapping[str, re.Match[str]], scale: float) -> tuple[str, str]:
    """Say what is in doubt about the suffixes of a column, and where."""
    with_one = [text for text, match in found.items() if match["suffix"]]
    for text in with_one:
        if found[text]["suffix"] not in POWER_OF_SUFFIX:
            return f"has the suffix {found[text]['suffix']!r}, and known ones are {', '.join(POWER_OF_SUFFIX)}", text
    for text in with_one:
        if (suffix := found[text]["suffix"]) != "%" and scale not in (1.0, 10.0 ** POWER_OF_SUFFIX[suffix]):
            return f"has the suffix {suffix!r} in a column that counts {_plainly(scale)} as one", text
    bare = [text for text, match in found.items() if not match["suffix"] and _value(match) != 0.0]
    if with_one and bare:
        return f"has no suffix, where {with_one[0]!r} has one", bare[0]
    if len({found[text]["suffix"] == "%" for text in with_one}) > 1:
        at = next(text for text in with_one if found[text]["suffix"] == "%")
        return "is per cent, where others are not", at
    return "", ""


def _oddities(found: Mapping[str, re.Match[str]], mark: str, unit: str, scale: float) -> str:
    """Say what is unlike plain numbers, each with an example."""
    seen: dict[str, str] = {}
    for text, match in found.items():
        gap, suffix = match["gap"], match["suffix"]
        kinds = ["decimal commas"] * (mark == "," and "," in match["body"])
        kinds += [f"{gap!r} between thousands"] * bool(gap) + [f"the suffix {suffix!r}"] * bool(suffix)
        for kind in kinds:
            seen.setdefault(kind, f"{text!r} is read as {_plainly(_value(match, unit, scale=scale))}")
    examples = ", ".join(dict.fromkeys(seen.values()))
    return f"{' and '.join(seen)}: {examples}" if seen else ""


def _plainly(value: float) -> str:
    """Return a number with all its digits, as a program would write it."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
