"""The functions of a law beside operators: `exp`, `log` and `mean`, on numbers, arrays, draws and symbols."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

PART = "lr_part"
"""The dimension over the parts in which the learning rate fell."""

type Functions = Mapping[str, Callable[[Any], Any]]


def on_symbols() -> Functions:
    """Return the functions of a law for variables of `pymc.dims`."""
    from pymc.dims import math

    return {"exp": math.exp, "log": math.log, "mean": mean}


def on_arrays(axes: int) -> Functions:
    """Return the functions of a law for arrays of so many axes, before which stands that of the parts where there are parts."""
    return {**ON_NUMBERS, "mean": lambda x: x.mean(axis=0) if np.ndim(x) > axes else x}


def exp(x: Any) -> Any:
    """Return e to the power x, element by element; in a law x must be without unit."""
    return _applied("exp", x)


def log(x: Any) -> Any:
    """Return the natural logarithm of x, element by element; in a law x must be without unit, as a ratio is."""
    return _applied("log", x)


def mean(x: Any) -> Any:
    """Return the mean over the parts in which the learning rate fell, see `schedules`; what has no parts is its own mean."""
    if hasattr(x, "applied"):
        return x.applied("mean")
    return x.mean(PART) if PART in getattr(x, "dims", ()) else x


def _applied(name: str, x: Any) -> Any:
    return x.applied(name) if hasattr(x, "applied") else getattr(np, name)(x)


ON_NUMBERS: Functions = {"exp": exp, "log": log, "mean": mean}
"""The functions of a law for numbers, arrays and `xarray.DataArray`."""
