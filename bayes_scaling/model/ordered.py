"""Ordered terms: levels in a known order, each above the one before it by a step that is learnt.

Listed levels have places 0, 1, 2, ... Of those that the runs have, each lies above the one before it by

    gap ~ Gamma(m, s),   m = how many places lie between the two,

the sum of m exponential steps. Given a gap, the levels of the list inside it divide it uniformly at random, which is the exact
conditional of exponential steps; beyond the runs further steps are drawn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_scaling._base.errors import InputError, format_value
from bayes_scaling._base.random import stream
from bayes_scaling.data.labels import level_index
from bayes_scaling.model.parameters import Ordered


def order_of(term: Ordered, levels: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return all levels of a term in their order: those that it lists, else those of the runs, which are numbers.

    Raises
    ------
    InputError
        Where nothing is listed and levels are no numbers.
    """
    if term.levels is not None:
        return np.array(term.levels, dtype=object)
    try:
        values = [float(level) for level in levels]
    except ValueError:
        raise InputError(
            f"the levels of {term.over!r} are no numbers, as {format_value(levels[0])}, and nothing says their order; "
            'expected levels = ["lowest", ..., "highest"]'
        ) from None
    return np.array([levels[place] for place in np.argsort(values, kind="stable")], dtype=object)


def places(term: Ordered, levels: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return the place of each level of the runs in the order.

    Raises
    ------
    InputError
        For the first that has none.
    """
    import pandas as pd

    found = level_index(pd.Series(list(levels), dtype=object), every := order_of(term, levels))
    if (found < 0).any():
        raise no_place(term, levels[int(np.argmax(found < 0))], every)
    return found.astype(float)


def no_place(term: Ordered, level: Any, every: np.ndarray) -> InputError:
    """Return the error for a level that has no place in the order."""
    shown = ", ".join(format_value(one) for one in every)
    return InputError(f"{term.over} {format_value(level)} has no place among the ordered levels {shown}; add it to levels")


def gaps(at: Any, numbers: Any = np) -> Any:
    """Return how many places each level lies above the next lower one of the runs, or above the first of the list.

    Parameters
    ----------
    at
        Places of the levels.
    numbers
        Numpy, or PyTensor for symbols.
    """
    below = at[None, :] < at[:, None]
    return at - numbers.max(numbers.where(below, at[None, :], 0.0), axis=1)


def effects(term: Ordered, at: Any, steps: Any, numbers: Any = np) -> Any:
    """Return the effects of levels from the gap below each; dimensions draw, level, or level alone.

    Parameters
    ----------
    at, numbers
        As for `gaps`.
    steps
        The gap below each level; that of the first level of the list counts as none.
    """
    reached = (at[None, :] <= at[:, None]) & (gaps(at, numbers)[None, :] > 0)
    return term.sign * (steps @ numbers.where(reached, 1.0, 0.0).T)


def draw_gaps(at: np.ndarray, sd: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return draws of the gaps from their prior, given the scale in each draw; dimensions draw, level."""
    return np.asarray(random.gamma(np.maximum(gaps(at), 1.0), sd[:, None]))


def everywhere(
    term: Ordered, name: str, known: np.ndarray, at: np.ndarray, count: int, sd: np.ndarray, seed: int
) -> np.ndarray:
    """Return draws of the effects of all levels of the list, given those of the runs; dimensions as `known`.

    Parameters
    ----------
    name
        Of the term's draws, for the seed of what is drawn.
    known
        Effects at the levels of the runs, which lie along the last dimension.
    at
        Their places.
    count
        How many levels the list has.
    sd
        Mean of a step in each draw.
    """
    steps = stream(seed, "steps of a list", name).exponential(size=(*sd.shape, count))
    steps[..., 0] = 0.0
    order, found = np.argsort(at), sd[..., None] * steps.cumsum(axis=-1)
    low, height = 0, np.zeros(sd.shape)
    for place, up in zip(at[order].astype(int), np.moveaxis(known, -1, 0)[order] * term.sign, strict=True):
        shares = steps[..., low + 1 : place + 1].cumsum(axis=-1)
        if place > low:
            found[..., low + 1 : place + 1] = height[..., None] + (up - height)[..., None] * shares / shares[..., -1:]
        low, height = place, up
    beyond = steps[..., low + 1 :].cumsum(axis=-1)
    found[..., low + 1 :] = height[..., None] + sd[..., None] * beyond
    return np.asarray(term.sign * found)
