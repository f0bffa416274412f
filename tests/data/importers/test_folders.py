"""Folders of runs as trainers leave them: checkpoints with models, settings in the first record, one key after the other."""

import json
from pathlib import Path

from data.importers.test_tensorboard import scalar, write

import bayes_scaling as bs


def state(folder: Path, steps: int, most: int = 300, **model: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"step": step, "loss": 5 - step / 100} for step in range(100, steps + 1, 100)]
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": steps, "max_steps": most, "log_history": rows}))
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", **model}))
    (folder / "generation_config.json").write_text('{"eos_token_id": 2}')
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"loss": 1, "a": 2}}, "added_tokens": [{"id": 1}]}')


def test_the_config_of_a_checkpoint_is_of_its_run(tmp_path: Path) -> None:
    for run, width in (("run-a", 64), ("run-b", 128)):
        for steps in (100, 200, 300):
            state(tmp_path / run / f"checkpoint-{steps}", steps, hidden_size=width if steps == 300 else 1, vocab_size=32000)
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["run-a", "run-b"]
    assert list(logs.configs["hidden_size"]) == [64, 128]
    assert list(logs.to_frame(last=True)["hidden_size"]) == [64, 128]
    (note,) = logs.notes
    assert note.startswith("files of models beside trainer_state.json")
    assert "tokenizer.json" in note


def test_only_the_last_checkpoint_is_said_to_be_unfinished(tmp_path: Path) -> None:
    for steps in (100, 200):
        state(tmp_path / "run-a" / f"checkpoint-{steps}", steps)
    ends = [note for note in bs.read_logs(tmp_path).notes if "ends at step" in note]
    assert len(ends) == 1
    assert "step 200 of 300" in ends[0]


def test_the_config_above_the_checkpoints_counts_where_they_have_none(tmp_path: Path) -> None:
    state(tmp_path / "run-a" / "checkpoint-300", 300)
    (tmp_path / "run-a" / "checkpoint-300" / "config.json").unlink()
    (tmp_path / "run-a" / "config.json").write_text('{"hidden_size": 64, "model_type": "llama"}')
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["run"]) == ["run-a"]
    assert list(logs.configs["hidden_size"]) == [64]


def test_a_document_without_a_metric_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"hidden_size": 64, "lr": 0.001}')
    (tmp_path / "result.json").write_text('{"hidden_size": 64, "eval": {"loss": 3.1}}')
    logs = bs.read_logs(tmp_path)
    assert list(logs.sources["format"]) == ["JSON lines"]
    assert "result.json" in logs.sources["source"].iloc[0]
    assert any("settings.json: a JSON document without a metric" in note for note in logs.notes)
    assert len(bs.read_logs(tmp_path / "settings.json").sources) == 1


def test_the_first_record_is_what_the_run_was_set_to(tmp_path: Path) -> None:
    rows = [{"step": s, "time": 1.0 + s, "train": {"loss": 5 - s / 100, "tokens": s * 1024}} for s in (100, 200, 300)]
    first = {"event": "config", "time": 1.0, "config": {"model": {"n_params": 1200000}, "betas": [0.9, 0.95]}}
    last = {"event": "end", "best": 2.0}
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in [first, *rows, last]))
    logs = bs.read_logs(tmp_path)
    table = logs.to_frame()
    assert list(table["run"]) == ["a"] * 3
    assert list(table["step"]) == [100, 200, 300]
    assert list(table["params"]) == [1200000] * 3
    assert list(table["tokens"]) == [102400, 204800, 307200]
    assert any("1 record without a step" in note for note in logs.notes)


def test_a_key_that_starts_after_another_has_ended_is_no_restart(tmp_path: Path) -> None:
    train = [scalar(step, "loss", 5.0) for step in range(10, 130, 10)]
    evals = [scalar(step, key, 4.0) for step in range(10, 130, 10) for key in ("eval", "tokens")]
    write(tmp_path / "tb" / "small" / "events.out.tfevents.1", [*train, *evals])
    logs = bs.read_logs(tmp_path / "tb")
    assert list(logs.sources["run"]) == ["small"]
    assert logs.sources["rows"].iloc[0] == 12
    write(tmp_path / "twice" / "small" / "events.out.tfevents.1", [*train, *evals, *train])
    assert list(bs.read_logs(tmp_path / "twice").sources["keys"]) == ["loss, eval, tokens", "loss"]


def log(path: Path, rows: list[dict[str, float]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_a_last_value_from_before_the_end_of_its_run_is_said(tmp_path: Path) -> None:
    rows = [{"step": s, "loss": 5.0 - s / 1000, **({"val": 4.0} if s % 400 == 0 else {})} for s in range(100, 1100, 100)]
    logs = bs.read_logs(log(tmp_path / "a.jsonl", rows), tokens_per_step=1000)
    (note,) = logs.to_frame(last=True).attrs["notes"]
    assert note.startswith("a: the last 'val' is of step 800, and the row is of step 1000")
    alone = logs.to_frame(["val"], last=True)
    assert alone[["step", "tokens", "val"]].to_numpy().tolist() == [[800, 800_000, 4.0]]
    assert "notes" not in alone.attrs
    assert "notes" not in logs.to_frame().attrs


def test_tokens_a_step_are_offered_and_not_taken(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,step,train_loss,val_loss\n0,49,3.0,\n0,49,,3.1\n0,99,2.9,\n")
    (folder / "hparams.yaml").write_text("n_params: 1000\nbatch_size: 16\naccumulate_grad_batches: 4\nblock_size: 128\n")
    logs = bs.read_logs(tmp_path)
    assert "tokens" not in logs.to_frame()
    expected = "tokens (--tokens-per-step; batch_size x accumulate_grad_batches x block_size = 8192?)"
    assert logs.sources["missing"].iloc[0] == expected


def test_sizes_in_names_are_read_and_said(tmp_path: Path) -> None:
    log(tmp_path / "gpt-65.60M-bs262144" / "metrics.jsonl", [{"step": 1, "loss": 5.0}, {"step": 2, "loss": 4.0}])
    pattern = r"gpt-(?P<params>[\d.]+M)-bs(?P<tokens_per_step>\d+)"
    logs = bs.read_logs(tmp_path, name=pattern)
    assert logs.to_frame()[["params", "tokens"]].to_numpy().tolist() == [[65_600_000, 262_144], [65_600_000, 524_288]]
    assert any("params and tokens_per_step of runs are read from their names by --name" in note for note in logs.notes)


def test_a_count_with_a_suffix_in_a_log_is_whole(tmp_path: Path) -> None:
    (tmp_path / "gpt.log").write_text("number of parameters: 65.60M\nstep 0: train loss 4.7538, val loss 4.7469\n")
    assert bs.read_logs(tmp_path).to_frame()["params"].tolist() == [65_600_000]


def test_notes_that_say_the_same_of_many_runs_are_one_line(tmp_path: Path) -> None:
    for run in "abcd":
        state(tmp_path / run / "checkpoint-200", 200)
    logs = bs.read_logs(tmp_path)
    assert sum("ends at step 200 of 300, no end of the run" in note for note in logs.notes) == 4
    (line,) = [line for line in logs.summary().splitlines() if "ends at step" in line]
    assert "and so of 3 more" in line
