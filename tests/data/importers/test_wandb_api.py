"""Runs from a W&B server, by a stand-in: every row, in pages; nothing twice; patience where the server refuses."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from commands import run

import bayes_scaling as bs
from bayes_scaling.data.importers.part import Part
from bayes_scaling.data.importers.wandb_api import TRIES, read_wandb
from bayes_scaling.data.importers.wandb_cache import cache_file


class Refused(Exception):  # noqa: N818 - as wandb's
    """What requests raises, with the answer of the server."""

    def __init__(self, said: str, retry_after: str | None = None) -> None:
        super().__init__(said)
        self.response = SimpleNamespace(headers={"Retry-After": retry_after} if retry_after else {})


@dataclass
class Run:
    """A run of the public API, which counts what is asked of it and fails at some rows."""

    name: str
    rows: int = 2_500
    state: str = "finished"
    failures: list[tuple[int, Exception]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.name}id"

    @property
    def path(self) -> list[str]:
        return ["team", "sweep", self.id]

    @property
    def config(self) -> dict[str, Any]:
        return {"model": {"n_params": 100}, "lr": 0.1, "_wandb": {"x": 1}}

    def scan_history(self, min_step: int = 0) -> Iterator[dict[str, Any]]:
        self.asked.append(min_step)
        for step in range(min_step, self.rows):
            if self.failures and self.failures[0][0] == step:
                raise self.failures.pop(0)[1]
            yield {"_step": step, "_timestamp": 1.0, "loss": "NaN" if step == 7 else 5.0 / (step + 1), "note": "words"}


def read(run: Any, cache: Path | None, waits: list[float] | None = None) -> Part:
    (part,) = read_wandb(run, cache, wait=(waits if waits is not None else []).append)
    return part


def test_all_rows_of_a_run(tmp_path: Path) -> None:
    run = Run("small")
    part = read(run, None)
    assert (part.run, part.source, len(part.metrics)) == ("small", "wandb://team/sweep/smallid", 2_500)
    assert part.metrics["step"].tolist() == list(range(2_500))
    assert part.metrics["value"].isna().sum() == 1
    assert part.config == {"model.n_params": 100, "lr": 0.1, "id": "smallid", "state": "finished"}
    assert run.asked == [0]
    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    read(Run("small"), tmp_path)
    again = Run("small")
    assert len(read(again, tmp_path).metrics) == 2_500
    assert again.asked == []


def test_a_running_run_goes_on_from_its_last_row(tmp_path: Path) -> None:
    part = read(Run("small", rows=100, state="running"), tmp_path)
    assert any("'small' is running" in note for note in part.notes)
    later = Run("small", rows=150)
    part = read(later, tmp_path)
    assert later.asked == [100]
    assert part.metrics["step"].tolist() == list(range(150))
    assert part.notes == ()


@pytest.mark.parametrize("cut", [1, 30, 5_000])
def test_a_file_that_was_cut_goes_on_from_the_line_before(tmp_path: Path, cut: int) -> None:
    read(Run("small"), tmp_path)
    file = cache_file(tmp_path, "team/sweep/smallid")
    file.write_bytes(file.read_bytes()[:-cut])
    again = Run("small")
    assert read(again, tmp_path).metrics["step"].tolist() == list(range(2_500))
    assert 2_400 < again.asked[0] <= 2_500
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[-1]) == {"done": "finished"}


def test_a_server_that_refuses_for_a_while(tmp_path: Path) -> None:
    failures: list[tuple[int, Exception]] = [(10, Refused("HTTP 429: rate limit exceeded", "17"))]
    failures += [(10, Refused("502 Bad Gateway")), (20, TimeoutError("read timed out"))]
    run, waits = Run("small", rows=50, failures=failures), list[float]()
    assert read(run, tmp_path, waits).metrics["step"].tolist() == list(range(50))
    assert run.asked == [0, 10, 10, 20]
    assert waits == [17.0, 2.0, 1.0]


def test_a_server_that_refuses_for_long(tmp_path: Path) -> None:
    waits: list[float] = []
    run = Run("small", rows=50, failures=[(10, Refused("HTTP 429")) for _ in range(TRIES)])
    with pytest.raises(bs.InputError, match=r"team/sweep/smallid: W&B refused 8 times .*429.*same command later"):
        read(run, tmp_path, waits)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    again = Run("small", rows=50)
    assert len(read(again, tmp_path).metrics) == 50
    assert again.asked == [10]


def test_what_will_not_pass_is_not_tried_again(tmp_path: Path) -> None:
    waits: list[float] = []
    run = Run("small", failures=[(0, ValueError("permission denied"))])
    with pytest.raises(bs.InputError, match=r"W&B refused .*permission denied"):
        read(run, tmp_path, waits)
    assert waits == []


def server(monkeypatch: pytest.MonkeyPatch, runs: dict[str, Run]) -> None:
    """Put a stand-in in the place of wandb."""

    class Api:
        def run(self, path: str) -> Run:
            return runs[path]

        def runs(self, path: str, order: str) -> list[Run]:
            assert (path, order) == ("team/sweep", "+created_at")
            return list(runs.values())

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(Api=Api))


def test_addresses_of_a_project_and_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server(monkeypatch, {f"team/sweep/{name}id": Run(name, rows=5) for name in ("small", "big")})
    assert [part.run for part in read_wandb("wandb://team/sweep")] == ["small", "big"]
    assert [part.run for part in read_wandb("wandb://team/sweep/bigid")] == ["big"]
    with pytest.raises(bs.InputError, match=r"wandb://team: is no address of W&B; expected wandb://ENTITY/PROJECT"):
        list(read_wandb("wandb://team"))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(bs.InputError, match=r"pip install 'bayes-scaling\[wandb\]'"):
        list(read_wandb("wandb://team/sweep"))


def test_runs_of_a_server_beside_files(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"step": 1, "loss": 5.0}\n{"step": 2, "loss": 4.0}\n', encoding="utf-8")
    logs = bs.read_logs([tmp_path / "other.jsonl", Run("small", rows=20), Run("big", rows=10)], cache=tmp_path / "kept")
    assert list(logs.sources["run"]) == ["other", "small", "big"]
    assert list(logs.sources["rows"]) == [2, 20, 10]
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_the_command_keeps_what_it_fetched_beside_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server(monkeypatch, {"team/sweep/smallid": Run("small", rows=20)})
    out = tmp_path / "runs.parquet"
    done = run("import", "wandb://team/sweep", "--out", out)
    assert done.exit_code == 0, done.output
    assert pd.read_parquet(out)["loss"].notna().sum() == 19
    assert [one.name for one in (tmp_path / "runs_wandb").iterdir()] == ["team_sweep_smallid.jsonl"]
