"""A correlated process seen through white noise: Kalman's filter along runs, linear in rows, with its gradient.

    z_i = o_i + w_i,   o_i = a_i o_(i-1) + sqrt(1 - a_i^2) e_i,   e_i ~ Normal(0, 1),   w_i ~ Normal(0, sqrt(v_i))

Rows follow each other along their runs; a_i = 0 where a run begins. What row i is expected to show given those before it, and
its variance, are all that a likelihood needs (Kalman 1960). Each step needs the last, so that no arithmetic on whole arrays
does it: it is a loop, compiled, and its gradient is the same loop backwards.
"""

from typing import Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic


@numba.njit
def forward(z: np.ndarray, a: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expectation and the variance of each row given those before it."""
    expected, variance = np.empty_like(z), np.empty_like(z)
    mean, left = 0.0, 0.0  # of the process at the row before, given all up to it
    for i in range(len(z)):
        before, spread = a[i] * mean, a[i] * a[i] * left + 1.0 - a[i] * a[i]
        expected[i], variance[i] = before, spread + v[i]
        gain = spread / variance[i]
        mean, left = before + gain * (z[i] - before), gain * v[i]
    return expected, variance


@numba.njit
def backward(
    z: np.ndarray, a: np.ndarray, v: np.ndarray, to_expected: np.ndarray, to_variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients with respect to z, a and v, from those with respect to what `forward` returns."""
    n = len(z)
    mean, left = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        before, spread = a[i] * mean[i], a[i] * a[i] * left[i] + 1.0 - a[i] * a[i]
        gain = spread / (spread + v[i])
        mean[i + 1], left[i + 1] = before + gain * (z[i] - before), gain * v[i]
    to_z, to_a, to_v = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    to_mean, to_left = 0.0, 0.0
    for i in range(n - 1, -1, -1):
        before, spread = a[i] * mean[i], a[i] * a[i] * left[i] + 1.0 - a[i] * a[i]
        gain = spread / (spread + v[i])
        to_gain = to_mean * (z[i] - before)
        to_total = to_variance[i] + gain * gain * to_left - to_gain * gain / (spread + v[i])
        to_spread = to_total + to_left * (1.0 - 2.0 * gain) + to_gain / (spread + v[i])
        to_before = to_expected[i] + to_mean * (1.0 - gain)
        to_z[i], to_v[i] = to_mean * gain, to_total
        to_a[i] = to_before * mean[i] + 2.0 * a[i] * to_spread * (left[i] - 1.0)
        to_mean, to_left = to_before * a[i], to_spread * a[i] * a[i]
    return to_z, to_a, to_v


class RowsOp(Op):  # type: ignore[misc]
    """A loop over rows: some vectors of one length in, `outputs` of the same length out, by its kernel in `KERNELS`."""

    __props__ = ()
    outputs = 1

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of PyTensor's graph."""
        vectors = [pt.as_tensor_variable(one, ndim=1).astype("float64") for one in inputs]
        return Apply(self, vectors, [vectors[0].type() for _ in range(self.outputs)])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute outside compiled graphs."""
        values = KERNELS[type(self)](*inputs)
        for store, value in zip(outputs, [values] if self.outputs == 1 else values, strict=True):
            store[0] = value

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of the outputs: all are of one length."""
        return [shapes[0]] * self.outputs


class _Filter(RowsOp):
    outputs = 2

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Return the gradient, by the loop backwards."""
        known = [pt.zeros_like(inputs[0]) if isinstance(one.type, DisconnectedType) else one for one in cotangents]
        return list(_Backward()(*inputs, *known))


class _Backward(RowsOp):
    outputs = 3


KERNELS: dict[type[RowsOp], Any] = {_Filter: forward, _Backward: backward}


VERSION = 2
"""Of the kernels: compiled ones are kept on disk under it, and are compiled again under another."""


def compiled(op: RowsOp, node: Apply, **_: Any) -> Any:
    """Return the kernel of an operation, for PyTensor to compile into its own, and its version."""
    return KERNELS[type(op)], VERSION


for _op in tuple(KERNELS):
    basic.register_funcify_default_op_cache_key(_op)(compiled)


def filtered(z: Any, a: Any, v: Any) -> tuple[Any, Any]:
    """Return, as symbols, the expectation and the variance of each row given the rows before it in its run.

    Parameters
    ----------
    z
        Rows in units of the process, in the order of their runs.
    a
        Correlation of the process with the row before; 0 where a run begins.
    v
        Variance of the white noise, in units of the process's variance.
    """
    expected, variance = _Filter()(z, a, v)
    return expected, variance
