"""A ledger of forecasts: what is registered, how runs are found, and how forecasts are scored."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from by_hand import CLEAN, fit_with, sweep

import bayes_scaling as bs
from bayes_scaling._base.chain import START, append, locked
from bayes_scaling.data.columns import Average, Curve, MeasurementError
from bayes_scaling.inference.stacking import stack
from bayes_scaling.validation.ledger import Ledger, read, register, verify
from bayes_scaling.validation.ledger_hashes import data_hash, fit_hash
from bayes_scaling.validation.ledger_scores import score
from bayes_scaling.validation.scores import score_points

POINTS = pd.DataFrame({"params": [5e9, 1e9, 2e9], "tokens": [2e11, 2e10, 3e10], "arch": ["dense", "sparse", "dense"]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "led.jsonl"


def nameless(fit: bs.Fit, **changes: Any) -> bs.Fit:
    """Return a fit whose runs have no names, and other columns as asked."""
    columns = replace(fit.runs.columns, run=None, **changes)
    table = fit.runs.table.drop(columns="run").rename(columns={"response": "loss"})
    return replace(fit, runs=bs.read_runs(table.assign(loss_se=0.02, ppl=np.exp(table["loss"])), columns))


def test_scores_are_those_of_all_draws(path: Path) -> None:
    fit = nameless(sweep(CLEAN))
    held = POINTS.assign(loss=[2.2, 2.48, 2.6])
    exact = score_points(fit, held.rename(columns={"loss": "response"}))
    found = score(register(fit, POINTS, path), held).points
    for name in ("q05", "q50", "q95", "relative_error", "error"):
        assert found[name].tolist() == pytest.approx(exact[name].tolist(), rel=1e-6)
    assert found["crps"].tolist() == pytest.approx(exact["crps"].tolist(), rel=0.01, abs=1e-5)
    assert found["pit"].tolist() == pytest.approx(exact["pit"].tolist(), abs=0.006)
    sums = score(path, held).to_frame(()).iloc[0]
    assert sums["coverage_90"] == pytest.approx(
        np.mean([a <= x <= b for a, x, b in found[["q05", "observed", "q95"]].to_numpy()])
    )
    assert sums["bias"] == pytest.approx(exact["relative_error"].mean(), rel=1e-6)


@pytest.mark.parametrize("relative", [True, False])
def test_a_run_with_a_measurement_error_is_scored_as_it_was_read(path: Path, relative: bool) -> None:
    fit = nameless(sweep(CLEAN), measurement_error=MeasurementError("loss_se", relative=relative))
    held = POINTS.assign(loss=[2.2, 2.48, 2.6], loss_se=0.1)
    error = 0.1 * held["loss"] if relative else 0.1
    exact = score_points(fit, held.drop(columns="loss_se").rename(columns={"loss": "response"}).assign(measurement_error=error))
    found = score(register(fit, POINTS, path), held).points
    assert found["crps"].tolist() == pytest.approx(exact["crps"].tolist(), rel=0.15)
    assert (np.log(found["q95"] / found["q05"])).tolist() == pytest.approx(
        np.log(exact["q95"] / exact["q05"]).tolist(), rel=0.2
    )
    bare = score(path, held.assign(loss_se=0.0)).points
    assert (found["q95"] - found["q05"] > 1.5 * (bare["q95"] - bare["q05"])).all()


def test_perplexities_are_scored_as_their_logarithms(path: Path) -> None:
    fit = nameless(sweep(CLEAN), response=bs.Response("ppl", "perplexity"))
    known = register(fit, POINTS, path)
    assert known.entries[0].unit == "nats/token"
    found = score(known, POINTS.assign(ppl=np.exp([2.2, 2.48, 2.6]))).points
    assert found["observed"].tolist() == pytest.approx([2.2, 2.48, 2.6])


def test_losses_below_zero_have_errors_in_their_unit_only(path: Path) -> None:
    table = pd.DataFrame({"compute": np.geomspace(1e18, 1e20, 8), "loss": np.linspace(0.1, -0.4, 8)})
    columns = bs.Columns({"compute": bs.Input("compute", "FLOP", 1e19)}, bs.Response("loss", "log loss", positive=False))
    law = bs.parse_law("E - A * log(compute)", ["compute"])
    noise = bs.Noise(sd=bs.Prior(median=0.02, factor=2.0), distribution="normal", on="loss")
    model = bs.Model(law, {"E": bs.Prior(between=(-1.0, 1.0)), "A": bs.Prior(median=0.1, factor=2.0)}, noise)
    fit = fit_with(model, bs.read_runs(table, columns), {"E": -0.15, "A": 0.108, "noise_sd": 0.02}, health=CLEAN)
    found = score(register(fit, {"compute": [1e21]}, path), {"compute": [1e21], "loss": [-0.6]})
    (row,) = found.points.to_dict("records")
    assert row["status"] == "scored"
    assert np.isnan(row["relative_error"])
    assert np.isnan(found.to_frame(()).loc[0, "bias"])
    assert row["error"] == pytest.approx(row["q50"] + 0.6)
    assert "too" not in found.summary()


def test_a_stack_is_registered_with_its_laws_and_weights(path: Path) -> None:
    fit = sweep(CLEAN)
    both = stack({"one": fit, "two": replace(fit, settings=replace(fit.settings, seed=5))}, {"one": 0.25, "two": 0.75})
    known = register(both, POINTS, path)
    assert list(known.entries[0].models) == ["one", "two"]
    assert known.entries[0].weights == {"one": 0.25, "two": 0.75}
    assert score(known, POINTS.assign(run=["a", "b", "c"], loss=2.4)).to_frame().loc[0, "scored"] == 3


def test_runs_are_found_by_name_else_by_groups_and_inputs(path: Path) -> None:
    fit = sweep(CLEAN)
    register(fit, POINTS.assign(run=["a", "b", "c"]), path)
    known = register(fit, POINTS, path)
    runs = pd.concat([POINTS, POINTS.head(1).assign(params=5.02e9)]).assign(run=["z", "b", "c", "y"], loss=2.4)
    found = score(known, runs).points
    by_name, by_place = found[found["entry"] == 1], found[found["entry"] == 2]
    assert by_name["status"].tolist() == ["no run yet", "scored", "scored"]
    assert by_place["run_name"].tolist() == ["z", "y", "b", "c"]  # two runs of one place are two trials
    other = score(known, runs.assign(arch="sparse")).points
    assert other[other["entry"] == 2]["status"].tolist() == ["no run yet", "scored", "no run yet"]


def test_levels_are_found_however_they_are_written(path: Path) -> None:
    fit = sweep(CLEAN)
    known = register(fit, POINTS.assign(arch=[2048, 2048, 4096], run=["a", "b", "c"]), path)
    assert any("levels that the runs do not have" in note for note in known.entries[0].notes)
    found = score(known, POINTS.assign(arch=["2048", "2048.0", "8192"], run=["a", "b", "c"], loss=2.4)).points
    assert found["status"].tolist() == ["scored", "scored", "no run yet"]


@pytest.mark.parametrize("named", [True, False])
def test_runs_of_the_fits_own_data_are_no_forecasts(path: Path, named: bool) -> None:
    fit = sweep(CLEAN) if named else nameless(sweep(CLEAN))
    own = fit.runs.table.rename(columns={"response": "loss"})
    known = register(fit, own.iloc[[3, 50]].drop(columns="loss"), path)
    found = score(known, own)
    assert found.points["status"].tolist() == ["in the fit's data"] * 2
    assert "2 no forecasts, as their runs were in the fit's data" in found.summary()
    assert found.to_frame().loc[0, "scored"] == 0
    again = own.assign(loss=own["loss"] * 1.001, **({"run": own["run"] + " again"} if named else {}))
    unnamed = register(fit, own.iloc[[3, 50]][["params", "tokens", "arch"]], path)
    assert score(Ledger(unnamed.entries[1:]), again).points["status"].tolist() == ["scored"] * 2


def curves() -> bs.Fit:
    """Return a fit to averages of logs of Chinchilla's law."""
    fit = sweep(CLEAN)
    columns = replace(fit.runs.columns, curve=Curve("tokens"), average=Average("tokens", 10))
    logs = fit.runs.table.rename(columns={"response": "loss"}).drop_duplicates(["run"]).drop(columns=["tokens", "loss"])
    return replace(fit, runs=bs.read_runs(logged(logs), columns))


