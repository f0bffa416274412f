"""Laws mean the same on numbers, symbols, draws and as text."""

import inspect
import math
import re
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS, on_symbols
from bayes_scaling.cli import app
from bayes_scaling.laws.coefficients import in_units
from bayes_scaling.laws.formula import law_text, parse_law
from bayes_scaling.laws.library import LAWS, check_references, law_inputs, law_parameters, library_law
from bayes_scaling.laws.values import law_value

INPUTS = {
    "compute": np.array([0.02, 1.0, 7.0, 450.0]),
    "params": np.array([0.05, 0.9, 3.0, 70.0]),
    "params_once": np.array([0.03, 0.2, 0.5, 6.0]),
    "params_looped": np.array([0.02, 0.3, 0.9, 30.0]),
    "tokens": np.array([0.4, 1.0, 11.0, 300.0]),
    "unique_tokens": np.array([0.05, 0.9, 3.0, 40.0]),
    "epochs": np.array([1.0, 2.0, 3.5, 40.0]),
    "tokens_per_param": np.array([0.3, 1.0, 4.0, 31.0]),
    "steps": np.array([0.1, 1.0, 5.0, 25.0]),
    "loops": np.array([1.0, 2.0, 4.0, 8.0]),
    "streams": np.array([1.0, 2.0, 4.0, 8.0]),
    "non_vocab_params": np.array([0.1, 0.6, 1.0, 4.0]),
    "vocab_params": np.array([0.3, 1.0, 2.0, 6.0]),
    "characters": np.array([0.02, 0.5, 3.0, 20.0]),
    "sparsity": np.array([0.4, 0.9, 2.0, 4.0]),
    "lr_sum": np.array([0.4, 1.0, 6.0, 20.0]),
    "annealing_area": np.array([1e-9, 0.2, 1.0, 2.7]),
    "lr_drop": np.array([1e-8, 1.2, 2.1, 2.7]),
    "lr_then": np.array([0.3, 0.9, 1.8, 3.0]),
    "lr_since": np.array([0.01, 1.0, 8.0, 70.0]),
    "loss": np.array([2.1, 2.9, 3.6, 5.0]),
    "lr": np.array([0.4, 0.5, 0.7, 0.8]),
    "batch": np.array([0.3, 0.8, 2.2, 9.0]),
    "bits": np.array([3.0, 4.0, 8.0, 16.0]),
    "teacher_loss": np.array([3.3, 2.7, 2.3, 1.9]),
    "supervised_loss": np.array([3.4, 2.9, 2.5, 2.2]),
    "experts": np.array([1.0, 4.0, 32.0, 256.0]),
    "granularity": np.array([1.0, 2.0, 8.0, 16.0]),
    "activation": np.array([0.03, 0.1, 0.3, 0.9]),
    "context": np.array([0.2, 1.0, 4.0, 16.0]),
    "token_index": np.array([1.0, 10.0, 100.0, 1024.0]),
    "ratio": np.array([2.0, 8.0, 64.0, 200.0]),
    "x": np.array([0.03, 1.0, 5.0, 2000.0]),
}
CHINCHILLA = {"E": 1.69, "A": 0.35, "alpha": 0.34, "B": 0.41, "beta": 0.28}
PARAMETERS = {
    "power_law": {"a": 2.6, "b": 0.06},
    "power_law_floor": {"E": 1.7, "a": 0.9, "b": 0.15},
    "kaplan_params": {"L_N": 2.38, "alpha_N": 0.076},
    "kaplan_tokens": {"L_D": 2.12, "alpha_D": 0.095},
    "kaplan_params_tokens": {"L_N": 2.32, "alpha_N": 0.076, "L_D": 2.02, "alpha_D": 0.103},
    "kaplan_params_steps": {"L_N": 2.35, "alpha_N": 0.077, "L_S": 0.31, "alpha_S": 0.76},
    "chinchilla": CHINCHILLA,
    "interaction": CHINCHILLA | {"delta": 0.08},
    "kaplan_floor": {"E": 1.2, "L_N": 0.9, "alpha_N": 0.2, "L_D": 0.8, "alpha_D": 0.25},
    "data_constrained": CHINCHILLA | {"R_D": 15.4, "R_N": 5.3},
    "overtraining": {"E": 1.84, "a": 0.61, "b": 0.47, "eta": 0.136},
    "farseer": {"E": 2.1, "s3": -0.07, "gamma": 0.3, "B": 0.4, "s2": 0.1, "beta": 0.2, "k": 0.33, "s1": -0.05, "alpha": 0.25},
    "annealing": {"L0": 2.65, "A": 0.6, "alpha": 0.45, "C": 0.04},
    "multi_power": {"L0": 2.65, "A": 0.6, "alpha": 0.45, "B": 0.044, "C": 8.9, "beta": 0.6, "gamma": 0.66},
    "error_from_loss": {"e": 0.857, "k": 2.21, "g": 0.715},
    "ouro": CHINCHILLA | {"C": 0.1, "gamma": 0.7, "t1": 0.02, "t2": 0.05, "t3": 0.4},
    "loop_worth": CHINCHILLA | {"phi": 0.46},
    "parallel_streams": {"E": 1.35, "A": 0.67, "alpha": 0.21, "k": 0.35},
    "reward_sigmoid": {"R0": 0.3, "A": 0.61, "C_mid": 3.0, "B": 1.6},
    "vocabulary": {"E": 6.0, "A": 0.6, "alpha": 0.3, "V": 0.1, "nu": 0.4, "B": 0.8, "beta": 0.44},
    "sparsity": {"E": 1.5, "A": 1.2, "alpha": 0.15, "kappa": 0.03, "gamma": 0.02},
    "learning_rate_batch": CHINCHILLA
    | {"lr_best": 0.9, "lr_n": 0.3, "lr_d": 0.2, "lr_b": 0.4, "batch_best": 0.8, "batch_d": 0.5, "k_lr": 0.03, "k_batch": 0.01},
    "critical_batch": {"B_crit": 1.1e6, "alpha_B": 0.21},
    "steps_to_loss": {"S_min": 9e3, "B_crit": 1.4},
    "precision": CHINCHILLA | {"gamma": 2.67},
    "distillation": {
        "A": 2.9,
        "alpha": 0.32,
        "B": 0.02,
        "beta": 0.6,
        "gamma": 0.76,
        "c0": 2.55,
        "d1": 1.3,
        "f1": 0.09,
        "c1": 522.0,
    },
    "rounding": CHINCHILLA | {"C": 0.03, "gamma_N": 0.34, "gamma_D": 0.31, "gamma": 0.15},
    "routed": {"E": 1.3, "A": 1.4, "alpha": 0.15, "b": 0.07, "c": 0.01, "most": 300.0},
    "granularity": {"E": 0.47, "A": 1.67, "alpha": 0.115, "g": 0.19, "gamma": 0.58, "B": 0.94, "beta": 0.147},
    "efficiency_leverage": {"a": 0.5, "d": 0.02, "c": 0.02, "best": 10.0},
    "context_length": {"E": 1.5, "C": 0.06, "beta": 0.47},
    "accuracy_from_loss": {"chance": 0.25, "top": 0.95, "k": 1.4, "L_mid": 3.1},
    "token_position": {"a": 2.27, "b": 5.37, "c": 0.62},
    "shape_penalty": {"curvature": 0.9, "optimum": 3.0, "skew": -0.1},
    "m1": {"b": 0.6, "c": 0.2},
    "m2": {"b": 0.6, "c": 0.3, "e_inf": 0.1},
    "m3": {"b": 0.6, "c": 0.3, "e_inf": 0.1, "g": 0.02},
    "m4": {"a": 1.4, "b": 0.6, "c": 0.3, "e_0": 0.9, "e_inf": 0.1},
    "bnsl1": {"a": 0.1, "b": 0.6, "c0": 0.2, "c1": 0.4, "d1": 3.0, "f1": 0.3},
    "bnsl2": {"a": 0.1, "b": 0.6, "c0": 0.4, "c1": -0.3, "d1": 0.2, "f1": 0.3, "c2": 0.5, "apart": 99.0, "f2": 0.2},
}
RISING = {"error_from_loss", "reward_sigmoid", "shape_penalty"}
NO_TEXT = {"m4"}
NO_OTHER_REFERENCE = {"efficiency_leverage", "farseer", "ouro", "rounding", "routed", "sparsity"}
BELOW_ZERO = {"vocabulary"}
"""Laws of losses below those of another model."""
TRACED_ONLY = {
    *("sparsity", "parallel_streams", "data_constrained", "farseer", "error_from_loss", "shape_penalty", "m4"),
    *("learning_rate_batch", "precision", "rounding", "routed", "efficiency_leverage", "accuracy_from_loss"),
}
"""Laws with `exp` or `log`, which are for numbers and draws; symbols of the sampler go through the law's tree."""
every_law = pytest.mark.parametrize("name", sorted(LAWS))


