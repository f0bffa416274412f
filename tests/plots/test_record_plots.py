"""The natural figure of a record, of fits whose draws say their chain and draw."""

import io
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, sweep
from matplotlib.figure import Figure

import bayes_scaling as bs

mpl.use("Agg")
FIT = sweep(CLEAN)
SIZES = pd.DataFrame({"tokens": 2e10, "params": [2e8, 1e9, 3e9]})


def test_a_contrast_is_drawn_against_the_first_input_that_differs_between_its_points() -> None:
    assert {"chain", "draw"} <= set(FIT.posterior.coords)
    figure = bs.contrast(FIT, "arch", "dense", "sparse", SIZES).plot()
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_xlabel().startswith("params")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), SIZES["params"])


def test_a_contrast_is_not_drawn_against_what_its_points_lack() -> None:
    found = bs.contrast(FIT, "arch", "dense", "sparse", SIZES)
    for x in ("nope", "chain", "region"):
        with pytest.raises(
            bs.InputError, match=rf"no number '{x}' to draw against; they have \['distance', 'params', 'tokens'\]"
        ):
            found.plot(x)
    with pytest.raises(bs.InputError, match=r"x cannot be 3; expected .*plot\(x="):
        found.plot(3)


@pytest.mark.parametrize("level", ["d" * 330, "den\x1b[31mse"])
def test_a_fit_is_drawn_whatever_its_levels_are_called(level: str) -> None:
    table = FIT.runs.table.assign(arch=FIT.runs.table["arch"].replace("dense", level)).rename(columns={"response": "loss"})
    runs = bs.read_runs(table, FIT.runs.columns)
    posterior = FIT.posterior.assign_coords(arch=runs.levels["arch"])
    figure = replace(FIT, runs=runs, draws=xr.DataTree.from_dict({"posterior": posterior})).plot()
    figure.savefig(io.BytesIO())
    texts = [text.get_text() for ax in figure.axes if (legend := ax.get_legend()) for text in legend.get_texts()]
    assert texts
    assert all(len(text) <= 40 and text.isprintable() for text in texts)
