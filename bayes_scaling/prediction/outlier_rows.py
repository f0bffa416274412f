"""Which rows are outliers: the probability of each, given all other rows of its run.

An Ornstein-Uhlenbeck process is the same backwards. A filter from either end has mean and variance of the process at a row
given the rows before it, b and s, and after it, c and t; given both, as the process has mean 0 and variance 1,

    1 / r = 1 / s + 1 / t - 1,     m = r (b / s + c / t)

and a row is an outlier with the probability q N(z; m, r + v + x) over that plus (1 - q) N(z; m, r + v).
"""

import numpy as np
import pandas as pd

from bayes_scaling._base.errors import InputError
from bayes_scaling.inference.health_line import carried
from bayes_scaling.inference.observation import contamination_of, kept_along, residuals_and_scales
from bayes_scaling.inference.posterior import Fit
from bayes_scaling.model.arrays import neighbours
from bayes_scaling.model.gaussian_sum import predicted, step
from bayes_scaling.model.noise_scale import moved
from bayes_scaling.prediction.residuals import thinned

LEAST = 1e-12
"""Of the variance of the process: an average may have lost more of it than white noise adds."""


@carried
def outlier_probabilities(fit: Fit) -> pd.DataFrame:
    """Return the probability of each row to be an outlier, given all other rows; of an average, that one is among its rows.

    Parameters
    ----------
    fit
        Of a model whose noise has `Outliers`.

    Returns
    -------
    pd.DataFrame
        A row for each of the fit's: its run, where rows have one, inputs, groups and loss; `expected`, the loss without its
        scatter of its own, in the middle of the draws; `outlier_probability`, averaged over the draws.

    Raises
    ------
    InputError
        Where the model's noise has no outliers.

    Examples
    --------
    >>> found = outlier_probabilities(fit)  # doctest: +SKIP
    >>> found[found["outlier_probability"] > 0.5]  # doctest: +SKIP
    """
    noise, thin, table = fit.model.noise, thinned(fit), fit.runs.table.reset_index(drop=True)
    if noise.outliers is None:
        raise InputError("the noise of the model has no outliers; expected noise with outliers=bs.Outliers(share, scale)")
    order = np.arange(len(table)) if noise.correlation is None else neighbours(table, noise.correlation.along)["order"]
    rows, seen = table.iloc[order].reset_index(drop=True), table["response"].to_numpy()[order]
    left, scale, own = residuals_and_scales(thin, rows, seen)
    outliers = contamination_of(thin, rows)
    assert outliers is not None
    z, x, none = left / scale, outliers.added, outliers.none
    if noise.correlation is None:
        mean, probability = np.zeros_like(z), step(z, 0.0, 1.0, 0.0, x, none)[1]
    else:
        kept = kept_along(thin, neighbours(rows, noise.correlation.along)["gap"])
        mean, probability = _between(z, kept, own / scale**2, x, none)
    off = np.median(scale * (z - mean), axis=(0, 1))
    expected = moved(seen, -off, noise.on)
    back = np.argsort(order)
    found = {"expected": expected[back], "outlier_probability": probability.mean(axis=(0, 1))[back]}
    columns = fit.runs.columns
    kept_columns = [name for name in dict.fromkeys(["run", *columns.inputs, *columns.dims, "response"]) if name in table]
    return table[kept_columns].rename(columns={"response": columns.response.column}).assign(**found)


def _between(z: np.ndarray, a: np.ndarray, v: np.ndarray, x: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the process at each row given all rows of its run, and the probability that the row is an outlier."""
    flat = [np.ascontiguousarray(np.broadcast_to(of, z.shape)).reshape(-1, z.shape[-1]) for of in (z, a, v, x, none)]
    before, spread = np.moveaxis(np.array([predicted(*one) for one in zip(*flat, strict=True)]), 1, 0)
    ends = np.concatenate([flat[1][:, 1:], np.zeros((len(flat[1]), 1))], axis=1)  # correlation with the row after
    turned = [np.ascontiguousarray(of[:, ::-1]) for of in (flat[0], ends, *flat[2:])]
    after, room = np.moveaxis(np.array([predicted(*one) for one in zip(*turned, strict=True)]), 1, 0)[..., ::-1]
    spread, room = np.maximum(spread, LEAST), np.maximum(room, LEAST)
    between = 1.0 / np.maximum(1.0 / spread + 1.0 / room - 1.0, 1.0)
    middle = between * (before / spread + after / room)
    _, outlier, mean, _ = step(flat[0], middle, between, flat[2], flat[3], flat[4])
    return mean.reshape(z.shape), outlier.reshape(z.shape)
