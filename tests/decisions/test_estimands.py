"""Questions in a line: against what other functions say of the same, and wrong ones each with its message."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.estimand_text import _in_quotes, held_too, pair_of_levels, parse_estimand
from bayes_scaling.decisions.estimands import draw_estimand
from bayes_scaling.inference.parameters import parameter_values


@pytest.fixture(scope="module")
def swept() -> bs.Fit:
    """A fit of Chinchilla's law over params and tokens whose posterior is made here, two arms apart by about 2 %."""
    rng, shape = np.random.default_rng(0), (2, 300)
    law = bs.laws.chinchilla
    model = bs.Model(
        law,
        {
            "E": bs.Prior(median=1.8, factor=1.2),
            "A": bs.Prior(median=0.4, factor=1.5) + bs.Varying("arm", 0.1),
            "alpha": bs.Prior(median=0.35, factor=1.5),
            "B": bs.Prior(median=0.4, factor=1.5),
            "beta": bs.Prior(median=0.37, factor=1.5),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"),
    )
    table = pd.DataFrame({"n": [1e8, 1e9, 1e10], "tokens": [1e10, 1e10, 1e11], "arm": ["x", "y", "y"], "loss": [3.0, 2.5, 2.2]})
    inputs = {"params": bs.Input("n", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}
    runs = bs.read_runs(table, bs.Columns(inputs, groups={"arm": "arm"}))
    middle = {"E": 1.8, "A": 0.4, "alpha": 0.35, "B": 0.4, "beta": 0.37, "noise_sd": 0.01, "A_sd_arm": 0.1}
    draws = {name: (("chain", "draw"), of * np.exp(0.05 * rng.normal(size=shape))) for name, of in middle.items()}
    levels = 0.1 + 0.02 * rng.normal(size=(*shape, 2)) * np.array([1.0, -1.0])
    posterior = xr.Dataset(draws | {"A_by_arm": (("chain", "draw", "arm"), levels)}, coords={"arm": ["x", "y"]})
    return bs.Fit(model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(), None)


def test_a_contrast_and_a_loss_are_those_of_the_package(swept: bs.Fit) -> None:
    place = pd.DataFrame({"params": [2e9], "tokens": [5e10]})
    asked = draw_estimand(swept, "contrast arm=x:y at params=2e9, tokens=5e10")
    np.testing.assert_allclose(asked, np.log(bs.contrast(swept, "arm", "x", "y", place)["ratio"].isel(row=0)), atol=1e-12)
    assert asked.dims == ("chain", "draw")
    assert asked.attrs["scale"] == "log"
    loss = draw_estimand(swept, "  loss at n=2e9,tokens = 5e10 , arm='y'")
    np.testing.assert_allclose(loss, np.log(bs.predict(swept, place.assign(arm="y")).isel(row=0)))


def test_compute_is_split_by_each_arm_for_itself(swept: bs.Fit) -> None:
    arms = [compute_optimal(swept, 1e22, points=pd.DataFrame({"arm": [arm]})).isel(row=0) for arm in ("x", "y")]
    asked = draw_estimand(swept, "contrast arm=x:y at compute=1e22")
    np.testing.assert_allclose(asked, np.log(arms[0]["loss"]) - np.log(arms[1]["loss"]), atol=1e-10)
    np.testing.assert_allclose(draw_estimand(swept, "plan at compute=1e22, arm=y"), np.log(arms[1]["params"]))
    np.testing.assert_allclose(draw_estimand(swept, "loss at compute=1e22, arm=y"), np.log(arms[1]["loss"]), atol=1e-10)


def test_a_multiplier_is_what_one_arm_needs_for_the_loss_of_the_other(swept: bs.Fit) -> None:
    place = pd.DataFrame({"params": [2e9], "tokens": [5e10]})
    asked = draw_estimand(swept, "multiplier arm=x:y at params=2e9, tokens=5e10")
    ratio = bs.compute_ratio(swept, "arm", "x", "y", place, {"params": 0.5, "tokens": 0.5}).isel(row=0)
    np.testing.assert_allclose(np.exp(asked), ratio, rtol=1e-10)
    split = draw_estimand(swept, "multiplier arm=x:y at compute=1e22")
    ranked = bs.rank(swept, "arm", "x", {"compute": [1e22]}, levels=["y"]).compute_ratio.isel(row=0, level=0)
    np.testing.assert_allclose(np.exp(split), ranked, rtol=1e-10)
    assert asked.attrs["scale"] == "log"
    with pytest.raises(bs.InputError, match="'arm' is contrasted, and cannot be held at 'x' too"):
        draw_estimand(swept, "multiplier arm=x:y at params=2e9, tokens=5e10, arm=x")
    never = replace(swept, draws=xr.DataTree.from_dict({"posterior": swept.posterior.assign(E=0 * swept.posterior["E"] + 1.8)}))
    far = never.posterior["A_by_arm"] * xr.DataArray([40.0, 1.0], dims="arm")
    never = replace(never, draws=xr.DataTree.from_dict({"posterior": never.posterior.assign(A_by_arm=far)}))
    with pytest.raises(bs.InputError, match="x does not reach the loss of y with a million times the compute"):
        draw_estimand(never, "multiplier arm=x:y at params=1e12, tokens=1e14")


def test_a_run_is_one_new_run(swept: bs.Fit) -> None:
    place = pd.DataFrame({"params": [2e9], "tokens": [5e10], "arm": ["y"]})
    asked = draw_estimand(swept, "run at params=2e9, tokens=5e10, arm=y")
    shown = bs.predict_runs(swept, place, seed=swept.settings.seed).isel(row=0)
    np.testing.assert_allclose(np.exp(asked), shown, rtol=1e-12)
    split = draw_estimand(swept, "run at compute=1e22, arm=y") - draw_estimand(swept, "loss at compute=1e22, arm=y")
    assert float(split.std()) == pytest.approx(0.01, rel=0.2)


def test_parameters_are_on_their_link_scale(swept: bs.Fit) -> None:
    np.testing.assert_allclose(draw_estimand(swept, "parameter alpha"), np.log(swept.posterior["alpha"]))
    at_level = np.log(parameter_values(swept, "A").sel(arm="y"))
    np.testing.assert_allclose(draw_estimand(swept, "parameter A at arm=y"), at_level)
    np.testing.assert_allclose(draw_estimand(swept, "parameter A"), np.log(swept.posterior["A"]))


def test_losses_that_may_be_negative_are_not_logarithms(swept: bs.Fit) -> None:
    noise = bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), on="loss")
    own = replace(swept, model=replace(swept.model, noise=noise))
    place = pd.DataFrame({"params": [2e9], "tokens": [5e10]})
    asked = draw_estimand(own, "contrast arm=x:y at params=2e9, tokens=5e10")
    np.testing.assert_allclose(asked, bs.contrast(own, "arm", "x", "y", place)["difference"].isel(row=0), atol=1e-12)
    assert asked.attrs["scale"] == "identity"
    assert asked.attrs["units"] == "nats/token"


