"""The field's practice: Huber loss on the log loss from a grid of starts, and a bootstrap (Hoffmann et al. 2022, Besiroglu et
al. 2024), for any law E + sum_j c_j x_j^-a_j.

Coefficients are (log c_1, ..., log c_J, log E, a_1, ..., a_J). `minimised` is L-BFGS-B from one start, as published; `fitted`
takes all starts, or all resamples of a bootstrap, at once by damped Newton steps, to the same optimum, most often in a fifth of
the time.
"""

from copy import deepcopy
from functools import cache
from itertools import product
from typing import Any

import numpy as np

DELTA = 1e-3
"""Where the Huber loss turns from square to absolute, in log loss (Hoffmann et al. 2022)."""
STEPS, REWEIGHTED = 400, 30
"""Steps of a batch at most, and how many of them, at first, take residuals beyond `DELTA` by reweighting."""
LONGEST = 4.0
"""A step's longest part, in log coefficients at the middle of the inputs and in exponents."""
STILL = 1e-13
"""A fall of the summed Huber loss that is none."""


def huber(x: np.ndarray, logs: np.ndarray, log_loss: np.ndarray, weight: np.ndarray | float = 1.0) -> tuple[float, np.ndarray]:
    """Return the summed Huber loss at coefficients, and its gradient.

    logs: the logarithm of each input, an input a row.
    weight: what each run counts.
    """
    terms = _terms(x, logs)
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    shares /= total
    off = top + np.log(total) - log_loss
    slope = np.clip(off, -DELTA, DELTA)
    weighted = weight * shares * slope
    along = [*weighted.sum(axis=1), *(-weighted[: len(logs)] * logs).sum(axis=1)]
    return float(np.sum(weight * slope * (off - 0.5 * slope))), np.array(along)


