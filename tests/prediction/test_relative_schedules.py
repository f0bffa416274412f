"""Whether schedules of finished runs are one, and how they go on to a planned end: rules on learning rates, without a fit."""

from collections.abc import Callable

import numpy as np
import pytest

from bayes_scaling.data.logged_rates import LoggedRates, as_table, compact, from_table, rates_of_rows
from bayes_scaling.prediction.relative_schedules import alike, difference, follows, rate_at, relative_schedule, to_the_end

RATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cosine": lambda u: 0.1 + 0.45 * (1 + np.cos(np.pi * u)),
    "cosine to zero": lambda u: 0.5 * (1 + np.cos(np.pi * u)),
    "linear": lambda u: 1 - u,
    "linear to a tenth": lambda u: 1 - 0.9 * u,
    "wsd 5": lambda u: np.clip((1 - u) / 0.05, 0, 1),
    "wsd 20": lambda u: np.clip((1 - u) / 0.2, 0, 1),
    "sqrt 10": lambda u: 1 - np.sqrt(np.clip((u - 0.9) / 0.1, 0, 1)),
    "step": lambda u: np.where(u < 0.6, 1, np.where(u < 0.9, 0.316, 0.1)),
    "restarts": lambda u: 0.55 + 0.45 * np.cos(np.pi * ((3 * u * (1 - 1e-9)) % 1)),
    "constant": np.ones_like,
}
UNLIKE = [
    ("cosine", "cosine to zero"),
    ("cosine to zero", "linear"),
    ("linear", "linear to a tenth"),
    ("wsd 5", "wsd 20"),
    ("wsd 5", "sqrt 10"),
    ("wsd 5", "constant"),
    ("step", "constant"),
    ("restarts", "cosine"),
]


def course(kind: str, end: float, rows: int, warmup: float = 0.02, *, to: float = 1.0, since_peak: bool = False) -> LoggedRates:
    """Return the rates of a run, logged at so many places on its way to its end, the last of which may lie before that."""
    u = np.arange(1, rows + 1) / rows
    u = u[u <= to]
    way = np.clip((u - warmup) / (1 - warmup), 0, 1) if since_peak else u
    return compact(rates_of_rows(u * end, 3e-3 * np.minimum(1.0, u / warmup) * RATES[kind](way)))


def way(of: LoggedRates, *, since_peak: bool = False):  # type: ignore[no-untyped-def]
    whole, end = to_the_end(of)
    return relative_schedule(whole, end, since_peak=since_peak)


@pytest.mark.parametrize("kind", RATES)
def test_logs_of_any_spacing_and_length_are_one_schedule(kind: str) -> None:
    rows = (200, 137, 90, 1000)
    every = [way(course(kind, end, n)) for end, n in zip((2e9, 6e9, 1.2e10, 2.4e10), rows, strict=True)]
    found = alike(every)
    assert found is not None
    u = np.linspace(0.03, 1.0, 500)
    slow = np.abs(np.gradient(RATES[kind](u), u)) < 25
    assert np.abs(rate_at(found, u) - RATES[kind](u))[slow].max() < 0.03


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_other_schedules_are_told_apart(one: str, other: str) -> None:
    assert alike([way(course(one, 2e9, 150)), way(course(other, 6e9, 100))]) is None


@pytest.mark.parametrize("kind", RATES)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.77, 0.92, 0.96, 0.98])
def test_a_run_follows_its_own_schedule(kind: str, share: float) -> None:
    every = way(course(kind, 6e9, 200))
    assert follows(relative_schedule(course(kind, 1.6e10, 170, to=share), 1.6e10), every)


@pytest.mark.parametrize(
    ("kind", "other", "share"),
    [("cosine", "linear", 0.3), ("wsd 5", "wsd 20", 0.85), ("step", "constant", 0.65), ("cosine", "cosine to zero", 0.5)],
)
def test_a_run_does_not_follow_another_schedule(kind: str, other: str, share: float) -> None:
    for one, two in ((kind, other), (other, kind)):
        assert not follows(relative_schedule(course(one, 1.6e10, 170, to=share), 1.6e10), way(course(two, 6e9, 200)))


@pytest.mark.parametrize("kind", ["linear", "wsd 5", "wsd 20", "sqrt 10"])
def test_a_last_row_before_the_end_is_on_the_way_to_zero(kind: str) -> None:
    """Rows each 9 of 1000: the last lies up to that far before the end, where a cool-down still has a sixth of the peak."""
    u = np.arange(9, 1000, 9) / 1000
    short = compact(rates_of_rows(u * 2e9, 3e-3 * RATES[kind](u)))
    assert to_the_end(short)[1] == pytest.approx(2e9, rel=0.004)
    assert difference(way(short), way(course(kind, 6e9, 200))) < 0.02


def test_warm_ups_of_several_lengths_are_one_schedule_after() -> None:
    every = [course("cosine", end, 200, warmup, since_peak=True) for end, warmup in ((2e9, 0.1), (6e9, 0.03), (2e10, 0.01))]
    assert alike([way(of) for of in every]) is None
    assert alike([way(of, since_peak=True) for of in every]) is not None


def test_a_course_keeps_the_rows_where_the_slope_changes() -> None:
    assert len(course("wsd 5", 1e9, 1000).places) == 4
    assert len(course("constant", 1e9, 1000).places) == 3
    assert len(course("cosine", 1e9, 100_000).places) < 100
    u = np.linspace(0.02, 1, 999)
    kept = course("restarts", 1.0, 5000)
    near = np.abs((3 * u) % 1 - 0.5) < 0.49
    assert np.interp(u, kept.places, kept.lr)[near] == pytest.approx(3e-3 * RATES["restarts"](u)[near], abs=2e-6)


def test_courses_are_the_same_from_their_table() -> None:
    courses = {"a": course("wsd 5", 1e9, 100), "7": course("cosine", 2e9, 50)}
    again = from_table(as_table(courses))
    assert again.keys() == courses.keys()
    for name, of in courses.items():
        np.testing.assert_array_equal(again[name].places, of.places)
        np.testing.assert_array_equal(again[name].lr, of.lr)
        assert again[name].spacing == of.spacing


def test_rows_in_any_order_and_several_at_one_place() -> None:
    found = rates_of_rows(np.array([3.0, 1.0, 2.0, 2.0]), np.array([1.0, 3.0, 9.0, 2.0]))
    assert found.places.tolist() == [1, 2, 3]
    assert found.lr.tolist() == [3, 2, 1]
