"""The wheel, built and installed in an environment of its own; sizes and floors, as far as they need none."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from floors import PYPROJECT, pins
from sizes import too_large

ROOT = PYPROJECT.parent
OFFLINE = re.compile(r"No matching distribution|NewConnectionError|NameResolutionError|Temporary failure|timed out")


def ran(words: list[object], folder: Path) -> subprocess.CompletedProcess[str]:
    outside = {name: of for name, of in os.environ.items() if not name.startswith(("BAYES_SCALING", "PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(list(map(str, words)), cwd=folder, env=outside, capture_output=True, text=True, check=False)


def test_every_dependency_has_a_floor() -> None:
    found = pins(PYPROJECT.read_text())
    assert len(found) > 15
    assert {"numpy", "pymc", "pooch"} <= {one.split("==")[0] for one in found}


def test_what_is_too_large_is_named(tmp_path: Path) -> None:
    (tmp_path / "book.ipynb").write_bytes(b" " * 900_000)
    (tmp_path / "table.csv").write_bytes(b" " * 900_000)
    assert [line.split(":")[0] for line in too_large(list(tmp_path.iterdir()))] == [str(tmp_path / "book.ipynb")]


def packed(folder: Path, into: str) -> set[str]:
    """Return the names that a wheel should have for the files of a folder of the checkout."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{into}/{path.as_posix()}" for path in files}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by pip in an isolated environment, as a user's pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "builder", with_pip=True)
    words = [folder / "builder" / "bin" / "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT]
    built = ran(words, folder)
    if built.returncode and OFFLINE.search(built.stderr):
        pytest.skip("the wheel is built with hatchling, which cannot be downloaded here")
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The programs of an environment that has the wheel; its dependencies are those of the tests, one line of a path file.

    Path files of that second folder are not read, so an editable checkout in it is not seen.
    That the dependencies that the wheel names are enough is shown by `make floors`, which installs no others.
    """
    bin_ = wheel.parent / "builder" / "bin"
    put = ran([bin_ / "python", "-m", "pip", "install", "--quiet", "--no-deps", wheel], wheel.parent)
    assert put.returncode == 0, put.stderr
    (site,) = (wheel.parent / "builder" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return bin_


@pytest.mark.slow
def test_the_wheel_holds_every_file(wheel: Path) -> None:
    assert wheel.stat().st_size < 2_000_000
    names = set(ZipFile(wheel).namelist())
    lacking = (packed(ROOT / "bayes_scaling", "bayes_scaling") | packed(ROOT / "models", "bayes_scaling/models")) - names
    assert lacking == set()
    assert {name.split("/")[0].split("-")[0] for name in names} <= {"bayes_scaling", "bayes_scaling.dist"}
    assert {"bayes_scaling/py.typed", "bayes_scaling/models/schema.json"} <= names


@pytest.mark.slow
def test_the_wheel_works_outside_the_checkout(installed: Path, grid: pd.DataFrame, tmp_path: Path) -> None:
    code = "import bayes_scaling as bs; print(bs.__file__, bs.__version__); [getattr(bs, name) for name in bs.__all__]"
    imported = ran([installed / "python", "-W", "error::DeprecationWarning:bayes_scaling", "-c", code], tmp_path)
    assert imported.returncode == 0, imported.stderr
    place, number = imported.stdout.split()
    assert Path(place).is_relative_to(installed.parent)
    command = installed / "bayes-scaling"
    version, models, laws = (ran([command, word], tmp_path) for word in ("--version", "models", "laws"))
    assert number in version.stdout, version.stderr
    assert len(models.stdout.splitlines()) >= 11, models.stderr
    assert "chinchilla" in laws.stdout, laws.stderr

    before = ran([command, "prior", "moba_vs_full", "--draws", 50, "--out", "before"], tmp_path)
    assert before.returncode == 0, before.stderr
    assert {path.name for path in (tmp_path / "before").rglob("*.*")} >= {"prior.csv", "prior.png"}
    grid.to_csv(tmp_path / "runs.csv", index=False)
    words = ["fit", "chinchilla_law", "--runs", "runs.csv", "--out", "out", "--draws", 200, "--tune", 300]
    fitted = ran([command, *words], tmp_path)
    assert fitted.returncode in (0, 3), fitted.stderr
    assert {"fit.nc", "parameters.csv", "figures"} <= {path.name for path in (tmp_path / "out").iterdir()}
    page = ran([command, "report", "out"], tmp_path)
    assert page.returncode == 0, page.stderr


@pytest.mark.slow
def test_what_lacks_an_extra_says_which(installed: Path, tmp_path: Path) -> None:
    lacking = "import sys; sys.modules['pooch'] = None; import bayes_scaling as bs; bs.datasets.fetch('chinchilla_epoch')"
    said = ran([installed / "python", "-c", lacking], tmp_path).stderr.strip().splitlines()[-1]
    assert "pip install 'bayes-scaling[datasets]'" in said
