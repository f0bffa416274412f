"""Optima of several inputs at once, against the formulas of a law that has them."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.decisions.joint_optimum import _lowest, excess_loss, joint_optimum, joint_tolerance
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.defaults import default_inputs, default_priors
from bayes_scaling.prediction.predict import parameters_at

SETTINGS = ["lr", "batch"]
POINTS = pd.DataFrame({"params": [3e8, 2e9], "tokens": [6e9, 4e10]})


@pytest.fixture(scope="module")
def valley() -> bs.Fit:
    """Draws from the priors of the law, narrower in slopes, so that optima stay near the runs."""
    table = pd.DataFrame(
        {
            "params": np.repeat([2e8, 5e8, 1e9], 9),
            "tokens": np.repeat([4e9, 1e10, 2e10], 9),
            "lr": np.tile(np.repeat([3e-4, 1e-3, 3e-3], 3), 3),
            "batch": np.tile([1e5, 5e5, 2e6], 9),
            "loss": 2.6,
        }
    )
    priors = default_priors("learning_rate_batch") | {
        "lr_b": bs.Prior(between=(0.1, 0.6)),
        "lr_best": bs.Prior(median=1.0, factor=1.5),
        "batch_best": bs.Prior(median=1.0, factor=1.5),
    }
    model = bs.Model(LAWS["learning_rate_batch"], priors, bs.Noise(bs.Prior(median=0.005, factor=3.0)))
    columns = bs.Columns(default_inputs("learning_rate_batch"), bs.Response("loss", "nats/token"))
    return bs.prior(model, bs.read_runs(table, columns), draws=200, seed=1)


def best_of(fit: bs.Fit) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    at = parameters_at(fit, POINTS.assign(lr=1e-3, batch=5e5))
    of = {name: at[name].to_numpy() for name in fit.model.parameters}
    n, d = POINTS["params"].to_numpy() / 1e9, POINTS["tokens"].to_numpy() / 2e10
    lr = 1e-3 * of["lr_best"] * n ** -of["lr_n"] * d ** of["lr_d"]
    return lr, 5e5 * of["batch_best"] * d ** of["batch_d"], of


def test_the_optimum_of_learning_rate_and_batch_is_that_of_the_formula(valley: bs.Fit) -> None:
    lr, batch, of = best_of(valley)
    found = joint_optimum(valley, POINTS, SETTINGS)
    np.testing.assert_allclose(found["lr"], lr, rtol=1e-5)
    np.testing.assert_allclose(found["batch"], batch, rtol=1e-5)
    n, d = POINTS["params"].to_numpy() / 1e9, POINTS["tokens"].to_numpy() / 2e10
    lowest = of["E"] + of["A"] * n ** -of["alpha"] + of["B"] * d ** -of["beta"]
    np.testing.assert_allclose(found["loss"], lowest, rtol=1e-9)
    assert found["lr"].attrs["units"] == "learning rate"


def test_the_flat_region_ends_where_the_parabola_says(valley: bs.Fit) -> None:
    lr, batch, of = best_of(valley)
    found = joint_tolerance(valley, POINTS, SETTINGS, below=0.004)
    width = np.sqrt(0.004 / of["k_lr"])
    np.testing.assert_allclose(found["lr_high"], lr * np.exp(width), rtol=1e-4)
    np.testing.assert_allclose(found["lr_low"], lr * np.exp(-width), rtol=1e-4)
    across = np.sqrt(0.004 / (of["k_batch"] + of["k_lr"] * of["lr_b"] ** 2))
    np.testing.assert_allclose(found["batch_high"], batch * np.exp(across), rtol=1e-4)
    assert found.attrs["below"] == 0.004


def test_a_rule_costs_what_it_is_off_the_optimum(valley: bs.Fit) -> None:
    lr, batch, of = best_of(valley)
    rule = POINTS.assign(lr=2e-3, batch=3e5)
    v = np.log(3e5 / batch)
    u = np.log(2e-3 / lr) - of["lr_b"] * v
    np.testing.assert_allclose(
        excess_loss(valley, rule, SETTINGS), of["k_lr"] * u**2 + of["k_batch"] * v**2, rtol=1e-6, atol=1e-9
    )


def test_an_input_at_an_end_before_the_others_are_at_their_best_is_looked_for_again() -> None:
    bounds = {name: (np.array([[[0.0]]]), np.array([[[4.0]]])) for name in ("x", "y")}

    def surface(places):  # at the middle of y, which is 2, x is lowest beyond its end
        return 3.0 + (places["x"] - 1.0 - 2.0 * (places["y"] - 0.2)) ** 2 + 40.0 * (places["y"] - 0.2) ** 2

    found = _lowest(surface, bounds)
    assert found["x"].item() == pytest.approx(1.0, abs=1e-6)
    assert found["y"].item() == pytest.approx(0.2, abs=1e-6)
    low = {"x": bounds["x"], "y": (np.array([[[0.5]]]), np.array([[[4.0]]]))}
    assert np.isnan(_lowest(surface, low)["y"]).all()


def test_a_law_without_an_optimum_has_none(chinchilla: bs.Fit) -> None:
    found = joint_optimum(chinchilla, pd.DataFrame(index=range(1)), ["params", "tokens"])
    assert np.isnan(found["params"]).all()
    assert np.isnan(found["loss"]).all()


@pytest.mark.parametrize("along", [["lr"], ["lr", "lr"]])
def test_one_input_is_refused(valley: bs.Fit, along: list[str]) -> None:
    with pytest.raises(InputError, match=r"^along names two inputs or more"):
        joint_optimum(valley, POINTS, along)


def test_a_tolerance_is_positive_and_inputs_are_known(valley: bs.Fit) -> None:
    with pytest.raises(InputError, match=r"^below must be a positive number, in nats/token; it is 0"):
        joint_tolerance(valley, POINTS, SETTINGS, below=0.0)
    with pytest.raises(InputError, match="'depth' names no input"):
        joint_optimum(valley, POINTS, ["lr", "depth"])
