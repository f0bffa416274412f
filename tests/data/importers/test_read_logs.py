"""Runs, what is known of them, and what is odd: names, options, restarts, missing numbers, and tidy tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data.importers.samples import SAMPLES

import bayes_scaling as bs
from bayes_scaling.data.importers.naming import run_name
from bayes_scaling.data.importers.record import Logs
from bayes_scaling.model.studies.propose.proposal import propose_study
from bayes_scaling.model.studies.propose.sources import logs_of

NAN = float("nan")


def jsonl(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def losses(path: Path, steps: list[float], values: list[float] | None = None) -> Path:
    return jsonl(path, [{"step": step, "loss": of} for step, of in zip(steps, values or [5.0 - s for s in steps], strict=True)])


def said(logs: Logs, *words: str) -> bool:
    return any(all(word in note for word in words) for note in logs.notes)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("sweep/small.jsonl", "small"),
        ("sweep/small/metrics.csv", "small"),
        ("big/checkpoint-200/trainer_state.json", "big"),
        ("lightning_logs/version_3/metrics.csv", "version_3"),
        ("train.log", "train"),
        ("logs.zip#a/log.txt.gz", "a"),
    ],
)
def test_runs_are_called_after_what_tells_them_apart(source: str, name: str) -> None:
    assert run_name(source) == name


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("seed1", "seed2"):
        losses(tmp_path / folder / "small.jsonl", [1, 2])
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["seed1/small", "seed2/small"]
    assert said(logs, "2 runs are called 'small'", "seed1", "seed2")


def test_runs_of_one_name_are_numbered_where_folders_do_not_tell(tmp_path: Path) -> None:
    chart = SAMPLES["wandb_chart"].text.replace("Group: big", "run-a")
    (tmp_path / "chart.csv").write_text(chart, encoding="utf-8")
    logs = bs.read_logs(tmp_path / "chart.csv")
    assert list(logs.sources["run"]) == ["run-a", "run-a (2)"]
    assert said(logs, "stands there more than once", "run-a (2)")


def test_exports_of_one_project_are_one_run(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(SAMPLES["wandb_chart"].text, encoding="utf-8")
    (tmp_path / "two.csv").write_text(SAMPLES["wandb_chart"].text.replace("eval/loss", "train/loss"), encoding="utf-8")
    (tmp_path / "runs.csv").write_text(SAMPLES["wandb_runs"].text, encoding="utf-8")
    logs = bs.read_logs(tmp_path)
    table = logs.to_frame(last=True).set_index("run")
    assert list(table.index) == ["run-a", "Group: big", "run-b"]
    assert table.loc["run-a", ["params", "eval/loss", "train/loss"]].tolist() == [124e6, 5.05, 5.05]
    assert table.loc["run-a", "config.eval/loss"] == 3.31


def test_a_join_of_runs_that_finished_gives_sizes(tmp_path: Path) -> None:
    (tmp_path / "chart.csv").write_text(SAMPLES["wandb_chart"].text, encoding="utf-8")
    (tmp_path / "runs.csv").write_text(SAMPLES["wandb_runs"].text, encoding="utf-8")
    logs = bs.read_logs(tmp_path / "chart.csv", join=tmp_path / "runs.csv", tokens_per_step="0.5M", keys=["eval/loss"])
    table = logs.to_frame(last=True)
    assert table.loc[0, ["run", "step", "tokens", "params", "eval/loss"]].tolist() == ["run-a", 300.0, 150e6, 124e6, 5.05]
    assert said(logs, "runs.csv has no row of 1 run", "Group: big")
    assert said(logs, "runs.csv has 1 run without a log", "run-b")
    assert logs.sources["missing"].tolist() == ["", "parameters (--params)"]
    assert "_step" not in table
    assert "3 rows that are checkpoints of 1 run" in propose(tmp_path, logs)


def propose(folder: Path, logs: Logs) -> str:
    """Return what is proposed for imported logs once they are a file, with a column that W&B's own histories have."""
    logs.to_frame().assign(_step=1.0).to_parquet(folder / "runs.parquet")
    assert logs_of([folder / "runs.parquet"]) is None
    return propose_study(folder / "runs.parquet").summary()


