"""First passages: by hand on few draws, against a law whose passage is known, by pace and date, and from wrong input."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_forecast import COLUMNS, END, begun, drawn, finished

import bayes_scaling as bs
from bayes_scaling.prediction.first_passage import FirstPassage, passage_places
from bayes_scaling.prediction.pace import Pace, pace_of_log


def passage(at: list[float], pace: Pace | None = None, **how: Any) -> FirstPassage:
    draws = xr.DataArray([at], dims=("chain", "draw"))
    return FirstPassage(draws, 2.4, "run", how.get("kind", "expected"), "tokens", "tokens", 100.0, 1000.0, pace)


def test_quantiles_and_probabilities_are_those_of_the_draws() -> None:
    found = passage([200.0, 300.0, 400.0, np.inf])
    assert found.p_never == 0.25
    assert (found.by(250.0), found.by(300.0), found.by(1000.0)) == (0.25, 0.5, 0.75)
    assert found.to_frame()["q50"].item() == 300.0
    assert np.isinf(found.to_frame()["q95"].item())
    assert found.quantiles(reached=True)["q95"] == 400.0


def test_dates_follow_the_pace() -> None:
    """100 tokens a day from the first of the month on, when the run had come to 100."""
    found = passage([200.0, 300.0, 400.0, np.inf], Pace(100.0, pd.Timestamp("2026-11-01")))
    assert (found.by_date("2026-11-02"), found.by_date("2026-11-03"), found.by_date("2027-01-01")) == (0.25, 0.5, 0.75)
    assert found.by_date("2026-10-01") == 0.0
    row = found.to_frame().iloc[0]
    assert row["date_q50"] == pd.Timestamp("2026-11-03")
    assert row["date_q95"] is pd.NaT
    assert found.summary().splitlines() == [
        "The expected loss of run falls below 2.4 by its end, at 1000 tokens on 2026-11-10, with probability 0.75.",
        "If it does, it is there at 300 tokens (90 %: 200 to 400): on 2026-11-03 (90 %: 2026-11-02 to 2026-11-04).",
    ]


def test_what_is_reached_already_and_what_never_is_said_so() -> None:
    assert passage([100.0, 100.0]).summary().splitlines()[1] == "It lies there already, at 100 tokens."
    assert len(passage([np.inf, np.inf]).summary().splitlines()) == 1
    assert passage([200.0], kind="observed").summary().startswith("A row of run falls below")


def test_a_curve_is_a_line_between_places_and_a_row_is_at_one() -> None:
    path = xr.DataArray([[[3.0, 2.6, 2.2], [2.4, 2.3, 2.2], [3.0, 2.9, 2.8]]], dims=("chain", "draw", "row"))
    path = path.assign_coords(tokens=("row", [10.0, 100.0, 1000.0]))
    np.testing.assert_allclose(passage_places(path, "tokens", 2.4, "expected"), [[10**2.5, 10.0, np.inf]])
    np.testing.assert_allclose(passage_places(path, "tokens", 2.4, "observed"), [[1000.0, 10.0, np.inf]])


def test_a_known_law_is_passed_where_it_says() -> None:
    """3 (D / 100)^-0.1 with draws of a and b: each passes 2.4 at 100 (a / 2.4)^(1 / b), whatever its noise adds."""
    fit = drawn()
    quiet = {name: xr.full_like(fit.posterior[name], 1e-5) for name in ("noise_sd", "noise_white", "residual_sd_run")}
    calm = bs.Fit(fit.model, fit.runs, xr.DataTree.from_dict({"posterior": fit.posterior.assign(quiet)}), fit.settings, None)
    tokens = np.geomspace(5, 200, 20)
    log = pd.DataFrame({"tokens": tokens, "run": "new", "loss": 3.02 * (tokens / 100) ** -0.101})
    found = bs.forecast(calm, log, 4000.0, refit_below=0).first_passage(2.4)
    assert found.quantiles()["q50"] == pytest.approx(100 * (3.02 / 2.4) ** (1 / 0.101), rel=0.01)
    assert found.p_never == 0.0


def test_the_final_and_the_passage_agree() -> None:
    """The expected loss of a curve that only falls has passed by the end where it ends below."""
    found = bs.forecast(drawn(), begun(), END)
    target = float(found.final.median())
    passed = 1 - found.first_passage(target).p_never
    assert passed >= float((found.expected.isel(row=-1) <= target).mean())  # type: ignore[union-attr]
    assert passed == pytest.approx(float((found.expected.isel(row=-1) <= target).mean()), abs=0.15)  # type: ignore[union-attr]
    assert 1 - found.first_passage(target, kind="observed").p_never >= found.probability(target)


def logged(times: Callable[[np.ndarray], Any], name: str) -> Pace | None:
    """Return the pace of a log that goes at 50 tokens a day in its first half, at 100 in its second."""
    tokens = np.linspace(10, 1000, 100)
    days = np.where(tokens <= 500, tokens / 50, 10 + (tokens - 500) / 100)
    runs = bs.read_runs(finished(), COLUMNS)
    return pace_of_log(pd.DataFrame({"tokens": tokens, name: times(days)}), runs, "tokens")


START = pd.Timestamp("2026-11-01")
TIMES: dict[str, tuple[str, Callable[[np.ndarray], Any]]] = {
    "unix seconds": ("_timestamp", lambda days: START.timestamp() + 86400 * days),
    "unix milliseconds": ("timestamp", lambda days: 1e3 * (START.timestamp() + 86400 * days)),
    "text": ("date", lambda days: (START + pd.to_timedelta(days, unit="D")).astype(str)),
    "dates": ("datetime", lambda days: START + pd.to_timedelta(days, unit="D")),
    "dates with a zone": ("time", lambda days: (START + pd.to_timedelta(days, unit="D")).tz_localize("UTC")),
}


@pytest.mark.parametrize("kind", TIMES)
def test_a_pace_is_that_of_the_second_half_of_a_log(kind: str) -> None:
    name, times = TIMES[kind]
    found = logged(times, name)
    assert found is not None
    assert found.per_day == pytest.approx(100.0, rel=1e-6)
    assert found.since is not None
    assert abs(found.since - (START + pd.Timedelta(days=15))) < pd.Timedelta(seconds=1)
    assert found.column == name


def test_times_since_the_start_tell_the_pace_and_no_date() -> None:
    for name, scale in {"_runtime": 86400.0, "elapsed_hours": 24.0, "time": 86400.0}.items():
        found = logged(lambda days, scale=scale: scale * days, name)  # type: ignore[misc]
        assert found is not None
        assert found.per_day == pytest.approx(100.0, rel=1e-6)
        assert found.since is None


def test_columns_that_are_no_clock_are_none() -> None:
    assert logged(lambda days: 0.25 + 0.01 * (-1) ** np.arange(len(days)), "time") is None
    assert logged(lambda days: ["soon"] * len(days), "date") is None
    assert logged(lambda days: days, "wandb") is None


def test_a_log_with_times_dates_its_passage() -> None:
    log = begun().assign(_timestamp=lambda of: START.timestamp() + 86400 * of["tokens"] / 10.0)
    found = bs.forecast(drawn(400), log, END)
    reached = found.first_passage(2.4)
    assert reached.pace is not None
    assert reached.pace.per_day == pytest.approx(10.0)
    row = reached.to_frame().iloc[0]
    assert abs(row["date_q50"] - (START + pd.Timedelta(days=row["q50"] / 10.0))) < pd.Timedelta(minutes=1)
    told = found.first_passage(2.4, per_day=20.0).to_frame().iloc[0]
    assert told["date_q50"] < row["date_q50"]
    assert found.first_passage(2.4, since="2027-01-01").to_frame().iloc[0]["date_q50"] > pd.Timestamp("2027-01-01")


def test_wrong_questions_get_one_clear_line() -> None:
    found = bs.forecast(drawn(200), begun(), END)
    reached = found.first_passage(2.4)
    expected = bs.forecast(drawn(200), begun(), END, kind="expected")
    assert np.isfinite(expected.first_passage(2.4, kind="observed").p_never)
    for wrong, said in (
        (lambda: reached.by(2e3), "ends at tokens 1000; expected a place up to there"),
        (lambda: reached.by_date("2026-12-01"), "its log has no times; expected per_day"),
        (lambda: found.first_passage(2.4, per_day=5.0).by_date("2026-12-01"), "expected since, the date of the last row"),
        (lambda: found.first_passage(2.4, per_day=5.0, since="2026-11-01").by_date("soon"), "date 'soon' is no date"),
        (lambda: found.first_passage(2.4, per_day=-5.0), "per_day must be a positive number"),
        (lambda: found.first_passage(-1.0), "must be a positive number"),
        (lambda: found.first_passage(2.4, kind="mean"), "kind"),  # type: ignore[arg-type]
    ):
        with pytest.raises(bs.InputError, match=said) as error:
            wrong()  # type: ignore[no-untyped-call]
        assert "\n" not in str(error.value)
