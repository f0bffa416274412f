"""The discrepancy: its process is the one it says, sampling finds it, predictions carry it on exactly."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.inference import compiling
from bayes_scaling.inference.expectation import discrepancy_at, log_inputs
from bayes_scaling.inference.posterior_predictive import posterior_predictive
from bayes_scaling.inference.sampling import compiled
from bayes_scaling.model import discrepancy, gaussian_process as gp
from bayes_scaling.plots import paper, plot_decomposition
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.prediction.contrast import contrast_at
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.summary import summarize_at

SETTINGS = bs.Settings(draws=500, tune=400, chains=4, seed=2, progress=False)
WAVE = bs.Discrepancy(bs.Prior(median=0.05, factor=4.0), bs.Prior(median=5.0, factor=1.6))


def bent(tokens: np.ndarray) -> np.ndarray:
    """Return the log of a loss that no floor and exponent of `power` can follow: a wave of 4 % on a power law."""
    x = np.log(tokens / 2e10)
    return np.log(2.5) - 0.1 * x + 0.04 * np.sin(x)


@pytest.fixture(scope="module")
def curve() -> Runs:
    tokens = np.geomspace(1e8, 1e12, 60)
    scatter = np.random.default_rng(3).normal(0, 0.005, 60)
    frame = pd.DataFrame({"tokens": tokens, "loss": np.exp(bent(tokens) + scatter)})
    return bs.read_runs(frame, bs.Columns({"tokens": bs.Input("tokens", "tokens", 2e10)}))


def power(discrepancy: tuple[bs.Discrepancy, ...], noise: str = "normal") -> bs.Model:
    parameters = {"a": bs.Prior(median=2.5, factor=1.5), "b": bs.Prior(median=0.1, factor=2.0)}
    scatter = bs.Noise(sd=bs.Prior(median=0.01, factor=3.0), distribution=noise)  # type: ignore[arg-type]
    return bs.Model(bs.parse_law("a * tokens**-b", ["tokens"]), parameters, scatter, discrepancy)


@pytest.fixture(scope="module")
def fitted(curve: Runs) -> bs.Fit:
    return bs.fit(power((replace(WAVE, knots=12),)), curve, SETTINGS)


@pytest.mark.parametrize("kernel", discrepancy.CORRELATIONS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_process_has_the_covariance_it_says(kernel: discrepancy.Kernel, count: int) -> None:
    """At the length its prior expects, within the runs and beyond, the grid's process is the exact one."""
    term = replace(WAVE, kernel=kernel, length=bs.Prior(median=8.0, factor=1.5))
    rng = np.random.default_rng(1)
    logs = [rng.uniform(-3, 3, 200) for _ in range(count)]
    grids = [gp.extended(z) for z in gp.place_knots(term, ["a", "b", "c"][:count], logs)]
    asked = [np.concatenate([of[:20], rng.uniform(3, 7, 5)]) for of in logs]
    weights = gp.tensor_product([gp.interpolation(term, z, at) for z, at in zip(grids, asked, strict=True)])
    covariances = [discrepancy.CORRELATIONS[kernel](np.abs(z[:, None] - z) / 8.0, np.exp) for z in grids]
    exact = np.prod([discrepancy.CORRELATIONS[kernel](np.abs(at[:, None] - at) / 8.0, np.exp) for at in asked], axis=0)
    between = covariances[0]
    for one in covariances[1:]:
        between = np.kron(between, one)
    np.testing.assert_allclose(weights @ between @ weights.T, exact, atol=0.01)


def test_the_extended_grid_begins_with_the_runs_own(curve: Runs) -> None:
    knots = gp.place_knots(WAVE, ["tokens"], [np.log(curve.table["tokens"].to_numpy())])[0]
    np.testing.assert_array_equal(gp.extended(knots)[: len(knots)], knots)
    assert gp.extended(knots).max() - knots.max() == pytest.approx(np.log(1e3))
    assert knots.min() - gp.extended(knots).min() == pytest.approx(np.log(10))


