"""The one exception a user's input can raise."""


class InputError(ValueError):
    """The input is wrong: one line saying what, where, and what was expected."""


def listed(names: object) -> str:
    """Return names as `['a', 'b']`, sorted, for an error that names both sides."""
    return str(sorted(str(name) for name in names))  # type: ignore[attr-defined]
