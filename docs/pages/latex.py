"""Expressions of laws as LaTeX."""

import ast
import re

SYMBOLS = {
    "params": "N",
    "tokens": "D",
    "compute": "C",
    "steps": "S",
    "token_index": "T",
    "loops": "r",
    "streams": "P",
    "loss": "L",
    "lr_sum": "S_1",
    "annealing_area": "S_2",
    "tokens_per_param": "M",
    "params_once": "N_{\\text{once}}",
    "params_looped": "N_{\\text{looped}}",
    "curvature": "\\kappa",
    "optimum": "\\hat{r}",
    "ratio": "\\rho",
    "skew": "s",
    "e_inf": "e_\\infty",
}
GREEK = {"alpha", "beta", "gamma", "eta", "phi"}
TYPESET = ("exp", "log", "min", "max", "tanh")
"""Functions that LaTeX has by these names."""
WEAK, SUM, PRODUCT, SIGN, POWER = range(5)


def latex(node: ast.expr) -> str:
    """Return an expression as LaTeX."""
    return written(node)[0]


def written(node: ast.expr) -> tuple[str, int]:
    """Return an expression as LaTeX, and how tightly it holds together."""
    match node:
        case ast.Name(id=name):
            return symbol(name), POWER
        case ast.Constant(value=value):
            return f"{value:g}", POWER
        case ast.UnaryOp(operand=operand):
            return f"-{held(operand, PRODUCT)}", SIGN
        case ast.Call(func=ast.Name(id="abs"), args=[only]):
            return f"\\left|{latex(only)}\\right|", POWER
        case ast.Call(func=ast.Name(id="sqrt"), args=[only]):
            return f"\\sqrt{{{latex(only)}}}", POWER
        case ast.Call(func=ast.Name(id=name), args=each):
            called = name if name in TYPESET else f"operatorname{{{name}}}"
            return f"\\{called}\\left({', '.join(map(latex, each))}\\right)", POWER
        case ast.BinOp(left=left, op=op, right=right):
            return binary(left, op, right)
    raise TypeError(f"no LaTeX for {ast.dump(node)}")


def binary(left: ast.expr, op: ast.operator, right: ast.expr) -> tuple[str, int]:
    """Return two expressions joined."""
    match op:
        case ast.Pow():
            return f"{held(left, POWER)}^{{{latex(right)}}}", SIGN
        case ast.Mult():
            return f"{held(left, PRODUCT)}\\,{held(right, PRODUCT)}", PRODUCT
        case ast.Div():
            return f"\\frac{{{latex(left)}}}{{{latex(right)}}}", PRODUCT
        case ast.Add():
            return f"{held(left, SUM)} + {held(right, SUM)}", SUM
    return f"{held(left, SUM)} - {held(right, PRODUCT)}", SUM


def held(node: ast.expr, needed: int) -> str:
    """Return an expression within parentheses where it holds together less tightly than needed."""
    text, holds = written(node)
    return text if holds >= needed else f"\\left({text}\\right)"


def symbol(name: str) -> str:
    """Return the symbol of a name: Greek letters, subscripts, and words upright."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    if found := re.fullmatch(r"(\w+?)_(\w+)", name):
        head, tail = found.groups()
        return f"{symbol(head)}_{{{tail if len(tail) == 1 else f'\\text{{{tail}}}'}}}"
    if name in GREEK:
        return f"\\{name}"
    if found := re.fullmatch(r"([A-Za-z])(\d+)", name):
        return f"{found[1]}_{{{found[2]}}}"
    return name if len(name) == 1 else f"\\text{{{name}}}"
