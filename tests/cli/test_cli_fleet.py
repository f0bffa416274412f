"""`bayes-scaling fleet`: many tasks of one table, in parts, resumed, with failures by cause."""

import json
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling.cli import app
from bayes_scaling.inference.batch.executors import InProcess

STUDY = """
[data]
response = { column = "loss" }
[data.inputs]
compute = { column = "compute", unit = "FLOP", reference = 1e20 }
[law]
text = "a * compute ** -b"
[parameters]
a = { prior = { median = 3.0, factor = 2.0 } }
b = { prior = { median = 0.05, factor = 3.0 } }
[noise]
distribution = "normal"
on = "log_loss"
sd = { median = 0.01, factor = 3.0 }
"""
QUICK = ("--draws", 300, "--tune", 200, "--seed", 1)
TASKS = ["a/b", "A", "a", "é ü", "bad", "last"]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["fleet", *(str(word) for word in words)])


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit in this process: starting others takes longer than the fits."""
    from bayes_scaling.inference.batch import fits

    given = fits.fit_many
    monkeypatch.setattr(fits, "fit_many", lambda model, tasks, workers, **more: given(model, tasks, _here(workers), **more))


def _here(workers: int | None) -> Executor | int:
    return InProcess() if workers is None else workers


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A study and a table of six tasks, one of which has a loss below zero."""
    folder = tmp_path_factory.mktemp("given")
    compute, parts = np.geomspace(1e18, 1e22, 12), []
    for i, name in enumerate(TASKS):
        loss = 3.0 * (compute / 1e20) ** -0.05 * np.exp(np.random.default_rng(i).normal(0.0, 0.01, 12))
        loss[3] *= -1 if name == "bad" else 1
        parts.append(pd.DataFrame({"run_id": name, "seed": i % 2, "compute": compute, "loss": loss}))
    pd.concat(parts).to_csv(folder / "runs.csv", index=False)
    (folder / "law.toml").write_text(STUDY)
    return folder / "law.toml", folder / "runs.csv"


def test_parts_fill_one_folder_and_are_put_together(asked: tuple[Path, Path], tmp_path: Path) -> None:
    common = (*asked, "--by", "run_id", "--out", tmp_path, *QUICK)
    first = run(*common, "--tasks", "1/2", "--chunk", 2)
    assert first.exit_code == 3, first.output
    assert "part 1 of 2" in first.stdout
    assert "fits: 3 of 3" in first.stderr
    assert "1 task failed" in first.stderr
    assert "run_id bad: column 'loss', row 4" in first.stderr
    assert not (tmp_path / "summary.csv").exists()
    half = run(*common, "--collect")
    assert half.exit_code == 3
    assert "3 tasks failed: no result is stored (A, é ü, last)" in half.stderr
    assert "not positive" in half.stderr
    second = run(*common, "--tasks", "2/2")
    assert second.exit_code == 0, second.output
    whole = run(*common)
    assert whole.exit_code == 3
    assert "5 stored before" in whole.stdout
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert summary["task"].tolist() == TASKS
    assert summary["grade"].tolist().count("failed") == 1
    good = summary[summary["grade"] != "failed"]
    assert ((good["b_q05"] < good["b"]) & (good["b"] < good["b_q95"]) & (abs(good["b"] - 0.05) < 0.01)).all()
    assert (good["seconds"] > 0).all()
    parameters = pd.read_csv(tmp_path / "parameters.csv")
    assert set(parameters["task"]) == set(TASKS) - {"bad"}
    record = json.loads((tmp_path / "batch.json").read_text())
    assert (record["tasks"], record["results"], record["stored_before"]) == (6, 5, 5)
    assert list(record["failures"].values()) == [1]
    assert len(list((tmp_path / "results").iterdir())) == 5
    assert len({path.name.casefold() for path in (tmp_path / "results").iterdir()}) == 5


