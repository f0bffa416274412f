"""Where laws are lowest, what missing that costs, and what compute is worth, against closed forms and brute force."""

from collections.abc import Callable
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import CLEAN, sweep
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.decisions.compute_equivalent import _DRAW, compute_equivalent
from bayes_scaling.decisions.optimum import optimum, tolerance
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.model.priors import DISTRIBUTIONS, median
from bayes_scaling.prediction.predict import parameters_at, published_at

mpl.use("Agg")
SERIES = pd.DataFrame({"series": ["small", "large", "never seen"]})
COMPUTE = [1e21, 5.76e23]


def held(fit: bs.Fit, **values: float) -> bs.Fit:
    """Return a fit in whose draws some parameters have one value."""
    posterior = fit.posterior
    same = {name: xr.full_like(posterior[name], value) for name, value in values.items()}
    return replace(fit, draws=xr.DataTree.from_dict({"posterior": posterior.assign(same)}))


@pytest.fixture(scope="module")
def penalty() -> bs.Fit:
    """Draws from the prior of a penalty in per cent whose optimum varies over series; some tests set the skew."""
    table = pd.DataFrame(
        {
            "x": np.tile(np.geomspace(1, 100, 5), 2),
            "rise": np.tile([1.0, 0.3, 0.0, 0.3, 1.0], 2),
            "series": np.repeat(["small", "large"], 5),
        }
    )
    columns = bs.Columns(
        inputs={"ratio": bs.Input("x", "width/depth", 1.0)},
        response=bs.Response("rise", "%", positive=False, name="loss increase"),
        groups={"series": "series"},
    )
    model = bs.Model(
        law=bs.laws.shape_penalty,
        parameters={
            "curvature": bs.Prior(median=0.5, factor=2.0),
            "optimum": bs.Prior(median=10.0, factor=2.0) + bs.Varying("series", 0.2),
            "skew": bs.Prior(between=(-0.4, 0.4)),
        },
        noise=bs.Noise(sd=bs.Prior(median=0.1, factor=2.0), on="loss"),
    )
    return bs.prior(model, bs.read_runs(table, columns), draws=400)


def test_the_optimum_of_a_parabola_is_its_vertex_also_for_a_series_never_seen(penalty: bs.Fit) -> None:
    fit = held(penalty, skew=0.0)
    found = optimum(fit, SERIES, "ratio")
    assert found.dims == ("chain", "draw", "row")
    assert found.attrs["units"] == "width/depth"
    assert list(found["series"].to_numpy()) == list(SERIES["series"])
    np.testing.assert_allclose(found, parameters_at(fit, SERIES.assign(ratio=1.0))["optimum"], rtol=1e-6)


def test_the_tolerance_of_a_parabola_is_its_width(penalty: bs.Fit) -> None:
    fit = held(penalty, skew=0.0)
    found, of = tolerance(fit, SERIES, "ratio", below=1.0), parameters_at(fit, SERIES.assign(ratio=1.0))
    width = np.sqrt(1.0 / of["curvature"])
    np.testing.assert_allclose(found["low"], of["optimum"] * np.exp(-width), rtol=1e-6)
    np.testing.assert_allclose(found["high"], of["optimum"] * np.exp(width), rtol=1e-6)


def test_a_skewed_penalty_agrees_with_brute_force(penalty: bs.Fit) -> None:
    few = replace(penalty, draws=penalty.draws.isel(draw=slice(0, 20)))
    ratios = np.geomspace(1 / 30, 3000, 20001)
    points = pd.DataFrame({"ratio": ratios, "series": "small"})
    curve = bs.predict(few, points).to_numpy()[0]
    best, range_ = (of.isel(chain=0, row=0) for of in (optimum(few, SERIES, "ratio"), tolerance(few, SERIES, "ratio", 1.0)))
    for i, losses in enumerate(curve):
        lowest = int(np.argmin(losses))
        assert best[i] == pytest.approx(ratios[lowest], rel=1e-3)
        above = losses >= losses[lowest] + 1.0
        low, high = np.flatnonzero(above[:lowest]), np.flatnonzero(above[lowest:])
        assert range_["low"][i] == pytest.approx(ratios[low[-1]] if len(low) else 0.0, rel=1e-3)
        assert range_["high"][i] == pytest.approx(ratios[lowest + high[0]] if len(high) else np.inf, rel=1e-3)


