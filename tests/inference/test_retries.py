"""Sampling again by itself: what is tried for what is found, where it ends, and what is kept."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference import retries as healing
from bayes_scaling.inference.health import from_record
from bayes_scaling.inference.sampling import DEEPEST, depth_of

ASKED = bs.Settings(draws=500, tune=500, progress=False)
type Made = Callable[[bs.Settings, int], xr.DataTree]


def tree(
    settings: bs.Settings, divergent: int = 0, slow: float = 0.0, places: tuple[float, ...] = (), steps: int = 7
) -> xr.DataTree:
    """Return draws of one parameter: so many divergences in the first chain, autocorrelation, and where each chain is."""
    shape = settings.chains, settings.draws
    random = np.random.default_rng([settings.draws, settings.chains, int(1000 * slow)])
    values = random.standard_normal(shape)
    for i in range(1, settings.draws):
        values[:, i] = slow * values[:, i - 1] + np.sqrt(1 - slow**2) * values[:, i]
    values += np.resize(places or (0.0,), shape[0])[:, None]
    diverging = np.zeros(shape, bool)
    diverging[0, :divergent] = True
    stats = {"diverging": diverging, "energy": random.standard_normal(shape), "n_steps": np.full(shape, steps)}
    groups = {"posterior": {"E": values}, "sample_stats": stats}
    sets = {name: xr.Dataset({k: (("chain", "draw"), v) for k, v in of.items()}) for name, of in groups.items()}
    sets["sample_stats"].attrs["target_accept"] = settings.target_accept or 0.9
    return xr.DataTree.from_dict(sets)


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch, chinchilla: bs.Fit) -> Callable[..., tuple[bs.Fit, list[Any]]]:
    """Give what fits with rounds of sampling that are written by hand, and returns the settings of each round as well."""

    def fit(*rounds: dict[str, Any], settings: bs.Settings = ASKED) -> tuple[bs.Fit, list[Any]]:
        asked: list[Any] = []

        def sample(model: bs.Model, runs: Runs, own: bs.Settings, restarts: int, *, deep: bool) -> xr.DataTree:
            asked.append((own, restarts))
            assert not deep
            return tree(own, **rounds[min(len(asked), len(rounds)) - 1])

        monkeypatch.setattr(healing, "sample", sample)
        return bs.fit(chinchilla.model, chinchilla.runs, settings), asked

    return fit


def test_trajectories_cut_short_may_be_longer_in_the_next_round(monkeypatch: pytest.MonkeyPatch, chinchilla: bs.Fit) -> None:
    asked: list[bool] = []

    def sample(model: bs.Model, runs: Runs, own: bs.Settings, restarts: int, *, deep: bool) -> xr.DataTree:
        asked.append(deep)
        draws = tree(own)
        draws["sample_stats"]["reached_max_treedepth"] = draws["sample_stats"]["diverging"] | (not deep)
        return draws

    monkeypatch.setattr(healing, "sample", sample)
    assert bs.fit(chinchilla.model, chinchilla.runs, ASKED).health.clean
    assert asked == [False, True]


def test_only_models_of_whole_curves_begin_with_shorter_trajectories(chinchilla: bs.Fit) -> None:
    assert depth_of(chinchilla.model) == DEEPEST
    assert depth_of(bs.read_study("training_curves_schedules").model) < DEEPEST


def test_a_clean_fit_is_sampled_once(sampled: Any) -> None:
    fit, asked = sampled({})
    assert len(asked) == 1
    assert fit.health.clean
    assert [one["kept"] for one in fit.health.rounds] == [True]
    assert healing.rounds_line(fit.health) == ""


def test_divergences_ask_for_smaller_steps_until_there_are_none(sampled: Any) -> None:
    fit, asked = sampled({"divergent": 9}, {"divergent": 1}, {})
    assert [own.target_accept for own, _ in asked] == [None, 0.98, 0.99]
    assert fit.health.clean
    assert fit.settings.target_accept == 0.99
    assert [one["kept"] for one in fit.health.rounds] == [False, False, True]
    assert "9 divergences" in fit.health.rounds[0]["found"][0]
    said = healing.rounds_line(fit.health)
    assert said.startswith("sampled 3 times: 9 divergences")
    assert said.endswith("clean")


def test_small_samples_ask_for_more_draws(sampled: Any) -> None:
    fit, asked = sampled({"slow": 0.9}, {})
    assert asked[1][0].draws > 1.4 * ASKED.draws
    assert asked[1][0].target_accept == 0.9
    assert fit.posterior.sizes["draw"] == asked[1][0].draws == fit.settings.draws
    assert fit.health.clean


def test_who_asks_for_few_draws_is_given_them(sampled: Any) -> None:
    fit, asked = sampled({}, settings=replace(ASKED, draws=90))
    assert len(asked) == 1
    assert not fit.health.ok
    assert fit.health.rounds[-1]["ended"] == "nothing to try"


def test_a_chain_apart_starts_all_chains_anew(sampled: Any) -> None:
    fit, asked = sampled({"places": (0.0, 0.0, 0.0, 40.0)}, {})
    assert [restarts for _, restarts in asked] == [0, 1]
    assert fit.health.clean
    assert fit.health.modes == ()


def test_a_place_found_twice_is_a_mode_and_is_reported(sampled: Any) -> None:
    fit, asked = sampled({"places": (0.0, 0.0, 0.0, 40.0)})
    assert len(asked) == 2
    assert not fit.health.ok
    assert len(fit.health.modes) == 2
    assert "2 modes" in fit.health.line
    assert "same two places" in fit.health.rounds[-1]["ended"]


def test_two_chains_at_each_of_two_places_need_no_second_round(sampled: Any) -> None:
    fit, asked = sampled({"places": (0.0, 0.0, 40.0, 40.0)})
    assert len(asked) == 1
    assert len(fit.health.modes) == 2


def test_what_is_kept_is_the_best_round_and_rounds_are_counted(sampled: Any) -> None:
    fit, asked = sampled({"divergent": 4}, {"divergent": 1, "steps": 5}, {"divergent": 9}, {"divergent": 9})
    assert len(asked) == 4
    assert [one["kept"] for one in fit.health.rounds] == [False, True, False, False]
    assert fit.health.divergences == 1
    assert fit.settings.target_accept == 0.98
    assert fit.health.rounds[-1]["ended"]
    assert "kept is round 2" in healing.rounds_line(fit.health)


@pytest.mark.parametrize(
    ("change", "rounds", "why"),
    [({"rounds": 0}, 1, "0 further rounds"), ({"effort": 0.5}, 1, "leapfrog steps"), ({"seconds": 1e-9}, 1, "seconds")],
)
def test_limits_end_it_and_are_on_record(sampled: Any, change: dict[str, Any], rounds: int, why: str) -> None:
    fit, asked = sampled({"divergent": 9}, settings=replace(ASKED, **change))
    assert len(asked) == rounds
    assert why in fit.health.rounds[-1]["ended"]
    assert not fit.health.clean


def test_a_single_chain_is_noted_and_not_sampled_again(sampled: Any) -> None:
    fit, asked = sampled({}, settings=replace(ASKED, chains=1, draws=2000))
    assert len(asked) == 1
    assert fit.health.grade == "noted"


def test_rounds_survive_json(sampled: Any) -> None:
    fit, _ = sampled({"divergent": 9}, {})
    again = from_record(json.loads(json.dumps(asdict(fit.health))))
    assert again == fit.health
    assert again.line == fit.health.line


def test_progress_says_in_one_line_what_was_found_and_what_is_tried(sampled: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sampled({"divergent": 9}, {}, settings=replace(ASKED, progress=True))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "9 divergences" in said[0]
    assert "0.98" in said[0]


def test_chains_started_anew_start_elsewhere(chinchilla: bs.Fit) -> None:
    from bayes_scaling.inference.sampling import sample

    settings = bs.Settings(draws=20, tune=50, chains=2, progress=False)
    first, again, anew = (sample(chinchilla.model, chinchilla.runs, settings, restarts) for restarts in (0, 0, 1))
    xr.testing.assert_identical(first["posterior"].to_dataset(), again["posterior"].to_dataset())
    assert not first["posterior"].to_dataset().equals(anew["posterior"].to_dataset())
