"""Figures hold what they do not show where a run could be: shares of a mixture sum to one."""

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.plots.middle import middle_of


def test_the_middle_of_shares_is_a_mixture_and_of_other_inputs_the_median() -> None:
    table = pd.DataFrame({"params": [1e8, 2e8, 9e8], "web": [0.0, 0.1, 0.8], "code": [1.0, 0.9, 0.2], "loss": [3.0, 2.8, 2.6]})
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e8)},
        bs.Response("loss", "nats/token"),
        mixtures={"r": {"a": "web", "b": "code"}},
    )
    runs = bs.read_runs(table, columns)
    found = middle_of(runs.table, runs.columns, runs.columns.inputs)
    assert found["params"] == 2e8
    assert found["r_a"] == pytest.approx(0.3)
    assert found["r_a"] + found["r_b"] == pytest.approx(1.0)
