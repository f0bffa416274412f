"""What every figure paints the same way."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from bayes_scaling.plots.band import plot_band
from bayes_scaling.plots.painters import kernel_density, paint_band, paint_bands, paint_density, paint_intervals
from bayes_scaling.plots.style import SHOWN, axes_of, axis_of, paper

DRAWS = np.random.default_rng(0).normal(2.0, 0.1, 4000)


def test_bands_are_filled_between_their_quantiles() -> None:
    ax, x = Figure().subplots(), np.array([0.0, 1.0])
    paint_bands(ax, x, {q: np.full(2, q) for q in SHOWN})
    wide, narrow = (area.get_paths()[0].get_extents() for area in ax.collections)
    assert (wide.ymin, wide.ymax) == (0.05, 0.95)
    assert (narrow.ymin, narrow.ymax) == (0.25, 0.75)
    paint_band(ax, x, -1.0, 0.0, label="below")
    assert ax.get_legend_handles_labels()[1] == ["below"]


def test_intervals_have_a_row_for_each_height() -> None:
    ax = Figure().subplots()
    paint_intervals(ax, np.arange(3), {q: np.full(3, q) for q in SHOWN})
    thin, thick = ax.collections
    assert [len(of.get_segments()) for of in (thin, thick)] == [3, 3]
    assert list(ax.lines[0].get_xdata()) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("upright", [False, True])
def test_a_density_is_filled_over_its_intervals(upright: bool) -> None:
    ax = Figure().subplots()
    at, height = kernel_density(DRAWS, DRAWS.min(), DRAWS.max())
    paint_density(ax, at, height, 0.0, DRAWS, colour="black", upright=upright)
    wide = ax.collections[0].get_paths()[0].get_extents()
    ends = (wide.ymin, wide.ymax) if upright else (wide.xmin, wide.xmax)
    np.testing.assert_allclose(ends, np.quantile(DRAWS, (0.05, 0.95)))


def test_a_density_is_that_of_the_axis() -> None:
    at, height = kernel_density(DRAWS, 1.7, 2.3)
    assert height.max() == 1.0
    np.testing.assert_allclose(height, np.exp(-0.5 * ((at - DRAWS.mean()) / DRAWS.std()) ** 2), atol=0.12)
    at, height = kernel_density(np.exp(DRAWS), 5.0, 12.0, log=True)
    peak = stats.norm(DRAWS.mean(), DRAWS.std()).pdf(np.log(at))
    np.testing.assert_allclose(height, peak / peak.max(), atol=0.12)


def test_axes_are_made_where_there_are_none() -> None:
    own = Figure().subplots()
    assert axis_of(own) is own
    assert axes_of([own], 1, 1) == [own]
    from matplotlib import pyplot as plt

    with paper():
        assert len(axes_of(None, 1, 2)) == 2
        assert axis_of(None, (3.0, 2.0)).figure.get_size_inches().tolist() == [3.0, 2.0]
    plt.close("all")


def test_a_curve_that_goes_below_zero_has_a_linear_axis_and_one_above_it_a_logarithmic_one() -> None:
    at = {"compute": ("row", [1e18, 1e19, 1e20])}
    dims = ("chain", "draw", "row")
    draws = np.random.default_rng(0).normal(0.0, 0.02, (2, 50, 3))
    below = xr.DataArray(draws + np.array([0.5, 0.1, -0.4]), at, dims)
    assert plot_band(below, "compute").get_yscale() == "linear"
    ax = plot_band(xr.DataArray(draws + np.array([2.5, 2.3, 2.2]), at, dims), "compute")
    assert ax.get_yscale() == "log"
    assert plot_band(below, "compute", ax).get_yscale() == "linear"
