"""What measurements tell of a question, in closed form over draws.

Let q be the draws of a question and g those of what measurements show apart from their own scatter, whose covariance is R.
Taking both for jointly normal over the draws, with covariance C of g and c between g and q,

    I(q; y) = 1/2 log( Var q / Var(q | y) ),    Var(q | y) = Var q - c' (C + R)^-1 c        (Lindley 1956; nats)

exact where q and g are linear in what is uncertain. It holds for one measurement as for several together. Of several questions
Var is the mean over them: the expected squared error of their posterior means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Joint:
    """Questions and what candidates would show, over draws.

    Parameters
    ----------
    question
        Draws less their means, (draws, questions).
    shown
        Of every row of every candidate, less their means, (draws, rows).
    rows
        Which rows are a candidate's, (candidates, most), -1 where it has fewer.
    own
        Covariance within each candidate, and that with its noise, (candidates, most, most); identity where it has fewer rows.
    with_question
        Covariance of a candidate's rows with the questions, (candidates, most, questions).
    """

    question: np.ndarray
    shown: np.ndarray
    rows: np.ndarray
    own: np.ndarray
    noisy: np.ndarray
    with_question: np.ndarray

    @property
    def variance(self) -> float:
        """Variance of the question, of several their mean variance."""
        draws, questions = self.question.shape
        return float((self.question**2).sum() / (draws - 1) / questions)


def joint(question: np.ndarray, shown: np.ndarray, rows: np.ndarray, noise: np.ndarray) -> Joint:
    """Return questions and candidates as one.

    Parameters
    ----------
    question
        Draws, (draws,) or (draws, questions).
    shown
        Draws, a row of the candidates each column.
    rows
        As in `Joint`.
    noise
        Covariance of the scatter within each candidate, (candidates, most, most); that of different ones is independent.
    """
    question = question[:, None] if question.ndim == 1 else question
    question, shown = question - question.mean(axis=0), shown - shown.mean(axis=0)
    there = rows >= 0
    both = there[:, :, None] & there[:, None, :]
    if rows.shape[1] == 1:
        squared = np.einsum("dr,dr->r", shown, shown)[rows.clip(0)][..., None]
    else:
        squared = np.stack([shown[:, of].T @ shown[:, of] for of in rows.clip(0)])
    own = np.where(both, squared / (len(question) - 1), 0.0)
    noisy = np.where(both, own + noise, np.eye(rows.shape[1]))
    with_question = np.where(there[..., None], (shown.T @ question)[rows.clip(0)] / (len(question) - 1), 0.0)
    return Joint(question, shown, rows, own, noisy, with_question)


def information(of: Joint) -> np.ndarray:
    """Return what each candidate alone tells of the question, in nats; (candidates,)."""
    return _gain(of.noisy, of.with_question, of.variance)


def directions(of: Joint) -> np.ndarray:
    """Return how many directions each candidate can tell apart, the trace of C (C + R)^-1; between 0 and its rows."""
    traced: np.ndarray = np.trace(np.linalg.solve(of.noisy, of.own), axis1=1, axis2=2)
    return traced


def _gain(noisy: np.ndarray, with_question: np.ndarray, variance: float) -> np.ndarray:
    if noisy.shape[1] == 1:
        explained = (with_question[:, 0] ** 2).mean(axis=1) / noisy[:, 0, 0]
    else:
        explained = (with_question * np.linalg.solve(noisy, with_question)).sum(axis=1).mean(axis=1)
    gain: np.ndarray = -0.5 * np.log1p(-np.clip(explained / variance, 0.0, 1.0 - 1e-15))
    return gain


type Conditional = Callable[[Sequence[int]], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Chosen candidates -> what they move the questions by for each standard normal of what they show, (rows chosen, questions);
and given them, the covariance of each candidate's rows with its noise, and with the questions."""


def conditional(of: Joint) -> Conditional:
    """Return the function that conditions on chosen candidates.

    Candidates that are among the chosen are taken for a second run with the same inputs.
    """
    known: dict[int, np.ndarray] = {}

    def covariances(candidate: int) -> np.ndarray:
        if candidate not in known:
            own = of.rows[candidate][of.rows[candidate] >= 0]
            known[candidate] = of.shown[:, own].T @ of.shown / (len(of.question) - 1)
        return known[candidate]

    def given(chosen: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not chosen:
            return np.empty((0, of.question.shape[1])), of.noisy, of.with_question
        scaled, answered = _conditioned(of, chosen, covariances)
        mine = np.where(of.rows >= 0, scaled[:, of.rows.clip(0)], 0.0)
        noisy = of.noisy - np.einsum("snm,snk->nmk", mine, mine)
        return answered, noisy, of.with_question - np.einsum("snm,st->nmt", mine, answered)

    return given


def marginal_gains(of: Joint) -> Callable[[Sequence[int]], tuple[float, np.ndarray]]:
    """Return the function that gives what chosen candidates tell together, and the marginal gain of each other one."""
    given = conditional(of)

    def gains(chosen: Sequence[int]) -> tuple[float, np.ndarray]:
        answered, noisy, with_question = given(chosen)
        left = of.variance - float((answered**2).sum()) / answered.shape[1]
        return 0.5 * float(np.log(of.variance / left)), _gain(noisy, with_question, left)

    return gains


def _conditioned(of: Joint, chosen: Sequence[int], covariances: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return covariances of all rows, and of the questions, with what chosen candidates show, over its Cholesky root."""
    counts = [int((of.rows[i] >= 0).sum()) for i in chosen]
    ends = np.cumsum([0, *counts])
    every = np.concatenate([of.rows[i][: counts[k]] for k, i in enumerate(chosen)])
    across = np.concatenate([covariances(i) for i in chosen])
    together = across[:, every].copy()
    for k, i in enumerate(chosen):
        block, n = slice(ends[k], ends[k + 1]), counts[k]
        together[block, block] += (of.noisy - of.own)[i, :n, :n]
    root = np.linalg.cholesky(together)
    asked = np.concatenate([of.with_question[i, : counts[k]] for k, i in enumerate(chosen)])
    return np.linalg.solve(root, across), np.linalg.solve(root, asked)
