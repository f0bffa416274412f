"""A response of a response: draws of the first fit's runs go through the second law, draw by draw."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.prediction.chain import chain


@pytest.fixture(scope="module")
def fits() -> tuple[bs.Fit, bs.Fit]:
    """Return a loss over size, and an accuracy over loss, linear, in draws from priors that are narrow and known."""
    sizes = pd.DataFrame({"params": np.geomspace(1e8, 1e10, 8), "loss": 2.0})
    loss = bs.Model(
        bs.parse_law("a * params**-b", ["params"]),
        {"a": bs.Prior(median=3.0, factor=1.1), "b": bs.Prior(median=0.1, factor=1.0001)},
        bs.Noise(bs.Prior(median=0.05, factor=1.0001), "normal", on="loss"),
    )
    first = bs.prior(
        loss,
        bs.read_runs(sizes, bs.Columns({"params": bs.Input("params", "parameters", 1e9)}, bs.Response(unit="nats/token"))),
        draws=3000,
    )
    seen = pd.DataFrame({"loss": np.linspace(2.0, 4.0, 8), "accuracy": 0.5})
    accuracy = bs.Model(
        bs.parse_law("c - k * loss", ["loss"]),
        {"c": bs.Prior(between=(0.94, 0.96)), "k": bs.Prior(median=0.1, factor=1.0001)},
        bs.Noise(bs.Prior(median=0.02, factor=1.0001), "normal", on="loss"),
    )
    columns = bs.Columns({"loss": bs.Input("loss", "nats/token", 1.0)}, bs.Response("accuracy", "accuracy", name="accuracy"))
    return first, bs.prior(accuracy, bs.read_runs(seen, columns), draws=3000)


def test_uncertainties_of_both_and_the_scatter_of_both_add_up(fits) -> None:
    first, second = fits
    at = {"params": [1e9, 1e10]}
    a, c = first.posterior["a"].to_numpy(), second.posterior["c"].to_numpy()
    for expected, scatter in ((True, 0.0), (False, 0.02)):
        found = chain(first, second, at, expected=expected)
        assert found.dims == ("chain", "draw", "row")
        assert found.attrs["units"] == "accuracy"
        np.testing.assert_array_equal(found.coords["params"], [1e9, 1e10])
        variance = c.var() + 0.01 * (a.var() + 0.05**2) + scatter**2
        draws = found.isel(row=0).to_numpy().ravel()
        assert draws.mean() == pytest.approx(c.mean() - 0.1 * a.mean(), abs=4 * np.sqrt(variance / 1000))
        assert draws.var() == pytest.approx(variance, rel=0.25)
    table = bs.summarize(found)
    assert len(table) == 2


def test_points_meet_the_same_draws_of_both(fits) -> None:
    found = chain(*fits, {"params": [1e9, 1.0001e9]}, expected=True).to_numpy()[0]
    apart = found[:, 0] - found[:, 1]
    assert apart.std() < 0.1 * 0.05 * np.sqrt(2) * 1.15  # what single runs scatter by, and nothing of a or c


def test_points_that_name_a_run_and_an_output(fits) -> None:
    first, plain = fits
    seen = pd.DataFrame({"loss": np.linspace(2.0, 4.0, 8), "task_a": 0.5, "task_b": 0.6})
    columns = bs.Columns(
        {"loss": bs.Input("loss", "nats/token", 1.0)}, bs.Response("accuracy", "accuracy"), outputs=["task_a", "task_b"]
    )
    noise = bs.Noise(
        bs.Prior(median=0.02, factor=1.0001), "normal", on="loss", residual_correlation=bs.ResidualCorrelation("output")
    )
    second = bs.prior(bs.Model(plain.model.law, plain.model.parameters, noise), bs.read_runs(seen, columns), draws=500)
    found = chain(first, second, {"params": [1e9], "run": ["mine"], "output": ["task_a"]})
    expected = chain(first, second, {"params": [1e9], "run": ["mine"], "output": ["task_a"]}, expected=True)
    assert (found - expected).std().item() == pytest.approx(0.02, rel=0.15)


def test_what_does_not_follow_is_refused_and_what_is_far_is_noted(fits) -> None:
    first, second = fits
    with pytest.raises(InputError, match=r"the second fit has no input 'error'; its inputs are \['loss'\]"):
        chain(first, second, {"params": [1e9]}, through="error")
    with pytest.raises(InputError, match="the second reads params in parameters"):
        chain(first, first, {"params": [1e9]}, through="params")
    notes = chain(first, second, {"params": [1e13]}).attrs["notes"]
    assert any("of the draws of loss lie beyond the runs of the second fit" in note for note in notes)
