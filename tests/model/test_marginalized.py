"""Group effects integrated out: against the dense covariance, everywhere."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from bayes_scaling.model.kalman import forward
from bayes_scaling.model.marginalized import draw_back, integrated
from bayes_scaling.model.marginalized_kernels import forward_backward
from bayes_scaling.model.sparsity import structure


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


def test_density_is_scipys() -> None:
    of = case([4, 6, 3], 40, 0)
    own, _ = of["design"]
    covariance = np.diag(of["d"]) + (own * np.repeat(of["s"], of["sizes"]) ** 2) @ own.T
    expected = stats.multivariate_normal(np.zeros(40), covariance).logpdf(of["r"])
    assert float(computed(of)[0]) == pytest.approx(expected, rel=1e-9)


def nested() -> dict[str, Any]:
    """Return two arms in sixteen positions at five sizes: what is shared by positions, arms in them, sizes and runs."""
    arm, position, size = (of.ravel() for of in np.meshgrid(*map(np.arange, (2, 16, 5)), indexing="ij"))
    indices, sizes = [position, 16 * arm + position, size, 5 * arm + size], [16, 32, 5, 10]
    generator = np.random.default_rng(0)
    return {
        "r": 0.03 * generator.normal(size=160),
        "d": 1e-5 * generator.uniform(0.5, 2.0, 160),
        "s": np.array([0.1, 0.02, 0.01, 0.003]),
        "own": np.ones(160),
        "before": np.zeros(160),
        "structure": structure(indices, sizes),
        "design": _design(indices, sizes, np.full(160, -1)),
        "sizes": sizes,
    }


def test_nested_groups() -> None:
    of = nested()
    assert_same(computed(of), dense(of))


def test_nested_groups_leave_most_of_the_factor_empty() -> None:
    # Fourfold levels at once, not levels one by one: 63 columns would have 1,953 entries below the diagonal.
    assert nested()["structure"][3] < 700


def test_levels_without_rows_change_nothing() -> None:
    of = case([3, 2], 12, 0)
    more = structure([one.argmax(1) for one in np.split(of["design"][0], [3], axis=1)], [7, 5])
    for one, other in zip(computed(of), computed(of | {"structure": more}), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(
    ("d", "s"), [(1.0, 0.0), (1.0, 1e-12), (1e-10, 1e-12), (1e-10, 1e-5), (1e-10, 1.0), (1.0, 1e5), (1e6, 1e-6), (1e160, 1e80)]
)
def test_scales_far_apart(d: float, s: float) -> None:
    # With a level for each row the covariance is d + s^2 along its diagonal.
    total = d + s**2
    r = np.sqrt(total) * np.random.default_rng(0).normal(size=6)
    levels = structure([np.arange(6)], [6])
    density, to_r, to_d, to_s, *_ = forward_backward(r, np.full(6, d), np.array([s]), np.ones(6), np.zeros(6), levels)
    assert float(density) == pytest.approx(stats.norm(0.0, np.sqrt(total)).logpdf(r).sum(), rel=1e-9)
    np.testing.assert_allclose(np.sqrt(total) * to_r, -r / np.sqrt(total), rtol=1e-5)
    slope = 0.5 * (r**2 / total - 1.0)
    np.testing.assert_allclose(total * to_d, slope, rtol=1e-6 * total / d if s > d else 1e-9)
    np.testing.assert_allclose(total * to_s, 2.0 * s * slope.sum(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_scales_at_which_rounding_would_take_the_factor_below_zero(seed: int) -> None:
    of = case([3, 3, 2], 20, seed) | {"s": np.full(3, 1e6), "d": np.full(20, 1e-10)}
    assert all(np.isfinite(one).all() for one in computed(of))


def test_a_scale_of_zero_is_the_limit_of_small_ones() -> None:
    of = case([3, 4], 20, 0)
    for one, other in zip(*(computed(of | {"s": np.array([s, 0.3])}) for s in (0.0, 1e-13)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


def _function(of: dict[str, Any], mode: Any, *, weighted: bool) -> tuple[Any, list[np.ndarray]]:
    names = ["r", "d", "s", "own", "before"] if weighted else ["r", "d", "s"]
    inputs, known = [pt.dvector(name) for name in names], pt.lvector("structure")
    density = integrated(*inputs[:3], known, *inputs[3:])
    outputs = [density, *pytensor.grad(-2.0 * density, inputs)]
    return pytensor.function([*inputs, known], outputs, mode=mode), [of[name] for name in [*names, "structure"]]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mode", ["NUMBA", pytensor.compile.mode.Mode(linker="py")])
def test_gradients_of_symbols(mode: Any, weighted: bool) -> None:
    of = case([3, 4], 15, 1, follows=weighted)
    function, values = _function(of, mode, weighted=weighted)
    density, *gradients = function(*values)
    assert_same((density, *gradients), (dense(of)[0], *(-2.0 * one for one in dense(of)[1 : len(values)])))


def test_density_and_gradients_come_from_one_node_and_other_rows_need_no_other_function() -> None:
    function, values = _function(case([3, 4], 15, 1), "NUMBA", weighted=False)
    nodes = [str(node.op) for node in function.maker.fgraph.toposort()]
    assert sum("Integrated" in node for node in nodes) == 1
    function(*values)
    other = case([3, 5, 2], 11, 2)
    assert_same(function(*(other[name] for name in ("r", "d", "s", "structure")))[:1], dense(other)[:1])


def test_second_derivatives_are_refused() -> None:
    r, d, s, known = pt.dvector(), pt.dvector(), pt.dvector(), pt.lvector()
    slope = pytensor.grad(integrated(r, d, s, known), s)
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        pytensor.grad(slope.sum(), s)


@pytest.mark.parametrize("follows", [False, True])
def test_effects_drawn_back_have_the_mean_and_covariance_given_the_rows(follows: bool) -> None:
    of = case([4, 3, 5], 25, 3, follows=follows, used=0.8)
    levels = sum(of["sizes"])
    # Draws are linear in the numbers they are made of: unit vectors show the factor of their covariance.
    units = SimpleNamespace(standard_normal=lambda shape: np.eye(*shape, k=-1))
    drawn = [np.tile(of[name], (levels + 1, 1)) for name in ("r", "d", "s")]
    effects = draw_back(*drawn, of["structure"], units, of["own"], of["before"])
    assert [one.shape for one in effects] == [(levels + 1, size) for size in of["sizes"]]
    every = np.concatenate(effects, axis=1)
    mean, covariance = conditional(of)
    np.testing.assert_allclose(every[0], mean, rtol=1e-8, atol=1e-10)
    factor = every[1:] - every[0]
    np.testing.assert_allclose(factor.T @ factor, covariance, rtol=1e-8, atol=1e-10)


def test_each_draw_has_its_own_rows_and_scales_and_a_seed_its_own_draws() -> None:
    of = [case([4, 3], 10, 5) | {"r": case([1], 10, seed)["r"], "s": case([1, 1], 1, seed)["s"]} for seed in (0, 1)]
    together = [np.stack([one[name] for one in of]) for name in ("r", "d", "s")]
    first, again, other = (draw_back(*together, of[0]["structure"], np.random.default_rng(seed)) for seed in (0, 0, 1))
    normal = np.random.default_rng(0).standard_normal((2, 7))
    for i, one in enumerate(of):
        given = SimpleNamespace(standard_normal=lambda _, i=i: normal[[i]])
        alone = draw_back(*(one[name][None] for name in ("r", "d", "s")), one["structure"], given)
        for a, b in zip(first, alone, strict=True):
            np.testing.assert_array_equal(a[[i]], b)
    np.testing.assert_array_equal(np.hstack(first), np.hstack(again))
    assert (np.hstack(first) != np.hstack(other)).all()


def test_weights_are_those_of_an_ornstein_uhlenbeck_process() -> None:
    of, generator = case([3, 4], 12, 0), np.random.default_rng(1)
    run, scale, gap, length = np.repeat(np.arange(3), 4), np.exp(generator.normal(size=12)), np.tile([0, 0.5, 0.2, 1.0], 3), 0.7
    previous = np.where(gap > 0, np.arange(12) - 1, -1)
    kept = np.where(previous >= 0, np.exp(-gap / length), 0.0)
    share = np.where(previous >= 0, kept * scale / scale[previous], 0.0)
    indices = [one.argmax(1) for one in np.split(of["design"][0], [3], axis=1)]
    innovation = of["r"] - share * of["r"][previous]
    found = forward_backward(
        innovation, scale**2 * (1 - kept**2), of["s"], np.ones(12), -share, structure(indices, [3, 4], previous)
    )[0]
    at = gap.reshape(3, 4).cumsum(1).ravel()
    process = np.where(run[:, None] == run, np.exp(-np.abs(at[:, None] - at) / length), 0.0) * np.outer(scale, scale)
    own, _ = of["design"]
    covariance = process + (own * np.repeat(of["s"], [3, 4]) ** 2) @ own.T
    assert float(found) == pytest.approx(stats.multivariate_normal(np.zeros(12), covariance).logpdf(of["r"]), rel=1e-9)


def test_weights_are_those_of_a_kalman_filter_where_groups_are_constant_along_runs() -> None:
    generator, run = np.random.default_rng(2), np.repeat(np.arange(4), 3)
    r, scale, white = generator.normal(size=12), np.exp(generator.normal(size=12)), np.exp(generator.normal(-1.0, 1.0, 12))
    kept = np.where(np.arange(12) % 3 > 0, 0.6, 0.0)

    def innovation(of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        expected, variance = forward(of / scale, kept, (white / scale) ** 2)
        return of - scale * expected, scale**2 * variance

    s, indices = np.array([0.5, 2.0]), [run, run // 2]
    left, d = innovation(r)
    found = forward_backward(left, d, s, innovation(np.ones(12))[0], np.zeros(12), structure(indices, [4, 2]))[0]
    apart = np.abs(np.arange(12)[:, None] - np.arange(12))
    covariance = np.where(run[:, None] == run, 0.6**apart, 0.0) * np.outer(scale, scale) + np.diag(white**2)
    covariance += sum(sd**2 * (of[:, None] == of) for sd, of in zip(s, indices, strict=True))
    assert float(found) == pytest.approx(stats.multivariate_normal(np.zeros(12), covariance).logpdf(r), rel=1e-9)


@pytest.mark.parametrize("name", ["r", "d", "s", "own", "before"])
def test_the_structure_of_other_rows_is_refused(name: str) -> None:
    of = case([3, 2], 10, 0)
    with pytest.raises(ValueError, match="other rows or terms"):
        computed(of | {name: of[name][1:]})
