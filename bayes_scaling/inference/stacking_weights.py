"""The weights of a stack, from the log scores of its laws at held-out points."""

from collections.abc import Iterable, Mapping

import numpy as np

from bayes_scaling._base.errors import InputError, format_names

LEAST_WEIGHT = 1e-300
"""Weights below this count as this much, so that their logarithm is finite."""


def stacking_weights(
    log_scores: Mapping[str, np.ndarray], evenly: float = 1.0, prior: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the weights with which a mixture of laws predicts best (stacking, Yao et al. 2018).

    max_w  sum_i log(sum_k w_k exp(s_ki))  +  evenly sum_k p_k log w_k,   w >= 0,  sum_k w_k = 1

    Parameters
    ----------
    log_scores
        Law -> log predictive density of each point, the same points for all.
    evenly
        The second term is a Dirichlet prior, worth so many points, shared out by p, that one law alone predicts: of n points
        a law that always loses keeps p evenly / (n + evenly). Where points err together, as those of one extrapolation do,
        give as many as err together. 0 is stacking as published.
    prior
        Law -> p, its weight before the points were seen, in any unit; the same for all unless given. A law has more than 0.

    Raises
    ------
    InputError
        Where laws have different numbers of points, a score is not finite, or a prior weight is not above 0.
    """
    from scipy.optimize import minimize
    from scipy.special import softmax

    if len({np.shape(of) for of in log_scores.values()}) != 1 or not all(np.isfinite(of).all() for of in log_scores.values()):
        raise InputError(f"expected finite log scores of the same points for each of {format_names(log_scores)}")
    scores = np.stack(list(log_scores.values()), axis=1)
    density = np.exp(scores - scores.max(axis=1, keepdims=True))
    points, laws = density.shape
    shared = evenly * _shares(log_scores, prior)

    def worse(theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return minus the objective a point, and its slope, at w = softmax(theta), where it has no walls."""
        weights = softmax(theta)
        mixed = density @ weights
        shares = (density * weights / mixed[:, None]).sum(axis=0) + shared
        value = np.log(mixed).sum() + (shared * np.log(np.maximum(weights, LEAST_WEIGHT))).sum()
        return -value / points, ((points + evenly) * weights - shares) / points

    theta = minimize(worse, np.zeros(laws), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-10}).x
    return dict(zip(log_scores, softmax(theta).tolist(), strict=True))


def _shares(laws: Iterable[str], prior: Mapping[str, float] | None) -> np.ndarray:
    """Return prior weights, in the order of the laws, that sum to 1."""
    names = list(laws)
    if prior is not None and (set(prior) != set(names) or not all(0 < of < np.inf for of in prior.values())):
        raise InputError(f"prior weights must be above 0, one for each of {format_names(names)}, not {dict(prior)}")
    own = np.array([1.0 if prior is None else float(prior[name]) for name in names])
    return np.asarray(own / own.sum())
