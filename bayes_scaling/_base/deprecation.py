"""Arguments of earlier versions: they still work, and warn with what to write instead."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any


def renamed_field[T](old: str, new: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator by which a record takes and shows a field under its earlier name too."""

    def decorate(record: type[T]) -> type[T]:
        made, message = record.__init__, f"{record.__name__}({old}=...) is deprecated: use {new}"

        @wraps(made)
        def init(self: T, *args: Any, **kwargs: Any) -> None:
            if old in kwargs:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            made(self, *args, **kwargs)

        record.__init__ = init  # type: ignore[method-assign, assignment]
        setattr(record, old, renamed_property(record.__name__, old, new))
        return record

    return decorate


def renamed_property(record: str, old: str, new: str) -> property:
    """Return the property by which a record shows an attribute under its earlier name too."""

    def read(self: Any) -> Any:
        warnings.warn(f"{record}.{old} is deprecated: use {new}", DeprecationWarning, stacklevel=2)
        return getattr(self, new)

    return property(read)


def renamed_argument[**P, T](old: str, new: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator by which a function takes an argument under its earlier name too."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        message = f"{function.__name__}({old}=...) is deprecated: use {new}"

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            if old in kwargs:
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return called

    return decorate
