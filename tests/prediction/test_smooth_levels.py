"""Levels of a smooth term between and beyond those of the runs: their draws, their notes, and what goes with them."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.expectation import levels_at
from bayes_scaling.inference.stacking import stack
from bayes_scaling.laws.library import power_law
from bayes_scaling.model import smooth
from bayes_scaling.model.parameters import as_parameter
from bayes_scaling.prediction.simulate import simulated, with_levels

LENGTH = bs.Prior(median=4.0, factor=1.5)
ALONG = bs.Smooth("position", 0.2, LENGTH)
OWN = bs.Smooth("position", 0.1, LENGTH, within="arm")
EFFECT = bs.Smooth("position", 0.05, LENGTH)
COLUMNS = bs.Columns({"compute": bs.Input("compute", "FLOP", 1e19)}, groups={"position": "position", "arm": "arm"}, run="run")
LEVELS = np.array([0, 2, 4, 8, 16])


def model(*effects: bs.Smooth | bs.Varying) -> bs.Model:
    parameters = {"a": bs.Prior(median=2.0, factor=1.2) + ALONG + OWN, "b": bs.Prior(median=0.1, factor=1.2)}
    return bs.Model(power_law, parameters, bs.Noise(bs.Prior(median=0.01, factor=1.5), "normal", effects=effects))


def table(levels: np.ndarray = LEVELS) -> pd.DataFrame:
    cells = [(p, arm, c) for p in levels for arm in ("full", "moba") for c in (1e18, 1e19, 1e20)]
    found = pd.DataFrame(cells, columns=["position", "arm", "compute"])
    return found.assign(run=np.arange(len(found)), loss=2.0)


@cache
def before(*, effect: bool = False) -> bs.Fit:
    return bs.prior(model(*([EFFECT] if effect else [])), bs.read_runs(table(), COLUMNS), draws=4000, seed=3)


def at(position: object, arm: object = "full") -> np.ndarray:
    points = pd.DataFrame({"compute": 1e19, "position": position, "arm": arm})
    return np.log(bs.predict(before(), points)).to_numpy()[0].T


def test_a_level_of_the_runs_is_its_own_however_it_is_written() -> None:
    posterior = before().posterior
    expected = np.log(posterior["a"]) + posterior["a_smooth_position"][..., 1] + posterior["a_smooth_position_arm"][..., 1, 0]
    np.testing.assert_allclose(at([2])[0], expected.to_numpy()[0], rtol=1e-12)
    np.testing.assert_array_equal(at(["2"])[0], at([2.0])[0])


def test_levels_near_each_other_are_alike_and_those_far_off_are_not() -> None:
    around = at([3, 4, 4.2, 500])
    middle = np.log(before().posterior["a"].to_numpy()[0])
    related = np.corrcoef(around - middle)
    assert related[1, 2] > 0.995
    assert 0.9 < related[0, 1] < 0.98
    assert abs(related[1, 3]) < 0.12
    # Of the same variance, s^2 on average, everywhere: E s^2 is sd^2 for a half-normal.
    np.testing.assert_allclose((around - middle).var(1), ALONG.sd**2 + OWN.sd**2, rtol=0.15)


def test_a_function_is_one_whatever_else_is_asked_for_and_by_whom() -> None:
    together, alone = at([1, 5, 20, 6]), at([6])
    np.testing.assert_allclose(together[3], alone[0], rtol=0, atol=1e-9)
    arms = {arm: at([5, 20], arm) for arm in ("full", "moba", "new", "newer")}
    apart = {arm: np.corrcoef(arms["full"][0], of[0])[0, 1] for arm, of in arms.items()}
    # What the arms share drops out of their contrast, at new levels and for new arms too.
    for arm in ("moba", "new"):
        difference = (arms["full"] - arms[arm]).std(1)
        np.testing.assert_allclose(difference, np.sqrt(2) * OWN.sd, rtol=0.15)
        assert apart[arm] > 0.7


def test_a_contrast_along_the_axis_is_smooth_and_widens() -> None:
    points = pd.DataFrame({"compute": 1e19, "position": [8.0, 8.1, 12.0, 16.0, 40.0]})
    ratio = np.log(bs.contrast(before(), "arm", "moba", "full", points)["ratio"].to_numpy()[0].T)
    known = before().posterior["a_smooth_position_arm"].sel(position=8)
    np.testing.assert_allclose(ratio[0], (known.sel(arm="moba") - known.sel(arm="full")).to_numpy()[0], atol=1e-12)
    assert np.corrcoef(ratio[:2])[0, 1] > 0.999
    assert abs(np.corrcoef(ratio[[0, 4]])[0, 1]) < 0.12


@pytest.mark.parametrize("levels", [(6, 20), ("6", "20"), (4, 6.0)])
def test_levels_that_the_runs_do_not_have_are_contrasted(levels: tuple[object, object]) -> None:
    points = pd.DataFrame({"compute": [1e19], "arm": "full"})
    found = bs.contrast(before(), "position", *levels, points)
    one, other = at(list(levels), "full")
    np.testing.assert_allclose(np.log(found["ratio"].to_numpy()[0, :, 0]), one - other, atol=1e-9)
    assert any("interpolated" in note for note in found.notes)


def test_a_level_is_not_contrasted_with_itself_or_with_a_word() -> None:
    points = pd.DataFrame({"compute": [1e19], "arm": "full"})
    with pytest.raises(bs.InputError, match="held against itself"):
        bs.contrast(before(), "position", 6, "6.0", points)
    with pytest.raises(bs.InputError, match="has no level 'far'"):
        bs.contrast(before(), "position", "far", 4, points)
    with pytest.raises(bs.InputError, match="has no level 'third'"):
        bs.contrast(before(), "arm", "third", "full", points.assign(position=6))


def test_notes_say_what_is_interpolated_and_what_lies_beyond() -> None:
    points = pd.DataFrame({"compute": 1e19, "position": [3, 64, 0, 5], "arm": "full"})
    between, beyond = bs.predict(before(), points).attrs["notes"]
    assert between == "position 3, 5 lie between the levels of the runs: what is smooth along it is interpolated"
    assert "position 64 lies beyond the levels of the runs: what is smooth along it is carried on" in beyond


def test_a_new_level_that_is_no_number_is_refused() -> None:
    with pytest.raises(bs.InputError, match="'position', whose levels must be numbers, not 'late'"):
        at(["late"])


def test_levels_of_runs_that_are_not_finite_are_refused() -> None:
    runs = table().assign(position=lambda of: of["position"].astype(float).replace(16.0, np.inf))
    with pytest.raises(bs.InputError, match=r"column position, .*levels must be finite numbers up to 1e100, not inf"):
        bs.prior(model(), bs.read_runs(runs, COLUMNS), draws=10)


@pytest.mark.parametrize(
    ("position", "said"),
    [
        (np.inf, "levels must be finite numbers up to 1e100, not inf"),
        (-np.inf, "levels must be finite numbers up to 1e100, not -inf"),
        (1e300, "levels must be finite numbers up to 1e100, not 1e[+]300"),
        (1.7e7, "position 17M lies 17M from the levels of the runs, 0 to 16; expected at most 1M times as far"),
        (-1e30, "position -1e30 lies 1e30 from the levels of the runs"),
    ],
)
def test_a_place_out_of_reach_is_refused(position: float, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        at([4.0, position])


def test_a_place_far_off_has_draws_of_the_width_of_the_process() -> None:
    far = at([1.5e7])[0] - np.log(before().posterior["a"].to_numpy()[0])
    np.testing.assert_allclose(far.var(), ALONG.sd**2 + OWN.sd**2, rtol=0.2)


def test_group_effects_of_new_runs_are_another_function() -> None:
    fit = before(effect=True)
    frame = pd.DataFrame({"compute": 1e19, "position": [2, 2.1, 16], "arm": "full"})
    known, new = (
        levels_at(fit, frame, 0, new=new)("residual", EFFECT).transpose("row", "chain", "draw").to_numpy()[:, 0]
        for new in (False, True)
    )
    np.testing.assert_array_equal(known[0], fit.posterior["residual_smooth_position"].sel(position=2).to_numpy()[0])
    assert abs(np.corrcoef(known[0], new[0])[0, 1]) < 0.12
    assert np.corrcoef(new[:2])[0, 1] > 0.99
    np.testing.assert_allclose(new.std(1), EFFECT.sd, rtol=0.1)
    unnamed = bs.predict_runs(fit, frame.drop(columns="position").assign(position=2))
    assert unnamed.sizes["row"] == 3


def test_levels_carried_over_to_other_runs_are_those_predicted() -> None:
    fit = before()
    levels = {"position": np.array([1, 2, 30]), "arm": np.array(["moba", "other"], dtype=object)}
    moved = with_levels(fit, levels, seed=fit.settings.seed)
    points = pd.DataFrame({"compute": 1e19, "position": [1, 2, 30, 1], "arm": ["moba", "moba", "other", "other"]})
    # The seed of levels is that of the fit for both, so that both are one function.
    np.testing.assert_allclose(bs.predict(moved, points), bs.predict(fit, points), rtol=1e-6)


def test_simulated_runs_have_the_effects_of_their_draw() -> None:
    fit = before()
    runs = simulated(fit, 5)
    expected = bs.predict(fit, runs.table[["compute", "position", "arm"]]).isel(chain=0, draw=5).to_numpy()
    scatter = float(fit.posterior["noise_sd"][0, 5])
    assert np.abs(np.log(runs.table["response"].to_numpy() / expected)).max() < 4.5 * scatter


def test_a_stack_draws_each_law_along_the_axis() -> None:
    fit = before()
    half = stack({"one": fit, "other": before(effect=True)}, {"one": 0.5, "other": 0.5})
    points = pd.DataFrame({"compute": 1e19, "position": [3, 40], "arm": "full"})
    drawn = bs.predict(half, points)
    assert np.isfinite(drawn).all()
    assert any("lies beyond the levels" in note for note in drawn.attrs["notes"])


def test_parameters_have_their_levels_along_the_axis() -> None:
    found = before().to_frame()
    levels = found[(found["name"] == "a") & found["dims"].str.contains("position=16")]
    assert len(levels) == 2
    assert {"a_smooth_sd_position", "a_smooth_length_position", "a_smooth_length_position_arm"} <= set(found["name"])
    assert isinstance(as_parameter(before().model.parameters["a"]).terms[0], bs.Smooth)
    assert smooth.JITTER < 1e-5