def test_draws_without_an_optimum_have_no_answer(swept: bs.Fit) -> None:
    flat = swept.posterior.copy()
    flat["B"] = flat["B"].where(flat["draw"] >= 30, 1e-9)
    own = replace(swept, draws=xr.DataTree.from_dict({"posterior": flat}))
    asked = draw_estimand(own, "plan at compute=1e22, arm=y")
    assert np.isnan(asked.isel(draw=slice(30))).all()
    assert np.isfinite(asked.isel(draw=slice(30, None))).all()
    flat["B"] = xr.full_like(flat["B"], 1e-9)
    own = replace(swept, draws=xr.DataTree.from_dict({"posterior": flat}))
    with pytest.raises(bs.InputError, match=r"no answer in 100 % of the draws: no compute-optimal split"):
        draw_estimand(own, "plan at compute=1e22, arm=y")


def test_the_discrepancy_is_in_a_loss(chinchilla: bs.Fit, grid: pd.DataFrame) -> None:
    model = replace(
        chinchilla.model, discrepancy=(bs.Discrepancy(bs.Prior(median=0.02, factor=2), bs.Prior(median=8, factor=2)),)
    )
    own = bs.prior(model, chinchilla.runs, draws=200)
    best = compute_optimal(own, 1e21).isel(row=0)
    one = int(np.flatnonzero(np.isfinite(best["params"].to_numpy()[0]))[0])
    there = {name: [float(best[name][0, one])] for name in ("params", "tokens")}
    expected = bs.predict(own, pd.DataFrame(there)).isel(row=0)[0, one]
    assert float(draw_estimand(own, "loss at compute=1e21")[0, one]) == pytest.approx(float(np.log(expected)), rel=1e-9)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("which is better", "no form that is known; expected one of: contrast GROUP=A:B"),
        ("loss at compute", "'compute' is no NAME=VALUE"),
        ("__import__('os').system('true')", "no form that is known"),
        ("contrast arm=x:z at compute=1e22", r"group 'arm' has no level 'z'; its levels are \['x', 'y'\]"),
        ("contrast corpus=x:y at compute=1e22", r"does not vary over 'corpus'; it varies over \['arm'\]"),
        ("contrast arm=x:y at compute=1e22, arm=x", "'arm' is contrasted"),
        ("contrast arm=x:y at params=1e9", r"needs a value of \['tokens'\] too"),
        ("contrast arm=x:y", r"needs a value of \['params', 'tokens'\] too"),
        ("loss at compute=1e22", r"needs a value of \['arm'\] too"),
        ("loss at compute=1e22, arm=q", "group 'arm' has no level 'q'"),
        ("loss at compute=1e22, arm=x, params=1e9", "holds 'params', which is none of"),
        ("loss at params=1e9, n=1e9, tokens=1e9, arm=x", "says 'params' twice"),
        ("loss at params=1e9, params=1e9, tokens=1e9, arm=x", "says 'params' twice"),
        ("loss at sizes=1e9, arm=x", "holds 'sizes', which is none of .*'arm', 'compute'"),
        ("loss at params=-1, tokens=1e9, arm=x", "params=-1: expected a positive number"),
        ("loss at params=big, tokens=1e9, arm=x", "params=big: expected a positive number"),
        ("plan at compute=1e40, arm=x", "lies .* decades from the runs"),
        ("plan at arm=x", "needs compute, in FLOP"),
        ("parameter gamma", r"no parameter 'gamma'; the law has \['E', 'A'"),
        ("parameter A at corpus=c4", r"A varies over \['arm'\]; the question says \['corpus'\]"),
        ("parameter A at arm=q", "group 'arm' has no level 'q'"),
        ("parameter alpha at arm=x", r"alpha varies over \[\]"),
    ],
)
def test_wrong_questions_say_what_there_is(swept: bs.Fit, question: str, said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        draw_estimand(swept, question)


@pytest.mark.parametrize("level", ["a:b", "a\\b", 'say "a"', "it's", """both ' and \"""", "ends in \\", "a, b", ": at x=1"])
def test_any_level_can_be_asked_about_in_quotes(level: str) -> None:
    asked = held_too(parse_estimand("loss at tokens=1e9"), {"corpus": level, "arch": "b"})
    again = parse_estimand(f"loss at tokens=1e9, corpus={_in_quotes(level)}, arch=b")
    assert again.held == asked.held
    if level != "a:b" and not level.startswith(":"):  # a level that is held needs no quotes for a colon
        assert parse_estimand(asked.text).held == asked.held
    found = parse_estimand(f"contrast arch={_in_quotes(level)}:{_in_quotes(level + '2')} at tokens=1e9")
    assert (found.a, found.b) == (level, level + "2")
    assert pair_of_levels(f"arch={_in_quotes(level)}:dense") == ("arch", level, "dense")


@pytest.mark.parametrize("question", ["contrast arch=a:b:dense at tokens=1e9", "multiplier arch=a:b:dense at tokens=1e9"])
def test_a_colon_in_a_level_is_to_be_quoted(question: str) -> None:
    said = r"'a:b:dense' has several colons, .* stands in quotes, as arch='a:b':dense$"
    with pytest.raises(bs.InputError, match=said):
        parse_estimand(question)
    with pytest.raises(bs.InputError, match=said):
        pair_of_levels("arch=a:b:dense")


def test_levels_may_be_quoted() -> None:
    asked = parse_estimand('contrast arm="a: b":\'c, d\' at tokens=1e9, corpus="x, y"')
    assert (asked.a, asked.b) == ("a: b", "c, d")
    assert asked.held == {"tokens": "1e9", "corpus": "x, y"}