def logged(runs: pd.DataFrame, upto: float = 1e11) -> pd.DataFrame:
    """Return 300 rows of each of some runs, by the law that their fit has, with a scatter that rows do not share."""
    table = runs.merge(pd.DataFrame({"tokens": np.geomspace(1e9, upto, 300)}), how="cross")
    loss = 1.8 + 0.37 * (table["params"] / 1e9) ** -0.35 + 0.46 * (table["tokens"] / 1e10) ** -0.37
    return table.assign(loss=loss * np.exp(np.random.default_rng(0).normal(0, 0.05, len(table))))


def test_a_forecast_along_a_log_is_of_means_about_its_places(path: Path) -> None:
    fit = curves()
    places = pd.DataFrame({"tokens": [5e9, 2e10, 9e10], "params": 2e9, "arch": "dense", "run": "new"})
    known = register(fit, places, path)
    log = logged(places.drop(columns="tokens").head(1), upto=5e10)
    found = score(known, log).points
    assert found["status"].tolist() == ["scored", "scored", "no run yet"]
    for i in (0, 1):
        about = log[np.abs(np.log10(log["tokens"] / places["tokens"][i])) <= 0.05]
        assert len(about) > 10
        assert found["observed"][i] == pytest.approx(about["loss"].mean())
    own = score(register(fit, places.assign(run="dense 1e+08", params=1e8), path), logged(own_run(fit))).points
    assert own[own["entry"] == 2]["status"].tolist() == ["in the fit's data"] * 3


