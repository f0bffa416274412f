"""Random numbers: one derivation for all, streams that differ by seed and purpose."""

import ast
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling
from bayes_scaling._base.random import derived_seed, stream

PACKAGE = Path(bayes_scaling.__file__).parent
MAKERS = {"default_rng", "SeedSequence", "RandomState", "PCG64", "MT19937", "Philox", "SFC64", "seed"}
"""What of numpy.random makes a generator, or sets one that all share."""
KEYS = [
    (),
    ("scatter", 0),
    ("scatter", 1),
    ("scatter", "1"),
    ("scatter", 0, 1),
    ("scatter", 2**70),
    ("scatter", -1),
    ("level", "E_by_arch", "a b", "c"),
    ("level", "E_by_arch", "a", "b c"),
    ("level", "E_by_arch", "ä"),
    ("prior",),
    ("beyond the runs",),
]


def _normals(seed: int, *keys: str | int) -> np.ndarray:
    return stream(seed, *keys).standard_normal(4000)


def test_streams_of_seeds_and_purposes_are_independent() -> None:
    drawn = np.array([_normals(seed, *keys) for seed, keys in product((0, 1, 2**32 - 1), KEYS)])
    across = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(across).max() < 5 / np.sqrt(4000)
    assert len({derived_seed(seed, *keys) for seed, keys in product((0, 1), KEYS)}) == 2 * len(KEYS)


def test_a_stream_is_the_same_whenever_it_is_asked_for() -> None:
    before = _normals(3, "scatter", 7)
    _normals(3, "level")
    np.testing.assert_array_equal(_normals(3, "scatter", 7), before)
    np.testing.assert_array_equal(_normals(np.int64(3), "scatter", np.int64(7)), before)  # type: ignore[arg-type]


def test_keys_are_hashed_alike_by_every_process_and_machine() -> None:
    assert derived_seed(0, "restart", 1) == 3587425066
    assert derived_seed(0, "level", "ä", -1) == 2833570423


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises((TypeError, ValueError)):
        stream(0, None)  # type: ignore[arg-type]


def test_no_other_file_makes_random_numbers() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path != PACKAGE / "_base" / "random.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if _makes(node)
    ]
    assert not found


def _makes(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Attribute(attr="random") | ast.Name(id="random"), attr=name):
            return name in MAKERS
        case ast.ImportFrom(module="numpy.random" | "random"):
            return True
        case ast.Import(names=names):
            return bool({one.name for one in names} & {"random", "numpy.random"})
    return False


@pytest.mark.parametrize(
    "line", ["np.random.default_rng(0)", "import random", "numpy.random.SeedSequence(1)", "np.random.seed(0)"]
)
def test_a_generator_made_elsewhere_is_found(line: str) -> None:
    assert any(_makes(node) for node in ast.walk(ast.parse(line)))
