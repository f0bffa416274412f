"""Gaussian group effects that enter linearly, integrated out of a normal likelihood exactly, and drawn back afterwards.

    r_i = w_i sum_t u_t[l_ti] + p_i sum_t u_t[l_tj] + e_i,   u_t[l] ~ Normal(0, s_t),   e_i ~ Normal(0, sqrt(d_i))

r_i is the residual of row i from its mean without the effects, l_ti its level in the groups of term t, j the row before i. In
short r ~ Normal(0, C), C = D + Z S^2 Z'. Where rows are independent w_i = 1 and p_i = 0. Correlated rows are first made
innovations, which are linear in the residuals, so that effects enter them with weights:

- An Ornstein-Uhlenbeck process along runs, of correlation c_i with the row before and scale g_i: with f_i = c_i g_i / g_j the
  innovation is the residual minus f_i times that of row j, d_i = g_i^2 (1 - c_i^2), w_i = 1 and p_i = -f_i. With groups that
  are constant along runs w_i = 1 - f_i and p_i = 0 are the same, and faster.
- A process seen through white noise (`kalman`): innovations of a Kalman filter reach back to the beginning of a run. With
  groups that are constant along runs w_i is the innovation of rows that are 1 everywhere, and p_i = 0. With others there is no
  such form: those effects stay sampled.

Given the rows the effects are Normal(b, V). With G = Z'D^-1 Z and M = I + S G S (Woodbury)

    V = S M^-1 S,   b = V Z'D^-1 r,   log|C| = log|D| + log|M|,   r'C^-1 r = |r - Z b|^2 / D + |b / S|^2

M is sparse: levels meet only where they have rows in common, or rows that follow each other. Its factor, M = L Q L' with a
diagonal Q, is computed on a pattern known beforehand, and so are the entries of its inverse that gradients need (Takahashi,
Fagan and Chen 1973). Scales may be zero, or far apart.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic

from bayes_scaling.model.marginalized_kernels import VERSION, draw, forward_backward
from bayes_scaling.model.sparsity import HEADER


class _Integrated(Op):  # type: ignore[misc]
    """The log density, and beside it its gradients, which cost little more than it does."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Return the node of PyTensor's graph."""
        vectors = [pt.as_tensor_variable(one, ndim=1).astype("float64") for one in inputs[:-1]]
        known = pt.as_tensor_variable(inputs[-1], ndim=1).astype("int64")
        return Apply(self, [*vectors, known], [pt.dscalar(), *(one.type() for one in vectors)])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[Any]) -> None:
        """Compute outside compiled graphs."""
        for store, value in zip(outputs, forward_backward(*inputs), strict=True):
            store[0] = value

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of the outputs: a number, and gradients shaped like what they are with respect to."""
        return [(), *shapes[:-1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Return which outputs depend on which inputs smoothly: all, but for the structure."""
        return [[name is not node.inputs[-1]] * len(node.outputs) for name in node.inputs]

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Return the gradient, which the node has computed already."""
        if not all(isinstance(one.type, DisconnectedType) for one in cotangents[1:]):
            raise NotImplementedError("the log density of integrated effects has first derivatives only")
        return [*(cotangents[0] * one for one in outputs[1:]), disconnected_type()]


@basic.register_funcify_default_op_cache_key(_Integrated)  # type: ignore[untyped-decorator]
def _compiled(op: _Integrated, node: Apply, **_: Any) -> Any:
    return forward_backward, VERSION


def integrated(r: Any, d: Any, s: Any, structure: Any, own: Any = None, before: Any = None) -> Any:
    """Return, as a symbol, the log density of rows with their group effects integrated out.

    Parameters
    ----------
    r
        Residual of each row from its mean without the effects, or its innovation, shape (rows,).
    d
        Its variance given the effects, shape (rows,).
    s
        Standard deviation of the effects of each term, shape (terms,).
    structure
        What `structure` returns.
    own, before
        Weights of a row's own effects and of those of the row before it; 1 and 0 where they are None.
    """
    r = pt.as_tensor_variable(r)
    weights = pt.ones_like(r) if own is None else own, pt.zeros_like(r) if before is None else before
    return _Integrated()(r, d, s, *weights, structure)[0]


def draw_back(
    r: np.ndarray,
    d: np.ndarray,
    s: np.ndarray,
    structure: np.ndarray,
    generator: np.random.Generator,
    own: np.ndarray | None = None,
    before: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Return, of each term, draws of its effects given everything else, shape (draws, levels).

    Parameters
    ----------
    r, d, s, own, before
        Those of `marginalized`, of each draw: shape (draws, rows), and (draws, terms) for s.
    structure
        What `structure` returns.
    generator
        Where the randomness comes from.
    """
    shape = len(s), int(structure[0])
    rows = [np.broadcast_to(of, shape) for of in (r, d, 1.0 if own is None else own, 0.0 if before is None else before)]
    normal = generator.standard_normal((len(s), int(structure[2])))
    drawn = draw(*(np.ascontiguousarray(of, float) for of in (*rows[:2], s, *rows[2:])), structure, normal)
    sizes = np.bincount(structure[HEADER : HEADER + structure[2]], minlength=int(structure[1]))
    return np.split(drawn, np.cumsum(sizes)[:-1], axis=1)
