"""Learning rates as shares of their peak along shares of a run's way: whether two go alike, and how one goes on.

Logs tell where a fall begins, and where a run ended, to the distance of their rows. So two ways are compared at the same share
where both are slow, and where one is steep, with all that the other is at shares as near as that.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from bayes_scaling.data.annealed import WARMED_UP
from bayes_scaling.data.rate_courses import RateCourse

SAME_SCHEDULE, FOLLOWED = 0.02, 0.03
"""Finished runs have one schedule where their shares of the peak differ by at most so much; a run follows it by so much."""
STEEP = 2.0
"""A fall is steep that would have the rate at zero in half of the way or less."""
ENDS_NEAR = 0.005
"""Ends, and what falls at them, are known to so much of the way, beside the distance of rows."""
NEARBY = np.linspace(-1.0, 1.0, 21)
SHARES = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class Way:
    """The learning rate from its peak on, a line between rows.

    Parameters
    ----------
    share
        Of the way, which lies behind each row.
    rate
        As a share of the peak.
    spacing
        Distance of the rows of the log, about, as a share of the way.
    """

    share: np.ndarray
    rate: np.ndarray
    spacing: float = 0.0


def way_of(course: RateCourse, end: float, *, since_peak: bool = False) -> Way:
    """Return the way of a run to its end.

    Parameters
    ----------
    since_peak
        Whether the way begins at the peak of the rate, and not with the run: warm-ups of several lengths, one schedule after.
    """
    peak, most = peak_row(course), float(course.lr.max())
    start = peak_share(course, end) if since_peak else 0.0
    left = max(1.0 - start, np.finfo(float).tiny)
    share = (course.places[peak:] / end - start) / left
    return Way(share, course.lr[peak:] / most, course.spacing / end / left)


def peak_row(course: RateCourse) -> int:
    """Return the first row that has the peak of the rate: after a restart it may be reached again."""
    return int(np.argmax(course.lr >= (1.0 - WARMED_UP) * course.lr.max()))


def peak_share(course: RateCourse, end: float) -> float:
    """Return the share of its way at which a run has the peak of its rate."""
    return float(course.places[peak_row(course)] / end)


def to_the_end(course: RateCourse) -> tuple[RateCourse, float]:
    """Return the course of a finished run and its end, where the rate is zero if a line leads there before the next row."""
    places, lr = course.places, course.lr
    if len(places) > 1 and 0.0 < lr[-1] < lr[-2]:
        end = places[-1] + lr[-1] * (places[-1] - places[-2]) / (lr[-2] - lr[-1])
        if end <= places[-1] + course.spacing * (1.0 + ENDS_NEAR):
            course = RateCourse(np.append(places, end), np.append(lr, 0.0), course.spacing)
    return course, float(course.places[-1])


def rate_at(way: Way, share: np.ndarray) -> np.ndarray:
    """Return the rate at shares of the way, the peak before it was reached."""
    return np.asarray(np.interp(share, way.share, way.rate))


def alike(ways: Collection[Way]) -> Way | None:
    """Return the one of several ways that is known best, where they are one schedule; None where they are not."""
    if not ways:
        return None
    best = min(ways, key=lambda way: way.spacing)
    return best if all(difference(way, best) <= SAME_SCHEDULE for way in ways) else None


def follows(own: Way, other: Way) -> bool:
    """Return whether a run has gone the way of another so far."""
    return difference(own, other) <= FOLLOWED


def difference(one: Way, other: Way) -> float:
    """Return by how much of the peak two ways differ at most where both are known."""
    low, high = max(one.share[0], other.share[0]), min(one.share[-1], other.share[-1])
    x = np.unique(np.clip(np.concatenate([one.share, other.share, SHARES]), min(low, high), high))
    reach = ENDS_NEAR + one.spacing + other.spacing
    first, near_first = _about(one, x, reach)
    second, near_second = _about(other, x, reach)
    beside = np.maximum(
        np.where(_known_about(other, x, reach), _outside(first, near_second), 0.0),
        np.where(_known_about(one, x, reach), _outside(second, near_first), 0.0),
    )
    steep = np.maximum(np.ptp(near_first, axis=1), np.ptp(near_second, axis=1)) > STEEP * 2.0 * reach
    return float(np.where(steep, beside, np.abs(first - second)).max())


def _about(way: Way, x: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rate at places, and about each of them."""
    return rate_at(way, x), rate_at(way, x[:, None] + reach * NEARBY)


def _known_about(way: Way, x: np.ndarray, reach: float) -> np.ndarray:
    """Return whether a way is known about places: what comes after the last row of an unfinished run is not."""
    return np.asarray((way.share[-1] >= 1.0) | (x + reach <= way.share[-1]))


def _outside(rate: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return how far rates lie outside of those of another way nearby."""
    return np.asarray(np.maximum(np.maximum(near.min(axis=1) - rate, rate - near.max(axis=1)), 0.0))
