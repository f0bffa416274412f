"""Predictions of each of many fits: points of all tasks or of each, checked before anything is fitted."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling._base.random import derived_seed
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.record import Batch, predictions_in, with_predictions, without_predictions
from bayes_scaling.model.studies.study import Study
from bayes_scaling.prediction.many import parameters_and_predictions, points_at, tasks_at
from bayes_scaling.prediction.summary import summarize_at

MODEL = bs.Model(
    bs.parse_law("a * step ** -b", ["step"]),
    {"a": bs.Prior(median=2.5, factor=2.0) + bs.Varying("team", 0.1), "b": bs.Prior(median=0.2, factor=3.0)},
    bs.Noise(bs.Prior(median=0.02, factor=3.0), distribution="normal"),
)
STUDY = Study("grouped", MODEL, bs.Columns({"step": bs.Input("step", reference=10.0)}, groups={"team": "team"}))
QUICK = bs.Settings(draws=300, tune=200, seed=1, progress=False, method="laplace")


def table() -> pd.DataFrame:
    """Two teams with two seeds each."""
    random, parts = np.random.default_rng(0), []
    for i, (team, seed) in enumerate([("x", 1), ("x", 2), ("y", 1), ("y", 2)]):
        step = np.geomspace(1, 100, 12)
        loss = (2.0 + i) * (step / 10.0) ** -0.2 * np.exp(random.normal(0.0, 0.02, 12))
        parts.append(pd.DataFrame({"team": team, "seed": seed, "step": step, "loss": loss}))
    return pd.concat(parts, ignore_index=True)


def test_points_are_matched_by_those_columns_that_they_share_with_tasks() -> None:
    each = tasks_at(STUDY, table(), ("team", "seed"), {"seed": [2, 1], "step": [500, 1000]})
    assert {name: task.extra["points"]["step"].tolist() for name, task in each.items()} == {
        "x 1": [1000],
        "x 2": [500],
        "y 1": [1000],
        "y 2": [500],
    }
    assert each["y 1"].extra["points"]["team"].tolist() == ["y"]  # the law differs between teams
    assert "seed" not in each["y 1"].extra["points"]
    alike = tasks_at(STUDY, table(), "seed", {"team": ["x", "y"], "step": [500, 500]}, "observed")
    assert alike["1"].extra["kind"] == "observed"
    assert alike["1"].extra["points"]["team"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ({"step": [500]}, "no column 'team'"),
        ({"team": ["x"], "steps": [500]}, "no column 'step'"),
        ({"team": ["x"], "step": [-1.0]}, "not positive"),
        ({"team": ["x"], "step": [500], "seed": [3]}, "the points: no task '3'"),
        ({"team": ["x"], "step": [500], "seed": [1]}, r"no points for 1 task \(2\)"),
        ({"team": ["x", "x"], "step": [500, np.nan], "seed": [1, 2]}, "row 2"),
    ],
)
def test_points_at_which_nothing_can_be_predicted_are_refused_at_once(at: dict[str, Any], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        tasks_at(STUDY, table(), "seed", at)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(bs.InputError, match="expected 'expected' or 'observed'"):
        tasks_at(STUDY, table(), "team", {"step": [1.0]}, "median")  # type: ignore[arg-type]


def test_predictions_are_those_of_the_fit_and_are_told_from_parameters() -> None:
    at = {"team": ["x", "y", "new"], "step": [500.0, 1000.0, 1000.0]}
    tasks = tasks_at(STUDY, table(), "seed", at)
    batch = bs.fit_many(STUDY, tasks, InProcess(), keep=parameters_and_predictions, settings=QUICK)
    assert batch.failures == {}
    found = batch.predictions()
    assert found["task"].tolist() == ["1"] * 3 + ["2"] * 3
    assert {"step", "team", "mean", "sd", "q05", "q25", "q50", "q75", "q95", "distance"} <= set(found)
    parameters = batch.to_frame()
    assert parameters["name"].notna().all()
    assert not [name for name in parameters if str(name).startswith("at:")]
    alone = bs.fit(MODEL, tasks["2"].runs, replace(QUICK, seed=derived_seed(QUICK.seed, "2")))
    expected = summarize_at(alone, at)
    mine = found[found["task"] == "2"]
    np.testing.assert_allclose(mine["q95"], expected["q95"], rtol=1e-9)
    assert any("new" in note for note in batch.results["2"].attrs["notes"])


def test_a_table_of_both_comes_apart_as_it_was_put_together() -> None:
    parameters = pd.DataFrame({"name": ["a", "b"], "dims": ["", ""], "q50": [1.0, 2.0]})
    predictions = pd.DataFrame({"x": [3.0], "q50": [0.5], "name": ["mine"]})
    both = with_predictions(parameters, predictions)
    pd.testing.assert_frame_equal(without_predictions(both), parameters)
    found = predictions_in(both)
    assert found is not None
    pd.testing.assert_frame_equal(found.reset_index(drop=True), predictions)
    assert predictions_in(parameters) is None
    with pytest.raises(bs.InputError, match="no predictions were made"):
        Batch({"a": parameters}, {}, {}, {}).predictions()


def test_numbers_are_points_of_a_models_only_input() -> None:
    study = bs.read_study("chinchilla_law")
    with pytest.raises(bs.InputError, match="expected a table with these columns"):
        points_at(study, ["1e5"])
