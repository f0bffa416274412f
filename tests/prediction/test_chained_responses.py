"""A response of a response: draws of the first fit's runs go through the second law, draw by draw."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from commands import refused, run

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.prediction.chain import _with_errors


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
        found = bs.chain(first, second, at, expected=expected).draws
        assert found.dims == ("chain", "draw", "row")
        assert found.attrs["units"] == "accuracy"
        np.testing.assert_array_equal(found.coords["params"], [1e9, 1e10])
        variance = c.var() + 0.01 * (a.var() + 0.05**2) + scatter**2
        draws = found.isel(row=0).to_numpy().ravel()
        assert draws.mean() == pytest.approx(c.mean() - 0.1 * a.mean(), abs=4 * np.sqrt(variance / 1000))
        assert draws.var() == pytest.approx(variance, rel=0.25)


def test_points_meet_the_same_draws_of_both(fits) -> None:
    found = bs.chain(*fits, {"params": [1e9, 1.0001e9]}, expected=True).draws.to_numpy()[0]
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
    found = bs.chain(first, second, {"params": [1e9], "run": ["mine"], "output": ["task_a"]})
    expected = bs.chain(first, second, {"params": [1e9], "run": ["mine"], "output": ["task_a"]}, expected=True)
    assert (found.draws - expected.draws).std().item() == pytest.approx(0.02, rel=0.15)


def test_what_does_not_follow_is_refused_and_what_is_far_is_noted(fits) -> None:
    first, second = fits
    with pytest.raises(InputError, match=r"the second fit has no input 'error'; its inputs are \['loss'\]"):
        bs.chain(first, second, {"params": [1e9]}, through="error")
    with pytest.raises(InputError, match="the second reads params in parameters"):
        bs.chain(first, first, {"params": [1e9]}, through="params")
    notes = bs.chain(first, second, {"params": [1e13]}).notes
    assert any("of the draws of loss lie beyond the runs of the second fit" in note for note in notes)


def test_a_response_below_zero_is_refused_with_what_to_do(fits) -> None:
    with pytest.raises(InputError, match=r"draws of loss down to -.*, and the second reads it above 0: expected points nearer"):
        bs.chain(*fits, {"params": [1e27]})


def test_an_input_without_a_unit_is_taken_in_that_of_the_first_and_said(fits) -> None:
    first, second = fits

    def reading(unit: str) -> bs.Fit:
        inputs = {"loss": replace(second.runs.columns.inputs["loss"], unit=unit)}
        return replace(second, runs=replace(second.runs, columns=replace(second.runs.columns, inputs=inputs)))

    said = "loss has no unit in the second fit: it is taken to be in nats/token, as loss is in the first"
    assert said in bs.chain(first, reading(""), {"params": [1e9]}).notes
    assert said not in bs.chain(first, second, {"params": [1e9]}).notes
    assert (
        bs.chain(first, reading("nats per token"), {"params": [1e9]}).notes == bs.chain(first, second, {"params": [1e9]}).notes
    )
    with pytest.raises(InputError, match="the second reads loss in bits/byte"):
        bs.chain(first, reading("bits/byte"), {"params": [1e9]})


def test_the_record_shows_both_responses_in_their_units(fits) -> None:
    found = bs.chain(*fits, {"params": [1e9, 1e10]})
    table = found.to_frame()
    columns = ["loss_q05", "loss_q50", "loss_q95", "mean", "sd", "q05", "q25", "q50", "q75", "q95", "distance"]
    assert list(table) == ["params", *columns]
    np.testing.assert_allclose(table["loss_q50"], 3.0 * np.array([1.0, 10.0]) ** -0.1, rtol=0.03)
    assert repr(found) == "accuracy through loss: 2 points, 1,000 draws"
    first, *_ = found.summary().splitlines()
    assert re.match(r"params 1B parameters: loss 3.0\d* nats/token \(90 %: .*\), accuracy 0.6\d* \(90 %: .*\)\.$", first)
    assert "<table" in found._repr_html_()
    labels = [[ax.get_xlabel(), ax.get_ylabel()] for ax in found.plot().axes]
    assert labels[0] == ["params (parameters)", "loss (nats/token)"]
    assert labels[1] == ["loss (nats/token)", "accuracy"]
    assert labels[2][1] == "accuracy"
    alone = bs.chain(*fits, {"params": [1e9]}).plot().axes
    assert alone[2].get_xlabel() == "accuracy"


def test_the_error_of_readings_is_carried(fits) -> None:
    first, second = fits
    table = first.runs.table.assign(measurement_error=0.2)
    read = replace(first, runs=replace(first.runs, table=table))
    spread = {
        name: bs.chain(one, second, {"params": [1e9]}, expected=True, error=error).through.std().item()
        for name, one, error in [("none", first, 0.0), ("runs", read, None), ("said", first, 0.2), ("left out", read, 0.0)]
    }
    assert spread["runs"] == pytest.approx(np.hypot(spread["none"], 0.2), rel=0.1)
    assert spread["said"] == pytest.approx(np.hypot(spread["none"], 0.2), rel=0.1)
    assert spread["left out"] == spread["none"]


def test_points_of_one_run_are_read_once(fits) -> None:
    points = {"params": [1e9, 1e9, 1e9], "run": ["mine", "mine", "yours"]}
    through = bs.chain(*fits, points).through.to_numpy()[0]
    np.testing.assert_array_equal(through[:, 0], through[:, 1])
    assert (through[:, 0] != through[:, 2]).all()


def test_two_saved_fits_make_a_chain_on_the_command_line(fits, tmp_path: Path) -> None:
    for name, one in zip(("first", "second"), fits, strict=True):
        bs.save(one, tmp_path / name / "fit.nc")
    (tmp_path / "points.csv").write_text("params\n1e9\n1e10\n")
    asked = ["predict", tmp_path / "second", "--at", tmp_path / "points.csv", "--out", tmp_path / "p.csv", "--through"]
    result = run(*asked, f"loss={tmp_path / 'first'}")
    assert result.exit_code == 0, result.output
    assert "params 1B parameters: loss 3.0" in result.stdout
    assert (tmp_path / "p.png").is_file()
    made = pd.read_csv(tmp_path / "p.csv")
    pd.testing.assert_frame_equal(made, bs.chain(*fits, {"params": [1e9, 1e10]}, expected=True).to_frame(), check_exact=False)
    assert run(*asked, tmp_path / "first").exit_code == 0
    refused(run(*asked, f"los={tmp_path / 'first'}"), "the second fit has no input 'los'", "['loss']")
    refused(run(*asked, tmp_path), "fit.nc: no such file", "fits are in")
    refused(run(*asked, tmp_path / "first", "--register", tmp_path / "l.jsonl"), "--through")


def test_an_output_is_read_with_its_own_error() -> None:
    table = pd.DataFrame({"output": ["a", "a", "b", "b"], "response": [2.0, 2.0, 0.5, 0.5]})
    table["measurement_error"] = [0.02, 0.02, 0.05, 0.05]
    points = pd.DataFrame({"output": ["b", "a", "new"]})
    found = _with_errors(points, SimpleNamespace(table=table), None)
    np.testing.assert_allclose(found["measurement_error"], [0.05, 0.02, 1.25 * 0.055])
    np.testing.assert_allclose(_with_errors(points, SimpleNamespace(table=table), 0.3)["measurement_error"], 0.3)


def test_what_the_first_fit_shows_is_not_taken_from_points(fits) -> None:
    plain, given = (bs.chain(*fits, {"params": [1e9]} | more) for more in ({}, {"loss": [9.0]}))
    assert given.notes[0] == "column 'loss' of the points is left out: loss is what runs of the first fit show"
    assert list(given.to_frame()) == list(plain.to_frame())
    np.testing.assert_array_equal(given.draws, plain.draws)
