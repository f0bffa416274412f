"""Text to function: laws such as `E + A * params**-alpha`, and row filters such as `params < 1e9`.

Text is parsed to Python's syntax tree and walked node by node; only the kinds of node named here mean anything, and
nothing is ever passed to `eval`. The way back, from a law to its text, calls the law with symbols that write down
what is done to them.
"""

import ast
import inspect
import operator
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache, reduce
from keyword import iskeyword
from math import isfinite
from typing import Any, Self

import numpy as np

from bayes_scaling._base.comparisons import as_numbers, compare
from bayes_scaling._base.errors import InputError, listed
from bayes_scaling.laws.functions import ON_NUMBERS, Functions
from bayes_scaling.laws.library import Law, law_inputs, law_parameters

LONGEST, LONGEST_FILTER = 10_000, 2_000
DEEPEST = 100
LONGEST_CHAIN = 32
"""Sums and products of more terms are taken in pairs."""

NAME = r"[A-Za-z](_?[A-Za-z0-9])*"
"""A plain word."""

ARITHMETIC: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
LOGIC = ("and", "or", "not", "in", "True", "False")

COMPARISON: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}

TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`([^`]*)`|(\s+)""")
"""Quoted text, a quoted name, or blanks."""


def parse_law(text: str, inputs: Sequence[str]) -> Law:
    """Return the law that a text such as `E + A * params**-alpha` or `k * log(ratio / optimum)**2` describes.

    inputs: the names in the text that are data; every other name is a parameter. `exp`, `log` and
        `mean` are functions.

    Raises InputError where the text is no arithmetic of names and numbers, or leaves one of `inputs` out.
    """
    inputs = _input_names(inputs)
    tree = _parse(text, "law")
    names = _check_arithmetic(tree, text)
    if missing := set(inputs) - names:
        raise InputError(f"law {text!r} does not use the inputs {listed(missing)}; its names are {listed(names)}")
    if names == set(inputs):
        raise InputError(f"law {text!r} has no parameter: all its names {listed(names)} are inputs")
    if clash := names & set(ON_NUMBERS):
        raise InputError(f"law {text!r} uses {listed(clash)} as a name; it is a function and takes one value in brackets")

    def law(*data: Any, **values: Any) -> Any:
        return arithmetic(tree, dict(zip(inputs, data, strict=False)) | values)

    kinds = inspect.Parameter
    law.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [kinds(name, kinds.POSITIONAL_OR_KEYWORD) for name in inputs]
        + [kinds(name, kinds.KEYWORD_ONLY) for name in sorted(names - set(inputs))]
    )
    law.__name__ = law.__qualname__ = "text"
    law.__doc__ = text
    return law


def _input_names(inputs: Sequence[str]) -> tuple[str, ...]:
    if isinstance(inputs, str) or not all(isinstance(name, str) for name in inputs):
        raise InputError(f"the inputs of a law are a list of names, such as ['params', 'tokens'], not {inputs!r}")
    if len(set(inputs)) < len(inputs):
        raise InputError(f"the inputs of a law are different names, not {list(inputs)}")
    return tuple(inputs)


def law_names(text: str) -> set[str]:
    """Return the names in a law's text, of inputs and of parameters; raises InputError as `parse_law` does."""
    return _check_arithmetic(_parse(text, "law"), text)


@lru_cache(maxsize=256)
def law_tree(law: Law) -> ast.expr:
    """Return the syntax tree of a law, found by calling it with symbols.

    Raises InputError where the law does more than arithmetic on its arguments.
    """
    names = (*law_inputs(law), *law_parameters(law))
    try:
        written = law(**{name: _Symbol(ast.Name(name, ast.Load())) for name in names})
    except Exception as error:
        raise InputError(f"law {law.__name__} uses more than + - * / **, exp, log and mean: {error}") from error
    if not isinstance(written, _Symbol):
        raise InputError(f"law {law.__name__} does not return an expression of its arguments {list(names)}")
    return _balanced(written.node, {})


def law_text(law: Law) -> str:
    """Return a law as text that `parse_law` reads back to the same arithmetic.

    Raises InputError where the law does more than arithmetic, or is too long to be read back.
    """
    tree = law_tree(law)
    if _size(tree) > LONGEST or _depth(tree) > DEEPEST:
        raise InputError(f"law {law.__name__} is too long to be written as text (loops multiply its terms)")
    text = ast.unparse(tree)
    if len(text) > LONGEST:
        raise InputError(f"law {law.__name__} is too long to be written as text: {len(text)} characters, above {LONGEST}")
    return text


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


def parse_filter(text: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return the row filter that a text such as `params < 1e9 and corpus == "c4"` describes.

    The filter takes a table and returns one truth value a row. Comparisons, `and`, `or`, `not`, `in [...]`, arithmetic,
    column names, numbers and quoted texts are understood. A column whose name is no plain word goes in back-ticks:
    `` `eval/loss` < 3 ``. Numbers compare by value, quoted texts as they are written, see `comparing`.

    Raises InputError, at once for anything else and when called for a column that the table does not have.
    """
    tree = _named(*_unquoted(text, "filter"))
    _check_condition(tree, text)

    columns = _columns(tree)
    for part in ast.walk(tree):
        if isinstance(part, ast.Compare) and not _columns(part):
            raise InputError(f"filter {text!r} compares no column in {ast.unparse(part)!r}")

    def keep(table: Mapping[str, Any]) -> Any:
        if missing := columns - set(table):
            raise InputError(f"filter {text!r} reads {listed(missing)}; the table has {[str(name) for name in table]}")
        try:
            with np.errstate(all="ignore"):  # the logarithm of a value that has none compares as false
                return _condition(tree, table)
        except InputError as error:
            raise InputError(f"filter {text!r}: {error}") from None
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"filter {text!r} compares values of different types: {' '.join(str(error).split())}") from error

    keep.columns = columns  # type: ignore[attr-defined]
    return keep


def _columns(tree: ast.AST) -> set[str]:
    """Return the names in a filter that are no functions."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


class _Quoted(ast.Name):
    """The name of a column that stood in back-ticks, and may be any text."""


def _unquoted(text: str, kind: str) -> tuple[ast.expr, dict[str, str]]:
    """Return the tree of a text with words in the place of names in back-ticks, and the name of each such word."""
    if not isinstance(text, str):
        raise InputError(f"a {kind} is a text, not {text!r}")
    names: dict[str, str] = {}
    word = "_quoted"
    while word in text:
        word += "_"

    def plain(found: re.Match[str]) -> str:
        if found[1] is None:
            return " " if found[2] else found[0]
        names[f"{word}{len(names)}"] = found[1]
        return f" {word}{len(names) - 1} "

    return _parse(TOKEN.sub(plain, text).strip(), kind, text), names


def _named(tree: ast.expr, names: Mapping[str, str]) -> ast.expr:
    """Return a tree with the names that stood in back-ticks in the place of their words."""

    class Named(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return _Quoted(names[node.id], node.ctx) if node.id in names else node

    named: ast.expr = Named().visit(tree)
    return named


def quoted_name(name: str) -> str:
    """Return a column's name as a filter says it: in back-ticks where it is no plain word."""
    return name if re.fullmatch(NAME, name) and not iskeyword(name) else f"`{name}`"


def _parse(text: str, kind: str, said: str | None = None) -> ast.expr:
    """Return the tree of a text; said: what to call it in errors, the text itself unless given."""
    if not isinstance(text, str):
        raise InputError(f"a {kind} is a text, not {text!r}")
    text, code = said or text, text if said else " ".join(text.split())
    most = LONGEST if kind == "law" else LONGEST_FILTER
    if len(text) > most:
        raise InputError(f"{kind} text has {len(text)} characters; at most {most} are read")
    try:
        tree = ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        words = [word for word in re.findall(r"[A-Za-z]+", text) if iskeyword(word) and word not in LOGIC]
        why = f"{words[0]!r} is a word of Python and no name" if words else getattr(error, "msg", error)
        hint = "" if kind == "law" else "; a column whose name is no plain word goes in back-ticks, as `eval/loss` would"
        raise InputError(f"{kind} {text!r} is not an expression: {why}{hint}") from None
    if _depth(tree) > DEEPEST:
        raise InputError(f"{kind} {text[:60]!r}... is nested more than {DEEPEST} deep")
    return _balanced(tree, {})


def _depth(tree: ast.AST) -> int:
    """Return how deep a tree is nested; a sum or product is one level, however many terms it has."""
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [part for node in level for part in _parts(node)]
    return depth


def _parts(node: ast.AST) -> list[ast.AST]:
    terms = _terms(node)
    return [term for _, term in terms] if len(terms) > 1 else list(ast.iter_child_nodes(node))


CHAINS: tuple[tuple[type[ast.operator], type[ast.operator]], ...] = ((ast.Add, ast.Sub), (ast.Mult, ast.Div))
"""Operators that are taken from left to right, and those that undo them."""


def _terms(node: Any) -> list[tuple[bool, Any]]:
    """Return the terms of a sum, or the factors of a product, in order, each with whether it is taken away or divided by."""
    found: list[tuple[bool, Any]] = []
    ops: tuple[type[ast.operator], ...] = next(
        (ops for ops in CHAINS if isinstance(node, ast.BinOp) and isinstance(node.op, ops)), ()
    )
    while isinstance(node, ast.BinOp) and isinstance(node.op, ops):
        found.append((isinstance(node.op, ops[-1]), node.right))
        node = node.left
    return [(False, node), *reversed(found)]


def _balanced(node: ast.expr, known: dict[int, ast.expr]) -> ast.expr:
    """Return a tree whose long sums and products are taken in pairs, so that 200 terms are 8 deep; `known` are shared parts."""
    if id(node) not in known:
        terms = _terms(node)
        match node:
            case ast.BinOp() if len(terms) > 1:
                ops = next(ops for ops in CHAINS if isinstance(node.op, ops))
                known[id(node)] = _joined([(away, _balanced(term, known)) for away, term in terms], ops)
            case ast.BinOp(left=left, op=op, right=right):
                known[id(node)] = ast.BinOp(_balanced(left, known), op, _balanced(right, known))
            case ast.UnaryOp(op=op, operand=operand):
                known[id(node)] = ast.UnaryOp(op, _balanced(operand, known))
            case ast.Call(func=func, args=[argument], keywords=[]):
                known[id(node)] = ast.Call(func, [_balanced(argument, known)], [])
            case _:
                known[id(node)] = node
    return known[id(node)]


def _joined(terms: list[tuple[bool, ast.expr]], ops: tuple[type[ast.operator], type[ast.operator]]) -> ast.expr:
    """Return terms joined from left to right, in pairs first where they are many."""

    def join(one: tuple[bool, ast.expr], other: tuple[bool, ast.expr]) -> tuple[bool, ast.expr]:
        return one[0], ast.BinOp(one[1], ops[one[0] is not other[0]](), other[1])

    while len(terms) > LONGEST_CHAIN:
        odd = terms[-1:] if len(terms) % 2 else []
        terms = [join(one, other) for one, other in zip(terms[::2], terms[1::2], strict=False)] + odd
    return reduce(join, terms)[1]


def _refuse(node: ast.AST, text: str, allowed: str) -> InputError:
    return InputError(f"{text!r}: {ast.unparse(node)!r} is not allowed; use {allowed}")


def _check_arithmetic(node: ast.AST, text: str, constants: tuple[type, ...] = (int, float)) -> set[str]:
    """Return the names in an arithmetic expression, refusing every kind of node that is not one."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            names = _check_arithmetic(left, text, constants) | _check_arithmetic(right, text, constants)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in ARITHMETIC:
            names = _check_arithmetic(operand, text, constants)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in ON_NUMBERS:
            names = _check_arithmetic(argument, text, constants)
        case _Quoted(id=name):
            return {name}
        case ast.Name(id=name) if re.fullmatch(NAME, name):
            return {name}
        case ast.Constant(value=value) if type(value) in constants:
            names = set()
        case _:
            others = ", others in back-ticks" if str in constants else ""
            raise _refuse(
                node,
                text,
                f"+ - * / **, exp(), log(), mean(), numbers, and names of letters, digits and single inner underscores{others}",
            )
    if not names and not _is_finite(node):
        raise InputError(f"{text!r}: {ast.unparse(node)!r} is not a finite real number")
    return names


def _is_finite(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return True
    try:
        with np.errstate(all="ignore"):
            value = arithmetic(node, {})
    except (ArithmeticError, TypeError):
        return False
    return isinstance(value, float) and isfinite(value)


def law_value(law: Law, logs: Mapping[str, Any], parameters: Mapping[str, Any], functions: Functions) -> Any:
    """Return what a law gives for symbols, draws or numbers, taking powers of inputs the cheap way.

    logs: input -> logarithm of its value; its power is taken as exp(exponent * logarithm), several times cheaper than `**`.
    parameters: name -> value.
    functions: `exp`, `log` and `mean` for such values.
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
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                known[id(node)] = functions[name](of(argument))
            case _:
                known[id(node)] = arithmetic(node, values)
    return known[id(node)]


def arithmetic(node: ast.AST, values: Mapping[str, Any]) -> Any:
    """Return the value of a tree of names, numbers, operators and functions; raises KeyError for a name that has no value."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return ARITHMETIC[type(op)](arithmetic(left, values), arithmetic(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return ARITHMETIC[type(op)](arithmetic(operand, values))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return ON_NUMBERS[name](arithmetic(argument, values))
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=str() as value):
            return value
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]
    raise TypeError(f"not arithmetic: {ast.dump(node)}")


def _check_condition(node: ast.AST, text: str) -> None:
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check_condition(part, text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_condition(operand, text)
        case ast.Compare(left=left, ops=ops, comparators=comparators) if all(type(op) in COMPARISON for op in ops):
            _check_arithmetic(left, text, (int, float, str, bool))
            for op, value in zip(ops, comparators, strict=True):
                members = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
                if isinstance(op, ast.In | ast.NotIn) != isinstance(value, ast.List | ast.Tuple):
                    raise _refuse(node, text, "`in` with a list such as [1, 2], and other comparisons without")
                for member in members:
                    names = _check_arithmetic(member, text, (int, float, str, bool))
                    if names and value is not member:
                        raise _refuse(node, text, "`in` with a list of numbers and quoted texts")
        case _:
            raise _refuse(node, text, "comparisons joined by and, or, not")


def _condition(node: ast.AST, table: Mapping[str, Any]) -> Any:
    match node:
        case ast.BoolOp(op=op, values=parts):
            join = operator.and_ if isinstance(op, ast.And) else operator.or_
            return reduce(join, (_condition(part, table) for part in parts))
        case ast.UnaryOp(operand=operand):
            return ~_condition(operand, table)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            sides = [_side(side, table) for side in (left, *comparators)]
            pairs = zip(sides, ops, sides[1:], strict=False)
            return reduce(operator.and_, (compare(COMPARISON[type(op)], one, other) for one, op, other in pairs))
    raise TypeError(f"not a condition: {ast.dump(node)}")


def _side(node: ast.AST, table: Mapping[str, Any]) -> Any:
    """Return one side of a comparison: a column or a constant as it stands, or the value of arithmetic."""
    match node:
        case ast.List(elts=members) | ast.Tuple(elts=members):
            return [_side(member, table) for member in members]
        case ast.Name(id=name):
            return table[name]
        case ast.Constant(value=value):
            return value
    return arithmetic(node, {name: as_numbers(table[name]) for name in _columns(node)})


class _Symbol:
    """Stands for a value in a law and records the arithmetic done to it."""

    __array_ufunc__ = None

    def __init__(self, node: ast.expr) -> None:
        self.node = node

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

    def applied(self, function: str) -> Self:
        return type(self)(ast.Call(ast.Name(function, ast.Load()), [self.node], []))


def _node(value: Any) -> ast.expr:
    if isinstance(value, _Symbol):
        return value.node
    number = float(value)
    return ast.UnaryOp(ast.USub(), ast.Constant(-number)) if number < 0 else ast.Constant(number)
