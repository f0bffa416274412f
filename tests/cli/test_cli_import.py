"""`bayes-scaling import`: what it writes and says, and the way from logs to a fit."""

from pathlib import Path

import pandas as pd
from commands import refused, run
from data.importers.samples import SAMPLES

from bayes_scaling.data.tables import read_table


def chart(folder: Path) -> tuple[Path, Path]:
    paths = folder / "chart.csv", folder / "runs.csv"
    for path, name in zip(paths, ("wandb_chart", "wandb_runs"), strict=True):
        path.write_text(SAMPLES[name].text, encoding="utf-8")
    return paths


def test_logs_become_a_table(tmp_path: Path) -> None:
    logs, runs = chart(tmp_path)
    out = tmp_path / "runs.parquet"
    result = run("import", logs, "--join", runs, "--tokens-per-step", "0.5M", "--out", out)
    assert result.exit_code == 0, result.output
    assert "run-a: 3 rows of eval/loss, steps 100 to 300" in result.output
    assert "missing: parameters (--params)" in result.output
    assert "note [log]: 'Group: big' is a group of runs" in result.output
    assert f"5 rows -> {out}" in result.output
    table = read_table(out)
    assert table["tokens"].tolist() == [50e6, 100e6, 150e6, 50e6, 150e6]
    assert table.attrs["units"]["params"] == "parameters"


def test_the_last_row_of_each_run_and_the_tables_behind_it(tmp_path: Path) -> None:
    logs, _ = chart(tmp_path)
    out, long = tmp_path / "runs.csv.out.csv", tmp_path / "long"
    sizes = ["--params", "run-a=124M", "--params", "Group: big=1B"]
    result = run("import", logs, *sizes, "--key", "eval/*", "--last", "--out", out, "--long", long)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out)
    assert table["params"].tolist() == [124e6, 1e9]
    assert table["eval/loss"].tolist() == [5.05, 4.81]
    assert sorted(path.name for path in long.iterdir()) == ["configs.csv", "metrics.parquet", "notes.txt", "sources.csv"]
    assert len(pd.read_parquet(long / "metrics.parquet")) == 9


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    logs, _ = chart(tmp_path)
    out = tmp_path / "x.parquet"
    refused(run("import", tmp_path / "no.csv", "--out", out), "no.csv: no such file")
    refused(run("import", logs, "--out", tmp_path / "x.xlsx"), "ends in .parquet or .csv")
    refused(run("import", logs, "--out", out, "--params", "tiny=3M"), "--params: no run 'tiny'", "run-a")
    refused(run("import", logs, "--out", out, "--params", "3M", "--params", "4M"), "--params", "RUN=NUMBER")
    refused(run("import", logs, "--out", out, "--tokens-per-step", "lots"), "--tokens-per-step: 'lots' is no number")
    refused(run("import", logs, "--out", out, "--key", "nope"), "no key 'nope'", "eval/loss")
    refused(run("import", logs, "--out", out, "--join", tmp_path / "none.csv"), "none.csv: no such file")
    assert not out.exists()