def own_run(fit: bs.Fit) -> pd.DataFrame:
    table = fit.runs.table
    return table[table["run"] == "dense 1e+08"][["params", "arch", "run"]].drop_duplicates()


def test_entries_of_another_table_are_said_and_left_out(path: Path) -> None:
    register(bs.prior("moba_vs_full", draws=50), {"compute": [10.0], "position": 30720, "attention": "moba"}, path)
    known = register(sweep(CLEAN), POINTS, path)
    found = score(known, POINTS.assign(run=["a", "b", "c"], loss=2.4))
    assert found.points["status"].tolist() == ["not read", "scored", "scored", "scored"]
    assert "1 of other tables" in found.summary()
    assert any(note.startswith("Entry 1: ") for note in found.notes)
    assert "draws from the prior" in found.summary()
    with pytest.raises(bs.InputError, match="no column"):
        score(known, {"a": [1.0]})


def test_forecasts_in_two_units_have_no_common_error(path: Path) -> None:
    register(nameless(sweep(CLEAN)), POINTS, path)
    bits = nameless(sweep(CLEAN), response=bs.Response("loss", "bits/byte"))
    known = register(bits, POINTS, path)
    found = score(known, POINTS.assign(loss=2.4), units={"loss": "bits/byte"})
    assert found.points["status"].tolist() == ["not read"] * 3 + ["scored"] * 3
    assert found.to_frame(["unit"])["scored"].tolist() == [3, 0]
    assert "responses are in bits/byte, forecasts in nats/token" in found.summary()


def test_a_seed_gives_the_same_forecast_and_hashes_hold_over_saving(path: Path, tmp_path: Path) -> None:
    fit = sweep(CLEAN)
    one, two, other = (register(fit, POINTS, path, seed=seed).entries[-1] for seed in (1, 1, 2))
    assert one.quantiles == two.quantiles != other.quantiles
    again = bs.load(bs.save(fit, tmp_path / "fit.nc"))
    assert fit_hash(again) == fit_hash(fit) == one.fit_sha256
    assert data_hash(again.runs) == data_hash(fit.runs) == one.data_sha256
    changed = fit.runs.table.assign(response=fit.runs.table["response"] * (1 + 1e-9))
    assert data_hash(replace(fit.runs, table=changed)) != one.data_sha256
    assert abs((datetime.now(UTC) - datetime.fromisoformat(one.registered)).total_seconds()) < 3600


