"""Sums over an index in the text of a law, `sum(t[j] * r[j])`: one term for each input that is called `r_...`.

Names before the index are groups that a parameter differs between: in `sum(t[output, j] * r[j])` each
`t_...` varies over output.
"""

import ast
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from bayes_scaling._base.errors import InputError


@dataclass(frozen=True)
class Indexed:
    """What indexed names stand for.

    Parameters
    ----------
    families
        Name -> its members: t -> t_web, t_code.
    groups
        Name -> the groups that stand before its index: t -> output, of `t[output, j]`.
    """

    families: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def summed(tree: ast.expr, inputs: Sequence[str], text: str) -> tuple[ast.expr, Indexed]:
    """Return a tree with sums over an index as their terms, and what each indexed name stands for.

    With the inputs r_web and r_code, `sum(t[j] * r[j])` is `t_web * r_web + t_code * r_code`.

    Raises
    ------
    InputError
        Where a sum has no index or several, no input that has it, or inputs of other members; where a name stands with several
        groups, or an input with any.
    """
    found = Indexed()

    class Expanded(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            match node:
                case ast.Call(func=ast.Name(id="sum"), args=[term], keywords=[]):
                    return _terms(self.visit(term), inputs, text, found)
                case _:
                    node.args = [self.visit(argument) for argument in node.args]
                    return node

    expanded: ast.expr = Expanded().visit(deepcopy(tree))
    return expanded, found


def _terms(term: ast.expr, inputs: Sequence[str], text: str, found: Indexed) -> ast.expr:
    """Return a sum over an index, as sum(t[j] * r[j]), with a term for each member of its input."""
    indexed = [of for node in ast.walk(term) if (of := _indexed(node)) is not None]
    bases, indices = {base for base, _, _ in indexed}, {index for _, _, index in indexed}
    if len(indices) != 1:
        said = "none" if not indices else f"{sorted(indices)}"
        raise InputError(f"law {text!r}: a sum is over one index, as in sum(t[j] * r[j]); {ast.unparse(term)!r} has {said}")
    members = {base: tuple(name.removeprefix(f"{base}_") for name in inputs if name.startswith(f"{base}_")) for base in bases}
    known_members = {of for of in members.values() if of}
    if len(known_members) != 1:
        known = f"; the inputs are {list(inputs)}"
        why = "no input" if not known_members else "inputs of different members"
        raise InputError(f"law {text!r}: the sum over {min(indices)} has {why}, as r_web and r_code would be of r[j]{known}")
    (over,) = known_members
    for base, groups, _ in indexed:
        if groups and members[base]:
            raise InputError(f"law {text!r}: {base}[{', '.join(groups)}, ...] is an input, which has an index and no group")
        if found.groups.setdefault(base, groups) != groups:
            raise InputError(f"law {text!r}: {base} stands with the groups {list(found.groups[base])} and {list(groups)}")
    found.families.update({base: tuple(f"{base}_{one}" for one in over) for base in bases})
    each = [_at(term, one) for one in over]
    total = each[0]
    for one in each[1:]:
        total = ast.BinOp(total, ast.Add(), one)
    return total


def _indexed(node: ast.AST) -> tuple[str, tuple[str, ...], str] | None:
    """Return a name with the groups and the index that it has."""
    match node:
        case ast.Subscript(value=ast.Name(id=base), slice=ast.Name(id=index)):
            return base, (), index
        case ast.Subscript(value=ast.Name(id=base), slice=ast.Tuple(elts=[*groups, ast.Name(id=index)])):
            names = tuple(one.id for one in groups if isinstance(one, ast.Name))
            return (base, names, index) if len(names) == len(groups) else None
    return None


def _at(term: ast.expr, member: str) -> ast.expr:
    """Return the term of one member."""

    class Named(ast.NodeTransformer):
        def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
            of = _indexed(node)
            return node if of is None else ast.Name(f"{of[0]}_{member}", ast.Load())

    named: ast.expr = Named().visit(deepcopy(term))
    return named
