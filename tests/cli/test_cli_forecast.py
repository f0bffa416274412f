"""`bayes-scaling forecast`: one sentence, a band and a figure; one line for wrong input, and nothing written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refused, run
from test_forecast import END, begun, drawn

import bayes_scaling as bs
from bayes_scaling._base.numbers import band


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(drawn(1000), tmp_path_factory.mktemp("family") / "fit.nc").parent


@pytest.fixture
def log(tmp_path: Path) -> Path:
    begun().to_csv(tmp_path / "log.csv", index=False)
    return tmp_path / "log.csv"


def test_a_forecast_is_a_sentence_a_band_and_a_figure(folder: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "band.csv"
    result = run("forecast", folder, "--run", log, "--at", END, "--target", 2.4, "--out", out)
    assert result.exit_code == 0, result.output
    said = result.stdout.splitlines()[0]
    assert said.startswith("At 1000 tokens begun will show ")
    path = pd.read_csv(out)
    assert band([path[q].iloc[-1] for q in ("q05", "q50", "q95")], "nats/token") in said
    assert f"below 2.4 with probability {bs.forecast(bs.load(folder / 'fit.nc'), log, END).probability(2.4):.2f}." in said
    assert path["tokens"].iloc[-1] == pytest.approx(END)
    assert out.with_suffix(".png").stat().st_size > 5_000


def test_a_run_of_the_fit_is_carried_on_and_places_may_be_a_table(folder: Path, tmp_path: Path) -> None:
    pd.DataFrame({"tokens": [1200.0, 2000.0]}).to_csv(tmp_path / "plan.csv", index=False)
    result = run("forecast", folder, "--run", "p", "--at", tmp_path / "plan.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("At 2000 tokens p will show ")
    assert pd.read_csv(folder / "forecast.csv")["tokens"].tolist() == [1200.0, 2000.0]


def test_an_unlike_run_is_noted(folder: Path, log: Path, tmp_path: Path) -> None:
    begun(0.5).to_csv(log, index=False)
    result = run("forecast", folder, "--run", log, "--at", END, "--out", tmp_path / "band.csv")
    assert result.exit_code == 0, result.output
    assert "note [unlike]: of the fit's runs <0.001 % would stray as far as begun has" in result.stdout


def test_wrong_input_is_one_line_and_nothing_is_written(folder: Path, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "none.csv"
    refused(run("forecast", folder, "--run", log, "--at", 50, "--out", out), "the run has reached tokens")
    refused(run("forecast", folder, "--run", log, "--at", "soon", "--out", out), "--at soon", "such as 3e11")
    refused(run("forecast", folder, "--run", tmp_path / "no.csv", "--at", END, "--out", out), "no such file")
    refused(run("forecast", tmp_path, "--run", log, "--at", END, "--out", out), "fit.nc", "no such file")
    frame = begun()
    frame.loc[3, "loss"] = np.nan
    frame.to_csv(log, index=False)
    refused(run("forecast", folder, "--run", log, "--at", END, "--out", out), "column 'loss'", "row 4")
    assert not out.exists()
    assert not out.with_suffix(".png").exists()


def test_two_jobs_are_forecast_together(folder: Path, tmp_path: Path) -> None:
    begun(0.0).to_csv(tmp_path / "a.csv", index=False)
    begun(0.04).assign(run="other").to_csv(tmp_path / "b.csv", index=False)
    both = pd.concat([begun(0.0), begun(0.04).assign(run="other")])
    both.to_csv(tmp_path / "both.csv", index=False)
    listed = run("forecast", folder, "--run", tmp_path / "a.csv", "--run", tmp_path / "b.csv", "--at", END, "--target", 2.4)
    tabled = run("forecast", folder, "--run", tmp_path / "both.csv", "--at", END, "--at", END, "--target", 2.4)
    assert listed.exit_code == 0, listed.output
    assert listed.stdout == tabled.stdout
    assert "At 1000 tokens other will show " in listed.stdout
    assert "begun ends below other with probability 0.9" in listed.stdout
    assert set(pd.read_csv(folder / "forecast.csv")["run"]) == {"begun", "other"}
    assert (folder / "forecast.png").stat().st_size > 5_000


def test_when_a_target_is_reached(folder: Path, log: Path, tmp_path: Path) -> None:
    asked = ("--run", log, "--at", END, "--target", 2.4, "--out", tmp_path / "band.csv")
    told = ("--tokens-per-day", 20, "--since", "2026-11-26", "--by", "2026-12-20", "--by", 600)
    result = run("forecast", folder, *asked, *told)
    assert result.exit_code == 0, result.output
    assert (
        "The expected loss of begun falls below 2.4 by its end, at 1000 tokens on 2027-01-05, with probability" in result.stdout
    )
    assert "By 2026-12-20 it is reached by begun with probability 0." in result.stdout
    assert "By 600 tokens it is reached by begun with probability 0." in result.stdout
    assert "Dates are at 20 tokens a day, as said, from 2026-11-26 on" in result.stdout
    begun().assign(_timestamp=lambda of: 1.7e9 + 86400 * of["tokens"] / 10).to_csv(log, index=False)
    assert "as column _timestamp has it" in run("forecast", folder, *asked).stdout
    refused(run("forecast", folder, *asked[:4], "--by", "2026-12-20"), "give --target")
    refused(run("forecast", folder, *asked, "--by", "soon"), "date 'soon' is no date")
