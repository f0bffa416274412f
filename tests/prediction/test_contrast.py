"""Contrasts, compute ratios and crossovers, against closed forms."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.summary import summarize_at

POINTS = pd.DataFrame({"compute": 1.5, "position": [0, 16384, 30720]})
MOBA_FULL = ("attention", "moba", "full")


def coefficients(fit: bs.Fit) -> tuple[object, ...]:
    """Return level and exponent of both attentions at the three positions."""
    a, b = (parameter_values(fit, name).sel(position=POINTS["position"].to_numpy()) for name in "ab")
    return tuple(of.sel(attention=level).to_numpy() for of in (a, b) for level in ("moba", "full"))


def test_difference_and_ratio_are_of_draws(moba: bs.Fit) -> None:
    found = bs.contrast(moba, *MOBA_FULL, POINTS)
    a_moba, a_full, _, _ = coefficients(moba)
    np.testing.assert_allclose(found["ratio"], a_moba / a_full, rtol=1e-12)
    np.testing.assert_allclose(found["difference"], a_moba - a_full, rtol=1e-9, atol=1e-12)


def test_the_table_has_the_columns_of_the_contract(moba: bs.Fit) -> None:
    table = contrast_at(moba, *MOBA_FULL, POINTS.assign(attention="ignored"))
    assert list(table)[:2] == ["compute", "position"]
    assert list(table)[2:] == (
        ["diff_mean", "diff_q05", "diff_q50", "diff_q95", "ratio_q05", "ratio_q50", "ratio_q95", "p_a_better"]
    )
    draws = bs.contrast(moba, *MOBA_FULL, POINTS)
    np.testing.assert_allclose(table["diff_q95"], draws["difference"].quantile(0.95, ("chain", "draw")))
    np.testing.assert_allclose(table["p_a_better"], (draws["difference"] < 0).mean(("chain", "draw")))
    swapped = contrast_at(moba, "attention", "full", "moba", POINTS)
    np.testing.assert_allclose(swapped["diff_mean"], -table["diff_mean"])


@pytest.mark.parametrize("names", [["moba", "full"], ["moba", "ful"], ["moba", "moba"]])
def test_points_that_differ_by_the_group_only_are_one(moba: bs.Fit, names: list[str]) -> None:
    pairs = pd.concat([POINTS.assign(attention=name) for name in names], ignore_index=True)
    once = contrast_at(moba, *MOBA_FULL, POINTS)
    pd.testing.assert_frame_equal(contrast_at(moba, *MOBA_FULL, pairs), once)
    found, alone = (bs.contrast(moba, *MOBA_FULL, points).to_frame() for points in (pairs, POINTS))
    pd.testing.assert_frame_equal(found, alone)
    noted = pairs.assign(note=range(len(pairs)))
    assert len(contrast_at(moba, *MOBA_FULL, noted)) == len(pairs)


def test_a_place_has_four_digits_of_an_input_and_a_level_all_of_its_own(moba: bs.Fit) -> None:
    found = bs.contrast(moba, *MOBA_FULL, {"compute": [5.07809], "position": 30720})
    assert found.summary().startswith("moba against full at compute 5.078 PFLOP/s-days, position 30720 ")


def test_a_contrast_is_its_draws_its_table_and_its_sentences(moba: bs.Fit) -> None:
    found = bs.contrast(moba, *MOBA_FULL, POINTS)
    assert list(found) == list(found.keys()) == ["difference", "ratio"]
    assert len(found) == 2
    assert "ratio" in found
    assert "compute" not in found
    pd.testing.assert_frame_equal(found.to_frame(), contrast_at(moba, *MOBA_FULL, POINTS))
    said = found.summary().splitlines()
    assert said[0].startswith("moba against full at compute 1.5 PFLOP/s-days, position 0 (at equal 6 N D): loss ")
    assert said[1].startswith("moba is better with probability ")
    assert len(said) == (2 + 2) * len(POINTS)  # and a line for each cost
    many = pd.concat([POINTS, POINTS.assign(compute=3.0)])
    assert len(bs.contrast(moba, *MOBA_FULL, many).summary().splitlines()) == (2 + 2) * 2
    page = found._repr_html_()
    assert "<b>Contrast of attention moba against full</b>" in page
    assert said[0] in page
    assert "ratio_q50" in page


def test_a_summary_has_the_points_their_quantiles_and_distance(moba: bs.Fit) -> None:
    points = POINTS.assign(attention="moba", compute=[1.5, 10.0, 1e4])
    found = bs.summarize(bs.predict(moba, points))
    table = summarize_at(moba, points)
    assert list(found) == ["compute", "attention", "position", "mean", "sd", "q05", "q25", "q50", "q75", "q95", "distance"]
    pd.testing.assert_frame_equal(found, table[list(found)], check_dtype=False)
    ratio = bs.summarize(bs.compute_ratio(moba, *MOBA_FULL, POINTS))
    assert list(ratio)[2:] == [*list(found)[3:-1], "p_never_reached", "p_always_reached", "p_unknown", "distance"]
    by_level = bs.summarize(parameter_values(moba, "b"))
    assert len(by_level) == parameter_values(moba, "b").isel(chain=0, draw=0).size
    assert set(list(by_level)[:2]) == {"attention", "position"}
    with pytest.raises(bs.InputError, match="dimensions chain and draw"):
        bs.summarize(parameter_values(moba, "b").mean("draw"))


def test_the_compute_ratio_solves_for_equal_loss(moba: bs.Fit) -> None:
    a_moba, a_full, b_moba, _ = coefficients(moba)
    found = bs.compute_ratio(moba, "attention", "moba", "full", POINTS)
    np.testing.assert_allclose(found, (a_moba / a_full) ** (1 / b_moba), rtol=1e-9)


def test_the_crossover_is_where_the_lines_cross(moba: bs.Fit) -> None:
    a_moba, a_full, b_moba, b_full = coefficients(moba)
    budget = 1e4
    found = bs.crossover(moba, *MOBA_FULL, POINTS, below=budget)
    closed = 1.5 * np.exp(np.clip(np.log(a_moba / a_full) / (b_moba - b_full), -500, 500))
    exists = (closed > 1.5) & (closed < budget)
    np.testing.assert_array_equal(found["exists"], exists)
    np.testing.assert_allclose(found["crossing"].to_numpy()[exists], closed[exists], rtol=1e-8)
    assert np.isnan(found["crossing"].to_numpy()[~exists]).all()
    np.testing.assert_array_equal(found["a_ahead"], a_moba < a_full)
    fewer = bs.crossover(moba, *MOBA_FULL, POINTS, below=20.0)["exists"].mean()
    assert fewer < found["exists"].mean()


def floor_fit(chinchilla: bs.Fit) -> bs.Fit:
    """Return a fit of two arms, one of which has the higher irreducible loss, on simulated runs."""
    rng = np.random.default_rng(0)
    compute = np.tile(np.geomspace(0.1, 1000, 15), 2)
    arm = np.repeat(["low", "high"], 15)
    loss = np.where(arm == "low", 1.5, 1.8) + np.where(arm == "low", 1.2, 0.8) * compute**-0.3
    frame = pd.DataFrame({"compute": compute, "arm": arm, "loss": loss * np.exp(rng.normal(0, 0.002, 30))})
    columns = bs.Columns(inputs={"compute": bs.Input("compute", "PFLOP/s-days", 1.0)}, groups={"arm": "arm"})
    model = bs.Model(
        law=bs.laws.power_law_floor,
        parameters={
            "E": bs.Prior(median=1.6, factor=1.5) + bs.Varying("arm", 0.2),
            "a": bs.Prior(median=1.0, factor=2) + bs.Varying("arm", 0.3),
            "b": bs.Prior(median=0.3, factor=1.5),
        },
        noise=bs.Noise(sd=bs.Prior(median=0.003, factor=2), distribution="normal"),
    )
    return bs.fit(model, bs.read_runs(frame, columns), bs.Settings(draws=300, tune=400, seed=2, progress=False))


def test_a_loss_below_the_other_floor_is_never_reached(chinchilla: bs.Fit) -> None:
    fit = floor_fit(chinchilla)
    points = pd.DataFrame({"compute": [0.2, 1e4]})
    found = bs.compute_ratio(fit, "arm", "high", "low", points)
    assert (found.isel(row=0) < 1).all()
    assert np.isinf(found.isel(row=1)).all()
    crossing = bs.crossover(fit, "arm", "high", "low", points.head(1), below=1e3)
    assert bool(crossing["exists"].all())
    truth = (0.4 / 0.3) ** (1 / 0.3)
    low, high = crossing["crossing"].quantile([0.001, 0.999])
    assert low < truth < high


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda fit: bs.contrast(fit, "attention", "moba", "ful", POINTS), "'ful'"),
        (lambda fit: bs.contrast(fit, "size", "545000000", "822000000", POINTS), "size"),
        (lambda fit: bs.crossover(fit, *MOBA_FULL, POINTS, below=1.0), "budget"),
        (lambda fit: bs.compute_ratio(fit, *MOBA_FULL, POINTS, along="tokens"), "tokens"),
    ],
)
def test_wrong_input_is_named(moba: bs.Fit, call, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(bs.InputError, match=word):
        call(moba)


def test_several_inputs_need_to_be_told_along_which_compute_grows(chinchilla: bs.Fit) -> None:
    with pytest.raises(bs.InputError, match="does not vary"):
        bs.compute_ratio(chinchilla, "arm", "b", "a", POINTS, along={"params": 0.5, "tokens": 0.5})
    from bayes_scaling.prediction.budget_curves import powers_along

    with pytest.raises(bs.InputError, match="along"):
        powers_along(chinchilla, None)
    assert powers_along(chinchilla, {"params": 0.5, "tokens": 0.5}) == {"params": 0.5, "tokens": 0.5}
