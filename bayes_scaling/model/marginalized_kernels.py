"""Compiled kernels of `marginalized`: the log density with its gradients, and draws of the effects given the rows."""

import inspect
import sys
from hashlib import sha256
from typing import Any

import numba
import numpy as np
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

from bayes_scaling.model.sparsity import Pattern, unpack

type Floats = np.ndarray


nth = np.uint64
"""An index: numba asks of one that could be negative, each time, whether it counts from the end."""


SOURCE = "".join(inspect.getsource(sys.modules[name]) for name in (__name__, unpack.__module__))
VERSION = int(sha256(SOURCE.encode()).hexdigest()[:15], 16)
"""Of this file and of what it inlines: kernels compiled from earlier ones, kept on disk, must not be taken for its own."""


def _kept(kernel: Any) -> Any:
    """Return a kernel compiled, and kept on disk with those of PyTensor: it takes seconds to compile."""
    CACHED_SRC_FUNCTIONS[kernel] = f"{__name__}.{kernel.__name__}_{VERSION}"
    return numba.njit(kernel, error_model="numpy", cache=True)


@numba.njit(error_model="numpy")
def _gram(
    r: Floats, d: Floats, own: Floats, before: Floats, to: Pattern, diagonal: Floats, below: Floats, moment: Floats
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
    sd: Floats, to: Pattern, diagonal: Floats, below: Floats, moment: Floats, pivot: Floats, lower: Floats, solved: Floats
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
def _solve(to: Pattern, lower: Floats, x: Floats) -> None:
    """Replace x by L'^-1 x."""
    for j in range(len(x) - 1, -1, -1):
        for p in range(to.start[j], to.start[j + 1]):
            x[j] -= lower[nth(p)] * x[nth(to.row[nth(p)])]


@numba.njit(error_model="numpy")
def _invert(to: Pattern, pivot: Floats, lower: Floats, inverse: Floats, inverse_below: Floats) -> None:
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
    to = unpack(structure)
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
    to: Pattern,
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
    r: Floats, d: Floats, own: Floats, before: Floats, to: Pattern, effect: Floats, variance: Floats, below: Floats
) -> tuple[float, Floats, Floats, Floats, Floats]:
    """Return the sum of squared errors over their variances, and the gradients with respect to r, d, own and before.

    Parameters
    ----------
    effect
        Mean of the effects given the rows.
    variance, below
        Their covariance.
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


@_kept
def draw(r: Floats, d: Floats, s: Floats, own: Floats, before: Floats, structure: np.ndarray, normal: Floats) -> Floats:
    """Return draws of the effects, one to a row of `normal`, in the order of their levels."""
    to = unpack(structure)
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
