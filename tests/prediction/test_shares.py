"""Accuracies and error rates on their log odds: within their bounds, with their Jacobians, and reached from the right side."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.optimum import optimum
from bayes_scaling.inference.log_likelihood import log_density, log_likelihood
from bayes_scaling.model.arrays import data
from bayes_scaling.model.loss_units import in_unit_of
from bayes_scaling.prediction.first_passage import passage_places
from bayes_scaling.prediction.goal import checked_target
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.simulate import simulated
from bayes_scaling.prediction.summary import summarize_at
from bayes_scaling.validation.scores import crps_of, score_points

RISING = bs.parse_law("sigmoid(a + b * log(tokens))", ["tokens"])
FALLING = bs.parse_law("sigmoid(-a - b * log(tokens))", ["tokens"])
A, B, SD = 0.4, 0.5, 0.3
SEEN = pd.DataFrame({"tokens": np.geomspace(1.0, 100.0, 12), "run": "r", "accuracy": 0.55 + 0.03 * np.arange(12)})


def columns(column: str = "accuracy", unit: str = "accuracy") -> bs.Columns:
    return bs.Columns({"tokens": bs.Input("tokens", "tokens", 10.0)}, bs.Response(column, unit, name=unit), run="run")


def drawn(seen: pd.DataFrame = SEEN, *, law: Any = RISING, of: bs.Columns | None = None, draws: int = 400) -> bs.Fit:
    """Return a fit whose draws are all one point."""
    priors = {"a": bs.Prior(between=(-2.0, 2.0)), "b": bs.Prior(median=0.5, factor=2.0)}
    model = bs.Model(law, priors, bs.Noise(bs.Prior(median=SD, factor=2.0), "normal", on="log_odds"))
    values = {"a": A, "b": B, "noise_sd": SD}
    posterior = xr.Dataset({name: (("chain", "draw"), np.full((2, draws), of)) for name, of in values.items()})
    runs = bs.read_runs(seen, columns() if of is None else of)
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(), None)


def at(place: float) -> dict[str, list[object]]:
    return {"tokens": [place], "run": ["r"]}


def test_a_prediction_and_its_rows_stay_between_0_and_1() -> None:
    fit = drawn()
    curve = bs.predict(fit, at(20.0))
    np.testing.assert_allclose(curve, 1.0 / (1.0 + np.exp(-A - B * np.log(2.0))))
    rows = bs.predict_runs(fit, at(20.0)).to_numpy()
    odds = np.log(rows / (1.0 - rows))
    assert abs(odds.mean() - A - B * np.log(2.0)) < 5 * SD / np.sqrt(odds.size)
    assert abs(odds.std() / SD - 1.0) < 0.1
    far = bs.predict_runs(fit, at(1e9)).to_numpy()
    assert ((far > 0) & (far < 1)).all()


def test_the_density_of_a_share_adds_up_to_one() -> None:
    fit = drawn(draws=1)
    y = np.linspace(1e-6, 1.0 - 1e-6, 20_001)
    frame = pd.DataFrame({"response": y, "tokens": 20.0, "run": "r"})
    shown = bs.Fit(
        fit.model, Runs(frame, fit.runs.columns, fit.runs.references, fit.runs.levels), fit.draws, fit.settings, None
    )
    assert np.trapezoid(np.exp(log_likelihood(shown).isel(chain=0, draw=0)), y) == pytest.approx(1.0, abs=1e-6)


def test_an_accuracy_and_its_error_rate_have_the_same_density_and_predictions() -> None:
    error = SEEN.assign(error=1.0 - SEEN["accuracy"])
    one, other = drawn(), drawn(error, law=FALLING, of=columns("error", "error rate"))
    np.testing.assert_allclose(log_density(one, one.runs.table), log_density(other, other.runs.table))
    np.testing.assert_allclose(bs.predict(one, at(50.0)), 1.0 - bs.predict(other, at(50.0)))


def test_scores_are_of_the_log_odds_and_errors_of_the_share() -> None:
    fit = drawn()
    points = score_points(fit, fit.runs.table)
    assert crps_of("log_odds", "accuracy") == "log odds"
    np.testing.assert_allclose(points["error"], points["q50"] - points["response"])
    assert np.isfinite(points["crps"]).all()


def test_per_cent_are_shares_and_their_errors_too() -> None:
    percent = SEEN.assign(accuracy=100.0 * SEEN["accuracy"], error=1.5)
    of = bs.Columns(
        columns().inputs,
        bs.Response("accuracy", "% accuracy"),
        run="run",
        measurement_error=MeasurementError("error", relative=False),
    )
    runs = bs.read_runs(percent, of)
    np.testing.assert_allclose(runs.table["response"], SEEN["accuracy"])
    assert (runs.table["measurement_error"] == 0.015).all()
    assert "column 'accuracy' is in per cent: divided by 100" in runs.notes[0]
    assert (runs.columns.response.unit, runs.columns.response.rising) == ("accuracy", True)


def test_a_bare_per_cent_is_told_what_to_say() -> None:
    model = bs.read_study("accuracy_curve").model
    with pytest.raises(InputError, match='of per cent say unit = "% accuracy"'):
        in_unit_of(model, bs.Response("accuracy", "%"))


def test_measurement_errors_are_taken_to_log_odds() -> None:
    table = SEEN.assign(error=0.01)
    error = MeasurementError("error", relative=False)
    runs = bs.read_runs(table, bs.Columns(columns().inputs, columns().response, run="run", measurement_error=error))
    arrays = data(drawn().model, runs, runs.levels)
    y = SEEN["accuracy"].to_numpy()
    np.testing.assert_allclose(arrays["measurement_error"], 0.01 / (y * (1.0 - y)))
    np.testing.assert_allclose(arrays["response"], np.log(y / (1.0 - y)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, "column 'accuracy' has the value 1, which has no log odds: leave such rows out"),
        (1.2, "column 'accuracy' has the value 1.2, above 1, which no accuracy is; expected shares"),
    ],
)
def test_what_is_no_share_is_refused(value: float, said: str) -> None:
    table = SEEN.assign(accuracy=[*SEEN["accuracy"][:-1], value])
    with pytest.raises(InputError, match=said):
        bs.fit(drawn().model, bs.read_runs(table, columns()))


def test_an_accuracy_is_reached_from_below() -> None:
    path = xr.DataArray([[[0.5, 0.7, 0.9], [0.5, 0.6, 0.7]]], dims=("chain", "draw", "row"), attrs={"units": "accuracy"})
    path = path.assign_coords(tokens=("row", [10.0, 100.0, 1000.0]))
    np.testing.assert_allclose(passage_places(path, "tokens", 0.8, "expected"), [[10**2.5, np.inf]])
    np.testing.assert_allclose(passage_places(path, "tokens", 0.8, "observed"), [[1000.0, np.inf]])
    with pytest.raises(InputError, match=r"the target, an accuracy, is 80; expected a share below 1, as 0.8"):
        checked_target(80.0, path)


def test_a_forecast_of_an_accuracy_rises_to_its_target() -> None:
    fit = drawn(pd.concat([SEEN, SEEN.assign(run="s", accuracy=SEEN["accuracy"] + 0.01)]))
    begun = SEEN.iloc[:5].assign(run="new")
    found = bs.forecast(fit, begun, at=1000.0)
    passage = found.first_passage(0.8)
    assert passage.rising
    assert passage.p_never == 0.0
    truth = 10.0 * np.exp((np.log(0.8 / 0.2) - A) / B)
    assert passage.quantiles()["q50"] == pytest.approx(truth, rel=0.05)
    assert "rises to 0.8" in passage.summary()
    assert "ends above 0.8 with probability" in found.summary(0.8)


def test_what_takes_the_lowest_for_the_best_refuses_an_accuracy() -> None:
    said = "takes the lowest accuracy for the best, and of column 'accuracy', in accuracy, more is better: give 1 - accuracy"
    with pytest.raises(InputError, match=f"an optimum {said}"):
        optimum(drawn(), at(10.0), "tokens")
    with pytest.raises(InputError, match=f"a ranking {said}"):
        bs.rank(drawn(), "run", "r", at(10.0))


def test_parts_of_a_prediction_add_up_on_log_odds() -> None:
    parts = decompose(drawn(), at(20.0))
    assert parts.attrs["units"] == "log odds"
    np.testing.assert_allclose(parts["expected"] + parts["noise"], parts["run"])
    np.testing.assert_allclose(parts["law"], A + B * np.log(2.0))


def test_simulated_runs_are_shares() -> None:
    shown = simulated(drawn(), 3).table["response"]
    assert ((shown > 0) & (shown < 1)).all()


def test_a_sign_of_per_cent_beside_a_unit_that_says_so_is_read_once() -> None:
    signed = pd.DataFrame({"x": [1.0, 2.0, 4.0], "accuracy": ["16.8 %", "45 %", "60.1 %"]})
    columns = bs.Columns({"x": bs.Input("x")}, bs.Response("accuracy", "% accuracy", name="accuracy"))
    np.testing.assert_allclose(bs.read_runs(signed, columns).table["response"], [0.168, 0.45, 0.601])


def test_shares_given_as_per_cent_are_refused() -> None:
    shares = pd.DataFrame({"x": [1.0, 2.0, 4.0], "accuracy": [0.168, 0.45, 0.601]})
    columns = bs.Columns({"x": bs.Input("x")}, bs.Response("accuracy", "% accuracy", name="accuracy"))
    with pytest.raises(InputError, match=r"shares, no accuracy in per cent; expected unit = .accuracy."):
        bs.read_runs(shares, columns)


def test_shares_whose_bands_pass_1_are_noted_with_what_to_declare() -> None:
    falling = bs.parse_law("a * tokens**-b", ["tokens"])
    priors = {"a": bs.Prior(median=0.5, factor=2.0), "b": bs.Prior(median=0.3, factor=1.5)}
    model = bs.Model(falling, priors, bs.Noise(bs.Prior(median=0.3, factor=2.0), "normal"))
    error = SEEN.assign(error=1.0 - SEEN["accuracy"])
    fit = bs.prior(model, bs.read_runs(error, columns("error", "error rate")), draws=200)
    small = {"tokens": [0.1, 20.0], "run": ["r", "r"]}
    for found in (bs.predict(fit, small), bs.predict_runs(fit, small, 0), summarize_at(fit, small, "observed")):
        assert any("of draws are above 1, which no error rate is" in note for note in found.attrs["notes"])
    of_words = bs.prior(
        model, bs.read_runs(error.assign(error=error["error"] + 0.6), columns("error", "error rate")), draws=200
    )
    assert not any("above 1" in note for note in bs.predict(of_words, small).attrs.get("notes", ()))
    losses = bs.prior(model, bs.read_runs(error, columns("error", "nats/token")), draws=200)
    assert not any("above 1" in note for note in bs.predict(losses, small).attrs.get("notes", ()))
    assert "notes" not in bs.predict(drawn(), small).attrs


def test_a_share_of_0_is_told_what_to_give() -> None:
    table = SEEN.assign(accuracy=[0.0, *SEEN["accuracy"][1:]])
    with pytest.raises(InputError, match=r"row 1: 0.0 is not positive, .* log odds: leave such rows out .* \(k \+ 1/2\)"):
        bs.read_runs(table, columns())


def test_per_cent_above_100_are_refused() -> None:
    table = SEEN.assign(accuracy=[120.0, *100.0 * SEEN["accuracy"][1:]])
    with pytest.raises(InputError, match="column 'accuracy' has the value 120, above 100 per cent; expected at most 100"):
        bs.read_runs(table, bs.Columns(columns().inputs, bs.Response("accuracy", "% accuracy"), run="run"))


@pytest.mark.parametrize(("unit", "one"), [("% accuracy", 100.0), ("accuracy", 1.0)])
def test_an_accuracy_above_1_by_rounding_is_1(unit: str, one: float) -> None:
    table = SEEN.assign(accuracy=[*one * SEEN["accuracy"][:-1], one * (1 + 1.2e-7)])
    assert bs.read_runs(table, columns(unit=unit)).table["response"].max() == 1.0


def test_an_accuracy_above_1_is_refused_and_an_error_rate_only_on_log_odds() -> None:
    table = SEEN.assign(accuracy=[*SEEN["accuracy"][:-1], 1.3])
    with pytest.raises(InputError, match=r"has the value 1.3, above 1, which no accuracy is; expected shares"):
        bs.read_runs(table, columns())
    rates = bs.read_runs(table, columns(unit="error rate"))
    with pytest.raises(InputError, match=r"has the value 1.3, and noise on the log odds is of shares between 0 and 1"):
        bs.fit(drawn().model, rates)


def test_a_summary_of_shares_beyond_1_says_what_to_declare() -> None:
    law = bs.parse_law("a * tokens**b", ["tokens"])
    priors = {"a": bs.Prior(median=0.6, factor=1.1), "b": bs.Prior(median=0.3, factor=1.1)}
    noise = bs.Noise(bs.Prior(median=0.1, factor=2.0), "normal")
    fit = bs.prior(bs.Model(law, priors, noise), bs.read_runs(SEEN, columns()), draws=50)
    assert "of draws are above 1, which no accuracy is" in fit.summary()
