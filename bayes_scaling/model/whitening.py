"""Coordinates in which a vector that is standard normal beforehand is nearly standard normal after the data, too.

Let z ~ Normal(0, I) beforehand, and what the data say of it be nearly a Gaussian of precision A and linear term b. Then z is
nearly Normal(M^-1 b, M^-1), M = I + A = L L'. With

    z = L'^-1 (L^-1 b + w)

w is nearly Normal(0, I) after the data, whatever A and b are, which may depend on other parameters: where the data are normal
and z enters linearly it is so exactly. The model is the same: z has its prior, and w the density that follows,

    log p(w) = -z'z / 2 - sum_i log L_ii + const.
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic

type Floats = np.ndarray

VERSION = int(sha256(inspect.getsource(sys.modules[__name__]).encode()).hexdigest()[:15], 16)
"""Compiled functions are kept on disk under it, so that an edit of this file is noticed."""


nth = np.uint64
"""An index: numba asks of one that could be negative, each time, whether it counts from the end."""


@numba.njit(error_model="numpy")
def _root(information: Floats) -> Floats:
    """Return the lower triangular root of I + A; its diagonal is at least 1, as it is in exact arithmetic."""
    n = len(information)
    upper = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            upper[nth(j), nth(i)] = information[nth(i), nth(j)]
    for k in range(n):  # row by row of L', so that the innermost loop is over neighbours in memory
        row = upper[nth(k)]
        row[nth(k)] = np.sqrt(max(1.0 + row[nth(k)], 1.0))
        for j in range(k + 1, n):
            row[nth(j)] /= row[nth(k)]
        for i in range(k + 1, n):
            factor, rest = row[nth(i)], upper[nth(i)]
            for j in range(i, n):
                rest[nth(j)] -= row[nth(j)] * factor
    return upper.T.copy()


@numba.njit(error_model="numpy")
def _forward(root: Floats, x: Floats) -> Floats:
    """Return L^-1 x."""
    found = x.copy()
    for i in range(len(x)):
        total = found[nth(i)]
        for k in range(i):
            total -= root[nth(i), nth(k)] * found[nth(k)]
        found[nth(i)] = total / root[nth(i), nth(i)]
    return found


@numba.njit(error_model="numpy")
def _backward(root: Floats, x: Floats) -> Floats:
    """Return L'^-1 x."""
    found = x.copy()
    for i in range(len(x) - 1, -1, -1):
        last = found[nth(i)] / root[nth(i), nth(i)]
        found[nth(i)] = last
        for k in range(i):
            found[nth(k)] -= root[nth(i), nth(k)] * last
    return found


@numba.njit(error_model="numpy")
def _backward_columns(root: Floats, x: Floats) -> Floats:
    """Return L'^-1 X, all columns side by side."""
    found = x.copy()
    for i in range(len(x) - 1, -1, -1):
        last, pivot = found[nth(i)], root[nth(i), nth(i)]
        for c in range(x.shape[1]):
            last[nth(c)] /= pivot
        for k in range(i):
            factor, rest = root[nth(i), nth(k)], found[nth(k)]
            for c in range(x.shape[1]):
                rest[nth(c)] -= factor * last[nth(c)]
    return found


@numba.njit(error_model="numpy")
def forward(w: Floats, information: Floats, linear: Floats) -> tuple[Floats, Floats]:
    """Return z, and minus the logarithm of L's diagonal, summed."""
    root = _root(information)
    value = 0.0
    for i in range(len(w)):
        value -= np.log(root[i, i])
    return _backward(root, _forward(root, linear) + w), np.asarray(value)


