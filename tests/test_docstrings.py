"""Docstrings: their examples are true, and those of public names have every section of numpydoc that they need."""

import doctest
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Iterator

import pytest
from numpydoc.validate import validate

import bayes_scaling as bs

MODULES = sorted(one.name for one in pkgutil.walk_packages(bs.__path__, "bayes_scaling.") if not one.name.endswith("__main__"))

WANTED = {
    "GL08": "a docstring",
    "SS01": "a summary",
    "PR01": "every parameter",
    "PR02": "no parameter that there is not",
    "PR03": "parameters in their order",
    "RT01": "Returns",
    "EX01": "Examples",
}

INCOMPLETE: set[str] = set()
"""Public names whose docstrings are not complete yet."""


def public() -> Iterator[str]:
    """Yield the names of the front door, of its submodules with public names, and of the laws."""
    for name in sorted(bs.__all__):
        of = getattr(bs, name)
        if not inspect.ismodule(of):
            yield name
            continue
        own = getattr(of, "__all__", None) or [one for one in vars(of) if not one.startswith("_")]
        yield from (f"{name}.{one}" for one in sorted(own) if callable(getattr(of, one)))


def missing(name: str) -> set[str]:
    """Return what the docstring of a public name lacks."""
    with warnings.catch_warnings(action="ignore"):
        found = {code for code, _ in validate(f"bayes_scaling.{name}")["errors"]}
    return {WANTED[code] for code in found & set(WANTED)}


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert found.failed == 0


@pytest.mark.parametrize("name", list(public()))
def test_docstrings_of_public_names_are_complete(name: str) -> None:
    lacks = missing(name)
    if name in INCOMPLETE:
        assert lacks, f"{name} is complete: take it off the list"
        pytest.skip("not complete yet")
    assert not lacks


def test_only_public_names_are_excused() -> None:
    assert set(INCOMPLETE) <= set(public())
