"""Outliers in a filter: a mixture of two normals at each row, collapsed to one after it, linear in rows, with its gradient.

    z_i = o_i + w_i,   o_i = a_i o_(i-1) + sqrt(1 - a_i^2) e_i,   w_i ~ Normal(0, sqrt(v_i)) or Normal(0, sqrt(v_i + x_i))

the second with probability q_i. Given the rows before it a row has the density

    (1 - q_i) Normal(z_i; b_i, s_i + v_i) + q_i Normal(z_i; b_i, s_i + v_i + x_i)

where b_i and s_i are mean and variance of o_i. Given the row as well o_i is a mixture of two normals; the next row takes it for
the one normal of their mean and variance. The product of these densities is a density of all rows, whatever becomes of the
mixture: each integrates to one. Runs are drawn from it row by row.

A row that is the mean of n rows of a log, each an outlier with probability p, has none among them with probability (1 - p)^n.
Otherwise their number is taken for what it is on average then, n p / (1 - (1 - p)^n), so that the mean's variance is right.

References
----------
.. [1] Alspach and Sorenson (1972). Nonlinear Bayesian estimation using Gaussian sum approximations. IEEE Transactions on
   Automatic Control 17(4).
.. [2] Harrison and Stevens (1976). Bayesian forecasting. Journal of the Royal Statistical Society B 38(3): collapsing.
"""

from math import log, pi
from typing import Any

import numba
import numpy as np
from pytensor.link.numba.dispatch import basic

from bayes_scaling.model.kalman import KERNELS, RowsOp, compiled
from bayes_scaling.model.priors import Z90

FARTHEST = 500.0
"""Log odds of an outlier beyond which a row is taken for one."""
TAIL, HALVINGS = 0.05, 50
HALF_LOG_2PI = 0.5 * log(2.0 * pi)
"""Constant of a normal log density."""


def mixture(odds: Any, times: Any, count: Any, math: Any) -> tuple[Any, Any]:
    """Return the log probability that none of n rows is an outlier, and what outliers add to the variance of their mean.

    Parameters
    ----------
    odds
        Outliers to each other row.
    times
        Standard deviation of what an outlier adds, in units of the scatter of a single row.
    count
        N.
    math
        Functions of numbers or of symbols.

    Returns
    -------
    tuple
        The second in units of the variance of the mean without outliers, where there is one or more.
    """
    none = -count * math.log1p(odds)
    return none, times**2 * (odds / (1.0 + odds)) / -math.expm1(none)


