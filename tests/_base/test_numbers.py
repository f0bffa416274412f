"""Numbers for people: one rule, at every size; what is read back is what was written, to half of the last digit."""

import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling._base.numbers import (
    band,
    decades,
    exact,
    format_count,
    interval,
    level_name,
    number,
    percent,
    probability,
    shared,
    value_at,
    with_error,
)

SUFFIX = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
WRITTEN = re.compile(r"(?P<sign>[-+]?)(?P<digits>\d+(?:\.(?P<decimals>\d+))?)(?P<suffix>[kMBT]?)(?:e(?P<power>-?\d+))?")
BOUNDARIES = [by * 10.0**power for power in range(-12, 25) for by in (0.99949, 0.9995, 0.99951, 0.9996, 0.99996, 1.0, 1.0004)]
SPREAD = [float(at) for at in np.geomspace(1e-13, 1e25, 1500)]
GRID = sorted({*BOUNDARIES, *SPREAD})


def read(text: str) -> tuple[float, float]:
    """Return what a written number says, and the size of one unit of its last digit."""
    found = WRITTEN.fullmatch(text)
    assert found is not None, text
    scale = SUFFIX[found["suffix"]] * 10.0 ** int(found["power"] or 0)
    value = float(found["digits"]) * scale
    return -value if found["sign"] == "-" else value, scale * 10.0 ** -len(found["decimals"] or "")


def significant(text: str) -> int:
    found = WRITTEN.fullmatch(text)
    assert found is not None, text
    return len(found["digits"].replace(".", "").lstrip("0"))


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5, 7])
def test_a_number_read_back_is_within_half_of_its_last_digit(digits: int) -> None:
    for value in (sign * of for of in GRID for sign in (1, -1)):
        text = number(value, digits)
        back, unit = read(text)
        assert abs(back - value) <= 0.5 * unit * (1 + 1e-9), (value, text)
        assert significant(text) <= max(digits, 4)


@pytest.mark.parametrize("digits", [2, 3, 4, 7])
def test_a_larger_number_never_reads_as_a_smaller_one(digits: int) -> None:
    assert all(read(number(low, digits))[0] <= read(number(high, digits))[0] for low, high in pairwise(GRID))


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 6, 7])
def test_no_suffix_is_used_beyond_its_range(digits: int) -> None:
    for value in GRID:
        text = number(value, digits)
        assert not re.match(r"1000(\.\d*)?[kMBT]", text), (value, text)
        assert "e+" not in text
        assert not re.search(r"e-?0", text)
        if text[-1] in "kMBT":
            assert 1 <= float(text[:-1]) < 1000, (value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2775.0, "2775"),
        (2278.825268310295, "2279"),
        (2.422367099502195, "2.42"),
        (9999.4, "9999"),
        (9999.6, "10k"),
        (36123, "36.1k"),
        (999_499, "999k"),
        (999_600, "1M"),
        (999_999, "1M"),
        (999.96e6, "1B"),
        (999.9996e12, "1e15"),
        (1e15, "1e15"),
        (5.76e23, "5.76e23"),
        (0.00099996, "0.001"),
        (0.00042, "4.2e-4"),
        (-0.00042, "-4.2e-4"),
        (-1.5e9, "-1.5B"),
        (0.1 + 0.2, "0.3"),
        (np.inf, "infinite"),
        (-np.inf, "-infinite"),
        (np.nan, "not known"),
        (np.float32(0.5), "0.5"),
    ],
)
def test_numbers_alone(value: float, text: str) -> None:
    assert number(value) == text


def test_what_was_said_is_repeated_as_it_was_said() -> None:
    said = {3.3: "3.3", 3.275: "3.275", 2775: "2775", 32768: "32768", 20_000: "20k", 1.6384e20: "1.6384e20", 0.003: "0.003"}
    assert {value: exact(value) for value in said} == said
    assert exact(1_096_338) == "1096338"
    assert exact(1_096_338_432) == "1.096338B"
    assert exact(0.30000000000000004) == "0.3"


