"""How health travels: the one line on the draws goes with whatever is made from a fit."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, cast

import pandas as pd
import xarray as xr

from bayes_scaling.inference.health import Health


def line_of(made: object) -> str:
    """Return the line of a fit, of a record, table or draws made from one, or of several of these; empty where all is clean."""
    if isinstance(made, list | tuple):
        return next((line for one in made if (line := line_of(one))), "")
    health = getattr(made, "health", None)
    if isinstance(health, Health):
        return health.line
    attrs = getattr(made, "attrs", None)
    return str(attrs.get("health", "")) if isinstance(attrs, Mapping) else ""


def mark[T](made: T, of: object) -> T:
    """Return what was made from a fit with its line, see `line_of`: as it is where that is empty.

    Tables and draws, and each variable of a dataset, have it in `attrs["health"]`; of sentences it is the last.
    """
    line = line_of(of)
    if not line:
        return made
    marked: Any = made
    match made:
        case pd.DataFrame():
            marked = made.copy(deep=False)
            marked.attrs = {**made.attrs, "health": line}
        case xr.Dataset():
            each = {name: one.assign_attrs(health=line) for name, one in made.items()}
            marked = made.assign(each).assign_attrs(health=line)
        case xr.DataArray():
            marked = made.assign_attrs(health=line)
        case dict():
            marked = {name: mark(one, of) for name, one in made.items()}
        case tuple():
            marked = (*made, f"{line}.")
        case str():
            marked = f"{made} {line}."
    return cast("T", marked)


def carried[**P, T](make: Callable[P, T]) -> Callable[P, T]:
    """Let what a function makes carry the line of its first argument, see `mark`."""
    first = next(iter(signature(make).parameters))

    @wraps(make)
    def marked(*args: P.args, **kwargs: P.kwargs) -> T:
        return mark(make(*args, **kwargs), args[0] if args else kwargs[first])

    return marked