def inputs_of(name: str) -> dict[str, np.ndarray]:
    return {one: INPUTS[one] for one in law_inputs(LAWS[name])}


def plain(name: str, row: int) -> float:
    return LAWS[name](**{one: float(values[row]) for one, values in inputs_of(name).items()}, **PARAMETERS[name])


def expected_rows(name: str) -> list[float]:
    return [plain(name, row) for row in range(4)]


@every_law
def test_a_law_on_numbers_gives_finite_losses_of_one_sign_that_fall(name: str) -> None:
    losses = expected_rows(name)
    sign = -1 if name in BELOW_ZERO else 1
    assert all(isinstance(loss, float) and math.isfinite(loss) and sign * loss > 0 for loss in losses)
    assert losses == sorted(losses, reverse=name not in RISING)
    assert len(set(losses)) == 4


@every_law
def test_a_law_from_logarithms_is_the_law_on_numbers(name: str) -> None:
    for row, expected in enumerate(expected_rows(name)):
        logs = {one: math.log(values[row]) for one, values in inputs_of(name).items()}
        assert law_value(LAWS[name], logs, PARAMETERS[name], ON_NUMBERS) == pytest.approx(expected, rel=1e-12, abs=0)


@every_law
def test_a_law_on_symbols_is_the_law_on_numbers(name: str) -> None:
    from pytensor.xtensor import as_xtensor

    parameters = {one: as_xtensor(np.float64(value)) for one, value in PARAMETERS[name].items()}
    inputs = {one: as_xtensor(np.float64(values[2])) for one, values in inputs_of(name).items()}
    logs = {one: as_xtensor(np.log(values[2])) for one, values in inputs_of(name).items()}
    from_logs = law_value(LAWS[name], logs, parameters, on_symbols()).eval(mode="FAST_COMPILE")
    assert float(from_logs) == pytest.approx(plain(name, 2), rel=1e-12, abs=0)
    if name not in TRACED_ONLY:
        direct = LAWS[name](**inputs, **parameters).eval(mode="FAST_COMPILE")
        assert float(direct) == pytest.approx(plain(name, 2), rel=1e-12, abs=0)


