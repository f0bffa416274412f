"""What runs are simulated to show has exactly the covariance that the likelihood says, whichever rows are averages."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.posterior_predictive import posterior_predictive, replicated
from bayes_scaling.model.arrays import data
from bayes_scaling.model.kalman import forward

WIDE = bs.Prior(median=0.5, factor=3.0)
POINT = {"a": 3.1, "b": 0.12, "noise_sd": 0.03, "noise_length": 0.7, "noise_sd_trend_tokens": -0.2}
LAW = bs.parse_law("a * tokens**-b", ["tokens"])
RUNS = {"long": 7, "pair": 2, "single": 1}
WIDTH = 0.3
"""Distance of rows, and width of averages, in e-folds."""


def model_of(*, white: bool = True, on: Any = "log_loss", drifting: bool = False) -> bs.Model:
    sd = bs.Prior(median=0.02, factor=3.0)
    priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    correlation = bs.Correlation("tokens", WIDE, white=WIDE if white else None)
    scale = sd + bs.Trend("tokens", 0.3) if drifting else sd
    return bs.Model(LAW, priors, bs.Noise(scale, distribution="normal", on=on, correlation=correlation))


def runs_of(*, averages: bool, errors: bool = False, seed: int = 3) -> Runs:
    """Return rows of several runs in no order: averages that touch, single rows among them, or single rows alone."""
    rng = np.random.default_rng(seed)
    rows = [
        {"tokens": 10.0 * np.exp(WIDTH * (i + 0.5)), "run": run, "loss": rng.uniform(2.8, 3.2), "error": rng.uniform(0.0, 0.03)}
        for run, count in RUNS.items()
        for i in range(count)
    ]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=seed)
    error = MeasurementError("error", relative=False) if errors else None
    runs = bs.read_runs(frame, bs.Columns({"tokens": bs.Input("tokens", "tokens", 10.0)}, run="run", measurement_error=error))
    if not averages:
        return runs
    of = rng.uniform(size=len(frame)) < 0.8
    return replace(runs, table=runs.table.assign(count=np.where(of, 40.0, 1.0), mean_lag=np.where(of, WIDTH / 3, 0.0)))


def certain(model: bs.Model, runs: Runs, draws: int = 40_000, **values: float) -> bs.Fit:
    """Return a fit that is sure of its parameters: what draws differ by is scatter alone."""
    every = {**POINT, **values}
    every = {n: of for n, of in every.items() if n != "noise_sd_trend_tokens" or not isinstance(model.noise.sd, bs.Prior)}
    sure = {name: xr.DataArray(np.full((2, draws // 2), value), dims=("chain", "draw")) for name, value in every.items()}
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": xr.Dataset(sure)}), bs.Settings(), None)


def implied(fit: bs.Fit) -> np.ndarray:
    """Return the dense covariance, in the order of the table, of rows whose likelihood is the filter's, by its linear map."""
    model, runs = fit.model, fit.runs
    rows = data(model, runs, runs.levels)
    at = {str(name): float(of[0, 0]) for name, of in fit.posterior.items()}
    sd = at["noise_sd"] * np.exp(at.get("noise_sd_trend_tokens", 0.0) * rows["log_tokens"])
    white = at["noise_white"] ** 2 / rows["count"] + rows.get("measurement_error", 0.0) ** 2
    kept, own = np.exp(-rows["gap"] / at["noise_length"]), white / sd**2 + np.expm1(-rows["mean_lag"] / at["noise_length"])
    n = len(sd)
    expects = np.stack([forward(one, kept, own)[0] for one in np.eye(n)], axis=1)
    variance = forward(np.zeros(n), kept, own)[1]
    root = sd[:, None] * np.linalg.solve(np.eye(n) - expects, np.diag(np.sqrt(variance)))
    order = np.lexsort((runs.table["tokens"], pd.factorize(runs.table["run"])[0]))
    back = np.argsort(order)
    return (root @ root.T)[np.ix_(back, back)]


def discrepancy_terms(fit: bs.Fit, drawn: xr.DataArray) -> np.ndarray:
    """Return how far drawn rows lie from the law on the scale of the noise, a draw a row."""
    law = POINT["a"] * (fit.runs.table["tokens"].to_numpy() / 10.0) ** -POINT["b"]
    shown = drawn.to_numpy().reshape(-1, drawn.sizes["row"])
    return np.log(shown / law) if fit.model.noise.on == "log_loss" else shown - law


def assert_covariance(off: np.ndarray, expected: np.ndarray) -> None:
    """Compare a covariance, and each row's variance, with what samples of it stray by: five standard errors."""
    found, diagonal = np.cov(off.T), np.diag(expected)
    error = np.sqrt((expected**2 + np.outer(diagonal, diagonal)) / len(off))
    assert (np.abs(found - expected) < 5 * error).all()


