"""Nothing is lost: each test is in the fast suite or in the slow one, and `make test-all` runs both."""

import re
from pathlib import Path

import pytest

MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text()


def marks(target: str) -> list[str]:
    """Return the marker expressions of the calls of pytest in a target's recipe."""
    recipe = re.search(rf"^{target}:[^\n]*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe is not None
    return re.findall(r"-m pytest -m '([^']*)'", recipe[1])


def test_the_whole_is_the_fast_suite_and_the_slow_one(collected: list[pytest.Item]) -> None:
    assert re.search(r"^test-all: test\b", MAKEFILE, re.MULTILINE)
    assert marks("test") == ["not slow"]
    assert marks("test-all") == ["slow"]
    slow = [item for item in collected if item.get_closest_marker("slow")]
    fast = [item for item in collected if not item.get_closest_marker("slow")]
    assert len(collected) == len(fast) + len(slow)
    rooms = {path.name for path in Path(__file__).parent.iterdir() if any(path.glob("test_*.py"))}
    whole = {item.path.parent.name for item in collected} >= rooms
    assert not whole or rooms <= {item.path.parent.name for item in fast}, "a room has no test in the fast suite"
