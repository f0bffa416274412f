"""Numbers as people read them: in sentences, tables in the terminal, figures and the page.

A number is rounded first and laid out after, so that no boundary shows: 999,600 to three digits is "1M". From 10,000 on it has
k, M, B or T. From 1e15 on and below 0.001 it has a power of ten. No digit before the point is a zero in place of another: 2775
stays 2775. With a band, digits follow its width.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import floor, isfinite, isinf, isnan, log10
from numbers import Real
from typing import Any

from bayes_scaling._base.escaping import visible

DIGITS, MAX_DIGITS = 3, 7
"""Significant digits of a number that stands alone, and the most that any has."""

PLACE_DIGITS = 4
"""Significant digits of an input, or a budget, at which something is said."""

WIDTHS = 5.0
"""The ends of a band lie at least so many units of their last digit apart, and less than ten times as many."""

WIDE_RATIO = 3.0
"""A band whose ends have this ratio or more is read by ratios: each number has significant digits of its own."""

WIDE_DIGITS = 2
SUFFIXES = ((12, "T"), (9, "B"), (6, "M"), (3, "k"))
PLAIN, LARGE, SMALL = 10_000, Decimal(10) ** 15, Decimal(10) ** -3
LEAST_PERCENT = 0.001
"""Smaller percentages are said to be less than this."""
KIBI, CONTEXT = 1024, ("context", "seq_len", "seqlen", "sequence", "window")

UNKNOWN, INFINITE = "not known", "infinite"


def number(value: float, digits: int = DIGITS, *, signed: bool = False) -> str:
    """Return a number that stands alone: 0.0875, 2775, 36.1k, 1.1B, 5.76e23.

    Parameters
    ----------
    digits
        Significant ones, without zeros at the end.
    signed
        With "+" before what is above 0, as of changes.
    """
    value = float(value)
    if not isfinite(value):
        return _endless(value)
    shown = _rounded(value, min(_place(value, digits), _power(value)))
    return _sign(shown, signed=signed) + _trimmed(*_parts(abs(shown), abs(shown)))


def exact(value: float) -> str:
    """Return a number as it was given or counted, up to seven digits: 3.275, 32768, 20k, 1.6384e20."""
    text, value = number(value, MAX_DIGITS), float(value)
    if not value.is_integer() or value == 0:
        return text
    digits = f"{value:.0f}"
    return digits if len(digits.strip("-")) <= min(len(text), MAX_DIGITS) else text


def tick(value: float, *, signed: bool = False) -> str:
    """Return a number at an axis, up to seven digits: 5000, 20k, 0.05; its minus is as long as a plus."""
    return number(value, MAX_DIGITS, signed=signed).replace("-", "\N{MINUS SIGN}")


def format_count(count: int) -> str:
    """Return a count with all its digits: 12, 2,000, 1,234,567."""
    return f"{int(count):,}"


def several(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> several(1, "row"), several(2000, "row"), several(2, "analysis", "analyses")
    ('1 row', '2,000 rows', '2 analyses')
    """
    return f"{format_count(count)} {one if count == 1 else many or f'{one}s'}"


def shared(values: Sequence[float], *, signed: bool = False) -> list[str]:
    """Return numbers of one band, in any order, to the same last digit, which follows the distance of the outermost.

    Where those have a ratio of three or more each has two digits of its own; where some are infinite, three.
    """
    values = [float(value) for value in values]
    known = [value for value in values if isfinite(value)]
    if len(known) < len(values):
        return [number(value, signed=signed) for value in values]
    if _is_wide(known):
        places = [min(_place(value, WIDE_DIGITS), _power(value)) for value in values]
        return [_in_band(value, place, value, signed=signed) for value, place in zip(values, places, strict=True)]
    if min(known) == max(known):
        return [number(value, MAX_DIGITS, signed=signed) for value in values]
    largest = max(known, key=abs)
    place = max(floor(log10((max(known) - min(known)) / WIDTHS) + 1e-9), _place(largest, MAX_DIGITS))
    place = min(place, _power(largest))
    return [_in_band(value, place, largest, signed=signed) for value in values]


