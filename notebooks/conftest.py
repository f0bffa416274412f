"""Notebooks that fetch public tables read them from a folder beside the repository, or are skipped where they cannot be had."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "runs"
NEEDS = {
    "06_chinchilla.ipynb": "chinchilla_epoch",
    "07_bands.ipynb": "chinchilla_epoch",
    "architecture_decisions.ipynb": "routed_lm",
    "forecasting.ipynb": "gemstones",
    "learning_curves.ipynb": "gemstones",
    "plan_a_run.ipynb": "chinchilla_epoch",
}
"""Notebook -> public table that it fetches."""
SECONDS = 20
PATCH = pytest.StashKey[pytest.MonkeyPatch]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the folder where none is set; without one, skip a notebook whose table cannot be downloaded."""
    table = NEEDS.get(item.path.name)
    if table is None or "BAYES_SCALING_DATA" in os.environ:
        return
    if FOLDER.is_dir():
        item.stash[PATCH] = pytest.MonkeyPatch()
        item.stash[PATCH].setenv("BAYES_SCALING_DATA", str(FOLDER))
    elif not downloads(table):
        pytest.skip(f"{table} cannot be downloaded, and BAYES_SCALING_DATA names no folder that has it")


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Leave the environment as it was: other tests are about what happens without the folder."""
    if PATCH in item.stash:
        item.stash[PATCH].undo()


def downloads(table: str) -> bool:
    """Return whether a table is in the cache or can be brought there quickly."""
    code = f"from bayes_scaling.data.datasets import fetch; fetch({table!r})"
    try:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False