def test_a_range_without_end_is_open(penalty: bs.Fit) -> None:
    leaning = held(penalty, skew=0.5, curvature=0.5)
    found = tolerance(leaning, SERIES, "ratio", below=2.0)  # below the optimum it rises to 4 curvature / (e skew)^2 = 1.08
    assert (found["low"] == 0).all()
    assert np.isfinite(found["high"]).all()
    assert (tolerance(held(penalty, skew=-0.5, curvature=0.5), SERIES, "ratio", below=2.0)["high"] == np.inf).all()


def test_a_law_that_only_falls_has_no_optimum(chinchilla: bs.Fit) -> None:
    points = pd.DataFrame({"params": [1e9, 1e10]})
    assert np.isnan(optimum(chinchilla, points, "tokens")).all()
    assert np.isnan(tolerance(chinchilla, points, "tokens", 0.01)["low"]).all()


def test_trends_on_the_input_move_with_it(chinchilla: bs.Fit) -> None:
    model = replace(
        chinchilla.model,
        parameters={**chinchilla.model.parameters, "B": bs.Prior(median=0.4, factor=2) + bs.Trend("params", 0.5)},
    )
    fit = held(bs.prior(model, chinchilla.runs, draws=50), E=1.7, A=0.4, alpha=0.3, B=0.4, beta=0.3, B_trend_params=0.4)
    points = pd.DataFrame({"tokens": [1e10, 1e11]})
    # A N^-alpha + B D^-beta N^k is lowest at N^(alpha + k) = alpha A / (k B D^-beta), at reference
    closed = 1e9 * (0.3 / 0.4 * (points["tokens"] / 2e10) ** 0.3) ** (1 / 0.7)
    found = optimum(fit, points, "params")
    np.testing.assert_allclose(found.isel(chain=0, draw=0), closed, rtol=1e-6)


def test_the_compute_optimal_split_is_the_closed_form(chinchilla: bs.Fit) -> None:
    found = compute_optimal(chinchilla, COMPUTE)
    at = published_at(chinchilla, pd.DataFrame({"params": [1e9], "tokens": [1e9]})).isel(row=0)
    scale = (at["alpha"] * at["A"] / (at["beta"] * at["B"])) ** (1 / (at["alpha"] + at["beta"]))
    budget = xr.DataArray(COMPUTE, dims="row")
    params = scale * (budget / 6) ** (at["beta"] / (at["alpha"] + at["beta"]))
    params = params.transpose("chain", "draw", "row")
    np.testing.assert_allclose(found["params"], params, rtol=1e-5)
    np.testing.assert_allclose(found["tokens"], (budget / 6 / params).transpose(*params.dims), rtol=1e-5)
    np.testing.assert_allclose(found["tokens_per_param"], (budget / 6 / params**2).transpose(*params.dims), rtol=2e-5)
    loss = at["E"] + at["A"] * params ** -at["alpha"] + at["B"] * (budget / 6 / params) ** -at["beta"]
    np.testing.assert_allclose(found["loss"], loss.transpose(*params.dims), rtol=1e-9)
    np.testing.assert_array_equal(found["compute"], COMPUTE)
    assert found["params"].dims == ("chain", "draw", "row")
    assert found["loss"].attrs["units"] == "nats/token"


