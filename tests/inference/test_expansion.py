"""From what is sampled to what a model says: effects drawn back are those given the rows, and the posterior is the same."""

from typing import Any

import arviz_stats
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from densities import Case, Reference, by_cell, correlated, crossed, departing, few_levels, heavy_tails, on_the_loss, smooth
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.inference import expansion, reparametrization as geometry
from bayes_scaling.inference.expansion import expand
from bayes_scaling.inference.log_likelihood import log_density
from bayes_scaling.inference.sampling import _arrays, compiled
from bayes_scaling.laws.library import law_parameters
from bayes_scaling.model import gaussian_process as gp, parametrization
from bayes_scaling.model.names import term_name
from bayes_scaling.model.parametrization import integrated
from bayes_scaling.model.specification import groups_used
from bayes_scaling.validation.compare import loo

DRAWS = 40_000


def given_to(case: Case, arrays: dict[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """Return numbers at random for all that is sampled, on the scale where it is unbounded."""
    random, reference = np.random.default_rng(seed), Reference(case, case.runs(), arrays)
    apart = [f"{name}_w" for name in case.by_level]
    found = {name: np.asarray(of[0].ppf(random.uniform(0.3, 0.7))) for name, of in reference.scalars().items()}
    found = {name: np.log(of) if reference.scalars()[name][1] else of for name, of in found.items()}
    found |= {name: random.normal(size=arrays[f"information_{name.removesuffix('_w')}"].shape) for name in apart}
    if case.whitened:
        found["joint_w"] = random.normal(size=len(arrays["joint_linear"]))
        known = ("E", "A", "alpha", "B", "a", "b", "c", "A_trend_tokens")
        found = {name: of for name, of in found.items() if name not in known}
    if case.model.discrepancy:
        found[gp.SAMPLED] = random.normal(size=len(arrays["discrepancy_products"]))
    return found


def expanded(case: Case, draws: int, seed: int = 3) -> tuple[Reference, dict[str, np.ndarray], xr.Dataset]:
    """Return a point of what is sampled, and all that follows from as many draws that are that point."""
    runs = case.runs()
    levels = {dim: runs.levels[dim] for dim in groups_used(case.model)}
    arrays, _ = _arrays(case.model, runs, levels)
    given, reference = given_to(case, arrays), Reference(case, runs, arrays)
    own = {n: np.exp(of) if n in reference.scalars() and reference.scalars()[n][1] else of for n, of in given.items()}
    repeated = {name: np.tile(of, (draws, *(1 for _ in of.shape))).reshape(draws, *of.shape) for name, of in own.items()}
    return reference, given, expand(case.model, repeated, arrays, levels, 2, seed)


@pytest.mark.parametrize(
    "make",
    [pytest.param(few_levels, marks=pytest.mark.slow), departing, heavy_tails, by_cell, smooth],
    ids=lambda of: of.__name__,
)
def test_what_is_sampled_in_other_coordinates_is_found_again(make: Any) -> None:
    reference, given, drawn = expanded(make(), 2)
    values = reference.state(given)[1]
    for name in values.keys() - {"noise_nu_beyond_one"}:
        for chain in range(2):
            np.testing.assert_allclose(drawn[name].isel(chain=chain, draw=0), values[name], rtol=1e-9, atol=1e-12)
    if "noise_nu_beyond_one" in values:
        assert float(drawn["noise_nu"][0, 0]) == pytest.approx(1.0 + values["noise_nu_beyond_one"])


@pytest.mark.parametrize("make", [crossed, correlated, departing, on_the_loss], ids=lambda of: of.__name__)
def test_effects_drawn_back_have_the_mean_and_covariance_given_the_rows(make: Any) -> None:
    case = make()
    reference, given, drawn = expanded(case, DRAWS)
    _, values, left, scale = reference.state(given)
    variances, design = reference.effects(values)
    gain = variances[:, None] * design.T @ np.linalg.inv(reference.scatter(scale, values) + (design * variances) @ design.T)
    mean, covariance = gain @ left, np.diag(variances) - gain @ (design * variances)
    effects = [drawn[term_name(*of)].to_numpy().reshape(DRAWS, -1) for of in integrated(case.model)]
    every = np.concatenate(effects, axis=1)
    spread = np.sqrt(np.diag(covariance))
    assert (np.abs(every.mean(axis=0) - mean) < 5 * spread / np.sqrt(DRAWS)).all()
    error = np.sqrt((covariance**2 + np.outer(spread, spread) ** 2) / DRAWS)
    assert (np.abs(np.cov(every.T) - covariance) < 5.5 * error).all()


def test_effects_are_drawn_back_by_the_seed() -> None:
    case = crossed()
    one, two, other = (expanded(case, 4, seed)[2]["residual_by_run"] for seed in (3, 3, 4))
    xr.testing.assert_identical(one, two)
    assert (one != other).all()


def test_loo_is_of_rows_given_the_effects_that_were_drawn_back() -> None:
    case, random = crossed(), np.random.default_rng(0)
    runs = case.runs()
    levels = {dim: runs.levels[dim] for dim in groups_used(case.model)}
    arrays, _ = _arrays(case.model, runs, levels)
    medians = {"a": 3.0, "b": 0.15, "noise_sd": 0.02}
    medians |= {"a_sd_arm": 0.05, "residual_sd_run": 0.02, "residual_sd_arm_position": 0.03}
    draws = {name: of * np.exp(0.02 * random.normal(size=600)) for name, of in medians.items()}
    posterior = expand(case.model, draws, arrays, levels, 2, 0)
    fit = bs.Fit(case.model, runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(progress=False), None)
    index = {dim: xr.DataArray(runs.table[dim], dims="row") for dim in ("arm", "position", "run")}
    shared = posterior["residual_by_run"].sel(run=index["run"])
    shared = shared + posterior["residual_by_arm_position"].sel(arm=index["arm"], position=index["position"])
    level = posterior["a"] * np.exp(posterior["a_by_arm"].sel(arm=index["arm"]))
    log_loss = np.log(level) - posterior["b"] * np.log(xr.DataArray(runs.table["params"] / 1e8, dims="row"))
    seen = xr.DataArray(np.log(runs.table["response"]), dims="row")
    error = xr.DataArray(runs.table["measurement_error"] / runs.table["response"], dims="row")
    scale = np.sqrt(posterior["noise_sd"] ** 2 + error**2).transpose("chain", "draw", "row")
    z = ((seen - log_loss - shared) / scale).transpose("chain", "draw", "row")
    expected = xr.DataArray(stats.norm.logpdf(z) - np.log(scale.to_numpy()), dims=("chain", "draw", "row"))
    np.testing.assert_allclose(log_density(fit, runs.table, new=False), expected, rtol=1e-9)
    tree = {"posterior": posterior, "log_likelihood": xr.Dataset({"response": expected})}
    with pytest.warns(UserWarning, match="Pareto"):  # of rows that an effect of their own follows
        by_hand = arviz_stats.loo(xr.DataTree.from_dict(tree), pointwise=True)
    np.testing.assert_allclose(loo(fit).elpd_i, by_hand.elpd_i, rtol=1e-9)


SHIFTS = {
    "a * params**-b": {"a"},
    "E + A * params**-b": set(),
    "scale * x**-b": {"scale"},
    "A * x**-b * (1 + c * x)": {"A"},
    "exp(-b * log(x)) / (1 / a)": {"a"},
    "x**-b / a": set(),
    "a**2 * x**-b": set(),
}


@pytest.mark.parametrize("text", SHIFTS)
def test_effects_of_a_factor_are_integrated_out_on_the_log_loss(text: str) -> None:
    law = bs.parse_law(text, ["params" if "params" in text else "x"])
    assert factors(law, bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal")) == SHIFTS[text]


def factors(law: Any, noise: bs.Noise, **priors: bs.Prior) -> set[str]:
    """Return the parameters whose levels are integrated out, were all to vary."""
    names = law_parameters(law)
    every = {name: priors.get(name, bs.Prior(median=0.5, factor=2.0)) + bs.Varying("arm", 0.1) for name in names}
    return {owner for owner, _ in integrated(bs.Model(law, every, noise))}


def test_effects_of_bundled_laws() -> None:
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal")
    assert factors(bs.laws.power_law, noise) == {"a"}
    assert factors(bs.laws.chinchilla, noise) == set()


def test_effects_of_a_summand_are_integrated_out_on_the_loss() -> None:
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal", on="loss")
    assert factors(bs.laws.chinchilla, noise, E=bs.Prior(between=(-1.0, 3.0))) == {"E"}
    assert factors(bs.laws.chinchilla, noise) == set()  # a level of a positive floor multiplies it
    assert factors(bs.laws.power_law, noise, a=bs.Prior(between=(-1.0, 3.0))) == set()


def test_effects_are_sampled_where_tails_are_heavy_or_white_noise_is_seen() -> None:
    sd, wide = bs.Prior(median=0.01, factor=2.0), bs.Prior(median=0.5, factor=3.0)
    assert factors(bs.laws.power_law, bs.Noise(sd)) == set()
    assert factors(bs.laws.power_law, bs.Noise(sd, "normal", correlation=bs.Correlation("compute", wide))) == {"a"}
    seen = bs.Correlation("compute", wide, white=sd)
    assert factors(bs.laws.power_law, bs.Noise(sd, "normal", correlation=seen)) == set()


def test_the_posterior_is_that_of_effects_that_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    random, rows = np.random.default_rng(4), []
    off = {"full": 0.06, "moba": -0.05, "mix": 0.01}
    for seed, shift in enumerate(random.normal(0, 0.02, 4)):
        for arm, own in off.items():
            params = 1e8 * random.uniform(0.3, 10.0)
            loss = 3.0 * (params / 1e8) ** -0.1 * np.exp(own + shift + random.normal(0, 0.01))
            rows.append({"arm": arm, "seed": seed, "params": params, "loss": loss})
    columns = bs.Columns({"params": bs.Input("params", "parameters", 1e8)}, groups={"arm": "arm", "seed": "seed"})
    runs = bs.read_runs(pd.DataFrame(rows), columns)
    priors = {"a": bs.Prior(median=3.0, factor=1.3) + bs.Varying("arm", 0.1), "b": bs.Prior(median=0.1, factor=2.0)}
    noise = bs.Noise(bs.Prior(median=0.01, factor=2.0), "normal", effects=(bs.Varying("seed", 0.03),))
    settings = bs.Settings(draws=1000, chains=2, seed=1, progress=False, target_accept=0.95)
    out = bs.fit(bs.Model(bs.parse_law("a * params**-b", ["params"]), priors, noise), runs, settings)
    for module in (parametrization, geometry, expansion):
        monkeypatch.setattr(module, "integrated", lambda _: [])
    inside = bs.fit(out.model, runs, settings)
    assert "joint_w" in compiled(out.model, runs).density.variables
    assert out.posterior.keys() == inside.posterior.keys()
    one, two = out.posterior, inside.posterior
    error = sum(arviz_stats.mcse(of) ** 2 for of in (one, two)) ** 0.5
    spread = sum(arviz_stats.mcse(of, method="sd") ** 2 for of in (one, two)) ** 0.5
    for name in one:
        mean = [of[name].mean(("chain", "draw")) for of in (one, two)]
        sd = [of[name].std(("chain", "draw")) for of in (one, two)]
        assert (np.abs(mean[0] - mean[1]) < 4.5 * error[name]).all(), name
        assert (np.abs(sd[0] - sd[1]) < 4.5 * spread[name]).all(), name


def test_parameters_may_be_called_like_what_is_sampled_for_them() -> None:
    law = bs.parse_law("knots + gain_w * compute**-slope", ["compute"])
    near = bs.Prior(median=1.0, factor=2.0)
    model = bs.Model(law, {"knots": near + bs.Varying("arch", 0.1), "gain_w": near, "slope": near}, bs.Noise(sd=near))
    frame = pd.DataFrame({"compute": [1.0, 2.0, 4.0, 8.0], "arch": ["a", "a", "a", "b"], "loss": [2.0, 1.5, 1.3, 1.1]})
    runs = bs.read_runs(frame, bs.Columns({"compute": bs.Input("compute", "FLOP", 1.0)}, groups={"arch": "arch"}))
    fit = bs.fit(model, runs, bs.Settings(draws=10, tune=20, chains=2, progress=False))
    assert {"knots", "gain_w", "slope", "knots_by_arch"} <= set(fit.posterior)
    expected = fit.posterior["knots"] * np.exp(fit.posterior["knots_by_arch"].sel(arch="b")) + fit.posterior["gain_w"]
    np.testing.assert_allclose(bs.predict(fit, pd.DataFrame({"compute": [1.0], "arch": ["b"]})).isel(row=0), expected)
