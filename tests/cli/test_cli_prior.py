"""What `bayes-scaling prior` writes and says: beliefs before the data, beside the data."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner, Result

import bayes_scaling as bs
from bayes_scaling.cli import app
from bayes_scaling.model.joint_prior import joined
from bayes_scaling.model.priors import Z90
from bayes_scaling.model.specification import scalar_priors
from bayes_scaling.model.studies.study import Study, study_runs
from bayes_scaling.model.studies.writing import write_study


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["prior", *(str(word) for word in words)])


def refused(result: Result, *expected: str) -> None:
    """Check for exit code 2 and one line on stderr that holds the expected words."""
    assert result.exit_code == 2, result.output
    assert len(result.stderr.strip().splitlines()) == 1
    for word in expected:
        assert word in result.stderr


@pytest.fixture(scope="module")
def table(grid: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    grid.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def said(table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder written for the Chinchilla law, and what was printed."""
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    result = run("chinchilla_law", "--runs", table, "--out", folder, "--draws", 4000, "--seed", 2)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return folder, result.stdout


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be written."""
    found: list[Figure] = []
    monkeypatch.setattr("bayes_scaling.cli.prior.write_figure", lambda figure, path: found.append(figure))
    return found


def test_it_writes_a_table_and_a_figure_and_nothing_else(said: tuple[Path, str]) -> None:
    folder, _ = said
    written = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert written == ["figures/prior.png", "figures/prior_curves.png", "prior.csv", "prior.txt"]
    assert (folder / "figures" / "prior.png").stat().st_size > 5000


def test_the_table_holds_the_priors_as_written(said: tuple[Path, str]) -> None:
    rows = pd.read_csv(said[0] / "prior.csv", keep_default_na=False).set_index("name")
    assert list(rows) == ["dims", "mean", "sd", "q05", "q50", "q95"]
    assert list(rows.index) == ["E", "A", "alpha", "B", "beta", "noise_sd", "noise_nu", "A_published", "B_published"]
    for name, centre, factor in [("E", 1.7, 1.6), ("alpha", 0.33, 2.0), ("noise_sd", 0.01, 3.0)]:
        ends = np.log(rows.loc[name, ["q05", "q50", "q95"]].astype(float))
        np.testing.assert_allclose((ends - np.log(centre)) / np.log(factor) * Z90, [-Z90, 0, Z90], atol=0.12)


def test_the_screen_says_what_is_believed_of_parameters_and_of_the_loss(said: tuple[Path, str], grid: pd.DataFrame) -> None:
    folder, screen = said
    assert len(screen.splitlines()) < 24
    assert f"{len(grid)} rows of" in screen
    alpha = pd.read_csv(folder / "prior.csv").set_index("name").loc["alpha"]
    shown = next(line.split() for line in screen.splitlines() if line.split()[:1] == ["alpha"])
    np.testing.assert_allclose([float(part) for part in shown[1:]], alpha[["q50", "q05", "q95"]].astype(float), rtol=0.03)
    loss = re.search(r"loss at the reference: (\S+) nats/token \(90 %: (\S+) to (\S+)\)", screen)
    assert loss is not None
    study = bs.read_study("chinchilla_law")
    before = bs.prior(study.model, study_runs(study, grid), draws=4000, seed=2)
    expected = bs.predict(before, pd.DataFrame({"params": [1e9], "tokens": [2e10]})).quantile([0.5, 0.05, 0.95])
    np.testing.assert_allclose([float(part) for part in loss.groups()], expected.to_numpy(), rtol=0.03)
    assert f"the runs lie between {grid['loss'].min():.4g} and {grid['loss'].max():.4g}" in screen


def test_the_same_seed_writes_the_same_numbers_and_another_does_not(
    said: tuple[Path, str], table: Path, tmp_path: Path
) -> None:
    first = (said[0] / "prior.csv").read_bytes()
    for seed, same in [(2, True), (3, False)]:
        result = run("chinchilla_law", "--runs", table, "--out", tmp_path, "--draws", 4000, "--seed", seed)
        assert result.exit_code == 0, result.output
        assert ((tmp_path / "prior.csv").read_bytes() == first) is same


@pytest.mark.parametrize("study", ["moba_vs_full", "kaplan_shape"])
def test_a_study_with_groups_is_drawn_for_its_own_runs(study: str, drawn: list[Figure], tmp_path: Path) -> None:
    result = run(study, "--out", tmp_path, "--draws", 60)
    assert result.exit_code == 0, result.output
    assert re.search(r"at the reference: \S+ \S+ \(90 %: \S+ to \S+( %)?\)", result.stdout)
    figure, _ = drawn
    assert figure.axes
    seen = study_runs(bs.read_study(study)).table["response"]
    for ax in figure.axes:
        low, high = ax.get_ylim()
        assert high > seen.max()
        assert low < seen[seen > 0].min()
        if seen.min() > 0:
            assert low > seen.min() / 3.01
            assert high < seen.max() * 3.01


@pytest.mark.parametrize(
    ("E", "factor", "low", "high"),
    [
        (1.7, 1.6, 1.0, 11.0),  # the band of a prior that people would have
        (1.7, 1e3, 0.4, 15.0),  # far wider than the runs: cut at three times what they span
        (50.0, 1.001, 1.7, 15.0),  # nowhere near the runs: they stay in view
    ],
)
def test_runs_and_band_are_both_legible(
    E: float, factor: float, low: float, high: float, table: Path, grid: pd.DataFrame, drawn: list[Figure], tmp_path: Path
) -> None:
    bundled = bs.read_study("chinchilla_law")
    parameters = {**bundled.model.parameters, "E": bs.Prior(median=E, factor=factor)}
    model = bs.Model(bundled.model.law, parameters, bundled.model.noise)
    write_study(Study("mine", model, bundled.columns), tmp_path / "mine.toml")
    result = run(tmp_path / "mine.toml", "--runs", table, "--out", tmp_path / "o", "--draws", 500)
    assert result.exit_code == 0, result.output
    for ax in drawn[0].axes:
        bottom, top = ax.get_ylim()
        assert low < bottom < grid["loss"].min() / 1.02
        assert grid["loss"].max() * 1.02 < top < high


def test_wrong_input_is_refused_in_one_line_and_nothing_is_written(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(run("training_curves", "--out", out), "params", "measured against the middle of the runs", "--runs")
    refused(run("chinchila", "--out", out), "chinchila", "moba_vs_full")
    refused(run("chinchilla_law", "--runs", table, "--out", out, "--draws", 0), "draws")
    refused(run("chinchilla_law", "--runs", table, "--out", out, "--seed", -1), "seed")
    (tmp_path / "file").write_text("x")
    refused(run("chinchilla_law", "--runs", table, "--out", tmp_path / "file" / "o"), "cannot be made")
    assert not out.exists()


def test_without_runs_it_is_drawn_about_the_references(drawn: list[Figure], tmp_path: Path) -> None:
    result = run("chinchilla", "--out", tmp_path, "--draws", 300)
    assert result.exit_code == 0, result.output
    assert "the prior, without runs" in result.stdout
    assert re.search(r"loss at the reference: \S+ nats/token \(90 %: \S+ to \S+\)\n", result.stdout)
    (figure,) = drawn
    assert [ax.get_xlabel() for ax in figure.axes] == ["params (parameters)", "tokens"]
    low, high = figure.axes[0].get_xlim()
    assert low < 1e9 / 30 < 30e9 < high
    said = (tmp_path / "prior.txt").read_text().splitlines()
    assert said[0].startswith("E lies between ")
    assert said[0].endswith("nats/token with probability 90 %; its median is 1.8.")


def test_what_goes_together_is_said(tmp_path: Path) -> None:
    bundled = bs.read_study("chinchilla_law")
    joint = joined(("A", "alpha"), scalar_priors(bundled.model), ((1.0,), (-0.7, 1.0)), 4.0)
    write_study(Study("mine", replace(bundled.model, joint=(joint,)), bundled.columns), tmp_path / "mine.toml")
    result = run(tmp_path / "mine.toml", "--out", tmp_path / "o", "--draws", 100)
    assert result.exit_code == 0, result.output
    assert "A large A goes with a small alpha (correlation -0.7): where A is " in result.stdout
    assert "(Student-t, 4 degrees of freedom)" in result.stdout
    assert "A large A goes with a small alpha" in (tmp_path / "o" / "prior.txt").read_text()
