"""Columns given to the roles of a study under other names, and what is suggested where one is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import refused, run

import bayes_scaling as bs
from bayes_scaling._base.filters import renamed_filter
from bayes_scaling.data.base_units import with_units
from bayes_scaling.data.columns import MeasurementError, Schedule
from bayes_scaling.data.roles.names import roles_of, with_columns
from bayes_scaling.data.table_conventions import read_fields
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.reading import read_study
from bayes_scaling.model.studies.study import study_for, study_runs

N, D = np.array([70.0, 160, 410, 1000]), np.array([2.0, 4.0, 8.0, 16.0])
SHEET = pd.DataFrame({"N": N, "D": D, "eval/loss": [3.9, 3.5, 3.1, 2.8]})


@pytest.mark.parametrize("name", bundled())
def test_the_roles_of_every_study_lead_to_the_columns_that_it_reads(name: str) -> None:
    columns = read_study(name).columns
    roles = roles_of(columns)
    assert columns.read >= set(roles.values())
    renamed = with_columns(columns, {role: f"the {column}" for role, column in roles.items()})
    assert set(roles_of(renamed).values()) == {f"the {column}" for column in roles.values()}
    again = with_columns(renamed, {f"the {column}": column for column in roles.values()})
    assert replace(again, conventions=columns.conventions, inputs=columns.inputs) == columns
    assert {name: one.column for name, one in again.inputs.items()} == {
        name: one.column for name, one in columns.inputs.items()
    }
    read = [getattr(renamed.conventions, name) for name in read_fields(columns)]
    assert not any(read)  # how the study's columns were counted says nothing of others


def test_a_study_reads_columns_of_other_names_and_units() -> None:
    given = study_for(
        read_study("chinchilla"), {"params": "N", "tokens": "D", "loss": "eval/loss"}, {"params": "M", "tokens": "B"}
    )
    runs = study_runs(given, SHEET)
    assert list(runs.table["params"]) == list(1e6 * N)
    assert list(runs.table["tokens"]) == list(1e9 * D)
    assert given.columns.where == "D > 0.45 * N"


def test_columns_can_change_places() -> None:
    columns = read_study("chinchilla").columns
    swapped = with_columns(columns, {"params": "tokens", "tokens": "params"})
    assert swapped.where == "params > 0.45 * tokens"
    assert swapped.inputs["tokens"].column == "params"


def test_every_role_moves_with_what_else_reads_its_column() -> None:
    columns = bs.Columns(
        {"tokens": bs.Input("tokens"), "fall": bs.Input("lr_fall", reference=1.0)},
        bs.Response("score", name="error"),
        groups={"variant": ("arch", "context")},
        run="run",
        measurement_error=MeasurementError("sem"),
        schedule=Schedule(along="tokens"),
        where="score < 5 and log(tokens) > 2 and arch != 'score'",
    )
    assert roles_of(columns) == {
        "tokens": "tokens",
        "loss": "score",
        "arch": "arch",
        "context": "context",
        "run": "run",
        "lr": "lr",
        "measurement_error": "sem",
    }
    said = {"tokens": "D", "loss": "eval/loss", "arch": "kind", "run": "id", "lr": "rate", "measurement_error": "se"}
    moved = with_columns(columns, said)
    assert moved.where == "`eval/loss` < 5 and log(D) > 2 and kind != 'score'"
    assert (moved.groups, moved.run) == ({"variant": ("kind", "context")}, "id")
    assert moved.schedule == Schedule(lr="rate", along="D")
    assert moved.measurement_error == MeasurementError("se")
    assert with_columns(columns, {"response": "x"}) == with_columns(columns, {"error": "x"})


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "params < 1": "N < 1",
        "`params` < 1": "N < 1",
        "log(params) < 1 and params_m > 2": "log(N) < 1 and params_m > 2",
        'kind == "params" or loss in [1, 2]': 'kind == "params" or `eval/loss` in [1, 2]',
        "log(log) < 1": "log(ln) < 1",
    }.items(),
)
def test_a_filter_is_renamed_outside_quotes_and_functions(text: str, expected: str) -> None:
    assert renamed_filter(text, {"params": "N", "loss": "eval/loss", "log": "ln"}) == expected


def test_a_missing_column_is_answered_with_the_options_to_type() -> None:
    with pytest.raises(bs.InputError) as refusal:
        bs.fit("chinchilla", SHEET)
    said = str(refusal.value)
    assert said.startswith("the data frame: no column 'params'; the table has ['N', 'D', 'eval/loss']; did you mean 'N'")
    assert "(--column params=N --column tokens=D --column loss=eval/loss)?" in said
    with pytest.raises(bs.InputError, match=r"--column 'loss=my loss'\)\?$"):
        bs.fit("chinchilla", SHEET.rename(columns={"N": "params", "D": "tokens", "eval/loss": "my loss"}))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"parms": "N"}, "no role 'parms' for a column; the study has ['loss', 'params', 'tokens']"),
        ({"params": "N", "loss": "a", "response": "b"}, "column 'loss' of the study is given as 'a' and as 'b'"),
    ],
)
def test_roles_that_a_study_lacks_and_two_columns_for_one_are_refused(columns: dict[str, str], expected: str) -> None:
    with pytest.raises(bs.InputError) as refusal:
        bs.fit("chinchilla", SHEET, columns=columns)
    assert expected in str(refusal.value)


def test_columns_and_units_are_of_tables_not_of_runs_that_were_read() -> None:
    runs = study_runs(read_study("moba_vs_full"))
    with pytest.raises(bs.InputError, match="know theirs"):
        bs.fit("moba_vs_full", runs, columns={"loss": "x"})
    with pytest.raises(bs.InputError, match="know theirs"):
        bs.prior(read_study("moba_vs_full").model, SHEET, units={"loss": "bits/byte"})


def test_the_prior_takes_columns_and_units_too() -> None:
    said = {"params": "N", "tokens": "D", "loss": "eval/loss"}
    before = bs.prior("chinchilla", SHEET, 10, columns=said, units={"params": "M", "tokens": "B"})
    assert before.runs.table["params"].max() == 1e9


@pytest.mark.parametrize("command", ["fit", "prior", "backtest", "compare", "multiverse"])
def test_commands_take_columns_as_options(command: str, tmp_path: Path) -> None:
    table = f"{tmp_path}/runs.csv"
    SHEET.to_csv(table, index=False)
    more = ["--at", table] if command == "multiverse" else []
    names = ["chinchilla", "chinchilla_law"] if command == "compare" else ["chinchilla"]
    refused(run(command, *names, "--runs", table, *more), "no column 'params'", "--column loss=eval/loss")
    refused(run(command, *names, "--runs", table, *more, "--column", "N"), "--column N: expected ROLE=COLUMN")
    refused(run(command, *names, "--runs", table, *more, "--column", "arch=N"), "no role 'arch'", "'tokens'")
    twice = ["--column", "params=N", "--column", "params=D"]
    refused(run(command, *names, "--runs", table, *more, *twice), "params is given as 'N' already")
    refused(run(command, *names, "--runs", table, *more, "--column", "params=M"), "no column 'M'")


def test_a_fit_by_options_runs(tmp_path: Path) -> None:
    table = f"{tmp_path}/runs.csv"
    SHEET.to_csv(table, index=False)
    names = ["--column", "params=N", "--column", "tokens=D", "--column", "loss=eval/loss"]
    done = run(
        "prior", "chinchilla", "--runs", table, *names, "--unit", "params=M", "--unit", "tokens=B", "--out", f"{tmp_path}/out"
    )
    assert done.exit_code == 0, done.output
    assert "4 rows of" in done.output


def test_a_response_called_after_its_column_follows_it_and_a_loss_stays_one() -> None:
    named = bs.Columns({"x": bs.Input("x")}, bs.Response("y", unit="", name="y"))
    assert with_columns(named, {"y": "top1_error"}).response.name == "top1_error"
    called = bs.Columns({"x": bs.Input("x")}, bs.Response("y", unit="", name="error rate"))
    assert with_columns(called, {"y": "top1_error"}).response.name == "error rate"
    loss = bs.Columns({"x": bs.Input("x")})
    assert with_columns(loss, {"loss": "eval/loss"}).response.name == "loss"


def test_a_curve_is_named_by_the_columns_of_its_study() -> None:
    table = pd.DataFrame({"run_id": ["a", "b"], "step": [1.0, 2.0], "val_loss": [3.0, 2.0]})
    with pytest.raises(bs.InputError, match=r"no column 'x'.* \(--column x=step --column y=val_loss\)\?$"):
        bs.read_runs(table, bs.read_study("learning_curve").columns)


@pytest.mark.parametrize("unit", ["parameters", "M parameters", "B parameters"])
@pytest.mark.parametrize(("column", "one"), [("params_m", 1e6), ("params (B)", 1e9), ("n_params_millions", 1e6)])
def test_a_renamed_column_counts_in_the_unit_that_its_name_says(unit: str, column: str, one: float) -> None:
    columns = with_columns(bs.Columns({"params": bs.Input("N", unit)}, where="N < 5e12"), {"params": column})
    runs = bs.read_runs(pd.DataFrame({column: [3e7 / one, 1e9 / one], "loss": [3.2, 2.9]}), columns)
    assert runs.table["params"].tolist() == pytest.approx([3e7, 1e9])
    assert any(f"column {column!r} counts in" in note and "as its name says" in note for note in runs.notes)


def test_a_unit_that_is_given_is_held_against_what_the_name_says() -> None:
    columns = with_columns(bs.Columns({"params": bs.Input("N", "B parameters")}), {"params": "params_m"})
    runs = bs.read_runs(pd.DataFrame({"params_m": [0.3, 1.0], "loss": [3.2, 2.9]}), with_units(columns, {"params": "B"}))
    assert runs.table["params"].tolist() == [3e8, 1e9]
    assert "the name of column 'params_m' says M parameters, and its unit is given as B parameters" in runs.notes[0]
    days = with_columns(bs.Columns({"compute": bs.Input("C", "FLOP")}), {"compute": "compute (PF-days)"})
    assert days.inputs["compute"].counts == pytest.approx(8.64e19)
    assert with_columns(days, {"compute": "flops"}).inputs["compute"].factor == 1.0
    tokens = with_columns(bs.Columns({"params": bs.Input("N", "M parameters")}), {"params": "tokens_b"})
    assert tokens.inputs["params"].counts is None  # tokens are no parameters, whatever is meant


@pytest.mark.parametrize(
    ("study", "column", "unit"), [("bits/byte", "nats_per_byte", "nats/byte"), ("nats/token", "val_bpb", "bits/byte")]
)
def test_a_renamed_loss_is_in_the_unit_that_its_name_says(study: str, column: str, unit: str) -> None:
    columns = bs.Columns({"params": bs.Input("N")}, bs.Response("loss", study))
    assert with_columns(columns, {"loss": column}).response.unit == unit
    assert with_columns(columns, {"loss": "eval/loss"}).response.unit == study
    assert with_columns(columns, {"loss": "ppl"}).response.perplexity
    other = bs.Columns({"params": bs.Input("N")}, bs.Response("latency", "ms"))
    assert with_columns(other, {"latency": "val_bpb"}).response.unit == "ms"


def test_logarithms_of_counts_are_no_counts() -> None:
    table = pd.DataFrame({"log10_params": np.log10(1e6 * N), "tokens": 1e9 * D, "loss": [3.9, 3.5, 3.1, 2.8]})
    with pytest.raises(bs.InputError, match=r"'log10_params' holds logarithms: add a column of params, 10\*\*log10_params"):
        study_runs(read_study("chinchilla"), table)
    assert "params" not in bs.propose_study(table).roles.roles


@pytest.mark.parametrize("cell", ["~30M", "300,00,000"])
def test_counts_that_are_not_understood_are_no_group(cell: str) -> None:
    table = pd.DataFrame({"params": [cell, cell, "~80M", "~80M"], "tokens": 1e9 * D, "loss": [3.9, 3.5, 3.1, 2.8]})
    found = bs.propose_study(table)
    assert not found.roles.groups
    assert any(f"'params' is called as params is, but row 1 has {cell!r}" in one.text for one in found.questions)


def test_units_stand_before_tokens_and_behind_losses() -> None:
    table = pd.DataFrame({"params [millions]": N, "Gtok": D, "loss [bits/token]": [5.6, 5.0, 4.5, 4.0]})
    roles = bs.propose_study(table).roles.roles
    assert {name: one.unit for name, one in roles.items()} == {
        "params": "M parameters",
        "tokens": "B tokens",
        "loss": "bits/token",
    }
    columns = bs.Columns({"tokens": bs.Input("tokens (Mi)")})
    binary = bs.read_runs(pd.DataFrame({"tokens (Mi)": [1024.0], "loss": [3.0]}), columns)
    assert binary.table.loc[0, "tokens"] == 2.0**30
