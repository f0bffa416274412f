"""Formulas of costs: text that is parsed and checked, never run. Names are those of inputs, columns and usual terms."""

import ast
from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.expressions import Quoted, arithmetic, check_arithmetic, unquoted, with_names
from bayes_scaling.data.cost_terms import COST_TERMS

MAX_EXPANSIONS = 500
"""So many definitions and terms stand in one formula at most."""


@dataclass(frozen=True)
class Formula:
    """A formula whose definitions and terms stand in it.

    Parameters
    ----------
    text
        As written.
    tree
        What is computed.
    names
        Inputs and columns that it reads.
    """

    text: str
    tree: ast.expr
    names: frozenset[str]

    def of(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return its value at values of its names."""
        with np.errstate(all="ignore"):
            try:
                return np.asarray(arithmetic(self.tree, values), dtype=float)
            except ZeroDivisionError:
                return np.asarray(np.nan)


def parse_cost(text: str, let: Mapping[str, str | float]) -> Formula:
    """Return the formula that a text and its definitions describe.

    Raises
    ------
    InputError
        Where it is no arithmetic, or definitions go round in a circle.
    """
    tree = _expanded(text, let, (), [])
    if "mean" in {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}:
        raise InputError(f"cost {text!r}: mean() is for laws of schedules; a cost is of one row")
    return Formula(text, tree, frozenset(check_arithmetic(tree, text)))


def _expanded(text: str, let: Mapping[str, str | float], within: tuple[str, ...], done: list[str]) -> ast.expr:
    """Return the tree of a text with definitions and terms in the place of their names; within itself a name is a column's."""
    done.append(text)
    if len(done) > MAX_EXPANSIONS:
        raise InputError(f"cost {done[0]!r}: more than {MAX_EXPANSIONS} definitions stand in it")
    tree = with_names(*unquoted(text, "cost"))
    check_arithmetic(tree, text)

    class Expanded(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            of = None if isinstance(node, Quoted) or node.id in within else _definition(node.id, let)
            if of is None:
                return node
            return _expanded(of, let, (*within, node.id), done) if isinstance(of, str) else ast.Constant(float(of))

        def visit_Call(self, node: ast.Call) -> ast.expr:
            node.args = [self.visit(one) for one in node.args]
            return node

    expanded: ast.expr = Expanded().visit(tree)
    return expanded


def _definition(name: str, let: Mapping[str, str | float]) -> str | float | None:
    return let.get(name, COST_TERMS[name].formula if name in COST_TERMS else None)


def unknown_names(names: frozenset[str], known: AbstractSet[str]) -> str:
    """Return what an error says of names that a table lacks."""
    return f"{format_names(names - known)}; the table has {format_names(known)}, usual terms are {format_names(COST_TERMS)}"
