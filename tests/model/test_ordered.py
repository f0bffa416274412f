"""Ordered parameters: levels in a known order, in draws from the prior, in fits, at levels that no run has, in files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.model import ordered
from bayes_scaling.model.arrays import data
from bayes_scaling.model.build import build
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.predict import parameters_at

LEVELS = ("a", "b", "c", "d")
FLOORS = {"a": 1.5, "b": 1.55, "d": 1.82}
ORDER = bs.Ordered("tok", 0.1, levels=LEVELS)


def runs(floors: Mapping[str, float] = FLOORS) -> Runs:
    random = np.random.default_rng(0)
    rows = [
        {"params": p, "tok": level, "loss": (floor + 0.4 * (p / 1e9) ** -0.3) * np.exp(0.01 * random.standard_normal())}
        for level, floor in floors.items()
        for p in np.geomspace(1e8, 1e10, 8)
    ]
    columns = bs.Columns(
        {"params": bs.Input("params", "parameters", 1e9)}, bs.Response(unit="nats/token"), groups={"tok": "tok"}
    )
    return bs.read_runs(pd.DataFrame(rows), columns)


def model(order: Any = ORDER, sd: Any = None) -> bs.Model:
    return bs.Model(
        bs.parse_law("E + A * params**-alpha", ["params"]),
        {
            "E": bs.Prior(median=1.5, factor=1.5) + order,
            "A": bs.Prior(median=0.4, factor=2.0),
            "alpha": bs.Prior(median=0.3, factor=1.5),
        },
        bs.Noise(sd or bs.Prior(median=0.01, factor=2.0), "normal"),
    )


@pytest.mark.parametrize("direction", ["increasing", "decreasing"])
def test_draws_from_the_prior_are_in_order_with_the_steps_that_are_said(direction: Any) -> None:
    before = bs.prior(model(bs.Ordered("tok", 0.1, LEVELS, direction)), runs(), draws=20_000).posterior
    effects = (1 if direction == "increasing" else -1) * before["E_by_tok"].to_numpy()[0]
    assert (effects[:, 0] == 0).all()
    assert (np.diff(effects) > 0).all()
    steps = np.diff(effects) / before["E_sd_tok"].to_numpy()[0, :, None]
    for step, places in zip(steps.T, (1, 2), strict=True):  # c has no runs, so that d lies two steps above b
        assert stats.kstest(step, stats.gamma(places).cdf).pvalue > 1e-3


def test_the_compiled_density_is_that_of_the_steps() -> None:
    places = np.array([2.0, 0.0, 3.0])
    steps = np.array([0.2, 0.7, 0.1])
    np.testing.assert_allclose(ordered.gaps(places), [2.0, 0.0, 1.0])
    np.testing.assert_allclose(ordered.effects(ORDER, places, steps[None]), [[0.2, 0.0, 0.3]])
    of, seen = model(), runs()
    levels = {"tok": seen.levels["tok"]}
    arrays = data(of, seen, levels)
    built = build(of, {**arrays, "information_E_by_tok": np.zeros(3)}, levels)
    drawn = next(one for one in built.free_RVs if one.name == "E_by_tok_w")
    at = {one.name: np.zeros(built.initial_point()[one.name].shape) for one in built.value_vars}
    at["E_by_tok_w_log__"] = np.log([0.3, 0.2, 0.5])
    at["E_sd_tok_log__"] = np.log(0.25)
    found = built.compile_logp(vars=[drawn])(at)
    expected = stats.gamma([1, 1, 2], scale=0.25).logpdf([0.3, 0.2, 0.5]) + np.log([0.3, 0.2, 0.5])
    assert float(found) == pytest.approx(expected.sum())


def test_levels_between_and_beyond_those_of_the_runs_keep_the_order() -> None:
    before = bs.prior(model(), runs({"b": 1.5, "d": 1.8}), draws=8000)
    points = {"params": [1e9] * 4, "tok": list(LEVELS)}
    found = bs.predict(before, points)
    assert (found.diff("row") > 0).all()
    effects = before.posterior["E_by_tok"].to_numpy()[0]
    floor = parameters_at(before, points)["E"].to_numpy()[0]
    share = (np.log(floor[:, 2]) - np.log(floor[:, 1])) / (effects[:, 1] - effects[:, 0])
    assert stats.kstest(share, stats.uniform.cdf).pvalue > 1e-3
    np.testing.assert_allclose(np.log(floor[:, 1] / floor[:, 0]), effects[:, 0])
    assert found.attrs["notes"] == (
        "tok c lies between the levels of the runs in the order: the step between their neighbours is divided",
        "tok a lies beyond the levels of the runs in the order: further steps are drawn from their prior",
    )
    with pytest.raises(bs.InputError, match="tok 'e' has no place among the ordered levels 'a', 'b', 'c', 'd'; add it"):
        bs.predict(before, {"params": [1e9], "tok": ["e"]})


def test_the_first_of_all_levels_alone_leaves_steps_beyond_it_exponential() -> None:
    sd, known = np.full((1, 9000), 0.5), np.array([0.0, 0.4]) * np.ones((1, 9000, 2))
    found = ordered.everywhere(ORDER, "E_by_tok", known, np.array([0.0, 1.0]), 4, sd, 0)[0]
    assert stats.kstest(found[:, 2] - 0.4, stats.expon(scale=0.5).cdf).pvalue > 1e-3
    assert stats.kstest(found[:, 3] - found[:, 2], stats.expon(scale=0.5).cdf).pvalue > 1e-3


def test_numbers_are_in_order_and_other_levels_need_a_list() -> None:
    numbers = runs({"8192": 1.5, "65536": 1.6, "32768": 1.7})
    before = bs.prior(model(bs.Ordered("tok", 0.1)), numbers, draws=50).posterior
    found = before["E_by_tok"].sel(tok=["8192", "32768", "65536"] if before["tok"].dtype.kind != "i" else [8192, 32768, 65536])
    assert (found.diff("tok") > 0).all()
    with pytest.raises(bs.InputError, match="column tok, E: the levels of 'tok' are no numbers, as 'a', and nothing says"):
        bs.prior(model(bs.Ordered("tok", 0.1)), runs(), draws=5)
    with pytest.raises(bs.InputError, match="tok 'd' has no place among the ordered levels 'a', 'b', 'c'"):
        bs.prior(model(bs.Ordered("tok", 0.1, LEVELS[:3])), runs(), draws=5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bs.Ordered(("tok", "size"), 0.1), "Ordered goes over one group, as levels of several have no one order"),
        (lambda: bs.Ordered("tok", 0.1, ("a",)), "two or more different levels in their order, not .'a'."),
        (lambda: bs.Ordered("tok", 0.1, ("a", "b", "a")), "two or more different levels in their order"),
        (lambda: bs.Ordered("tok", 0.1, direction="up"), "direction of Ordered must be one of"),  # type: ignore[arg-type]
        (
            lambda: bs.Prior(median=1, factor=2) + ORDER + bs.Varying("tok", 0.1),
            "a parameter is Ordered over 'tok', and Varying over .'tok'. would break the order: expected one of the two",
        ),
        (
            lambda: bs.Prior(median=1, factor=2) + bs.Varying(("size", "tok"), 0.1) + ORDER,
            "Ordered over 'tok', and Varying over .'size', 'tok'. would break the order",
        ),
        (
            lambda: bs.Prior(median=1, factor=2) + bs.Smooth("tok", 0.1, bs.Prior(median=1, factor=2)) + ORDER,
            "Ordered over 'tok', and Smooth over .'tok'. would break the order",
        ),
    ],
)
def test_what_has_no_one_order_is_refused_in_one_line(make: Any, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        make()


def test_a_file_keeps_the_order() -> None:
    noisy = bs.Prior(median=0.01, factor=2.0) + bs.Ordered("tok", 0.2, LEVELS, "decreasing")
    study = Study("ordered", model(sd=noisy), runs().columns)
    text = study_text(study)
    assert 'levels = [\n    "a",' in text or 'levels = ["a"' in text
    read = parse_study(text, "mine.toml").model
    assert (read.parameters["E"], read.noise) == (study.model.parameters["E"], study.model.noise)
    with pytest.raises(bs.InputError, match="no such key; did you mean 'levels'"):
        parse_study(text.replace("levels", "level", 1), "mine.toml")


@pytest.mark.slow
def test_a_fit_keeps_the_order_and_finds_the_floors() -> None:
    found = bs.fit(model(), runs(), bs.Settings(draws=500, tune=500, seed=1, progress=False))
    assert found.health is not None
    assert found.health.ok, found.health
    assert (found.posterior["E_by_tok"].diff("tok") >= 0).all()
    shown = bs.summarize(bs.predict(found, {"params": [1e9] * 4, "tok": list(LEVELS)}))
    for level, floor in FLOORS.items():
        row = shown[shown["tok"] == level].iloc[0]
        assert row["q50"] == pytest.approx(floor + 0.4, abs=0.02)
    between = shown[shown["tok"] == "c"].iloc[0]
    assert between["q95"] < shown.iloc[3]["q95"]
    assert between["q05"] > shown.iloc[1]["q05"]
