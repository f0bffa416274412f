"""Smooth terms: a Gaussian process over the levels of an ordered, numeric group, and its exact conditional at other levels.

    effect_level = s f(x_level),   f ~ GP(0, k(|x - x'| / length)),   f(levels) = L z,   L L' = k + jitter,   z ~ Normal(0, I)

Given the effects at the levels of the runs, those at other places are drawn by Matheron's rule: with g a draw of the process,
independent of the runs,

    f(x) | f(levels)  =  g(x) + k(x, levels) k(levels, levels)^-1 (f(levels) - g(levels))

is a draw of the exact conditional, jointly for all x: a curve is one function, whichever of its points are asked for, and
between calls. g is a Fourier series on a circle far wider than the axis: the process of its coefficients has the correlation
k, summed over the circle's windings, up to the terms left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.notation import PLAIN_NUMBER
from bayes_scaling._base.numbers import exact, number
from bayes_scaling.model.discrepancy import CORRELATIONS
from bayes_scaling.model.parameters import Smooth

JITTER = 1e-6
"""Added to the diagonal of correlations between levels, so that Cholesky's factor exists however near they are: the share of
a level's variance that its neighbours say nothing of."""


MOST = 250
"""Numbers sampled for smooth terms, at most: a step takes their cube."""


CLEAR = 8.0
"""Windings of the circle on which a function is drawn lie so many lengths apart: k(8) is 4e-6."""


REACH = 4.0
"""Places up to so many times as far from the levels as these from each other are foreseen."""


FARTHEST = 1e6
"""Places more than so many times as far from the levels as these from each other are refused."""


LEFT_OUT, MOST_TERMS = 1e-6, 3000
"""Share of the variance in the terms of the series that are left out, and how many are kept at most."""


BLOCK = 2**21
"""So many numbers are held at a time."""


