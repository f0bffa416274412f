"""Several jobs in one text log, and several phases: each with what is its own."""

from pathlib import Path

import pandas as pd

import bayes_scaling as bs
from bayes_scaling.data.importers.record import Logs

HEADING = "tokens per iteration will be: {batch}\nnumber of parameters: {size}\n"
SMALL, BIG = HEADING.format(batch="65,536", size="25M"), HEADING.format(batch="131,072", size="50M")
BATCH = HEADING.format(batch="131,072", size="25M")


def steps(*of: int) -> str:
    return "".join(f"step {step}: train loss {4 - step / 1000}, val loss {4.5 - step / 1000}\n" for step in of)


def read(folder: Path, *text: str) -> Logs:
    path = folder / "a.log"
    path.write_text("".join(text), encoding="utf-8")
    return bs.read_logs(path)


def columns(logs: Logs, *names: str) -> list[list[object]]:
    table: pd.DataFrame = logs.to_frame()[list(names)]
    return table.to_numpy().tolist()


def test_each_attempt_has_its_own_settings(tmp_path: Path) -> None:
    for ends in (500, 1000, 1500):
        logs = read(tmp_path, SMALL, steps(0, 500, 1000), BIG, steps(*range(0, ends + 1, 500)))
        expected = [["a", s, s * 65536, 25e6] for s in (0, 500, 1000)]
        expected += [["a (2)", s, s * 131072, 50e6] for s in range(0, ends + 1, 500)]
        assert columns(logs, "run", "step", "tokens", "params") == expected
        assert any("2 logs in one file, each under its own settings" in note for note in logs.notes)


def test_another_model_is_another_run_wherever_it_begins(tmp_path: Path) -> None:
    logs = read(tmp_path, SMALL, steps(0, 500), BIG, steps(500, 1000))
    assert list(logs.sources["run"]) == ["a", "a (2)"]


def test_tokens_add_up_where_a_run_goes_on_with_another_batch(tmp_path: Path) -> None:
    for begins in (500, 1000):
        logs = read(tmp_path, SMALL, steps(0, 500, 1000), BATCH, steps(*range(begins, 1501, 500)))
        before = begins * 65536
        expected = [[s, s * 65536 if s <= begins else before + (s - begins) * 131072, 25e6] for s in (0, 500, 1000, 1500)]
        assert columns(logs, "step", "tokens", "params") == expected
        assert any(f"goes on at step {begins}" in note and "65536, then 131072" in note for note in logs.notes)
        assert not any("of tokens" in note and "written twice" in note for note in logs.notes)


def test_tokens_are_missing_where_it_is_not_known_from_which_step_a_run_goes_on(tmp_path: Path) -> None:
    logs = read(tmp_path, SMALL, steps(0, 500), BATCH, steps(1000, 1500))
    assert "tokens" not in logs.to_frame()
    assert logs.sources["missing"].tolist() == ["tokens (--tokens-per-step)"]
    assert any("what changed is known of no row" in note for note in logs.notes)


def test_a_restart_under_the_same_settings_is_the_same_run(tmp_path: Path) -> None:
    logs = read(tmp_path, SMALL, steps(0, 500, 1000), SMALL, steps(500, 1000, 1500))
    assert columns(logs, "step", "tokens") == [[s, s * 65536] for s in (0, 500, 1000, 1500)]


def test_sets_of_megatron_do_not_replace_each_other(tmp_path: Path) -> None:
    logs = read(
        tmp_path,
        " iteration 100/ 200 | consumed samples: 256 | lm loss: 6.4E+00 |\n",
        " validation loss at iteration 100 on validation set | lm loss value: 5.5E+00 |\n",
        " validation loss at iteration 100 on test set | lm loss value: 5.6E+00 |\n",
        " iteration 200/ 200 | consumed samples: 512 | lm loss: 6.3E+00 |\n",
        " validation loss at iteration 200 | lm loss value: 5.4E+00 |\n",
        " test loss at iteration 200 | lm loss value: 5.7E+00 |\n",
        " validation loss at the end of training for val data | lm loss value: 5.8E+00 |\n",
    )
    assert columns(logs, "step", "lm loss", "validation lm loss value", "test lm loss value") == [
        [100, 6.4, 5.5, 5.6],
        [200, 6.3, 5.4, 5.7],
    ]
    assert any("a.log, line 7" in note and "says no step: left out" in note for note in logs.notes)


def test_a_phase_is_part_of_the_key(tmp_path: Path) -> None:
    texts = (
        "[train] step 100 loss 3.0\n[eval] step 100 loss 3.3\n",
        "step 100 train: loss 3.0 | eval: loss 3.3\nstep 200 train: loss 3.0 | eval: loss 3.3\n",
        "Train | step 100 | loss 3.0\nEval | step 100 | loss 3.3\n",
        "step 100 [train] loss 3.0\nstep 100 [eval] loss 3.3\n",
    )
    for text in texts:
        assert columns(read(tmp_path, text), "train loss", "eval loss")[0] == [3.0, 3.3]


def test_no_phase_is_read_out_of_names(tmp_path: Path) -> None:
    logs = read(tmp_path, *(f"INFO train.py:12 /runs/test/a my test run: step {s} train_loss 3 loss 2\n" for s in (1, 2)))
    assert logs.sources["keys"].tolist() == ["train_loss, loss"]
