"""The functions of a law mean the same in Python, as text, on symbols of the sampler, on draws and on numbers."""

import math
import pickle

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit

import bayes_scaling as bs
from bayes_scaling import laws
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS, on_arrays, on_symbols
from bayes_scaling.laws.coefficients import in_units
from bayes_scaling.laws.formula import law_text, parse_law
from bayes_scaling.laws.library import law_inputs, law_parameters
from bayes_scaling.laws.values import law_value

MEANT = {
    "exp(x)": lambda x, a: math.exp(x),
    "log(x)": lambda x, a: math.log(x),
    "sqrt(x)": lambda x, a: math.sqrt(x),
    "abs(x - a)": lambda x, a: abs(x - a),
    "min(x, a)": lambda x, a: min(x, a),
    "minimum(x, a, 2)": lambda x, a: min(x, a, 2),
    "max(x, a)": lambda x, a: max(x, a),
    "maximum(a, x, 2, a * x)": lambda x, a: max(x, a, 2, a * x),
    "softplus(x - 2 * a)": lambda x, a: math.log(1 + math.exp(x - 2 * a)),
    "sigmoid(x - 2 * a)": lambda x, a: 1 / (1 + math.exp(-(x - 2 * a))),
    "tanh(x - a)": lambda x, a: math.tanh(x - a),
    "mean(x)": lambda x, a: x,
}
INPUT = np.array([0.3, 1.5, 2.7, 6.0])
A = 1.5


@pytest.mark.parametrize("call", MEANT)
def test_a_function_in_a_text_means_the_same_everywhere(call: str) -> None:
    from pytensor.xtensor import as_xtensor

    law = parse_law(f"a + 2 * {call}", ["x"])
    expected = [A + 2 * MEANT[call](x, A) for x in INPUT]
    assert [law(float(x), a=A) for x in INPUT] == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(law(INPUT, a=A), expected, rtol=1e-13)
    rows, draws = xr.DataArray(INPUT, dims="row"), xr.DataArray([A, A], dims="draw")
    found = law_value(law, {"x": np.log(rows)}, {"a": draws}, ON_NUMBERS)
    assert set(found.dims) == {"row", "draw"}
    np.testing.assert_allclose(found.isel(draw=1), expected, rtol=1e-12)
    bare = law_value(law, {"x": np.log(INPUT)}, {"a": np.full((2, 1), A)}, on_arrays(2))
    np.testing.assert_allclose(bare[1], expected, rtol=1e-12)
    logs = {"x": as_xtensor(np.log(INPUT), dims=("row",))}
    symbols = law_value(law, logs, {"a": as_xtensor(np.float64(A))}, on_symbols())
    np.testing.assert_allclose(symbols.eval(mode="FAST_COMPILE"), expected, rtol=1e-12)
    again = pickle.loads(pickle.dumps(parse_law(law_text(law), ["x"])))
    np.testing.assert_array_equal(again(INPUT, a=A), law(INPUT, a=A))
    assert law_text(again) == law_text(law)


