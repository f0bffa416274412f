"""Findings on prior, law and rows: silent on sound tables, and each fault named with its numbers; on posteriors by hand."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_scaling as bs
from bayes_scaling._base.finding import WORST_FIRST
from bayes_scaling._base.numbers import number
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.decisions.allocation import compute_optimal
from bayes_scaling.model.specification import changed
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.report.sentences import summary_sentences
from bayes_scaling.validation.findings.every import beforehand
from bayes_scaling.validation.findings.misfit import Suspect, _group, misfits
from bayes_scaling.validation.findings.prior_conflict import conflicts
from tests.by_hand import fit_of

TRUTH = {"E": 1.7, "A": 0.4, "alpha": 0.33, "B": 0.45, "beta": 0.36}
SD = 0.004
INPUTS = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 2e10)}


def sweep(seed: int = 0, off: Any = 0.0, *, sd: float = SD) -> pd.DataFrame:
    """Return a sweep of 36 runs by Chinchilla's law; off: what else moves their log loss."""
    params, tokens = (of.ravel() for of in np.meshgrid(np.geomspace(1e8, 3e9, 6), np.geomspace(2e9, 1e11, 6)))
    x, y = np.log(params / 1e9), np.log(tokens / 2e10)
    law = TRUTH["E"] + TRUTH["A"] * np.exp(-TRUTH["alpha"] * x) + TRUTH["B"] * np.exp(-TRUTH["beta"] * y)
    loss = law * np.exp(off + np.random.default_rng([seed, 3]).normal(0, sd, len(x)))
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})


def posterior(
    frame: pd.DataFrame,
    *,
    distribution: Any = "normal",
    sd: float = SD,
    columns: Mapping[str, Any] = {},
    noise: Mapping[str, Any] = {},
    **draws: Any,
) -> bs.Fit:
    """Return a fit that knows the law to a fifth of a per cent."""
    rng = np.random.default_rng(1)
    priors = {name: bs.Prior(median=of, factor=1.5) for name, of in TRUTH.items()}
    kinds = {"sd": bs.Prior(median=0.005, factor=3.0), "distribution": distribution, "on": "log_loss"} | noise
    known = {name: of * np.exp(rng.normal(0, 0.0005, (2, 200))) for name, of in (TRUTH | {"noise_sd": sd}).items()}
    known |= {"noise_nu": np.full((2, 200), 20.0)} if distribution == "student_t" else {}
    runs = bs.read_runs(frame, bs.Columns(INPUTS, bs.Response("loss", "nats/token"), **columns))
    return fit_of(bs.Model(bs.laws.chinchilla, priors, bs.Noise(**kinds)), runs, known | draws, None)


def found(fit: bs.Fit) -> dict[str, str]:
    return {finding.code: finding.sentence for finding in bs.findings(fit)}


def at_rows(size: Mapping[int, float]) -> np.ndarray:
    off = np.zeros(36)
    off[list(size)] = list(size.values())
    return off


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_sound_tables_are_not_spoken_of(distribution: str) -> None:
    flagged = [found(posterior(sweep(seed), distribution=distribution)) for seed in range(40)]
    assert sum(bool(one) for one in flagged) <= 2, flagged


def test_sound_tables_with_groups_runs_and_measurement_errors_are_not_spoken_of() -> None:
    rng = np.random.default_rng(2)
    error = np.where(rng.uniform(size=36) < 0.5, 0.03, 0.0)
    frame = sweep(1, rng.normal(0, 1, 36) * error)
    frame = frame.assign(arch=np.tile(["a", "b", "c"], 12), error=error, run=np.repeat(np.arange(6), 6).astype(str))
    columns = {"groups": {"arch": "arch"}, "run": "run", "measurement_error": MeasurementError("error")}
    assert found(posterior(frame, columns=columns)) == {}


