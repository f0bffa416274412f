"""Texts of laws mean arithmetic, and nothing else."""

import inspect
import pickle
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from bayes_scaling._base.errors import InputError
from bayes_scaling._base.filters import parse_filter
from bayes_scaling.laws.formula import law_text, law_tree, parse_law
from bayes_scaling.laws.library import law_inputs, law_parameters

VALUES = {"x": 3.0, "a": 2.0, "b": 0.5, "e_inf": 0.25}
ACCEPTED = {
    "a * x**-b": 2.0 * 3.0**-0.5,
    "e_inf + a*x": 6.25,
    "-a + +x": 1.0,
    "  a * x  ": 6.0,
    "a * (x + 1) ** 2": 32.0,
    "a - x - b": -1.5,
    "a - (x - b)": -0.5,
    "a / x / b": 2.0 / 3.0 / 0.5,
    "2 ** a ** 2 * x": 48.0,
    "(2 ** a) ** 2 * x": 48.0,
    "-a ** 2 * x": -12.0,
    "(-a) ** 2 * x": 12.0,
    "1e3 * a * x": 6000.0,
    "1_000 * a * x": 6000.0,
    "7 / 2 * a * x": 21.0,
}
REFUSED = {
    "attribute": "a.real * x",
    "dunder attribute": "a.__class__ * x",
    "call": "f(x) * a",
    "import": "__import__('os').system('x')",
    "dunder name": "__name__ * x * a",
    "leading underscore": "_a * x",
    "trailing underscore": "a_ * x",
    "double underscore": "a__b * x",
    "letters beyond ASCII": "é * x",
    "subscript": "x[0] * a",
    "slice": "x[0:1] * a",
    "lambda": "(lambda: 1) * x * a",
    "list comprehension": "[a for a in x]",
    "generator": "(a for a in x)",
    "conditional": "a if x else b",
    "walrus": "(a := 1) * x",
    "f-string": "f'{x}{a}'",
    "string": "'a' * x * a",
    "bytes": "b'a' * x * a",
    "true": "True * x * a",
    "none": "None * x * a",
    "ellipsis": "... * x * a",
    "complex number": "1j * x * a",
    "assignment": "y = x * a",
    "import statement": "import os",
    "two statements": "x * a; x * a",
    "two lines": "x * a\nx * a",
    "delete": "del x",
    "empty": "",
    "blank": "   \n ",
    "null byte": "x * a\0",
    "lone surrogate": "x * a * \ud800",
    "unfinished": "x * (a + ",
    "deep minus": "-" * 500 + "x * a",
    "deep parentheses": "(" * 500 + "x * a" + ")" * 500,
    "long": " + ".join(["x * a"] * 1500),
    "tower of powers": "9**9**9**9*x*a",
    "huge integer": "x * a * 1" + "0" * 1900,
    "huge exponent": "x ** (10 ** 400) * a",
    "division by zero": "1/0 * x * a",
    "power of zero": "0**-1 * x * a",
    "infinite": "1e999 * x * a",
    "not a number": "(1e999 - 1e999) * x * a",
    "overflow": "(1e300 * 1e300) * x * a",
    "complex result": "(-1)**0.5 * x * a",
    "matrix product": "x @ a",
    "floor division": "x // a",
    "remainder": "x % a",
    "shift": "x << a",
    "inversion": "~x * a",
    "comparison": "x < a",
    "and": "x and a",
    "not": "not x * a",
    "tuple": "(x, a)",
    "set": "{x, a}",
    "dictionary": "{x: a}",
    "star": "*x * a",
    "await": "await x * a",
    "yield": "(yield x) * a",
    "keyword": "lambda * x * a",
    "another keyword": "class * x",
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_law_text_is_arithmetic(text: str) -> None:
    law = parse_law(text, ["x"])
    named = {name: VALUES[name] for name in (*law_inputs(law), *law_parameters(law))}
    assert law(**named) == pytest.approx(ACCEPTED[text], rel=1e-15)
    assert parse_law(law_text(law), ["x"])(**named) == pytest.approx(ACCEPTED[text], rel=1e-15)


def test_names_that_are_no_inputs_are_parameters() -> None:
    law = parse_law("E + A * params**-alpha + B * tokens**-beta", ["tokens", "params"])
    assert law_inputs(law) == ("tokens", "params")
    assert set(law_parameters(law)) == {"E", "A", "alpha", "B", "beta"}


def test_a_law_from_text_is_called_like_a_written_one() -> None:
    assert parse_law("a * x**-b", ["x"])(3.0, a=2.0, b=0.5) == pytest.approx(2.0 * 3.0**-0.5)


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_a_law_text_that_is_more_than_arithmetic_is_refused_at_once(case: str) -> None:
    begin = time.process_time()
    with pytest.raises(InputError) as error:
        parse_law(REFUSED[case], ["x"])
    assert time.process_time() - begin < 5.0
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.real * x", "'a.real' is not allowed; use + - * / **"),
        ("1/0 * x * a", "'1 / 0' is not a finite real number"),
        ("a / 0 * x", "'a / 0' divides by 0"),
        ("(-1)**0.5 * x * a", "is not a finite real number"),
        ("x * (a + ", "is not an expression"),
        (" + ".join(["x * a"] * 1500), "has 11997 characters; at most 10000 are read"),
        ("-" * 500 + "x * a", "is nested more than 100 deep"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        parse_law(text, ["x"])


def test_a_law_text_must_use_every_input() -> None:
    with pytest.raises(InputError, match=r"^law 'a \* x' does not use the inputs \['y'\]; its names are \['a', 'x'\]$"):
        parse_law("a * x", ["x", "y"])


def test_a_law_text_without_parameters_is_refused() -> None:
    with pytest.raises(InputError, match=r"^law '2 \* x' has no parameter: all its names \['x'\] are inputs$"):
        parse_law("2 * x", ["x"])


@pytest.mark.parametrize("read", [lambda text: parse_law(text, ["x"]), parse_filter])
@pytest.mark.parametrize("form", ["{code}", "{code} * x * a", "x + a < {code}", "x == 1 and {code}", "[{code}]"])
def test_nothing_in_a_text_is_executed(read, form: str, tmp_path: Path) -> None:
    target = tmp_path / "written"
    code = f"__import__('pathlib').Path({str(target)!r}).touch()"
    with pytest.raises(InputError):
        read(form.format(code=code))
    assert not target.exists()
    eval(code)
    assert target.exists()


def test_a_law_that_calls_another_function_has_no_tree() -> None:
    def with_sine(x, *, a):
        return a * np.sin(x)

    with pytest.raises(InputError, match=r"^law with_sine uses more than \+ - \* / \*\* and the functions of laws"):
        law_tree(with_sine)


def test_a_law_that_branches_has_no_tree() -> None:
    def kinked(x, *, a, b):
        return a * x if x > 1 else b * x

    with pytest.raises(InputError, match=r"^law kinked uses more than \+ - \* / \*\* and the functions of laws"):
        law_tree(kinked)


def test_a_law_that_returns_a_number_has_no_tree() -> None:
    def constant(x, *, a):
        return 3.0

    with pytest.raises(InputError, match=r"^law constant does not return an expression of its arguments \['x', 'a'\]$"):
        law_tree(constant)


def test_numbers_on_either_side_are_written_down() -> None:
    def both_sides(x, *, a):
        return (1 - a) * (2 / x) ** -np.float64(0.5) + 3 ** (a - 1) - (-2.0) ** 2

    again = parse_law(law_text(both_sides), ["x"])
    assert again(x=3.0, a=0.25) == pytest.approx(both_sides(3.0, a=0.25), rel=1e-15)


def wordy_law(count: int):
    def wordy(x, **parameters):
        return x * sum(parameters.values())

    names = [f"a_coefficient_with_a_name_far_beyond_what_one_would_type_{i}" for i in range(count)]
    kinds = inspect.Parameter
    wordy.__signature__ = inspect.Signature(
        [kinds("x", kinds.POSITIONAL_OR_KEYWORD)] + [kinds(name, kinds.KEYWORD_ONLY) for name in names]
    )
    return wordy


def test_a_law_of_many_words_is_read_back() -> None:
    again = parse_law(law_text(wordy_law(25)), ["x"])
    assert set(law_parameters(again)) == set(law_parameters(wordy_law(25)))


def test_a_text_too_long_to_be_read_back_is_not_written() -> None:
    with pytest.raises(InputError, match=r"^law wordy is too long to be written as text"):
        law_text(wordy_law(200))


OPERATORS = ("+", "-", "*", "/", "**")
FUNCTIONS = ("exp", "abs", "softplus", "sigmoid", "tanh", "mean")
LEAVES = st.sampled_from(["x", "a", "b", "e_inf"]) | st.floats(-20, 20).map(lambda number: f"({number!r})")
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda one: f"(-{one})")
        | st.tuples(st.sampled_from(FUNCTIONS), inner).map(lambda parts: f"{parts[0]}({parts[1]})")
        | st.tuples(st.sampled_from(("min", "max", "minimum")), inner, inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]}, {parts[3]})"
        )
    ),
    max_leaves=15,
)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(tree=TREES, x=st.floats(0.01, 100), a=st.floats(-3, 3), b=st.floats(0.01, 2))
def test_any_arithmetic_reads_back_from_its_text(tree: str, x: float, a: float, b: float) -> None:
    text = f"x * a + {tree}"
    try:
        law = parse_law(text, ["x"])
    except InputError as error:
        assume(all(said not in str(error) for said in ("is not a finite real number", "divides by 0")))
        raise
    again = parse_law(law_text(law), ["x"])
    assert set(law_parameters(again)) == set(law_parameters(law))
    every = {"x": np.float64(x), "a": np.float64(a), "b": np.float64(b), "e_inf": np.float64(0.25)}
    values = {name: every[name] for name in ("x", *law_parameters(law))}
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(again(**values), law(**values))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(tree=TREES, x=st.floats(0.01, 100), a=st.floats(-3, 3), b=st.floats(0.01, 2))
def test_a_part_of_a_law_is_what_it_stands_for(tree: str, x: float, a: float, b: float) -> None:
    try:
        law, plain = parse_law(f"p = {tree}\nx * a + p * p", ["x"]), parse_law(f"x * a + ({tree}) * ({tree})", ["x"])
    except InputError as error:
        assume(all(said not in str(error) for said in ("is not a finite real number", "divides by 0")))
        raise
    again = parse_law(law_text(law), ["x"])
    every = {"x": np.float64(x), "a": np.float64(a), "b": np.float64(b), "e_inf": np.float64(0.25)}
    values = {name: every[name] for name in ("x", *law_parameters(law))}
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(law(**values), plain(**values))
        np.testing.assert_array_equal(again(**values), law(**values))


