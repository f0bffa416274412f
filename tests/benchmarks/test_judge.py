"""Splits and scores of the benchmark on extrapolation, and the fits of the field's practice, on tables made here."""

import judge
import numpy as np
import pandas as pd
import practice
import pytest
import rivals
from sweeps import Sweep

ROWS = 40


def sweep(rows: int = ROWS, scatter: float = 0.0, unit: str = "nats/token") -> Sweep:
    """Return runs of Chinchilla's law: compute grows with the row, and every fourth run is barely trained."""
    params = np.geomspace(1e7, 1e10, rows)
    tokens = np.where(np.arange(rows) % 4 == 1, 0.3, 20.0) * params
    loss = 1.8 + 482 * params**-0.348 + 2085 * tokens**-0.366
    noise = np.random.default_rng(3).normal(0.0, scatter, rows)
    return Sweep("made", "mine", pd.DataFrame({"params": params, "tokens": tokens, "loss": loss * np.exp(noise)}), unit=unit)


def grid(scatter: float = 0.0) -> Sweep:
    """Return an isoFLOP grid of Chinchilla's law: nine sizes about the optimum at each of eight budgets."""
    compute = np.repeat(np.geomspace(1e18, 1e21, 8), 9)
    params = np.sqrt(compute / 120) * np.tile(np.geomspace(0.4, 2.5, 9), 8)
    tokens = compute / 6 / params
    loss = 1.6 + 482 * params**-0.35 + 700 * tokens**-0.35
    noise = np.random.default_rng(5).normal(0.0, scatter, len(loss))
    return Sweep("grid", "mine", pd.DataFrame({"params": params, "tokens": tokens, "loss": loss * np.exp(noise)}))


def test_runs_are_trained_on_below_those_held_out_and_only_within_the_filter() -> None:
    found = {split.depth: split for split in judge.splits(sweep())}
    assert list(found) == ["upper third", "upper half", "all but ten"]
    assert len(found["upper third"].train) > len(found["upper half"].train) > len(found["all but ten"].train) == 10
    for split in found.values():
        assert (split.train["tokens"] > 0.45 * split.train["params"]).all()
        assert not split.held["within"].all()
        assert (split.held["within"] == (split.held["tokens"] > 0.45 * split.held["params"])).all()
        assert split.held["compute"].min() >= split.train["compute"].max()
        assert split.held["decades"].max() == pytest.approx(
            np.log10(split.held["compute"].max() / split.train["compute"].max())
        )


def test_a_sweep_with_few_runs_has_no_deepest_split() -> None:
    assert [split.depth for split in judge.splits(sweep(18))] == ["upper third", "upper half"]


def test_scores_of_draws_are_those_of_a_normal() -> None:
    draws = np.random.default_rng(1).normal(0.0, 1.0, (2, 40_000))
    found = judge.scores(draws, np.array([0.0, 1.2]))
    at, below, density = 1.2, 0.884930, 0.194186
    closed = [2 * 0.398942 - 1 / np.sqrt(np.pi), at * (2 * below - 1) + 2 * density - 1 / np.sqrt(np.pi)]
    np.testing.assert_allclose(found["crps"], closed, atol=0.02)
    assert found["in_50"].tolist() == [1.0, 0.0]
    assert found["in_90"].tolist() == [1.0, 1.0]


def test_a_point_has_an_error_and_no_bands_and_silence_has_nothing() -> None:
    found = judge.scores(np.array([[1.1], [np.nan]]), np.array([1.0, 1.0]))
    assert found["crps"].iloc[0] == pytest.approx(0.1)
    assert found["error"].iloc[0] == pytest.approx(np.expm1(0.1))
    assert found["in_90"].isna().all()
    assert found.iloc[1][["crps", "error", "in_50"]].isna().all()


