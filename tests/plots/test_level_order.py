"""Levels stand in figures in the order that an ordered term declares."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.model.studies.study import Sheet
from bayes_scaling.plots.overview import bands_figure, forest_figure
from bayes_scaling.plots.sheet import sheet_figure
from bayes_scaling.prediction.levels import levels_in_order

SIZES = ("32k", "64k", "128k")


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    table = pd.DataFrame({"params": np.tile(np.geomspace(1e8, 1e9, 3), 3), "tok": np.repeat(SIZES, 3), "loss": 2.5})
    columns = bs.Columns({"params": bs.Input("params", "parameters", 1e9)}, groups={"tok": "tok"})
    floor = bs.Prior(median=1.5, factor=1.5) + bs.Ordered("tok", 0.1, SIZES, "decreasing")
    priors = {"E": floor, "A": bs.Prior(median=0.4, factor=2.0), "alpha": bs.Prior(median=0.3, factor=1.5)}
    model = bs.Model(bs.parse_law("E + A * params**-alpha", ["params"]), priors, bs.Noise(bs.Prior(median=0.01, factor=2.0)))
    return bs.prior(model, bs.read_runs(table, columns), draws=50)


def test_levels_are_in_the_declared_order(fit: bs.Fit) -> None:
    assert fit.runs.levels["tok"].tolist() == ["128k", "32k", "64k"]
    assert tuple(levels_in_order(fit, "tok")) == SIZES


def test_legends_panels_and_forests_follow_it(fit: bs.Fit) -> None:
    legend = bands_figure(fit).axes[0].get_legend()
    assert legend is not None
    assert tuple(text.get_text() for text in legend.get_texts()) == SIZES
    sheet = sheet_figure(fit, Sheet(x="params", hue="tok"))
    assert tuple(text.get_text() for text in sheet.legends[0].get_texts()) == SIZES
    panels = sheet_figure(fit, Sheet(x="params", columns="tok"))
    assert tuple(ax.get_title() for ax in panels.axes) == SIZES
    rows = tuple(label.get_text() for label in forest_figure(fit, "E").axes[0].get_yticklabels())
    assert rows in (SIZES, SIZES[::-1])
