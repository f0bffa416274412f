"""Draws summed up are the draws that were given, whatever was computed of a prediction or of a compute ratio before."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, sweep

import bayes_scaling as bs

PLACE = pd.DataFrame({"params": [1e9, 2e9], "tokens": 2e10})
ALONG = {"params": 0.5, "tokens": 0.5}
SHARES = {"p_never_reached", "p_always_reached", "p_unknown"}


@pytest.fixture(scope="module")
def ratio() -> xr.DataArray:
    """The compute ratio of the worse of two levels, above 1 in all draws."""
    return bs.compute_ratio(sweep(CLEAN), "arch", "dense", "sparse", PLACE, ALONG)


def in_place(ratio: xr.DataArray) -> xr.DataArray:
    made = ratio.copy(deep=True)
    made -= 1.2
    return made


@pytest.mark.parametrize(
    "made",
    [
        lambda ratio: np.log(ratio / ratio.median(("chain", "draw"))),
        lambda ratio: 100 * (ratio - 1),
        lambda ratio: (ratio > 1.2).astype(float),
        lambda ratio: ratio > 1.2,
        in_place,
    ],
)
def test_what_is_computed_of_a_ratio_is_summed_up_as_it_is(
    made: Callable[[xr.DataArray], xr.DataArray], ratio: xr.DataArray
) -> None:
    draws = made(ratio)
    table = bs.summarize(draws)
    assert not SHARES & set(table)
    np.testing.assert_allclose(table["mean"], draws.astype(float).mean(("chain", "draw")))
    np.testing.assert_allclose(table["q05"], draws.astype(float).quantile(0.05, ("chain", "draw")))


def test_a_ratio_is_one_at_some_of_its_points_and_under_another_name(ratio: xr.DataArray) -> None:
    for draws in (ratio, ratio.isel(row=[1]), ratio.rename("times").transpose("row", ...)):
        assert set(bs.summarize(draws)) >= SHARES


def test_a_ratio_that_is_never_reached_in_some_draws_says_in_how_many(ratio: xr.DataArray) -> None:
    values = ratio.to_numpy().copy()
    values[0, :20, 0] = np.inf
    table = bs.summarize(ratio.copy(data=values))
    np.testing.assert_allclose(table["p_never_reached"], [20 / values[..., 0].size, 0.0])
    assert np.isfinite(table["q95"]).all()
    doubled = bs.summarize(2 * ratio.copy(data=values))
    assert np.isinf(doubled["mean"].iloc[0])


def test_draws_left_out_are_counted() -> None:
    values = np.ones((2, 10, 1))
    values[0, 0] = np.nan
    found = bs.summarize(xr.DataArray(values, dims=("chain", "draw", "row")))
    assert found.attrs["notes"] == ("in 5 % of draws the value is not known; they are left out",)


def test_the_mean_of_what_is_true_or_false_is_its_probability(ratio: xr.DataArray) -> None:
    draws = xr.DataArray(np.arange(20).reshape(2, 10, 1) < 5, dims=("chain", "draw", "row"))
    assert bs.summarize(draws)["mean"].tolist() == [0.25]
    assert (
        bs.summarize(bs.crossover(sweep(CLEAN), "arch", "dense", "sparse", PLACE, 1e12, ALONG)["exists"])["mean"]
        .between(0, 1)
        .all()
    )


@pytest.mark.parametrize("of", [{"draw": slice(0)}, {"chain": slice(0)}])
def test_no_draws_are_refused(of: dict[str, slice], ratio: xr.DataArray) -> None:
    with pytest.raises(bs.InputError, match="summarize needs draws; there are none"):
        bs.summarize(ratio.isel(of))


def test_draws_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(bs.InputError, match="summarize needs draws that are numbers"):
        bs.summarize(xr.DataArray(np.full((2, 3), "dense"), dims=("chain", "draw")))
