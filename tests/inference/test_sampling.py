"""Compiling, sampling, refitting, and the health gate."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from threadpoolctl import threadpool_limits

import bayes_scaling as bs
from bayes_scaling.data.runs import subset
from bayes_scaling.inference import compiling, sampling
from bayes_scaling.inference.parameters import parameter_values
from bayes_scaling.model.specification import groups_used
from bayes_scaling.model.studies.study import Study, study_runs

QUICK = bs.Settings(draws=300, tune=300, chains=2, seed=3, progress=False)


def test_a_refit_does_not_compile_and_equals_a_fresh_fit(chinchilla: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    half = subset(chinchilla.runs, "params < 1e9")
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
    fewer = bs.refit(moba, subset(moba.runs, "size < 2e9"), QUICK)
    assert len(fewer.runs.levels["size"]) == 4
    assert fewer.posterior.sizes["size"] == 4
    assert bs.predict(fewer, fewer.runs.table.head(3)).sizes["row"] == 3


def test_a_refit_without_some_levels_finds_each_level_by_its_name(moba: bs.Fit) -> None:
    late = bs.refit(moba, subset(moba.runs, "position > 8192"), QUICK)
    points = late.runs.table.query("position == 30720 and size == 545000000")[["compute", "attention", "position"]]
    a, b = (parameter_values(late, name).sel(position=30720, attention=["full", "moba"]) for name in "ab")
    curve = bs.predict(late, points)
    compute = points["compute"].iloc[0] / 1.5
    np.testing.assert_allclose(curve.transpose("chain", "draw", "row"), a * compute**-b, rtol=1e-12)


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
    assert {"diverging", "energy", "tree_depth", "reached_max_treedepth", "lp"} <= set(stats.data_vars)
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


LADDER = """
full,31622776.60168,3.20362
full,46093147.33266,3.06417
full,67185062.77268,2.92528
full,97928497.42266,2.78403
full,142739921.81726,2.72106
full,208056753.82172,2.62607
full,303262130.59195,2.53439
full,442032849.98851,2.48418
full,644304120.95161,2.42207
full,939133370.48598,2.36947
full,1368874509.53708,2.32055
full,1995262314.96888,2.28809
new,303262130.59195,2.46807
"""
"""A ladder of twelve sizes and one run of a variant."""

STUDY = """
[data]
response = { column = "loss", unit = "nats/token" }
[data.inputs]
params = { column = "params", unit = "parameters", reference = 1e8 }
[data.groups]
arch = "arch"
[law]
text = "E + A * params**-alpha"
[parameters.E]
prior = { median = 2, factor = 2 }
varying = [{ over = "arch", sd = 0.1 }]
[parameters.A]
prior = { median = 0.8, factor = 3 }
[parameters.alpha]
prior = { between = [0.1, 0.8] }
[noise]
sd = { median = 0.01, factor = 3 }
"""


def ladder() -> pd.DataFrame:
    rows = [line.split(",") for line in LADDER.split()]
    return pd.DataFrame([(arch, float(params), float(loss)) for arch, params, loss in rows], columns=["arch", "params", "loss"])


@pytest.fixture
def study(tmp_path: Path) -> Study:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return bs.read_study(path)


@pytest.mark.parametrize("seed", [0, *(pytest.param(of, marks=pytest.mark.slow) for of in (1, 2))])
def test_two_levels_one_of_a_single_run_are_sampled_cleanly(study: Study, seed: int) -> None:
    fit = bs.fit(study.model, study_runs(study, ladder()), bs.Settings(seed=seed, progress=False))
    assert fit.health is not None
    assert fit.health.clean, fit.health.problems


def test_a_seed_gives_the_same_draws_whatever_was_fitted_before(study: Study, tmp_path: Path) -> None:
    runs = study_runs(study, ladder())
    settings = bs.Settings(draws=50, tune=50, chains=2, seed=5, progress=False)
    first = bs.fit(study.model, runs, settings).posterior
    more = pd.concat([ladder(), ladder().tail(3).assign(arch=["third", "fourth", "fifth"])], ignore_index=True)
    assert bs.fit(study.model, study_runs(study, more), settings).posterior.sizes["arch"] == 5
    xr.testing.assert_identical(bs.fit(study.model, runs, settings).posterior, first)
    again = bs.read_study(tmp_path / "study.toml")
    assert again.model.law is not study.model.law
    xr.testing.assert_identical(bs.fit(again.model, runs, settings).posterior, first)


@pytest.mark.parametrize("name", [*(pytest.param(of, marks=pytest.mark.slow) for of in ("structure", "joint")), "x"])
def test_a_group_may_be_called_as_what_a_model_is_made_of(study: Study, name: str) -> None:
    floor = bs.Prior(median=2.0, factor=2.0) + bs.Varying(name, 0.1)
    noise = bs.Noise(bs.Prior(median=0.01, factor=3.0), "normal", effects=(bs.Varying(name, 0.1),))
    model = replace(study.model, parameters={**study.model.parameters, "E": floor}, noise=noise)
    runs = bs.read_runs(ladder(), replace(study.columns, groups={name: "arch"}))
    own = sampling.compiled(model, runs)
    assert np.isfinite(own.evaluate(own.start(0))[1]).all()


@pytest.mark.parametrize("name", ["joint_number", "joint_structure"])
def test_a_group_cannot_be_called_as_a_models_own_dimensions(study: Study, name: str) -> None:
    with pytest.raises(bs.InputError, match=f"{name}.* is taken"):
        replace(study.columns, groups={name: "arch"})


def compiled_once_each(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let nothing be compiled, and return the list of what would have been."""
    found: list[Any] = []
    monkeypatch.setattr(sampling, "_COMPILED", {})
    monkeypatch.setattr(compiling, "compile_density", lambda *of: found.append(of) or len(found))
    return found


def test_a_study_read_twice_or_with_other_levels_is_compiled_once(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = compiled_once_each(monkeypatch)
    again = bs.read_study(tmp_path / "study.toml")
    more = pd.concat([ladder(), ladder().tail(1).assign(arch="third")], ignore_index=True)
    for one in (study, again):
        for table in (ladder(), more):
            sampling._density(*read(one, table))
    assert len(found) == 1


def test_a_law_too_long_to_be_written_as_text_is_compiled_once(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def law(params: Any, *, E: Any, A: Any, alpha: Any) -> Any:
        for _ in range(30):  # each time the text would double
            alpha = (alpha + alpha) / 2
        return E + A * params**-alpha

    found = compiled_once_each(monkeypatch)
    _, arrays, levels = read(study, ladder())
    for _ in range(2):
        sampling._density(replace(study.model, law=law), arrays, levels)
    assert len(found) == 1


def read(study: Study, table: pd.DataFrame) -> tuple[Any, ...]:
    """Return what a density is compiled from."""
    runs = study_runs(study, table)
    levels = {"arch": runs.levels["arch"]}
    return study.model, sampling._arrays(study.model, runs, levels)[0], levels


def test_no_more_is_kept_compiled_than_is_bounded(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compiled_once_each(monkeypatch)
    monkeypatch.setattr(sampling, "MOST_COMPILED", 2)

    def use(factor: float) -> None:
        model = replace(study.model, noise=replace(study.model.noise, sd=bs.Prior(median=0.01, factor=factor)))
        sampling._density(model, *read(study, ladder())[1:])

    for factor in (2.0, 3.0, 2.0, 4.0, 2.0):  # the one used last is not the one to go
        use(factor)
        assert len(sampling._COMPILED) <= 2
    assert len(found) == 3
    use(3.0)
    assert len(found) == 4
