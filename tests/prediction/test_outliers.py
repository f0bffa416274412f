"""Outliers along runs: simulated and forecast from the filter of the likelihood, named by their probability."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.columns import Average, MeasurementError
from bayes_scaling.data.points import read_points
from bayes_scaling.data.runs import Runs
from bayes_scaling.decisions.design.candidates import scatter
from bayes_scaling.inference.log_likelihood import log_density, log_likelihood
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.model.arrays import data
from bayes_scaling.model.gaussian_sum import forward
from bayes_scaling.prediction.outlier_rows import outlier_probabilities
from bayes_scaling.prediction.residuals import run_residuals
from bayes_scaling.prediction.simulate import with_responses
from bayes_scaling.report.prior_posterior import prior_posterior
from bayes_scaling.validation.findings.outliers import outliers

LAW = bs.parse_law("a * tokens**-b", ["tokens"])
WIDE = bs.Prior(median=0.5, factor=3.0)
POINT = {
    "a": 3.0,
    "b": 0.1,
    "noise_sd": 0.01,
    "noise_length": 0.8,
    "noise_white": 0.004,
    "noise_outlier_odds": 0.03,
    "noise_outlier_scale": 12.0,
}
SPIKES = bs.Outliers(bs.Prior(median=0.02, factor=3.0), bs.Prior(median=12.0, factor=2.0))


def model_of(*, spikes: bool = True, along: bool = True, run: bool = False, on: Any = "log_loss") -> bs.Model:
    noise = bs.Noise(
        sd=bs.Prior(median=0.01, factor=2.0),
        distribution="normal",
        on=on,
        correlation=bs.Correlation("tokens", WIDE, white=bs.Prior(median=0.004, factor=2.0)) if along else None,
        effects=(bs.Varying("run", 0.02),) if run else (),
        outliers=SPIKES if spikes else None,
    )
    return bs.Model(LAW, {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.5)}, noise)


def table_of(rows: int = 30, runs: tuple[str, ...] = ("p", "q", "r"), seed: int = 0) -> pd.DataFrame:
    """Return rows of runs with the noise of the model but for outliers."""
    rng, at = np.random.default_rng(seed), np.geomspace(5.0, 1000.0, rows)
    lag = np.abs(np.log(at)[:, None] - np.log(at))
    root = np.linalg.cholesky(0.01**2 * np.exp(-lag / 0.8) + 0.004**2 * np.eye(rows))
    loss = 3.0 * (at / 100.0) ** -0.1
    made = [pd.DataFrame({"tokens": at, "run": run, "loss": loss * np.exp(root @ rng.normal(size=rows))}) for run in runs]
    return pd.concat(made, ignore_index=True).assign(error=0.003)


def read(table: pd.DataFrame, **more: Any) -> Runs:
    return bs.read_runs(table, bs.Columns({"tokens": bs.Input("tokens", "tokens", 100.0)}, run="run", **more))


def certain(model: bs.Model, runs: Runs, draws: int = 40, **values: float) -> bs.Fit:
    """Return a fit that is sure of its parameters."""
    known = {**POINT, **values}
    gone = set() if model.noise.correlation else {"noise_length", "noise_white"}
    gone |= set() if model.noise.outliers else {"noise_outlier_odds", "noise_outlier_scale"}
    sure = {n: (("chain", "draw"), np.full((2, draws // 2), of)) for n, of in known.items() if n not in gone}
    posterior = xr.Dataset(sure)
    if model.noise.effects:
        none = np.zeros((2, draws // 2, len(runs.levels["run"])))
        levels = xr.DataArray(none, dims=("chain", "draw", "run"), coords={"run": runs.levels["run"]})
        posterior = posterior.assign(residual_by_run=levels, residual_sd_run=xr.full_like(posterior["a"], 0.01))
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(), None)


def spiked(table: pd.DataFrame, rows: list[int], by: float = 1.2) -> pd.DataFrame:
    """Return a table some rows of which are spikes."""
    return table.assign(loss=table["loss"].where(~table.index.isin(rows), table["loss"] * by))


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_densities_of_rows_are_those_of_the_filter(on: str, averaged: bool, error: bool) -> None:
    more = {"measurement_error": MeasurementError("error")} if error else {}
    more |= {"average": Average("tokens", 5.0)} if averaged else {}
    runs = read(spiked(table_of(), [7, 40]).sample(frac=1, random_state=1), **more)
    model = model_of(on=on)
    fit = certain(model, runs, 4)
    arrays = data(model, runs, {})
    law = 3.0 * np.exp(-0.1 * arrays["log_tokens"])
    left = arrays["response"] - (np.log(law) if on == "log_loss" else law)
    squared = POINT["noise_white"] ** 2 / arrays["count"] + (arrays["measurement_error"] ** 2 if error else 0.0)
    squared /= POINT["noise_sd"] ** 2
    none = -arrays["count"] * np.log1p(POINT["noise_outlier_odds"])
    added = POINT["noise_outlier_scale"] ** 2 * (0.03 / 1.03) / (1.0 - np.exp(none)) * squared
    own = squared + np.expm1(-arrays["mean_lag"] / 0.8)
    kept = np.exp(-arrays["gap"] / 0.8)
    expected = forward(left / 0.01, kept, own, added, none).sum() - len(left) * np.log(0.01)
    if on == "log_loss":
        expected -= np.log(runs.table["response"]).sum()
    assert log_likelihood(fit).sum("row").to_numpy() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("along", [False, True])
def test_runs_are_drawn_from_the_likelihood(along: bool) -> None:
    table = table_of(6, ("p", "q"))
    model, runs = model_of(along=along), read(table)
    fit = certain(model, runs, 20_000, noise_outlier_odds=0.3)
    drawn = np.log(
        replicated(fit, runs.table, 3).to_numpy().reshape(-1, 12) / (3.0 * (table["tokens"] / 100) ** -0.1).to_numpy()
    )
    # what rows are uniform in, one given those before it: the Rosenblatt transform of the likelihood
    scale = 0.01 if not along else np.hypot(0.01, 0.004)
    wide = 0.01 * np.sqrt(1 + 12.0**2) if not along else np.sqrt(0.01**2 + 0.004**2 * (1 + 12.0**2))
    chance = 0.3 / 1.3
    first = (1 - chance) * stats.norm.cdf(drawn / scale) + chance * stats.norm.cdf(drawn / wide)
    assert stats.kstest(first[:, [0, 6]].ravel(), "uniform").pvalue > 1e-4
    fit = replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.isel(draw=slice(0, 1))}))
    if not along:
        assert stats.kstest(first.ravel(), "uniform").pvalue > 1e-4
        return
    scores = []
    for one in drawn[:400]:
        shown = with_responses(fit, 3.0 * (table["tokens"].to_numpy() / 100) ** -0.1 * np.exp(one))
        found = run_residuals(replace(fit, runs=shown))["innovation"].to_numpy()[0, 0]
        scores.append(found)
    assert stats.kstest(stats.norm.cdf(np.ravel(scores)), "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(np.array(scores)[:, 1:6].ravel(), np.array(scores)[:, :5].ravel())[0, 1]) < 0.1


def test_a_row_for_itself_is_the_mixture() -> None:
    table = spiked(table_of(), [5])
    runs = read(table)
    fit = certain(model_of(along=False), runs, 2)
    off = np.log(table["loss"] / (3.0 * (table["tokens"] / 100.0) ** -0.1)).to_numpy()
    chance, wide = 0.03 / 1.03, 0.01 * np.sqrt(1.0 + 12.0**2)
    expected = np.log((1 - chance) * stats.norm.pdf(off, 0, 0.01) + chance * stats.norm.pdf(off, 0, wide))
    assert log_density(fit, runs.table, new=False).to_numpy()[0, 0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("along", [False, True])
def test_spikes_are_named_by_their_probability(along: bool) -> None:
    rows = [7, 40, 41, 89]
    table = spiked(table_of(), rows).sample(frac=1, random_state=2)
    fit = certain(model_of(along=along), read(table), 200)
    found = outlier_probabilities(fit)
    odd = found["loss"] > 1.1 * 3.0 * (found["tokens"] / 100) ** -0.1
    assert odd.sum() == len(rows)
    assert (found["outlier_probability"][odd] > 0.99).all()
    assert (found["outlier_probability"][~odd] < 0.5).all()
    assert found["outlier_probability"][~odd].mean() < 0.05
    assert np.log(found["loss"] / found["expected"])[~odd].abs().max() < 0.04
    assert found["expected"][odd].to_numpy() == pytest.approx(3.0 * (found["tokens"][odd] / 100) ** -0.1, rel=0.04)
    (said,) = outliers(fit)
    assert "4 of 90 rows lie far off" in said.sentence
    assert "outlier_probabilities" in str(said)


def test_a_step_that_stays_is_no_outlier() -> None:
    table = table_of()
    stays = table.assign(loss=table["loss"].where((table["run"] != "q") | (table["tokens"] < 80.0), table["loss"] * 1.025))
    found = outlier_probabilities(certain(model_of(), read(stays), 100))
    assert found["outlier_probability"].max() < 0.9


def test_a_model_without_outliers_has_no_probabilities_of_them() -> None:
    with pytest.raises(bs.InputError, match="no outliers; expected noise with outliers"):
        outlier_probabilities(certain(model_of(spikes=False), read(table_of())))


def family(*, spikes: bool, draws: int = 4000) -> bs.Fit:
    """Return a fit whose posterior is a normal of log a and b, everything about the noise being known."""
    rng = np.random.default_rng(1)
    both = rng.multivariate_normal([0.0, 0.0], [[0.03**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]], draws)
    fit = certain(model_of(spikes=spikes), read(table_of()), draws, noise_outlier_scale=40.0)
    a, b = (
        xr.zeros_like(fit.posterior["a"]).copy(data=of.reshape(2, -1)) for of in (3.0 * np.exp(both[:, 0]), 0.1 + both[:, 1])
    )
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.assign(a=a, b=b)}))


def finals(fit: bs.Fit, log: pd.DataFrame, kind: Any = "expected") -> np.ndarray:
    return np.log(bs.forecast(fit, log, 1000.0, kind=kind, refit_below=0.0).final.to_numpy().ravel())


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_spike_just_before_the_cut_leaves_the_forecast_where_it_is(rows: int) -> None:
    log = table_of(30, ("running",), seed=7).iloc[:20].reset_index(drop=True)
    odd = spiked(log, list(range(20 - rows, 20)))
    fit = family(spikes=True)
    sound, hit, gone = (finals(fit, of) for of in (log, odd, log.iloc[: 20 - rows]))
    assert abs(hit.mean() - sound.mean()) < sound.std()
    # a row known for an outlier says as good as nothing: as if it had not been logged
    assert hit.mean() == pytest.approx(gone.mean(), abs=0.25 * gone.std())
    assert hit.std() == pytest.approx(gone.std(), rel=0.15)
    assert hit.std() > 0.95 * sound.std()
    assert abs(finals(family(spikes=False), odd).mean() - sound.mean()) > 3 * sound.std()


def test_without_a_spike_the_forecast_is_that_of_normal_noise() -> None:
    log = table_of(30, ("running",), seed=7).iloc[:20]
    calm, normal = (finals(family(spikes=of), log) for of in (True, False))
    assert calm.mean() == pytest.approx(normal.mean(), abs=0.2 * normal.std())
    assert calm.std() == pytest.approx(normal.std(), rel=0.15)


def test_forecasts_of_simulated_runs_hold_what_they_become() -> None:
    fit = family(spikes=True, draws=600)
    one = replace(fit, draws=xr.DataTree.from_dict({"posterior": fit.posterior.isel(draw=slice(0, 60))}))
    table = read(table_of(30, ("new",))).table
    drawn = replicated(one, table, 5).to_numpy().reshape(-1, 30)
    below = []
    for number, loss in enumerate(drawn):
        log = table[["tokens"]].assign(run="new", loss=loss)
        found = bs.forecast(fit, log.iloc[:18], 1000.0, refit_below=0.0, seed=number).final.to_numpy().ravel()
        below.append((found < loss[-1]).mean())
    assert stats.kstest(below, "uniform").pvalue > 1e-3


def test_rows_to_come_may_be_outliers() -> None:
    log = table_of(30, ("running",), seed=7).iloc[:20]
    fit = family(spikes=True)
    shown, expected = finals(fit, log, "observed"), finals(fit, log, "expected")
    far = np.abs(shown - shown.mean()) > 6 * np.hypot(expected.std(), 0.004)
    assert 0.003 < far.mean() < 0.03
    assert np.quantile(np.abs(shown - shown.mean()), 0.5) < 2 * np.quantile(np.abs(expected - expected.mean()), 0.5)


def test_a_run_that_the_fit_has_seen_is_carried_on_past_its_spike() -> None:
    table = table_of()
    at = table.index[table["run"] == "q"][-1]
    sound = bs.forecast(certain(model_of(), read(table), 2000), "q", 2000.0, kind="expected").final
    hit = bs.forecast(certain(model_of(), read(spiked(table, [at])), 2000), "q", 2000.0, kind="expected").final
    assert abs(np.log(hit.mean() / sound.mean())) < 0.004


@pytest.mark.parametrize("along", [False, True])
def test_predictions_of_new_rows_have_outliers(along: bool) -> None:
    fit = certain(model_of(along=along), read(table_of()), 20_000)
    shown = np.log(bs.predict_runs(fit, pd.DataFrame({"tokens": [50.0, 400.0], "run": ["x", "y"]})).to_numpy())
    off = np.abs(shown - np.log(3.0 * (np.array([50.0, 400.0]) / 100.0) ** -0.1))
    usual = np.hypot(0.01, 0.004) if along else 0.01
    wide = np.hypot(0.01, 0.004 * np.hypot(1.0, 12.0)) if along else 0.01 * np.hypot(1.0, 12.0)
    for far in (0.02, 0.05):
        expected = sum(w * 2 * stats.norm.sf(far / s) for w, s in ((1 / 1.03, usual), (0.03 / 1.03, wide)))
        assert (off > far).mean() == pytest.approx(expected, rel=0.25)


def test_what_a_run_would_tell_is_less_where_it_may_be_an_outlier() -> None:
    points = pd.DataFrame({"tokens": [2000.0], "run": ["new"]})
    rows = np.array([[0]])
    calm, normal = (
        scatter(fit, bs_points(fit, points), rows, 0)[0, 0, 0]
        for fit in (certain(model_of(along=False, spikes=of), read(table_of()), 20) for of in (True, False))
    )
    assert calm == pytest.approx(normal / (1 / 1.03 + 0.03 / 1.03 / 145.0), rel=1e-6)


def bs_points(fit: bs.Fit, points: pd.DataFrame) -> pd.DataFrame:
    return read_points(points, fit.runs, [])


@pytest.mark.parametrize("along", [False, True])
def test_a_fit_with_outliers_is_saved_and_asked(along: bool, tmp_path: Any) -> None:
    runs = read(spiked(table_of(), [7]))
    rng = np.random.default_rng(2)
    fit = certain(model_of(along=along), runs, 400)
    moved = fit.posterior * xr.DataArray(np.exp(rng.normal(0, 0.01, (2, 200))), dims=("chain", "draw"))
    fit = replace(fit, draws=xr.DataTree.from_dict({"posterior": moved}))
    again = bs.load(bs.save(fit, tmp_path / "fit"))
    assert again.model.noise == fit.model.noise
    assert log_likelihood(again).to_numpy() == pytest.approx(log_likelihood(fit).to_numpy())
    assert {"noise_outlier_odds", "noise_outlier_scale"} <= {one.name for one in prior_posterior(fit)}
    normal = certain(model_of(along=along, spikes=False), runs, 400)
    assert float((log_likelihood(fit) - log_likelihood(normal)).mean(("chain", "draw")).sum()) > 20
    found = bs.sensitivity(fit, "run at tokens=2000")
    assert found.summary()


@pytest.mark.slow
@pytest.mark.parametrize("along", [False, True])
def test_fits_are_calibrated(along: bool) -> None:
    near = bs.Correlation("tokens", bs.Prior(median=0.8, factor=1.5), white=bs.Prior(median=0.005, factor=1.5))
    noise = bs.Noise(
        bs.Prior(median=0.01, factor=1.5),
        "normal",
        correlation=near if along else None,
        outliers=bs.Outliers(bs.Prior(median=0.1, factor=2.0), bs.Prior(median=10.0, factor=1.7)),
    )
    model = bs.Model(LAW, {"a": bs.Prior(median=3.0, factor=1.2), "b": bs.Prior(median=0.1, factor=1.5)}, noise)
    settings = bs.Settings(draws=200, tune=200, chains=2, progress=False)
    found = bs.calibrate(model, read(table_of(20, ("p", "q", "r", "s"))), 50, settings).to_frame()
    assert {"noise_outlier_odds", "noise_outlier_scale"} <= set(found["quantity"])
    assert found["p_holm"].min() > 1e-3
