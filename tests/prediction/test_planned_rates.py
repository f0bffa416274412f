"""How the learning rate of an unfinished run goes on: as that of finished runs, on its own shape, or asked for."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import fit_of

import bayes_scaling as bs
from bayes_scaling.data.annealed import MIN_FALL
from bayes_scaling.data.columns import Schedule
from bayes_scaling.data.roles.names import with_columns
from bayes_scaling.data.schedules import schedule_inputs
from bayes_scaling.model.specification import changed
from bayes_scaling.model.studies.study import study_runs

CASES = Path(__file__).parents[1] / "cases"
END, PEAK = 3.2e10, 3e-3
RATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cosine": lambda share: 0.1 + 0.45 * (1 + np.cos(np.pi * share)),
    "cosine to zero": lambda share: 0.5 * (1 + np.cos(np.pi * share)),
    "linear": lambda share: 1 - 0.9 * share,
    "wsd": lambda share: np.clip((1 - share) * 4, 0, 1),
    "constant": np.ones_like,
    "step": lambda share: np.where(share > 0.6, 0.1, 1.0),
    "steps": lambda share: np.where(share > 0.9, 0.1, np.where(share > 0.8, 0.316, 1.0)),
}


def log(name: str, params: float, rate: Callable[[np.ndarray], np.ndarray], end: float, rows: int = 100) -> pd.DataFrame:
    """Return a run after the law of the study, under a warm-up of 2 % and a schedule."""
    share = np.arange(1, rows + 1) / rows
    lr = PEAK * np.minimum(1.0, share / 0.02) * rate(share)
    table = pd.DataFrame({"run": name, "params": params, "tokens": share * end, "lr": lr})
    of = schedule_inputs(table, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed"])
    data = 0.3 * (1 - (of["lr_weighted"] / 1e10) ** -0.35)
    return table.assign(loss=2.4 - 0.5 * (1 - (params / 1e9) ** -0.3) - data - 0.1 * of["lr_annealed"] ** 1.2)


def family(rates: dict[str, str], half: pd.DataFrame | None = None) -> bs.Fit:
    """Return a fit of the study to finished runs, by run the name of its schedule, whose draws lie about the truth.

    `half` is the log of a run among them that is on its way.
    """
    study, rng = bs.read_study("training_curves_schedules"), np.random.default_rng(3)
    sizes = np.geomspace(1e8, 1e9, len(rates))
    ends = 20 * sizes
    tables = [log(run, size, RATES[of], end) for (run, of), size, end in zip(rates.items(), sizes, ends, strict=True)]
    tables += [] if half is None else [half]
    truth = {"level": 2.4, "size_gain": 0.15, "alpha": 0.3, "data_gain": 0.105, "beta": 0.35, "saved": 0.1, "kappa": 1.2}
    truth["late"] = 1e-6
    draws = {name: of * np.exp(rng.normal(0, 0.005, (1, 300))) for name, of in truth.items()}
    slopes = ("data_gain_trend_params", "beta_trend_params", "saved_trend_params")
    draws |= {name: np.zeros((1, 300)) for name in ("start", "fade", "last", *slopes)}
    scales = {"noise_sd": 0.002, "noise_length": 1.0, "noise_white": 0.002, "residual_sd_run": 0.005}
    scales |= {"data_gain_sd_run": 0.01, "kappa_sd_run": 0.01, "last_sd_run": 0.01}
    scales |= {"noise_outlier_odds": 0.005, "noise_outlier_scale": 20.0}
    draws |= {name: np.full((1, 300), of) for name, of in scales.items()}
    by_run = [f"{name}_by_run" for name in ("data_gain", "kappa", "last", "residual")]
    draws |= {name: np.zeros((1, 300, len(tables))) for name in by_run}
    inputs = {
        name: bs.Input(one.column, one.unit, {"params": 1e9, "tokens": 1e10, "weighted": 1e10}.get(name, 1.0))
        for name, one in study.columns.inputs.items()
    }
    columns = bs.Columns(**{f: getattr(study.columns, f) for f in study.columns.__dataclass_fields__} | {"inputs": inputs})
    runs = bs.read_runs(pd.concat(tables, ignore_index=True), columns)
    return fit_of(
        changed(study.model, discrepancy=()),
        runs,
        draws,
        None,
        dict.fromkeys(by_run, ("run",)),
    )


def so_far(shape: str, share: float) -> tuple[pd.DataFrame, float]:
    """Return the first part of a larger run, and what it will show at its end."""
    every = log("larger", 1.6e9, RATES[shape], END, rows=200)
    return every[every["tokens"] <= share * END].reset_index(drop=True), float(every["loss"].iloc[-1])


@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
@pytest.mark.parametrize("shape", ["cosine", "cosine to zero", "linear", "wsd", "constant"])
def test_a_rate_goes_on_as_that_of_finished_runs(shape: str, share: float) -> None:
    fit = family({f"r{i}": shape for i in range(5)})
    seen, truth = so_far(shape, share)
    found = bs.forecast(fit, seen, END, refit_below=0)
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < truth < high
    assert high / low < 1.06
    [said] = found.notes
    assert float(re.findall(r"([0-9.e-]+)(?: at|, to) tokens", said)[0]) == pytest.approx(
        PEAK * RATES[shape](np.ones(1))[0], abs=0.03 * PEAK
    )
    assert "the schedule of the finished runs" in said


@pytest.mark.parametrize("share", [0.3, 0.605, 0.61, 0.7])
def test_a_fall_at_once_of_finished_runs_is_followed_though_rows_after_it_are_left_out(share: float) -> None:
    fit = family({f"r{i}": "step" for i in range(4)})
    assert fit.runs.dropped
    seen, truth = so_far("step", share)
    found = bs.forecast(fit, seen, END, refit_below=0)
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < truth < high
    whole = schedule_inputs(log("larger", 1.6e9, RATES["step"], END), Schedule(along="tokens"), wanted=["lr_annealed"])
    assert float(found.path["annealed"][-1]) == pytest.approx(float(whole["lr_annealed"].iloc[-1]), abs=0.01)
    assert "the schedule of the finished runs" in found.notes[0]


@pytest.mark.parametrize(("shape", "share"), [("step", 0.605), ("step", 0.62), ("steps", 0.905)])
def test_a_rate_that_fell_at_once_stays_where_asked(shape: str, share: float) -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "linear", "d": "constant"})
    seen, truth = so_far(shape, share)
    with pytest.raises(bs.InputError, match=r'give rate = "constant" .* or the places to come'):
        bs.forecast(fit, seen, END, refit_below=0)
    found = bs.forecast(fit, seen, END, refit_below=0, rate="constant")
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < truth < high
    assert "is taken to stay as it is, 3e-4, to tokens 32B" in found.notes[0]


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_a_rate_unlike_that_of_finished_runs_goes_on_by_its_own_shape(shape: str) -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "constant", "d": "linear"})
    seen, _ = so_far(shape, 0.5)
    found = bs.forecast(fit, seen, END, refit_below=0)
    assert found.path["annealed"][-1] == pytest.approx(0.84, abs=0.05)
    assert f"follow a {shape.replace('linear', 'line')}" in found.notes[0]


@pytest.mark.parametrize("shape", ["wsd", "constant"])
def test_a_rate_that_cannot_be_known_is_asked_for(shape: str) -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "constant", "d": "linear"})
    with pytest.raises(bs.InputError, match="table with the columns tokens, lr, a row wherever its slope changes"):
        bs.forecast(fit, so_far(shape, 0.5)[0], END)


def test_two_fallen_rows_are_on_any_line() -> None:
    fit = family({"a": "cosine to zero", "b": "constant", "c": "constant", "d": "linear"})
    with pytest.raises(bs.InputError, match="is not known"):
        bs.forecast(fit, so_far("wsd", 0.76)[0], END)


def test_finished_runs_that_began_as_a_run_are_followed_where_they_go_on_alike() -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "linear"})
    found = bs.forecast(fit, so_far("wsd", 0.5)[0], END, refit_below=0)
    assert "finished runs that began so ('b')" in found.notes[0]
    assert found.path["annealed"][-1] == pytest.approx(0.69, abs=0.03)


def test_where_finished_runs_part_the_error_says_which_and_what_to_type() -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "constant", "d": "constant"})
    logs = [so_far("cosine", 0.5)[0].assign(run="one"), so_far("constant", 0.5)[0].assign(run="two")]
    parts = r"run 'two': .* part from here \('c', 'd' at a constant rate, 'b' with a fall\); give rate = \"constant\""
    with pytest.raises(bs.InputError, match=parts):
        bs.forecast(fit, logs, END)
    found = bs.forecast(fit, logs, END, refit_below=0, rate="constant")
    assert found["one"].path["annealed"][-1] > 0.8
    assert found["two"].path["annealed"].to_numpy() == pytest.approx(MIN_FALL)
    with pytest.raises(bs.InputError, match="rate"):
        bs.forecast(fit, logs, END, rate="held")  # type: ignore[call-overload]


@pytest.mark.parametrize("times", [1.0, 2.0])
@pytest.mark.parametrize("shape", ["cosine", "wsd", "constant"])
def test_the_rate_of_a_run_that_the_fit_has_seen_goes_on_as_that_of_its_log(shape: str, times: float) -> None:
    seen, _ = so_far(shape, 0.5)
    end = seen["tokens"].max() / 0.5 * times
    fit = family(dict.fromkeys("abc", shape), half=seen)
    if shape == "cosine" and times == 2.0:  # half of its course is a quarter of that of a cosine to there
        with pytest.raises(bs.InputError, match=r"'larger': how the learning rate .* is not known"):
            bs.forecast(fit, "larger", end)
        return
    known = bs.forecast(fit, "larger", end, refit_below=0)
    log = bs.forecast(family(dict.fromkeys("abc", shape)), seen.assign(run="other"), end, refit_below=0)
    for name in ("weighted", "annealed"):
        assert known.path[name][-1] == pytest.approx(float(log.path[name][-1]), rel=0.01, abs=1e-3)
    assert "taken to follow the schedule of the finished runs" in known.notes[0]
    assert known.final.median() == pytest.approx(float(log.final.median()), rel=0.01)


@pytest.mark.parametrize("shape", ["wsd", "cosine to zero", "constant"])
def test_a_run_that_the_fit_has_seen_to_its_end_is_known_there(shape: str) -> None:
    fit = family({"a": "constant", "b": "wsd", "c": "cosine", "d": shape})
    whole = log("d", 1e9, RATES[shape], 2e10)
    of = schedule_inputs(whole, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed"]).iloc[-1]
    found = bs.forecast(fit, "d", 2e10, refit_below=0)
    assert "taken to follow its rows" in found.notes[0]
    assert float(found.path["weighted"][-1]) == pytest.approx(of["lr_weighted"], rel=0.01)
    assert float(found.path["annealed"][-1]) == pytest.approx(of["lr_annealed"], abs=0.03)


def test_the_rate_of_runs_that_the_fit_has_seen_is_asked_for_by_name() -> None:
    fit = family({"a": "constant", "b": "wsd", "c": "cosine"})
    with pytest.raises(bs.InputError, match=r"run 'c': how .* is not known: .* columns tokens, lr, a row"):
        bs.forecast(fit, ["a", "c"], 1e11)
    found = bs.forecast(fit, "a", 1e11, rate="constant")
    assert float(found.path["weighted"][-1]) > 0.95e11
    assert "stay as it is" in found.notes[0]


def test_a_table_of_rates_to_come_is_taken_as_it_is() -> None:
    fit = family({"a": "cosine to zero", "b": "wsd", "c": "constant", "d": "linear"})
    plan = pd.DataFrame({"tokens": [0.75 * END, END], "lr": [PEAK, 0.0]})
    found = bs.forecast(fit, so_far("wsd", 0.5)[0], plan, refit_below=0)
    assert found.path["annealed"][0] == MIN_FALL
    assert found.path["annealed"][1] == pytest.approx(0.69, abs=0.02)
    assert found.path["weighted"].to_numpy() == pytest.approx([0.74 * END, 0.865 * END])
    assert found.notes == ()


def test_falls_need_no_steps_and_survive_rounding_below_zero() -> None:
    table = pd.DataFrame({"tokens": [1.5e9, 2.5e9, 3.5e9, 4.5e9], "lr": [1e-3, 2e-3, 1e-3, -1e-12]})
    found = schedule_inputs(table, Schedule(along="tokens"), wanted=["lr_fall"])
    assert found["lr_fall"].to_numpy() == pytest.approx([MIN_FALL, MIN_FALL, 0.5, 1.0])
    with pytest.raises(bs.InputError, match="negative"):
        schedule_inputs(table.assign(lr=[1e-3, 2e-3, 1e-3, -1e-4]), Schedule(along="tokens"), wanted=["lr_fall"])


def test_the_warm_up_of_an_unfinished_run_is_a_fraction_of_its_planned_end() -> None:
    fit = family({f"r{i}": "cosine" for i in range(5)})
    found = bs.forecast(fit, so_far("cosine", 0.4)[0], END, refit_below=0)
    assert found.seen["tokens"].min() >= 0.05 * END


@pytest.mark.slow
def test_ten_cosine_logs_forecast_the_eleventh() -> None:
    study = bs.read_study("training_curves_schedules")
    settings = bs.Settings(draws=400, chains=2, seed=1, progress=False, target_accept=0.95)
    fit = bs.fit(study.model, study_runs(study, CASES / "cosine_finished.csv.gz"), settings)
    found = bs.forecast(fit, CASES / "cosine_running.csv", 3.2e10)
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < 2.273 < high
    assert high - low < 0.1
    assert found.effective > 100
    assert found.path["annealed"][-1] == pytest.approx(0.83, abs=0.02)
    sound = pd.read_csv(CASES / "cosine_running.csv")
    for rows in (1, 3):  # a spike just before the cut
        spiked = sound.assign(loss=sound["loss"].where(sound.index < len(sound) - rows, 1.2 * sound["loss"]))
        after = bs.forecast(fit, spiked, 3.2e10, refit_below=0).final.quantile([0.05, 0.5, 0.95]).to_numpy()
        assert low < after[1] < high
        assert after[0] < 2.273 < after[2]
        assert 0.8 < (after[2] - after[0]) / (high - low) < 2.5


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("at", [END, pd.DataFrame({"tokens": [END], "lr": [0.0]})], ids=["end", "table"])
def test_a_log_without_the_peak_of_its_rate_says_so(shape: str, at: float | pd.DataFrame) -> None:
    fit = family({f"r{i}": shape for i in range(3)})
    every, _ = so_far(shape, 0.7)
    late = every[every["tokens"] > 0.4 * END]
    with pytest.raises(bs.InputError, match=r"run 'larger': its log begins at 40 % of its way, .* rows without a loss"):
        bs.forecast(fit, late, at)
    without = every.assign(loss=every["loss"].where(every["tokens"] > 0.4 * END))
    assert bs.forecast(fit, without, END, refit_below=0).path["annealed"][-1] > 0.5


def test_a_flat_part_of_a_log_after_a_fall_is_seen_by_that_of_finished_runs() -> None:
    fit = family({f"r{i}": "step" for i in range(3)})
    every, _ = so_far("step", 0.9)
    with pytest.raises(bs.InputError, match="after the peak of the learning rate"):
        bs.forecast(fit, every[every["tokens"] > 0.7 * END], END)
    level = so_far("wsd", 0.6)[0]
    found = bs.forecast(family({"a": "wsd", "b": "wsd"}), level[level["tokens"] > 0.3 * END], END, refit_below=0)
    assert "the schedule of the finished runs" in found.notes[0]


@pytest.mark.parametrize("decay", [0.05, 0.1])
@pytest.mark.parametrize("share", [0.3, 0.92, 0.96])
def test_a_short_cool_down_is_followed_to_its_end(decay: float, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RATES, "short", lambda u: np.clip((1 - u) / decay, 0, 1))
    fit = family({f"r{i}": "short" for i in range(4)})
    found = bs.forecast(fit, so_far("short", share)[0], END, refit_below=0)
    whole = log("larger", 1.6e9, RATES["short"], END, rows=200)
    of = schedule_inputs(whole, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed"]).iloc[-1]
    assert found.notes[0].endswith("to 0 at tokens 32B")
    assert float(found.path["weighted"][-1]) == pytest.approx(of["lr_weighted"], rel=0.005)
    assert float(found.path["annealed"][-1]) == pytest.approx(of["lr_annealed"], abs=0.02)


def test_a_fit_read_from_its_file_has_the_rates_of_its_runs(tmp_path: Path) -> None:
    study = bs.read_study("training_curves_schedules")
    logs = [log(name, 1e9, RATES[of], 2e10) for name, of in (("a", "wsd"), ("7", "cosine"))]
    before = bs.prior(study.model, study_runs(study, pd.concat(logs, ignore_index=True)), draws=5)
    again = bs.load(bs.save(before, tmp_path / "prior.nc")).runs.learning_rates
    assert set(again) == {"a", "7"}
    for name, of in before.runs.learning_rates.items():
        np.testing.assert_array_equal(again[name].lr, of.lr)
        np.testing.assert_array_equal(again[name].places, of.places)


def test_a_fit_that_keeps_no_rates_says_so_and_takes_a_table() -> None:
    fit = family({"a": "wsd", "b": "wsd"})
    fit = dataclasses.replace(fit, runs=dataclasses.replace(fit.runs, learning_rates={}))
    with pytest.raises(bs.InputError, match="the fit keeps no learning rates of finished runs; give"):
        bs.forecast(fit, so_far("wsd", 0.5)[0], END)
    with pytest.raises(bs.InputError, match=r"run 'a': .* the fit keeps none of its rates"):
        bs.forecast(fit, "a", 1e11)
    plan = pd.DataFrame({"tokens": [0.75 * END, END], "lr": [PEAK, 0.0]})
    assert bs.forecast(fit, so_far("wsd", 0.5)[0], plan, refit_below=0).path["annealed"][-1] > 0.6


def test_a_run_that_the_fit_has_seen_takes_a_table_of_rates_to_come() -> None:
    fit = family({"a": "wsd", "b": "cosine"}, half=so_far("wsd", 0.5)[0])
    plan = pd.DataFrame({"tokens": [0.75 * END, END], "lr": [PEAK, 0.0]})
    known = bs.forecast(fit, "larger", plan, refit_below=0).path
    new = bs.forecast(family({"a": "wsd", "b": "cosine"}), so_far("wsd", 0.5)[0].assign(run="new"), plan, refit_below=0).path
    for name in ("weighted", "annealed"):
        assert known[name].to_numpy() == pytest.approx(new[name].to_numpy(), rel=1e-3)


def test_learning_rates_that_are_all_zero_are_named() -> None:
    study = bs.read_study("training_curves_schedules")
    zero = log("dead", 1e9, RATES["cosine"], END).assign(lr=0.0)
    both = pd.concat([log("alive", 1e9, RATES["cosine"], END), zero], ignore_index=True)
    with pytest.raises(bs.InputError, match="column 'lr' is 0 throughout in run 'dead'; expected the rate of each row"):
        study_runs(study, both)


def test_whole_curves_are_read_in_the_unit_that_a_column_says() -> None:
    """As in the study of constant rates: bits/byte by the name of the column, priors rescaled; perplexities as losses."""
    table = log("a", 1e9, RATES["cosine"], END)
    for name in ("training_curves", "training_curves_schedules"):
        study = bs.read_study(name)
        assert study.columns.response.unit == "nats/token"
        for column, unit in (("val_bpb", "bits/byte"), ("ppl", "nats/token")):
            columns = with_columns(study.columns, {"loss": column})
            assert bs.read_runs(table.rename(columns={"loss": column}), columns).columns.response.unit == unit
