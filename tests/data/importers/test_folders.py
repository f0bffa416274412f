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
