"""Correlation matrices R ~ LKJ(eta) of K outputs, by partial correlations p_ij of pairs.

R = L L', L column by column from p_ij, each with (p_ij + 1) / 2 ~ Beta(b_j, b_j), b_j = eta + (K - 2 - j) / 2 (Lewandowski,
Kurowicka and Joe 2009). Pairs are in the order of the lower triangle by rows.

PyMC's LKJCorr has the same density, and only within a PyMC model. Draws from the prior, draws of a fit from the sampler's
coordinates, and the log prior of a fit are made here with numpy alone, and one definition serves them and the likelihood.
"""

from math import sqrt

import numpy as np

from bayes_scaling.data.labels import number_as_text


def outputs_of(pairs: int) -> int:
    """Return how many outputs have so many pairs."""
    return round((1 + sqrt(1 + 8 * pairs)) / 2)


def beta_shapes(outputs: int, eta: float) -> np.ndarray:
    """Return b_j of each pair, in the order of the lower triangle by rows."""
    column = np.tril_indices(outputs, -1)[1]
    return np.asarray(eta + (outputs - 2 - column) / 2.0)


def correlations(partial: np.ndarray) -> np.ndarray:
    """Return the correlation of each pair, from draws of the partial ones along the first axis."""
    outputs = outputs_of(partial.shape[1])
    rows, columns = np.tril_indices(outputs, -1)
    p = np.zeros((len(partial), outputs, outputs))
    p[:, rows, columns] = partial
    root, rest = np.zeros_like(p), np.ones((len(partial), outputs))
    for j in range(outputs):
        root[:, j, j] = np.sqrt(rest[:, j])
        root[:, j + 1 :, j] = np.sqrt(rest[:, j + 1 :]) * p[:, j + 1 :, j]
        rest[:, j + 1 :] *= 1.0 - p[:, j + 1 :, j] ** 2
    return np.asarray((root @ root.swapaxes(1, 2))[:, rows, columns])


def matrices(pairs: np.ndarray) -> np.ndarray:
    """Return R of the correlations of pairs along the last axis."""
    outputs = outputs_of(pairs.shape[-1])
    rows, columns = np.tril_indices(outputs, -1)
    full = np.broadcast_to(np.eye(outputs), (*pairs.shape[:-1], outputs, outputs)).copy()
    full[..., rows, columns] = full[..., columns, rows] = pairs
    return full


def draw_partial(outputs: int, eta: float, count: int, random: np.random.Generator) -> np.ndarray:
    """Return partial correlations drawn from their prior, a draw a row."""
    b = beta_shapes(outputs, eta)
    return np.asarray(2.0 * random.beta(b, b, size=(count, len(b))) - 1.0)


def log_prior(pairs: np.ndarray, eta: float) -> np.ndarray:
    """Return the log density of R under LKJ(eta), but for a constant, from the correlations of pairs along the last axis."""
    return np.asarray((eta - 1.0) * np.linalg.slogdet(matrices(pairs))[1])


def pair_names(levels: np.ndarray) -> np.ndarray:
    """Return what to call pairs of outputs."""
    rows, columns = np.tril_indices(len(levels), -1)
    return np.array([f"{number_as_text(levels[j])}, {number_as_text(levels[i])}" for i, j in zip(rows, columns, strict=True)])
