"""Early stopping: by hand on few draws, the cheapest of all sets, restarts, and from wrong input."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import BAD

import bayes_scaling as bs
from bayes_scaling.decisions import stopping as module
from bayes_scaling.decisions.stopping import regret_of, stopping
from bayes_scaling.prediction.forecast_record import Forecast
from bayes_scaling.prediction.joint_forecast import Forecasts


def jobs(
    finals: np.ndarray, *, reached: Any = 50.0, params: Any = None, health: Any = None, anew: np.ndarray | None = None
) -> Forecasts:
    """Return forecasts that end at 100 tokens with the given draws, job, draw."""
    reached = np.broadcast_to(reached, len(finals))
    made = []
    for i, own in enumerate(finals):
        coords: dict[str, Any] = {"tokens": ("row", [reached[i], 100.0])}
        coords |= {} if params is None else {"params": ("row", [params[i]] * 2)}
        path = xr.DataArray(np.stack([own + 1, own], axis=-1)[None], coords, ("chain", "draw", "row"), attrs={"units": "nats"})
        seen = pd.DataFrame({"tokens": [reached[i] / 2, reached[i]], "response": [9.0, 8.0]})
        made.append(Forecast(path, seen, "tokens", "tokens", "abcdefghijklmnop"[i], 0.5, health, expected=path))
    again = {} if anew is None else {one.label: xr.DataArray(row[None]) for one, row in zip(made, anew, strict=True)}
    return Forecasts(tuple(made), again)


HAND = np.array([[1.0, 1.0, 3.0, 1.0], [2.0, 2.0, 1.0, 2.0], [4.0, 4.0, 4.0, 4.0]])


def test_chances_and_regrets_are_those_of_the_draws() -> None:
    table = stopping(jobs(HAND)).to_frame().set_index("run")
    assert table["p_best"].tolist() == [0.75, 0.25, 0.0]
    assert table["regret_if_stopped"].tolist() == [0.75, 0.5, 0.0]
    assert table["regret_if_alone"].tolist() == [0.5, 0.75, 3.0]
    assert table["cost_to_go"].tolist() == [50.0, 50.0, 50.0]
    assert table["decision"].tolist() == ["", "", ""]


def test_a_tolerance_keeps_the_cheapest_set_and_a_budget_the_best() -> None:
    found = stopping(jobs(HAND), tolerance=0.0)
    assert found.keep == ("a", "b")
    assert found.saved == pytest.approx(1 / 3)
    assert found.to_frame()["decision"].tolist() == ["go on", "go on", "stop"]
    assert stopping(jobs(HAND), tolerance=0.6).keep == ("a",)
    assert stopping(jobs(HAND), budget=60.0).keep == ("a",)
    assert stopping(jobs(HAND), budget=100.0).keep == ("a", "b")
    cheap = stopping(jobs(HAND), tolerance=0.8, cost_per_token={"a": 9.0, "b": 1.0, "c": 1.0})
    assert cheap.keep == ("b",)
    assert found.regret(["a"]) == 0.5


def test_costs_are_flop_where_sizes_are_known() -> None:
    found = stopping(jobs(HAND, reached=[50.0, 80.0, 100.0], params=[1e3, 1e3, 2e3]), tolerance=0.0)
    np.testing.assert_allclose(found.cost_to_go, [6e3 * 50, 6e3 * 20, 0.0])
    assert found.cost_unit == "FLOP"


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.05, 0.2])
def test_the_kept_set_is_the_cheapest_of_all(tolerance: float) -> None:
    rng = np.random.default_rng(3)
    finals = 3.0 + 0.1 * np.arange(6)[:, None] + 0.2 * rng.normal(size=(6, 500))
    rate = dict(zip("abcdef", rng.uniform(1, 5, 6).tolist(), strict=True))
    found = stopping(jobs(finals), tolerance=tolerance, cost_per_token=rate)
    sets = [keep for size in range(1, 7) for keep in combinations(range(6), size)]
    within = [sum(50 * rate["abcdef"[i]] for i in keep) for keep in sets if regret_of(finals, keep) <= tolerance]
    assert found.cost_to_go[["abcdef".index(one) for one in found.keep or ()]].sum() == pytest.approx(min(within))


def test_many_jobs_are_left_out_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    finals = 3.0 + 0.05 * np.arange(14)[:, None] + 0.1 * rng.normal(size=(14, 400))
    found = stopping(jobs(finals), tolerance=0.01)
    assert found.regret(found.keep or ()) <= 0.01
    assert set("ab") <= set(found.keep or ())
    monkeypatch.setattr(module, "MOST_SETS", 14)
    assert len(stopping(jobs(finals), tolerance=0.01).keep or ()) >= len(found.keep or ()) - 1


def test_a_job_that_fell_behind_its_kin_is_begun_once_more() -> None:
    """One job alone, 1 above what a new run of its settings ends at: with a restart the tolerated regret takes that."""
    finals, anew = np.full((1, 100), 4.0), np.full((1, 100), 3.0)
    found = stopping(jobs(finals, anew=anew), tolerance=0.1, restart=True)
    assert found.keep == ("a again",)
    assert found.to_frame()["decision"].tolist() == ["stop", "restart"]
    assert found.cost_to_go.tolist() == [50.0, 100.0]
    assert "begin once more a: expected regret 0 nats" in found.summary()
    assert stopping(jobs(finals, anew=anew), tolerance=2.0, restart=True).keep == ("a",)


def test_a_job_is_one_whatever_it_is_called() -> None:
    found = jobs(np.array([[2.0], [1.0]]))
    named = Forecasts((replace(found.jobs[0], label="x again"), found.jobs[1]))
    decided = stopping(named, tolerance=0.0)
    assert decided.to_frame()["decision"].tolist() == ["stop", "go on"]
    assert decided.saved == 0.5


def test_what_is_said() -> None:
    said = stopping(jobs(HAND), tolerance=0.0).summary().splitlines()
    assert said[0] == "Go on with a, b, stop c: expected regret 0 nats (0 nats tolerated); 33 % of the cost to go is saved."
    assert said[1] == "a ends lowest with probability 0.75; doing without it costs 0.75 nats on average, and saves 50 tokens."
    assert not stopping(jobs(HAND)).summary().startswith("Go on")
    bad = stopping(jobs(HAND, health=BAD), tolerance=0.0)
    assert BAD.line in bad.summary()
    assert bad.to_frame().attrs["health"] == BAD.line


def test_what_to_know_of_the_forecasts_stands_below() -> None:
    found = jobs(HAND)
    first, second, _ = found.jobs
    far = replace(first, path=first.path.assign_coords(distance=("row", [0.0, 1.5])))
    odd = replace(second, tail_probability=1e-4, level_notes=("arch 'new' is a level that the runs do not have",))
    said = stopping(Forecasts((far, odd, found.jobs[2])), tolerance=0.0).summary().splitlines()
    assert said[-3:] == [
        "note: a ends 1.5 decades beyond the runs.",
        "note: arch 'new' is a level that the runs do not have.",
        f"note: {odd.outlier}.",
    ]
    assert stopping(found).notes == ()


def test_wrong_calls_get_one_clear_line() -> None:
    found = jobs(HAND)
    for wrong, said in (
        (lambda: stopping(found, tolerance=-1.0), "tolerance must be"),
        (
            lambda: stopping(found, budget=10.0),
            "no job can be trained to its end within a budget of 10; the cheapest takes 50",
        ),
        (lambda: stopping(found, cost_per_token={"a": 1.0}), r"cost_per_token is given for \['a'\]; the jobs are"),
        (lambda: stopping(found).regret(["z"]), r"the candidates are \['a', 'b', 'c'\]"),
        (lambda: stopping(found["a"]), "found cannot be a Forecast"),  # type: ignore[arg-type]
    ):
        with pytest.raises(bs.InputError, match=said) as error:
            wrong()  # type: ignore[no-untyped-call]
        assert "\n" not in str(error.value)
