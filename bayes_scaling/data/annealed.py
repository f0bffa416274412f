"""What a schedule's columns that need no steps are made of: falls of the learning rate as shares of its peak, and their effect.

A fall happens at once where more than half of the falls within a tenth of the way so far happen within half a percent of it,
either side; or, where rows lie further apart, between two rows before and after which the rate hardly changes. So a line
down to the end over 2 % of a run or more is none, however sparsely it is logged, nor is what a cosine falls between two rows.
"""

import numpy as np

MIN_FALL = 1e-4
"""What has not fallen has a logarithm all the same; a power of a fall so small is nothing."""
LR_ROUNDING = 1e-6
"""Changes of the learning rate below this fraction of its peak are none."""
WARMED_UP = 0.01
"""A first row this close to the peak has had its warm-up before."""
LAG, APPROACH = 0.0025, 0.6
"""How fast falls take effect, against how far the run has come, see `schedules`."""
MOVES, MOST_PLACES = 256, 1000
"""Parts that falls are cut into, and rows of a long log at which their effect is computed, twice."""
LEAST_EFFECTIVE = 0.02
"""An effective rate has a logarithm where the rate is zero."""
CLOSE, NEARBY = 0.005, 0.1
"""A fall at once happens mostly within so little of the way, either side, as seen against falls nearby."""
MOSTLY, HARDLY = 0.5, 0.1
"""The share of falls nearby that is most of them; and of the slope of a fall between two rows, what is flat beside it."""


def fall(at: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return how far the learning rate has fallen from its peak so far, as a share of it."""
    order = np.argsort(at, kind="stable")
    peak = np.maximum.accumulate(lr[order])
    found = np.empty(len(at))
    found[order] = 1.0 - lr[order] / np.where(peak > 0, peak, 1.0)
    return np.where((found > MIN_FALL) & (lr < peak.max()), found, MIN_FALL)


def weighted(at: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return the integral of the learning rate as a share of its peak; a line between rows, and from 0 up to the first.

    Where the first row has the peak already, its warm-up is not in the table, and it has had that rate from the start.
    """
    order = np.argsort(at, kind="stable")
    x, rate = at[order], lr[order]
    first = rate[0] if rate[0] >= rate.max() * (1.0 - WARMED_UP) else 0.0
    every, share = np.concatenate([[0.0], x]), np.concatenate([[first], rate]) / max(rate.max(), np.finfo(float).tiny)
    found = np.empty(len(at))
    found[order] = np.cumsum(np.diff(every) * (share[1:] + share[:-1]) / 2.0)
    return found


def annealed(at: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return how much of the falls of the learning rate so far has taken effect, as a share of the peak."""
    order = np.argsort(at, kind="stable")
    come, share = weighted(at, lr)[order], lr[order] / max(lr.max(), np.finfo(float).tiny)
    peak = int(np.argmax(share))
    change = np.diff(share[peak:], prepend=share[peak])
    moved = np.cumsum(np.abs(change)) if np.ptp(share[peak:]) > LR_ROUNDING else np.zeros(len(change))
    found = np.full(len(at), MIN_FALL)
    if moved[-1] > 0:
        found[order[peak:]] = np.maximum(_effect(come[peak:], change, moved), MIN_FALL)
    return found


def effective(at: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return the learning rate as a share of its peak, falling as late as falls take effect."""
    return np.clip(1.0 - annealed(at, lr), LEAST_EFFECTIVE, 1.0)


def sudden_pending(at: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Return how much of the falls at once so far has not yet taken effect, as a share of the peak."""
    order = np.argsort(at, kind="stable")
    come, share = weighted(at, lr)[order], lr[order] / max(lr.max(), np.finfo(float).tiny)
    peak = int(np.argmax(share))
    falls = _falls(share[peak:]) * _at_once(at[order[peak:]], share[peak:])
    so_far = np.cumsum(falls)
    found = np.full(len(at), MIN_FALL)
    if so_far[-1] > LR_ROUNDING:
        found[order[peak:]] = np.maximum(so_far - _effect(come[peak:], -falls, so_far), MIN_FALL)
    return found


def slow_fall(x: np.ndarray, share: np.ndarray) -> float:
    """Return how far a rate has fallen otherwise than at once, from its peak and in the order of rows."""
    return float((_falls(share) * ~_at_once(x, share)).sum())


def _falls(share: np.ndarray) -> np.ndarray:
    """Return how far the rate has fallen from the row before to each."""
    return np.asarray(np.maximum(-np.diff(share, prepend=share[0]), 0.0))


def _at_once(x: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return which falls, each from the row before to one of its own, happen at once."""
    falls, before = _falls(share), np.concatenate([x[:1], x[:-1]])
    middle, so_far = (x + before) / 2.0, np.cumsum(falls)

    def within(part: float) -> np.ndarray:
        ends = [np.interp(np.clip(middle * (1.0 + side), x[0], x[-1]), x, so_far) for side in (part, -part)]
        return np.asarray(ends[0] - ends[1])

    close = within(CLOSE) >= MOSTLY * within(NEARBY)
    slope = np.abs(np.diff(share, prepend=share[0])) / np.maximum(x - before, np.finfo(float).tiny)
    beside = np.maximum(np.concatenate([[np.inf], slope[:-1]]), np.concatenate([slope[1:], [np.inf]]))
    return np.asarray((falls > 0.0) & (close | (beside <= HARDLY * slope)))


def _effect(come: np.ndarray, change: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return the effect of falls at rows in order, from the change of the rate to each and the sum of changes up to it.

    The changes are cut into equal parts, each of which happened at its middle, and long logs are read at some of their rows.
    """
    bounds = np.linspace(0.0, moved[-1], MOVES + 1)
    middle = (bounds[1:] + bounds[:-1]) / 2.0
    after = np.searchsorted(moved, middle, side="left")
    way = (middle - moved[after - 1]) / (moved[after] - moved[after - 1])
    when = come[after - 1] + way * (come[after] - come[after - 1])
    sign = -np.sign(change[after])
    rows = _some(come, moved)
    begun = np.clip((moved[rows, None] - bounds[:-1]) / (bounds[1] - bounds[0]), 0.0, 1.0)
    since = np.maximum(come[rows, None] - when, 0.0) / (LAG * come[rows, None])
    effect = (begun * sign * (1.0 - (1.0 + since) ** -APPROACH)).sum(axis=1) * (bounds[1] - bounds[0])
    return np.asarray(np.interp(come, come[rows], effect))


def _some(come: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return the rows of a log at which effects are computed: evenly spaced along it and in the changes of its rate."""
    if len(come) <= 2 * MOST_PLACES:
        return np.arange(len(come))
    even = np.linspace(0, len(come) - 1, MOST_PLACES).astype(int)
    late = np.searchsorted(moved, np.linspace(0.0, moved[-1], MOST_PLACES)).clip(max=len(come) - 1)
    return np.unique(np.concatenate([even, late, np.maximum(late - 1, 0), [0, len(come) - 1]]))