def interval(values: Sequence[float], *, signed: bool = False) -> str:
    """Return the ends of an interval, the first and the last of some numbers: "1.4 to 1.8", "1.21 or more"."""
    low, *_, high = (float(value) for value in values)
    texts = shared(values, signed=signed)
    return _between(low, high, texts[0], texts[-1])


def band(values: Sequence[float], unit: str = "", *, signed: bool = False, share: str = "90 %") -> str:
    """Return low, middle and high as "1.61 nats (90 %: 1.45 to 1.78)"; per cent stand at the end of the interval too."""
    middle = shared(values, signed=signed)[1]
    ends = interval(values, signed=signed) + (" %" if unit == "%" and all(map(isfinite, values)) else "")
    return f"{middle} {unit}".rstrip() + f" ({share}: {ends})"


def with_error(mean: float, sd: float) -> str:
    """Return an estimate with its standard deviation, which has two digits: 0.461 ± 0.0084, 1235 ± 310."""
    return f"{shared((mean - sd, mean, mean + sd))[1]} ± {number(sd, 2)}"


def amount(value: float, unit: str, digits: int = DIGITS) -> str:
    """Return a number with its unit."""
    return f"{number(value, digits)} {unit}".rstrip()


def unit_beside(named: str, unit: str) -> str:
    """Return the unit of a number; "" where what is named before it says that already.

    Examples
    --------
    >>> unit_beside("accuracy at params=7e9", "accuracy"), unit_beside("loss", "nats/token")
    ('', 'nats/token')
    """
    return "" if unit and re.search(rf"(?<!\w){re.escape(unit)}(?!\w)", named, re.IGNORECASE) else unit


def decades(count: float) -> str:
    """Return a distance in factors of ten: 0.17 decades, 1 decade."""
    text = number(count, 2)
    return f"{text} decade{'s' * (text != '1')}"


def rounded(value: float, digits: int = DIGITS) -> float:
    """Return a number with so many significant digits: what is computed with it is then what is written of it."""
    return float(f"{value:.{digits - 1}e}")


def spaced_name(name: str) -> str:
    """Return the name of an input or group as sentences have it."""
    return name.replace("_", " ")


def quantile_name(q: float) -> str:
    """Return what a quantile is called in tables: "q05"."""
    return f"q{round(100 * q):02d}"


def fixed(value: float, places: int) -> str:
    """Return a score whose unit matters wherever it lies, to so many decimals: 12,345.6 nats."""
    return f"{float(value) + 0.0:,.{places}f}" if isfinite(value) else _endless(value)


def probability(of: float) -> str:
    """Return a probability with two decimals: 0.00 and 1.00 only where it is so, else "<0.01", 0.995, ">0.999"."""
    if isnan(of):
        return UNKNOWN
    if of in (0.0, 1.0) or 0.01 <= of < 0.99:
        return f"{of:.2f}"
    if of < 0.01:
        return "<0.01"
    return f"{of:.3f}".replace(".990", ".99") if of < 0.9995 else ">0.999"


def percent(share: float, digits: int = 2) -> str:
    """Return a share in per cent, 100 % only where it is so: 12 %, 0.025 %, 99.97 %."""
    value = 100.0 * float(share)
    if not isfinite(value):
        return _endless(value)
    if 0 < value < LEAST_PERCENT:
        return f"<{LEAST_PERCENT} %"
    texts = (number(value, more) for more in range(digits, MAX_DIGITS + 1))
    text = next((text for text in texts if text != "100" or value == 100.0), ">99.999")
    return f"{text} %"