def test_losses_of_any_sign_are_judged_on_their_own_scale() -> None:
    x = np.geomspace(1.0, 1e4, 30)
    rng = np.random.default_rng(4)
    loss = 0.3 - 0.2 * np.log10(x) + rng.normal(0, 0.01, 30)
    model = bs.Model(
        bs.parse_law("a - b * x**0.0 + c * x**-0.1", ["x"]),
        {name: bs.Prior(between=(-3.0, 3.0)) for name in "abc"},
        bs.Noise(sd=bs.Prior(median=0.01, factor=3.0), distribution="normal", on="loss"),
    )
    columns = bs.Columns({"x": bs.Input("x", "", 100.0)}, bs.Response("loss", "nats", positive=False))
    # Of the straight line no power of the law is far: what is left is the line less that power.
    design = np.column_stack([np.ones(30), (x / 100) ** -0.1])
    at, _, _, _ = np.linalg.lstsq(design, loss, rcond=None)
    draws = {"a": at[0], "b": 0.0, "c": at[1], "noise_sd": 0.03}
    known = {name: of + rng.normal(0, 1e-4, (2, 100)) for name, of in draws.items()}
    bent = found(fit_of(model, bs.read_runs(pd.DataFrame({"x": x, "loss": loss}), columns), known, None))
    assert "along x: runs lie -" in bent["misfit"]
    assert " nats off it at the smallest" in bent["misfit"]
    loss[7] += 1.0
    astray = found(fit_of(model, bs.read_runs(pd.DataFrame({"x": x, "loss": loss}), columns), known, None))
    assert "row 8 (x 9.2" in astray["outliers"]


@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_rows_astray_are_named_with_their_run_their_value_and_how_far_off_they_lie(distribution: str) -> None:
    frame = sweep(3, at_rows({4: 12 * SD, 20: -25 * SD})).assign(run=[f"r{i}" for i in range(36)])
    said = found(posterior(frame, distribution=distribution, columns={"run": "run"}))
    assert list(said) == ["outliers"]
    first, second = said["outliers"].split(": ", 1)[1].split("; ")[:2]
    assert said["outliers"].startswith("2 of 36 rows lie far off the others")
    assert first.startswith(
        f"run 'r20', row 21 (params {number(frame['params'][20])}, tokens {number(frame['tokens'][20])}) shows "
    )
    assert first.endswith("scales below")
    assert second.startswith("run 'r4', row 5 (")
    shown, expected = (float(part.split()[0]) for part in second.split(" shows ")[1].split(" where "))
    assert shown == pytest.approx(frame["loss"][4], rel=1e-3)
    assert expected == pytest.approx(sweep(3, sd=1e-9)["loss"][4], rel=3e-3)
    scales = float(second.split("is expected, ")[1].split()[0])
    assert scales == pytest.approx(np.log(shown / expected) / SD, rel=0.35)


def test_rows_that_have_pulled_a_normal_fit_are_named_all_the_same() -> None:
    off = at_rows({13: np.log(2.5), 30: np.log(3.0)})
    rng = np.random.default_rng(5)
    pulled = {name: of * np.exp(rng.normal(0.05, 0.1, (2, 200))) for name, of in TRUTH.items()}
    said = found(posterior(sweep(1, off), sd=0.25, **pulled))
    assert "2 of 36 rows" in said["outliers"]
    assert {"row 14", "row 31"} == {part.split(" (")[0] for part in said["outliers"].split(": ", 1)[1].split("; ")[:2]}
    assert "noise-above-prior" in said
    assert list(said) == sorted(said, key=WORST_FIRST.index)


def test_half_of_the_rows_astray_are_no_outliers() -> None:
    assert "outliers" not in found(posterior(sweep(1, np.where(np.arange(36) % 2, 0.3, -0.3)), sd=0.3))


X = (np.tile(np.geomspace(1e8, 3e9, 6), 6), np.repeat(np.geomspace(2e9, 1e11, 6), 6))
LOGS = [(np.log(of) - np.log(of).mean()) / np.log(of).std() for of in X]


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (2 * SD * LOGS[0], "along params: runs lie -1"),
        (-2 * SD * LOGS[1], "along tokens: runs lie +1"),
        (2 * SD * (LOGS[0] ** 2 - 1), "along params: runs lie +"),
        (2 * SD * LOGS[0] * LOGS[1], "along params and tokens together"),
    ],
    ids=["straight", "falling", "bent", "together"],
)
@pytest.mark.parametrize("distribution", ["normal", "student_t"])
def test_a_law_that_misses_a_pattern_along_inputs_is_said_to(off: np.ndarray, said: str, distribution: str) -> None:
    assert said in found(posterior(sweep(2, off), distribution=distribution, sd=2 * SD))["misfit"]


def test_what_the_law_leaves_by_a_group_it_does_not_know_is_said() -> None:
    batch = np.where(np.random.default_rng(0).permutation(36) < 12, "small", "large")
    frame = sweep(2, 4 * SD * (batch == "small")).assign(batch=batch)
    said = found(posterior(frame, columns={"groups": {"batch": "batch"}}, sd=2 * SD))["misfit-by-group"]
    assert "differs by batch: runs of 'small' lie +1" in said
    assert "12 rows" in said
    assert "let a parameter vary over batch" in said
    assert found(posterior(sweep(2).assign(batch=batch), columns={"groups": {"batch": "batch"}})) == {}


