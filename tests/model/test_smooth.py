"""Smooth terms: the conditional at other levels is that of a dense Gaussian process, and what is wrong is refused."""

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.model import smooth
from bayes_scaling.model.names import axis_name, length_name, spread_name, term_name

LEVELS = np.array([0.0, 1.0, 2.0, 3.5, 6.0])
PLACES = np.array([-30.0, -1.0, 0.5, 2.01, 4.9, 8.0, 55.0])
LENGTH = bs.Prior(median=2.0, factor=2.0)


def dense(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    r = np.abs(a[:, None] - b) / length
    return np.asarray((1 + 5**0.5 * r + 5 * r**2 / 3) * np.exp(-(5**0.5) * r))


def given(at: np.ndarray, known: np.ndarray, sd: float, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance at places given effects at the levels, by the textbook."""
    of_levels = dense(LEVELS, LEVELS, length) + smooth.JITTER * np.eye(len(LEVELS))
    gain = dense(at, LEVELS, length) @ np.linalg.inv(of_levels)
    return gain @ known, sd**2 * (dense(at, at, length) - gain @ dense(LEVELS, at, length))


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effects at the levels, scales and lengths, all different from draw to draw."""
    random = np.random.default_rng(seed)
    sd, length = random.uniform(0.5, 2.0, count), np.exp(random.uniform(np.log(0.4), np.log(12.0), count))
    return smooth.effects(random.standard_normal((count, len(LEVELS))), LEVELS, sd, length), sd, length


def standardized(at: np.ndarray, count: int, *, conditional: bool) -> np.ndarray:
    """Return what draws differ by from their mean, over the root of their covariance: independent and standard normal."""
    known, sd, length = drawn(count)
    found = smooth.conditional(known if conditional else None, LEVELS, at, sd, length, np.random.default_rng(1))
    z = np.empty_like(found)
    for i in range(count):
        none = np.zeros(len(at)), sd[i] ** 2 * dense(at, at, length[i])
        mean, covariance = given(at, known[i], sd[i], length[i]) if conditional else none
        z[i] = np.linalg.solve(np.linalg.cholesky(covariance), found[i] - mean)
    return z


@pytest.mark.parametrize("conditional", [True, False], ids=["given the levels", "of the process alone"])
def test_other_levels_are_those_of_a_dense_process(conditional: bool) -> None:
    count = 8000
    z = standardized(PLACES, count, conditional=conditional)
    assert np.abs(z.mean(0)).max() < 4.5 / np.sqrt(count)
    error = np.where(np.eye(len(PLACES)), np.sqrt(2.0), 1.0) / np.sqrt(count)
    assert (np.abs(np.cov(z.T) - np.eye(len(PLACES))) < 4.5 * error + 2e-3).all()


def test_a_wrong_length_would_be_noticed() -> None:
    known, sd, length = drawn(8000)
    found = smooth.conditional(known, LEVELS, PLACES[2:3], sd, 1.3 * length, np.random.default_rng(1))[:, 0]
    each = [given(PLACES[2:3], *of) for of in zip(known, sd, length, strict=True)]
    z = [(one - mean[0]) / variance[0, 0] ** 0.5 for one, (mean, variance) in zip(found, each, strict=True)]
    assert np.std(z) < 0.9


def test_at_a_level_the_function_is_what_it_is_there() -> None:
    known, sd, length = drawn(200)
    at_levels = smooth.conditional(known, LEVELS, LEVELS, sd, length, np.random.default_rng(1))
    assert (np.abs(at_levels - known) < 6 * sd[:, None] * np.sqrt(smooth.JITTER)).all()


def test_a_function_is_one_whichever_places_are_asked_for() -> None:
    known, sd, length = drawn(300)
    every, some = (
        smooth.conditional(known, LEVELS, at, sd, length, np.random.default_rng(2)) for at in (PLACES[1:6], PLACES[3:5])
    )
    np.testing.assert_allclose(every[:, 2:4], some, rtol=0, atol=1e-10)


def test_bands_widen_up_to_the_scale_of_the_process() -> None:
    known, sd, _ = drawn(4000)
    one = np.ones_like(sd)
    at = np.array([6.2, 7.0, 8.0, 10.0, 40.0])
    spread = smooth.conditional(np.tile(known[:1] / sd[0], (len(sd), 1)), LEVELS, at, one, 2.0 * one, np.random.default_rng(0))
    assert (np.diff(spread.std(0)[:4]) > 0.05).all()
    assert spread[:, -1].std() == pytest.approx(1.0, abs=0.05)


def test_levels_are_numbers_or_spell_them() -> None:
    term = bs.Smooth("position", 0.1, LENGTH)
    np.testing.assert_array_equal(smooth.axis(term, np.array([0, 2048, 4096])), [0, 2048, 4096])
    np.testing.assert_array_equal(smooth.axis(term, np.array(["0", "1.5", "1e3"], dtype=object)), [0, 1.5, 1000])
    of_log = bs.Smooth("size", 0.1, LENGTH, log=True)
    np.testing.assert_allclose(smooth.axis(of_log, np.array([1.0, np.e])), [0, 1])


@pytest.mark.parametrize(
    ("term", "levels", "said"),
    [
        ({}, ["early", "late"], "whose levels must be numbers, not 'early'"),
        ({}, [0.0, np.inf], "whose levels must be finite numbers up to 1e100, not inf$"),
        ({}, [0.0, np.nan], "must be finite numbers up to 1e100, not nan$"),
        ({}, ["0", "1e400"], "must be finite numbers up to 1e100, not '1e400'$"),
        ({}, [0, 10**400], "must be finite numbers up to 1e100, not 1000"),
        ({"log": True}, [0, 1], "must be above 0, not 0; leave out log"),
    ],
)
def test_levels_without_a_place_are_refused(term: dict[str, Any], levels: list[Any], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        smooth.axis(bs.Smooth("position", 0.1, LENGTH, **term), levels)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sd": 0.0}, "sd of Smooth must be a positive number"),
        ({"over": ""}, "over of Smooth"),
        ({"length": bs.Prior(between=(-1.0, 1.0))}, "length of Smooth must be of a positive quantity"),
        ({"length": 3.0}, "length of Smooth must be"),
        ({"within": "position"}, "needs different groups"),
        ({"within": ("arm", "arm")}, "different names"),
        ({"log": 1}, "log of Smooth must be"),
    ],
)
def test_what_is_no_smooth_term_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        bs.Smooth(**{"over": "position", "sd": 0.1, "length": LENGTH} | arguments)


def test_names_tell_smooth_terms_from_exchangeable_ones() -> None:
    term = bs.Smooth("position", 0.1, LENGTH, within=("arm", "size"))
    assert term.dims == ("position", "arm", "size")
    assert term_name("a", term) == "a_smooth_position_arm_size"
    assert spread_name("a", term) == "a_smooth_sd_position_arm_size"
    assert length_name("a", term) == "a_smooth_length_position_arm_size"
    assert axis_name("a", term) == "smooth_axis_a_position_arm_size"
    assert term_name("a", bs.Varying("position", 0.1)) == "a_by_position"


@pytest.mark.parametrize("far", [1e4, 1e5, 1e7, -1e7])
def test_places_near_the_levels_are_drawn_alike_beside_one_far_off(far: float) -> None:
    places, near = np.array([0.0, 2.0, 4.0, 8.0, 16.0]), np.array([3.0, 6.0, 12.0])
    sd, length = np.ones(2000), np.full(2000, 2.0)
    alone, beside = (
        smooth.conditional(np.zeros((2000, 5)), places, at, sd, length, np.random.default_rng(0))
        for at in (near, np.append(near, far))
    )
    np.testing.assert_allclose(beside[:, :3], alone, rtol=1e-9)
    assert beside[:, 3].std() == pytest.approx(1.0, rel=0.1)
