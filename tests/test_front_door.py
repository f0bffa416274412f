"""The front door: few names, those of before still work and say what to write instead."""

from importlib import import_module
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path

import pytest

import bayes_scaling as bs
from bayes_scaling._deprecated import BEFORE

ABOUT = 56


def test_the_front_door_is_small_and_every_name_of_it_is_there() -> None:
    assert len(bs.__all__) <= ABOUT
    assert set(bs.__all__) <= set(dir(bs))
    for name in bs.__all__:
        assert getattr(bs, name) is not None


def test_a_name_that_never_was_there_is_refused() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = bs.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", BEFORE)
def test_a_name_of_before_works_and_says_what_to_write_instead(name: str) -> None:
    assert name not in bs.__all__
    place, instead = BEFORE[name]
    module, _, attribute = place.partition(":")
    with pytest.warns(DeprecationWarning, match=f"bs.{name} is deprecated: use ") as warned:
        found = getattr(bs, name)
    (only,) = warned
    assert str(only.message) == f"bs.{name} is deprecated: use {instead}"
    assert only.filename == __file__
    assert found is attrgetter(attribute)(import_module(f"bayes_scaling.{module}"))


def test_the_package_knows_its_version_and_says_that_it_is_typed() -> None:
    assert bs.__version__ == version("bayes-scaling")
    assert (Path(bs.__file__).parent / "py.typed").is_file()
