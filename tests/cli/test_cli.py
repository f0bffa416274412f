"""The command line's contract: files, columns, exit codes, one clear line for wrong input."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refused, run
from typer.main import get_command

import bayes_scaling as bs
from bayes_scaling.cli.commands import COMMANDS, app
from bayes_scaling.prediction.summary import summarize_at

BAND = ["mean", "sd", "q05", "q25", "q50", "q75", "q95", "distance"]


@pytest.fixture(scope="module")
def table(grid: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    grid.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def seeded(chinchilla: bs.Fit, table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """What `fit` writes, in a folder that does not exist before, and its seed: the first of two that passes the gate."""
    for seed in (3, 4):
        folder = tmp_path_factory.mktemp("out") / "new" / "folder"
        result = run("fit", "chinchilla_law", "--runs", table, "--out", folder, "--draws", 500, "--seed", seed)
        if result.exit_code != 3:
            break
    assert result.exit_code == 0, result.output
    return folder, seed


@pytest.fixture(scope="module")
def fitted(seeded: tuple[Path, int]) -> Path:
    return seeded[0]


@pytest.fixture(scope="module")
def moba_folder(moba: bs.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(moba, tmp_path_factory.mktemp("moba") / "fit.nc").parent


def test_models_lists_the_bundled_studies() -> None:
    result = run("models")
    assert result.exit_code == 0
    listed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert list(listed) == sorted(path.stem for path in Path(__file__).parents[2].glob("models/*.toml"))
    assert len(listed) >= 11
    assert all(len(title) > 20 for title in listed.values())


def test_fit_writes_what_the_contract_names(fitted: Path) -> None:
    assert {"fit.nc", "parameters.csv", "diagnostics.json", "figures"} <= {path.name for path in fitted.iterdir()}
    parameters = pd.read_csv(fitted / "parameters.csv")
    assert list(parameters) == ["name", "dims", "mean", "sd", "q05", "q50", "q95", "r_hat", "ess_bulk", "ess_tail"]
    assert json.loads((fitted / "diagnostics.json").read_text())["ok"] is True
    assert all(path.stat().st_size > 5000 for path in (fitted / "figures").iterdir())
    assert not list(fitted.rglob(".*"))


def test_fit_says_how_many_rows_the_filter_removed(chinchilla: bs.Fit, grid: pd.DataFrame, tmp_path: Path) -> None:
    more = pd.concat([grid, pd.DataFrame({"params": [1e9, 1e9], "tokens": [1e6, 2e6], "loss": [9.0, 8.0]})])
    more.to_parquet(tmp_path / "runs.parquet")
    result = run("fit", "chinchilla_law", "--runs", tmp_path / "runs.parquet", "--out", tmp_path / "o", "--draws", 400)
    assert result.exit_code in (0, 3), result.output
    assert "2 rows removed by the filter" in result.stdout
    assert json.loads((tmp_path / "o" / "diagnostics.json").read_text())["rows_removed_by_filter"] == 2


def test_the_same_seed_writes_the_same_numbers(seeded: tuple[Path, int], table: Path, tmp_path: Path) -> None:
    fitted, seed = seeded
    result = run("fit", "chinchilla_law", "--runs", table, "--out", tmp_path, "--draws", 500, "--seed", seed)
    assert result.exit_code == 0
    assert (tmp_path / "parameters.csv").read_bytes() == (fitted / "parameters.csv").read_bytes()


def test_a_failed_gate_exits_3_with_files_written_and_advice(chinchilla: bs.Fit, table: Path, tmp_path: Path) -> None:
    result = run("fit", "chinchilla_law", "--runs", table, "--out", tmp_path / "o", "--draws", 20, "--tune", 20)
    assert result.exit_code == 3, result.output
    assert "try" in result.stderr
    assert (tmp_path / "o" / "fit.nc").is_file()
    assert json.loads((tmp_path / "o" / "diagnostics.json").read_text())["ok"] is False


def test_answers_of_the_fit_that_is_replaced_are_named(chinchilla: bs.Fit, table: Path, tmp_path: Path) -> None:
    again = "fit", "chinchilla_law", "--runs", table, "--out", tmp_path / "o", "--draws", 20, "--tune", 20
    pd.DataFrame({"kept": [1]}).to_csv(tmp_path / "own.csv")
    assert "earlier answers" not in run(*again).output
    for name in ("plan.csv", "report.html"):
        (tmp_path / "o" / name).write_text("of the first fit")
    assert f"note [earlier answers]: plan.csv, report.html in {tmp_path / 'o'}" in run(*again).stdout
    assert "earlier answers" not in run(*again).output


@pytest.mark.parametrize("kind", ["--expected", "--observed"])
def test_predict_keeps_the_points_and_adds_the_band(fitted: Path, tmp_path: Path, kind: str) -> None:
    points = pd.DataFrame({"id": ["x", "y"], "params": [1e9, 7e10], "tokens": [2e10, 1.4e12]})
    points.to_csv(tmp_path / "points.csv", index=False)
    result = run("predict", fitted, "--at", tmp_path / "points.csv", "--out", tmp_path / "p.csv", kind)
    assert result.exit_code == 0, result.output
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found) == ["id", "params", "tokens", *BAND]
    assert found["distance"].iloc[0] == "inside"
    assert found["distance"].iloc[1].startswith("far (")
    loaded = bs.load(fitted / "fit.nc")
    expected = summarize_at(loaded, points, "expected" if kind == "--expected" else "observed")
    np.testing.assert_allclose(found["q95"], expected["q95"])


def test_contrast_writes_the_columns_and_a_figure(moba_folder: Path, tmp_path: Path) -> None:
    pd.DataFrame({"compute": [1.5, 10.0], "position": [0, 30720]}).to_csv(tmp_path / "points.csv", index=False)
    result = run("contrast", moba_folder, "attention=moba:full", "--at", tmp_path / "points.csv", "--out", tmp_path / "c.csv")
    assert result.exit_code == 0, result.output
    added = ["diff_mean", "diff_q05", "diff_q50", "diff_q95", "ratio_q05", "ratio_q50", "ratio_q95", "p_a_better"]
    assert list(pd.read_csv(tmp_path / "c.csv")) == ["compute", "position", *added]
    at_costs = pd.read_csv(tmp_path / "c_costs.csv")
    assert list(at_costs) == ["compute", "position", *added, "cost", "extrapolated"]
    assert at_costs["cost"].tolist() == ["6 N D"] * 2 + ["6 N D + attention"] * 2
    assert re.search(r"position 30\S*: loss \+", result.stdout)
    assert (moba_folder / "figures" / "contrast_attention_moba_full.png").is_file()


def test_wrong_input_to_fit_writes_nothing(table: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("params,tokens,loss\n1e9,2e10,3.0\n1e9,2e10,oops\n")
    out = tmp_path / "out"
    refused(run("fit", "chinchilla_law", "--runs", bad, "--out", out), "bad.csv", "'loss'", "row 2", "oops")
    refused(run("fit", "chinchilla_law", "--out", out), "--runs", "params")
    refused(run("fit", "chinchila", "--out", out), "chinchila", "moba_vs_full")
    refused(run("fit", "chinchilla_law", "--runs", tmp_path / "none.csv", "--out", out), "none.csv", "no such file")
    refused(run("fit", "chinchilla_law", "--runs", table, "--out", out, "--draws", 0), "draws")
    model = tmp_path / "mine.toml"
    model.write_text('[law]\ntext = "__import__(1) * compute"\n')
    refused(run("fit", model, "--runs", table, "--out", out), "mine.toml")
    assert not out.exists()


def test_a_group_with_a_single_level_is_refused_and_nothing_written(tmp_path: Path) -> None:
    one_arm = bs.datasets.load("moba_final_losses").query("attention == 'moba'")
    one_arm.to_csv(tmp_path / "one_arm.csv", index=False)
    out = tmp_path / "out"
    refused(run("fit", "moba_vs_full", "--runs", tmp_path / "one_arm.csv", "--out", out), "one_arm.csv", "attention", "'moba'")
    assert not out.exists()


def test_a_folder_that_cannot_be_made_is_refused_before_sampling(table: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(run("fit", "chinchilla_law", "--runs", table, "--out", tmp_path / "file" / "o"), "cannot be made")


def test_wrong_input_to_predict_and_contrast_writes_nothing(fitted: Path, moba_folder: Path, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("params,tokens\n1e9,-2\n")
    out = tmp_path / "p.csv"
    refused(run("predict", fitted, "--at", points, "--out", out), "points.csv", "'tokens'", "row 1")
    refused(run("predict", tmp_path, "--at", points, "--out", out), "fit.nc", "no such file")
    points.write_text("compute,position\n1.5,0\n")
    refused(run("contrast", moba_folder, "attention=moba", "--at", points, "--out", out), "GROUP=A:B")
    refused(run("contrast", moba_folder, "attention=moba:ful", "--at", points, "--out", out), "'ful'", "full")
    refused(run("contrast", moba_folder, "heads=a:b", "--at", points, "--out", out), "heads", "attention")
    assert not out.exists()


def test_the_module_runs_as_a_command_without_a_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bayes_scaling.cli", "fit", "nothing"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_package() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"bayes-scaling {version('bayes-scaling')}\n"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does_what_it_writes_and_how_it_ends(name: str) -> None:
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    assert "rite" in command.help
    assert "Exit codes: 0 done" in command.epilog
    assert all(option.help for option in command.params if option.name != "help")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_shows_what_stands_in_square_brackets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("TERMINAL_WIDTH", "400")
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    texts = [command.help, *(option.help for option in command.params if option.help)]
    written = [tag for text in texts for tag in re.findall(r"\\?\[([^\]]+)\]", text)]
    shown = run(name, "--help").stdout
    assert all(f"[{tag}]" in shown for tag in written)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, bayes_scaling.cli; print([m for m in ('pymc', 'numpy', 'pandas', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
