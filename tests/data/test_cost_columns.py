"""Costs: formulas over columns, by level, with usual terms; what a table keeps, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.cost_formula import parse_cost
from bayes_scaling.data.cost_terms import COST_TERMS, cost_terms
from bayes_scaling.data.runs import concat_runs, subset
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study, study_runs
from bayes_scaling.model.studies.writing import study_text

ATTENTION = bs.Cost(
    formula={
        "arm": {
            "full": "(parameter_flops + causal_attention) * tokens",
            "moba": "(parameter_flops + block_attention) * tokens",
        }
    },
    let={"d_model": "width", "context": 32768, "block": 512, "chosen": 3},
)
HOURS = bs.Cost(formula="hours", unit="GPU hours")
COLUMNS = bs.Columns(
    {"compute": bs.Input("c", "PFLOP/s-days")},
    groups={"arm": "arm"},
    costs={"attention_counted": ATTENTION, "hours": HOURS, "6 N D": bs.Cost()},
)


def table() -> pd.DataFrame:
    """Return the shapes of MoBA's Table 1 in two arms."""
    shapes = bs.datasets.load("moba_table1_model_configs")
    both = [
        pd.DataFrame(
            {
                "arm": arm,
                "params": shapes["params_non_embedding"],
                "tokens": shapes["training_tokens"],
                "layers": shapes["layers"],
                "width": shapes["hidden_size"],
                "hours": shapes["params_non_embedding"] / 1e6 * (1.0 if arm == "moba" else 1.1),
                "loss": 2.5,
            }
        )
        for arm in ("full", "moba")
    ]
    found = pd.concat(both, ignore_index=True)
    return found.assign(c=6.0 * found["params"] * found["tokens"] / 8.64e19)


def test_attention_adds_what_the_shapes_of_table_1_say() -> None:
    runs = bs.read_runs(table(), COLUMNS).table
    added = runs["cost_attention_counted"] / runs["cost_6 N D"] - 1.0
    # 2 L d w / N with w = 16,384, half of the context, and w = 1,256, the mean of MoBA's 256 + 512 min(block, 2)
    by_hand = {"full": [1.508, 1.306, 1.235, 1.118, 0.967], "moba": [0.1156, 0.1001, 0.0947, 0.0857, 0.0741]}
    for arm, of in by_hand.items():
        np.testing.assert_allclose(added[runs["arm"] == arm], of, rtol=1e-3)
    np.testing.assert_allclose(runs["cost_6 N D"] / 8.64e19, runs["compute"], rtol=1e-12)


