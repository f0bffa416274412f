"""The one exception a user's input can raise."""

LONGEST = 100
"""Values of more characters are cut in errors."""


class InputError(ValueError):
    """The input is wrong: one line saying what, where, and what was expected."""


def listed(names: object) -> str:
    """Return names as `['a', 'b']`, sorted, for an error that names both sides."""
    return str(sorted(str(name) for name in names))  # type: ignore[attr-defined]


def as_written(value: object) -> str:
    """Return a value of a table for an error, in one line and not too long: text quoted, a number bare."""
    bare = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    try:
        said = " ".join(repr(bare).split())
    except ValueError:  # whole numbers of more than 4,300 digits have no text
        said = f"a number of {value.bit_length():,} bits" if isinstance(value, int) else type(value).__name__
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def one_line(error: BaseException) -> str:
    """Return an error as one line: wrong input as it stands, anything else by its kind and the first line of what it says."""
    if isinstance(error, InputError):
        return " ".join(str(error).split())
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0].strip()}" if said else type(error).__name__
