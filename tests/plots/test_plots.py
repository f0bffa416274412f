"""Every figure draws, returns its axis, and has labelled axes with units."""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.plots.overview import contrast_figure

mpl.use("Agg")
CURVE = pd.DataFrame({"compute": np.geomspace(0.3, 50, 20), "attention": "moba", "position": 0})
ACROSS = pd.DataFrame({"compute": 1.5, "position": 2048 * np.arange(16)})
PAIR = ("attention", "moba", "full")

DRAWN: dict[str, tuple[Callable[[bs.Fit, Axes], Axes], str, str]] = {
    "band": (
        lambda fit, ax: plots.plot_band(bs.predict(fit, CURVE), "compute", ax, unit="PFLOP/s-days"),
        "compute (PFLOP/s-days)",
        "loss (nats/token)",
    ),
    "runs": (lambda fit, ax: plots.plot_runs(fit.runs.table, fit.runs, "compute", ax), "", "loss (nats/token)"),
    "forest": (lambda fit, ax: plots.plot_forest(parameter_values(fit, "b"), ax), "b", "position"),
    "contrast by position": (
        lambda fit, ax: plots.plot_contrast(bs.contrast(fit, *PAIR, ACROSS), "position", ax, unit="tokens"),
        "position (tokens)",
        "loss penalty (%)",
    ),
    "contrast by compute": (
        lambda fit, ax: plots.plot_contrast(bs.contrast(fit, *PAIR, CURVE), "compute", ax, unit="PFLOP/s-days"),
        "compute (PFLOP/s-days)",
        "loss penalty (%)",
    ),
    "multiplier": (
        lambda fit, ax: plots.plot_multiplier(bs.compute_ratio(fit, *PAIR, CURVE), "compute", ax, unit="PFLOP/s-days"),
        "compute (PFLOP/s-days)",
        "compute ratio",
    ),
    "check": (lambda fit, ax: plots.plot_check(fit, ax), "predicted loss (nats/token)", "observed - predicted (%)"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_returns_its_axis_labelled_with_units(name: str, moba: bs.Fit) -> None:
    draw, xlabel, ylabel = DRAWN[name]
    with plots.paper():
        figure = Figure()
        ax = figure.subplots()
        assert draw(moba, ax) is ax
        figure.canvas.draw()
    assert (ax.get_xlabel(), ax.get_ylabel()) == (xlabel, ylabel)
    assert ax.has_data()


def test_bands_hide_no_points(moba: bs.Fit) -> None:
    ax = Figure().subplots()
    plots.plot_band(bs.predict(moba, CURVE), "compute", ax)
    bands = [collection.get_zorder() for collection in ax.collections]
    plots.plot_runs(moba.runs.table, moba.runs, "compute", ax)
    assert ax.collections[-1].get_zorder() > max(bands)


@pytest.mark.parametrize("study", ["moba", "chinchilla"])
def test_the_figures_of_a_fit_draw_without_warnings(study: str, request: pytest.FixtureRequest) -> None:
    drawn = plots.figures(request.getfixturevalue(study))
    assert {"bands", "check"} <= set(drawn)
    for figure in drawn.values():
        figure.canvas.draw()


def test_the_contrast_figure_has_position_compute_and_multiplier(moba: bs.Fit) -> None:
    figure = contrast_figure(moba, *PAIR)
    assert [ax.get_xlabel() for ax in figure.axes] == ["position", *["compute by 6 N D (PFLOP/s-days)"] * 2]


def test_a_plot_without_an_axis_makes_its_own_in_the_style_of_papers(moba: bs.Fit) -> None:
    from matplotlib import pyplot as plt

    ax = plots.plot_band(bs.predict(moba, CURVE), "compute")
    assert ax.xaxis.label.get_fontsize() == 8
    assert not ax.spines["top"].get_visible()
    plt.close(ax.get_figure())
