"""Fits that earlier versions saved are read, and predict what they predicted.

The files are fits to a prior of 20 draws, with keys and columns of their time: reading_error, apart.
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError

HERE = Path(__file__).parent / "earlier"
POINTS = pd.DataFrame({"params": [1e9, 5e9], "tokens": [1e10, 1e11], "arch": ["full", "moba"]})

PREDICTED = [[0.9030913468101113, 0.6814851543878689], [1.6798638531121783, 1.546276423982964]]
"""By either version, that of format 2 asked for millions of parameters, as its column counts them."""

FORMATS = ["format_2", "format_3"]


@pytest.mark.filterwarnings("ignore:.*without a checksum:UserWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_a_fit_of_an_earlier_version_predicts_what_it_did(name: str) -> None:
    fit = bs.load(HERE / f"{name}.nc")
    np.testing.assert_allclose(bs.predict(fit, POINTS).to_numpy()[0, :2], PREDICTED, rtol=1e-12)
    assert fit.runs.columns.measurement_error == MeasurementError("err")
    assert {"measurement_error", "count", "mean_lag"} <= set(fit.runs.table)
    assert bs.predict_runs(fit, POINTS, seed=1).shape == (1, 20, 2)


@pytest.mark.filterwarnings("ignore:.*without a checksum:UserWarning")
@pytest.mark.parametrize("name", FORMATS)
def test_it_is_saved_in_the_words_of_today(name: str, tmp_path: Path) -> None:
    path = bs.save(bs.load(HERE / f"{name}.nc"), tmp_path / "fit.nc")
    assert b"reading_error" not in path.read_bytes()
    with warnings.catch_warnings(action="error"):
        again = bs.load(path)
    np.testing.assert_allclose(bs.predict(again, POINTS).to_numpy()[0, :2], PREDICTED, rtol=1e-12)