@every_law
def test_a_law_on_draws_is_the_law_on_numbers(name: str) -> None:
    inputs = {one: xr.DataArray(values, dims="row") for one, values in inputs_of(name).items()}
    logs = {one: np.log(values) for one, values in inputs.items()}
    draws = {one: xr.DataArray([value, value], dims="draw") for one, value in PARAMETERS[name].items()}
    for values in (LAWS[name](**inputs, **draws), law_value(LAWS[name], logs, draws, ON_NUMBERS)):
        assert set(values.dims) == {"draw", "row"}
        for draw in range(2):
            np.testing.assert_allclose(values.isel(draw=draw), expected_rows(name), rtol=1e-12)


@pytest.mark.parametrize("a", [0.1, 0.5, 1.0, 1.7, 10.0])
@pytest.mark.parametrize(("b", "c"), [(0.3, 0.2), (2.0, 1.1)])
@pytest.mark.parametrize(("e_0", "e_inf"), [(1.0, 0.0), (0.9, 0.2), (7.0, 0.01)])
def test_m4_solves_its_equation(a: float, b: float, c: float, e_0: float, e_inf: float) -> None:
    t = np.logspace(-6, 6, 49)
    right = t * (1 + t) ** (a - 1) * (e_0 - e_inf) ** (1 - a)
    error = LAWS["m4"]((b / right) ** (1 / c), a=a, b=b, c=c, e_0=e_0, e_inf=e_inf)
    np.testing.assert_allclose(error, e_inf + (e_0 - e_inf) * t / (1 + t), rtol=1e-11)
    left = (error - e_inf) / (e_0 - error) ** a
    rounding = 1e-14 * error * (1 / (error - e_inf) + a / (e_0 - error))
    assert (abs(np.log(left / right)) < 1e-11 + rounding).all()


def test_m4_with_a_of_one_is_solved_in_closed_form() -> None:
    x = INPUTS["x"]
    values = LAWS["m4"](x, a=1.0, b=0.6, c=0.3, e_0=0.9, e_inf=0.1)
    t = 0.6 * x**-0.3
    np.testing.assert_allclose(values, (0.1 + 0.9 * t) / (1 + t), rtol=1e-13)


@every_law
def test_inputs_stand_before_the_star_and_parameters_after_it(name: str) -> None:
    signature = inspect.signature(LAWS[name]).parameters
    assert law_inputs(LAWS[name]) + law_parameters(LAWS[name]) == tuple(signature)
    assert set(law_parameters(LAWS[name])) == set(PARAMETERS[name])
    assert set(law_inputs(LAWS[name])) <= set(INPUTS)


