"""What stands on an axis, in numbers, so that a page can say what lies under a pointer."""

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes


@dataclass(frozen=True)
class Shown:
    """A curve or band that was drawn.

    Parameters
    ----------
    name
        What it is, such as a level; "" for the only one.
    colour
        Of its line.
    quantity
        What the horizontal axis shows: an input or group by its name.
    x
        Where it was drawn, ascending.
    quantiles
        The median by 0.5 and, where they were drawn, 0.05, 0.25, 0.75 and 0.95; each of the shape of x.
    inside
        Whether x lies within the data; None where that was not said.
    """

    name: str
    colour: str
    quantity: str
    x: np.ndarray
    quantiles: Mapping[float, np.ndarray]
    inside: np.ndarray | None = None


# Beside the axes rather than on them: matplotlib's objects have no place for what others keep, and these go when the axes go.
_ON: "WeakKeyDictionary[Axes, list[Shown]]" = WeakKeyDictionary()


def remember(ax: Axes, drawn: Shown) -> None:
    """Keep what was drawn on an axis for as long as the axis is kept."""
    _ON.setdefault(ax, []).append(drawn)


def shown(ax: Axes) -> tuple[Shown, ...]:
    """Return what was drawn on an axis, in order."""
    return tuple(_ON.get(ax, ()))