def curves(bump: float, runs: int = 5) -> pd.DataFrame:
    tokens = np.geomspace(2e9, 1e11, 12)
    rows = [pd.DataFrame({"run": f"r{i}", "params": 1e8 * 2.0**i, "tokens": tokens, "place": range(12)}) for i in range(runs)]
    frame = pd.concat(rows, ignore_index=True)
    x, y = np.log(frame["params"] / 1e9), np.log(frame["tokens"] / 2e10)
    law = TRUTH["E"] + TRUTH["A"] * np.exp(-TRUTH["alpha"] * x) + TRUTH["B"] * np.exp(-TRUTH["beta"] * y)
    off = bump * frame["place"].isin([8, 9]) + np.random.default_rng(8).normal(0, SD, len(frame))
    return frame.assign(loss=law * np.exp(off))


def test_where_all_runs_leave_the_law_at_the_same_places_it_is_said() -> None:
    said = found(posterior(curves(-5 * SD), columns={"run": "run"}, sd=1.5 * SD))
    assert "all runs leave the law at the same places along tokens" in said["shared-misfit"]
    assert found(posterior(curves(0.0), columns={"run": "run"})) == {}


def test_neighbours_that_leave_the_law_alike_are_said_to() -> None:
    x = np.geomspace(1e8, 1e10, 80)
    wave = 2 * SD * np.sin(3 * np.log(x))
    law = TRUTH["E"] + TRUTH["A"] * (x / 1e9) ** -TRUTH["alpha"] + TRUTH["B"]
    loss = law * np.exp(wave + np.random.default_rng(2).normal(0, SD, 80))
    frame = pd.DataFrame({"params": x, "tokens": 2e10, "loss": loss})
    said = found(posterior(frame, sd=2 * SD))
    assert "rows that are neighbours along params leave the law alike" in said["misfit-in-order"]


@pytest.mark.parametrize("loss", [3.0, 3.0 * np.exp(np.random.default_rng(0).normal(0, 0.003, 36)), 1e-5])
def test_a_loss_that_does_not_move_is_said_to_and_nothing_is_planned(loss: Any) -> None:
    fit = posterior(sweep().assign(loss=loss))
    said = found(fit)
    assert list(said) == ["flat"]
    assert "params spans a factor of 30" in said["flat"]
    assert [one.code for one in beforehand(fit.model, fit.runs)] == ["flat"]
    groups = {"posterior": fit.posterior, "sample_stats": xr.Dataset()}
    sampled = replace(fit, draws=xr.DataTree.from_dict(groups))
    for asked in (bs.plan, compute_optimal):
        with pytest.raises(bs.InputError, match="no plan: the loss does not depend on the inputs"):
            asked(sampled, 1e20)
    assert not any(") train " in sentence for sentence in summary_sentences(sampled))


def test_a_loss_over_inputs_that_hardly_move_is_not_called_flat() -> None:
    frame = sweep().assign(loss=3.0, params=1e9 * np.linspace(1, 1.5, 36), tokens=2e10)
    assert "flat" not in found(posterior(frame))


def test_a_loss_that_rises_is_said_to_unless_the_law_follows() -> None:
    frame = sweep(0, 0.1 * (LOGS[0] + LOGS[1]))
    rising = frame.assign(loss=frame["loss"].mean() * np.exp(0.08 * LOGS[0] - 0.05 * LOGS[1]) * frame["loss"] ** 0.01)
    said = found(posterior(rising, sd=0.1))
    assert next(iter(said)) == "rising"
    assert "the loss rises with params, by " in said["rising"]
    rate = pd.DataFrame({"rate": np.geomspace(1e-4, 1e-2, 30)})
    loss = 3.0 * (rate["rate"] / 1e-3) ** 0.02 * np.exp(np.random.default_rng(1).normal(0, 0.002, 30))
    model = bs.Model(
        bs.parse_law("a * rate**b", ["rate"]),
        {"a": bs.Prior(median=3.0, factor=1.5), "b": bs.Prior(between=(-0.1, 0.1))},
        bs.Noise(sd=bs.Prior(median=0.002, factor=3.0), distribution="normal"),
    )
    rng, slope = np.random.default_rng(6), np.polyfit(np.log(rate["rate"] / 1e-3), np.log(loss), 1)
    draws = {"a": np.exp(rng.normal(slope[1], 4e-4, (2, 200))), "b": rng.normal(slope[0], 3e-4, (2, 200))}
    draws |= {"noise_sd": np.full((2, 200), 0.002)}
    runs = bs.read_runs(rate.assign(loss=loss), bs.Columns({"rate": bs.Input("rate", "", 1e-3)}))
    assert found(fit_of(model, runs, draws, None)) == {}


