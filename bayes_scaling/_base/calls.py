"""Wrong calls are refused with the right one, in one line."""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from numbers import Real
from types import UnionType
from typing import Any, TypeAliasType, Union, cast, get_args, get_origin

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling._base.errors import InputError

LEVEL_ARGUMENTS = {"a", "b", "against"}
"""Arguments that are levels of a group: text or numbers, whatever they are annotated as."""

MAX_LETTERS = 40
"""A value that prints in fewer letters is shown in an error; of others the type is."""


def asked[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Let a function refuse arguments that are too many, missing, or of a kind that its annotations do not allow."""
    known = signature(function)

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            bound = known.bind(*args, **kwargs)
        except TypeError as error:
            raise InputError(f"{_name(function)}: {error}; expected {call_text(function)}") from None
        for name, value in bound.arguments.items():
            kind = str | Real | np.generic if name in LEVEL_ARGUMENTS else known.parameters[name].annotation
            if not _is(value, kind):
                words = f"{name} cannot be {_described(value)}"
                raise InputError(f"{_name(function)}: {words}; expected {call_text(function)}")
        return function(*args, **kwargs)

    return called


def call_text(function: Callable[..., Any]) -> str:
    """Return how a function is called: "rank(fit, group, against, points, *, levels=...)"; a method without its record."""
    known = signature(function)
    bare = [
        one.replace(annotation=Parameter.empty, default=Parameter.empty if one.default is Parameter.empty else ...)
        for one in known.parameters.values()
        if one.name != "self"
    ]
    return f"{_name(function)}{Signature(bare)}".replace("Ellipsis", "...")


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", function))


def _described(value: object) -> str:
    """Return a value that is short, else what kind of thing it is."""
    plain = isinstance(value, str | Real | None) and len(repr(value)) < MAX_LETTERS
    return repr(value) if plain else f"a {type(value).__name__}"


def _is(value: object, kind: Any) -> bool:
    """Return whether a value is of an annotated kind; numbers of numpy are numbers, arrays are sequences."""
    if isinstance(kind, TypeAliasType):
        return _is(value, kind.__value__)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in get_args(kind))
    if kind in (Any, object, Parameter.empty) or isinstance(kind, str):
        return True
    if kind in (float, int):
        return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if origin is Sequence or kind is Sequence:
        return isinstance(value, Sequence | np.ndarray | pd.Series | xr.DataArray) and not isinstance(value, str)
    if origin is not None and not isinstance(origin, type):  # such as a Literal, which the function itself looks at
        return True
    return isinstance(value, cast("type", origin or kind or type(None)))
