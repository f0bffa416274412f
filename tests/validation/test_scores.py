"""Scores of held-out runs: against closed forms, numerical integrals and draws that are calibrated by construction."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, special, stats

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.validation.backtest import Backtest
from bayes_scaling.validation.scores import (
    BANDS,
    crps,
    log_density_by_quantiles,
    log_mean_exp,
    score_draws,
    score_points,
    score_table,
)

RNG = np.random.default_rng(11)


@pytest.fixture(scope="module")
def before() -> bs.Fit:
    """Draws of the prior stand for a posterior: scores only read draws."""
    compute = np.geomspace(0.1, 10.0, 12)
    table = pd.DataFrame({"compute": compute, "loss": 2.5 * compute**-0.1, "error": 0.02})
    columns = bs.Columns({"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, measurement_error=MeasurementError("error"))
    parameters = {"a": bs.Prior(median=2.5, factor=1.1), "b": bs.Prior(median=0.1, factor=1.5)}
    noise = bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal")
    return bs.prior(bs.Model(bs.laws.power_law, parameters, noise), bs.read_runs(table, columns), 500, seed=2)


def test_crps_is_the_integral_of_the_squared_distance_between_distributions() -> None:
    """The integral of (F(x) - 1{x >= y})^2, F the step function of the draws, is exact piece by piece."""
    draws = np.sort(RNG.standard_t(3, (5, 40)), axis=1)
    seen = np.array([-9.0, -0.3, 0.0, 1.7, 12.0])  # outside all draws as well
    for row, y, found in zip(draws, seen, crps(draws, seen), strict=True):
        ends = np.sort([*row, y])

        def squared(x: float, row: np.ndarray = row, y: float = y) -> float:
            return float(((row <= x).mean() - (x >= y)) ** 2)

        pieces = [integrate.quad(squared, low, high)[0] for low, high in pairwise(ends)]
        assert found == pytest.approx(sum(pieces), rel=1e-6)


def test_crps_of_normal_draws_is_the_closed_form() -> None:
    """sd (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), Gneiting and Raftery 2007, eq. 21.

    Draws at evenly spaced probabilities leave an error of the order of 1 / draws only.
    """
    mean, sd, seen = 2.0, 0.3, np.array([1.0, 1.9, 2.0, 2.8])
    draws = np.tile(stats.norm.ppf((np.arange(4000) + 0.5) / 4000, mean, sd), (len(seen), 1))
    z = (seen - mean) / sd
    exact = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(crps(draws, seen), exact, rtol=2e-3)


@pytest.mark.parametrize("shift", [0.0, -2000.0, 2000.0])
def test_the_mean_density_is_that_of_logsumexp_where_exp_alone_would_not_be(shift: float) -> None:
    density = xr.DataArray(shift + RNG.normal(0, 5, (2, 30, 4)), dims=("chain", "draw", "row"))
    expected = special.logsumexp(density.to_numpy(), axis=(0, 1)) - np.log(60)
    np.testing.assert_allclose(log_mean_exp(density), expected, rtol=1e-12)


def test_the_log_score_is_a_mixture_of_normals_that_includes_the_reading_error(before: bs.Fit) -> None:
    held = before.runs.table.iloc[[0, 5, 11]].reset_index(drop=True)
    draws = {name: before.posterior[name].to_numpy().ravel() for name in ("a", "b", "noise_sd")}
    for row, found in zip(held.to_dict("records"), score_points(before, held)["log_score"], strict=True):
        centre = np.log(draws["a"]) - draws["b"] * np.log(row["compute"])
        sd = np.sqrt(draws["noise_sd"] ** 2 + 0.02**2)
        assert found == pytest.approx(np.log(stats.norm.pdf(np.log(row["response"]), centre, sd).mean()))
    exact = score_points(before, held.drop(columns="measurement_error"))["log_score"]
    coarse = score_points(before, held.assign(measurement_error=0.05 * held["response"]))["log_score"]
    assert (exact - coarse).abs().max() > 0.05


def test_bands_hold_what_was_read_with_its_error(before: bs.Fit) -> None:
    """A measurement error of 20 % on predictions that scatter by some 6 %: the band is three times as wide."""
    held = before.runs.table.iloc[[5, 6]].reset_index(drop=True)
    width = [
        np.log(points["q95"] / points["q05"])
        for points in (score_points(before, held.assign(measurement_error=error * held["response"])) for error in (0.0, 0.2))
    ]
    spread = np.hypot(width[0], 2 * 1.645 * 0.2)
    np.testing.assert_allclose(width[1], spread, rtol=0.12)  # 500 draws: a 90 % width is known to 4 %


def test_calibrated_draws_give_nominal_coverage_and_a_flat_pit(before: bs.Fit) -> None:
    """Runs drawn from the same distribution as the predictions; z beyond 4 in one of 16,000 such checks."""
    n, count = 2000, 199
    table = pd.concat([before.runs.table] * (n // 12 + 1), ignore_index=True).iloc[:n].drop(columns="measurement_error")
    centre = RNG.normal(0.0, 0.1, n)
    held = table.assign(response=2.5 * np.exp(centre + RNG.normal(0, 0.02, n)))
    draws = np.sort(2.5 * np.exp(centre[:, None] + RNG.normal(0, 0.02, (n, count))), axis=1)
    points = score_draws(before, held, draws, log_density(before, held))
    table = score_table(points).iloc[0]
    for level in BANDS:
        # Bands lie between draws: with 199 of them the (k/200)-quantiles hold their share up to half a percent.
        p = int(level) / 100
        assert table[f"coverage_{level}"] == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n) + 0.005)
    counts = np.histogram(points["pit"], 10, (0.0, 1.0 + 1e-9))[0]
    assert stats.chisquare(counts).pvalue > 1e-4
    middle = 2.5 * np.exp(centre[:, None])
    narrow = score_draws(before, held, middle * np.sqrt(draws / middle), log_density(before, held))
    assert score_table(narrow).iloc[0]["coverage_90"] < 0.7  # half as wide: 59 %
    assert stats.chisquare(np.histogram(narrow["pit"], 10, (0.0, 1.0))[0]).pvalue < 1e-6


def points() -> pd.DataFrame:
    """Eight runs whose bands and distances are set by hand."""
    seen = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    ends = {"q05": [-3] * 4 + [0.5] * 4, "q10": [-2] * 4 + [1.0] * 4, "q25": [-1] * 4 + [2.0] * 4}
    ends |= {"q75": [0.5, 1, 2, 2] + [9.0] * 4, "q90": [2.0, 3, 2, 2] + [9.0] * 4, "q95": [2.0, 3, 4, 2] + [9.0] * 4}
    return pd.DataFrame(
        {"response": seen, **ends, "crps": seen / 10, "log_score": -seen, "relative_error": [0.1, -0.1] * 4}
        | {"distance": [0.0, 0.2, 0.5, 0.51, 1.0, 1.5, 2.0, 3.0], "train": list("aabbaabb")}
    )


def test_coverage_counts_the_runs_inside_each_band() -> None:
    row = score_table(points()).iloc[0].to_dict()
    expected = {"runs": 8, "coverage_50": 4 / 8, "coverage_80": 6 / 8, "coverage_90": 7 / 8, "crps": 0.45, "log_score": -4.5}
    rmsle = np.sqrt((np.log(1.1) ** 2 + np.log(0.9) ** 2) / 2)
    assert row == pytest.approx(expected | {"are": 0.1, "rmsle": rmsle})


def test_classes_of_distance_hold_their_upper_end_and_stand_in_order() -> None:
    table = score_table(points(), ["decades"])
    found = dict(zip(table["decades"], table["runs"], strict=True))
    assert list(found.items()) == [("inside", 1), ("0 to 0.5", 2), ("0.5 to 1", 2), ("1 to 2", 2), ("over 2", 1)]
    both = score_table(points(), ["train", "decades"])
    assert both["runs"].sum() == 8
    assert both.query("train == 'a'")["decades"].tolist() == ["inside", "0 to 0.5", "0.5 to 1", "1 to 2"]


def test_scores_are_of_the_loss_itself_where_the_noise_is_on_it(before: bs.Fit) -> None:
    """A unit twice as large doubles the score on the loss, and leaves that on its logarithm as it is."""
    on_loss = replace(before, model=replace(before.model, noise=replace(before.model.noise, on="loss")))
    held = before.runs.table
    draws = np.sort(held["response"].to_numpy()[:, None] * np.exp(RNG.normal(0, 0.1, (12, 50))), axis=1)
    twice = held.assign(response=2 * held["response"])
    for fit, times in ((before, 1.0), (on_loss, 2.0)):
        density = log_density(fit, held)
        once = score_draws(fit, held, draws, density)["crps"]
        np.testing.assert_allclose(score_draws(fit, twice, 2 * draws, density)["crps"], times * once)


def test_a_law_that_falls_below_zero_beyond_its_runs_is_wrong_not_unknown() -> None:
    """Level and slope, without a floor: in some draws the loss at a thousandfold is negative, where no logarithm is."""
    tokens = np.geomspace(1.0, 20.0, 8)
    frame = pd.DataFrame({"tokens": tokens, "loss": 1.0 - 0.25 * np.log(tokens / 20.0)})
    model = bs.Model(
        law=bs.parse_law("level - gain * log(tokens)", ["tokens"]),
        parameters={"level": bs.Prior(median=1.0, factor=1.3), "gain": bs.Prior(median=0.2, factor=2.0)},
        noise=bs.Noise(sd=bs.Prior(median=0.01, factor=3.0), distribution="normal"),
    )
    runs = bs.read_runs(frame, bs.Columns({"tokens": bs.Input("tokens", "tokens", 20.0)}))
    before = bs.prior(model, runs, draws=400, seed=1)
    points = score_points(before, pd.DataFrame({"tokens": [10.0, 2e3], "response": [1.1, 0.05]}))
    assert (bs.predict(before, pd.DataFrame({"tokens": [2e3]})) < 0).any()
    assert np.isfinite(points[["crps", "log_score", "pit", "q50"]].to_numpy()).all()
    assert points["crps"][1] > points["crps"][0]


def test_the_density_by_quantiles_is_that_of_the_distribution() -> None:
    ordered = stats.norm.ppf((np.arange(200) + 0.5) / 200, 2.0, 0.1)
    for z in (-2.0, -1.0, 0.0, 0.3, 1.5, 2.0):
        found = log_density_by_quantiles(ordered, 2.0 + 0.1 * z)
        assert found == pytest.approx(stats.norm.logpdf(2.0 + 0.1 * z, 2.0, 0.1), abs=0.1)
    assert log_density_by_quantiles(ordered, 2.5) < log_density_by_quantiles(ordered, 2.35) < -1.0
    assert np.isfinite(log_density_by_quantiles(np.full(200, 1.0), 3.0))


@pytest.mark.parametrize(
    ("of", "said"),
    [("nats/token", "The mean CRPS is 0.01 nats/token."), ("log loss", "The mean CRPS of the log loss is 0.01.")],
)
def test_a_backtest_says_what_its_crps_is_of(of: str, said: str) -> None:
    seen = np.array([2.0, 2.1, 2.2, 2.3])
    shares = {"q05": -0.2, "q25": -0.1, "q50": 0.0, "q75": 0.15, "q95": 0.25}
    points = pd.DataFrame({name: seen + by for name, by in shares.items()} | {"q10": seen - 0.15, "q90": seen + 0.2})
    points = points.assign(response=seen, pit=0.5, crps=0.01, log_score=1.0, relative_error=0.0, distance=0.1, train="small")
    points.loc[0, "response"] = 1.0
    lines = Backtest(points, {}, crps_of=of).summary().splitlines()
    assert lines[:3] == ["4 held-out rows of 1 cut-off were predicted.", "50 % bands hold 75 % of them, 90 % bands 75 %.", said]