def test_findings_of_a_law_with_joint_priors_and_a_discrepancy() -> None:
    model = bs.read_study("chinchilla").model
    runs = study_runs(bs.read_study("chinchilla"), sweep())
    assert model.joint
    assert model.discrepancy
    assert {finding.code for finding in misfits(bs.prior(model, runs, draws=30))} <= set(WORST_FIRST)


@pytest.mark.parametrize(("times", "hint"), [(0.34, "they could be bits a byte"), (2.5, ""), (1e-3, "")])
def test_losses_in_another_unit_contradict_the_priors(times: float, hint: str) -> None:
    frame = sweep()
    off = {name: times * TRUTH[name] * np.exp(np.random.default_rng(1).normal(0, 0.002, (2, 200))) for name in "EAB"}
    said = found(posterior(frame.assign(loss=times * frame["loss"]), **off))
    assert list(said)[:2] == ["prior-loss", "prior-conflict"]
    assert hint in said["prior-loss"]
    assert f"{np.exp(np.log(times * frame['loss']).mean()):.3g}"[:3] in said["prior-loss"]
    assert "E is " in said["prior-conflict"]
    assert "below its middle" in said["prior-conflict"] if times < 1 else "above its middle" in said["prior-conflict"]


def test_parameters_all_somewhat_out_of_the_way_contradict_the_priors_together() -> None:
    sd = np.log(1.5) / 1.6449
    moved = {name: TRUTH[name] * np.exp((2.2 if i % 2 else -2.2) * sd) * np.ones((2, 200)) for i, name in enumerate(TRUTH)}
    moved = {name: of * np.exp(np.random.default_rng(3).normal(0, 0.001, (2, 200))) for name, of in moved.items()}
    assert "the runs contradict the priors" in found(posterior(sweep(), sd=0.1, **moved))["prior-conflict"]
    one = {"E": moved["E"]}
    assert "prior-conflict" not in found(posterior(sweep(), sd=0.1, **one))


def test_scatter_far_above_its_prior_is_said_in_per_cent() -> None:
    said = found(posterior(sweep(sd=0.05), sd=0.05))["noise-above-prior"]
    assert said.startswith("runs scatter about the law by 4.996 to 5.004 %")
    assert "%, where the prior of noise_sd expects 0.17 to 1.5 % (90 %)" in said


def test_departures_far_above_their_prior_are_said() -> None:
    study = bs.read_study("chinchilla")
    runs = study_runs(study, sweep())
    drawn = bs.prior(study.model, runs, draws=200).posterior
    amplitude = xr.full_like(drawn["discrepancy_amplitude"], 0.5)
    tree = xr.DataTree.from_dict({"posterior": drawn.assign(discrepancy_amplitude=amplitude).drop_attrs()})
    said = {one.code: one.sentence for one in conflicts(bs.Fit(study.model, runs, tree, bs.Settings(), None))}
    assert "the discrepancy from the law is far above its prior: 50 to 50 %" in said["discrepancy-above-prior"]


def test_draws_from_a_prior_are_not_held_against_the_rows() -> None:
    study = bs.read_study("chinchilla_law")
    runs = study_runs(study, sweep().assign(loss=8.0))
    assert {one.code for one in bs.findings(bs.prior(study.model, runs, draws=500))} <= {"prior-only", "floor-from-prior"}


