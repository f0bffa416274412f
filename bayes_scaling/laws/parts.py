"""The text of a law taken apart: its named parts, each a line `name = ...`, and the law itself in the last line.

Two things in a text stand for more than they say: `ref(tokens)` for a number, the reference of an input, and a sum over an
index, `sum(t[j] * r[j])`, for its terms, one for each input that is called `r_...`. A group may stand before the index.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from keyword import iskeyword

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.expressions import MAX_DEPTH, MAX_EXPRESSION, PLAIN_NAME, check_arithmetic, depth, parse_expression
from bayes_scaling.laws.sums import summed

MAX_EXPANDED = 20_000
"""Nodes of a law with its parts written out."""

_DEFINES = re.compile(r"\s*([^\s=<>!]+)\s*=(?!=)(.*)", re.DOTALL)
"""A line that begins a part, or the law where it has a name."""
_GOES_ON = re.compile(r"\s*(\*|/|\+|-|\)|,)")
"""How a line begins that goes on with the one before it."""

type Trees = Mapping[str, ast.expr]


@dataclass(frozen=True)
class LawText:
    """A law's text, read.

    Parameters
    ----------
    said
        Name -> tree of each part as it is written, in the order in which they are defined; the law's has the name "".
    parts
        The same without the law, references as numbers and sums over an index as their terms.
    law
        The tree of the law, in which parts stand by their names.
    names
        Of inputs and parameters, in the law and its parts.
    references
        The inputs whose references the text names, and their values.
    families
        Name -> the parameters that it stands for in a sum over an index: t -> t_web, t_code.
    groups
        Name -> the groups before its index, between whose levels each of these differs: t -> output, of `t[output, j]`.
    """

    said: Trees
    parts: Trees
    law: ast.expr
    names: set[str]
    references: Mapping[str, float]
    families: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def short(self) -> bool:
        """Whether the text says more in fewer words than the law written out: it is to be kept."""
        return bool(self.parts or self.references or self.families)


def read_text(text: str, inputs: Sequence[str] = (), references: Mapping[str, float] | None = None) -> LawText:
    """Return the parts and the law of a text.

    Parameters
    ----------
    inputs
        The names of data, over which sums run.
    references
        Input -> its reference; None where only names are asked for.

    Raises
    ------
    InputError
        Where the text is no arithmetic or names a reference that is not given, a part is defined twice, not used or used
        before it is defined, or no law follows.
    """
    if not isinstance(text, str):
        raise InputError(f"a law is a text, not {text!r}")
    if len(text) > MAX_EXPRESSION:
        raise InputError(f"law text has {len(text)} characters; at most {MAX_EXPRESSION} are read")
    said = _said(text)
    trees: dict[str, ast.expr] = {}
    named: dict[str, float] = {}
    families: dict[str, tuple[str, ...]] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for name, tree in said.items():
        terms, found = summed(tree, inputs, text)
        families |= found.families
        groups |= {base: over for base, over in found.groups.items() if over}
        trees[name] = _referred(terms, text, references, named)
    law = trees.pop("")
    names = _names(text, trees, law)
    _check_size(text, trees, law)
    of_parameters = {name: members for name, members in families.items() if not set(members) & set(inputs)}
    return LawText(said, trees, law, names, named, of_parameters, groups)


def _said(text: str) -> dict[str, ast.expr]:
    """Return the trees of what the lines of a text say, by name; that of the law is ""."""
    bare = re.sub(r"#[^\n]*", "", text)
    if not any(_DEFINES.match(line) for line in re.split(r"[\n;]", bare)):
        return {"": parse_expression(bare, "law")}
    *defined, last = _statements(bare)
    if _DEFINES.match(last):
        raise InputError(f"law {text!r} ends with {last!r}; its last line is the law itself, without a name")
    if unnamed := [one for one in defined if not _DEFINES.match(one)]:
        raise InputError(f"law {text!r}: {unnamed[0]!r} has no name; lines before the last are parts, as n_eff = ...")
    return {**_parts(text, defined), "": parse_expression(last, "law")}


def _names(text: str, parts: Trees, law: ast.expr) -> set[str]:
    """Return the names of inputs and parameters; errors where a part is not used, or used before it is defined."""
    used: dict[str, set[str]] = {}
    for name, of in parts.items():
        known = set(used)
        used[name] = check_arithmetic(of, text)
        if early := used[name] & set(parts) - known:
            raise InputError(_too_early(text, name, early))
    every = check_arithmetic(law, text).union(*used.values())
    if unused := set(parts) - every:
        raise InputError(f"law {text!r} does not use its part {min(unused)!r}")
    return every - set(parts)


def _referred(tree: ast.expr, text: str, references: Mapping[str, float] | None, found: dict[str, float]) -> ast.expr:
    """Return a tree with the references that it names as numbers; those it names are added to `found`."""

    class Numbered(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.expr:
            match node:
                case ast.Call(func=ast.Name(id="ref"), args=[ast.Name(id=name)], keywords=[]):
                    if references is not None and name not in references:
                        raise InputError(_no_reference(text, name, references))
                    found[name] = 1.0 if references is None else float(references[name])
                    return ast.Constant(found[name])
                case _:
                    node.args = [self.visit(argument) for argument in node.args]
                    return node

    numbered: ast.expr = Numbered().visit(deepcopy(tree))
    return numbered


def _no_reference(text: str, name: str, references: Mapping[str, float]) -> str:
    known = f"the inputs with one are {sorted(references)}" if references else "no input has one"
    return f"law {text!r} names ref({name}): give that input a reference; {known}"


def _statements(text: str) -> Iterator[str]:
    """Yield what the lines of a text say; one that begins with an operator, or follows an open bracket, goes on."""
    said = ""
    for line in re.split(r"[\n;]", text):
        goes_on = said.count("(") > said.count(")") or said.rstrip().endswith(("+", "-", "*", "/", "=", ","))
        if said and not goes_on and not _GOES_ON.match(line) and line.strip():
            yield " ".join(said.split())
            said = ""
        said = f"{said} {line}".strip()
    yield " ".join(said.split())


def _parts(text: str, statements: list[str]) -> dict[str, ast.expr]:
    """Return the named parts of a law's text, each defined once."""
    parts: dict[str, ast.expr] = {}
    for one in statements:
        found = _DEFINES.match(one)
        assert found is not None
        name, of = found[1], found[2].strip()
        if not re.fullmatch(PLAIN_NAME, name) or iskeyword(name):
            raise InputError(f"law {text!r}: {name!r} is no name of a part; use letters, digits and single inner underscores")
        if name in parts:
            raise InputError(f"law {text!r} defines its part {name!r} twice")
        parts[name] = parse_expression(of, "law")
    return parts


