"""Coordinates that whiten: against Cholesky's factor, with the prior untouched, exact where the data are linear and normal."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_scaling.model.whitening import _Whiten, backward, draw_whitened, forward, unwhiten, unwhiten_levels


def case(size: int, seed: int, strength: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return w, A and b: what a third more rows than numbers say, or, with an even seed, a third fewer."""
    rng = np.random.default_rng(seed)
    design = np.sqrt(strength) * rng.normal(size=(max(1, size * (4 if seed % 2 else 2) // 3), size))
    return rng.normal(size=size), design.T @ design, np.sqrt(strength) * rng.normal(size=size)


def dense(w: np.ndarray, information: np.ndarray, linear: np.ndarray) -> tuple[np.ndarray, float]:
    root = np.linalg.cholesky(np.eye(len(w)) + information)
    return np.linalg.solve(root.T, np.linalg.solve(root, linear) + w), -float(np.log(np.diag(root)).sum())


def differences(of: Any, at: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Return the slopes of what a function returns, along the first axis, by differences of fourth order."""
    steps = [step * one.reshape(at.shape) for one in np.eye(at.size)]
    return np.array([(8 * (of(at + h) - of(at - h)) - of(at + 2 * h) + of(at - 2 * h)) / (12 * step) for h in steps])


@pytest.mark.parametrize("strength", [0.0, 1e-8, 1.0, 1e8])
@pytest.mark.parametrize("size", [1, 2, 7, 20])
def test_forward_is_that_of_choleskys_factor(size: int, strength: float) -> None:
    for seed in range(4):
        of = case(size, seed, strength)
        rounding = 1e-14 * np.linalg.cond(np.eye(size) + of[1])
        for one, other in zip(forward(*of), dense(*of), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=rounding * max(1.0, float(np.abs(other).max())))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_backward_is_that_of_differences(size: int) -> None:
    for seed in range(4):
        w, information, linear = case(size, seed)
        to_z, to_value = np.random.default_rng(9).normal(size=size), np.array(0.7)

        def pulled(
            w: np.ndarray, information: np.ndarray, linear: np.ndarray, to_z: Any = to_z, to_value: Any = to_value
        ) -> Any:
            z, value = dense(w, (information + information.T) / 2, linear)
            return to_z @ z + to_value * value

        found = backward(w, information, linear, to_z, to_value)
        wanted = [
            differences(lambda of: pulled(of, information, linear), w),  # noqa: B023
            differences(lambda of: pulled(w, of, linear), information).reshape(size, size),  # noqa: B023
            differences(lambda of: pulled(w, information, of), linear),  # noqa: B023
        ]
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("strength", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_prior_of_z_is_standard_normal_whatever_the_data_say(seed: int, strength: float) -> None:
    w, information, linear = case(4, seed, strength)
    with pm.Model() as model:
        draw_whitened("w", information, linear, shape=4)
    density = model.compile_logp(mode="FAST_COMPILE")({"w": w}) - 2.0 * np.log(2.0 * np.pi)
    slopes = differences(lambda at: forward(at, information, linear)[0], w)
    expected = stats.norm.logpdf(forward(w, information, linear)[0]).sum() + np.linalg.slogdet(slopes)[1]
    assert float(density) == pytest.approx(float(expected), rel=1e-9)


def test_the_prior_of_z_is_standard_normal_where_the_data_hang_on_other_numbers() -> None:
    """A and b may depend on what else is sampled: p(s, w) is p(s) p(z) |dz/dw|, so that s keeps its prior, too."""
    w, information, linear = case(3, 1)
    with pm.Model() as model:
        s = pm.Normal("s")
        draw_whitened("w", pt.exp(2.0 * s) * information, pt.exp(s) * linear, shape=3)
    logp = model.compile_logp(mode="FAST_COMPILE")
    for at in (-2.0, 0.0, 1.5):
        of = np.exp(2.0 * at) * information, np.exp(at) * linear
        z, value = dense(w, *of)
        expected = stats.norm.logpdf(at) + stats.norm.logpdf(z).sum() + value
        assert float(logp({"s": at, "w": w})) == pytest.approx(float(expected) + 1.5 * np.log(2.0 * np.pi), rel=1e-9)


@pytest.mark.parametrize("noise", [1e-3, 0.3, 30.0])
@pytest.mark.parametrize("rows", [2, 9])
def test_given_normal_rows_that_are_linear_w_is_standard_normal(rows: int, noise: float) -> None:
    """log p(w) + log p(y | z(w)) is -w'w / 2 and a constant."""
    rng = np.random.default_rng(rows)
    design, y = rng.normal(size=(rows, 5)), rng.normal(size=rows)
    information, linear = design.T @ design / noise**2, design.T @ y / noise**2

    def density(w: np.ndarray) -> float:
        z, value = forward(w, information, linear)
        return float(value - 0.5 * z @ z - 0.5 * ((y - design @ z) ** 2).sum() / noise**2)

    places = rng.normal(size=(6, 5))
    constants = [density(w) + 0.5 * w @ w for w in places]
    np.testing.assert_allclose(constants, constants[0], rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("mode", ["NUMBA", pytensor.compile.mode.Mode(linker="py")])
def test_gradients_of_symbols(mode: Any) -> None:
    inputs = pt.dvector("w"), pt.dmatrix("A"), pt.dvector("b")
    z, value = _Whiten()(*inputs)
    one, other = (pytensor.grad(of, inputs, disconnected_inputs="ignore") for of in ((z**3).sum(), value))
    values = case(4, 3)
    found = pytensor.function([*inputs], [z, value, *one, *other], mode=mode, on_unused_input="ignore")(*values)
    known, zero = forward(*values)[0], np.zeros(4)
    wanted = [*forward(*values), *backward(*values, 3.0 * known**2, np.array(0.0)), *backward(*values, zero, np.array(1.0))]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_each_draw_has_its_own_information() -> None:
    draws = [case(3, seed) for seed in range(5)]
    together = unwhiten(*(np.stack(of) for of in zip(*draws, strict=True)))
    np.testing.assert_allclose(together, [dense(*of)[0] for of in draws], rtol=1e-10)


def test_rounding_does_not_take_the_factor_below_zero() -> None:
    rng = np.random.default_rng(0)
    design = rng.normal(size=(2, 8)) * 1e9  # far fewer rows than numbers, known to many digits
    z, value = forward(rng.normal(size=8), design.T @ design, rng.normal(size=8))
    assert np.isfinite(z).all()
    assert np.isfinite(value)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_many_levels_at_once_are_each_alone(size: int) -> None:
    cases = [case(size, seed) for seed in range(6)]
    w, information = (np.array([of[i] for of in cases]) for i in (0, 1))
    by_entry = {(i, j): information[:, i, j] for i in range(size) for j in range(i + 1)}
    z, diagonal = unwhiten_levels(list(w.T), by_entry, np.sqrt)
    np.testing.assert_allclose(np.stack(z, axis=1), unwhiten(w, information, np.zeros_like(w)), rtol=1e-10)
    values = [forward(one, of, np.zeros(size))[1] for one, of in zip(w, information, strict=True)]
    np.testing.assert_allclose(-np.log(np.stack(diagonal)).sum(axis=0), values, rtol=1e-10)