def test_a_joined_table_fills_what_logs_leave_open(tmp_path: Path) -> None:
    for name in ("N5000_D1_a", "N7000_D1_b"):
        losses(tmp_path / f"{name}.jsonl", [0, 10])
    join = pd.DataFrame({"run": ["N5000_D1_a", "N7000_D1_b"], "params": [np.nan, 9000.0], "width": [64, 128]})
    logs = bs.read_logs(tmp_path, join=join, name=r"N(?P<params>\d+)_")
    configs = logs.configs.set_index("run")
    assert configs["width"].tolist() == [64, 128]
    assert configs["params"].tolist() == [5000, 9000]
    assert said(logs, "both say params")


def test_parameters_and_tokens_by_option(tmp_path: Path) -> None:
    for run in ("a", "b"):
        losses(tmp_path / f"{run}.jsonl", [0, 10])
    assert bs.read_logs(tmp_path).sources["missing"].tolist() == ["parameters (--params), tokens (--tokens-per-step)"] * 2
    logs = bs.read_logs(tmp_path, params={"a": "124M", "b": 3.5e8}, tokens_per_step=1024)
    table = logs.to_frame()
    assert table["params"].tolist() == [124e6, 124e6, 3.5e8, 3.5e8]
    assert table["tokens"].tolist() == [0.0, 10240.0, 0.0, 10240.0]
    assert table.attrs["units"]["params"] == "parameters"
    assert logs.sources["missing"].tolist() == ["", ""]
    for wrong, words in (
        ({"c": 1}, "no run 'c'"),
        ("many", "'many' is no number of 1 or more"),
        (-1, "-1 is no number of 1 or more"),
    ):
        with pytest.raises(bs.InputError, match=f"--params: {words}"):
            bs.read_logs(tmp_path, params=wrong)


def test_counts_that_differ_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(SAMPLES["nested"].text, encoding="utf-8")
    logs = bs.read_logs(path)
    assert "params" not in logs.configs
    assert "--params; it may be 'weight_params' or 'total_params'" in logs.sources["missing"][0]
    assert bs.read_logs(path, params="total_params").to_frame()["params"].unique().tolist() == [21549.0]


def test_names_say_what_a_pattern_finds(tmp_path: Path) -> None:
    for size in ("10M", "0.4B"):
        losses(tmp_path / f"gpt-{size}-seed7.jsonl", [1, 2])
    logs = bs.read_logs(tmp_path, name=r"gpt-(?P<params>[\d.]+[MB])-seed(?P<seed>\d+)")
    table = logs.configs.set_index("run")
    assert table["params"].to_dict() == {"gpt-0.4B-seed7": 4e8, "gpt-10M-seed7": 1e7}
    assert set(table["seed"]) == {7.0}
    renamed = bs.read_logs(tmp_path, name=r"(?P<run>[\d.]+[MB])")
    assert list(renamed.to_frame()["run"].unique()) == ["0.4B", "10M"]
    for wrong, words in (("(", "no regular expression"), ("gpt", "no named group"), ("(?P<x>zzz)", "matches no run")):
        with pytest.raises(bs.InputError, match=words):
            bs.read_logs(tmp_path, name=wrong)
    with pytest.raises(bs.InputError, match="gives two runs the name 'gpt'"):
        bs.read_logs(tmp_path, name=r"(?P<run>gpt)")


def test_a_restart_replaces_what_was_written_beyond_it(tmp_path: Path) -> None:
    logs = bs.read_logs(losses(tmp_path / "a.jsonl", [0, 10, 20, 30, 20, 30, 40], [9, 8, 7, 6, 5, 4, 3]))
    assert logs.to_frame()[["step", "loss"]].to_numpy().tolist() == [[0, 9], [10, 8], [20, 5], [30, 4], [40, 3]]
    assert len(logs.metrics) == 7
    assert said(logs, "2 rows of loss in run 'a'", "after a restart")


def test_a_restart_of_one_metric_leaves_others(tmp_path: Path) -> None:
    rows = [{"step": s, "loss": 1.0} for s in (1, 2, 3, 2, 3)]
    logs = bs.read_logs(jsonl(tmp_path / "a.jsonl", [{"step": 3, "eval": 2.0}, *rows]))
    assert logs.to_frame()["eval"].dropna().tolist() == [2.0]


