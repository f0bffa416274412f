"""The values that a field of a record may hold: a rule for each kind, and one line for a value that breaks it.

A rule is a function of a value and of the name to call it by. It returns the value as plain Python has it, so that any record
can be written to a file. Or it raises InputError.
"""

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.numbers import exact

MAX_NUMBER = 1e100
"""Numbers are no larger, and positive ones no smaller than its inverse: their squares and products are numbers still."""
MAX_NAME = 100
"""Characters of a name at most: it stands in errors, tables and figures."""
MAX_SHOWN = 60
"""Characters of a wrong value that are shown."""

type Rule = Callable[[Any, str], Any]


def check(record: object, of: str, **rules: Rule) -> None:
    """Hold fields of a record to their rules, and keep their values as plain Python has them.

    Parameters
    ----------
    of
        What the record is, as it follows the name of a field in an error: "of Varying"; may be empty.
    rules
        Field -> its rule.

    Raises
    ------
    InputError
        Where a field breaks its rule: field, value, and what was expected.
    """
    for field, rule in rules.items():
        object.__setattr__(record, field, rule(getattr(record, field), f"{field} {of}".rstrip()))


def refusal(value: object, what: str, expected: str) -> InputError:
    """Return the error for a value that breaks a rule."""
    shown = repr(value)
    return InputError(f"{what} must be {expected}, not {shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + '...'}")


def is_number(value: Any) -> bool:
    """Return whether a value is a real number, finite, and not so large that its square is none."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and abs(float(value)) <= MAX_NUMBER
    except OverflowError:  # an integer beyond all floats
        return False


def finite(value: Any, what: str) -> float:
    """Refuse all but a finite number."""
    if not is_number(value):
        raise refusal(value, what, "a finite number" if str(value) in ("nan", "inf", "-inf") else "a number up to 1e100")
    return _plain(value)


def positive(value: Any, what: str) -> float:
    """Refuse all but a number above zero."""
    if not (is_number(value) and value > 0 and value * MAX_NUMBER >= 1):
        far = isinstance(value, Real) and value not in (0, float("inf")) and str(value)[0].isdigit()
        raise refusal(value, what, "a positive number" + (" from 1e-100 to 1e100" if far else ""))
    return _plain(value)


def within(low: float, high: float) -> Rule:
    """Return the rule for a number that lies between two others and is neither."""

    def rule(value: Any, what: str) -> float:
        if not (is_number(value) and low < value < high):
            raise refusal(value, what, f"a number between {exact(low)} and {exact(high)}")
        return _plain(value)

    return rule


def at_least(least: float) -> Rule:
    """Return the rule for a number from another on."""

    def rule(value: Any, what: str) -> float:
        if not (is_number(value) and value >= least):
            raise refusal(value, what, f"a number from {exact(least)} on")
        return _plain(value)

    return rule


def integer(least: int, most: int) -> Rule:
    """Return the rule for a whole number in a range."""

    def rule(value: Any, what: str) -> int:
        if not isinstance(value, Integral) or isinstance(value, bool) or not least <= int(value) <= most:
            raise refusal(value, what, f"a whole number from {least} to {most}")
        return int(value)

    return rule


def seed(value: Any, what: str) -> int:
    """Refuse all but a seed."""
    return int(integer(0, 2**32 - 1)(value, what))


def flag(value: Any, what: str) -> bool:
    """Refuse all but True and False."""
    if type(value).__name__ not in ("bool", "bool_"):
        raise refusal(value, what, "true or false")
    return bool(value)


def one_of(allowed: Iterable[str]) -> Rule:
    """Return the rule for one of some words."""
    words = list(allowed)

    def rule(value: Any, what: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise refusal(value, what, f"one of {words}")
        return str(value)

    return rule


def text(value: Any, what: str) -> str:
    """Refuse all but a text that can be printed."""
    if not isinstance(value, str) or not value.isprintable():
        raise refusal(value, what, "a text of characters that can be printed")
    return str(value)


def column(value: Any, what: str) -> str:
    """Refuse all but the name of a column: a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refusal(value, what, "the name of a column")
    return str(value)


def name(value: Any, what: str) -> str:
    """Refuse all but a name that a file can hold: printed, short, without "/", not blank at its ends."""
    good = isinstance(value, str) and value.isprintable() and value == value.strip() and value != "." and "/" not in value
    if not good or not 0 < len(value) <= MAX_NAME:
        raise refusal(value, what, f'a name of 1 to {MAX_NAME} characters that can be printed, without "/"')
    return str(value)


def record(*kinds: type) -> Rule:
    """Return the rule for a record of one of some kinds."""

    def rule(value: Any, what: str) -> Any:
        if not isinstance(value, kinds):
            raise refusal(value, what, "of kind " + " or ".join(kind.__name__ for kind in kinds))
        return value

    return rule


def optional(rule: Rule) -> Rule:
    """Return the rule for a value that may be left out."""
    return lambda value, what: None if value is None else rule(value, what)


def several(rule: Rule) -> Rule:
    """Return the rule for a list of values, each with a rule; kept as a tuple."""

    def every(value: Any, what: str) -> tuple[Any, ...]:
        if not isinstance(value, tuple | list):
            raise refusal(value, what, "a list")
        return tuple(rule(one, f"{what.removesuffix(',')}, entry {place + 1},") for place, one in enumerate(value))

    return every


def one_or_several(rule: Rule) -> Rule:
    """Return the rule for a text, or for several different ones, each with a rule."""

    def either(value: Any, what: str) -> Any:
        if not isinstance(value, tuple | list):
            return rule(value, what)
        if not value or len(set(map(repr, value))) < len(value):
            raise refusal(value, what, "one or several different names")
        return several(rule)(value, what)

    return either


def named(rule: Rule, key: Rule = name) -> Rule:
    """Return the rule for values by name."""

    def every(value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise refusal(value, what, "a mapping from names")
        return {key(one, f"a name in {what}"): rule(of, f"{one!r} in {what}") for one, of in value.items()}

    return every


def _plain(value: Real) -> float:
    """Return a number as Python's own: a whole one as it is written, so that 2 is not turned into 2.0."""
    return int(value) if isinstance(value, Integral) else float(value)