def test_inputs_and_parameters_keep_their_order() -> None:
    assert law_inputs(LAWS["chinchilla"]) == ("params", "tokens")
    assert law_parameters(LAWS["chinchilla"]) == ("E", "A", "alpha", "B", "beta")


def test_a_law_with_unnamed_parameters_is_refused() -> None:
    def anything(x, **rest):
        return x * sum(rest.values())

    with pytest.raises(InputError, match=r"^law anything: write every input before the star"):
        law_parameters(anything)


@every_law
def test_a_law_is_found_by_its_name(name: str) -> None:
    assert library_law(name) is LAWS[name]


def test_an_unknown_law_is_named_with_those_there_are() -> None:
    with pytest.raises(
        InputError,
        match=r"^no law is called 'm5'; the library has \['accuracy_from_loss', 'annealing'.*'token_position', 'vocabulary'\]$",
    ):
        library_law("m5")


@every_law
def test_a_law_says_what_each_parameter_means(name: str) -> None:
    for parameter in law_parameters(LAWS[name]):
        assert re.search(rf"^\s*{parameter}\n\s+\S", LAWS[name].__doc__, re.MULTILINE), parameter


@pytest.mark.parametrize("name", sorted(set(LAWS) - NO_TEXT))
def test_a_law_reads_back_from_its_text(name: str) -> None:
    law = parse_law(law_text(LAWS[name]), law_inputs(LAWS[name]))
    assert law_inputs(law) == law_inputs(LAWS[name])
    assert set(law_parameters(law)) == set(law_parameters(LAWS[name]))
    np.testing.assert_array_equal(law(**inputs_of(name), **PARAMETERS[name]), LAWS[name](**inputs_of(name), **PARAMETERS[name]))


def test_m4_is_too_long_to_be_text() -> None:
    with pytest.raises(InputError, match=r"^law m4 is too long to be written as text"):
        law_text(LAWS["m4"])


REFERENCES = {
    "params": 1e9, "params_once": 1e9, "params_looped": 1e9, "tokens": 2e10, "unique_tokens": 3e9, "epochs": 1.0, "loops": 1.0,
    "streams": 1.0, "non_vocab_params": 3e8, "vocab_params": 1.6e7, "characters": 1e10, "sparsity": 4.0,
    "lr": 2e-3, "batch": 3e5, "bits": 2.0, "teacher_loss": 1.0, "supervised_loss": 1.0,
    "experts": 1.0, "granularity": 4.0, "activation": 1.0, "context": 8192.0,
    "compute": 1.5, "tokens_per_param": 20.0, "steps": 1e4, "lr_sum": 1.7, "annealing_area": 0.1, "lr_drop": 1e-4,
    "lr_then": 2e-4, "lr_since": 0.01, "loss": 2.5, "token_index": 16.0, "ratio": 8.0, "x": 40.0,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(LAWS) - NO_OTHER_REFERENCE))
def test_parameters_in_the_units_of_the_inputs_give_the_same_loss(name: str) -> None:
    references = {one: REFERENCES[one] for one in law_inputs(LAWS[name])}
    at_reference = {one: xr.DataArray(value) for one, value in PARAMETERS[name].items()}
    converted = in_units(LAWS[name], at_reference, references)
    assert converted
    assert set(converted) < set(at_reference)
    for row, expected in enumerate(expected_rows(name)):
        raw = {one: float(values[row]) * references[one] for one, values in inputs_of(name).items()}
        assert float(LAWS[name](**raw, **(at_reference | converted))) == pytest.approx(expected, rel=1e-10)


def test_parameters_are_converted_draw_by_draw() -> None:
    draws = {"b": xr.DataArray([0.5, 0.7], dims="draw"), "c": xr.DataArray([0.2, 0.4], dims="draw")}
    converted = in_units(LAWS["m1"], draws, {"x": 40.0})
    assert set(converted) == {"b"}
    np.testing.assert_allclose(converted["b"], [0.5 * 40.0**0.2, 0.7 * 40.0**0.4], rtol=1e-12)


def test_a_reference_of_one_changes_no_parameter() -> None:
    at_reference = {one: xr.DataArray(value) for one, value in PARAMETERS["chinchilla"].items()}
    assert in_units(LAWS["chinchilla"], at_reference, {"params": 1.0, "tokens": 1.0}) == {}


def test_a_law_that_has_no_such_parameters_says_none() -> None:
    at_reference = {one: xr.DataArray(value) for one, value in PARAMETERS["farseer"].items()}
    assert in_units(LAWS["farseer"], at_reference, {"params": 1e9, "tokens": 2e10}) == {}