def test_counts_are_written_whole() -> None:
    assert [format_count(count) for count in (0, 7, 2000, 12_345, 4_294_967_295)] == [
        "0",
        "7",
        "2,000",
        "12,345",
        "4,294,967,295",
    ]


def _bands() -> list[tuple[float, float, float]]:
    rng = np.random.default_rng(3)
    middles = rng.choice([-1, 1], 600) * 10 ** rng.uniform(-8, 20, 600)
    halves = np.abs(middles)[:, None] * 10 ** rng.uniform(-4, 0.8, (600, 2))
    return [(m - a, m, m + b) for m, (a, b) in zip(middles.tolist(), halves.tolist(), strict=True)]


def test_digits_follow_the_width_of_the_band() -> None:
    for values in _bands():
        low, _, high = values
        read_back = [read(text) for text in shared(values)]
        units = [unit for _, unit in read_back]
        assert all(abs(back - value) <= 0.51 * unit for (back, unit), value in zip(read_back, values, strict=True)), values
        wide = low * high > 0 and max(abs(low), abs(high)) >= 3 * min(abs(low), abs(high))
        if not wide and max(map(abs, values)) >= 1e4 and max(map(abs, values)) < 1e15:
            assert (high - low) / max(units) > 4.9, (values, shared(values))
        assert all(significant(text) <= 7 for text in shared(values)), (values, shared(values))


def test_digits_of_an_estimate_follow_its_error() -> None:
    said = {
        (0.461, 0.0084): "0.461 ± 0.0084",
        (5.07809, 0.6): "5.1 ± 0.6",
        (5.07809, 2e-4): "5.07809 ± 2e-4",
        (5.0, 0.0): "5 ± 0",
    }
    assert {of: with_error(*of) for of in said} == said


def test_one_decade_is_one() -> None:
    assert [decades(of) for of in (0.174, 0.999, 1.0, 2.0)] == ["0.17 decades", "1 decade", "1 decade", "2 decades"]


def test_ends_of_a_band_are_told_apart_unless_seven_digits_do_not() -> None:
    for low, middle, high in _bands():
        first, _, last = shared((low, middle, high))
        assert first != last
    assert shared((3.27671231, 3.27671232, 3.27671233)) == ["3.276712"] * 3


def test_a_value_and_its_band_have_the_same_last_digit() -> None:
    for values in _bands():
        if not (values[0] * values[2] > 0 and max(map(abs, values)) >= 3 * min(map(abs, values))):
            decimals = {len(text.partition(".")[2]) for text in shared(values) if re.fullmatch(r"-?[\d.]+[kMBT]?", text)}
            assert len(decimals) <= 2  # "0" is written without
            suffixes = {text[-1] for text in shared(values) if text[-1] in "kMBT"}
            assert len(suffixes) <= 1, shared(values)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((3.27641, 3.27672, 3.27708), "3.2767 nats (90 %: 3.2764 to 3.2771)"),
        ((3.227, 3.274, 3.325), "3.27 nats (90 %: 3.23 to 3.32)"),
        ((2.28, 2.288, 2.315), "2.288 nats (90 %: 2.280 to 2.315)"),
        ((352e6, 7e8, 1.4e9), "700M nats (90 %: 352M to 1.4B)"),
        ((998e3, 999.2e3, 1.0006e6), "0.9992M nats (90 %: 0.9980M to 1.0006M)"),
        ((8e14, 9e14, 1.1e15), "9.0e14 nats (90 %: 8.0e14 to 1.10e15)"),
        ((-0.0004, 0.001, 0.0021), "0.0010 nats (90 %: -0.0004 to 0.0021)"),
        ((2.0, 2.0, 2.0), "2 nats (90 %: 2 to 2)"),
        ((0.0, 0.0, 0.0), "0 nats (90 %: 0 to 0)"),
        ((1.21, 1.56, np.inf), "1.56 nats (90 %: 1.21 or more)"),
        ((-np.inf, 1.56, 1.8), "1.56 nats (90 %: 1.8 or less)"),
        ((-np.inf, 1.56, np.inf), "1.56 nats (90 %: anything)"),
        ((np.nan, np.nan, np.nan), "not known nats (90 %: not known)"),
    ],
)
def test_bands(values: tuple[float, float, float], text: str) -> None:
    assert band(values, "nats") == text