def test_a_log_that_starts_over_after_its_end_is_two_runs(tmp_path: Path) -> None:
    logs = bs.read_logs(losses(tmp_path / "a.jsonl", [0, 10, 20, 0, 10, 20], [3, 2, 1, 6, 5, 4]))
    assert logs.to_frame()["loss"].tolist() == [3, 2, 1, 6, 5, 4]
    assert list(logs.sources["run"]) == ["a", "a (2)"]
    assert said(logs, "a.jsonl", "starts over at step 0", "2 logs in one file")


def test_rows_in_no_order_are_sorted(tmp_path: Path) -> None:
    steps = np.random.default_rng(0).permutation(100).astype(float).tolist()
    logs = bs.read_logs(losses(tmp_path / "a.jsonl", steps))
    table = logs.to_frame()
    assert table["step"].tolist() == sorted(steps)
    assert said(logs, "sorted by step")


def test_two_values_at_one_step_are_said(tmp_path: Path) -> None:
    logs = bs.read_logs(losses(tmp_path / "a.jsonl", [1, 1, 2, 2], [5, 4, 3, 3]))
    assert logs.to_frame()["loss"].tolist() == [4, 3]
    assert said(logs, "1 row of loss in run 'a'", "the last is kept")
    assert said(logs, "written twice")


def test_numbers_that_are_none_are_kept_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,loss,note\n1,5.0,\n2,nan,\n3,NaN,\n4,,\n5,inf,\n", encoding="utf-8")
    logs = bs.read_logs(path)
    assert logs.metrics["step"].tolist() == [1, 2, 3, 5]
    assert repr(logs.metrics["value"].tolist()) == "[5.0, nan, nan, inf]"
    assert said(logs, "loss is not finite in 3 rows of run 'a', the first at step 2")


def test_numbers_as_text_are_numbers_only_where_the_whole_column_is(tmp_path: Path) -> None:
    rows = [{"step": str(i), "loss": f"{5 - i}.5", "tag": "7" if i else "x", "code": "007"} for i in range(3)]
    logs = bs.read_logs(jsonl(tmp_path / "a.jsonl", rows))
    assert logs.to_frame()["loss"].tolist() == [5.5, 4.5, 3.5]
    assert logs.configs["code"].tolist() == ["007"]
    assert said(logs, "tag of a is text that changes along the run")


def test_metrics_of_different_steps_keep_their_rows(tmp_path: Path) -> None:
    rows = [{"step": 10, "loss": 5.0}, {"step": 15, "eval": 4.0}, {"step": 20, "loss": 3.0}, {"step": 20, "eval": 3.5}]
    logs = bs.read_logs(jsonl(tmp_path / "a.jsonl", rows))
    assert repr(logs.to_frame()[["loss", "eval"]].to_numpy().tolist()) == "[[5.0, nan], [nan, 4.0], [3.0, 3.5]]"
    assert logs.to_frame(["ev*"])["step"].tolist() == [15, 20]
    assert logs.to_frame(last=True)[["step", "loss", "eval"]].to_numpy().tolist() == [[20, 3.0, 3.5]]
    assert list(bs.read_logs(tmp_path, keys=["loss"]).metrics["key"].unique()) == ["loss"]
    with pytest.raises(bs.InputError, match=r"no key 'x'; the logs have \['loss', 'eval'\]"):
        logs.to_frame(["x"])
    with pytest.raises(bs.InputError, match=r"no key 'x'"):
        bs.read_logs(tmp_path, keys=["x"])


def test_of_checkpoints_the_last_is_read(tmp_path: Path) -> None:
    for step in (100, 200, 1000):
        path = tmp_path / f"small/checkpoint-{step}/trainer_state.json"
        path.parent.mkdir(parents=True)
        history = [{"step": s, "loss": 1000.0 / s} for s in range(100, step + 1, 100)]
        path.write_text(json.dumps({"global_step": step, "log_history": history}), encoding="utf-8")
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["small"]
    assert logs.to_frame()["step"].tolist() == list(range(100, 1001, 100))
    assert "checkpoint-1000" in logs.sources["source"].iloc[0]
    assert logs.notes == ()
    assert not said(logs, "written twice")


