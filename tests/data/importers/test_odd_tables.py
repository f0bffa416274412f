"""Tables that are easily misread: each is read right, or refused with its place; nothing is left out unsaid."""

from pathlib import Path

import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.importers.record import Logs


def read(folder: Path, text: str, file: str = "mine.csv", **options: str) -> Logs:
    (folder / file).write_text(text, encoding="utf-8")
    return bs.read_logs(folder / file, **options)


def said(logs: Logs, *words: str) -> bool:
    return any(all(word in note for word in words) for note in logs.notes)


@pytest.mark.parametrize(
    "text",
    [
        "step,train_loss,val_loss\n100,3.0,0.25\n200,2.9,0.25\n",
        "run,step,val_loss,acc\na,1,2.5,0.0\na,2,2.5,0.1\n",
        "run,step,loss,bits\na,1,3,2\na,2,2.9,2\nb,1,3,2\nb,2,2.8,2\n",
        "Step,gpt-small,gpt-large,gpt-xl\n1,3.0,3.1,2\n2,2.9,3.0,2\n",
        "run,step,loss,optimizer,lr\na,1,3,adam,0.1\na,2,2.9,adam,0.1\n",
    ],
)
def test_a_column_that_does_not_vary_stays(tmp_path: Path, text: str) -> None:
    logs = read(tmp_path, text)
    table, before = logs.to_frame(), pd.read_csv(tmp_path / "mine.csv")
    for name in [name for name in before if name.lower() not in ("run", "step")]:
        assert table[name].tolist() == before[name].tolist()
    for metric in {"loss", "val_loss"} & set(before):
        assert metric in set(logs.metrics["key"])


CONSTANT = {
    "csv": "step,val/loss,learning_rate\n100,3.0,3e-4\n200,2.9,3e-4\n300,2.8,3e-4\n",
    "jsonl": "".join(
        f'{{"step": {step}, "loss": {loss}, "lr": 3e-4}}\n' for step, loss in ((100, 3.0), (200, 2.9), (150, 2.8))
    ),
}


@pytest.mark.parametrize(("ending", "name"), [("csv", "learning_rate"), ("jsonl", "lr")])
def test_a_metric_that_does_not_vary_in_some_files_is_one_in_all(tmp_path: Path, ending: str, name: str) -> None:
    constant = CONSTANT[ending]
    (tmp_path / f"one.{ending}").write_text(constant)
    (tmp_path / f"other.{ending}").write_text(constant.replace("3e-4", "1e-4", 1))
    table = bs.read_logs(tmp_path).to_frame()
    assert f"config.{name}" not in table
    assert table[name].notna().all()
    assert set(table[table["run"] == "one"][name]) == {3e-4}
    alone = bs.read_logs(tmp_path / f"one.{ending}").to_frame()
    assert set(alone[name]) == {3e-4}


def test_a_peak_that_a_configuration_says_is_no_metric(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"lr": 1e-3, "n": 5}\n{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.9}\n')
    (tmp_path / "b.jsonl").write_text('{"step": 1, "loss": 3.0, "lr": 2e-4}\n{"step": 2, "loss": 2.9, "lr": 1e-4}\n')
    table = bs.read_logs(tmp_path).to_frame()
    assert table["config.lr"].notna().sum() == 2
    assert table["lr"].notna().sum() == 2


def test_rows_of_a_restart_are_counted_once_for_all_their_metrics(tmp_path: Path) -> None:
    rows = "".join(f"{step},{3 - step / 1000},{step * 1e-6}\n" for step in [*range(100, 1100, 100), *range(600, 1600, 100)])
    assert said(read(tmp_path, f"step,loss,lr\n{rows}"), "5 rows of loss, lr in run 'mine' written again after a restart")


def test_settings_that_are_the_same_are_left_out_only_where_it_is_said(tmp_path: Path) -> None:
    for count, there in ((20, True), (21, False)):
        names = [f"setting{i}" for i in range(count)]
        rows = "".join(f"a,{step},{3 - step / 10}{',1' * count}\n" for step in (1, 2))
        logs = read(tmp_path, f"run,step,loss,{','.join(names)}\n{rows}")
        assert ("setting0" in logs.to_frame()) == there
        assert said(logs, "same in all runs", "setting0") != there
        assert "setting0" in logs.configs


@pytest.mark.parametrize(
    ("header", "key"),
    [("step,run-a,run-b", "value"), ("step,loss run-a,loss run-b", "loss"), ("step,acc/run_1,acc/run_2", "acc")],
)
def test_runs_side_by_side(tmp_path: Path, header: str, key: str) -> None:
    logs = read(tmp_path, f"{header}\n1,3.0,3.1\n2,2.9,3.0\n")
    table = logs.to_frame()
    assert table[key].tolist() == [3.0, 2.9, 3.1, 3.0]
    assert list(table["run"]) == [name.split()[-1].split("/")[-1] for name in header.split(",")[1:] for _ in range(2)]
    assert said(logs, "are a run each")