def test_a_ledger_shows_itself(path: Path) -> None:
    known = register(sweep(CLEAN), POINTS, path)
    assert repr(known) == "Ledger: 1 entry, 3 forecasts"
    assert known.to_frame()["params"].tolist() == POINTS["params"].tolist()
    assert known.summary().endswith(known.head)
    assert verify(path, known.head[:20].upper()) == read(path)
    assert repr(score(known, POINTS.assign(run=["a", "b", "c"], loss=2.4))) == "LedgerScores: 1 entry, 3 scored"
    assert "<table" in known._repr_html_()
    assert Ledger(()).summary() == "a ledger holds no forecasts."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "format 'x'"),
        ({"points": 3}, "points"),
        ({"points": []}, "quantiles are not those of its points"),
        ({"bands": {"q05": [1.0, 2.0, 3.0]}}, "quantiles"),
        ({"quantiles": [["a"]]}, "quantiles"),
        ({"quantiles": [[1.0], [1.0], [1.0]]}, "quantiles"),
        ({"models": {}}, "quantiles"),
        ({"seed": None}, "seed"),
    ],
)
def test_an_entry_that_nobody_registered_is_refused(path: Path, change: dict[str, Any], said: str) -> None:
    register(sweep(CLEAN), POINTS, path)
    record = json.loads(path.read_text()) | change
    path.unlink()
    for name in ("entry", "previous", "sha256"):
        record.pop(name)
    with locked(path):
        append(path, record)
    with pytest.raises(bs.InputError, match="line 1") as error:
        read(path)
    assert said in str(error.value)


def test_a_model_that_nobody_wrote_is_refused(path: Path) -> None:
    known = register(sweep(CLEAN), POINTS, path)
    broken = Ledger((replace(known.entries[0], models={"x": "[law"}),), "led")
    with pytest.raises(bs.InputError, match="led, entry 1"):
        score(broken, POINTS.assign(run=["a", "b", "c"], loss=2.4))


def test_what_cannot_be_forecast_is_not_registered(path: Path) -> None:
    fit = sweep(CLEAN)
    for points in (POINTS.assign(params=-1.0), POINTS.drop(columns="arch"), POINTS.head(0)):
        with pytest.raises(bs.InputError):
            register(fit, points, path)
    with pytest.raises(bs.InputError, match="tolerance"):
        score(register(fit, POINTS, path), POINTS, tolerance=1.0)
    with pytest.raises(bs.InputError, match="no forecasts"):
        score(path.with_name("none.jsonl"), POINTS)


def test_a_hash_can_be_checked_with_nothing_but_a_hash_function(path: Path) -> None:
    register(sweep(CLEAN), POINTS, path)
    line = path.read_text().rstrip("\n")
    hashed, own = line.rsplit(',"sha256":"', 1)
    assert hashlib.sha256(hashed.encode()).hexdigest() == own.removesuffix('"}')
    assert START in hashed


def test_forecasts_that_the_filter_leaves_out_are_said(path: Path) -> None:
    fit = nameless(sweep(CLEAN), where="params < 4e9")
    points = pd.concat([POINTS.head(1)] * 2).assign(params=[5e9, 3e9])
    with pytest.warns(UserWarning, match="leaves out 1 of 2 forecasts, which will not be scored") as warned:
        known = register(fit, points, path)
    assert warned[0].filename == __file__
    said = "the filter 'params < 4e9' of the fit's runs leaves out 1 of 2 forecasts, which will not be scored"
    assert said in known.entries[0].notes
    done = pd.concat([points.head(1), POINTS.head(1).assign(params=1e9)]).assign(loss=2.4, loss_se=0.02, ppl=11.0)
    found = score(known, done)
    assert found.points["status"].tolist() == ["left out by the study's filter", "no run yet"]
    assert "1 left out by the study's filter" in found.summary()
    free = register(nameless(sweep(CLEAN)), points, path)
    assert not any("filter" in note for note in free.entries[1].notes)


def test_losses_whose_column_says_another_unit_are_not_scored(path: Path) -> None:
    known = register(nameless(sweep(CLEAN)), POINTS, path)
    held = POINTS.assign(loss=[2.2, 2.48, 2.6])
    with pytest.raises(bs.InputError, match=r"responses are in bits/byte, forecasts in nats/token; give them in nats/token"):
        score(known, held.rename(columns={"loss": "val_bpb"}), columns={"loss": "val_bpb"})
    found = score(known, held.assign(params_m=held["params"] / 1e6), columns={"params": "params_m"})
    assert found.to_frame(()).loc[0, "scored"] == 3
    assert any("'params_m' counts in M parameters" in note for note in found.notes)
