"""The commands take a stack as they take a fit: right values, or an error that names the laws to ask."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli.commands import app
from bayes_scaling.inference.stacking import Stack, stack

TOML = """
title = "Two laws of compute"
[data]
response = { column = "loss" }
[data.inputs]
compute = { column = "compute", unit = "PFLOP/s-days", reference = 1.0 }
[law]
name = "power_law_floor"
[parameters]
E = { prior = { median = 1.5, factor = 1.5 } }
a = { prior = { median = 1.0, factor = 2.0 } }
b = { prior = { median = 0.2, factor = 2.0 } }
[noise]
sd = { median = 0.01, factor = 3.0 }
[[stack]]
name = "floor"
[[stack]]
name = "line"
law = { name = "power_law" }
[stack.parameters]
a = { prior = { median = 2.5, factor = 1.5 } }
b = { prior = { median = 0.2, factor = 2.0 } }
"""
QUICK = ["--draws", "300", "--tune", "300", "--chains", "2"]
ARMS = [{"arch": arch, "params": p, "tokens": t} for arch in ("dense", "sparse") for p in (1e8, 1e9) for t in (2e9, 2e10)]


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("study")
    compute = np.geomspace(0.01, 100, 24)
    scatter = np.random.default_rng(3).normal(0, 0.008, compute.size)
    table = pd.DataFrame({"compute": compute, "loss": (1.6 + 0.9 * compute**-0.2) * np.exp(scatter)})
    table.to_csv(folder / "runs.csv", index=False)
    (folder / "two.toml").write_text(TOML)
    return folder / "two.toml", folder / "runs.csv"


@pytest.fixture(scope="module")
def made(study: tuple[Path, Path]) -> tuple[Path, str]:
    """The folder that `fit` wrote, and what it printed; few draws may be said not to be trusted."""
    out = study[0].parent / "out"
    done = CliRunner().invoke(app, ["fit", str(study[0]), "--runs", str(study[1]), "--out", str(out), *QUICK])
    assert done.exit_code in (0, 3), done.output
    return out, done.output


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stack of two laws that differ between architectures, made of draws of the prior."""
    folder = tmp_path_factory.mktemp("arms")
    table = pd.DataFrame(ARMS).assign(loss=[3.4, 2.9, 3.1, 2.5, 3.3, 2.8, 3.0, 2.45])
    base = bs.read_study("chinchilla_law")
    runs = bs.read_runs(table, replace(base.columns, groups={"arch": "arch"}))
    priors = {
        name: bs.Prior(median=median, factor=1.1)
        for name, median in {"E": 1.8, "A": 0.4, "alpha": 0.35, "B": 0.4, "beta": 0.35}.items()
    }
    slope = {"delta": bs.Prior(median=0.05, factor=1.1)}
    varied = priors | {"E": priors["E"] + bs.Varying("arch", 0.05)}
    laws = {
        "additive": replace(base.model, parameters=varied),
        "interaction": replace(base.model, law=bs.laws.interaction, parameters=varied | slope),
    }
    fits = {name: bs.prior(model, runs, 200, seed=i) for i, (name, model) in enumerate(laws.items())}
    bs.save(stack(fits, {"additive": 0.6, "interaction": 0.4}), folder / "fit.nc")
    points = pd.DataFrame({"params": [2e9], "tokens": [4e10], "arch": ["sparse"]})
    points.to_csv(folder / "points.csv", index=False)
    return folder


def test_fit_writes_a_stack(made: tuple[Path, str]) -> None:
    out, printed = made
    assert isinstance(bs.load(out / "fit.nc"), Stack)
    assert "stack of 2 laws: floor, line" in printed
    record = json.loads((out / "diagnostics.json").read_text())
    assert set(record["laws"]) == {"floor", "line"}
    assert sum(one["weight"] for one in record["laws"].values()) == pytest.approx(1.0)
    assert record["weighing"]["held"] > 0
    assert record["weighing"]["seconds"]["floor"] > 0
    parameters = pd.read_csv(out / "parameters.csv")
    assert next(iter(parameters)) == "law"
    assert set(parameters["law"]) == {"floor", "line"}
    assert (out / "points.csv").exists()
    assert {path.name for path in (out / "figures").iterdir()} == {"bands.png", "check.png", "laws.png"}


