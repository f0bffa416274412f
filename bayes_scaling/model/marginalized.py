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

import inspect
import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
from pytensor.link.numba.dispatch import basic

type Floats = np.ndarray

nth = np.uint64
"""An index: numba asks of one that could be negative, each time, whether it counts from the end."""

HEADER = 5
"""Numbers at the head of a structure: rows, terms, columns, entries of the factor below its diagonal, rows with one before."""


def structure(indices: Sequence[np.ndarray], sizes: Sequence[int], previous: np.ndarray | None = None) -> np.ndarray:
    """Return which levels meet in which rows, and in which order they are eliminated, as one array of integers.

    Parameters
    ----------
    indices
        Of each term, the level of each row, shape (rows,).
    sizes
        Of each term, the number of levels. Levels without rows keep their prior.
    previous
        Of each row, the row before it whose effects it carries as well; -1 where there is none. None where no row does.
    """
    rows, first = len(indices[0]), np.cumsum([0, *sizes])
    level = np.stack([of + at for of, at in zip(indices, first, strict=False)], axis=1).astype(np.int64)
    before = np.full(rows, -1) if previous is None else previous
    follows = np.flatnonzero(before >= 0)
    meet = _meetings(level, before, follows, first[-1])
    order, below = _eliminated(meet)
    place = np.argsort(order)
    column = place[level]
    below = [np.sort(place[of]) for of in below]
    heads = np.repeat(np.arange(len(below)), [len(of) for of in below])
    entries = np.concatenate([*below, np.empty(0, np.int64)])
    keys = heads * len(order) + entries
    left, right = np.triu_indices(len(sizes), 1)
    start = _starts(heads, len(order))
    by_row = np.argsort(entries, kind="stable")
    parts = [
        np.repeat(np.arange(len(sizes)), sizes)[order],
        start,
        entries,
        _starts(np.sort(entries), len(order)),
        heads[by_row],
        by_row,
        start[heads[by_row] + 1],
        column,
        _positions(keys, column[:, left], column[:, right], len(order)),
        before,
        _positions(keys, column[follows][:, :, None], column[before[follows]][:, None, :], len(order)),
        place,
    ]
    header = [rows, len(sizes), len(order), len(entries), len(follows)]
    return np.concatenate([header, *map(np.ravel, parts)]).astype(np.int64)


def _meetings(level: np.ndarray, before: np.ndarray, follows: np.ndarray, columns: int) -> np.ndarray:
    """Return which pairs of columns have an entry in M, its diagonal left out."""
    meet = np.zeros((columns, columns), bool)
    for one in level.T:
        for other in level.T:
            meet[one, other] = True
            meet[one[follows], other[before[follows]]] = meet[other[before[follows]], one[follows]] = True
    np.fill_diagonal(meet, False)
    return meet


