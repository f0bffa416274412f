"""R-hat and effective sample sizes of every element of every variable, from one sort of its draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling._base.numbers import MAX_DIGITS, exact, number, rounded

TAILS = (0.05, 0.95)
"""Quantiles whose effective sample size is that of the tails."""
FEWEST_DRAWS = 8
"""Of a chain: halves of fewer than four draws have no autocovariance to speak of."""


@dataclass(frozen=True)
class Convergence:
    """How well chains explored each element of the variables that moved and are finite; arrays in the order of `names`."""

    names: tuple[str, ...]
    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    stuck: tuple[str, ...]
    not_finite: tuple[str, ...]


def convergence(posterior: xr.Dataset) -> Convergence:
    """Return R-hat and effective sample sizes of every element, and which elements never moved or are not finite.

    The numbers are those of `arviz_stats.rhat` and `arviz_stats.ess` (Vehtari et al. 2021): ranks are found here, once for bulk
    and R-hat together, and handed to its array functions. `arviz_stats.diagnose` sorts each element five times.

    Parameters
    ----------
    posterior
        Draws along "chain" and "draw". R-hat is NaN for a single chain, all numbers for fewer than `FEWEST_DRAWS`.
    """
    names: list[str] = []
    parts: list[np.ndarray] = []
    stuck: list[str] = []
    not_finite: list[str] = []
    for values in posterior.data_vars.values():
        elements = _elements(values)
        labels = np.array(list(_labels(values)), dtype=object)
        finite = np.isfinite(elements).all(axis=(1, 2))
        levels = values.ndim > 2
        fixed = levels & (elements == 0.0).all(axis=(1, 2))  # as the effect of the level that others are ordered from
        still = finite & ~fixed & (np.ptp(elements, axis=2) == 0.0).any(axis=1)  # a chain stuck, whatever the others did
        not_finite += labels[~finite].tolist()
        stuck += labels[still].tolist()
        moved = finite & ~still & ~fixed
        names += labels[moved].tolist()
        parts.append(_numbers(elements[moved]))
    r_hat, bulk, tail = np.concatenate(parts or [np.empty((3, 0))], axis=1)
    return Convergence(tuple(names), r_hat, bulk, tail, tuple(stuck), tuple(not_finite))


def _elements(values: xr.DataArray) -> np.ndarray:
    """Return draws as (element, chain, draw)."""
    ordered = values.transpose(..., "chain", "draw").to_numpy().astype(float)
    flat: np.ndarray = ordered.reshape(-1, *ordered.shape[-2:])
    return flat


def _labels(values: xr.DataArray) -> Iterator[str]:
    """Yield what each element is called: the variable's name, with the levels it is of."""
    dims = [str(dim) for dim in values.dims if dim not in ("chain", "draw")]
    for place in np.ndindex(*(values.sizes[dim] for dim in dims)):
        levels = ", ".join(_shown(_level(values, dim, i)) for dim, i in zip(dims, place, strict=True))
        yield f"{values.name}[{levels}]" if dims else str(values.name)


def _level(values: xr.DataArray, dim: str, i: int) -> Any:
    return values[dim].to_numpy()[i] if dim in values.coords else i


def _shown(level: Any) -> str:
    """Return a level as a sentence has it: a number of more digits than anybody would write was computed."""
    if not isinstance(level, float):
        return str(level)
    return exact(level) if rounded(level, MAX_DIGITS) == level else number(level)


def _numbers(elements: np.ndarray) -> np.ndarray:
    """Return R-hat and effective sample sizes of bulk and tails, each of every element."""
    from arviz_stats.base import array_stats

    count, chains, draws = elements.shape
    if not count or draws < FEWEST_DRAWS:
        return np.full((3, count), np.nan)
    half = draws // 2
    split = np.concatenate([elements[..., :half], elements[..., -half:]], axis=1)
    flat = split.reshape(count, -1)
    order = np.argsort(flat, axis=1)
    ordered = np.take_along_axis(flat, order, axis=1)
    bulk = _scores(ordered, order).reshape(split.shape)
    # Quantiles of a sorted array take no second sort; those of all draws, the middle one of an odd number among them.
    middle, low, high = (_quantile(ordered, q) for q in (0.5, *TAILS))
    r_hat = np.full(count, np.nan)
    if chains > 1:
        away = np.abs(flat - middle)
        order = np.argsort(away, axis=1)
        folded = _scores(np.take_along_axis(away, order, axis=1), order).reshape(split.shape)
        r_hat = np.maximum(*(array_stats.rhat(of, method="identity") for of in (bulk, folded)))
    tails = (array_stats.ess(split <= q[..., None], method="identity") for q in (low, high))
    return np.stack([r_hat, array_stats.ess(bulk, method="identity"), np.minimum(*tails)])


def _scores(ordered: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the normal score of each value's rank, ties sharing theirs."""
    from scipy.special import ndtri

    count = ordered.shape[1]
    ranks = np.broadcast_to(2 * np.arange(count), ordered.shape)  # twice the rank, as ties may share a half one
    same = ordered[:, 1:] == ordered[:, :-1]
    if same.any():
        place = np.arange(count)
        edge = np.ones((len(ordered), 1), dtype=bool)
        first = np.maximum.accumulate(np.where(np.hstack([edge, ~same]), place, 0), axis=1)
        last = np.minimum.accumulate(np.where(np.hstack([~same, edge]), place, count)[:, ::-1], axis=1)[:, ::-1]
        ranks = first + last
    table = ndtri((np.arange(2 * count - 1) / 2 + 1 - 3 / 8) / (count + 1 / 4))  # Blom (1958)
    scores = np.empty(ordered.shape)
    np.put_along_axis(scores, order, table[ranks], axis=1)
    return scores


def _quantile(ordered: np.ndarray, q: float) -> np.ndarray:
    """Return a quantile of sorted rows, as a column."""
    place = q * (ordered.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[1] - 1)
    part = place - below
    found: np.ndarray = (1 - part) * ordered[:, [below]] + part * ordered[:, [above]]
    return found
