"""What `import` refuses: each in one line that says what is wrong, and nothing is written over."""

import sqlite3
from pathlib import Path

import pytest
from commands import refused, run

import bayes_scaling as bs

TABLE = "run,step,loss\na,1,3.0\na,2,2.9\n"


def written(path: Path, text: str = TABLE) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_source_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = written(tmp_path / "logs" / "log.csv")
    for source in (log, tmp_path / "logs", f"{tmp_path}/logs/*.csv"):
        refused(run("import", source, "--out", log, "--force"), "log.csv: is one of the sources")
    other = written(tmp_path / "other.csv")
    refused(run("import", log, "--join", other, "--out", other, "--force"), "other.csv: is one of the sources")
    assert log.read_text() == other.read_text() == TABLE


def test_a_file_of_others_is_replaced_only_by_force(tmp_path: Path) -> None:
    log, kept = written(tmp_path / "log.csv"), written(tmp_path / "kept.csv", "mine\n")
    refused(run("import", log, "--out", kept), "kept.csv: is there already; --force replaces it")
    other = tmp_path / "kept.parquet"
    bs.read_logs(log).to_frame().to_parquet(other)
    refused(run("import", log, "--out", other), "kept.parquet: is there already")
    assert kept.read_text() == "mine\n"
    assert run("import", log, "--out", kept, "--force").exit_code == 0
    assert kept.read_text().startswith("run,step")


def test_its_own_parquet_is_replaced(tmp_path: Path) -> None:
    log, out = written(tmp_path / "log.csv"), tmp_path / "runs.parquet"
    for _ in range(2):
        result = run("import", log, "--out", out)
        assert result.exit_code == 0, result.output


def test_one_row_is_one_row(tmp_path: Path) -> None:
    result = run("import", written(tmp_path / "log.csv"), "--last", "--out", tmp_path / "o.csv")
    assert "1 row -> " in result.output


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--tokens-per-step", "1e-3", "no number of whole tokens, 1 or more"),
        ("--tokens-per-step", "1.5", "no number of whole tokens, 1 or more"),
        ("--tokens-per-step", "nan", "no number of whole tokens, 1 or more"),
        ("--params", "0.5", "number of 1 or more"),
        ("--name", "(?P<step>a)", "step of 'a' is 'a'; expected a number"),
        ("--name", "(?P<params>a)", "params of 'a' is 'a'; expected a number"),
        ("--name", r"(?P<step>\d)", "have steps of their own"),
    ],
)
def test_numbers_that_none_can_be(option: str, value: str, words: str, tmp_path: Path) -> None:
    log = written(tmp_path / "log1.csv")
    refused(run("import", log, option, value, "--out", tmp_path / "o.csv"), option, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"run,step,loss\n", "has a header, 'run,step,loss', and no rows"),
        (b"\n\n \n", "the file is blank"),
        (b"step loss\n1 3.0\n2 2.9\n", "split at spaces"),
        ("run,step,loss\nmodèle,1,3.0\n".encode("latin-1"), "no UTF-8: byte 0xe8 in line 2; save it as UTF-8"),
        (b'run,step,loss\n"a,1,3.0\na,2,2.9\nb,1,2.8\n', "row 1 below the header has a quote that is not closed"),
    ],
)
def test_why_a_file_is_no_log(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    result = run("import", path, "--out", tmp_path / "o.csv")
    refused(result, "log.csv: ", words)
    assert "expected one of" not in result.stderr


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    one, other = tmp_path / "b1", tmp_path / "b2"
    one.symlink_to(other)
    other.symlink_to(one)
    refused(run("import", one, "--out", tmp_path / "o.csv"), "b1: is neither file nor folder")
    refused(run("init", one, "--out", tmp_path / "o.toml"), "b1: ")


def test_a_metric_of_mlflow_that_is_text(tmp_path: Path) -> None:
    path = tmp_path / "my.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE experiments (experiment_id, name)")
        db.execute("CREATE TABLE runs (run_uuid, name, status, lifecycle_stage, experiment_id)")
        db.execute("CREATE TABLE metrics (run_uuid, key, step, value, is_nan)")
        db.execute("CREATE TABLE params (run_uuid, key, value)")
        db.execute("CREATE TABLE tags (run_uuid, key, value)")
        db.execute("INSERT INTO runs VALUES ('r', 'a', 'FINISHED', 'active', 1)")
        db.execute("INSERT INTO metrics VALUES ('r', 'loss', 1, 'abc', 0)")
    db.close()
    refused(run("import", path, "--out", tmp_path / "o.csv"), "my.db: table metrics, value of 'loss' is 'abc'")


def test_comments_above_a_table_are_skipped(tmp_path: Path) -> None:
    logs = bs.read_logs(written(tmp_path / "log.csv", f"# my run, by me\n#\n{TABLE}"))
    assert logs.to_frame()["loss"].tolist() == [3.0, 2.9]
    assert any("2 comment lines above the table" in note for note in logs.notes)
    named = bs.read_logs(written(tmp_path / "other.csv", "#,run,loss\n1,a,3\n2,b,2\n"))
    assert named.to_frame()["loss"].tolist() == [3, 2]


def test_a_number_of_many_digits_is_said(tmp_path: Path) -> None:
    logs = bs.read_logs(written(tmp_path / "a.jsonl", f'{{"step": 1, "loss": {"9" * 5000}}}\n{{"step": 2, "loss": 2.0}}\n'))
    assert any("loss is not finite in 1 row" in note for note in logs.notes)


@pytest.mark.parametrize("name", ["tag: baseline", "optimizer: adamw", "Group: big"])
def test_a_line_of_a_chart_with_ends_is_a_group(name: str, tmp_path: Path) -> None:
    heads = ",".join(f'"{name} - loss{end}"' for end in ("", "__MIN", "__MAX"))
    logs = bs.read_logs(written(tmp_path / "c.csv", f"Step,{heads}\n1,3,2,4\n2,2,1,3\n"))
    assert any(f"{name!r} is a group of runs" in note for note in logs.notes)
    bare = bs.read_logs(written(tmp_path / "d.csv", f"Step,{heads}\n1,3,2,4\n".replace(name, "a")))
    assert any("'a': a point of loss stands for several values" in note for note in bare.notes)
