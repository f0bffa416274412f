"""Notebooks take long; those that fetch public tables read them from a folder, or are skipped where there is none."""

from pathlib import Path

import pytest
from public_tables import folder

HERE = Path(__file__).parent
NEEDS = {
    "06_chinchilla.ipynb": "chinchilla_epoch",
    "07_bands.ipynb": "chinchilla_epoch",
    "architecture_decisions.ipynb": "routed_lm",
    "domain_mixture.ipynb": "../scalebench/domain_mixture",
    "downstream_ladder.ipynb": "olmo_ladder",
    "forecasting.ipynb": "gemstones",
    "learning_curves.ipynb": "gemstones",
    "learning_rate_batch.ipynb": "steplaw_dense",
    "parallel_scaling.ipynb": "../scalebench/parallel",
    "plan_a_run.ipynb": "chinchilla_epoch",
    "vocabulary.ipynb": "../scalebench/vocab",
}
"""Notebook -> public table that it fetches, or reads from a folder beside those."""
PATCH = pytest.StashKey[pytest.MonkeyPatch]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say where the tables are; a notebook whose table is not at hand is skipped."""
    table = NEEDS.get(item.path.name)
    if table is None:
        return
    if (place := folder()) is None:
        pytest.skip(f"{table} is not at hand; set BAYES_SCALING_DATA to a folder that has {table}.csv")
    if table.startswith("..") and not (place / f"{table}.csv").is_file():
        pytest.skip(f"{table.removeprefix('../')}.csv is not at hand beside the folder that BAYES_SCALING_DATA names")
    item.stash[PATCH] = pytest.MonkeyPatch()
    item.stash[PATCH].setenv("BAYES_SCALING_DATA", str(place))


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Leave the environment as it was: other tests are about what happens without the folder."""
    if PATCH in item.stash:
        item.stash[PATCH].undo()
