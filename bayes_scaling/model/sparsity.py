"""Which levels of group effects meet in which rows: the sparsity pattern of M = I + S G S, and its order of elimination.

`structure` prepares it once as one array of integers, `unpack` takes that apart inside compiled kernels; see `marginalized`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np

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


class Pattern(NamedTuple):
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
def unpack(structure: np.ndarray) -> Pattern:
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
    return Pattern(terms, pairs, *columns, *lefts, *rows, structure[end : end + k])
