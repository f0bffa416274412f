"""Row filters such as `params < 1e9 and corpus == "c4"`: text that is parsed and checked, never evaluated."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from bayes_scaling._base.comparisons import as_numbers, compare
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.expressions import arithmetic, check_arithmetic, quoted_name, refusal, unquoted, with_names

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


def parse_filter(text: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return the row filter that a text such as `params < 1e9 and corpus == "c4"` describes.

    The filter takes a table and returns one truth value a row. Comparisons, `and`, `or`, `not`, `in [...]`, arithmetic,
    column names, numbers and quoted texts are understood. A column whose name is no plain word goes in back-ticks:
    `` `eval/loss` < 3 ``. Numbers compare by value, quoted texts as they are written, see `comparing`.

    Raises
    ------
    InputError
        At once for anything else and when called for a column that the table does not have.
    """
    tree = with_names(*unquoted(text, "filter"))
    _check_condition(tree, text)

    columns = _columns(tree)
    comparisons = [(part, _columns(part)) for part in ast.walk(tree) if isinstance(part, ast.Compare)]
    for part, compared in comparisons:
        if not compared:
            raise InputError(f"filter {text!r} compares no column in {ast.unparse(part)!r}")

    def keep(table: Mapping[str, Any]) -> Any:
        if missing := columns - set(table):
            raise InputError(f"filter {text!r} reads {format_names(missing)}; the table has {[str(name) for name in table]}")
        try:
            with np.errstate(all="ignore"):  # the logarithm of a value that has none compares as false
                return _condition(tree, table)
        except InputError as error:
            raise InputError(f"filter {text!r}: {error}") from None
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"filter {text!r} compares values of different types: {' '.join(str(error).split())}") from error

    keep.columns = columns  # type: ignore[attr-defined]
    keep.comparisons = [compared for _, compared in comparisons]  # type: ignore[attr-defined]
    return keep


def _columns(tree: ast.AST) -> set[str]:
    """Return the names in a filter that are no functions."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def _check_condition(node: ast.AST, text: str) -> None:
    """Refuse what is no condition: comparisons of columns with values, joined by and, or and not."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check_condition(part, text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_condition(operand, text)
        case ast.Compare(left=left, ops=ops, comparators=comparators) if all(type(op) in COMPARISON for op in ops):
            check_arithmetic(left, text, (int, float, str, bool))
            for op, value in zip(ops, comparators, strict=True):
                members = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
                if isinstance(op, ast.In | ast.NotIn) != isinstance(value, ast.List | ast.Tuple):
                    raise refusal(node, text, "`in` with a list such as [1, 2], and other comparisons without")
                for member in members:
                    names = check_arithmetic(member, text, (int, float, str, bool))
                    if names and value is not member:
                        raise refusal(node, text, "`in` with a list of numbers and quoted texts")
        case _:
            raise refusal(node, text, "comparisons joined by and, or, not")


def _condition(node: ast.AST, table: Mapping[str, Any]) -> Any:
    """Return for each row of a table whether a checked condition holds."""
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


_NAMES = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?P<quoted>[^`]*)`|(?P<plain>[A-Za-z_]\w*)(?!\w*\s*\()""")
"""Quoted text, a quoted name, or a plain one that is no function."""


def renamed_filter(text: str, names: Mapping[str, str]) -> str:
    """Return a filter that reads columns under other names: old -> new."""

    def renamed(found: re.Match[str]) -> str:
        name = found["quoted"] if found["quoted"] is not None else found["plain"]
        return quoted_name(names[name]) if name in names else found[0]

    return _NAMES.sub(renamed, text)
