"""What a law gives for symbols, draws or numbers, and where it has no value or no slope."""

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling._base.expressions import ARITHMETIC, arithmetic
from bayes_scaling._base.functions import Functions
from bayes_scaling.laws.formula import law_tree, readable
from bayes_scaling.laws.library import Law, law_inputs


def taken_at_zero(law: Law, name: str) -> str:
    """Return what a law takes of an input that has no value, or no slope, where the input is 0: `log(x)`; "" where nothing."""
    for node in ast.walk(law_tree(law)):
        match node:
            case ast.Call(func=ast.Name(id="log"), args=[ast.Name(id=of)]) if of == name:
                return f"log({name})"
            case ast.BinOp(op=ast.Div(), right=ast.Name(id=of)) if of == name:
                return f"1 / {name}"
            case ast.BinOp(left=ast.Name(id=of), op=ast.Pow(), right=exponent) if of == name:
                if not (isinstance(exponent, ast.Constant) and float(str(exponent.value)) > 0):
                    return f"{name}^{readable(exponent)}"
    return ""


def without_slope(law: Law, logs: Mapping[str, Any], parameters: Mapping[str, Any], functions: Functions) -> str:
    """Return what of a law has no slope along its parameters at a place, as `sqrt(k x)` where x is 0; "" where nothing.

    Parameters
    ----------
    logs, parameters, functions
        As `law_value` takes them.
    """
    known: dict[int, Any] = {}
    _evaluated(law_tree(law), logs, _values(law, logs, parameters, functions), functions, known)
    for node in ast.walk(law_tree(law)):
        match node:
            case ast.Call(func=ast.Name(id="sqrt" | "log"), args=[inner]) | ast.BinOp(op=ast.Div(), right=inner):
                pass
            case ast.BinOp(left=inner, op=ast.Pow(), right=exponent):
                if isinstance(exponent, ast.Constant) and float(str(exponent.value)) >= 1:
                    continue
            case _:
                continue
        owned = any(isinstance(of, ast.Name) and of.id in parameters for of in ast.walk(inner))
        if owned and np.any(known.get(id(inner), 1.0) == 0):
            return readable(node)
    return ""


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
    return _evaluated(law_tree(law), logs, _values(law, logs, parameters, functions), functions, {})


def _values(law: Law, logs: Mapping[str, Any], parameters: Mapping[str, Any], functions: Functions) -> dict[str, Any]:
    """Return the values of a law's inputs and parameters."""
    return {name: functions["exp"](logs[name]) for name in law_inputs(law)} | dict(parameters)


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
