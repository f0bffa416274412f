"""Residuals and innovations of simulated curves: white where the model is right, plainly not where it leaves something out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import linalg, stats

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.prediction.residuals import innovation_correlation, residual_correlation, run_residuals

WIDE = bs.Prior(median=0.5, factor=3.0)
LAW = bs.parse_law("a * tokens**-b", ["tokens"])
TRUTH = {"a": 3.1, "b": 0.12, "noise_sd": 0.03, "noise_length": 0.7, "noise_white": 0.01, "noise_sd_trend_tokens": -0.2}


def model_of(correlation: bs.Correlation | None, **noise: object) -> bs.Model:
    kinds = {"sd": WIDE, "distribution": "normal"} | noise
    return bs.Model(LAW, {"a": WIDE, "b": WIDE}, bs.Noise(**kinds, correlation=correlation))


def simulated(runs: int = 12, rows: int = 60, *, white: float = 0.01, trend: float = 0.0, seed: int = 5) -> pd.DataFrame:
    """Return curves with correlated noise, at places of their own, with their rows in no order and their true deviates."""
    rng, tables = np.random.default_rng(seed), []
    for run in range(runs):
        log = np.sort(rng.uniform(0.0, 3.0, rows))
        sd = TRUTH["noise_sd"] * np.exp(trend * log)
        count = rng.integers(1, 5, rows)
        apart = rng.uniform(0.0, 0.005, rows) * bool(white)  # how far rows behind a row lie apart, where it is an average
        covariance = np.outer(sd, sd) * np.exp(-np.abs(log[:, None] - log) / TRUTH["noise_length"])
        covariance += np.diag(white**2 / count + sd**2 * np.expm1(-apart / TRUTH["noise_length"]))
        deviate = rng.standard_normal(rows)
        off = linalg.cholesky(covariance, lower=True) @ deviate
        loss = TRUTH["a"] * np.exp(-TRUTH["b"] * log + off)
        own = {
            "tokens": 10.0 * np.exp(log),
            "loss": loss,
            "count": count,
            "mean_lag": apart,
            "run": f"run {run}",
            "deviate": deviate,
        }
        tables.append(pd.DataFrame(own).assign(residual=off / np.sqrt(np.diag(covariance))))
    return pd.concat(tables).sample(frac=1, random_state=seed).reset_index(drop=True)


def runs_of(frame: pd.DataFrame) -> Runs:
    runs = bs.read_runs(frame, bs.Columns({"tokens": bs.Input("tokens", "tokens", 10.0)}, run="run"))
    return Runs(runs.table.assign(**frame[["count", "mean_lag"]].astype(float)), runs.columns, runs.references, runs.levels)


def certain(model: bs.Model, runs: Runs, values: dict[str, float], draws: int = 4) -> bs.Fit:
    """Return a fit that is sure of its parameters."""
    sure = {name: xr.DataArray(np.full((2, draws // 2), value), dims=("chain", "draw")) for name, value in values.items()}
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": xr.Dataset(sure)}), bs.Settings(), None)


@pytest.mark.parametrize("white", [0.0, 0.01], ids=["", "white"])
@pytest.mark.parametrize("trend", [0.0, -0.2], ids=["even", "drifting"])
def test_innovations_are_the_deviates_that_made_the_curves(white: float, trend: float) -> None:
    frame = simulated(4, 30, white=white, trend=trend)
    sd = WIDE + bs.Trend("tokens", 0.3) if trend else WIDE
    model = model_of(bs.Correlation("tokens", WIDE, WIDE if white else None), sd=sd)
    names = [name for name in TRUTH if (white or name != "noise_white") and (trend or name != "noise_sd_trend_tokens")]
    found = run_residuals(certain(model, runs_of(frame), {name: TRUTH[name] for name in names}))
    truth = frame.sort_values(["run", "tokens"])
    assert found["innovation"].dims == ("chain", "draw", "row")
    assert (found.attrs["along"], found.attrs["units"]) == ("tokens", "tokens")
    rows = found.isel(chain=1, draw=0).to_dataframe()
    assert (rows.groupby("run")["tokens"].diff().dropna() > 0).all()
    rows = rows.sort_values(["run", "tokens"])
    np.testing.assert_array_equal(rows[["run", "tokens"]], truth[["run", "tokens"]])
    np.testing.assert_allclose(rows["innovation"], truth["deviate"], atol=1e-9)
    np.testing.assert_allclose(rows["residual"], truth["residual"], atol=1e-9)


@pytest.fixture(scope="module")
def curves() -> Runs:
    return runs_of(simulated())


def sampled(correlation: bs.Correlation | None, runs: Runs) -> bs.Fit:
    priors = {"a": bs.Prior(median=3.0, factor=2.0), "b": bs.Prior(median=0.1, factor=2.0)}
    noise = bs.Noise(bs.Prior(median=0.02, factor=3.0), "normal", correlation=correlation)
    return bs.fit(bs.Model(LAW, priors, noise), runs, bs.Settings(draws=200, chains=2, seed=1, progress=False))


@pytest.fixture(scope="module")
def right(curves: Runs) -> bs.Fit:
    return sampled(bs.Correlation("tokens", WIDE, bs.Prior(median=0.02, factor=3.0)), curves)


@pytest.fixture(scope="module")
def wrong(curves: Runs) -> bs.Fit:
    return sampled(None, curves)


def test_of_the_right_model_innovations_are_standard_normal_and_uncorrelated(right: bs.Fit) -> None:
    one = run_residuals(right)["innovation"].stack(sample=("chain", "draw")).isel(sample=50).to_numpy()
    assert stats.kstest(one, "norm").pvalue > 0.01
    table = innovation_correlation(right)
    assert list(table["places"]) == list(range(1, 16))
    assert (np.abs(table["seen_q50"]) < 2.0 * table["high"]).all()
    assert table["seen_q50"].between(table["low"], table["high"]).mean() > 0.6
    np.testing.assert_allclose(table["high"], 1.645 / np.sqrt(12 * (60 - table["places"])), rtol=1e-3)


def test_without_the_correlation_they_are_plainly_correlated(wrong: bs.Fit) -> None:
    table = innovation_correlation(wrong)
    assert table["seen_q05"].iloc[0] > 0.7
    assert (table["seen_q05"].head(5) > 5 * table["high"].head(5)).all()
    seen = residual_correlation(wrong)
    assert (seen["implied_q95"] == 0.0).all()
    assert (seen["seen_q05"].head(3) > seen["shown_q95"].head(3) + 0.2).all()
    found = run_residuals(wrong)
    xr.testing.assert_allclose(found["innovation"].rename("residual"), found["residual"])


def test_residuals_are_correlated_as_the_model_says(right: bs.Fit) -> None:
    table = residual_correlation(right)
    assert table["seen_q50"].between(table["shown_q05"], table["shown_q95"]).mean() > 0.8
    share = TRUTH["noise_sd"] ** 2 / (TRUTH["noise_sd"] ** 2 + (TRUTH["noise_white"] ** 2 / right.runs.table["count"]).mean())
    truth = share * np.exp(-table["lag"] / TRUTH["noise_length"])
    assert truth.between(table["implied_q05"] - 0.05, table["implied_q95"] + 0.05).all()
    assert table["lag"].is_monotonic_increasing
    assert table["lag"].max() < 0.6 * 3.0


def test_heavy_tails_are_taken_to_normal_scores() -> None:
    rng = np.random.default_rng(2)
    frame = simulated(20, 100).assign(deviate=0.0)
    off = 0.02 * rng.standard_t(2.5, len(frame))
    frame["loss"] = TRUTH["a"] * (frame["tokens"] / 10.0) ** -TRUTH["b"] * np.exp(off)
    values = {"a": 3.1, "b": 0.12, "noise_sd": 0.02, "noise_nu": 2.5}
    fit = certain(model_of(None, distribution="student_t"), runs_of(frame), values)
    found = run_residuals(fit)["innovation"].isel(chain=0, draw=0)
    assert stats.kstest(found.to_numpy(), "norm").pvalue > 0.01
    assert float(found.std()) == pytest.approx(1.0, abs=0.05)


def test_runs_must_be_told_apart_and_have_rows_to_compare() -> None:
    frame = simulated(3, 4)
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens", 10.0)})
    values = {"a": 3.1, "b": 0.12, "noise_sd": 0.02}
    fit = certain(model_of(None), bs.read_runs(frame, columns), values)
    with pytest.raises(bs.InputError, match="need to know which rows are one run"):
        run_residuals(fit)
    with pytest.raises(bs.InputError, match="each run has a single row"):
        run_residuals(certain(model_of(None), runs_of(frame.drop_duplicates("run")), values))