def test_knots_lie_at_the_values_where_there_are_no_more_of_them() -> None:
    """At the runs the process is then the exact one, whatever its length; further knots halve the widest gaps."""
    term = replace(WAVE, length=bs.Prior(median=0.3, factor=1.2), knots={"params": 5, "loops": 3, "tokens": 6})
    sizes, depths = np.log([2.5e4, 5.6e4, 9.9e4, 1.9e5, 3.5e5]), np.log([2.0, 4.0, 8.0])
    logs = [np.repeat(sizes, 3), np.tile(depths, 5), np.linspace(0.0, 5.0, 15)]
    params, loops, tokens = gp.place_knots(term, ["params", "loops", "tokens"], logs)
    np.testing.assert_array_equal(params, sizes)
    np.testing.assert_array_equal(loops, depths)
    np.testing.assert_allclose(tokens, np.linspace(0.0, 5.0, 6))
    np.testing.assert_allclose(gp.interpolation(term, params, logs[0]), np.repeat(np.eye(5), 3, axis=0), atol=1e-5)
    more = gp.place_knots(replace(term, over=("x",), knots=5), ["x"], [np.array([0.0, 4.0, 1.0, 4.0])])[0]
    np.testing.assert_allclose(more, [0.0, 1.0, 2.0, 3.0, 4.0])
    assert len(gp.place_knots(replace(term, over=("x",), knots=4), ["x"], [np.zeros(9)])[0]) == 4


def test_draws_before_data_are_as_wide_as_the_amplitude(curve: Runs) -> None:
    before = bs.prior(power((WAVE,)), curve, draws=4000, seed=1)
    scaled = before.posterior["discrepancy"] / before.posterior["discrepancy_amplitude"]
    np.testing.assert_allclose(scaled.std(("chain", "draw")), 1.0, atol=0.05)
    np.testing.assert_allclose(scaled.mean(("chain", "draw")), 0.0, atol=0.08)


def test_the_posterior_is_that_of_the_exact_process(curve: Runs, fitted: bs.Fit) -> None:
    """Against kriging written by hand, at each draw's own amplitude, length and noise: means over draws agree."""
    draws = fitted.posterior.stack(sample=("chain", "draw")).isel(sample=slice(0, 2000, 20))
    at = np.log(np.geomspace(2e8, 5e12, 9) / 2e10)
    x = np.log(curve.table["tokens"].to_numpy() / 2e10)
    points = pd.DataFrame({"tokens": 2e10 * np.exp(at)})
    logs = log_inputs(fitted, points)
    found = discrepancy_at(fitted, points, logs).stack(sample=("chain", "draw")).isel(sample=slice(0, 2000, 20))
    left = (
        np.log(curve.table["response"].to_numpy())[:, None] - np.log(draws["a"].to_numpy()) + draws["b"].to_numpy() * x[:, None]
    )
    means, variances = [], []
    for i in range(draws.sizes["sample"]):
        one = draws.isel(sample=i)
        length, variance = float(one["discrepancy_length_tokens"]), float(one["discrepancy_amplitude"]) ** 2
        k = lambda a, b, length=length: discrepancy.CORRELATIONS["matern52"](np.abs(a[:, None] - b) / length, np.exp)  # noqa: E731
        solved = np.linalg.solve(
            variance * k(x, x) + float(one["noise_sd"]) ** 2 * np.eye(60), np.column_stack([left[:, [i]], variance * k(x, at)])
        )
        means.append(variance * k(at, x) @ solved[:, 0])
        variances.append(variance - np.sum(variance * k(at, x) * solved[:, 1:].T, axis=1))
    z = (found.to_numpy() - np.array(means).T) / np.sqrt(np.array(variances).T)
    assert np.abs(z.mean(axis=1)).max() < 0.45
    assert 0.75 < z.std() < 1.25


