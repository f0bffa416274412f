"""What is drawn for one purpose is independent of what is drawn for another, and of what else is asked for."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import worlds
from by_hand import CLEAN, fit_with

import bayes_scaling as bs
from bayes_scaling.inference.datatree import to_datatree
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.inference.stacking import stack
from bayes_scaling.model import discrepancy
from bayes_scaling.prediction.predict import decompose
from bayes_scaling.prediction.simulate import simulated
from bayes_scaling.validation.predictive_check import predictive_check
from bayes_scaling.validation.scores import score_points

SHAPE, NEAR_ZERO = (2, 2000), 5 / np.sqrt(4000)
SMOOTH = bs.Discrepancy(bs.Prior(median=0.01, factor=2.0), bs.Prior(median=2.0, factor=1.5), over="params")
TERMS = (replace(SMOOTH, within="corpus"), replace(SMOOTH, within="arch"))
NEW = {"arch": "new", "corpus": "web", "params": 1e9}
POINTS = pd.DataFrame({**NEW, "tokens": [2e10, 4e10, 8e10]})


@cache
def fit() -> bs.Fit:
    """Return a fit whose draws hardly differ: what predictions differ by is what they draw."""
    world = worlds.split(bs.Noise(sd=worlds.SD, distribution="normal", effects=(bs.Varying("run", 0.02),)))
    values = {"E_by_arch": [0.0, -0.03], "E_sd_arch": 0.02, "B_sd_arch": 1e-9, "residual_sd_run": 0.02, "noise_sd": 0.01}
    return fit_with(world.fit.model, world.fit.runs, values, shape=SHAPE, spread=1e-9, health=CLEAN)


@cache
def before() -> bs.Fit:
    world = worlds.split(discrepancy=TERMS)
    return bs.prior(world.fit.model, world.fit.runs, draws=4000, seed=1)


def flat(draws: Any) -> np.ndarray:
    """Return draws as a row each of what stands at one place."""
    values = np.asarray(draws.transpose("chain", "draw", ...))
    return values.reshape(values.shape[0] * values.shape[1], -1).T


def refuse_alike(*rows: np.ndarray) -> None:
    every = np.vstack(rows)
    assert np.abs(np.corrcoef(every) - np.eye(len(every))).max() < NEAR_ZERO


def test_effects_and_scatter_of_new_runs_are_independent() -> None:
    law = flat(np.log(bs.predict(fit(), POINTS)))[:1]
    noise = flat(decompose(fit(), POINTS, seed=0)["noise"])
    other = flat(decompose(fit(), POINTS, seed=1)["noise"])
    refuse_alike(law, noise, other)
    of_another_level = flat(np.log(bs.predict(fit(), POINTS.assign(arch="newer"))))[:1]
    refuse_alike(law, of_another_level)


def test_a_new_level_is_the_same_at_all_points_whatever_else_is_asked_and_when() -> None:
    together = bs.predict(fit(), pd.concat([POINTS.assign(arch="newer"), POINTS], ignore_index=True))
    alone = bs.predict(fit(), POINTS.iloc[[2]])
    np.testing.assert_array_equal(together[..., 5], alone[..., 0])
    runs = [bs.predict_runs(fit(), POINTS.iloc[:count], seed=4) for count in (3, 1, 3)]
    np.testing.assert_array_equal(runs[0], runs[2])
    np.testing.assert_array_equal(runs[0][..., :1], runs[1])


def test_a_level_is_one_however_its_number_is_written() -> None:
    def drawn(arch: Any) -> np.ndarray:
        return bs.predict(fit(), POINTS.assign(arch=arch)).to_numpy()[..., 0]

    np.testing.assert_array_equal(drawn([7.0, 7.5, 8.0]), drawn(7))
    np.testing.assert_array_equal(drawn("7"), drawn(7))


def test_terms_of_a_discrepancy_go_on_independently_beyond_the_runs() -> None:
    drawn, names = before().posterior, [discrepancy.name(term) for term in TERMS]
    refuse_alike(*(flat(drawn[name].isel(knot_params=-1) / drawn[f"{name}_amplitude"]) for name in names))


def test_draws_of_the_prior_share_nothing_with_what_they_predict() -> None:
    point = {**NEW, "arch": "sparse", "tokens": [2e10]}
    scatter = flat(
        np.log(bs.predict_runs(before(), point, seed=1) / bs.predict(before(), point)) / before().posterior["noise_sd"]
    )
    parameters = [flat(np.log(before().posterior[name])) for name in ("E", "A", "alpha", "noise_sd")]
    refuse_alike(scatter, *parameters)


def test_runs_that_are_simulated_do_not_scatter_as_replications_do() -> None:
    shown = np.log(simulated(fit(), 0, seed=0).table["response"])
    expected, replications = (
        np.log(posterior_expectation(fit(), fit().runs.table)),
        np.log(replicated(fit(), fit().runs.table, 0)),
    )
    refuse_alike(shown - expected[0, 0], (replications - expected)[0, 0])


def test_laws_of_a_stack_scatter_on_their_own_in_any_order() -> None:
    names = ("one", "two")
    fits = dict.fromkeys(names, fit())
    forth, back = (stack({name: fits[name] for name in order}, dict.fromkeys(names, 0.5)) for order in (names, names[::-1]))
    drawn = {name: flat(decompose(of, POINTS)["noise"]) for name, of in forth.members.items()}
    refuse_alike(*drawn.values())
    for name in names:
        np.testing.assert_array_equal(flat(decompose(back.members[name], POINTS)["noise"]), drawn[name])


DOORS: dict[str, Callable[[Any], Any]] = {
    "predict_runs": lambda seed: bs.predict_runs(fit(), POINTS, seed=seed),
    "decompose": lambda seed: decompose(fit(), POINTS, seed=seed),
    "prior": lambda seed: bs.prior(fit().model, fit().runs, seed=seed),
    "to_datatree": lambda seed: to_datatree(fit(), seed=seed),
    "predictive_check": lambda seed: predictive_check(fit(), seed=seed),
    "calibrate": lambda seed: bs.calibrate(fit().model, fit().runs, 2, seed=seed),
    "simulated": lambda seed: simulated(fit(), 0, seed=seed),
    "score_points": lambda seed: score_points(fit(), fit().runs.table, seed=seed),
    "Settings": lambda seed: bs.Settings(seed=seed),
}


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0", 2**32])
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_seed_is_refused_at_the_door(door: str, seed: Any) -> None:
    with pytest.raises(bs.InputError, match="seed"):
        DOORS[door](seed)
