"""The one exception a user's input can raise."""

MAX_MESSAGE = 1_000
"""Characters of an error; of a longer one both ends are kept."""

MAX_VALUE = 100
"""Characters of a value in one."""


class InputError(ValueError):
    """The input is wrong: one line says what, where, and what was expected.

    What it quotes may come from anywhere. Characters that cannot be printed, such as a terminal's commands, are escaped.

    Parameters
    ----------
    message
        What is wrong. It is put in one line and shortened to 1,000 characters.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> try:
    ...     bs.datasets.load("moba")
    ... except bs.InputError as error:
    ...     print(str(error)[:31])
    no dataset is called 'moba'; th
    """

    def __init__(self, message: str) -> None:
        line = "".join(one if one.isprintable() else repr(one)[1:-1] for one in " ".join(str(message).split()))
        super().__init__(line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 205]} ... {line[-200:]}")


def format_names(names: object) -> str:
    """Return names as `['a', 'b']`, sorted, for an error that names both sides."""
    return str(sorted(str(name) for name in names))  # type: ignore[attr-defined]


def format_value(value: object) -> str:
    """Return a value of a table for an error, in one line and not too long: text quoted, a number bare."""
    bare = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    try:
        written = " ".join(repr(bare).split())
    except ValueError:  # whole numbers of more than 4,300 digits have no text
        written = f"a number of {format(value.bit_length(), ',')} bits" if isinstance(value, int) else type(value).__name__
    return written if len(written) <= MAX_VALUE else f"{written[: MAX_VALUE - 3]}..."


def one_line(error: BaseException) -> str:
    """Return an error as one line: wrong input as it stands, anything else by its kind and the first line of what it says."""
    if isinstance(error, InputError):
        return " ".join(str(error).split())
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
