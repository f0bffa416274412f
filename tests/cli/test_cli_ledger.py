"""`predict --register` and `score`."""

import json
from pathlib import Path

import pandas as pd
import pytest
from by_hand import BAD, CLEAN, sweep
from commands import refused, run

import bayes_scaling as bs
from bayes_scaling.validation.ledger import read

POINTS = {"params": [5e9, 1e9, 2e9, 4e9], "tokens": [2e11, 2e10, 3e10, 4e10], "arch": ["dense", "sparse", "dense", "dense"]}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a fit, points with names of runs, and the runs that came of three of them."""
    monkeypatch.chdir(tmp_path)
    bs.save(sweep(CLEAN), tmp_path / "fit" / "fit.nc")
    points = pd.DataFrame(POINTS | {"run": ["a", "b", "c", "d"]})
    points.to_csv("points.csv", index=False)
    runs = points.head(3).assign(loss=[2.2, 2.48, 2.6])
    runs.loc[2, "params"] = 2.2e9
    runs.to_csv("new.csv", index=False)
    return tmp_path


def registered(*more: object, fit: str = "fit") -> str:
    result = run("predict", fit, "--at", "points.csv", "--register", "led.jsonl", *more)
    assert result.exit_code == 0, result.output
    (head,) = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("head ")]
    return head


def test_a_forecast_is_registered_and_scored_when_its_run_exists(place: Path) -> None:
    head = registered()
    assert read("led.jsonl").head == head
    result = run("score", "led.jsonl", "--runs", "new.csv", "--head", head, "--out", "scores.csv")
    assert result.exit_code == 0, result.output
    assert "4 forecasts: 2 scored, 1 without a run yet, 1 of a run that had other inputs." in result.stdout
    assert head in result.stdout
    scores = pd.read_csv("scores.csv")
    assert scores["status"].tolist() == ["scored", "scored", "run of other inputs", "no run yet"]
    assert scores["observed"].tolist()[:2] == [2.2, 2.48]
    assert scores["differs_in"][2] == "params"
    assert scores["nearest"][2] == pytest.approx(0.2 / 2.2)
    loose = run("score", "led.jsonl", "--runs", "new.csv", "--tolerance", 0.1)
    assert "4 forecasts: 3 scored, 1 without a run yet." in loose.stdout


def test_the_entry_has_what_the_table_has(place: Path) -> None:
    registered("--out", "p.csv", "--observed", "--seed", 5)
    entry = read("led.jsonl").entries[0]
    table = pd.read_csv("p.csv")
    assert entry.seed == 5
    for name in ("q05", "q50", "q95"):
        assert list(entry.bands[name]) == pytest.approx(table[name].tolist(), rel=1e-7)


def test_a_fit_that_is_not_to_be_trusted_is_registered_as_such(place: Path) -> None:
    bs.save(sweep(BAD), place / "bad" / "fit.nc")
    result = run("predict", "bad", "--at", "points.csv", "--register", "led.jsonl")
    assert result.exit_code == 3
    assert "not to be trusted" in result.stderr
    entry = read("led.jsonl").entries[0]
    assert entry.grade == "not to be trusted"
    assert "divergences" in entry.health
    scored = run("score", "led.jsonl", "--runs", "new.csv")
    assert scored.exit_code == 0
    assert "Entry 1: not to be trusted: 40 divergences" in scored.stdout


def test_wrong_input_writes_nothing(place: Path) -> None:
    before = sorted(place.iterdir())
    refused(run("predict", "fit", "--at", "points.csv"), "--out", "--register")
    refused(run("predict", "fit", "--at", "points.csv", "--register", "led.csv"), "led.csv", ".jsonl")
    refused(run("predict", "fit", "--at", "none.csv", "--register", "led.jsonl", "--out", "p.csv"), "none.csv")
    refused(run("predict", "fit", "--at", "points.csv", "--register", "new.csv/led.jsonl", "--out", "p.csv"), "new.csv")
    refused(run("score", "led.jsonl", "--runs", "new.csv"), "led.jsonl", "no such file")
    assert sorted(place.iterdir()) == before


def test_a_broken_ledger_is_refused_and_left_alone(place: Path) -> None:
    registered()
    registered()
    content = (place / "led.jsonl").read_bytes()
    (place / "led.jsonl").write_bytes(edited := content.replace(b'"seed":0', b'"seed":1', 1))
    for result in (
        run("predict", "fit", "--at", "points.csv", "--register", "led.jsonl", "--out", "p.csv"),
        run("score", "led.jsonl", "--runs", "new.csv", "--out", "scores.csv"),
    ):
        refused(result, "led.jsonl, line 1", "edited")
    assert (place / "led.jsonl").read_bytes() == edited
    assert not {"p.csv", "scores.csv"} & {one.name for one in place.iterdir()}


def test_a_published_head_tells_of_entries_that_are_gone(place: Path) -> None:
    first, second = registered(), registered("--seed", 1)
    whole = (place / "led.jsonl").read_bytes().splitlines(keepends=True)
    (place / "led.jsonl").write_bytes(whole[0])
    assert run("score", "led.jsonl", "--runs", "new.csv", "--head", first[:16]).exit_code == 0
    refused(run("score", "led.jsonl", "--runs", "new.csv", "--head", first, "--head", second), second, "removed or rewritten")
    refused(run("score", "led.jsonl", "--runs", "new.csv", "--head", "xyz"), "xyz", "hash")


def test_runs_that_cannot_be_read_so_are_refused(place: Path) -> None:
    registered()
    refused(run("score", "led.jsonl", "--runs", "none.csv"), "none.csv")
    refused(run("score", "led.jsonl", "--runs", "new.csv", "--unit", "loss=bits/byte"), "bits/byte", "nats/token")
    refused(run("score", "led.jsonl", "--runs", "new.csv", "--tolerance", 1), "tolerance")
    pd.read_csv("new.csv").rename(columns={"loss": "eval/loss", "params": "N"}).to_csv("named.csv", index=False)
    refused(run("score", "led.jsonl", "--runs", "named.csv"), "named.csv")
    result = run("score", "led.jsonl", "--runs", "named.csv", "--column", "loss=eval/loss", "--column", "params=N")
    assert "2 scored" in result.stdout


def test_an_entry_says_of_which_fit_and_data_it_is(place: Path) -> None:
    registered()
    entry = json.loads((place / "led.jsonl").read_text())
    assert entry["format"] == "bayes_scaling ledger 1"
    assert entry["versions"]["bayes_scaling"] == bs.__version__
    assert len(entry["fit_sha256"]) == len(entry["data_sha256"]) == 64
    assert len(entry["data_rows"]) == 80
    assert entry["points"][0] == {"params": 5e9, "tokens": 2e11, "arch": "dense", "run": "a"}
    assert entry["unit"] == "nats/token"
