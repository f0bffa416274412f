"""The scale on which rows scatter: the loss itself, its logarithm, or the log odds of a share between 0 and 1."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

type Scale = Literal["log_loss", "loss", "log_odds"]
SCALES = ("log_loss", "loss", "log_odds")


def on_scale(losses: Any, on: str, log: Callable[[Any], Any] = np.log) -> Any:
    """Return losses on the scale of the noise: L, log L, or log(L / (1 - L)).

    Parameters
    ----------
    log
        Of what the losses are: numbers, or symbols of the sampler.

    Examples
    --------
    >>> [round(float(on_scale(0.8, on)), 3) for on in SCALES]
    [-0.223, 0.8, 1.386]
    """
    if on == "loss":
        return losses
    return log(losses) if on == "log_loss" else log(losses) - log(1.0 - losses)


def from_scale(values: Any, on: str) -> Any:
    """Return losses from their values on the scale of the noise.

    Examples
    --------
    >>> [round(float(from_scale(on_scale(0.8, on), on)), 6) for on in SCALES]
    [0.8, 0.8, 0.8]
    """
    if on == "loss":
        return values
    return np.exp(values) if on == "log_loss" else 0.5 + 0.5 * np.tanh(0.5 * values)


def moved(losses: Any, off: Any, on: str) -> Any:
    """Return losses that lie so far off on the scale of the noise: L + off, L e^off, or of odds that are e^off times as large.

    Examples
    --------
    >>> [round(float(moved(0.5, 0.1, on)), 4) for on in SCALES]
    [0.5526, 0.6, 0.525]
    """
    if on == "loss":
        return losses + off
    if on == "log_loss":
        return losses * np.exp(off)
    return losses / (losses + (1.0 - losses) * np.exp(-off))


def slope(losses: Any, on: str) -> Any:
    """Return how far the scale of the noise goes for a small step of the loss: 1, 1 / L, or 1 / (L (1 - L)).

    Examples
    --------
    >>> [round(float(slope(0.5, on)), 4) for on in SCALES]
    [2.0, 1.0, 4.0]
    """
    if on == "loss":
        return 1.0 + 0.0 * losses
    return 1.0 / losses if on == "log_loss" else 1.0 / (losses * (1.0 - losses))


def possible(losses: Any, on: str) -> Any:
    """Return where losses are such as their scale has: any, above 0, or between 0 and 1.

    Examples
    --------
    >>> [bool(possible(np.array(1.5), on)) for on in SCALES]
    [True, True, False]
    """
    if on == "loss":
        return losses == losses
    return losses > 0 if on == "log_loss" else (losses > 0) & (losses < 1)
