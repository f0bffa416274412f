"""Where losses meet: the solver on its own, and laws whose losses end, against closed forms."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import fit_with
from scipy.interpolate import PchipInterpolator

import bayes_scaling as bs
from bayes_scaling._base.quantiles import reached
from bayes_scaling.decisions.rank_sentences import rank_sentences
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.crossings import Curve, first_change, interpolated, meeting, multiples
from bayes_scaling.prediction.summary import summarize


def curve(function: Any, count: int = 1) -> Curve:
    """Return a curve that is the same in every element."""
    return Curve(count, lambda at: np.tile(function(at), (count, 1)), lambda at: np.asarray(function(at), float))


def line(level: float, slope: float) -> Curve:
    return curve(lambda at: level + slope * np.asarray(at))


PLACES = np.linspace(0.0, 10.0, 21)


def test_the_first_change_is_solved_for_beyond_a_tie() -> None:
    found = first_change(
        curve(lambda at: np.maximum(np.asarray(at) - 3.2, 0.0) - np.maximum(np.asarray(at) - 5.1, 0.0) * 3), PLACES
    )
    assert found.place[0] == pytest.approx(5.1 + 1.9 / 2, abs=1e-12)  # a tie up to 3.2, ahead until the lines meet
    assert found.lead[0] == 1.0
    assert not found.unknown[0]


def test_curves_that_are_the_same_never_change_places_but_for_rounding() -> None:
    one, other = (
        curve(lambda at: 3.0 * np.exp(-0.1 * np.asarray(at))),
        curve(lambda at: np.exp(np.log(3.0) - 0.1 * np.asarray(at))),
    )
    found = meeting(one, other, PLACES, positive=True)
    assert np.isnan(found.place[0])
    assert found.lead[0] == 0.0


@np.errstate(divide="ignore", invalid="ignore")
def test_a_pole_and_an_end_of_the_law_are_no_crossing() -> None:
    pole = first_change(curve(lambda at: 1 / (np.asarray(at) - 3.3)), PLACES)
    end = first_change(curve(lambda at: np.log(4.2 - np.asarray(at)) + 9.0), PLACES)
    for found in (pole, end):
        assert np.isnan(found.place[0])
        assert found.unknown[0]


@pytest.mark.parametrize(("positive", "meets"), [(True, False), (False, True)])
def test_losses_that_meet_below_zero_do_so_only_where_they_may(positive: bool, meets: bool) -> None:
    found = meeting(line(2.0, -1.0), line(1.0, -0.8), PLACES, positive=positive)  # equal at 5, at a loss of -3
    assert np.isfinite(found.place[0]) == meets
    assert found.unknown[0] == (not meets)


def test_the_multiple_is_the_nearest_one_where_there_are_several() -> None:
    wavy = curve(lambda at: 3.0 - 0.2 * np.asarray(at) + 0.8 * np.sin(2.5 * np.asarray(at)))
    found = float(np.log(multiples(wavy, np.array([2.2]))[0]))
    fine = np.linspace(0.0, 3.0, 300_001)
    first = fine[np.argmax(3.0 - 0.2 * fine + 0.8 * np.sin(2.5 * fine) <= 2.2)]
    assert found == pytest.approx(first, abs=1e-4)


@pytest.mark.parametrize(
    ("wanted", "times"), [(2.0, np.inf), (30.0, 0.0), (np.nan, np.nan), (3.0, 1.0), (2.5, np.exp(np.log(2) / 0.3))]
)
def test_what_is_never_reached_always_reached_or_not_known(wanted: float, times: float) -> None:
    falling = curve(lambda at: 2.0 + np.minimum(np.exp(-0.3 * np.asarray(at)), 20.0))
    assert multiples(falling, np.array([wanted]))[0] == pytest.approx(times, rel=1e-12, nan_ok=True)


def test_pieces_between_places_are_those_of_pchip_on_logarithms() -> None:
    rng = np.random.default_rng(1)
    places, losses = np.linspace(-2.0, 4.0, 13), np.exp(np.cumsum(rng.normal(-0.1, 0.1, (5, 13)), axis=1))
    at = rng.uniform(-2.0, 4.0, 5)
    expected = [np.exp(PchipInterpolator(places, np.log(row))(x)) for row, x in zip(losses, at, strict=True)]
    np.testing.assert_allclose(interpolated(places, losses).of(at), expected, rtol=1e-12)
    np.testing.assert_array_equal(interpolated(places, losses).at(places), losses)
    gap = losses.copy()
    gap[:, 6] = np.nan
    known = interpolated(places, gap).of(np.full(5, 2.2))
    np.testing.assert_allclose(known, interpolated(places, losses).of(np.full(5, 2.2)))
    assert np.isnan(interpolated(places, gap).of(np.full(5, 1.1))).all()


def by_slopes(gap: float, level: float = 3.0, unit: str = "FLOP") -> bs.Fit:
    """Return two arms of a law by its slopes, without a floor: a is better by a share of the level everywhere."""
    law = bs.parse_law("level - gain * (1 - compute**-b) / b", inputs=["compute"])
    parameters = {
        "level": bs.Prior(median=level, factor=1.5) + bs.Varying("arch", 0.1),
        "gain": bs.Prior(median=0.3, factor=2.0),
        "b": bs.Prior(median=0.05, factor=2.0),
    }
    model = bs.Model(law, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)))
    table = pd.DataFrame({"compute": [1.0, 2, 4, 8] * 2, "arch": list("aaaabbbb"), "loss": 3.0})
    runs = bs.read_runs(table, bs.Columns({"compute": bs.Input("compute", unit, 1.0)}, groups={"arch": "arch"}))
    values = {"level": level, "gain": 0.3, "b": 0.05, "level_by_arch": [0.0, gap]}
    return fit_with(model, runs, values, shape=(1, 40), spread=1e-4)


POINT = pd.DataFrame({"compute": [8.0]})


@pytest.mark.parametrize(("gap", "level"), [(0.02, 3.0), (0.01, 3.0), (0.02, 2.0)])
def test_a_law_that_falls_below_zero_has_its_multiplier_and_no_crossover_that_it_has_not(gap: float, level: float) -> None:
    fit = by_slopes(gap, level)
    of = {str(name): values.to_numpy().ravel() for name, values in fit.posterior[["level", "gain", "b"]].items()}
    shifts = of["level"] * (np.exp(fit.posterior["level_by_arch"].sel(arch="b").to_numpy().ravel()) - 1)
    shifts -= of["level"] * (np.exp(fit.posterior["level_by_arch"].sel(arch="a").to_numpy().ravel()) - 1)
    # L_b(8 m) = L_a(8): the gain of b over that step is the gap
    closed = (1 - of["b"] * shifts / of["gain"] * 8 ** of["b"]) ** (-1 / of["b"])
    found = compute_ratio(fit, "arch", "b", "a", POINT)
    np.testing.assert_allclose(found.to_numpy().ravel(), closed, rtol=1e-9)
    crossing = bs.crossover(fit, "arch", "a", "b", POINT, below=1e8)
    assert not crossing["exists"].any()
    assert crossing["unknown"].all()
    assert "in 100 % of draws" in crossing.attrs["notes"][0]
    ranked = bs.rank(fit, "arch", "b", POINT, below=1e8)
    np.testing.assert_allclose(ranked.compute_ratio.to_numpy().ravel(), closed, rtol=1e-9)
    row = ranked.to_frame().iloc[0]
    assert (row["p_no_crossover"], row["p_crossover_unknown"]) == (0.0, 1.0)
    assert np.isnan(row["crossover_q50"])
    said = rank_sentences(ranked)[0]
    assert "as far as loss is above 0 for both" in said
    assert "nan" not in said
    near = bs.rank(fit, "arch", "b", POINT, below=1e3).to_frame().iloc[0]
    assert (near["p_no_crossover"], near["p_crossover_unknown"]) == (1.0, 0.0)


def floors(share: float) -> bs.Fit:
    """Return two arms of which the worse never reaches the other in some draws, as its floor is higher there."""
    law = bs.parse_law("E + a * compute**-0.3", inputs=["compute"])
    parameters = {"E": bs.Prior(median=2.0, factor=1.2) + bs.Varying("arch", 0.1), "a": bs.Prior(median=1.0, factor=2.0)}
    model = bs.Model(law, parameters, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"))
    table = pd.DataFrame({"compute": [1.0, 2, 4, 8] * 2, "arch": list("aaaabbbb"), "loss": 3.0})
    runs = bs.read_runs(table, bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"arch": "arch"}))
    rng, draws = np.random.default_rng(5), 2000
    gaps = np.where(np.arange(draws) < share * draws, rng.uniform(0.55, 0.6, draws), rng.uniform(0.05, 0.2, draws))
    effects = np.stack([np.zeros(draws), np.log1p(gaps / 2.0)], axis=-1)[None]
    values = {"E": np.full((1, draws), 2.0), "a": np.ones((1, draws)), "E_by_arch": effects}
    return fit_with(model, runs, values, shape=(1, draws))


def test_what_cannot_be_reached_is_a_probability_beside_a_finite_interval() -> None:
    """At 8 the better arm shows 2 + .536: higher floors are out of reach, others take (.536 / (.536 - gap))^(1 / .3)."""
    fit = floors(0.045)
    found = compute_ratio(fit, "arch", "b", "a", POINT)
    excess = 8.0**-0.3
    gaps = 2.0 * (np.exp(fit.posterior["E_by_arch"].sel(arch="b").to_numpy().ravel()) - 1)
    closed = (excess / (excess - gaps[gaps < excess])) ** (1 / 0.3)
    table = summarize(found).iloc[0]
    assert table["p_never_reached"] == pytest.approx(0.045)
    for name, share in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        assert table[name] == pytest.approx(np.quantile(closed, share), rel=1e-9)
    ranked = bs.rank(fit, "arch", "b", POINT)
    row = ranked.to_frame().iloc[0]
    assert row["p_never_reached"] == pytest.approx(0.045)
    assert row["multiplier_q95"] == pytest.approx(np.quantile(closed, 0.95, method="inverted_cdf"), rel=1e-9)
    said = rank_sentences(ranked)[0]
    assert "and cannot reach it with a million times as much in 4.5 % of draws" in said
    assert "inf" not in said


def test_quantiles_of_multipliers_leave_out_what_has_none() -> None:
    of = reached(np.array([2.0, 3.0, 4.0, np.inf, 0.0, np.nan]))
    assert (of["q50"], of["p_never_reached"], of["p_always_reached"], of["p_unknown"]) == pytest.approx((3.0, 0.2, 0.2, 1 / 6))
    none = reached(np.array([np.inf, np.inf]))
    assert np.isnan(none["q50"])
    assert none["p_never_reached"] == 1.0


def test_crossovers_of_arms_that_cross_are_found_whatever_lies_beyond() -> None:
    """a falls faster and is behind: they meet where both are positive, and a is below zero later on."""
    fit = by_slopes(0.02)
    gain = xr.DataArray(np.array([0.33, 0.3]), {"arch": ["a", "b"]}, ("arch",))
    model = bs.Model(
        fit.model.law,
        {**fit.model.parameters, "gain": bs.Prior(median=0.3, factor=2.0) + bs.Varying("arch", 0.2)},
        fit.model.noise,
    )
    values = {"level": 3.0, "gain": 0.3, "b": 0.05, "level_by_arch": [0.02, 0.0], "gain_by_arch": np.log(gain / 0.3)}
    found = bs.crossover(fit_with(model, fit.runs, values, shape=(1, 10), spread=0.0), "arch", "a", "b", POINT, below=1e9)
    apart = 3.0 * (np.exp(0.02) - 1)  # (1 - c^-b) / b = apart / .03
    closed = (1 - 0.05 * apart / 0.03) ** (-1 / 0.05)
    np.testing.assert_allclose(found["crossing"], closed, rtol=1e-9)
    assert found["exists"].all()
    assert not found["unknown"].any()
