"""How far ranks of truths are from uniform, for all quantities of a calibration at once."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bayes_scaling._base.numbers import percent
from bayes_scaling.plots.footnote import footed
from bayes_scaling.plots.painters import paint_band
from bayes_scaling.plots.style import COLOURS, INK, axis_of
from bayes_scaling.validation.calibration import Calibration
from bayes_scaling.validation.uniformity import Band, uniform_band

MARKERS = ("o", "s", "^", "D", "v")
"""Of quantities that leave the band, as many as there are colours; further ones are drawn as the others."""


@footed
def plot_calibration(calibration: Calibration, ax: Axes | None = None, *, probability: float = 0.95) -> Axes:
    """Draw each quantity's share of ranks up to a fraction, less the share that uniform ranks have.

    Calibrated posteriors stay in the dark band with the given probability each, and in the light band all of them together.
    A line that rises first and then falls below zero belongs to truths at the ends of posteriors that are too narrow, one
    below zero throughout to posteriors that lie too low. Quantities that leave the light band are drawn in colour and named.

    Parameters
    ----------
    calibration
        What `calibrate` returns.
    ax
        Where to draw; a new axis unless given.
    probability
        With which calibrated posteriors stay in a band.

    Returns
    -------
    Axes
        The axis.

    Examples
    --------
    >>> plots.plot_calibration(bs.calibrate(model, runs))  # doctest: +SKIP
    """
    ax = axis_of(ax)
    ranks = {str(name): part["pit"].to_numpy() for name, part in calibration.ranks.groupby("quantity", sort=False)}
    bands = _bands(min(map(len, ranks.values())), len(ranks), probability)
    for (label, band), opacity in zip(bands.items(), (0.3,) if len(ranks) == 1 else (0.16, 0.3), strict=True):
        _shade(ax, band, opacity, label)
    marked = dict(zip(_outside(calibration, 1 - probability), zip(COLOURS[1:], MARKERS, strict=False), strict=False))
    for name, pit in ranks.items():
        colour, marker = marked.get(name, (INK, ""))
        emphasis: Any = {"marker": marker, "label": name, "linewidth": 1.2} if marker else {"alpha": 0.6, "linewidth": 0.7}
        places = bands[next(iter(bands))].places
        ax.plot(*_away(pit, places), color=colour, markevery=0.12, markersize=3, **emphasis)
    ax.axhline(0, color=INK, linewidth=0.6)
    ax.set_xlim(0, 1)
    ax.set_xlabel("rank of the truth (fraction)")
    ax.set_ylabel("share of ranks below - fraction")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, borderaxespad=0.2, handlelength=1.4, columnspacing=1.0)
    return ax


def _bands(n: int, quantities: int, probability: float) -> dict[str, Band]:
    if quantities == 1:
        return {percent(probability, 4): uniform_band(n, probability)}
    together = uniform_band(n, 1 - (1 - probability) / quantities)
    return {
        f"{percent(probability, 4)}, all {quantities}": together,
        f"{percent(probability, 4)}, each": uniform_band(n, probability),
    }


def _outside(calibration: Calibration, below: float) -> list[str]:
    """Return the quantities whose corrected p-value is below a number, the smallest first."""
    table = calibration.to_frame().sort_values("p")
    return [str(name) for name in table["quantity"][table["p_holm"] < below]]


def _shade(ax: Axes, band: Band, opacity: float, label: str) -> None:
    low, high = (np.concatenate([[0.0], edge - band.places, [0.0]]) for edge in (band.low, band.high))
    places = np.concatenate([[0.0], band.places, [1.0]])
    paint_band(ax, places, low, high, opacity=opacity, label=label)


def _away(pit: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places from 0 to 1, and the share of numbers at or below each, less the place."""
    shares = np.searchsorted(np.sort(pit), places, side="right") / len(pit)
    return np.concatenate([[0.0], places, [1.0]]), np.concatenate([[0.0], shares - places, [0.0]])
