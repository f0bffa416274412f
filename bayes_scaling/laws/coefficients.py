"""Convert coefficients at a reference to coefficients in the inputs' own units, by the dimensions of the law.

A law at reference sees x / x_ref. In A (x / x_ref)^-alpha = (A x_ref^alpha) x^-alpha the coefficient for x in its own unit is
A x_ref^alpha. In any law each part of its tree carries a factor of powers of the references. Both sides of a sum need the same
factor, and so do those of a minimum. The argument of a function carries none, but for the mean, which is a sum, the absolute
value, and the square root, which is a power. The whole law carries none. That leaves one unknown after another to be solved.
"""

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base.expressions import arithmetic
from bayes_scaling._base.functions import OF_SEVERAL, SAME_UNIT
from bayes_scaling._base.random import stream
from bayes_scaling.laws.formula import law_tree
from bayes_scaling.laws.library import Law, law_inputs, law_parameters


def in_units(law: Law, parameters: Mapping[str, xr.DataArray], references: Mapping[str, float]) -> dict[str, xr.DataArray]:
    """Return the parameters whose value depends on the references, as they are for inputs in their own units.

    Parameters
    ----------
    parameters
        Name -> draws at the reference.
    references
        Input -> its reference.
    """
    if len({of.dims for of in parameters.values()}) == 1 and len({of.shape for of in parameters.values()}) == 1:
        # Bare arrays take a tenth of the time of named ones.
        first = next(iter(parameters.values()))
        levels = {dim: first.indexes[dim] for dim in first.dims if dim in first.indexes}
        if all(of.indexes[dim].equals(known) for of in parameters.values() for dim, known in levels.items()):
            found = _in_units(law, {name: of.to_numpy() for name, of in parameters.items()}, references)
            return {name: parameters[name].copy(data=of) for name, of in found.items()}
    return _in_units(law, parameters, references)


@lru_cache(maxsize=64)  # of one law for each part of a fit
def shifts(law: Law) -> dict[str, dict[str, tuple[float, ...]]]:
    """Return how the logarithms of coefficients at a reference hang on exponents.

    log A = log A(r) + sum over exponents e and inputs x of f_x e log r_x,   A(r) the coefficient at r times the reference

    Returns
    -------
    dict
        Coefficient -> exponent -> f, for each input in the order of the law's; coefficients of which it is not linear are
        left out.

    Examples
    --------
    >>> from bayes_scaling import laws
    >>> shifts(laws.chinchilla)
    {'A': {'alpha': (1.0, 0.0)}, 'B': {'beta': (0.0, 1.0)}}
    """
    names, inputs = law_parameters(law), law_inputs(law)
    at, random = dict.fromkeys(names, 0.5), stream(0, "values of parameters")
    elsewhere = {name: float(random.uniform(0.3, 0.7)) for name in names}

    def moved(values: Mapping[str, float]) -> dict[str, np.ndarray]:
        """Return the change of each logarithm when one input after the other has its reference moved by an e-fold."""
        found = np.zeros((len(names), len(inputs)))
        for j, x in enumerate(inputs):
            references = {other: np.e if other == x else 1.0 for other in inputs}
            with np.errstate(all="ignore"):
                new = _in_units(law, {name: np.array(of) for name, of in values.items()}, references)
            for name, of in new.items():
                found[names.index(name), j] = np.log(of / values[name])
        return dict(zip(names, found, strict=True))

    step, base, other = 0.1, moved(at), moved(elsewhere)
    each = {e: moved({**at, e: at[e] + step}) for e in names}
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for name in names:
        slopes = {e: np.round((each[e][name] - base[name]) / step, 6) + 0.0 for e in names}
        told = base[name] + sum(slopes[e] * (elsewhere[e] - at[e]) for e in names)
        if np.allclose(told, other[name], atol=1e-6) and any(of.any() for of in slopes.values()):
            found[name] = {e: tuple(of.tolist()) for e, of in slopes.items() if of.any()}
    return {name: of for name, of in found.items() if not of.keys() & found.keys()}


