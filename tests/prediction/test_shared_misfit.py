"""What finished runs leave the law by together: found where it is there, used by forecasts, silent where it is not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import fit_of

import bayes_scaling as bs
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.prediction.shared_misfit import shared_misfits

LAW = bs.parse_law("level * tokens**-b", ["tokens"])
DRAWS, SD, WHITE, RUN_SD = 600, 0.03, 0.001, 0.003
COLUMNS = bs.Columns(inputs={"tokens": bs.Input("tokens", "tokens", 1e9)}, run="run")
MODEL = bs.Model(
    LAW,
    {"level": bs.Prior(median=3.0, factor=1.3), "b": bs.Prior(median=0.1, factor=1.5)},
    bs.Noise(
        sd=bs.Prior(median=SD, factor=2.0),
        distribution="normal",
        correlation=bs.Correlation("tokens", bs.Prior(median=1.0, factor=2.0), white=bs.Prior(median=WHITE, factor=2.0)),
        effects=(bs.Varying("run", 0.01),),
    ),
)


def curve(name: str, end: float, fall: float, rng: np.random.Generator, rows: int = 20) -> pd.DataFrame:
    """Return a run whose loss falls beneath the law by a cooldown over its last third."""
    tokens = np.geomspace(0.05, 1.0, rows) * end
    cooled = np.clip((tokens / end - 2 / 3) * 3, 0.0, 1.0)
    loss = 3.0 * (tokens / 1e9) ** -0.1 * np.exp(-fall * cooled + RUN_SD * rng.normal() + WHITE * rng.normal(size=rows))
    return pd.DataFrame({"run": name, "tokens": tokens, "loss": loss})


def family(fall: float, ends: np.ndarray, seed: int = 0) -> bs.Fit:
    """Return a fit that takes what runs leave the law by for noise of 3 %, its parameters being known to a per cent."""
    rng = np.random.default_rng(seed)
    table = pd.concat([curve(f"r{i}", end, fall, rng) for i, end in enumerate(ends)], ignore_index=True)
    draws = {
        "level": 3.0 * np.exp(rng.normal(0, 0.01, (1, DRAWS))),
        "b": 0.1 + rng.normal(0, 0.002, (1, DRAWS)),
        "noise_sd": np.full((1, DRAWS), SD),
        "noise_length": np.full((1, DRAWS), 1.0),
        "noise_white": np.full((1, DRAWS), WHITE),
        "residual_sd_run": np.full((1, DRAWS), RUN_SD),
        "residual_by_run": rng.normal(0, RUN_SD, (1, DRAWS, len(ends))),
    }
    return fit_of(MODEL, bs.read_runs(table, COLUMNS), draws, None, {"residual_by_run": ("run",)})


SAME, OTHER = np.full(8, 2e9), np.geomspace(5e8, 8e9, 8)


@pytest.mark.parametrize("ends", [SAME, OTHER], ids=["same length", "other lengths"])
@pytest.mark.parametrize("fall", [0.08, -0.04])
def test_a_cooldown_that_all_runs_share_is_forecast(ends: np.ndarray, fall: float) -> None:
    fit = family(fall, ends)
    run = curve("new", 4e9, fall, np.random.default_rng(7))
    truth = run["loss"].iloc[-1]
    seen = run[run["tokens"] < 0.6 * 4e9]
    found = bs.forecast(fit, seen.reset_index(drop=True), 4e9, refit_below=0)
    low, middle, high = found.final.quantile([0.05, 0.5, 0.95]).to_numpy()
    assert low < truth < high
    assert high / low < 1.03
    assert abs(middle / truth - 1) < 0.01


def test_what_runs_share_is_named_with_its_place_and_size() -> None:
    [note] = [one for one in bs.findings(family(0.08, OTHER)) if one.code == "shared-misfit"]
    assert "of what 8 runs leave the law by is common" in note.sentence
    assert "most at 100 % of a run" in note.sentence


def test_runs_of_other_lengths_share_fractions_not_places() -> None:
    assert [one.alignment for one in shared_misfits(family(0.08, OTHER), "tokens")] == ["fraction"]
    assert {one.alignment for one in shared_misfits(family(0.08, SAME), "tokens")} == {"fraction", "along"}


def test_paths_of_their_own_are_not_shared() -> None:
    """Each run strays in its own way: at most one family in twenty is taken for one that shares, and no forecast changes."""
    flagged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        fit = family(0.0, SAME, seed)
        table = fit.runs.table
        at = np.log(table["tokens"].to_numpy()[:20])
        root = np.linalg.cholesky(SD**2 * np.exp(-np.abs(at[:, None] - at)) + 1e-12 * np.eye(20))
        table["response"] *= np.exp(np.concatenate([root @ rng.normal(size=20) for _ in range(8)]))
        flagged += bool(shared_misfits(fit, "tokens"))
    assert flagged <= 2


def test_two_runs_share_nothing_that_could_be_known() -> None:
    assert shared_misfits(family(0.08, SAME[:2]), "tokens") == []


def test_a_run_that_does_not_cool_down_is_forecast_without() -> None:
    """Its rows so far say that it does not share what the others do."""
    fit = family(0.08, SAME)
    run = curve("new", 2e9, 0.0, np.random.default_rng(7))
    found = bs.forecast(fit, run[run["tokens"] < 1.9e9].reset_index(drop=True), 2e9, refit_below=0)
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < run["loss"].iloc[-1] < high


def test_an_averaged_family_ends_where_its_runs_do() -> None:
    """The last average of a run lies before its end: a cooldown is not moved by that."""
    rng = np.random.default_rng(3)
    ends = np.geomspace(5e8, 8e9, 8)
    table = pd.concat([curve(f"r{i}", end, 0.08, rng, rows=400) for i, end in enumerate(ends)], ignore_index=True)
    runs = bs.read_runs(table, COLUMNS).thin(20, "tokens")
    fit = family(0.08, ends)
    fit = bs.Fit(fit.model, runs, fit.draws, fit.settings, None)
    run = curve("new", 4e9, 0.08, np.random.default_rng(7), rows=400)
    seen = run[run["tokens"] < 0.6 * 4e9].reset_index(drop=True)
    low, middle, high = bs.forecast(fit, seen, 4e9, refit_below=0).final.quantile([0.05, 0.5, 0.95]).to_numpy()
    assert low < run["loss"].iloc[-1] < high
    assert abs(middle / run["loss"].iloc[-1] - 1) < 0.015


@pytest.mark.slow
def test_the_cooldown_of_a_sampled_family_is_learnt() -> None:
    """Eight finished runs under one schedule that no column tells, and a ninth two thirds of the way."""
    cases = Path(__file__).parents[1] / "cases"
    study = bs.read_study("training_curves")
    settings = bs.Settings(draws=400, chains=2, seed=1, progress=False, target_accept=0.95)
    fit = bs.fit(study.model, study_runs(study, cases / "cooldown_finished.csv"), settings)
    found = bs.forecast(fit, cases / "cooldown_running.csv", 786432000)
    low, high = found.final.quantile([0.05, 0.95]).to_numpy()
    assert low < 3.198 < high
    assert high - low < 0.04
    sound = pd.read_csv(cases / "cooldown_running.csv")
    spiked = sound.assign(loss=sound["loss"].where(sound.index < len(sound) - 1, 1.2 * sound["loss"]))
    weighted = bs.forecast(fit, spiked, 786432000, refit_below=0)
    assert weighted.effective < 200
    assert 3.17 < float(weighted.final.quantile(0.25)) < 3.198 < float(weighted.final.quantile(0.75)) < 3.23
    after = bs.forecast(fit, spiked, 786432000).final.quantile([0.05, 0.95]).to_numpy()  # few draws expect it: fitted again
    assert 3.17 < after[0] < 3.198 < after[1] < 3.23
    assert "shared-misfit" in [note.code for note in bs.findings(fit)]
