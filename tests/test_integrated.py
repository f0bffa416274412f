"""Group effects integrated out: against the dense covariance, everywhere."""

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_scaling.integrated import draw_back, forward_backward, integrated, structure


def case(sizes: list[int], rows: int, seed: int, *, follows: bool = False, used: float = 1.0) -> dict[str, Any]:
    """Return rows of crossed groups at random; with `follows` some carry the effects of the row before, weighted."""
    generator = np.random.default_rng(seed)
    indices = [generator.integers(0, max(1, int(used * size)), rows) for size in sizes]
    previous = np.where(generator.uniform(size=rows) < 0.7, np.arange(rows) - 1, -1) if follows else np.full(rows, -1)
    return {
        "r": generator.normal(size=rows),
        "d": np.exp(generator.normal(-2.0, 1.0, rows)),
        "s": np.exp(generator.normal(-0.5, 1.0, len(sizes))),
        "own": generator.normal(size=rows) if follows else np.ones(rows),
        "before": np.where(previous >= 0, generator.normal(size=rows), 0.0),
        "structure": structure(indices, sizes, previous if follows else None),
        "design": _design(indices, sizes, previous),
        "sizes": sizes,
    }


def _design(indices: list[np.ndarray], sizes: list[int], previous: np.ndarray) -> Any:
    own = np.concatenate([np.eye(size)[of] for of, size in zip(indices, sizes, strict=True)], axis=1)
    return own, np.where(previous[:, None] >= 0, own[previous], 0.0)


def computed(of: dict[str, Any]) -> tuple[np.ndarray, ...]:
    return forward_backward(*(of[name] for name in ("r", "d", "s", "own", "before", "structure")))


def dense(of: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """Return the same as `computed`, from the covariance of the rows in full."""
    own, before = of["design"]
    design = of["own"][:, None] * own + of["before"][:, None] * before
    sd = np.repeat(of["s"], of["sizes"])
    inverse = np.linalg.inv(np.diag(of["d"]) + (design * sd**2) @ design.T)
    alpha = inverse @ of["r"]
    to_covariance = 0.5 * (np.outer(alpha, alpha) - inverse)
    to_design = 2.0 * to_covariance @ (design * sd**2)
    to_sd = 2.0 * sd * np.einsum("ik,ij,jk->k", design, to_covariance, design)
    to_s = [part.sum() for part in np.split(to_sd, np.cumsum(of["sizes"])[:-1])]
    density = 0.5 * (np.linalg.slogdet(inverse)[1] - of["r"] @ alpha - len(alpha) * np.log(2 * np.pi))
    to_weights = (to_design * own).sum(1), (to_design * before).sum(1)
    return density, -alpha, np.diag(to_covariance), np.array(to_s), *to_weights


def conditional(of: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the covariance of all effects given the rows."""
    own, before = of["design"]
    design = of["own"][:, None] * own + of["before"][:, None] * before
    sd = np.repeat(of["s"], of["sizes"])
    gain = (sd**2)[:, None] * design.T @ np.linalg.inv(np.diag(of["d"]) + (design * sd**2) @ design.T)
    return gain @ of["r"], np.diag(sd**2) - gain @ (design * sd**2)


def assert_same(found: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...], rtol: float = 1e-8) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * max(1.0, float(np.abs(other).max())))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(1, 30), st.integers(0, 2**32 - 1), st.booleans())
def test_density_and_gradients_are_those_of_the_dense_covariance(sizes: list[int], rows: int, seed: int, follows: bool) -> None:
    of = case(sizes, rows, seed, follows=follows, used=0.8)
    assert_same(computed(of), dense(of))