def _eliminated(meet: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return an order of elimination, by least degree, and of each column in turn those that its elimination couples."""
    meet, degree = meet.copy(), meet.sum(1)
    order, below = [], []
    for _ in range(len(meet)):
        least = int(np.argmin(degree))
        near = np.flatnonzero(meet[least])
        meet[np.ix_(near, near)] = True
        meet[near, near] = meet[near, least] = False
        degree[near], degree[least] = meet[near].sum(1), len(meet) + 1
        order.append(least)
        below.append(near)
    return np.array(order, np.int64), below


def _starts(sorted_keys: np.ndarray, columns: int) -> np.ndarray:
    starts: np.ndarray = np.searchsorted(sorted_keys, np.arange(columns + 1))
    return starts


def _positions(keys: np.ndarray, one: np.ndarray, other: np.ndarray, columns: int) -> np.ndarray:
    """Return where the factor keeps an entry of M: its place below the diagonal, or -1 - k on the diagonal of column k."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    places: np.ndarray = np.where(low == high, -1 - low, np.searchsorted(keys, low * columns + high))
    return places


VERSION = int(sha256(inspect.getsource(sys.modules[__name__]).encode()).hexdigest()[:15], 16)
"""Of this file: kernels compiled from an earlier one, which PyTensor keeps on disk, must not be taken for its own."""


def _kept(kernel: Any) -> Any:
    """Return a kernel compiled, and kept on disk with those of PyTensor: it takes seconds to compile."""
    CACHED_SRC_FUNCTIONS[kernel] = f"{__name__}.{kernel.__name__}_{VERSION}"
    return numba.njit(kernel, error_model="numpy", cache=True)


class _Pattern(NamedTuple):
    """A structure, taken apart; columns are in the order of their elimination.

    Parameters
    ----------
    terms, pairs
        How many columns a row has, and how many pairs of them.
    term
        Of each column, its term.
    start, row
        Of each column, where the factor's entries below the diagonal begin, and the row of each entry.
    left_start
        Of each row, where the factor's entries in it begin.
    left, left_at, left_stop
        Of each of those, its column, its place in `row`, and where the entries of its column end there.
    column, pair
        Of each row of the data, its columns; of each two of them, the place of their entry.
    previous
        Of each row of the data, the row whose effects it carries as well, or -1.
    cross
        Of each row that has one, the places of the entries of its columns with those of the other row, or -1 - column.
    place
        Of each level, term by term, its column.
    """

    terms: int
    pairs: int
    term: np.ndarray
    start: np.ndarray
    row: np.ndarray
    left_start: np.ndarray
    left: np.ndarray
    left_at: np.ndarray
    left_stop: np.ndarray
    column: np.ndarray
    pair: np.ndarray
    previous: np.ndarray
    cross: np.ndarray
    place: np.ndarray


@numba.njit(error_model="numpy")
def _pattern(structure: np.ndarray) -> _Pattern:
    """Return a structure taken apart."""
    n, terms, k, entries, follows = structure[0], structure[1], structure[2], structure[3], structure[4]
    pairs, squares = terms * (terms - 1) // 2, terms * terms
    a = HEADER + k
    b = a + k + 1
    c = b + entries
    d = c + k + 1
    e = d + entries
    f = e + entries
    g = f + entries
    h = g + n * terms
    i = h + n * pairs
    j = i + n
    end = j + follows * squares
    columns = structure[HEADER:a], structure[a:b], structure[b:c]
    lefts = structure[c:d], structure[d:e], structure[e:f], structure[f:g]
    rows = structure[g:h], structure[h:i], structure[i:j], structure[j:end]
    return _Pattern(terms, pairs, *columns, *lefts, *rows, structure[end : end + k])


@numba.njit(error_model="numpy")
def _gram(
    r: Floats, d: Floats, own: Floats, before: Floats, to: _Pattern, diagonal: Floats, below: Floats, moment: Floats
) -> None:
    """Fill in G, its diagonal and what is below it, and the moment Z'D^-1 r."""
    n = len(r)
    weight, pull = np.zeros(n), np.zeros(n)
    for i in range(n):
        part = own[i] / d[i]
        weight[i] += own[i] * part
        pull[i] += r[i] * part
        if to.previous[i] >= 0:
            j, part = nth(to.previous[i]), before[i] / d[i]
            weight[j] += before[i] * part
            pull[j] += r[i] * part
    for i in range(n):
        for t in range(i * to.terms, (i + 1) * to.terms):
            j = nth(to.column[nth(t)])
            diagonal[j] += weight[i]
            moment[j] += pull[i]
        for t in range(i * to.pairs, (i + 1) * to.pairs):
            below[nth(to.pair[nth(t)])] += weight[i]
    seen = 0
    for i in range(n):
        if to.previous[i] >= 0:
            both = own[i] * before[i] / d[i]
            for t in range(seen, seen + to.terms * to.terms):
                at = to.cross[t]
                if at >= 0:
                    below[at] += both
                else:
                    diagonal[-1 - at] += 2.0 * both
            seen += to.terms * to.terms


@numba.njit(error_model="numpy")
def _factor(
    sd: Floats, to: _Pattern, diagonal: Floats, below: Floats, moment: Floats, pivot: Floats, lower: Floats, solved: Floats
) -> None:
    """Factor M = I + S G S, column by column from those left of it, and solve L Q y = S Z'D^-1 r on the way."""
    work, scaled = np.zeros(len(sd)), np.empty(len(lower))
    for j in range(len(sd)):
        here, right = 1.0 + sd[j] * sd[j] * diagonal[j], sd[j] * moment[j]
        for p in range(to.start[j], to.start[j + 1]):
            i = nth(to.row[nth(p)])
            work[i] = sd[j] * sd[i] * below[nth(p)]
        for q in range(to.left_start[j], to.left_start[j + 1]):
            at = to.left_at[nth(q)]
            factor = lower[nth(at)]
            here -= factor * scaled[nth(at)]
            right -= scaled[nth(at)] * solved[nth(to.left[nth(q)])]
            for p in range(at + 1, to.left_stop[nth(q)]):
                work[nth(to.row[nth(p)])] -= factor * scaled[nth(p)]
        # M is the identity and more: a pivot below one is rounding.
        pivot[j] = 1.0 if here < 1.0 else here
        inverse = 1.0 / pivot[j]
        solved[j] = right * inverse
        for p in range(to.start[j], to.start[j + 1]):
            scaled[nth(p)] = work[nth(to.row[nth(p)])]
            lower[nth(p)] = scaled[nth(p)] * inverse


@numba.njit(error_model="numpy")
def _solve(to: _Pattern, lower: Floats, x: Floats) -> None:
    """Replace x by L'^-1 x."""
    for j in range(len(x) - 1, -1, -1):
        for p in range(to.start[j], to.start[j + 1]):
            x[j] -= lower[nth(p)] * x[nth(to.row[nth(p)])]


@numba.njit(error_model="numpy")
def _invert(to: _Pattern, pivot: Floats, lower: Floats, inverse: Floats, inverse_below: Floats) -> None:
    """Fill in the entries of M^-1 on the factor's pattern, by Takahashi's equations from the last column on."""
    work = np.zeros(len(pivot))
    for j in range(len(pivot) - 1, -1, -1):
        here = 1.0 / pivot[j]
        for p in range(to.start[j], to.start[j + 1]):
            here -= lower[nth(p)] * inverse_below[nth(p)]
            work[nth(to.row[nth(p)])] = inverse_below[nth(p)]
        inverse[j] = here
        for q in range(to.left_start[j], to.left_start[j + 1]):
            at = to.left_at[nth(q)]
            factor = lower[nth(at)]
            total = factor * here
            for p in range(at + 1, to.left_stop[nth(q)]):
                known = work[nth(to.row[nth(p)])]
                inverse_below[nth(p)] -= factor * known
                total += lower[nth(p)] * known
            inverse_below[nth(at)] -= total


@numba.njit(error_model="numpy")
def _log_product(x: Floats) -> float:
    """Return the sum of logarithms; few of them, as most numbers can be multiplied first."""
    total, product = 0.0, 1.0
    for one in x:
        if 1e-100 < one < 1e100:
            product *= one
            if not 1e-200 < product < 1e200:
                total += np.log(product)
                product = 1.0
        else:
            total += np.log(one)
    rest: float = np.log(product)
    return total + rest


@_kept
def forward_backward(
    r: Floats, d: Floats, s: Floats, own: Floats, before: Floats, structure: np.ndarray
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Return the log density of r, and its gradients with respect to r, d, s, own and before."""
    n = structure[0]
    if len(r) != n or len(d) != n or len(own) != n or len(before) != n or len(s) != structure[1]:
        raise ValueError("the structure is one of other rows or terms")
    to = _pattern(structure)
    k = len(to.term)
    sd, diagonal, moment, pivot, inverse, standard = np.zeros((6, k))
    below, lower, inverse_below = np.zeros((3, len(to.row)))
    for j in range(k):
        sd[j] = s[to.term[j]]
    _gram(r, d, own, before, to, diagonal, below, moment)
    _factor(sd, to, diagonal, below, moment, pivot, lower, standard)
    _solve(to, lower, standard)
    _invert(to, pivot, lower, inverse, inverse_below)
    to_s = _to_s(s, sd, to, diagonal, moment, below, standard, inverse, inverse_below)
    square = 0.0
    for j in range(k):
        square += standard[j] * standard[j]
        standard[j] *= sd[j]
        inverse[j] *= sd[j] * sd[j]
        for p in range(to.start[j], to.start[j + 1]):
            inverse_below[nth(p)] *= sd[j] * sd[nth(to.row[nth(p)])]
    more, to_r, to_d, to_own, to_before = _to_rows(r, d, own, before, to, standard, inverse, inverse_below)
    total = square + more + _log_product(d) + _log_product(pivot) + len(r) * np.log(2.0 * np.pi)
    return np.array(-0.5 * total), to_r, to_d, to_s, to_own, to_before


@numba.njit(error_model="numpy")
def _to_s(
    s: Floats,
    sd: Floats,
    to: _Pattern,
    diagonal: Floats,
    moment: Floats,
    below: Floats,
    standard: Floats,
    inverse: Floats,
    inverse_below: Floats,
) -> Floats:
    """Return the gradient with respect to each term's s, in the form that is exact for small or for large s."""
    to_s, small = np.zeros(len(s)), np.zeros(len(sd))
    for j in range(len(sd)):
        total = standard[j] * moment[j] - sd[j] * diagonal[j] * (standard[j] * standard[j] + inverse[j])
        for p in range(to.start[j], to.start[j + 1]):
            i = nth(to.row[nth(p)])
            both = below[nth(p)] * (standard[j] * standard[i] + inverse_below[nth(p)])
            total -= sd[i] * both
            small[i] -= sd[j] * both
        small[j] += total
    for j in range(len(sd)):
        if sd[j] * sd[j] * diagonal[j] > 1.0:
            small[j] = (standard[j] * standard[j] + inverse[j] - 1.0) / sd[j]
        to_s[to.term[j]] += small[j]
    return to_s


@numba.njit(error_model="numpy")
def _to_rows(
    r: Floats, d: Floats, own: Floats, before: Floats, to: _Pattern, effect: Floats, variance: Floats, below: Floats
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """Return the sum of squared errors over their variances, and the gradients with respect to r, d, own and before.

    Parameters
    ----------
    effect
        Mean of the effects given the rows. variance, below: their covariance.
    """
    n = len(r)
    sums, spread = np.zeros(n), np.zeros(n)
    for i in range(n):
        for t in range(i * to.terms, (i + 1) * to.terms):
            sums[i] += effect[nth(to.column[nth(t)])]
            spread[i] += variance[nth(to.column[nth(t)])]
        for t in range(i * to.pairs, (i + 1) * to.pairs):
            spread[i] += 2.0 * below[nth(to.pair[nth(t)])]
    to_r, to_d, to_own, to_before = np.empty(n), np.empty(n), np.empty(n), np.zeros(n)
    square, seen = 0.0, 0
    for i in range(n):
        error, precision = r[i] - own[i] * sums[i], 1.0 / d[i]
        with_own, with_before = own[i] * spread[i], 0.0
        if to.previous[i] >= 0:
            j, between = nth(to.previous[i]), 0.0
            for t in range(seen, seen + to.terms * to.terms):
                at = to.cross[t]
                between += below[at] if at >= 0 else variance[-1 - at]
            seen += to.terms * to.terms
            error -= before[i] * sums[j]
            with_own += before[i] * between
            with_before = own[i] * between + before[i] * spread[j]
            to_before[i] = (error * sums[j] - with_before) * precision
        alpha = error * precision
        square += error * alpha
        to_r[i] = -alpha
        to_own[i] = alpha * sums[i] - with_own * precision
        left = 1.0 - (own[i] * with_own + before[i] * with_before) * precision
        to_d[i] = 0.5 * (alpha * alpha - left * precision)
    return square, to_r, to_d, to_own, to_before


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
        What each row departs by from its mean without the effects, or its innovation, shape (rows,).
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


@_kept
def _draw(r: Floats, d: Floats, s: Floats, own: Floats, before: Floats, structure: np.ndarray, normal: Floats) -> Floats:
    """Return draws of the effects, one to a row of `normal`, in the order of their levels."""
    to = _pattern(structure)
    k = len(to.term)
    sd, diagonal, moment, pivot, standard = np.zeros((5, k))
    below, lower = np.zeros((2, len(to.row)))
    drawn = np.empty_like(normal)
    for m in range(len(normal)):
        diagonal[:], moment[:], below[:] = 0.0, 0.0, 0.0
        for j in range(k):
            sd[j] = s[m, to.term[j]]
        _gram(r[m], d[m], own[m], before[m], to, diagonal, below, moment)
        _factor(sd, to, diagonal, below, moment, pivot, lower, standard)
        for j in range(k):
            standard[j] += normal[m, j] / np.sqrt(pivot[j])
        _solve(to, lower, standard)
        for j in range(k):
            drawn[m, j] = sd[to.place[j]] * standard[to.place[j]]
    return drawn


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
    drawn = _draw(*(np.ascontiguousarray(of, float) for of in (*rows[:2], s, *rows[2:])), structure, normal)
    sizes = np.bincount(structure[HEADER : HEADER + structure[2]], minlength=int(structure[1]))
    return np.split(drawn, np.cumsum(sizes)[:-1], axis=1)