def mixture_width(times: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return how many times as wide as a standard normal's the 90 % interval of a mixture is.

    Parameters
    ----------
    times
        How many times as wide outliers are.
    probability
        Of an outlier.
    """
    from scipy import special

    low, high = np.full_like(times, Z90), Z90 * times
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        tail = (1.0 - probability) * special.ndtr(-middle) + probability * special.ndtr(-middle / times)
        low, high = np.where(tail > TAIL, middle, low), np.where(tail > TAIL, high, middle)
    return np.asarray(0.5 * (low + high) / Z90)


def step(z: Any, before: Any, spread: Any, v: Any, x: Any, none: Any) -> tuple[Any, Any, Any, Any]:
    """Return a row's log density, the probability that it is an outlier, and mean and variance of the process given it.

    Parameters
    ----------
    z
        The row, in units of the process.
    before, spread
        Mean and variance of the process there, given the rows before.
    v, x
        Variance of the white noise, and what an outlier adds to it.
    none
        Log probability that the row is no outlier.
    """
    off, narrow, wide = z - before, spread + v, spread + v + x
    usual = none - 0.5 * (off * off / narrow + np.log(narrow))
    outlying = np.log(-np.expm1(none)) - 0.5 * (off * off / wide + np.log(wide))
    apart = outlying - usual
    density = np.maximum(usual, outlying) + np.log1p(np.exp(-np.abs(apart))) - HALF_LOG_2PI
    outlier = 0.5 * (1.0 + np.tanh(0.5 * apart))
    gain, gain_wide = spread / narrow, spread / wide
    moved = (gain_wide - gain) * off
    mean = before + gain * off + outlier * moved
    left = (1.0 - outlier) * gain * v + outlier * gain_wide * (v + x) + outlier * (1.0 - outlier) * moved * moved
    return density, outlier, mean, left


@numba.njit(error_model="numpy")
def _step(z: float, before: float, spread: float, v: float, x: float, none: float) -> tuple[float, float, float, float]:
    """Return what `step` does for one row, with fewer exponentials and logarithms."""
    off, narrow, wide = z - before, spread + v, spread + v + x
    gain, gain_wide = spread / narrow, spread / wide
    power = 0.5 * off * off * (1.0 / narrow - 1.0 / wide) - none
    if power < FARTHEST:
        odds = -np.expm1(none) * np.sqrt(narrow / wide) * np.exp(power)
        density = none - 0.5 * off * off / narrow + np.log((1.0 + odds) / np.sqrt(narrow)) - HALF_LOG_2PI
        outlier = odds / (1.0 + odds)
    else:  # surely an outlier
        density = np.log(-np.expm1(none)) - 0.5 * (off * off / wide + np.log(wide)) - HALF_LOG_2PI
        outlier = 1.0
    moved = (gain_wide - gain) * off
    mean = before + gain * off + outlier * moved
    left = (1.0 - outlier) * gain * v + outlier * gain_wide * (v + x) + outlier * (1.0 - outlier) * moved * moved
    return density, outlier, mean, left


@numba.njit(error_model="numpy")
def predicted(z: np.ndarray, a: np.ndarray, v: np.ndarray, x: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the process at each row, given the rows before it."""
    expected, variance = np.empty_like(z), np.empty_like(z)
    mean, left = 0.0, 0.0
    for i in range(len(z)):
        expected[i], variance[i] = a[i] * mean, a[i] * a[i] * left + 1.0 - a[i] * a[i]
        _, _, mean, left = _step(z[i], expected[i], variance[i], v[i], x[i], none[i])
    return expected, variance


@numba.njit(error_model="numpy")
def forward(z: np.ndarray, a: np.ndarray, v: np.ndarray, x: np.ndarray, none: np.ndarray) -> np.ndarray:
    """Return the log density of each row given those before it."""
    density = np.empty_like(z)
    mean, left = 0.0, 0.0
    for i in range(len(z)):
        before, spread = a[i] * mean, a[i] * a[i] * left + 1.0 - a[i] * a[i]
        density[i], _, mean, left = _step(z[i], before, spread, v[i], x[i], none[i])
    return density


@numba.njit(error_model="numpy")
def backward(
    z: np.ndarray, a: np.ndarray, v: np.ndarray, x: np.ndarray, none: np.ndarray, to_density: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients with respect to what `forward` takes, from those with respect to the densities."""
    n = len(z)
    mean, left, outlier = np.zeros(n + 1), np.zeros(n + 1), np.empty(n)
    for i in range(n):
        before, spread = a[i] * mean[i], a[i] * a[i] * left[i] + 1.0 - a[i] * a[i]
        _, outlier[i], mean[i + 1], left[i + 1] = _step(z[i], before, spread, v[i], x[i], none[i])
    to_z, to_a, to_v, to_x, to_none = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    to_mean, to_left = 0.0, 0.0
    for i in range(n - 1, -1, -1):
        spread = a[i] * a[i] * left[i] + 1.0 - a[i] * a[i]
        off, narrow, wide = z[i] - a[i] * mean[i], spread + v[i], spread + v[i] + x[i]
        outlying = outlier[i]
        usual = 1.0 - outlying
        gain, gain_wide = spread / narrow, spread / wide
        moved = (gain_wide - gain) * off
        to_outlying = to_mean * moved + to_left * (gain_wide * (v[i] + x[i]) - gain * v[i] + (usual - outlying) * moved * moved)
        to_ratio = to_outlying * usual * outlying
        to_usual, to_outlier = to_density[i] * usual - to_ratio, to_density[i] * outlying + to_ratio
        to_moved = to_left * 2.0 * usual * outlying * moved + to_mean * outlying
        to_gain = to_mean * off + to_left * usual * v[i] - to_moved * off
        to_gain_wide = to_left * outlying * (v[i] + x[i]) + to_moved * off
        to_narrow = -to_gain * gain / narrow - 0.5 * to_usual * (1.0 - off * off / narrow) / narrow
        to_wide = -to_gain_wide * gain_wide / wide - 0.5 * to_outlier * (1.0 - off * off / wide) / wide
        to_off = to_mean * gain + to_moved * (gain_wide - gain) - to_usual * off / narrow - to_outlier * off / wide
        to_spread = to_gain / narrow + to_gain_wide / wide + to_narrow + to_wide
        to_before = to_mean - to_off
        to_z[i] = to_off
        to_x[i] = to_left * outlying * gain_wide + to_wide
        to_v[i] = to_left * usual * gain + to_narrow + to_x[i]
        to_none[i] = to_usual + to_outlier * (1.0 + 1.0 / np.expm1(none[i]))
        to_a[i] = to_before * mean[i] + 2.0 * a[i] * to_spread * (left[i] - 1.0)
        to_mean, to_left = to_before * a[i], to_spread * a[i] * a[i]
    return to_z, to_a, to_v, to_x, to_none


class _Mixture(RowsOp):
    outputs = 1

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Return the gradient, by the loop backwards."""
        return list(_MixtureBackward()(*inputs, *cotangents))


class _MixtureBackward(RowsOp):
    outputs = 5


for _op, _kernel in {_Mixture: forward, _MixtureBackward: backward}.items():
    KERNELS[_op] = _kernel
    basic.register_funcify_default_op_cache_key(_op)(compiled)


def log_densities(z: Any, a: Any, v: Any, x: Any, none: Any) -> Any:
    """Return, as symbols, the log density of each row given the rows before it in its run, in units of the process.

    Parameters
    ----------
    z, a, v
        As for `kalman.filtered`.
    x
        What an outlier adds to the variance of the white noise.
    none
        Log probability that a row is no outlier.
    """
    return _Mixture()(z, a, v, x, none)