def test_a_column_of_one_run_names_no_rows(tmp_path: Path) -> None:
    logs = read(tmp_path, "step,run-a,run-b,lr\n1,3.0,3.1,0.1\n2,2.9,3.0,0.2\n")
    assert list(logs.sources["run"]) == ["mine"]
    assert logs.to_frame()["run-b"].tolist() == [3.1, 3.0]


@pytest.mark.parametrize("name", ["run", "run_id", "Run Name", "wandb_run_id", "job number"])
def test_columns_that_name_runs(tmp_path: Path, name: str) -> None:
    logs = read(tmp_path, f"{name},step,loss\n7,1,3.0\n7,2,2.9\n8,1,3.1\n")
    assert list(logs.sources["run"]) == ["7", "8"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("date", ["2026-01-02", "2026-01-03"]),
        ("timestamp", ["2026-01-02T03:04:05Z", "2026-01-02T03:05:05.123+02:00"]),
        ("time", ["12:00:01", "12:00:01"]),
        ("checkpoint", ["out/ckpt-100.pt", "out/ckpt-200.pt"]),
        ("tag", ["x", "y"]),
    ],
)
def test_what_differs_in_every_row_while_steps_rise_is_no_run(tmp_path: Path, name: str, cells: list[str]) -> None:
    logs = read(tmp_path, f"{name},step,loss\n{cells[0]},100,3.0\n{cells[1]},200,2.9\n")
    assert logs.to_frame()[["run", "step", "loss"]].to_numpy().tolist() == [["mine", 100, 3.0], ["mine", 200, 2.9]]


def test_times_are_no_runs_where_steps_fall(tmp_path: Path) -> None:
    rows = '{{"time": "2026-01-02T03:04:0{0}", "step": {1}, "loss": {2}}}\n'
    text = "".join(rows.format(i, step, 3 - i / 10) for i, step in enumerate([1, 2, 3, 2, 3]))
    assert list(read(tmp_path, text, "mine.jsonl").sources["run"]) == ["mine"]


@pytest.mark.parametrize("text", ["step,loss,loss\n1,3.0,5.0\n", "run,params,params,loss\na,1M,2M,3\nb,2M,3M,2\n"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(bs.InputError, match=r"mine\.csv: two columns are called '(loss|params)', and row 1 has '.*' and '.*'"):
        read(tmp_path, text)


def test_copies_of_columns_count_once(tmp_path: Path) -> None:
    logs = read(tmp_path, "step,loss,loss\n1,3.0,3.0\n2,2.9,2.9\n")
    assert logs.to_frame()["loss"].tolist() == [3.0, 2.9]
    assert said(logs, "'loss' stands there twice, alike")


def test_keys_that_stand_twice_in_json_are_said(tmp_path: Path) -> None:
    logs = read(tmp_path, '{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 3.0, "loss": 4.0}\n', "mine.jsonl")
    assert said(logs, "mine.jsonl, line 2: 'loss' stands twice")
    logs = read(tmp_path, '[{"step": 2, "loss": 3.0, "loss": 4.0}]', "mine.json")
    assert said(logs, "'loss' stands twice")


def test_a_step_beyond_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bs.InputError, match="column 'step', row 2: '12345678901234567890' is no step"):
        read(tmp_path, '{"step": 1, "loss": 3}\n{"step": 12345678901234567890, "loss": 2}\n', "mine.jsonl")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["small", "large"], "run 'a' is 'small', no number"),
        (["1.2B", "99"], "run 'b': '99' has no suffix"),
        (["~1M", "2M"], "run 'a' is '~1M', no number"),
        (["1 million", "2 billion"], "run 'a': '1 million' has the suffix"),
        (["1e6", "10^6"], "run 'b' is '10^6', no number"),
    ],
)
def test_parameters_that_are_no_numbers_are_missing(tmp_path: Path, cells: list[str], why: str) -> None:
    text = f"run,params,loss\na,{cells[0]},3.0\nb,{cells[1]},2.9\n"
    logs = read(tmp_path, text)
    assert said(logs, f"params of {why}", "give --params")
    assert all("parameters (--params" in one for one in logs.sources["missing"])
    assert logs.to_frame()["config.params"].tolist() == cells
    assert read(tmp_path, text, params="5M").to_frame()["params"].tolist() == [5e6, 5e6]


