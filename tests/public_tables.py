"""Public tables for tests: whole from a folder, as a small excerpt where the licence lets one ship, or a reason to skip."""

import os
from pathlib import Path

import pytest

EXCERPTS = Path(__file__).parent / "cases" / "excerpts"
BESIDE = Path(__file__).parents[2] / "shared" / "data" / "runs"


def folder() -> Path | None:
    """Return the folder of the public tables: the one that BAYES_SCALING_DATA names, or the one beside the checkout."""
    named = os.environ.get("BAYES_SCALING_DATA")
    if named:
        return Path(named)
    return BESIDE if BESIDE.is_dir() else None


def path_of(name: str) -> Path:
    """Return the file of a table. Where there is a folder, a table that it lacks is a failure, not a reason to skip."""
    place = folder() or EXCERPTS
    found = [path for path in (place / f"{name}.csv", place / f"{name}.csv.gz") if path.is_file()]
    if not found and place is not EXCERPTS:
        pytest.fail(f"{place} has no {name}.csv and no {name}.csv.gz")
    if not found:
        pytest.skip(f"{name} cannot ship with the tests; set BAYES_SCALING_DATA to a folder that has {name}.csv")
    return found[0]


def whole() -> Path:
    """Return the folder of the whole tables, or skip."""
    place = folder()
    if place is None:
        pytest.skip("the public tables are not at hand; set BAYES_SCALING_DATA to a folder that has them")
    return place