def test_what_is_beside_a_lightning_log_is_known(tmp_path: Path) -> None:
    path = tmp_path / "tiny/metrics.csv"
    path.parent.mkdir()
    path.write_text(SAMPLES["lightning"].text, encoding="utf-8")
    hparams = "lr: 0.001\nmodel:\n  n_params: 1200000\n  act: gelu\nbad: !!python/object/apply:os.system ['true']\nnone: null\n"
    (path.parent / "hparams.yaml").write_text(hparams, encoding="utf-8")
    logs = bs.read_logs(path)
    assert logs.configs.loc[0, ["lr", "model.n_params", "model.act", "params"]].tolist() == [0.001, 1.2e6, "gelu", 1.2e6]
    assert "bad" not in logs.configs
    assert said(logs, "hparams.yaml", "1 line no plain entry")


def test_tokens_along_runs_are_taken_from_a_key(tmp_path: Path) -> None:
    logs = bs.read_logs(jsonl(tmp_path / "a.jsonl", [{"step": 1, "loss": 3.0, "train/tokens": 512}, {"step": 2, "loss": 2.0}]))
    assert repr(logs.to_frame()["tokens"].tolist()) == "[512.0, nan]"
    assert said(logs, "tokens of rows are read from 'train/tokens'")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("blank.jsonl", b"\n\n", "the file is blank"),
        ("garbage.csv", bytes(range(256)) * 4, "no known log"),
        ("trainer_state.json", b'{"log_history": [', "log_history"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00", "no known log"),
        ("prose.md", b"# Notes\n\nNothing here.\n", "no known log"),
        ("header.csv", b"step,loss\n", "no rows"),
    ],
)
def test_what_is_no_log_is_refused_with_its_name(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(bs.InputError, match=words) as refused:
        bs.read_logs(path)
    assert str(path) in str(refused.value)


def test_garbage_behind_a_good_beginning_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"step,loss\n1,2.0\n2,1.5\n\xff\xfe\xfa\x00\n" + b"3,1.0\n" * 20)
    with pytest.raises(bs.InputError, match=r"a\.csv: no known log, it is no text: byte 0xff in line 4"):
        bs.read_logs(path)


def test_a_folder_without_logs_says_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(bs.InputError, match="no log was found"):
        bs.read_logs(tmp_path)
    (tmp_path / "notes.txt").write_text("hello\n", encoding="utf-8")
    with pytest.raises(bs.InputError, match=r"no log was found; left out: .*notes\.txt"):
        bs.read_logs(tmp_path)
    with pytest.raises(bs.InputError, match="no such file or folder"):
        bs.read_logs(tmp_path / "none")


def test_runs_of_a_table_without_names_have_their_row(tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    path.write_text("N,D,loss\n1e6,2e7,4.0\n2e6,4e7,3.5\n1e6,4e7,3.8\n", encoding="utf-8")
    logs = bs.read_logs(path)
    assert list(logs.sources["run"]) == ["sweep row 1", "sweep row 2", "sweep row 3"]
    assert logs.to_frame()["loss"].tolist() == [4.0, 3.5, 3.8]


def test_what_was_imported_is_read_as_runs(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"run": list("abc"), "params": ["10M", "20M", "40M"], "loss": [4.0, 3.5, 3.0], "tokens": [1e8, 2e8, 4e8]}
    )
    path = tmp_path / "sweep.csv"
    frame.to_csv(path, index=False)
    table = bs.read_logs(path).to_frame()
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")})
    assert bs.read_runs(table, columns).table["params"].tolist() == [1e7, 2e7, 4e7]


def test_runs_in_one_table_are_told_apart_by_sizes_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "ladder.csv"
    path.write_text(
        "n_params,opt,step,loss\n10,a,1,5\n10,a,2,4\n20,a,1,4.5\n20,a,2,3.5\n20,b,1,4.4\n20,b,2,3.4\n", encoding="utf-8"
    )
    logs = bs.read_logs(path)
    assert list(logs.sources["run"]) == ["ladder 10 a", "ladder 20 a", "ladder 20 b"]
    assert logs.to_frame(last=True)[["params", "opt", "loss"]].to_numpy().tolist() == [
        [10, "a", 4],
        [20, "a", 3.5],
        [20, "b", 3.4],
    ]
    assert said(logs, "rows are of 3 runs, told apart by n_params, opt")


def test_logs_show_themselves(tmp_path: Path) -> None:
    logs = bs.read_logs(losses(tmp_path / "a.jsonl", [1, 2]))
    assert logs.summary().startswith("a: 2 rows of loss, steps 1 to 2 (JSON lines, ")
    assert "<table" in logs._repr_html_()
