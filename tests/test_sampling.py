"""Compiling, sampling, refitting, and the health gate."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from threadpoolctl import threadpool_limits

import bayes_scaling as bs
from bayes_scaling import compiling, sampling
from bayes_scaling.model import groups_used

QUICK = bs.Settings(draws=300, tune=300, chains=2, seed=3, progress=False)


def test_a_refit_does_not_compile_and_equals_a_fresh_fit(chinchilla: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    half = bs.subset(chinchilla.runs, "params < 1e9")
    fresh_cache: dict[object, object] = {}
    with monkeypatch.context() as context:
        context.setattr(sampling, "_COMPILED", fresh_cache)
        fresh = bs.fit(chinchilla.model, half, QUICK)
    assert len(fresh_cache) == 1
    with monkeypatch.context() as context:
        context.setattr(compiling, "compile_density", lambda *_: pytest.fail("compiled again"))
        again = bs.refit(chinchilla, half, QUICK)
    xr.testing.assert_identical(again.posterior, fresh.posterior)


def test_the_same_seed_gives_the_same_draws_and_another_does_not(chinchilla: bs.Fit) -> None:
    one, two = (bs.fit(chinchilla.model, chinchilla.runs, QUICK) for _ in range(2))
    other = bs.fit(chinchilla.model, chinchilla.runs, replace(QUICK, seed=4))
    xr.testing.assert_identical(one.posterior, two.posterior)
    assert not one.posterior.equals(other.posterior)


def test_draws_do_not_depend_on_the_threads_of_linear_algebra(moba: bs.Fit) -> None:
    with threadpool_limits(1):
        alone = bs.refit(moba, moba.runs, QUICK)
    with threadpool_limits(3):
        xr.testing.assert_identical(bs.refit(moba, moba.runs, QUICK).posterior, alone.posterior)


def test_a_refit_without_some_levels_needs_no_compiling(moba: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "compile_density", lambda *_: pytest.fail("compiled again"))
    fewer = bs.refit(moba, bs.subset(moba.runs, "size < 2e9"), QUICK)
    assert len(fewer.runs.levels["size"]) == 4
    assert fewer.posterior.sizes["size"] == 4
    assert bs.predict(fewer, fewer.runs.table.head(3)).sizes["point"] == 3


def test_a_refit_without_some_levels_finds_each_level_by_its_name(moba: bs.Fit) -> None:
    late = bs.refit(moba, bs.subset(moba.runs, "position > 8192"), QUICK)
    points = late.runs.table.query("position == 30720 and size == 545000000")[["compute", "attention", "position"]]
    a, b = (bs.parameter_values(late, name).sel(position=30720, attention=["full", "moba"]) for name in "ab")
    curve = bs.predict(late, points)
    compute = points["compute"].iloc[0] / 1.5
    np.testing.assert_allclose(curve.transpose("chain", "draw", "point"), a * compute**-b, rtol=1e-12)


def test_priors_that_cannot_be_right_are_refused_in_one_line(chinchilla: bs.Fit) -> None:
    floor = replace(chinchilla.model, parameters=dict(chinchilla.model.parameters) | {"E": bs.Prior(between=(-9e9, -8e9))})
    with pytest.raises(bs.InputError, match="priors"):
        bs.fit(floor, chinchilla.runs, QUICK)


def test_the_prior_of_every_level_is_wide_as_written_whatever_the_sampling_coordinates(moba: bs.Fit) -> None:
    before = bs.prior(moba.model, moba.runs, draws=4000, seed=2).posterior
    for name, sd in {"a_by_position": 0.3, "b_by_attention_position": 0.1, "residual_by_run": 0.003}.items():
        # z * s with z standard normal and s half-normal of scale sd has the variance sd^2.
        assert float(before[name].std()) == pytest.approx(sd, rel=0.06)


def test_what_the_sampler_says_of_its_trajectories_is_kept(chinchilla: bs.Fit) -> None:
    stats, health = chinchilla.draws["sample_stats"].to_dataset(), chinchilla.health
    assert {"diverging", "energy", "depth", "maxdepth_reached"} <= set(stats.data_vars)
    assert health is not None
    assert (health.draws, health.chains) == (stats["diverging"].size, chinchilla.settings.chains)
    assert health.by_chain == tuple(stats["diverging"].sum("draw").to_numpy().tolist())


def test_too_few_draws_do_not_pass_for_a_posterior(chinchilla: bs.Fit) -> None:
    short = bs.fit(chinchilla.model, chinchilla.runs, replace(QUICK, draws=20, tune=20))
    assert short.health is not None
    assert not short.health.ok


@pytest.mark.parametrize("bad", [{"draws": 0}, {"tune": 0}, {"chains": 0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(bs.InputError, match=next(iter(bad))):
        bs.Settings(**bad)


def test_levels_of_a_compiled_model_are_those_of_its_groups(moba: bs.Fit) -> None:
    assert set(groups_used(moba.model)) == {"attention", "position", "size", "run"}
    assert moba.posterior["b_by_attention_position"].dims == ("chain", "draw", "attention", "position")
