"""Posteriors are calibrated on runs that the model simulates itself, and where they are not the test says so.

Three laws at a size that continuous integration affords. Every law and bundled model: `make calibrate`.
"""

from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots, uniformity
from bayes_scaling.calibration import SETTINGS, Calibration, Simulations, calibration_table, ranked, ranks, simulate
from bayes_scaling.laws import LAWS, law_inputs
from bayes_scaling.library import default_inputs, default_priors
from bayes_scaling.observing import replicated
from bayes_scaling.simulation import with_responses

mpl.use("Agg")
SIMULATIONS = 50
NOISE = bs.Noise(bs.Prior(median=0.01, factor=3.0), distribution="normal")
ALARM = 0.01
"""A corrected p-value below which a calibration would be taken to have failed."""


class Refusing(Executor):
    """Takes no work: what there is must have been stored."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("no work is taken")


def model(name: str, noise: bs.Noise = NOISE) -> bs.Model:
    return bs.Model(LAWS[name], default_priors(name), noise)


def runs(name: str) -> bs.Runs:
    """Two dozen runs over three decades of each input; their losses are not read."""
    inputs = default_inputs(name)
    points = 24 if len(inputs) == 1 else 5
    axes = np.meshgrid(*(np.geomspace(0.03, 30.0, points) * (of.reference or 1.0) for of in inputs.values()))
    table = pd.DataFrame(dict(zip(inputs, map(np.ravel, axes), strict=True))).assign(loss=3.0)
    columns = bs.Columns({one: replace(of, reference=of.reference or 1.0) for one, of in inputs.items()})
    return bs.read_runs(table, columns)


@cache
def simulations(name: str) -> Simulations:
    return simulate(model(name), runs(name), SIMULATIONS, seed=1)


def fitted(model: bs.Model, made: Simulations) -> Calibration:
    return ranked(made, bs.fit_many(model, made.tasks, bs.InProcess(), keep=ranks))


@cache
def calibration(name: str) -> Calibration:
    return fitted(model(name), simulations(name))


def alarms(calibration: Calibration) -> set[str]:
    table = calibration_table(calibration)
    return set(table["quantity"][table["p_holm"] < ALARM])


@pytest.mark.parametrize("name", ["chinchilla", "power_law_floor", "kaplan_params"])
def test_a_law_is_calibrated(name: str) -> None:
    found = calibration(name)
    table = calibration_table(found)
    assert {*default_priors(name), "noise_sd", "loss amid the runs", "loss far beyond", "log-likelihood"} == set(
        table["quantity"]
    )
    assert (table["simulations"] == SIMULATIONS).all()
    assert not found.failures
    assert not alarms(found), table.to_string()
    assert found.ranks["below"].max() <= found.ranks["draws"].max() == 99


def noisier(task: bs.Task, name: str) -> bs.Task:
    """Return a task whose runs scatter twice as much about the truth as the model says."""
    table, truth = task.runs.table, task.extra["truth"]
    at = {one: table[one] / task.runs.references[one] for one in law_inputs(LAWS[name])}
    law = LAWS[name](**at, **{one: truth[one] for one in default_priors(name)})
    return replace(task, runs=replace(task.runs, table=table.assign(response=law * (table["response"] / law) ** 2)))


def test_twice_the_noise_that_the_model_says_is_noticed() -> None:
    made = simulations("power_law_floor")
    wrong = {name: noisier(task, "power_law_floor") for name, task in made.tasks.items()}
    assert "noise_sd" in alarms(fitted(model("power_law_floor"), replace(made, tasks=wrong)))


def test_a_posterior_that_is_biased_is_noticed() -> None:
    right = model("power_law_floor")
    sure = replace(right, parameters={**right.parameters, "E": bs.Prior(median=2.2, factor=1.02)})
    assert {"E", "loss far beyond"} <= alarms(fitted(sure, simulations("power_law_floor")))


def test_posteriors_that_are_too_narrow_are_noticed() -> None:
    found = calibration("power_law_floor")
    away = found.ranks["pit"] - 0.5
    narrow = replace(found, ranks=found.ranks.assign(pit=0.5 + np.clip(2.0 * away, -0.5, 0.5)))
    assert len(alarms(narrow)) == found.ranks["quantity"].nunique()


def test_what_a_calibration_finds_is_stored_and_taken_up(tmp_path: Path) -> None:
    arguments = (model("kaplan_params"), runs("kaplan_params"), 4, replace(SETTINGS, draws=100, tune=200))
    first = bs.calibrate(*arguments, executor=bs.InProcess(), folder=tmp_path)
    again = bs.calibrate(*arguments, executor=Refusing(), folder=tmp_path)
    pd.testing.assert_frame_equal(first.ranks, again.ranks)
    assert first.simulations == 4
    with pytest.raises(bs.InputError, match=r"^none of 4 simulations could be fitted: 2 tries"):
        bs.calibrate(*arguments, executor=Refusing(), folder=tmp_path / "elsewhere")


def test_draws_of_impossible_losses_are_counted() -> None:
    law = bs.parse_law("a - b * compute", ("compute",))
    priors = {"a": bs.Prior(between=(-1.0, 3.0)), "b": bs.Prior(median=0.01, factor=2.0)}
    table = pd.DataFrame({"compute": [1.0, 2.0, 4.0], "loss": 1.0})
    at = bs.read_runs(table, bs.Columns({"compute": bs.Input("compute", reference=1.0)}))
    made = simulate(bs.Model(law, priors, NOISE), at, 200)
    assert len(made.tasks) == 200
    assert 0.12 < made.impossible / (200 + made.impossible) < 0.3  # a below 0.04: 22 %
    assert all((task.runs.table["response"] > 0).all() for task in made.tasks.values())
    never = {**priors, "a": bs.Prior(between=(-2.0, -1.0))}
    with pytest.raises(bs.InputError, match=r"^of 3200 draws from the prior \d+ give losses that are possible"):
        simulate(bs.Model(law, never, NOISE), at, 200)


def test_fits_that_are_not_to_be_trusted_are_told_of() -> None:
    rows = pd.DataFrame(
        {
            "task": ["0", "1", "2"],
            "quantity": "a",
            "divergences": [0, 3, 0],
            "r_hat": [1.0, 1.2, 1.0],
            "ess": [50.0, 400.0, 400.0],
        }
    )
    found = Calibration(rows, impossible=4, failures={"3": "no draw could be made"})
    assert found.report == [
        "4 of 8 draws from the prior give losses that are not possible, and were left out",
        "1 of 4 fits failed",
        "1 of 3 fits have divergences",
        "1 of 3 fits have R-hat above 1.01",
        "1 of 3 fits have a quantity with fewer than 99 effective draws",
    ]


@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_simulated_runs_are_read_with_their_error(on: Any) -> None:
    quiet = bs.Noise(bs.Prior(median=1e-4, factor=1.1), distribution="normal", on=on)
    columns = replace(runs("kaplan_params").columns, reading_error=bs.ReadingError("error", relative=on == "log_loss"))
    table = runs("kaplan_params").table.rename(columns={"response": "loss"})
    read = bs.read_runs(table.assign(error=0.05), columns)
    before = bs.prior(
        bs.Model(
            LAWS["kaplan_params"],
            {"L_N": bs.Prior(median=3, factor=1.001), "alpha_N": bs.Prior(median=0.05, factor=1.001)},
            quiet,
        ),
        read,
        400,
    )
    shown = replicated(before, read.table, 0)
    scale = float((np.log(shown) if on == "log_loss" else shown).std("draw").mean())
    assert scale == pytest.approx(0.05, rel=0.1)
    other = with_responses(before, shown.isel(chain=0, draw=0).to_numpy())
    relative = other.table["reading_error"] / (other.table["response"] if on == "log_loss" else 1.0)
    np.testing.assert_allclose(relative, 0.05)


def test_uniform_numbers_raise_the_alarm_as_often_as_they_should() -> None:
    samples = np.random.default_rng(3).uniform(size=(2000, 60))
    found = np.array([uniformity.p_value(numbers) for numbers in samples])
    assert 0.03 < np.mean(found <= 0.05) < 0.06
    band = uniformity.uniform_band(60)
    shares = (samples[:, None, :] <= band.places[:, None]).mean(axis=2)
    assert 0.94 < np.mean(((band.low <= shares) & (shares <= band.high)).all(axis=1)) < 0.97


def test_numbers_at_one_end_are_not_uniform() -> None:
    assert uniformity.p_value(np.full(8, 0.99)) < 1e-4
    assert uniformity.p_value(np.linspace(0.45, 0.55, 40)) < 1e-4


def test_p_values_are_corrected_for_their_number() -> None:
    np.testing.assert_allclose(uniformity.holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


def test_a_call_in_process_gives_what_it_returns_or_raises() -> None:
    with bs.InProcess() as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)


def test_a_calibration_is_drawn_with_what_leaves_the_band() -> None:
    found = calibration("power_law_floor")
    with plots.paper():
        figure = Figure()
        ax = figure.subplots()
        assert plots.plot_calibration(found, ax) is ax
        figure.canvas.draw()
    assert ax.get_xlabel() == "rank of the truth (fraction)"
    assert ax.get_ylabel() == "share of ranks below - fraction"
    assert len(ax.lines) >= found.ranks["quantity"].nunique()
