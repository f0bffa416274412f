"""Sums over an index in the text of a law, `sum(t[j] * r[j])`: one term for each input that is called `r_...`."""

import ast
from collections.abc import Sequence
from copy import deepcopy

from bayes_scaling._base.errors import InputError


def summed(tree: ast.expr, inputs: Sequence[str], text: str) -> tuple[ast.expr, dict[str, tuple[str, ...]]]:
    """Return a tree with sums over an index as their terms, and what each indexed name stands for.

    With the inputs r_web and r_code, `sum(t[j] * r[j])` is `t_web * r_web + t_code * r_code`.

    Raises
    ------
    InputError
        Where a sum has no index or several, no input that has it, or inputs of other members.
    """
    families: dict[str, tuple[str, ...]] = {}

    class Expanded(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            match node:
                case ast.Call(func=ast.Name(id="sum"), args=[term], keywords=[]):
                    return _terms(self.visit(term), inputs, text, families)
                case _:
                    node.args = [self.visit(argument) for argument in node.args]
                    return node

    expanded: ast.expr = Expanded().visit(deepcopy(tree))
    return expanded, families


def _terms(term: ast.expr, inputs: Sequence[str], text: str, families: dict[str, tuple[str, ...]]) -> ast.expr:
    indexed = [of for node in ast.walk(term) if (of := _indexed(node)) is not None]
    bases, indices = {base for base, _ in indexed}, {index for _, index in indexed}
    if len(indices) != 1:
        said = "none" if not indices else f"{sorted(indices)}"
        raise InputError(f"law {text!r}: a sum is over one index, as in sum(t[j] * r[j]); {ast.unparse(term)!r} has {said}")
    members = {base: tuple(name.removeprefix(f"{base}_") for name in inputs if name.startswith(f"{base}_")) for base in bases}
    found = {of for of in members.values() if of}
    if len(found) != 1:
        known = f"; the inputs are {list(inputs)}"
        why = "no input" if not found else "inputs of different members"
        raise InputError(f"law {text!r}: the sum over {min(indices)} has {why}, as r_web and r_code would be of r[j]{known}")
    (over,) = found
    families |= {base: tuple(f"{base}_{one}" for one in over) for base in bases}
    each = [_at(term, one) for one in over]
    total = each[0]
    for one in each[1:]:
        total = ast.BinOp(total, ast.Add(), one)
    return total


def _indexed(node: ast.AST) -> tuple[str, str] | None:
    match node:
        case ast.Subscript(value=ast.Name(id=base), slice=ast.Name(id=index)):
            return base, index
    return None


def _at(term: ast.expr, member: str) -> ast.expr:
    """Return the term of one member."""

    class Named(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            of = _indexed(node)
            return node if of is None else ast.Name(f"{of[0]}_{member}", ast.Load())

    named: ast.expr = Named().visit(deepcopy(term))
    return named
