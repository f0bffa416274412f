"""Quantiles of draws: the ones every table has, of rows in which some draws may be unknown."""

import warnings

import numpy as np

MAD_TO_SD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
"""Of a table of draws."""

INTERVAL = {name: QUANTILES[name] for name in ("q05", "q50", "q95")}
"""Of a median with its 90 % interval."""


def median_interval(draws: np.ndarray, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Return low end, median and high end of the 90 % interval of the draws that are known; NaN where none is.

    Parameters
    ----------
    axis
        Along which the draws lie, all axes unless given; low, median and high are along a new first one.
    """
    values = np.asarray(draws)
    if not np.isnan(values).any():
        return np.asarray(np.quantile(values, list(INTERVAL.values()), axis=axis))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.asarray(np.nanquantile(values, list(INTERVAL.values()), axis=axis))


def mean_known(rows: np.ndarray) -> np.ndarray:
    """Return the mean of what is known of each row, NaN where nothing is."""
    mean: np.ndarray = rows.mean(axis=1)
    for row in np.flatnonzero(np.isnan(mean)):
        known = rows[row][~np.isnan(rows[row])]
        mean[row] = known.mean() if len(known) else np.nan
    return mean


def sd_known(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of what is known of each row, NaN where that is less than two."""
    sd: np.ndarray = rows.std(axis=1, ddof=1) if rows.shape[1] > 1 else np.full(len(rows), np.nan)
    for row in np.flatnonzero(np.isnan(sd)):
        known = rows[row][~np.isnan(rows[row])]
        sd[row] = known.std(ddof=1) if len(known) > 1 else np.nan
    return sd


def sorted_quantiles(ordered: np.ndarray) -> dict[str, np.ndarray]:
    """Return the quantiles of sorted rows, interpolated as `numpy.quantile` does, which sorts four times more slowly.

    What is not known stands last in a row, and is left out.
    """
    rows = np.arange(len(ordered))
    whole = not np.isnan(ordered[:, -1]).any()
    last = ordered.shape[1] - 1 if whole else np.maximum((~np.isnan(ordered)).sum(axis=1) - 1, 0)
    found = {}
    for name, q in QUANTILES.items():
        place = q * np.broadcast_to(last, len(ordered))
        low = place.astype(int)
        high = np.minimum(low + 1, last)
        below, above = ordered[rows, low], ordered[rows, high]
        with np.errstate(invalid="ignore"):  # infinite ends
            found[name] = np.where((place == low) | (above == below), below, below + (place - low) * (above - below))
    return found


def reached(draws: np.ndarray) -> dict[str, float]:
    """Return quantiles of the ratios that there are, and the shares of draws in which there is none.

    p_never_reached, the share that is infinite; p_always_reached, that is 0; p_unknown, that is not defined.
    """
    known = draws[~np.isnan(draws)]
    there = known[np.isfinite(known) & (known > 0)]
    found = {name: float(np.quantile(there, q)) if len(there) else np.nan for name, q in QUANTILES.items()}
    shares = {"p_never_reached": np.isinf(known), "p_always_reached": known == 0}
    found |= {name: float(of.mean()) if len(known) else np.nan for name, of in shares.items()}
    return found | {"p_unknown": 1.0 - len(known) / draws.size}
