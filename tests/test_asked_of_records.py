"""What records are asked wrongly is refused in one line, as functions refuse it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, sweep

import bayes_scaling as bs
from bayes_scaling.decisions.plan import Plan
from bayes_scaling.prediction.contrast import Contrast
from bayes_scaling.prediction.forecast import Forecast

mpl.use("Agg")
FIT = sweep(CLEAN)
PLACE = pd.DataFrame({"params": [1e9, 3e9], "tokens": [2e10, 6e10]})
TARGETS: dict[Any, str] = {"2.4": "'2.4'", float("nan"): "not nan", -1: "not -1", float("inf"): "not inf", True: "True"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return bs.plan(FIT, 1e20, pd.DataFrame({"arch": ["dense"]}))


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    log = FIT.runs.table.query("run == 'dense 1e+08'").head(5).rename(columns={"response": "loss"}).assign(run="new")
    return bs.forecast(FIT, log, at=2e11)


@pytest.mark.parametrize("target", TARGETS)
def test_a_plan_is_asked_for_a_loss(target: Any, plan: Plan) -> None:
    for ask in (plan.to_frame, plan.summary, plan.probability):
        with pytest.raises(bs.InputError, match=TARGETS[target]):
            ask(target)
    assert 0 <= plan.probability(2.4)[0] <= 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_forecast_is_asked_for_a_loss(target: Any, forecast: Forecast) -> None:
    for ask in (forecast.summary, forecast.probability, forecast.plot):
        with pytest.raises(bs.InputError, match=TARGETS[target]):
            ask(target)
    assert forecast.probability(forecast) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "made",
    [
        lambda: bs.rank(FIT, "arch", "dense", pd.DataFrame({"compute": [1e20]})),
        lambda: bs.next_runs(FIT, PLACE.assign(arch="dense"), "loss at params=3e9, tokens=1e11, arch=dense"),
        lambda: bs.sensitivity(FIT, "loss at params=3e9, tokens=1e11, arch=dense"),
        lambda: bs.contrast(FIT, "arch", "dense", "sparse", PLACE),
    ],
)
def test_records_say_how_they_are_called(made: Callable[[], Any]) -> None:
    record = made()
    with pytest.raises(bs.InputError, match=r"expected summary\(\)"):
        record.summary(2.4)
    with pytest.raises(bs.InputError, match=r"expected to_frame\(\)"):
        record.to_frame(target=2.4)
    with pytest.raises(bs.InputError, match=r"expected plot\("):
        record.plot(colour="red")


def test_a_contrast_shows_control_characters_of_a_level_as_what_they_are() -> None:
    found = bs.contrast(FIT, "arch", "dense", "sparse", PLACE)
    said = Contrast(found.draws, found.points, "arch", "den\x1b[31mse", "spar\u202ese", found.units).summary()
    assert said.startswith("den\\x1b[31mse against spar\\u202ese at params")
    assert np.all([of.isprintable() for of in said.splitlines()])


@pytest.mark.parametrize("make", [bs.contrast, partial(bs.compute_ratio, along={"params": 0.5, "tokens": 0.5})])
def test_a_level_is_not_held_against_itself(make: Callable[..., Any]) -> None:
    with pytest.raises(bs.InputError, match=r"arch 'dense' is held against itself; expected two different ones .*'sparse'"):
        make(FIT, "arch", "dense", "dense", PLACE)
