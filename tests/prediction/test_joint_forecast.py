"""Forecasts of several jobs together: against exact conditioning, through the doors of fits, of stacks, from wrong input."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import BAD, fit_of
from scipy import stats
from test_forecast import COLUMNS, END, LENGTH, RUN_SD, SD, WHITE, begun, drawn, finished

import bayes_scaling as bs
from bayes_scaling.data.columns import Average, Curve, MeasurementError, Schedule
from bayes_scaling.data.runs import Runs
from bayes_scaling.inference.stacking import stack
from bayes_scaling.prediction import forecast as module
from bayes_scaling.prediction.joint_forecast import Forecasts

PRIOR = np.array([[0.03**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]])


def two() -> list[pd.DataFrame]:
    return [begun(0.03).assign(run="one"), begun(0.05, until=60.0).assign(run="two")]


def test_a_job_is_not_called_as_a_new_run_of_another_is() -> None:
    one, other = two()
    with pytest.raises(bs.InputError, match="'one again' is what a new run of 'one' is called"):
        bs.forecast(drawn(), [one, other.assign(run="one again")], END)


def exact(logs: list[pd.DataFrame]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the log losses at the ends, by conditioning the joint normal of all rows by hand."""
    at = np.log(np.concatenate([np.append(log["tokens"], END) for log in logs]) / 100)
    run = np.repeat(np.arange(len(logs)), [len(log) + 1 for log in logs])
    last = np.append(np.diff(run) > 0, True)
    basis = np.column_stack([np.ones(len(at)), -at])
    same = run[:, None] == run
    joint = basis @ PRIOR @ basis.T + same * (RUN_SD**2 + SD**2 * np.exp(-np.abs(at[:, None] - at) / LENGTH))
    joint += np.eye(len(at)) * WHITE**2
    mean = np.log(3.0) - 0.1 * at
    off = np.concatenate([np.log(log["loss"].to_numpy()) for log in logs]) - mean[~last]
    gain = np.linalg.solve(joint[~last][:, ~last], joint[~last][:, last])
    return mean[last] + off @ gain, joint[last][:, last] - joint[last][:, ~last] @ gain