def published(name: str, references: dict[str, float]) -> dict[str, float]:
    """Return the parameters of a law in the convention of papers."""
    at_reference = {one: xr.DataArray(value) for one, value in PARAMETERS[name].items()}
    return {one: float(value) for one, value in (at_reference | in_units(LAWS[name], at_reference, references)).items()}


def test_kaplans_constants_come_out_in_the_units_of_the_inputs() -> None:
    of = published("kaplan_params_tokens", {"params": 1e9, "tokens": 2e10})
    params, tokens = of["L_N"] ** (1 / of["alpha_N"]), of["L_D"] ** (1 / of["alpha_D"])
    assert params == pytest.approx(6.4e13, rel=0.05)
    assert tokens == pytest.approx(1.8e13, rel=0.05)
    n, d = 4e8, 7e9
    expected = ((params / n) ** (of["alpha_N"] / of["alpha_D"]) + tokens / d) ** of["alpha_D"]
    assert LAWS["kaplan_params_tokens"](n, d, **of) == pytest.approx(expected, rel=1e-10)
    assert LAWS["kaplan_params_tokens"](0.4, 0.35, **PARAMETERS["kaplan_params_tokens"]) == pytest.approx(expected, rel=1e-10)


MUENNIGHOFF = {
    "E": math.exp(0.6254804), "A": math.exp(6.255414), "alpha": 0.3526596, "B": math.exp(7.3049974), "beta": 0.3526596,
    "R_D": 15.387756, "R_N": 5.309743,
}  # fmt: skip


@pytest.mark.parametrize(
    ("params", "tokens", "loss"), [(6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)]
)
def test_data_constrained_gives_the_losses_its_authors_print(params: float, tokens: float, loss: float) -> None:
    assert LAWS["data_constrained"](params, 25e9, tokens / 25e9, **MUENNIGHOFF) == pytest.approx(loss, rel=1e-12)


def test_one_epoch_of_a_model_not_too_large_is_chinchillas() -> None:
    params, tokens = np.array([0.01, 0.4, 1.0, 3.0]), np.array([0.5, 2.0, 10.0, 400.0])
    values = LAWS["data_constrained"](params, tokens, 1.0, **PARAMETERS["data_constrained"])
    np.testing.assert_array_equal(values, LAWS["chinchilla"](params, tokens, **CHINCHILLA))


def test_excess_parameters_are_worth_less_and_less() -> None:
    of = PARAMETERS["data_constrained"] | {"alpha": 0.31, "A": 0.5}
    best = (of["alpha"] * of["A"] / (of["beta"] * of["B"])) ** (1 / of["alpha"]) * 0.3 ** (of["beta"] / of["alpha"])
    excess = np.array([0.2, 1.0, 2.0, 10.0, 1e6])
    size = best * np.where(excess > 1, 1 + of["R_N"] * (1 - np.exp(-(excess - 1) / of["R_N"])), excess)
    data = 0.3 * (1 + of["R_D"] * (1 - np.exp(-5 / of["R_D"])))
    expected = of["E"] + of["A"] * size ** -of["alpha"] + of["B"] * data ** -of["beta"]
    np.testing.assert_allclose(LAWS["data_constrained"](excess * best, 0.3, 6.0, **of), expected, rtol=1e-12)


def test_overtraining_is_chinchilla_with_one_exponent() -> None:
    params, tokens, eta = 3e8, 5e10, 0.15
    of = {"E": 1.8, "a": 212.0, "b": 367.0}
    expected = LAWS["chinchilla"](params, tokens, E=1.8, A=212 * 6**-eta, alpha=2 * eta, B=367 * 6**-eta, beta=2 * eta)
    assert LAWS["overtraining"](6 * params * tokens, tokens / params, **of, eta=eta) == pytest.approx(expected, rel=1e-12)


def test_farseer_has_its_published_form_for_tokens_in_their_own_unit() -> None:
    of = PARAMETERS["farseer"] | {"B": 5e3}
    a = {i: of[f"s{i}"] / of[power] for i, power in ((1, "alpha"), (2, "beta"), (3, "gamma"))}
    b = {i: math.log(of[value]) - a[i] for i, value in ((1, "k"), (2, "B"), (3, "E"))}
    n, d = np.array([0.05, 1.0, 30.0]), np.array([1e9, 2e10, 5e11])
    exponent = np.exp(a[1] * n ** of["alpha"] + b[1])
    expected = np.exp(a[3] * n ** of["gamma"] + b[3]) + np.exp(a[2] * n ** of["beta"] + b[2]) * d**-exponent
    np.testing.assert_allclose(LAWS["farseer"](n, d, **of), expected, rtol=1e-12)


