"""What `contrast` says: the penalty, the compute that makes up for it, and where the point lies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, fit_of
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling.cli.commands import app

PENALTY, SLOPE = 1.1, 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fit of a power law by which sparse costs a tenth more loss at any compute, to 1 %."""
    table = pd.DataFrame({"compute": np.repeat([1.0, 10.0, 100.0], 2), "arch": ["dense", "sparse"] * 3})
    table["loss"] = 3.0 * table["compute"] ** -SLOPE * np.where(table["arch"] == "sparse", PENALTY, 1.0)
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, bs.Response("loss"), {"arch": "arch"})
    wide = bs.Prior(median=1.0, factor=3.0)
    parameters = {"a": wide + bs.Varying("arch", 0.1), "b": bs.Prior(between=(0.05, 0.2))}
    law = bs.parse_law("a * compute**-b", inputs=["compute"])
    model = bs.Model(law, parameters, bs.Noise(sd=wide, distribution="normal"))
    ends = np.linspace(-0.0104, 0.0104, 200)  # of the penalty, whose 5 and 95 % quantiles are then 1 % away
    draws = {name: np.full((2, 200), of) for name, of in {"a": 3.0, "b": SLOPE, "noise_sd": 0.01, "a_sd_arch": 0.1}.items()}
    effect = np.stack([np.zeros((2, 200)), np.tile(np.log(PENALTY) + ends, (2, 1))], axis=-1)
    made = fit_of(model, bs.read_runs(table, columns), draws | {"a_by_arch": effect}, CLEAN, {"a_by_arch": ("arch",)})
    return bs.save(made, tmp_path_factory.mktemp("power") / "fit.nc").parent


def said(folder: Path, tmp_path: Path, compute: float, levels: str = "arch=sparse:dense") -> str:
    points = tmp_path / "points.csv"
    pd.DataFrame({"compute": [compute]}).to_csv(points, index=False)
    done = CliRunner().invoke(app, ["contrast", str(folder), levels, "--at", str(points), "--out", str(tmp_path / "c.csv")])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_penalty_comes_with_its_unit_and_the_compute_that_makes_up_for_it(folder: Path, tmp_path: Path) -> None:
    lines = said(folder, tmp_path, 10.0).splitlines()
    assert lines[0].startswith("sparse against dense at compute 10 FLOP: loss +10.0 % (90 %: +9.0 to +11.0 %)")
    # 1.1^10, and the same 9.4 % up and down
    assert "sparse needs 2.59 times the compute of dense for the same loss (90 %: 2.36 to 2.85); inside the runs" in lines[1]


def test_the_better_level_needs_less(folder: Path, tmp_path: Path) -> None:
    assert "dense needs 0.39 times" in said(folder, tmp_path, 10.0, "arch=dense:sparse")


def test_beyond_the_runs_it_says_what_the_interval_rests_on(folder: Path, tmp_path: Path) -> None:
    assert "1 decade beyond the runs, where it holds if the law does" in said(folder, tmp_path, 1000.0)


def test_points_of_both_levels_are_written_once(folder: Path, tmp_path: Path) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "c.csv"
    pd.DataFrame({"compute": [1.0, 1.0, 10.0, 10.0], "arch": ["dense", "sparse"] * 2}).to_csv(points, index=False)
    done = CliRunner().invoke(app, ["contrast", str(folder), "arch=sparse:dense", "--at", str(points), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "2 points -> " in done.stdout
    assert pd.read_csv(out)["compute"].tolist() == [1.0, 10.0]
