"""Scores of a table that a fit has not seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from by_hand import BAD, CLEAN, sweep

import bayes_scaling as bs
from bayes_scaling.validation.scores import score_points

HELD = pd.DataFrame({"params": [5e9, 1e9, 2e9], "tokens": [2e11, 2e10, 3e10], "arch": ["dense", "sparse", "dense"]})
FIT = sweep(CLEAN)
COLUMNS = replace(FIT.runs.columns, run=None)
NAMELESS = replace(FIT, runs=bs.read_runs(FIT.runs.table.drop(columns="run").rename(columns={"response": "loss"}), COLUMNS))


def test_a_table_is_read_as_the_runs_were_and_each_row_scored() -> None:
    held = HELD.assign(loss=[2.2, 2.48, 2.6])
    found = bs.score(NAMELESS, held, seed=3)
    exact = score_points(NAMELESS, held.rename(columns={"loss": "response"}), seed=3)
    names = ["q05", "q25", "q50", "q75", "q95", "pit", "crps", "log_score", "error", "distance"]
    pd.testing.assert_frame_equal(found.points[names], exact[names])
    as_runs = bs.score(NAMELESS, bs.read_runs(held, COLUMNS), seed=3)
    pd.testing.assert_frame_equal(as_runs.points[names], exact[names])


def test_r_squared_is_of_the_medians_about_the_mean_of_the_rows() -> None:
    losses = np.array([2.2, 2.48, 2.6])
    found = bs.score(NAMELESS, HELD.assign(loss=losses))
    missed = ((found.points["q50"] - losses) ** 2).sum()
    row = found.to_frame().iloc[0]
    assert row["r_squared"] == pytest.approx(1 - missed / ((losses - losses.mean()) ** 2).sum())
    exact = bs.score(NAMELESS, HELD.assign(loss=found.points["q50"]))
    assert exact.to_frame()["r_squared"].iloc[0] == pytest.approx(1.0, abs=1e-9)
    assert row["coverage_90"] == pytest.approx(np.mean((found.points["q05"] <= losses) & (losses <= found.points["q95"])))


def test_rows_that_do_not_differ_have_no_r_squared() -> None:
    one = bs.score(NAMELESS, HELD.head(1).assign(loss=2.2))
    assert np.isnan(one.to_frame()["r_squared"].iloc[0])
    assert "R^2" not in one.summary()


def test_scores_by_a_column_are_those_of_its_rows() -> None:
    found = bs.score(NAMELESS, HELD.assign(loss=[2.2, 2.48, 2.6]))
    by = found.to_frame(["arch"]).set_index("arch")
    assert by.loc["dense", "runs"] == 2
    assert by.loc["sparse", "crps"] == pytest.approx(found.points.query("arch == 'sparse'")["crps"].iloc[0])
    with pytest.raises(bs.InputError, match=r"points have no \['corpus'\] to score them by"):
        found.to_frame(["corpus"])


def test_a_summary_has_bands_and_the_health_of_the_fit() -> None:
    held = HELD.assign(loss=[2.2, 2.48, 2.6])
    said = bs.score(NAMELESS, held).summary()
    assert "3 held-out rows" in said
    assert "R^2" in said
    bad = bs.score(replace(NAMELESS, health=BAD), held)
    assert BAD.line in bad.summary()
    assert bad.health is not None
    assert bad.points.attrs["health"] == BAD.line
    assert repr(bad).startswith("Score: 3 held-out rows")


def test_runs_of_another_unit_and_without_an_input_are_refused() -> None:
    held = HELD.assign(loss=[0.7, 0.8, 0.85])
    other = bs.read_runs(held, replace(COLUMNS, response=bs.Response("loss", "bits/byte")))
    with pytest.raises(bs.InputError, match=r"responses are in 'bits/byte', the fit 'nats/token'"):
        bs.score(NAMELESS, other)
    fewer = bs.read_runs(held, bs.Columns({"params": bs.Input("params", "parameters", 1e9)}))
    with pytest.raises(bs.InputError, match=r"^score: runs lack \['arch', 'tokens'\], which the fit has"):
        bs.score(NAMELESS, fewer)
    with pytest.raises(bs.InputError, match="loss"):
        bs.score(NAMELESS, HELD)


def test_rows_of_the_fit_are_left_out_and_said() -> None:
    held = HELD.assign(loss=[2.2, 2.48, 2.6])
    own = NAMELESS.runs.table.rename(columns={"response": "loss"})
    found = bs.score(NAMELESS, pd.concat([own.head(4), held, own.tail(1)]))
    assert found.notes == ("5 of 8 rows are the fit's own and left out",)
    pd.testing.assert_frame_equal(found.points, bs.score(NAMELESS, held).points)
    assert "note: 5 of 8 rows are the fit's own and left out." in found.summary()
    with pytest.raises(bs.InputError, match="only rows that the fit is of"):
        bs.score(NAMELESS, own)
    assert bs.score(NAMELESS, own.assign(loss=own["loss"] + 0.01)).notes == ()  # trials of their own at the same places


def test_named_runs_of_the_fit_are_known_by_name_and_inputs() -> None:
    own = FIT.runs.table.rename(columns={"response": "loss"})
    again = own.head(3).assign(run=["x", "y", "z"])
    found = bs.score(FIT, pd.concat([again, own.head(2)]))
    assert found.points["run"].tolist() == ["x", "y", "z"]
    assert found.notes == ("2 of 5 rows are the fit's own and left out",)


def test_draws_from_the_prior_have_seen_no_rows() -> None:
    before = bs.prior(NAMELESS.model, NAMELESS.runs, draws=20)
    assert len(bs.score(before, NAMELESS.runs).points) == len(NAMELESS.runs)