def test_multi_power_is_the_sum_over_a_schedule_of_two_stages() -> None:
    of = published("multi_power", {"lr_sum": 1.0, "lr_drop": 1e-4, "lr_then": 1e-4, "lr_since": 0.01})
    lr, at = np.where(np.arange(12_000) < 8_000, 3e-4, 9e-5), 9_500
    reduction = sum(
        (lr[k - 1] - lr[k]) * (1 - (1 + of["C"] * lr[k] ** -of["gamma"] * lr[k : at + 1].sum()) ** -of["beta"])
        for k in range(1, at + 1)
    )
    expected = of["L0"] + of["A"] * lr[: at + 1].sum() ** -of["alpha"] - of["B"] * reduction
    after = lr[8_000 : at + 1].sum()
    rows = {"lr_sum": lr[: at + 1].sum(), "lr_drop": 2.1, "lr_then": 0.9, "lr_since": after / 0.01}
    assert LAWS["multi_power"](**rows, **PARAMETERS["multi_power"]) == pytest.approx(expected, rel=1e-9)


def test_broken_power_laws_have_an_exponent_for_each_stretch() -> None:
    of = PARAMETERS["bnsl2"] | {"a": 0.0, "d1": 1e-4, "apart": 1e8}
    ends = np.array([[1e-12, 1e-11], [0.3, 3.0], [1e11, 1e12]])
    values = LAWS["bnsl2"](ends, **of)
    slopes = -np.log(values[:, 1] / values[:, 0]) / np.log(ends[:, 1] / ends[:, 0])
    np.testing.assert_allclose(slopes, [0.4, 0.1, 0.6], atol=1e-6)


def test_loops_are_worth_nothing_or_layers_of_their_own_at_the_ends_of_phi() -> None:
    loop_worth = LAWS["loop_worth"]
    for phi, params in ((0.0, 0.2 + 0.3), (1.0, 0.2 + 4 * 0.3)):
        expected = LAWS["chinchilla"](params, 2.0, **CHINCHILLA)
        assert loop_worth(0.2, 0.3, 4.0, 2.0, **CHINCHILLA, phi=phi) == pytest.approx(expected, rel=1e-12)


def test_a_shape_penalty_is_zero_at_the_optimum_and_never_negative() -> None:
    penalty = LAWS["shape_penalty"](np.geomspace(1e-3, 1e3, 61), curvature=0.7, optimum=1.0, skew=0.4)
    assert penalty.argmin() == 30
    assert abs(penalty[30]) < 1e-20
    assert (penalty >= 0).all()
    assert penalty[33] > penalty[27]


def test_laws_are_listed_with_inputs_and_equations() -> None:
    result = CliRunner().invoke(app, ["laws"])
    assert result.exit_code == 0
    headings = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert headings == [f"{name}({', '.join(law_inputs(law))})" for name, law in LAWS.items()]
    assert "    L = E + A N^-alpha + B D^-beta        (Hoffmann et al. 2022, eq. 2)\n" in result.stdout


def test_listing_laws_imports_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bayes_scaling.cli import app; "
        "assert CliRunner().invoke(app, ['laws']).exit_code == 0; "
        "print([m for m in ('pymc', 'pytensor', 'pandas', 'xarray', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_streams_are_worth_parameters_by_their_logarithm() -> None:
    of = PARAMETERS["parallel_streams"]
    worth = 1 + of["k"] * math.log(4.0)
    assert LAWS["parallel_streams"](2.0, 4.0, **of) == pytest.approx(
        LAWS["parallel_streams"](2.0 * worth, 1.0, **of), rel=1e-12
    )
    constant = of["A"] ** (1 / of["alpha"]) * 1e9  # the paper's, in (A / (N (k log P + 1)))^alpha + E
    expected = (constant / (2e9 * worth)) ** of["alpha"] + of["E"]
    assert LAWS["parallel_streams"](2.0, 4.0, **of) == pytest.approx(expected, rel=1e-12)


def test_a_reward_rises_from_its_start_to_its_limit() -> None:
    of = PARAMETERS["reward_sigmoid"]
    start, half, end = (LAWS["reward_sigmoid"](compute, **of) for compute in (1e-9, of["C_mid"], 1e9))
    assert (start, half, end) == pytest.approx((of["R0"], (of["R0"] + of["A"]) / 2, of["A"]), rel=1e-9)
    at = 7.0
    expected = of["R0"] + (of["A"] - of["R0"]) / (1 + (of["C_mid"] / at) ** of["B"])
    assert LAWS["reward_sigmoid"](at, **of) == pytest.approx(expected, rel=1e-12)