WRITTEN = {
    "names of laws": lambda x, *, a: laws.minimum(x, a, 2.0) + laws.maximum(x, a) * laws.sigmoid(x - a) + laws.absolute(x - a),
    "more names of laws": lambda x, *, a: laws.tanh(x) + laws.softplus(x - a) + laws.sqrt(laws.exp(laws.log(x / a))),
    "names of numpy": lambda x, *, a: (
        np.minimum(x, a) + np.tanh(x) * np.maximum(0.5, x) + np.abs(x - a) + np.sqrt(x) * np.exp(-a)
    ),
    "more names of numpy": lambda x, *, a: (
        np.log1p(x) + np.log10(a) + np.log2(x) + np.expm1(a) + np.logaddexp(x, a) + np.square(x)
    ),
    "the logistic of scipy": lambda x, *, a: expit(x - a),
    "built-in abs": lambda x, *, a: abs(x - a) * a,
    "numbers of numpy on the left": lambda x, *, a: (
        np.float64(2.0) * x + np.float64(3.0) ** a - np.float64(1.0) / x + (-np.float64(1)) * a
    ),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_function_in_python_is_recorded_as_it_is_meant(how: str) -> None:
    law = WRITTEN[how]
    again = parse_law(law_text(law), law_inputs(law))
    assert law_parameters(again) == ("a",)
    np.testing.assert_allclose(again(INPUT, a=A), law(INPUT, a=A), rtol=1e-13)


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (lambda x, *, a: min(x, a), "does not compare, as if, min and max of Python do; use minimum"),
        (lambda x, *, a: x if x > a else a, "does not compare, as if, min and max of Python do; use minimum"),
        (lambda x, *, a: x and a, "does not branch; use minimum"),
        (lambda x, *, a: a * np.sin(x), "sin of numpy is no function of laws; they have exp()"),
        (lambda x, *, a: np.array([1.0, 2.0]) * x * a, "only"),
    ],
)
def test_what_a_law_cannot_do_is_said(law, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        law_text(law)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("call", ["min(x)", "exp(x, a)", "abs()", "sin(x)", "min(x, a, key=a)", "max(*x, a)", "mean(x, a)"])
def test_a_call_with_another_number_of_values_is_refused(call: str) -> None:
    with pytest.raises(InputError, match=r"is not allowed; use .*min\(\), max\(\)"):
        parse_law(f"a * x + {call}", ["x"])


@pytest.mark.parametrize("x", [-800.0, -40.0, -1e-9, 0.0, 40.0, 800.0])
def test_softplus_and_sigmoid_neither_overflow_nor_lose_digits(x: float) -> None:
    with np.errstate(over="raise", invalid="raise"):
        assert laws.sigmoid(x) == pytest.approx(float(expit(x)), rel=1e-13)
        assert laws.softplus(x) == pytest.approx(math.log1p(math.exp(x)) if x < 700 else x, rel=1e-13)


SCALED = {
    "E + A * min(x, cap)**-b": {"A", "cap"},
    "E + A * sqrt(x)": {"A"},
    "E + abs(A * x)": {"A"},
    "E + A * sigmoid(b * log(x / mid))": {"mid"},
    "max(E, A * x**-b)": {"A"},
    "E + A * softplus(b - x / mid)": {"mid"},
}


@pytest.mark.parametrize("text", SCALED)
def test_parameters_follow_the_reference_through_functions(text: str) -> None:
    law = parse_law(text, ["x"])
    values = {"E": 1.2, "A": 2.5, "b": 0.4, "cap": 3.0, "mid": 2.0}
    at_reference = {name: xr.DataArray(values[name]) for name in law_parameters(law)}
    converted = in_units(law, at_reference, {"x": 40.0})
    assert set(converted) == SCALED[text]
    moved = {name: float(value) for name, value in (at_reference | converted).items()}
    np.testing.assert_allclose(law(40.0 * INPUT, **moved), law(INPUT, **{name: values[name] for name in moved}), rtol=1e-12)


def test_a_minimum_with_a_number_has_no_other_unit() -> None:
    law = parse_law("E + A * min(x, 1)", ["x"])
    assert in_units(law, {"E": xr.DataArray(1.0), "A": xr.DataArray(2.0)}, {"x": 40.0}) == {}


def test_a_law_with_a_kink_is_sampled_saved_and_read(tmp_path) -> None:
    law = bs.parse_law("E + A * max(x, cap)**-0.5", ["x"])
    rng = np.random.default_rng(3)
    x = np.geomspace(0.1, 100, 40)
    import pandas as pd

    table = pd.DataFrame({"x": x, "loss": law(x, E=1.0, A=2.0, cap=3.0) * np.exp(0.005 * rng.standard_normal(40))})
    priors = {"E": bs.Prior(median=1.0, factor=2), "A": bs.Prior(median=2.0, factor=2), "cap": bs.Prior(median=2.0, factor=5)}
    model = bs.Model(law, priors, bs.Noise(bs.Prior(median=0.01, factor=3)))
    columns = bs.Columns(inputs={"x": bs.Input("x", "steps", reference=1.0)}, response=bs.Response("loss", "nats/token"))
    fit = bs.fit(model, bs.read_runs(table, columns), settings=bs.Settings(draws=200, tune=300, chains=2, seed=1))
    low, high = np.quantile(fit.posterior["cap"], [0.005, 0.995])
    assert low < 3.0 < high
    bs.save(fit, tmp_path / "fit.nc")
    again = bs.load(tmp_path / "fit.nc")
    assert law_text(again.model.law) == law_text(law)
    place = {"x": [1.0, 50.0]}
    np.testing.assert_array_equal(bs.predict(again, place), bs.predict(fit, place))
