"""Stores of MLflow, Trackio and wandb: every value, what is known of runs, and files that are cut, locked or damaged."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.importers.stores import MLFLOW, mlflow_folder, mlflow_run, offline_run, trackio

import bayes_scaling as bs
from bayes_scaling.data.importers import sqlite
from bayes_scaling.data.importers.record import Logs

NAN, INF = float("nan"), float("inf")
ROWS = [
    ("train/loss", 0, 5.0),
    ("eval/loss", 0, 4.5),
    ("train/loss", 10, NAN),
    ("train/loss", 20, INF),
    ("train/loss", 30, 3.0),
]


def mlflow(path: Path) -> Path:
    with sqlite3.connect(path) as connection:
        connection.executescript(MLFLOW)
        mlflow_run(connection, "parent", [], {"lr": "3e-4"})
        mlflow_run(
            connection, "small", ROWS, {"n": "100", "opt": "adamw"}, tags={"mlflow.parentRunId": "parent".ljust(32, "0")}
        )
        mlflow_run(connection, "big", ROWS[:2], {"n": "200"}, status="RUNNING", tags={"team": "alpha"})
        mlflow_run(connection, "gone", ROWS, {"n": "300"}, stage="deleted")
    connection.close()
    return path


def rows_of(logs: Logs, run: str) -> list[tuple[str, float, float]]:
    rows = logs.metrics[logs.metrics["run"] == run]
    return list(zip(rows["key"].astype(str), rows["step"], rows["value"], strict=True))


def same(found: list[tuple[str, float, float]], expected: list[tuple[str, int, float]]) -> bool:
    return repr(found) == repr([(key, float(step), value) for key, step, value in expected])


def test_mlflow_database(tmp_path: Path) -> None:
    path = mlflow(tmp_path / "mlflow.db")
    logs = bs.read_logs(path)
    assert list(logs.sources["run"]) == ["small", "big"]
    assert same(rows_of(logs, "small"), ROWS)
    configs = logs.configs.set_index("run")
    assert list(configs["parent"])[:1] == ["parent"]
    assert list(configs["experiment"]) == ["sweep", "sweep"]
    assert configs.loc["big", "team"] == "alpha"
    assert "mlflow.parentRunId" not in configs
    said = " ".join(logs.notes)
    assert all(part in said for part in ("left out: gone", "left out: parent", "big (RUNNING)", str(path)))


def test_mlflow_database_of_before_is_nan(tmp_path: Path) -> None:
    path = mlflow(tmp_path / "old.db")
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE m AS SELECT key, value, timestamp, run_uuid, step FROM metrics WHERE NOT is_nan;"
            "DROP TABLE metrics; ALTER TABLE m RENAME TO metrics"
        )
    connection.close()
    assert len(rows_of(bs.read_logs(path), "small")) == 4


def test_mlflow_steps_that_were_not_given_are_numbered(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.executescript(MLFLOW)
        mlflow_run(connection, "run", [("loss", 0, value) for value in (3.0, 2.0, 1.0)], {})
    connection.close()
    logs = bs.read_logs(tmp_path / "mlflow.db")
    assert rows_of(logs, "run") == [("loss", 1.0, 3.0), ("loss", 2.0, 2.0), ("loss", 3.0, 1.0)]
    assert bool(logs.sources["numbered"].iloc[0])


def test_mlflow_folder(tmp_path: Path) -> None:
    mlflow_folder(tmp_path / "mlruns", "small", ROWS, {"n": "100"})
    mlflow_folder(tmp_path / "mlruns", "big", ROWS[:2], {"n": "200"}, status=1)
    logs = bs.read_logs(tmp_path / "mlruns")
    assert list(logs.sources["run"]) == ["big", "small"]
    eval_first = [ROWS[1], *ROWS[:1], *ROWS[2:]]
    assert same(rows_of(logs, "small"), eval_first)
    assert list(logs.configs["experiment"]) == ["it's a sweep"] * 2
    assert list(logs.configs["team"]) == ["alpha"] * 2
    assert any("big (RUNNING)" in note for note in logs.notes)


def test_mlflow_folder_with_a_line_that_is_cut(tmp_path: Path) -> None:
    folder = mlflow_folder(tmp_path / "mlruns", "small", ROWS, {})
    metric = folder / "metrics/train/loss"
    metric.write_text(metric.read_text(encoding="utf-8") + "1009", encoding="utf-8")
    logs = bs.read_logs(folder / "meta.yaml")
    assert len(rows_of(logs, "small")) == 5
    assert any("metrics/train/loss: the last line is cut" in note for note in logs.notes)
    metric.write_text("what is this\n1 2 3\n", encoding="utf-8")
    with pytest.raises(bs.InputError, match="metrics/train/loss: line 1 is 'what is this'"):
        bs.read_logs(folder / "meta.yaml")


def test_trackio_project(tmp_path: Path) -> None:
    rows = [(0, '{"loss": 5.0, "eval": {"loss": 4.0}}'), (10, '{"loss": "NaN", "note": "words"}'), (20, '{"loss": "Infinity"}')]
    path = trackio(tmp_path / "sweep.db", {"small": ({"model": {"n": 100}, "_Created": "x"}, rows), "big": ({}, rows[:1])})
    logs = bs.read_logs(path)
    found = [("loss", 0, 5.0), ("eval.loss", 0, 4.0), ("loss", 10, NAN), ("loss", 20, INF)]
    assert same(rows_of(logs, "small"), found)
    assert same(rows_of(logs, "big"), found[:2])
    assert "_Created" not in logs.configs
    assert logs.configs["model.n"].iloc[0] == 100


def test_trackio_row_that_is_no_json(tmp_path: Path) -> None:
    path = trackio(tmp_path / "sweep.db", {"small": ({}, [(0, '{"loss": 5.0}'), (1, "{loss")])})
    with pytest.raises(bs.InputError, match=f"{path}: row 2 of the table metrics is no JSON"):
        bs.read_logs(path)


def test_what_is_written_meanwhile_is_read_with_its_write_ahead_log(tmp_path: Path) -> None:
    path = trackio(tmp_path / "sweep.db", {"small": ({}, [(0, '{"loss": 5.0}')])})
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    add = "INSERT INTO metrics VALUES (NULL, 'small-id', '', 'small', ?, '{\"loss\": 1.0}')"
    writer.execute(add, (1,))
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(add, (2,))
    assert path.with_name("sweep.db-wal").stat().st_size > 0
    assert [step for _, step, _ in rows_of(bs.read_logs(tmp_path), "small")] == [0, 1]
    writer.execute("COMMIT")
    assert [step for _, step, _ in rows_of(bs.read_logs(tmp_path), "small")] == [0, 1, 2]
    writer.close()


def test_a_database_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mlflow(tmp_path / "mlflow.db")
    monkeypatch.setattr(sqlite, "PATIENCE", 0.0)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(bs.InputError, match=f"{path}: another program is writing to it"):
        bs.read_logs(path)
    writer.execute("ROLLBACK")
    writer.close()


def test_a_database_that_was_cut(tmp_path: Path) -> None:
    path = mlflow(tmp_path / "mlflow.db")
    whole = path.read_bytes()
    for size in (50, 4096, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(bs.InputError, match=f"{path}: (is no SQLite file that can be read, or was cut|no known log)"):
            bs.read_logs(path)


def test_a_database_of_something_else(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE shop (name TEXT)")
    connection.close()
    with pytest.raises(bs.InputError, match=r"other.db: .*SQLite.*shop"):
        bs.read_logs(tmp_path / "other.db")


def test_a_database_in_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    path = trackio(tmp_path / "sweep.db", {"small": ({}, [(0, '{"loss": 5.0}')])})
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    tmp_path.chmod(0o555)
    try:
        assert len(bs.read_logs(path).metrics) == 1
    finally:
        tmp_path.chmod(0o755)


def test_wandb_history_as_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"_step": [0, 10, 20], "_timestamp": 1.0, "_runtime": [1.0, 2.0, 3.0]})
    frame = frame.assign(loss=[5.0, NAN, 3.0], histogram=[[1], [2], [3]], name="x")
    table = frame.to_parquet(tmp_path / "abc.parquet", index=False)
    assert table is None
    logs = bs.read_logs(tmp_path / "abc.parquet")
    assert same([row for row in rows_of(logs, "abc") if row[0] == "loss"], [("loss", 0, 5.0), ("loss", 20, 3.0)])
    assert list(logs.metrics["key"].cat.categories) == ["_runtime", "loss"]
    assert any("left out: name, histogram" in note for note in logs.notes)


def test_numbered_parquet_files_of_a_folder_are_one_run(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    for part in range(2):
        frame = pd.DataFrame({"_step": np.arange(3) + 3 * part, "loss": 1.0 * part})
        frame.to_parquet(tmp_path / "abc" / f"000{part}.parquet", index=False)
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["abc"]
    assert list(logs.metrics["step"]) == [0, 1, 2, 3, 4, 5]


def test_a_parquet_file_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "abc.parquet"
    pd.DataFrame({"_step": np.arange(3_000), "loss": np.random.default_rng(0).normal(size=3_000)}).to_parquet(path, index=False)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(bs.InputError, match=f"{path}: .*Parquet.*damaged or cut"):
        bs.read_logs(path)


def offline_rows(count: int) -> list[dict[str, object]]:
    return [
        {"_step": 10 * i, "_runtime": i, "train/loss": "NaN" if i == 1 else 5.0 / (i + 1), "big": "x" * 300}
        for i in range(count)
    ]


def test_wandb_offline_run(tmp_path: Path) -> None:
    path = tmp_path / "wandb" / "offline-run-1" / "run-abc.wandb"
    offline_run(path, "small", {"model": {"n": 100}, "lr": 3e-4}, offline_rows(500))
    (path.parent / "files").mkdir()
    (path.parent / "files" / "output.log").write_text('{"step": 1, "loss": 1.0}\n', encoding="utf-8")
    assert path.stat().st_size > 2 * 32_768
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["small"]
    found = rows_of(logs, "small")
    assert len(found) == 1_000
    assert same(found[:4], [("_runtime", 0, 0.0), ("train/loss", 0, 5.0), ("_runtime", 10, 1.0), ("train/loss", 10, NAN)])
    assert json.loads(logs.configs.drop(columns="run").to_json(orient="records"))[0] == {
        "model.n": 100,
        "lr": 3e-4,
        "id": "smallid",
    }
    assert not any("abc" in note for note in logs.notes)


@pytest.mark.parametrize("size", [7, 10, 32_768, 40_000])
def test_a_wandb_offline_run_that_was_cut(tmp_path: Path, size: int) -> None:
    path = offline_run(tmp_path / "run-abc.wandb", "small", {}, offline_rows(500))
    path.write_bytes(path.read_bytes()[:size])
    logs = bs.read_logs(path)
    assert len(logs.metrics) < 500
    assert any(str(path) in note and ("read up to there" in note or "not finished" in note) for note in logs.notes)


def test_a_wandb_offline_run_that_is_damaged_or_goes_on(tmp_path: Path) -> None:
    path = offline_run(tmp_path / "run-abc.wandb", "small", {}, offline_rows(50), ended=False)
    assert any("had not finished" in note for note in bs.read_logs(path).notes)
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)
    logs = bs.read_logs(path)
    assert 0 < len(logs.metrics) < 100
    assert any("checksum does not fit" in note for note in logs.notes)


def test_a_table_of_a_log_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"run": ["small"] * 3 + ["big"] * 2, "step": [0, 10, 20, 0, 10], "lr": 0.1, "when": pd.Timestamp(0)})
    frame = frame.assign(loss=[5.0, NAN, 3.0, 4.0, 2.0], kind=["dense"] * 3 + ["moe"] * 2)
    frame.to_parquet(tmp_path / "log.parquet", index=False)
    logs = bs.read_logs(tmp_path / "log.parquet")
    assert rows_of(logs, "small")[-1] == ("loss", 20.0, 3.0)
    assert [row for row in rows_of(logs, "big") if row[0] == "loss"] == [("loss", 0.0, 4.0), ("loss", 10.0, 2.0)]
    assert logs.configs.set_index("run").loc["big", "kind"] == "moe"
    assert any("left out: when" in note for note in logs.notes)


def test_what_import_wrote_is_read_back(tmp_path: Path) -> None:
    rows = [(0, '{"loss": 5.0, "lr": 0.1}'), (10, '{"loss": 4.0}')]
    logs = bs.read_logs(trackio(tmp_path / "sweep.db", {"small": ({}, rows), "big": ({}, rows[:1])}))
    logs.metrics.to_parquet(tmp_path / "metrics.parquet", index=False)
    pd.testing.assert_frame_equal(bs.read_logs(tmp_path / "metrics.parquet").metrics, logs.metrics)


def test_a_parquet_file_without_numbers_is_no_log(tmp_path: Path) -> None:
    pd.DataFrame({"name": ["a"]}).to_parquet(tmp_path / "names.parquet", index=False)
    with pytest.raises(bs.InputError, match=r"names.parquet: no known log, it is Parquet with the columns \['name'\]"):
        bs.read_logs(tmp_path / "names.parquet")