def test_a_vocabulary_is_worth_its_own_term_below_a_unigram_model() -> None:
    of = PARAMETERS["vocabulary"]
    without_limits = LAWS["vocabulary"](1e30, 1e30, 1e30, **of)
    assert without_limits == pytest.approx(-of["E"], abs=1e-8)
    of_terms = [of["A"] * 2.0 ** -of["alpha"], of["V"] * 3.0 ** -of["nu"], of["B"] * 0.5 ** -of["beta"]]
    assert LAWS["vocabulary"](2.0, 3.0, 0.5, **of) == pytest.approx(sum(of_terms) - of["E"], rel=1e-12)


def test_a_sparse_model_has_exponents_that_change_with_the_other_input() -> None:
    of = PARAMETERS["sparsity"]
    expected = of["E"] + of["A"] * 3.0 ** -of["alpha"] * 2.0 ** -(of["kappa"] + of["gamma"] * math.log(3.0))
    assert LAWS["sparsity"](3.0, 2.0, **of) == pytest.approx(expected, rel=1e-12)
    assert LAWS["sparsity"](1.0, 2.0, **of) == pytest.approx(LAWS["sparsity"](1.0, 2.0, **(of | {"gamma": 0.0})), rel=1e-12)


def test_the_valley_of_learning_rate_and_batch_is_lowest_where_the_step_law_says() -> None:
    of = PARAMETERS["learning_rate_batch"]
    params, tokens = 2.5, 0.6
    lr = of["lr_best"] * params ** -of["lr_n"] * tokens ** of["lr_d"]
    batch = of["batch_best"] * tokens ** of["batch_d"]
    lowest = LAWS["learning_rate_batch"](params, tokens, lr, batch, **of)
    assert lowest == pytest.approx(LAWS["chinchilla"](params, tokens, **CHINCHILLA), rel=1e-12)
    off = LAWS["learning_rate_batch"](params, tokens, lr * 2, batch, **of) - lowest
    assert off == pytest.approx(of["k_lr"] * math.log(2) ** 2, rel=1e-9)
    along = LAWS["learning_rate_batch"](params, tokens, lr * 3 ** of["lr_b"], 3 * batch, **of) - lowest
    assert along == pytest.approx(of["k_batch"] * math.log(3) ** 2, rel=1e-9)


def test_the_step_law_comes_out_in_the_units_of_the_inputs() -> None:
    references = {"params": 1e9, "tokens": 2e10, "lr": 1e-3, "batch": 5e5}
    step_law = {"lr_best": 1.79 * 1e9**-0.713 * 2e10**0.307 / 1e-3, "lr_n": 0.713, "lr_d": 0.307}
    step_law |= {"batch_best": 0.58 * 2e10**0.571 / 5e5, "batch_d": 0.571}
    at_reference = {k: xr.DataArray(v) for k, v in (PARAMETERS["learning_rate_batch"] | step_law).items()}
    own = in_units(LAWS["learning_rate_batch"], at_reference, references)
    assert float(own["lr_best"]) == pytest.approx(1.79, rel=1e-9)
    assert float(own["batch_best"]) == pytest.approx(0.58, rel=1e-9)


def test_routed_models_without_a_floor_are_bilinear_in_logarithms_and_saturate() -> None:
    of = PARAMETERS["routed"] | {"E": 0.0, "most": 1e15}
    n, m = 7.0, 32.0
    bilinear = math.log(of["A"]) - of["alpha"] * math.log(n) - of["b"] * math.log(m) + of["c"] * math.log(n) * math.log(m)
    assert math.log(LAWS["routed"](n, m, **of)) == pytest.approx(bilinear, rel=1e-12)
    few, many = (LAWS["routed"](1.0, experts, **PARAMETERS["routed"]) for experts in (1.0, 1e12))
    assert few == pytest.approx(1.3 + 1.4, rel=1e-12)
    assert many == pytest.approx(1.3 + 1.4 * 300.0**-0.07, rel=1e-9)


def test_finer_experts_gain_in_proportion_to_what_size_costs() -> None:
    of = PARAMETERS["granularity"]
    gain = [LAWS["granularity"](n, 1.0, 1.0, **of) - LAWS["granularity"](n, 1.0, 8.0, **of) for n in (1.0, 10.0)]
    assert gain[0] == pytest.approx(of["g"] * (1 - 8 ** -of["gamma"]), rel=1e-12)
    assert gain[1] / gain[0] == pytest.approx(10 ** -of["alpha"], rel=1e-9)


