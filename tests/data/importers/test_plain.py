"""Large tables and JSON lines are read by Arrow just as small ones are cell by cell, or are left to the careful readers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import bayes_scaling as bs
from bayes_scaling.data.importers import plain
from bayes_scaling.data.importers.recognise import Head
from bayes_scaling.data.importers.record import Logs

CELLS = ["", "5", "-2", "1.5", "0.25", "1e-3", "nan", "inf", "NA", "007", "1,5", "0.41M", "small", "=1+1", "'x", "+3", "1_000"]


def read(path: Path, monkeypatch: pytest.MonkeyPatch, least: int) -> Logs | str:
    monkeypatch.setattr(plain, "LEAST_BYTES", least)
    try:
        return bs.read_logs(path)
    except bs.InputError as error:
        return str(error)


def same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, careful = read(path, monkeypatch, 0), read(path, monkeypatch, 10**9)
    if isinstance(fast, str) or isinstance(careful, str):
        assert fast == careful
        return
    for one in ("metrics", "configs", "sources"):
        pd.testing.assert_frame_equal(getattr(fast, one), getattr(careful, one))
    assert fast.notes == careful.notes


@given(
    rows=st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=3), min_size=1, max_size=6),
    separator=st.sampled_from([",", ";", "\t"]),
    quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", ""]),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[list[str]], separator: str, quoted: bool, end: str
) -> None:
    lines = [["step", "run", "loss", "other"], *([str(i), *row] for i, row in enumerate(rows))]
    path = tmp_path / "log.csv"
    text = "\n".join(separator.join(f'"{cell}"' if quoted or "," in cell else cell for cell in line) for line in lines)
    path.write_bytes((text + end).encode())
    same(path, monkeypatch)


VALUES = st.one_of(
    st.integers(-5, 5), st.floats(-2, 2), st.sampled_from([None, "x", "2", "NaN", True, [1], {"a": 1}, float("nan")])
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["step", "loss", "run", "nested"]), VALUES), min_size=1, max_size=6),
    cut=st.integers(0, 9),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, object]], cut: int) -> None:
    path = tmp_path / "log.jsonl"
    text = "".join(json.dumps({"step": i, **row}) + "\n" for i, row in enumerate(rows))
    path.write_text(text[: len(text) - cut], encoding="utf-8")
    same(path, monkeypatch)


def test_lines_before_the_first_step_are_read_carefully(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    for rows in (
        [{"step": None}, {"step": None, "loss": 0}, {"step": 2}],
        [{"width": 64}, {"depth": 2}, {"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}],
    ):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        same(path, monkeypatch)


def test_large_files_are_read_by_arrow(tmp_path: Path) -> None:
    step = np.arange(60_000)
    frame = pd.DataFrame({"run": np.where(step < 30_000, "small", "big"), "step": step, "loss": 5 / (step + 1), "note": "x"})
    frame.to_csv(tmp_path / "log.csv", index=False)
    lines = [json.dumps(row) + "\n" for row in frame.to_dict("records")]
    (tmp_path / "log.jsonl").write_text("".join(lines), encoding="utf-8")
    for name, table in (("log.csv", plain.plain_table), ("log.jsonl", plain.plain_records)):
        found = table(Head(tmp_path / name, name))
        assert found is not None
        assert found.rows == len(frame)
        assert [entry.name for entry in found.entries] == list(frame)
        np.testing.assert_allclose(found.entries[2].numbers, frame["loss"], rtol=1e-12)
        assert found.entries[0].cells.tolist() == frame["run"].tolist()


def test_a_large_log_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "small.jsonl"
    path.write_text("".join(f'{{"step": {i}, "loss": {5 / (i + 1)}}}\n' for i in range(60_000)), encoding="utf-8")
    path.write_bytes(path.read_bytes()[:-5])
    logs = bs.read_logs(path)
    assert len(logs.metrics) == 59_999
    assert any("line 60000" in note and "was cut, and is left out" in note for note in logs.notes)
