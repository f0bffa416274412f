"""Levels that no run has, where an order or an axis gives them a place: one answer for predict, contrast and next."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.design.next_runs import next_runs
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.levels import asked_levels, levels_in_order

LISTED = ("tiny", "small", "medium", "large", "huge")
SEEN = ("small", "medium", "huge")
AT = {"params": [1e9, 1e10]}


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    table = pd.DataFrame({"params": np.tile(np.geomspace(1e8, 1e9, 3), 3), "data": np.repeat(SEEN, 3), "loss": 2.5})
    columns = bs.Columns({"params": bs.Input("params", "parameters", 1e9)}, groups={"data": "data"})
    floor = bs.Prior(median=1.5, factor=1.5) + bs.Ordered("data", 0.1, LISTED, "decreasing")
    priors = {"E": floor, "A": bs.Prior(median=0.4, factor=2.0), "alpha": bs.Prior(median=0.3, factor=1.5)}
    model = bs.Model(bs.parse_law("E + A * params**-alpha", ["params"]), priors, bs.Noise(bs.Prior(median=0.01, factor=2.0)))
    return bs.prior(model, bs.read_runs(table, columns), draws=80)


def test_a_listed_level_without_runs_is_contrasted_as_it_is_predicted(fit: bs.Fit) -> None:
    found = bs.contrast(fit, "data", "large", "medium", AT)
    large, medium = (bs.predict(fit, AT | {"data": level}) for level in ("large", "medium"))
    np.testing.assert_allclose(found["difference"].to_numpy(), (large - medium).transpose("chain", "draw", "row").to_numpy())
    assert (found["difference"] <= 0).all()
    assert any("data large lies between the levels of the runs in the order" in note for note in found.draws.attrs["notes"])
    table = contrast_at(fit, "data", "tiny", "small", AT)
    assert (table["diff_q50"] >= 0).all()
    assert any("data tiny lies beyond the levels of the runs" in note for note in table.attrs["notes"])


def test_levels_are_listed_in_their_order_with_those_without_runs(fit: bs.Fit) -> None:
    assert tuple(levels_in_order(fit, "data")) == SEEN
    assert asked_levels(fit, "data", "huge", "large") == ("huge", "large")
    said = r"no level 'vast'; its levels are \['small', 'medium', 'huge'\], without runs \['tiny', 'large'\]"
    for call in (
        lambda: bs.contrast(fit, "data", "vast", "small", AT),
        lambda: bs.next_runs(fit, AT | {"data": "small"}, "loss at params=1e11, data=vast"),
    ):
        with pytest.raises(bs.InputError, match=said):
            call()
    with pytest.raises(bs.InputError, match=r"held against itself; .*\['small', 'medium', 'huge'\]"):
        bs.contrast(fit, "data", "large", "large", AT)


def test_next_says_of_new_levels_what_predict_does(fit: bs.Fit) -> None:
    candidates = pd.DataFrame({"params": [1e9, 2e9], "data": ["large", "medium"], "flop": 1e20})
    said = bs.predict(fit, candidates).attrs["notes"]
    found = next_runs(fit, candidates, "loss at params=1e11, data=small")
    assert set(said) <= set(found.notes)
