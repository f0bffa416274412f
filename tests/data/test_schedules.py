"""Learning-rate schedules: derived columns equal sums over steps, and laws that read them fit and predict."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pytensor.xtensor import as_xtensor

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling._base.functions import ON_NUMBERS, PART, on_arrays, on_symbols
from bayes_scaling.data.annealed import APPROACH, LAG, LEAST_EFFECTIVE, MIN_FALL
from bayes_scaling.data.columns import Average, Schedule
from bayes_scaling.data.schedule_columns import STEPLESS
from bayes_scaling.data.schedules import log_input, schedule_inputs
from bayes_scaling.laws.formula import law_text
from bayes_scaling.laws.library import LAWS
from bayes_scaling.laws.values import law_value
from bayes_scaling.model.arrays import data
from bayes_scaling.model.build import build
from bayes_scaling.model.defaults import default_priors
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.summary import summarize_at

PEAK, END, WARM, LAST = 3e-4, 3e-5, 200, 2400
TRUTH = {"L0": 2.65, "A": 0.6, "alpha": 0.45, "B": 0.044, "C": 8.9, "beta": 0.6, "gamma": 0.66}
REFERENCES = {"lr_sum": 1.0, "lr_drop": 1e-4, "lr_then": 1e-4, "lr_since": 0.01}


def warm(step: np.ndarray) -> np.ndarray:
    return np.minimum(step / WARM, 1.0) * PEAK


def constant(step: np.ndarray) -> np.ndarray:
    return warm(step)


def cosine(step: np.ndarray) -> np.ndarray:
    share = np.clip((step - WARM) / (LAST - WARM), 0, 1)
    return np.where(step < WARM, warm(step), END + (PEAK - END) * (1 + np.cos(np.pi * share)) / 2)


def wsd(step: np.ndarray) -> np.ndarray:
    return warm(step) * np.exp(-np.log(PEAK / END) * np.clip((step - 2000) / (LAST - 2000), 0, 1))


def linear(step: np.ndarray) -> np.ndarray:
    return warm(step) - (PEAK - END) * np.clip((step - 1600) / (LAST - 1600), 0, 1)


def two_stage(step: np.ndarray) -> np.ndarray:
    return np.where(step > 800, 9e-5, warm(step))


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    shape.__name__: shape for shape in (constant, cosine, wsd, linear, two_stage)
}
every_shape = pytest.mark.parametrize("name", SHAPES)


def rows_of(name: str, every: int = 1) -> pd.DataFrame:
    """Return step and learning rate of a run from its warm-up on, with rows on both sides of a drop."""
    step = np.union1d(np.arange(WARM, LAST + 1, every), [800, 801])
    return pd.DataFrame({"step": step, "lr": SHAPES[name](step)})


def by_steps(name: str, step: int, momentum: float) -> tuple[float, float, float, float]:
    """Return the sums of a row as the papers have them: S1, S2, the drop, and the saving of the Multi-Power law."""
    lr = SHAPES[name](np.arange(step + 1))
    fall = [0.0] * (WARM + 1) + [lr[k - 1] - lr[k] for k in range(WARM + 1, step + 1)]
    area = sum(fall[k] * (1 - momentum ** (step - k + 1)) / (1 - momentum) for k in range(1, step + 1))
    tail = np.append(np.cumsum(lr[::-1])[::-1], 0.0)
    c = TRUTH["C"] * REFERENCES["lr_then"] ** TRUTH["gamma"] / REFERENCES["lr_since"]
    saved = sum(
        fall[k] * (1 - (1 + c * lr[k] ** -TRUTH["gamma"] * tail[k]) ** -TRUTH["beta"]) for k in range(1, step + 1) if fall[k]
    )
    return float(lr[1:].sum()), float(area), float(sum(fall)), float(TRUTH["B"] / REFERENCES["lr_drop"] * saved)


@every_shape
@pytest.mark.parametrize("every", [1, 50])
def test_columns_of_a_schedule_are_sums_over_steps(name: str, every: int) -> None:
    found = schedule_inputs(rows_of(name, every), Schedule(momentum=0.99)).set_index("step")
    exact = every == 1 or name in ("constant", "linear", "two_stage")
    for step in (WARM, 700, 800, 801, 1000, 2100, LAST):
        total, area, drop, _ = by_steps(name, step, 0.99)
        near = pytest.approx if exact else lambda value: pytest.approx(value, rel=0.03, abs=1e-9)
        assert found["lr_sum"][step] == near(total)
        assert found["annealing_area"][step] == near(area)
        assert found["lr_drop"][step] == near(drop)


def test_before_the_learning_rate_falls_nothing_has_fallen() -> None:
    found = schedule_inputs(rows_of("two_stage", 50), Schedule(parts=3)).set_index("step").loc[:800]
    assert (found[["annealing_area", "lr_drop", "lr_since", "lr_since_1", "lr_since_3"]] == 0).all(axis=None)
    assert (found["lr_then_2"] == found["lr"]).all()


def relative_error(name: str, parts: int, every: int = 20) -> float:
    """Return the largest error of the saving over rows, relative to the largest saving."""
    found = schedule_inputs(rows_of(name, every), Schedule(parts=parts)).set_index("step")
    saved, exact = [], []
    for step in (801, 860, 1000, 1500, 1640, 1900, 2020, 2100, 2300, LAST):
        row = found.loc[step]
        at = {column: row[[f"{column}_{part + 1}" for part in range(parts)]].to_numpy() for column in ("lr_then", "lr_since")}
        sped = TRUTH["C"] * (at["lr_then"] / REFERENCES["lr_then"]) ** -TRUTH["gamma"] * at["lr_since"] / REFERENCES["lr_since"]
        saved.append(TRUTH["B"] * row["lr_drop"] / REFERENCES["lr_drop"] * (1 - (1 + sped) ** -TRUTH["beta"]).mean())
        exact.append(by_steps(name, step, 0.999)[3])
    return float(np.abs(np.array(saved) - exact).max() / max(*exact, 1e-12))


@every_shape
def test_a_few_parts_of_the_fall_stand_for_all_its_steps(name: str) -> None:
    assert relative_error(name, 16) < 0.005
    assert relative_error(name, 4) < 0.025
    if name in ("constant", "two_stage"):
        assert relative_error(name, 1) < 1e-12


def test_the_warm_up_before_the_first_row_is_counted() -> None:
    rows = pd.DataFrame({"step": [500, 600], "lr": [PEAK, PEAK]})
    until_first = schedule_inputs(rows, Schedule())["lr_sum"]
    risen_before = schedule_inputs(rows, Schedule(warmup=WARM))["lr_sum"]
    without = schedule_inputs(rows, Schedule(warmup=0))["lr_sum"]
    assert until_first[0] == pytest.approx(PEAK * 501 / 2)
    assert risen_before[0] == pytest.approx(PEAK * ((WARM + 1) / 2 + 300))
    assert without[0] == pytest.approx(PEAK * 500)
    assert list(np.diff([until_first[1], risen_before[1], without[1]]) > 0) == [True, True]


def test_runs_are_told_apart_and_rows_keep_their_order() -> None:
    parts = [rows_of(name, 100).assign(run_id=name) for name in ("two_stage", "constant")]
    together = pd.concat(parts).sample(frac=1, random_state=1)
    found = schedule_inputs(together, Schedule(parts=2), "run_id")
    assert list(found["step"]) == list(together["step"])
    alone = schedule_inputs(parts[0], Schedule(parts=2)).set_index("step")
    own = found[found["run_id"] == "two_stage"].set_index("step").loc[alone.index]
    pd.testing.assert_frame_equal(own[alone.columns], alone)


def test_a_sum_is_taken_of_a_schedule_that_rises_again() -> None:
    rows = pd.DataFrame({"step": [1, 100, 200, 300], "lr": [PEAK, PEAK, END, PEAK]})
    found = schedule_inputs(rows, Schedule(), wanted=["lr_sum", "annealing_area"])
    assert (found["annealing_area"] >= 0).all()
    with pytest.raises(InputError, match=r"^the table, step 201: the learning rate rises after it has fallen; expected"):
        schedule_inputs(rows, Schedule())


def along_tokens(tokens: list[float] | np.ndarray, lr: list[float] | np.ndarray) -> pd.DataFrame:
    rows = pd.DataFrame({"tokens": np.asarray(tokens, float), "lr": np.asarray(lr, float)})
    return schedule_inputs(rows, Schedule(along="tokens"), wanted=["lr_weighted", "lr_annealed", "lr_effective"])


def test_tokens_count_by_their_rate_as_a_share_of_the_peak() -> None:
    warmed = along_tokens([1e9, 2e9, 6e9, 10e9], [1e-3, 2e-3, 2e-3, 0.0])
    assert warmed["lr_weighted"].to_numpy() == pytest.approx([0.25e9, 1e9, 5e9, 7e9])
    constant = along_tokens([3e9, 2e9], [1e-3, 1e-3])  # from before the first row on, in any order
    assert constant["lr_weighted"].to_numpy() == pytest.approx([3e9, 2e9])
    assert (constant["lr_annealed"] == MIN_FALL).all()


def test_a_drop_takes_effect_by_and_by() -> None:
    found = along_tokens([1e9, 4e9, 4.000001e9, 5e9, 8e9], [1e-3, 1e-3, 1e-4, 1e-4, 1e-4])
    come = np.array([4.1e9, 4.4e9])
    expected = 0.9 * (1 - (1 + (come - 4e9) / (LAG * come)) ** -APPROACH)
    assert found["lr_weighted"].to_numpy()[3:] == pytest.approx(come, rel=1e-5)
    assert found["lr_annealed"].to_numpy()[3:] == pytest.approx(expected, rel=1e-4)
    assert (found["lr_annealed"][:2] == MIN_FALL).all()


def test_a_decay_is_the_sum_of_its_drops_and_a_restart_takes_it_back() -> None:
    steps = np.arange(1, 2001.0)
    share = np.where(steps < 1000, 1.0, 1.0 - 0.8 * (steps - 1000) / 1000)
    found = along_tokens(steps, share)
    come, drops = found["lr_weighted"].to_numpy(), -np.diff(share, prepend=1.0)
    for row in (1099, 1499, 1999):
        lag = np.maximum(come[row] - come[: row + 1], 0) / (LAG * come[row])
        expected = (drops[: row + 1] * (1 - (1 + lag) ** -APPROACH)).sum()
        assert found["lr_annealed"][row] == pytest.approx(expected, rel=0.01)
    again = along_tokens(np.append(steps, [2001, 4000]), np.append(share, [1.0, 1.0]))
    assert again["lr_annealed"].to_numpy()[:2000] == pytest.approx(found["lr_annealed"].to_numpy(), abs=0.01)
    assert again["lr_annealed"].iloc[-1] < 0.1
    assert again["lr_effective"].to_numpy() == pytest.approx(1.0 - again["lr_annealed"].clip(lower=MIN_FALL).to_numpy())


def test_an_effective_rate_has_a_logarithm_where_next_to_nothing_is_left() -> None:
    down = along_tokens(np.linspace(1e9, 9e9, 50), np.linspace(1.0, 0.0, 50))["lr_effective"].to_numpy()
    assert down[0] == pytest.approx(1.0 - MIN_FALL)
    assert (np.diff(down) < 0).all()
    zero = along_tokens([1e9, 2e9, 2.001e9, 1e15], [1.0, 1.0, 1e-3, 1e-3])["lr_effective"].to_numpy()
    assert zero[-1] == pytest.approx(max(1.0 - 0.999 * (1.0 - (1.0 + 1.0 / LAG) ** -APPROACH), LEAST_EFFECTIVE), rel=0.01)


def pending(lr: Callable[[np.ndarray], np.ndarray], share: np.ndarray) -> np.ndarray:
    """Return what is pending of falls at once at shares of the way of 1e10 tokens, warm-up over the first 2 %."""
    rows = pd.DataFrame({"tokens": 1e10 * share, "lr": 1e-3 * np.minimum(1.0, share / 0.02) * lr(share)})
    found = schedule_inputs(rows, Schedule(along="tokens"), wanted=["lr_sudden_pending"])
    return np.asarray(found["lr_sudden_pending"])


SPACED = {
    "every step": np.linspace(1, 5000, 5000) / 5000,
    "even": np.linspace(0.005, 1, 200),
    "few": np.linspace(0.05, 1, 20),
    "even in logs": np.geomspace(0.01, 1, 41),
    "at random": np.sort(np.random.default_rng(0).uniform(0.01, 1, 200)),
}
SLOW: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "constant": np.ones_like,
    "cosine": lambda share: 0.5 + 0.5 * np.cos(np.pi * share),
    "rounded cosine": lambda share: np.round(0.5 + 0.5 * np.cos(np.pi * share), 2),
    "restarts": lambda share: 0.55 + 0.45 * np.cos(np.pi * (4 * share % 1)),
    "cool-down over 20 %": lambda share: np.clip((1 - share) / 0.2, 0, 1),
    "cool-down over 5 %": lambda share: np.clip((1 - share) / 0.05, 0, 1),
    "root cool-down": lambda share: 1 - np.sqrt(np.clip((share - 0.9) / 0.1, 0, 1)),
}


@pytest.mark.parametrize("rows", SPACED)
@pytest.mark.parametrize("name", SLOW)
def test_no_fall_that_takes_its_time_is_at_once(name: str, rows: str) -> None:
    assert (pending(SLOW[name], SPACED[rows]) < 0.15).all()


@pytest.mark.parametrize("rows", SPACED)
@pytest.mark.parametrize("over", [0.0, 0.003])
def test_a_drop_is_at_once_and_pends_until_it_has_taken_effect(rows: str, over: float) -> None:
    share = SPACED[rows]
    found = pending(lambda at: np.clip(1 - 0.9 * (at - 0.6) / over, 0.1, 1) if over else np.where(at > 0.6, 0.1, 1), share)
    assert (found[share <= 0.6] == MIN_FALL).all()
    after = found[share > 0.6 + over]
    assert (after > MIN_FALL).all()
    assert (np.diff(after) < 0).all()
    if rows == "every step":
        assert after[0] > 0.7
        since = 0.1 * (share[-1] - 0.6)
        come = 0.99 * 0.6 + since  # half of the warm-up counts
        assert after[-1] == pytest.approx(0.9 * (1 + since / (LAG * come)) ** -APPROACH, rel=0.03)
    whole = schedule_inputs(
        pd.DataFrame({"tokens": share, "lr": np.where(share > 0.6, 0.1, 1)}), Schedule(along="tokens"), wanted=STEPLESS
    )
    left = whole["lr_fall"] - whole["lr_annealed"]  # all of its falls are at once
    assert whole["lr_sudden_pending"].to_numpy() == pytest.approx(left.clip(lower=MIN_FALL).to_numpy(), abs=2 * MIN_FALL)


def test_a_filter_reads_a_schedule_that_no_input_does() -> None:
    share = np.linspace(0.01, 1, 100)
    rows = pd.DataFrame({"tokens": 1e10 * share, "lr": np.where(share > 0.6, 0.1, 1), "loss": 3.0, "run": "a"})
    columns = bs.Columns(
        {"tokens": bs.Input("tokens")}, run="run", where="lr_sudden_pending < 0.3", schedule=Schedule(along="tokens")
    )
    runs = bs.read_runs(rows, columns)
    assert 3 < runs.dropped < 10
    assert not runs.table["tokens"].between(0.601e10, 0.63e10).any()
    own = bs.read_runs(rows.assign(lr_sudden_pending="0.1"), columns)  # as text, from a table that holds it
    assert not own.dropped


def test_long_logs_give_what_short_ones_do() -> None:
    long = np.arange(1, 40001.0)
    cosine = along_tokens(long, 0.55 + 0.45 * np.cos(np.pi * long / 40000))
    short = along_tokens(long[199::200], 0.55 + 0.45 * np.cos(np.pi * long[199::200] / 40000))
    assert cosine["lr_annealed"].to_numpy()[199::200] == pytest.approx(short["lr_annealed"].to_numpy(), abs=0.005)


COLUMNS = bs.Columns(
    {name: bs.Input(name, reference=reference) for name, reference in REFERENCES.items()},
    run="run_id",
    where="loss > 0",
    schedule=Schedule(parts=8),
)


def simulated(names: tuple[str, ...] = ("constant", "cosine", "two_stage"), sd: float = 0.001) -> pd.DataFrame:
    """Return curves of the Multi-Power law, as it sums over steps, with scatter; rows without a loss tell the schedule only."""
    curves = []
    for i, name in enumerate(names):
        rows = rows_of(name, 40).assign(run_id=name, loss=np.nan)
        kept = rows.index[rows["step"] % 80 == 0]
        expected = []
        for step in rows["step"][kept]:
            total, _, _, saved = by_steps(name, step, 0.999)
            expected.append(TRUTH["L0"] + TRUTH["A"] * total ** -TRUTH["alpha"] - saved)
        rows.loc[kept, "loss"] = np.array(expected) * np.exp(np.random.default_rng(i).normal(0, sd, len(kept)))
        curves.append(rows)
    return pd.concat(curves, ignore_index=True)


@pytest.fixture(scope="module")
def fit() -> bs.Fit:
    model = bs.Model(LAWS["multi_power"], default_priors("multi_power"), bs.Noise(bs.Prior(median=0.001, factor=3.0), "normal"))
    runs = bs.read_runs(simulated(), COLUMNS)
    return bs.fit(model, runs, bs.Settings(draws=300, tune=400, chains=2, seed=1, progress=False))


def test_rows_without_a_loss_tell_the_schedule_only() -> None:
    runs = bs.read_runs(simulated(("two_stage",)), COLUMNS)
    assert runs.dropped
    assert (runs.table["response"] > 0).all()
    assert {"lr_then", "lr_then_1", "lr_then_8", "lr_since_8"} <= set(runs.table)
    after = runs.table[runs.table["lr_drop"] > 0]
    assert np.allclose(after["lr_then_1"], 9e-5)  # a drop at once, thanks to the rows on both sides of it


def test_parameters_are_recovered_from_simulated_curves(fit: bs.Fit) -> None:
    for name, true in TRUTH.items():
        draws = fit.posterior[name]
        assert abs(float((draws.mean() - true) / draws.std())) < 4, name


def test_a_planned_schedule_is_predicted(fit: bs.Fit) -> None:
    planned = pd.DataFrame({"step": [WARM, 2000, *range(2020, LAST + 1, 20)]})
    planned["lr"] = wsd(planned["step"].to_numpy())
    found = summarize_at(fit, planned)
    assert list(found.columns[:2]) == ["step", "lr"]
    total, _, _, saved = by_steps("wsd", LAST, 0.999)
    truth = TRUTH["L0"] + TRUTH["A"] * total ** -TRUTH["alpha"] - saved
    assert found["q50"].iloc[-1] == pytest.approx(truth, rel=0.002)
    draws = bs.predict(fit, planned)  # block by block, and as named arrays
    np.testing.assert_allclose(draws.mean(("chain", "draw")), found["mean"], rtol=1e-10)


def test_several_planned_schedules_are_runs_of_their_own(fit: bs.Fit) -> None:
    planned = pd.concat([rows_of(name, 200).assign(run_id=name) for name in ("linear", "constant")])
    found = summarize_at(fit, planned).set_index(["run_id", "step"])
    assert found.loc[("linear", LAST), "q50"] < found.loc[("constant", LAST), "q50"] - 0.02
    with pytest.raises(
        InputError, match=r"^the points, step \d+: two learning rates; expected one, say which rows are one run"
    ):
        summarize_at(fit, planned.drop(columns="run_id"))


def test_a_single_drop_needs_no_schedule(fit: bs.Fit) -> None:
    point = schedule_inputs(rows_of("two_stage"), Schedule(parts=8)).iloc[[-1]]
    plain = summarize_at(fit, point[["lr_sum", "lr_drop", "lr_then", "lr_since"]])
    assert plain["q50"].iloc[0] == pytest.approx(summarize_at(fit, rows_of("two_stage"))["q50"].iloc[-1], rel=1e-10)


def test_a_saved_fit_predicts_the_same(fit: bs.Fit, tmp_path: Path) -> None:
    planned = rows_of("wsd", 50)
    again = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    assert again.runs.columns == COLUMNS
    pd.testing.assert_frame_equal(summarize_at(again, planned), summarize_at(fit, planned))


def test_distance_is_that_of_the_sum(fit: bs.Fit) -> None:
    longer = pd.DataFrame({"step": [WARM, 10 * LAST], "lr": PEAK})
    assert list(summarize_at(fit, longer)["distance"])[1] == "far (1.02 decades)"


def test_a_law_by_text_is_the_law_of_the_library() -> None:
    text = "L0 + A * lr_sum**-alpha - B * lr_drop * mean(1 - (1 + C * lr_then**-gamma * lr_since)**-beta)"
    law = bs.parse_law(text, list(REFERENCES))
    table = bs.read_runs(simulated(("cosine",)), COLUMNS)
    logs = {name: log_input(table.table, COLUMNS, REFERENCES, name) for name in REFERENCES}
    assert logs["lr_since"].shape == (len(table), 8)
    named = {name: xr.DataArray(log, dims=("row", PART)[: log.ndim]) for name, log in logs.items()}
    values = law_value(LAWS["multi_power"], named, TRUTH, ON_NUMBERS)
    np.testing.assert_allclose(values, law_value(law, named, TRUTH, ON_NUMBERS), rtol=1e-14)
    leading = law_value(law, {name: log.T for name, log in logs.items()}, TRUTH, on_arrays(1))
    np.testing.assert_allclose(values, leading, rtol=1e-14)
    symbols = {name: as_xtensor(log, dims=("row", PART)[: log.ndim]) for name, log in logs.items()}
    constants = {name: as_xtensor(np.float64(value)) for name, value in TRUTH.items()}
    np.testing.assert_allclose(law_value(law, symbols, constants, on_symbols()).eval(mode="FAST_COMPILE"), values, rtol=1e-12)
    assert "mean(" in law_text(LAWS["multi_power"])


def test_the_annealing_law_has_a_gradient_where_nothing_has_annealed() -> None:
    columns = replace(
        COLUMNS, inputs={"lr_sum": bs.Input("lr_sum", reference=1.0), "annealing_area": bs.Input("annealing_area", "", 0.1)}
    )
    runs = bs.read_runs(simulated(("constant", "cosine")), columns)
    assert (runs.table["annealing_area"] == 0).any()
    model = bs.Model(LAWS["annealing"], default_priors("annealing"), bs.Noise(bs.Prior(median=0.003, factor=3.0), "normal"))
    built = build(model, data(model, runs, {}), {})
    assert np.isfinite(built.compile_dlogp()(built.initial_point())).all()


def test_the_multi_power_law_has_a_gradient_where_nothing_has_fallen(fit: bs.Fit) -> None:
    built = build(fit.model, data(fit.model, fit.runs, {}), {})
    assert np.isfinite(built.compile_dlogp()(built.initial_point())).all()


STUDY = """
[data]
run = "run_id"
where = "loss > 0"
schedule = { lr = "rate", along = "iteration", momentum = 0.995, parts = 4, warmup = 100.0 }
[data.inputs]
lr_sum = { column = "lr_sum" }
annealing_area = { column = "annealing_area" }
[law]
name = "annealing"
priors = "published"
[noise]
sd = { median = 0.003, factor = 3.0 }
"""


def test_a_schedule_stands_in_a_model_file() -> None:
    study = parse_study(STUDY, "mine.toml")
    assert study.columns.schedule == Schedule("rate", "iteration", 0.995, 4, 100.0)
    assert parse_study(study_text(study), "mine.toml") == study
    with pytest.raises(InputError, match=r"schedule.momentun: no such key; did you mean 'momentum'"):
        parse_study(STUDY.replace("momentum", "momentun"), "mine.toml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="lr"), "the data frame: no column 'lr'; the table has"),
        (lambda t: t.assign(lr=-t["lr"]), "the data frame: column 'lr', row 1: -0.0003 is negative; expected 0 or more"),
        (lambda t: t.assign(step=t["step"] + 0.5), "the data frame: column 'step', row 1: 200.5 is no step; expected a whole"),
        (lambda t: t.assign(lr=np.where(t["step"] == LAST, PEAK, t["lr"])), "the data frame: run 'cosine', step 23"),
        (lambda t: t.assign(run_id="one"), "the data frame: run 'one', step 240: two learning rates; expected one"),
        (lambda t: t.assign(lr=t["lr"].where(t["step"] != 240)), "column 'lr', row 2: nan is missing; expected a number"),
    ],
)  # fmt: skip
def test_tables_that_tell_no_schedule_are_refused(change: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    with pytest.raises(InputError) as refused:
        bs.read_runs(change(simulated(("cosine", "two_stage"))), COLUMNS)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_points_without_a_learning_rate_are_refused(fit: bs.Fit) -> None:
    with pytest.raises(InputError, match=r"^the points: no column 'lr'; the table has \['step'\]"):
        summarize_at(fit, pd.DataFrame({"step": [100, 200]}))


def test_a_reference_cannot_be_found_where_nothing_falls() -> None:
    columns = replace(COLUMNS, inputs={"drop": bs.Input("lr_drop")})
    with pytest.raises(InputError, match=r"column 'lr_drop' is 0 throughout: the learning rate never falls"):
        bs.read_runs(simulated(("constant",)), columns)


def test_terms_on_inputs_that_may_be_zero_are_refused() -> None:
    inputs = {"lr_sum": bs.Input("lr_sum"), "annealing_area": bs.Input("annealing_area")}
    runs = bs.read_runs(simulated(("cosine",)), replace(COLUMNS, inputs=inputs))
    priors = default_priors("annealing")
    noise = bs.Noise(bs.Prior(median=0.003, factor=3.0))
    drifting = bs.Model(LAWS["annealing"], priors | {"A": priors["A"] + bs.Trend("annealing_area", 0.1)}, noise)
    with pytest.raises(
        InputError, match=r"^the trend of A is on \['annealing_area'\], which may be 0 or has parts; expected one"
    ):
        bs.prior(drifting, runs)
    departs = bs.Discrepancy(bs.Prior(median=0.01, factor=2.0), bs.Prior(median=1.0, factor=2.0))
    with pytest.raises(InputError, match=r"^the discrepancy is on \['annealing_area'\]"):
        bs.prior(bs.Model(LAWS["annealing"], priors, noise, (departs,)), runs)


def test_averages_of_a_schedule_are_arithmetic() -> None:
    inputs = {"lr_sum": bs.Input("lr_sum"), "lr_drop": bs.Input("lr_drop"), "lr_since": bs.Input("lr_since")}
    columns = replace(COLUMNS, inputs=inputs)
    every = bs.read_runs(simulated(("two_stage",)), columns).table
    means = bs.read_runs(simulated(("two_stage",)), replace(columns, average=Average("lr_sum", 4.0))).table
    assert 0 < len(means) < len(every)
    assert means["lr_drop"].iloc[0] == 0
    assert means["lr_since_3"].between(0, every["lr_since_3"].max()).all()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"momentum": 1.0}, "momentum"),
        ({"parts": 0}, "parts"),
        ({"warmup": -1.0}, "warm"),
    ],
)
def test_a_schedule_that_means_nothing_is_refused(said: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schedule(**said)  # type: ignore[arg-type]


def test_an_input_of_the_schedule_has_a_name_of_its_own() -> None:
    with pytest.raises(InputError, match=r"cannot be called as a column that it comes from: 'lr'"):
        bs.Columns({"lr": bs.Input("lr_then")}, schedule=Schedule())


@pytest.mark.parametrize("column", ["lr_annealed", "lr_weighted", "lr_effective"])
@pytest.mark.parametrize("decay", [0.05, 0.3, 0.9])
def test_a_row_wherever_the_slope_changes_says_as_much_as_all_rows(column: str, decay: float) -> None:
    places = np.linspace(0.0, 1.0, 2001)[1:]
    lr = np.clip((1.0 - places) / decay, 0.0, 1.0)
    every = pd.DataFrame({"tokens": places * 1e9, "lr": lr})
    corners = pd.DataFrame({"tokens": [1e6, (1.0 - decay) * 1e9, 1e9], "lr": [1.0, 1.0, 0.0]})
    ends = [schedule_inputs(of, Schedule(along="tokens"), wanted=[column])[column].iloc[-1] for of in (every, corners)]
    assert ends[1] == pytest.approx(ends[0], rel=0.005)
