"""What several commands say: what puts every answer of a stored fit in doubt."""

import json
from pathlib import Path

import pandas as pd
import pytest
from by_hand import CLEAN, sweep
from commands import run

import bayes_scaling as bs
from bayes_scaling._base.checksums import read_checksum
from bayes_scaling._base.finding import SERIOUS, WORST_FIRST
from bayes_scaling.cli.messages import counted
from bayes_scaling.cli.score import _show
from bayes_scaling.data.columns import MeasurementError

FINDINGS = [
    {"code": "misfit", "sentence": "residuals bend along tokens; try another law"},
    {"code": "misfit-in-order", "sentence": "neighbours scatter alike; say so"},
    {"code": "few-sizes", "sentence": "params has 3 values; add one"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What `fit` writes of a fit with findings, and points to predict at."""
    path = bs.save(sweep(CLEAN), tmp_path / "fit.nc")
    record(tmp_path, FINDINGS, read_checksum(path))
    pd.DataFrame({"params": [1e9], "tokens": [2e10], "arch": ["dense"]}).to_csv(tmp_path / "points.csv", index=False)
    return tmp_path


def record(folder: Path, findings: list[dict[str, str]], checksum: str) -> None:
    (folder / "diagnostics.json").write_text(json.dumps({"fit_sha256": checksum, "findings": findings}))


def predicted(folder: Path) -> list[str]:
    result = run("predict", folder, "--at", folder / "points.csv", "--out", folder / "out.csv")
    assert result.exit_code == 0, result.output
    return result.stderr.splitlines()


def test_the_worst_finding_is_said_once_in_short_after_the_answer_and_others_are_counted(folder: Path) -> None:
    line = f"note [misfit]: of the fit, residuals bend along tokens ({folder / 'diagnostics.json'} has what to do; 1 more)"
    assert predicted(folder) == [line]
    result = run("predict", folder, "--at", folder / "points.csv", "--out", folder / "out.csv")
    assert result.output.splitlines()[-1] == line
    wrong = run("predict", folder, "--at", folder / "nothing.csv", "--out", folder / "out.csv")
    assert "note [misfit]" not in wrong.output


def test_what_the_runs_leave_open_is_left_to_the_fit(folder: Path) -> None:
    record(folder, FINDINGS[2:], read_checksum(folder / "fit.nc"))
    assert predicted(folder) == []


@pytest.mark.parametrize("said", ["", "[]", '{"findings": 3}', '{"findings": [{"code": "flat"}]}', '{"fit_sha256": "another"}'])
def test_a_record_of_another_fit_or_of_none_says_nothing(folder: Path, said: str) -> None:
    (folder / "diagnostics.json").write_text(said)
    assert predicted(folder) == []


def test_serious_findings_are_the_worst() -> None:
    assert WORST_FIRST[: len(SERIOUS)] == SERIOUS
    assert {"flat", "misfit", "outliers"} < set(SERIOUS)
    assert "prior-sensitive" not in SERIOUS


def test_rows_of_one_loss_are_not_sampled(tmp_path: Path) -> None:
    table = pd.DataFrame([(n, d) for n in (1e8, 4e8, 1.6e9) for d in (1e9, 4e9, 1.6e10)], columns=["params", "tokens"])
    table.assign(loss=3.0).to_csv(tmp_path / "runs.csv", index=False)
    done = run("fit", "chinchilla", "--runs", tmp_path / "runs.csv", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "runs.csv: nothing to fit: the loss does not depend on the inputs: it is 3 nats/token in all 9 rows" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("relative", "how"), [(True, "a share of the loss"), (False, "in nats/token")])
def test_how_measurement_errors_are_taken_is_said(relative: bool, how: str) -> None:
    table = pd.DataFrame({"x": [1.0, 2.0, 4.0], "loss": [2.0, 2.0, 2.0], "se": [0.01, 0.02, 0.02]})
    columns = bs.Columns(
        {"x": bs.Input("x")}, bs.Response("loss", "nats/token"), measurement_error=MeasurementError("se", relative)
    )
    error = next(line for line in counted(bs.read_runs(table, columns)) if line.startswith("measurement error"))
    span = "1.0 to 2.0 %" if relative else "0.5 to 1.0 %"
    assert error == f"measurement error: column 'se', {how} (relative = {str(relative).lower()}); {span} of the loss"


def test_measurement_errors_that_are_alike_have_one_size() -> None:
    table = pd.DataFrame({"x": [1.0, 2.0, 4.0], "loss": [2.0, 1.9, 1.8], "se": 0.001})
    columns = bs.Columns({"x": bs.Input("x")}, bs.Response("loss", "nats/token"), measurement_error=MeasurementError("se"))
    assert counted(bs.read_runs(table, columns))[1].endswith("(relative = true); 0.1 % of the loss")


@pytest.mark.parametrize(("width", "lacks"), [(120, set()), (80, {"registered", "CRPS"}), (50, {"registered", "CRPS"})])
def test_a_table_of_forecasts_is_not_cut(
    width: int, lacks: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = {"entry": 1, "registered": "2026-11-27", "forecast": 1, "q50": 2.5123, "q05": 2.4011, "q95": 2.6321}
    row |= {"observed": 2.51, "crps": 0.0123, "relative_error": 0.0012, "status": "left out by the study's filter"}
    _show(pd.DataFrame([row]))
    shown = capsys.readouterr().out
    heads = {"entry", "registered", "forecast", "median", "90 % interval", "observed", "CRPS", "off by", "status"}
    assert {head for head in heads if head not in shown} == lacks
    assert "2.401 to 2.632" in shown
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert width < 80 or max(map(len, shown.splitlines())) <= width
