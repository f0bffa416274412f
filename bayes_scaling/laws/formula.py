"""Laws as text, such as `E + A * params**-alpha`: text to law, and law to text.

Text is parsed to Python's syntax tree and walked node by node. Only the kinds of node named here are allowed, and nothing is
ever passed to `eval`. The way back calls the law with symbols that record what is done to them.
"""

import ast
import inspect
import math
import operator
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.expressions import (
    ARITHMETIC,
    MAX_DEPTH,
    MAX_EXPRESSION,
    arithmetic,
    balanced,
    check_arithmetic,
    depth,
    parse_expression,
)
from bayes_scaling._base.functions import (
    FUNCTION_LIST,
    ON_NUMBERS,
    Functions,
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
from bayes_scaling.laws.library import Law, law_inputs, law_parameters

MAX_EQUATION = 120
"""Nodes of a law that is still readable as an equation."""


def parse_law(text: str, inputs: Sequence[str]) -> Law:
    """Return the law that a text describes, such as `E + A * params**-alpha` or `k * log(ratio / optimum)**2`.

    The text is never executed: it is parsed, and only arithmetic and the functions of `laws` mean anything in it: `exp`, `log`,
    `sqrt`, `abs`, `min`, `max`, `softplus`, `sigmoid`, `tanh`, and `mean`, over the parts in which a learning rate fell.

    Parameters
    ----------
    text
        Arithmetic of names and numbers.
    inputs
        The names in the text that are data. Every other name is a parameter.

    Returns
    -------
    Law
        A function of the inputs, and by keyword of the parameters.

    Raises
    ------
    InputError
        Where the text is no arithmetic of names and numbers, or leaves one of `inputs` out.

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> law = bs.parse_law("E + A * params**-alpha", ["params"])
    >>> law(100.0, E=1.5, A=2.0, alpha=0.5)
    1.7
    >>> bs.laws.equation(law)
    'E + A params^-alpha'
    """
    inputs = _input_names(inputs)
    tree = parse_expression(text, "law")
    names = check_arithmetic(tree, text)
    if missing := set(inputs) - names:
        raise InputError(f"law {text!r} does not use the inputs {format_names(missing)}; its names are {format_names(names)}")
    if names == set(inputs):
        raise InputError(f"law {text!r} has no parameter: all its names {format_names(names)} are inputs")
    if clash := names & set(ON_NUMBERS):
        raise InputError(f"law {text!r} uses {format_names(clash)} as a name; it is a function and takes values in brackets")

    return _TextLaw(text, inputs, tree, sorted(names - set(inputs)))


class _TextLaw:
    """A law that was read from a text: a function of its inputs, and by keyword of its parameters; pickled as its text."""

    def __init__(self, text: str, inputs: tuple[str, ...], tree: ast.expr, parameters: Sequence[str]) -> None:
        kinds = inspect.Parameter
        self.__signature__ = inspect.Signature(
            [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in inputs]
            + [kinds(name, kinds.KEYWORD_ONLY) for name in parameters]
        )
        self.__name__ = self.__qualname__ = "text"
        self.__doc__ = self._text = text
        self._inputs, self._tree = inputs, tree

    def __call__(self, *data: Any, **values: Any) -> Any:
        return arithmetic(self._tree, dict(zip(self._inputs, data, strict=False)) | values)

    def __reduce__(self) -> tuple[Any, ...]:
        return parse_law, (self._text, self._inputs)


def _input_names(inputs: Sequence[str]) -> tuple[str, ...]:
    if isinstance(inputs, str) or not all(isinstance(name, str) for name in inputs):
        raise InputError(f"the inputs of a law are a list of names, such as ['params', 'tokens'], not {inputs!r}")
    if len(set(inputs)) < len(inputs):
        raise InputError(f"the inputs of a law are different names, not {list(inputs)}")
    return tuple(inputs)


def law_names(text: str) -> set[str]:
    """Return the names in a law's text, of inputs and of parameters; raises InputError as `parse_law` does."""
    return check_arithmetic(parse_expression(text, "law"), text)


@lru_cache(maxsize=256)
def law_tree(law: Law) -> ast.expr:
    """Return the syntax tree of a law, found by calling it with symbols.

    Raises
    ------
    InputError
        Where the law does more than arithmetic on its arguments.
    """
    names = (*law_inputs(law), *law_parameters(law))
    try:
        written = law(**{name: _Symbol(ast.Name(name, ast.Load())) for name in names})
    except Exception as error:
        raise InputError(f"law {law.__name__} uses more than + - * / ** and the functions of laws: {error}") from error
    if not isinstance(written, _Symbol):
        raise InputError(f"law {law.__name__} does not return an expression of its arguments {list(names)}")
    return balanced(written.node, {})


def law_text(law: Law) -> str:
    """Return a law as text that `parse_law` reads back to the same arithmetic.

    Raises
    ------
    InputError
        Where the law does more than arithmetic, or is too long to be read back.
    """
    tree = law_tree(law)
    if _size(tree) > MAX_EXPRESSION or depth(tree) > MAX_DEPTH:
        raise InputError(f"law {law.__name__} is too long to be written as text (loops multiply its terms)")
    text = ast.unparse(tree)
    if len(text) > MAX_EXPRESSION:
        raise InputError(
            f"law {law.__name__} is too long to be written as text: {len(text)} characters, above {MAX_EXPRESSION}"
        )
    return text


def equation(law: Law) -> str:
    """Return a law as its equation, in the names of its inputs and parameters.

    Parameters
    ----------
    law
        A law of the library, one from `parse_law`, or a function of your own.

    Returns
    -------
    str
        The right side of the equation. A law that is too long for one is written as a call.

    Raises
    ------
    InputError
        Where the law does more than arithmetic on its arguments.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> laws.equation(laws.chinchilla)
    'E + A params^-alpha + B tokens^-beta'
    >>> laws.equation(laws.m4)
    'm4(x; a, b, c, e_0, e_inf)'
    """
    tree = law_tree(law)
    if _size(tree) > MAX_EQUATION:
        return f"{law.__name__}({', '.join(law_inputs(law))}; {', '.join(law_parameters(law))})"
    text = ast.unparse(tree).replace(" ** ", "^").replace(" * ", " ")
    return re.sub(r"\^\(-(\w+)\)", r"^-\1", re.sub(r"(?<![\w.])(\d+)\.0\b", r"\1", text))


def law_key(law: Law) -> Hashable:
    """Return what laws of the same arithmetic have in common: their text, or the law itself where it is too long for one."""
    try:
        return law_text(law)
    except InputError:
        return law


def _size(tree: ast.AST, known: dict[int, int] | None = None) -> int:
    """Count the nodes a tree has when shared branches are written out."""
    known = {} if known is None else known
    if id(tree) not in known:
        known[id(tree)] = 1 + sum(_size(child, known) for child in ast.iter_child_nodes(tree))
    return known[id(tree)]


def law_value(law: Law, logs: Mapping[str, Any], parameters: Mapping[str, Any], functions: Functions) -> Any:
    """Return what a law gives for symbols, draws or numbers, taking powers of inputs the cheap way.

    Parameters
    ----------
    logs
        Input -> logarithm of its value; its power is taken as exp(exponent * logarithm), several times cheaper than `**`.
    parameters
        Name -> value.
    functions
        Those of laws for such values, by name.
    """
    values = {name: functions["exp"](logs[name]) for name in law_inputs(law)} | dict(parameters)
    return _evaluated(law_tree(law), logs, values, functions, {})


def _evaluated(
    node: ast.AST, logs: Mapping[str, Any], values: Mapping[str, Any], functions: Functions, known: dict[int, Any]
) -> Any:
    """Return the value of a part of a law; `known` holds those of shared parts."""

    def of(part: ast.AST) -> Any:
        return _evaluated(part, logs, values, functions, known)

    if id(node) not in known:
        match node:
            case ast.BinOp(left=ast.Name(id=name), op=ast.Pow(), right=exponent) if name in logs:
                known[id(node)] = functions["exp"](of(exponent) * logs[name])
            case ast.BinOp(left=left, op=op, right=right):
                known[id(node)] = ARITHMETIC[type(op)](of(left), of(right))
            case ast.UnaryOp(op=op, operand=operand):
                known[id(node)] = ARITHMETIC[type(op)](of(operand))
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=argument)]) if name == "log" and argument in logs:
                known[id(node)] = logs[argument]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                known[id(node)] = functions[name](*map(of, arguments))
            case _:
                known[id(node)] = arithmetic(node, values)
    return known[id(node)]


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


class _Symbol:
    """Stands for a value in a law and records the arithmetic done to it."""

    def __init__(self, node: ast.expr) -> None:
        self.node = node

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method != "__call__" or options or name not in UFUNCS:
            raise InputError(f"{name} of numpy is no function of laws; they have {FUNCTION_LIST}")
        return UFUNCS[name](*(type(self)(_node(value)) for value in inputs))

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
        sides = [self.node, _node(other)]
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
        return type(self)(ast.Call(ast.Name(function, ast.Load()), [_node(value) for value in values or (self,)], []))


def _node(value: Any) -> ast.expr:
    if isinstance(value, _Symbol):
        return value.node
    number = float(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-number)) if number < 0 else ast.Constant(number)
