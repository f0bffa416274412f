"""The functions of a law beside operators, such as `exp`, `log` and `minimum`, on numbers, arrays, draws and symbols."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

PART = "lr_part"
"""The dimension over the parts in which the learning rate fell."""

type Functions = Mapping[str, Callable[..., Any]]


def on_symbols() -> Functions:
    """Return the functions of a law for variables of `pymc.dims`."""
    from pymc.dims import math

    elementwise = {name: getattr(math, name) for name in ("exp", "log", "sqrt", "abs", "softplus", "sigmoid", "tanh")}
    least, most = (lambda *xs: reduce(math.minimum, xs)), (lambda *xs: reduce(math.maximum, xs))
    return {**elementwise, "mean": mean, "min": least, "minimum": least, "max": most, "maximum": most}


def on_arrays(axes: int) -> Functions:
    """Return the functions of a law for arrays of so many axes, before which stands that of the parts where there are parts."""
    return {**ON_NUMBERS, "mean": lambda x: x.mean(axis=0) if np.ndim(x) > axes else x}


def exp(x: Any) -> Any:
    """Return e to the power x.

    Parameters
    ----------
    x
        Exponent, without unit in a law.

    Returns
    -------
    Any
        e to the power x, element by element.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.exp(0.0))
    1.0
    """
    return _applied("exp", np.exp, x)


def log(x: Any) -> Any:
    """Return the natural logarithm of x.

    Parameters
    ----------
    x
        Positive, without unit in a law, as a ratio is.

    Returns
    -------
    Any
        Natural logarithm of x, element by element.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.log(1.0))
    0.0
    """
    return _applied("log", np.log, x)


def sqrt(x: Any) -> Any:
    """Return the square root of x.

    Parameters
    ----------
    x
        Not negative.

    Returns
    -------
    Any
        Square root of x, element by element, in the root of its unit.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.sqrt(9.0))
    3.0
    """
    return _applied("sqrt", np.sqrt, x)


def absolute(x: Any) -> Any:
    """Return x without its sign; `abs` in the text of a law.

    Parameters
    ----------
    x
        Anything.

    Returns
    -------
    Any
        x without its sign, element by element, in its unit.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.absolute(-2.0))
    2.0
    """
    return _applied("abs", np.abs, x)


def minimum(*xs: Any) -> Any:
    """Return the least of two or more values; `min` in the text of a law.

    Parameters
    ----------
    *xs
        Two or more, in one unit.

    Returns
    -------
    Any
        The least of them, element by element, in their unit.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.minimum(1.0, 3.0, 2.0))
    1.0
    """
    return _applied("min", lambda *each: reduce(np.minimum, each), *xs)


def maximum(*xs: Any) -> Any:
    """Return the greatest of two or more values; `max` in the text of a law.

    Parameters
    ----------
    *xs
        Two or more, in one unit.

    Returns
    -------
    Any
        The greatest of them, element by element, in their unit.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.maximum(1.0, 3.0, 2.0))
    3.0
    """
    return _applied("max", lambda *each: reduce(np.maximum, each), *xs)


def softplus(x: Any) -> Any:
    """Return log(1 + exp(x)): 0 far below 0, x far above, and smooth between.

    Parameters
    ----------
    x
        Without unit in a law.

    Returns
    -------
    Any
        log(1 + exp(x)), element by element.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.softplus(50.0))
    50.0
    """
    return _applied("softplus", lambda of: np.logaddexp(0.0, of), x)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)), which rises from 0 to 1.

    Parameters
    ----------
    x
        Without unit in a law.

    Returns
    -------
    Any
        Between 0 and 1, element by element.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.sigmoid(0.0))
    0.5
    """
    return _applied("sigmoid", lambda of: np.exp(-np.logaddexp(0.0, -of)), x)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of x, which rises from -1 to 1.

    Parameters
    ----------
    x
        Without unit in a law.

    Returns
    -------
    Any
        Between -1 and 1, element by element.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.tanh(0.0))
    0.0
    """
    return _applied("tanh", np.tanh, x)


def mean(x: Any) -> Any:
    """Return the mean over the parts in which the learning rate fell, see `schedules`; what has no parts is its own mean.

    Parameters
    ----------
    x
        Of each part, or without parts.

    Returns
    -------
    Any
        Mean over the parts, in the unit of x.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> float(laws.mean(2.0))
    2.0
    """
    if hasattr(x, "applied"):
        return x.applied("mean")
    return x.mean(PART) if PART in getattr(x, "dims", ()) else x


def _applied(name: str, function: Callable[..., Any], *xs: Any) -> Any:
    symbol = next((x for x in xs if hasattr(x, "applied")), None)
    return function(*xs) if symbol is None else symbol.applied(name, *xs)


ON_NUMBERS: Functions = {
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "abs": absolute,
    "min": minimum,
    "minimum": minimum,
    "max": maximum,
    "maximum": maximum,
    "softplus": softplus,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "mean": mean,
}
"""The functions of a law for numbers, arrays and `xarray.DataArray`."""

OF_SEVERAL = ("min", "minimum", "max", "maximum")
"""Functions of two or more values; all others are of one."""

SAME_UNIT = ("mean", "abs", *OF_SEVERAL)
"""Functions whose value has the unit of what they are of; all others but `sqrt` are of values without unit."""

FUNCTION_LIST = "exp(), log(), sqrt(), abs(), min(), max(), softplus(), sigmoid(), tanh(), mean()"
"""What a text may call, as errors say it."""


def takes(name: str, count: int) -> bool:
    """Return whether a law has a function of that name and of so many values."""
    return name in ON_NUMBERS and (count >= 2 if name in OF_SEVERAL else count == 1)