def test_points_give_the_levels_at_each_compute(chinchilla: bs.Fit) -> None:
    table = chinchilla.runs.table.assign(corpus=np.resize(["web", "code"], len(chinchilla.runs)))
    columns = replace(chinchilla.runs.columns, response=bs.Response("response"), groups={"corpus": "corpus"}, where=None)
    parameters = {**chinchilla.model.parameters, "B": bs.Prior(median=0.4, factor=2) + bs.Varying("corpus", 0.3)}
    fit = bs.prior(replace(chinchilla.model, parameters=parameters), bs.read_runs(table, columns), draws=50)
    points = pd.DataFrame({"corpus": ["web", "code"]})
    found = compute_optimal(fit, COMPUTE, points=points)
    assert list(found["corpus"].to_numpy()) == ["web", "web", "code", "code"]
    np.testing.assert_array_equal(found["compute"], COMPUTE * 2)
    np.testing.assert_array_equal(found["params"][..., 2:], compute_optimal(fit, COMPUTE, points=points.tail(1))["params"])
    with pytest.raises(bs.InputError, match="corpus"):
        compute_optimal(fit, COMPUTE)


def test_a_per_cent_of_loss_costs_a_fifth_of_the_compute() -> None:
    share = compute_equivalent(0.01, bs.Prior(median=0.05, factor=1.15))
    assert share.dims == ("chain", "draw")
    assert float(share.median()) == pytest.approx(1.01**20 - 1, abs=0.003)
    low, high = share.quantile([0.05, 0.95])
    assert float(low) == pytest.approx(1.01 ** (20 / 1.15) - 1, abs=0.005)
    assert float(high) == pytest.approx(1.01 ** (20 * 1.15) - 1, abs=0.005)


def test_draws_of_penalty_and_exponent_carry_through(penalty: bs.Fit) -> None:
    rise = bs.predict(penalty, SERIES.assign(ratio=2.0)) / 100
    one = xr.DataArray(np.full((2, 30), 0.05), dims=("chain", "draw"))
    found = compute_equivalent(rise, one)
    assert found.sizes == rise.sizes
    np.testing.assert_allclose(found, (1 + rise) ** 20 - 1, rtol=1e-12)
    spread = compute_equivalent(rise, bs.Prior(median=0.05, factor=2.0))
    np.testing.assert_array_equal(spread, compute_equivalent(rise, bs.Prior(median=0.05, factor=2.0)))
    exponents = np.log1p(rise.isel(row=0)) / np.log1p(spread.isel(row=0))
    assert abs(np.corrcoef(exponents.to_numpy().ravel(), rise.isel(row=0).to_numpy().ravel())[0, 1]) < 0.15
    values = xr.DataArray(np.linspace(0.04, 0.06, 60).reshape(2, 30), dims=("chain", "draw"))
    np.testing.assert_allclose(compute_equivalent(0.01, values), 1.01 ** (1 / values) - 1)


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
def test_draws_of_a_prior_have_its_median(kind: str) -> None:
    arguments = dict.fromkeys(DISTRIBUTIONS[kind][1], 2.0) | (
        {"nu": 20.0} if kind == "LogStudentT" else {}
    )  # exp(t) has no end
    prior = bs.Prior(distribution=kind, arguments=arguments)
    drawn = _DRAW[kind](np.random.default_rng(0), prior.arguments, 200_000)
    assert np.median(drawn) == pytest.approx(median(prior), rel=0.02)