def test_whole_fits_are_stored_for_other_commands(asked: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(*asked, "--by", "run_id", "--by", "seed", "--out", tmp_path, *QUICK, "--fits", "--tasks", "6/6")
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "results").glob("*.nc")
    fit = bs.load(path)
    assert isinstance(fit, bs.Fit)
    assert fit.settings.draws == 300
    table = pd.read_csv(tmp_path / "parts" / "6_of_6.csv")
    assert table["task"].tolist() == ["last 1"]
    assert table["b"].item() == pytest.approx(float(fit.posterior["b"].median()))


def test_an_approximation_says_so(asked: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(*asked, "--by", "run_id", "--out", tmp_path, *QUICK, "--method", "laplace", "--tasks", "1/6")
    assert done.exit_code == 0, done.output
    assert "note [sampler]: 1 noted" in done.stdout
    assert pd.read_csv(tmp_path / "parts" / "1_of_6.csv")["grade"].tolist() == ["noted"]


def test_a_column_named_as_one_of_the_summary_keeps_its_levels_beside_it(asked: tuple[Path, Path], tmp_path: Path) -> None:
    table = pd.read_csv(asked[1]).query("run_id in ['A', 'a']").rename(columns={"run_id": "a", "seed": "rows"})
    table.to_csv(tmp_path / "named.csv", index=False)
    words = (asked[0], tmp_path / "named.csv", "--by", "a", "--by", "rows", "--out", tmp_path / "out", "--method", "laplace")
    done = run(*words, *QUICK)
    assert done.exit_code == 0, done.output
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert summary[["a_label", "rows_label", "rows"]].to_numpy().tolist() == [["A", 1, 12], ["a", 0, 12]]
    assert (summary["a"] > 2).all()
    assert summary.columns.is_unique


def test_predictions_stand_beside_parameters_and_other_points_are_never_mixed_in(
    asked: tuple[Path, Path], tmp_path: Path
) -> None:
    common = (*asked, "--by", "run_id", "--out", tmp_path, *QUICK, "--method", "laplace")
    first = run(*common, "--at", "1e23", "--at", "1e24")
    assert first.exit_code == 3, first.output
    found = pd.read_csv(tmp_path / "predictions.csv")
    assert list(found)[:3] == ["task", "run_id", "compute"]
    assert found["task"].tolist() == [name for name in TASKS if name != "bad" for _ in range(2)]
    assert found["compute"].tolist() == [1e23, 1e24] * 5
    assert ((found["q05"] < found["q25"]) & (found["q25"] < found["q50"]) & (found["q75"] < found["q95"])).all()
    summary, kept = pd.read_csv(tmp_path / "summary.csv"), pd.read_csv(tmp_path / "parameters.csv")
    good = summary[summary["grade"] != "failed"].set_index("task")
    for row in found.to_dict("records"):
        at_median = good.loc[row["task"], "a"] * (row["compute"] / 1e20) ** -good.loc[row["task"], "b"]
        assert row["q50"] == pytest.approx(at_median, rel=0.01)
    assert not [name for name in kept if "at:" in name]
    assert kept["name"].notna().all()
    assert (good.loc[good["method"] == "laplace", "pareto_k"] < 0.7).all()
    half = run(*common, "--at", "1e23", "--tasks", "1/2")
    assert "2 stored results made again: other extra (points)" in half.stderr
    of_part = pd.read_csv(tmp_path / "parts" / "predictions" / "1_of_2.csv")
    assert of_part[["task", "compute"]].to_numpy().tolist() == [["a/b", 1e23], ["a", 1e23]]
    mixed = run(*common, "--at", "1e23", "--collect")
    assert mixed.exit_code == 3
    assert "3 tasks failed: no result is stored (other extra (points)) (A, é ü, last)" in mixed.stderr
    assert "over all parts: " in mixed.stdout
    assert "stored before" not in mixed.stdout
    found = pd.read_csv(tmp_path / "predictions.csv")
    assert found[["task", "compute"]].to_numpy().tolist() == [["a/b", 1e23], ["a", 1e23]]
    without = run(*common)
    assert without.exit_code == 3
    assert not (tmp_path / "predictions.csv").exists()


def test_each_task_may_have_points_of_its_own_and_stored_fits_are_asked_for_others(
    asked: tuple[Path, Path], tmp_path: Path
) -> None:
    path, rows = tmp_path / "points.csv", {"run_id": ["a", "A", "A"], "compute": [1e23, 1e24, 1e25]}
    pd.DataFrame(rows).to_csv(path, index=False)
    table = pd.read_csv(asked[1]).query("run_id in ['A', 'a']")
    table.to_csv(tmp_path / "runs.csv", index=False)
    common = (asked[0], tmp_path / "runs.csv", "--by", "run_id", "--out", tmp_path / "out", *QUICK, "--method", "laplace")
    done = run(*common, "--at", path, "--observed", "--fits")
    assert done.exit_code == 0, done.output
    found = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert found[["task", "compute"]].to_numpy().tolist() == [["A", 1e24], ["A", 1e25], ["a", 1e23]]
    record = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert record["predictions"] == "observed"
    again = run(*common, "--at", "1e26", "--fits")
    assert again.exit_code == 0, again.output
    assert "2 stored before" in again.stdout
    expected = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert expected["compute"].tolist() == [1e26, 1e26]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x\n1\n", "points.csv: no column 'compute'"),
        ("compute\n-1\n", "points.csv: column 'compute', row 1: -1"),
        ("run_id,compute\nA,1e23\n", "points.csv: no points for 5 tasks (a/b, a, é ü and 2 more)"),
        ("run_id,compute\nB,1e23\n", "points.csv: no task 'B'; expected levels that the table has"),
        ("compute\n", "points.csv: no rows"),
    ],
)
def test_wrong_points_are_one_line_before_anything_is_fitted(
    content: str, said: str, asked: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "points.csv").write_text(content)
    done = run(*asked, "--by", "run_id", "--out", tmp_path / "out", *QUICK, "--at", tmp_path / "points.csv")
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not (tmp_path / "out" / "results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", "run_id", "--observed"), "--observed is about predictions: give --at too"),
        (("--by", "run_id", "--at", "1e23", "--at", "x.csv"), "--at x.csv: expected one table of points, or numbers alone"),
        (("--by", "run_id", "--at", "nowhere.csv"), "nowhere.csv"),
        (("--by", "run_id", "--at", "0"), "column 'compute', row 1: 0"),
        (("--by", "run"), "no column 'run'"),
        (("--by", "run_id", "--tasks", "0/3"), "expected I/N with I from 1 to N"),
        (("--by", "run_id", "--tasks", "4/3"), "expected I/N with I from 1 to N"),
        (("--by", "run_id", "--tasks", "three"), "expected I/N with I from 1 to N"),
        (("--by", "run_id", "--tasks", "1/3", "--collect"), "expected it without --tasks"),
        (("--by", "run_id", "--collect"), "no task has a result: no result is stored (6 of 6 tasks)"),
        (("--by", "run_id", "--tasks", "5/6"), "no task has a result: "),
        (("--by", "loss"), "'loss' is the loss; expected a column whose levels tell tasks apart"),
        (("--by", "run_id", "--chunk", "0"), "chunk must be"),
        (("--by", "run_id", "--workers", "-1"), "the number of processes must be"),
        (("--by", "run_id", "--draws", "0"), "draws must be"),
        (("--by", "run_id", "--column", "loss=nll"), "no column 'nll'"),
    ],
)
def test_wrong_input_is_one_line_and_writes_no_table(
    words: tuple[str, ...], said: str, asked: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run(*asked, "--out", tmp_path / "out", *QUICK, *words)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert not list((tmp_path / "out").rglob("*.csv"))


def test_a_study_that_stacks_laws_is_refused_with_what_to_do(asked: tuple[Path, Path], tmp_path: Path) -> None:
    stacked = [name for name in ("chinchilla",) if bs.read_study(name).stack]
    for name in stacked:
        done = run(name, asked[1], "--by", "run_id", "--out", tmp_path)
        assert done.exit_code == 2
        assert "--single" in done.stderr