def test_levels_with_one_row_are_said() -> None:
    frame = sweep().assign(run=[f"r{i}" for i in range(36)], arch=["old"] * 35 + ["new"])
    runs = bs.read_runs(frame, bs.Columns(INPUTS, groups={"arch": "arch"}, run="run"))
    priors: dict[str, Any] = {name: bs.Prior(median=of, factor=1.5) for name, of in TRUTH.items()}
    noise = bs.Noise(sd=bs.Prior(median=0.005, factor=3.0))
    model = bs.Model(bs.laws.chinchilla, priors | {"E": priors["E"] + bs.Varying("arch", 0.1)}, noise)
    (said,) = beforehand(model, runs)
    assert said.code == "single-rows"
    assert said.sentence.startswith(
        "arch has a single row at 'new', and E varies over it: what a level with one row does cannot"
    )
    each = replace(model, parameters=priors | {"A": priors["A"] + bs.Varying("run", 0.1)})
    (of_runs,) = beforehand(each, runs)
    assert "run has a single row at 'r0', 'r1', 'r10' and 33 more, and A varies over it" in of_runs.sentence
    assert beforehand(replace(model, parameters=priors), runs) == ()


def curve(unit: str, accuracy: np.ndarray, *, up: bool) -> bs.Fit:
    """Return a fit of a law that rises, or falls, to a curve of shares."""
    law = bs.parse_law("sigmoid(a + b * log(x))" if up else "sigmoid(a - b * log(x))", ["x"])
    priors = {"a": bs.Prior(between=(-2.0, 2.0)), "b": bs.Prior(median=0.1, factor=2.0)}
    columns = bs.Columns({"x": bs.Input("x", "steps", 1e3)}, bs.Response("y", unit, name=unit))
    runs = bs.read_runs(pd.DataFrame({"x": np.geomspace(1e2, 1e4, 20), "y": accuracy}), columns)
    draws = {"a": np.zeros((2, 50)), "b": np.full((2, 50), 0.02), "noise_sd": np.full((2, 50), 0.3)}
    return fit_of(bs.Model(law, priors, bs.Noise(bs.Prior(median=0.3, factor=2.0), "normal", on="log_odds")), runs, draws, None)


def test_shares_that_move_against_the_law_are_found() -> None:
    rng = np.random.default_rng(4)
    accuracy = 1 / (1 + np.exp(-0.3 * np.log(np.geomspace(0.1, 10, 20)) + 0.02 * rng.standard_normal(20)))
    assert (
        "where the law falls by 0.02 in log odds; if more is better" in found(curve("error rate", accuracy, up=False))["rising"]
    )
    falls = found(curve("accuracy", 1 - accuracy, up=True))["falling"]
    assert "the accuracy falls with x, by 0.3" in falls
    assert "where the law rises by 0.02 in log odds" in falls
    assert "study error_rate_curve, or give 1 - y as an accuracy" in falls
    percent = found(curve("% accuracy", 100 * (1 - accuracy), up=True))["falling"]
    assert "or give 100 - y as an accuracy" in percent
    assert {"rising", "falling"}.isdisjoint(found(curve("accuracy", accuracy, up=True)))


def test_an_accuracy_near_1_whose_errors_fall_is_not_flat() -> None:
    near = 1 - 0.01 * np.geomspace(0.1, 10, 20) ** -0.3
    fit = curve("accuracy", near, up=True)
    assert beforehand(fit.model, fit.runs) == ()
    still = curve("accuracy", 0.99 + 1e-6 * np.random.default_rng(1).standard_normal(20), up=True)
    assert [one.code for one in beforehand(still.model, still.runs)] == ["flat"]


def test_levels_against_the_order_assumed_of_them_are_said_to() -> None:
    frame = sweep(2).assign(batch=np.tile(["small", "large", "huge"], 12))
    fit = posterior(frame, columns={"groups": {"batch": "batch"}})
    ordered = fit.model.parameters["E"] + bs.Ordered("batch", 0.1, levels=["small", "large", "huge"])
    against = replace(fit, model=changed(fit.model, parameters={**fit.model.parameters, "E": ordered}))
    left = SimpleNamespace(table=against.runs.table)
    sizes = np.where(frame["batch"] == "huge", -0.1, 0.0)
    of = _group(against, left, Suspect("misfit-by-group", "batch", np.zeros((36, 3))), SimpleNamespace(size=sizes, p=1e-9))  # type: ignore[arg-type]
    assert "E may only go one way along the order that is assumed of batch: see that it is theirs" in of.sentence
    noise = replace(fit.model.noise, sd=fit.model.noise.sd + bs.Ordered("batch", 0.1, levels=["small", "large", "huge"]))
    scatters = replace(fit, model=changed(fit.model, noise=noise))
    of = _group(scatters, left, Suspect("misfit-by-group", "batch", np.zeros((36, 3))), SimpleNamespace(size=sizes, p=1e-9))  # type: ignore[arg-type]
    assert "may only go one way" not in of.sentence
