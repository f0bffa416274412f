"""Raw training logs: checked as logs, mended where a rule says how, thinned; what was found is said and kept."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from public_tables import path_of, whole
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling._base.numbers import exact
from bayes_scaling.cli.commands import app
from bayes_scaling.data.columns import Average, Curve, MeasurementError
from bayes_scaling.data.runs import Runs, subset
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.study import study_runs
from bayes_scaling.model.studies.writing import study_text

INPUTS = {"tokens": bs.Input("tokens", "tokens", 1e9)}
TOKENS = 2**19


def log(name: str = "a", rows: int = 400, seed: int = 0, first: int = 1, noise: float = 0.005) -> pd.DataFrame:
    """Return the log of a run as it is without mishap; loss falls steeply at its start."""
    step = np.arange(first, first + rows)
    scatter = np.random.default_rng(seed).normal(0, noise, rows)
    loss = (1.8 + 2000 * (step * TOKENS) ** -0.366) * np.exp(scatter)
    return pd.DataFrame({"run_id": name, "tokens": step * float(TOKENS), "loss": loss})


def several(names: str, rows: int = 400) -> pd.DataFrame:
    return pd.concat([log(name, rows, seed) for seed, name in enumerate(names)], ignore_index=True)


def read(table: object, curve: Curve | None = None, **more: object) -> Runs:
    columns = bs.Columns(**{"inputs": INPUTS, "run": "run_id", "curve": curve or Curve("tokens"), **more})
    return bs.read_runs(table, columns)


def refusal(table: object, curve: Curve | None = None, **more: object) -> str:
    with pytest.raises(bs.InputError) as error:
        read(table, curve, **more)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_log_without_mishap_stays_as_it_is_and_nothing_is_said() -> None:
    frame = several("abc")
    runs = read(frame)
    assert runs.notes == ()
    np.testing.assert_array_equal(runs.table["response"], frame["loss"])
    np.testing.assert_array_equal(runs.table["tokens"], frame["tokens"])
    assert runs.averaged == len(runs) == len(frame)


def test_without_a_curve_rows_are_taken_in_any_order_and_nothing_is_said() -> None:
    frame = (
        several("ab").sample(frac=1, random_state=1).assign(schedule=lambda of: np.where(of["run_id"] == "a", "wsd", "cosine"))
    )
    bare = bs.read_runs(frame, bs.Columns(INPUTS, run="run_id"))
    assert bare.notes == ()
    assert "count" not in bare.table
    np.testing.assert_array_equal(bare.table["response"], frame["loss"])


@pytest.mark.parametrize("seed", range(6))
def test_after_restarts_each_place_is_there_once_from_the_last_attempt(seed: int) -> None:
    rng = np.random.default_rng(seed)
    written, at, attempts = [], 0, 1 + rng.integers(4)
    for attempt in range(attempts):
        end = 400 if attempt == attempts - 1 else int(rng.integers(at + 1, 400))
        written += [(step, attempt) for step in range(at, end)]
        at = int(rng.integers(max(1, end // 2), end))
    frame = log().iloc[[step for step, _ in written]].assign(attempt=[float(attempt + 1) for _, attempt in written])
    expected = dict(written)
    runs = read(frame, inputs={**INPUTS, "attempt": bs.Input("attempt")})
    np.testing.assert_array_equal(runs.table["tokens"], np.array(sorted(expected)) * TOKENS + TOKENS)
    np.testing.assert_array_equal(runs.table["attempt"], [expected[step] + 1 for step in sorted(expected)])
    if attempts > 1:
        restarts = f"{attempts - 1} restart{'s' if attempts > 2 else ''} in run 'a': {len(written) - len(expected)} row"
        assert runs.notes[0].startswith(restarts)
    else:
        assert runs.notes == ()


def test_a_restart_that_ends_before_the_earlier_attempt_did_still_replaces_it() -> None:
    runs = read(pd.concat([log(rows=100), log(rows=20, first=50, seed=5)]))
    np.testing.assert_array_equal(runs.table["tokens"], np.arange(1, 70) * TOKENS)
    assert runs.notes[0].startswith("1 restart in run 'a': 51 rows of earlier attempts")


def test_logs_of_runs_may_be_written_in_turns() -> None:
    frame = several("ab", 100).sort_values("tokens", kind="stable")
    assert read(frame).notes == ()
    again = pd.concat([frame, log("b", 30, 7, first=90)])
    runs = read(again)
    assert runs.notes[0].startswith("1 restart in run 'b': 11 rows")
    assert runs.table["run"].value_counts().to_dict() == {"a": 100, "b": 119}


@pytest.mark.parametrize("rows", [12, 60, 3000])
def test_rows_in_no_order_are_refused(rows: int) -> None:
    frame = pd.concat([log("a", rows), log("b", rows).sample(frac=1, random_state=2)])
    message = refusal(frame)
    assert message.startswith("the data frame: the rows of run 'b' are in no order, tokens goes back in ")
    assert "sort them by tokens" in message
    assert "run 'b' are in no order" in refusal(pd.concat([log("a", rows), log("b", rows)[::-1]]))


def test_two_logs_under_one_name_are_refused() -> None:
    frame = pd.concat([log(rows=50), log(rows=80, seed=1), log(rows=60, seed=2)])
    message = refusal(frame)
    assert message.startswith("the data frame: run 'a' starts over at tokens 524288 in row 131, after it had come to 41.94304M")
    assert "several logs under one name; say in run or groups what tells them apart" in message
    apart = frame.assign(seed=np.repeat([0, 1, 2], [50, 80, 60]))
    assert read(apart, run=("run_id", "seed")).notes == ()
    assert read(apart, groups={"seed": "seed"}).notes == ()


def test_of_rows_at_one_place_running_the_last_is_kept() -> None:
    frame = log(rows=60)
    doubled = pd.concat([frame, frame.iloc[[9, 30, 30]].assign(loss=[2.5, 2.6, 2.7])]).sort_values("tokens", kind="stable")
    runs = read(doubled)
    assert len(runs) == 60
    assert (runs.table["response"].iloc[9], runs.table["response"].iloc[30]) == (2.5, 2.7)
    assert runs.notes == ("tokens is the same in rows running in run 'a': 3 rows left out, the last kept",)


def test_a_log_written_twice_line_by_line_is_read_once() -> None:
    frame = log(rows=60)
    runs = read(frame.loc[frame.index.repeat(2)])
    np.testing.assert_array_equal(runs.table["response"], frame["loss"])
    assert "60 rows left out" in runs.notes[0]


def test_rows_of_different_things_at_one_place_are_refused() -> None:
    sets = pd.concat([log().assign(set=which, loss=lambda of, i=i: of["loss"] + i) for i, which in enumerate(["c4", "pile"])])
    sets = sets.sort_values("tokens", kind="stable")
    message = refusal(sets)
    assert message.startswith("the data frame: run 'a' has several rows at one tokens, with other losses, 400 of 800 rows")
    assert message.endswith("the first in row 2; say in run or groups what tells them apart")
    assert read(sets, groups={"set": "set"}).notes == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("ending", ["frame", "csv", "parquet"])
def test_missing_losses_are_refused_or_left_out(ending: str, value: float, tmp_path: Path) -> None:
    frame = several("abcde", 50)
    wrong = [17, 60, 61, 120, 170, 220]
    frame.loc[wrong, "loss"] = value
    path = tmp_path / f"log.{ending}"
    table = {"frame": frame, "csv": path, "parquet": path}[ending]
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    name = "the data frame" if ending == "frame" else str(path)
    what = "column 'loss' is missing or not finite in 6 rows of runs 'a', 'b', 'c' and 2 more, the first is row 18"
    assert refusal(table) == f'{name}: {what}; skip = ["missing"] in curve leaves them out'
    runs = read(table, Curve("tokens", skip=("missing",)))
    assert runs.notes == (f"{what}: left out",)
    np.testing.assert_array_equal(runs.table["response"], frame["loss"].drop(wrong))


def test_text_for_a_loss_stays_an_error() -> None:
    frame = log().astype({"loss": object})
    frame.loc[5, "loss"] = "diverged"
    for skip in ((), ("missing",)):
        expected = "the data frame: column 'loss', row 6: 'diverged' is text; expected a number"
        assert refusal(frame, Curve("tokens", skip=skip)) == expected


@pytest.mark.parametrize("value", [0.0, -1.5])
def test_a_loss_that_is_not_positive_stays_an_error(value: float) -> None:
    frame = log()
    frame.loc[8, "loss"] = value
    for skip in ((), ("missing", "spikes")):
        message = refusal(frame, Curve("tokens", skip=skip))
        assert message == f"the data frame: column 'loss', row 9: {value} is not positive, and its logarithm is taken"


def test_what_a_crashed_attempt_did_not_lose_a_loss_for_is_replaced_without_asking() -> None:
    crashed = log(rows=100)
    crashed.loc[95:, "loss"] = np.nan
    runs = read(pd.concat([crashed, log(rows=100, first=80)]))
    assert len(runs) == 179
    assert len(runs.notes) == 1


def test_rows_without_a_loss_do_not_replace_those_with_one_where_they_are_skipped() -> None:
    frame = log(rows=60)
    evaluations = frame.assign(loss=np.nan)
    runs = read(pd.concat([frame, evaluations]).sort_values("tokens", kind="stable"), Curve("tokens", skip=("missing",)))
    np.testing.assert_array_equal(runs.table["response"], frame["loss"])


def test_a_missing_loss_needs_no_measurement_error() -> None:
    frame = log().assign(error=0.01)
    frame.loc[7, ["loss", "error"]] = np.nan
    more = {"measurement_error": MeasurementError("error")}
    assert len(read(frame, Curve("tokens", skip=("missing",)), **more)) == 399
    frame.loc[9, "error"] = np.nan
    assert "row 10" in refusal(frame, Curve("tokens", skip=("missing",)), **more)


@pytest.mark.parametrize("wide", [1, 3])
def test_spikes_are_found_and_left_out_on_demand(wide: int) -> None:
    frame = several("ab")
    high = np.arange(250, 250 + wide)
    frame.loc[high, "loss"] *= 1.5
    frame.loc[700, "loss"] *= 1.2
    runs = read(frame)
    assert len(runs) == 800
    (note,) = runs.notes
    assert note.startswith(f"{wide + 1} spikes in runs 'a', 'b', more than 5 % and 8 robust standard deviations above the rows")
    assert int(note.split("the highest by ")[1].split(" %")[0]) == pytest.approx(50, abs=3)
    assert note.endswith(': kept; skip = ["spikes"] in curve leaves them out')
    left = read(frame, Curve("tokens", skip=("spikes",)))
    assert left.notes[0].endswith(": left out")
    np.testing.assert_array_equal(left.table["response"], frame["loss"].drop([*high, 700]))


@pytest.mark.parametrize("place", [3, 200, 399])
def test_a_spike_is_found_wherever_it_is(place: int) -> None:
    frame = log()
    frame.loc[place, "loss"] = frame["loss"].iloc[max(place - 3, 0) : place].max() * 1.5
    assert len(read(frame, Curve("tokens", skip=("spikes",)))) == 399


@pytest.mark.parametrize("noise", [0.0, 0.003, 0.02, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_noise_the_steep_start_and_annealing_are_no_spikes(noise: float, seed: int) -> None:
    frame = log(rows=3000, seed=seed, noise=noise)
    annealed = np.where(frame.index >= 2700, 1 - 0.15 * (frame.index - 2700) / 300, 1.0)
    assert read(frame.assign(loss=frame["loss"] * annealed)).notes == ()


def test_short_runs_are_not_judged() -> None:
    frame = log(rows=29)
    frame.loc[15, "loss"] *= 3
    assert read(frame).notes == ()


def test_a_run_that_diverged_is_named() -> None:
    frame = several("ab")
    frame.loc[600:, "loss"] *= np.linspace(1, 1.4, 200)
    (note,) = read(frame).notes
    assert note.startswith("the loss ends more than 5 % above its lowest in run 'b', by ")
    assert note.endswith(" % in run 'b': diverged?")


@pytest.mark.parametrize(
    ("file", "along", "loss", "run", "spikes"),
    [
        ("gemstones.csv", "tokens", "loss", "run_id", 0),
        ("multipower_curves.csv", "step", "loss", "run_id", 0),
        ("xlstm_curves.csv.gz", "tokens", "loss", "run_id", 42),
        ("olmo_ladder.csv.gz", "tokens", "loss", ("run_id", "eval_set"), 0),
    ],
)
def test_public_curves_raise_few_alarms(file: str, along: str, loss: str, run: str, spikes: int) -> None:
    whole()
    path = path_of(file.split(".")[0])
    runs = read(path, Curve(along), inputs={along: bs.Input(along)}, response=bs.Response(loss), run=run)
    found = [note for note in runs.notes if "spike" in note]
    assert [note.split()[0] for note in found] == ([str(spikes)] if spikes else [])
    others = [note for note in runs.notes if "spike" not in note and "schedule" not in note and "falls along" not in note]
    assert len(others) == (file.startswith("xlstm"))
    assert all("diverged" in note and "mlstm_16384" in note for note in others)


def test_a_row_at_the_very_start_is_trimmed_with_the_warmup() -> None:
    frame = pd.concat([log().iloc[:1].assign(tokens=0.0, loss=0.0), log()])
    expected = "the data frame: column 'tokens', row 1: 0.0 is not positive, and its logarithm is taken; warmup in curve leaves"
    assert refusal(frame).startswith(expected)
    runs = read(frame, Curve("tokens", warmup=10.0 * TOKENS))
    assert runs.table["tokens"].iloc[0] == 10 * TOKENS
    assert runs.notes == (f"warm-up: 10 rows with tokens below {exact(10 * TOKENS)} left out",)


def test_the_warmup_may_be_a_fraction_of_each_run() -> None:
    frame = pd.concat([log("a", 400), log("b", 100)])
    runs = read(frame, Curve("tokens", warmup_fraction=0.05))
    assert runs.table.groupby("run")["tokens"].min().to_dict() == {"a": 20.0 * TOKENS, "b": 5.0 * TOKENS}
    assert runs.notes == ("warm-up: 23 rows with tokens below 0.05 of their run's last left out",)


def test_runs_of_a_single_row_and_runs_without_any_are_named() -> None:
    frame = pd.concat([log("a"), log("b", 1, first=200), log("c", 3)])
    runs = read(frame, Curve("tokens", warmup=50.0 * TOKENS))
    assert runs.notes[1:] == ("no row is left of run 'c'", "a single row is all there is of run 'b'")
    assert list(runs.levels["run"]) == ["a", "b"]
    assert "no row is left; warm-up: 404 rows" in refusal(frame, Curve("tokens", warmup=1e15))


@pytest.mark.parametrize("column", ["schedule", "lr_schedule", "scheduler"])
def test_schedules_that_nothing_reads_are_named(column: str) -> None:
    frame = several("abc").assign(**{column: lambda of: np.where(of["run_id"] == "a", "wsd", "cosine")})
    (note,) = read(frame).notes
    assert note.startswith(
        f"column {column!r} has 2 values, and nothing in the model reads it: losses under different schedules"
    )
    assert read(frame, groups={"how": column}).notes == ()
    assert read(frame, run=("run_id", column)).notes == ()
    assert read(frame, where=f"{column} == 'cosine'").notes == ()
    assert read(frame, where="run_id != 'a'").notes == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"warmup": 0.0}, r"warmup.* must be a positive number, not 0.0"),
        ({"warmup": np.nan}, r"warmup.* must be a positive number"),
        ({"warmup_fraction": 1.0}, r"warmup_fraction"),
        ({"warmup": 1.0, "warmup_fraction": 0.1}, "give either warmup or warmup_fraction"),
        ({"skip": ("spike",)}, "skip"),
        ({"skip": "missing"}, "skip"),
    ],
)
def test_a_curve_is_checked(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(bs.InputError, match=said):
        Curve("tokens", **wrong)


def test_a_curve_needs_runs_and_an_input() -> None:
    for wrong in ({"run": None}, {"curve": Curve("step")}):
        assert refusal(log(), **wrong) == r"curve needs run, and an input along which a run is logged, one of ['tokens']"
    with pytest.raises(bs.InputError, match=r"\['count'\] is taken"):
        bs.Columns(INPUTS, groups={"count": "run_id"})


def naive(frame: pd.DataFrame, per_decade: float) -> pd.DataFrame:
    """Return what thinning means, row by row."""
    rows: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for run, at, loss in frame[["run_id", "tokens", "loss"]].itertuples(index=False):
        rows.setdefault((run, np.floor(np.log10(at) * per_decade + 0.5)), []).append((at, loss))
    return pd.DataFrame(
        [
            {
                "response": np.mean([loss for _, loss in of]),
                "tokens": np.exp(np.mean(np.log([at for at, _ in of]))),
                "run": run,
                "count": float(len(of)),
                "mean_lag": np.mean(np.abs(np.log([[one / other for one, _ in of] for other, _ in of]))),
            }
            for (run, _), of in rows.items()
        ]
    )


@pytest.mark.parametrize("per_decade", [3, 20, 7.5])
def test_thinning_is_averaging_with_counts(per_decade: float) -> None:
    frame = several("abc", 500)
    runs = read(frame).thin(per_decade)
    pd.testing.assert_frame_equal(runs.table, naive(frame, per_decade), check_dtype=False, rtol=1e-12, atol=1e-12)
    assert runs.table["count"].dtype == float
    assert runs.table["count"].sum() == len(frame) == runs.averaged
    average = read(frame, average=Average("tokens", per_decade))
    pd.testing.assert_frame_equal(average.table, runs.table)
    assert average.averaged == len(frame)


def test_thinned_twice_counts_add_and_weigh() -> None:
    frame = several("ab", 500)
    once, twice = read(frame).thin(4), read(frame).thin(20).thin(4)
    assert twice.averaged == 1000
    assert twice.table["count"].sum() == 1000
    for runs in (once, twice):
        total = (runs.table["response"] * runs.table["count"]).groupby(runs.table["run"]).sum()
        np.testing.assert_allclose(total, frame.groupby("run_id")["loss"].sum(), rtol=1e-12)
        logs = (np.log(runs.table["tokens"]) * runs.table["count"]).groupby(runs.table["run"]).sum()
        np.testing.assert_allclose(logs, np.log(frame["tokens"]).groupby(frame["run_id"]).sum(), rtol=1e-12)
    pd.testing.assert_frame_equal(twice.thin(4).table, twice.table, rtol=1e-12)
    np.testing.assert_allclose(twice.table["mean_lag"], once.table["mean_lag"], rtol=0.05, atol=1e-3)


def test_thinning_keeps_inputs_that_do_not_change_and_what_else_the_runs_are() -> None:
    frame = several("ab").assign(n=123456789.123, set="c4")
    runs = read(frame, inputs={**INPUTS, "params": bs.Input("n")}, groups={"set": "set"})
    thin = runs.thin(5)
    assert set(thin.table["params"]) == {123456789.123}
    assert list(thin.table) == [*runs.table, "count", "mean_lag"]
    assert (thin.columns, thin.references, thin.source, thin.averaged) == (runs.columns, runs.references, runs.source, 800)
    assert thin.levels["run"].tolist() == ["a", "b"]


def test_what_to_thin_along_is_known_or_asked_for() -> None:
    frame = log().assign(step=lambda of: of["tokens"] / TOKENS)
    inputs = {**INPUTS, "step": bs.Input("step")}
    bare = bs.read_runs(frame, bs.Columns(inputs, run="run_id"))
    asked = r"to thin rows takes columns with run, and along = an input, one of \['step', 'tokens'\]"
    for wrong in ({}, {"along": "flops"}):
        with pytest.raises(bs.InputError, match=asked):
            bare.thin(**wrong)
    with pytest.raises(bs.InputError, match=asked):
        bs.read_runs(frame, bs.Columns(inputs)).thin(along="tokens")
    with pytest.raises(bs.InputError, match="per_decade must be a positive number, not 0"):
        bare.thin(0, along="tokens")
    assert len(bare.thin(5, along="step")) < 20
    averaged = bs.read_runs(frame, bs.Columns(inputs, run="run_id", average=Average("step", 20.0)))
    pd.testing.assert_frame_equal(averaged.thin(5).table, averaged.thin(5, "step").table)


def test_rows_of_thinned_runs_that_a_filter_keeps_are_counted() -> None:
    runs = read(several("ab")).thin(10)
    part = subset(runs, "run == 'a'")
    assert (part.averaged, part.table["count"].sum()) == (400, 400)


def two_files(folder: Path, **names: pd.DataFrame) -> list[Path]:
    paths = [folder / f"{name}.csv" for name in names]
    for path, frame in zip(paths, names.values(), strict=True):
        frame.to_csv(path, index=False)
    return paths


def test_several_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    paths = two_files(tmp_path, one=log("a"), two=log("b", seed=1).assign(more="x"))
    runs = read([*paths])
    pd.testing.assert_frame_equal(runs.table, read(several("ab")).table)
    assert runs.source == f"{paths[0]}, {paths[1]}"
    assert runs.notes == ()
    assert read([log("a"), log("b")]).source == "data frame 1, data frame 2"
    pd.testing.assert_frame_equal(read([several("ab")]).table, read(several("ab")).table)
    assert read([several("ab")]).source == "the data frame"
    assert refusal([]) == "no table is given; expected one or several"
    filtered = read([*paths], where="tokens < 1e8")
    assert filtered.dropped == 800 - len(filtered) > 0


def test_what_is_wrong_in_one_of_several_files_is_said_with_its_name_and_row(tmp_path: Path) -> None:
    bad = log("b")
    bad.loc[4, "loss"] = np.nan
    one, two, three = two_files(tmp_path, one=log("a"), two=bad, three=log("c").drop(columns="tokens"))
    assert refusal([one, two]).startswith(
        f"{two}: column 'loss' is missing or not finite in 1 row of run 'b', the first is row 5"
    )
    assert refusal([one, three]).startswith(f"{three}: no column 'tokens'")
    (note,) = read([one, two], Curve("tokens", skip=("missing",))).notes
    assert f"the first is row 5 of {two}: left out" in note


def test_a_run_may_go_on_in_the_next_file(tmp_path: Path) -> None:
    paths = two_files(tmp_path, log_1=log(rows=100), log_2=log(rows=100, first=80))
    runs = read([*paths])
    np.testing.assert_array_equal(runs.table["tokens"], np.arange(1, 180) * TOKENS)
    assert runs.notes[0] == "run 'a' goes on from one table to the next: it is read as one run"
    assert runs.notes[1].startswith("1 restart in run 'a': 21 rows")
    for wrong in (paths[::-1], [paths[0], paths[0]]):
        message = refusal(wrong)
        assert message.startswith(f"{paths[0]}: run 'a' starts over at tokens 524288 in row 1, after it had come to")
        assert message.endswith("leave one out, or give tables in the order written")


def test_runs_that_only_share_a_name_are_refused() -> None:
    inputs = {**INPUTS, "params": bs.Input("n")}
    small, large = log("1", 100).assign(n=1e8), log("1", 100, first=101).assign(n=1e9)
    message = refusal([small, large], inputs=inputs)
    assert message == "run '1' has params 100M in data frame 1, 1B in data frame 2; give runs names of their own"
    assert len(read([small, large.assign(n=1e8)], inputs=inputs)) == 200


def test_labels_that_are_numbers_in_one_table_and_text_in_another_are_text() -> None:
    runs = read([log().assign(run_id=7), log(first=401).assign(run_id="7"), log().assign(run_id="x")])
    assert list(runs.levels["run"]) == ["7", "x"]
    assert len(runs) == 1200


def test_tables_that_say_other_units_are_refused() -> None:
    one, two = log("a"), log("b")
    one.attrs, two.attrs = ({"units": {"tokens": unit, "lr": unit}} for unit in ("tokens", "billions of tokens"))
    message = refusal([one, two])
    assert message == (
        "data frame 2: column 'tokens' is in 'billions of tokens', in data frame 1 in 'tokens'; give both in one unit"
    )
    two.attrs = {"units": {"tokens": "tokens", "lr": "another, of a column that nothing reads"}}
    assert len(read([one, two])) == 800


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_tables_whose_ranges_lie_far_apart_are_refused(order: list[int], tmp_path: Path) -> None:
    tables = {"x": log("a"), "y": log("b"), "billions": log("c").assign(tokens=lambda of: of["tokens"] / 1e9)}
    paths = two_files(tmp_path, **tables)
    message = refusal([paths[i] for i in order])
    assert message.endswith("do they count in the same unit?")
    assert "column 'tokens' runs from 524288 to 209.7152M, in " in message
    assert f"in {paths[2]} from 5.24288e-4 to 0.2097152" in message
    near = log("c").assign(tokens=lambda of: of["tokens"] * 300)
    assert len(read([paths[0], paths[1], near])) == 1200


TEXT = """
[data]
run = "run_id"
curve = { along = "tokens", warmup = 2e6, skip = ["missing"] }

