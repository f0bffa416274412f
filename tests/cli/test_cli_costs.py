"""Commands under costs of the runs: contrast, rank and plan with --cost, and what they say without."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refused, run

import bayes_scaling as bs

COSTS = {
    "own": bs.Cost(formula="compute", name="6 N D"),
    "counted": bs.Cost(formula="flop", unit="FLOP", name="attention counted"),
}


@pytest.fixture(scope="module")
def over_compute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pd.DataFrame({"compute": [1.0, 10.0, 100.0] * 2, "arch": np.repeat(["dense", "sparse"], 3), "loss": 2.5})
    table["flop"] = table["compute"] * np.where(table["arch"] == "dense", 2.0, 1.0)
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"arch": "arch"}, costs=COSTS)
    priors = {"a": bs.Prior(median=3.0, factor=1.1) + bs.Varying("arch", 0.02), "b": bs.Prior(median=0.1, factor=1.2)}
    model = bs.Model(bs.laws.power_law, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0)))
    folder = tmp_path_factory.mktemp("compute")
    bs.save(bs.prior(model, bs.read_runs(table, columns), draws=60), folder / "fit.nc")
    pd.DataFrame({"compute": [10.0, 1000.0]}).to_csv(folder / "points.csv", index=False)
    return folder


def test_a_contrast_has_rows_and_lines_for_every_cost(over_compute: Path, tmp_path: Path) -> None:
    out = tmp_path / "contrast.csv"
    asked = ["contrast", over_compute, "arch=sparse:dense", "--at", over_compute / "points.csv", "--out", out]
    done = run(*asked)
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(out)) == 2
    table = pd.read_csv(tmp_path / "contrast_costs.csv")
    assert table["cost"].tolist() == ["6 N D"] * 2 + ["attention counted"] * 2
    assert table["extrapolated"].tolist()[-2:] == [False, True]
    assert "By 6 N D, sparse needs " in done.stdout
    assert "By attention counted, sparse needs " in done.stdout
    one = run(*asked, "--cost", "counted")
    assert "(at equal attention counted)" in one.stdout
    assert set(pd.read_csv(out)["cost"]) == {"attention counted"}
    refused(run(*asked, "--cost", "watts"), "no cost is called 'watts'")


def test_a_ranking_takes_budgets_of_a_cost(over_compute: Path, tmp_path: Path) -> None:
    asked = ["rank", over_compute, "arch=dense", "--compute", 20, "--out", tmp_path / "ranking.csv"]
    done = run(*asked, "--cost", "attention counted")
    assert done.exit_code == 0, done.output
    assert "at 20 FLOP (attention counted)" in done.stdout
    assert "at compute 20 FLOP by 6 N D" in run(*asked).stdout
    refused(run(*asked, "--cost", "counted", "--flops", "dense=9"), "either --cost")


def test_a_plan_takes_a_cost_of_the_runs(tmp_path: Path) -> None:
    n, d = (of.ravel() for of in np.meshgrid([1e8, 1e9, 1e10], [2e9, 2e10, 2e11]))
    table = pd.DataFrame({"params": n, "tokens": d, "hours": 9 * n * d / 1e18, "loss": 2.5})
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}
    columns = bs.Columns(inputs, costs={"hours": bs.Cost(formula="hours", unit="GPU hours")})
    study = bs.read_study("chinchilla_law")
    bs.save(bs.prior(study.model, bs.read_runs(table, columns), draws=60), tmp_path / "fit.nc")
    done = run("plan", tmp_path, "--compute", 1e3, "--cost", "hours", "--cost", "price=2")
    assert done.exit_code == 0, done.output
    assert "With 1000 GPU hours (hours) train " in done.stdout
    plan = pd.read_csv(tmp_path / "plan.csv")
    assert (9 * plan["params"] * plan["tokens"] / 1e18).tolist() == pytest.approx([1e3], rel=1e-6)
    assert plan["price"].tolist() == [2e3]
    refused(run("plan", tmp_path, "--compute", 1e3, "--cost", "hours", "--cost", "other"), "a plan is made at one cost")
