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
import xarray as xr
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling import plots
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.data.runs import Runs, concat_runs
from bayes_scaling.inference.batch.executors import InProcess
from bayes_scaling.inference.batch.tasks import Task
from bayes_scaling.inference.health import Health
from bayes_scaling.inference.posterior_predictive import replicated
from bayes_scaling.laws.library import LAWS, law_inputs
from bayes_scaling.model.defaults import default_inputs, default_priors
from bayes_scaling.prediction.simulate import one_chain, other_runs, simulated, with_levels, with_responses
from bayes_scaling.validation import uniformity
from bayes_scaling.validation.calibration import Calibration, ranked, ranks
from bayes_scaling.validation.simulations import SETTINGS, Simulations, quantities, simulate

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


def runs(name: str) -> Runs:
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
    return ranked(made, bs.fit_many(model, made.tasks, InProcess(), keep=ranks))


@cache
def calibration(name: str) -> Calibration:
    return fitted(model(name), simulations(name))


def alarms(calibration: Calibration) -> set[str]:
    table = calibration.to_frame()
    return set(table["quantity"][table["p_holm"] < ALARM])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("chinchilla", marks=pytest.mark.slow),
        pytest.param("power_law_floor", marks=pytest.mark.slow),
        "kaplan_params",
    ],
)
def test_a_law_is_calibrated(name: str) -> None:
    found = calibration(name)
    table = found.to_frame()
    assert {*default_priors(name), "noise_sd", "loss amid the runs", "loss far beyond", "log-likelihood"} == set(
        table["quantity"]
    )
    assert (table["simulations"] == SIMULATIONS).all()
    assert not found.failures
    assert not alarms(found), table.to_string()
    assert found.ranks["below"].max() <= found.ranks["draws"].max() == 99


def noisier(task: Task, name: str) -> Task:
    """Return a task whose runs scatter twice as much about the truth as the model says."""
    table, truth = task.runs.table, task.extra["truth"]
    at = {one: table[one] / task.runs.references[one] for one in law_inputs(LAWS[name])}
    law = LAWS[name](**at, **{one: truth[one] for one in default_priors(name)})
    return replace(task, runs=replace(task.runs, table=table.assign(response=law * (table["response"] / law) ** 2)))


@pytest.mark.slow
def test_twice_the_noise_that_the_model_says_is_noticed() -> None:
    made = simulations("power_law_floor")
    wrong = {name: noisier(task, "power_law_floor") for name, task in made.tasks.items()}
    assert "noise_sd" in alarms(fitted(model("power_law_floor"), replace(made, tasks=wrong)))


@pytest.mark.slow
def test_a_posterior_that_is_biased_is_noticed() -> None:
    right = model("power_law_floor")
    sure = replace(right, parameters={**right.parameters, "E": bs.Prior(median=2.2, factor=1.02)})
    assert {"E", "loss far beyond"} <= alarms(fitted(sure, simulations("power_law_floor")))


@pytest.mark.slow
def test_posteriors_that_are_too_narrow_are_noticed() -> None:
    found = calibration("power_law_floor")
    away = found.ranks["pit"] - 0.5
    narrow = replace(found, ranks=found.ranks.assign(pit=0.5 + np.clip(2.0 * away, -0.5, 0.5)))
    assert len(alarms(narrow)) == found.ranks["quantity"].nunique()


def test_what_a_calibration_finds_is_stored_and_taken_up(tmp_path: Path) -> None:
    arguments = (model("kaplan_params"), runs("kaplan_params"), 4, replace(SETTINGS, draws=100, tune=200))
    first = bs.calibrate(*arguments, executor=InProcess(), folder=tmp_path)
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
    with pytest.raises(bs.InputError, match=r"^of 3200 draws \d+ give values that are possible"):
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
        "4 of 8 draws give values that are not possible, and were left out",
        "1 of 4 fits failed",
        "1 of 3 fits have divergences",
        "1 of 3 fits have R-hat above 1.01",
        "1 of 3 fits have a quantity with fewer than 99 effective draws",
    ]


@pytest.mark.parametrize("on", ["log_loss", "loss"])
def test_simulated_runs_are_read_with_their_error(on: Any) -> None:
    quiet = bs.Noise(bs.Prior(median=1e-4, factor=1.1), distribution="normal", on=on)
    columns = replace(runs("kaplan_params").columns, measurement_error=MeasurementError("error", relative=on == "log_loss"))
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
    relative = other.table["measurement_error"] / (other.table["response"] if on == "log_loss" else 1.0)
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
    with InProcess() as executor:
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)


@pytest.mark.slow
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


@cache
def around() -> bs.Fit:
    """The fit of runs that one draw of the prior shows."""
    name = "kaplan_params"
    seen = simulated(bs.prior(model(name), runs(name), 5, 3), 2, seed=3)
    return bs.fit(model(name), seen, replace(SETTINGS, chains=4))