def test_two_jobs_are_the_exact_joint_conditional() -> None:
    found = bs.forecast(drawn(), two(), END)
    assert isinstance(found, Forecasts)
    mean, covariance = exact(two())
    finals = np.log(found.finals.to_numpy().reshape(2, -1))
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(finals.mean(axis=1), mean, atol=4 * sd.max() / np.sqrt(finals.shape[1]))
    np.testing.assert_allclose(finals.std(axis=1), sd, rtol=0.07)
    together = covariance[0, 1] / sd.prod()
    assert together > 0.2
    assert np.corrcoef(finals)[0, 1] == pytest.approx(together, abs=0.07)
    gap = stats.norm(mean[0] - mean[1], np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    assert found.probability("one", "two") == pytest.approx(gap.cdf(0), abs=0.04)
    assert found["one"].probability(found["two"]) == found.probability("one", "two")
    assert sum(found.p_lowest.values()) == pytest.approx(1.0)
    assert found.probability("two", "one") == pytest.approx(1 - found.probability("one", "two"))


def test_the_rows_of_one_job_tell_of_another() -> None:
    """A short log is forecast with a narrower band beside a long one: both are of one law."""
    short = begun(0.0, until=8.0).assign(run="short")
    alone = np.log(bs.forecast(drawn(), short, END).final).std()
    beside = np.log(bs.forecast(drawn(), [short, begun(0.0, until=900.0).assign(run="long")], END)["short"].final).std()
    assert float(beside) < 0.95 * float(alone)


def test_one_table_of_two_runs_is_two_logs() -> None:
    listed = bs.forecast(drawn(400), two(), END)
    table = pd.concat(two(), ignore_index=True)
    tabled = bs.forecast(drawn(400), table, END)
    assert isinstance(tabled, Forecasts)
    xr.testing.assert_identical(listed.finals, tabled.finals)
    assert [type(one) for one in (bs.forecast(drawn(400), [table], END), bs.forecast(drawn(400), two()[:1], END))] == [
        Forecasts,
        Forecasts,
    ]


def test_ends_may_differ() -> None:
    fit, logs = drawn(400), two()
    listed = bs.forecast(fit, logs, [500.0, END])
    named = bs.forecast(fit, logs, {"two": END, "one": 500.0})
    plan = pd.DataFrame({"run": ["one", "one", "two"], "tokens": [300.0, 500.0, END]})
    planned = bs.forecast(fit, logs, plan)
    for found in (listed, named, planned):
        assert found.to_frame()["tokens"].to_numpy() == pytest.approx([500.0, END])
    xr.testing.assert_identical(listed.finals, named.finals)


def test_runs_that_the_fit_has_seen_go_on_beside_others() -> None:
    """With a law that is known, what another log shows changes nothing for them."""
    fit = drawn(uncertain=0.0)
    alone, other = np.log(bs.forecast(fit, "q", 3000.0).final), np.log(bs.forecast(fit, two()[0], END).final)
    both = bs.forecast(fit, ["q", two()[0]], [3000.0, END])
    for one, beside in ((alone, both["q"].final), (other, both["one"].final)):
        sd = float(one.std())
        assert float(np.log(beside).mean()) == pytest.approx(float(one.mean()), abs=0.1 * sd)
        assert float(np.log(beside).std()) == pytest.approx(sd, rel=0.07)


def test_many_jobs_keep_their_bands() -> None:
    logs = [begun(0.005 * i).assign(run=f"j{i}") for i in range(9)]
    found = bs.forecast(drawn(1000), logs, END)
    mean, covariance = exact(logs)
    finals = np.log(found.finals.to_numpy().reshape(9, -1))
    np.testing.assert_allclose(finals.mean(axis=1), mean, atol=0.3 * np.sqrt(covariance[0, 0]))
    np.testing.assert_allclose(finals.std(axis=1), np.sqrt(np.diag(covariance)), rtol=0.15)


def test_what_is_said_of_two_jobs_and_their_table() -> None:
    found = bs.forecast(drawn(400), two(), END)
    said = found.summary(2.4).splitlines()
    assert said[0].startswith("At 1000 tokens one will show ")
    assert said[-1].startswith("one ends below two with probability 0.")
    table = found.to_frame(2.4)
    assert list(table["run"]) == ["one", "two"]
    assert {"tokens_reached", "last_seen", "q05", "q50", "q95", "p_lowest", "p_below"} <= set(table)
    assert set(found.paths()["run"]) == {"one", "two"}
    assert np.isnan(found.probabilities().loc["one", "one"])
    marked = replace(found, jobs=tuple(replace(one, health=BAD) for one in found.jobs))
    assert BAD.line in marked.summary()
    assert marked.to_frame().attrs["health"] == BAD.line


def test_few_draws_lead_to_one_refit_with_all_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, asked = drawn(400), []

    def refitted(earlier: bs.Fit, runs: Runs) -> bs.Fit:
        asked.append(runs)
        levels = runs.levels["run"].tolist()
        effects = xr.DataArray(np.zeros((2, 200, len(levels))), dims=("chain", "draw", "run"), coords={"run": levels})
        posterior = earlier.posterior.drop_vars(["residual_by_run", "run"]).assign(residual_by_run=effects)
        return replace(earlier, runs=runs, draws=xr.DataTree.from_dict({"posterior": posterior}))

    monkeypatch.setattr(module, "refit", refitted)
    found = bs.forecast(fit, ["q", *two()], [3000.0, END, END], refit_below=1e9)
    assert "fitted again with them" in found.basis
    assert [sorted(runs.levels["run"].tolist()) for runs in asked] == [["one", "p", "q", "two"]]
    assert np.isfinite(found.finals).all()


def test_a_new_run_of_the_same_settings_begins_from_nothing() -> None:
    """A job ahead of its kin loses its lead when begun once more, and the end is that of the law with effects of a new run."""
    found = bs.forecast(drawn(), [begun(-0.06).assign(run="lucky"), begun(0.0).assign(run="other")], END, kind="expected")
    again, on = np.log(found.anew["lucky"]), np.log(found["lucky"].final)
    assert float(on.mean()) < float(again.mean()) - 0.02
    assert float(again.std()) > float(on.std())
    assert np.log(found.anew["other"]).mean() == pytest.approx(float(again.mean()), abs=0.004)


def test_scatter_that_no_row_shares_is_left_out_of_what_is_expected() -> None:
    noise = bs.Noise(sd=bs.Prior(median=0.02, factor=2.0), distribution="normal")
    fit = drawn()
    posterior = fit.posterior.drop_vars(["noise_white", "noise_length"]).assign(
        noise_sd=xr.full_like(fit.posterior["noise_sd"], 0.2)
    )
    loud = replace(fit, model=replace(fit.model, noise=noise), draws=xr.DataTree.from_dict({"posterior": posterior}))
    expected, observed = (np.log(bs.forecast(loud, begun(), END, kind=kind).final) for kind in ("expected", "observed"))
    assert float(expected.std()) < 0.05
    assert float(observed.std()) == pytest.approx(np.hypot(0.2, float(expected.std())), rel=0.06)


DOORS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "filter": ({"where": "tokens > 20"}, {}),
    "filter on a column that no law reads": ({"where": "step >= 10"}, {}),
    "step 0 left out by the filter": ({"where": "tokens > 0"}, {"first": 0.0}),
    "step 0 of a log": ({"curve": Curve("tokens", warmup=1.0)}, {"first": 0.0}),
    "warm-up": ({"curve": Curve("tokens", warmup_fraction=0.05)}, {}),
    "averages": ({"average": Average("tokens", 6.0)}, {}),
    "a log in averages": ({"curve": Curve("tokens", skip=("missing",)), "average": Average("tokens", 6.0)}, {"gap": True}),
    "other units": ({"inputs": {"tokens": bs.Input("mtok", "M tokens", 1e8)}}, {"unit": 1e6}),
    "perplexity": ({"response": bs.Response("loss", "perplexity")}, {}),
    "measurement error": ({"measurement_error": MeasurementError("err")}, {}),
    "relative error": ({"measurement_error": MeasurementError("err", relative=True)}, {}),
    "schedule": (
        {"inputs": {"tokens": bs.Input("tokens", "tokens", 100.0), "s": bs.Input("lr_sum", "", 1.0)}, "schedule": Schedule()},
        {},
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_log_goes_through_the_doors_of_the_fit(door: str) -> None:
    """The rows that a forecast conditions on are those that the fit would have had of the run."""
    said, how = DOORS[door]
    columns = replace(COLUMNS, **said)
    table = finished(3, ("p", "q", "new"))
    table = table.assign(step=(table["tokens"] / 5).astype(int), lr=0.1, err=0.01, mtok=table["tokens"] / how.get("unit", 1.0))
    table["tokens"] = table["tokens"] if "first" not in how else table["tokens"].where(table["tokens"] > 5.0001, 0.0)
    if "gap" in how:
        table.loc[table.index % 7 == 3, "loss"] = np.nan
    runs = bs.read_runs(table, columns)
    ones = np.ones((2, 50))
    law = bs.parse_law("a * tokens**-b" + " * s**0" * ("s" in columns.inputs), list(columns.inputs))
    noise = bs.Noise(sd=bs.Prior(median=0.02, factor=2.0), distribution="normal")
    model = bs.Model(law, {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.5)}, noise)
    others = bs.read_runs(table[table["run"] != "new"], columns)
    fit = fit_of(model, others, {"a": 3 * ones, "b": 0.1 * ones, "noise_sd": 0.02 * ones}, None)
    log = table[table["run"] == "new"].reset_index(drop=True)
    end = pd.DataFrame({"tokens": [END * 1.01], "lr_sum": [30.0]})
    found = bs.forecast(fit, log, end, refit_below=0)
    expected = runs.table[runs.table["run"] == "new"].sort_values("tokens", ignore_index=True)
    pd.testing.assert_frame_equal(found.seen, expected, check_like=True)
    joint = bs.forecast(fit, [log, log.assign(run="other")], end, refit_below=0)
    pd.testing.assert_frame_equal(joint["new"].seen, expected, check_like=True)


def test_a_stack_leans_to_the_law_that_the_rows_speak_for() -> None:
    fit = drawn(1000)
    higher = fit.posterior.assign(a=fit.posterior["a"] * 1.3)
    other = replace(fit, draws=xr.DataTree.from_dict({"posterior": higher}))
    both = stack({"one": fit, "other": other}, {"one": 0.5, "other": 0.5})
    found, alone = bs.forecast(both, begun(0.0), END), bs.forecast(fit, begun(0.0), END)
    assert float(np.log(found.final).mean()) == pytest.approx(float(np.log(alone.final).mean()), abs=0.002)
    assert "given the rows so far, one has weight 1" in found.notes
    same = bs.forecast(stack({"one": fit, "twin": fit}, {"one": 0.3, "twin": 0.7}), two(), END)
    one = bs.forecast(fit, two(), END)
    np.testing.assert_allclose(same.finals.mean(("chain", "draw")), one.finals.mean(("chain", "draw")), rtol=0.002)
    assert "given the rows so far, one has weight 0.3" in same["two"].notes


def test_wrong_calls_get_one_clear_line() -> None:
    fit, logs = drawn(200), two()
    for wrong, said in (
        (lambda: bs.forecast(fit, logs[0]), r"at is missing; expected where the run ends, in tokens"),
        (lambda: bs.forecast(fit, [], END), "no log is given"),
        (lambda: bs.forecast(fit, [logs[0], logs[0]], END), "two of the logs are of run 'one'"),
        (lambda: bs.forecast(fit, logs, [END]), r"at gives 1 ends; the jobs are \['one', 'two'\]"),
        (lambda: bs.forecast(fit, logs, {"one": END}), r"at names \['one'\]; the jobs are"),
        (lambda: bs.forecast(fit, logs, pd.DataFrame({"run": ["one"], "tokens": [END]})), "none is 'two'"),
        (lambda: bs.forecast(fit, [logs[0], logs[1].assign(run="p")], END), "log 2: the fit has seen run 'p'"),
        (lambda: bs.forecast(fit, pd.concat([logs[0], logs[1].assign(run="p")]), END), "run p: the fit has seen run 'p'"),
        (lambda: bs.forecast(fit, logs, END)["three"], r"no job is called 'three'; expected one of \['one', 'two'\]"),
        (lambda: bs.forecast(fit, logs, [END, 20.0]), "expected an end beyond it, not 20"),
    ):
        with pytest.raises(bs.InputError, match=said) as error:
            wrong()  # type: ignore[no-untyped-call]
        assert "\n" not in str(error.value)


def test_logs_without_a_name_are_told_apart() -> None:
    found = bs.forecast(drawn(200), [one.drop(columns="run") for one in two()], END)
    assert found.labels == ["run 1", "run 2"]
