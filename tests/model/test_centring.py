"""Coefficients sampled in the middle of the runs: the model is the same, and what they are follows from what is sampled."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.expansion import expand
from bayes_scaling.inference.sampling import _arrays, compiled
from bayes_scaling.laws.coefficients import shifts
from bayes_scaling.model import centring, gaussian_process as gp
from bayes_scaling.model.priors import median
from bayes_scaling.model.specification import changed

RANDOM = np.random.default_rng(0)
SMALL = pd.DataFrame({"params": np.geomspace(1e7, 2e8, 8), "tokens": RANDOM.permutation(np.geomspace(3e8, 8e9, 8))})
RUNS = bs.read_runs(SMALL.assign(loss=np.linspace(4.0, 2.9, 8)), bs.read_study("chinchilla").columns)


def model() -> bs.Model:
    """Return the bundled one with few knots, which compiles sooner."""
    bundled = bs.read_study("chinchilla").model
    (term,) = bundled.discrepancy
    return changed(bundled, discrepancy=(bs.Discrepancy(term.amplitude, term.length, knots=2),))


def test_coefficients_hang_on_exponents_as_the_law_has_them() -> None:
    assert shifts(bs.laws.interaction) == {"A": {"alpha": (1.0, 0.0)}, "B": {"beta": (0.0, 1.0), "delta": (-1.0, 0.0)}}
    assert shifts(bs.laws.power_law_floor) == {"a": {"b": (1.0,)}}
    plain = bs.parse_law("E + A * (1 + params)**-alpha", inputs=["params"])  # 1 has a unit: no reference but the given one
    assert shifts(plain) == {}


def test_the_height_of_a_term_in_the_middle_of_the_runs_is_what_is_sampled() -> None:
    own = model()
    at = centring.means(own, _arrays(own, RUNS, {})[0])
    assert at is not None
    np.testing.assert_allclose(at, [np.log(SMALL["params"] / 1e9).mean(), np.log(SMALL["tokens"] / 2e10).mean()])
    values = {"alpha": 0.3, "beta": 0.4, "delta": 0.2}
    logs = {name: centring.shift(of, values, at) for name, of in centring.centred(own).items()}
    x = dict(zip(("params", "tokens"), np.exp(at), strict=True))
    loss = bs.laws.interaction(**x, E=1.0, A=np.exp(-1.0 + logs["A"]), B=np.exp(-2.0 + logs["B"]), **values)
    assert float(loss) == pytest.approx(1.0 + np.exp(-1.0) + np.exp(-2.0))


def test_draws_have_the_law_s_parameters_in_their_order() -> None:
    own = model()
    arrays, how = _arrays(own, RUNS, {})
    names = [name for name in how.centre if name != gp.SAMPLED]
    drawn = {
        name: np.full(8, how.centre[name] if "centred" in name or name == "delta" else np.exp(how.centre[name]))
        for name in names
    }
    found = expand(own, drawn | {gp.SAMPLED: np.zeros((8, 4))}, arrays, {}, 2, 0)
    assert list(found)[:6] == ["E", "A", "alpha", "B", "beta", "delta"]
    middle = {name: median(own.parameters[name].prior) for name in ("A", "B")}
    assert {name: float(found[name][0, 0]) for name in middle} == pytest.approx(middle)


@pytest.mark.parametrize("of", [{"discrepancy": ()}, {"noise": None}])
def test_only_a_law_under_a_discrepancy_without_levels_is_sampled_so(of: dict[str, Any]) -> None:
    if "noise" in of:
        noise = bs.read_study("chinchilla").model.noise
        of = {"noise": bs.Noise(noise.sd, effects=(bs.Varying("size", 0.01),))}
    assert centring.centred(changed(model(), **of)) == {}
    assert set(centring.centred(model())) == {"A", "B"}


@pytest.mark.slow
def test_the_density_is_that_of_the_coefficients_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    own = compiled(model(), RUNS)
    at = own.arrays[centring.CENTRE]
    points = [np.asarray(own.start(seed)) for seed in range(5)]
    shifted = centring.centred(model())
    with monkeypatch.context() as patched:
        patched.setattr(centring, "centred", lambda _: {})
        plain = compiled(model(), RUNS)
    apart = []
    for x in points:
        values = dict(zip(own.density.variables, np.split(x, np.cumsum(_sizes(own))[:-1]), strict=True))
        exponents = {n: np.exp(v) if n in own.density.positive else v for n, v in values.items()}
        for name, of in shifted.items():
            values[name] = values.pop(centring.sampled_as(name)) + centring.shift(of, exponents, at)
        there = np.concatenate([values[name] for name in plain.density.variables])
        apart.append(own.evaluate(x)[0] - plain.evaluate(there)[0])
    np.testing.assert_allclose(apart, 0.0, atol=1e-8)


def _sizes(own: Any) -> list[int]:
    return [int(np.prod(shape)) if shape else 1 for shape in own.density.variables.values()]