@pytest.mark.slow
def test_around_a_fit_a_law_is_calibrated() -> None:
    fit = around()
    made = simulate(fit.model, fit.runs, SIMULATIONS, around=fit)
    assert {len(task.runs) for task in made.tasks.values()} == {2 * len(fit.runs)}
    for task in made.tasks.values():
        pd.testing.assert_frame_equal(task.runs.table.head(len(fit.runs)), fit.runs.table)
    found = fitted(fit.model, made)
    assert not alarms(found), found.to_frame().to_string()
    truths = found.ranks.groupby("quantity")["truth"]
    assert truths.std()["L_N"] == pytest.approx(float(fit.posterior["L_N"].std()), rel=0.4)
    other = {name: replace(task, runs=moved(task.runs)) for name, task in list(made.tasks.items())[:25]}
    assert {"L_N", "loss amid the runs"} <= alarms(fitted(fit.model, replace(made, tasks=other)))


def moved(both: Runs) -> Runs:
    """Return runs with the first half of their losses 3 % higher than a fit has seen them."""
    seen = np.arange(len(both)) < len(both) // 2
    return replace(both, table=both.table.assign(response=both.table["response"] * np.where(seen, 1.03, 1.0)))


HEALTHY = Health(0, 1.0, 1e3, 1e3, 1.0, "a", 8000, 4)
SIZES = {"small": 0.3, "large": -0.2}
OFF = {"1": 0.05, "2": -0.04, "3": 0.02}
"""Effects of sizes on the law, and of runs on the noise."""