WRONG: dict[str, tuple[Callable[[bs.Fit, bs.Fit], object], str]] = {
    "no such input": (lambda penalty, _: optimum(penalty, SERIES, "depth"), "'depth' names no input"),
    "no such group": (lambda penalty, _: optimum(penalty, pd.DataFrame({"size": [1]}), "ratio"), "series"),
    "no range": (lambda penalty, _: tolerance(penalty, SERIES, "ratio", 0.0), "positive number, in %"),
    "no params": (lambda penalty, _: compute_optimal(penalty, 1e21, points=SERIES), "shape_penalty has"),
    "no compute": (lambda _, chinchilla: compute_optimal(chinchilla, [1e21, 0.0]), "must be positive"),
    "all is lost": (lambda *_: compute_equivalent(-1.0, bs.Prior(median=0.05, factor=1.1)), "above -1"),
    "negative exponents": (lambda *_: compute_equivalent(0.01, bs.Prior(between=(-0.1, 0.1))), "must be positive"),
    "exponents of levels": (
        lambda *_: compute_equivalent(0.01, xr.DataArray(np.ones((1, 2, 3)), dims=("chain", "draw", "arm"))),
        "arm",
    ),
    "coefficients of levels": (
        lambda penalty, _: plots.plot_coefficient(parameter_values(penalty, "optimum"), {}, Figure().subplots()),
        "series",
    ),
    "too few axes": (lambda _, chinchilla: plots.plot_coefficients(chinchilla, pd.DataFrame(), []), "0 axes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_named_in_one_line(case: str, penalty: bs.Fit, chinchilla: bs.Fit) -> None:
    call, words = WRONG[case]
    with pytest.raises(bs.InputError, match=words) as caught:
        call(penalty, chinchilla)
    assert "\n" not in str(caught.value)


def test_optima_say_what_to_know_before_relying_on_them() -> None:
    fit = sweep(CLEAN)
    assert "notes" not in compute_optimal(fit, [1e19], points={"arch": ["dense"]}).attrs
    far, new = compute_optimal(fit, [1e26], points={"arch": ["dense"]}), compute_optimal(fit, [1e19], points={"arch": ["dens"]})
    assert (
        "the best value of params lies outside the runs, which have 100M to 3.0B parameters, in 100 % of draws"
        in (bs.summarize(far["params"]).attrs["notes"])
    )
    assert any("decades beyond the runs" in note for note in far["loss"].attrs["notes"])
    assert new.attrs["notes"][0].startswith("arch 'dens' (did you mean 'dense'?) is a level that the runs do not have")


def test_a_law_without_an_optimum_says_so(chinchilla: bs.Fit) -> None:
    found = optimum(chinchilla, {"params": [1e9]}, "tokens")
    why = "there is no best value of tokens within the range that is searched; they are left out"
    assert found.attrs["notes"][-1] == f"in 100 % of draws {why}"


@pytest.mark.parametrize("below", [0.5, 50.0])
def test_the_picture_of_an_optimum_is_labelled_with_units(penalty: bs.Fit, below: float) -> None:
    with plots.paper():
        figure = Figure()
        ax = figure.subplots()
        best, range_ = optimum(penalty, SERIES, "ratio"), tolerance(penalty, SERIES, "ratio", below)
        assert plots.plot_optimum(best, range_, ax) is ax
        figure.canvas.draw()
    assert ax.get_xlabel() == "ratio (width/depth)"
    assert [label.get_text() for label in ax.get_yticklabels()] == list(SERIES["series"])
    assert f"less than {below:g} % above" in ax.get_legend().get_texts()[-1].get_text()


def test_a_picture_says_where_there_is_no_optimum(chinchilla: bs.Fit) -> None:
    points = pd.DataFrame({"params": [1e9, 1e10]})
    best, range_ = optimum(chinchilla, points, "tokens"), tolerance(chinchilla, points, "tokens", 0.01)
    ax = plots.plot_optimum(best, range_, Figure().subplots(), labels=["small", "large"])
    assert ax.get_yticklabels()[1].get_text() == "large\n(none in 100 % of draws)"


def test_coefficients_stand_beside_the_printed_ones(chinchilla: bs.Fit) -> None:
    published = bs.datasets.load("scaling_law_coefficients")
    published = published[published["law"].isin(["Approach 3, as printed", "Approach 3 refit"])]
    with plots.paper():
        figure = Figure(figsize=(6.8, 3.4))
        axes = figure.subplots(1, 5)
        assert plots.plot_coefficients(chinchilla, published, axes, units={"E": "nats/token"}) is axes
        figure.canvas.draw()
    assert [ax.get_xlabel() for ax in axes] == ["E (nats/token)", "A", "alpha", "B", "beta"]
    for ax in axes:
        assert [text.get_text() for text in ax.texts] == ["Hoffmann et al. 2022", "Besiroglu et al. 2024"]
    assert all(
        ax.get_xlim()[0] <= value <= ax.get_xlim()[1] for ax, value in zip(axes, (1.69, 406.4, 0.34, 410.7, 0.28), strict=True)
    )
