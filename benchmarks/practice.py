"""The field's practice: Huber loss on the log loss, L-BFGS-B from a grid of starts, and a bootstrap (Hoffmann et al. 2022,
Besiroglu et al. 2024), for any law E + sum_j c_j x_j^-a_j.

Coefficients are (log c_1, ..., log c_J, log E, a_1, ..., a_J).
"""

from itertools import product
from typing import Any

import numpy as np

DELTA = 1e-3
"""Where the Huber loss turns from square to absolute, in log loss (Hoffmann et al. 2022)."""


def huber(x: np.ndarray, logs: np.ndarray, log_loss: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the summed Huber loss at coefficients, and its gradient.

    logs: the logarithm of each input, an input a row.
    """
    terms = _terms(x, logs)
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    shares /= total
    off = top + np.log(total) - log_loss
    slope = np.clip(off, -DELTA, DELTA)
    weighted = shares * slope
    along = [*weighted.sum(axis=1), *(-weighted[: len(logs)] * logs).sum(axis=1)]
    return float(np.sum(slope * (off - 0.5 * slope))), np.array(along)


def log_law(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return the logarithm of the law's loss at coefficients."""
    value: np.ndarray = np.logaddexp.reduce(_terms(x, logs), axis=0)
    return value


def _terms(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    count = len(logs)
    return np.concatenate([x[:count, None] - x[count + 1 :, None] * logs, np.full((1, logs.shape[1]), x[count])])


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


def bootstrapped(
    logs: np.ndarray, log_loss: np.ndarray, asked: np.ndarray, tries: int, refits: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the log loss at `asked` inputs: of the curve, and of new runs with resampled residuals; a point a row.

    The best of `tries` starts of the grid is refitted to `refits` resamples of the runs.
    """
    rng = np.random.default_rng(seed)
    grid = starts(len(logs))
    chosen = rng.choice(grid, min(tries, len(grid)), replace=False)
    with np.errstate(all="ignore"):
        best = min((minimised(start, logs, log_loss) for start in chosen), key=lambda one: float(one.fun))
        rows = [rng.integers(0, len(log_loss), len(log_loss)) for _ in range(refits)]
        again = [minimised(best.x, logs[:, of], log_loss[of]).x for of in rows]
    curve = np.stack([log_law(x, asked) for x in again], axis=1)
    left = log_loss - log_law(best.x, logs)
    return curve, curve + rng.choice(left, curve.shape)
