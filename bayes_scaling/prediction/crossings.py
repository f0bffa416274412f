"""Where losses meet along a way, in many draws at once: the one solver of multipliers and crossovers.

Losses are compared as they are, without logarithms: a law without a floor of its own may fall below zero far beyond the runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_MULTIPLE = 1e6
"""Multiples are searched between a millionth and a million."""
STEPS_OUTWARD = 24
"""Places on the way to either, a quarter of a decade apart."""

MOST_NUMBERS = 2**22
"""So many numbers are held at a time, elements by places."""
EXACT = 1e-14
"""Logarithms are solved for to this error."""
JUMP = 0.01
"""From this share of the gap before a root on, what is left there is a jump and no crossing."""
TIE = 1e-13
"""Losses that differ by less than this share are the same, but for rounding."""


@dataclass(frozen=True)
class Curve:
    """Losses along a way for many elements, such as draws at points.

    count: how many elements. at: places, the same for all -> losses, an element a row, a place a column. of: a place for each
    element -> its loss. NaN where the law is not defined.
    """

    count: int
    at: Callable[[np.ndarray], np.ndarray]
    of: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Change:
    """Where each element of a curve first changes its sign.

    place: NaN where it does not. unknown: whether the curve ceased to be defined before. lead: the sign at first; 0 for a tie
    all along.
    """

    place: np.ndarray
    unknown: np.ndarray
    lead: np.ndarray


def multiples(
    curve: Curve,
    wanted: np.ndarray,
    up: np.ndarray | None = None,
    down: np.ndarray | None = None,
    rising: np.ndarray | bool = False,
) -> np.ndarray:
    """Return how many times its budget a curve needs to reach a loss: the nearest multiple to 1 on the side where it lies.

    inf where no multiple up to a million does, 0 where the loss is still lower at a millionth; NaN where a loss is not defined.

    Parameters
    ----------
    curve
        Losses over the logarithm of the multiple.
    wanted
        NaN in elements to be left out.
    up, down
        Places to look at on either side, from 0 on; a quarter of a decade apart, as far as a million, unless given.
    rising
        Of which elements more is better, as of an accuracy: they are reached from below.
    """
    grid = np.linspace(0.0, np.log(MAX_MULTIPLE), STEPS_OUTWARD + 1)
    sign = np.broadcast_to(np.where(rising, -1.0, 1.0), wanted.shape)
    excess = Curve(
        curve.count,
        lambda at: sign[:, None] * _gap(curve.at(at), wanted[:, None]),
        lambda at: sign * (curve.of(at) - wanted),
    )
    here = excess.at(np.zeros(1))[:, 0]
    found = np.where(here == 0, 1.0, np.nan)
    for side, places, never in (
        (here > 0, grid if up is None else up, np.inf),
        (here < 0, -grid if down is None else down, 0.0),
    ):
        change = first_change(excess, places, side)
        reached = np.where(np.isnan(change.place), never, np.exp(change.place))
        found = np.where(side & ~change.unknown, reached, found)
    return found


def meeting(one: Curve, other: Curve, places: np.ndarray, *, positive: bool, rising: np.ndarray | bool = False) -> Change:
    """Return where the better of two curves changes; `lead` is below 0 where it is the first at first.

    Parameters
    ----------
    positive
        Whether only losses above 0 are any: the search ends where one of the two has fallen below.
    rising
        Of which elements more is better.
    """
    sign = np.broadcast_to(np.where(rising, -1.0, 1.0), one.count)

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where((a > 0) & (b > 0), _gap(a, b), np.nan) if positive else _gap(a, b)

    return first_change(
        Curve(
            one.count,
            lambda at: sign[:, None] * apart(one.at(at), other.at(at)),
            lambda at: sign * (one.of(at) - other.of(at)),
        ),
        places,
    )


@np.errstate(invalid="ignore")
def _gap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return by how much losses differ, 0 where that is rounding."""
    gap = a - b
    return np.where(np.isfinite(gap) & (np.abs(gap) <= TIE * np.maximum(np.abs(a), np.abs(b))), 0.0, gap)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def first_change(curve: Curve, places: np.ndarray, among: np.ndarray | None = None) -> Change:
    """Return where each element of a curve first changes its sign along some places; a tie is no sign.

    Parameters
    ----------
    among
        Which elements to look at; all unless given.
    """
    lead = np.zeros(curve.count)
    open_ = np.ones(curve.count, dtype=bool) if among is None else among.copy()
    unknown, found = np.zeros(curve.count, dtype=bool), np.zeros(curve.count, dtype=bool)
    low, high, gap = (np.zeros(curve.count) for _ in range(3))
    block = int(np.clip(MOST_NUMBERS // max(curve.count, 1), 1, len(places)))
    for start in range(0, len(places), block):
        if not open_.any():
            break
        for i, value in enumerate(curve.at(places[start : start + block]).T, start):
            sign = np.sign(value)
            unknown |= open_ & np.isnan(sign)
            changed = open_ & (lead * sign < 0)
            high[changed], gap[changed] = places[i], np.maximum(gap, np.abs(value))[changed]
            found |= changed
            open_ &= ~unknown & ~found
            lead = np.where(open_ & (lead == 0), sign, lead)
            led = open_ & (sign != 0)
            low[led], gap[led] = places[i], np.abs(value)[led]
    root, left = _between(curve, low, high, found)
    jumps = found & ~(np.abs(left) <= JUMP * gap)
    return Change(np.where(jumps, np.nan, root), unknown | jumps, lead)


def _between(curve: Curve, low: np.ndarray, high: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the root of each element found between two places, and what is left of the curve there; NaN elsewhere."""
    from scipy.optimize.elementwise import find_root

    root, left = np.full(curve.count, np.nan), np.full(curve.count, np.nan)
    if not found.any():
        return root, left
    here = np.flatnonzero(found)

    def value(at: np.ndarray, element: np.ndarray) -> np.ndarray:
        every = low.copy()
        every[element.astype(int)] = at
        most = np.finfo(float).max / 4
        return np.asarray(np.clip(curve.of(every)[element.astype(int)], -most, most))

    solved = find_root(value, (low[here], high[here]), args=(here,), tolerances={"xatol": EXACT})
    root[here], left[here] = solved.x, solved.f_x
    return root, left


def interpolated(places: np.ndarray, losses: np.ndarray) -> Curve:
    """Return the curve through losses at places, evenly spaced: cubic pieces that bend no more than the losses do.

    Pieces are of the logarithm of the loss where that is positive around, else of the loss (PCHIP, Fritsch and Carlson 1980).

    Parameters
    ----------
    losses
        An element a row, a place a column; no piece goes through a NaN.
    """
    step, last = float(places[1] - places[0]), len(places) - 1

    def of(at: np.ndarray) -> np.ndarray:
        return _pieces(losses, (at - places[0]) / step, last)

    def every(at: np.ndarray) -> np.ndarray:
        return np.stack([of(np.full(len(losses), one)) for one in at], axis=1)

    return Curve(len(losses), every, of)


def _pieces(losses: np.ndarray, at: np.ndarray, last: int) -> np.ndarray:
    """Return the curve through rows of losses, each at a place counted in steps."""
    nearest = np.rint(at)
    at = np.where(np.abs(at - nearest) < 1e-9, nearest, at)  # places of the grid are the losses themselves
    left = np.clip(np.floor(at), 0, last - 1).astype(int)
    share = at - left
    around = np.clip(left[:, None] + np.arange(-1, 3), 0, last)
    values = np.take_along_axis(losses, around, axis=1)
    on_log = (values > 0).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.where(on_log[:, None], np.log(values), values)
    rises = np.diff(scaled, axis=1)
    before, middle, after = rises.T
    first = np.where(left == 0, _end_slope(middle, after), _slope(before, middle))
    second = np.where(left == last - 1, _end_slope(middle, before), _slope(middle, after))
    bent = share * (first + share * ((3 * middle - 2 * first - second) + share * (first + second - 2 * middle)))
    between = scaled[:, 1] + np.where(np.isnan(bent), share * middle, bent)
    known = np.where(share == 0, values[:, 1], np.where(share == 1, values[:, 2], np.where(on_log, np.exp(between), between)))
    return np.asarray(np.where((at < 0) | (at > last), np.nan, known))


@np.errstate(invalid="ignore", divide="ignore")
def _slope(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the slope between two rises, none where they differ in sign."""
    product = before * after
    return np.asarray(np.where(product > 0, 2 * product / (before + after), 0.0 * product))


@np.errstate(invalid="ignore")
def _end_slope(rise: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Return the slope at an end, from the rise there and that after it, of the sign of the former and not too steep."""
    slope = (3 * rise - following) / 2
    steep = np.where((rise * following < 0) & (np.abs(slope) > 3 * np.abs(rise)), 3 * rise, slope)
    return np.asarray(np.where(steep * rise <= 0, 0.0 * steep, steep))
