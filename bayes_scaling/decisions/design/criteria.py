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
ROUNDING = 1e-14
"""A regret below so much of the losses is none."""
NORMALS, MOST_ROWS, BLOCK = 256, 512, 2**15
"""Quasi-random normals over which an expected minimum is taken, of so many rows at most; so many numbers are held at a time."""


def remembered(gains: Gains) -> Gains:
    """Return the same function, which takes every set once: sets of different sizes begin alike."""
    known: dict[tuple[int, ...], tuple[float, np.ndarray]] = {}

    def once(chosen: Sequence[int]) -> tuple[float, np.ndarray]:
        key = tuple(sorted(chosen))
        if key not in known:
            known[key] = gains(key)
        now, beside = known[key]
        return now, beside.copy()

    return once


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


def regret_gains(of: Joint, losses: np.ndarray, seed: int) -> Gains:
    """Return what candidates save of the expected regret of the best option.

    The share of it is that of a regret that is jointly normal with what candidates show, which is never more than all.

    Parameters
    ----------
    of
        The questions are the losses of the options.
    losses
        Draws of them, (draws, options).
    seed
        Of the normals, which are the same for all candidates.
    """
    given, expected = conditional(of), losses.mean(axis=0)
    above, regret = expected - expected.min(), expected_regret(losses)
    z = normals(seed, min(MOST_ROWS, max((MOST + 1) * of.rows.shape[1], len(expected))))
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(losses.T)))
    order = np.argsort(-values)[: z.shape[1]]
    root = np.sqrt(values[order].clip(0.0))[:, None] * axes[:, order].T
    all_of_it = max(-float((above + z[:, : len(root)] @ root).min(axis=1).mean()), 1e-300)

    def share(value: np.ndarray) -> np.ndarray:
        return regret * np.clip(value / all_of_it, 0.0, 1.0)

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
        found = -_expected_minimum(base, z[:, known : known + most].T, moved)
        told = share(np.array([now]))
        return float(told[0]), np.maximum(share(found) - told, 0.0)

    return saved


def _expected_minimum(base: np.ndarray, z: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return for each candidate the mean over normals of the least of the options.

    Option by option, since a minimum over a short last axis takes ten times as long.

    Parameters
    ----------
    base
        What options lose by what is chosen already, (normals, options).
    z
        Normals of the rows of a candidate, (rows, normals).
    moved
        By what its rows move the options, (candidates, rows, options).
    """
    found, step = np.empty(len(moved)), max(1, BLOCK // len(base))
    for start in range(0, len(moved), step):
        part = moved[start : start + step]
        least = part[:, :, 0] @ z + base[:, 0]
        for option in range(1, base.shape[1]):
            np.minimum(least, part[:, :, option] @ z + base[:, option], out=least)
        found[start : start + step] = least.mean(axis=1)
    return found


def normals(seed: int, count: int) -> np.ndarray:
    """Return standard normals from a scrambled Sobol sequence, (points, count)."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    return np.asarray(ndtri(qmc.Sobol(count, rng=stream(seed, "regret")).random(NORMALS).clip(1e-6, 1 - 1e-6)))


def expected_regret(losses: np.ndarray) -> float:
    """Return the regret of the option of the lowest expected loss: draws of losses, (draws, options).

    Of an option that is best in every draw it is 0, which rounding must not hide.
    """
    regret = float((losses[:, losses.mean(axis=0).argmin()] - losses.min(axis=1)).mean())
    return regret if regret > ROUNDING * float(np.abs(losses).max()) else 0.0