def test_means_and_ratios_are_of_the_runs_that_a_method_speaks_of() -> None:
    def all_of_them(train: pd.DataFrame, held: pd.DataFrame, of: Sweep) -> np.ndarray:
        return np.log(held["loss"].to_numpy())[:, None] + 0.02

    def the_first(train: pd.DataFrame, held: pd.DataFrame, of: Sweep) -> np.ndarray:
        return np.where(np.arange(len(held)) == 0, np.log(held["loss"].to_numpy()) + 0.01, np.nan)[:, None]

    one = sweep()
    points = pd.concat([judge.judged({"ours": all_of_them, "theirs": the_first}, one, split) for split in judge.splits(one)])
    table = judge.summary(points).set_index(["depth", "method"])
    assert table.loc[("upper half", "theirs"), "n"] == 1
    assert table.loc[("upper half", "theirs"), "silent"] == table.loc[("upper half", "ours"), "n"] - 1
    ratio = judge.ratios(points, "ours")
    assert (ratio["n"] == 1).all()
    np.testing.assert_allclose(ratio["ratio"], 2.0)


def test_families_count_once() -> None:
    table = pd.DataFrame({"family": ["a", "a", "a", "b"], "ratio": [1.0, 1.0, 1.0, 4.0]})
    assert judge.over_families(table, "ratio") == pytest.approx(2.5)
    assert judge.over_families(table, "ratio", judge.geometric) == pytest.approx(2.0)


@pytest.mark.parametrize("scatter", [0.0, 0.01])
def test_starts_taken_together_end_where_each_would(scatter: float) -> None:
    one = grid(scatter)
    logs, seen = np.log(one.table[["params", "tokens"]].to_numpy().T), np.log(one.table["loss"].to_numpy())
    begin = np.array([[5.0, 5.0, 0.0, 0.5, 0.5], [10.0, 10.0, 0.5, 0.5, 0.5], [5.0, 15.0, -1.0, 0.5, 1.0]])
    found, value = practice.fitted(begin, logs, seen)
    alone = min((practice.minimised(start, logs, seen) for start in begin), key=lambda of: float(of.fun))
    assert value.min() <= alone.fun + 1e-9
    best = found[np.argmin(value)]
    assert practice.huber(best, logs, seen)[0] == pytest.approx(value.min(), abs=1e-12)
    np.testing.assert_allclose(practice.log_law(best, logs), practice.log_law(alone.x, logs), atol=2e-4)


def test_weights_are_multiplicities() -> None:
    one = grid(0.01)
    logs, seen = np.log(one.table[["params", "tokens"]].to_numpy().T), np.log(one.table["loss"].to_numpy())
    rows = np.random.default_rng(2).integers(0, len(seen), len(seen))
    begin = np.array([[6.0, 6.5, 0.5, 0.35, 0.35]])
    weighted = practice.fitted(begin, logs, seen, np.bincount(rows, minlength=len(seen))[None])[1]
    np.testing.assert_allclose(weighted, practice.fitted(begin, logs[:, rows], seen[rows])[1], rtol=1e-6)


@pytest.mark.parametrize("name", rivals.RIVALS)
def test_every_rival_foretells_runs_of_a_law_or_is_silent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "STARTS", 30)
    monkeypatch.setattr(rivals, "REFITS", 30)
    monkeypatch.setattr(rivals, "OLMO_REFITS", 10)
    one = grid(0.001)
    split = judge.splits(one)[0]
    found = judge.judged({name: rivals.RIVALS[name]}, one, split)
    assert len(found) == len(split.held)
    told = found.dropna(subset=["crps"])
    assert len(told) >= len(found) / 3
    assert told["error"].abs().max() < {"last two sizes": 0.1, "optimal power law": 0.1}.get(name, 0.03)
    few = judge.judged({name: rivals.RIVALS[name]}, one, split._replace(train=split.train.iloc[:3]))
    assert np.isfinite(few["crps"]).all() or few["crps"].isna().any()


def test_a_loss_in_another_unit_has_its_floor_in_that_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    one = grid()
    per_byte = Sweep(one.name, one.family, one.table.assign(loss=one.table["loss"] / np.log(2) / 4.3), unit="bits/byte")
    first, second = (
        rivals.marin(split.train, split.held, of).draws for of in (one, per_byte) for split in judge.splits(of)[:1]
    )
    told = np.isfinite(first).all(axis=1)
    np.testing.assert_allclose(
        np.median(second[told], axis=1), np.median(first[told], axis=1) - np.log(np.log(2) * 4.3), atol=1e-6
    )