def test_changes_in_per_cent_carry_signs() -> None:
    assert band((-7.13, -6.4, -5.82), "%", signed=True) == "-6.4 % (90 %: -7.1 to -5.8 %)"
    assert band((-0.52, 0.013, 0.61), "%", signed=True) == "0.0 % (90 %: -0.5 to +0.6 %)"
    assert interval((0.5, 0.9, 1.21), signed=True) == "+0.5 to +1.2"


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (0.0, "0.00"),
        (1.0, "1.00"),
        (1e-9, "<0.01"),
        (0.00999, "<0.01"),
        (0.01, "0.01"),
        (0.5, "0.50"),
        (0.9899, "0.99"),
        (0.99, "0.99"),
        (0.995, "0.995"),
        (0.9994, "0.999"),
        (0.9996, ">0.999"),
        (1 - 1e-12, ">0.999"),
        (np.nan, "not known"),
    ],
)
def test_probabilities_are_certain_only_where_they_are(of: float, text: str) -> None:
    assert probability(of) == text


def test_shares_are_a_hundred_per_cent_only_where_they_are() -> None:
    said = {0.0: "0 %", 1.0: "100 %", 0.12: "12 %", 0.00025: "0.025 %", 0.9997: "99.97 %", 0.996: "99.6 %", 0.00001: "0.001 %"}
    assert {share: percent(share) for share in said} == said
    assert percent(1 - 1e-12) == ">99.999 %"
    assert percent(1e-12) == "<0.001 %"
    assert percent(np.nan) == "not known"


def test_levels_are_shortened_only_where_nothing_is_lost() -> None:
    same = ("1.10", "008", "1.1", "bf16", "12e5", "-5", "12345", "545400123", "0", "", "٣", "2e10")
    assert {of: level_name(of) for of in same} == {of: of for of in same}
    shorter = {"32768": "32K", 32768: "32K", 2048.0: "2K", 128_000: "128k", 102_400: "100K", 545_000_000: "545M", 8192: "8K"}
    assert {of: level_name(of) for of in shorter} == shorter
    assert level_name(np.int64(65536)) == "64K"
    assert level_name(1_048_576) == "1048576"


def test_k_of_1024_is_for_context_lengths() -> None:
    assert value_at("context", 32768.0) == "32K"
    assert value_at("seq_len", 4096) == "4K"
    assert value_at("batch", 32768.0) == "32768"
    assert value_at("params", 1.5e9) == "1.5B"
    assert value_at("corpus", "c4") == "c4"


MACHINES = {
    "data/datasets/fetching.py": "names of runs, as their authors count",
    "data/roles/units.py": "units of model files, which are read again",
    "model/studies/propose/draft.py": "priors of model files",
    "model/studies/propose/ends.py": "filters, which are read again",
    "report/moves.py": "questions, which are read again",
    "validation/ledger_hashes.py": "what is hashed",
    "validation/splits.py": "filters, which are read again",
}
"""Files that write numbers for machines."""


def test_no_other_module_writes_numbers() -> None:
    pattern = re.compile(r":[-+#, ]*(?:\d*,?\.\d+[efg%]|[eg%]|,)\}")
    root = Path(bs.__file__).parent
    found = [
        f"{path.relative_to(root)}:{i}: {line.strip()}"
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.j2")])
        if path.name != "numbers.py" and path.relative_to(root).as_posix() not in MACHINES
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_script_of_the_page_writes_no_numbers() -> None:
    script = files("bayes_scaling.report").joinpath("report.js").read_text(encoding="utf-8")
    assert not re.search(r"toPrecision|toFixed|toExponential|toLocaleString", script)
