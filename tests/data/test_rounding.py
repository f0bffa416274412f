"""Responses printed with few decimals: a measurement error where it matters, none where it does not."""

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.data.rounding import printed_step
from bayes_scaling.data.runs import Runs, concat_runs


def sweep(sd: float = 0.003, seed: int = 0, times: float = 1.0) -> pd.DataFrame:
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 6), np.geomspace(2e9, 1e11, 6)))
    loss = 1.7 + 0.4 * (params / 1e9) ** -0.33 + 0.45 * (tokens / 2e10) ** -0.36
    return pd.DataFrame(
        {"params": params, "tokens": tokens, "loss": times * loss * np.exp(np.random.default_rng(seed).normal(0, sd, 36))}
    )


def read(frame: pd.DataFrame, **columns: object) -> Runs:
    return bs.read_runs(frame, bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")}, **columns))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "step"),
    [([3.0, 2.0], 1.0), ([3.1, 2.25], 0.01), ([0.1 + 0.2, 0.6], 0.1), ([1 / 3, 2.5], None), ([1.234567, 2.0], 1e-6)],
)
def test_the_step_is_the_smallest_power_of_ten_that_all_values_are_multiples_of(values: list[float], step: float) -> None:
    assert printed_step(np.array(values)) == (None if step is None else pytest.approx(step))


def test_single_precision_does_not_hide_the_step() -> None:
    assert printed_step(np.array([3.28, 3.27, 2.915], np.float32).astype(float)) == pytest.approx(1e-3)


@pytest.mark.parametrize("times", [1.0, 0.3])
def test_losses_printed_with_two_decimals_have_the_error_of_rounding(times: float) -> None:
    frame = sweep(times=times)
    step = 0.01 if times == 1 else 0.001
    runs = read(frame.assign(loss=frame["loss"].round(2 if times == 1 else 3)))
    np.testing.assert_allclose(runs.table["measurement_error"], step / np.sqrt(12))
    (note,) = runs.notes
    assert f"printed in steps of {step:g}" in note
    assert "(step / sqrt(12))" in note


@pytest.mark.parametrize("decimals", [4, 5, 12])
def test_decimals_enough_are_not_spoken_of(decimals: int) -> None:
    frame = sweep()
    runs = read(frame.assign(loss=frame["loss"].round(decimals)))
    assert runs.notes == ()
    assert "measurement_error" not in runs.table


def test_measurement_errors_that_are_known_stay_and_flat_losses_have_little() -> None:
    frame = sweep().assign(error=0.02)
    known = read(frame.assign(loss=frame["loss"].round(1)), measurement_error=MeasurementError("error", relative=False))
    assert (known.table["measurement_error"] == 0.02).all()
    assert known.notes == ()
    # Without any a sampler would take minutes to find that the scatter is none.
    for flat in (3.0, np.float32(2.7), 3 + 1e-9 * np.arange(len(frame))):
        runs = read(frame.assign(loss=flat))
        np.testing.assert_allclose(runs.table["measurement_error"], 1e-3 * runs.table["response"])
        assert runs.notes == ()


def test_two_runs_astray_do_not_hide_the_rounding() -> None:
    frame = sweep()
    frame.loc[[3, 30], "loss"] *= 2.5
    assert "steps of 0.1" in read(frame.assign(loss=frame["loss"].round(1))).notes[0]


def test_repeats_of_runs_tell_the_scatter() -> None:
    seeds = pd.concat([sweep(0.0003, seed).assign(run=f"s{seed}") for seed in range(4)], ignore_index=True)
    coarse = read(seeds.assign(loss=seeds["loss"].round(3), run=[f"{r} {i}" for i, r in enumerate(seeds["run"])]), run="run")
    assert "rows tie" in coarse.notes[0]
    fine = read(seeds.assign(loss=seeds["loss"].round(5)))
    assert fine.notes == ()


def test_copies_of_rows_are_no_repeats() -> None:
    frame = sweep()
    twice = pd.concat([frame.assign(loss=frame["loss"].round(4))] * 2, ignore_index=True)
    assert [note for note in read(twice).notes if "copies" not in note] == []


def test_rows_joined_to_rounded_ones_are_not_rounded() -> None:
    frame = sweep()
    rounded, exact = read(frame.assign(loss=frame["loss"].round(2))), read(frame)
    errors = concat_runs(rounded, exact).table["measurement_error"]
    assert (errors[:36] > 0).all()
    assert (errors[36:] == 0).all()
    errors = concat_runs(exact, rounded).table["measurement_error"]  # as the log of a run that a forecast adds to exact ones
    assert (errors[:36] == 0).all()
    assert (errors[36:] > 0).all()


@pytest.mark.parametrize("near", [3.0, 2.0, 3.3])
def test_losses_that_all_lie_near_a_round_number_are_not_rounded_to_it(near: float) -> None:
    losses = near + np.random.default_rng(1).normal(0, 0.0003 if near != 3.3 else 0.00001, 20)
    step = printed_step(losses.round(7))
    assert step is None or step <= 1e-6
    frame = pd.DataFrame({"params": np.geomspace(1e8, 1e9, 20), "tokens": np.geomspace(2e9, 3e10, 20), "loss": losses})
    assert "measurement_error" not in read(frame).table
