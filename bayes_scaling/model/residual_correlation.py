"""Residuals of one run that are correlated between its outputs: one normal of all that the run shows, missing cells left out.

    z_run ~ Normal(0, M),   M_ij = a_i a_j R[l_i, l_j],   M_ii = 1

z are residuals in units of the whole scale of their row; a is the share of it that is no measurement error, which is nobody
else's; l the output of a row. R is a correlation matrix, of which a run with missing cells has the rows and columns that it
shows: that is what integrating the others out leaves.

R follows from partial correlations p_ij, see `lkj`, which are sampled as y = atanh p.
"""

from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic

HALF_LOG_2PI = 0.9189385332046727
"""log(2 pi) / 2, the constant of a normal log density."""
VERSION = 1
"""Of the kernel: a compiled one is kept on disk under it."""


@numba.njit(error_model="numpy")
def rows_given(
    z: np.ndarray, a: np.ndarray, r: np.ndarray, level: np.ndarray, order: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """Return the log density of each row given those before it in its run, in units of its scale.

    Parameters
    ----------
    r
        R, outputs by outputs.
    level
        The output of each row; -1 for one that is not among them, and correlates with none.
    order, first
        The rows run by run, and whether each of these begins a run.
    """
    n = len(z)
    density = np.empty(n)
    root, white = np.zeros((len(r) + 1, len(r) + 1)), np.zeros(len(r) + 1)
    start = 0
    for t in range(n):
        if first[t]:
            start = t
        i, m = order[t], t - start
        left, rest = z[i], 1.0
        for j in range(m):
            o = order[start + j]
            known = level[i] >= 0 and level[o] >= 0
            of = a[i] * a[o] * r[level[i], level[o]] if known else 0.0
            for k in range(j):
                of -= root[m, k] * root[j, k]
            root[m, j] = of / root[j, j]
            left -= root[m, j] * white[j]
            rest -= root[m, j] * root[m, j]
        root[m, m] = np.sqrt(rest)
        white[m] = left / root[m, m]
        density[i] = -0.5 * white[m] * white[m] - np.log(root[m, m]) - HALF_LOG_2PI
    return density


@numba.njit(error_model="numpy")
def forward_backward(
    z: np.ndarray, a: np.ndarray, r: np.ndarray, level: np.ndarray, order: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the log density of all rows, as `rows_given` has it, and its gradients with respect to z, a and R."""
    n, most = len(z), len(r)
    total = 0.0
    to_z, to_a, to_r = np.zeros(n), np.zeros(n), np.zeros((most, most))
    root, inverse, u = np.zeros((most, most)), np.zeros((most, most)), np.zeros(most)
    t = 0
    while t < n:
        m = 1
        while t + m < n and not first[t + m]:
            m += 1
        for i in range(m):
            x = order[t + i]
            for j in range(i + 1):
                y = order[t + j]
                of = a[x] * a[y] * r[level[x], level[y]] if j < i else 1.0
                for k in range(j):
                    of -= root[i, k] * root[j, k]
                root[i, j] = of / root[j, j] if j < i else np.sqrt(of)
            total -= np.log(root[i, i]) + HALF_LOG_2PI
        for c in range(m):  # the inverse of M, column by column
            for i in range(m):
                of = 1.0 if i == c else 0.0
                for k in range(i):
                    of -= root[i, k] * inverse[k, c]
                inverse[i, c] = of / root[i, i]
            for i in range(m - 1, -1, -1):
                of = inverse[i, c]
                for k in range(i + 1, m):
                    of -= root[k, i] * inverse[k, c]
                inverse[i, c] = of / root[i, i]
        for i in range(m):
            u[i] = 0.0
            for j in range(m):
                u[i] += inverse[i, j] * z[order[t + j]]
            total -= 0.5 * u[i] * z[order[t + i]]
        for i in range(m):
            x = order[t + i]
            to_z[x] = -u[i]
            for j in range(m):
                if j != i:
                    y = order[t + j]
                    slope = 0.5 * (u[i] * u[j] - inverse[i, j])
                    to_r[level[x], level[y]] += slope * a[x] * a[y]
                    to_a[x] += 2.0 * slope * a[y] * r[level[x], level[y]]
        t += m
    return np.array(total), to_z, to_a, to_r


class _Between(Op):  # type: ignore[misc]
    """The log density, and beside it its gradients, which cost little more than it does."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of PyTensor's graph."""
        z, a, r = (pt.as_tensor_variable(one).astype("float64") for one in inputs[:3])
        known = [pt.as_tensor_variable(one, ndim=1).astype("int64") for one in inputs[3:]]
        return Apply(self, [z, a, r, *known], [pt.dscalar(), z.type(), a.type(), r.type()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute outside compiled graphs."""
        for store, value in zip(outputs, forward_backward(*inputs), strict=True):
            store[0] = value

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of the outputs: a number, and gradients shaped like what they are with respect to."""
        return [(), *shapes[:3]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Return which outputs depend on which inputs smoothly: all, but for the whole numbers."""
        return [[place < 3] * len(node.outputs) for place in range(len(node.inputs))]

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Return the gradient, which the node has computed already."""
        if not all(isinstance(one.type, DisconnectedType) for one in cotangents[1:]):
            raise NotImplementedError("the log density of correlated outputs has first derivatives only")
        return [*(cotangents[0] * one for one in outputs[1:]), *(disconnected_type() for _ in range(3))]


@basic.register_funcify_default_op_cache_key(_Between)  # type: ignore[untyped-decorator]
def _compiled(op: _Between, node: Apply, **_: Any) -> Any:
    return forward_backward, VERSION


def log_density(z: Any, a: Any, r: Any, level: Any, order: Any, first: Any) -> Any:
    """Return, as a symbol, the log density of all rows in units of their scales; arguments as for `rows_given`."""
    return _Between()(z, a, r, level, order, first)[0]


def symbolic_correlation(partial: Any, outputs: int) -> Any:
    """Return R of partial correlations as a symbol."""
    rows, columns = np.tril_indices(outputs, -1)
    p = pt.set_subtensor(pt.zeros((outputs, outputs))[rows, columns], partial)
    root, rest = [], pt.ones(outputs)
    for j in range(outputs):
        below, own = np.arange(outputs) > j, np.arange(outputs) == j
        root.append(pt.sqrt(rest) * (below * p[:, j] + own))
        rest = rest * (1.0 - below * p[:, j] ** 2)
    full = pt.stack(root, axis=1)
    return full @ full.T
