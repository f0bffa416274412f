"""`bayes-scaling stop`: a decision, a table and a figure; one line for wrong input, and nothing written."""

from pathlib import Path

import pandas as pd
import pytest
from commands import refused, run
from test_forecast import END, begun, drawn

import bayes_scaling as bs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(drawn(400), tmp_path_factory.mktemp("family") / "fit.nc").parent


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    shifts = {"a": 0.0, "b": 0.01, "c": 0.3}
    table = pd.concat([begun(shift).assign(run=name) for name, shift in shifts.items()])
    table.to_csv(tmp_path / "logs.csv", index=False)
    return tmp_path / "logs.csv"


def test_a_decision_is_a_sentence_a_table_and_a_figure(folder: Path, logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "stop.csv"
    result = run("stop", folder, "--run", logs, "--at", END, "--tolerance", 0.01, "--out", out)
    assert result.exit_code == 0, result.output
    said = result.stdout.splitlines()[0]
    assert said.startswith("Go on with a")
    assert "c: expected regret" in said
    table = pd.read_csv(out).set_index("run")
    assert table.loc["c", "decision"] == "stop"
    assert out.with_suffix(".png").stat().st_size > 5_000
    again = run(
        "stop", folder, "--run", logs, "--at", END, "--budget", 2000, "--restart", "--cost-per-token", "a=1", "--out", out
    )
    refused(again, "cost_per_token is given for ['a']")
    assert run("stop", folder, "--run", logs, "--at", END, "--restart", "--out", out).exit_code == 0
    assert len(pd.read_csv(out)) == 6


def test_wrong_input_is_one_line_and_nothing_is_written(folder: Path, logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "none.csv"
    one = tmp_path / "one.csv"
    begun().to_csv(one, index=False)
    refused(run("stop", folder, "--run", one, "--at", END, "--out", out), "begun is the only run")
    refused(run("stop", folder, "--run", logs, "--at", END, "--budget", 1, "--out", out), "within a budget of 1")
    refused(run("stop", folder, "--run", logs, "--at", END, "--cost-per-token", "a=x", "--out", out), "expected RUN=COST")
    assert not out.exists()
