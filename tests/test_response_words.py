"""What is said of a response that is no loss calls it what it is, wherever it is said."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib.text
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, fit_of, sweep
from commands import run
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling.prediction.forecast_record import Forecast
from bayes_scaling.prediction.joint_forecast import Forecasts
from bayes_scaling.report.write import write_report
from bayes_scaling.validation.findings.every import findings

POINT = {"params": [1e9], "tokens": [2e10]}
KINDS = {"error rate": ("wer", "error rate"), "ms": ("decode_latency", "decode latency")}
"""Unit -> column, and the word for it."""


def fitted(unit: str) -> bs.Fit:
    """Return the fit of `by_hand.sweep` with a tenth of its loss, in another unit."""
    of, column = sweep(CLEAN), KINDS[unit][0]
    table = of.runs.table.rename(columns={"response": column}).assign(**{column: of.runs.table["response"] / 10})
    runs = bs.read_runs(table, replace(of.runs.columns, response=bs.Response(column, unit)))
    draws = {str(name): one / 10 if str(name) in ("E", "A", "B") else one for name, one in of.posterior.items()}
    shifts = {"E_by_arch": ("arch",)}
    return fit_of(of.model, runs, {name: one.to_numpy() for name, one in draws.items()}, CLEAN, shifts)


@pytest.fixture(scope="module", params=list(KINDS))
def unit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fit(unit: str) -> bs.Fit:
    return fitted(unit)


@pytest.fixture(scope="module")
def folder(fit: bs.Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bs.save(fit, tmp_path_factory.mktemp("fit") / "fit.nc").parent


def records(fit: bs.Fit) -> Iterator[object]:
    """Yield what says something of a fit."""
    yield bs.contrast(fit, "arch", "sparse", "dense", POINT)
    yield bs.rank(fit, "arch", "dense", {"compute": [1e20]}, equivalent=0.01)
    yield bs.plan(fit, 1e20, points={"arch": ["dense"]})
    yield bs.next_runs(
        fit,
        {"params": [1e9, 3e9], "tokens": [2e10, 6e10], "arch": ["sparse"] * 2},
        "plan at compute=1e21, arch=dense",
        criterion="regret",
    )
    yield bs.sensitivity(fit, "response at params=1e10, tokens=2e11, arch=dense")


def test_sentences_and_axes_call_a_response_what_it_is(fit: bs.Fit, unit: str) -> None:
    word = KINDS[unit][1]
    assert fit.runs.columns.response.name == word
    for one in records(fit):
        figure: Figure = one.plot()  # type: ignore[attr-defined]
        texts = [of.get_text() for of in figure.findobj(matplotlib.text.Text)]
        said = [*one.summary().splitlines(), repr(one), *texts]  # type: ignore[attr-defined]
        assert not [line for line in said if "loss" in line]
    assert word in bs.contrast(fit, "arch", "sparse", "dense", POINT).summary()
    assert not [one for one in findings(fit) if "loss" in one.sentence]


COMMANDS = {
    "rank": ("arch=dense", "--compute", "1e20"),
    "plan": ("--compute", "1e20", "--target", "0.3"),
    "contrast": ("arch=sparse:dense", "--at", "POINTS"),
    "predict": ("--at", "POINTS"),
    "next": ("--candidates", "POINTS", "--decide", "plan at compute=1e21, arch=dense", "--criterion", "regret"),
    "sensitivity": ("--of", "response at params=1e10, tokens=2e11, arch=dense"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_call_a_response_what_it_is(folder: Path, tmp_path: Path, command: str) -> None:
    points = tmp_path / "points.csv"
    pd.DataFrame({"params": [1e9, 3e9], "tokens": [2e10, 6e10], "arch": "dense"}).to_csv(points, index=False)
    asked = [str(points) if word == "POINTS" else word for word in COMMANDS[command]]
    written = ["--out", tmp_path / "out.csv"] if command not in ("next", "sensitivity") else []
    found = run(command, folder, *asked, *written)
    assert found.exit_code == 0, found.output
    assert "loss" not in found.output, found.output


@pytest.mark.slow
def test_a_page_calls_a_response_what_it_is(fit: bs.Fit, tmp_path: Path) -> None:
    page = write_report(fit, tmp_path / "report.html").read_text(encoding="utf8")
    shown = re.sub(r"<(style|script|svg)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    lines = [line for line in re.split(r"\n|\s{3,}", shown) if "loss" in line.lower()]
    assert not [line for line in lines if not line.strip().lower().endswith("irreducible loss.")]  # the library's own words


def test_a_response_is_called_by_its_unit_or_its_column() -> None:
    names = {("loss", "nats/token"): "loss", ("web", "bits/byte"): "loss", ("wer", "% error rate"): "error rate"}
    names |= {("acc", "accuracy"): "accuracy", ("elo_score", "points"): "elo score", ("loss_gap", "a.u."): "loss"}
    names |= {("ppl", "perplexity"): "loss", ("y", ""): "loss"}
    assert {of: bs.Response(*of).name for of in names} == names
    assert bs.Response("err", "error rate", name="miss").name == "miss"
    assert replace(bs.Response("err", "error rate"), unit="accuracy").name == "accuracy"


def job(name: str, ends: list[float]) -> Forecast:
    """Return a forecast of an accuracy whose draws end so."""
    path = xr.DataArray([[[0.5, end] for end in ends]], dims=("chain", "draw", "row"), coords={"tokens": ("row", [1e9, 1e10])})
    path.attrs = {"units": "accuracy", "long_name": "accuracy"}
    return Forecast(path, pd.DataFrame({"tokens": [1e9], "response": [0.5]}), "tokens", "tokens", name, 0.5)


def test_of_running_jobs_in_accuracy_the_best_ends_highest() -> None:
    found = Forecasts((job("a", [0.8, 0.8, 0.8, 0.6]), job("b", [0.7, 0.71, 0.7, 0.7]), job("c", [0.6, 0.59, 0.59, 0.59])))
    said = found.summary()
    assert "Highest of 3 ends a with probability 0.75, b with probability 0.25, c with probability 0.00." in said
    assert "a ends above b with probability 0.75" in said
    assert found.to_frame()["p_highest"].tolist() == [0.75, 0.25, 0.0]
    assert found.plot().axes[1].get_xlabel() == "probability to end highest"
