"""MoBA against full attention on the published end points: what the posterior says."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data import datasets
from bayes_scaling.inference.parameters import parameter_values, published_values


def penalty(moba: bs.Fit) -> np.ndarray:
    """Return 5, 50 and 95 % quantiles of the penalty in percent at 1.5 PFLOP/s-days, by position."""
    points = pd.DataFrame({"compute": 1.5, "position": moba.runs.levels["position"]})
    ratio = bs.contrast(moba, "attention", "moba", "full", points)["ratio"]
    return 100 * (ratio.quantile([0.05, 0.5, 0.95], ("chain", "draw")).to_numpy() - 1)


def test_the_chains_are_healthy(moba: bs.Fit) -> None:
    assert moba.health is not None
    assert moba.health.ok, moba.health.problems


def test_no_penalty_on_early_tokens_and_about_five_percent_on_late_ones(moba: bs.Fit) -> None:
    low, middle, high = penalty(moba)
    assert low[0] < 0 < high[0]
    assert abs(middle[0]) < 1
    assert low[-1] > 0
    assert 4.0 < middle[-1] < 5.5
    assert np.corrcoef(np.arange(16), middle)[0, 1] > 0.95


PLAIN = {
    "6 N D": {0: (-0.1, 0.99), 16384: (2.5, 1.30), 30720: (4.9, 1.56)},
    "6 N D + attention": {0: (-5.3, 0.48), 16384: (-4.1, 0.64), 30720: (-2.8, 0.77)},
}
"""Penalty in percent at equal compute and what MoBA needs at equal loss, by lines through the five final losses."""


def plain(runs: pd.DataFrame, cost: str) -> tuple[float, float]:
    """Return penalty and multiplier of lines through runs of a position, at what full attention takes at 1.5 PFLOP/s-days."""
    runs = runs.assign(spent=runs["compute"] if cost == "6 N D" else runs["cost_attention_counted"])
    arms = {
        name: np.log(arm.sort_values("compute")) for name, arm in runs.groupby("attention")[["compute", "spent", "response"]]
    }
    lines = {name: np.polyfit(arm["spent"], arm["response"], 1) for name, arm in arms.items()}
    at = np.interp(np.log(1.5), arms["full"]["compute"], arms["full"]["spent"])
    full, (slope, level) = np.polyval(lines["full"], at), lines["moba"]
    return 100 * np.expm1(level + slope * at - full), np.exp((full - level) / slope - at)


@pytest.mark.parametrize("cost", PLAIN)
def test_the_compute_that_is_counted_decides_the_sign(moba: bs.Fit, cost: str) -> None:
    points = pd.DataFrame({"compute": 1.5, "position": list(PLAIN[cost])})
    found = bs.contrast(moba, "attention", "moba", "full", points).costs_to_frame()
    for row in found[found["cost"] == cost].itertuples():
        penalty, multiplier = plain(moba.runs.table.query("position == @row.position"), cost)
        assert penalty == pytest.approx(PLAIN[cost][row.position][0], abs=0.15)
        assert multiplier == pytest.approx(PLAIN[cost][row.position][1], abs=0.015)
        assert row.multiplier_q05 < multiplier < row.multiplier_q95
        assert 100 * (row.ratio_q05 - 1) < penalty < 100 * (row.ratio_q95 - 1)
        assert not row.extrapolated
    last = found[(found["cost"] == cost) & (found["position"] == 30720)].iloc[0]
    if cost == "6 N D":
        assert 1.3 < last["multiplier_q05"] < 1.56 < last["multiplier_q95"] < 1.85
        assert last["ratio_q05"] > 1.03
    else:
        assert 0.68 < last["multiplier_q05"] < 0.77 < last["multiplier_q95"] < 0.9
        assert last["ratio_q95"] < 0.995


def test_exponents_of_the_two_attentions_are_not_told_apart(moba: bs.Fit) -> None:
    b = parameter_values(moba, "b")
    gap = b.sel(attention="moba") - b.sel(attention="full")
    low, high = gap.mean("position").quantile([0.05, 0.95]).to_numpy()
    assert low < 0 < high
    # Bucket by bucket a few intervals touch zero from outside; none is clear of it.
    low, high = gap.quantile([0.01, 0.99], ("chain", "draw")).to_numpy()
    assert ((low < 0) & (high > 0)).all()


def test_printed_coefficients_mostly_lie_inside_the_90_percent_intervals(moba: bs.Fit) -> None:
    printed = datasets.load("moba_fitted_power_laws")
    printed = printed[printed["drawn_in"].str.startswith("Fig. 8")]
    values = published_values(moba) | {"b": parameter_values(moba, "b")}
    inside = {"a": 0, "b": 0}
    for row in printed.itertuples():
        at = {"attention": row.attention, "position": row.position_start}
        for name, value in {"a": row.a_published, "b": -row.b_published}.items():
            low, high = values[name].sel(at).quantile([0.05, 0.95])
            inside[name] += bool(low <= value <= high)
    assert len(printed) == 32
    assert inside["a"] >= 26, inside
    assert inside["b"] >= 26, inside


def test_a_size_departs_in_both_arms_alike(moba: bs.Fit) -> None:
    lift = moba.posterior["residual_by_size"]
    assert float((lift.sel(size=545_000_000) > lift.sel(size=822_000_000)).mean()) > 0.99
    assert float((moba.posterior["residual_sd_size"] > moba.posterior["residual_sd_run"]).mean()) > 0.95