@numba.njit(error_model="numpy")
def backward(w: Floats, information: Floats, linear: Floats, to_z: Floats, to_value: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the gradients with respect to w, A and b, from those with respect to what `forward` returns."""
    n = len(w)
    root = _root(information)
    known = _forward(root, linear)
    to_w = _forward(root, to_z)
    to_linear = _backward(root, to_w)
    # to_A = L'^-1 (P + P') L^-1 / 2, P = tril(L' to_L), its diagonal halved (Murray 2016, arXiv 1602.07527). Here to_L has
    # -z to_w' - to_b known' below the diagonal and on it, and L'z = known + w, L'to_b = to_w.
    both = np.empty((n, n))
    for i in range(n):
        for j in range(i + 1):
            both[i, j] = both[j, i] = -(known[i] + w[i]) * to_w[j] - to_w[i] * known[j]
        both[i, i] -= to_value[()]
    half = 0.5 * _backward_columns(root, both.T)
    to_information = _backward_columns(root, half.T.copy()).T.copy()
    return to_w, to_information, to_linear


class _Whiten(Op):  # type: ignore[misc]
    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of PyTensor's graph."""
        kinds = [1, 2, 1, 1, 0]
        known = [pt.as_tensor_variable(one, ndim=n).astype("float64") for one, n in zip(inputs, kinds, strict=False)]
        return Apply(self, known, self.results(known))

    def results(self, known: list[Any]) -> list[Any]:
        return [known[0].type(), pt.dscalar()]

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute outside compiled graphs."""
        for store, value in zip(outputs, KERNELS[type(self)](*inputs), strict=True):
            store[0] = value

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of the outputs."""
        return [shapes[0], ()]

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Return the gradient, by hand."""
        pairs = zip(outputs, cotangents, strict=True)
        known = [pt.zeros_like(of) if isinstance(one.type, DisconnectedType) else one for of, one in pairs]
        return list(_Slopes()(*inputs, *known))


class _Slopes(_Whiten):
    def results(self, known: list[Any]) -> list[Any]:
        return [of.type() for of in known[:3]]

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of the outputs: those of what they are gradients with respect to."""
        return list(shapes[:3])


KERNELS: dict[type, Any] = {_Whiten: forward, _Slopes: backward}


def _compiled(op: _Whiten, node: Apply, **_: Any) -> Any:
    return KERNELS[type(op)], VERSION


for _op in KERNELS:
    basic.register_funcify_default_op_cache_key(_op)(_compiled)


def draw_whitened(name: str, information: Any, linear: Any, **size: Any) -> Any:
    """Return z as a symbol, having registered w under a name in the PyMC model at hand.

    Parameters
    ----------
    information, linear
        A, symmetric, and b.
    size
        `shape` or `dims` of w, as PyMC takes them; z is flat.
    """
    import pymc as pm

    w = pm.Flat(name, **size)
    z, value = _Whiten()(w if w.ndim == 1 else w.ravel(), information, linear)
    pm.Potential(f"{name}_density", value - 0.5 * (z**2).sum())
    return z


type Entries = Mapping[tuple[int, int], Any]
"""(i, j), j <= i -> that entry of a symmetric matrix at all levels, as symbols or as draws."""


def levels_root(information: Entries, sqrt: Callable[[Any], Any]) -> dict[tuple[int, int], Any]:
    """Return L of every level, the lower triangular root of I + A, entry by entry."""
    root: dict[tuple[int, int], Any] = {}
    for i, j in sorted(information):
        left = information[i, j] - sum(root[i, k] * root[j, k] for k in range(j))
        root[i, j] = sqrt(1.0 + left) if i == j else left / root[j, j]
    return root


def unwhiten_levels(w: Sequence[Any], information: Entries, sqrt: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    """Return z = L'^-1 w of every level, and L's diagonal: few numbers a level, and many levels side by side.

    Parameters
    ----------
    w
        For each of the numbers its values at all levels, as symbols or as draws.
    information
        A.
    sqrt
        Of symbols or of draws.
    """
    root = levels_root(information, sqrt)
    z: dict[int, Any] = {}
    for i in reversed(range(len(w))):
        z[i] = (w[i] - sum(root[j, i] * z[j] for j in range(i + 1, len(w)))) / root[i, i]
    return [z[i] for i in range(len(w))], [root[i, i] for i in range(len(w))]


def unwhiten(w: np.ndarray, information: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Return z, a draw a row, from w, A and b in each draw."""
    return np.asarray(_unwhiten(*(np.ascontiguousarray(of, float) for of in (w, information, linear))))


@numba.njit(error_model="numpy", cache=True)
def _unwhiten(w: Floats, information: Floats, linear: Floats) -> Floats:
    found = np.empty_like(w)
    for draw in range(len(w)):
        found[draw] = forward(w[draw], information[draw], linear[draw])[0]
    return found