def level_name(level: object) -> str:
    """Return a level as figures have it, shortened only where nothing is lost: 32768 as 32K, 545000000 as 545M."""
    level = level.item() if hasattr(level, "item") else level
    text = visible(str(level))
    digits = text.removesuffix(".0") if isinstance(level, float) else text
    if not (digits.isdecimal() and digits.isascii()) or digits != str(int(digits)):
        return text
    value = int(digits)
    if value % KIBI == 0 and value % 1000 and KIBI <= value < 1000 * KIBI:
        return f"{value // KIBI}K"
    return exact(value) if len(digits) > 4 and len(digits.rstrip("0")) <= MAX_DIGITS else digits


def value_at(name: str, value: object, digits: int = MAX_DIGITS) -> str:
    """Return the value of an input or group at a point: 32K for a context length, any other number as it was given.

    Parameters
    ----------
    digits
        Fewer for numbers that were computed.
    """
    if isinstance(value, str | bool) or any(word in name.lower() for word in CONTEXT):
        return level_name(value)
    if not isinstance(value, Real):
        return str(value)
    return exact(float(value)) if digits == MAX_DIGITS else number(float(value), digits)


def place_words(at: Mapping[Any, object]) -> str:
    """Return levels and inputs of a point as "arch moba, position 32K"."""
    return ", ".join(f"{spaced_name(str(name))} {value_at(str(name), of)}" for name, of in at.items())


def _is_wide(known: Sequence[float]) -> bool:
    low, high = min(map(abs, known)), max(map(abs, known))
    return min(known) * max(known) > 0 and high >= WIDE_RATIO * low


def _place(value: float, digits: int) -> int:
    """Return the power of ten of the last of so many digits."""
    return Decimal(repr(value)).adjusted() - digits + 1 if value else 0


def _power(value: float) -> int:
    """Return the power of ten of the last digit before the point; of what is written with a power of its own, that one."""
    size = abs(value)
    if not value or SMALL <= size < PLAIN - 0.5:
        return 0
    if size < SMALL or size >= LARGE:
        return _place(value, 1)
    return next(power for power, _ in SUFFIXES if size >= 10.0**power)


def _between(low: float, high: float, first: str, last: str) -> str:
    if isnan(low) or isnan(high):
        return UNKNOWN
    if isinf(low) and isinf(high):
        return INFINITE if low == high else "anything"
    if isinf(high):
        return f"{first} or more"
    return f"{last} or less" if isinf(low) else f"{first} to {last}"


def _endless(value: float) -> str:
    if isnan(value):
        return UNKNOWN
    return INFINITE if value > 0 else f"-{INFINITE}"


def _in_band(value: float, place: int, largest: float, *, signed: bool) -> str:
    """Return a number of a band to a power of ten, zeros at its end too, with the suffix of the largest."""
    shown, lead = _rounded(value, place), abs(_rounded(largest, place))
    if not shown and lead < SMALL:
        return "0"
    digits, suffix = _parts(abs(shown), lead)
    return f"{_sign(shown, signed=signed)}{digits}{suffix}"


def _rounded(value: float, place: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal((0, (1,), place)), ROUND_HALF_EVEN)


def _sign(of: Decimal, *, signed: bool) -> str:
    return "-" if of < 0 else "+" if signed and of > 0 else ""


def _parts(size: Decimal, largest: Decimal) -> tuple[str, str]:
    """Return the digits of a rounded number that is not negative, and its suffix or power of ten, laid out as the largest."""
    if size and (largest >= LARGE or largest < SMALL):
        return _decimals(size.scaleb(-size.adjusted())), f"e{size.adjusted()}"
    suffixes = ((by, suffix) for by, suffix in SUFFIXES if largest >= PLAIN and largest >= Decimal(10) ** by)
    power, suffix = next(suffixes, (0, ""))
    return _decimals(size.scaleb(-power)), suffix


def _decimals(size: Decimal) -> str:
    return f"{size:f}" if int(size.as_tuple().exponent) < 0 else f"{size:.0f}"


def _trimmed(digits: str, suffix: str) -> str:
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + suffix
