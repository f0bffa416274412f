"""Laws over compute on another cost: what the input reads, and what becomes of the others."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.convention_words import input_words
from bayes_scaling.data.cost_axis import at_cost
from bayes_scaling.data.runs import Runs
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.prediction.compute_ratio import compute_ratio

COSTS = {
    "own": bs.Cost(formula="compute", name="6 N D"),
    "counted": bs.Cost(formula="compute * more"),
    "hours": bs.Cost(formula="h", unit="GPU hours"),
    "flop": bs.Cost(formula="compute * more * 8.64e19", unit="FLOP"),
}
TABLE = pd.DataFrame(
    {"arm": ["a", "a", "a", "b", "b", "b"], "c": [1e3, 2e3, 4e3] * 2, "more": [2.0, 1.8, 1.6, 1.1, 1.1, 1.1], "loss": 2.0}
).assign(h=lambda of: of["c"] * of["more"] / 50)


def runs() -> Runs:
    columns = bs.Columns({"compute": bs.Input("c", "TFLOP/s-days", 1500)}, groups={"arm": "arm"}, costs=COSTS)
    return bs.read_runs(TABLE, columns)


def test_a_cost_that_reads_compute_counts_in_its_unit() -> None:
    assert {name: one.base_unit for name, one in runs().columns.costs.items()} == {
        "own": "PFLOP/s-days",
        "counted": "PFLOP/s-days",
        "hours": "GPU hours",
        "flop": "FLOP",
    }


@pytest.mark.parametrize("name", ["counted", "flop"])
def test_compute_is_counted_in_its_unit_where_that_is_known(name: str) -> None:
    found = at_cost(runs(), name)
    np.testing.assert_allclose(found.table["compute"], TABLE["c"] / 1e3 * TABLE["more"], rtol=1e-12)
    assert found.columns.inputs["compute"].unit == "PFLOP/s-days"
    assert found.references["compute"] == 1.5
    assert input_words(found.columns, "compute") == name
    np.testing.assert_array_equal(found.table["cost_own"], runs().table["cost_own"])


def test_compute_in_another_unit_has_the_middle_of_the_runs_as_reference() -> None:
    found = at_cost(runs(), "hours")
    assert found.columns.inputs["compute"].unit == "GPU hours"
    assert found.references["compute"] == 50.0
    np.testing.assert_allclose(found.table["compute"], TABLE["h"])


def test_the_other_costs_are_along_the_new_axis() -> None:
    found = at_cost(runs(), "counted")
    model = bs.Model(
        bs.laws.power_law,
        {"a": bs.Prior(median=2.0, factor=1.1) + bs.Varying("arm", 0.05), "b": bs.Prior(median=0.1, factor=1.2)},
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    fit = bs.prior(model, found, draws=20)
    place = {"compute": [3.6]}
    own = compute_ratio(fit, "arm", "b", "a", place)
    assert own.attrs["cost"] == "counted"
    there = compute_ratio(fit, "arm", "b", "a", place, cost="6 N D")
    np.testing.assert_allclose(there, own * (3.6 / 1.1) / 2.0, rtol=1e-9)  # 3.6 counted are 2.0 of a's own compute
    said = bs.contrast(fit, "arm", "b", "a", place).costs_to_frame()["cost"].tolist()
    assert said == ["counted", "6 N D", "hours", "flop"]


def test_what_has_no_such_axis_is_refused() -> None:
    with pytest.raises(bs.InputError, match=r"no cost is called 'watts'; there are \['counted'"):
        at_cost(runs(), "watts")
    columns = replace(runs().columns, inputs={"tokens": bs.Input("c", "tokens", 2e3)}, costs={"hours": COSTS["hours"]})
    with pytest.raises(bs.InputError, match=r"takes the place of the input 'compute'; the law reads \['tokens'\]"):
        at_cost(bs.read_runs(TABLE, columns), "hours")


def test_the_bundled_study_has_an_axis_with_attention() -> None:
    found = at_cost(study_runs(bs.read_study("moba_vs_full")), "attention_counted")
    assert found.references["compute"] == 1.5
    full = found.table[(found.table["attention"] == "full") & (found.table["position"] == 30720)]
    np.testing.assert_allclose(full["compute"], [0.913, 1.635, 3.027, 5.236, 9.987], rtol=1e-3)
