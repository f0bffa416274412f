"""Rows that are checkpoints of runs: recognised by a column or by what rows show, and true sweeps left alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, fit_of

import bayes_scaling as bs
from bayes_scaling.model.curves import taken_as_curves
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.report.sentences import summary_sentences

CASES = Path(__file__).parents[1] / "cases"
COLUMNS = bs.Columns({"params": bs.Input("params", "parameters"), "tokens": bs.Input("tokens", "tokens")})
LAW = bs.parse_law("E + A * params**-alpha + B * tokens**-beta", ["params", "tokens"])


def loss(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    return 1.7 + 0.37 * (params / 1e9) ** -0.34 + 0.46 * (tokens / 1e10) ** -0.37


def logs(seed: int, sizes: int = 6, rows: int = 40, *, log_spaced: bool = False) -> pd.DataFrame:
    """Return the logs of runs that stray from the law by a per cent each, and by half of that along their way."""
    rng = np.random.default_rng(seed)
    found = []
    for i, params in enumerate(np.geomspace(5e7, 5e8, sizes)):
        tokens = np.geomspace(2e8, 4e9, rows) if log_spaced else np.linspace(0.05, 1.0, rows) * 4e9
        gap = np.abs(np.log(tokens)[:, None] - np.log(tokens))
        own = np.linalg.cholesky(0.006**2 * np.exp(-gap / 0.7) + 0.002**2 * np.eye(rows)) @ rng.normal(size=rows)
        seen = loss(params, tokens) * np.exp(own + 0.01 * rng.normal())
        found.append(pd.DataFrame({"run": f"r{i}", "params": params, "tokens": tokens, "loss": seen}))
    return pd.concat(found, ignore_index=True)


def sweep(seed: int, kind: str) -> pd.DataFrame:
    """Return independent runs, several of each size, that scatter by a small to a large amount."""
    rng = np.random.default_rng(seed)
    scatter, counts = rng.choice([0.0005, 0.002, 0.01]), rng.integers(3, 26)
    tokens: dict[str, Callable[[float], np.ndarray]] = {
        "grid": lambda _: np.geomspace(1e9, 1e11, counts),
        "even grid": lambda _: np.linspace(2e9, 6e10, counts),
        "tokens per parameter": lambda params: params * np.geomspace(5, 300, counts),
        "isoflop": lambda params: np.geomspace(1e19, 1e21, counts) / 6 / params,
    }
    sizes = np.geomspace(3e7, 3e9, rng.integers(3, 12))
    found = pd.concat([pd.DataFrame({"params": params, "tokens": tokens[kind](params)}) for params in sizes])
    found["loss"] = loss(found["params"], found["tokens"]) * np.exp(scatter * rng.normal(size=len(found)))
    return found.sample(frac=1.0, random_state=seed) if seed % 2 else found


def notes(table: pd.DataFrame, columns: bs.Columns = COLUMNS) -> tuple[str, ...]:
    return bs.read_runs(table.reset_index(drop=True), columns).notes


VARIATIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no run column": lambda of: of.drop(columns="run"),
    "run": lambda of: of,
    "run_id": lambda of: of.rename(columns={"run": "run_id"}),
    "wandb name": lambda of: of.rename(columns={"run": "wandb/run_name"}),
    "step": lambda of: of.drop(columns="run").assign(step=(of["tokens"] / 1e5).astype(int)),
    "name of the size": lambda of: of.drop(columns="run").assign(name=of["params"].map("{:g}".format)),
    "other columns": lambda of: of.drop(columns="run").assign(gpu="a", lr=3e-4),
}


@pytest.mark.parametrize("variation", VARIATIONS)
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("log_spaced", [False, True])
def test_checkpoints_are_recognised_and_said_in_one_sentence(variation: str, shuffled: bool, log_spaced: bool) -> None:
    table = VARIATIONS[variation](logs(1, log_spaced=log_spaced))
    [said] = notes(table.sample(frac=1.0, random_state=2) if shuffled else table)
    assert said.startswith("the 240 rows are checkpoints of 6 runs, not 240 runs: ")


def test_planted_checkpoints_are_found() -> None:
    found = [bool(notes(logs(seed, 5, 30).drop(columns="run"))) for seed in range(30)]
    assert np.mean(found) >= 0.9


@pytest.mark.parametrize("kind", ["grid", "even grid", "tokens per parameter", "isoflop"])
def test_independent_runs_are_left_alone(kind: str) -> None:
    assert sum(bool(notes(sweep(seed, kind))) for seed in range(25)) <= 1


def test_a_column_that_names_single_runs_says_nothing() -> None:
    table = sweep(3, "grid").reset_index(drop=True)
    assert notes(table.assign(run_id=[f"run {i}" for i in table.index])) == ()


def test_several_readings_of_a_run_are_no_checkpoints() -> None:
    """A table of ends with a row for each evaluation set has one place for each run."""
    table = sweep(4, "isoflop").reset_index(drop=True)
    every = pd.concat([table.assign(run_id=table.index, eval_set=one) for one in "abc"], ignore_index=True)
    assert [note for note in notes(every) if "to the last digit" not in note] == []
    apart = every.assign(loss=every["loss"] * every["eval_set"].map({"a": 1.0, "b": 1.03, "c": 0.98}))
    assert notes(apart) == ()


def test_two_runs_of_one_size_are_told_apart_by_their_order() -> None:
    both = pd.concat([logs(1), logs(2)], ignore_index=True).drop(columns="run").sort_values("params", kind="stable")
    [said] = notes(both)
    assert "are checkpoints of 12 runs" in said
    alike = pd.read_csv(CASES / "cooldown_finished.csv").drop(columns="run")
    # Losses are rounded: without the column some rows are copies of others, which is said too.
    [said] = [note for note in notes(alike.sample(frac=1.0, random_state=1)) if "exact cop" not in note]
    assert "are checkpoints of 8 runs" in said
    assert "no column tells apart those of one size" in said


def test_chinchillas_runs_are_runs(epoch_runs: Path) -> None:
    assert study_runs(bs.read_study("chinchilla"), epoch_runs).notes == ()


def test_a_study_takes_checkpoints_for_curves() -> None:
    study, table = bs.read_study("chinchilla"), CASES / "curves_as_sweep.csv"
    taken, runs = taken_as_curves(study, study_runs(study, table), [table])
    correlation = taken.model.noise.correlation
    assert correlation is not None
    assert correlation.along == "tokens"
    assert taken.model.law is study.model.law
    assert len(runs.levels["run"]) == 6
    assert runs.averaged == 238 > len(runs)
    [said] = runs.notes
    assert "taken as curves" in said


def test_python_takes_checkpoints_for_curves_as_the_command_does() -> None:
    table, few = CASES / "curves_as_sweep.csv", bs.Settings(draws=20, tune=100, chains=2, rounds=0, progress=False)
    with pytest.warns(UserWarning, match=r"taken as curves.*independent=True") as said:
        taken = bs.fit("chinchilla", table, few)
    assert said[0].filename == __file__
    study, runs = taken_as_curves(bs.read_study("chinchilla"), study_runs(bs.read_study("chinchilla"), table), table)
    assert (taken.model, taken.runs.notes) == (study.model, runs.notes)
    pd.testing.assert_frame_equal(taken.runs.table, runs.table)
    again = bs.fit(study.model, runs, few)
    np.testing.assert_array_equal(again.posterior["E"], taken.posterior["E"])
    apart = bs.fit("chinchilla", table, few, independent=True)
    assert apart.model.noise.correlation is None
    assert len(apart.runs) == apart.runs.averaged == 238


def test_rows_that_are_runs_are_taken_as_they_are() -> None:
    study = bs.read_study("chinchilla")
    runs = bs.read_runs(sweep(2, "grid").reset_index(drop=True), study.columns)
    assert taken_as_curves(study, runs, None) == (study, runs)


def test_a_column_of_runs_is_what_tells_them_apart() -> None:
    study, table = bs.read_study("chinchilla"), logs(1).rename(columns={"run": "run_name"})
    taken, runs = taken_as_curves(study, study_runs(study, table), table)
    assert taken.columns.run == "run_name"
    assert list(runs.levels["run"]) == [f"r{i}" for i in range(6)]


def fitted(table: pd.DataFrame, columns: bs.Columns) -> bs.Fit:
    rng = np.random.default_rng(4)
    truth = {"E": 1.7, "A": 0.37, "alpha": 0.34, "B": 0.46, "beta": 0.37, "noise_sd": 0.01}
    draws = {name: of * np.exp(rng.normal(0, 0.02, (1, 200))) for name, of in truth.items()}
    priors = {name: bs.Prior(median=of, factor=2.0) for name, of in truth.items() if name != "noise_sd"}
    model = bs.Model(LAW, priors, bs.Noise(sd=bs.Prior(median=0.01, factor=2.0), distribution="normal"))
    inputs = {"params": bs.Input("params", "parameters", 1e9), "tokens": bs.Input("tokens", "tokens", 1e10)}
    return fit_of(model, bs.read_runs(table.reset_index(drop=True), replace(columns, inputs=inputs)), draws, CLEAN)


@pytest.mark.parametrize("run", [None, "run"])
def test_a_plan_is_printed_where_rows_are_ends_of_runs(run: str | None) -> None:
    """Whole logs say why there is none, with the command that makes one; a sweep has its plan."""
    columns = replace(COLUMNS, run=run)
    said = summary_sentences(fitted(logs(1), columns), "out/mine")
    assert not any(" train " in one for one in said)
    [why] = [one for one in said if one.startswith("No plan is printed: ")]
    assert "`bayes-scaling plan out/mine --compute 1.2e+19`" in why
    ends = logs(1).groupby("run").tail(1)
    assert any(" train " in one for one in summary_sentences(fitted(pd.concat([ends, ends]), columns), "out/mine"))


RATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cosine": lambda share: 0.1 + 0.45 * (1 + np.cos(np.pi * share)),
    "linear": lambda share: 1 - share,
    "wsd": lambda share: np.clip((1 - share) * 5, 0, 1),
    "cycles": lambda share: 0.1 + 0.9 * (1 - 4 * share % 1),  # ends where it began, at the peak
}


@pytest.mark.parametrize("shape", RATES)
@pytest.mark.parametrize("name", ["lr", "learning_rate", "LR", "train/lr", "optimizer.learning_rate"])
def test_a_fall_of_the_rate_that_nothing_reads_is_said(shape: str, name: str) -> None:
    table = logs(1).rename(columns={"run": "run_id"})
    table[name] = 3e-3 * RATES[shape](table["tokens"].to_numpy() / 4e9)
    said = [note for note in notes(table) if "column" in note and "falls along 6 of 6 runs" in note]
    assert len(said) == 1
    assert repr(name) in said[0]


@pytest.mark.parametrize("rate", [3e-4, None])
def test_a_rate_that_stays_or_warms_up_is_not(rate: float | None) -> None:
    table = logs(1)
    table["lr"] = rate if rate is not None else 3e-4 * np.minimum(1.0, table["tokens"] / 1e9)
    assert not any("falls along" in note for note in notes(table))


def test_training_curves_says_that_the_rate_falls() -> None:
    runs = study_runs(bs.read_study("training_curves"), CASES / "cosine_finished.csv.gz")
    assert [note for note in runs.notes if "column 'lr' falls along 10 of 10 runs, to 0.1 of its peak" in note]


def test_a_rate_that_the_schedule_reads_is_not_said() -> None:
    runs = study_runs(bs.read_study("training_curves_schedules"), CASES / "cosine_finished.csv.gz")
    assert not any("falls along" in note for note in runs.notes)


def test_experiments_with_steps_are_runs() -> None:
    steps = np.tile(np.arange(1, 6) * 1000, 4)
    sizes = np.repeat([1e8, 2e8, 4e8, 8e8], 5)
    table = pd.DataFrame({"exp": np.repeat(["a", "b", "c", "d"], 5), "step": steps, "params": sizes})
    table = table.assign(tokens=steps * 1e6, loss=2.0 + 5e2 * table["params"] ** -0.35 + 1e3 * (steps * 1e6) ** -0.37)
    columns = bs.Columns({"params": bs.Input("params"), "tokens": bs.Input("tokens")})
    assert any("the 20 rows are checkpoints of 4 runs" in note for note in bs.read_runs(table, columns).notes)
    finals = table.drop(columns="step")
    assert not any("checkpoints" in note for note in bs.read_runs(finals, columns).notes)