def test_leverage_is_one_for_dense_models_and_largest_at_the_best_granularity() -> None:
    law, of = LAWS["efficiency_leverage"], PARAMETERS["efficiency_leverage"]
    assert law(5.0, 1.0, 3.0, **of) == 1.0
    assert law(1.0, 1 / 32, of["best"], **of) == pytest.approx(32 ** of["a"], rel=1e-12)
    assert law(1.0, 1 / 32, 2 * of["best"], **of) == pytest.approx(law(1.0, 1 / 32, of["best"] / 2, **of), rel=1e-12)
    assert law(1.0, 1 / 32, 2 * of["best"], **of) < law(1.0, 1 / 32, of["best"], **of)
    assert law(10.0, 0.1, of["best"], **of) == pytest.approx(10 ** (of["a"] + of["d"] * math.log(10)), rel=1e-12)


def test_the_mean_over_a_context_is_a_power_law_of_its_length() -> None:
    of, n = {"a": 2.3, "b": 5.0, "c": 0.5}, 4_000_000
    mean = LAWS["token_position"](np.arange(1.0, n + 1), **of).mean()
    assert LAWS["context_length"](float(n), E=of["a"], C=of["b"] / (1 - of["c"]), beta=of["c"]) == pytest.approx(mean, abs=1e-5)


def test_few_bits_are_fewer_parameters() -> None:
    of = PARAMETERS["precision"]
    worth = 1 - math.exp(-4 / of["gamma"])
    assert LAWS["precision"](2.0, 3.0, 4.0, **of) == pytest.approx(
        LAWS["chinchilla"](2.0 * worth, 3.0, **CHINCHILLA), rel=1e-12
    )
    assert LAWS["precision"](2.0, 3.0, 1e3, **of) == pytest.approx(LAWS["chinchilla"](2.0, 3.0, **CHINCHILLA), rel=1e-12)


def test_steps_and_examples_to_a_loss_trade_off() -> None:
    of = PARAMETERS["steps_to_loss"]
    for batch in (0.1, 1.0, 30.0):
        steps = LAWS["steps_to_loss"](batch, **of)
        assert (steps / of["S_min"] - 1) * (steps * batch / (of["S_min"] * of["B_crit"]) - 1) == pytest.approx(1.0, rel=1e-9)
    assert LAWS["critical_batch"](3.0, B_crit=2.1e8, alpha_B=0.21) == pytest.approx(1.122e6, rel=1e-2)


def test_accuracy_rises_from_chance_as_the_loss_falls() -> None:
    of = PARAMETERS["accuracy_from_loss"]
    useless, half, perfect = (LAWS["accuracy_from_loss"](loss, **of) for loss in (60.0, of["L_mid"], -60.0))
    assert (useless, half, perfect) == pytest.approx((0.25, 0.6, 0.95), abs=1e-12)


def test_a_teacher_too_strong_does_harm_and_a_weak_one_is_just_met() -> None:
    of = PARAMETERS["distillation"]
    teachers = np.linspace(0.8, 4.0, 65)
    students = LAWS["distillation"](1.0, 1.0, teachers, 2.4, **of)
    best = int(students.argmin())
    assert 0 < best < 40
    assert students[0] > students[best]
    np.testing.assert_allclose(students[-10:], teachers[-10:], rtol=1e-6)
    assert (students >= teachers).all()


def test_rounding_costs_what_its_authors_constants_say() -> None:
    # Table 2 of Kumar et al. 2024: C_T .0598, gamma_D .5068, gamma_N .3439, gamma .5907 bits, without the offset.
    n, d, p = 2.2e8, 2.6e10, 3.0
    expected = 0.0598 * d**0.5068 / n**0.3439 * math.exp(-p / 0.5907)
    at_four = 0.0598 * 2e10**0.5068 / 1e9**0.3439 * math.exp(-4 / 0.5907)
    of = CHINCHILLA | {"C": at_four, "gamma_N": 0.3439, "gamma_D": 0.5068, "gamma": 0.5907 / 4}
    size, data = n / 1e9, d / 2e10
    rounded = LAWS["rounding"](size, data, p / 4, **of) - LAWS["chinchilla"](size, data, **CHINCHILLA)
    assert rounded == pytest.approx(expected, rel=1e-9)


def test_a_loss_that_is_added_to_the_response_has_the_reference_one() -> None:
    references = {"params": 1e9, "tokens": 2e10, "teacher_loss": 1.0, "supervised_loss": 2.5}
    with pytest.raises(InputError, match=r"^distillation takes .supervised_loss. in .*: give it the reference 1, not 2.5$"):
        check_references(LAWS["distillation"], references)
    check_references(LAWS["distillation"], references | {"supervised_loss": 1.0})