def test_terms_are_those_of_their_sources() -> None:
    at = {"layers": 2.0, "d_model": 8.0, "context": 64.0, "params": 1e3, "vocab": 100.0, "window": 16.0, "attended": 5.0}
    at |= {"block": 4.0, "chosen": 3.0, "active_params": 250.0, "params_once": 100.0, "params_looped": 50.0, "loops": 4.0}
    at |= {"heads": 2.0, "key_size": 4.0, "ffw_size": 32.0}
    values = {name: float(parse_cost(name, {}).of(at)) for name in COST_TERMS}
    before = np.arange(64)  # tokens before each position
    blocks = np.minimum(before // 4, 2) * 4 + 2
    layer = 3 * (2 * 3 * 8 * 8 + 2 * 64 * 8 + 3 * 2 * 64 + 2 * 64 * 8 + 2 * 8 * 8 + 2 * 2 * 8 * 32)
    assert values == pytest.approx(
        {
            "parameter_flops": 6e3,
            "active_flops": 1.5e3,
            "looped_flops": 6 * 300,
            "attention_flops": 12 * 2 * 8 * 5,
            "full_attention": 12 * 2 * 8 * 64,
            "causal_attention": 3 * 2 * 2 * 8 * 64,
            "window_attention": 12 * 2 * 8 * (16 - 16**2 / 128),
            "block_attention": 12 * 2 * 8 * blocks.mean(),
            "logit_flops": 6 * 8 * 100,
            "embedding_flops": 6 * 8 * 100,
            "chinchilla_flops": 2 * layer + 2 * 6 * 8 * 100,
        }
    )
    wide = float(parse_cost("window_attention", {}).of(at | {"window": 1e6}))
    assert wide == pytest.approx(values["causal_attention"])
    assert set(cost_terms()["name"]) == set(COST_TERMS)
    assert cost_terms()["source"].str.len().min() > 10


def test_names_are_definitions_then_inputs_then_columns() -> None:
    frame = table().assign(causal_attention=7.0, params=table()["params"] / 1e6).rename(columns={"hours": "GPU hours"})
    columns = bs.Columns(
        {"params": bs.Input("params", "M parameters"), "tokens": bs.Input("tokens", "tokens")},
        costs={
            "column": bs.Cost(formula="`causal_attention` * tokens"),
            "input": bs.Cost(formula="6 * params * tokens"),
            "own": bs.Cost(formula="params * tokens", let={"params": "params / 2"}),
            "hours": bs.Cost(formula="`GPU hours`", unit="k GPU hours"),
        },
    )
    runs = bs.read_runs(frame, columns).table
    np.testing.assert_allclose(runs["cost_column"], 7.0 * frame["tokens"])
    np.testing.assert_allclose(runs["cost_input"], 6e6 * frame["params"] * frame["tokens"])
    np.testing.assert_allclose(runs["cost_own"], runs["params"] * runs["tokens"] / 2)
    np.testing.assert_allclose(runs["cost_hours"], 1e3 * frame["GPU hours"])
    assert columns.costs["hours"].base_unit == "GPU hours"


WRONG = {
    "no such column": ({"formula": "6 * params * tokns"}, r"cost 'one' reads \['tokns'\]; the table has"),
    "not positive": (
        {"formula": "params - 545000000"},
        r"row 1: 0 is no cost; .* \(it reads params 545M",
    ),
    "a level without formula": ({"formula": {"arm": {"full": "params"}}}, "cost 'one' has no formula for arm 'moba'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_table_refuses_what_is_no_cost(case: str) -> None:
    said, why = WRONG[case]
    columns = replace(COLUMNS, costs={"one": bs.Cost(**said)})  # type: ignore[arg-type]
    with pytest.raises(bs.InputError, match=why):
        bs.read_runs(table(), columns)


def test_a_missing_cell_is_named_with_row_and_column() -> None:
    frame = table()
    frame.loc[3, "hours"] = np.nan
    with pytest.raises(bs.InputError, match="column 'hours', row 4: nan is missing; cost 'hours' reads it"):
        bs.read_runs(frame, COLUMNS)
    frame = table()
    frame.loc[3, "width"] = np.nan
    only = {"arm": {"full": "hours", "moba": "hours * width / width"}}
    columns = replace(COLUMNS, costs={"one": bs.Cost(formula=only)})
    assert len(bs.read_runs(frame, columns)) == 10  # the formula of that row's arm does not read it


REFUSED = {
    "a call": ({"formula": "open(params)"}, "not allowed"),
    "an attribute": ({"formula": "params.real"}, "not allowed"),
    "a mean": ({"formula": "mean(params)"}, "is for laws of schedules"),
    "two groups": ({"formula": {"arm": {"full": "1"}, "size": {"s": "1"}}}, "one group with a formula for each"),
    "both": ({"formula": "params", "flops_per_param_token": 7.0}, "either a formula or flops_per_param_token"),
    "served hours": ({"formula": "hours", "unit": "hours", "served_tokens": 1e9}, "served tokens are counted in FLOP"),
    "definitions without end": (
        {
            "formula": "a * a",
            "let": dict(zip("abcdefghijk", (f"{of} * {of}" for of in "bcdefghijkl"), strict=True)),
        },
        "more than 500 definitions",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_cost_refuses_what_is_no_formula(case: str) -> None:
    said, why = REFUSED[case]
    with pytest.raises(bs.InputError, match=why):
        bs.Cost(**said)  # type: ignore[arg-type]


def test_columns_refuse_names_that_are_taken() -> None:
    with pytest.raises(bs.InputError, match="no group; groups are"):
        bs.Columns({"compute": bs.Input("c")}, costs={"one": ATTENTION})
    with pytest.raises(bs.InputError, match="'cost_one' is that of the cost 'one'"):
        bs.Columns({"cost_one": bs.Input("c")}, costs={"one": HOURS})


def test_costs_go_with_subsets_means_and_further_rows() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    assert (subset(runs, "arm == 'moba'").table["cost_hours"] == runs.table["cost_hours"][5:].to_numpy()).all()
    bare = bs.read_runs(table(), replace(COLUMNS, costs={}))
    both = concat_runs(runs, bare)
    assert both.table["cost_hours"].isna().tolist() == [False] * 10 + [True] * 10
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens")}, run="arm", costs={"hours": HOURS})
    one = pd.DataFrame({"arm": "a", "tokens": [1.0e9, 1.01e9, 9e9], "hours": [2.0, 8.0, 40.0], "loss": [3.0, 3.0, 2.0]})
    thinned = bs.read_runs(one, columns).thin(per_decade=5, along="tokens").table
    np.testing.assert_allclose(thinned["cost_hours"], [4.0, 40.0])


def test_a_study_with_costs_is_written_and_read_back() -> None:
    study = bs.read_study("moba_vs_full")
    costs = {"attention counted": replace(ATTENTION, formula={"attention": dict(ATTENTION.formula["arm"])})}  # type: ignore[index, call-overload]
    costs |= {"hours": replace(HOURS, price=2.0), "plain": bs.Cost(), "other": bs.Cost(formula="compute", name="6 N D")}
    study = replace(study, columns=replace(study.columns, costs=costs))
    again = parse_study(study_text(study), "moba_vs_full")
    assert again.columns == study.columns
    assert [one.name for one in again.columns.costs.values()] == ["attention counted", "hours", "plain", "6 N D"]
    assert isinstance(again, Study)
    with pytest.raises(bs.InputError, match="reads"):
        study_runs(study)


def test_what_one_level_reads_need_not_be_there_for_another() -> None:
    table = pd.DataFrame(
        {
            "attention": ["full", "full", "moba", "moba"],
            "compute": [1.0, 2.0] * 2,
            "wide": ["none", "none", "5", "6"],
            "loss": 2.0,
        }
    )
    cost = bs.Cost(formula={"attention": {"full": "compute", "moba": "compute + wide"}}, name="counted")
    columns = bs.Columns({"compute": bs.Input("compute")}, groups={"attention": "attention"}, costs={"counted": cost})
    runs = bs.read_runs(table, columns).table
    assert runs["cost_counted"].tolist() == [1.0, 2.0, 6.0, 8.0]
    np.testing.assert_array_equal(runs["cost_reads_wide"], [np.nan, np.nan, 5.0, 6.0])
