"""Stored results of batches: taken only where nothing that they depend on has changed, and whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import by_hand
import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference import sampling
from bayes_scaling.inference.batch import results as stored, worker
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.fits import Batch
from bayes_scaling.inference.batch.tasks import Task

FIT = by_hand.sweep(by_hand.CLEAN)
ASKED: list[Runs] = []


@pytest.fixture(autouse=True)
def by_hand_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers fit by hand, and write down what they were asked for."""

    def fit(model: bs.Model, runs: Runs, settings: bs.Settings) -> bs.Fit:
        ASKED.append(runs)
        return replace(FIT, runs=runs, settings=settings)

    monkeypatch.setattr(worker, "fit", fit)
    ASKED.clear()


def kept(fit: bs.Fit, extra: Any) -> pd.DataFrame:
    """Return a table with all kinds of columns."""
    table = pd.DataFrame({"name": ["a", "b"], "count": [1, 2], "mean": [float(fit.posterior["A"].mean()), np.nan]})
    return table.assign(kind=pd.Categorical(["x", "y"], ["y", "x"], ordered=True), small=np.float32(0.1), extra=[extra, None])


def fit_many(folder: Path, runs: Runs = FIT.runs, keep: Any = kept, **others: Any) -> Batch[Any]:
    return bs.fit_many(FIT.model, {"one": Task(runs, extra="e")}, InProcess(), keep=keep, folder=folder, **others)


def test_a_resumed_batch_has_the_same_bits(tmp_path: Path) -> None:
    first, again = fit_many(tmp_path), fit_many(tmp_path)
    assert (first.loaded, again.loaded, first.redone, again.redone) == (frozenset(), {"one"}, {}, {})
    pd.testing.assert_frame_equal(first.results["one"], again.results["one"], check_exact=True)
    assert first.results["one"].dtypes.equals(again.results["one"].dtypes)
    assert first.results["one"].attrs == again.results["one"].attrs
    assert len(ASKED) == 1


@pytest.mark.parametrize("keep", [kept, None])
def test_an_upgrade_of_what_computes_results_is_noticed(keep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit_many(tmp_path, keep=keep)
    assert fit_many(tmp_path, keep=keep).loaded == {"one"}
    now = stored.software()
    monkeypatch.setattr(stored, "software", lambda: now.replace("bayes_scaling 0", "bayes_scaling 9"))
    later = fit_many(tmp_path, keep=keep)
    assert not later.loaded
    assert later.redone["one"].startswith("made with bayes_scaling 0.")
    assert "; bayes_scaling 9." in later.redone["one"]
    assert fit_many(tmp_path, keep=keep).loaded == {"one"}


def test_software_is_versions_and_what_the_package_computes_with(monkeypatch: pytest.MonkeyPatch) -> None:
    said = dict(part.split(" ", 1) for part in stored.software().split(", "))
    assert {"format", "python", "bayes_scaling", "pymc", "nutpie", "numpy", "code"} <= set(said)
    stored.software.cache_clear()
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path.name == "sampling.py"))
    changed = dict(part.split(" ", 1) for part in stored.software().split(", "))
    stored.software.cache_clear()
    assert {name for name in said if said[name] != changed[name]} == {"code"}


def test_what_has_changed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    more = replace(FIT.runs, levels=dict(FIT.runs.levels) | {"arch": np.array(["dense", "more", "sparse"], dtype=object)})
    heavier = FIT.runs.table.assign(response=FIT.runs.table["response"] * (1 + 1e-15))
    changes: dict[str, dict[str, Any]] = {
        "other settings": {"settings": bs.Settings(seed=3)},
        "other runs": {"runs": replace(FIT.runs, table=heavier)},
        "other runs and settings": {"runs": more, "settings": bs.Settings(draws=9)},
    }
    for said, others in changes.items():
        fit_many(tmp_path)
        assert fit_many(tmp_path, **others, progress=True).redone == {"one": said}
        assert f"1 stored result made again: {said}" in capsys.readouterr().err
        assert fit_many(tmp_path, **others).loaded == {"one"}
    assert fit_many(tmp_path).redone == {"one": "other runs and settings"}
    assert fit_many(tmp_path, settings=bs.Settings(cores=3, progress=True, strict=True)).loaded == {"one"}
    monkeypatch.setattr(stored, "getsource", lambda function: "another body")
    assert fit_many(tmp_path).redone == {"one": "other keep"}


@pytest.mark.parametrize("keep", [kept, None])
def test_what_an_older_version_stored_is_done_again(keep: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = stored._record_text
    monkeypatch.setattr(stored, "_record_text", lambda record: text(replace(record, fingerprint="0" * 64)))  # type: ignore[arg-type]
    fit_many(tmp_path, keep=keep)
    monkeypatch.undo()
    monkeypatch.setattr(worker, "fit", lambda model, runs, settings: replace(FIT, runs=runs, settings=settings))
    assert "an older version" in fit_many(tmp_path, keep=keep).redone["one"]


@pytest.mark.parametrize("keep", [kept, None])
def test_damage_is_never_taken_for_a_result(keep: Any, tmp_path: Path) -> None:
    first = fit_many(tmp_path, keep=keep)
    (path,) = tmp_path.iterdir()
    content, rng, damaged = path.read_bytes(), np.random.default_rng(3), 0
    task = stored.fingerprint("one", worker.model_text(FIT.model), FIT.runs, bs.Settings(), keep, "e")
    for place in rng.integers(len(content), size=150):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << rng.integers(8)]) + content[place + 1 :])
        found = (stored.read_fit if keep is None else stored.read_table)(path, task)
        if isinstance(found, str):
            damaged += 1
        elif keep is not None:
            pd.testing.assert_frame_equal(found[0], first.results["one"], check_exact=True)  # type: ignore[arg-type]
            assert found[1].health == FIT.health
    assert damaged > (149 if keep is None else 75)
    assert fit_many(tmp_path, keep=keep).redone == {"one": stored.BROKEN}


def test_faults_of_ours_are_told_from_those_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: Exception) -> Batch[Any]:
        def fit(*_: Any) -> None:
            raise error

        monkeypatch.setattr(worker, "fit", fit)
        return bs.fit_many(FIT.model, {"one": FIT.runs}, InProcess())

    wrong, fault = fails(bs.InputError("no loss")), fails(RuntimeError("lowering\nfailed"))
    assert (wrong.failures, wrong.faults) == ({"one": "no loss"}, {})
    assert fault.failures == {"one": "internal fault, not the input: RuntimeError: lowering"}
    assert "Traceback" in fault.faults["one"]
    wrong.refuse_faults()
    with pytest.raises(RuntimeError, match="lowering"):
        fault.refuse_faults()
    with pytest.raises(RuntimeError, match="lowering"):
        bs.backtest(FIT.model, FIT.runs, ["params < 1e9"], executor=InProcess())


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("All initialization points failed\n\nCaused by:\n    Logp function returned error: ErrorCode(4)", True),
        ("All initialization points failed\n\nCaused by:\n    Logp function returned error: ErrorCode(3)", True),
        ("All initialization points failed\n\nCaused by:\n    Logp function returned error: ErrorCode(1)", False),
        ("All initialization points failed\n\nCaused by:\n    Logp function returned error: ErrorCode(-1)", False),
        ("Failed to start chains", False),
    ],
)
def test_only_a_density_that_is_nowhere_is_the_inputs_fault(said: str, wrong: bool) -> None:
    assert sampling._nowhere(said) == wrong
