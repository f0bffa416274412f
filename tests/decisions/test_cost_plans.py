"""Plans, rankings and targets at a cost of the runs: formulas, and ladders of what a token took over params."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.report.words import counting

SIZES = np.array([1e8, 1e9, 1e10])
TOKEN = {"full": 9.0, "moba": 6.0}
"""FLOP a parameter and token."""
COSTS = {
    "ladder": bs.Cost(formula="flop"),
    "formula": bs.Cost(formula={"arm": {name: f"{k} * params * tokens" for name, k in TOKEN.items()}}),
    "attention": bs.Cost(formula="6 * params * tokens * (1 + (params / 1e9)**-0.5)"),
    "hours": bs.Cost(formula="flop / 3.6e21", unit="k GPU hours", price=2.0),
}


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    rows = [
        {"arm": arm, "params": n, "tokens": d, "flop": k * n * d, "loss": 2.5}
        for arm, k in TOKEN.items()
        for n in SIZES
        for d in (2e9, 2e11)
    ]
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)},
        groups={"arm": "arm"},
        costs=COSTS,
    )
    model = bs.Model(
        bs.laws.chinchilla,
        {
            "E": bs.Prior(median=1.7, factor=1.1),
            "A": bs.Prior(median=0.4, factor=1.1) + bs.Varying("arm", 0.05),
            "alpha": bs.Prior(median=0.35, factor=1.1),
            "B": bs.Prior(median=0.4, factor=1.1),
            "beta": bs.Prior(median=0.3, factor=1.1),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)),
    )
    return bs.prior(model, bs.read_runs(pd.DataFrame(rows), columns), draws=30, seed=2)


POINTS = pd.DataFrame({"arm": ["full", "moba"]})


@pytest.mark.parametrize("name", ["ladder", "formula"])
def test_each_level_spends_a_budget_at_its_own_cost(fit: bs.Fit, name: str) -> None:
    found = bs.plan(fit, [1e20, 1e21], POINTS, cost=name).to_frame()
    assert (found["params"] * found["tokens"] * found["arm"].map(TOKEN)).tolist() == pytest.approx([1e20, 1e21] * 2)
    for arm, k in TOKEN.items():
        alone = bs.plan(fit, [1e20, 1e21], {"arm": [arm]}, cost=bs.Cost(flops_per_param_token=k)).to_frame()
        own = found[found["arm"] == arm]
        np.testing.assert_allclose(own["params"], alone["params"], rtol=2e-3)
        np.testing.assert_allclose(own["best_params_q50"], alone["best_params_q50"], rtol=1e-4)
        np.testing.assert_allclose(own["loss_q50"], alone["loss_q50"], rtol=1e-6)
    assert set(found["cost"]) == {name}
    assert not found["extrapolated"].any()


def test_a_plan_says_where_its_cost_is_extrapolated(fit: bs.Fit) -> None:
    found = bs.plan(fit, [1e24], {"arm": ["full"]}, cost="ladder", params=2e11)
    assert found.to_frame()["extrapolated"].tolist() == [True]
    assert "lies beyond what the runs say, and is extrapolated" in found.summary()


def test_a_cost_that_differs_by_size_moves_the_split(fit: bs.Fit) -> None:
    best = compute_optimal(fit, 1e21, {"arm": ["moba"]}, cost="attention")
    n, d = best["params"].to_numpy(), best["tokens"].to_numpy()
    np.testing.assert_allclose(6 * n * d * (1 + (n / 1e9) ** -0.5), 1e21, rtol=1e-9)
    flat = compute_optimal(fit, 1e21, {"arm": ["moba"]})["params"].to_numpy()
    assert (n > flat).all()  # attention is dearer for small models
    for factor in (0.97, 1.03):  # no other size on the budget is better
        other = n * factor
        tokens = 1e21 / (6 * other * (1 + (other / 1e9) ** -0.5))
        assert (loss_of(fit, other, tokens) > loss_of(fit, n, d)).all()


def loss_of(fit: bs.Fit, params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    of = {name: fit.posterior[name].to_numpy()[..., None] for name in ("E", "A", "alpha", "B", "beta")}
    a = of["A"] * np.exp(fit.posterior["A_by_arm"].sel(arm="moba").to_numpy()[..., None])
    return np.asarray(of["E"] + a * (params / 1e9) ** -of["alpha"] + of["B"] * (tokens / 2e10) ** -of["beta"])


def test_budgets_are_in_the_unit_of_the_cost(fit: bs.Fit) -> None:
    found = bs.plan(fit, [1e5], {"arm": ["full"]}, cost="hours")
    table = found.to_frame()
    assert (9 * table["params"] * table["tokens"])[0] == pytest.approx(1e5 * 3.6e18)
    assert table["price"].tolist() == [2e5]
    assert found.summary().startswith("For arm full, with 100k GPU hours (hours) train ")
    needed = bs.compute_needed(fit, 2.6, {"arm": ["full"]}, cost="hours")
    flop = bs.compute_needed(fit, 2.6, {"arm": ["full"]}, cost=bs.Cost(flops_per_param_token=9.0))
    assert needed.attrs["units"] == "GPU hours"
    assert float(needed.median()) == pytest.approx(float(flop.median()) / 3.6e18, rel=0.02)
    ranked = bs.rank(fit, "arm", "full", {"compute": [1e5]}, cost="hours")
    assert "at 100k GPU hours (hours)" in ranked.summary()


def test_a_ranking_of_frontiers_takes_named_costs(fit: bs.Fit) -> None:
    by_level = {name: bs.Cost(flops_per_param_token=k) for name, k in TOKEN.items()}
    before = bs.rank(fit, "arm", "full", {"compute": [1e21]}, cost=by_level)
    for name in ("ladder", "formula"):
        found = bs.rank(fit, "arm", "full", {"compute": [1e21]}, cost=name)
        np.testing.assert_allclose(found.loss, before.loss, rtol=1e-7)
        np.testing.assert_allclose(found.compute_ratio, before.compute_ratio, rtol=1e-5)
        assert found.counted == name
        assert found.largest == {"full": pytest.approx(9 * 2e21), "moba": pytest.approx(6 * 2e21)}


def test_serving_is_added_to_a_formula(fit: bs.Fit) -> None:
    served = replace(COSTS["formula"], served_tokens=1e12, name="")
    found = bs.plan(fit, [1e22], {"arm": ["moba"]}, cost=served).to_frame()
    alone = bs.plan(fit, [1e22], {"arm": ["moba"]}, cost=bs.Cost(served_tokens=1e12)).to_frame()
    np.testing.assert_allclose(found["params"], alone["params"], rtol=1e-6)


REFUSED = {
    "no such cost": ({"cost": "watts"}, "no cost is called 'watts'; there are"),
    "no level": ({"cost": "formula", "points": {"other": ["full"]}}, "differs by 'arm': the points need a level of it"),
    "not by tokens": ({"cost": bs.Cost(formula="params * tokens**2")}, "is not proportional to tokens"),
    "unknown columns": ({"cost": bs.Cost(formula="layers")}, r"reads \['layers'\], which checked runs do not keep"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_plan_refuses_costs_it_cannot_spend(case: str, fit: bs.Fit) -> None:
    said, why = REFUSED[case]
    with pytest.raises(bs.InputError, match=why):
        bs.plan(fit, 1e21, **{"points": POINTS} | said)  # type: ignore[arg-type]


def test_a_formula_is_no_number_without_runs() -> None:
    with pytest.raises(bs.InputError, match="is a formula of the columns of runs"):
        COSTS["ladder"].compute(np.array(1e9), np.array(1e10))


def test_limited_data_counts_tokens_seen() -> None:
    table = pd.DataFrame({"params": [1e8, 1e9], "unique_tokens": 1e9, "epochs": [2.0, 4.0], "loss": [3.0, 2.5]})
    inputs = {"params": "parameters", "unique_tokens": "tokens", "epochs": ""}
    columns = bs.Columns({name: bs.Input(name, unit) for name, unit in inputs.items()}, costs={"six": bs.Cost()})
    runs = bs.read_runs(table, columns)
    np.testing.assert_allclose(runs.table["cost_six"], [1.2e18, 2.4e19])


def test_candidates_are_priced_by_a_cost_of_the_runs(fit: bs.Fit) -> None:
    candidates = pd.DataFrame({"arm": ["full", "moba"], "params": [3e9, 1e9], "tokens": [6e10, 2e10]})
    question = "loss at params=1e10, tokens=2e11, arm=full"
    for name in ("ladder", "formula"):
        found = bs.next_runs(fit, candidates, question, cost=name).to_frame().set_index("arm")["flop"]
        assert found.to_dict() == pytest.approx({"full": 9 * 1.8e20, "moba": 6 * 2e19})
    with pytest.raises(bs.InputError, match="ranked by what they take in FLOP; cost 'hours' is in GPU hours"):
        bs.next_runs(fit, candidates, question, cost="hours")
    with pytest.raises(bs.InputError, match="no cost is called 'watts'"):
        bs.next_runs(fit, candidates, question, cost="watts")


def test_a_report_says_what_costs_are(fit: bs.Fit) -> None:
    said = dict(counting(fit))
    assert said["Cost: ladder"] == "flop; FLOP"
    assert said["Cost: hours"] == "flop / 3.6e21; GPU hours"


def test_a_cost_of_the_runs_may_be_served_too(fit: bs.Fit) -> None:
    served = replace(fit.runs.columns.costs["ladder"], served_tokens=1e12)
    found = bs.plan(fit, [1e22], {"arm": ["moba"]}, cost=served).to_frame()
    alone = bs.plan(fit, [1e22], {"arm": ["moba"]}, cost=bs.Cost(served_tokens=1e12)).to_frame()
    np.testing.assert_allclose(found["params"], alone["params"], rtol=2e-3)
