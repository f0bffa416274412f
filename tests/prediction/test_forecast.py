"""Forecasts of unfinished runs: against exact conditioning, against refits, on simulated families, and from wrong input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from by_hand import fit_of

import bayes_scaling as bs
from bayes_scaling._base.numbers import shared
from bayes_scaling.data.columns import Average, MeasurementError, Schedule
from bayes_scaling.prediction.forecast_sentences import forecast_sentence

LAW = bs.parse_law("a * tokens**-b", ["tokens"])
RNG = np.random.default_rng(5)
LENGTH, SD, WHITE, RUN_SD = 0.8, 0.01, 0.004, 0.02
END = 1000.0


def model(*, run: bool = True, on: str = "log_loss") -> bs.Model:
    noise = bs.Noise(
        sd=bs.Prior(median=SD, factor=2.0),
        distribution="normal",
        on=on,
        correlation=bs.Correlation("tokens", bs.Prior(median=LENGTH, factor=2.0), white=bs.Prior(median=WHITE, factor=2.0)),
        effects=(bs.Varying("run", RUN_SD),) if run else (),
    )
    return bs.Model(LAW, {"a": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.5)}, noise)


COLUMNS = bs.Columns(inputs={"tokens": bs.Input("tokens", "tokens", 100.0)}, run="run")


def finished(seed: int = 0, sizes: tuple[str, ...] = ("p", "q")) -> pd.DataFrame:
    """Return finished runs of the law with the noise of the model."""
    rng = np.random.default_rng(seed)
    at = np.geomspace(5.0, END, 30)
    lag = np.abs(np.log(at)[:, None] - np.log(at))
    root = np.linalg.cholesky(SD**2 * np.exp(-lag / LENGTH) + WHITE**2 * np.eye(30))
    return pd.concat(
        pd.DataFrame(
            {
                "tokens": at,
                "run": name,
                "loss": 3.0 * (at / 100) ** -0.1 * np.exp(root @ rng.normal(size=30) + RUN_SD * rng.normal()),
            }
        )
        for name in sizes
    ).reset_index(drop=True)


def drawn(draws: int = 4000, *, uncertain: float = 1.0) -> bs.Fit:
    """Return a fit whose posterior is a normal of log a and b, everything about the noise being known."""
    rng = np.random.default_rng(1)
    both = rng.multivariate_normal([0.0, 0.0], [[0.03**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]], draws)
    values = {
        "a": 3.0 * np.exp(uncertain * both[:, 0]),
        "b": 0.1 + uncertain * both[:, 1],
        "noise_sd": np.full(draws, SD),
        "noise_length": np.full(draws, LENGTH),
        "noise_white": np.full(draws, WHITE),
        "residual_sd_run": np.full(draws, RUN_SD),
    }
    posterior = xr.Dataset({name: (("chain", "draw"), of.reshape(2, -1)) for name, of in values.items()})
    runs = bs.read_runs(finished(), COLUMNS)
    levels = xr.DataArray(
        np.broadcast_to([0.05, -0.03], (2, draws // 2, 2)), dims=("chain", "draw", "run"), coords={"run": ["p", "q"]}
    )
    posterior = posterior.assign(residual_by_run=levels)
    return bs.Fit(model(), runs, xr.DataTree.from_dict({"posterior": posterior}), bs.Settings(), None)


def exact(log: pd.DataFrame, end: float, *, white: float) -> tuple[float, float]:
    """Return mean and sd of the log loss at the end, by conditioning the joint normal of rows and end by hand."""
    at = np.log(np.append(log["tokens"], end) / 100)
    basis = np.column_stack([np.ones(len(at)), -at])
    prior = np.array([[0.03**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]])
    joint = basis @ prior @ basis.T + RUN_SD**2 + SD**2 * np.exp(-np.abs(at[:, None] - at) / LENGTH)
    joint += np.diag([WHITE**2] * len(log) + [white**2])
    gain = np.linalg.solve(joint[:-1, :-1], joint[:-1, -1])
    mean = np.log(3.0) - 0.1 * at
    off = np.log(log["loss"].to_numpy()) - mean[:-1]
    return float(mean[-1] + gain @ off), float(np.sqrt(joint[-1, -1] - gain @ joint[:-1, -1]))


def begun(shift: float = 0.03, until: float = 200.0) -> pd.DataFrame:
    log = finished(7, ("begun",))
    return log[log["tokens"] <= until].assign(loss=lambda t: t["loss"] * np.exp(shift))


@pytest.mark.parametrize("kind", ["observed", "expected"])
@pytest.mark.parametrize("until", [10.0, 200.0, 900.0])
def test_a_forecast_is_the_exact_conditional_where_all_is_linear_and_normal(kind: str, until: float) -> None:
    log = begun(until=until)
    found = bs.forecast(drawn(), log, END, kind=kind)
    mean, sd = exact(log, END, white=WHITE if kind == "observed" else 0.0)
    final = np.log(found.final.to_numpy().ravel())
    assert final.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(len(final)))
    assert final.std() == pytest.approx(sd, rel=0.06)


def test_a_run_that_the_fit_has_seen_is_carried_on_from_its_last_row() -> None:
    fit = drawn(uncertain=0.0)
    found = bs.forecast(fit, "q", 3000.0, kind="expected")
    rows = fit.runs.table[fit.runs.table["run"] == "q"]
    at = np.log(np.append(rows["tokens"], 3000.0) / 100)
    joint = SD**2 * np.exp(-np.abs(at[:, None] - at) / LENGTH) + np.diag([WHITE**2] * len(rows) + [0.0])
    gain = np.linalg.solve(joint[:-1, :-1], joint[:-1, -1])
    law = np.log(3.0) - 0.1 * at - 0.03  # its own departure is known
    mean = law[-1] + gain @ (np.log(rows["response"].to_numpy()) - law[:-1])
    final = np.log(found.final.to_numpy().ravel())
    sd = np.sqrt(joint[-1, -1] - gain @ joint[:-1, -1])
    assert final.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(len(final)))
    assert final.std() == pytest.approx(sd, rel=0.06)


def test_a_thousand_rows_are_averaged_and_say_the_same() -> None:
    rng = np.random.default_rng(2)
    at = np.geomspace(5.0, 200.0, 600)
    kept = np.exp(-np.diff(np.log(at)) / LENGTH)
    state = [rng.normal()]
    for keep in kept:
        state.append(keep * state[-1] + np.sqrt(1 - keep**2) * rng.normal())
    off = SD * np.array(state) + WHITE * rng.normal(size=600) + 0.01
    log = pd.DataFrame({"tokens": at, "run": "long", "loss": 3.0 * (at / 100) ** -0.1 * np.exp(off)})
    final = np.log(bs.forecast(drawn(), log, END).final.to_numpy().ravel())
    mean, sd = exact(log, END, white=WHITE)
    assert final.mean() == pytest.approx(mean, abs=0.15 * sd)
    assert final.std() == pytest.approx(sd, rel=0.06)


def test_averages_of_a_log_with_hardly_any_white_noise_say_what_its_rows_do() -> None:
    fit, white = drawn(), 1e-4
    quiet = fit.posterior.assign(noise_white=xr.full_like(fit.posterior["noise_white"], white))
    at, end = np.geomspace(5.0, 200.0, 600), 260.0
    lag = np.abs(np.log(at)[:, None] - np.log(at))
    root = np.linalg.cholesky(SD**2 * np.exp(-lag / LENGTH) + white**2 * np.eye(600))
    off = root @ np.random.default_rng(4).normal(size=600)
    log = pd.DataFrame({"tokens": at, "run": "long", "loss": 3.0 * (at / 100) ** -0.1 * np.exp(off)})
    bins = replace(fit.runs, columns=replace(COLUMNS, average=Average("tokens", 20.0)))
    found = bs.forecast(replace(fit, runs=bins, draws=xr.DataTree.from_dict({"posterior": quiet})), log, end, kind="expected")
    rows = np.log(np.append(at, end) / 100)
    joint = SD**2 * np.exp(-np.abs(rows[:, None] - rows) / LENGTH) + np.diag([white**2] * 600 + [0.0])
    prior = np.array([[0.03**2 + RUN_SD**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]])
    basis = np.column_stack([np.ones(601), -rows])
    joint += basis @ prior @ basis.T
    gain = np.linalg.solve(joint[:-1, :-1], joint[:-1, -1])
    law = np.log(3.0) - 0.1 * rows
    mean = law[-1] + gain @ (np.log(log["loss"].to_numpy()) - law[:-1])
    sd = np.sqrt(joint[-1, -1] - gain @ joint[:-1, -1])
    final = np.log(found.final.to_numpy().ravel())
    assert final.mean() == pytest.approx(mean, abs=0.4 * sd)
    assert final.std() == pytest.approx(sd, rel=0.1)


@pytest.mark.slow
def test_a_forecast_agrees_with_a_refit_that_has_seen_the_rows() -> None:
    settings, columns = bs.Settings(draws=1000, progress=False), COLUMNS
    runs = finished(3, ("p", "q", "r", "s", "t"))
    log = begun()
    fit = bs.fit(model(), bs.read_runs(runs, columns), settings)
    fast = bs.forecast(fit, log, END)
    again = bs.forecast(bs.fit(model(), bs.read_runs(pd.concat([runs, log]), columns), settings), "begun", END)
    quick, slow = (np.log(of.final.to_numpy()) for of in (fast, again))
    assert quick.mean() == pytest.approx(slow.mean(), abs=0.15 * slow.std())
    assert quick.std() == pytest.approx(slow.std(), rel=0.1)


@pytest.mark.slow
def test_bands_hold_the_ends_of_simulated_runs() -> None:
    """120 runs drawn from the fit itself, each seen up to a place of its own."""
    fit, rng = drawn(), np.random.default_rng(8)
    at = np.geomspace(5.0, END, 30)
    lag = np.abs(np.log(at)[:, None] - np.log(at))
    root = np.linalg.cholesky(SD**2 * np.exp(-lag / LENGTH) + WHITE**2 * np.eye(30))
    ranks = []
    for i in range(120):
        a, b = (fit.posterior[name].to_numpy().ravel()[19 * i] for name in ("a", "b"))
        off = root @ rng.normal(size=30) + RUN_SD * rng.normal()
        log = pd.DataFrame({"tokens": at, "run": "new", "loss": a * (at / 100) ** -b * np.exp(off)})
        final = bs.forecast(fit, log.iloc[: rng.integers(2, 29)], END, seed=i).final.to_numpy()
        ranks.append((final < log["loss"].iloc[-1]).mean())
    inside = [np.mean(np.abs(np.array(ranks) - 0.5) < half) for half in (0.45, 0.25)]
    assert inside[0] == pytest.approx(0.9, abs=0.06)
    assert inside[1] == pytest.approx(0.5, abs=0.1)


def test_it_says_how_probably_a_target_or_another_run_is_beaten() -> None:
    fit = drawn()
    better, worse = bs.forecast(fit, begun(0.0), END), bs.forecast(fit, begun(0.04).assign(run="other"), END)
    middle = float(better.final.median())
    assert better.probability(middle) == pytest.approx(0.5, abs=0.01)
    assert better.probability(worse) > 0.9 > 0.1 > worse.probability(better)
    assert better.probability(worse) + worse.probability(better) == pytest.approx(1.0)
    said, values = forecast_sentence(better, middle), np.quantile(better.final, [0.05, 0.5, 0.95]).tolist()
    assert said.startswith(f"At {END:.0f} tokens begun will show {shared(values)[1]} nats/token (90 %: ")
    assert "It has come 18 % of the way." in said or "It has come 19 % of the way." in said
    assert "with probability 0.50." in said


def test_the_path_runs_from_the_last_row_to_the_end_and_widens() -> None:
    log = begun()
    table = bs.forecast(drawn(), log, END, kind="expected").to_frame()
    assert table["tokens"].iloc[0] == pytest.approx(log["tokens"].max())
    assert table["tokens"].iloc[-1] == pytest.approx(END)
    assert {"mean", "sd", "q05", "q25", "q50", "q75", "q95", "distance", "run"} <= set(table)
    assert (np.diff(table["sd"] / table["mean"])[:10] > 0).all()
    assert (np.diff(table["q50"]) < 0).all()


def test_places_to_come_may_be_a_table() -> None:
    fit, log = drawn(), begun()
    plan = pd.DataFrame({"tokens": [300.0, 500.0, END]})
    found = bs.forecast(fit, log, plan)
    np.testing.assert_allclose(found.path["tokens"], plan["tokens"])
    one = bs.forecast(fit, log, END)
    assert float(found.final.mean()) == pytest.approx(float(one.final.mean()), rel=1e-3)


def test_a_run_unlike_the_others_is_said_to_be() -> None:
    fit = drawn()
    assert not bs.forecast(fit, begun(0.03), END).outlier
    assert "unlike" in bs.forecast(fit, begun(0.4), END).outlier


def test_the_same_seed_gives_the_same_draws() -> None:
    one, two, other = (bs.forecast(drawn(), begun(), END, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(one.path, two.path)
    assert not np.array_equal(one.path, other.path)


def test_noise_on_the_loss_and_independent_noise_are_conditioned_on_too() -> None:
    noise = bs.Noise(sd=bs.Prior(median=0.02, factor=2.0), distribution="student_t", effects=(bs.Varying("run", 0.02),))
    fit = drawn()
    posterior = fit.posterior.drop_vars(["noise_white", "noise_length"]).assign(noise_nu=xr.full_like(fit.posterior["a"], 9.0))
    independent = replace(fit, model=replace(fit.model, noise=noise), draws=xr.DataTree.from_dict({"posterior": posterior}))
    two = replace(COLUMNS, inputs={"steps": bs.Input("steps"), "tokens2": bs.Input("tokens")})
    with pytest.raises(bs.InputError, match="which of"):
        bs.forecast(replace(independent, runs=replace(fit.runs, columns=two)), begun(), END)
    high, low = bs.forecast(independent, begun(0.05), END), bs.forecast(independent, begun(-0.05), END)
    assert float(np.log(high.final).mean() - np.log(low.final).mean()) == pytest.approx(0.1, rel=0.1)
    on_loss = replace(fit, model=model(on="loss"))
    assert float(bs.forecast(on_loss, begun(0.05), END).final.mean() - bs.forecast(on_loss, begun(0.0), END).final.mean()) > 0


def test_wrong_logs_and_ends_get_one_clear_line(tmp_path: Path) -> None:
    fit, log = drawn(), begun()
    for wrong, at, said in (
        (log, 100.0, r"the run has reached tokens 19\d\.?\d*; expected an end beyond it, not 100$"),
        (log, float("nan"), "expected an end beyond it, not nan$"),
        (log.assign(run="p"), END, r"the fit has seen run 'p'; give its name to carry it on"),
        (
            log.assign(tokens=log["tokens"] / 1e6),
            END,
            r"column 'tokens' lies between 5e-0?6 and .*does it count in the same unit\?",
        ),
        (log.assign(loss=np.nan), END, "column 'loss', row 1: nan is missing"),
        (log.drop(columns="tokens"), END, "no column 'tokens'"),
        (tmp_path / "no.csv", END, "no such file"),
        (log, pd.DataFrame({"tokens": [50.0, END]}), "a place to come lies at tokens 50; the run has reached"),
    ):
        with pytest.raises(bs.InputError, match=said) as error:
            bs.forecast(fit, wrong, at)
        assert "\n" not in str(error.value)


def test_a_log_without_a_run_column_is_one_run() -> None:
    found = bs.forecast(drawn(), begun().drop(columns="run"), END)
    assert found.label == "this run"


def test_a_planned_schedule_goes_on_from_that_of_the_log() -> None:
    """The sum of learning rates at the end is that of the log's steps and the plan's."""
    law = bs.parse_law("a * lr_sum**-b", ["lr_sum"])
    columns = bs.Columns(
        inputs={"lr_sum": bs.Input("lr_sum", "", 1.0), "step": bs.Input("step", "steps", 100.0)},
        run="run",
        schedule=Schedule(warmup=0),
    )
    noise = replace(model().noise, correlation=replace(model().noise.correlation, along="step"))
    steps = np.arange(1, 41) * 10
    log = pd.DataFrame({"step": steps, "lr": 0.1, "run": "p", "loss": 3.0})
    fit = drawn()
    levels = fit.posterior["residual_by_run"].isel(run=[0])
    scheduled = replace(
        fit,
        model=bs.Model(law, fit.model.parameters, noise),
        runs=bs.read_runs(log, columns),
        draws=xr.DataTree.from_dict(
            {"posterior": fit.posterior.drop_vars(["residual_by_run", "run"]).assign(residual_by_run=levels)}
        ),
    )
    begun, plan = log.assign(run="new").iloc[:20], pd.DataFrame({"step": [201, 400], "lr": [0.05, 0.05]})
    found = bs.forecast(scheduled, begun, plan)
    np.testing.assert_allclose(found.path["lr_sum"], [20.0 + 0.05, 20.0 + 200 * 0.05], rtol=1e-6)
    known = bs.forecast(scheduled, begun, 400.0)
    assert "the schedule of the finished runs" in known.notes[0]
    assert float(known.path["lr_sum"][-1]) == pytest.approx(40.0)
    on = bs.forecast(scheduled, "p", pd.DataFrame({"step": [500.0], "lr": [0.1]}))
    assert float(on.path["lr_sum"][0]) == pytest.approx(50.0)
    given = bs.forecast(scheduled, "p", pd.DataFrame({"step": [500.0], "lr_sum": [50.0]}))
    assert float(given.path["lr_sum"][0]) == 50.0


def test_a_forecast_from_rows_that_are_averages_begins_at_the_last_of_them() -> None:
    fit, log = drawn(400), begun()
    many = pd.concat([log.assign(tokens=log["tokens"] * 1.002**shift) for shift in range(12)], ignore_index=True)
    few, all_ = bs.forecast(fit, log, END), bs.forecast(fit, many, END)
    assert float(all_.path.isel(row=0).median()) == pytest.approx(float(few.path.isel(row=0).median()), rel=0.006)
    assert float(np.log(all_.final).std()) < 1.05 * float(np.log(few.final).std())


def test_measurement_errors_of_the_log_count() -> None:
    """Against the exact conditional of rows that were read with errors of their own, some of them hardly worth reading."""
    log, fit = begun(), drawn()
    error = np.where(np.arange(len(log)) % 3, 1e-9, 0.05)
    columns = replace(COLUMNS, measurement_error=MeasurementError("err"))
    read = replace(fit, runs=bs.read_runs(finished().assign(err=1e-9), columns))
    final = np.log(bs.forecast(read, log.assign(err=error), END, kind="expected").final.to_numpy().ravel())
    at = np.log(np.append(log["tokens"], END) / 100)
    basis = np.column_stack([np.ones(len(at)), -at])
    joint = basis @ np.array([[0.03**2, 0.5 * 0.03 * 0.01], [0.5 * 0.03 * 0.01, 0.01**2]]) @ basis.T + RUN_SD**2
    joint += SD**2 * np.exp(-np.abs(at[:, None] - at) / LENGTH) + np.diag([*(WHITE**2 + error**2), 0.0])
    gain = np.linalg.solve(joint[:-1, :-1], joint[:-1, -1])
    mean = np.log(3.0) - 0.1 * at
    mean, sd = mean[-1] + gain @ (np.log(log["loss"]) - mean[:-1]), np.sqrt(joint[-1, -1] - gain @ joint[:-1, -1])
    assert final.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(len(final)))
    assert final.std() == pytest.approx(sd, rel=0.06)


def test_a_log_that_few_draws_agree_with_is_fitted_with_the_rest() -> None:
    """Rows that scatter twice as much as any draw says: their weights would be those of a few draws at the tail."""
    rng = np.random.default_rng(3)
    tokens = np.geomspace(1.0, 200.0, 40)
    runs = pd.concat(
        pd.DataFrame({"run": name, "tokens": tokens, "loss": 3 * tokens**-0.05 * np.exp(rng.normal(0, 0.002, 40))})
        for name in "pq"
    )
    noise = bs.Noise(sd=bs.Prior(median=0.002, factor=3.0), distribution="normal")
    model = bs.Model(LAW, {"a": bs.Prior(median=3.0, factor=1.5), "b": bs.Prior(median=0.05, factor=2.0)}, noise)
    columns = bs.Columns(inputs={"tokens": bs.Input("tokens", "tokens", 1.0)}, run="run")
    ones = np.ones((2, 500))
    spread = {name: of * np.exp(0.003 * rng.normal(size=(2, 500))) for name, of in {"a": 3.0, "b": 0.05}.items()}
    fit = fit_of(
        model, bs.read_runs(runs, columns), spread | {"noise_sd": 0.002 * ones * np.exp(0.1 * rng.normal(size=(2, 500)))}, None
    )
    log = pd.DataFrame({"run": "new", "tokens": tokens[:30]})
    log["loss"] = 3 * log["tokens"] ** -0.05 * np.exp(rng.normal(0, 0.006, 30))
    kept = bs.forecast(fit, log, 200.0, refit_below=0.0)
    assert kept.effective < 50
    assert not kept.refitted
    assert "fitted again" not in kept.basis
    found = bs.forecast(fit, log, 200.0)
    assert found.refitted
    assert found.effective == kept.effective
    assert found.basis.endswith("too few: the model was fitted again with them among its runs")
    both = bs.refit(fit, bs.read_runs(pd.concat([runs, log]), columns))
    expected = np.log(bs.predict_runs(both, pd.DataFrame({"tokens": [200.0]})).to_numpy().ravel())
    final = np.log(found.final.to_numpy().ravel())
    assert final.mean() == pytest.approx(expected.mean(), abs=0.1 * expected.std())
    assert final.std() == pytest.approx(expected.std(), rel=0.06)
    assert bs.forecast(fit, "p", 300.0).effective == pytest.approx(1000.0)


def test_a_planned_schedule_may_follow_rows_that_the_filter_leaves_out() -> None:
    """The first rows tell the schedule only; a sum of learning rates that is 0 there is nobody's input."""
    columns = bs.Columns({"lr_sum": bs.Input("lr_sum", "", 1.0)}, run="run", schedule=Schedule(), where="step >= 100")
    noise = bs.Noise(sd=bs.Prior(median=0.002, factor=3.0), distribution="normal")
    model = bs.Model(
        bs.parse_law("a * lr_sum**-b", ["lr_sum"]),
        {"a": bs.Prior(median=3.0, factor=1.5), "b": bs.Prior(median=0.05, factor=2.0)},
        noise,
    )
    log = pd.DataFrame({"step": np.arange(0, 500, 50), "lr": 0.1, "run": "p"}).assign(
        loss=lambda t: 3 * (t["step"] + 1) ** -0.05
    )
    ones = np.ones((2, 100))
    fit = fit_of(model, bs.read_runs(log, columns), {"a": 3 * ones, "b": 0.05 * ones, "noise_sd": 0.002 * ones}, None)
    plan = pd.DataFrame({"step": [500, 600], "lr": [0.1, 0.0]})
    found = bs.forecast(fit, log.assign(run="new").iloc[:8], plan, refit_below=0)
    np.testing.assert_allclose(found.path["lr_sum"], [50.0, 55.0 - 0.05], rtol=1e-6)
    assert len(found.seen) == 6


def test_a_law_that_gives_no_loss_where_the_log_is_says_so() -> None:
    fit = drawn(200)
    below = replace(fit, model=replace(fit.model, law=bs.parse_law("a * tokens**-b - 10", ["tokens"])))
    with pytest.raises(
        bs.InputError, match=r"^the law gives no value at the rows of begun; expected inputs like the fit's runs$"
    ):
        bs.forecast(below, begun(), END)