def test_single_fits_the_studys_own_law(study: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "one"
    done = CliRunner().invoke(app, ["fit", str(study[0]), "--single", "--runs", str(study[1]), "--out", str(out), *QUICK])
    assert done.exit_code in (0, 3), done.output
    fitted = bs.load(out / "fit.nc")
    assert isinstance(fitted, bs.Fit)
    assert fitted.model.law is bs.laws.power_law_floor
    assert next(iter(pd.read_csv(out / "parameters.csv"))) == "name"
    assert "laws" not in json.loads((out / "diagnostics.json").read_text())


def test_report_is_of_the_stack_or_of_one_law(made: tuple[Path, str], tmp_path: Path) -> None:
    out, _ = made
    run("report", out)
    assert "Laws and their weights" in (out / "report.html").read_text()
    run("report", out, "--law", "line", "--out", tmp_path / "line.html")
    assert "Laws and their weights" not in (tmp_path / "line.html").read_text()
    assert "expected one of ['floor', 'line']" in run("report", out, "--law", "other", code=2)


def test_forecast_is_of_the_stack_or_of_one_law(made: tuple[Path, str], study: tuple[Path, Path], tmp_path: Path) -> None:
    log, out = tmp_path / "log.csv", tmp_path / "forecast.csv"
    pd.read_csv(study[1]).head(3).to_csv(log, index=False)
    said = run("forecast", made[0], "--run", log, "--at", "1000", "--out", out)
    assert "given the rows so far, floor has weight" in said
    assert "has weight" not in run("forecast", made[0], "--law", "line", "--run", log, "--at", "1000", "--out", out)


def test_a_ledger_holds_and_scores_forecasts_of_a_stack(arms: Path, tmp_path: Path) -> None:
    ledger, points = tmp_path / "ledger.jsonl", arms / "points.csv"
    run("predict", arms, "--at", points, "--register", ledger, "--out", tmp_path / "p.csv")
    assert json.loads(ledger.read_text().splitlines()[0])["weights"] == {"additive": 0.6, "interaction": 0.4}
    pd.read_csv(points).assign(loss=2.6).to_csv(tmp_path / "new.csv", index=False)
    run("score", ledger, "--runs", tmp_path / "new.csv", "--out", tmp_path / "scores.csv")
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert np.isfinite(scores["log_score"]).all()
    assert np.isfinite(scores["crps"]).all()


def test_plan_contrast_rank_and_next_are_of_the_mixture(arms: Path, tmp_path: Path) -> None:
    points = arms / "points.csv"
    assert "train" in run("plan", arms, "--compute", "1e21", "--out", tmp_path / "plan.csv")
    run("contrast", arms, "arch=sparse:dense", "--at", points, "--out", tmp_path / "contrast.csv")
    assert len(pd.read_csv(tmp_path / "contrast.csv")) == 1
    run("rank", arms, "arch=dense", "--compute", "1e21", "--out", tmp_path / "rank.csv")
    assert pd.read_csv(tmp_path / "rank.csv")["level"].tolist() == ["sparse"]
    run("next", arms, "--candidates", points, "--decide", "loss at params=1e10, tokens=2e11, arch=sparse")
    assert (arms / "next.csv").exists()


@pytest.mark.slow
def test_a_backtest_stacks_anew_at_each_cut_off(study: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["backtest", study[0], "--runs", study[1], "--train", "compute < 10", "--out", tmp_path, *QUICK]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code in (0, 3), done.output
    assert "stack of 2 laws" in done.output
    assert np.isfinite(pd.read_csv(tmp_path / "backtest.csv")["log_score"]).all()
