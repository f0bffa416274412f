"""Symbols that record the arithmetic done to them: a law that is called with them leaves its syntax tree."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Self

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import (
    FUNCTION_LIST,
    absolute,
    exp,
    log,
    maximum,
    minimum,
    sigmoid,
    softplus,
    sqrt,
    tanh,
)

UFUNCS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "float_power": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
    "exp": exp,
    "expm1": lambda x: exp(x) - 1,
    "log": log,
    "log1p": lambda x: log(1 + x),
    "log2": lambda x: log(x) / math.log(2),
    "log10": lambda x: log(x) / math.log(10),
    "logaddexp": lambda x, y: y + softplus(x - y),
    "sqrt": sqrt,
    "absolute": absolute,
    "fabs": absolute,
    "minimum": minimum,
    "fmin": minimum,
    "maximum": maximum,
    "fmax": maximum,
    "tanh": tanh,
    "expit": sigmoid,
}
"""Functions of numpy, and scipy's `expit`, that a law may call -> what stands for them in its tree."""


class Symbol:
    """Stands for a value in a law and records the arithmetic done to it."""

    def __init__(self, node: ast.expr) -> None:
        self.node = node

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method != "__call__" or options or name not in UFUNCS:
            raise InputError(f"{name} of numpy is no function of laws; they have {FUNCTION_LIST}")
        return UFUNCS[name](*(type(self)(as_node(value)) for value in inputs))

    def __bool__(self) -> bool:
        raise InputError("a law does not branch; use minimum, maximum, abs or sigmoid of bayes_scaling.laws")

    def _compared(self, other: Any) -> bool:
        raise InputError(
            "a law does not compare, as if, min and max of Python do; use minimum, maximum or sigmoid of bayes_scaling.laws"
        )

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def __abs__(self) -> Self:
        return self.applied("abs", self)

    def _joined(self, op: ast.operator, other: Any, *, swapped: bool = False) -> Self:
        sides = [self.node, as_node(other)]
        left, right = reversed(sides) if swapped else sides
        return type(self)(ast.BinOp(left, op, right))

    def __add__(self, other: Any) -> Self:
        return self._joined(ast.Add(), other)

    def __radd__(self, other: Any) -> Self:
        return self._joined(ast.Add(), other, swapped=True)

    def __sub__(self, other: Any) -> Self:
        return self._joined(ast.Sub(), other)

    def __rsub__(self, other: Any) -> Self:
        return self._joined(ast.Sub(), other, swapped=True)

    def __mul__(self, other: Any) -> Self:
        return self._joined(ast.Mult(), other)

    def __rmul__(self, other: Any) -> Self:
        return self._joined(ast.Mult(), other, swapped=True)

    def __truediv__(self, other: Any) -> Self:
        return self._joined(ast.Div(), other)

    def __rtruediv__(self, other: Any) -> Self:
        return self._joined(ast.Div(), other, swapped=True)

    def __pow__(self, other: Any) -> Self:
        return self._joined(ast.Pow(), other)

    def __rpow__(self, other: Any) -> Self:
        return self._joined(ast.Pow(), other, swapped=True)

    def __neg__(self) -> Self:
        return type(self)(ast.UnaryOp(ast.USub(), self.node))

    def __pos__(self) -> Self:
        return self

    def applied(self, function: str, *values: Any) -> Self:
        """Return a function of values, of this one unless any are given."""
        return type(self)(ast.Call(ast.Name(function, ast.Load()), [as_node(value) for value in values or (self,)], []))


def as_node(value: Any) -> ast.expr:
    if isinstance(value, Symbol):
        return value.node
    number = float(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-number)) if number < 0 else ast.Constant(number)