@pytest.mark.parametrize("join", [" + ", " - ", " * ", " / "])
def test_many_terms_are_not_deep(join: str) -> None:
    names = [f"c{i}" for i in range(200)]
    text = join.join(f"{name} * x" if i % 3 else name for i, name in enumerate(names))
    law = parse_law(text, ["x"])
    values = {name: 1.0 + 0.01 * i for i, name in enumerate(names)}
    assert law(x=1.1, **values) == pytest.approx(eval(text, {"x": 1.1} | values), rel=1e-12)
    assert parse_law(law_text(law), ["x"])(x=1.1, **values) == law(x=1.1, **values)


def test_a_short_sum_is_added_from_left_to_right() -> None:
    law = parse_law("a + b + c - x", ["x"])
    assert law(x=1e-30, a=1e16, b=1.0, c=-1e16) == (1e16 + 1.0 - 1e16) - 1e-30


def test_a_long_sum_in_python_is_written_as_text() -> None:
    def law(x, *, a):
        return sum((a * x for _ in range(600)), start=0.0)

    assert parse_law(law_text(law), ["x"])(x=2.0, a=0.5) == pytest.approx(600.0)


@pytest.mark.parametrize(
    ("text", "inputs", "said"),
    [
        ("a * x", ["x", "x"], "are different names, not ['x', 'x']"),
        ("a * x", "x", "are a list of names, such as ['params', 'tokens'], not 'x'"),
        ("a * x", [3], "are a list of names"),
        (3, ["x"], "a law is a text, not 3"),
        ("lambda * x", ["x"], "'lambda' is a word of Python and no name"),
    ],
)
def test_what_is_no_law_or_no_input_is_said(text, inputs, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        parse_law(text, inputs)


def test_a_law_from_a_text_is_pickled_as_its_text() -> None:
    law = parse_law("E + A * params**-alpha", ["params"])
    again = pickle.loads(pickle.dumps(law))
    assert law_text(again) == law_text(law)
    assert again(2.0, E=1.0, A=2.0, alpha=0.5) == law(2.0, E=1.0, A=2.0, alpha=0.5)
