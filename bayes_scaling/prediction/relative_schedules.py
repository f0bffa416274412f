"""Learning rates as shares of their peak along shares of a run: whether two are alike, and how one goes on.

Logs tell where a fall begins, and where a run ended, to the distance of their rows. So two schedules are compared at one share
where both are slow, and where one is steep, with all that the other is at shares as near as that.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from bayes_scaling.data.annealed import WARMED_UP
from bayes_scaling.data.logged_rates import LoggedRates

SAME_SCHEDULE, FOLLOWED = 0.02, 0.03
"""Finished runs have one schedule where their shares of the peak differ by at most so much; a run follows it by so much."""
STEEP = 2.0
"""A fall is steep that would have the rate at zero in half of the run or less."""
ENDS_NEAR = 0.005
"""Ends, and what falls at them, are known to so much of the run, beside the distance of rows."""
NEARBY = np.linspace(-1.0, 1.0, 21)
SHARES = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class RelativeSchedule:
    """The learning rate from its peak on, a line between rows.

    Parameters
    ----------
    share
        Of the run that lies behind each row.
    rate
        As a share of the peak.
    spacing
        Distance of the rows of the log, about, as a share of the run.
    """

    share: np.ndarray
    rate: np.ndarray
    spacing: float = 0.0


def relative_schedule(logged: LoggedRates, end: float, *, since_peak: bool = False) -> RelativeSchedule:
    """Return the schedule of a run up to its end.

    Parameters
    ----------
    since_peak
        Whether shares begin at the peak of the rate, and not with the run: warm-ups of several lengths, one schedule after.
    """
    peak, most = peak_row(logged), float(logged.lr.max())
    start = peak_share(logged, end) if since_peak else 0.0
    left = max(1.0 - start, np.finfo(float).tiny)
    share = (logged.places[peak:] / end - start) / left
    return RelativeSchedule(share, logged.lr[peak:] / most, logged.spacing / end / left)


def peak_row(logged: LoggedRates) -> int:
    """Return the first row that has the peak of the rate: after a restart it may be reached again."""
    return int(np.argmax(logged.lr >= (1.0 - WARMED_UP) * logged.lr.max()))


def peak_share(logged: LoggedRates, end: float) -> float:
    """Return the share of its length at which a run has the peak of its rate."""
    return float(logged.places[peak_row(logged)] / end)


def to_the_end(logged: LoggedRates) -> tuple[LoggedRates, float]:
    """Return the rates of a finished run and its end, where they are zero if a line leads there before the next row."""
    places, lr = logged.places, logged.lr
    if len(places) > 1 and 0.0 < lr[-1] < lr[-2]:
        end = places[-1] + lr[-1] * (places[-1] - places[-2]) / (lr[-2] - lr[-1])
        if end <= places[-1] + logged.spacing * (1.0 + ENDS_NEAR):
            logged = LoggedRates(np.append(places, end), np.append(lr, 0.0), logged.spacing)
    return logged, float(logged.places[-1])


def rate_at(relative: RelativeSchedule, share: np.ndarray) -> np.ndarray:
    """Return the rate at shares of the run, the peak before it was reached."""
    return np.asarray(np.interp(share, relative.share, relative.rate))


def alike(relatives: Collection[RelativeSchedule]) -> RelativeSchedule | None:
    """Return the one of several schedules whose log has the nearest rows, where they are alike; None where they are not."""
    if not relatives:
        return None
    best = min(relatives, key=lambda relative: relative.spacing)
    return best if all(difference(relative, best) <= SAME_SCHEDULE for relative in relatives) else None


def follows(own: RelativeSchedule, other: RelativeSchedule) -> bool:
    """Return whether a run has followed the schedule of another so far."""
    return difference(own, other) <= FOLLOWED


def difference(one: RelativeSchedule, other: RelativeSchedule) -> float:
    """Return by how much of the peak two schedules differ at most where both are known."""
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


def _about(relative: RelativeSchedule, x: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the rate at places, and about each of them."""
    return rate_at(relative, x), rate_at(relative, x[:, None] + reach * NEARBY)


def _known_about(relative: RelativeSchedule, x: np.ndarray, reach: float) -> np.ndarray:
    """Return whether a schedule is known about places: what comes after the last row of an unfinished run is not."""
    return np.asarray((relative.share[-1] >= 1.0) | (x + reach <= relative.share[-1]))


def _outside(rate: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return how far rates lie outside of those of another schedule nearby."""
    return np.asarray(np.maximum(np.maximum(near.min(axis=1) - rate, rate - near.max(axis=1)), 0.0))
