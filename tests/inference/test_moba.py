"""MoBA against full attention on the published end points: what the posterior says."""

import numpy as np
import pandas as pd

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