def by_hand(*, correlated: bool, draws: int = 4000) -> bs.Fit:
    """Return a fit to three runs, numbered, of two sizes, that is sure of everything."""
    rows = [(run, size, at) for run, size in {1: "small", 2: "small", 3: "large"}.items() for at in (1.0, 1.1, 30.0)]
    table = pd.DataFrame(rows, columns=["run", "size", "x"]).assign(run=lambda of: of["run"].astype(float), loss=2.0)
    columns = bs.Columns({"x": bs.Input("x", reference=1.0)}, groups={"size": "size"}, run="run")
    small = bs.Prior(median=0.001, factor=2.0)
    correlation = bs.Correlation("x", bs.Prior(median=1.0, factor=2.0), white=small) if correlated else None
    noise = bs.Noise(small, distribution="normal", effects=(bs.Varying("run", 0.1),), correlation=correlation)
    priors = {"a": bs.Prior(median=2.0, factor=2.0) + bs.Varying("size", 0.3), "b": bs.Prior(median=0.1, factor=2.0)}
    model, read = bs.Model(bs.parse_law("a * x**-b", ["x"]), priors, noise), bs.read_runs(table, columns)
    point = {"a": 2.0, "b": 0.1, "a_sd_size": 0.3, "residual_sd_run": 0.06, "noise_sd": 0.001}
    point |= {"noise_length": 1.0, "noise_white": 1e-4} if correlated else {}
    sure = {name: xr.DataArray(np.full((2, draws // 2), of), dims=("chain", "draw")) for name, of in point.items()}
    for name, of, levels in (("a_by_size", SIZES, read.levels["size"]), ("residual_by_run", OFF, read.levels["run"])):
        values = np.tile([of[str(level)] for level in levels], (2, draws // 2, 1))
        dims = ("chain", "draw", name.rpartition("_")[2])
        sure[name] = xr.DataArray(values, dims=dims, coords={dims[-1]: levels})
    return bs.Fit(model, read, xr.DataTree.from_dict({"posterior": xr.Dataset(sure)}), bs.Settings(), HEALTHY)


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [False, True], ids=["independent rows", "paths"])
def test_around_a_fit_known_levels_keep_their_effects_and_a_path_is_another_runs(correlated: bool) -> None:
    fit = by_hand(correlated=correlated)
    made = simulate(fit.model, fit.runs, 300, around=fit)
    tables = [task.runs.table for task in made.tasks.values()]
    shown = np.stack([table["response"].to_numpy()[9:] for table in tables])
    law = 2.0 * np.exp(fit.runs.table["size"].map(SIZES)) * fit.runs.table["x"] ** -0.1
    off = np.log(shown / law.to_numpy())
    first = off[:, ::3]  # one row of each run
    np.testing.assert_allclose(off, np.repeat(first, 3, axis=1), atol=0.01)  # a run's rows share what it is off by
    if correlated:
        assert list(tables[0]["run"][::3]) == ["1", "2", "3", "1 again", "2 again", "3 again"]
        np.testing.assert_allclose(first.std(axis=0), 0.06, rtol=0.15)
        np.testing.assert_allclose(np.corrcoef(first.T), np.eye(3), atol=0.2)
    else:
        assert list(tables[0]["run"][::3]) == [1.0, 2.0, 3.0] * 2
        np.testing.assert_allclose(first, np.tile(list(OFF.values()), (300, 1)), atol=0.01)
    assert {*tables[0]["size"]} == {"small", "large"}


def test_around_a_fit_the_truth_has_the_likelihood_of_both_runs_and_their_effects() -> None:
    fit = by_hand(correlated=True)
    fit = replace(fit, runs=simulated(fit, 0))
    task = simulate(fit.model, fit.runs, 4, around=fit).tasks["0000"]
    # Two rows at 1 and 1.1 and one at 30 a run; had effects of new runs been drawn twice it would be far below zero.
    assert 18 * 3.0 < task.extra["truth"]["log-likelihood"] < 18 * 7.0
    every = concat_runs(fit.runs, other_runs(fit, fit.runs))
    wide = replace(with_levels(one_chain(fit, 0), every.levels, 0), runs=every)
    assert list(wide.posterior["run"].to_numpy()) == ["1", "1 again", "2", "2 again", "3", "3 again"]
    kept = wide.posterior["residual_by_run"].sel(run=["1", "2", "3"])
    np.testing.assert_array_equal(kept, np.broadcast_to(list(OFF.values()), kept.shape))
    new = wide.posterior["residual_by_run"].sel(run=["1 again", "2 again"]).to_numpy()
    np.testing.assert_allclose(new.std(axis=1), 0.06, rtol=0.1)
    assert {"a", "noise_length", "loss far beyond"} <= set(quantities(wide, fit.runs.table.head(2)))


def test_levels_a_fit_does_not_know_depart_by_its_process() -> None:
    fit, at, name = by_hand(correlated=False, draws=2000), np.array([0.0, 1.0, 3.0]), "discrepancy_by_size"
    process = bs.Discrepancy(bs.Prior(median=0.05, factor=2.0), bs.Prior(median=2.0, factor=2.0), within="size")
    known = xr.DataArray(
        np.random.default_rng(0).normal(size=(2, 1000, 2, 3)),
        dims=("chain", "draw", "size", "knot_x"),
        coords={"size": fit.runs.levels["size"], "knot_x": at},
    )
    scales = {of: 0.0 * fit.posterior["a"] + value for of, value in {"amplitude": 0.05, "length_x": 2.0}.items()}
    drawn = fit.posterior.assign({name: known, **{f"{name}_{of}": value for of, value in scales.items()}})
    wide = replace(fit.model, discrepancy=(process,))
    fit = replace(fit, model=wide, draws=xr.DataTree.from_dict({"posterior": drawn}))
    found = with_levels(fit, {**fit.runs.levels, "size": np.array(["huge", "large", "small"])}, 0).posterior
    assert found[name].dims == known.dims
    xr.testing.assert_equal(found[name].sel(size=["large", "small"]), known)
    xr.testing.assert_equal(found["residual_by_run"], fit.posterior["residual_by_run"])
    values = found[name].sel(size="huge").to_numpy().reshape(-1, 3)
    r = np.abs(at[:, None] - at) / 2.0
    matern = (1 + np.sqrt(5) * r + 5 / 3 * r**2) * np.exp(-np.sqrt(5) * r)
    np.testing.assert_allclose(np.cov(values.T) / 0.05**2, matern, atol=0.12)


def test_what_is_no_posterior_of_the_runs_is_refused() -> None:
    fit = by_hand(correlated=True, draws=8)
    table = fit.runs.table

    def refused(message: str, one: bs.Fit = fit, of: bs.Model | None = None, at: Runs = fit.runs, count: int = 4) -> None:
        with pytest.raises(bs.InputError, match=message) as error:
            simulate(of or one.model, at, count, around=one)
        assert "\n" not in str(error.value)

    quiet = replace(fit.model, noise=replace(fit.model.noise, correlation=None))
    refused("takes its own model; the one given differs", of=quiet)
    refused("takes one that was sampled; this one's draws are from the prior", replace(fit, health=None))
    refused("takes runs with its columns .*; these have .*'mean_lag'", at=replace(fit.runs, table=table.assign(mean_lag=0.0)))
    refused(r"takes runs with its references \{'x': 1.0\}", at=replace(fit.runs, references={"x": 2.0}))
    refused("the fit has 8 draws; expected 9 or more, each simulation takes its own", count=9)
    twice = replace(fit.runs, table=pd.concat([table, table], ignore_index=True))
    refused("run '1 again' has two rows at x 1; expected one", at=twice)
    process = bs.Discrepancy(bs.Prior(median=0.05, factor=2.0), bs.Prior(median=2.0, factor=2.0))
    bent = replace(fit, model=replace(quiet, discrepancy=(process,)))
    beyond = replace(fit.runs, table=table.assign(x=2.0 * table["x"]))
    refused("whose law has a discrepancy takes runs within the inputs of the fit's own", bent, at=beyond)
