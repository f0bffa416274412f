"""The wheel, built and installed in a bare environment; sizes and floors, as far as they need none."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from floors import PYPROJECT, pins
from sizes import too_large

ROOT = PYPROJECT.parent
OFFLINE = re.compile(r"No matching distribution|NewConnectionError|NameResolutionError|Temporary failure|timed out")


def ran(words: list[object], folder: Path) -> subprocess.CompletedProcess[str]:
    outside = {name: of for name, of in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(list(map(str, words)), cwd=folder, env=outside, capture_output=True, text=True, check=False)


def test_every_dependency_has_a_floor() -> None:
    found = pins(PYPROJECT.read_text())
    assert len(found) > 15
    assert {"numpy", "pymc", "pooch"} <= {one.split("==")[0] for one in found}


def test_what_is_too_large_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.ipynb").write_bytes(b" " * 900_000)
    (tmp_path / "table.csv").write_bytes(b" " * 900_000)
    assert [line.split(":")[0] for line in too_large(list(tmp_path.iterdir()))] == [str(tmp_path / "book.ipynb")]


@pytest.mark.slow
def test_the_wheel_works_where_nothing_else_is_installed(grid: pd.DataFrame, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=True)
    bare = tmp_path / "bare" / "bin"
    built = ran([bare / "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT], tmp_path)
    if built.returncode and OFFLINE.search(built.stderr):
        pytest.skip("the wheel is built with hatchling, which cannot be downloaded here")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 2_000_000
    installed = ran([bare / "python", "-m", "pip", "install", "--quiet", wheel], tmp_path)
    assert installed.returncode == 0, installed.stderr

    code = "import bayes_scaling as bs; print(bs.__version__); [getattr(bs, name) for name in bs.__all__]"
    code += "; from importlib.resources import files; assert files('bayes_scaling').joinpath('py.typed').is_file()"
    imported = ran([bare / "python", "-W", "error::DeprecationWarning:bayes_scaling", "-c", code], tmp_path)
    assert imported.returncode == 0, imported.stderr
    version = ran([bare / "bayes-scaling", "--version"], tmp_path)
    assert imported.stdout.strip() in version.stdout
    models = ran([bare / "bayes-scaling", "models"], tmp_path)
    assert len(models.stdout.splitlines()) >= 11, models.stderr

    grid.to_csv(tmp_path / "runs.csv", index=False)
    words = ["fit", "chinchilla_law", "--runs", "runs.csv", "--out", "out", "--draws", 200, "--tune", 300]
    fitted = ran([bare / "bayes-scaling", *words], tmp_path)
    assert fitted.returncode in (0, 3), fitted.stderr
    assert {"fit.nc", "parameters.csv", "figures"} <= {path.name for path in (tmp_path / "out").iterdir()}
    page = ran([bare / "bayes-scaling", "report", "out"], tmp_path)
    assert page.returncode == 0, page.stderr
    lacking = "import bayes_scaling as bs; bs.datasets.fetch('gemstones')"
    said = ran([bare / "python", "-c", lacking], tmp_path).stderr.strip().splitlines()[-1]
    assert "pip install 'bayes-scaling[datasets]'" in said
