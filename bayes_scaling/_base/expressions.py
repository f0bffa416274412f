"""Safe expressions: text becomes a syntax tree with only the kinds of node named here, and nothing is evaluated."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from keyword import iskeyword
from math import isfinite
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import FUNCTION_LIST, ON_NUMBERS, takes

MAX_EXPRESSION = 10_000
"""Characters of a law given as text, at most."""
MAX_FILTER = 2_000
"""Characters of a row filter, or of any other expression, at most."""
MAX_DEPTH = 100
"""Depth of a syntax tree at most, far below where Python's recursion ends."""

MAX_CHAIN = 32
"""Sums and products of more terms are taken in pairs."""

PLAIN_NAME = r"[A-Za-z](_?[A-Za-z0-9])*"
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

CHAINS: tuple[tuple[type[ast.operator], type[ast.operator]], ...] = ((ast.Add, ast.Sub), (ast.Mult, ast.Div))
"""Operators that are taken from left to right, and those that undo them."""

LOGIC = ("and", "or", "not", "in", "True", "False")

QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`([^`]*)`|(\s+)""")
"""Quoted text, a quoted name, or blanks."""


class Quoted(ast.Name):
    """The name of a column that stood in back-ticks, and may be any text."""


def unquoted(text: str, kind: str) -> tuple[ast.expr, dict[str, str]]:
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

    return parse_expression(QUOTED.sub(plain, text).strip(), kind, text), names


def with_names(tree: ast.expr, names: Mapping[str, str]) -> ast.expr:
    """Return a tree with the names that stood in back-ticks in the place of their words."""

    class Named(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return Quoted(names[node.id], node.ctx) if node.id in names else node

    named: ast.expr = Named().visit(tree)
    return named


def quoted_name(name: str) -> str:
    """Return a column's name as a filter says it: in back-ticks where it is no plain word."""
    return name if re.fullmatch(PLAIN_NAME, name) and not iskeyword(name) else f"`{name}`"


def parse_expression(text: str, kind: str, shown: str | None = None) -> ast.expr:
    """Return the tree of a text; shown: how errors quote it, the text itself unless given."""
    if not isinstance(text, str):
        raise InputError(f"a {kind} is a text, not {text!r}")
    text, code = shown or text, text if shown else " ".join(text.split())
    most = MAX_EXPRESSION if kind == "law" else MAX_FILTER
    if len(text) > most:
        raise InputError(f"{kind} text has {len(text)} characters; at most {most} are read")
    try:
        tree = ast.parse(code, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        words = [word for word in re.findall(r"[A-Za-z]+", text) if iskeyword(word) and word not in LOGIC]
        why = f"{words[0]!r} is a word of Python and no name" if words else getattr(error, "msg", error)
        hint = "" if kind == "law" else "; a column whose name is no plain word goes in back-ticks, as `eval/loss` would"
        raise InputError(f"{kind} {text!r} is not an expression: {why}{hint}") from None
    if depth(tree) > MAX_DEPTH:
        raise InputError(f"{kind} {text[:60]!r}... is nested more than {MAX_DEPTH} deep")
    return balanced(tree, {})


def depth(tree: ast.AST) -> int:
    """Return how deep a tree is nested; a sum or product is one level, however many terms it has."""
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [part for node in level for part in _parts(node)]
    return depth


def _parts(node: ast.AST) -> list[ast.AST]:
    terms = _terms(node)
    return [term for _, term in terms] if len(terms) > 1 else list(ast.iter_child_nodes(node))


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


def balanced(node: ast.expr, known: dict[int, ast.expr]) -> ast.expr:
    """Return a tree whose long sums and products are taken in pairs, so that 200 terms are 8 deep; `known` are shared parts."""
    if id(node) not in known:
        terms = _terms(node)
        match node:
            case ast.BinOp() if len(terms) > 1:
                ops = next(ops for ops in CHAINS if isinstance(node.op, ops))
                known[id(node)] = _joined([(away, balanced(term, known)) for away, term in terms], ops)
            case ast.BinOp(left=left, op=op, right=right):
                known[id(node)] = ast.BinOp(balanced(left, known), op, balanced(right, known))
            case ast.UnaryOp(op=op, operand=operand):
                known[id(node)] = ast.UnaryOp(op, balanced(operand, known))
            case ast.Call(func=func, args=arguments, keywords=[]):
                known[id(node)] = ast.Call(func, [balanced(argument, known) for argument in arguments], [])
            case _:
                known[id(node)] = node
    return known[id(node)]


def _joined(terms: list[tuple[bool, ast.expr]], ops: tuple[type[ast.operator], type[ast.operator]]) -> ast.expr:
    """Return terms joined from left to right, in pairs first where they are many."""

    def join(one: tuple[bool, ast.expr], other: tuple[bool, ast.expr]) -> tuple[bool, ast.expr]:
        return one[0], ast.BinOp(one[1], ops[one[0] is not other[0]](), other[1])

    while len(terms) > MAX_CHAIN:
        odd = terms[-1:] if len(terms) % 2 else []
        terms = [join(one, other) for one, other in zip(terms[::2], terms[1::2], strict=False)] + odd
    return reduce(join, terms)[1]


def refusal(node: ast.AST, text: str, allowed: str) -> InputError:
    return InputError(f"{text!r}: {ast.unparse(node)!r} is not allowed; use {allowed}")


def check_arithmetic(node: ast.AST, text: str, constants: tuple[type, ...] = (int, float)) -> set[str]:
    """Return the names in an arithmetic expression, refusing every kind of node that is not one."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            above, below = (check_arithmetic(side, text, constants) for side in (left, right))
            if isinstance(op, ast.Div) and above and not below and arithmetic(right, {}) == 0:
                raise InputError(f"{text!r}: {ast.unparse(node)!r} divides by 0")
            names = above | below
        case ast.UnaryOp(op=op, operand=operand) if type(op) in ARITHMETIC:
            names = check_arithmetic(operand, text, constants)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if takes(name, len(arguments)):
            names = set().union(*(check_arithmetic(argument, text, constants) for argument in arguments))
        case Quoted(id=name):
            return {name}
        case ast.Name(id=name) if re.fullmatch(PLAIN_NAME, name):
            return {name}
        case ast.Constant(value=value) if type(value) in constants:
            names = set()
        case _:
            others = ", others in back-ticks" if str in constants else ""
            raise refusal(
                node,
                text,
                f"+ - * / **, {FUNCTION_LIST}, numbers, and names of letters, digits and single inner underscores{others}",
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


def arithmetic(node: ast.AST, values: Mapping[str, Any]) -> Any:
    """Return the value of a tree of names, numbers, operators and functions; raises KeyError for a name that has no value."""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return ARITHMETIC[type(op)](arithmetic(left, values), arithmetic(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return ARITHMETIC[type(op)](arithmetic(operand, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return ON_NUMBERS[name](*(arithmetic(argument, values) for argument in arguments))
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=str() as value):
            return value
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]
    raise TypeError(f"not arithmetic: {ast.dump(node)}")
