"""Ten figures look as they did: drawn from fits written by hand, held against pictures in `baseline`.

`pytest tests/plots/test_look.py --mpl-generate-path=tests/plots/baseline` draws the pictures anew; look at each before it is
committed. Another minor version of matplotlib lays out text a little otherwise, so they are not held against each other then.
"""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, sweep
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.plots import overview
from bayes_scaling.prediction.predict import decompose

DRAWN_WITH = "3.11"
TOLERANCE = 4.0
"""Root mean square of differences between pixels, of 255: edges of letters may differ, lines and labels may not."""
FIT = sweep(CLEAN)
PLACES = pd.DataFrame({"params": np.geomspace(1e8, 3e9, 7), "tokens": 20 * np.geomspace(1e8, 3e9, 7)})
ARMS = ("arch", "dense", "sparse")


def of_axis(draw: Callable[..., object], *arguments: object, **options: object) -> Figure:
    figure = Figure(figsize=(3.4, 2.6), layout="constrained")
    draw(*arguments, ax=figure.subplots(), **options)
    return figure


def log_of_a_run() -> pd.DataFrame:
    rows = FIT.runs.table.query("run == 'dense 1e+08'").head(5)
    return rows.rename(columns={"response": "loss"}).assign(run="new")


def other_log() -> pd.DataFrame:
    return log_of_a_run().head(4).assign(run="other", loss=lambda of: of["loss"] * 1.02)


FIGURES: dict[str, Callable[[], Figure]] = {
    "bands": lambda: overview.bands_figure(FIT),
    "band": lambda: of_axis(plots.plot_band, bs.predict(FIT, PLACES.assign(arch="dense")), "params", unit="parameters"),
    "check": lambda: of_axis(plots.plot_check, FIT),
    "forest": lambda: of_axis(plots.plot_forest, parameter_values(FIT, "E"), unit="nats/token"),
    "coefficient": lambda: of_axis(plots.plot_coefficient, parameter_values(FIT, "A"), {"printed": (0.38, 0.01)}),
    "contrast": lambda: of_axis(plots.plot_contrast, bs.contrast(FIT, *ARMS, PLACES), "params", unit="parameters"),
    "decomposition": lambda: of_axis(plots.plot_decomposition, decompose(FIT, PLACES.assign(arch="dense")), "params"),
    "plan": lambda: plots.plan_figure(FIT, bs.plan(FIT, [1e20, 1e21], points=pd.DataFrame({"arch": ["dense"]}))),
    "ranking": lambda: plots.ranking_figure(bs.rank(FIT, "arch", "dense", pd.DataFrame({"compute": [1e20]}))),
    "forecast": lambda: plots.forecast_figure(bs.forecast(FIT, log_of_a_run(), at=2e11, seed=0)),
    "forecasts": lambda: plots.forecasts_figure(bs.forecast(FIT, [log_of_a_run(), other_log()], at=2e11, seed=0)),
    "passage": lambda: plots.first_passage_figure(bs.forecast(FIT, log_of_a_run(), at=2e11).first_passage(2.8)),
}


@pytest.mark.skipif(
    not mpl.__version__.startswith(f"{DRAWN_WITH}."), reason=f"the pictures were drawn with matplotlib {DRAWN_WITH}"
)
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.mpl_image_compare(
    baseline_dir="baseline", style="default", backend="agg", tolerance=TOLERANCE, savefig_kwargs={"dpi": 80}
)
def test_a_figure_looks_as_it_did(name: str) -> Figure:
    with plots.paper():
        return FIGURES[name]()