def axis(term: Smooth, levels: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return where levels lie on the axis of a smooth term: at their number, or its logarithm.

    Raises
    ------
    InputError
        For the first level that is no finite number, or not above 0 where the axis is logarithmic.
    """
    return np.array([_place(term, level) for level in levels], float)


def _place(term: Smooth, level: Any) -> float:
    """Return where a level lies on the axis of a smooth term; refuse one that is no number."""
    if isinstance(level, str) and not PLAIN_NUMBER.fullmatch(level):
        raise InputError(f"Smooth goes over {term.over!r}, whose levels must be numbers, not {format_value(level)}")
    if not checks.is_number(value := _as_number(level)):
        raise InputError(
            f"Smooth goes over {term.over!r}, whose levels must be finite numbers up to 1e100, not {format_value(level)}"
        )
    if term.log and value <= 0:
        raise InputError(
            f"Smooth goes over the logarithm of {term.over!r}, whose levels must be above 0, not {format_value(level)}; "
            "leave out log, or shift the column"
        )
    return float(np.log(value)) if term.log else value


def _as_number(level: Any) -> float:
    try:
        return float(level)
    except OverflowError:  # an integer beyond all floats
        return float("inf")


def refuse_far(term: Smooth, places: np.ndarray, at: np.ndarray) -> None:
    """Raise InputError where a place lies so far from the levels of the runs that no series of a function reaches it."""
    low, high = float(places.min()), float(places.max())
    away = np.maximum(low - at, at - high)
    if len(at) and (most := float(away.max())) > FARTHEST * (high - low):
        axis_name = f"the logarithm of {term.over}" if term.log else term.over
        raise InputError(
            f"{axis_name} {number(float(at[away.argmax()]))} lies {number(most)} from the levels of the runs, {number(low)} to "
            f"{number(high)}; expected at most {exact(FARTHEST)} times as far as these from each other"
        )


def correlation(apart: Any, length: Any, exp: Any = np.exp) -> Any:
    """Return the correlation of effects whose levels lie so far apart."""
    return CORRELATIONS["matern52"](apart / length, exp)


def roots(places: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the lower triangular root of the correlation of levels in each draw; dimensions draw, level, level."""
    apart = np.abs(places[:, None] - places)
    return np.linalg.cholesky(correlation(apart, length[:, None, None]) + JITTER * np.eye(len(places)))


def symbolic_root(places: Any, length: Any) -> Any:
    """Return the lower triangular root of the correlation of levels, as a symbol."""
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import cholesky

    apart = pt.abs(places[:, None] - places[None, :])
    return cholesky(correlation(apart, length, pt.exp) + JITTER * pt.eye(places.shape[0]))


def effects(z: np.ndarray, places: np.ndarray, sd: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return effects from whitened ones, dimensions draw, level and those of the groups within."""
    flat = z.reshape(*z.shape[:2], -1)
    drawn = roots(places, length) @ flat * sd[:, None, None]
    return np.asarray(drawn.reshape(z.shape))


def conditional(
    known: np.ndarray | None,
    places: np.ndarray,
    at: np.ndarray,
    sd: np.ndarray,
    length: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Return draws of a smooth term at places of its axis, given its effects at the levels of the runs.

    Parameters
    ----------
    known
        Effects at the levels, dimensions draw, level; None for a function of which the runs know nothing.
    places, at
        Where the levels lie, and where the function is wanted.
    sd, length
        Of each draw.
    random
        What is drawn depends on its state, not on where the function is wanted; but for places more than `REACH` times as far
        from the levels as these from each other.
    """
    found = np.empty((len(sd), len(at)))
    # The levels have a part of their own, JITTER of the variance, which other places do not share.
    own = np.sqrt(JITTER) * random.standard_normal((len(sd), len(places)))
    for octave in range(*_octaves(length)):
        low = 2.0**octave
        every = np.flatnonzero((length >= low) & (length < 2 * low))
        if not len(every):
            continue
        g = _free(np.concatenate([places, at]), places, length[every], low, random)
        step = max(1, BLOCK // (len(at) * len(places)))
        for start in range(0, len(every), step):
            part, free = every[start : start + step], g[start : start + step]
            draws, wanted = free[:, : len(places)], free[:, len(places) :]
            if known is not None:
                root = roots(places, length[part])
                left = known[part] / sd[part, None] - draws - own[part]
                solved = np.linalg.solve(root.swapaxes(-1, -2), np.linalg.solve(root, left[..., None]))
                across = correlation(np.abs(at[:, None] - places), length[part, None, None])
                wanted = wanted + (across @ solved)[..., 0]
            found[part] = sd[part, None] * wanted
    return found


def _octaves(length: np.ndarray) -> tuple[int, int]:
    """Return from which power of 2 on lengths begin, and up to which."""
    return int(np.floor(np.log2(length.min()))), int(np.floor(np.log2(length.max()))) + 1


def _free(at: np.ndarray, places: np.ndarray, length: np.ndarray, low: float, random: np.random.Generator) -> np.ndarray:
    """Return draws of the process of variance 1 at places, as a Fourier series; dimensions draw, place.

    Parameters
    ----------
    length
        Of each draw, from `low` to twice that.
    """
    middle, span = (places.min() + places.max()) / 2, float(np.ptp(places))
    # Beyond a wave number w is a share 16 / (15 pi) (5^0.5 / (length w))^5 of the variance.
    most = 5**0.5 / low * (16 / (15 * np.pi) / LEFT_OUT) ** 0.2
    around, away = 2 * ((REACH + 0.5) * span + 2 * CLEAR * low), np.abs(at - middle)
    while around / 2 < away.max() + span / 2 + 2 * CLEAR * low:
        far = away + span / 2 + 2 * CLEAR * low > around / 2
        # On a circle with room for all, too few terms would be left for the levels. What lies outside this one is independent
        # of them, and is drawn by itself.
        if 2 * around * most > 2 * np.pi * MOST_TERMS:
            found = np.empty((len(length), len(at)))
            found[:, ~far] = _free(at[~far], places, length, low, random)
            found[:, far] = _free(at[far], at[far], length, low, random)
            return found
        around *= 2
    waves = 2 * np.pi * np.arange(min(MOST_TERMS, int(np.ceil(around * most / (2 * np.pi)))) + 1) / around
    # The spectrum of the Matern correlation (Rasmussen and Williams 2006, equation 4.15), but for a factor.
    variance = (5 / length[:, None] ** 2 + waves**2) ** -3.0
    variance[:, 0] /= 2
    variance /= variance.sum(1, keepdims=True)
    cosine, sine = random.standard_normal((2, len(length), len(waves))) * np.sqrt(variance)
    angle = (at - middle)[:, None] * waves
    return np.asarray(cosine @ np.cos(angle).T + sine @ np.sin(angle).T)