def test_it_finds_what_the_law_cannot_say(curve: Runs, fitted: bs.Fit) -> None:
    assert fitted.health is not None
    assert fitted.health.divergences == 0
    inside = bs.predict(fitted, curve.table)
    assert float(np.abs(np.log(inside.mean(("chain", "draw"))) - bent(curve.table["tokens"].to_numpy())).max()) < 0.008
    assert float(fitted.posterior["noise_sd"].median()) == pytest.approx(0.005, rel=0.3)
    bare = bs.fit(power(()), curve, SETTINGS)
    assert float(bare.posterior["noise_sd"].median()) > 0.02


def test_bands_widen_with_distance(fitted: bs.Fit) -> None:
    points = pd.DataFrame({"tokens": [2e10, 1e12, 3e12, 1e13, 1e14]})
    sd = np.log(bs.predict(fitted, points)).std(("chain", "draw")).to_numpy()
    assert (np.diff(sd) > 0).all()
    assert sd[-1] > 5 * sd[0]


def test_steps_of_the_sampler_stay_few_and_lone_noise_is_no_trouble(curve: Runs, fitted: bs.Fit) -> None:
    assert float(fitted.draws["sample_stats"]["n_steps"].mean()) < 20
    straight = replace(curve, table=curve.table.assign(response=2.5 * (curve.table["tokens"] / 2e10) ** -0.1))
    noisy = straight.table["response"] * np.exp(np.random.default_rng(5).normal(0, 0.02, 60))
    again = bs.refit(fitted, replace(straight, table=straight.table.assign(response=noisy)), SETTINGS)
    assert again.health is not None
    assert again.health.divergences <= 2
    assert float(again.posterior["discrepancy_amplitude"].median()) < 0.05


def test_tables_draws_and_files_agree(fitted: bs.Fit, tmp_path: object) -> None:
    points = pd.DataFrame({"tokens": [3e8, 2e10, 5e12, 1e16]})
    drawn = bs.predict(fitted, points)
    table = summarize_at(fitted, points)
    np.testing.assert_allclose(table["q50"], drawn.median(("chain", "draw")), rtol=1e-9)
    again = bs.load(bs.save(fitted, f"{tmp_path}/fit.nc"))
    xr.testing.assert_identical(bs.predict(again, points), drawn)
    assert again.model.discrepancy == fitted.model.discrepancy


def test_parts_of_a_prediction_add_up(fitted: bs.Fit) -> None:
    from matplotlib.figure import Figure

    points = pd.DataFrame({"tokens": np.geomspace(1e9, 1e14, 12)})
    parts = decompose(fitted, points)
    np.testing.assert_allclose(parts["law"] + parts["discrepancy"] + parts["noise"], parts["run"])
    np.testing.assert_allclose(np.exp(parts["expected"]), bs.predict(fitted, points))
    np.testing.assert_allclose(np.exp(parts["run"]), posterior_predictive(fitted, points, 0))
    with paper():
        ax = plot_decomposition(parts, "tokens", Figure().subplots(), unit="tokens")
    assert ax.get_xlabel() == "tokens"
    assert ax.get_ylabel() == "half-width of the 90 % interval (%)"
    assert len(ax.lines) == 5


@pytest.fixture(scope="module")
def arms() -> Runs:
    tokens = np.tile(np.geomspace(1e9, 1e12, 25), 2)
    arm = np.repeat(["moba", "full"], 25)
    x = np.log(tokens / 2e10)
    scatter = np.random.default_rng(4).normal(0, 0.002, 50)
    loss = np.exp(bent(tokens) + np.where(arm == "moba", 0.02 + 0.003 * x, 0.0) + scatter)
    columns = bs.Columns({"tokens": bs.Input("tokens", "tokens", 2e10)}, groups={"attention": "attention"})
    return bs.read_runs(pd.DataFrame({"tokens": tokens, "attention": arm, "loss": loss}), columns)


