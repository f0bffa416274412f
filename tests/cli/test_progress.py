"""What a command that waits says on stderr: that the model is compiled, and that it is fitted again."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from commands import run

import bayes_scaling as bs
from bayes_scaling.cli.progress import progress_lines
from bayes_scaling.inference import sampling


def test_a_fit_says_when_it_is_compiled_and_keeps_stdout_to_its_answer(
    chinchilla: bs.Fit, grid: pd.DataFrame, tmp_path: Path
) -> None:
    grid.to_csv(tmp_path / "runs.csv", index=False)
    asked = ("fit", "chinchilla_law", "--runs", tmp_path / "runs.csv", "--out", tmp_path / "o")
    done = run(*asked, "--draws", 20, "--tune", 20)
    assert "compiled in" in done.stderr
    assert "sampling 4 x 20 draws, 20 of tuning before" in done.stderr
    assert "compiled in" not in done.stdout


def test_chains_that_take_long_are_said_to_go_on(
    chinchilla: bs.Fit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sampling, "EVERY", 0.01)
    with progress_lines():
        bs.refit(chinchilla, chinchilla.runs, bs.Settings(draws=500, tune=500, rounds=0, progress=False))
    assert "sampling for 0 s" in capsys.readouterr().err


def test_lines_end_with_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("bayes_scaling")
    before = logger.level, logger.handlers[:]
    with progress_lines():
        logger.info("half %s", "done")
    logger.info("nobody listens")
    assert capsys.readouterr().err == "half done\n"
    assert (logger.level, logger.handlers) == before