def test_parameters_of_names_and_joined_tables_that_are_no_numbers(tmp_path: Path) -> None:
    text = "run,step,loss\na,1,3.0\na,2,2.9\nb,1,3.1\n"
    with pytest.raises(bs.InputError, match="params of 'a' is 'a'; expected a number"):
        read(tmp_path, text, name="(?P<params>a|b)")
    logs = read(tmp_path, text, name="(?P<run>.)(?P<tokens>x)?")
    assert said(logs, "tokens of runs are empty")
    assert list(logs.sources["run"]) == ["a", "b"]
    (tmp_path / "join.csv").write_text("run,params\na,~1M\nb,2M\n", encoding="utf-8")
    assert said(bs.read_logs(tmp_path / "mine.csv", join=tmp_path / "join.csv"), "params of run 'a' is '~1M', no number")


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("run;step;loss\na;1000;3,456\na;2000;3,123\n", "mine.csv", "column 'loss', row 1: '3,456' may be 3.456 or 3456"),
        ("step;loss\n1000;3,456\n2000;3,123\n", "mine.csv", "column 'loss', row 1: '3,456' may be 3.456 or 3456"),
        ("run,step,loss\na,1,(3.0)\na,2,(2.9)\n", "mine.csv", r"column 'loss', row 1: '\(3.0\)' is no number"),
        ("run,step,loss\na,1,\na,2,\n", "mine.csv", "nothing is logged but steps: every other column is empty"),
        ('{"step": [1, 2, 3], "loss": [3, 2.9]}', "mine.json", "lists are not equally long: 'step' has 3, 'loss' has 2"),
    ],
)
def test_a_log_of_nothing_is_refused(tmp_path: Path, text: str, name: str, why: str) -> None:
    with pytest.raises(bs.InputError, match=why):
        read(tmp_path, text, name)


def test_an_object_of_runs_of_lists(tmp_path: Path) -> None:
    text = '{"run-a": {"step": [1, 2], "loss": [3, 2.9]}, "run-b": {"step": [1], "loss": [3.1]}}'
    table = read(tmp_path, text, "mine.json").to_frame()
    assert table[["run", "step", "loss"]].to_numpy().tolist() == [["run-a", 1, 3.0], ["run-a", 2, 2.9], ["run-b", 1, 3.1]]


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ('{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.0}\n{"step": 3, "loss": true}\n', "mine.jsonl", "row 3: 'True'"),
        ("run,step,metric,value\na,1,loss,3.0\na,2,loss,2.0\na,3,loss,abc\n", "mine.csv", "column 'value', row 3: 'abc'"),
        ("step,loss\n1,3.0\n2,2.0\n3,1.9*\n4,x\n", "mine.csv", "row 3: '1.9*' is no number: left out, with 1 more"),
    ],
)
def test_a_cell_that_is_no_number_leaves_the_others(tmp_path: Path, text: str, name: str, why: str) -> None:
    logs = read(tmp_path, text, name)
    assert logs.metrics["value"].tolist() == [3.0, 2.0]
    assert said(logs, why)


@pytest.mark.parametrize("cells", [["3.0*", "2.9"], ["3.0±0.1", "2.9±0.1"], ["3.0", "~2.9"]])
def test_losses_of_runs_that_are_no_numbers_are_said(tmp_path: Path, cells: list[str]) -> None:
    logs = read(tmp_path, f"run,params,loss\na,1M,{cells[0]}\nb,2M,{cells[1]}\n")
    assert said(logs, "column 'loss', row ", "is no number: the column is kept as text")
    assert logs.to_frame()["loss"].tolist() == cells


def test_parameters_of_runs_with_a_row_each(tmp_path: Path) -> None:
    logs = read(tmp_path, "run,step,params,loss\na,1000,10000000,3.0\nb,2000,20000000,2.9\n")
    assert logs.sources["missing"].tolist() == ["tokens (--tokens-per-step)"] * 2
    assert logs.to_frame()["params"].tolist() == [10000000, 20000000]


def test_parameters_that_change_along_a_run(tmp_path: Path) -> None:
    logs = read(tmp_path, "run,step,loss,params\na,1,3.0,1000000\na,2,2.9,2000000\n")
    assert said(logs, "params change along run 'a', from 1M to 2M")
    assert logs.sources["missing"].tolist() == ["tokens (--tokens-per-step)"]
    assert logs.to_frame()["params"].tolist() == [1000000, 2000000]


@pytest.mark.parametrize("steps", [(100, 200, 300), (100, 300, 200, 250)])
def test_parameters_that_only_the_first_line_of_a_log_says_are_those_of_the_run(tmp_path: Path, steps: tuple[int, ...]) -> None:
    lines = [f'{{"step": {step}, "loss": {6 - step / 100}}}' for step in steps]
    lines[0] = lines[0].replace("}", ', "n_params": 124000000}')
    table = read(tmp_path, "\n".join(lines) + "\n", "log.jsonl").to_frame()
    assert set(table["params"]) == {124_000_000}
    assert len(set(table["run"])) == 1
    assert table["step"].tolist() == [step for step in steps if step != 300 or len(steps) == 3]  # what came back is told anew