def _in_units[Draws: (xr.DataArray, np.ndarray)](
    law: Law, parameters: Mapping[str, Draws], references: Mapping[str, float]
) -> dict[str, Draws]:
    """Return parameters in the inputs' own units, as far as the law lets references go into coefficients."""
    logs: dict[str, Any] = {name: -np.log(reference) for name, reference in references.items()}
    tree = law_tree(law)
    for _ in range(len(parameters)):
        before = len(logs)
        seen: set[int] = set()
        _solve(tree, 0.0, logs, parameters, seen)
        for part in _sums(tree):
            if id(part) not in seen and (factor := _log_factor(part, logs, parameters)) is not None:
                _solve(part, factor, logs, parameters, seen)
        if len(logs) == before:
            break
    changed = {name: log for name, log in logs.items() if name in parameters and np.any(log != 0.0)}
    converted = {name: parameters[name] * np.exp(-log) for name, log in changed.items()}
    return converted if _agree(law, parameters, converted, references) else {}


def _agree(law: Law, parameters: Mapping[str, Any], converted: Mapping[str, Any], references: Mapping[str, float]) -> bool:
    """Whether both conventions give the same loss; they cannot where a law holds a number with a unit, as x + 1 does."""
    for factor in (0.5, 3.0):
        at_reference = law(**dict.fromkeys(references, factor), **parameters)
        in_own_unit = law(**{name: factor * of for name, of in references.items()}, **{**parameters, **converted})
        if not np.allclose(at_reference, in_own_unit, rtol=1e-6):
            return False
    return True


def _sums(tree: ast.AST) -> list[ast.AST]:
    """Return the sums and extremes in a law, each once although branches are shared: all parts of one carry the same factor."""
    found: dict[int, ast.AST] = {}
    level = [tree]
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if id(child) not in found]
        found |= {id(node): node for node in level}
        level = list({id(node): node for node in level}.values())
    return [node for node in (tree, *found.values()) if _is_sum(node)]


def _is_sum(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in OF_SEVERAL
    return False


def _log_factor(node: ast.AST, logs: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """Return the logarithm of the factor that a part of the law carries, None where it is not known yet."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in SAME_UNIT:
            parts = (_log_factor(argument, logs, values) for argument in arguments)
            return next((part for part in parts if part is not None), None)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument]):
            part = _log_factor(argument, logs, values)
            return None if part is None else part / 2
        case ast.Constant() | ast.Call():
            return 0.0
        case ast.Name(id=name):
            return logs.get(name)
        case ast.UnaryOp(operand=operand):
            return _log_factor(operand, logs, values)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            exponent = _value(right, values)
            if exponent is None:
                return 0.0
            base = _log_factor(left, logs, values)
            return None if base is None else base * exponent
        case ast.BinOp(left=left, op=op, right=right):
            sides = _log_factor(left, logs, values), _log_factor(right, logs, values)
            if isinstance(op, ast.Add | ast.Sub):
                return next((side for side in sides if side is not None), None)
            if sides[0] is None or sides[1] is None:
                return None
            return sides[0] + sides[1] if isinstance(op, ast.Mult) else sides[0] - sides[1]
    return None


def _solve(node: ast.AST, wanted: Any, logs: dict[str, Any], values: Mapping[str, Any], seen: set[int]) -> None:
    """Record the factor of each unknown parameter below a part of the law that carries the factor `wanted`."""
    if id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case ast.Name(id=name):
            logs.setdefault(name, wanted)
        case ast.UnaryOp(operand=operand):
            _solve(operand, wanted, logs, values, seen)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            each = wanted if function in SAME_UNIT else 2.0 * wanted if function == "sqrt" else 0.0
            for argument in arguments:
                _solve(argument, each, logs, values, seen)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            _solve(left, wanted, logs, values, seen)
            _solve(right, wanted, logs, values, seen)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            _solve(right, 0.0, logs, values, seen)
            exponent = _value(right, values)
            _solve(left, 0.0 if exponent is None else wanted / exponent, logs, values, seen)
        case ast.BinOp(left=left, op=op, right=right):
            sign = 1.0 if isinstance(op, ast.Mult) else -1.0
            one, other = _log_factor(left, logs, values), _log_factor(right, logs, values)
            if other is not None:
                _solve(left, wanted - sign * other, logs, values, seen)
            if one is not None:
                _solve(right, sign * (wanted - one), logs, values, seen)


def _value(node: ast.AST, values: Mapping[str, Any]) -> Any:
    """Return the value of an exponent, None where it depends on an input."""
    try:
        return arithmetic(node, values)
    except KeyError:
        return None