@pytest.mark.slow
def test_what_two_arms_share_drops_out_of_their_contrast(arms: Runs) -> None:
    own = bs.Discrepancy(bs.Prior(median=0.005, factor=3.0), WAVE.length, within="attention")
    model = power((WAVE, own))
    varying = {name: prior + bs.Varying("attention", 0.05) for name, prior in model.parameters.items()}
    fit = bs.fit(replace(model, parameters=varying), arms, replace(SETTINGS, target_accept=0.95))
    points = pd.DataFrame({"tokens": [2e10, 1e12, 1e13]})
    ratio = np.log(bs.contrast(fit, "attention", "moba", "full", points)["ratio"])
    each = np.log(bs.predict(fit, points.assign(attention="moba")))
    np.testing.assert_allclose(ratio.mean(("chain", "draw"))[:2], [0.02, 0.02 + 0.003 * np.log(50)], atol=0.006)
    assert float(ratio.std(("chain", "draw"))[-1]) < 0.5 * float(each.std(("chain", "draw"))[-1])
    table = contrast_at(fit, "attention", "moba", "full", points)
    np.testing.assert_allclose(np.log(table["ratio_q50"]), ratio.median(("chain", "draw")), atol=1e-6)
    multiplier = compute_ratio(fit, "attention", "moba", "full", points.iloc[:1])
    assert 1.0 < float(multiplier.median()) < 1.6
    unseen = np.log(bs.predict(fit, points.assign(attention="another")))
    assert (unseen.std(("chain", "draw")) >= 0.9 * each.std(("chain", "draw"))).all()
    xr.testing.assert_identical(
        bs.predict(fit, points.assign(attention="another")), bs.predict(fit, points.assign(attention="another"))
    )


def test_refits_to_fewer_runs_do_not_compile(curve: Runs, fitted: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "compile_density", lambda *_: pytest.fail("compiled again"))
    less = bs.refit(fitted, subset(curve, "tokens < 1e10"), replace(SETTINGS, draws=200, tune=200))
    assert less.posterior["knot_tokens"].max() < fitted.posterior["knot_tokens"].max()


def test_the_log_density_is_finite_where_runs_hardly_differ(curve: Runs) -> None:
    same = replace(curve, table=curve.table.assign(tokens=2e10 * (1 + 1e-9 * np.arange(60))))
    value, gradient = compiled(power((replace(WAVE, knots=12),)), same).evaluate(np.zeros(17))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amplitude": bs.Prior(between=(-1.0, 1.0))}, "amplitude must be of a positive"),
        ({"length": bs.Prior(between=(-1.0, 1.0))}, "length must be of a positive"),
        ({"kernel": "cubic"}, "matern52"),
        ({"knots": 1}, "from 2 to 64"),
        ({"knots": {"tokens": 65}}, "'tokens' in knots of Discrepancy must be a whole number from 2 to 64, not 65"),
        ({"knots": {}}, "a whole number, or one for each"),
        ({"over": ("tokens",), "knots": {"loops": 3}}, r"names 'loops'; the discrepancy is over \['tokens'\]"),
        ({"over": ("a", "b"), "knots": 40}, "40 x 40 knots; at most 1000"),
    ],
)
def test_what_a_discrepancy_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(bs.InputError, match=message):
        replace(WAVE, **change)  # type: ignore[arg-type]


def test_knots_name_inputs_of_the_law() -> None:
    with pytest.raises(bs.InputError, match=r"names 'params'; the discrepancy is over \['tokens'\]"):
        power((replace(WAVE, knots={"params": 4}),))


def test_groups_and_inputs_are_checked_by_name(curve: Runs) -> None:
    with pytest.raises(bs.InputError, match="the discrepancy varies over 'attention'"):
        bs.fit(power((replace(WAVE, within="attention"),)), curve, SETTINGS)
    with pytest.raises(bs.InputError, match=r"needs inputs \['params', 'tokens'\]"):
        bs.fit(power((replace(WAVE, over=("tokens", "params")),)), curve, SETTINGS)
    with pytest.raises(bs.InputError, match="given twice: discrepancy"):
        power((WAVE, WAVE))