@pytest.mark.parametrize("white", [0.02, 0.003], ids=["noisy", "own variance below zero"])
@pytest.mark.parametrize("on", ["log_loss", "loss"])
@pytest.mark.parametrize("averages", [False, True], ids=["single", "averages"])
def test_simulated_rows_have_the_covariance_of_the_likelihood(averages: bool, on: str, white: float) -> None:
    drifting = on == "loss"
    model, runs = model_of(on=on, drifting=drifting), runs_of(averages=averages)
    fit = certain(model, runs, noise_white=white)
    expected = implied(fit)
    lowest = np.linalg.eigvalsh(expected - np.diag(np.full(len(runs), white**2 / 40))).min()
    assert lowest > 0
    assert_covariance(discrepancy_terms(fit, posterior_predictive(fit, runs.table, 1)), expected)
    assert_covariance(discrepancy_terms(fit, replicated(fit, runs.table, 2)), expected)
    if averages and not drifting:  # narrower than the process and white noise apart would be
        usual = POINT["noise_sd"] ** 2 + white**2 / runs.table["count"]
        assert (np.diag(expected) <= usual + 1e-15).all()
        assert np.diag(expected).min() < 0.88 * usual.min()


def test_rows_read_again_have_the_reading_error_of_the_likelihood() -> None:
    runs = runs_of(averages=True, errors=True)
    fit = certain(model_of(), runs, noise_white=0.01)
    assert_covariance(discrepancy_terms(fit, replicated(fit, runs.table, 2)), implied(fit))


def test_without_white_noise_rows_are_those_of_the_process() -> None:
    runs = runs_of(averages=False)
    fit = certain(model_of(white=False), runs)
    at, run = np.log(runs.table["tokens"].to_numpy()), runs.table["run"].to_numpy()
    process = np.exp(-np.abs(at[:, None] - at) / POINT["noise_length"]) * (run[:, None] == run)
    assert_covariance(discrepancy_terms(fit, posterior_predictive(fit, runs.table, 1)), POINT["noise_sd"] ** 2 * process)


def test_each_row_alone_has_the_density_of_its_variance() -> None:
    runs = runs_of(averages=True)
    fit = certain(model_of(), runs, 2, noise_white=0.01)
    sd = np.sqrt(np.diag(implied(fit)))
    law = POINT["a"] * (runs.table["tokens"].to_numpy() / 10.0) ** -POINT["b"]
    expected = stats.norm.logpdf(np.log(runs.table["response"] / law), scale=sd)
    np.testing.assert_allclose(log_density(fit, runs.table).isel(chain=0, draw=0), expected, rtol=1e-10)


def test_new_points_are_averages_as_the_rows_of_the_fit_are() -> None:
    runs = runs_of(averages=True)
    fit = certain(model_of(), runs, noise_white=0.01)
    points = pd.DataFrame({"tokens": 10.0 * np.exp([0.0, 3.0, 3.03]), "run": ["p", "q", "q"]})
    off = np.log(bs.predict_runs(fit, points) / bs.predict(fit, points)).stack(sample=("chain", "draw"))
    apart = np.array([WIDTH / 3, 0.01, 0.01])  # the two that are closer than averages are wide are narrower ones
    variance = POINT["noise_sd"] ** 2 * np.exp(-apart / POINT["noise_length"]) + 0.01**2 / 40
    np.testing.assert_allclose(off.var("sample"), variance, rtol=0.035)
    dense = pd.DataFrame({"tokens": 10.0 * np.exp(np.sort(np.random.default_rng(0).uniform(0.0, 3.0, 400))), "run": "p"})
    assert np.isfinite(bs.predict_runs(certain(model_of(), runs, 4, noise_white=1e-6), dense)).all()


def test_draws_of_a_row_do_not_depend_on_rows_of_other_runs() -> None:
    runs = runs_of(averages=True)
    fit = certain(model_of(), runs, 8, noise_white=0.01)
    every = posterior_predictive(fit, runs.table, 1)
    for run in RUNS:
        own = (runs.table["run"] == run).to_numpy()
        np.testing.assert_array_equal(posterior_predictive(fit, runs.table[own], 1), every[..., own])


def test_choices_of_one_row_have_its_scatter_and_are_no_run() -> None:
    fit = certain(model_of(white=False), runs_of(averages=False), 400)
    choices = fit.runs.table.query("run == 'long'")
    shown = posterior_predictive(fit, choices.set_axis(np.zeros(len(choices), dtype=int)), 1)
    off = np.log(shown / bs.predict(fit, choices).reset_coords(drop=True))
    np.testing.assert_allclose(off.std(("chain", "draw")), POINT["noise_sd"], rtol=0.15)
    np.testing.assert_allclose(np.ptp(off.to_numpy(), axis=-1), 0.0, atol=1e-12)


def test_places_that_coincide_show_the_same_but_for_white_noise() -> None:
    runs = runs_of(averages=False)
    twice = pd.DataFrame({"tokens": [20.0, 20.0], "run": "p"})
    same = bs.predict_runs(certain(model_of(white=False), runs, 100), twice)
    np.testing.assert_array_equal(same[..., 0], same[..., 1])
    white = np.log(bs.predict_runs(certain(model_of(), runs, noise_white=0.02), twice))
    assert float((white[..., 0] - white[..., 1]).std()) == pytest.approx(0.02 * np.sqrt(2), rel=0.03)