[data.inputs]
tokens = { column = "tokens", unit = "tokens", reference = 1e8 }

[law]
text = "level * tokens**-slope"

[parameters.level]
prior = { median = 3.0, factor = 2.0 }

[parameters.slope]
prior = { median = 0.1, factor = 3.0 }

[noise]
distribution = "normal"
sd = { median = 0.02, factor = 5.0 }
"""


def test_a_curve_reads_back_from_a_model_file() -> None:
    study = parse_study(TEXT, "mine.toml")
    assert study.columns.curve == Curve("tokens", 2e6, skip=("missing",))
    assert parse_study(study_text(study), "mine.toml").columns == study.columns
    fraction = parse_study(TEXT.replace("warmup = 2e6", "warmup_fraction = 0.05"), "mine.toml")
    assert fraction.columns.curve == Curve("tokens", warmup_fraction=0.05, skip=("missing",))
    assert parse_study(study_text(fraction), "mine.toml").columns == fraction.columns
    runs = study_runs(study, [log("a"), log("b")])
    assert runs.notes == ("warm-up: 6 rows with tokens below 2M left out",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("warmup", "warm_up", "data.curve.warm_up: no such key; did you mean 'warmup'?"),
        ("curve =", "curves =", "data.curves: no such key; did you mean 'curve'?"),
        ('["missing"]', '["mising"]', "data.curve.skip.0: Input should be 'missing' or 'spikes', not 'mising'"),
        ("2e6", "-1.0", "must be a positive number, not -1.0"),
        ("2e6", "1.0, warmup_fraction = 0.1", "data.curve: give either warmup or warmup_fraction"),
        ('along = "tokens"', 'along = "step"', "data: curve needs run, and an input along which a run is logged"),
    ],
)
def test_what_is_wrong_in_a_curve_is_said_with_its_key(old: str, new: str, said: str) -> None:
    with pytest.raises(bs.InputError) as error:
        parse_study(TEXT.replace(old, new), "mine.toml")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_fit_keeps_notes_and_counts(tmp_path: Path) -> None:
    study = parse_study(TEXT, "mine.toml")
    runs = study_runs(study, log().assign(scheduler=np.repeat(["x", "y"], 200))).thin(5)
    assert len(runs.notes) == 2
    draws = xr.Dataset({name: (("chain", "draw"), np.full((1, 2), 1.0)) for name in ("level", "slope", "noise_sd")})
    fit = bs.Fit(study.model, runs, xr.DataTree.from_dict({"posterior": draws}), bs.Settings(), None)
    again = bs.load(bs.save(fit, tmp_path / "fit.nc")).runs
    assert again.notes == runs.notes
    assert again.averaged == runs.averaged == runs.table["count"].sum()
    assert again.columns == runs.columns
    pd.testing.assert_frame_equal(again.table, runs.table)


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_line_shows_what_was_found(tmp_path: Path) -> None:
    model = tmp_path / "mine.toml"
    model.write_text(TEXT.replace("[data.inputs]", 'average = { along = "tokens", per_decade = 10.0 }\n[data.inputs]'))
    lost = log(rows=100, first=80)
    lost.loc[50, "loss"] = np.nan
    one, two = two_files(tmp_path, one=log(rows=100), two=lost)
    out = tmp_path / "out"
    code, said, _ = run("fit", model, "--runs", one, "--runs", two, "--out", out, "--draws", 400)
    assert code in (0, 3)
    notes = [line.removeprefix("note [log]: ") for line in said.splitlines() if line.startswith("note [log]: ")]
    assert [note.split()[0] for note in notes] == ["run", "column", "1", "warm-up:"]
    assert "averaged from 175" in said
    assert json.loads((out / "diagnostics.json").read_text())["notes"] == notes
    assert bs.load(out / "fit.nc").runs.notes == tuple(notes)
    assert bs.load(out / "fit.nc").runs.table["count"].sum() == 175


def test_the_command_line_refuses_a_missing_loss_in_one_line(tmp_path: Path) -> None:
    model = tmp_path / "mine.toml"
    model.write_text(TEXT.replace(', skip = ["missing"]', ""))
    lost = log()
    lost.loc[50, "loss"] = np.nan
    (path,) = two_files(tmp_path, one=lost)
    code, _, wrong = run("fit", model, "--runs", path, "--out", tmp_path / "out")
    assert code == 2
    assert wrong.count("\n") == 1
    assert wrong.startswith(f"error: {path}: column 'loss' is missing or not finite in 1 row of run 'a', the first is row 51")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("run", ["run_id", ("run_id", "seed")])
def test_half_a_million_rows_are_read_checked_and_thinned(run: str) -> None:
    frame = pd.concat([log(f"{i}", 50_000, i) for i in range(10)], ignore_index=True).assign(seed=0)
    runs = read(frame, run=run).thin()
    assert runs.table["count"].sum() == len(frame)


def test_of_a_wide_parquet_file_only_what_is_needed_is_read_and_errors_name_all(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    log().assign(**{f"metric_{i}": 0.0 for i in range(5)}).to_parquet(path)
    assert len(read(path)) == 400
    assert "'metric_4'" in refusal(path, response=bs.Response("perplexity"))
