"""What chosen runs are expected to save of the loss of a decision, in closed form over draws.

    variance       squared error of the question's posterior mean, of several questions its mean:  Var q - Var(q | y)
    information    1/2 log( Var q / Var(q | y) ), in nats
    regret         of an option that is chosen for its lowest expected loss l:  min_k E l_k - E_y min_k E(l_k | y)

With what candidates show and losses of the options jointly normal, E(l | y) has mean E l and covariance c' (C + R)^-1 c: the
expected value of sample information, which ranks what to learn next by what it changes of a choice (Raiffa and Schlaifer 1961).
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.random import stream
from bayes_scaling.decisions.design.information import Joint, conditional, marginal_gains

type Criterion = Literal["variance", "information", "regret"]
CRITERIA: tuple[Criterion, ...] = ("variance", "information", "regret")

type Gains = Callable[[Sequence[int]], tuple[float, np.ndarray]]
"""Chosen candidates -> what they save together, and what each other one would save besides."""

MOST = 20
"""Runs of a set at most."""
NORMALS, MOST_ROWS, BLOCK = 256, 512, 2**20
"""Quasi-random normals over which an expected minimum is taken, of so many rows at most; so many numbers are held at a time."""


def gains_of(of: Joint, criterion: Criterion) -> Gains:
    """Return what candidates save by the variance or by information."""
    gains = marginal_gains(of)
    if criterion == "information":
        return gains

    def saved(chosen: Sequence[int]) -> tuple[float, np.ndarray]:
        told, beside = gains(chosen)
        left = of.variance * np.exp(-2 * told)
        return of.variance - left, -left * np.expm1(-2 * beside)

    return saved


def regret_gains(of: Joint, expected: np.ndarray, seed: int) -> Gains:
    """Return what candidates save of the expected regret of the best option.

    Parameters
    ----------
    of
        The questions are the losses of the options.
    expected
        Loss of each option, its mean over the draws.
    seed
        Of the normals, which are the same for all candidates.
    """
    given, above = conditional(of), expected - expected.min()
    z = normals(seed, min(MOST_ROWS, (MOST + 1) * of.rows.shape[1]))

    def saved(chosen: Sequence[int]) -> tuple[float, np.ndarray]:
        answered, noisy, with_question = given(chosen)
        known, most = len(answered), noisy.shape[1]
        if known + most > z.shape[1]:
            raise InputError(
                f"a regret is taken over at most {z.shape[1]} rows of candidates together; these have {known + most}"
            )
        base = above + z[:, :known] @ answered
        moved = np.linalg.solve(np.linalg.cholesky(noisy), with_question)  # (candidates, most, options)
        now = -float(base.min(axis=1).mean())
        found = np.empty(len(moved))
        step = max(1, BLOCK // base.size)
        for start in range(0, len(moved), step):
            part = np.einsum("zm,nmo->nzo", z[:, known : known + most], moved[start : start + step])
            found[start : start + step] = -(base + part).min(axis=2).mean(axis=1)
        return max(now, 0.0), np.maximum(found - max(now, 0.0), 0.0)

    return saved


def normals(seed: int, count: int) -> np.ndarray:
    """Return standard normals from a scrambled Sobol sequence, (points, count)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    return np.asarray(ndtri(qmc.Sobol(count, rng=stream(seed, "regret")).random(NORMALS).clip(1e-6, 1 - 1e-6)))


def expected_regret(losses: np.ndarray) -> float:
    """Return the regret of the option of the lowest expected loss: draws of losses, (draws, options)."""
    return float(losses.mean(axis=0).min() - losses.min(axis=1).mean())
