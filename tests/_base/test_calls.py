"""Wrong calls are refused with the right one; what to know of an answer goes with it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import worlds
from by_hand import CLEAN, sweep
from commands import run

import bayes_scaling as bs
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.optimum import optimum
from bayes_scaling.inference.stacking import stack
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize_at

POINTS = pd.DataFrame({"params": [1e9], "tokens": [2e10], "arch": "dense"})
PLACE = POINTS[["params", "tokens"]]
ARCH = POINTS[["arch"]]


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    return sweep(CLEAN)


WRONG: dict[str, tuple[Callable[[bs.Fit], object], str]] = {
    "rank as contrast": (
        lambda fit: bs.rank(fit, "arch", "sparse", "dense", PLACE),  # type: ignore[misc]
        r"rank: too many positional arguments; expected rank\(fit, group, against, points, \*, levels=",
    ),
    "contrast as rank": (lambda fit: bs.contrast(fit, "arch", "dense", PLACE), "contrast: b cannot be a DataFrame|missing"),  # type: ignore[call-arg]
    "points before levels": (lambda fit: bs.contrast(fit, "arch", PLACE, "dense", "sparse"), "a cannot be a DataFrame"),
    "no fit": (lambda fit: bs.predict(POINTS, fit), "fit cannot be a DataFrame; expected predict"),  # type: ignore[arg-type]
    "no points": (lambda fit: summarize_at(fit), "missing a required argument: 'points'"),  # type: ignore[call-arg]
    "points as a number": (lambda fit: bs.predict(fit, 3.0), "points cannot be 3.0"),  # type: ignore[arg-type]
    "cost in the place of points": (lambda fit: compute_optimal(fit, 1e21, bs.Cost()), "points cannot be a Cost"),  # type: ignore[arg-type]
    "points in the place of compute": (lambda fit: compute_optimal(fit, ARCH), "compute cannot be a DataFrame"),  # type: ignore[arg-type]
    "compute as text": (lambda fit: bs.plan(fit, "1e21"), "compute cannot be '1e21'"),  # type: ignore[arg-type]
    "cost by position": (lambda fit: bs.plan(fit, 1e21, ARCH, bs.Cost()), r"expected plan\(fit, compute, points=..., \*, cost"),  # type: ignore[misc]
    "target and points": (lambda fit: bs.compute_needed(fit, ARCH, 2.5), "target cannot be a DataFrame"),  # type: ignore[arg-type]
    "question first": (lambda fit: bs.next_runs(fit, "loss at params=1e9", POINTS), "question cannot be|no such file"),  # type: ignore[arg-type]
    "along before points": (lambda fit: optimum(fit, "params", POINTS), "along cannot be a DataFrame"),  # type: ignore[arg-type]
    "unknown keyword": (lambda fit: bs.rank(fit, "arch", "dense", PLACE, beyond=3), "unexpected keyword argument 'beyond'"),  # type: ignore[call-arg]
    "below as text": (lambda fit: bs.crossover(fit, "arch", "dense", "sparse", PLACE, "1e9"), "below cannot be '1e9'"),  # type: ignore[arg-type]
    "a stack where one law is asked for": (
        lambda fit: decompose(stack({"a": fit, "b": fit}, {"a": 0.5, "b": 0.5}), POINTS),  # type: ignore[arg-type]
        "fit cannot be a Stack",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_names_the_right_one(case: str, fit: bs.Fit) -> None:
    call, words = WRONG[case]
    with pytest.raises(bs.InputError, match=words) as caught:
        call(fit)
    assert "\n" not in str(caught.value)


def test_points_come_after_what_is_asked_and_numbers_of_numpy_are_numbers(fit: bs.Fit) -> None:
    one = compute_optimal(fit, np.float64(1e21), ARCH)
    other = compute_optimal(fit, np.array([1e21]), points=ARCH, cost=bs.Cost())
    np.testing.assert_array_equal(one["params"], other["params"])
    assert bs.plan(fit, [1e21, 1e22], ARCH).choice["compute"].tolist() == [1e21, 1e22]


ASKED: dict[str, Callable[[bs.Fit, pd.DataFrame], object]] = {
    "predict": bs.predict,
    "predict_runs": bs.predict_runs,
    "summarize_at": summarize_at,
    "decompose": decompose,
    "plan": lambda fit, points: bs.plan(fit, 1e21, points[["arch"]]).choice,
}


@pytest.mark.parametrize("answer", ASKED)
def test_a_level_that_the_runs_do_not_have_is_said_with_its_nearest(answer: str, fit: bs.Fit) -> None:
    made = ASKED[answer](fit, POINTS.assign(arch="dens"))
    (note,) = made.attrs["notes"]  # type: ignore[attr-defined]
    assert note == "arch 'dens' (did you mean 'dense'?) is a level that the runs do not have: drawn from the population"
    assert "notes" not in ASKED[answer](fit, POINTS).attrs  # type: ignore[attr-defined]


def test_levels_of_other_groups_and_cells_that_never_met_are_said() -> None:
    fit = worlds.world("crossed groups that never met").fit
    points = pd.DataFrame({"params": [1e9, 1e9], "tokens": 2e10, "corpus": ["code", "wed"]})
    for made in (
        bs.contrast(fit, "arch", "sparse", "dense", points).draws,
        bs.contrast(fit, "arch", "sparse", "dense", points).to_frame(),
        contrast_at(fit, "arch", "sparse", "dense", points),
    ):
        new, never = made.attrs["notes"]
        assert new.startswith("corpus 'wed' (did you mean 'web'?) is a level")
        assert never.startswith("sparse and code never met in the runs")
    found = bs.rank(fit, "arch", "dense", pd.DataFrame({"compute": [1e21], "corpus": "books"}))
    assert found.notes[0].startswith("corpus 'books' is a level")
    assert found.to_frame().attrs["notes"] == found.notes


def test_the_command_says_on_stderr_what_is_new(fit: bs.Fit, tmp_path: Path) -> None:
    bs.save(fit, tmp_path / "fit.nc")
    POINTS.assign(arch="sprase").to_csv(tmp_path / "at.csv", index=False)
    result = run("predict", tmp_path, "--at", tmp_path / "at.csv", "--out", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    assert "note: arch 'sprase' (did you mean 'sparse'?) is a level" in result.stderr
    assert "note" not in result.stdout


def test_losses_below_zero_are_said_where_there_are_none() -> None:
    world = worlds.world("losses that fall below zero")
    curve = bs.predict(world.fit, world.far)
    share = float((curve <= 0).mean())
    assert share > 0.9
    assert f"in {100 * share:.0f} % of draws loss is not above 0" in curve.attrs["notes"][0]
    with pytest.raises(bs.InputError, match="row 1: no draw has a value there"):
        decompose(world.fit, world.far.assign(compute=1e12))
    ratio = bs.contrast(world.fit, "arch", "dense", "sparse", world.far)
    assert np.isnan(ratio["ratio"]).mean() == pytest.approx(
        float((bs.predict(world.fit, world.far.assign(arch="sparse")) <= 0).mean()), abs=0.1
    )
    assert "there is no ratio" in ratio.notes[-1]
    near_zero = worlds.world("losses near and below zero")
    assert "notes" not in bs.predict(near_zero.fit, near_zero.far).attrs


def test_draws_in_which_a_law_is_not_defined_are_left_out_and_counted() -> None:
    world = worlds.world("law not defined everywhere")
    curve = bs.predict(world.fit, world.far)
    known = curve.to_numpy()[~np.isnan(curve.to_numpy())]
    assert 0.2 < len(known) / curve.size < 0.8
    row = summarize_at(world.fit, world.far).iloc[0]
    assert (row["mean"], row["q05"], row["q95"]) == pytest.approx((known.mean(), *np.quantile(known, [0.05, 0.95])))
    assert "the law is not defined; they are left out" in summarize_at(world.fit, world.far).attrs["notes"][0]
    with pytest.raises(bs.InputError, match="row 1: the law is not defined there in any draw"):
        summarize_at(world.fit, world.far.assign(compute=0.01))


def test_columns_of_the_points_keep_their_values() -> None:
    world = worlds.world("plain, law as text")
    points = world.points.assign(mean=7.0, sd="mine", mean_given=1)
    table = summarize_at(world.fit, points)
    assert table["mean_given_given"].eq(7.0).all()
    assert table["sd_given"].eq("mine").all()
    assert table["mean_given"].eq(1).all()
    assert table["mean"].between(1, 5).all()


def test_a_group_within_another_goes_along_with_it() -> None:
    world = worlds.world("nested groups")
    found = bs.contrast(world.fit, "cell", "sparse web", "dense code", world.points)
    one, other = (
        worlds.expected(world, world.points.assign(arch=arch, corpus=corpus))
        for arch, corpus in (("sparse", "web"), ("dense", "code"))
    )
    np.testing.assert_allclose(found["ratio"].to_numpy().reshape(len(one), -1), one / other, rtol=1e-10)
    with pytest.raises(bs.InputError, match=r"should give \['corpus'\] instead of 'cell'"):
        bs.contrast(world.fit, "arch", "sparse", "dense", world.points.assign(cell="sparse web"))


def test_the_better_of_two_runs_is_told_by_their_own_scatter() -> None:
    """Two runs of the same arm: each is better with probability 1/2, whether asked for together or apart."""
    world = worlds.world("effects shared by runs")
    point = world.points.head(1)
    together = bs.predict_runs(world.fit, pd.concat([point, point]))
    one, other = bs.predict_runs(world.fit, point), bs.predict_runs(world.fit, point)
    of = worlds.draws(world)
    spread = np.sqrt(2 * (of["noise_sd"] ** 2 + of["residual_sd_run"] ** 2).mean())
    for a, b in ((together.isel(row=0), together.isel(row=1)), (one.isel(row=0), other.isel(row=0))):
        left = np.log(a.to_numpy() / b.to_numpy())
        assert left.std() == pytest.approx(spread, rel=0.25)
        assert (left < 0).mean() == pytest.approx(0.5, abs=0.18)