def log_law(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return the logarithm of the law's loss at coefficients, for one row of them or several."""
    value: np.ndarray = np.logaddexp.reduce(_terms(x, logs), axis=-2)
    return value


def _terms(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    count = len(logs)
    powers = x[..., :count, None] - x[..., count + 1 :, None] * logs
    floor = np.broadcast_to(x[..., count, None, None], (*powers.shape[:-2], 1, powers.shape[-1]))
    return np.concatenate([powers, floor], axis=-2)


def minimised(start: np.ndarray, logs: np.ndarray, log_loss: np.ndarray) -> Any:
    """Return scipy's result of L-BFGS-B from a start.

    Scipy's default tolerances are for losses of order one; this one is 0.001 at its best, and refits of a bootstrap would
    end where they start: A would seem ten times more certain than it is.
    """
    from scipy.optimize import minimize

    tight = {"maxiter": 10_000, "maxfun": 10_000, "ftol": 1e-12, "gtol": 1e-8}
    result: Any = minimize(huber, start, args=(logs, log_loss), jac=True, method="L-BFGS-B", options=tight)  # type: ignore
    return result


def starts(inputs: int = 2) -> np.ndarray:
    """Return the grid of Hoffmann et al. and Besiroglu et al., a start a row: 4,500 for two inputs."""
    exponents, coefficients, floors = np.arange(0.0, 2.1, 0.5), np.arange(0.0, 26.0, 5.0), np.arange(-1.0, 1.1, 0.5)
    return np.array(list(product(*[coefficients] * inputs, floors, *[exponents] * inputs)))


def fitted(
    begin: np.ndarray, logs: np.ndarray, log_loss: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the summed Huber loss is least next to each start, and how much it is there.

    Parameters
    ----------
    begin
        Coefficients to start from, a start a row.
    weights
        What each run counts, a start a row: a bootstrap's multiplicities.
    """
    count, middle = len(logs), logs.mean(axis=1)
    x = begin.astype(float)
    x[:, :count] -= x[:, count + 1 :] * middle
    centred = logs - middle[:, None]
    counts = np.ones((len(x), logs.shape[1])) if weights is None else np.broadcast_to(weights, (len(x), logs.shape[1]))
    value, damping, idle = _value(x, centred, log_loss, counts), np.full(len(x), 1e-2), np.zeros(len(x), dtype=int)
    moving = np.arange(len(x))
    for step in range(STEPS):
        if not len(moving):
            break
        gradient, curvature, scale = _slopes(x[moving], centred, log_loss, counts[moving], step < REWEIGHTED)
        trial = x[moving] + _step(gradient, curvature, scale, damping[moving])
        found = _value(trial, centred, log_loss, counts[moving])
        better = found < value[moving]
        fell = np.where(better, value[moving] - found, 0.0)
        x[moving[better]], value[moving[better]] = trial[better], found[better]
        damping[moving] *= np.where(better, 0.2, 5.0)
        idle[moving] = np.where(fell > STILL, 0, idle[moving] + 1)
        np.clip(damping, 1e-12, 1e12, out=damping)
        if step >= REWEIGHTED:
            moving = moving[(idle[moving] < 12) | (damping[moving] < 1e-6)]
    x[:, :count] += x[:, count + 1 :] * middle
    return x, value


def _offsets(x: np.ndarray, logs: np.ndarray, log_loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    terms = _terms(x, logs)
    top = terms.max(axis=1, keepdims=True)
    shares = np.exp(terms - top)
    total = shares.sum(axis=1, keepdims=True)
    return shares / total, (top + np.log(total))[:, 0] - log_loss


def _value(x: np.ndarray, logs: np.ndarray, log_loss: np.ndarray, counts: np.ndarray) -> np.ndarray:
    off = _offsets(x, logs, log_loss)[1]
    slope = np.clip(off, -DELTA, DELTA)
    value: np.ndarray = (counts * slope * (off - 0.5 * slope)).sum(axis=1)
    return np.where(np.isfinite(value), value, np.inf)


def _slopes(
    x: np.ndarray, logs: np.ndarray, log_loss: np.ndarray, counts: np.ndarray, reweighted: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gradient and curvature of each start, and the curvature of its reweighted squares, which sets a step's scale."""
    count = len(logs)
    shares, off = _offsets(x, logs, log_loss)
    slope = counts * np.clip(off, -DELTA, DELTA)
    along = np.concatenate([shares, -shares[:, :count] * logs], axis=1)
    gradient = np.einsum("bpn,bn->bp", along, slope)
    heavy = counts * np.minimum(1.0, DELTA / np.maximum(np.abs(off), 1e-300))
    squares = (along * heavy[:, None]) @ along.transpose(0, 2, 1)
    if reweighted:
        return gradient, squares, squares
    inside = counts * (np.abs(off) < DELTA) - slope
    curvature = (along * inside[:, None]) @ along.transpose(0, 2, 1)
    own = np.einsum("bkn,bn->bk", shares, slope)
    first = np.einsum("bkn,bn,kn->bk", shares[:, :count], slope, logs)
    second = np.einsum("bkn,bn,kn->bk", shares[:, :count], slope, logs**2)
    at, power = np.arange(count + 1), np.arange(count) + count + 1
    curvature[:, at, at] += own
    curvature[:, power, power] += second
    curvature[:, at[:count], power] -= first
    curvature[:, power, at[:count]] -= first
    return gradient, curvature, squares


def _step(gradient: np.ndarray, curvature: np.ndarray, scale: np.ndarray, damping: np.ndarray) -> np.ndarray:
    diagonal = np.einsum("bpp->bp", scale)
    ridge = damping[:, None] * (diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True)) + 1e-30
    damped = curvature.copy()
    index = np.arange(gradient.shape[1])
    damped[:, index, index] += ridge
    try:
        step = -np.linalg.solve(damped, gradient[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = -gradient / ridge
    step = np.where(np.isfinite(step), step, 0.0)
    longest = np.abs(step).max(axis=1, keepdims=True)
    return step * np.minimum(1.0, LONGEST / np.maximum(longest, 1e-300))


def resampled(
    logs: np.ndarray, log_loss: np.ndarray, tries: int, refits: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Return the best fit of `tries` starts of the grid, its refits to resamples of the runs, and the stream to go on with."""
    best, again, rng = _resampled(logs.tobytes(), log_loss.tobytes(), len(logs), tries, refits, seed)
    return best, again, deepcopy(rng)


@cache
def _resampled(
    logs: bytes, log_loss: bytes, inputs: int, tries: int, refits: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    of, seen = np.frombuffer(logs).reshape(inputs, -1), np.frombuffer(log_loss)
    rng = np.random.default_rng(seed)
    grid = starts(inputs)
    chosen = rng.choice(grid, min(tries, len(grid)), replace=False)
    with np.errstate(all="ignore"):
        found, value = fitted(chosen, of, seen)
        best = found[np.argmin(value)]
        rows = [rng.integers(0, len(seen), len(seen)) for _ in range(refits)]
        counts = np.array([np.bincount(row, minlength=len(seen)) for row in rows], dtype=float).reshape(refits, len(seen))
        again = fitted(np.repeat(best[None], refits, axis=0), of, seen, counts)[0]
    return best, again, rng


def bootstrapped(
    logs: np.ndarray, log_loss: np.ndarray, asked: np.ndarray, tries: int, refits: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the log loss at `asked` inputs: of the curve, and of new runs with resampled residuals; a point a row.

    The best of `tries` starts of the grid is refitted to `refits` resamples of the runs.
    """
    best, again, rng = resampled(logs, log_loss, tries, refits, seed)
    curve = log_law(again, asked).T
    left = log_loss - log_law(best, logs)
    return curve, curve + rng.choice(left, curve.shape)
