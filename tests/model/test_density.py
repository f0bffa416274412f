"""The compiled log density, which is sampled, is the one written out in full, and its gradient is that of differences."""

from collections.abc import Callable

import numpy as np
import pytest
from densities import CASES, Case, Reference

from bayes_scaling.inference import compiling
from bayes_scaling.inference.compiling import Compiled
from bayes_scaling.inference.sampling import compiled
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parametrization import integrated

LONG = {
    "astray",
    "few_levels",
    "heavy_tails",
    "joined",
    "on_the_loss",
    "scale_by_group",
    "seen_through_white_noise",
    "smooth",
    "spiked",
}
"""Cases that take longest to compile."""
PARAMS = [pytest.param(of, id=of.__name__, marks=pytest.mark.slow if of.__name__ in LONG else ()) for of in CASES]


@pytest.fixture(scope="module", params=PARAMS)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param()


def parts(own: Compiled, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the numbers of each variable, in the order in which the density takes them."""
    found, start = {}, 0
    for name, shape in own.density.variables.items():
        full = tuple(own.sizes[dim] if isinstance(dim, str) else dim for dim in shape)
        found[name] = x[start : start + int(np.prod(full))].reshape(full)
        start += int(np.prod(full))
    assert start == len(x)
    return found


def written_out(case: Case, own: Compiled, where: str | None = None) -> Callable[[np.ndarray], float]:
    reference = Reference(case, case.runs(where), own.arrays)
    return lambda x: reference.density(parts(own, x)) + offset(own)


def points(own: Compiled) -> list[np.ndarray]:
    """Return places where chains could start."""
    return [np.asarray(own.start(seed)) for seed in range(4)]


def offset(own: Compiled) -> float:
    """Return what the density leaves out: whitened vectors have theirs without its constant, log sqrt(2 pi) a number."""
    lengths = {"joint_w": "joint_information", "discrepancy_w": "discrepancy_products"}
    lengths |= {name: f"information_{name[:-2]}" for name in own.density.variables if name[-2:] == "_w" and name not in lengths}
    return sum(
        0.5 * np.log(2 * np.pi) * _numbers(name, own.arrays[of])
        for name, of in lengths.items()
        if name in own.density.variables
    )


def _numbers(name: str, known: np.ndarray) -> int:
    return known.size if name not in ("joint_w", "discrepancy_w") else len(known)


def test_terms_are_integrated_out_whitened_or_sampled_by_level(case: Case) -> None:
    own = compiled(case.model, case.runs())
    assert {term_name(*of) for of in integrated(case.model)} == set(case.integrated)
    wanted = {f"{name}_w" for name in case.by_level} | ({"joint_w"} if case.whitened else set())
    assert {name for name in own.density.variables if name.endswith("_w")} - {"discrepancy_w"} == wanted


@pytest.mark.parametrize("where", [None, "size != 's2' and run != 'moba 3'"], ids=["all rows", "fewer rows and levels"])
def test_the_density_is_the_one_written_out(case: Case, where: str | None) -> None:
    own = compiled(case.model, case.runs(where))
    expected = written_out(case, own, where)
    for x in points(own):
        assert own.evaluate(x)[0] == pytest.approx(expected(x), rel=1e-9)


def test_the_gradient_is_that_of_differences(case: Case) -> None:
    own = compiled(case.model, case.runs())
    x = points(own)[0]
    slopes = differences(written_out(case, own), x)
    np.testing.assert_allclose(own.evaluate(x)[1], slopes, rtol=1e-6, atol=1e-6 * np.abs(slopes).max())


def differences(of: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Return the gradient of a function, by differences of fourth order."""
    steps = step * np.eye(len(x))
    return np.array([(8 * (of(x + h) - of(x - h)) - of(x + 2 * h) + of(x - 2 * h)) / (12 * step) for h in steps])


def test_other_rows_and_levels_need_no_other_function(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    own = compiled(case.model, case.runs())
    monkeypatch.setattr(compiling, "compile_density", lambda *_: pytest.fail("compiled again"))
    fewer = compiled(case.model, case.runs("size != 's2' and run != 'moba 3'"))
    assert fewer.density is own.density
    assert fewer.n_dim <= own.n_dim


def test_a_vector_of_another_length_is_refused(case: Case) -> None:
    own = compiled(case.model, case.runs())
    with pytest.raises(ValueError, match=f"it is one of {own.n_dim}"):
        own.evaluate(np.zeros(own.n_dim + 1))