def _too_early(text: str, name: str, early: set[str]) -> str:
    one = min(early)
    if one == name:
        return f"law {text!r}: its part {name!r} is defined by itself"
    return f"law {text!r}: its part {one!r} is used by {name!r} before it is defined; parts stand in the order of their use"


def _check_size(text: str, parts: Trees, law: ast.expr) -> None:
    """Refuse parts that within one another make a law that is too long, or too deep, to be worked with."""
    whole = reduce(lambda known, one: {**known, one[0]: _with(one[1], known)}, parts.items(), dict[str, ast.expr]())
    tree = _with(law, whole)
    if size(tree) > MAX_EXPANDED:
        raise InputError(
            f"law {text[:60]!r}... has more than {MAX_EXPANDED} names, numbers and operators, its parts written out"
        )
    if depth(tree) > MAX_DEPTH:
        raise InputError(f"law {text[:60]!r}... is nested more than {MAX_DEPTH} deep, its parts written out")


def _with(node: ast.expr, known: Trees) -> ast.expr:
    """Return a tree with parts in the place of their names; a part that is used twice is one branch."""
    match node:
        case ast.Name(id=name):
            return known.get(name, node)
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(_with(left, known), op, _with(right, known))
        case ast.UnaryOp(op=op, operand=operand):
            return ast.UnaryOp(op, _with(operand, known))
        case ast.Call(func=func, args=arguments):
            return ast.Call(func, [_with(argument, known) for argument in arguments], [])
    return node


def written(read: LawText) -> str:
    """Return a law as text, its parts in lines before it."""
    return "\n".join(f"{name} = {ast.unparse(of)}" if name else ast.unparse(of) for name, of in read.said.items())


def size(tree: ast.AST, known: dict[int, int] | None = None) -> int:
    """Count the nodes a tree has when shared branches are written out."""
    known = {} if known is None else known
    if id(tree) not in known:
        known[id(tree)] = 1 + sum(size(child, known) for child in ast.iter_child_nodes(tree))
    return known[id(tree)]
